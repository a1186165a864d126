//! Whose word counts: a pod's status can be written by others than its kubelet, and a report can be an old one.

use super::table::{exited, gone, on_record, ready, recorded, running, with_pod};
use crate::crd::StrategyRun;
use crate::run::{Effect, Intent, Line, Next, SessionView, plan};
use crate::wire::Metrics;
use serde_json::{Value, json};

#[test]
fn a_forged_end_in_a_pods_status_does_not_win_over_a_runner_that_answers() {
    let world = recorded();
    let mut forged = world.report();
    forged.metrics = Some(Metrics { sharpe_ratio: Some(99.0), days: Some(100), ..Metrics::default() });
    let status = exited(0, "Completed", &serde_json::to_string(&forged).unwrap());
    let look = |accepted, handed_over, line| {
        with_pod(
            &world,
            status.clone(),
            Some(SessionView { accepted, handed_over, line, ..SessionView::default() }),
        )
    };
    // It would be believed if there were nobody to ask.
    assert_eq!(ready(&look(true, true, Line::Refused)), ("True", "Succeeded"));
    for waiting in [
        // It answers, or was not asked since its connection ended, or has never been given this run at all.
        look(true, true, Line::Open),
        look(true, true, Line::Trying),
        look(false, false, Line::Refused),
        with_pod(&world, status.clone(), None),
    ] {
        assert_eq!(ready(&waiting), ("Unknown", "Running"));
        assert!(waiting.effects.iter().any(|effect| matches!(effect, Effect::OpenSession(_))), "it is asked");
        assert_eq!(waiting.next, Next::After(std::time::Duration::from_secs(2)));
    }
    // Listened to until its output ended, it has said all that it had to say.
    assert_eq!(ready(&look(true, true, Line::Over)), ("Unknown", "Retrying"));
    // What it says itself then counts, whatever the status says.
    let honest = Some(SessionView {
        report: Some(Ok(Box::new(world.report()))),
        line: Line::Open,
        ..SessionView::default()
    });
    let reported = with_pod(&world, status.clone(), honest);
    assert_eq!(reported.status.unwrap().metrics.unwrap().sharpe_ratio, Some(0.38));
    // An operator that comes back has given nothing to anybody, but the one before it may have.
    let pod = world.pod(status);
    let run = on_record(&world);
    let refused = SessionView { line: Line::Refused, ..SessionView::default() };
    let mut observed = world.observe();
    observed.run = &run;
    (observed.pod, observed.intent) = (Some(&pod), Intent::Unknown);
    assert_eq!(ready(&plan(&observed)), ("Unknown", "Running"));
    observed.session = Some(&refused);
    assert_eq!(ready(&plan(&observed)), ("True", "Succeeded"));
}

#[test]
fn only_a_sandbox_that_has_reported_goes_without_its_kubelets_word() {
    let world = recorded();
    let at_once = |status: Value, session| {
        let plan = with_pod(&world, status, session);
        let goes = |effect: &Effect| match effect {
            Effect::DeletePod { at_once, .. } => Some(*at_once),
            _ => None,
        };
        plan.effects.iter().chain(&plan.cleanup).find_map(goes)
    };
    let said =
        |report| Some(SessionView { report: Some(report), line: Line::Open, ..SessionView::default() });
    assert_eq!(at_once(running(), said(Ok(Box::new(world.report())))), Some(true));
    let log = serde_json::to_string(&world.report()).unwrap();
    assert_eq!(at_once(exited(0, "Completed", &log), Some(gone())), Some(true));
    // What may still run: the API server is told when it does not any more.
    assert_eq!(at_once(running(), said(Err("no report".into()))), Some(false));
    assert_eq!(
        at_once(json!({"phase": "Failed", "reason": "Evicted", "message": "disk"}), None),
        Some(false)
    );
}

#[test]
fn a_report_of_another_attempt_pod_or_run_is_refused_in_the_termination_log() {
    let mut world = recorded();
    let first = serde_json::to_string(&world.report()).unwrap();
    assert_eq!(ready(&with_pod(&world, exited(0, "Completed", &first), Some(gone()))), ("True", "Succeeded"));
    let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "disk"});
    world.run.status = with_pod(&world, evicted, None).status.map(|status| *status);
    world.later(100);
    world.step();
    assert_eq!(world.status().attempts.last().unwrap().number, 2);
    let mut other_pod = world.report();
    other_pod.pod_uid = "pod-uid-1".into();
    let mut other_run = world.report();
    other_run.run_uid = "another".into();
    for replayed in
        [first, serde_json::to_string(&other_pod).unwrap(), serde_json::to_string(&other_run).unwrap()]
    {
        let plan = with_pod(&world, exited(0, "Completed", &replayed), Some(gone()));
        assert_eq!(ready(&plan), ("False", "InvalidResult"), "{replayed}");
        assert_eq!(plan.status.unwrap().metrics, None);
    }
}

