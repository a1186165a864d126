//! Rows of the state table after the end of a run.

use super::table::{deletes, exited, gone, on_record, recorded, running, with_pod};
use super::{World, gate};
use crate::run::{Effect, Next, SessionView, plan};
use serde_json::json;

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
