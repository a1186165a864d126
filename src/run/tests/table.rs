//! Rows of the state table: what is observed → what is planned.

use super::{CODE, World, assert_kstatus, condition, gate};
use crate::crd::{Fallback, FallbackPolicy, ResourceLimits, Resources, RunPath, StrategyRun};
use crate::run::{
    Effect, Gate, Intent, Line, Next, NodeFacts, Observed, Place, Plan, Refusal, RefusalKind, SessionView,
    plan,
};
use crate::sandbox::{Exit, PodState, read_pod};
use crate::wire::{Metrics, Outcome, StrategyFault};
use serde_json::json;
use std::time::Duration;

pub(super) fn ready(plan: &Plan) -> (&str, &str) {
    let status = plan.status.as_ref().expect("a status is written");
    assert_kstatus(status);
    condition(status, "Ready").unwrap()
}

pub(super) fn recorded() -> World {
    let mut world = World::new();
    world.step();
    world
}

pub(super) fn running() -> serde_json::Value {
    json!({"phase": "Running", "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "runner", "image": "", "imageID": "sha256:1", "ready": true, "restartCount": 0,
            "state": {"running": {}}}]})
}

pub(super) fn exited(code: i32, reason: &str, message: &str) -> serde_json::Value {
    json!({"phase": "Succeeded", "containerStatuses": [{"name": "runner", "image": "", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"terminated": {"exitCode": code, "reason": reason, "message": message}}}]})
}

fn unschedulable() -> serde_json::Value {
    json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available"}]})
}

fn waiting(reason: &str) -> serde_json::Value {
    json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "runner", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": "no"}}}]})
}

/// Plans for the last attempt with a pod in that state, which is on record.
pub(super) fn with_pod(world: &World, status: serde_json::Value, session: Option<SessionView>) -> Plan {
    let pod = world.pod(status);
    let run = on_record(world);
    let mut observed = world.observe();
    observed.run = &run;
    observed.pod = Some(&pod);
    observed.session = session.as_ref();
    plan(&observed)
}

/// The run with its last attempt's pod on record.
pub(super) fn on_record(world: &World) -> StrategyRun {
    let mut run = world.run.clone();
    let attempt = run.status.as_mut().unwrap().attempts.last_mut().unwrap();
    attempt.pod_uid = Some(format!("pod-uid-{}", attempt.number));
    run
}

/// What was heard of a runner that was given the run and does not answer any more.
pub(super) fn gone() -> SessionView {
    SessionView { handed_over: true, line: Line::Refused, ..SessionView::default() }
}

pub(super) fn deletes(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::DeletePod { .. }))
}

#[test]
fn a_new_run_records_its_attempt_before_anything_is_done() {
    let mut world = World::new();
    let plan = world.step();
    assert!(plan.effects.is_empty());
    assert_eq!(ready(&plan), ("Unknown", "Scheduling"));
    assert_eq!(plan.next, Next::Again);
    let attempt = &world.status().attempts[0];
    assert_eq!((attempt.number, attempt.pod_uid.clone()), (1, None));
}

#[test]
fn a_recorded_attempt_creates_its_pod_behind_the_network_policy() {
    let mut world = recorded();
    let plan = world.step();
    assert!(matches!(plan.effects[..], [Effect::EnsureNetworkPolicy(_), Effect::CreatePod(_)]), "{plan:?}");
    assert_eq!(plan.status, None);
}

#[test]
fn a_pod_is_on_record_before_the_run_is_handed_over() {
    let world = recorded();
    let pod = world.pod(running());
    let mut observed = world.observe();
    observed.pod = Some(&pod);
    let first = plan(&observed);
    assert!(first.effects.is_empty());
    assert_eq!(first.next, Next::Again);
    assert_eq!(first.status.unwrap().attempts[0].pod_uid.as_deref(), Some("pod-uid-1"));
}

