//! Rows of the state table about artifacts.

use super::World;
use super::results::{looks_ahead, message, passed, session};
use super::table::{deletes, ready, running, with_pod};
use crate::crd::{CheckMode, Checks};
use crate::run::{Artifact, Effect, Next, SessionView};
use crate::wire::{ArtifactHead, ArtifactKind, sha256_hex};
use std::time::Duration;

pub(super) fn curve() -> Artifact {
    let bytes = b"gzip".to_vec();
    Artifact { kind: ArtifactKind::EquityCurve, sha256: sha256_hex(&bytes), bytes }
}

/// A run that has asked for a curve and reported one.
fn with_artifacts(change: impl FnOnce(&mut SessionView)) -> (World, SessionView) {
    let mut world = World::new();
    world.run.spec.artifacts = vec![ArtifactKind::EquityCurve];
    world.step();
    let mut report = world.report();
    report.checks = Some(passed());
    let whole = curve();
    report.artifacts = vec![ArtifactHead { kind: whole.kind, bytes: 4, sha256: whole.sha256 }];
    let mut view = session(report);
    change(&mut view);
    (world, view)
}

#[test]
fn a_report_waits_for_the_artifacts_that_it_announces() {
    let (world, view) = with_artifacts(|view| view.collecting = true);
    let plan = with_pod(&world, running(), Some(view));
    assert_eq!((ready(&plan), plan.next), (("Unknown", "Collecting"), Next::After(Duration::from_secs(2))));
    assert!(
        !deletes(&plan.effects) && !deletes(&plan.cleanup) && !plan.cleanup.contains(&Effect::CloseSession)
    );
}

#[test]
fn artifacts_become_one_owned_config_map_before_the_status_names_it() {
    let (world, view) = with_artifacts(|view| view.artifacts = vec![curve()]);
    let plan = with_pod(&world, running(), Some(view));
    assert_eq!(ready(&plan), ("True", "Succeeded"));
    let [Effect::ApplyArtifacts(map)] = &plan.effects[..] else { panic!("{:?}", plan.effects) };
    let owner = &map.metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!((owner.uid.as_str(), owner.block_owner_deletion), ("run-uid", None));
    assert_eq!(map.binary_data.as_ref().unwrap()["equity-curve.csv.gz"].0, b"gzip");
    let [there] = &plan.status.as_ref().unwrap().artifacts[..] else { panic!("{plan:?}") };
    assert_eq!(Some(&there.config_map), map.metadata.name.as_ref());
    assert_eq!((there.key.as_str(), &there.sha256), ("equity-curve.csv.gz", &curve().sha256));
}

#[test]
fn lost_or_refused_artifacts_are_said_and_cost_no_result() {
    let (world, lost) = with_artifacts(|_| ());
    let plan = with_pod(&world, running(), Some(lost));
    assert_eq!(ready(&plan), ("True", "Succeeded"));
    let status = plan.status.unwrap();
    assert!(status.artifacts.is_empty() && message(&status).contains("artifacts"), "{}", message(&status));
    let (world, view) = with_artifacts(|view| view.artifacts = vec![curve()]);
    let pod = world.pod(running());
    let mut observed = world.observe();
    (observed.pod, observed.session, observed.artifacts_refused) = (Some(&pod), Some(&view), true);
    let plan = super::super::plan(&observed);
    assert_eq!(ready(&plan), ("True", "Succeeded"));
    assert!(plan.effects.is_empty() && message(plan.status.as_ref().unwrap()).contains("artifacts"));
}

#[test]
fn a_result_that_a_check_takes_away_leaves_no_artifacts() {
    let (mut world, mut view) = with_artifacts(|view| view.artifacts = vec![curve()]);
    world.run.spec.checks = Some(Checks { lookahead: Some(CheckMode::Enforce), ..Checks::default() });
    world.run.status = None;
    world.step();
    let mut report = world.report();
    report.checks = Some(looks_ahead());
    view.report = Some(Ok(Box::new(report)));
    let plan = with_pod(&world, running(), Some(view));
    assert_eq!(ready(&plan), ("False", "LookaheadDetected"));
    assert!(plan.effects.is_empty() && plan.status.unwrap().artifacts.is_empty());
}
