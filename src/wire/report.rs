//! The report: what a run came to, and what has to hold before anybody believes it.

use super::{ArtifactHead, CheckResults, Metrics, SCHEMA};
use serde::{Deserialize, Serialize};

/// A report's size as JSON, in bytes: the kubelet keeps 4,096 bytes of a termination message.
pub const MAX_REPORT: usize = 3 * 1024;
/// The tail of what a failed strategy printed, in bytes of JSON text.
pub const MAX_TAIL: usize = 1024;
/// The tail of what a successful strategy printed, in bytes of JSON text.
pub const MAX_OUTPUT: usize = 1024;

/// What one run came to, written by the runner: first to the termination log, then to stdout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// UID of the `StrategyRun`.
    pub run_uid: String,
    /// UID of the runner's pod.
    pub pod_uid: String,
    /// Number of the attempt.
    pub attempt: u32,
    /// SHA-256 of the code that was compiled.
    pub code_sha256: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Only with [`Outcome::Succeeded`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// What the checks have found; only with [`Outcome::Succeeded`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<CheckResults>,
    /// What will follow as pieces; only with [`Outcome::Succeeded`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactHead>,
    /// What went wrong; only without success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<StrategyFault>,
    /// Tail of what a successful strategy printed, escaped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// Where the time went.
    pub durations: Durations,
    /// What was counted and what was really in force.
    pub evidence: Evidence,
}

/// How a run ended, as far as the runner can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Scored.
    Succeeded,
    /// The strategy raised, or its process ended by itself.
    StrategyError,
    /// What it returned is no positions for this dataset.
    InvalidResult,
    /// Not done within `activeDeadlineSeconds`.
    DeadlineExceeded,
    /// Memory limit reached.
    OOMKilled,
    /// An evaluation ended by SIGSYS: it made a system call that no strategy needs.
    SandboxViolation,
    /// The run cannot be done as specified: a symbol that the dataset lacks, a window without a date, a memory limit
    /// too small.
    InvalidSpec,
    /// The dataset is not in the sandbox, or its file does not match its manifest.
    DatasetNotFound,
    /// A layer that the class requires is not in force.
    IsolationMissing,
}

/// What went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StrategyFault {
    /// The exception's class, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// What happened and what to do; escaped.
    pub message: String,
    /// Line of the strategy's own code, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Tail of the traceback (strategy's frames) and of what was printed, escaped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tail: String,
}

/// Stages as the runner measured them, in milliseconds of a monotonic clock; absent when not reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Durations {
    /// Start of the runner to interpreter up and dataset parsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// Hand-over accepted to the first positions in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_ms: Option<u64>,
    /// Scoring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_ms: Option<u64>,
    /// The checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks_ms: Option<u64>,
}

/// Facts that only the runner can know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// SHA-256 of the dataset's file as it was read; empty when none was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data_sha256: String,
    /// Version of the runner.
    pub engine_version: String,
    /// Dates in the slice.
    pub dates: u64,
    /// Symbols in the slice.
    pub symbols: u64,
    /// (date, symbol) pairs without a price after the symbol's first one.
    pub missing_prices: u64,
    /// Targets set to zero for want of any price up to their date.
    pub unpriced_targets: u64,
    /// Target rows scaled down to `maxLeverage`.
    pub scaled_rows: u64,
    /// Bytes that the strategy printed beyond the kept tail.
    pub output_dropped: u64,
    /// What is really in force in the sandbox.
    pub isolation: Isolation,
}

/// What is really in force, read inside the sandbox and not assumed by the operator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Isolation {
    /// `Seccomp` of the runner's own status: 2 is a filter.
    pub seccomp: u32,
    /// Whether new privileges are impossible.
    pub no_new_privs: bool,
    /// Effective capabilities, hex.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cap_eff: String,
    /// User ID inside the sandbox.
    pub uid: u32,
    /// The user namespace's first mapping, `inside outside count`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid_map: String,
    /// Landlock ABI in force on the interpreter; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landlock_abi: Option<u32>,
    /// Whether the evaluation's own filter (stage 2) was seen in force before it was given data.
    pub stage2: bool,
    /// SHA-256 of the reviewed profile that stage 1 should be, as it was built into the runner.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stage1_profile: String,
    /// SHA-256 of the reviewed profile that stage 2 was compiled from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stage2_profile: String,
    /// Seccomp filters on the runner itself; absent where the kernel does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seccomp_filters: Option<u32>,
    /// The kernel's own name and release, such as `Linux 6.12.1`; gVisor's differs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kernel: String,
    /// The control group's memory limit in bytes; absent where it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<u64>,
    /// The control group's limit of CPU in thousandths; absent where there is none or it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_limit_millis: Option<u64>,
}

