//! Attempts whose sandbox is a pool's: made ahead, and taken by one write.

use super::attempt::is_ours;
use super::effect::{Effect, Next, Plan};
use super::lifecycle::wants_place;
use super::observed::{ColdReason, Intent, Observed, Offer, Stray};
use super::plan::{Accepted, new_pod_name, sooner};
use super::queue::Place;
use super::step::{Step, seconds, seconds_since};
use crate::crd::{Attempt, Reason, ResolvedSpec, StrategyRunStatus};
use crate::sandbox::{
    Claim, build_claim, build_mark, default_limits, is_of_a_pool, owner, run_of, same_limits,
};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use std::time::Duration;

/// How many lost claims a run takes before it gets a sandbox of its own.
const CLAIMS: u32 = 3;
/// How long a claimed sandbox may be without a record. One that is on its way for longer costs its attempt the sandbox, and no
/// more: nothing is handed over before the record stands.
const UNRECORDED: Duration = Duration::from_secs(30);
/// Seconds that a run with a pool's sandbox takes at least before that is marked as a run's: most have ended by then, and what
/// marking sets in motion on a node takes longer than they do.
const UNMARKED: i64 = 3;

/// Whether an attempt is about to be recorded, for which a pool may have a sandbox.
#[must_use]
pub fn wants_member(observed: &Observed<'_>) -> bool {
    let open = observed.run.last_attempt().filter(|last| last.finished_at.is_none());
    wants_place(observed)
        && observed.place == Place::Granted
        && open
            .is_none_or(|open| open.warm && observed.pod.is_none_or(|pod| !is_ours(observed.run, pod, open)))
}

/// A sandbox of the pool for this run, or why it does not get one: None without a pool.
fn offered<'a>(observed: &Observed<'a>, run: &Accepted<'_>) -> Option<Result<&'a Pod, ColdReason>> {
    let limits = default_limits(&run.class.spec, observed.config);
    Some(match observed.offer {
        Offer::NoPool => return None,
        _ if !same_limits(&run.resolved.echo.limits, &limits) => Err(ColdReason::OtherLimits),
        _ if observed.claim.losses >= CLAIMS => Err(ColdReason::ClaimsLost),
        Offer::Member(pod) => Ok(pod),
        Offer::Cold(reason) => Err(*reason),
    })
}

/// Gives an attempt that is about to be recorded its sandbox: the pool's, or the new one of that name.
pub(super) fn choose_sandbox(
    attempt: &mut Attempt,
    observed: &Observed<'_>,
    run: &Accepted<'_>,
    new_name: String,
) {
    let offered = offered(observed, run);
    attempt.warm = matches!(offered, Some(Ok(_)));
    attempt.cold_reason = match offered {
        Some(Err(reason)) => Some(reason.as_str().to_owned()),
        Some(Ok(_)) | None => None,
    };
    match offered {
        Some(Ok(pod)) => {
            attempt.pod_name = pod.name_any();
            attempt.pod_uid = pod.uid();
            attempt.node_name = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
        }
        Some(Err(_)) | None => {
            (attempt.pod_name, attempt.pod_uid, attempt.node_name) = (new_name, None, None);
        }
    }
}

/// Records the attempt that has just been given its sandbox, and takes the sandbox meanwhile if it is a pool's.
pub(super) fn record_and_claim(mut step: Step<'_>, run: &Accepted<'_>) -> Plan {
    step.draft.under_way(Reason::Scheduling, "a sandbox is being created");
    let claim = step
        .draft
        .attempts()
        .last()
        .filter(|attempt| attempt.warm)
        .zip(offered(step.observed, run).and_then(Result::ok))
        .and_then(|(_, pod)| claim(step.observed, pod));
    Plan { beside: claim.map(Box::new), ..step.write(Next::Again) }
}

