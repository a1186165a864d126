//! The operator's own troubles, on the real cluster: killed in the middle of a run, and an object that it cannot read.
//! In a test binary of its own, as no other test should meet an operator that is going up or down.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]
#![allow(clippy::print_stdout, reason = "how many runs were seen waiting for the gate is worth a line")]

mod support;

use futures::TryStreamExt as _;
use kube::ResourceExt as _;
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use stratbox::crd::{RunPath, StrategyRun};
use support::{
    Class, Namespace, PATIENCE, block_on, busy, cluster, condition, is_finished, kubectl, kubectl_with,
    namespace, reason, root, run_yaml,
};

/// One at a time: both touch what all runs share.
static ALONE: Mutex<()> = Mutex::new(());

/// About fifteen seconds of computing on half a CPU.
const BUSY: u32 = 18_000;

fn wait_for_the_operator() {
    let deployment = format!("deployment/{}", cluster().release);
    kubectl(&["-n", &cluster().namespace, "rollout", "status", &deployment, "--timeout=120s"]);
}

#[test]
fn a_run_outlives_the_operator_and_is_accepted_once() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let home = namespace("killed");
    // The scheduling deadline has passed when the operator comes back: that is no reason to give the sandbox up.
    let keep = "  dataset: {name: us-stocks, symbols: [AAPL]}\n  schedulingDeadlineSeconds: 5\n  podRetention: {onSuccess: Keep}\n  checks: {lookahead: \"Off\", determinism: \"Off\"}\n";
    home.apply(&run_yaml("busy", &busy(BUSY), keep));
    home.wait_until("busy", |run| reason(run) == "Running", PATIENCE);
    std::thread::sleep(Duration::from_secs(5));
    let selector = "app.kubernetes.io/component=operator";
    kubectl(&["-n", &cluster().namespace, "delete", "pod", "-l", selector, "--grace-period=0", "--force"]);
    let run = home.wait_finished("busy");
    assert_eq!(reason(&run), "Succeeded");
    let attempts = run.status.unwrap().attempts;
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    let log = home.kubectl(&["logs", &attempts[0].pod_name]);
    let accepted = log.lines().filter(|line| line.starts_with("{\"accepted\"")).count();
    assert_eq!(accepted, 1, "one sandbox has accepted the run, once:\n{log}");
    wait_for_the_operator();
}

#[test]
fn an_object_that_cannot_be_read_gets_an_answer_and_stops_nobody() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let home = namespace("unreadable");
    // Only a cluster whose schema is older or newer than the operator has such objects: loosen it for a moment.
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/activeDeadlineSeconds";
    let loosen = format!(r#"[{{"op": "replace", "path": "{path}", "value": {{"type": "integer"}}}}]"#);
    kubectl(&["patch", "crd", "strategyruns.stratbox.dev", "--type=json", "-p", &loosen]);
    let hold = "def strategy(data):\n    return data['close'] > 0\n";
    let odd = run_yaml("odd", hold, "  activeDeadlineSeconds: 5000000000\n");
    // The API server takes a moment to serve the new schema.
    let accepted = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(200));
        support::apply(&home.name, &odd).is_ok()
    });
    home.apply(&run_yaml("even", hold, ""));
    let even = home.wait_finished("even");
    let message = "jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}: {.status.conditions[?(@.type==\"Ready\")].message}";
    let answer = (0..100)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(100));
            home.kubectl(&["get", "sr", "odd", "-o", message])
        })
        .find(|answer| answer.starts_with("InvalidSpec"));
    home.kubectl(&["delete", "sr", "odd"]);
    let file = root().join("crds/strategyruns.yaml");
    let restored = kubectl_with(&["replace", "-f", file.to_str().expect("a path")], "")
        .and_then(|_| crd_is_strict(&home.name, &odd));
    assert!(accepted, "the loosened schema was never served");
    assert_eq!(condition(&even, "Ready").map(|(_, reason, _)| reason), Some("Succeeded"));
    let answer = answer.expect("an answer in the status");
    assert!(answer.contains("5000000000"), "the value is named: {answer}");
    restored.expect("the schema is as it was");
}

