//! The pool's decisions row by row.

mod cluster;
mod verify;

use super::plan::Observed;
use super::{Expectations, Member, Pause, Plan, PoolReason, Template, build_template, plan};
use crate::config::Config;
use crate::crd::{
    CheckMode, Checks, DatasetImage, DatasetSource, SandboxClassSpec, SandboxPool, SandboxPoolSpec,
    SandboxPoolStatus, UpdateStrategy,
};
use crate::wire::DatasetFormat;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

struct World {
    pool: SandboxPool,
    class: SandboxClassSpec,
    expectations: Expectations,
    pause: Option<Pause>,
    quiet: Option<Duration>,
    pressed: bool,
    now: Timestamp,
}

impl World {
    fn new(replicas: u32) -> Self {
        let mut pool = SandboxPool::new(
            "warm",
            SandboxPoolSpec {
                class_name: "default".into(),
                replicas,
                max_surge: 1,
                ..SandboxPoolSpec::default()
            },
        );
        pool.metadata.namespace = Some("strategies".into());
        pool.metadata.uid = Some("pool-uid".into());
        pool.metadata.generation = Some(1);
        let dataset = |name: &str| DatasetSource {
            name: name.into(),
            image: Some(DatasetImage { reference: format!("localhost/{name}:1") }),
            path: String::new(),
            format: DatasetFormat::Csv,
        };
        Self {
            pool,
            class: SandboxClassSpec {
                image: "localhost/sandbox:1".into(),
                datasets: vec![dataset("us-stocks"), dataset("tw-stocks")],
                ..SandboxClassSpec::default()
            },
            expectations: Expectations::default(),
            pause: None,
            quiet: None,
            pressed: false,
            now: Timestamp::from_second(1_800_000_000).unwrap(),
        }
    }

    fn template(&self) -> Template {
        let config = Config::from_yaml("", None).unwrap();
        build_template(&self.pool, &self.class, &config, true).unwrap()
    }

    /// A member as an API server stores it, in that state.
    fn member(&self, name: &str, status: Value) -> Pod {
        stored(&self.template().named(name), name, self.now, status)
    }

    fn plan(&self, members: &[(&Pod, bool)]) -> Plan {
        self.plan_with(Ok(&self.template()), members)
    }

    fn plan_with(&self, template: Result<&Template, (PoolReason, &str)>, members: &[(&Pod, bool)]) -> Plan {
        let members: Vec<Member<'_>> =
            members.iter().map(|(pod, ready)| Member { pod, ready: *ready, since: Some(self.now) }).collect();
        plan(&Observed {
            pool: &self.pool,
            template,
            members: &members,
            expectations: &self.expectations,
            pause: self.pause.as_ref(),
            quiet: self.quiet,
            pressed: self.pressed,
            since_write: None,
            seed: "seed",
            now: self.now,
        })
    }
}

/// What an API server makes of a pod that is sent to it.
fn stored(pod: &Pod, name: &str, now: Timestamp, status: Value) -> Pod {
    let mut text = serde_json::to_value(pod).unwrap();
    text["metadata"]["uid"] = json!(format!("uid-{name}"));
    text["metadata"]["resourceVersion"] = json!("7");
    text["metadata"]["creationTimestamp"] = serde_json::to_value(Time(now)).unwrap();
    let spec = &mut text["spec"];
    spec["nodeName"] = json!("node");
    spec["schedulerName"] = json!("default-scheduler");
    spec["serviceAccountName"] = json!("default");
    spec["serviceAccount"] = json!("default");
    spec["priority"] = json!(0);
    spec["preemptionPolicy"] = json!("PreemptLowerPriority");
    let container = &mut spec["containers"][0];
    container["terminationMessagePath"] = json!("/dev/termination-log");
    container["terminationMessagePolicy"] = json!("File");
    // As if they were not there.
    container.as_object_mut().unwrap().remove("stdinOnce");
    container.as_object_mut().unwrap().remove("tty");
    container["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] = json!("v1");
    text["status"] = status;
    serde_json::from_value(text).unwrap()
}

fn container(state: Value) -> Value {
    json!({"phase": "Running", "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "runner", "image": "", "imageID": "", "ready": true, "restartCount": 0, "state": state}]})
}

fn up() -> Value {
    container(json!({"running": {}}))
}

fn unschedulable() -> Value {
    json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]})
}

fn ready(status: &SandboxPoolStatus) -> (String, String) {
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    (ready.status.clone(), ready.reason.clone())
}

