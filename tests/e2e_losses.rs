//! Sandboxes that are lost, do not come up, or are not as isolated as the class wants, on the real cluster.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

mod support;

use std::time::{Duration, Instant};
use stratbox::crd::{RunPath, StrategyRun};
use support::{
    Class, Namespace, PATIENCE, busy, cluster, condition, is_finished, kubectl_with, namespace, reason,
    run_yaml,
};

const HOLD: &str = "def strategy(data):\n    return data['close'] > 0\n";
const ONE: &str = "  dataset: {name: us-stocks, symbols: [AAPL]}\n";

/// About a minute of computing on half a CPU: it is always lost before it ends.
const BUSY: u32 = 70_000;

fn reasons(run: &StrategyRun) -> Vec<String> {
    let attempts = &run.status.as_ref().unwrap().attempts;
    attempts.iter().map(|attempt| attempt.reason.clone().unwrap_or_default()).collect()
}

/// The pod of the run's attempt of that number, once the strategy runs in it.
fn running(home: &Namespace, run: &str, number: u32) -> String {
    let there = |run: &StrategyRun| {
        let last = run.status.as_ref().and_then(|status| status.attempts.last());
        reason(run) == "Running" && last.is_some_and(|last| last.number == number && last.pod_uid.is_some())
    };
    let run = home.wait_until(run, there, PATIENCE);
    run.status.unwrap().attempts.last().unwrap().pod_name.clone()
}

fn delete(home: &Namespace, pod: &str) {
    home.kubectl(&["delete", "pod", pod, "--grace-period=0", "--force"]);
}

fn assert_failed(run: &StrategyRun, expected: &str) {
    assert_eq!(
        condition(run, "Ready").map(|(status, reason, _)| (status, reason)),
        Some(("False", expected)),
        "{:?}",
        run.status
    );
    assert!(condition(run, "Stalled").is_some() && run.status.as_ref().unwrap().metrics.is_none());
}

#[test]
fn a_deleted_sandbox_is_replaced_as_often_as_the_limit_allows() {
    let home = namespace("lost");
    home.apply(&run_yaml("twice", &busy(BUSY), &format!("{ONE}  backoffLimit: 1\n")));
    let first = running(&home, "twice", 1);
    delete(&home, &first);
    let second = running(&home, "twice", 2);
    assert_ne!(first, second);
    delete(&home, &second);
    let run = home.wait_finished("twice");
    assert_failed(&run, "BackoffLimitExceeded");
    assert_eq!(reasons(&run), ["PodLost", "PodLost"]);
}

#[test]
fn without_a_limit_the_loss_itself_is_the_reason() {
    let home = namespace("evicted");
    home.apply(&run_yaml("lost", &busy(BUSY), &format!("{ONE}  backoffLimit: 0\n")));
    home.apply(&run_yaml("moved", &busy(BUSY), &format!("{ONE}  backoffLimit: 0\n")));
    delete(&home, &running(&home, "lost", 1));
    assert_failed(&home.wait_finished("lost"), "PodLost");
    let pod = running(&home, "moved", 1);
    let eviction = serde_json::json!({"apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": pod, "namespace": home.name},
        // Gone before anybody can look at it.
        "deleteOptions": {"gracePeriodSeconds": 0}});
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/eviction", home.name);
    kubectl_with(&["create", "--raw", &path, "-f", "-"], &eviction.to_string()).unwrap();
    assert_failed(&home.wait_finished("moved"), "Evicted");
}

#[test]
fn an_image_that_is_no_sandbox_does_not_come_up() {
    let home = namespace("noentry");
    let class = format!("{}-dataset", home.name);
    // There, and without any program.
    let _class = Class::new(&class, &format!("  image: {}\n", cluster().dataset_image));
    let more = format!("{ONE}  className: {class}\n  schedulingDeadlineSeconds: 6\n");
    let run = home.finish("hollow", HOLD, &more);
    assert_failed(&run, "SandboxStartFailed");
    assert_eq!(run.status.as_ref().unwrap().path, Some(RunPath::AstOnly));
}

#[test]
fn a_layer_that_the_class_requires_and_the_sandbox_lacks_keeps_the_strategy_from_running() {
    let home = namespace("require");
    let class = format!("{}-userns", home.name);
    let _class =
        Class::new(&class, "  userNamespaces: \"Off\"\n  require: [UserNamespace, Landlock, Stage2]\n");
    let run = home.finish("open", HOLD, &format!("{ONE}  className: {class}\n"));
    assert_failed(&run, "IsolationMissing");
    let (_, _, message) = condition(&run, "Ready").unwrap();
    assert!(message.contains("UserNamespace"), "{message}");
}

#[test]
fn fifty_pods_that_may_become_schedulable_at_the_moment_of_the_fallback_have_one_outcome_each() {
    let home = namespace("raced");
    let label = format!("{}-race", home.name);
    let class = format!("{}-raced", home.name);
    let _class =
        Class::new(&class, &format!("  maxConcurrentSandboxes: 50\n  nodeSelector: {{{label}: \"true\"}}\n"));
    let more = format!(
        "{ONE}  className: {class}\n  schedulingDeadlineSeconds: 6\n  cachePolicy: Never\n  podRetention: {{onSuccess: Keep}}\n  checks: {{lookahead: \"Off\", determinism: \"Off\"}}\n"
    );
    let all: Vec<String> = (0..50).map(|number| run_yaml(&format!("race-{number}"), HOLD, &more)).collect();
    home.apply(&all.join("---\n"));
    // All within some seconds around their deadlines.
    home.wait_until("race-25", |run| reason(run) == "Unschedulable" || is_finished(run), PATIENCE);
    std::thread::sleep(Duration::from_secs(4));
    support::kubectl(&["label", "node", "--all", &format!("{label}=true")]);
    let started = Instant::now();
    let (mut executed, mut fallen) = (0, 0);
    for number in 0..50 {
        let run = home.wait_until(&format!("race-{number}"), is_finished, PATIENCE + Duration::from_mins(2));
        let status = run.status.as_ref().unwrap();
        let (pods, accepted) = transcript(&home, &run);
        match reason(&run) {
            "Succeeded" => {
                executed += 1;
                assert_eq!((status.path, accepted), (Some(RunPath::Sandbox), 1), "{pods}");
            }
            "Unschedulable" => {
                fallen += 1;
                assert_eq!((status.path, accepted), (Some(RunPath::AstOnly), 0), "{pods}");
            }
            // Later than its deadline for want of CPU, and so fallen back as well: never executed.
            other => {
                fallen += 1;
                assert_eq!((status.path, accepted), (Some(RunPath::AstOnly), 0), "{other}: {pods}");
            }
        }
    }
    support::kubectl(&["label", "node", "--all", &format!("{label}-")]);
    println!("{executed} executed, {fallen} fell back, after {:.0} s", started.elapsed().as_secs_f64());
}

/// What the pods of a run's attempts have logged, and how often one has accepted a run.
fn transcript(home: &Namespace, run: &StrategyRun) -> (String, usize) {
    let attempts = &run.status.as_ref().unwrap().attempts;
    let logs: String = attempts
        .iter()
        .map(|attempt| kubectl_with(&["-n", &home.name, "logs", &attempt.pod_name], "").unwrap_or_default())
        .collect();
    let accepted = logs.lines().filter(|line| line.starts_with("{\"accepted\"")).count();
    (logs, accepted)
}
