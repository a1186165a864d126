//! The proofs that are tried on a strategy once it is scored: that it gives the same positions twice, and that its
//! positions up to a date do not depend on what comes after it.
//!
//! | what differs from the run's data | which look-ahead it finds |
//! |---|---|
//! | nothing (first of all) | none; a strategy that differs here proves nothing below |
//! | they end at the cut | what the length of the data decides; `shift(-1)` and the like near the cut |
//! | prices and volumes after the cut × 3, then × 1/3 | everything that a price of the future moves |
//!
//! Only positions up to the cut are compared, its own date included. So no honest strategy can differ, whatever is done
//! to the data after it; the shocks are only large enough for a dishonest one to show.
//!
//! **Exceptions.** Of truncated data they are `ShortHistory`: a window that is longer than what is left is no look-ahead,
//! and the shocks at the same cut are still tried. Of shocked data, or of the same data, they are differences: up to the
//! cut the strategy saw exactly what it saw when it did not raise, so something after it decided. A strategy that
//! raised whenever the future looks changed would otherwise never be found. (One that refuses a whole sample for a jump
//! in it is found too, and rightly: on the cut's date it could not have known of that jump.)
//!
//! **Time.** The first difference ends a check: one is proof enough. What does not end well (deadline, memory) ends the
//! interpreter, and with it all checks; what was complete until then counts.

mod cuts;

use crate::wire::{
    CheckResult, CheckResults, Checks, DeterminismResult, Difference, LookaheadResult, Outcome, Variation,
    escaped, head,
};

use super::data::{Shock, Slice, View};
use super::evaluation::{End, Evaluation};
use super::interpreter::{Interpreter, InterpreterError};
use super::verdict::{self, Failure, Terms};
use cuts::{Same, cuts, first_difference};

/// What prices and volumes after a cut are multiplied by, in this order.
const SHOCKS: [(Variation, f64); 2] = [(Variation::ShockedUp, 3.0), (Variation::ShockedDown, 1.0 / 3.0)];

/// Longest note in a report, in bytes of JSON text: both notes, both differences and all metrics leave room for output.
pub(super) const MAX_NOTE: usize = 140;
/// Longest symbol, likewise.
const MAX_SYMBOL: usize = 64;

/// What came of one evaluation of a check.
#[derive(Debug, Clone, PartialEq)]
enum Tried {
    /// Positions for all of its dates.
    Positions(Vec<f64>),
    /// The strategy's own doing kept it from giving any: it raised, ended itself or returned what are no positions.
    Raised(String),
    /// Not done by the deadline of the checks.
    Late,
    /// It ended for another reason. Nothing can be evaluated any more.
    Broken(String),
}

impl Tried {
    /// What `end` means on data of these `terms`.
    fn of(end: End, terms: &Terms) -> Self {
        if end == End::Deadline {
            return Self::Late;
        }
        match verdict::positions(end, terms) {
            Ok(positions) => Self::Positions(positions),
            Err(failure) => Self::of_failure(failure),
        }
    }

