//! The decision: one look at a run becomes one plan, which leaves no choice to whoever carries it out.

use super::cache;
use super::effect::{Effect, Handover, Next, Plan};
use super::judgement::judge;
use super::lifecycle::{self, Expiry};
use super::observed::{Gate, Intent, Line, Observed, RefusalKind, SessionView};
use super::outcome::{Ending, read_exit};
use super::queue::Place;
use super::resolve::{MISSING_PROFILE, Problem, Resolved, gate_policy, missing_class, resolve};
use super::status::{Draft, GATED, has_succeeded, is_finished, sentence};
use super::step::{RECHECK, RESYNC, Step, delete, own_pod, retention, seconds, seconds_since};
use super::warm::{choose_sandbox, unless_claimed};
use crate::crd::{
    Attempt, CheckMode, Checks, Provenance, Reason, Retention, SandboxClass, SeccompDelivery, StrategyRun,
};
use crate::sandbox::{LABEL_RUN_UID, PodState, StartTrouble, attempt_of, pod_name, progress_time, read_pod};
use crate::strategy::ValidatedStrategy;
use crate::wire;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt as _;
use std::time::Duration;

/// Decides what is to be done for one run. Total: every object content leads to a plan.
#[must_use]
pub fn plan(observed: &Observed<'_>) -> Plan {
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
            step.draft.provenance(Provenance {
                code_sha256: Some(strategy.sha256().to_owned()),
                policy_digest: Some(gate_policy(&class.spec).digest()),
                fingerprint: Some(cache::fingerprint(&step.observed.run.spec, class, resolved, strategy)),
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
        let since = lost.unwrap_or_else(|| step.draft.start_time());
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
    step.draft.under_way(Reason::Scheduling, "a sandbox is being created");
    step.write(Next::Again)
}

/// Name of the pod that an attempt gets where it gets a new one.
pub(super) fn new_pod_name(step: &Step<'_>, number: u32) -> String {
    let meta = &step.observed.run.metadata;
    let uid = meta.uid.as_deref().unwrap_or_default();
    let rerun = step.draft.status().last_handled_rerun_at.as_deref().unwrap_or_default();
    pod_name(&step.observed.run.name_any(), uid, meta.generation.unwrap_or_default(), rerun, number)
}

/// Goes on with an attempt that is on record.
fn follow(step: Step<'_>, run: &Accepted<'_>, attempt: &Attempt) -> Plan {
    let observed = step.observed;
    let mut step = match unless_claimed(step, run, attempt) {
        Ok(step) => step,
        Err(plan) => return plan,
    };
    let Some(pod) = observed.pod else {
        return without_pod(step, run, attempt);
    };
    if !is_ours(observed, pod, attempt) {
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
        PodState::Starting => {
            step.effects.push(Effect::OpenSession(Box::new(handover)));
            wait(step, Reason::Starting, "the sandbox is starting")
        }
        PodState::Running if foreign => {
            step.effects.push(Effect::OpenSession(Box::new(handover)));
            step.run_out(since, RESYNC)
        }
        PodState::Running => {
            step.effects.push(Effect::OpenSession(Box::new(handover)));
            let message = "the runner is up and has not accepted the run yet";
            wait(step, Reason::Starting, message)
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
            let ending = read_exit(&exit, session.accepted || foreign, &expected(&handover));
            step.conclude(ending)
        }
        PodState::DeadlineExceeded => step.conclude(overdue()),
        PodState::Evicted(message) => step.lose(Reason::Evicted, &message),
        PodState::Lost(message) => step.lose(Reason::PodLost, &message),
    }
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
    if attempt.pod_uid.is_some() || observed.intent == Intent::Created {
        // It may have run. Never create it again.
        return gone(step, run, attempt);
    }
    step.create(run, attempt);
    Plan { effects: step.effects, next: Next::Again, ..Plan::nothing() }
}

/// The attempt's pod is gone. What was heard of that very pod before it went says why, as it would if it were still there;
/// all but a report: who gave one is asked before it is believed, and there is nobody left to be asked.
fn gone(step: Step<'_>, run: &Accepted<'_>, attempt: &Attempt) -> Plan {
    let observed = step.observed;
    let heard = observed.last_word.filter(|pod| attempt.pod_uid.is_some() && is_ours(observed, pod, attempt));
    match heard.map(read_pod) {
        Some(PodState::Exited(exit)) if exit.code != 0 => {
            let handover = handover(observed, run, attempt, attempt.pod_uid.as_deref().unwrap_or_default());
            let accepted = observed.session.is_some_and(|session| session.accepted);
            step.conclude(read_exit(
                &exit,
                accepted || observed.intent == Intent::Unknown,
                &expected(&handover),
            ))
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

/// What a report has to name to be the attempt's.
fn expected(handover: &Handover) -> wire::Expected<'_> {
    let wire::Run { run_uid, pod_uid, attempt, sha256, .. } = &handover.run;
    wire::Expected { run_uid, pod_uid, attempt: *attempt, code_sha256: sha256 }
}

/// Writes down which pod the attempt has, and that it has a node.
fn note_pod(step: &mut Step<'_>, attempt: &Attempt) {
    let Some(pod) = step.observed.pod.filter(|pod| is_ours(step.observed, pod, attempt)) else { return };
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
fn since_progress(observed: &Observed<'_>, attempt: &Attempt) -> jiff::Timestamp {
    let begun = attempt.ungated_at.as_ref().max(attempt.started_at.as_ref());
    let recorded = begun.map_or(observed.now, |time| time.0);
    observed.pod.and_then(progress_time).map_or(recorded, |progress| progress.max(recorded))
}

/// A pod counts as this attempt's only by the owner's UID and the number that we gave it.
pub(super) fn is_ours(observed: &Observed<'_>, pod: &Pod, attempt: &Attempt) -> bool {
    let uid = observed.run.metadata.uid.as_deref().unwrap_or_default();
    pod.labels().get(LABEL_RUN_UID).is_some_and(|label| label == uid)
        && pod.owner_references().iter().any(|owner| owner.uid == uid)
        && attempt_of(pod) == Some(attempt.number)
        && attempt.pod_uid.as_deref().is_none_or(|known| Some(known) == pod.metadata.uid.as_deref())
}

fn handover(observed: &Observed<'_>, run: &Accepted<'_>, attempt: &Attempt, pod_uid: &str) -> Handover {
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
    let tried = |mode| matches!(mode, Some(CheckMode::Warn | CheckMode::Enforce));
    wire::Checks {
        lookahead: tried(checks.lookahead),
        cuts: checks.cuts.unwrap_or(wire::Checks::OFF.cuts),
        determinism: tried(checks.determinism),
        deadline_seconds: checks.deadline_seconds.unwrap_or(wire::Checks::OFF.deadline_seconds),
    }
}

const fn trouble_reason(trouble: StartTrouble) -> Reason {
    match trouble {
        StartTrouble::Image => Reason::ImageUnavailable,
        StartTrouble::Profile => Reason::ProfileMissing,
        StartTrouble::Start => Reason::SandboxStartFailed,
    }
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

fn sooner(next: Next, pause: Duration) -> Next {
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
