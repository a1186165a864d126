//! What an attempt has come to.

use super::artifacts;
use super::effect::Effect;
use super::judgement::{bounded, judge};
use super::observed::{Observed, Timeline};
use super::status::Draft;
use crate::crd::{Durations, ErrorStatus, Reason, RunPath};
use crate::sandbox::{CONTAINER, Exit};
use crate::wire::{Expected, Outcome, Report, clean};
use k8s_openapi::api::core::v1::Pod;

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

/// Writes a believed report into the status; returns what has to be done before that stands.
pub(super) fn write_report(draft: &mut Draft, report: &Report, observed: &Observed<'_>) -> Option<Effect> {
    let reason = reason_of(report.outcome);
    draft.close_attempt(if reason == Reason::Succeeded { "Completed" } else { reason.as_str() });
    let image = observed.pod.and_then(image_of);
    let status = draft.status_mut();
    status.path = Some(RunPath::Sandbox);
    status.metrics = report.metrics;
    status.checks = report.checks.clone().map(bounded);
    status.output = Some(clean(&report.output, OUTPUT)).filter(|output| !output.is_empty());
    status.durations = Some(durations(observed.timeline, report));
    let provenance = status.provenance.get_or_insert_default();
    provenance.data_sha256 = Some(report.evidence.data_sha256.clone()).filter(|sha| !sha.is_empty());
    provenance.engine_version = Some(clean(&report.evidence.engine_version, 64));
    provenance.isolation = Some(report.evidence.isolation.clone());
    provenance.image_digest = image.map(|id| clean(&id, 300));
    match &report.fault {
        None => {
            let received = observed.session.map_or(&[][..], |session| &session.artifacts);
            let built = artifacts::build(observed, received).filter(|_| !observed.artifacts_refused);
            let (map, written) = built.map_or((None, Vec::new()), |(map, written)| (Some(map), written));
            draft.status_mut().artifacts = written;
            judge(draft, observed.run);
            // A result that a check has taken away has none.
            map.filter(|_| !draft.status().artifacts.is_empty())
                .map(|map| Effect::ApplyArtifacts(Box::new(map)))
        }
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
            None
        }
    }
}

/// The image that ran, as the node says. A report may come before the node's word, and then a digest in the pod's own spec is
/// as good.
fn image_of(pod: &Pod) -> Option<String> {
    let said = || {
        let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
        let status = statuses.iter().find(|status| status.name == CONTAINER)?;
        Some(status.image_id.clone()).filter(|id| !id.is_empty())
    };
    let asked = || {
        let container = pod.spec.as_ref()?.containers.iter().find(|container| container.name == CONTAINER)?;
        container.image.clone().filter(|image| image.contains("@sha256:"))
    };
    said().or_else(asked)
}

fn durations(timeline: Timeline, report: &Report) -> Durations {
    Durations {
        validate_ms: timeline.validate_ms,
        queue_ms: timeline.queue_ms,
        schedule_ms: timeline.schedule_ms,
        start_ms: timeline.start_ms,
        handover_ms: timeline.handover_ms,
        run_ms: report.durations.run_ms,
        checks_ms: report.durations.checks_ms,
        score_ms: report.durations.score_ms,
        collect_ms: timeline.collect_ms,
    }
}
