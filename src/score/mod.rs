//! PURE: positions × prices × execution → metrics, equity and trades.
//!
//! The strategy only says what it wants to hold; this module says what that was worth. It knows nothing of
//! Kubernetes, processes or files and imports nothing of ours, so the same numbers come out in the runner, in
//! a test and on a desk.
//!
//! ```text
//! Market ─┐
//! rows   ─┼─ recursion: one pass over the dates ─→ returns, equity, trades, counts
//! Execution┘                                          └─ metrics + significance ─→ Metrics
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `market.rs` | dates, symbols and closes, checked once |
//! | `execution.rs` | lag, rebalance, costs, leverage; which dates decide |
//! | `recursion.rs` | the pass over the dates: targets, costs, drift, ruin |
//! | `trades.rs` | round trips and whose cost is whose |
//! | `moments.rs` | sums, means, deviations, skewness |
//! | `metrics.rs` | every metric: formula, unit, when it is absent |
//! | `significance.rs` | probabilistic and deflated Sharpe ratio, minimum track record |
//! | `rounding.rs` | how a number is written |

mod error;
mod execution;
mod market;
mod metrics;
mod moments;
mod recursion;
mod rounding;
mod significance;
mod trades;

#[cfg(test)]
mod properties;

pub use error::ScoreError;
pub use execution::{Execution, Rebalance, Trials};
pub use market::Market;
pub use metrics::{Metrics, RATIO_BOUND, VALUE_BOUND};
pub use recursion::Counts;
pub use rounding::rounded;
pub use trades::{Side, Trade};

/// Everything that is known about a run of a strategy once its positions are known. Nothing in it is rounded
/// and nothing in it is infinite or NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// The figures of the status, unrounded.
    pub metrics: Metrics,
    /// Net return of each date, as a fraction of the equity of the date before. At least −1.
    pub returns: Vec<f64>,
    /// Equity at the close of each date; the start is 1. Multiply by [`Execution::initial_cash`] for money.
    pub equity: Vec<f64>,
    /// Closed round trips, in the order of their closing date.
    pub trades: Vec<Trade>,
    /// What had to be put right in the input.
    pub counts: Counts,
}

/// Scores `positions` on `market`.
///
/// * `positions`: target weights (fractions of equity), row-major dates × symbols like the market. A row of
///   NaN alone means "hold": no target, no trade.
/// * `benchmark`: closes on the market's dates, NaN where missing, not filled; it need not be one of the
///   symbols.
///
/// # Errors
/// A [`ScoreError`] when an input has another shape than the market, holds what it must not, or when a figure
/// leaves the range of a 64-bit float. Never for a strategy that is merely bad: ruin is a result.
pub fn score(
    market: &Market<'_>,
    positions: &[f64],
    execution: &Execution,
    benchmark: Option<&[f64]>,
    trials: &Trials,
) -> Result<Score, ScoreError> {
    execution.check()?;
    trials.check()?;
    let benchmark = benchmark.map(|closes| market.returns_of(closes)).transpose()?;
    let course = recursion::run(market, positions, execution)?;
    let metrics = metrics::measure(&course, benchmark.as_deref(), trials);
    let recursion::Course { returns, equity, trades, counts, .. } = course;
    Ok(Score { metrics, returns, equity, trades, counts })
}
