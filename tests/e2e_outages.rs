//! Parts of the cluster that die under a run and come back: the node's agent and runtime, the API server and its store.
//! Only on the cluster of `tests/cluster`, whose daemons this kills; `tests/cluster/up` brings them back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]
#![allow(clippy::print_stdout, reason = "what became of the run is worth a line")]

mod support;

use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use stratbox::crd::{RunPath, StrategyRun};
use support::{
    Namespace, PATIENCE, busy, cluster, condition, kubectl, kubectl_with, namespace, reason, root, run_yaml,
    signal,
};

/// How long a part stays away.
const AWAY: Duration = Duration::from_secs(5);

/// About fifteen seconds of computing on half a CPU.
const BUSY: u32 = 18_000;

/// One at a time: all runs share what is taken away.
static ALONE: Mutex<()> = Mutex::new(());

/// What brings the cluster back, also after a test that has failed.
struct Outage {
    stopped: Option<u32>,
    _alone: MutexGuard<'static, ()>,
}

impl Outage {
    fn prepare() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = root().join("target/cluster");
        // The client's own copy of the kubeconfig is the test cluster's.
        cluster();
        assert!(
            ours.join("processes/kubelet.json").exists(),
            "only the cluster of tests/cluster can be taken apart"
        );
        Self { stopped: None, _alone: alone }
    }

    /// PID of one of the cluster's daemons, by the record of whoever has started it.
    fn daemon(name: &str) -> u32 {
        let file = root().join(format!("target/cluster/processes/{name}.json"));
        let record: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        u32::try_from(record["pid"].as_u64().unwrap()).unwrap()
    }

    fn kill(name: &str) {
        signal(Self::daemon(name), "KILL");
    }

    fn stop(&mut self, name: &str) {
        let process = Self::daemon(name);
        signal(process, "STOP");
        self.stopped = Some(process);
    }

    /// Brings back what is away, and waits until the API server answers.
    fn end(&mut self) {
        if let Some(process) = self.stopped.take() {
            signal(process, "CONT");
        }
        let done = Command::new(root().join("tests/cluster/up")).output().expect("tests/cluster/up");
        let said = support::text(&done.stderr);
        assert!(done.status.success() || std::thread::panicking(), "tests/cluster/up: {said}");
        let started = Instant::now();
        // More than once: some connections of ours are still to the one that has gone.
        let mut answers = 0;
        while answers < 3 && started.elapsed() < PATIENCE {
            let ready = kubectl_with(&["get", "--raw", "/readyz"], "").is_ok();
            answers = if ready { answers + 1 } else { 0 };
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        self.end();
    }
}

fn create(home: &Namespace, name: &str) {
    create_with(home, name, "  schedulingDeadlineSeconds: 60\n");
}

/// The same with further lines of its spec.
fn create_with(home: &Namespace, name: &str, more: &str) {
    let usual = "  dataset: {name: us-stocks, symbols: [AAPL]}\n  cachePolicy: Never\n  podRetention: {onSuccess: Keep}\n  checks: {lookahead: \"Off\", determinism: \"Off\"}\n";
    home.apply(&run_yaml(name, &busy(BUSY), &format!("{usual}{more}")));
}

/// Metrics, by the first sandbox, which has accepted the run once; and nothing was fallen back to.
fn assert_succeeds_once(home: &Namespace, name: &str) -> StrategyRun {
    let run = home.wait_finished(name);
    assert_eq!(reason(&run), "Succeeded", "{:?}", run.status);
    assert!(condition(&run, "FallbackActive").is_none());
    let attempts = &run.status.as_ref().unwrap().attempts;
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    let log = home.kubectl(&["logs", &attempts[0].pod_name]);
    let accepted = log.lines().filter(|line| line.starts_with("{\"accepted\"")).count();
    assert_eq!(accepted, 1, "one sandbox has accepted the run, once:\n{log}");
    let restarts = home.kubectl(&[
        "get",
        "pod",
        &attempts[0].pod_name,
        "-o",
        "jsonpath={.status.containerStatuses[0].restartCount}",
    ]);
    assert_eq!(restarts, "0", "one container");
    println!("{name}: {} in {} attempt, accepted once", reason(&run), attempts.len());
    run
}

