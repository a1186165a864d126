//! The ways in which a look at a run can turn out: each becomes a plan.

use super::cache;
use super::effect::{Effect, Next, Notice, Plan};
use super::judgement::judge;
use super::lifecycle::resurrection;
use super::observed::{Intent, Line, Observed};
use super::outcome::{Ending, write_report};
use super::plan::Accepted;
use super::status::{Draft, has_succeeded, ready, ready_reason};
use crate::crd::{
    Attempt, Durations, FallbackPolicy, PodRetention, Reason, ResolvedSpec, Retention, RunPath, StrategyRun,
};
use crate::sandbox::{PodRequest, PodState, Purpose, build_deny_all, build_pod, owner, read_pod, run_of};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use std::time::Duration;

/// Intermediate reasons are written at most this often.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// The same for what every run passes through: one of the usual length costs no write for it.
const START_INTERVAL: Duration = Duration::from_secs(3);
/// How long after the runner's own deadline the operator stops waiting for its report.
const REPORT_GRACE: i64 = 60;
/// Seconds that the pod may take to start, on top of the strategy's own and the checks'.
const START_ALLOWANCE: u32 = 300;
/// How often something is looked for that nobody tells us of when it comes: a ConfigMap, a node's proof, a quota's room.
pub(super) const RECHECK: Duration = Duration::from_secs(2);
/// How often a pod that is not running yet is looked at although nothing was heard of it: a watch can go silent without
/// an end.
const UNHEARD: Duration = Duration::from_secs(5);
/// How often a run that tries again looks whether it is time, or whether room has come.
const RETRY_LOOK: Duration = Duration::from_secs(5);
/// How often a pod is looked at although nothing was heard of it.
pub(super) const RESYNC: Duration = Duration::from_secs(30);

/// A plan in the making: each of its endings is one way in which a look at a run can turn out.
pub(super) struct Step<'a> {
    pub(super) draft: Draft,
    pub(super) effects: Vec<Effect>,
    pub(super) observed: &'a Observed<'a>,
}

