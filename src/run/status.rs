//! Statuses: conditions by kstatus, bounded texts, nothing that changes by itself.

use super::lifecycle::{rerun_is_new, rerun_requested};
use super::observed::Observed;
use crate::crd::{
    Attempt, ConditionType, FindingStatus, HistoryEntry, Provenance, Reason, ResolvedSpec, StrategyRun,
    StrategyRunStatus, ValidationStatus, keep_time,
};
use crate::strategy::Finding;
use crate::wire::clean;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Reason of the Scheduled condition while a gate holds the pod.
pub(super) const GATED: &str = "SchedulingGated";

/// Bytes of Ready's message.
const READY_MESSAGE: usize = 1024;
/// Bytes of the other conditions' messages.
const OTHER_MESSAGE: usize = 256;
/// Findings kept, and bytes of one's message and hint.
const FINDINGS: usize = 20;
const FINDING_MESSAGE: usize = 110;
const FINDING_HINT: usize = 90;
/// Attempts kept, and ends of earlier inputs.
const ATTEMPTS: usize = 5;
const HISTORY: usize = 5;

/// Whether the run has ended for the input that hashes to `hash`. A spec that could not be done has only ended for its
/// generation: what was wrong with it may be no part of the input.
#[must_use]
pub fn is_finished(run: &StrategyRun, hash: &str) -> bool {
    run.status.as_ref().is_some_and(|status| {
        status.completion_time.is_some()
            && status.input_hash.as_deref() == Some(hash)
            && !rerun_is_new(run)
            && (status.observed_generation == run.metadata.generation || !was_impossible(status))
    })
}

/// Refused for its spec, before anything ran.
fn was_impossible(status: &StrategyRunStatus) -> bool {
    status.metrics.is_none()
        && status.attempts.is_empty()
        && ready(status).is_some_and(|ready| ready.reason == Reason::InvalidSpec.as_str())
}

/// The condition of that type.
fn condition(status: &StrategyRunStatus, type_: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

/// The reason that a run's Ready gives now.
#[must_use]
pub fn ready_reason(run: &StrategyRun) -> Option<&str> {
    run.status.as_ref().and_then(ready).map(|ready| ready.reason.as_str())
}

/// The Ready condition.
pub(super) fn ready(status: &StrategyRunStatus) -> Option<&Condition> {
    condition(status, ConditionType::Ready)
}

/// Whether the run has ended well.
pub(super) fn has_succeeded(status: &StrategyRunStatus) -> bool {
    ready(status).is_some_and(|ready| ready.status == "True")
}

/// A status being written.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    status: StrategyRunStatus,
    generation: i64,
    now: Timestamp,
}

impl Draft {
    /// Goes on with the present status, or starts afresh for a new input, keeping how the former ones have ended.
    pub(super) fn begin(observed: &Observed<'_>) -> Self {
        let hash = observed.input_hash.as_str();
        let generation = observed.run.metadata.generation.unwrap_or_default();
        let present = observed.run.status.clone().unwrap_or_default();
        let goes_on = present.input_hash.as_deref() == Some(hash)
            && !rerun_is_new(observed.run)
            && (present.completion_time.is_none() || is_finished(observed.run, hash));
        let mut status = if goes_on {
            present
        } else {
            StrategyRunStatus {
                last_handled_rerun_at: rerun_requested(observed.run)
                    .or_else(|| present.last_handled_rerun_at.clone()),
                history: history(&present, hash, rerun_is_new(observed.run)),
                ..StrategyRunStatus::default()
            }
        };
        status.observed_generation = Some(generation);
        status.input_hash = Some(hash.to_owned());
        status.start_time.get_or_insert(Time(observed.now));
        Self { status, generation, now: observed.now }
    }

    /// When this input was first seen.
    pub(super) fn start_time(&self) -> Timestamp {
        self.status.start_time.as_ref().map_or(self.now, |time| time.0)
    }

    /// The attempts so far.
    pub(super) fn attempts(&self) -> &[Attempt] {
        &self.status.attempts
    }

    /// The attempt that has not ended.
    pub(super) fn open_attempt(&mut self) -> Option<&mut Attempt> {
        self.status.attempts.last_mut().filter(|attempt| attempt.finished_at.is_none())
    }

    /// Records the next attempt, before anything is done for it.
    pub(super) fn record_attempt(&mut self, number: u32, pod_name: String) {
        let losses = self.losses();
        let surplus = (self.status.attempts.len() + 1).saturating_sub(ATTEMPTS);
        self.status.attempts.drain(..surplus);
        let started_at = Some(Time(self.now));
        self.status.attempts.push(Attempt { number, pod_name, started_at, losses, ..Attempt::default() });
    }

