//! What users ask of runs beside their results, on the real cluster: to wait, to run again, to go away, to take turns, to
//! be tried again; and what tools that wait for them make of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use stratbox::crd::StrategyRun;
use support::{
    Class, Namespace, PATIENCE, busy, condition, kubectl, kubectl_with, namespace, reason, root, run_yaml,
    text, tool,
};

const HOLD: &str = "def strategy(data):\n    return data['close'] > 0\n";
const ONE: &str = "  dataset: {name: us-stocks, symbols: [AAPL]}\n";

/// About fifteen seconds of computing on half a CPU.
const BUSY: u32 = 18_000;

/// A few seconds of it.
const SHORT: u32 = 2_000;

fn patch(home: &Namespace, run: &str, patch: &str) {
    home.kubectl(&["patch", "sr", run, "--type=merge", "-p", patch]);
}

fn attempts(run: &StrategyRun) -> Vec<(u32, String)> {
    let attempts = &run.status.as_ref().unwrap().attempts;
    attempts.iter().map(|attempt| (attempt.number, attempt.reason.clone().unwrap_or_default())).collect()
}

fn pods(home: &Namespace) -> Vec<String> {
    home.kubectl(&["get", "pods", "-o", "name"]).lines().map(str::to_owned).collect()
}

#[test]
fn a_suspended_run_has_no_sandbox_and_goes_on_with_a_new_one() {
    let home = namespace("suspend");
    home.apply(&run_yaml("held", &busy(BUSY), ONE));
    home.wait_until("held", |run| reason(run) == "Running", PATIENCE);
    patch(&home, "held", r#"{"spec":{"suspend":true}}"#);
    let held = home.wait_until("held", |run| reason(run) == "Suspended", PATIENCE);
    assert_eq!(condition(&held, "Suspended").unwrap().0, "True");
    assert_eq!(condition(&held, "Reconciling").unwrap().0, "True", "not done, and no failure");
    let started = Instant::now();
    while !pods(&home).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(20), "the sandbox is still there: {:?}", pods(&home));
        std::thread::sleep(Duration::from_millis(200));
    }
    patch(&home, "held", &serde_json::json!({"spec": {"suspend": false, "code": HOLD}}).to_string());
    let done = home.wait_finished("held");
    assert_eq!(reason(&done), "Succeeded");
    assert!(condition(&done, "Suspended").is_none());
}

