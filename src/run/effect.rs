//! What a plan is made of: complete things to do, which leave no choice to whoever does them.

use crate::crd::{Reason, StrategyRunStatus};
use crate::sandbox::{Claim, Mark};
use crate::wire;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use std::time::Duration;

/// What is to be done, in this order: effects, status (and the claim beside it), clean-up, notices.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Before the status is written.
    pub effects: Vec<Effect>,
    /// The new status; None leaves it as it is.
    pub status: Option<Box<StrategyRunStatus>>,
    /// The claim of the sandbox that this status records. Neither waits for the other; what comes after waits for both, so
    /// that nothing is handed over before both stand. A claim without its record is a [stray](Effect::DeleteStray).
    pub beside: Option<Box<Claim>>,
    /// After the status was written: a report must be in it before its pod goes.
    pub cleanup: Vec<Effect>,
    /// Said once the status stands.
    pub notices: Vec<Notice>,
    /// When to look again.
    pub next: Next,
}

/// One thing to do, complete.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// See that the namespace has its deny-all policy.
    EnsureNetworkPolicy(Box<NetworkPolicy>),
    /// Create the pod; that it is refused is an observation and no error.
    CreatePod(Box<Pod>),
    /// Take a pool's sandbox; that somebody else was quicker is an observation and no error.
    Claim(Box<Claim>),
    /// Give a claimed sandbox labels and deadline of a run's; that it does not take them holds the run up in nothing.
    Mark(Box<Mark>),
    /// Attach to the pod and hand the run over, unless that is under way.
    OpenSession(Box<Handover>),
    /// Write the ConfigMap with the artifacts; that it is refused is an observation and no error.
    ApplyArtifacts(Box<ConfigMap>),
    /// Delete a sandbox of a pool that is this run's by its owner and of no use to any of its attempts, unless one has
    /// it by now.
    DeleteStray {
        /// The pod.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// Forget what was said over `attach`.
    CloseSession,
    /// Delete the run itself if it is still as it was looked at.
    DeleteRun,
    /// Delete the pod if it is still this one.
    DeletePod {
        /// Its name.
        name: String,
        /// Its UID, as a precondition.
        uid: String,
        /// Its version, as a precondition, where anything that has happened to it since must be seen first.
        resource_version: Option<String>,
        /// Without a grace period: it is gone when the API server has answered, and the node ends what is left of it, the runner
        /// and no strategy, within the second that it would have had anyway. Only of a sandbox that has reported: nobody waits
        /// for its end. What the kubelet would write about that, and all who look at pods would read, is a tenth of what a run
        /// and the sandbox that takes its place cost.
        at_once: bool,
    },
}

/// A hand-over to one pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Handover {
    /// Name of the pod.
    pub pod_name: String,
    /// The frame.
    pub run: wire::Run,
}

/// An Event to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Something went wrong.
    pub warning: bool,
    /// Ready's reason.
    pub reason: Reason,
    /// Ready's message.
    pub message: String,
}

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At once: this plan was only the first half.
    Again,
    /// After this time, or when something changes.
    After(Duration),
    /// When something changes.
    Wait,
}

impl Plan {
    /// Nothing to do until something changes.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            effects: Vec::new(),
            status: None,
            beside: None,
            cleanup: Vec::new(),
            notices: Vec::new(),
            next: Next::Wait,
        }
    }
}