/// What the operator knows of the attempt that it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected<'a> {
    /// UID of the `StrategyRun`.
    pub run_uid: &'a str,
    /// UID of the pod on record.
    pub pod_uid: &'a str,
    /// Number of the attempt on record.
    pub attempt: u32,
    /// SHA-256 of the code that was handed over.
    pub code_sha256: &'a str,
}

/// Why a report is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// Larger than a report can be.
    #[error("report of {0} bytes is over the limit of {MAX_REPORT}")]
    TooLarge(usize),
    /// Not strict UTF-8 JSON of the known shape.
    #[error("report is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Belongs to something else.
    #[error("report belongs to another {0}")]
    Foreign(&'static str),
    /// A number that cannot be.
    #[error("report claims an impossible {0}")]
    Range(&'static str),
    /// Metrics without success, or success without metrics.
    #[error("report has an outcome that contradicts its contents")]
    Contradiction,
}

impl Report {
    /// Reads a termination message or the report of a frame: size first, then strict JSON, then [`Report::check`].
    ///
    /// # Errors
    /// Whatever makes it unbelievable.
    pub fn read(bytes: &[u8], expected: &Expected<'_>) -> Result<Self, Invalid> {
        if bytes.len() > MAX_REPORT {
            return Err(Invalid::TooLarge(bytes.len()));
        }
        let report: Self = serde_json::from_slice(bytes)?;
        report.check(expected)?;
        Ok(report)
    }

    /// Whether this report may be believed for the attempt that is `expected`.
    ///
    /// # Errors
    /// A foreign identity, a number out of range, metrics where there can be none.
    pub fn check(&self, expected: &Expected<'_>) -> Result<(), Invalid> {
        let identity = [
            ("schema", self.schema == SCHEMA),
            ("run", self.run_uid == expected.run_uid),
            ("pod", self.pod_uid == expected.pod_uid),
            ("attempt", self.attempt == expected.attempt),
            ("code", self.code_sha256 == expected.code_sha256),
        ];
        if let Some((what, _)) = identity.into_iter().find(|(_, same)| !same) {
            return Err(Invalid::Foreign(what));
        }
        if (self.outcome == Outcome::Succeeded) != self.metrics.is_some()
            || self.fault.is_some() == self.metrics.is_some()
        {
            return Err(Invalid::Contradiction);
        }
        if self.metrics.is_none() && (self.checks.is_some() || !self.artifacts.is_empty()) {
            return Err(Invalid::Contradiction);
        }
        let size = serde_json::to_vec(self)?.len();
        if size > MAX_REPORT {
            return Err(Invalid::TooLarge(size));
        }
        self.metrics.map_or(Ok(()), |metrics| self.check_metrics(&metrics))
    }

    fn check_metrics(&self, metrics: &Metrics) -> Result<(), Invalid> {
        for (name, value, low, high) in metrics.ranges() {
            if value.is_some_and(|value| !value.is_finite() || value < low || value > high) {
                return Err(Invalid::Range(name));
            }
        }
        let cells = self.evidence.dates.saturating_mul(self.evidence.symbols);
        if metrics.trades.is_some_and(|trades| trades > cells) {
            return Err(Invalid::Range("trades"));
        }
        if metrics.days.is_some_and(|days| days != self.evidence.dates) {
            return Err(Invalid::Range("days"));
        }
        Ok(())
    }
}

#[cfg(test)]
impl Report {
    /// A believable report of [`super::Run::example`] for tests.
    #[must_use]
    pub fn example() -> Self {
        let run = super::Run::example();
        Self {
            schema: SCHEMA,
            run_uid: run.run_uid,
            pod_uid: run.pod_uid,
            attempt: run.attempt,
            code_sha256: run.sha256,
            outcome: Outcome::Succeeded,
            metrics: Some(Metrics {
                sharpe_ratio: Some(0.38),
                trades: Some(3),
                days: Some(100),
                ..Metrics::default()
            }),
            checks: None,
            artifacts: Vec::new(),
            fault: None,
            output: String::new(),
            durations: Durations::default(),
            evidence: Evidence { dates: 100, symbols: 1, engine_version: "0".into(), ..Evidence::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(report: &Report) -> Expected<'_> {
        Expected {
            run_uid: &report.run_uid,
            pod_uid: &report.pod_uid,
            attempt: report.attempt,
            code_sha256: &report.code_sha256,
        }
    }

    fn check_changed(change: impl FnOnce(&mut Report)) -> Result<(), Invalid> {
        let honest = Report::example();
        let mut report = honest.clone();
        change(&mut report);
        report.check(&expected(&honest))
    }

    #[test]
    fn an_honest_report_is_believed() {
        let report = Report::example();
        let bytes = serde_json::to_vec(&report).unwrap();
        assert_eq!(Report::read(&bytes, &expected(&report)).unwrap(), report);
    }

    #[test]
    fn a_report_of_another_attempt_run_pod_or_code_is_refused() {
        assert!(matches!(check_changed(|r| r.attempt = 2), Err(Invalid::Foreign("attempt"))));
        assert!(matches!(check_changed(|r| r.run_uid = "x".into()), Err(Invalid::Foreign("run"))));
        assert!(matches!(check_changed(|r| r.pod_uid = "x".into()), Err(Invalid::Foreign("pod"))));
        assert!(matches!(check_changed(|r| r.code_sha256 = "x".into()), Err(Invalid::Foreign("code"))));
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let sharpe = |value| move |r: &mut Report| r.metrics.as_mut().unwrap().sharpe_ratio = Some(value);
        assert!(matches!(check_changed(sharpe(1e4)), Err(Invalid::Range("sharpeRatio"))));
        assert!(matches!(check_changed(sharpe(f64::NAN)), Err(Invalid::Range("sharpeRatio"))));
        assert!(matches!(
            check_changed(|r| r.metrics.as_mut().unwrap().max_drawdown = Some(0.1)),
            Err(Invalid::Range("maxDrawdown"))
        ));
        assert!(matches!(
            check_changed(|r| r.metrics.as_mut().unwrap().trades = Some(101)),
            Err(Invalid::Range("trades"))
        ));
    }

    #[test]
    fn metrics_and_failure_exclude_each_other() {
        assert!(matches!(check_changed(|r| r.outcome = Outcome::StrategyError), Err(Invalid::Contradiction)));
        assert!(matches!(check_changed(|r| r.metrics = None), Err(Invalid::Contradiction)));
        assert!(matches!(
            check_changed(|r| r.fault = Some(StrategyFault::default())),
            Err(Invalid::Contradiction)
        ));
    }

    #[test]
    fn odd_json_is_refused() {
        let report = Report::example();
        let text = serde_json::to_string(&report).unwrap();
        let refused = |text: String| Report::read(text.as_bytes(), &expected(&report)).is_err();
        assert!(refused(text.replace("0.38", "1e400")), "infinite");
        assert!(refused(text.replace("0.38", "NaN")), "NaN");
        assert!(refused(text.replacen("\"attempt\":1", "\"attempt\":1,\"attempt\":1", 1)), "duplicate key");
        assert!(refused(text.replacen("\"attempt\":1", "\"attempt\":1,\"extra\":1", 1)), "unknown key");
        assert!(refused(format!("{text}{text}")), "trailing bytes");
        assert!(refused(text.replacen('{', &format!("{{{}", " ".repeat(MAX_REPORT)), 1)), "too large");
        assert!(Report::read(b"\xff\xfe", &expected(&report)).is_err(), "not UTF-8");
    }
}
