//! What a run asks of its result beyond metrics: proofs, acceptance, artifacts and the answer of an equal run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Proofs that are tried on a strategy once it has been evaluated.
#[derive(JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checks {
    /// Positions up to a date must not depend on what comes after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookahead: Option<CheckMode>,
    /// How many cut dates are tried for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16))]
    pub cuts: Option<u32>,
    /// A second evaluation on the same data must give the same positions, bit by bit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub determinism: Option<CheckMode>,
    /// Seconds for all of them together; then they stop and say how many cuts were tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub deadline_seconds: Option<u32>,
}

impl Checks {
    /// Evaluations of the strategy that a run with them takes: one for its positions, three for each cut, and one on the
    /// same data.
    #[must_use]
    pub fn evaluations(&self) -> u32 {
        let cuts = if CheckMode::is_tried(self.lookahead) { self.cuts.unwrap_or(1) } else { 0 };
        1 + 3 * cuts + u32::from(CheckMode::is_tried(self.determinism))
    }
}

impl CheckMode {
    /// Whether a check of that mode is made; one that is left out is off.
    #[must_use]
    pub const fn is_tried(mode: Option<Self>) -> bool {
        matches!(mode, Some(Self::Warn | Self::Enforce))
    }
}

/// What a check's finding means.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckMode {
    /// A difference fails the run, and so does a check that did not finish.
    Enforce,
    /// Either is a condition beside the metrics.
    Warn,
    /// Not tried.
    Off,
}

impl Checks {
    /// Seconds that the checks may take beside the strategy's own; 0 when none is tried.
    #[must_use]
    pub fn seconds(&self) -> u32 {
        let tried = |mode: Option<CheckMode>| !matches!(mode, None | Some(CheckMode::Off));
        if tried(self.lookahead) || tried(self.determinism) {
            self.deadline_seconds.unwrap_or_default()
        } else {
            0
        }
    }
}

/// Which results are good enough.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Acceptance {
    /// CEL over `metrics`, such as `metrics.sharpeRatio >= 0.3`: numbers, comparisons, arithmetic, logic and `has()`.
    /// All must be true. A metric that is absent makes an expression that depends on it not accepted.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 512)), extend("x-kubernetes-list-type" = "atomic"))]
    pub expressions: Vec<String>,
    /// What a result that is not accepted means for the run.
    #[serde(default)]
    pub on_reject: OnReject,
}

/// What a result that is not accepted means for the run.
#[derive(JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnReject {
    /// It has succeeded, with verdict `Rejected`.
    #[default]
    Report,
    /// It has failed, with reason `AcceptanceFailed`.
    Fail,
}

/// Whether an equal run may answer.
#[derive(JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CachePolicy {
    /// A finished run of the namespace with the same fingerprint answers at once.
    #[default]
    IfSameInputs,
    /// Always runs.
    Never,
}

/// What became of the acceptance.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Every expression is true.
    Accepted,
    /// One is not; Ready's message has it, with the values.
    Rejected,
}

/// One artifact, where it is and what it hashes to: gzip of CSV.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactStatus {
    /// Which one.
    pub name: crate::wire::ArtifactKind,
    /// The ConfigMap that holds it, in the run's namespace.
    pub config_map: String,
    /// Its key in `binaryData`.
    pub key: String,
    /// SHA-256 of the bytes under that key.
    pub sha256: String,
}

/// How an earlier input of the run has ended.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Its `inputHash`.
    pub hash: String,
    /// Ready's reason at its end.
    pub reason: String,
    /// Its Sharpe ratio, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpe: Option<f64>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>,
}