#[test]
fn a_report_that_is_faster_than_its_node_leaves_no_gap_in_the_provenance() {
    let world = recorded();
    let session =
        SessionView { accepted: true, report: Some(Ok(Box::new(world.report()))), ..SessionView::default() };
    let run = on_record(&world);
    let digest = |status: serde_json::Value, image: &str| {
        let mut pod = world.pod(status);
        let container = json!({"name": "runner", "image": image});
        pod.spec.as_mut().unwrap().containers.push(serde_json::from_value(container).unwrap());
        let mut observed = world.observe();
        (observed.run, observed.pod, observed.session) = (&run, Some(&pod), Some(&session));
        let status = plan(&observed).status.unwrap();
        status.provenance.unwrap().image_digest
    };
    let early = || json!({"phase": "Pending"});
    let pinned = format!("localhost/sandbox@sha256:{}", "a".repeat(64));
    assert_eq!(digest(running(), &pinned).as_deref(), Some("sha256:1"), "what the node says");
    assert_eq!(digest(early(), &pinned), Some(pinned.clone()), "before it has said anything");
    assert_eq!(digest(early(), "localhost/sandbox:1"), None, "a tag is no digest");
}

#[test]
fn a_pod_that_is_gone_ended_as_was_last_heard_of_it() {
    let mut world = recorded();
    world.run.spec.backoff_limit = Some(0);
    let record = |world: &super::World, uid: Option<&str>| {
        let mut run: StrategyRun = world.run.clone();
        run.status.as_mut().unwrap().attempts[0].pod_uid = uid.map(str::to_owned);
        run
    };
    let look = |run: &StrategyRun, status: serde_json::Value, accepted| {
        let last = world.pod(status);
        let session =
            SessionView { accepted, handed_over: accepted, line: Line::Refused, ..SessionView::default() };
        let mut observed = world.observe();
        (observed.run, observed.intent) = (run, Intent::Created);
        (observed.last_word, observed.session) = (Some(&last), Some(&session));
        let plan = plan(&observed);
        assert!(
            !plan
                .effects
                .iter()
                .any(|effect| matches!(effect, Effect::CreatePod(_) | Effect::OpenSession(_))),
            "nothing is created or handed over: {plan:?}"
        );
        let (status, reason) = ready(&plan);
        let message = plan.status.as_ref().unwrap().conditions[0].message.clone();
        (status.to_owned(), reason.to_owned(), message)
    };
    let evicted = json!({"phase": "Running", "conditions": [{"type": "DisruptionTarget", "status": "True",
        "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}]});
    let report = serde_json::to_string(&world.report()).unwrap();
    let own = record(&world, Some("pod-uid-1"));
    for (status, accepted, reason, words) in [
        (evicted.clone(), true, "Evicted", "Eviction API: evicting"),
        (json!({"phase": "Failed", "reason": "Evicted", "message": "disk"}), true, "Evicted", "disk"),
        (json!({"phase": "Failed", "reason": "DeadlineExceeded"}), true, "DeadlineExceeded", "deadline"),
        (exited(137, "OOMKilled", ""), true, "OOMKilled", "memory"),
        (exited(143, "Error", ""), true, "PodLost", "exit code 143"),
        (exited(70, "Error", "no python"), false, "SandboxStartFailed", "no python"),
        // Nobody can be asked whether that report is the runner's.
        (exited(0, "Completed", &report), true, "PodLost", "gone without a report"),
        (running(), true, "PodLost", "gone without a report"),
    ] {
        let (ready, said, message) = look(&own, status, accepted);
        assert_eq!((ready.as_str(), said.as_str()), ("False", reason), "{message}");
        assert!(message.contains(words), "{message}");
    }
    // Of another pod, or of one that was never on record, it says nothing.
    for other in [record(&world, Some("pod-uid-0")), record(&world, None)] {
        assert_eq!(look(&other, evicted.clone(), true).1, "PodLost");
    }
}
