//! A pod that becomes schedulable at the moment of the fallback: whichever of the two comes first, there is one outcome.

use super::{Cluster, Happening};
use crate::crd::RunPath;
use serde_json::{Value, json};

/// Moments, each with a seed of its own.
const TRIALS: u64 = 1_000;
/// Seconds of the scheduling deadline.
const DEADLINE: i64 = 30;

/// A number below that one.
fn dice(state: &mut u64, below: u64) -> u64 {
    // SplitMix64: neighbours among the seeds have nothing in common.
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (bits ^ (bits >> 31)) % below
}

fn unschedulable() -> Value {
    json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available"}]})
}

/// On a node since just now, and up already or not.
fn bound(cluster: &Cluster, up: bool) -> Value {
    let now = cluster.world.now.to_string();
    let state = if up {
        json!({"running": {"startedAt": now}})
    } else {
        json!({"waiting": {"reason": "ContainerCreating"}})
    };
    json!({"phase": if up { "Running" } else { "Pending" },
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": now}],
        "containerStatuses": [{"name": "runner", "image": "", "imageID": "", "ready": up, "restartCount": 0, "state": state}]})
}

/// What can come of a trial.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Executed,
    FellBack,
}

/// What has come of it; an error is more than one thing, or none.
fn outcome(cluster: &Cluster) -> Result<Outcome, String> {
    let status = cluster.world.status();
    let fallback = status.conditions.iter().any(|condition| condition.type_ == "FallbackActive");
    let scored = status.metrics.is_some();
    match (status.path, cluster.handed.len(), cluster.pods.len()) {
        (Some(RunPath::Sandbox), 1, _) if scored && !fallback && cluster.is_handed_once() => {
            Ok(Outcome::Executed)
        }
        (Some(RunPath::AstOnly), 0, 0) if !scored && fallback => Ok(Outcome::FellBack),
        _ => Err(format!("handed over: {:?}, pods: {:?}, {status:?}", cluster.handed, cluster.pods.keys())),
    }
}

/// A run whose pod moves in one of the steps around its deadline, under an operator that may die in another one.
fn trial(seed: u64) -> (Cluster, bool) {
    let mut state = seed;
    let mut cluster = Cluster::new();
    cluster.reconcile();
    cluster.set_status(unschedulable());
    cluster.reconcile();
    let around = i64::try_from(dice(&mut state, 3)).unwrap() - 1;
    cluster.happen(Happening::Seconds(DEADLINE + around));
    let up = dice(&mut state, 2) == 0;
    cluster.moves_after = Some((u32::try_from(dice(&mut state, 9)).unwrap(), bound(&cluster, up)));
    let dies = dice(&mut state, 4) == 0;
    if dies {
        cluster.happen(Happening::OperatorDiesAfter(u32::try_from(dice(&mut state, 6)).unwrap()));
    }
    for _ in 0..60 {
        cluster.reconcile();
        cluster.dies_after = None;
        if cluster.finished() {
            break;
        }
        cluster.happen(Happening::Seconds(1));
        // Scheduler and kubelet go on with what is there, as soon as there is room.
        let room = cluster.moves_after.is_none();
        let is_up = |pod: &k8s_openapi::api::core::v1::Pod| {
            crate::sandbox::read_pod(pod) == crate::sandbox::PodState::Running
        };
        match cluster.last_name().and_then(|name| cluster.pods.get(&name)).map(is_up) {
            Some(true) => cluster.happen(Happening::Report),
            Some(false) if room => cluster.set_status(bound(&cluster, true)),
            Some(false) => cluster.set_status(unschedulable()),
            None => {}
        }
    }
    (cluster, dies)
}

#[test]
fn a_thousand_pods_that_become_schedulable_at_the_moment_of_the_fallback_have_one_outcome_each() {
    let (mut executed, mut fell_back, mut double) = (0, 0, Vec::new());
    let (mut refused, mut deaths) = (0, 0);
    for seed in 0..TRIALS {
        let (cluster, dies) = trial(seed);
        assert!(cluster.finished(), "seed {seed}: {:?}", cluster.world.run.status);
        refused += u32::from(cluster.refused_deletions > 0);
        deaths += u32::from(dies);
        match outcome(&cluster) {
            Ok(Outcome::Executed) => executed += 1,
            Ok(Outcome::FellBack) => fell_back += 1,
            Err(both) => double.push(format!("seed {seed}: {both}")),
        }
    }
    println!(
        "{TRIALS} trials, {deaths} of them with an operator that dies: {executed} executed, {fell_back} fell back, {} double \
         outcomes; {refused} deletions were refused because the pod had moved",
        double.len()
    );
    assert!(double.is_empty(), "{double:#?}");
    assert_eq!(executed + fell_back, TRIALS);
    assert!(executed >= 100 && fell_back >= 100, "both ends of the race: {executed} and {fell_back}");
    assert!(refused >= 50, "the race itself: {refused}");
}
