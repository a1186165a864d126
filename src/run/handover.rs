//! What a runner is handed, and what its report has to name in return.

use super::effect::Handover;
use super::observed::Observed;
use super::plan::Accepted;
use super::resolve::Resolved;
use crate::crd::{Attempt, CheckMode, Checks};
use crate::wire;

/// The run as an attempt's sandbox is handed it.
pub(super) fn handover(
    observed: &Observed<'_>,
    run: &Accepted<'_>,
    attempt: &Attempt,
    pod_uid: &str,
) -> Handover {
    let spec = &observed.run.spec;
    let Resolved { dataset, execution, trials, memory_bytes, echo, .. } = run.resolved;
    Handover {
        pod_name: attempt.pod_name.clone(),
        run: wire::Run {
            schema: wire::SCHEMA,
            run_uid: observed.run.metadata.uid.clone().unwrap_or_default(),
            pod_uid: pod_uid.to_owned(),
            attempt: attempt.number,
            sha256: run.strategy.sha256().to_owned(),
            code: run.strategy.code().to_owned(),
            params: spec.params.clone(),
            dataset: wire::Dataset {
                name: dataset.name.clone(),
                path: dataset.path.clone(),
                format: dataset.format,
                symbols: spec.dataset.symbols.clone(),
                start: spec.dataset.start.clone(),
                end: spec.dataset.end.clone(),
            },
            benchmark: spec.benchmark.clone(),
            execution: *execution,
            limits: wire::Limits {
                active_deadline_seconds: echo.active_deadline_seconds,
                memory_bytes: *memory_bytes,
            },
            trials: *trials,
            checks: frame_checks(&echo.checks),
            require: run.class.spec.require.clone(),
            artifacts: spec.artifacts.clone(),
        },
    }
}

/// The runner looks; what a difference means is not its business.
fn frame_checks(checks: &Checks) -> wire::Checks {
    wire::Checks {
        lookahead: CheckMode::is_tried(checks.lookahead),
        cuts: checks.cuts.unwrap_or(wire::Checks::OFF.cuts),
        determinism: CheckMode::is_tried(checks.determinism),
        deadline_seconds: checks.deadline_seconds.unwrap_or(wire::Checks::OFF.deadline_seconds),
    }
}

/// What a report has to name to be the attempt's.
pub(super) fn expected(handover: &Handover) -> wire::Expected<'_> {
    let wire::Run { run_uid, pod_uid, attempt, sha256, .. } = &handover.run;
    wire::Expected { run_uid, pod_uid, attempt: *attempt, code_sha256: sha256 }
}
