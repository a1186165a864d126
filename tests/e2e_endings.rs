//! Ends of runs on the real cluster, each with the reason and the words that tell a person what to do next.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

mod support;

use std::time::Duration;
use stratbox::crd::{RunPath, StrategyRun};
use support::{Class, Namespace, PATIENCE, busy, condition, is_finished, namespace, reason, run_yaml};

const HOLD: &str = "def strategy(data):\n    return data['close'] > 0\n";

/// About ten seconds of computing on half a CPU.
const BUSY: u32 = 12_000;

fn assert_ends(run: &StrategyRun, expected: &str, words: &[&str]) {
    let (status, reason, message) = condition(run, "Ready").unwrap();
    assert_eq!(
        (status, reason),
        (if expected == "Succeeded" { "True" } else { "False" }, expected),
        "{message}"
    );
    for word in words {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
    assert_eq!(condition(run, "Stalled").is_some(), expected != "Succeeded");
    assert!(condition(run, "Reconciling").is_none());
}

fn path(run: &StrategyRun) -> Option<RunPath> {
    run.status.as_ref().unwrap().path
}

/// Waits for an intermediate reason, which a fast cluster may already have left behind only if the run has ended.
fn wait_reason(home: &Namespace, run: &str, wanted: &str) -> StrategyRun {
    home.wait_until(run, |run| reason(run) == wanted, PATIENCE)
}

#[test]
fn results_that_are_no_positions_are_named() {
    let home = namespace("invalid");
    let text = home.finish("text", "def strategy(data):\n    return 'buy'\n", "");
    assert_ends(&text, "InvalidResult", &[]);
    let series = "def strategy(data):\n    return data['close'].iloc[:, 0] > 0\n";
    let run = home.finish("series", series, "  dataset: {name: us-stocks, symbols: [AAPL, IBM]}\n");
    assert_ends(&run, "InvalidResult", &[]);
    let infinite = "def strategy(data):\n    return data['close'] / 0.0\n";
    assert_ends(&home.finish("infinite", infinite, ""), "InvalidResult", &[]);
}

#[test]
fn a_missing_symbol_lists_those_there_are() {
    let home = namespace("symbol");
    let run = home.finish("nvda", HOLD, "  dataset: {name: us-stocks, symbols: [AAPL, NVDA]}\n");
    assert_ends(&run, "InvalidSpec", &["spec.dataset.symbols", "NVDA", "AAPL", "MSFT"]);
    let run = home.finish("bench", HOLD, "  benchmark: SPY\n");
    assert_ends(&run, "InvalidSpec", &["spec.benchmark", "SPY", "IBM"]);
    let run = home.finish("window", HOLD, "  dataset: {name: us-stocks, start: \"2020-01-01\"}\n");
    assert_ends(&run, "InvalidSpec", &["spec.dataset", "2013-03-01"]);
}

#[test]
fn an_unknown_dataset_lists_those_of_the_class() {
    let home = namespace("dataset");
    let run = home.finish("eu", HOLD, "  dataset: {name: eu-stocks}\n  schedulingDeadlineSeconds: 2\n");
    assert_ends(&run, "DatasetNotFound", &["spec.dataset.name", "eu-stocks", "us-stocks"]);
    // One more in the class's list, without an image: so it ought to be part of the class's own.
    let class = Class::new(&format!("{}-more", home.name), "  - name: eu-stocks\n");
    let run =
        home.finish("part", HOLD, &format!("  className: {}\n  dataset: {{name: eu-stocks}}\n", class.0));
    assert_ends(
        &run,
        "DatasetNotFound",
        &["/datasets/eu-stocks/manifest.json is not there", "spec.datasets"],
    );
}

#[test]
fn a_class_that_comes_later_is_taken() {
    let home = namespace("class");
    let name = format!("{}-late", home.name);
    home.apply(&run_yaml("early", HOLD, &format!("  className: {name}\n  schedulingDeadlineSeconds: 60\n")));
    let waiting = wait_reason(&home, "early", "ClassNotFound");
    assert!(!is_finished(&waiting) && condition(&waiting, "Reconciling").is_some());
    let _class = Class::new(&name, "");
    assert_ends(&home.wait_finished("early"), "Succeeded", &[]);
}

#[test]
fn a_class_that_never_comes_ends_the_run() {
    let home = namespace("noclass");
    let run = home.finish("never", HOLD, "  className: no-such-class\n  schedulingDeadlineSeconds: 2\n");
    assert_ends(&run, "ClassNotFound", &["spec.className", "no-such-class", "create it"]);
}

#[test]
fn code_from_a_config_map_is_waited_for_read_and_checked() {
    let home = namespace("codefrom");
    let run = |name: &str, key: &str, more: &str| {
        format!(
            "apiVersion: stratbox.dev/v1alpha1\nkind: StrategyRun\nmetadata: {{name: {name}}}\nspec:\n  dataset: {{name: us-stocks}}\n  schedulingDeadlineSeconds: 60\n  codeFrom:\n    configMapKeyRef: {{name: s42, key: {key}}}\n{more}"
        )
    };
    home.apply(&run("from", "strategy.py", ""));
    wait_reason(&home, "from", "CodeNotFound");
    let code: String = HOLD.lines().fold(String::new(), |all, line| all + "    " + line + "\n");
    home.apply(&format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: s42}}\ndata:\n  strategy.py: |\n{code}"
    ));
    let sha = "0".repeat(64);
    home.apply(&run("differs", "strategy.py", &format!("    sha256: \"{sha}\"\n")));
    assert_ends(&home.wait_finished("differs"), "InvalidSpec", &["spec.codeFrom.sha256", &sha]);
    assert_ends(&home.wait_finished("from"), "Succeeded", &[]);
}

