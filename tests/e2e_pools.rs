//! Pools: a run is answered by a sandbox that was made ahead, each of those runs one strategy at most, and whatever
//! happens to pool, class or sandbox, no run is lost by it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says by panicking what is wrong, and prints what it measured"
)]

mod support;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};
use stratbox::crd::{Attempt, SandboxPool, SandboxPoolStatus, StrategyRun};
use stratbox::sandbox::{LABEL_POOL, is_claimed};
use support::{
    Class, Namespace, PATIENCE, apply, block_on, busy, cluster, kubectl, namespace, reason, run_yaml,
};

const HOLD: &str = "def strategy(data):\n    return data['close'] > data['close'].rolling(20).mean()\n";
/// Computes for some seconds, as there is nothing to sleep with.
const BUSY: u32 = 3_000;
/// Always run, and with nothing beside the strategy.
const PLAIN: &str = "  cachePolicy: Never\n  checks: {lookahead: \"Off\", determinism: \"Off\"}\n";

/// One test takes all the room that there is, and every pool makes way then: it runs by itself.
static ROOM: RwLock<()> = RwLock::new(());

fn calm() -> RwLockReadGuard<'static, ()> {
    ROOM.read().unwrap_or_else(PoisonError::into_inner)
}

fn pool_yaml(name: &str, class: &str, replicas: u32) -> String {
    format!(
        "apiVersion: stratbox.dev/v1alpha1\nkind: SandboxPool\nmetadata: {{name: {name}}}\nspec: {{className: {class}, replicas: {replicas}}}\n"
    )
}

fn pools(home: &Namespace) -> Api<SandboxPool> {
    Api::namespaced(cluster().client.clone(), &home.name)
}

fn pool_status(home: &Namespace, name: &str) -> SandboxPoolStatus {
    block_on(pools(home).get(name)).unwrap().status.unwrap_or_default()
}

