//! What an attempt has come to.

use super::observed::{Observed, Timeline};
use super::status::Draft;
use crate::crd::{Durations, ErrorStatus, Reason, RunPath};
use crate::sandbox::{CONTAINER, Exit};
use crate::wire::{Expected, Outcome, Report, clean};

/// Bytes of `error.message` and `error.tail`.
const ERROR_MESSAGE: usize = 1024;
const ERROR_TAIL: usize = 2048;
/// Bytes of `output`.
const OUTPUT: usize = 1024;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    /// With a report that is believed.
    Reported(Box<Report>),
    /// Without one, and trying again would not help.
    Failed(Reason, String),
    /// Lost to its infrastructure.
    Lost(Reason, String),
    /// The runner did not come up, or gave itself up before it accepted the run.
    NotStarted(String),
}

/// The end of a container whose runner said nothing over `attach` that counts. The termination log counts only with
/// exit code 0.
pub(super) fn read_exit(exit: &Exit, accepted: bool, expected: &Expected<'_>) -> Ending {
    match exit.code {
        // First of all, as containerd calls a container OOMKilled too of which the kernel ended one process only: the
        // runner has lived to tell.
        0 => match Report::read(exit.message.as_bytes(), expected) {
            Ok(report) => Ending::Reported(Box::new(report)),
            Err(error) => {
                Ending::Failed(Reason::InvalidResult, format!("the runner's report is not believed: {error}"))
            }
        },
        _ if exit.oom_killed => Ending::Failed(
            Reason::OOMKilled,
            "the sandbox reached its memory limit: use less memory or raise spec.resources.limits.memory"
                .into(),
        ),
        code if accepted => Ending::Lost(Reason::PodLost, format!("the runner ended with exit code {code}")),
        code => {
            let said = clean(&exit.message, ERROR_MESSAGE / 2);
            Ending::NotStarted(format!(
                "the runner ended with exit code {code} before it accepted the run: {said}"
            ))
        }
    }
}

/// The reason that a report stands for.
pub(super) const fn reason_of(outcome: Outcome) -> Reason {
    match outcome {
        Outcome::Succeeded => Reason::Succeeded,
        Outcome::StrategyError => Reason::StrategyError,
        Outcome::InvalidResult => Reason::InvalidResult,
        Outcome::DeadlineExceeded => Reason::DeadlineExceeded,
        Outcome::OOMKilled => Reason::OOMKilled,
        Outcome::SandboxViolation => Reason::SandboxViolation,
        Outcome::InvalidSpec => Reason::InvalidSpec,
        Outcome::DatasetNotFound => Reason::DatasetNotFound,
        Outcome::IsolationMissing => Reason::IsolationMissing,
    }
}

/// Writes a believed report into the status.
pub(super) fn write_report(draft: &mut Draft, report: &Report, observed: &Observed<'_>) {
    let reason = reason_of(report.outcome);
    draft.close_attempt(if reason == Reason::Succeeded { "Completed" } else { reason.as_str() });
    let image = observed.pod.and_then(|pod| {
        let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
        Some(statuses.iter().find(|status| status.name == CONTAINER)?.image_id.clone())
            .filter(|id| !id.is_empty())
    });
    let status = draft.status_mut();
    status.path = Some(RunPath::Sandbox);
    status.metrics = report.metrics;
    status.output = Some(clean(&report.output, OUTPUT)).filter(|output| !output.is_empty());
    status.durations = Some(durations(observed.timeline, report));
    let provenance = status.provenance.get_or_insert_default();
    provenance.data_sha256 = Some(report.evidence.data_sha256.clone()).filter(|sha| !sha.is_empty());
    provenance.engine_version = Some(clean(&report.evidence.engine_version, 64));
    provenance.isolation = Some(report.evidence.isolation.clone());
    provenance.image_digest = image.map(|id| clean(&id, 300));
    match &report.fault {
        None => draft.succeeded(&summary(report)),
        Some(fault) => {
            let error = ErrorStatus {
                category: reason.as_str().to_owned(),
                type_: clean(&fault.r#type, 128),
                message: clean(&fault.message, ERROR_MESSAGE),
                line: fault.line,
                tail: clean(&fault.tail, ERROR_TAIL),
            };
            let place = error.line.map_or_else(String::new, |line| format!(" (line {line} of the strategy)"));
            let type_ = if error.type_.is_empty() { String::new() } else { format!("{}: ", error.type_) };
            let message = format!("{type_}{}{place}", error.message);
            draft.status_mut().error = Some(error);
            draft.failed(reason, &message);
        }
    }
}

fn summary(report: &Report) -> String {
    let metrics = report.metrics.unwrap_or_default();
    let number =
        |value: Option<f64>| value.map_or_else(|| "undefined".to_owned(), |value| format!("{value:.2}"));
    format!(
        "Sharpe ratio {}, total return {}, maximum drawdown {}, {} trades over {} dates and {} symbols",
        number(metrics.sharpe_ratio),
        number(metrics.total_return),
        number(metrics.max_drawdown),
        metrics.trades.unwrap_or_default(),
        report.evidence.dates,
        report.evidence.symbols,
    )
}

fn durations(timeline: Timeline, report: &Report) -> Durations {
    Durations {
        validate_ms: timeline.validate_ms,
        schedule_ms: timeline.schedule_ms,
        start_ms: timeline.start_ms,
        handover_ms: timeline.handover_ms,
        run_ms: report.durations.run_ms,
        score_ms: report.durations.score_ms,
        collect_ms: timeline.collect_ms,
    }
}
