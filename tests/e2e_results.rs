//! What a result is worth, on the real cluster: checks, acceptance, equal runs, artifacts, required layers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

mod support;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use std::io::Read as _;
use std::time::Duration;
use stratbox::crd::{StrategyRun, StrategyRunStatus, Verdict};
use stratbox::wire::{CheckResult, Metrics};
use support::{
    Namespace, PATIENCE, apply, block_on, cluster, condition, is_finished, namespace, reason, root, run_yaml,
};

const HONEST: &str = "
def strategy(data):
    close = data['close']
    return close > close.rolling(50).mean()
";

const APPLE: &str = "  dataset: {name: us-stocks, symbols: [AAPL]}\n";

fn status(run: &StrategyRun) -> &StrategyRunStatus {
    run.status.as_ref().unwrap()
}

fn metrics(run: &StrategyRun) -> Metrics {
    status(run).metrics.unwrap_or_else(|| panic!("no metrics: {:?}", status(run).conditions))
}

fn assert_ready(run: &StrategyRun, wanted: (&str, &str), words: &[&str]) {
    let (status, reason, message) = condition(run, "Ready").unwrap();
    assert_eq!((status, reason), wanted, "{message}");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
}

fn program(path: &str) -> String {
    std::fs::read_to_string(root().join("tests/strategies").join(path)).unwrap()
}

#[test]
fn an_honest_strategy_passes_the_checks_that_nobody_asked_for() {
    let home = namespace("checks");
    let run = home.finish("honest", HONEST, APPLE);
    assert_ready(&run, ("True", "Succeeded"), &["Sharpe ratio"]);
    let checks = status(&run).checks.clone().unwrap();
    let lookahead = checks.lookahead.unwrap();
    assert_eq!((lookahead.result, lookahead.cuts_tried), (CheckResult::Passed, 2));
    assert_eq!(checks.determinism.unwrap().result, CheckResult::Passed);
    assert!(condition(&run, "LookaheadFree").is_none() && condition(&run, "Deterministic").is_none());
    assert!(status(&run).durations.unwrap().checks_ms.is_some());
    let resolved = status(&run).provenance.clone().unwrap().resolved.unwrap().checks;
    assert_eq!((resolved.cuts, resolved.deadline_seconds), (Some(2), Some(60)));
}

#[test]
fn a_look_into_the_future_is_a_condition_or_the_end() {
    let home = namespace("lookahead");
    let code = program("lookahead/shift_back.py");
    let warned = home.finish("warned", &code, APPLE);
    assert_ready(&warned, ("True", "Succeeded"), &["look-ahead", "AAPL"]);
    let (is, why, _) = condition(&warned, "LookaheadFree").unwrap();
    assert_eq!((is, why), ("False", "LookaheadDetected"));
    assert!(status(&warned).metrics.is_some());
    let found = status(&warned).checks.clone().unwrap().lookahead.unwrap();
    let difference = found.difference.unwrap();
    assert!(difference.cut.is_some_and(|cut| difference.date <= cut), "{}", difference.date);

    let enforced = home.finish("enforced", &code, &format!("{APPLE}  checks: {{lookahead: Enforce}}\n"));
    let found = status(&enforced).checks.clone().unwrap().lookahead.unwrap().difference.unwrap();
    let words = [found.date.as_str(), found.symbol.as_str(), "shift"];
    assert_ready(&enforced, ("False", "LookaheadDetected"), &words);
    assert_eq!((found.symbol.as_str(), status(&enforced).metrics), ("AAPL", None));
    assert!(condition(&enforced, "Stalled").is_some());
}

#[test]
fn chance_is_a_condition_or_the_end() {
    let home = namespace("chance");
    let code = program("nondeterministic/unseeded.py");
    let warned = home.finish("warned", &code, APPLE);
    assert_ready(&warned, ("True", "Succeeded"), &["not deterministic"]);
    assert_eq!(condition(&warned, "Deterministic").unwrap().0, "False");
    let enforced = home.finish("enforced", &code, &format!("{APPLE}  checks: {{determinism: Enforce}}\n"));
    assert_ready(&enforced, ("False", "NotDeterministic"), &["AAPL", "seed"]);
    assert_eq!(status(&enforced).metrics, None);
}

#[test]
fn acceptance_is_judged_and_judged_again() {
    let home = namespace("accept");
    let more = |text: &str, on_reject: &str| {
        format!("{APPLE}  acceptance: {{expressions: [\"{text}\"], onReject: {on_reject}}}\n")
    };
    let run = home.finish("judged", HONEST, &more("metrics.days > 100", "Report"));
    assert_ready(&run, ("True", "Succeeded"), &["accepted"]);
    let first = status(&run).clone();
    assert_eq!(first.verdict, Some(Verdict::Accepted));
    let again = |generation: i64, text: &str, on_reject: &str| {
        home.apply(&run_yaml("judged", HONEST, &more(text, on_reject)));
        let run = home.wait_until(
            "judged",
            |run| run.metadata.generation == Some(generation) && is_finished(run),
            PATIENCE,
        );
        assert_eq!(status(&run).completion_time, first.completion_time, "not run again");
        run
    };
    let run = again(2, "metrics.sharpeRatio > 50", "Report");
    assert_ready(
        &run,
        ("True", "Succeeded"),
        &["not accepted: metrics.sharpeRatio > 50", "metrics.sharpeRatio is"],
    );
    assert_eq!(status(&run).verdict, Some(Verdict::Rejected));
    let run = again(3, "metrics.alpha > 0.0", "Fail");
    assert_ready(&run, ("False", "AcceptanceFailed"), &["metrics.alpha is absent"]);
    assert_eq!(metrics(&run), first.metrics.unwrap(), "the metrics stay");
    let run = again(4, "metrics.sharpeRatio > -50", "Fail");
    assert_ready(&run, ("True", "Succeeded"), &["accepted"]);

    let bad = home.finish("bad", HONEST, &more("metrics.sharpe > 1", "Report"));
    assert_ready(&bad, ("False", "InvalidSpec"), &["spec.acceptance.expressions[0]", "sharpeRatio"]);
    assert!(status(&bad).attempts.is_empty(), "no sandbox");
    home.apply(&run_yaml("bad", HONEST, &more("metrics.days > 1", "Report")));
    let good = home.wait_until("bad", |run| run.metadata.generation == Some(2) && is_finished(run), PATIENCE);
    assert_eq!(status(&good).verdict, Some(Verdict::Accepted), "a correction is taken");
}