    /// Sandboxes lost so far.
    pub(super) fn losses(&self) -> u32 {
        self.status.attempts.last().map_or(0, |last| last.losses)
    }

    /// Ends the open attempt, if there is one.
    pub(super) fn close_attempt(&mut self, reason: &str) {
        let finished_at = Some(Time(self.now));
        if let Some(attempt) = self.open_attempt() {
            attempt.reason = Some(reason.to_owned());
            attempt.finished_at = finished_at;
        }
    }

    /// More is going to happen.
    pub(super) fn under_way(&mut self, reason: Reason, message: &str) {
        self.reconciling(reason, message);
        self.unset(ConditionType::Suspended);
    }

    /// Held: nothing happens until it is let go, and then the clocks start anew.
    pub(super) fn suspended(&mut self, message: &str) {
        self.reconciling(Reason::Suspended, message);
        self.set(ConditionType::Suspended, "True", Reason::Suspended.as_str(), message);
        self.unset(ConditionType::FallbackActive);
        self.status.start_time = None;
    }

    fn reconciling(&mut self, reason: Reason, message: &str) {
        self.set(ConditionType::Ready, "Unknown", reason.as_str(), message);
        self.set(ConditionType::Reconciling, "True", reason.as_str(), message);
        self.unset(ConditionType::Stalled);
    }

    /// Finished, with metrics.
    pub(super) fn succeeded(&mut self, reason: Reason, message: &str) {
        self.set(ConditionType::Ready, "True", reason.as_str(), message);
        self.unset(ConditionType::Stalled);
        self.unset(ConditionType::FallbackActive);
        self.end();
    }

    /// Finished, without success.
    pub(super) fn failed(&mut self, reason: Reason, message: &str) {
        self.set(ConditionType::Ready, "False", reason.as_str(), message);
        self.set(ConditionType::Stalled, "True", reason.as_str(), message);
        self.unset(ConditionType::FallbackActive);
        self.end();
    }

    fn end(&mut self) {
        self.unset(ConditionType::Reconciling);
        self.unset(ConditionType::Suspended);
        // One that is judged again has ended before.
        self.status.completion_time.get_or_insert(Time(self.now));
    }

    /// Nothing is in doubt.
    pub(super) fn clear_checks(&mut self) {
        self.unset(ConditionType::LookaheadFree);
        self.unset(ConditionType::Deterministic);
    }

    /// What a check found that has not passed.
    pub(super) fn checked(&mut self, type_: ConditionType, status: &str, reason: Reason, message: &str) {
        self.set(type_, status, reason.as_str(), message);
    }

    /// Since when no sandbox could be had, if that is so.
    pub(super) fn falling_back_since(&self) -> Option<Timestamp> {
        Some(condition(&self.status, ConditionType::FallbackActive)?.last_transition_time.0)
    }

    /// Why no sandbox could be had.
    pub(super) fn fallback_message(&self) -> Option<String> {
        Some(condition(&self.status, ConditionType::FallbackActive)?.message.clone())
    }

    /// The strategy runs: a sandbox was had after all.
    pub(super) fn fallback_over(&mut self) {
        self.unset(ConditionType::FallbackActive);
    }

    /// Whether the scheduler's last word was that a gate holds the pod.
    pub(super) fn was_gated(&self) -> bool {
        condition(&self.status, ConditionType::Scheduled).is_some_and(|scheduled| scheduled.reason == GATED)
    }

    /// No sandbox can be had: for good, or for now.
    pub(super) fn fallback_active(&mut self, cause: Reason, message: &str) {
        self.set(ConditionType::FallbackActive, "True", cause.as_str(), message);
    }

    /// What the gate said.
    pub(super) fn validated(&mut self, accepted: bool, findings: &[Finding], total: usize) {
        let (status, reason, message) = if accepted {
            ("True", "Accepted", "the strategy passed the gate".to_owned())
        } else {
            let first =
                findings.first().map_or_else(String::new, |first| format!("; first: {}", sentence(first)));
            ("False", Reason::CodeRejected.as_str(), format!("{total} finding(s){first}"))
        };
        self.set(ConditionType::Validated, status, reason, &message);
        self.status.validation = (total > 0).then(|| ValidationStatus {
            findings: findings.iter().take(FINDINGS).map(finding_status).collect(),
            total: u32::try_from(total).unwrap_or(u32::MAX),
        });
    }

