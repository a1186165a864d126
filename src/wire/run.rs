//! The `run` frame: everything that a sandbox is told about its one run.

use super::{ArtifactKind, Checks, Layer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The version of the frames; operator and runner of different versions refuse each other instead of guessing.
pub const SCHEMA: u32 = 2;

/// One run for one sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Run {
    /// [`SCHEMA`].
    pub schema: u32,
    /// UID of the `StrategyRun`.
    pub run_uid: String,
    /// UID of the pod that this frame is meant for; the runner compares it with its own.
    pub pod_uid: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// SHA-256 of `code`, lower-case hex. A frame whose code does not hash to it is dropped.
    pub sha256: String,
    /// The validated text; exactly this `str` is compiled.
    pub code: String,
    /// The strategy's parameters.
    pub params: BTreeMap<String, String>,
    /// Which slice of which dataset.
    pub dataset: Dataset,
    /// A symbol of the dataset to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<String>,
    /// How positions become trades.
    pub execution: Execution,
    /// What the run may use.
    pub limits: Limits,
    /// How many variants were tried before this one.
    pub trials: Trials,
    /// Which proofs to try once it has been evaluated.
    pub checks: Checks,
    /// Layers without which the strategy is not called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<Layer>,
    /// What to send beside the report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactKind>,
}

/// Evaluations that a waiting sandbox forks ahead of its run at most: as many as a run with the checks of the shipped
/// configuration takes.
pub const MOST_AHEAD: u32 = 8;

/// A slice of a dataset that is there in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dataset {
    /// Name in the `SandboxClass`, which is the folder below `/datasets`.
    pub name: String,
    /// Folder of `manifest.json` below that.
    pub path: String,
    /// Format of the data file.
    pub format: DatasetFormat,
    /// Symbols to select, in any order; empty means all.
    pub symbols: Vec<String>,
    /// First date, ISO, inclusive; absent means from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Last date, ISO, inclusive; absent means to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

/// How a dataset's file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DatasetFormat {
    /// Long CSV with a header: `date,symbol,` and one column a field.
    Csv,
    /// Parquet with the same columns.
    Parquet,
}

/// How target positions are traded; `scoring.md` defines each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Execution {
    /// Dates between a decision and the first return that it earns; ≥ 1.
    pub lag: u32,
    /// Which dates are decision dates.
    pub rebalance: Rebalance,
    /// Fee as a fraction of the traded weight.
    pub fee_ratio: f64,
    /// Tax as a fraction of the sold weight.
    pub tax_ratio: f64,
    /// Equity at the start, in the dataset's currency; scales the equity curve and nothing else.
    pub initial_cash: f64,
    /// Gross exposure above which a target row is scaled down.
    pub max_leverage: f64,
}

/// Decision dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
pub enum Rebalance {
    /// Every date.
    D,
    /// The last date of each ISO week.
    W,
    /// The last date of each calendar month.
    M,
    /// The last date of each calendar quarter.
    Q,
}

/// What the run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Seconds from hand-over to the end of the first evaluation.
    pub active_deadline_seconds: u32,
    /// The container's memory limit in bytes.
    pub memory_bytes: u64,
}

/// How many variants of the strategy were tried: deflates the Sharpe ratio.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Trials {
    /// Number of variants, this one included; ≥ 1.
    pub count: u32,
    /// Variance of their daily Sharpe ratios; ≥ 0.
    pub sharpe_variance: f64,
}

/// Which run a runner has latched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Accepted {
    /// UID of the `StrategyRun`.
    pub run_uid: String,
    /// The runner's own pod UID.
    pub pod_uid: String,
    /// Number of the attempt.
    pub attempt: u32,
    /// SHA-256 of the code, lower-case hex.
    pub sha256: String,
}

/// Why a `run` frame is refused. The operator never sends such a frame, so there is no remedy for a user here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RunError {
    /// From an operator of another version.
    #[error("schema {0} is not {SCHEMA}")]
    Schema(u32),
    /// The code is not the code that was hashed.
    #[error("the code does not match its sha256")]
    Hash,
    /// A number outside its range.
    #[error("{0} is out of range")]
    Range(&'static str),
}

