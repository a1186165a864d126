//! What the operator says about a run. Bounded: at most 16 KiB serialised.

use super::{ArtifactStatus, HistoryEntry, Reason, Verdict};
use crate::wire::{CheckResults, Isolation, Metrics};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Status of a StrategyRun. An `observedGeneration` of -1 reads as "never reconciled".
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StrategyRunStatus {
    /// The generation that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Hash of everything that decides the result; a new generation with the same one is not run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_hash: Option<String>,
    /// Ready always; Validated and Scheduled when known; `LookaheadFree` and `Deterministic` only when not True;
    /// Reconciling, Stalled and FallbackActive only when True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Which way the run was answered; empty until known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<RunPath>,
    /// When this input was first seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When it ended, however it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Backtest metrics; only of a run that was scored and whose enforced checks have passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// What became of `spec.acceptance`; absent without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What the checks have found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<CheckResults>,
    /// What the gate found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<ValidationStatus>,
    /// What went wrong inside the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorStatus>,
    /// Tail of what a successful strategy printed, escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Sandboxes tried for this input, the latest five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub attempts: Vec<Attempt>,
    /// Where the time went, in milliseconds; a stage that was skipped is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durations: Option<Durations>,
    /// What the result was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// The `stratbox.dev/rerun-requested-at` that was acted upon last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub last_handled_rerun_at: Option<String>,
    /// Where the artifacts are that were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub artifacts: Vec<ArtifactStatus>,
    /// How earlier inputs have ended, the latest five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub history: Vec<HistoryEntry>,
}

impl super::StrategyRun {
    /// The last sandbox that was tried for its present input, if any.
    #[must_use]
    pub fn last_attempt(&self) -> Option<&Attempt> {
        self.status.as_ref()?.attempts.last()
    }

    /// Whether the pod of that UID is on record as an attempt's. Not of one that was suspended: it has left its sandbox, which
    /// may yet become the run's by a claim that was long under way.
    #[must_use]
    pub fn has_use_for(&self, pod_uid: &str) -> bool {
        let suspended = Some(Reason::Suspended.as_str());
        let attempts = self.status.iter().flat_map(|status| &status.attempts);
        attempts
            .filter(|attempt| attempt.reason.as_deref() != suspended)
            .any(|attempt| attempt.pod_uid.as_deref() == Some(pod_uid))
    }
}

/// Which way a run was answered.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunPath {
    /// Run in a sandbox.
    Sandbox,
    /// Validated, **not executed**, no metrics.
    AstOnly,
}

/// The gate's verdict in detail.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidationStatus {
    /// The first twenty findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub findings: Vec<FindingStatus>,
    /// How many there are.
    pub total: u32,
}

/// One finding; lines and columns from 1, columns in code points.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingStatus {
    /// Rule, such as IMP001.
    pub rule: String,
    /// `error` refuses, `warning` does not.
    pub severity: String,
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column behind the last character.
    pub end_column: u32,
    /// What was found and why it is refused.
    pub message: String,
    /// What to write instead.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// What went wrong inside the sandbox.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorStatus {
    /// The same word as Ready's reason.
    pub category: String,
    /// The exception's class.
    #[serde(default, rename = "type", skip_serializing_if = "String::is_empty")]
    pub type_: String,
    /// What happened, escaped.
    pub message: String,
    /// Line of the strategy's own code, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// End of the traceback and of what was printed, escaped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tail: String,
}

/// One sandbox tried for one input; recorded before its pod is created.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// The sandbox's pod.
    pub pod_name: String,
    /// UID of that pod, once it is known.
    #[serde(default, rename = "podUID", skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// Whether the sandbox was one of a pool's, made ahead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warm: bool,
    /// Why it was not, where the namespace has a pool of the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold_reason: Option<String>,
    /// Where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// How it ended; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// When a scheduling gate let the pod go: the time before does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ungated_at: Option<Time>,
    /// Sandboxes of this input that were lost to their infrastructure so far, this one included if it was.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub losses: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Milliseconds.
#[derive(JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// The gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_ms: Option<u64>,
    /// Waiting for one of the class's places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_ms: Option<u64>,
    /// Pod created until it was seen on a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_ms: Option<u64>,
    /// On a node until the runner answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// Runner answered until the run was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover_ms: Option<u64>,
    /// Accepted until positions were in, as the runner measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_ms: Option<u64>,
    /// The checks, as the runner measured them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks_ms: Option<u64>,
    /// Scoring, as the runner measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_ms: Option<u64>,
    /// Report received until this status was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collect_ms: Option<u64>,
}

/// What a result was made of.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// SHA-256 of the text that was compiled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_sha256: Option<String>,
    /// SHA-256 of the dataset's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_sha256: Option<String>,
    /// The sandbox image as the node resolved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// Digest of the gate's policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_digest: Option<String>,
    /// Version of the runner that scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<String>,
    /// SHA-256 over everything that decides the result, code, params, data, image, policy, engine and settings; known
    /// before the run. Equal ones mean equal results where image and dataset are named by digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Name of the run whose result this is, when an equal one has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_from: Option<String>,
    /// The values that were used where the run left them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<ResolvedSpec>,
    /// What was really in force in the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
}

/// The values that were used.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResolvedSpec {
    /// How positions became trades.
    pub execution: super::Execution,
    /// What the sandbox was allowed.
    pub limits: super::ResourceLimits,
    /// Seconds for the strategy.
    pub active_deadline_seconds: u32,
    /// Seconds for a sandbox.
    pub scheduling_deadline_seconds: u32,
    /// More sandboxes after a lost one.
    pub backoff_limit: u32,
    /// The fallback's policy, after the operator's switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_policy: Option<super::FallbackPolicy>,
    /// Seconds for policy Retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_deadline_seconds: Option<u32>,
    /// Proofs that were tried.
    #[serde(default)]
    pub checks: super::Checks,
}

impl ResolvedSpec {
    /// Seconds that strategy and checks may take together.
    #[must_use]
    pub fn own_seconds(&self) -> u32 {
        self.active_deadline_seconds.saturating_add(self.checks.seconds())
    }
}
