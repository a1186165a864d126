//! What users may ask of a run beside its result, and what is tried again.

use super::table::{deletes, ready, recorded, running, with_pod};
use super::{World, assert_kstatus, condition};
use crate::crd::{Attempt, Fallback, FallbackPolicy, SandboxClass};
use crate::run::{Effect, Next, Place, Plan, Refusal, RefusalKind, leaves_place, plan, wants_place};
use serde_json::json;
use std::time::Duration;

fn unschedulable() -> serde_json::Value {
    json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available"}]})
}

fn gated() -> serde_json::Value {
    json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]})
}

/// Keeps what a plan writes.
fn keep(world: &mut World, plan: &Plan) {
    if let Some(status) = &plan.status {
        assert_kstatus(status);
        world.run.status = Some((**status).clone());
    }
}

fn suspended() -> World {
    let mut world = recorded();
    world.run.spec.suspend = true;
    world
}

#[test]
fn suspending_kills_the_sandbox_and_stops_the_clocks() {
    let mut world = suspended();
    let plan = with_pod(&world, running(), None);
    assert!(deletes(&plan.effects));
    assert_eq!(ready(&plan), ("Unknown", "Suspended"));
    let status = plan.status.clone().unwrap();
    assert_eq!(condition(&status, "Suspended"), Some(("True", "Suspended")));
    assert_eq!((status.start_time.clone(), status.attempts[0].reason.as_deref()), (None, Some("Suspended")));
    let left = status.attempts[0].pod_uid.clone().unwrap();
    keep(&mut world, &plan);
    assert!(!world.run.has_use_for(&left), "a claim that comes late leaves a sandbox that nobody wants");
    let mut resumed = world.run.clone();
    let attempts = &mut resumed.status.as_mut().unwrap().attempts;
    attempts.push(Attempt { reason: None, ..attempts[0].clone() });
    assert!(resumed.has_use_for(&left), "an attempt that has found it in its pool again");
    assert!(leaves_place(&world.run) && !wants_place(&world.observe()));
    world.later(100_000);
    let before = world.run.status.clone();
    let again = world.step();
    assert_eq!(world.run.status, before, "and nothing is written any more");
    assert_eq!(again, Plan { effects: vec![Effect::CloseSession], ..Plan::nothing() });
}

#[test]
fn a_resumed_run_has_a_new_attempt_that_does_not_count_as_a_loss() {
    let mut world = suspended();
    let plan = with_pod(&world, running(), None);
    keep(&mut world, &plan);
    world.later(100_000);
    world.run.spec.suspend = false;
    let plan = world.step();
    assert_eq!(ready(&plan), ("Unknown", "Scheduling"));
    let status = world.status();
    assert_eq!((status.attempts[1].number, status.attempts[1].losses), (2, 0));
    assert_eq!(condition(status, "Suspended"), None);
    assert_eq!(status.start_time.as_ref().map(|time| time.0), Some(world.now));
}

#[test]
fn a_report_that_is_in_counts_although_the_run_was_suspended_since() {
    let world = suspended();
    let session = crate::run::SessionView {
        accepted: true,
        report: Some(Ok(Box::new(world.report()))),
        ..crate::run::SessionView::default()
    };
    assert_eq!(ready(&with_pod(&world, running(), Some(session))).0, "True");
}

#[test]
fn a_finished_run_stays_finished_when_it_is_suspended() {
    let mut world = recorded();
    finish(&mut world);
    world.run.spec.suspend = true;
    world.run.metadata.generation = Some(2);
    world.step();
    assert_eq!(condition(world.status(), "Ready").unwrap().0, "False");
    assert_eq!(condition(world.status(), "Suspended"), None);
}

/// Ends the run by a fallback.
fn finish(world: &mut World) {
    world.later(30);
    let plan = with_pod(world, unschedulable(), None);
    keep(world, &plan);
    assert!(world.status().completion_time.is_some());
}

fn rerun(world: &mut World, value: &str) {
    let annotations = world.run.metadata.annotations.get_or_insert_default();
    annotations.insert("stratbox.dev/rerun-requested-at".into(), value.into());
}