/// A run while that daemon is killed, when it is computing and when its sandbox is coming up.
fn a_run_survives(daemon: &str) {
    let mut outage = Outage::prepare();
    let home = namespace("outage");
    create(&home, "running");
    home.wait_until("running", |run| reason(run) == "Running", PATIENCE);
    Outage::kill(daemon);
    std::thread::sleep(AWAY);
    outage.end();
    assert_succeeds_once(&home, "running");

    create(&home, "starting");
    let begun = |run: &StrategyRun| run.status.as_ref().is_some_and(|status| !status.attempts.is_empty());
    home.wait_until("starting", begun, PATIENCE);
    Outage::kill(daemon);
    std::thread::sleep(AWAY);
    outage.end();
    assert_succeeds_once(&home, "starting");
}

#[test]
fn f33_a_kubelet_that_is_killed_costs_no_run_and_no_second_execution() {
    a_run_survives("kubelet");
}

#[test]
fn f33_a_container_runtime_that_is_killed_costs_no_run_and_no_second_execution() {
    a_run_survives("containerd");
}

#[test]
fn f07_an_api_server_that_is_killed_costs_no_run_and_no_second_execution() {
    a_run_survives("kube-apiserver");
}

#[test]
fn f07_a_store_that_stands_still_costs_no_run_and_no_second_execution() {
    let mut outage = Outage::prepare();
    let home = namespace("outage");
    create(&home, "still");
    home.wait_until("still", |run| reason(run) == "Running", PATIENCE);
    outage.stop("etcd");
    std::thread::sleep(Duration::from_secs(30));
    outage.end();
    assert_succeeds_once(&home, "still");
}

/// Why each of the run's sandboxes ended.
fn reasons(run: &StrategyRun) -> Vec<&str> {
    let attempts = &run.status.as_ref().unwrap().attempts;
    attempts.iter().map(|attempt| attempt.reason.as_deref().unwrap_or_default()).collect()
}

/// Metrics, by the second sandbox, after the first was lost with that reason; each has started its container once.
fn assert_succeeds_by_a_second_sandbox(home: &Namespace, name: &str, lost: &str) {
    let run = home.wait_until(name, support::is_finished, PATIENCE * 2);
    assert_eq!(reason(&run), "Succeeded", "{:?}", run.status);
    assert!(condition(&run, "FallbackActive").is_none());
    assert_eq!(reasons(&run), [lost, "Completed"]);
    let attempts = &run.status.as_ref().unwrap().attempts;
    for attempt in attempts {
        assert_eq!(
            home.containers_started(std::slice::from_ref(&attempt.pod_name)),
            1,
            "containers of {}",
            attempt.pod_name
        );
    }
    let log = home.kubectl(&["logs", &attempts[1].pod_name]);
    assert_eq!(log.lines().filter(|line| line.starts_with("{\"accepted\"")).count(), 1, "{log}");
    println!("{name}: {lost}, then {} by a second sandbox", reason(&run));
}

/// The process of that name in a pod, and the one that has started it: its shim.
fn process_in(pod_uid: &str, name: &str) -> (u32, u32) {
    let found = std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        let read = |file: &str| std::fs::read_to_string(entry.path().join(file)).ok();
        let is_it = read("cgroup")?.contains(pod_uid) && read("comm")?.trim() == name;
        let status = read("status").filter(|_| is_it)?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
        Some((process, parent))
    });
    found.unwrap_or_else(|| panic!("no process {name:?} in the pod {pod_uid}"))
}

/// A run whose sandbox is computing, and that sandbox's UID.
fn computing(home: &Namespace, name: &str) -> String {
    let there = |run: &StrategyRun| {
        let last = run.status.as_ref().and_then(|status| status.attempts.last());
        reason(run) == "Running" && last.is_some_and(|last| last.pod_uid.is_some())
    };
    let run = home.wait_until(name, there, PATIENCE);
    run.status.unwrap().attempts[0].pod_uid.clone().unwrap()
}

/// One of the two processes around a sandbox is killed while it computes: its pause container's, or the shim that has started it.
fn f34(name: &str, pick: impl Fn((u32, u32)) -> u32) {
    let _outage = Outage::prepare();
    let home = namespace(name);
    create(&home, name);
    signal(pick(process_in(&computing(&home, name), "pause")), "KILL");
    assert_succeeds_by_a_second_sandbox(&home, name, "PodLost");
}

#[test]
fn f34_a_sandbox_whose_shim_is_killed_is_replaced_and_not_started_again() {
    f34("shim", |(_, shim)| {
        let name = std::fs::read_to_string(format!("/proc/{shim}/comm")).unwrap();
        assert!(name.starts_with("containerd-shim"), "{name}");
        shim
    });
}

#[test]
fn f34_a_sandbox_whose_pause_container_is_killed_is_replaced_and_not_started_again() {
    f34("pause", |(pause, _)| pause);
}

