//! A pool in use for long: run after run takes one of its sandboxes, each of those serves once, and nothing is left.
//! `make endurance` does it with 1,000 runs.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says by panicking what is wrong, and prints what it measured"
)]

#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/stand.rs"]
mod stand;
mod support;

use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt as _};
use stand::Stand;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use stratbox::crd::{SandboxPool, StrategyRun};
use stratbox::sandbox::is_claimed;
use support::{Namespace, PATIENCE, block_on, cluster, is_finished, namespace, reason, run_yaml};

const CODE: &str = "def strategy(data):\n    return data['close'] > data['close'].rolling(20).mean()\n";
const PLAIN: &str = "  dataset: {name: us-stocks, symbols: [AAPL]}\n  cachePolicy: Never\n  checks: {lookahead: \"Off\", determinism: \"Off\"}\n";
const POOL: &str = "pool";
/// From the start of one run to that of the next: a pool of four has replaced a sandbox by then, where nothing else is in its
/// way.
const PACE: Duration = Duration::from_millis(1100);

/// One of these needs the release's operator, the other one puts it to rest.
static TURN: Mutex<()> = Mutex::new(());

/// How many runs, one after the other.
fn in_a_row() -> usize {
    std::env::var("STRATBOX_IN_A_ROW").map_or(20, |text| text.parse().expect("STRATBOX_IN_A_ROW: a number"))
}

fn fill(home: &Namespace, replicas: u32) {
    home.apply(&format!(
        "apiVersion: stratbox.dev/v1alpha1\nkind: SandboxPool\nmetadata: {{name: {POOL}}}\nspec: {{className: default, replicas: {replicas}}}\n"
    ));
    until_full(home, replicas);
}

fn until_full(home: &Namespace, replicas: u32) {
    let pools: Api<SandboxPool> = Api::namespaced(cluster().client.clone(), &home.name);
    let started = Instant::now();
    loop {
        let status = block_on(pools.get(POOL)).unwrap().status.unwrap_or_default();
        if (status.ready_replicas, status.claimed_replicas) == (replicas, 0) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "the pool does not fill up: {status:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Claims that the release's operator has won and lost since it started.
fn claims() -> (u64, u64) {
    let text = support::operator_metrics();
    let of = |result: &str| {
        let head = format!("stratbox_claims_total{{result=\"{result}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&head)?.parse().ok()).unwrap_or(0)
    };
    (of("Taken"), of("Lost"))
}

/// The names of the sandboxes of all attempts.
fn pods_of(runs: &[StrategyRun]) -> Vec<String> {
    let attempts = runs.iter().flat_map(|run| &run.status.as_ref().unwrap().attempts);
    attempts.map(|attempt| attempt.pod_name.clone()).collect()
}

/// The sandboxes of all attempts, and whose they are; each is one run's.
fn users(runs: &[StrategyRun]) -> BTreeMap<String, String> {
    let mut users = BTreeMap::new();
    for run in runs {
        for attempt in &run.status.as_ref().unwrap().attempts {
            let uid = attempt.pod_uid.clone().unwrap_or_default();
            let other = users.insert(uid.clone(), run.name_any());
            assert_eq!(other, None, "sandbox {uid} has served two runs, one of them {}", run.name_any());
        }
    }
    users
}

/// Containers started in the sandboxes of all attempts, by the kubelet's word, which may come some time after the runs' ends.
fn containers_of(home: &Namespace, runs: &[StrategyRun]) -> i32 {
    let (pods, started) = (pods_of(runs), Instant::now());
    loop {
        let containers = home.containers_started(&pods);
        if usize::try_from(containers).is_ok_and(|count| count >= pods.len()) || started.elapsed() > PATIENCE
        {
            return containers;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn each_of_many_runs_in_a_row_has_a_sandbox_of_its_own_and_none_is_left() {
    const SIZE: u32 = 4;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let home = namespace("endurance");
    fill(&home, SIZE);
    let (count, before) = (in_a_row(), claims());
    let (mut runs, mut containers, mut last) = (Vec::<StrategyRun>::new(), 0, Instant::now());
    let mut counted = 0;
    for turn in 0..count {
        let begun = Instant::now();
        let name = format!("run-{turn}");
        let run: StrategyRun = serde_saphyr::from_str(&run_yaml(&name, CODE, PLAIN)).unwrap();
        block_on(home.runs().create(&PostParams::default(), &run)).unwrap();
        runs.push(home.wait_finished(&name));
        std::thread::sleep(PACE.saturating_sub(begun.elapsed()));
        // Events do not stay for ever.
        if turn % 100 == 99 || turn + 1 == count {
            containers += containers_of(&home, &runs[counted..]);
            counted = runs.len();
            println!(
                "{} of {count} runs, the last of them in {:.1} s",
                turn + 1,
                last.elapsed().as_secs_f64()
            );
            last = Instant::now();
        }
    }
    let after = claims();
    let warm = |run: &&StrategyRun| run.last_attempt().is_some_and(|attempt| attempt.warm);
    let cold: BTreeSet<_> = runs
        .iter()
        .filter(|run| !warm(run))
        .filter_map(|run| run.last_attempt()?.cold_reason.clone())
        .collect();
    println!(
        "{count} runs in a row on a pool of {SIZE}: {} warm, the others cold as {cold:?}; {} claims won, {} lost",
        runs.iter().filter(warm).count(),
        after.0 - before.0,
        after.1 - before.1
    );
    for run in &runs {
        assert_eq!(
            (reason(run), run.status.as_ref().unwrap().attempts.len()),
            ("Succeeded", 1),
            "{:?}",
            run.status
        );
    }
    assert!(runs.iter().any(|run| warm(&run)), "the pool has served nobody");
    assert_eq!(users(&runs).len(), count);
    assert_eq!(usize::try_from(containers).unwrap(), count, "containers started");
    until_full(&home, SIZE);
    // A deletion takes its time.
    let patience = Instant::now();
    while !home.pods(is_claimed).is_empty() && patience.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!((home.pods(is_claimed).len(), home.pods(|_| true).len()), (0, 4), "pods are left");
}

/// More than one operator is no way to run it; but while a node is out of reach, its old one may still be at work.
#[test]
fn two_operators_on_one_pool_use_each_sandbox_once() {
    const RUNS: usize = 24;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let stand = Stand::new("rivals");
    let home = &stand.home;
    fill(home, 6);
    let rival = stand.rival();
    // Whose claims meet those of the other.
    let yaml: Vec<String> = (0..RUNS).map(|turn| run_yaml(&format!("run-{turn}"), CODE, PLAIN)).collect();
    home.apply(&yaml.join("---\n"));
    for turn in 0..RUNS {
        home.wait_until(&format!("run-{turn}"), is_finished, PATIENCE);
    }
    let runs = block_on(home.runs().list(&ListParams::default())).unwrap().items;
    let both = [stand.log(), rival.log()].map(|log| log.matches("reconciled").count());
    assert!(both.iter().all(|count| *count >= RUNS), "one of them has done nothing: {both:?}");
    let used = users(&runs);
    for pod in pods_of(&runs) {
        assert_eq!(home.containers_started(std::slice::from_ref(&pod)), 1, "{pod}");
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for run in &runs {
        *reasons.entry(reason(run)).or_default() += 1;
    }
    println!(
        "two operators, {RUNS} runs on a pool of 6: {reasons:?}, {} sandboxes, each used once",
        used.len()
    );
    assert_eq!(reasons, BTreeMap::from([("Succeeded", RUNS)]));
}