#[test]
fn a_slow_strategy_ends_at_its_deadline() {
    let home = namespace("deadline");
    let run = home.finish("slow", &busy(BUSY), "  activeDeadlineSeconds: 3\n");
    assert_ends(&run, "DeadlineExceeded", &["activeDeadlineSeconds"]);
    assert_eq!(path(&run), Some(RunPath::Sandbox));
}

/// Finds the evaluation, which is a child of the runner's own child, and ends it as the kernel does for a forbidden call.
const FORBIDDEN: &str = "
import os
def parent(process):
    return int(open(f'/proc/{process}/stat').read().rsplit(')', 1)[1].split()[1])
processes = [int(name) for name in os.listdir('/proc') if name.isdigit()]
evaluations = [process for process in processes if parent(process) > 1 and parent(parent(process)) == 1]
assert len(evaluations) == 1, evaluations
os.kill(evaluations[0], 31)
";

#[test]
fn a_strategy_that_the_filter_has_killed_is_a_violation() {
    let home = namespace("violation");
    // No program that the gate lets through makes such a call (tests/e2e_attacks.rs makes them by direct frames), so the
    // signal by which the kernel answers it is sent from beside the runner.
    // It computes until it is killed, however late that is.
    home.apply(&run_yaml("forbidden", &busy(10 * BUSY), ""));
    let running = wait_reason(&home, "forbidden", "Running");
    let pod = running.status.unwrap().attempts[0].pod_name.clone();
    let mut said = Vec::new();
    // The interpreter forks only when it has imported everything. That the signal was sent is seen by the run's end: with the
    // evaluation the pod goes, and often the exec before it could answer.
    while said.len() < 60 && !is_finished(&support::block_on(home.runs().get("forbidden")).unwrap()) {
        let exec = ["-n", &home.name, "exec", &pod, "--", "/usr/bin/python3", "-B", "-c", FORBIDDEN];
        said.push(support::kubectl_with(&exec, ""));
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(said.len() < 60, "no evaluation to kill: {:?}", said.last());
    let run = home.wait_finished("forbidden");
    assert_ends(&run, "SandboxViolation", &["it may only compute"]);
    assert_eq!((path(&run), run.status.unwrap().metrics), (Some(RunPath::Sandbox), None));
}

#[test]
fn a_strategy_beyond_its_memory_is_told_so() {
    let home = namespace("memory");
    let greedy = "import numpy as np\ndef strategy(data):\n    hog = [np.ones(50_000_000) for _ in range(20)]\n    return data['close'] > len(hog)\n";
    assert_ends(&home.finish("greedy", greedy, ""), "OOMKilled", &["memory"]);
}

#[test]
fn limits_above_the_class_are_refused_with_the_field() {
    let home = namespace("limits");
    let run = home.finish("large", HOLD, "  resources: {limits: {memory: 900Gi}}\n");
    assert_ends(&run, "InvalidSpec", &["spec.resources.limits.memory", "at most"]);
    let run = home.finish("small", HOLD, "  resources: {limits: {memory: 64Mi}}\n");
    assert_ends(&run, "InvalidSpec", &["spec.resources.limits.memory", "256Mi"]);
}

#[test]
fn a_quota_is_a_fallback_only_after_the_deadline() {
    let home = namespace("quota");
    home.apply("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none}\nspec: {hard: {pods: \"0\"}}\n");
    // The quota counts only once its controller has looked at it.
    std::thread::sleep(Duration::from_secs(2));
    home.apply(&run_yaml("poor", HOLD, "  schedulingDeadlineSeconds: 4\n"));
    let waiting = wait_reason(&home, "poor", "QuotaExceeded");
    assert!(waiting.status.unwrap().completion_time.is_none(), "not at once");
    let run = home.wait_finished("poor");
    assert_ends(&run, "QuotaExceeded", &["exceeded quota"]);
    assert_eq!(path(&run), Some(RunPath::AstOnly));
}

#[test]
fn a_quota_that_is_lifted_in_time_lets_the_run_through() {
    let home = namespace("lifted");
    home.apply("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none}\nspec: {hard: {pods: \"0\"}}\n");
    std::thread::sleep(Duration::from_secs(2));
    home.apply(&run_yaml("patient", HOLD, "  schedulingDeadlineSeconds: 60\n"));
    wait_reason(&home, "patient", "QuotaExceeded");
    home.kubectl(&["delete", "resourcequota", "none"]);
    assert_ends(&home.wait_finished("patient"), "Succeeded", &[]);
}

#[test]
fn a_pod_that_admission_refuses_is_a_fallback_at_once() {
    let home = namespace("admission");
    home.apply(
        "apiVersion: v1\nkind: LimitRange\nmetadata: {name: tight}\nspec: {limits: [{type: Container, max: {memory: 512Mi}}]}\n",
    );
    let run = home.finish("wide", HOLD, "");
    assert_ends(&run, "AdmissionRejected", &["memory"]);
    assert_eq!(path(&run), Some(RunPath::AstOnly));
    let run = home.finish("fail", HOLD, "  fallback: {policy: Fail}\n");
    assert_ends(&run, "AdmissionRejected", &["memory"]);
    assert_eq!(path(&run), None);
}

#[test]
fn an_image_or_runtime_that_is_not_there_is_a_fallback() {
    let home = namespace("image");
    let image = Class::new(&format!("{}-image", home.name), "  image: localhost/no-such-image:1\n");
    let runtime = Class::new(&format!("{}-runtime", home.name), "  runtimeClassName: no-such-runtime\n");
    let more = |class: &Class| format!("  className: {}\n  schedulingDeadlineSeconds: 5\n", class.0);
    home.apply(&run_yaml("image", HOLD, &more(&image)));
    home.apply(&run_yaml("runtime", HOLD, &more(&runtime)));
    let run = home.wait_finished("image");
    assert_ends(&run, "ImageUnavailable", &[]);
    assert_eq!(path(&run), Some(RunPath::AstOnly));
    assert_ends(&home.wait_finished("runtime"), "RuntimeUnavailable", &["no-such-runtime"]);
    let left = |_: usize| {
        std::thread::sleep(Duration::from_millis(200));
        home.kubectl(&["get", "pods", "-o", "name"]).trim().to_owned()
    };
    assert!((0..50).map(left).any(|pods| pods.is_empty()), "a fallback leaves no pod: {}", left(0));
}

#[test]
fn a_new_input_runs_again_and_the_same_one_does_not() {
    let home = namespace("again");
    let strategy = "def strategy(data, params):\n    close = data['close']\n    return close > close.rolling(int(params['window'])).mean()\n";
    let first = home.finish("twice", strategy, "  params: {window: \"20\"}\n").status.unwrap();
    home.apply(&run_yaml("twice", strategy, "  params: {window: \"20\"}\n  activeDeadlineSeconds: 200\n"));
    let same =
        home.wait_until("twice", |run| run.metadata.generation == Some(2) && is_finished(run), PATIENCE);
    assert_eq!(same.status.unwrap().completion_time, first.completion_time, "not run again");
    home.apply(&run_yaml("twice", strategy, "  params: {window: \"100\"}\n"));
    let other =
        home.wait_until("twice", |run| run.metadata.generation == Some(3) && is_finished(run), PATIENCE);
    let other = other.status.unwrap();
    assert_ne!((other.input_hash, other.metrics), (first.input_hash, first.metrics));
}