    /// What the scheduler said.
    pub(super) fn scheduled(&mut self, scheduled: bool, reason: &str, message: &str) {
        self.set(ConditionType::Scheduled, if scheduled { "True" } else { "False" }, reason, message);
    }

    /// What is known of a result's origin before there is one.
    pub(super) fn provenance(&mut self, known: Provenance) {
        let provenance = self.status.provenance.get_or_insert_default();
        provenance.code_sha256 = known.code_sha256;
        provenance.policy_digest = known.policy_digest;
        provenance.fingerprint = known.fingerprint;
        provenance.resolved = known.resolved;
    }

    /// The fingerprint of what this attempt comes to: none where its sandbox was made when class or engine were others than now,
    /// as its result then answers no other run.
    pub(super) fn fingerprint_of_attempt(&mut self, now: String) -> Option<String> {
        let is_open = self.open_attempt().is_some();
        let on_record = self.status.provenance.as_ref().and_then(|known| known.fingerprint.as_ref());
        (!is_open || on_record == Some(&now)).then_some(now)
    }

    /// The values on record for this input.
    pub(super) fn resolved(&self) -> Option<&ResolvedSpec> {
        self.status.provenance.as_ref()?.resolved.as_ref()
    }

    /// Hash of the code that this input's first attempt was made for.
    pub(super) fn code_on_record(&self) -> Option<&str> {
        self.status.provenance.as_ref()?.code_sha256.as_deref().filter(|_| !self.status.attempts.is_empty())
    }

    /// The status so far.
    pub(super) fn status(&self) -> &StrategyRunStatus {
        &self.status
    }

    /// The rest of the status, for whoever knows it.
    pub(super) fn status_mut(&mut self) -> &mut StrategyRunStatus {
        &mut self.status
    }

    /// The finished status.
    pub(super) fn into_status(mut self) -> StrategyRunStatus {
        let order = |type_: &str| {
            [
                ConditionType::Ready,
                ConditionType::Validated,
                ConditionType::Scheduled,
                ConditionType::LookaheadFree,
                ConditionType::Deterministic,
                ConditionType::Reconciling,
                ConditionType::Stalled,
                ConditionType::FallbackActive,
                ConditionType::Suspended,
            ]
            .iter()
            .position(|known| known.as_str() == type_)
        };
        // Whatever else a hand has put there is not ours to keep.
        self.status.conditions.retain(|condition| order(&condition.type_).is_some());
        self.status.conditions.sort_by_key(|condition| order(&condition.type_));
        self.status
    }

    /// Sets a condition; its time moves only when its status does.
    fn set(&mut self, type_: ConditionType, status: &str, reason: &str, message: &str) {
        let limit = if type_ == ConditionType::Ready { READY_MESSAGE } else { OTHER_MESSAGE };
        let fresh = Condition {
            type_: type_.as_str().to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: clean(message, limit),
            observed_generation: Some(self.generation),
            last_transition_time: Time(self.now),
        };
        let condition = keep_time(fresh, &self.status.conditions);
        self.unset(type_);
        self.status.conditions.push(condition);
    }

    fn unset(&mut self, type_: ConditionType) {
        self.status.conditions.retain(|condition| condition.type_ != type_.as_str());
    }
}

/// How the former inputs have ended, the present one's end included if it is another one's and there was one.
fn history(former: &StrategyRunStatus, hash: &str, again: bool) -> Vec<HistoryEntry> {
    let mut all = former.history.clone();
    if let (Some(before), Some(time)) = (&former.input_hash, &former.completion_time)
        && (before != hash || again)
    {
        all.push(HistoryEntry {
            hash: clean(before, 64),
            reason: ready(former).map(|ready| clean(&ready.reason, 64)).unwrap_or_default(),
            sharpe: former.metrics.and_then(|metrics| metrics.sharpe_ratio),
            completion_time: Some(time.clone()),
        });
    }
    all.drain(..all.len().saturating_sub(HISTORY));
    all
}

/// One line that says what is wrong and what to write instead.
#[must_use]
pub fn sentence(finding: &Finding) -> String {
    format!(
        "{} at {}:{}: {}; {}",
        finding.rule, finding.span.line, finding.span.column, finding.message, finding.hint
    )
}

fn finding_status(finding: &Finding) -> FindingStatus {
    FindingStatus {
        rule: finding.rule.to_owned(),
        severity: finding.severity.as_str().to_owned(),
        line: finding.span.line,
        column: finding.span.column,
        end_line: finding.span.end_line,
        end_column: finding.span.end_column,
        message: clean(&finding.message, FINDING_MESSAGE),
        hint: clean(&finding.hint, FINDING_HINT),
    }
}
