//! Many runs at once: all end, no more sandboxes than allowed, each namespace has its turn, the operator stays small, and
//! at rest it writes nothing. `make scale` does it with 500 runs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says by panicking what is wrong, and prints what it measured"
)]

#[path = "../benches/e2e/node.rs"]
#[allow(dead_code, reason = "the bench uses the rest of it")]
mod node;
mod support;

use std::time::{Duration, Instant};
use stratbox::crd::StrategyRun;
use support::{Class, Namespace, block_on, cluster, is_finished, kubectl, namespace, reason, run_yaml};

const HOLD: &str = "def strategy(data):\n    return data['close'] > 0\n";
/// Sandboxes at the same time.
const PLACES: usize = 6;
/// Runs of the second namespace, which come last.
const GUESTS: usize = 4;

/// A number from the environment.
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is no number")))
}

fn apply_many(home: &Namespace, count: usize, more: &str) {
    let all: Vec<String> = (0..count).map(|number| run_yaml(&format!("run-{number}"), HOLD, more)).collect();
    home.apply(&all.join("---\n"));
}

fn runs(home: &Namespace) -> Vec<StrategyRun> {
    block_on(home.runs().list(&kube::api::ListParams::default())).unwrap().items
}

fn sandboxes(class: &str) -> usize {
    let listed = kubectl(&[
        "get",
        "pods",
        "-A",
        "-l",
        &format!("stratbox.dev/class={class}"),
        "--field-selector=status.phase=Running",
        "-o",
        "jsonpath={range .items[*]}{.metadata.deletionTimestamp}{\",\"}{end}",
    ]);
    listed.split(',').filter(|gone| gone.is_empty()).count().saturating_sub(1)
}

#[test]
fn many_runs_at_once_all_end_and_the_rest_is_silence() {
    let count = usize::try_from(setting("STRATBOX_SCALE", 24)).unwrap();
    let silence = Duration::from_secs(setting("STRATBOX_SILENCE", 20));
    let (crowd, guest) = (namespace("many"), namespace("few"));
    let name = format!("{}-scale", crowd.name);
    let _class = Class::new(&name, &format!("  maxConcurrentSandboxes: {PLACES}\n"));
    // A deadline that most of them wait longer for than it lasts, as a queue has no clock.
    let more = format!(
        "  dataset: {{name: us-stocks, symbols: [AAPL]}}\n  className: {name}\n  cachePolicy: Never\n  checks: {{lookahead: \"Off\", determinism: \"Off\"}}\n"
    );
    let before = node::operator_rss();
    let started = Instant::now();
    apply_many(&crowd, count, &more);
    apply_many(&guest, GUESTS, &more);
    let (mut most, mut peak, mut left) = (0, before.unwrap_or_default(), None);
    loop {
        most = most.max(sandboxes(&name));
        peak = peak.max(node::operator_rss().unwrap_or_default());
        let rest = runs(&crowd).iter().filter(|run| !is_finished(run)).count();
        if left.is_none() && runs(&guest).iter().all(is_finished) {
            left = Some(rest);
        }
        if rest == 0 && left.is_some() {
            break;
        }
        let patience = Duration::from_secs(120 + 6 * count as u64);
        assert!(started.elapsed() < patience, "{rest} of {count} runs have not ended");
        std::thread::sleep(Duration::from_millis(300));
    }
    let took = started.elapsed();
    for run in runs(&crowd).iter().chain(&runs(&guest)) {
        let status = run.status.as_ref().unwrap();
        assert_eq!((reason(run), status.attempts.len()), ("Succeeded", 1), "{status:?}");
    }
    // What is still to be deleted or told is waited for; then nothing may be written.
    std::thread::sleep(Duration::from_secs(5));
    let audit = node::Audit::begin(&node::cluster_env());
    std::thread::sleep(silence);
    let at_rest = audit.map(|audit| {
        [&crowd, &guest]
            .map(|home| audit.writes(&cluster().namespace, &home.name).unwrap())
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
    });
    println!(
        "{count} + {GUESTS} runs in {:.0} s; at most {most} sandboxes of {PLACES}; {left:?} of the crowd were left when the \
         last guest had ended; operator {before:.1?} MiB before, {peak:.1} at most, {:.1?} afterwards; writes in {} s at rest: {at_rest:?}",
        took.as_secs_f64(),
        node::operator_rss(),
        silence.as_secs()
    );
    assert!((1..=PLACES).contains(&most), "{most} sandboxes at the same time");
    assert!(left > Some(0), "the guests came last");
    assert!(at_rest.is_none_or(|writes| writes.is_empty()));
}