#[test]
fn an_attempt_whose_pod_was_on_record_is_never_created_again() {
    let world = recorded();
    let run = on_record(&world);
    for intent in [Intent::Unknown, Intent::Recorded, Intent::Created] {
        let mut observed = world.observe();
        (observed.run, observed.intent) = (&run, intent);
        // Of a creation whose answer was lost.
        let refusal = Refusal { kind: RefusalKind::Server, message: "no answer".into() };
        observed.refusal = Some(&refusal);
        let plan = plan(&observed);
        assert!(!plan.effects.iter().any(|effect| matches!(effect, Effect::CreatePod(_))));
        assert_eq!(ready(&plan), ("Unknown", "Retrying"));
        assert_eq!(plan.status.unwrap().attempts[0].reason.as_deref(), Some("PodLost"));
    }
}

#[test]
fn an_operator_that_comes_back_creates_the_pod_that_nobody_has_handed_a_run() {
    let world = recorded();
    let mut observed = world.observe();
    observed.intent = Intent::Unknown;
    let plan = plan(&observed);
    assert!(plan.effects.iter().any(|effect| matches!(effect, Effect::CreatePod(_))));
    assert_eq!(plan.status, None);
}

#[test]
fn a_strategy_that_the_gate_is_still_reading_shows_as_validating() {
    let mut world = World::new();
    world.gate = Gate::Undecided;
    let plan = world.step();
    assert_eq!(ready(&plan), ("Unknown", "Validating"));
    assert!(plan.effects.is_empty() && world.status().attempts.is_empty());
    // Whoever has the verdict wakes it.
    assert_eq!(plan.next, Next::After(std::time::Duration::from_secs(30)));
    assert_eq!(world.step().status, None);
    world.gate = gate(CODE);
    assert_eq!(ready(&world.step()), ("Unknown", "Scheduling"));
    // By an operator that has just begun, a sandbox that is there already is left as it is.
    world.gate = Gate::Undecided;
    let plan = world.step();
    assert_eq!((plan.effects, plan.status), (Vec::new(), None));
}

#[test]
fn a_rejected_strategy_ends_with_its_findings_and_no_pod() {
    let mut world = World::new();
    world.gate = gate("import os\ndef strategy(data):\n    return data['close']\n");
    let plan = world.step();
    assert_eq!(ready(&plan), ("False", "CodeRejected"));
    assert!(plan.effects.is_empty() && world.status().attempts.is_empty());
    let finding = &world.status().validation.as_ref().unwrap().findings[0];
    assert_eq!((finding.rule.as_str(), finding.line), ("IMP001", 1));
    assert_eq!(condition(world.status(), "Validated"), Some(("False", "CodeRejected")));
}

#[test]
fn a_missing_class_is_waited_for_and_then_terminal() {
    let mut world = World::new();
    world.class = None;
    let first = world.step();
    assert_eq!(ready(&first), ("Unknown", "ClassNotFound"));
    assert_eq!(first.next, Next::After(std::time::Duration::from_secs(2)));
    world.later(30);
    assert_eq!(ready(&world.step()), ("False", "ClassNotFound"));
}

#[test]
fn what_is_missing_has_its_own_time_after_a_long_wait_for_something_else() {
    let mut world = World::new();
    let queued = plan(&Observed { place: Place::Waiting { taken: 1, waiting: 1 }, ..world.observe() });
    assert_eq!(ready(&queued), ("Unknown", "Queued"));
    world.run.status = queued.status.map(|status| *status);
    world.later(600);
    world.class = None;
    assert_eq!(ready(&world.step()), ("Unknown", "ClassNotFound"));
    let since = Some(world.now);
    world.later(29);
    let still = plan(&Observed { reason_since: since, ..world.observe() });
    assert_eq!((still.status, still.next), (None, Next::After(std::time::Duration::from_secs(1))));
    world.later(1);
    assert_eq!(
        ready(&plan(&Observed { reason_since: since, ..world.observe() })),
        ("False", "ClassNotFound")
    );
}

#[test]
fn a_missing_dataset_lists_those_there_are() {
    let mut world = World::new();
    world.run.spec.dataset.name = "eu-stocks".into();
    assert_eq!(ready(&world.step()), ("Unknown", "DatasetNotFound"));
    let message = &world.status().conditions[0].message;
    assert!(message.contains("spec.dataset.name") && message.contains("us-stocks"), "{message}");
}

