//! The report: put together, and cut until it fits. A report that is too long would not be believed, so nothing that a
//! strategy writes may make it so.

use crate::score::{self, Market, ScoreError};
use crate::wire::{
    CheckResults, Durations, Evidence, MAX_OUTPUT, MAX_REPORT, Metrics, Outcome, Rebalance, Report, Run,
    SCHEMA, cost, head, tail,
};

use super::artifacts::{self, Artifact};
use super::data::Slice;
use super::output::Output;
use super::verdict::Failure;

/// The shortest message that is worth more than the tail.
const LEAST_MESSAGE: usize = 200;

/// A figure beyond this is no figure that anybody can use; the operator refuses it.
const LARGE: f64 = 1e15;

/// A run that was scored.
#[derive(Debug)]
pub(super) struct Scored {
    /// The figures.
    pub(super) metrics: Metrics,
    /// What was asked for beside them.
    pub(super) artifacts: Vec<Artifact>,
}

/// What is known at the end of a run.
#[derive(Debug)]
pub(super) struct Known {
    /// Metrics and artifacts, or why there are none.
    pub(super) result: Result<Scored, Failure>,
    /// What the checks have found; absent when none was asked for.
    pub(super) checks: Option<CheckResults>,
    /// What was printed.
    pub(super) output: Output,
    /// Where the time went.
    pub(super) durations: Durations,
    /// What was counted.
    pub(super) evidence: Evidence,
}

/// The report of `run`, and the artifacts that it announces.
pub(super) fn report(run: &Run, known: Known) -> (Report, Vec<Artifact>) {
    let Known { result, checks, output, durations, mut evidence } = known;
    let (shown, dropped) = output.shown(MAX_OUTPUT);
    evidence.output_dropped = dropped;
    let (outcome, metrics, artifacts, fault, output) = match result {
        Ok(Scored { metrics, artifacts }) => (Outcome::Succeeded, Some(metrics), artifacts, None, shown),
        Err(failure) => {
            let failure = failure.with_output(&output);
            (failure.outcome, None, Vec::new(), Some(failure.fault), String::new())
        }
    };
    let mut report = Report {
        schema: SCHEMA,
        run_uid: run.run_uid.clone(),
        pod_uid: run.pod_uid.clone(),
        attempt: run.attempt,
        code_sha256: run.sha256.clone(),
        outcome,
        metrics,
        checks,
        artifacts: artifacts.iter().map(Artifact::head).collect(),
        fault,
        output,
        durations,
        evidence,
    };
    fit(&mut report);
    (report, artifacts)
}

/// Shortens what a strategy wrote until the report fits: what was printed first, the message last.
fn fit(report: &mut Report) {
    let length = |report: &Report| serde_json::to_vec(report).map_or(0, |bytes| bytes.len());
    loop {
        let surplus = length(report).saturating_sub(MAX_REPORT);
        if surplus == 0 {
            return;
        }
        // What is cut was measured as JSON, so one turn a field is enough; the loop only guards against an error of that.
        let fault = report.fault.as_mut();
        if !report.output.is_empty() {
            report.output = shorter(&report.output, surplus, |text, limit| tail(text, limit).to_owned());
        } else if let Some(fault) = fault {
            if !fault.tail.is_empty() {
                fault.tail = shorter(&fault.tail, surplus, |text, limit| tail(text, limit).to_owned());
            } else if fault.message.len() > LEAST_MESSAGE {
                fault.message = shorter(&fault.message, surplus, head);
            } else {
                return;
            }
        } else {
            return;
        }
    }
}

/// `text` without at least `surplus` bytes of JSON.
fn shorter(text: &str, surplus: usize, cut: impl Fn(&str, usize) -> String) -> String {
    let limit = cost(text).saturating_sub(surplus.max(8));
    cut(text, limit)
}