/// Waits until the API server refuses again what the released schema refuses.
fn crd_is_strict(namespace: &str, odd: &str) -> Result<(), String> {
    for _ in 0..50 {
        if support::apply(namespace, odd).is_err() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Err("the schema stayed loose".to_owned())
}

#[test]
fn an_operator_whose_sandboxes_are_switched_off_validates_only() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let home = namespace("switched");
    let deployment = format!("deployment/{}", cluster().release);
    let switch = |value: &str| {
        kubectl(&["-n", &cluster().namespace, "set", "env", &deployment, value]);
        wait_for_the_operator();
    };
    switch("SANDBOX_ENABLED=false");
    home.apply(&run_yaml("checked", "def strategy(data):\n    return data['close'] > 0\n", ""));
    let ended = std::panic::catch_unwind(|| home.wait_finished("checked"));
    switch("SANDBOX_ENABLED-");
    let run = ended.unwrap();
    assert_eq!(reason(&run), "SandboxDisabled");
    let status = run.status.unwrap();
    assert_eq!(status.path, Some(stratbox::crd::RunPath::AstOnly));
    assert!(status.metrics.is_none() && status.attempts.is_empty());
    assert!(home.kubectl(&["get", "pods", "-o", "name"]).is_empty(), "nothing was executed");
}

#[test]
fn without_a_proven_profile_nothing_runs_until_a_node_proves_it() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let home = namespace("profile");
    let agents = format!("daemonset/{}-node-agent", cluster().release);
    let label = stratbox::sandbox::profile_label();
    let select = |value: serde_json::Value| {
        let patch = serde_json::json!({"spec": {"template": {"spec": {"nodeSelector": value}}}}).to_string();
        kubectl(&["-n", &cluster().namespace, "patch", &agents, "--type=merge", "-p", &patch]);
    };
    select(serde_json::json!({"no-node": "has-this"}));
    // As long as there is an agent, the label comes back.
    let agent = "app.kubernetes.io/component=node-agent";
    let gone = |_: u32| {
        std::thread::sleep(Duration::from_millis(500));
        kubectl(&["-n", &cluster().namespace, "get", "pods", "-l", agent, "-o", "name"]).is_empty()
    };
    assert!((0..120).any(gone), "the agents are still there");
    kubectl(&["label", "node", "--all", &format!("{label}-")]);
    let hold = "def strategy(data):\n    return data['close'] > 0\n";
    home.apply(&run_yaml("early", hold, "  schedulingDeadlineSeconds: 4\n"));
    home.apply(&run_yaml("patient", hold, "  schedulingDeadlineSeconds: 120\n"));
    let ended = std::panic::catch_unwind(|| home.wait_finished("early"));
    select(serde_json::json!({"no-node": null}));
    let run = ended.unwrap();
    assert_eq!(reason(&run), "ProfileMissing");
    assert!(run.status.as_ref().unwrap().attempts.is_empty(), "no pod was asked for");
    assert_eq!(reason(&home.wait_finished("patient")), "Succeeded", "the node has proven it again");
}

/// Runs whose programs are long, and how many of them may be executed; for the others there is no node.
const LONG: usize = 60;
const EXECUTED: usize = 3;

/// A program of 120 KiB that the gate accepts.
fn long_program(number: usize) -> String {
    let mut code = format!("def strategy(data):\n    close = data['close']\n    total = close * {number}\n");
    for days in (2..52).cycle() {
        if code.len() >= 120 * 1024 {
            break;
        }
        writeln!(code, "    total = total + close.rolling({days}).mean()").unwrap();
    }
    code + "    return total > 0\n"
}