impl Step<'_> {
    /// Writes the status as it stands.
    pub(super) fn write(self, next: Next) -> Plan {
        let before = self.observed.run.status.as_ref();
        let status = self.draft.into_status();
        let (was, is) = (before.and_then(ready).cloned(), ready(&status).cloned());
        let mut notices: Vec<Notice> = is
            .filter(|is| was.is_none_or(|was| was.reason != is.reason))
            .and_then(|is| {
                let reason = Reason::named(&is.reason)?;
                Some(Notice { warning: is.status == "False", reason, message: is.message })
            })
            .into_iter()
            .collect();
        let ends = status.completion_time.is_some();
        if let (true, [notice], Some(warning)) = (ends, &mut notices[..], resurrection(self.observed.run)) {
            notice.warning = true;
            notice.message += warning;
        }
        let status = (before != Some(&status)).then(|| Box::new(status));
        Plan {
            effects: self.effects,
            notices: if status.is_some() { notices } else { Vec::new() },
            status,
            beside: None,
            cleanup: Vec::new(),
            next,
        }
    }

    /// Writes an intermediate reason, unless the last write is too fresh: then the next look does.
    pub(super) fn interim(mut self, reason: Reason, message: &str, next: Next) -> Plan {
        self.draft.under_way(reason, message);
        let interval = if matches!(reason, Reason::Scheduling | Reason::Starting | Reason::Running) {
            START_INTERVAL
        } else {
            WRITE_INTERVAL
        };
        let fresh = self.observed.since_write.filter(|since| *since < interval);
        let mut plan = self.write(next);
        if let (Some(since), true) = (fresh, plan.status.is_some()) {
            plan.status = None;
            plan.notices.clear();
            let rest = interval.saturating_sub(since);
            plan.next = match next {
                Next::After(wanted) => Next::After(wanted.min(rest)),
                Next::Wait => Next::After(rest),
                Next::Again => Next::Again,
            };
        }
        plan
    }

    /// Ends without metrics and without a sandbox having been asked for.
    pub(super) fn fail(mut self, reason: Reason, message: &str) -> Plan {
        self.draft.close_attempt(reason.as_str());
        self.draft.failed(reason, message);
        self.effects.extend(own_pod(self.observed).map(|pod| delete(pod, false)));
        self.write(Next::Wait)
    }

    /// The values on record for this input; before there are any, those of run and configuration.
    fn resolved(&self) -> ResolvedSpec {
        let (spec, defaults) = (&self.observed.run.spec, &self.observed.config.defaults);
        self.draft.resolved().cloned().unwrap_or_else(|| ResolvedSpec {
            active_deadline_seconds: spec.active_deadline_seconds.unwrap_or(defaults.active_deadline_seconds),
            scheduling_deadline_seconds: spec
                .scheduling_deadline_seconds
                .unwrap_or(defaults.scheduling_deadline_seconds),
            backoff_limit: spec.backoff_limit.unwrap_or(defaults.backoff_limit),
            checks: spec.checks.unwrap_or_default().or(&defaults.checks),
            ..ResolvedSpec::default()
        })
    }

    /// Since when that is what the run waits for: what came before it has had its own time. After a restart of the operator
    /// nobody knows, and the run's own start has to do.
    pub(super) fn obstacle_since(&self, reason: Reason) -> jiff::Timestamp {
        match (ready_reason(self.observed.run), self.observed.reason_since) {
            (Some(present), Some(since)) if present == reason.as_str() => since,
            (Some(present), _) if present != reason.as_str() => self.observed.now,
            _ => self.draft.start_time(),
        }
    }

    /// Waits for an object that may still be applied, up to the scheduling deadline.
    pub(super) fn wait_for(self, reason: Reason, message: &str) -> Plan {
        let rest = self.rest(self.obstacle_since(reason));
        if rest <= 0 {
            return self.fail(reason, message);
        }
        self.interim(reason, message, Next::After(seconds(rest).min(RECHECK)))
    }

    /// Seconds left of the scheduling deadline.
    fn rest(&self, since: jiff::Timestamp) -> i64 {
        i64::from(self.resolved().scheduling_deadline_seconds) - seconds_since(self.observed, since)
    }

    /// Whether a sandbox has been waited for long enough.
    pub(super) fn is_overdue(&self, since: jiff::Timestamp) -> bool {
        self.rest(since) <= 0
    }

    /// Since when nothing has moved: for what only wants room, room that comes is progress too.
    pub(super) fn progress(&self, since: jiff::Timestamp, reason: Reason) -> jiff::Timestamp {
        if !matches!(reason, Reason::Scheduling | Reason::Unschedulable | Reason::QuotaExceeded) {
            return since;
        }
        [self.observed.room_since, self.observed.scale_up]
            .into_iter()
            .flatten()
            .fold(since, jiff::Timestamp::max)
    }

    /// Waits for a sandbox, up to the scheduling deadline; then its trouble is the fallback's cause.
    pub(super) fn unless_overdue(self, since: jiff::Timestamp, reason: Reason, message: &str) -> Plan {
        let rest = self.rest(self.progress(since, reason));
        if rest > 0 {
            // Of a pod the watch tells, if it still does; without one, only looking again does.
            let often = if self.observed.pod.is_some() { UNHEARD } else { RECHECK };
            let pause = seconds(rest).min(often);
            return self.interim(reason, message, Next::After(pause));
        }
        // What is no trouble by itself has become one by lasting.
        let cause = match reason {
            Reason::Scheduling => Reason::Unschedulable,
            Reason::Starting => Reason::SandboxStartFailed,
            cause => cause,
        };
        self.fall_back(cause, message)
    }

    /// No sandbox can be had. The pod goes first, and only as it was looked at: if it has become schedulable meanwhile,
    /// the deletion fails and the next look sees that.
    pub(super) fn fall_back(mut self, cause: Reason, message: &str) -> Plan {
        self.effects.push(Effect::CloseSession);
        self.effects.extend(own_pod(self.observed).map(|pod| delete(pod, true)));
        self.draft.close_attempt(cause.as_str());
        if self.may_retry() {
            self.draft.under_way(cause, message);
            self.draft.fallback_active(cause, message);
            return self.write(Next::After(RETRY_LOOK));
        }
        self.draft.failed(cause, message);
        self.draft.fallback_active(cause, message);
        if self.resolved().fallback_policy == Some(FallbackPolicy::AstOnly) {
            self.draft.status_mut().path = Some(RunPath::AstOnly);
        }
        self.write(Next::Wait)
    }

    /// Whether another sandbox may be tried after a cause for the fallback.
    pub(super) fn may_retry(&self) -> bool {
        let resolved = self.resolved();
        let deadline =
            resolved.retry_deadline_seconds.unwrap_or(self.observed.config.fallback.retry_deadline_seconds);
        let first = self.draft.falling_back_since().unwrap_or(self.observed.now);
        resolved.fallback_policy == Some(FallbackPolicy::Retry)
            && seconds_since(self.observed, first) < i64::from(deadline)
    }

    /// The runner has the run and keeps its time; the operator only stops waiting long after it should have spoken.
    pub(super) fn run_out(mut self, since: jiff::Timestamp, pause: Duration) -> Plan {
        let resolved = self.resolved();
        let allowed = i64::from(resolved.active_deadline_seconds)
            + i64::from(resolved.checks.seconds())
            + i64::from(resolved.scheduling_deadline_seconds)
            + REPORT_GRACE;
        let session = self.observed.session;
        let has_it =
            session.is_some_and(|session| session.accepted) || self.observed.intent == Intent::Unknown;
        if has_it {
            self.draft.fallback_over();
        }
        let rest = allowed - seconds_since(self.observed, since);
        if rest <= 0 && session.is_none_or(|session| session.line == Line::Trying) {
            // The operator may have been away for all that time, and the report may be waiting.
            let message = "the runner is being asked for its report";
            return self.interim(Reason::Running, message, Next::After(pause.min(RECHECK)));
        }
        if rest <= 0 {
            let message = "the runner did not report within its deadline".to_owned();
            return self.conclude(Ending::Failed(Reason::DeadlineExceeded, message));
        }
        let message = if has_it {
            "the strategy is running"
        } else {
            "the run was handed over, and the sandbox is being asked whether it has it"
        };
        self.interim(Reason::Running, message, Next::After(seconds(rest).min(pause)))
    }

    /// The attempt has ended.
    pub(super) fn conclude(mut self, ending: Ending) -> Plan {
        let has_reported = matches!(ending, Ending::Reported(_));
        let kept = match ending {
            Ending::Reported(report) => {
                let effect = write_report(&mut self.draft, &report, self.observed);
                self.effects.extend(effect);
                self.keeps(has_succeeded(self.draft.status()))
            }
            Ending::Failed(reason, message) => {
                self.draft.close_attempt(reason.as_str());
                self.draft.status_mut().path = Some(RunPath::Sandbox);
                self.draft.failed(reason, &message);
                // What may still run is not kept.
                self.keeps(false)
                    && own_pod(self.observed).is_some_and(|pod| matches!(read_pod(pod), PodState::Exited(_)))
            }
            Ending::Lost(reason, message) => return self.lose(reason, &message),
            Ending::NotStarted(message) => return self.fall_back(Reason::SandboxStartFailed, &message),
        };
        let pod = own_pod(self.observed).filter(|_| !kept).map(|pod| deletion(pod, None, has_reported));
        let mut plan = self.write(Next::Wait);
        plan.cleanup.push(Effect::CloseSession);
        plan.cleanup.extend(pod);
        plan
    }

    /// An equal run has the answer: it is this one's too, and nothing has to run.
    pub(super) fn answer_from(mut self, other: &StrategyRun) -> Plan {
        cache::take_over(&mut self.draft, self.observed.run, other);
        let validate_ms = self.observed.timeline.validate_ms;
        self.draft.status_mut().durations = Some(Durations { validate_ms, ..Durations::default() });
        judge(&mut self.draft, self.observed.run);
        self.write(Next::Wait)
    }

    fn keeps(&self, succeeded: bool) -> bool {
        let retention = retention(self.observed);
        let wanted = if succeeded { retention.on_success } else { retention.on_failure };
        wanted == Some(Retention::Keep)
    }

    /// The sandbox was lost through no fault of the strategy: try another one, while the limit lasts.
    pub(super) fn lose(mut self, reason: Reason, message: &str) -> Plan {
        self.effects.push(Effect::CloseSession);
        self.effects.extend(own_pod(self.observed).map(|pod| delete(pod, false)));
        if let Some(open) = self.draft.open_attempt() {
            open.losses = open.losses.saturating_add(1);
        }
        let losses = self.draft.losses();
        self.draft.close_attempt(reason.as_str());
        let limit = self.resolved().backoff_limit;
        if losses <= limit {
            self.draft
                .under_way(Reason::Retrying, &format!("a sandbox was lost ({}): {message}", reason.as_str()));
            return self.write(Next::Again);
        }
        let (reason, message) = if limit == 0 {
            (reason, message.to_owned())
        } else {
            (
                Reason::BackoffLimitExceeded,
                format!("{losses} sandboxes were lost, the last by {}: {message}", reason.as_str()),
            )
        };
        self.draft.failed(reason, &message);
        self.write(Next::Wait)
    }

    /// Asks for the attempt's pod, behind the namespace's deny-all policy.
    pub(super) fn create(&mut self, run: &Accepted<'_>, attempt: &Attempt) {
        let observed = self.observed;
        let namespace = observed.run.namespace().unwrap_or_default();
        let class = &run.class.spec;
        let Some(owner) = owner(observed.run) else {
            return;
        };
        let user_namespace = class.user_namespaces.is_used(observed.nodes.user_namespaces);
        let pod = build_pod(&PodRequest {
            namespace: &namespace,
            name: &attempt.pod_name,
            owner,
            purpose: Purpose::Run { attempt: attempt.number },
            class_name: &run.class.name_any(),
            class,
            limits: &run.resolved.echo.limits,
            requests: &run.resolved.requests,
            config: observed.config.sandbox,
            user_namespace,
            preload: Some(run.resolved.dataset),
            ahead: None,
            active_deadline_seconds: run.resolved.echo.own_seconds().saturating_add(START_ALLOWANCE),
        });
        self.effects.push(Effect::EnsureNetworkPolicy(Box::new(build_deny_all(&namespace))));
        self.effects.push(Effect::CreatePod(Box::new(pod)));
    }
}