#[test]
fn an_equal_run_answers_unless_told_not_to() {
    let home = namespace("cache");
    let first = home.finish("first", HONEST, APPLE);
    assert_ready(&first, ("True", "Succeeded"), &[]);
    let second = home.finish("second", HONEST, APPLE);
    assert_ready(&second, ("True", "CacheHit"), &["\"first\""]);
    let (one, two) =
        (status(&first).provenance.clone().unwrap(), status(&second).provenance.clone().unwrap());
    assert_eq!((metrics(&second), &two.fingerprint), (metrics(&first), &one.fingerprint));
    assert_eq!(two.cached_from.as_deref(), Some("first"));
    assert!(status(&second).attempts.is_empty(), "no sandbox");
    assert_eq!(status(&second).checks, status(&first).checks);
    let third = home.finish("third", HONEST, &format!("{APPLE}  cachePolicy: Never\n"));
    assert_ready(&third, ("True", "Succeeded"), &[]);
    assert_eq!((metrics(&third), status(&third).attempts.len()), (metrics(&first), 1));
    let other = home.finish("other", HONEST, &format!("{APPLE}  execution: {{lag: 2}}\n"));
    assert_ready(&other, ("True", "Succeeded"), &[]);
    let elsewhere = namespace("cache").finish("first", HONEST, APPLE);
    assert_ready(&elsewhere, ("True", "Succeeded"), &[]);
}

/// An artifact's text, its hash checked.
fn artifact(home: &Namespace, run: &StrategyRun, name: &str) -> String {
    let there = status(run).artifacts.iter().find(|artifact| format!("{:?}", artifact.name) == name).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(cluster().client.clone(), &home.name);
    let map = block_on(maps.get(&there.config_map)).unwrap();
    let owner = &map.metadata.owner_references.unwrap()[0];
    assert_eq!((&owner.uid, owner.block_owner_deletion), (run.metadata.uid.as_ref().unwrap(), None));
    let bytes = &map.binary_data.unwrap()[&there.key].0;
    let hash = stratbox::wire::sha256_hex(bytes);
    assert_eq!(hash, there.sha256);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn artifacts_agree_with_the_metrics() {
    let home = namespace("artifacts");
    let more = format!("{APPLE}  artifacts: [EquityCurve, Trades]\n  execution: {{initialCash: \"500\"}}\n");
    let run = home.finish("curve", HONEST, &more);
    assert_ready(&run, ("True", "Succeeded"), &[]);
    let there = metrics(&run);
    let curve = artifact(&home, &run, "EquityCurve");
    let mut lines = curve.lines();
    assert_eq!(lines.next(), Some("date,return,equity"));
    let last = lines.next_back().unwrap();
    let equity: f64 = last.rsplit(',').next().unwrap().parse().unwrap();
    let total = equity / 500.0 - 1.0;
    assert!((total - there.total_return.unwrap()).abs() < 1e-6, "{total} {there:?}");
    assert_eq!(curve.lines().count() as u64, there.days.unwrap() + 1);
    let trades = artifact(&home, &run, "Trades");
    assert_eq!(trades.lines().next(), Some("symbol,opened,closed,holdingDays,pnl"));
    assert_eq!(trades.lines().count() as u64, there.trades.unwrap() + 1);
    // An equal run without them would not do; one with them does.
    let plain = home.finish("plain", HONEST, &format!("{APPLE}  execution: {{initialCash: \"500\"}}\n"));
    assert_ready(&plain, ("True", "CacheHit"), &[]);
    assert!(status(&plain).artifacts.is_empty());
    let name = &status(&run).artifacts[0].config_map;
    home.kubectl(&["delete", "strategyrun", "curve"]);
    let gone = |_: usize| {
        std::thread::sleep(Duration::from_millis(500));
        !home.kubectl(&["get", "configmaps", "-o", "name"]).contains(name.as_str())
    };
    assert!((0..60).any(gone), "it goes with its run");
}

#[test]
fn a_class_may_require_layers_that_are_there() {
    let home = namespace("require");
    let cluster = cluster();
    let class = format!("{}-strict", home.name);
    apply("default", &format!(
        "apiVersion: stratbox.dev/v1alpha1\nkind: SandboxClass\nmetadata: {{name: {class}}}\nspec:\n  image: {}\n  require: [Stage2, Landlock]\n  datasets:\n  - name: us-stocks\n    image: {{reference: \"{}\"}}\n",
        cluster.sandbox_image, cluster.dataset_image
    )).unwrap();
    let run = home.finish("strict", HONEST, &format!("{APPLE}  className: {class}\n"));
    support::tool("kubectl", &["delete", "sandboxclass", &class, "--wait=false"], "");
    assert_eq!(reason(&run), "Succeeded", "{:?}", status(&run).conditions);
    let isolation = status(&run).provenance.clone().unwrap().isolation.unwrap();
    assert!(isolation.stage2 && isolation.landlock_abi.is_some());
}