fn wait_pool(
    home: &Namespace,
    name: &str,
    what: &str,
    is_so: impl Fn(&SandboxPoolStatus) -> bool,
) -> SandboxPoolStatus {
    let started = Instant::now();
    loop {
        let status = pool_status(home, name);
        if is_so(&status) {
            return status;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "{what}: {status:#?}\n{}",
            home.kubectl(&["get", "pods", "-o", "wide"])
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn pool_reason(status: &SandboxPoolStatus) -> (String, String) {
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
    ready.map_or_else(Default::default, |ready| (ready.reason.clone(), ready.message.clone()))
}

/// A pool that is full.
fn filled(home: &Namespace, name: &str, class: &str, replicas: u32) {
    home.apply(&pool_yaml(name, class, replicas));
    wait_pool(home, name, "the pool fills up", |status| status.ready_replicas == replicas);
}

/// The sandboxes of pools that nobody has.
fn waiting(home: &Namespace) -> BTreeSet<String> {
    uids(home, |pod| was_made_for_a_pool(pod) && !is_claimed(pod))
}

fn was_made_for_a_pool(pod: &Pod) -> bool {
    pod.labels().contains_key(LABEL_POOL)
}

fn uids(home: &Namespace, are: impl Fn(&Pod) -> bool) -> BTreeSet<String> {
    let alive = home.pods(|pod| pod.metadata.deletion_timestamp.is_none() && are(pod));
    alive.into_iter().filter_map(|pod| pod.metadata.uid).collect()
}

fn last(run: &StrategyRun) -> &Attempt {
    run.last_attempt().unwrap_or_else(|| panic!("no attempt: {:?}", run.status))
}

#[test]
fn a_waiting_sandbox_answers_one_run_with_the_metrics_of_a_new_one_and_is_replaced() {
    let _calm = calm();
    let (home, cold) = (namespace("warm"), namespace("cold"));
    filled(&home, "pool", "default", 2);
    let before = waiting(&home);
    let warm = home.finish("run", HOLD, PLAIN);
    assert_eq!(reason(&warm), "Succeeded");
    let attempt = last(&warm);
    assert!(attempt.warm && attempt.cold_reason.is_none(), "{attempt:?}");
    assert!(before.contains(attempt.pod_uid.as_ref().unwrap()), "one of those that waited");
    let other = cold.finish("run", HOLD, PLAIN);
    assert_eq!((last(&other).warm, &last(&other).cold_reason), (false, &None), "there is no pool there");
    let metrics = |run: &StrategyRun| run.status.clone().unwrap().metrics.unwrap();
    assert_eq!(metrics(&warm), metrics(&other));
    // Used once: its pod goes, and never serves again.
    wait_pool(&home, "pool", "the pool fills up again", |status| {
        status.ready_replicas == 2 && status.claimed_replicas == 0
    });
    assert!(!waiting(&home).contains(attempt.pod_uid.as_ref().unwrap()));
    let more: Vec<StrategyRun> =
        (0..3).map(|number| home.finish(&format!("more-{number}"), HOLD, PLAIN)).collect();
    let used: BTreeSet<_> =
        more.iter().chain([&warm]).map(|run| last(run).pod_uid.clone().unwrap()).collect();
    assert_eq!(used.len(), 4, "every sandbox has run one strategy");
    println!("durations, warm: {:?}", warm.status.unwrap().durations.unwrap());
}

#[test]
fn more_runs_than_sandboxes_all_end_once_and_say_why_some_were_cold() {
    let _calm = calm();
    let home = namespace("burst");
    filled(&home, "pool", "default", 3);
    let all: Vec<String> = (0..8).map(|number| run_yaml(&format!("run-{number}"), HOLD, PLAIN)).collect();
    home.apply(&all.join("---\n"));
    let runs: Vec<StrategyRun> = (0..8).map(|number| home.wait_finished(&format!("run-{number}"))).collect();
    let mut used = BTreeSet::new();
    for run in &runs {
        assert_eq!(reason(run), "Succeeded");
        assert_eq!(run.status.as_ref().unwrap().attempts.len(), 1, "{:?}", run.status);
        let attempt = last(run);
        assert!(used.insert(attempt.pod_uid.clone().unwrap()), "a sandbox has run two strategies");
        let why = attempt.cold_reason.as_deref();
        assert!(if attempt.warm { why.is_none() } else { why == Some("NoneReady") }, "{attempt:?}");
    }
    let warm = runs.iter().filter(|run| last(run).warm).count();
    assert!(warm >= 3, "{warm} of 8 were warm, and 3 sandboxes waited");
    wait_pool(&home, "pool", "nothing is left over", |status| {
        status.ready_replicas == 3 && status.replicas == 3 && status.claimed_replicas == 0
    });
    assert_eq!(uids(&home, |_| true).len(), 3, "no sandbox is left but those that wait");
}

#[test]
fn a_run_that_names_the_classs_own_limits_is_served_in_whatever_notation() {
    let _calm = calm();
    let home = namespace("usual");
    filled(&home, "pool", "default", 1);
    let usual = "  resources: {limits: {cpu: \"0.5\", memory: 2048Mi, ephemeral-storage: 256Mi}}\n";
    let run = home.finish("usual", HOLD, &format!("{PLAIN}{usual}"));
    assert_eq!((reason(&run), last(&run).warm), ("Succeeded", true), "{:?}", run.status);
}

#[test]
fn a_run_that_the_pool_cannot_serve_gets_a_sandbox_of_its_own_at_once() {
    let _calm = calm();
    let home = namespace("other");
    filled(&home, "pool", "default", 1);
    let before = waiting(&home);
    let run = home.finish("small", HOLD, &format!("{PLAIN}  resources: {{limits: {{memory: 1Gi}}}}\n"));
    assert_eq!((reason(&run), last(&run).cold_reason.as_deref()), ("Succeeded", Some("OtherLimits")));
    // Whoever may update pods may attach a program to a sandbox that waits: it is not what was made any more.
    let pod =
        home.kubectl(&["get", "pods", "-l", "stratbox.dev/pool", "-o", "jsonpath={.items[0].metadata.name}"]);
    home.kubectl(&[
        "patch",
        "pod",
        &pod,
        "--type=merge",
        "-p",
        r#"{"metadata": {"annotations": {"sidecar.istio.io/inject": "true"}}}"#,
    ]);
    let run = home.finish("touched", HOLD, PLAIN);
    assert_eq!(reason(&run), "Succeeded");
    assert!(!before.contains(last(&run).pod_uid.as_ref().unwrap()), "the touched one was not used");
    wait_pool(&home, "pool", "it is replaced", |status| {
        status.ready_replicas == 1 && status.outdated_replicas == 0
    });
    assert!(waiting(&home).is_disjoint(&before));
}

#[test]
fn a_pod_with_borrowed_labels_is_never_given_a_run() {
    let _calm = calm();
    let home = namespace("borrowed");
    filled(&home, "pool", "default", 1);
    let pod = home.kubectl(&["get", "pods", "-l", "stratbox.dev/pool", "-o", "json"]);
    let mut pod = serde_json::from_str::<Value>(&pod).unwrap()["items"][0].clone();
    let metadata = &pod["metadata"];
    pod["metadata"] =
        json!({"name": "impostor", "labels": metadata["labels"], "annotations": metadata["annotations"]});
    pod["spec"]["nodeName"] = Value::Null;
    pod["status"] = Value::Null;
    home.apply(&pod.to_string());
    home.kubectl(&["wait", "--for=condition=Ready", "pod/impostor", "--timeout=60s"]);
    let impostor = home.kubectl(&["get", "pod", "impostor", "-o", "jsonpath={.metadata.uid}"]);
    for number in 0..3 {
        let run = home.finish(&format!("run-{number}"), HOLD, PLAIN);
        assert_eq!(reason(&run), "Succeeded");
        assert_ne!(last(&run).pod_uid.as_deref(), Some(impostor.as_str()));
    }
    let status = wait_pool(&home, "pool", "the pool fills up", |status| status.ready_replicas == 1);
    assert_eq!(status.replicas, 1, "it is not counted");
    home.kubectl(&["get", "pod", "impostor"]);
}

#[test]
fn a_changed_class_replaces_every_sandbox_while_runs_go_on() {
    let _calm = calm();
    let home = namespace("changed");
    let name = format!("{}-class", home.name);
    let class = Class::new(&name, "");
    filled(&home, "pool", &name, 2);
    let before = waiting(&home);
    let more = format!("{PLAIN}  className: {name}\n");
    apply("default", &support::class_yaml(&name, "  limits: {memory: 1Gi}\n")).unwrap();
    let runs: Vec<StrategyRun> =
        (0..3).map(|number| home.finish(&format!("run-{number}"), HOLD, &more)).collect();
    for run in &runs {
        assert_eq!(reason(run), "Succeeded");
        assert!(!before.contains(last(run).pod_uid.as_ref().unwrap()), "no run gets an outdated sandbox");
    }
    wait_pool(&home, "pool", "all are replaced", |status| {
        status.ready_replicas == 2 && status.outdated_replicas == 0 && status.replicas == 2
    });
    assert!(waiting(&home).is_disjoint(&before));
    drop(class);
    wait_pool(&home, "pool", "the class is gone", |status| pool_reason(status).0 == "ClassNotFound");
    assert_eq!(waiting(&home).len(), 2, "what is there stays, in case it comes back");
}

/// The checks of the shipped configuration take seven evaluations more than none.
#[test]
fn a_waiting_sandbox_forks_ahead_what_a_run_of_its_class_takes() {
    let _calm = calm();
    let home = namespace("ahead");
    let class = Class::new(
        &format!("{}-unchecked", home.name),
        "  defaults: {checks: {lookahead: \"Off\", determinism: \"Off\"}}\n",
    );
    // The one of which less is expected waits longer.
    filled(&home, "unchecked", &class.0, 1);
    filled(&home, "usual", "default", 1);
    // Runner, interpreter, evaluations, and the one that counts.
    let processes = |pool: &str| -> usize {
        let selector = format!("{LABEL_POOL}={pool}");
        let pod = home.kubectl(&["get", "pods", "-l", &selector, "-o", "name"]);
        let count = "print(len([p for p in __import__('os').listdir('/proc') if p.isdigit()]))";
        let told = home.kubectl(&["exec", pod.trim(), "--", "/usr/bin/python3", "-B", "-c", count]);
        told.trim().parse().unwrap()
    };
    let started = Instant::now();
    while processes("usual") < 3 + 8 {
        assert!(started.elapsed() < PATIENCE, "{} processes", processes("usual"));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!((processes("usual"), processes("unchecked")), (3 + 8, 3 + 1));
}

#[test]
fn a_pool_that_goes_takes_those_that_wait_and_leaves_those_that_run() {
    let _calm = calm();
    let home = namespace("gone");
    filled(&home, "pool", "default", 2);
    home.apply(&run_yaml("run", &busy(BUSY), PLAIN));
    home.wait_until("run", |run| reason(run) == "Running" || support::is_finished(run), PATIENCE);
    home.kubectl(&["delete", "sp", "pool"]);
    let run = home.wait_finished("run");
    assert_eq!((reason(&run), last(&run).warm), ("Succeeded", true));
    assert_eq!(run.status.as_ref().unwrap().attempts.len(), 1);
    let started = Instant::now();
    while !uids(&home, was_made_for_a_pool).is_empty() {
        assert!(started.elapsed() < PATIENCE, "{}", home.kubectl(&["get", "pods"]));
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn sandboxes_that_are_deleted_or_die_are_replaced() {
    let _calm = calm();
    let home = namespace("lost");
    filled(&home, "pool", "default", 2);
    let before = waiting(&home);
    home.kubectl(&["delete", "pods", "-l", "stratbox.dev/pool", "--wait=false"]);
    wait_pool(&home, "pool", "it fills up again", |status| {
        status.ready_replicas == 2 && waiting(&home).is_disjoint(&before)
    });
    assert_eq!(reason(&home.finish("run", HOLD, PLAIN)), "Succeeded");
}

#[test]
fn an_autoscaler_can_scale_it_and_helm_can_wait_for_it() {
    let _calm = calm();
    let home = namespace("scale");
    filled(&home, "pool", "default", 1);
    home.kubectl(&["scale", "sp/pool", "--replicas=2"]);
    wait_pool(&home, "pool", "it grows", |status| status.ready_replicas == 2);
    home.kubectl(&["wait", "--for=condition=Ready", "sp/pool", "--timeout=30s"]);
    let scale = kubectl(&[
        "get",
        "--raw",
        &format!("/apis/stratbox.dev/v1alpha1/namespaces/{}/sandboxpools/pool/scale", home.name),
    ]);
    let scale: Value = serde_json::from_str(&scale).unwrap();
    assert_eq!(
        (&scale["status"]["replicas"], &scale["status"]["selector"]),
        (&json!(2), &json!("stratbox.dev/pool=pool"))
    );
    home.kubectl(&["scale", "sp/pool", "--replicas=0"]);
    wait_pool(&home, "pool", "it shrinks", |status| {
        status.replicas == 0 && pool_reason(status).0 == "Filled"
    });
    let run = home.finish("run", HOLD, PLAIN);
    assert_eq!((reason(&run), &last(&run).cold_reason), ("Succeeded", &None), "an emptied pool is no pool");
}

#[test]
fn what_cannot_be_is_refused_or_said_in_the_status() {
    let _calm = calm();
    let home = namespace("bad");
    for (replicas, says) in [("-1", "spec.replicas"), ("1001", "spec.replicas"), ("\"two\"", "spec.replicas")]
    {
        let manifest =
            pool_yaml("pool", "default", 1).replace("replicas: 1", &format!("replicas: {replicas}"));
        let refused = apply(&home.name, &manifest).expect_err(replicas);
        assert!(refused.contains(says), "{refused}");
    }
    home.apply(&pool_yaml("nowhere", "no-such-class", 1));
    let status = wait_pool(&home, "nowhere", "says so", |status| !status.conditions.is_empty());
    let (reason, message) = pool_reason(&status);
    assert_eq!(reason, "ClassNotFound");
    assert!(message.starts_with("spec.className: there is no SandboxClass \"no-such-class\""), "{message}");
    let unknown =
        pool_yaml("unread", "default", 1).replace("replicas: 1", "replicas: 1, dataset: no-such-data");
    home.apply(&unknown);
    let status = wait_pool(&home, "unread", "says so", |status| !status.conditions.is_empty());
    let (reason, message) = pool_reason(&status);
    assert_eq!(reason, "DatasetNotFound");
    assert!(message.contains("us-stocks"), "those that there are: {message}");
}

/// The pool takes all the room that there is; a run that needs some gets it, and no fallback.
#[test]
fn a_pool_makes_way_for_a_run_that_finds_no_room() {
    let _alone = ROOM.write().unwrap_or_else(PoisonError::into_inner);
    let home = namespace("room");
    let name = format!("{}-class", home.name);
    // A good third of the node each.
    let memory: u64 = kubectl(&["get", "nodes", "-o", "jsonpath={.items[0].status.allocatable.memory}"])
        .trim_end_matches("Ki")
        .parse()
        .unwrap();
    let third = memory * 35 / 100;
    let _class = Class::new(
        &name,
        &format!(
            "  limits: {{memory: {third}Ki}}\n  maxLimits: {{memory: {memory}Ki}}\n  requests: {{memory: {third}Ki}}\n"
        ),
    );
    home.apply(&pool_yaml("pool", &name, 3));
    wait_pool(&home, "pool", "the node is full", |status| {
        status.ready_replicas == 2 && pool_reason(status).0 == "Unschedulable"
    });
    let more = format!(
        "{PLAIN}  className: {name}\n  schedulingDeadlineSeconds: 60\n  resources: {{limits: {{memory: {}Ki}}}}\n",
        third + 1
    );
    let run = home.finish("run", HOLD, &more);
    assert_eq!(
        (reason(&run), last(&run).cold_reason.as_deref()),
        ("Succeeded", Some("OtherLimits")),
        "{:?}",
        run.status
    );
    wait_pool(&home, "pool", "it comes back", |status| status.ready_replicas == 2);
}

#[test]
fn a_quota_that_a_pool_uses_up_is_a_runs_first() {
    let _calm = calm();
    let home = namespace("quota");
    home.apply("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: few}\nspec: {hard: {pods: \"2\"}}\n");
    home.apply(&pool_yaml("pool", "default", 3));
    let status = wait_pool(&home, "pool", "the quota is used up", |status| {
        status.ready_replicas == 2 && pool_reason(status).0 == "QuotaExceeded"
    });
    assert!(pool_reason(&status).1.contains("exceeded quota"), "{status:?}");
    let more = format!("{PLAIN}  schedulingDeadlineSeconds: 60\n  resources: {{limits: {{memory: 1Gi}}}}\n");
    let run = home.finish("run", HOLD, &more);
    assert_eq!(reason(&run), "Succeeded", "{:?}", run.status);
}
