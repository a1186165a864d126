//! An attempt on record: what its pod and its runner have come to, and what that asks for.

use super::effect::{Effect, Next, Plan};
use super::handover::{expected, handover};
use super::observed::{Intent, Line, Observed, RefusalKind, SessionView};
use super::outcome::{Ending, read_exit};
use super::plan::Accepted;
use super::status::GATED;
use super::step::{RECHECK, RESYNC, Step};
use super::warm::unless_claimed;
use crate::crd::{Attempt, Reason, StrategyRun};
use crate::sandbox::{Exit, PodState, StartTrouble, attempt_of, progress_time, read_pod, run_of};
use crate::wire::FAULT;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use std::time::Duration;

/// Goes on with an attempt that is on record.
pub(super) fn follow(step: Step<'_>, run: &Accepted<'_>, attempt: &Attempt) -> Plan {
    let observed = step.observed;
    let mut step = match unless_claimed(step, run, attempt) {
        Ok(step) => step,
        Err(plan) => return plan,
    };
    let Some(pod) = observed.pod else {
        return without_pod(step, run, attempt);
    };
    if !is_ours(observed.run, pod, attempt) {
        let message = format!("pod {:?} is there already and is not a sandbox of this run", attempt.pod_name);
        return step.lose(RefusalKind::NameTaken.reason(), &message);
    }
    note_pod(&mut step, attempt);
    let state = read_pod(pod);
    if step.draft.was_gated() && state != PodState::Gated {
        let now = Some(Time(observed.now));
        step.draft.open_attempt().iter_mut().for_each(|open| open.ungated_at.clone_from(&now));
        step.draft.scheduled(false, "Scheduling", "the scheduling gate has opened");
    }
    let uid = pod.uid().unwrap_or_default();
    let session = observed.session.cloned().unwrap_or_default();
    let handover = handover(observed, run, attempt, &uid);
    if !is_on_record(observed) {
        // Nothing is handed over to a pod that is not on record: so one that is gone and never was on record has run
        // nothing, whoever created it.
        step.draft.under_way(Reason::Scheduling, "a sandbox is being created");
        return step.write(Next::Again);
    }
    let since = since_progress(observed, step.draft.attempts().last().unwrap_or(attempt));
    let wait = |step: Step<'_>, reason, message: &str| step.unless_overdue(since, reason, message);
    // What another process began may have been accepted long ago; only a new session can tell.
    let foreign = observed.intent == Intent::Unknown;
    // So may be what was handed over on a connection that is no more, unless the runner has said since that it waits for a run.
    let unheard = match session.line {
        Line::Open => false,
        Line::Trying => session.handed_over && !session.waits,
        Line::Refused | Line::Over => session.handed_over,
    };
    let unsure = foreign || session.accepted || unheard;
    match state {
        PodState::Pending => wait(step, Reason::Scheduling, "waiting for the scheduler"),
        PodState::Gated => {
            let message = "the sandbox is held back by a scheduling gate";
            step.draft.scheduled(false, GATED, message);
            step.interim(Reason::Queued, message, Next::After(RESYNC))
        }
        PodState::Unschedulable(message) => {
            step.draft.scheduled(false, Reason::Unschedulable.as_str(), &message);
            wait(step, Reason::Unschedulable, &message)
        }
        PodState::Waiting(trouble, message) => wait(step, trouble_reason(trouble), &message),
        PodState::Starting if unsure && !foreign => {
            step.effects.push(Effect::OpenSession(Box::new(handover)));
            step.run_out(since, RECHECK)
        }
        PodState::Starting => {
            step.effects.push(Effect::OpenSession(Box::new(handover)));
            wait(step, Reason::Starting, "the sandbox is starting")
        }
        PodState::Running if unsure => {
            step.effects.push(Effect::OpenSession(Box::new(handover)));
            step.run_out(since, RESYNC)
        }
        PodState::Running => {
            step.effects.push(Effect::OpenSession(Box::new(handover)));
            let message = "the runner is up and has not accepted the run yet";
            // It is given its time from when it could be asked: the API server may have been away before.
            let asked = observed.running.map_or(since, |running| ago(observed, running));
            step.unless_overdue(since.max(asked), Reason::Starting, message)
        }
        // Whoever may write a pod's status may write such an end into it: the runner is asked first, and one that was
        // listened to until its output ended has said all that it had to say.
        PodState::Exited(exit) if exit.code == 0 && session.line == Line::Over => {
            let message = "the runner's output ended without a report; what its pod's status says of one is not believed";
            step.conclude(Ending::Lost(Reason::PodLost, message.to_owned()))
        }
        PodState::Exited(exit) if exit.code == 0 && !may_have_reported(&session, foreign) => {
            step.effects.push(Effect::OpenSession(Box::new(handover)));
            step.run_out(since, RECHECK)
        }
        PodState::Exited(exit) => {
            let ending = read_exit(&exit, has_begun(&session, foreign, &exit), &expected(&handover));
            step.conclude(ending)
        }
        PodState::DeadlineExceeded => step.conclude(overdue()),
        PodState::Evicted(message) => step.lose(Reason::Evicted, &message),
        PodState::Lost(message) => step.lose(Reason::PodLost, &message),
    }
}

/// Whether a sandbox that has ended may have run the strategy: one that ended by a fault of its own without having accepted
/// the run has not.
fn has_begun(session: &SessionView, foreign: bool, exit: &Exit) -> bool {
    session.accepted || foreign || session.handed_over && exit.code != i32::from(FAULT)
}

/// The time that long ago, in whole seconds.
fn ago(observed: &Observed<'_>, time: Duration) -> jiff::Timestamp {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(observed.now.as_second().saturating_sub(seconds)).unwrap_or(observed.now)
}