    fn of_failure(Failure { outcome, fault }: Failure) -> Self {
        match outcome {
            Outcome::StrategyError | Outcome::InvalidResult | Outcome::SandboxViolation => {
                Self::Raised(if fault.r#type.is_empty() { fault.message } else { fault.r#type })
            }
            Outcome::DeadlineExceeded => Self::Late,
            Outcome::OOMKilled => Self::Broken("the memory limit was reached".to_owned()),
            Outcome::Succeeded
            | Outcome::InvalidSpec
            | Outcome::DatasetNotFound
            | Outcome::IsolationMissing => Self::Broken(fault.message),
        }
    }
}

/// Tries what is asked for on a strategy whose first evaluation was as `first` and gave the positions `full`. `first`
/// has the deadline of the checks.
///
/// # Errors
/// The interpreter is gone by itself or breaks its protocol.
pub(super) fn conduct(
    asked: Checks,
    first: &Evaluation<'_>,
    interpreter: &mut Interpreter,
    terms: &Terms,
    full: &[f64],
) -> Result<Option<CheckResults>, InterpreterError> {
    let mut number = first.number;
    let mut is_alive = true;
    run(asked, first.slice, full, |view| {
        if !is_alive {
            return Ok(Tried::Broken("the one before it had to be ended with the interpreter".to_owned()));
        }
        number += 1;
        let end = Evaluation { number, view, ..*first }.run(interpreter, |_| {})?;
        // Only what the first evaluation printed is shown.
        drop(interpreter.take_output()?);
        is_alive = matches!(&end, End::Gone(gone) if gone.reusable);
        Ok(Tried::of(end, &Terms { dates: view.dates, ..*terms }))
    })
}

/// Tries what is asked for on a strategy that gave the positions `full`; `evaluate` runs it once more on a view.
///
/// # Errors
/// Those of `evaluate`.
fn run<E>(
    asked: Checks,
    slice: &Slice<'_>,
    full: &[f64],
    evaluate: impl FnMut(View) -> Result<Tried, E>,
) -> Result<Option<CheckResults>, E> {
    if !asked.determinism && !asked.lookahead {
        return Ok(None);
    }
    let mut bench = Bench { slice, full, evaluate, stopped: None };
    let determinism = if asked.determinism { Some(bench.determinism()?) } else { None };
    let lookahead = if asked.lookahead { Some(bench.lookahead(asked.cuts)?) } else { None };
    let lookahead = lookahead.map(|found| with_chance(found, determinism.as_ref()));
    Ok(Some(CheckResults { lookahead, determinism }))
}

/// What the checks work on.
struct Bench<'a, F> {
    slice: &'a Slice<'a>,
    full: &'a [f64],
    evaluate: F,
    /// Why nothing is evaluated any more.
    stopped: Option<Stopped>,
}

/// Why no further evaluation can be had.
#[derive(Debug, Clone)]
enum Stopped {
    /// `checks.deadlineSeconds` have passed.
    Deadline,
    /// An evaluation did not end well.
    Broken(String),
}

/// What one comparison came to.
enum Compared {
    Equal,
    Different(Difference),
    Raised(String),
    Stopped(Stopped),
}

