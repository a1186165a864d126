//! The decision: one look at a run becomes one plan, which leaves no choice to whoever carries it out.

use super::attempt::{follow, note_pod, since_progress};
use super::cache;
use super::effect::{Effect, Next, Plan};
use super::handover::handover;
use super::judgement::judge;
use super::lifecycle::{self, Expiry};
use super::observed::{Gate, Observed};
use super::outcome::Ending;
use super::queue::Place;
use super::resolve::{MISSING_PROFILE, Problem, Resolved, gate_policy, missing_class, resolve};
use super::status::{Draft, has_succeeded, is_finished, sentence};
use super::step::{RECHECK, RESYNC, Step, delete, own_pod, retention, seconds, seconds_since};
use super::warm::{choose_sandbox, leave_strays, mark_lasting, record_and_claim};
use crate::crd::{Provenance, Reason, Retention, SandboxClass, SeccompDelivery, StrategyRun};
use crate::sandbox::{PodState, pod_name, read_pod};
use crate::strategy::ValidatedStrategy;
use crate::wire;
use kube::ResourceExt as _;
use std::time::Duration;

/// Decides what is to be done for one run. Total: every object content leads to a plan.
#[must_use]
pub fn plan(observed: &Observed<'_>) -> Plan {
    let mut plan = decide(observed);
    leave_strays(observed, &mut plan);
    mark_lasting(observed, &mut plan);
    plan
}

fn decide(observed: &Observed<'_>) -> Plan {
    if observed.run.metadata.deletion_timestamp.is_some() {
        return Plan { effects: vec![Effect::CloseSession], ..Plan::nothing() };
    }
    if is_finished(observed.run, &observed.input_hash) {
        return finished(observed);
    }
    let mut step = Step { draft: Draft::begin(observed), effects: leave_former_input(observed), observed };
    if observed.run.spec.suspend && observed.session.is_none_or(|session| session.report.is_none()) {
        return lifecycle::hold(step);
    }
    if let Some((attempt, session)) = step.draft.open_attempt().cloned().zip(observed.session) {
        // A sandbox that has the run is not disturbed by what has changed around it since.
        note_pod(&mut step, &attempt);
        let running = own_pod(observed).is_some_and(|pod| read_pod(pod) == PodState::Running);
        match &session.report {
            // The report stands; what it has announced comes in a moment, and the session says when it is done.
            Some(Ok(_)) if session.collecting => {
                return step.interim(
                    Reason::Collecting,
                    "the artifacts are on their way",
                    Next::After(RECHECK),
                );
            }
            Some(Ok(report)) => return step.conclude(Ending::Reported(report.clone())),
            Some(Err(message)) => {
                return step.conclude(Ending::Failed(Reason::InvalidResult, message.clone()));
            }
            None if session.accepted && running => {
                return step.run_out(since_progress(observed, &attempt), RESYNC);
            }
            None => {}
        }
    }
    let Some(class) = observed.class else {
        return step.wait_for(Reason::ClassNotFound, &missing_class(&observed.run.spec.class_name));
    };
    match resolve(&observed.run.spec, &class.spec, observed.config) {
        Err(Problem { reason: Reason::DatasetNotFound, message }) => {
            step.wait_for(Reason::DatasetNotFound, &message)
        }
        Err(Problem { reason, message }) => step.fail(reason, &message),
        Ok(resolved) => past_the_spec(step, class, &resolved),
    }
}

