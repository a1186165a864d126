//! Condition types and the closed list of `Ready`'s reasons.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Types of the conditions in a `StrategyRun`'s status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// Always there. True: finished with metrics. Its reason is the STATUS column.
    Ready,
    /// Whether the gate has accepted the strategy.
    Validated,
    /// Whether the sandbox has a node; its message is the scheduler's own.
    Scheduled,
    /// There only while not true: the look-ahead check found a difference, or (Unknown) did not finish.
    LookaheadFree,
    /// There only while not true: the determinism check found a difference, or (Unknown) did not finish.
    Deterministic,
    /// There only while true: more is going to happen; `InProgress` to readers of kstatus.
    Reconciling,
    /// There only while true: nothing more is going to happen, and the run has not succeeded; `Failed` to readers of
    /// kstatus.
    Stalled,
    /// There only while true: no sandbox could be had. With `Stalled`, that was the end; with `Reconciling`, it is tried
    /// again.
    FallbackActive,
    /// There only while true: `spec.suspend` holds the run.
    Suspended,
}

impl ConditionType {
    /// The type as it stands in the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Validated => "Validated",
            Self::Scheduled => "Scheduled",
            Self::LookaheadFree => "LookaheadFree",
            Self::Deterministic => "Deterministic",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::FallbackActive => "FallbackActive",
            Self::Suspended => "Suspended",
        }
    }
}

/// A condition whose time is that of the one before it, as long as its status is: the time moves only when the status does.
#[must_use]
pub fn keep_time(fresh: Condition, before: &[Condition]) -> Condition {
    let same = before.iter().find(|there| there.type_ == fresh.type_ && there.status == fresh.status);
    match same {
        Some(there) => Condition { last_transition_time: there.last_transition_time.clone(), ..fresh },
        None => fresh,
    }
}

/// Declares the enum, its text and its documentation from one list.
macro_rules! reasons {
    ($( $(#[doc = $doc:literal])+ $name:ident ),+ $(,)?) => {
        /// Every reason that `Ready` can have; the README's table is generated from these lines.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason { $( $(#[doc = $doc])+ $name ),+ }

        impl Reason {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$( Self::$name ),+];

            /// The reason as it stands in the status.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => stringify!($name) ),+ }
            }

            /// The reason of that name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.as_str() == name)
            }

            /// Cause and remedy, for the README.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $( Self::$name => concat!($($doc),+) ),+ }
            }
        }
    };
}

reasons! {
    /// The gate is reading the strategy. Nothing to do.
    Validating,
    /// The class has no place free (`maxConcurrentSandboxes`), or a scheduling gate holds the pod: the run waits, without a
    /// deadline. Nothing to do; an admin may raise the number.
    Queued,
    /// The sandbox's pod has no node yet. Nothing to do; the `Scheduled` condition carries the scheduler's message.
    Scheduling,
    /// The sandbox has a node and its container is starting. Nothing to do.
    Starting,
    /// The strategy is running. Nothing to do.
    Running,
    /// The report is in, and the artifacts that it announced are on their way. Nothing to do.
    Collecting,
    /// `spec.suspend` is true: there is no sandbox and no clock runs. Set it to false to go on.
    Suspended,
    /// The sandbox was lost through no fault of the strategy and another one is tried (`backoffLimit`).
    Retrying,
    /// The SandboxClass that `spec.className` names does not exist: create it or name another one. Waited for until
    /// `schedulingDeadlineSeconds`, then terminal.
    ClassNotFound,
    /// The class has no dataset of that name: name one of those in the message; waited for until
    /// `schedulingDeadlineSeconds`, then terminal. Or the sandbox found it missing or other than its manifest says: the
    /// message has the admin's remedy.
    DatasetNotFound,
    /// The ConfigMap or key that `spec.codeFrom` names does not exist: create it. Waited for until
    /// `schedulingDeadlineSeconds`, then terminal.
    CodeNotFound,
    /// Finished, with metrics. With `onReject: Report` the verdict may still be `Rejected`.
    Succeeded,
    /// Finished, with the metrics of an equal run in the namespace, which the message and `status.provenance.cachedFrom`
    /// name. `spec.cachePolicy: Never` runs instead.
    CacheHit,
    /// The gate refused the strategy: each finding in `status.validation` says where, why and what to write instead.
    CodeRejected,
    /// The run cannot be done as written: the message names the field and the remedy.
    InvalidSpec,
    /// The strategy raised: `status.error` has type, message, line and the end of what it printed.
    StrategyError,
    /// What the strategy returned is no positions for this dataset: the message says what to return.
    InvalidResult,
    /// Not done within `activeDeadlineSeconds`, or an enforced check not within `checks.deadlineSeconds`: make the
    /// strategy faster or the deadline longer.
    DeadlineExceeded,
    /// An enforced check found positions that change with data of later dates: the message has the first one. Decide by
    /// what is known up to each date only.
    LookaheadDetected,
    /// An enforced check got other positions from a second evaluation on the same data: the message has the first one.
    /// Seed every random generator with a constant.
    NotDeterministic,
    /// An expression of `spec.acceptance` is not true, and `onReject` is `Fail`: the message has it with its values; the
    /// metrics stay in the status.
    AcceptanceFailed,
    /// The strategy used more than `resources.limits.memory`: use less or raise it up to the class's maximum.
    OOMKilled,
    /// The strategy made a system call that no strategy needs, and was killed for it.
    SandboxViolation,
    /// A layer of isolation that the class requires is not in force on the node; the strategy was not called.
    IsolationMissing,
    /// The node evicted the sandbox, and `backoffLimit` is 0.
    Evicted,
    /// The sandbox vanished, and `backoffLimit` is 0.
    PodLost,
    /// Sandboxes were lost more often than `backoffLimit` allows; the message has the last loss.
    BackoffLimitExceeded,
    /// Fallback: no node could take the sandbox within `schedulingDeadlineSeconds`; the message is the scheduler's.
    Unschedulable,
    /// Fallback: the namespace's quota did not admit the sandbox within `schedulingDeadlineSeconds`.
    QuotaExceeded,
    /// Fallback: the API server refused the sandbox's pod; the message is its own.
    AdmissionRejected,
    /// Fallback: the node could not get the class's image within `schedulingDeadlineSeconds`.
    ImageUnavailable,
    /// Fallback: no node has the seccomp profile: see the node agent's pods.
    ProfileMissing,
    /// Fallback: the class's runtime is not on the node.
    RuntimeUnavailable,
    /// Fallback: the sandbox's container did not come up; the message is the node's or the runner's.
    SandboxStartFailed,
    /// Fallback: the operator runs with `sandbox.enabled: false`.
    SandboxDisabled,
}

impl Reason {
    /// Whether it says that no sandbox could be had.
    #[must_use]
    pub const fn is_fallback_cause(self) -> bool {
        matches!(
            self,
            Self::Unschedulable
                | Self::QuotaExceeded
                | Self::AdmissionRejected
                | Self::ImageUnavailable
                | Self::ProfileMissing
                | Self::RuntimeUnavailable
                | Self::SandboxStartFailed
                | Self::SandboxDisabled
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_camel_case_and_documented() {
        for reason in Reason::ALL {
            assert!(reason.as_str().chars().all(|c| c.is_ascii_alphabetic()), "{reason:?}");
            assert!(reason.doc().trim().len() > 10, "{reason:?}");
        }
    }
}
