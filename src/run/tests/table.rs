//! Rows of the state table: what is observed → what is planned.

use super::{CODE, World, assert_kstatus, condition, gate};
use crate::crd::{Fallback, FallbackPolicy, ResourceLimits, Resources, RunPath, StrategyRun};
use crate::run::{
    Effect, Gate, Intent, Line, Next, NodeFacts, Observed, Place, Plan, Refusal, RefusalKind, SessionView,
    plan,
};
use serde_json::json;

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