#[test]
fn a_rerun_begins_anew_once_under_another_pod_name() {
    let mut world = recorded();
    let first = world.status().attempts[0].pod_name.clone();
    finish(&mut world);
    rerun(&mut world, "2027-01-16");
    let plan = world.step();
    assert_eq!(ready(&plan), ("Unknown", "Scheduling"));
    let status = world.status();
    assert_eq!(status.last_handled_rerun_at.as_deref(), Some("2027-01-16"));
    assert_eq!((status.attempts.len(), status.attempts[0].number), (1, 1));
    assert_ne!(status.attempts[0].pod_name, first);
    assert_eq!(status.history[0].reason, "Unschedulable");
    finish(&mut world);
    assert_eq!(world.step().status, None, "handled is handled");
}

#[test]
fn a_rerun_that_was_asked_for_from_the_start_is_the_first_run() {
    let mut world = World::new();
    rerun(&mut world, "x");
    world.step();
    finish(&mut world);
    assert_eq!(world.status().last_handled_rerun_at.as_deref(), Some("x"));
    assert_eq!(world.step().status, None);
}

#[test]
fn a_run_goes_when_its_time_is_up_and_not_before() {
    let mut world = recorded();
    world.run.spec.ttl_seconds_after_finished = Some(60);
    finish(&mut world);
    assert_eq!(world.step().next, Next::After(Duration::from_mins(1)));
    world.later(60);
    assert!(world.step().cleanup.contains(&Effect::DeleteRun));
    rerun(&mut world, "again");
    assert!(!world.step().cleanup.contains(&Effect::DeleteRun), "whoever wants another run wants it kept");
}

#[test]
fn whoever_lets_a_run_delete_itself_under_gitops_is_warned() {
    let mut world = recorded();
    world.run.spec.ttl_seconds_after_finished = Some(60);
    world.run.metadata.labels =
        Some([("kustomize.toolkit.fluxcd.io/name".to_owned(), "apps".to_owned())].into());
    world.later(30);
    let plan = with_pod(&world, unschedulable(), None);
    assert!(
        plan.notices[0].warning && plan.notices[0].message.contains("ttlSecondsAfterFinished"),
        "{plan:?}"
    );
}

#[test]
fn without_a_place_a_run_waits_without_an_attempt_and_without_a_clock() {
    let mut world = World::new();
    for _ in 0..3 {
        let mut observed = world.observe();
        observed.place = Place::Waiting { taken: 16, waiting: 3 };
        let plan = plan(&observed);
        assert!(plan.effects.is_empty());
        assert_eq!(plan.next, Next::After(Duration::from_secs(30)));
        keep(&mut world, &plan);
        assert_eq!(condition(world.status(), "Ready"), Some(("Unknown", "Queued")));
        assert!(world.status().attempts.is_empty());
        world.later(10_000);
    }
    assert_eq!(ready(&world.step()), ("Unknown", "Scheduling"));
}

#[test]
fn room_that_comes_is_progress_for_whoever_waits_for_room_only() {
    let mut world = recorded();
    world.later(29);
    let room = world.now;
    world.later(20);
    let look = |world: &World, status| {
        let (pod, mut run) = (world.pod(status), world.run.clone());
        run.status.as_mut().unwrap().attempts[0].pod_uid = Some("pod-uid-1".into());
        let mut observed = world.observe();
        (observed.run, observed.pod, observed.room_since) = (&run, Some(&pod), Some(room));
        let plan = plan(&observed);
        ready(&plan).0.to_owned()
    };
    assert_eq!(look(&world, unschedulable()), "Unknown");
    let image = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "runner", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no"}}}]});
    assert_eq!(look(&world, image), "False", "room does not bring an image");
    world.later(10);
    assert_eq!(look(&world, unschedulable()), "False");
}

#[test]
fn the_time_behind_a_gate_does_not_count_afterwards() {
    let mut world = recorded();
    world.later(10_000);
    let held = with_pod(&world, gated(), None);
    assert_eq!(ready(&held), ("Unknown", "Queued"));
    keep(&mut world, &held);
    let opened = with_pod(&world, unschedulable(), None);
    assert_eq!(ready(&opened), ("Unknown", "Unschedulable"));
    keep(&mut world, &opened);
    world.later(29);
    let still = with_pod(&world, unschedulable(), None);
    keep(&mut world, &still);
    assert!(world.status().completion_time.is_none());
    world.later(1);
    assert_eq!(ready(&with_pod(&world, unschedulable(), None)), ("False", "Unschedulable"));
}

fn retrying(deadline: u32) -> World {
    let mut world = World::new();
    world.run.spec.fallback =
        Some(Fallback { policy: Some(FallbackPolicy::Retry), retry_deadline_seconds: Some(deadline) });
    world.step();
    world
}

