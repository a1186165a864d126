//! Rows of the state table from the hand-over to the end of an attempt.

use super::table::{deletes, exited, gone, on_record, ready, recorded, running, with_pod};
use super::{CODE, World, gate};
use crate::crd::{ResourceLimits, Resources, RunPath};
use crate::run::{Effect, Intent, Line, Refusal, RefusalKind, SessionView, plan};
use crate::sandbox::{Exit, PodState, read_pod};
use crate::wire::{Outcome, StrategyFault};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_running_pod_is_handed_the_run() {
    let world = recorded();
    let plan = with_pod(&world, running(), None);
    let [Effect::OpenSession(handover)] = &plan.effects[..] else { panic!("{plan:?}") };
    assert_eq!((handover.run.pod_uid.as_str(), handover.run.code.as_str()), ("pod-uid-1", CODE));
    assert_eq!(handover.run.check(), Ok(()));
}

#[test]
fn an_accepted_run_is_not_bound_by_the_scheduling_deadline() {
    let mut world = recorded();
    world.later(200);
    let session = |line| Some(SessionView { accepted: true, line, ..SessionView::default() });
    assert_eq!(ready(&with_pod(&world, running(), session(Line::Open))), ("Unknown", "Running"));
    world.later(300);
    assert_eq!(
        ready(&with_pod(&world, running(), session(Line::Trying))),
        ("Unknown", "Running"),
        "not asked yet"
    );
    assert_eq!(ready(&with_pod(&world, running(), session(Line::Open))), ("False", "DeadlineExceeded"));
}

#[test]
fn an_operator_that_comes_back_asks_the_sandbox_before_it_gives_it_up() {
    let mut world = recorded();
    world.later(200);
    let pod = world.pod(running());
    let run = on_record(&world);
    let mut observed = world.observe();
    observed.run = &run;
    observed.pod = Some(&pod);
    observed.intent = Intent::Unknown;
    let plan = plan(&observed);
    assert_eq!(ready(&plan), ("Unknown", "Running"));
    assert!(matches!(plan.effects[..], [Effect::OpenSession(_)]), "{plan:?}");
}

#[test]
fn a_runner_that_died_unseen_is_lost_and_not_a_failed_start() {
    let world = recorded();
    let pod = world.pod(exited(70, "Error", ""));
    let run = on_record(&world);
    let mut observed = world.observe();
    observed.run = &run;
    observed.pod = Some(&pod);
    observed.intent = Intent::Unknown;
    assert_eq!(ready(&plan(&observed)), ("Unknown", "Retrying"));
}

#[test]
fn a_sandbox_that_has_the_run_outlives_its_class() {
    let mut world = recorded();
    world.later(100);
    world.class = None;
    let accepted = SessionView { accepted: true, ..SessionView::default() };
    let plan = with_pod(&world, running(), Some(accepted));
    assert_eq!(ready(&plan), ("Unknown", "Running"));
    assert!(!deletes(&plan.effects));
    let reported =
        SessionView { accepted: true, report: Some(Ok(Box::new(world.report()))), ..SessionView::default() };
    assert_eq!(ready(&with_pod(&world, running(), Some(reported))), ("True", "Succeeded"));
}

#[test]
fn progress_restarts_the_scheduling_deadline() {
    let mut world = recorded();
    let started = jiff::Timestamp::from_second(world.now.as_second() + 28).unwrap().to_string();
    world.later(35);
    let mut status = running();
    status["containerStatuses"][0]["state"] = json!({"running": {"startedAt": started}});
    assert_eq!(ready(&with_pod(&world, status, None)), ("Unknown", "Starting"));
}

#[test]
fn a_limit_of_nothing_is_no_limit_and_refused() {
    let mut world = World::new();
    let limits = ResourceLimits { cpu: Some("0".into()), ..ResourceLimits::default() };
    world.run.spec.resources = Some(Resources { limits: Some(limits) });
    assert_eq!(ready(&world.step()), ("False", "InvalidSpec"));
    assert!(world.status().conditions[0].message.contains("spec.resources.limits.cpu: write at least 10m"));
}

#[test]
fn code_that_changed_under_way_is_not_run_under_the_old_input() {
    let mut world = recorded();
    world.gate = gate("def strategy(data):\n    return data[\"close\"] < 0\n");
    assert_eq!(ready(&world.step()), ("False", "InvalidSpec"));
}

