//! What users may ask of a run beside its result: to wait, to run again, to go away after a while.

use super::effect::{Effect, Next, Plan};
use super::observed::{Gate, Observed};
use super::status::is_finished;
use super::step::{Step, delete, own_pod, seconds_since};
use crate::crd::{Attempt, Reason, StrategyRun};
use crate::wire::clean;
use kube::ResourceExt as _;

/// Asks for another run of the same input: any value that was not handled yet.
const RERUN_ANNOTATION: &str = "stratbox.dev/rerun-requested-at";
/// Bytes of its value that count.
const RERUN_VALUE: usize = 64;

/// Marks of the tools that create again what is deleted.
const GITOPS_ANNOTATIONS: [&str; 2] =
    ["argocd.argoproj.io/tracking-id", "argocd.argoproj.io/installation-id"];
const GITOPS_LABELS: [&str; 3] =
    ["argocd.argoproj.io/instance", "kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name"];

/// The rerun that is asked for, whether it was handled or not.
pub(super) fn rerun_requested(run: &StrategyRun) -> Option<String> {
    run.annotations()
        .get(RERUN_ANNOTATION)
        .map(|value| clean(value, RERUN_VALUE))
        .filter(|value| !value.is_empty())
}

/// Whether a rerun is asked for that was not begun yet.
pub(super) fn rerun_is_new(run: &StrategyRun) -> bool {
    let handled = run.status.as_ref().and_then(|status| status.last_handled_rerun_at.as_deref());
    rerun_requested(run).is_some_and(|wanted| Some(wanted.as_str()) != handled)
}

/// Whether this run should have one of its class's places, as far as can be told before the decision: it has passed the
/// gate, nobody has its answer, and it is not held.
#[must_use]
pub fn wants_place(observed: &Observed<'_>) -> bool {
    let run = observed.run;
    run.metadata.deletion_timestamp.is_none()
        && !run.spec.suspend
        && observed.config.sandbox.enabled
        && observed.class.is_some()
        && observed.equal.is_none()
        && matches!(observed.gate, Gate::Accepted(_))
        && retry_is_due(observed)
        && !is_finished(run, &observed.input_hash)
}

/// Whether a run, as it stands, needs a place no longer: it has ended, is held, is going, or waits before it tries again.
#[must_use]
pub fn leaves_place(run: &StrategyRun) -> bool {
    run.metadata.deletion_timestamp.is_some()
        || run.spec.suspend
        || run.status.as_ref().is_some_and(|status| status.completion_time.is_some())
        || run.last_attempt().and_then(cause).is_some()
}

/// Whether a run has a sandbox on record that has not ended: found at the start of the operator, it holds a place.
#[must_use]
pub fn has_open_attempt(run: &StrategyRun) -> bool {
    !leaves_place(run) && run.last_attempt().is_some_and(|last| last.finished_at.is_none())
}

/// The cause for a fallback by which an attempt ended, if it did.
fn cause(attempt: &Attempt) -> Option<Reason> {
    Reason::named(attempt.reason.as_deref()?).filter(|reason| reason.is_fallback_cause())
}

/// The cause for a fallback by which the last attempt of this input ended.
fn last_cause<'a>(observed: &Observed<'a>) -> Option<(Reason, &'a Attempt)> {
    let status = observed.run.status.as_ref()?;
    if status.input_hash.as_deref() != Some(&observed.input_hash) || rerun_is_new(observed.run) {
        return None;
    }
    let last = status.attempts.last()?;
    Some((cause(last)?, last))
}

/// Whether the next attempt may begin, as far as the last one's cause for a fallback goes: room has come since, or the
/// pause is over, which doubles from 5 s to 80 s.
pub(super) fn retry_is_due(observed: &Observed<'_>) -> bool {
    let Some((_, last)) = last_cause(observed) else { return true };
    let Some(ended) = last.finished_at.as_ref().map(|time| time.0) else { return true };
    let attempts = observed.run.status.iter().flat_map(|status| status.attempts.iter().rev());
    let in_a_row = attempts.take_while(|attempt| cause(attempt).is_some()).count();
    let pause = 5_i64 << in_a_row.saturating_sub(1).min(4);
    observed.room_since.is_some_and(|since| since > ended) || seconds_since(observed, ended) >= pause
}

/// After a cause for a fallback: the fallback, unless it is time for another attempt.
pub(super) fn unless_retried(step: Step<'_>) -> Result<Step<'_>, Plan> {
    let Some((cause, _)) = last_cause(step.observed) else { return Ok(step) };
    if step.may_retry() && retry_is_due(step.observed) {
        return Ok(step);
    }
    let message = step.draft.fallback_message().unwrap_or_else(|| "no sandbox could be had".to_owned());
    Err(step.fall_back(cause, &message))
}

/// Holds the run: no sandbox, no clock. What ran is killed; its attempt does not count against the limit.
pub(super) fn hold(mut step: Step<'_>) -> Plan {
    step.effects.push(Effect::CloseSession);
    step.effects.extend(own_pod(step.observed).map(|pod| delete(pod, false)));
    step.draft.close_attempt(Reason::Suspended.as_str());
    step.draft.suspended("spec.suspend is true: set it to false to go on");
    step.write(Next::Wait)
}

/// What a finished run is to be asked once its time is up: to go away itself.
pub(super) enum Expiry {
    /// Never.
    Stays,
    /// In so many seconds.
    In(i64),
    /// Now.
    Now,
}

/// When the run itself goes.
pub(super) fn expiry(observed: &Observed<'_>) -> Expiry {
    let end = observed.run.status.as_ref().and_then(|status| status.completion_time.as_ref());
    match (observed.run.spec.ttl_seconds_after_finished, end) {
        (Some(ttl), Some(end)) => match i64::from(ttl) - seconds_since(observed, end.0) {
            rest if rest > 0 => Expiry::In(rest),
            _ => Expiry::Now,
        },
        _ => Expiry::Stays,
    }
}

/// A warning for a run that deletes itself while a tool owns it that will create, and so run, it again.
pub(super) fn resurrection(run: &StrategyRun) -> Option<&'static str> {
    let owned = GITOPS_ANNOTATIONS.iter().any(|mark| run.annotations().contains_key(*mark))
        || GITOPS_LABELS.iter().any(|mark| run.labels().contains_key(*mark));
    (owned && run.spec.ttl_seconds_after_finished.is_some()).then_some(
        "; a GitOps tool owns this run and will create it again when spec.ttlSecondsAfterFinished has deleted it: leave that field out",
    )
}