fn said(plan: &Plan) -> (String, String) {
    ready(plan.status.as_deref().unwrap())
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.removals.iter().map(|removal| removal.name.as_str()).collect()
}

#[test]
fn an_empty_pool_is_filled_a_few_at_a_time_and_under_names_of_their_own() {
    let plan = World::new(10).plan(&[]);
    assert_eq!(plan.creations.len(), 4);
    let names: BTreeSet<_> = plan.creations.iter().map(|pod| pod.metadata.name.clone()).collect();
    assert_eq!(names.len(), 4);
    assert_eq!(said(&plan), ("False".into(), "Filling".into()));
    let status = plan.status.unwrap();
    assert_eq!((status.replicas, status.creating_replicas, status.ready_replicas), (4, 4, 0));
    assert!(status.conditions.iter().any(|condition| condition.type_ == "Reconciling"));
}

#[test]
fn a_large_pool_starts_a_quarter_of_itself_at_once() {
    assert_eq!(World::new(100).plan(&[]).creations.len(), 25);
}

#[test]
fn what_was_asked_for_and_is_not_seen_yet_is_not_asked_for_again() {
    let mut world = World::new(3);
    for name in ["a", "b", "c"] {
        world.expectations.expect_creation(name, world.now);
    }
    assert!(world.plan(&[]).creations.is_empty());
}

#[test]
fn a_full_pool_is_ready_and_writes_nothing_more() {
    let mut world = World::new(2);
    let (a, b) = (world.member("a", up()), world.member("b", up()));
    let plan = world.plan(&[(&a, true), (&b, true)]);
    assert_eq!(said(&plan), ("True".into(), "Filled".into()));
    assert!(plan.creations.is_empty() && plan.removals.is_empty());
    world.pool.status = plan.status.map(|status| *status);
    assert_eq!(world.pool.status.as_ref().unwrap().conditions.len(), 1);
    assert_eq!(world.plan(&[(&a, true), (&b, true)]).status, None);
}

/// As a run's claim leaves a pod.
fn claimed(pod: &mut Pod) {
    let owner =
        json!([{"apiVersion": "stratbox.dev/v1alpha1", "kind": "StrategyRun", "name": "run", "uid": "run"}]);
    pod.metadata.owner_references = serde_json::from_value(owner).unwrap();
}

#[test]
fn a_claimed_sandbox_is_replaced_at_once_and_stays() {
    let world = World::new(2);
    let (mut a, b) = (world.member("a", up()), world.member("b", up()));
    claimed(&mut a);
    let plan = world.plan(&[(&a, false), (&b, true)]);
    assert_eq!((plan.creations.len(), plan.removals.len()), (1, 0));
    assert_eq!(said(&plan), ("True".into(), "Filling".into()), "one is ready: the pool serves");
    assert_eq!(plan.status.unwrap().claimed_replicas, 1);
}

#[test]
fn nothing_is_started_or_written_beside_a_run_that_has_just_begun() {
    let mut world = World::new(2);
    world.quiet = Some(Duration::from_millis(200));
    let a = world.member("a", up());
    let plan = world.plan(&[(&a, true)]);
    assert_eq!((plan.creations.len(), &plan.status, plan.next), (0, &None, Duration::from_millis(200)));
}

#[test]
fn too_many_sandboxes_go_those_first_that_are_not_up() {
    let world = World::new(1);
    let (a, b, c) = (world.member("a", up()), world.member("b", up()), world.member("c", json!({})));
    let plan = world.plan(&[(&a, true), (&b, true), (&c, false)]);
    assert_eq!(names(&plan), ["c", "b"]);
    assert_eq!(plan.removals[0].resource_version.as_deref(), Some("7"), "a claim in between prevents it");
}

#[test]
fn zero_replicas_empty_the_pool_and_that_is_what_was_wanted() {
    let world = World::new(0);
    let a = world.member("a", up());
    assert_eq!(names(&world.plan(&[(&a, true)])), ["a"]);
    assert_eq!(said(&World::new(0).plan(&[])), ("True".into(), "Filled".into()));
}

