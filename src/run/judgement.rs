//! Judging a result: what its checks and its acceptance make of a run that was scored.
//!
//! Reads nothing but the status and the spec, so that the same words come out when a run has just reported, when another
//! one answers for it, and when its acceptance has changed since.

use super::acceptance::{self, Judged};
use super::cache;
use super::status::Draft;
use crate::crd::{CheckMode, Checks, ConditionType, OnReject, Reason, StrategyRun, Verdict};
use crate::wire::{CheckResult, CheckResults, Difference, Metrics, Variation, clean};

/// Bytes of a check's note, and of a name in a message.
const NOTE: usize = 128;
const SYMBOL: usize = 64;
const DATE: usize = 10;

/// A check that has not passed.
struct Doubt {
    condition: ConditionType,
    /// Whether it is one that fails the run.
    enforced: bool,
    /// The reason if it does.
    reason: Reason,
    /// `False`: a difference; `Unknown`: not finished.
    status: &'static str,
    message: String,
}

/// Ends the run by what its status has: metrics, checks, artifacts.
pub(super) fn judge(draft: &mut Draft, run: &StrategyRun) {
    let checks = draft.resolved().map(|resolved| resolved.checks).unwrap_or_default();
    let results = draft.status().checks.clone().unwrap_or_default();
    let doubts = doubts(&checks, &results);
    draft.clear_checks();
    for doubt in &doubts {
        draft.checked(doubt.condition, doubt.status, doubt.reason, &doubt.message);
    }
    if let Some(fatal) = doubts.iter().find(|doubt| doubt.enforced) {
        let status = draft.status_mut();
        (status.metrics, status.verdict) = (None, None);
        status.artifacts.clear();
        let (reason, message) = (fatal.reason, fatal.message.clone());
        draft.failed(reason, &message);
        return;
    }
    let metrics = draft.status().metrics.unwrap_or_default();
    let mut message = vec![summary(&metrics)];
    let acceptance = run.spec.acceptance.as_ref().map(acceptance::read);
    let judged = match acceptance {
        None => None,
        Some(Ok(expressions)) => Some(expressions.judge(&metrics)),
        // Only when it has changed after the run: before one, nothing would have run.
        Some(Err(bad)) => {
            draft.status_mut().verdict = None;
            draft.failed(Reason::InvalidSpec, &bad.to_string());
            return;
        }
    };
    draft.status_mut().verdict = judged.as_ref().map(|judged| match judged {
        Judged::Accepted => Verdict::Accepted,
        Judged::Rejected { .. } => Verdict::Rejected,
    });
    if let Some(Judged::Rejected { message: why, on_reject: OnReject::Fail }) = &judged {
        draft.failed(Reason::AcceptanceFailed, why);
        return;
    }
    if let Some(name) =
        draft.status().provenance.as_ref().and_then(|provenance| provenance.cached_from.as_ref())
    {
        message.push(format!("the result of run {name:?}, which had the same inputs"));
    }
    message.extend(judged.map(|judged| match judged {
        Judged::Accepted => "accepted".to_owned(),
        Judged::Rejected { message, .. } => message,
    }));
    message.extend(doubts.into_iter().map(|doubt| doubt.message));
    let missing =
        run.spec.artifacts.iter().any(|kind| !draft.status().artifacts.iter().any(|a| a.name == *kind));
    if missing {
        message.push("artifacts asked for are not there: they were lost, were too large, or were asked for after the run".into());
    }
    let reason = cache::success(draft);
    draft.succeeded(reason, &message.join("; "));
}

/// What the runner says about checks, in the bounds of a status.
pub(super) fn bounded(mut results: CheckResults) -> CheckResults {
    let bound = |difference: &mut Option<Difference>| {
        if let Some(difference) = difference {
            difference.symbol = clean(&difference.symbol, SYMBOL);
            difference.date = clean(&difference.date, DATE);
            difference.cut = difference.cut.as_deref().map(|cut| clean(cut, DATE));
        }
    };
    if let Some(lookahead) = &mut results.lookahead {
        lookahead.note = clean(&lookahead.note, NOTE);
        bound(&mut lookahead.difference);
    }
    if let Some(determinism) = &mut results.determinism {
        determinism.note = clean(&determinism.note, NOTE);
        bound(&mut determinism.difference);
    }
    results
}