/// Scores positions and writes the artifacts; the counts go into `evidence`.
pub(super) fn score(
    run: &Run,
    slice: &Slice<'_>,
    positions: &[f64],
    evidence: &mut Evidence,
) -> Result<Scored, Failure> {
    let closes = slice.closes();
    let execution = score::Execution {
        lag: run.execution.lag,
        rebalance: match run.execution.rebalance {
            Rebalance::D => score::Rebalance::Daily,
            Rebalance::W => score::Rebalance::Weekly,
            Rebalance::M => score::Rebalance::Monthly,
            Rebalance::Q => score::Rebalance::Quarterly,
        },
        fee_ratio: run.execution.fee_ratio,
        tax_ratio: run.execution.tax_ratio,
        initial_cash: run.execution.initial_cash,
        max_leverage: run.execution.max_leverage,
    };
    let trials = score::Trials { count: run.trials.count, sharpe_variance: run.trials.sharpe_variance };
    let scored = Market::new(&slice.dates, &slice.symbols, &closes)
        .and_then(|market| score::score(&market, positions, &execution, slice.benchmark.as_deref(), &trials))
        .map_err(|error| unscored(&error))?;
    evidence.missing_prices = scored.counts.missing_prices as u64;
    evidence.unpriced_targets = scored.counts.targets_without_price as u64;
    evidence.scaled_rows = scored.counts.rows_scaled_down as u64;
    let artifacts = artifacts::write(&run.artifacts, &scored, slice, execution.initial_cash);
    Ok(Scored { metrics: written(&scored.metrics), artifacts })
}

/// Why positions cannot be scored, in words for whoever can change it.
fn unscored(error: &ScoreError) -> Failure {
    match error {
        ScoreError::Position { .. } => Failure::new(Outcome::InvalidResult, &error.to_string()),
        ScoreError::Overflow { .. } => Failure::new(
            Outcome::InvalidResult,
            &format!("{error}: return weights as fractions of the equity, such as 0.5"),
        ),
        ScoreError::Setting { field, .. } => {
            Failure::new(Outcome::InvalidSpec, &format!("spec.execution.{field}, spec.trials: {error}"))
        }
        _ => Failure::new(
            Outcome::DatasetNotFound,
            &format!("the dataset cannot be scored: {error}; build it again"),
        ),
    }
}

