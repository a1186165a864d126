//! The pass over the dates: targets, trades, costs, drift, equity, ruin.

use jiff::civil::Date;

use super::market::{check_length, step};
use super::moments::number;
use super::trades::{Book, Step, Trade};
use super::{Execution, Market, ScoreError};

/// Below this sum of absolute weights a date counts as not invested.
const NOT_INVESTED: f64 = 1e-12;

/// By how much, relatively, a row's gross exposure may exceed `maxLeverage` before it counts as above it.
/// Thousands of equal weights that should add up to exactly the limit miss it by less than that, through
/// rounding alone.
const LEVERAGE_SLACK: f64 = 1e-12;

/// What had to be put right in the input. None of it is an error; each is worth a word to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// (date, symbol) pairs without a price after the symbol's first one. Held positions keep their last
    /// price.
    pub missing_prices: usize,
    /// Targets other than 0 for a symbol that has had no price yet, set to 0. Counted on every row of the
    /// strategy.
    pub targets_without_price: usize,
    /// Rows whose gross exposure was above the leverage limit and that were scaled down to it. Counted on
    /// every row of the strategy, whether or not it came to a trade.
    pub rows_scaled_down: usize,
}

/// What the pass leaves behind.
#[derive(Debug)]
pub(super) struct Course {
    /// R of each date.
    pub(super) returns: Vec<f64>,
    /// V of each date, from a start of 1.
    pub(super) equity: Vec<f64>,
    /// Sum over the dates of ½Σ|Δ|.
    pub(super) turnover_sum: f64,
    /// Number of dates with a position.
    pub(super) invested: usize,
    pub(super) trades: Vec<Trade>,
    pub(super) counts: Counts,
}

/// One row of the strategy, read once.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// Index of the row's date.
    date: usize,
    /// What every weight is multiplied by to stay within the leverage limit: 1 for nearly all.
    scale: f64,
}

/// State that is carried from date to date: one value a symbol, so that a pass needs no matrix of its own.
struct Pass<'a> {
    execution: &'a Execution,
    /// Filled-forward price; NaN before the first one.
    price: Vec<f64>,
    /// Index of the date of the first price.
    first: Vec<usize>,
    /// This date's return of each symbol.
    change: Vec<f64>,
    /// Weight carried into a date (h), and from the trade on the weight that earns its return (w).
    weight: Vec<f64>,
    book: Book,
    counts: Counts,
}

/// Runs the recursion over all dates.
///
/// # Errors
/// Positions of another shape or with a value that is neither a number nor part of a hold row; an overflow.
pub(super) fn run(
    market: &Market<'_>,
    positions: &[f64],
    execution: &Execution,
) -> Result<Course, ScoreError> {
    let dates = market.dates();
    let symbols = market.symbols().len();
    check_length("positions", positions, dates.len().saturating_mul(symbols))?;
    let row_of = |date: usize| &positions[date * symbols..(date + 1) * symbols];

    let decisions = execution.rebalance.decisions(dates);
    // On targets of 32 bits a lag always fits; saturating only keeps the conversion total.
    let lag = usize::try_from(execution.lag).unwrap_or(usize::MAX);
    // Rows read but not traded yet, at most one a date.
    let mut rows: Vec<Option<Row>> = Vec::with_capacity(dates.len());

    let mut pass = Pass::new(execution, symbols);
    let mut returns = Vec::with_capacity(dates.len());
    let mut equity = Vec::with_capacity(dates.len());
    let mut turnover_sum = 0.0;
    let mut invested = 0;
    let mut value = 1.0;
    let mut ruined = false;

    for (now, (&date, closes)) in dates.iter().zip(market.rows()).enumerate() {
        pass.see_prices(now, closes);
        rows.push(pass.read_row(market, now, row_of(now))?);
        if ruined {
            returns.push(0.0);
            equity.push(0.0);
            continue;
        }
        let due =
            now.checked_sub(lag).filter(|&decided| decisions[decided]).and_then(|decided| rows[decided]);
        let day = match due {
            Some(row) => pass.trade(now, row, row_of(row.date)),
            None => pass.hold(now),
        };
        let growth = 1.0 + day.net;
        value *= growth;
        if !(day.net.is_finite() && (value * execution.initial_cash).is_finite()) {
            return Err(ScoreError::Overflow { date });
        }
        turnover_sum += 0.5 * day.turnover;
        if day.gross > NOT_INVESTED {
            invested += 1;
        }
        ruined = growth <= 0.0;
        if ruined {
            pass.book.close_all(now);
            returns.push(-1.0);
            equity.push(0.0);
        } else {
            pass.drift(growth);
            returns.push(day.net);
            equity.push(value);
        }
    }

    let trades = pass.book.into_closed();
    check_trades(&trades, dates)?;
    Ok(Course { returns, equity, turnover_sum, invested, trades, counts: pass.counts })
}