/// Whether a report in the termination log may be the runner's: it has been given the run, by this process or perhaps
/// by one before it, and it does not answer any more. As long as it answers, what it says over `attach` is the report.
fn may_have_reported(session: &SessionView, foreign: bool) -> bool {
    match session.line {
        Line::Trying | Line::Open | Line::Over => false,
        Line::Refused => foreign || session.handed_over || session.accepted,
    }
}

/// An attempt is on record and its pod is not there: not yet, refused, or no longer.
fn without_pod(mut step: Step<'_>, run: &Accepted<'_>, attempt: &Attempt) -> Plan {
    let observed = step.observed;
    let since = attempt.started_at.as_ref().map_or(observed.now, |time| time.0);
    if attempt.pod_uid.is_some() || observed.intent == Intent::Created {
        // It may have run. Never create it again.
        return gone(step, run, attempt);
    }
    if let Some(refusal) = observed.refusal {
        let reason = refusal.kind.reason();
        return match refusal.kind {
            RefusalKind::Admission => step.fall_back(reason, &refusal.message),
            RefusalKind::NameTaken => step.lose(reason, &refusal.message),
            RefusalKind::Quota | RefusalKind::Runtime | RefusalKind::Server
                if step.is_overdue(step.progress(since, reason)) =>
            {
                step.fall_back(reason, &refusal.message)
            }
            RefusalKind::Quota | RefusalKind::Runtime | RefusalKind::Server => {
                step.create(run, attempt);
                step.interim(reason, &refusal.message, Next::After(RECHECK))
            }
        };
    }
    step.create(run, attempt);
    Plan { effects: step.effects, next: Next::Again, ..Plan::nothing() }
}

/// The attempt's pod is gone. What was heard of that very pod before it went says why, as it would if it were still there;
/// all but a report: who gave one is asked before it is believed, and there is nobody left to be asked.
fn gone(step: Step<'_>, run: &Accepted<'_>, attempt: &Attempt) -> Plan {
    let observed = step.observed;
    let heard =
        observed.last_word.filter(|pod| attempt.pod_uid.is_some() && is_ours(observed.run, pod, attempt));
    match heard.map(read_pod) {
        Some(PodState::Exited(exit)) if exit.code != 0 => {
            let handover = handover(observed, run, attempt, attempt.pod_uid.as_deref().unwrap_or_default());
            let session = observed.session.cloned().unwrap_or_default();
            let begun = has_begun(&session, observed.intent == Intent::Unknown, &exit);
            step.conclude(read_exit(&exit, begun, &expected(&handover)))
        }
        Some(PodState::DeadlineExceeded) => step.conclude(overdue()),
        Some(PodState::Evicted(message)) => step.lose(Reason::Evicted, &message),
        Some(
            PodState::Exited(_)
            | PodState::Pending
            | PodState::Gated
            | PodState::Unschedulable(_)
            | PodState::Starting
            | PodState::Waiting(..)
            | PodState::Running
            | PodState::Lost(_),
        )
        | None => step.lose(Reason::PodLost, "the sandbox's pod is gone without a report"),
    }
}

/// The node has kept the pod's own deadline.
fn overdue() -> Ending {
    let message = "the sandbox was ended by its node at the pod's deadline".to_owned();
    Ending::Failed(Reason::DeadlineExceeded, message)
}

/// Writes down which pod the attempt has, and that it has a node.
pub(super) fn note_pod(step: &mut Step<'_>, attempt: &Attempt) {
    let Some(pod) = step.observed.pod.filter(|pod| is_ours(step.observed.run, pod, attempt)) else { return };
    if let Some(open) = step.draft.open_attempt() {
        open.pod_uid = pod.uid();
        open.node_name = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    }
    if !matches!(read_pod(pod), PodState::Pending | PodState::Gated | PodState::Unschedulable(_)) {
        step.draft.scheduled(true, "Scheduled", "the sandbox has a node");
    }
}

/// Whether the last attempt's pod is in the status that is stored.
fn is_on_record(observed: &Observed<'_>) -> bool {
    observed.run.last_attempt().is_some_and(|attempt| attempt.pod_uid.is_some())
}

/// Since when nothing has moved towards a running sandbox: the record, the node, the container's start.
pub(super) fn since_progress(observed: &Observed<'_>, attempt: &Attempt) -> jiff::Timestamp {
    let begun = attempt.ungated_at.as_ref().max(attempt.started_at.as_ref());
    let recorded = begun.map_or(observed.now, |time| time.0);
    observed.pod.and_then(progress_time).map_or(recorded, |progress| progress.max(recorded))
}

/// A pod counts as this attempt's only by the owner's UID, and by its own that is on record; until that is, by the number that
/// we gave it. Labels may be written by others, and what they say of a pod on record is asked of nobody.
#[must_use]
pub fn is_ours(run: &StrategyRun, pod: &Pod, attempt: &Attempt) -> bool {
    let is_of_attempt = match attempt.pod_uid.as_deref() {
        Some(known) => pod.metadata.uid.as_deref() == Some(known),
        None => attempt_of(pod) == Some(attempt.number),
    };
    run.metadata.uid.is_some() && run_of(pod) == run.metadata.uid.as_deref() && is_of_attempt
}

const fn trouble_reason(trouble: StartTrouble) -> Reason {
    match trouble {
        StartTrouble::Image => Reason::ImageUnavailable,
        StartTrouble::Profile => Reason::ProfileMissing,
        StartTrouble::Start => Reason::SandboxStartFailed,
    }
}