#[test]
fn a_suspension_is_no_loss() {
    let home = namespace("noloss");
    home.apply(&run_yaml("held", &busy(BUSY), &format!("{ONE}  backoffLimit: 0\n")));
    home.wait_until("held", |run| reason(run) == "Running", PATIENCE);
    patch(&home, "held", r#"{"spec":{"suspend":true}}"#);
    home.wait_until("held", |run| reason(run) == "Suspended", PATIENCE);
    patch(&home, "held", r#"{"spec":{"suspend":false}}"#);
    let done = home.wait_finished("held");
    assert_eq!(attempts(&done), [(1, "Suspended".to_owned()), (2, "Completed".to_owned())]);
}

#[test]
fn a_rerun_is_another_execution_with_the_same_metrics() {
    let home = namespace("rerun");
    let first = home.finish("again", HOLD, ONE);
    let uid = |run: &StrategyRun| run.status.as_ref().unwrap().attempts[0].pod_uid.clone().unwrap();
    home.kubectl(&["annotate", "sr", "again", "stratbox.dev/rerun-requested-at=one"]);
    let handled = |run: &StrategyRun| {
        support::is_finished(run)
            && run
                .status
                .as_ref()
                .is_some_and(|status| status.last_handled_rerun_at.as_deref() == Some("one"))
    };
    let second = home.wait_until("again", handled, PATIENCE);
    assert_eq!(reason(&second), "Succeeded");
    assert_ne!(uid(&first), uid(&second));
    let metrics = |run: &StrategyRun| serde_json::to_string(&run.status.as_ref().unwrap().metrics).unwrap();
    assert_eq!(metrics(&first), metrics(&second));
    let history = &second.status.as_ref().unwrap().history;
    assert_eq!((history.len(), history[0].reason.as_str()), (1, "Succeeded"));
    // The same word again, and a label besides: nothing happens.
    home.kubectl(&["annotate", "--overwrite", "sr", "again", "stratbox.dev/rerun-requested-at=one"]);
    home.kubectl(&["label", "sr", "again", "team=a"]);
    std::thread::sleep(Duration::from_secs(3));
    let still = home.wait_finished("again");
    assert_eq!((uid(&still), &still.status), (uid(&second), &second.status));
}

#[test]
fn a_run_deletes_itself_when_it_was_asked_to() {
    let home = namespace("ttl");
    home.apply(&run_yaml("brief", HOLD, &format!("{ONE}  ttlSecondsAfterFinished: 2\n")));
    let started = Instant::now();
    loop {
        if home.kubectl(&["get", "sr", "-o", "name"]).is_empty() {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "the run is still there");
        std::thread::sleep(Duration::from_millis(500));
    }
    let events = home.kubectl(&[
        "get",
        "events.events.k8s.io",
        "-o",
        "jsonpath={range .items[*]}{.reason}{\"\\n\"}{end}",
    ]);
    assert!(events.contains("Succeeded"), "it had succeeded first: {events}");
}

#[test]
fn no_more_sandboxes_than_the_class_allows_and_every_namespace_has_its_turn() {
    let (crowd, guest) = (namespace("crowd"), namespace("guest"));
    let name = format!("{}-two", crowd.name);
    let _class = Class::new(&name, "  maxConcurrentSandboxes: 2\n");
    let more = format!("{ONE}  className: {name}\n  cachePolicy: Never\n  schedulingDeadlineSeconds: 10\n");
    let many: Vec<String> =
        (0..6).map(|number| run_yaml(&format!("run-{number}"), &busy(SHORT), &more)).collect();
    crowd.apply(&many.join("---\n"));
    crowd.wait_until("run-5", |run| reason(run) == "Queued", PATIENCE);
    guest.apply(&run_yaml("visit", &busy(SHORT), &more));
    let selector = format!("stratbox.dev/class={name}");
    let unfinished = |home: &Namespace| {
        let seen = home.kubectl(&[
            "get",
            "sr",
            "-o",
            "jsonpath={range .items[*]}{.status.completionTime}{\",\"}{end}",
        ]);
        seen.split(',').filter(|time| time.is_empty()).count().saturating_sub(1)
    };
    let (started, mut most, mut left_when_served) = (Instant::now(), 0, None);
    loop {
        let listed = kubectl(&[
            "get",
            "pods",
            "-A",
            "-l",
            &selector,
            "--field-selector=status.phase=Running",
            "-o",
            "jsonpath={range .items[*]}{.metadata.deletionTimestamp}{\",\"}{end}",
        ]);
        most = most.max(listed.split(',').filter(|gone| gone.is_empty()).count().saturating_sub(1));
        let rest = unfinished(&crowd);
        if unfinished(&guest) == 0 {
            left_when_served.get_or_insert(rest);
            if rest == 0 {
                break;
            }
        }
        assert!(started.elapsed() < Duration::from_mins(4), "{rest} runs have not ended");
        std::thread::sleep(Duration::from_millis(200));
    }
    println!(
        "at most {most} sandboxes at a time; {left_when_served:?} runs of the crowd were left when the guest was served"
    );
    assert!((1..=2).contains(&most), "{most} at the same time");
    assert!(left_when_served >= Some(1), "the guest came last although it held no place");
    for number in 0..6 {
        let run = crowd.wait_finished(&format!("run-{number}"));
        assert_eq!(reason(&run), "Succeeded", "waiting in the queue costs no deadline");
    }
}

#[test]
fn policy_retry_finds_the_room_that_comes() {
    let home = namespace("retry");
    let label = format!("{}-room", home.name);
    let class = format!("{}-late", home.name);
    let _class = Class::new(&class, &format!("  nodeSelector: {{{label}: \"true\"}}\n"));
    let more = format!(
        "{ONE}  className: {class}\n  schedulingDeadlineSeconds: 2\n  fallback: {{policy: Retry, retryDeadlineSeconds: 120}}\n"
    );
    home.apply(&run_yaml("late", HOLD, &more));
    let waiting = home.wait_until("late", |run| condition(run, "FallbackActive").is_some(), PATIENCE);
    assert_eq!(condition(&waiting, "Reconciling").unwrap().0, "True");
    assert!(condition(&waiting, "Stalled").is_none() && waiting.status.as_ref().unwrap().path.is_none());
    // A third or fourth try, so that the pause is long by then.
    home.wait_until("late", |run| attempts(run).len() >= 3, PATIENCE);
    kubectl(&["label", "node", "--all", &format!("{label}=true")]);
    let done = home.wait_until("late", support::is_finished, PATIENCE);
    kubectl(&["label", "node", "--all", &format!("{label}-")]);
    assert_eq!(reason(&done), "Succeeded", "{:?}", done.status);
    assert!(condition(&done, "FallbackActive").is_none());
}

#[test]
fn policy_retry_ends_at_its_deadline_without_a_path() {
    let home = namespace("noroom");
    let class = format!("{}-never", home.name);
    let _class = Class::new(&class, "  nodeSelector: {no-node: has-this}\n");
    let more = format!(
        "{ONE}  className: {class}\n  schedulingDeadlineSeconds: 2\n  fallback: {{policy: Retry, retryDeadlineSeconds: 8}}\n"
    );
    let run = home.finish("never", HOLD, &more);
    assert_eq!(reason(&run), "Unschedulable");
    assert!(condition(&run, "FallbackActive").is_some() && condition(&run, "Stalled").is_some());
    assert_eq!(run.status.as_ref().unwrap().path, None);
    assert!(attempts(&run).len() >= 2, "{:?}", attempts(&run));
}

/// A chart with one run in it.
fn chart(home: &Namespace, run: &str) -> PathBuf {
    let folder = root().join("target/charts").join(&home.name);
    std::fs::create_dir_all(folder.join("templates")).unwrap();
    let head = format!("apiVersion: v2\nname: {}\nversion: 0.0.1\n", home.name);
    std::fs::write(folder.join("Chart.yaml"), head).unwrap();
    std::fs::write(folder.join("templates/run.yaml"), run).unwrap();
    folder
}

/// `helm VERB --wait`, which knows nothing of us but kstatus: whether it is content, what it said, and after how long.
fn helm_waits(home: &Namespace, verb: &str, run: &str, timeout: &str) -> (bool, String, Duration) {
    let folder = chart(home, run);
    let started = Instant::now();
    let arguments =
        [verb, "trial", folder.to_str().unwrap(), "-n", &home.name, "--wait", "--timeout", timeout];
    let done = tool("helm", &arguments, "");
    (done.status.success(), text(&done.stderr), started.elapsed())
}

#[test]
fn whoever_waits_by_kstatus_sees_success_failure_suspension_and_new_generations() {
    let home = namespace("kstatus");
    let (content, said, _) = helm_waits(&home, "install", &run_yaml("trial", HOLD, ONE), "90s");
    assert!(content, "{said}");
    let first = home.wait_finished("trial");
    // Another input: content only with the new one's result.
    let changed = run_yaml("trial", HOLD, "  dataset: {name: us-stocks, symbols: [IBM]}\n");
    let (content, said, _) = helm_waits(&home, "upgrade", &changed, "90s");
    assert!(content, "{said}");
    let second = block(&home, "trial");
    assert_eq!(second.status.as_ref().unwrap().observed_generation, second.metadata.generation);
    assert!(support::is_finished(&second), "helm was content before the new input had ended");
    assert_ne!(second.status.unwrap().metrics, first.status.unwrap().metrics);
    // A failure is told at once, and not when the time is up.
    let refused = run_yaml("trial", "import os\ndef strategy(data):\n    return data['close'] > 0\n", ONE);
    let (content, said, after) = helm_waits(&home, "upgrade", &refused, "90s");
    assert!(!content && after < Duration::from_mins(1), "after {after:?}: {said}");
    // What is suspended is not done.
    let held = run_yaml("trial", HOLD, &format!("{ONE}  suspend: true\n  cachePolicy: Never\n"));
    let (content, said, after) = helm_waits(&home, "upgrade", &held, "6s");
    assert!(!content && after >= Duration::from_secs(6), "after {after:?}: {said}");
    let ready = |run: &str, timeout: &str| {
        kubectl_with(&["-n", &home.name, "wait", "--for=condition=Ready", &format!("sr/{run}"), timeout], "")
    };
    assert!(ready("trial", "--timeout=2s").is_err());
    patch(&home, "trial", r#"{"spec":{"suspend":false}}"#);
    ready("trial", "--timeout=60s").unwrap();
}

fn block(home: &Namespace, run: &str) -> StrategyRun {
    support::block_on(home.runs().get(run)).unwrap()
}

#[test]
fn each_transition_is_one_event() {
    let home = namespace("events");
    home.finish("told", HOLD, ONE);
    let listed = || {
        home.kubectl(&[
            "get",
            "events.events.k8s.io",
            "-o",
            "jsonpath={range .items[?(@.regarding.kind==\"StrategyRun\")]}{.reason}{\"\\n\"}{end}",
        ])
    };
    // Nobody waits for an event before a run ends.
    let started = Instant::now();
    while !listed().contains("Succeeded") && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(100));
    }
    let listed = listed();
    let all: Vec<&str> = listed.lines().collect();
    let different: BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(all.len(), different.len(), "{all:?}");
    assert!(different.contains("Succeeded") && different.contains("Scheduling"), "{all:?}");
}