/// Sums over the symbols on one date.
#[derive(Debug, Clone, Copy, Default)]
struct Day {
    /// Σ w·r less costs: R.
    net: f64,
    /// Σ|Δ|.
    turnover: f64,
    /// Σ|w|.
    gross: f64,
}

impl<'a> Pass<'a> {
    fn new(execution: &'a Execution, symbols: usize) -> Self {
        Self {
            execution,
            price: vec![f64::NAN; symbols],
            first: vec![usize::MAX; symbols],
            change: vec![0.0; symbols],
            weight: vec![0.0; symbols],
            book: Book::new(symbols),
            counts: Counts::default(),
        }
    }

    /// Takes a date's closes: returns, first prices, missing prices.
    fn see_prices(&mut self, now: usize, closes: &[f64]) {
        let columns = closes.iter().zip(&mut self.price).zip(&mut self.first).zip(&mut self.change);
        for (((&close, price), first), change) in columns {
            let unseen = price.is_nan();
            *change = step(price, close);
            // Without a price even now, the symbol stays unseen.
            *first = if unseen && !price.is_nan() { now } else { *first };
            self.counts.missing_prices += usize::from(close.is_nan() && !unseen);
        }
    }

    /// Reads the strategy's row of this date; `None` is a hold row. Prices of the date must have been seen.
    fn read_row(&mut self, market: &Market<'_>, now: usize, row: &[f64]) -> Result<Option<Row>, ScoreError> {
        if row.iter().all(|weight| weight.is_nan()) {
            return Ok(None);
        }
        let mut gross = 0.0;
        for (symbol, &weight) in row.iter().enumerate() {
            if !weight.is_finite() {
                let symbol = market.symbols()[symbol].clone();
                return Err(ScoreError::Position { date: market.dates()[now], symbol });
            }
            if self.first[symbol] <= now {
                gross += weight.abs();
            } else if weight != 0.0 {
                self.counts.targets_without_price += 1;
            }
        }
        if !gross.is_finite() {
            return Err(ScoreError::Overflow { date: market.dates()[now] });
        }
        let limit = self.execution.max_leverage;
        let above = gross > limit * (1.0 + LEVERAGE_SLACK);
        self.counts.rows_scaled_down += usize::from(above);
        Ok(Some(Row { date: now, scale: if above { limit / gross } else { 1.0 } }))
    }

    /// A trade date: the carried weights become the row's targets, at the price of the fee and the tax on
    /// what is sold.
    fn trade(&mut self, now: usize, row: Row, wanted: &[f64]) -> Day {
        let mut day = Day::default();
        let mut sold = 0.0;
        let mut earned = 0.0;
        let columns = wanted.iter().zip(&self.first).zip(&self.change).zip(&mut self.weight);
        for (symbol, (((&wanted, &first), &moved), weight)) in columns.enumerate() {
            let target = if first <= row.date { wanted * row.scale } else { 0.0 };
            let carried = std::mem::replace(weight, target);
            let change = target - carried;
            let sale = (-change).max(0.0);
            let cost = self.execution.fee_ratio * change.abs() + self.execution.tax_ratio * sale;
            let gain = target * moved;
            self.book.record(symbol, Step { date: now, carried, weight: target, cost, gain });
            day.turnover += change.abs();
            day.gross += target.abs();
            sold += sale;
            earned += gain;
        }
        let costs = self.execution.fee_ratio * day.turnover + self.execution.tax_ratio * sold;
        day.net = earned - costs;
        day
    }

    /// A date without a trade: the carried weights earn the date's return.
    fn hold(&mut self, now: usize) -> Day {
        let mut day = Day::default();
        for (symbol, (&weight, &moved)) in self.weight.iter().zip(&self.change).enumerate() {
            let gain = weight * moved;
            self.book.record(symbol, Step { date: now, carried: weight, weight, cost: 0.0, gain });
            day.gross += weight.abs();
            day.net += gain;
        }
        day
    }

    /// Prices moved, so each weight did: h = w(1+r)/(1+R). `growth` is 1+R, above 0.
    fn drift(&mut self, growth: f64) {
        for (weight, change) in self.weight.iter_mut().zip(&self.change) {
            *weight *= (1.0 + change) / growth;
        }
    }
}

/// Every trade's result is a number: each daily contribution is, but a sum of them may overflow.
fn check_trades(trades: &[Trade], dates: &[Date]) -> Result<(), ScoreError> {
    match trades.iter().find(|trade| !trade.pnl.is_finite()) {
        Some(trade) => Err(ScoreError::Overflow { date: dates[trade.closed] }),
        None => Ok(()),
    }
}

impl Course {
    /// Number of dates, n.
    pub(super) fn days(&self) -> f64 {
        number(self.returns.len())
    }
}

#[cfg(test)]
mod tests;