#[test]
fn missing_code_is_waited_for() {
    let mut world = World::new();
    world.gate = Gate::CodeNotFound("spec.codeFrom.configMapKeyRef: there is no ConfigMap".into());
    assert_eq!(ready(&world.step()), ("Unknown", "CodeNotFound"));
    world.later(31);
    assert_eq!(ready(&world.step()), ("False", "CodeNotFound"));
}

#[test]
fn limits_above_the_class_are_named_with_the_remedy() {
    let mut world = World::new();
    let limits = ResourceLimits { memory: Some("4Gi".into()), ..ResourceLimits::default() };
    world.run.spec.resources = Some(Resources { limits: Some(limits) });
    let plan = world.step();
    assert_eq!(ready(&plan), ("False", "InvalidSpec"));
    let message = &world.status().conditions[0].message;
    assert!(message.contains("spec.resources.limits.memory") && message.contains("at most 2Gi"), "{message}");
}

#[test]
fn a_date_that_is_none_is_named() {
    let mut world = World::new();
    world.run.spec.dataset.start = Some("2012-13-01".into());
    assert_eq!(ready(&world.step()), ("False", "InvalidSpec"));
    assert!(world.status().conditions[0].message.contains("spec.dataset.start"));
}

#[test]
fn a_disabled_sandbox_answers_by_ast_only_and_executes_nothing() {
    let mut world = World::new();
    world.config.sandbox.enabled = false;
    let plan = world.step();
    assert_eq!(ready(&plan), ("False", "SandboxDisabled"));
    assert_eq!(world.status().path, Some(RunPath::AstOnly));
    assert_eq!(condition(world.status(), "FallbackActive"), Some(("True", "SandboxDisabled")));
    assert!(plan.effects.iter().all(|effect| *effect == Effect::CloseSession));
}

#[test]
fn without_a_profile_on_any_node_no_pod_is_created() {
    let mut world = World::new();
    world.nodes = NodeFacts::default();
    assert_eq!(ready(&world.step()), ("Unknown", "ProfileMissing"));
    world.later(30);
    assert_eq!(ready(&world.step()), ("False", "ProfileMissing"));
    assert!(world.status().attempts.is_empty());
}

#[test]
fn an_unschedulable_pod_falls_back_only_after_the_deadline_and_goes_first() {
    let mut world = recorded();
    let early = with_pod(&world, unschedulable(), None);
    assert_eq!(ready(&early), ("Unknown", "Unschedulable"));
    assert!(!deletes(&early.effects));
    world.later(30);
    let late = with_pod(&world, unschedulable(), None);
    assert_eq!(ready(&late), ("False", "Unschedulable"));
    let unchanged = late.effects.iter().any(
        |effect| matches!(effect, Effect::DeletePod { resource_version: Some(version), .. } if version == "7"),
    );
    assert!(unchanged, "deleted only as it was looked at: {:?}", late.effects);
    let status = late.status.unwrap();
    assert_eq!(status.path, Some(RunPath::AstOnly));
    assert_eq!(status.conditions[0].message, "0/1 nodes are available");
    assert_eq!(condition(&status, "Scheduled"), Some(("False", "Unschedulable")));
}

#[test]
fn policy_fail_has_no_path() {
    let mut world = recorded();
    world.run.spec.fallback =
        Some(Fallback { policy: Some(FallbackPolicy::Fail), retry_deadline_seconds: None });
    world.later(30);
    let plan = with_pod(&world, unschedulable(), None);
    assert_eq!(ready(&plan), ("False", "Unschedulable"));
    assert_eq!(plan.status.unwrap().path, None);
}

#[test]
fn the_operators_switch_turns_ast_only_into_fail() {
    let mut world = recorded();
    world.config.fallback.enabled = false;
    world.later(30);
    assert_eq!(with_pod(&world, unschedulable(), None).status.unwrap().path, None);
}

#[test]
fn a_gated_pod_is_never_a_fallback() {
    let mut world = recorded();
    world.later(100_000);
    let gated =
        json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]});
    assert_eq!(ready(&with_pod(&world, gated, None)), ("Unknown", "Queued"));
}

#[test]
fn trouble_with_the_start_has_its_own_cause() {
    for (word, cause) in
        [("ImagePullBackOff", "ImageUnavailable"), ("CreateContainerError", "SandboxStartFailed")]
    {
        let mut world = recorded();
        assert_eq!(ready(&with_pod(&world, waiting(word), None)), ("Unknown", cause));
        world.later(30);
        assert_eq!(ready(&with_pod(&world, waiting(word), None)), ("False", cause));
    }
}

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

