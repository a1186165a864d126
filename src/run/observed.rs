//! Everything that the decision may see.

use super::artifacts::Artifact;
use super::queue::Place;
use crate::config::Config;
use crate::crd::{Reason, SandboxClass, StrategyRun};
use crate::strategy::{Findings, ValidatedStrategy};
use crate::wire::Report;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use std::sync::Arc;
use std::time::Duration;

/// One look at one run and all that belongs to it.
#[derive(Debug, Clone)]
pub struct Observed<'a> {
    /// The run, no older than our own last write to it.
    pub run: &'a StrategyRun,
    /// [`input_hash`](super::input_hash) of its spec: made once a look, as the spec may hold 128 KiB of code.
    pub input_hash: String,
    /// Its class, if there is one.
    pub class: Option<&'a SandboxClass>,
    /// What the gate says; only asked when the class is known and the run is not finished.
    pub gate: &'a Gate,
    /// The pod of the last attempt, read live.
    pub pod: Option<&'a Pod>,
    /// The end of a sandbox of this run, as the watch last told of it: all that is known of one that is gone.
    pub last_word: Option<&'a Pod>,
    /// How far this process itself has brought the last attempt.
    pub intent: Intent,
    /// Why the last attempt's pod could not be created.
    pub refusal: Option<&'a Refusal>,
    /// What the runner of the last attempt has said.
    pub session: Option<&'a SessionView>,
    /// A pool's sandbox for the next attempt; only asked for where one is about to be recorded.
    pub offer: &'a Offer,
    /// What has become of the claim, where the last attempt is to have a pool's sandbox.
    pub claim: ClaimView,
    /// Sandboxes of pools that are claimed for this run and that none of its attempts has a use for.
    pub strays: &'a [Stray],
    /// Another run that has the answer already; only looked for where one may be taken.
    pub equal: Option<&'a StrategyRun>,
    /// The ConfigMap with the artifacts was refused.
    pub artifacts_refused: bool,
    /// How long things took.
    pub timeline: Timeline,
    /// What the nodes can do.
    pub nodes: NodeFacts,
    /// Whether the run has one of its class's places.
    pub place: Place,
    /// When room last came that nobody had before: a sandbox of the class ended, a node came.
    pub room_since: Option<Timestamp>,
    /// When the autoscaler last said that it makes room for the pod.
    pub scale_up: Option<Timestamp>,
    /// Time since our last write to this run's status; None if there was none in this process.
    pub since_write: Option<Duration>,
    /// For how long this process has seen the pod running.
    pub running: Option<Duration>,
    /// Since when this process has seen Ready's present reason come up; None if it was there before this process.
    pub reason_since: Option<Timestamp>,
    /// The operator's configuration.
    pub config: &'a Config,
    /// Now, in whole seconds, as statuses hold it.
    pub now: Timestamp,
}

/// How far this process itself has brought an attempt. A pod that is not there may have been there; it can only have run
/// when its UID is on record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Intent {
    /// Another process has recorded it, and may have created its pod and handed the run over.
    #[default]
    Unknown,
    /// This process has recorded it and has not created its pod.
    Recorded,
    /// This process has created its pod.
    Created,
}

/// A sandbox that is a run's by its owner, and that none of its attempts has a use for.
#[derive(Debug, Clone)]
pub struct Stray {
    /// As the watch has it.
    pub pod: Arc<Pod>,
    /// For how long this process has seen it so.
    pub seen: Duration,
}

/// What a pool has for a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Offer {
    /// The namespace has no pool of the class, or nobody has asked.
    #[default]
    NoPool,
    /// It has one, and the run does not get a sandbox of it.
    Cold(ColdReason),
    /// This one, which was found to be as it was made.
    Member(Arc<Pod>),
}

/// Why a run gets a new sandbox although its namespace has a pool of the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColdReason {
    /// None of the pool's sandboxes was ready.
    NoneReady,
    /// The run's limits are not the class's default ones, with which the pool's were made.
    OtherLimits,
    /// Others were quicker, again and again.
    ClaimsLost,
}

impl ColdReason {
    /// The word in the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoneReady => "NoneReady",
            Self::OtherLimits => "OtherLimits",
            Self::ClaimsLost => "ClaimsLost",
        }
    }
}

/// What has become of a claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClaimView {
    /// The sandbox on record is nobody's, and still as it was made.
    pub claimable: bool,
    /// Somebody else was quicker.
    pub lost: bool,
    /// How often, for this run and in this process.
    pub losses: u32,
}

/// The gate's answer about the run's code.
#[derive(Debug)]
pub enum Gate {
    /// There is no verdict yet: it is being asked, or cannot be asked before the class is known.
    Undecided,
    /// The ConfigMap or key is not there; says which.
    CodeNotFound(String),
    /// The text is not the one that the run names; says how.
    CodeDiffers(String),
    /// Refused.
    Rejected(Findings),
    /// Accepted.
    Accepted(Box<ValidatedStrategy>),
}

/// Why the API server did not create a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind.
    pub kind: RefusalKind,
    /// The API server's own words.
    pub message: String,
}

/// Kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// A quota: may pass.
    Quota,
    /// The RuntimeClass is not there: may come.
    Runtime,
    /// Admission or validation: does not pass by waiting.
    Admission,
    /// The API server did not work, or did not let us work: may pass.
    Server,
    /// A pod of that name is there and is not ours: the next attempt has another name.
    NameTaken,
}

impl RefusalKind {
    /// The reason that the status gives.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Quota => Reason::QuotaExceeded,
            Self::Runtime => Reason::RuntimeUnavailable,
            Self::Server => Reason::SandboxStartFailed,
            Self::Admission => Reason::AdmissionRejected,
            Self::NameTaken => Reason::PodLost,
        }
    }
}

/// What a runner has said over `attach`.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that was said, or was not")]
pub struct SessionView {
    /// It has latched the run.
    pub accepted: bool,
    /// The run was sent to it, whether or not it has answered.
    pub handed_over: bool,
    /// It has said after that that it waits for a run: what was sent before has not come through.
    pub waits: bool,
    /// Whether it can be spoken to.
    pub line: Line,
    /// Its report, or why what it sent is not believed.
    pub report: Option<Result<Box<Report>, String>>,
    /// Artifacts that the report has announced are still coming.
    pub collecting: bool,
    /// Those that have come, all or none.
    pub artifacts: Vec<Artifact>,
}

/// Whether a runner can be spoken to. What a pod's status says of it can be written by others than its kubelet; that
/// it answers cannot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Line {
    /// Not known: nothing was tried yet, or the connection has just ended.
    #[default]
    Trying,
    /// It has answered on the present connection.
    Open,
    /// The last try to attach came to nothing.
    Refused,
    /// The same after its output had come to its end, as the node says, without a report in it.
    Over,
}

/// How long things took, in milliseconds, as this process saw it; absent after a restart of the operator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The gate.
    pub validate_ms: Option<u64>,
    /// Waiting for a place; None without a wait.
    pub queue_ms: Option<u64>,
    /// Pod created until it was seen on a node.
    pub schedule_ms: Option<u64>,
    /// On a node until the runner answered.
    pub start_ms: Option<u64>,
    /// Runner answered until the run was accepted.
    pub handover_ms: Option<u64>,
    /// Report received until now.
    pub collect_ms: Option<u64>,
}

/// What the nodes can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// Some node has proven the seccomp profile.
    pub profile: bool,
    /// Every node that may take the sandbox has a runtime that can do user namespaces.
    pub user_namespaces: bool,
}
