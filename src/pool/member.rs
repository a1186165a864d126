//! One sandbox of a pool, as its pod says it is.

use crate::sandbox::{PodState, is_claimed, read_pod};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

/// One sandbox of a pool.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its pod as the watch has it.
    pub pod: &'a Pod,
    /// Its runner has said over the connection that is kept to it that it waits for a run.
    pub ready: bool,
    /// Since when this process tries to hear that; None where it does not yet.
    pub since: Option<Timestamp>,
}

/// Where a member is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberState {
    /// It has the pool's label and is not the pool's: anyone may put a label on a pod.
    Foreign,
    /// It has a run, or had one.
    Claimed,
    /// It is going away.
    Leaving,
    /// It is coming up.
    Starting,
    /// No node takes it; the scheduler's words.
    Unschedulable(String),
    /// Its container runs.
    Up,
    /// It will never take a run; why.
    Dead(String),
}

/// Reads the pod of a member of the pool with that UID.
#[must_use]
pub fn read_member(pod: &Pod, pool_uid: &str) -> MemberState {
    if is_claimed(pod) {
        return MemberState::Claimed;
    }
    if !pod.owner_references().iter().any(|owner| owner.uid == pool_uid) {
        return MemberState::Foreign;
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return MemberState::Leaving;
    }
    match read_pod(pod) {
        PodState::Pending | PodState::Gated | PodState::Starting => MemberState::Starting,
        PodState::Unschedulable(message) => MemberState::Unschedulable(message),
        PodState::Running => MemberState::Up,
        // Nobody has given it anything to do, so that whatever it says of an end is a fault.
        PodState::Exited(exit) => {
            MemberState::Dead(format!("its container ended with exit code {}", exit.code))
        }
        PodState::Waiting(_, message) | PodState::Evicted(message) | PodState::Lost(message) => {
            MemberState::Dead(message)
        }
        PodState::DeadlineExceeded => MemberState::Dead("it was ended at its deadline".to_owned()),
    }
}