#[test]
fn outdated_sandboxes_are_replaced_one_by_one_within_the_surge() {
    let mut world = World::new(2);
    let (a, b) = (world.member("a", up()), world.member("b", up()));
    world.class.image = "localhost/sandbox:2".into();
    let first = world.plan(&[(&a, true), (&b, true)]);
    assert_eq!((first.creations.len(), names(&first)), (1, vec![]));
    assert_eq!(said(&first), ("False".into(), "Updating".into()), "none of them can take a run");
    let c = world.member("c", up());
    let second = world.plan(&[(&a, true), (&b, true), (&c, true)]);
    assert_eq!((second.creations.len(), names(&second)), (0, vec!["a"]));
    let third = world.plan(&[(&b, true), (&c, true)]);
    assert_eq!((third.creations.len(), names(&third)), (1, vec![]));
    let d = world.member("d", up());
    assert_eq!(names(&world.plan(&[(&b, true), (&c, true), (&d, true)])), ["b"]);
}

#[test]
fn without_a_surge_an_outdated_sandbox_goes_first() {
    let mut world = World::new(2);
    let (a, b) = (world.member("a", up()), world.member("b", up()));
    world.class.image = "localhost/sandbox:2".into();
    world.pool.spec.max_surge = 0;
    let plan = world.plan(&[(&a, true), (&b, true)]);
    assert_eq!((plan.creations.len(), names(&plan)), (0, vec!["a"]));
}

#[test]
fn where_a_new_one_finds_no_room_an_outdated_sandbox_goes_first() {
    let mut world = World::new(2);
    let (a, b) = (world.member("a", up()), world.member("b", up()));
    world.class.image = "localhost/sandbox:2".into();
    let c = world.member("c", unschedulable());
    assert_eq!(names(&world.plan(&[(&a, true), (&b, true), (&c, false)])), ["a"]);
    let mut leaving = a.clone();
    leaving.metadata.deletion_timestamp = Some(Time(world.now));
    assert_eq!(
        names(&world.plan(&[(&leaving, true), (&b, true), (&c, false)])),
        Vec::<&str>::new(),
        "one at a time"
    );
    world.pause = Some(Pause {
        reason: PoolReason::QuotaExceeded,
        message: "exceeded quota".into(),
        rest: Duration::from_secs(1),
    });
    assert_eq!(names(&world.plan(&[(&a, true), (&b, true)])), ["a"], "a quota is room, too");
}

#[test]
fn recreate_takes_all_outdated_ones_at_once() {
    let mut world = World::new(2);
    world.pool.spec.update_strategy = UpdateStrategy::Recreate;
    let (a, b) = (world.member("a", up()), world.member("b", up()));
    world.class.image = "localhost/sandbox:2".into();
    assert_eq!(names(&world.plan(&[(&a, true), (&b, true)])), ["a", "b"]);
}

#[test]
fn a_sandbox_that_is_old_is_outdated() {
    let mut world = World::new(1);
    let old = world.member("b", up());
    world.now = Timestamp::from_second(world.now.as_second() + 12 * 3600).unwrap();
    assert_eq!(world.plan(&[(&old, true)]).status.unwrap().outdated_replicas, 1);
}

/// A cluster that changes every pod would otherwise have the pool make and delete sandboxes without end.
#[test]
fn a_sandbox_that_is_not_as_it_was_made_counts_as_a_failure_and_says_what_is_different() {
    let world = World::new(1);
    let mut touched = world.member("a", up());
    touched.spec.as_mut().unwrap().containers[0].image = Some("evil".into());
    let plan = world.plan(&[(&touched, true)]);
    assert_eq!(names(&plan), ["a"]);
    let why = plan.removals[0].failure.as_deref();
    assert_eq!(why, Some("spec.containers.image of a sandbox is not as the operator has made it"));
}

#[test]
fn a_pod_that_only_has_the_pools_label_is_not_its_business() {
    let world = World::new(1);
    let (mut foreign, own) = (world.member("a", up()), world.member("b", up()));
    foreign.metadata.owner_references = None;
    let plan = world.plan(&[(&foreign, true), (&own, true)]);
    assert!(plan.creations.is_empty() && plan.removals.is_empty());
    assert_eq!(plan.status.unwrap().replicas, 1);
}

#[test]
fn what_fails_is_taken_away_and_says_why() {
    let world = World::new(1);
    for status in [
        container(json!({"terminated": {"exitCode": 70}})),
        container(json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}})),
        json!({"phase": "Failed", "reason": "Evicted", "message": "disk"}),
    ] {
        let pod = world.member("a", status);
        let plan = world.plan(&[(&pod, false)]);
        assert_eq!(names(&plan), ["a"]);
        assert!(plan.removals[0].failure.is_some());
    }
}