/// Determinism first: the positions of a strategy that draws lots differ in the other check too, for no other reason.
fn doubts(checks: &Checks, results: &CheckResults) -> Vec<Doubt> {
    [determinism(checks, results), lookahead(checks, results)].into_iter().flatten().collect()
}

fn determinism(checks: &Checks, results: &CheckResults) -> Option<Doubt> {
    let enforced = is_enforced(checks.determinism)?;
    // What was asked for and is not there has not been done.
    let found = results.determinism.clone().unwrap_or_default();
    let (status, reason, message) = match found.result {
        CheckResult::Passed => return None,
        CheckResult::Failed => {
            let what = found.difference.as_ref().map_or_else(String::new, |difference| {
                let (first, second) = values(difference);
                let (symbol, date) = (&difference.symbol, &difference.date);
                format!(": the position of {symbol} on {date} is {first}, then {second}")
            });
            let message = format!(
                "not deterministic: two evaluations on the same data differ{what}; seed every random generator with a \
                 constant and depend on no clock and no identity"
            );
            ("False", Reason::NotDeterministic, message)
        }
        CheckResult::NotFinished => {
            ("Unknown", Reason::DeadlineExceeded, unfinished("determinism", checks, "", &found.note))
        }
    };
    Some(Doubt { condition: ConditionType::Deterministic, enforced, reason, status, message })
}

fn lookahead(checks: &Checks, results: &CheckResults) -> Option<Doubt> {
    let enforced = is_enforced(checks.lookahead)?;
    let found = results.lookahead.clone().unwrap_or_default();
    let (status, reason, message) = match found.result {
        CheckResult::Passed => return None,
        CheckResult::Failed => {
            let what = found.difference.as_ref().map_or_else(String::new, |difference| {
                let (full, other) = values(difference);
                let (symbol, date) = (&difference.symbol, &difference.date);
                let cut = difference.cut.as_deref().unwrap_or("the cut");
                let given = match difference.kind {
                    Variation::Truncated => format!("the data end at {cut}"),
                    Variation::ShockedUp => format!("prices after {cut} are three times as high"),
                    Variation::ShockedDown => format!("prices after {cut} are a third"),
                    Variation::Same => "the data are the same".to_owned(),
                };
                format!(": the position of {symbol} on {date} is {full}, and {other} when {given}")
            });
            let message = format!(
                "look-ahead: positions depend on later data{what}; decide by what is known up to each date: no negative \
                 shift, centred window, backfill, or statistic over the whole sample"
            );
            ("False", Reason::LookaheadDetected, message)
        }
        CheckResult::NotFinished => {
            let tried = format!(" after {} of {} cuts", found.cuts_tried, checks.cuts.unwrap_or_default());
            ("Unknown", Reason::DeadlineExceeded, unfinished("lookahead", checks, &tried, &found.note))
        }
    };
    Some(Doubt { condition: ConditionType::LookaheadFree, enforced, reason, status, message })
}

fn is_enforced(mode: Option<CheckMode>) -> Option<bool> {
    match mode {
        None | Some(CheckMode::Off) => None,
        Some(CheckMode::Warn) => Some(false),
        Some(CheckMode::Enforce) => Some(true),
    }
}

/// An enforced check that did not finish is no pass: else whoever is slow enough would have one.
fn unfinished(check: &str, checks: &Checks, tried: &str, note: &str) -> String {
    let seconds = checks.deadline_seconds.unwrap_or_default();
    let note = if note.is_empty() { String::new() } else { format!(" ({})", clean(note, NOTE)) };
    format!(
        "check {check} did not finish{tried}{note}: raise spec.checks.deadlineSeconds ({seconds}) or make the strategy faster"
    )
}

fn values(difference: &Difference) -> (String, String) {
    let text = |value: Option<f64>| value.map_or_else(|| "held".to_owned(), |value| value.to_string());
    (text(difference.full), text(difference.other))
}

fn summary(metrics: &Metrics) -> String {
    let number =
        |value: Option<f64>| value.map_or_else(|| "undefined".to_owned(), |value| format!("{value:.2}"));
    format!(
        "Sharpe ratio {}, total return {}, maximum drawdown {}, {} trades over {} dates",
        number(metrics.sharpe_ratio),
        number(metrics.total_return),
        number(metrics.max_drawdown),
        metrics.trades.unwrap_or_default(),
        metrics.days.unwrap_or_default(),
    )
}
