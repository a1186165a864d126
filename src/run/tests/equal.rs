//! Rows of the state table about equal runs: which of them is answered by another one.

use super::results::{accept, looks_ahead, message, session};
use super::table::{ready, running, with_pod};
use super::{World, condition, gate};
use crate::crd::{CachePolicy, Checks, DatasetImage, OnReject, RunPath, StrategyRun, Verdict};
use crate::run::{Effect, Plan, plan, sought};
use crate::wire::{ArtifactKind, Layer, Report};

const PINNED: &str = "example.org/x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A world whose image and data are named by digest.
fn pinned() -> World {
    let mut world = World::new();
    let class = &mut world.class.as_mut().unwrap().spec;
    class.image = PINNED.into();
    class.datasets[0].image = Some(DatasetImage { reference: PINNED.into() });
    world
}

/// A run of another name with the same inputs that has ended well.
fn finished_equal() -> StrategyRun {
    let mut world = pinned();
    world.run.metadata.name = Some("first".into());
    world.run.metadata.uid = Some("another".into());
    world.step();
    let mut report = Report { run_uid: "another".into(), ..world.report() };
    report.checks = Some(looks_ahead());
    let mut pod = world.pod(running());
    pod.metadata.owner_references.as_mut().unwrap()[0].uid = "another".into();
    pod.metadata.labels.as_mut().unwrap().insert("stratbox.dev/run-uid".into(), "another".into());
    let view = session(report);
    let mut observed = world.observe();
    (observed.pod, observed.session) = (Some(&pod), Some(&view));
    let status = plan(&observed).status;
    world.run.status = status.map(|status| *status);
    world.run
}

#[test]
fn a_result_of_a_sandbox_that_was_made_from_another_class_answers_nobody() {
    let mut world = pinned();
    let recorded = world.step().status.unwrap();
    let fingerprint = |plan: &Plan| plan.status.as_ref().unwrap().provenance.clone().unwrap().fingerprint;
    let look = |world: &World| with_pod(world, serde_json::json!({"phase": "Pending"}), None);
    assert_eq!(fingerprint(&look(&world)), recorded.provenance.unwrap().fingerprint);
    world.class.as_mut().unwrap().spec.image = PINNED.replace('0', "1");
    assert_eq!(fingerprint(&look(&world)), None);
}

fn look(world: &World, equal: &StrategyRun) -> Plan {
    let mut observed = world.observe();
    observed.equal = Some(equal);
    plan(&observed)
}

#[test]
fn an_equal_run_answers_at_once_and_is_named() {
    let mut world = pinned();
    accept(&mut world.run, "metrics.sharpeRatio > 1", OnReject::Report);
    let equal = finished_equal();
    let plan = look(&world, &equal);
    assert_eq!(ready(&plan), ("True", "CacheHit"));
    assert!(plan.effects.is_empty());
    let (status, theirs) = (plan.status.unwrap(), equal.status.unwrap());
    assert!(status.attempts.is_empty() && message(&status).contains("\"first\""), "{}", message(&status));
    assert_eq!(
        (status.metrics, &status.checks, status.path),
        (theirs.metrics, &theirs.checks, Some(RunPath::Sandbox))
    );
    assert_eq!((status.verdict, theirs.verdict), (Some(Verdict::Rejected), None), "judged anew");
    assert_eq!(condition(&status, "LookaheadFree"), Some(("False", "LookaheadDetected")));
    let provenance = status.provenance.unwrap();
    assert_eq!(provenance.cached_from.as_deref(), Some("first"));
    assert_eq!(provenance.fingerprint, theirs.provenance.unwrap().fingerprint);
}

#[test]
fn data_of_the_classs_image_are_named_by_its_digest() {
    let mut world = pinned();
    let sought_in = |world: &World| sought(&world.observe());
    let of_its_own = sought_in(&world);
    world.class.as_mut().unwrap().spec.datasets[0].image = None;
    let part = sought_in(&world);
    assert!(part.is_some() && part != of_its_own, "{part:?} {of_its_own:?}");
    let class = &mut world.class.as_mut().unwrap().spec;
    let mut second = class.datasets[0].clone();
    second.name = "eu-stocks".into();
    class.datasets.push(second);
    world.run.spec.dataset.name = "eu-stocks".into();
    let other = sought_in(&world);
    assert!(other.is_some() && other != part, "another dataset of the same image: {other:?} {part:?}");
    world.class.as_mut().unwrap().spec.image = "x:1".into();
    assert_eq!(sought_in(&world), None);
}

/// A name, and what is different about the world or the equal run.
type Change<'a> = (&'a str, &'a dyn Fn(&mut World, &mut StrategyRun));

#[test]
fn a_run_runs_where_no_other_may_answer() {
    let equal = finished_equal();
    let runs = |change: &dyn Fn(&mut World, &mut StrategyRun)| {
        let (mut world, mut equal) = (pinned(), equal.clone());
        change(&mut world, &mut equal);
        ready(&look(&world, &equal)).1.to_owned()
    };
    assert_eq!(runs(&|_, _| ()), "CacheHit");
    let changes: [Change<'_>; 14] = [
        ("told to", &|world, _| world.run.spec.cache_policy = CachePolicy::Never),
        ("rerun", &|world, _| {
            let annotation = ("stratbox.dev/rerun-requested-at".to_owned(), "1".to_owned());
            world.run.metadata.annotations = Some([annotation].into());
        }),
        ("image by tag", &|world, _| world.class.as_mut().unwrap().spec.image = "x:1".into()),
        ("data by tag", &|world, _| {
            let image = Some(DatasetImage { reference: "x:1".into() });
            world.class.as_mut().unwrap().spec.datasets[0].image = image;
        }),
        ("data of the class's image", &|world, _| {
            world.class.as_mut().unwrap().spec.datasets[0].image = None;
        }),
        ("other code", &|world, _| {
            world.gate = gate("def strategy(data):\n    return data[\"close\"] > 1\n");
        }),
        ("other params", &|world, _| drop(world.run.spec.params.insert("a".into(), "1".into()))),
        ("other checks", &|world, _| {
            world.run.spec.checks = Some(Checks { cuts: Some(3), ..Checks::default() });
        }),
        ("other requirements", &|world, _| world.class.as_mut().unwrap().spec.require = vec![Layer::Stage2]),
        ("artifacts that it has not", &|world, _| world.run.spec.artifacts = vec![ArtifactKind::Trades]),
        ("another namespace", &|_, equal| equal.metadata.namespace = Some("other".into())),
        ("itself", &|world, equal| equal.metadata.uid = world.run.metadata.uid.clone()),
        ("an answered one", &|_, equal| {
            equal.status.as_mut().unwrap().provenance.as_mut().unwrap().cached_from = Some("x".into());
        }),
        ("a failed one", &|_, equal| equal.status.as_mut().unwrap().metrics = None),
    ];
    for (what, change) in changes {
        assert_eq!(runs(change), "Scheduling", "{what}");
    }
}

#[test]
fn an_equal_run_does_not_answer_for_one_that_has_begun() {
    let mut world = pinned();
    world.step();
    let plan = look(&world, &finished_equal());
    assert!(plan.effects.iter().any(|effect| matches!(effect, Effect::CreatePod(_))), "{plan:?}");
}