#[test]
fn a_finished_run_stays_finished_and_is_not_written_again() {
    let mut world = recorded();
    let text = serde_json::to_string(&world.report()).unwrap();
    world.run.status =
        with_pod(&world, exited(0, "Completed", &text), Some(gone())).status.map(|status| *status);
    let before = world.status().clone();
    world.later(1000);
    world.class = None;
    let plan = world.step();
    assert_eq!((plan.status, world.status()), (None, &before));
}

#[test]
fn a_new_generation_with_the_same_input_moves_the_observed_generation_only() {
    let mut world = World::new();
    world.gate = gate("import os\n");
    world.step();
    let before = world.status().clone();
    world.run.metadata.generation = Some(2);
    world.run.spec.active_deadline_seconds = Some(10);
    world.step();
    assert_eq!(world.status().observed_generation, Some(2));
    assert_eq!(world.status().conditions, before.conditions);
}

#[test]
fn a_new_input_starts_again_at_attempt_1_and_leaves_the_former_pod() {
    let mut world = recorded();
    let pod = world.pod(running());
    let former = world.status().attempts[0].pod_name.clone();
    world.run.metadata.generation = Some(2);
    world.run.spec.params.insert("window".into(), "20".into());
    let mut observed = world.observe();
    observed.pod = Some(&pod);
    let plan = plan(&observed);
    assert!(deletes(&plan.effects));
    let status = plan.status.unwrap();
    assert_eq!(status.attempts.len(), 1);
    assert_ne!(status.attempts[0].pod_name, former);
}

#[test]
fn intermediate_reasons_are_written_at_most_once_a_second_and_what_every_run_passes_less_often() {
    let world = recorded();
    let pod = world.pod(running());
    let run = on_record(&world);
    let mut observed = world.observe();
    observed.run = &run;
    observed.pod = Some(&pod);
    observed.since_write = Some(std::time::Duration::from_millis(300));
    let starting = plan(&observed);
    assert_eq!((starting.status, starting.next), (None, Next::After(std::time::Duration::from_millis(2700))));
    let session = SessionView { accepted: true, ..SessionView::default() };
    observed.session = Some(&session);
    let running = plan(&observed);
    assert_eq!((running.status, running.next), (None, Next::After(std::time::Duration::from_millis(2700))));
    let waits = world
        .pod(json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}));
    (observed.pod, observed.session) = (Some(&waits), None);
    let waiting = plan(&observed);
    assert_eq!((waiting.status, waiting.next), (None, Next::After(std::time::Duration::from_millis(700))));
}

#[test]
fn a_run_that_is_going_away_is_left_alone() {
    let mut world = recorded();
    world.run.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
    let plan = world.step();
    assert_eq!((plan.effects, plan.status), (vec![Effect::CloseSession], None));
}

#[test]
fn a_kept_pod_goes_after_its_time() {
    let mut world = recorded();
    let oom = exited(137, "OOMKilled", "");
    let plan = with_pod(&world, oom.clone(), None);
    assert!(!deletes(&plan.cleanup));
    world.run.status = plan.status.map(|status| *status);
    assert_eq!(with_pod(&world, oom.clone(), None).next, Next::After(std::time::Duration::from_hours(1)));
    world.later(3600);
    assert!(deletes(&with_pod(&world, oom, None).cleanup));
}

#[test]
fn the_largest_possible_texts_fit_the_status() {
    let world = recorded();
    let mut report = world.report();
    report.outcome = Outcome::StrategyError;
    report.metrics = None;
    let long = |length: usize| "\"\\\u{e9}\n".repeat(length);
    report.fault =
        Some(StrategyFault { r#type: long(20), message: long(100), line: Some(1), tail: long(150) });
    let session =
        SessionView { accepted: true, report: Some(Ok(Box::new(report))), ..SessionView::default() };
    let plan = with_pod(&world, running(), Some(session));
    ready(&plan);
    assert_eq!(Metrics::default(), plan.status.unwrap().metrics.unwrap_or_default());
}