#[test]
fn a_runner_that_never_accepts_is_a_start_that_failed() {
    let mut world = recorded();
    world.later(30);
    assert_eq!(ready(&with_pod(&world, running(), None)), ("False", "SandboxStartFailed"));
    // What was handed over on a connection that is no more may be running.
    let session = |line| Some(SessionView { handed_over: true, line, ..SessionView::default() });
    assert_eq!(ready(&with_pod(&world, running(), session(Line::Open))), ("False", "SandboxStartFailed"));
    assert_eq!(ready(&with_pod(&world, running(), session(Line::Refused))), ("Unknown", "Running"));
    let waits = SessionView { handed_over: true, waits: true, ..SessionView::default() };
    assert_eq!(ready(&with_pod(&world, running(), Some(waits))), ("False", "SandboxStartFailed"));
}

#[test]
fn a_container_that_ends_without_a_word_and_cannot_be_asked_is_not_asked_for_ever() {
    let mut world = recorded();
    let session = |line| Some(SessionView { line, ..SessionView::default() });
    let ended = || exited(0, "Completed", "");
    assert_eq!(ready(&with_pod(&world, ended(), session(Line::Refused))), ("Unknown", "Running"));
    world.later(500);
    assert_eq!(ready(&with_pod(&world, ended(), session(Line::Trying))), ("Unknown", "Running"));
    assert_eq!(ready(&with_pod(&world, ended(), session(Line::Refused))), ("False", "DeadlineExceeded"));
}

#[test]
fn a_runner_has_its_time_from_when_it_could_be_asked() {
    let mut world = recorded();
    world.later(300);
    let pod = world.pod(running());
    let run = on_record(&world);
    let look = |seen| {
        let mut observed = world.observe();
        (observed.run, observed.pod, observed.intent) = (&run, Some(&pod), Intent::Created);
        observed.running = Some(Duration::from_secs(seen));
        ready(&plan(&observed)).1.to_owned()
    };
    assert_eq!((look(29), look(30)), ("Starting".to_owned(), "SandboxStartFailed".to_owned()));
}

#[test]
fn a_believed_report_is_written_before_its_pod_goes() {
    let world = recorded();
    let session =
        SessionView { accepted: true, report: Some(Ok(Box::new(world.report()))), ..SessionView::default() };
    let plan = with_pod(&world, running(), Some(session));
    assert_eq!(ready(&plan), ("True", "Succeeded"));
    assert!(!deletes(&plan.effects) && deletes(&plan.cleanup));
    let status = plan.status.unwrap();
    assert_eq!(status.metrics.unwrap().sharpe_ratio, Some(0.38));
    assert_eq!(status.path, Some(RunPath::Sandbox));
    assert_eq!(status.attempts[0].pod_uid.as_deref(), Some("pod-uid-1"));
}

#[test]
fn a_report_that_is_not_believed_is_an_invalid_result() {
    let world = recorded();
    let session =
        SessionView { accepted: true, report: Some(Err("forged".into())), ..SessionView::default() };
    assert_eq!(ready(&with_pod(&world, running(), Some(session))), ("False", "InvalidResult"));
}

#[test]
fn a_strategy_error_keeps_its_pod_and_names_the_line() {
    let world = recorded();
    let mut report = world.report();
    report.outcome = Outcome::StrategyError;
    report.metrics = None;
    report.fault = Some(StrategyFault {
        r#type: "KeyError".into(),
        message: "'x'".into(),
        line: Some(2),
        tail: String::new(),
    });
    let session =
        SessionView { accepted: true, report: Some(Ok(Box::new(report))), ..SessionView::default() };
    let plan = with_pod(&world, running(), Some(session));
    assert_eq!(ready(&plan), ("False", "StrategyError"));
    assert!(!deletes(&plan.cleanup));
    let status = plan.status.unwrap();
    assert_eq!(status.error.unwrap().line, Some(2));
    assert!(status.conditions[0].message.contains("KeyError: 'x' (line 2"));
}