/// The spec is whole; now the code.
fn past_the_spec(mut step: Step<'_>, class: &SandboxClass, resolved: &Resolved<'_>) -> Plan {
    match step.observed.gate {
        // Read again by another process, it was accepted before: what is known of the sandbox stands meanwhile.
        Gate::Undecided if step.draft.open_attempt().is_some() => {
            Plan { effects: step.effects, next: Next::After(RESYNC), ..Plan::nothing() }
        }
        Gate::Undecided => {
            step.interim(Reason::Validating, "the gate is reading the strategy", Next::After(RESYNC))
        }
        Gate::CodeNotFound(message) => step.wait_for(Reason::CodeNotFound, message),
        Gate::CodeDiffers(message) => step.fail(Reason::InvalidSpec, message),
        Gate::Rejected(findings) => {
            step.draft.validated(false, findings.items(), findings.total());
            let first = findings.items().first().map(sentence).unwrap_or_default();
            step.fail(Reason::CodeRejected, &format!("{} finding(s), first: {first}", findings.total()))
        }
        Gate::Accepted(strategy)
            if step.draft.code_on_record().is_some_and(|sha256| sha256 != strategy.sha256()) =>
        {
            let message = "spec.codeFrom: the text has changed since this run began; what ran and what would run differ: \
                           change the run to start it anew";
            step.fail(Reason::InvalidSpec, message)
        }
        Gate::Accepted(strategy) => {
            step.draft.validated(true, strategy.warnings(), strategy.warnings().len());
            let fingerprint = cache::fingerprint(&step.observed.run.spec, class, resolved, strategy);
            let fingerprint = step.draft.fingerprint_of_attempt(fingerprint);
            step.draft.provenance(Provenance {
                code_sha256: Some(strategy.sha256().to_owned()),
                policy_digest: Some(gate_policy(&class.spec).digest()),
                fingerprint,
                resolved: Some(resolved.echo.clone()),
                ..Provenance::default()
            });
            if !step.observed.config.sandbox.enabled {
                let message = "the operator runs with sandbox.enabled: false: validated, not executed";
                return step.fall_back(Reason::SandboxDisabled, message);
            }
            if let Some(other) = answered(step.observed) {
                return step.answer_from(other);
            }
            let run = Accepted { class, resolved, strategy };
            match step.draft.open_attempt().cloned() {
                None => next_attempt(step, &run),
                Some(attempt) => follow(step, &run, &attempt),
            }
        }
    }
}

/// The equal run that has this one's answer already.
fn answered<'a>(observed: &Observed<'a>) -> Option<&'a StrategyRun> {
    let sought = cache::sought(observed)?;
    observed.equal.filter(|other| cache::answers(other, observed.run, &sought))
}

/// A run that the gate has accepted, and what it is to be run with.
pub(super) struct Accepted<'a> {
    pub(super) class: &'a SandboxClass,
    pub(super) resolved: &'a Resolved<'a>,
    pub(super) strategy: &'a ValidatedStrategy,
}

/// Records the next attempt; its pod is created when the record stands.
fn next_attempt(step: Step<'_>, run: &Accepted<'_>) -> Plan {
    let mut step = match lifecycle::unless_retried(step) {
        Ok(step) => step,
        Err(plan) => return plan,
    };
    if run.class.spec.seccomp.delivery == SeccompDelivery::Node && !step.observed.nodes.profile {
        let lost = step.draft.attempts().last().and_then(|last| last.finished_at.as_ref()).map(|time| time.0);
        let since = step.obstacle_since(Reason::ProfileMissing);
        let since = lost.map_or(since, |lost| lost.max(since));
        return step.unless_overdue(since, Reason::ProfileMissing, MISSING_PROFILE);
    }
    if let Some(last) = step.draft.attempts().last() {
        // The first loss is answered at once, each further one after twice the time.
        let pause = if last.losses < 2 { 0 } else { 1_i64 << last.losses.min(6) };
        let since = last.finished_at.as_ref().map_or(i64::MAX, |time| seconds_since(step.observed, time.0));
        if since < pause {
            return step.interim(
                Reason::Retrying,
                "waiting before the next sandbox",
                Next::After(seconds(pause - since)),
            );
        }
    }
    if let Place::Waiting { taken, waiting } = step.observed.place {
        let class = run.class.name_any();
        let message = format!(
            "class {class:?} has no place free: {taken} runs have a sandbox (maxConcurrentSandboxes), {waiting} wait"
        );
        return step.interim(Reason::Queued, &message, Next::After(RESYNC));
    }
    let number = step.draft.attempts().last().map_or(1, |last| last.number.saturating_add(1));
    let uid = step.observed.run.metadata.uid.as_deref().unwrap_or_default();
    let name = new_pod_name(&step, number);
    step.draft.record_attempt(number, name.clone());
    if let Some(attempt) = step.draft.open_attempt() {
        choose_sandbox(attempt, step.observed, run, name);
    }
    if let Some(attempt) = step.draft.attempts().last() {
        let frame =
            wire::Inbound::Run(Box::new(handover(step.observed, run, attempt, uid).run)).to_line().len();
        if frame > wire::MAX_INBOUND_LINE {
            let message = format!(
                "spec: code, params and symbols come to {frame} bytes together; at most {} can be handed over",
                wire::MAX_INBOUND_LINE
            );
            step.draft.status_mut().attempts.pop();
            return step.fail(Reason::InvalidSpec, &message);
        }
    }
    record_and_claim(step, run)
}