/// The scheduling deadline passes without a node.
fn give_up(world: &mut World) {
    world.later(30);
    let plan = with_pod(world, unschedulable(), None);
    assert!(deletes(&plan.effects), "{plan:?}");
    keep(world, &plan);
}

#[test]
fn policy_retry_tries_again_after_growing_pauses() {
    let mut world = retrying(3600);
    for pause in [5, 10, 20, 40, 80, 80] {
        give_up(&mut world);
        assert_eq!(condition(world.status(), "Ready"), Some(("Unknown", "Unschedulable")));
        assert_eq!(condition(world.status(), "FallbackActive"), Some(("True", "Unschedulable")));
        assert_eq!(world.status().path, None);
        assert!(leaves_place(&world.run) && !wants_place(&world.observe()));
        let before = world.status().attempts.last().unwrap().number;
        world.later(pause - 1);
        world.step();
        assert_eq!(world.status().attempts.last().unwrap().number, before, "not before {pause} s");
        world.later(1);
        assert!(wants_place(&world.observe()));
        world.step();
        let last = world.status().attempts.last().unwrap();
        assert_eq!((last.number, last.losses), (before + 1, 0));
        assert!(!leaves_place(&world.run));
    }
}

#[test]
fn room_that_comes_ends_the_pause() {
    let mut world = retrying(3600);
    give_up(&mut world);
    world.later(1);
    let mut observed = world.observe();
    observed.room_since = Some(world.now);
    let plan = plan(&observed);
    assert_eq!(ready(&plan), ("Unknown", "Scheduling"));
}

#[test]
fn policy_retry_ends_without_a_path_when_its_deadline_has_passed() {
    let mut world = retrying(60);
    for _ in 0..20 {
        if world.status().completion_time.is_some() {
            break;
        }
        if world.status().attempts.last().unwrap().finished_at.is_none() {
            give_up(&mut world);
        } else {
            world.later(5);
            world.step();
        }
    }
    assert_eq!(condition(world.status(), "Ready"), Some(("False", "Unschedulable")));
    assert_eq!(condition(world.status(), "FallbackActive"), Some(("True", "Unschedulable")));
    assert_eq!(world.status().path, None);
}

#[test]
fn a_sandbox_that_was_had_after_all_ends_the_fallback() {
    let mut world = retrying(3600);
    give_up(&mut world);
    world.later(5);
    world.step();
    let session = crate::run::SessionView { accepted: true, ..crate::run::SessionView::default() };
    let plan = with_pod(&world, running(), Some(session));
    assert_eq!(ready(&plan), ("Unknown", "Running"));
    assert_eq!(condition(plan.status.as_ref().unwrap(), "FallbackActive"), None);
}

#[test]
fn a_refusal_is_tried_again_too() {
    let mut world = retrying(3600);
    let refusal = Refusal { kind: RefusalKind::Admission, message: "no".into() };
    let mut observed = world.observe();
    observed.refusal = Some(&refusal);
    let plan = plan(&observed);
    assert_eq!(ready(&plan), ("Unknown", "AdmissionRejected"));
    keep(&mut world, &plan);
    world.later(5);
    assert_eq!(ready(&world.step()), ("Unknown", "Scheduling"));
}

#[test]
fn a_switch_that_is_off_is_waited_for_too() {
    let mut world = retrying(3600);
    world.config.sandbox.enabled = false;
    world.step();
    assert_eq!(condition(world.status(), "Ready"), Some(("Unknown", "SandboxDisabled")));
    world.later(3600);
    world.step();
    assert_eq!(condition(world.status(), "Ready"), Some(("False", "SandboxDisabled")));
}

#[test]
fn losses_are_what_counts_against_the_limit() {
    let mut world = recorded();
    world.run.spec.backoff_limit = Some(1);
    world.run.spec.suspend = true;
    let held = with_pod(&world, running(), None);
    keep(&mut world, &held);
    world.run.spec.suspend = false;
    world.step();
    for expected in ["Retrying", "BackoffLimitExceeded"] {
        let lost = with_pod(&world, json!({"phase": "Failed", "reason": "Evicted"}), None);
        assert_eq!(ready(&lost).1, expected);
        keep(&mut world, &lost);
        world.later(10);
        world.step();
    }
}

#[test]
fn a_class_that_is_gone_takes_no_place() {
    let mut world = recorded();
    assert!(wants_place(&world.observe()));
    let class: Option<SandboxClass> = world.class.take();
    assert!(!wants_place(&world.observe()) && class.is_some());
}