/// Gives the sandbox of a run that lasts what a sandbox of its own would have had from the beginning.
pub(super) fn mark_lasting(observed: &Observed<'_>, plan: &mut Plan) {
    let run = observed.run;
    let is_open = |attempt: &&Attempt| attempt.warm && attempt.finished_at.is_none();
    let Some(attempt) = run.last_attempt().filter(is_open) else { return };
    let Some(pod) = observed.pod.filter(|pod| is_ours(run, pod, attempt)) else { return };
    let goes = |effect: &Effect| matches!(effect, Effect::DeletePod { .. });
    let ends =
        |status: &StrategyRunStatus| status.attempts.last().is_none_or(|last| last.finished_at.is_some());
    if run.metadata.deletion_timestamp.is_some()
        || pod.metadata.deletion_timestamp.is_some()
        || plan.effects.iter().chain(&plan.cleanup).any(goes)
        || plan.status.as_deref().is_some_and(ends)
    {
        return;
    }
    let age = attempt.started_at.as_ref().map_or(i64::MAX, |time| seconds_since(observed, time.0));
    if age < UNMARKED {
        plan.next = sooner(plan.next, seconds(UNMARKED - age));
        return;
    }
    let resolved = run.status.as_ref().and_then(|status| status.provenance.as_ref()?.resolved.as_ref());
    let own_seconds = resolved.map_or(u32::MAX, ResolvedSpec::own_seconds);
    let uid = run.metadata.uid.as_deref().unwrap_or_default();
    let mark = build_mark(pod, uid, attempt.number, own_seconds, observed.now);
    plan.cleanup.extend(mark.map(|mark| Effect::Mark(Box::new(mark))));
}

/// Whether this process has tried to claim the attempt's sandbox and was told that it is not to be had.
fn was_refused(observed: &Observed<'_>) -> bool {
    observed.intent == Intent::Recorded && observed.claim.lost
}

/// Whether the sandbox on record is its pool's or another run's, and so has never been this attempt's. One that is nobody's
/// may have been: somebody has taken its owner away.
fn is_of_others(pod: &Pod, attempt: &Attempt) -> bool {
    pod.uid() == attempt.pod_uid && (run_of(pod).is_some() || is_of_a_pool(pod))
}

fn claim(observed: &Observed<'_>, pod: &Pod) -> Option<Claim> {
    Some(build_claim(pod, &owner(observed.run)?))
}

/// A sandbox that was claimed and is of no use, because its record was refused or never sent or the run is suspended: it goes.
pub(super) fn leave_strays(observed: &Observed<'_>, plan: &mut Plan) {
    if observed.run.metadata.deletion_timestamp.is_some() {
        // They are the run's, and go with it.
        return;
    }
    for Stray { pod, seen } in observed.strays {
        let rest = UNRECORDED.saturating_sub(*seen);
        if rest.is_zero() {
            let (name, uid) = (pod.name_any(), pod.uid().unwrap_or_default());
            plan.cleanup.push(Effect::DeleteStray { name, uid });
        }
        // Once more if it cannot be deleted.
        plan.next = sooner(plan.next, if rest.is_zero() { UNRECORDED } else { rest });
    }
}

/// Goes on with an attempt on record that has a pool's sandbox, until that is the run's: from then on it is as any other.
///
/// Until then nothing was handed over, so that the attempt may be written anew with another sandbox. One that is gone
/// is another matter: an earlier process may have claimed it and handed the run over.
pub(super) fn unless_claimed<'a>(
    mut step: Step<'a>,
    run: &Accepted<'_>,
    attempt: &Attempt,
) -> Result<Step<'a>, Plan> {
    let observed = step.observed;
    match observed.pod {
        _ if !attempt.warm => return Ok(step),
        Some(pod) if is_ours(observed.run, pod, attempt) => return Ok(step),
        // Only of a claim that was refused is it known that nothing was handed over, whatever the pod's owner says now.
        None if !was_refused(observed) => return Ok(step),
        Some(pod) if !was_refused(observed) && !is_of_others(pod, attempt) => return Ok(step),
        Some(pod) if pod.uid() == attempt.pod_uid && observed.claim.claimable && !observed.claim.lost => {
            let Some(claim) = claim(observed, pod) else { return Ok(step) };
            step.effects.push(Effect::Claim(Box::new(claim)));
            return Err(Plan { effects: step.effects, next: Next::Again, ..Plan::nothing() });
        }
        Some(_) | None => {}
    }
    let name = new_pod_name(&step, attempt.number);
    if let Some(open) = step.draft.open_attempt() {
        choose_sandbox(open, observed, run, name);
    }
    Err(record_and_claim(step, run))
}