#[test]
fn the_termination_log_counts_only_with_exit_code_0() {
    let world = recorded();
    let text = serde_json::to_string(&world.report()).unwrap();
    assert_eq!(ready(&with_pod(&world, exited(0, "Completed", &text), Some(gone()))), ("True", "Succeeded"));
    let accepted = Some(SessionView { accepted: true, ..SessionView::default() });
    assert_eq!(ready(&with_pod(&world, exited(1, "Error", &text), accepted)), ("Unknown", "Retrying"));
    assert_eq!(
        ready(&with_pod(&world, exited(0, "Completed", "{}"), Some(gone()))),
        ("False", "InvalidResult")
    );
    assert_eq!(
        ready(&with_pod(&world, exited(70, "Error", "no python"), None)),
        ("False", "SandboxStartFailed")
    );
    assert_eq!(ready(&with_pod(&world, exited(137, "OOMKilled", &text), None)), ("False", "OOMKilled"));
    assert_eq!(ready(&with_pod(&world, exited(0, "OOMKilled", &text), Some(gone()))), ("True", "Succeeded"));
}

#[test]
fn a_sandbox_that_the_kernel_killed_as_a_whole_at_its_memory_limit_is_oom_killed() {
    let mut world = recorded();
    let status: serde_json::Value = serde_saphyr::from_str(include_str!("oom-cgroup-v2.yaml")).unwrap();
    let exit = Exit { code: 137, oom_killed: true, message: String::new() };
    assert_eq!(read_pod(&world.pod(status.clone())), PodState::Exited(exit));
    // Whether the strategy was running or the data was still being read; and no other sandbox would have more memory.
    for session in [Some(SessionView { accepted: true, ..gone() }), Some(gone()), None] {
        let plan = with_pod(&world, status.clone(), session);
        assert_eq!(ready(&plan), ("False", "OOMKilled"));
        assert!(plan.status.unwrap().conditions[0].message.contains("spec.resources.limits.memory"));
    }
    world.run.status = with_pod(&world, status, None).status.map(|status| *status);
    let attempts = &world.status().attempts;
    assert_eq!(
        (attempts.len(), attempts[0].reason.as_deref(), attempts[0].losses),
        (1, Some("OOMKilled"), 0)
    );
}

#[test]
fn a_refused_creation_is_told_apart() {
    let mut world = recorded();
    let look = |world: &World, kind| {
        let refusal = Refusal { kind, message: "no".into() };
        let mut observed = world.observe();
        observed.refusal = Some(&refusal);
        plan(&observed)
    };
    assert_eq!(ready(&look(&world, RefusalKind::Admission)), ("False", "AdmissionRejected"));
    assert_eq!(ready(&look(&world, RefusalKind::Quota)), ("Unknown", "QuotaExceeded"));
    assert_eq!(ready(&look(&world, RefusalKind::Runtime)), ("Unknown", "RuntimeUnavailable"));
    world.later(30);
    assert_eq!(ready(&look(&world, RefusalKind::Quota)), ("False", "QuotaExceeded"));
}

#[test]
fn a_strangers_pod_is_never_adopted() {
    let world = recorded();
    let mut pod = world.pod(running());
    pod.metadata.owner_references = None;
    let mut observed = world.observe();
    observed.pod = Some(&pod);
    let plan = plan(&observed);
    assert_eq!(ready(&plan), ("Unknown", "Retrying"));
    assert!(!deletes(&plan.effects), "and never deleted either");
}

#[test]
fn lost_sandboxes_are_replaced_up_to_the_limit() {
    let mut world = recorded();
    let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "disk"});
    for number in 1..=3 {
        assert_eq!(world.status().attempts.last().unwrap().number, number);
        let plan = with_pod(&world, evicted.clone(), None);
        let (status, reason) = ready(&plan);
        let expected = if number < 3 { ("Unknown", "Retrying") } else { ("False", "BackoffLimitExceeded") };
        assert_eq!((status, reason), expected);
        world.run.status = plan.status.map(|status| *status);
        world.later(100);
        world.step();
    }
}

#[test]
fn without_a_backoff_limit_the_loss_is_the_reason() {
    let mut world = World::new();
    world.run.spec.backoff_limit = Some(0);
    world.step();
    let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "disk"});
    assert_eq!(ready(&with_pod(&world, evicted, None)), ("False", "Evicted"));
}
