//! What is said of a pool.

use crate::crd::{ConditionType, SandboxPool, SandboxPoolStatus, keep_time};
use crate::sandbox::{LABEL_POOL, label_value};
use crate::wire::clean;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt as _;

/// Bytes of a condition's message.
const MESSAGE: usize = 512;

/// Why a pool is, or is not, as it should be: reason of its `Ready` condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoolReason {
    /// As many sandboxes as wanted are ready.
    Filled,
    /// Sandboxes are coming up.
    Filling,
    /// Outdated sandboxes are being replaced.
    Updating,
    /// A run needs the room: the pool makes way and comes back later.
    Yielding,
    /// The SandboxClass that `spec.className` names does not exist.
    ClassNotFound,
    /// The class has no dataset of the name in `spec.dataset`.
    DatasetNotFound,
    /// No node has proven the seccomp profile.
    ProfileMissing,
    /// The operator runs with `sandbox.enabled: false`.
    SandboxDisabled,
    /// No node takes another sandbox.
    Unschedulable,
    /// The namespace's quota does not admit another sandbox.
    QuotaExceeded,
    /// The API server refuses the sandboxes' pods.
    CreationRefused,
    /// Sandboxes do not come up, or something changes them after they were made.
    SandboxStartFailed,
}

impl PoolReason {
    /// The reason as it stands in the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filled => "Filled",
            Self::Filling => "Filling",
            Self::Updating => "Updating",
            Self::Yielding => "Yielding",
            Self::ClassNotFound => "ClassNotFound",
            Self::DatasetNotFound => "DatasetNotFound",
            Self::ProfileMissing => "ProfileMissing",
            Self::SandboxDisabled => "SandboxDisabled",
            Self::Unschedulable => "Unschedulable",
            Self::QuotaExceeded => "QuotaExceeded",
            Self::CreationRefused => "CreationRefused",
            Self::SandboxStartFailed => "SandboxStartFailed",
        }
    }
}

/// How many members are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) ready: usize,
    pub(super) creating: usize,
    pub(super) claimed: usize,
    pub(super) outdated: usize,
}

/// The status for what was counted. A pool that can take a run is Ready, even while it fills up.
pub(super) fn build_status(
    pool: &SandboxPool,
    counts: Counts,
    (reason, message): (PoolReason, &str),
    now: Timestamp,
) -> SandboxPoolStatus {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let before = pool.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let condition = |type_: ConditionType, status: &str| {
        let fresh = Condition {
            type_: type_.as_str().to_owned(),
            status: status.to_owned(),
            reason: reason.as_str().to_owned(),
            message: clean(message, MESSAGE),
            observed_generation: pool.metadata.generation,
            last_transition_time: Time(now),
        };
        keep_time(fresh, before)
    };
    let filled = reason == PoolReason::Filled;
    let able = filled || counts.ready > 0;
    let mut conditions = vec![condition(ConditionType::Ready, if able { "True" } else { "False" })];
    if !filled {
        conditions.push(condition(ConditionType::Reconciling, "True"));
    }
    SandboxPoolStatus {
        observed_generation: pool.metadata.generation,
        replicas: number(counts.ready + counts.creating + counts.outdated),
        ready_replicas: number(counts.ready),
        creating_replicas: number(counts.creating),
        claimed_replicas: number(counts.claimed),
        outdated_replicas: number(counts.outdated),
        selector: Some(format!("{LABEL_POOL}={}", label_value(&pool.name_any()))),
        conditions,
    }
}