/// The observed pod, if it is this run's at all: nobody else's is ever deleted.
pub(super) fn own_pod<'a>(observed: &Observed<'a>) -> Option<&'a Pod> {
    let uid = observed.run.metadata.uid.as_deref();
    observed.pod.filter(|pod| uid.is_some() && run_of(pod) == uid)
}

/// What becomes of the pod; complete.
pub(super) fn retention(observed: &Observed<'_>) -> PodRetention {
    observed.run.spec.pod_retention.clone().unwrap_or_default().or(&observed.config.defaults.pod_retention)
}

pub(super) fn delete(pod: &Pod, unchanged: bool) -> Effect {
    deletion(pod, pod.metadata.resource_version.clone().filter(|_| unchanged), false)
}

fn deletion(pod: &Pod, resource_version: Option<String>, at_once: bool) -> Effect {
    Effect::DeletePod { name: pod.name_any(), uid: pod.uid().unwrap_or_default(), resource_version, at_once }
}

pub(super) fn seconds(count: i64) -> Duration {
    Duration::from_secs(u64::try_from(count.max(0)).unwrap_or_default())
}

pub(super) fn seconds_since(observed: &Observed<'_>, then: jiff::Timestamp) -> i64 {
    observed.now.as_second().saturating_sub(then.as_second())
}