#[test]
fn one_that_does_not_come_up_is_given_up_but_not_by_an_operator_that_has_just_started() {
    let mut world = World::new(1);
    let pod = world.member("a", container(json!({"running": {"startedAt": "2020-01-01T00:00:00Z"}})));
    assert!(world.plan(&[(&pod, false)]).removals.is_empty());
    let (template, since) = (world.template(), world.now);
    world.now = Timestamp::from_second(world.now.as_second() + 181).unwrap();
    let members = [Member { pod: &pod, ready: false, since: Some(since) }];
    let plan = plan(&Observed {
        pool: &world.pool,
        template: Ok(&template),
        members: &members,
        expectations: &world.expectations,
        pause: None,
        quiet: None,
        pressed: false,
        since_write: None,
        seed: "",
        now: world.now,
    });
    assert_eq!(names(&plan), ["a"]);
}

#[test]
fn full_nodes_refusals_and_runs_in_need_hold_it_back() {
    let mut world = World::new(3);
    let waits = world.member("a", unschedulable());
    let full = world.plan(&[(&waits, false)]);
    assert!(full.creations.is_empty() && full.removals.is_empty());
    assert_eq!(said(&full), ("False".into(), "Unschedulable".into()));
    assert!(full.status.unwrap().conditions[0].message.ends_with("0/1 nodes"));

    world.pause = Some(Pause {
        reason: PoolReason::QuotaExceeded,
        message: "exceeded quota".into(),
        rest: Duration::from_secs(2),
    });
    let paused = world.plan(&[]);
    assert!(paused.creations.is_empty());
    assert_eq!((said(&paused).1.as_str(), paused.next), ("QuotaExceeded", Duration::from_secs(2)));
    world.pause = None;

    world.pressed = true;
    let up = world.member("b", up());
    let yielding = world.plan(&[(&up, true), (&waits, false)]);
    assert_eq!(names(&yielding), ["a", "b"]);
    assert_eq!(said(&yielding), ("False".into(), "Yielding".into()));
}

#[test]
fn without_its_class_a_pool_says_so_and_keeps_what_it_has() {
    let world = World::new(2);
    let a = world.member("a", up());
    let plan = world.plan_with(Err((PoolReason::ClassNotFound, "spec.className: …")), &[(&a, true)]);
    assert!(plan.creations.is_empty() && plan.removals.is_empty());
    assert_eq!(said(&plan).1, "ClassNotFound");
}

#[test]
fn a_dataset_that_the_class_does_not_have_is_named_with_those_that_it_has() {
    let mut world = World::new(1);
    world.pool.spec.dataset = Some("crypto".into());
    let config = Config::from_yaml("", None).unwrap();
    let missing = build_template(&world.pool, &world.class, &config, true).unwrap_err().to_string();
    assert_eq!(
        missing,
        r#"spec.dataset: class "default" has no dataset "crypto"; it has: us-stocks, tw-stocks"#
    );
}

#[test]
fn a_pool_that_is_going_does_nothing() {
    let mut world = World::new(2);
    world.pool.metadata.deletion_timestamp = Some(Time(world.now));
    let plan = world.plan(&[]);
    assert!(plan.creations.is_empty() && plan.status.is_none());
}

#[test]
fn a_waiting_sandbox_asks_for_little_and_does_not_wait_for_ever() {
    let pod = World::new(1).template().named("a");
    let spec = pod.spec.unwrap();
    assert_eq!(spec.active_deadline_seconds, Some(3 * 24 * 3600));
    let resources = spec.containers[0].resources.clone().unwrap();
    assert_eq!(resources.requests.unwrap()["cpu"].0, "10m");
    assert_eq!(resources.limits.unwrap()["memory"].0, "2Gi");
}

#[test]
fn a_sandbox_prepares_as_many_evaluations_as_a_run_of_its_class_takes() {
    let mut world = World::new(1);
    let ahead = |world: &World| {
        let pod = world.template().named("warm-0").spec.unwrap();
        let variables = pod.containers[0].env.clone().unwrap();
        variables.into_iter().find(|one| one.name == "STRATBOX_AHEAD").unwrap().value.unwrap()
    };
    assert_eq!(ahead(&world), "8", "the configuration's: two cuts and determinism");
    let off = Some(CheckMode::Off);
    let checks =
        |lookahead, cuts, determinism| Some(Checks { lookahead, cuts, determinism, ..Checks::default() });
    for (of_the_class, expected) in [
        (checks(off, None, off), "1"),
        (checks(Some(CheckMode::Enforce), Some(1), off), "4"),
        (checks(off, Some(16), None), "2"),
    ] {
        world.class.defaults.checks = of_the_class;
        assert_eq!(ahead(&world), expected, "{of_the_class:?}");
    }
}