#[test]
fn f34_a_runner_that_is_killed_is_a_lost_sandbox() {
    let _outage = Outage::prepare();
    let home = namespace("runner");
    create_with(&home, "runner", "  backoffLimit: 0\n");
    let (runner, _) = process_in(&computing(&home, "runner"), "stratbox-runner");
    signal(runner, "KILL");
    let run = home.wait_finished("runner");
    assert_eq!(reason(&run), "PodLost", "{:?}", run.status);
    let (_, _, message) = condition(&run, "Ready").unwrap();
    assert!(message.contains("exit code 137"), "{message}");
    assert_eq!(home.containers_started(&[run.status.unwrap().attempts[0].pod_name.clone()]), 1);
}

/// The node's agent stands still until the node counts as lost, half a minute after which its pods do; the sandbox computes
/// on meanwhile, and nobody hears of it.
#[test]
fn f16_a_node_that_is_not_ready_any_more_costs_a_sandbox_and_brings_one_result() {
    let mut outage = Outage::prepare();
    let home = namespace("node");
    // Node and profile are away as long as the kubelet is.
    create_with(&home, "node", "  schedulingDeadlineSeconds: 300\n");
    computing(&home, "node");
    outage.stop("kubelet");
    let started = Instant::now();
    taint_unreachable();
    let lost = |run: &StrategyRun| reasons(run).first().is_some_and(|reason| !reason.is_empty());
    home.wait_until("node", lost, PATIENCE * 2);
    println!("given up after {:.0} s", started.elapsed().as_secs_f64());
    outage.end();
    assert_succeeds_by_a_second_sandbox(&home, "node", "Evicted");
}

/// Waits until the node counts as unreachable, and says so to its pods. The cluster does that only where another node is Ready:
/// if all are away it takes itself for what is cut off, and evicts nothing ("master disruption mode").
fn taint_unreachable() {
    kubectl(&["wait", "nodes", "--all", "--for=condition=Ready=Unknown", "--timeout=120s"]);
    kubectl(&["taint", "nodes", "--all", "node.kubernetes.io/unreachable:NoExecute", "--overwrite"]);
}

/// The disk itself is not filled: a kubelet that is short of it deletes images, which nobody here could pull again. It
/// stands still, and what it would write is written for it.
#[test]
fn f35_a_node_whose_disk_is_full_takes_no_sandbox_and_its_eviction_has_a_name() {
    let mut outage = Outage::prepare();
    let home = namespace("disk");
    create_with(&home, "there", "  backoffLimit: 0\n");
    computing(&home, "there");
    let pod = home.kubectl(&["get", "pods", "-o", "name"]);
    let node = kubectl(&["get", "nodes", "-o", "name"]);
    outage.stop("kubelet");
    let write = |object: &str, status: serde_json::Value| {
        let patch = serde_json::json!({ "status": status }).to_string();
        home.kubectl(&["patch", object.trim(), "--subresource=status", "-p", &patch]);
    };
    let pressure = serde_json::json!({"type": "DiskPressure", "status": "True", "reason": "KubeletHasDiskPressure",
        "message": "kubelet has disk pressure"});
    write(&node, serde_json::json!({"conditions": [pressure]}));
    let words = "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 200Mi.";
    write(&pod, serde_json::json!({"phase": "Failed", "reason": "Evicted", "message": words}));
    let there = home.wait_finished("there");
    let tainted = |_: u32| {
        std::thread::sleep(Duration::from_millis(200));
        kubectl(&["get", node.trim(), "-o", "jsonpath={.spec.taints}"]).contains("disk-pressure")
    };
    assert!((0..100).any(tainted), "the node is not tainted");
    create_with(&home, "short", "  schedulingDeadlineSeconds: 4\n");
    create_with(&home, "patient", "  schedulingDeadlineSeconds: 120\n");
    let short = home.wait_finished("short");
    outage.end();
    assert_eq!(reason(&there), "Evicted", "{:?}", there.status);
    assert_eq!(condition(&there, "Ready").map(|(_, _, message)| message), Some(words));
    assert_eq!(
        (reason(&short), short.status.as_ref().unwrap().path),
        ("Unschedulable", Some(RunPath::AstOnly))
    );
    let (_, _, message) = condition(&short, "Ready").unwrap();
    assert!(message.contains("untolerated taint"), "the scheduler's own words: {message}");
    // The kubelet says itself again how its disk is.
    assert_succeeds_once(&home, "patient");
}