impl<E, F: FnMut(View) -> Result<Tried, E>> Bench<'_, F> {
    /// Evaluates once more on `view` and compares up to `cut` or, without one, everything.
    fn compare(&mut self, kind: Variation, view: View, cut: Option<usize>) -> Result<Compared, E> {
        if let Some(stopped) = &self.stopped {
            return Ok(Compared::Stopped(stopped.clone()));
        }
        let stopped = match (self.evaluate)(view)? {
            Tried::Positions(other) => return Ok(self.compared(kind, &other, cut)),
            Tried::Raised(what) => return Ok(Compared::Raised(what)),
            Tried::Late => Stopped::Deadline,
            Tried::Broken(why) => Stopped::Broken(why),
        };
        Ok(Compared::Stopped(self.stopped.insert(stopped).clone()))
    }

    fn compared(&self, kind: Variation, other: &[f64], cut: Option<usize>) -> Compared {
        let symbols = self.slice.symbols.len();
        let rows = cut.map_or(self.slice.dates.len(), |cut| cut + 1);
        let same = if cut.is_some() { Same::Nearly } else { Same::Exactly };
        let other = &other[..other.len().min(rows * symbols)];
        let Some(place) = first_difference(self.full, other, same) else {
            return Compared::Equal;
        };
        let (row, column) = (place / symbols, place % symbols);
        let weight = |weight: f64| Some(weight).filter(|weight| !weight.is_nan());
        Compared::Different(Difference {
            kind,
            cut: cut.map(|cut| self.slice.dates[cut].to_string()),
            date: self.slice.dates[row].to_string(),
            symbol: head(&escaped(&self.slice.symbols[column]), MAX_SYMBOL),
            full: weight(self.full[place]),
            other: weight(other[place]),
        })
    }

    /// The same data once more.
    fn determinism(&mut self) -> Result<DeterminismResult, E> {
        let (result, note, difference) = match self.compare(Variation::Same, self.slice.whole(), None)? {
            Compared::Equal => (CheckResult::Passed, String::new(), None),
            Compared::Different(difference) => (CheckResult::Failed, String::new(), Some(difference)),
            Compared::Raised(what) => (
                CheckResult::Failed,
                note(&format!("on the same data it went wrong the second time: {what}")),
                None,
            ),
            Compared::Stopped(stopped) => (CheckResult::NotFinished, stopped.note(), None),
        };
        Ok(DeterminismResult { result, note, difference })
    }

    /// Every cut in turn, until one differs or nothing can be evaluated any more.
    fn lookahead(&mut self, count: u32) -> Result<LookaheadResult, E> {
        let cuts = cuts(self.full, self.slice.symbols.len(), count);
        let mut found = LookaheadResult::default();
        if cuts.len() < count as usize {
            found.note = note(&format!("of {count} cuts asked for the data allow {}", cuts.len()));
        }
        for cut in cuts {
            match self.cut(cut, &mut found)? {
                Compared::Equal => {
                    found.cuts_tried += 1;
                    found.result = CheckResult::Passed;
                }
                Compared::Different(difference) => {
                    found.cuts_tried += 1;
                    found.result = CheckResult::Failed;
                    found.difference = Some(difference);
                    return Ok(found);
                }
                Compared::Raised(what) => {
                    let date = self.slice.dates[cut];
                    found.cuts_tried += 1;
                    found.result = CheckResult::Failed;
                    found.note =
                        note(&format!("on data that differ only after {date} it went wrong: {what}"));
                    return Ok(found);
                }
                Compared::Stopped(stopped) => {
                    found.note = stopped.note();
                    if let Stopped::Broken(_) = stopped {
                        found.result = CheckResult::NotFinished;
                    }
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// One cut: truncated, then both shocks.
    fn cut(&mut self, cut: usize, found: &mut LookaheadResult) -> Result<Compared, E> {
        let mut is_short = false;
        match self.compare(Variation::Truncated, View { dates: cut + 1, shock: None }, Some(cut))? {
            Compared::Equal => {}
            Compared::Raised(_) => is_short = true,
            end @ (Compared::Different(_) | Compared::Stopped(_)) => return Ok(end),
        }
        for (kind, factor) in SHOCKS {
            let shock = Some(Shock { from: cut + 1, factor });
            match self.compare(kind, View { shock, ..self.slice.whole() }, Some(cut))? {
                Compared::Equal => {}
                end @ (Compared::Different(_) | Compared::Raised(_) | Compared::Stopped(_)) => {
                    return Ok(end);
                }
            }
        }
        found.short_history += u32::from(is_short);
        Ok(Compared::Equal)
    }
}

impl Stopped {
    fn note(&self) -> String {
        match self {
            Self::Deadline => "checks.deadlineSeconds have passed".to_owned(),
            Self::Broken(why) => note(&format!("an evaluation did not end well: {why}")),
        }
    }
}

/// A difference of a strategy that differs on the same data too may be chance. It stays one, or chance would be a way out.
fn with_chance(mut found: LookaheadResult, determinism: Option<&DeterminismResult>) -> LookaheadResult {
    let differs = determinism.is_some_and(|determinism| determinism.result == CheckResult::Failed);
    if differs && found.result == CheckResult::Failed && found.note.is_empty() {
        "may be chance: it differs on the same data too".clone_into(&mut found.note);
    }
    found
}

/// A strategy's words may be in it.
fn note(text: &str) -> String {
    head(&escaped(text), MAX_NOTE)
}

#[cfg(test)]
mod tests;