impl Run {
    /// Checks all that does not depend on the pod.
    ///
    /// # Errors
    /// Another schema, a hash that does not match, a number out of range.
    pub fn check(&self) -> Result<(), RunError> {
        if self.schema != SCHEMA {
            return Err(RunError::Schema(self.schema));
        }
        if sha256_hex(self.code.as_bytes()) != self.sha256 {
            return Err(RunError::Hash);
        }
        let execution = &self.execution;
        let ranges = [
            ("attempt", self.attempt >= 1),
            ("execution.lag", execution.lag >= 1),
            ("execution.feeRatio", (0.0..=1.0).contains(&execution.fee_ratio)),
            ("execution.taxRatio", (0.0..=1.0).contains(&execution.tax_ratio)),
            ("execution.initialCash", execution.initial_cash > 0.0 && execution.initial_cash.is_finite()),
            ("execution.maxLeverage", execution.max_leverage > 0.0 && execution.max_leverage.is_finite()),
            ("limits.activeDeadlineSeconds", self.limits.active_deadline_seconds >= 1),
            ("trials.count", self.trials.count >= 1),
            ("checks.cuts", (1..=16).contains(&self.checks.cuts)),
            ("checks.deadlineSeconds", self.checks.deadline_seconds >= 1),
            ("require", self.require.len() <= 3),
            ("artifacts", self.artifacts.len() <= 2),
            (
                "trials.sharpeVariance",
                self.trials.sharpe_variance >= 0.0 && self.trials.sharpe_variance.is_finite(),
            ),
        ];
        ranges
            .into_iter()
            .find(|(_, inside)| !inside)
            .map_or(Ok(()), |(field, _)| Err(RunError::Range(field)))
    }

    /// What the runner answers when it latches this run.
    #[must_use]
    pub fn accepted(&self) -> Accepted {
        Accepted {
            run_uid: self.run_uid.clone(),
            pod_uid: self.pod_uid.clone(),
            attempt: self.attempt,
            sha256: self.sha256.clone(),
        }
    }
}

/// Lower-case hex of the SHA-256 of `bytes`.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
impl Run {
    /// A complete run for tests.
    #[must_use]
    pub fn example() -> Self {
        let code = "def strategy(data):\n    return data['close'] > 0\n";
        Self {
            schema: SCHEMA,
            run_uid: "run-uid".into(),
            pod_uid: "pod-uid".into(),
            attempt: 1,
            sha256: sha256_hex(code.as_bytes()),
            code: code.into(),
            params: BTreeMap::new(),
            dataset: Dataset {
                name: "us-stocks".into(),
                path: String::new(),
                format: DatasetFormat::Csv,
                symbols: vec!["AAPL".into()],
                start: None,
                end: None,
            },
            benchmark: None,
            execution: Execution {
                lag: 1,
                rebalance: Rebalance::D,
                fee_ratio: 0.0,
                tax_ratio: 0.0,
                initial_cash: 1e6,
                max_leverage: 1.0,
            },
            limits: Limits { active_deadline_seconds: 300, memory_bytes: 2 << 30 },
            trials: Trials { count: 1, sharpe_variance: 0.0 },
            checks: Checks::OFF,
            require: Vec::new(),
            artifacts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_survives_the_wire() {
        let run = Run::example();
        let line = super::super::Inbound::Run(Box::new(run.clone())).to_line();
        let back = super::super::Inbound::from_line(line.trim().as_bytes()).unwrap();
        assert_eq!(back, super::super::Inbound::Run(Box::new(run)));
    }

    #[test]
    fn changed_code_is_refused() {
        let run = Run { code: "x".into(), ..Run::example() };
        assert_eq!(run.check(), Err(RunError::Hash));
    }

    #[test]
    fn every_number_has_a_range() {
        let mut run = Run::example();
        run.execution.lag = 0;
        assert_eq!(run.check(), Err(RunError::Range("execution.lag")));
        let mut run = Run::example();
        run.trials.sharpe_variance = f64::NAN;
        assert_eq!(run.check(), Err(RunError::Range("trials.sharpeVariance")));
    }
}