/// Creates the long runs, many at once.
fn create_long_runs(home: &Namespace, class: &str) {
    let run = |number: usize| -> StrategyRun {
        let class = if number < EXECUTED { "default" } else { class };
        let off = serde_json::json!({"lookahead": "Off", "determinism": "Off"});
        serde_json::from_value(serde_json::json!({
            "apiVersion": "stratbox.dev/v1alpha1", "kind": "StrategyRun", "metadata": {"name": format!("long-{number}")},
            "spec": {"dataset": {"name": "us-stocks", "symbols": ["AAPL"]}, "className": class, "cachePolicy": "Never",
                "schedulingDeadlineSeconds": if number < EXECUTED { 120 } else { 2 }, "checks": off,
                "code": long_program(number)},
        }))
        .unwrap()
    };
    let runs = home.runs();
    let all: Vec<StrategyRun> = (0..LONG).map(run).collect();
    let params = PostParams::default();
    block_on(futures::future::try_join_all(all.iter().map(|run| runs.create(&params, run)))).unwrap();
}

fn scale(replicas: u32) {
    let deployment = format!("deployment/{}", cluster().release);
    kubectl(&["-n", &cluster().namespace, "scale", &deployment, &format!("--replicas={replicas}")]);
}

#[test]
fn runs_whose_programs_the_gate_is_still_reading_show_as_validating() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let home = namespace("validating");
    let class = format!("{}-nowhere", home.name);
    let _class = Class::new(
        &class,
        &format!("  maxConcurrentSandboxes: {LONG}\n  nodeSelector: {{no-node: has-this}}\n"),
    );
    // All there when the operator comes: more than it reads at once.
    scale(0);
    let created = catch_unwind(AssertUnwindSafe(|| {
        let gone = |_: u32| {
            std::thread::sleep(Duration::from_millis(100));
            let operator = ["-l", "app.kubernetes.io/component=operator", "-o", "name"];
            kubectl(&[&["-n", &cluster().namespace, "get", "pods"], &operator[..]].concat()).is_empty()
        };
        assert!((0..300).any(gone), "the operator does not go");
        create_long_runs(&home, &class);
        block_on(home.runs().list(&ListParams::default())).unwrap().metadata.resource_version.unwrap()
    }));
    scale(1);
    let version = created.unwrap();
    let (started, mut said) = (Instant::now(), BTreeMap::<String, Vec<String>>::new());
    let runs = home.runs();
    let watch = async {
        let params = WatchParams::default().timeout(290).disable_bookmarks();
        let mut events = std::pin::pin!(runs.watch(&params, &version).await.unwrap());
        let mut ended = BTreeSet::new();
        while ended.len() < LONG {
            let event = events.try_next().await.unwrap().expect("the watch goes on");
            let WatchEvent::Modified(run) = event else { panic!("{event:?}") };
            let reasons = said.entry(run.name_any()).or_default();
            if reasons.last().map(String::as_str) != Some(reason(&run)) {
                reasons.push(reason(&run).to_owned());
            }
            // A deadline that is over does not change the reason that was there already.
            if is_finished(&run) {
                ended.insert(run.name_any());
            }
        }
    };
    let watched = block_on(async { tokio::time::timeout(PATIENCE, watch).await });
    wait_for_the_operator();
    assert!(watched.is_ok(), "not all ended: {said:?}");
    let validating =
        said.values().filter(|reasons| reasons.iter().any(|reason| reason == "Validating")).count();
    println!(
        "{validating} of {LONG} runs were seen validating; all ended after {:.1} s",
        started.elapsed().as_secs_f64()
    );
    assert!(validating > 0, "{said:?}");
    for (name, reasons) in &said {
        let at: Vec<_> = reasons.iter().enumerate().filter(|(_, reason)| *reason == "Validating").collect();
        assert!(
            at.len() <= 1 && at.iter().all(|(at, _)| *at == 0),
            "{name}: only at first, and once: {reasons:?}"
        );
    }
    for number in 0..LONG {
        let run = block_on(runs.get(&format!("long-{number}"))).unwrap();
        let (expected, path) = if number < EXECUTED {
            ("Succeeded", RunPath::Sandbox)
        } else {
            ("Unschedulable", RunPath::AstOnly)
        };
        let status = run.status.as_ref().unwrap();
        assert_eq!((reason(&run), status.path), (expected, Some(path)), "{:?}", status.conditions);
        assert_eq!(condition(&run, "Validated").map(|(status, _, _)| status), Some("True"));
    }
}