/// The figures as they travel: 6 decimals, and none that is too large to mean anything.
fn written(metrics: &score::Metrics) -> Metrics {
    let figure = |value: Option<f64>| value.filter(|value| value.abs() <= LARGE).and_then(score::rounded);
    Metrics {
        total_return: figure(metrics.total_return),
        annual_return: figure(metrics.annual_return),
        annual_volatility: figure(metrics.annual_volatility),
        sharpe_ratio: figure(metrics.sharpe_ratio),
        sortino_ratio: figure(metrics.sortino_ratio),
        max_drawdown: figure(metrics.max_drawdown),
        calmar_ratio: figure(metrics.calmar_ratio),
        win_rate: figure(metrics.win_rate),
        daily_win_rate: figure(metrics.daily_win_rate),
        profit_factor: figure(metrics.profit_factor),
        turnover: figure(metrics.turnover),
        exposure: figure(metrics.exposure),
        trades: Some(metrics.trades as u64),
        avg_holding_days: figure(metrics.avg_holding_days),
        best_trade: figure(metrics.best_trade),
        worst_trade: figure(metrics.worst_trade),
        benchmark_return: figure(metrics.benchmark_return),
        alpha: figure(metrics.alpha),
        beta: figure(metrics.beta),
        probabilistic_sharpe: figure(metrics.probabilistic_sharpe),
        deflated_sharpe: figure(metrics.deflated_sharpe),
        min_track_record_length: figure(metrics.min_track_record_length),
        days: Some(metrics.days as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::verdict::Failure;
    use crate::wire::{
        CheckResult, DeterminismResult, Difference, Expected, Isolation, LookaheadResult, StrategyFault,
        Variation,
    };
    use proptest::prelude::*;

    fn evidence() -> Evidence {
        // As long as it gets.
        Evidence {
            data_sha256: "f".repeat(64),
            engine_version: "100.200.300".into(),
            dates: u64::MAX,
            symbols: u64::MAX,
            missing_prices: u64::MAX,
            unpriced_targets: u64::MAX,
            scaled_rows: u64::MAX,
            output_dropped: u64::MAX,
            isolation: Isolation {
                seccomp: 2,
                no_new_privs: true,
                cap_eff: "0".repeat(16),
                uid: u32::MAX,
                uid_map: "4294967295 4294967295 4294967295".into(),
                landlock_abi: Some(u32::MAX),
                stage2: true,
                stage1_profile: "f".repeat(64),
                stage2_profile: "f".repeat(64),
                seccomp_filters: Some(u32::MAX),
                kernel: "k".repeat(64),
                memory_limit: Some(u64::MAX),
                cpu_limit_millis: Some(u64::MAX),
            },
        }
    }

    fn durations() -> Durations {
        Durations {
            start_ms: Some(u64::MAX),
            run_ms: Some(u64::MAX),
            score_ms: Some(u64::MAX),
            checks_ms: Some(u64::MAX),
        }
    }

    /// What checks can find, as long as it gets.
    fn all_checks() -> CheckResults {
        let difference = Some(Difference {
            kind: Variation::ShockedDown,
            cut: Some("2024-01-01".into()),
            date: "2024-01-01".into(),
            symbol: "S".repeat(64),
            full: Some(-0.123_456_789_012_345_68),
            other: Some(-1.234_567_890_123_456_7e-300),
        });
        let note = "n".repeat(super::super::checks::MAX_NOTE);
        CheckResults {
            lookahead: Some(LookaheadResult {
                result: CheckResult::NotFinished,
                cuts_tried: 16,
                short_history: 16,
                note: note.clone(),
                difference: difference.clone(),
            }),
            determinism: Some(DeterminismResult { result: CheckResult::NotFinished, note, difference }),
        }
    }

    fn checked(run: &Run, result: Result<Scored, Failure>, printed: &[u8]) -> Report {
        let mut output = Output::default();
        output.push(printed);
        let checks = result.is_ok().then(all_checks);
        let known = Known { result, checks, output, durations: durations(), evidence: evidence() };
        let (report, _) = report(run, known);
        let expected = Expected {
            run_uid: &run.run_uid,
            pod_uid: &run.pod_uid,
            attempt: run.attempt,
            code_sha256: &run.sha256,
        };
        report.check(&expected).expect("a believable report");
        report
    }

    fn run() -> Run {
        let uid = "01234567-89ab-cdef-0123-456789abcdef";
        Run { run_uid: uid.into(), pod_uid: uid.into(), attempt: u32::MAX, ..Run::example() }
    }

    /// Every metric there is, each as long as a number gets.
    fn all_metrics() -> Metrics {
        let one = Some(0.123_456);
        Metrics {
            total_return: Some(999_999_999.123_456),
            annual_return: Some(999_999_999.123_456),
            annual_volatility: one,
            sharpe_ratio: Some(-999.123_456),
            sortino_ratio: Some(-999.123_456),
            max_drawdown: Some(-0.123_456),
            calmar_ratio: Some(-999.123_456),
            win_rate: one,
            daily_win_rate: one,
            profit_factor: Some(999_999_999.123_456),
            turnover: Some(999_999_999.123_456),
            exposure: one,
            trades: Some(1_000_000_000),
            avg_holding_days: Some(9_999.123_456),
            best_trade: Some(999_999_999.123_456),
            worst_trade: Some(-999_999_999.123_456),
            benchmark_return: one,
            alpha: Some(-999_999.123_456),
            beta: Some(-999.123_456),
            probabilistic_sharpe: one,
            deflated_sharpe: one,
            min_track_record_length: Some(999_999_999.123_456),
            days: Some(u64::MAX),
        }
    }

    #[test]
    fn a_full_success_fits_with_some_of_its_output() {
        let artifacts = artifacts::example();
        let result = Ok(Scored { metrics: all_metrics(), artifacts });
        let report = checked(&run(), result, "\u{1b}[0m\"\\\n".repeat(2000).as_bytes());
        assert_eq!(report.artifacts.len(), 2);
        assert!(report.output.len() > 100, "{}", report.output.len());
    }

    proptest! {
        #[test]
        fn a_report_always_fits(
            message in "[\\x00-\\x7f\u{80}-\u{ff}\u{202e}\u{1f600}]{0,4000}",
            class in "\\PC{0,300}",
            trace in "[\\x00-\\x7f\u{4e00}]{0,4000}",
            printed in prop::collection::vec(any::<u8>(), 0..5000),
        ) {
            let mut failure = Failure::new(Outcome::StrategyError, &message);
            failure.fault = StrategyFault {
                r#type: crate::wire::head(&crate::wire::escaped(&class), 100),
                line: Some(u32::MAX),
                tail: crate::wire::escaped(&trace),
                ..failure.fault
            };
            let report = checked(&run(), Err(failure), &printed);
            prop_assert!(serde_json::to_vec(&report).unwrap().len() <= MAX_REPORT);
        }
    }
}