/// Name of the pod that an attempt gets where it gets a new one.
pub(super) fn new_pod_name(step: &Step<'_>, number: u32) -> String {
    let meta = &step.observed.run.metadata;
    let uid = meta.uid.as_deref().unwrap_or_default();
    let rerun = step.draft.status().last_handled_rerun_at.as_deref().unwrap_or_default();
    pod_name(&step.observed.run.name_any(), uid, meta.generation.unwrap_or_default(), rerun, number)
}

/// The run has ended for this input: keep its generation current, judge a result by what is accepted now, and keep its
/// pod no longer than wanted.
fn finished(observed: &Observed<'_>) -> Plan {
    let status = observed.run.status.clone().unwrap_or_default();
    let mut plan = Plan::nothing();
    if status.observed_generation != observed.run.metadata.generation {
        let mut step = Step { draft: Draft::begin(observed), effects: Vec::new(), observed };
        if status.metrics.is_some() {
            judge(&mut step.draft, observed.run);
        }
        plan = step.write(Next::Wait);
    }
    plan.cleanup.push(Effect::CloseSession);
    match lifecycle::expiry(observed) {
        Expiry::Stays => {}
        Expiry::In(rest) => plan.next = Next::After(seconds(rest)),
        // What is to be written first is; the next look deletes.
        Expiry::Now if plan.status.is_some() => plan.next = Next::Again,
        Expiry::Now => {
            plan.cleanup.push(Effect::DeleteRun);
            return plan;
        }
    }
    let Some(pod) = own_pod(observed) else { return plan };
    let retention = retention(observed);
    let keep = if has_succeeded(&status) { retention.on_success } else { retention.on_failure }
        == Some(Retention::Keep);
    let age = status.completion_time.map_or(i64::MAX, |time| seconds_since(observed, time.0));
    let rest = i64::from(retention.ttl_seconds.unwrap_or_default()) - age;
    if keep && rest > 0 {
        plan.next = sooner(plan.next, seconds(rest));
    } else if pod.metadata.deletion_timestamp.is_none() {
        plan.cleanup.push(delete(pod, false));
    }
    plan
}

pub(super) fn sooner(next: Next, pause: Duration) -> Next {
    match next {
        Next::Again => Next::Again,
        Next::After(other) => Next::After(other.min(pause)),
        Next::Wait => Next::After(pause),
    }
}

/// The input has changed, or another run of it was asked for, while a sandbox of the former one is there: it goes,
/// whatever it may still say.
fn leave_former_input(observed: &Observed<'_>) -> Vec<Effect> {
    let former = observed.run.status.as_ref().and_then(|status| status.input_hash.as_deref());
    if former.is_none_or(|former| former == observed.input_hash) && !lifecycle::rerun_is_new(observed.run) {
        return Vec::new();
    }
    let pod = own_pod(observed).map(|pod| delete(pod, false));
    std::iter::once(Effect::CloseSession).chain(pod).collect()
}
