//! The proofs that the runner tries on a strategy after its first evaluation: what is asked, and what was found.

use serde::{Deserialize, Serialize};

/// Which proofs to try. What a difference means for the run is the operator's to say; the runner only looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checks {
    /// Whether positions up to a date must not depend on what comes after it.
    pub lookahead: bool,
    /// How many cut dates are tried for that; from 1 to 16.
    pub cuts: u32,
    /// Whether a second evaluation on the same data must give the same positions, bit by bit.
    pub determinism: bool,
    /// Seconds for all of them together, from the end of the first evaluation; ≥ 1.
    pub deadline_seconds: u32,
}

impl Checks {
    /// No check.
    pub const OFF: Self = Self { lookahead: false, cuts: 1, determinism: false, deadline_seconds: 1 };
}

/// A layer of isolation that a class may require: without it the strategy is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
pub enum Layer {
    /// A user namespace: root inside is nobody outside.
    UserNamespace,
    /// Landlock on the interpreter.
    Landlock,
    /// The evaluation's own seccomp filter, seen in force.
    Stage2,
}

/// What the checks have found; absent is what was not asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckResults {
    /// Whether the strategy looks ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookahead: Option<LookaheadResult>,
    /// Whether the strategy gives the same positions twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub determinism: Option<DeterminismResult>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
pub enum CheckResult {
    /// No difference in what was tried.
    Passed,
    /// A difference was found.
    Failed,
    /// Nothing could be compared before `checks.deadlineSeconds`, or an evaluation of the check did not end well.
    #[default]
    NotFinished,
}

/// Whether positions up to a date depend on what comes after it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookaheadResult {
    /// `Failed`: the strategy used data of the future.
    pub result: CheckResult,
    /// Cut dates of which every evaluation was compared.
    pub cuts_tried: u32,
    /// Cut dates at which the strategy raised on the truncated data: its history was too short, which is no difference.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub short_history: u32,
    /// Why fewer cuts were tried than asked for; absent when all were.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "operator", schemars(length(max = 256)))]
    pub note: String,
    /// The first difference that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// Whether a second evaluation on the same data gave the same positions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeterminismResult {
    /// `Failed`: two evaluations of the same strategy on the same data differ.
    pub result: CheckResult,
    /// Why the check did not finish; absent when it did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "operator", schemars(length(max = 256)))]
    pub note: String,
    /// The first difference that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// One position that differs between two evaluations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Difference {
    /// What the other evaluation was given.
    pub kind: Variation,
    /// Last date before the data differ, ISO; absent where they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "operator", schemars(length(max = 10)))]
    pub cut: Option<String>,
    /// First date with a different position, ISO.
    #[cfg_attr(feature = "operator", schemars(length(max = 10)))]
    pub date: String,
    /// First symbol with a different position on that date.
    #[cfg_attr(feature = "operator", schemars(length(max = 64)))]
    pub symbol: String,
    /// Target weight in the evaluation that is scored; absent: the row holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<f64>,
    /// Target weight in the other evaluation; absent: the row holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<f64>,
}

/// How the data of a check's evaluation differ from the run's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
pub enum Variation {
    /// They end at the cut.
    Truncated,
    /// Prices and volumes after the cut are three times as high.
    ShockedUp,
    /// Prices and volumes after the cut are a third.
    ShockedDown,
    /// They do not.
    Same,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
