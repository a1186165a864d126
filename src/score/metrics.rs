//! Every metric: its formula, its unit, and when it is absent.

use super::Trials;
use super::moments::{Spread, covariance, mean, number, sum};
use super::recursion::Course;
use super::significance::judge;
use super::trades::Trade;

/// Trading days a year.
const YEAR: f64 = 252.0;

/// A deviation below this is no deviation: what it divides would be noise.
const STILL: f64 = 1e-9;

/// Sharpe, Sortino and Calmar ratios and betas of this size or more are absent: no strategy earns them, only
/// a broken price or a deviation next to zero. A report that carries one is not believed either.
pub const RATIO_BOUND: f64 = 1e3;

/// The same for every other figure: fractions, days and sums beyond this size are arithmetic, not results.
pub const VALUE_BOUND: f64 = 1e15;

/// The figures of a run, unrounded; a figure is `None` where its definition has no value. Write them with
/// [`super::rounded`].
///
/// R is the net return of a date as a fraction, n the number of dates, V the equity from a start of 1; a year
/// has 252 dates and the risk-free rate is 0. Standard deviations and covariances are those of a sample (ddof
/// 1). "Too still" means n < 2 or a deviation below 1e-9. Besides what is said below, Sharpe, Sortino and
/// Calmar ratio and beta are absent from [`RATIO_BOUND`] on and all other figures from [`VALUE_BOUND`] on, in
/// absolute value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// ∏(1+R) − 1, a fraction.
    pub total_return: Option<f64>,
    /// (1 + total return)^(252/n) − 1, a fraction.
    pub annual_return: Option<f64>,
    /// std(R)·√252, a fraction. Absent for n < 2.
    pub annual_volatility: Option<f64>,
    /// mean(R)/std(R)·√252. Absent when R is too still.
    pub sharpe_ratio: Option<f64>,
    /// mean(R)·252 / (√mean(min(R, 0)²)·√252), the mean over all n. Absent when the downside is too
    /// still.
    pub sortino_ratio: Option<f64>,
    /// min(V / max(highest V so far, 1) − 1), a fraction in [−1, 0]: the start counts as a peak.
    pub max_drawdown: Option<f64>,
    /// Annual return / |max drawdown|. Absent for n < 2 or without a drawdown.
    pub calmar_ratio: Option<f64>,
    /// Closed trades with a result above 0 / closed trades. Absent without a closed trade.
    pub win_rate: Option<f64>,
    /// Dates with R > 0 / dates with R ≠ 0. Absent when every R is 0.
    pub daily_win_rate: Option<f64>,
    /// Sum of the gains / |sum of the losses| of closed trades. Absent without a loss.
    pub profit_factor: Option<f64>,
    /// 252 · mean of ½Σ|Δ| over n: how often a year the whole equity is traded, one way.
    pub turnover: Option<f64>,
    /// Share of the n dates with a position.
    pub exposure: Option<f64>,
    /// Number of closed round trips. Always there.
    pub trades: usize,
    /// Mean number of dates that a closed trade was held. Absent without a closed trade.
    pub avg_holding_days: Option<f64>,
    /// Highest result of a closed trade, a sum of fractions of daily equity. Absent without a closed trade.
    pub best_trade: Option<f64>,
    /// Lowest result of a closed trade. Absent without a closed trade.
    pub worst_trade: Option<f64>,
    /// ∏(1+b) − 1 with the benchmark's returns b, a fraction. Absent without a benchmark.
    pub benchmark_return: Option<f64>,
    /// (1 + mean(R − beta·b))^252 − 1, a fraction. Absent without beta.
    pub alpha: Option<f64>,
    /// cov(R, b)/var(b). Absent without a benchmark or when it is too still.
    pub beta: Option<f64>,
    /// Probability that the true Sharpe ratio is above 0, given n, skewness and kurtosis. Absent when R is
    /// too still.
    pub probabilistic_sharpe: Option<f64>,
    /// The same against the Sharpe ratio that the luckiest of N variants without skill would show. Absent for
    /// N < 2, or when R is too still.
    pub deflated_sharpe: Option<f64>,
    /// Dates a track record needs until this Sharpe ratio is above 0 with 95 % confidence. Absent when R is
    /// too still or the Sharpe ratio is not above 0.
    pub min_track_record_length: Option<f64>,
    /// Number of dates, n. Always there.
    pub days: usize,
}

impl Metrics {
    /// All figures by the names they have in `status.metrics`, in the order of the documentation.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Option<f64>); 23] {
        [
            ("totalReturn", self.total_return),
            ("annualReturn", self.annual_return),
            ("annualVolatility", self.annual_volatility),
            ("sharpeRatio", self.sharpe_ratio),
            ("sortinoRatio", self.sortino_ratio),
            ("maxDrawdown", self.max_drawdown),
            ("calmarRatio", self.calmar_ratio),
            ("winRate", self.win_rate),
            ("dailyWinRate", self.daily_win_rate),
            ("profitFactor", self.profit_factor),
            ("turnover", self.turnover),
            ("exposure", self.exposure),
            ("trades", Some(number(self.trades))),
            ("avgHoldingDays", self.avg_holding_days),
            ("bestTrade", self.best_trade),
            ("worstTrade", self.worst_trade),
            ("benchmarkReturn", self.benchmark_return),
            ("alpha", self.alpha),
            ("beta", self.beta),
            ("probabilisticSharpe", self.probabilistic_sharpe),
            ("deflatedSharpe", self.deflated_sharpe),
            ("minTrackRecordLength", self.min_track_record_length),
            ("days", Some(number(self.days))),
        ]
    }
}

/// Computes every metric. `benchmark` holds the benchmark's daily returns.
pub(super) fn measure(course: &Course, benchmark: Option<&[f64]>, trials: &Trials) -> Metrics {
    let returns = course.returns.as_slice();
    let spread = Spread::of(returns);
    let moving = spread.filter(|spread| spread.std >= STILL);
    let significance = moving.map(|spread| judge(returns, spread, trials)).unwrap_or_default();
    let total_return = course.equity.last().and_then(|end| believed(end - 1.0));
    let annual_return = course.equity.last().and_then(|end| believed(end.powf(YEAR / course.days()) - 1.0));
    let max_drawdown = max_drawdown(&course.equity);
    let relation = benchmark.zip(spread).and_then(|(benchmark, spread)| relate(returns, spread, benchmark));
    let trades = Results::of(&course.trades);
    Metrics {
        total_return,
        annual_return,
        annual_volatility: spread.and_then(|spread| believed(spread.std * YEAR.sqrt())),
        sharpe_ratio: moving.and_then(|spread| believed_ratio(spread.mean / spread.std * YEAR.sqrt())),
        sortino_ratio: spread.and_then(|spread| sortino(returns, spread.mean)),
        max_drawdown: Some(max_drawdown),
        calmar_ratio: spread
            .and(annual_return)
            .and_then(|annual| believed_ratio(annual / max_drawdown.abs())),
        win_rate: trades.win_rate,
        daily_win_rate: daily_win_rate(returns),
        profit_factor: trades.profit_factor,
        turnover: believed(YEAR * course.turnover_sum / course.days()),
        exposure: Some(number(course.invested) / course.days()),
        trades: course.trades.len(),
        avg_holding_days: trades.avg_holding_days,
        best_trade: trades.best,
        worst_trade: trades.worst,
        benchmark_return: benchmark.and_then(|benchmark| {
            believed(benchmark.iter().map(|change| 1.0 + change).product::<f64>() - 1.0)
        }),
        alpha: relation.and_then(|relation| relation.alpha),
        beta: relation.map(|relation| relation.beta),
        probabilistic_sharpe: significance.probabilistic_sharpe,
        deflated_sharpe: significance.deflated_sharpe,
        min_track_record_length: significance.min_track_record_length.and_then(believed),
        days: returns.len(),
    }
}

/// A figure that can be believed; infinity and NaN cannot.
fn believed(value: f64) -> Option<f64> {
    (value.abs() < VALUE_BOUND).then_some(value)
}

/// A ratio that can be believed. Division by zero gives infinity or NaN, which cannot.
fn believed_ratio(value: f64) -> Option<f64> {
    (value.abs() < RATIO_BOUND).then_some(value)
}

fn sortino(returns: &[f64], mean_return: f64) -> Option<f64> {
    let downside = mean(returns.iter().map(|value| value.min(0.0).powi(2))).sqrt();
    if downside < STILL { None } else { believed_ratio(mean_return * YEAR / (downside * YEAR.sqrt())) }
}

fn max_drawdown(equity: &[f64]) -> f64 {
    let mut peak = 1.0_f64;
    let mut lowest = 0.0_f64;
    for &value in equity {
        peak = peak.max(value);
        lowest = lowest.min(value / peak - 1.0);
    }
    lowest
}

fn daily_win_rate(returns: &[f64]) -> Option<f64> {
    let up = returns.iter().filter(|&&value| value > 0.0).count();
    let down = returns.iter().filter(|&&value| value < 0.0).count();
    (up + down > 0).then(|| number(up) / number(up + down))
}

/// How the returns relate to the benchmark's.
#[derive(Debug, Clone, Copy)]
struct Relation {
    alpha: Option<f64>,
    beta: f64,
}

fn relate(returns: &[f64], spread: Spread, benchmark: &[f64]) -> Option<Relation> {
    let market = Spread::of(benchmark).filter(|market| market.std >= STILL)?;
    let beta = believed_ratio(covariance(returns, spread.mean, benchmark, market.mean) / market.std.powi(2))?;
    let excess = mean(returns.iter().zip(benchmark).map(|(own, market)| own - beta * market));
    Some(Relation { alpha: believed((1.0 + excess).powf(YEAR) - 1.0), beta })
}

/// Figures of the closed round trips.
#[derive(Debug, Clone, Copy, Default)]
struct Results {
    win_rate: Option<f64>,
    profit_factor: Option<f64>,
    avg_holding_days: Option<f64>,
    best: Option<f64>,
    worst: Option<f64>,
}

impl Results {
    fn of(trades: &[Trade]) -> Self {
        if trades.is_empty() {
            return Self::default();
        }
        let results = || trades.iter().map(|trade| trade.pnl);
        let won = results().filter(|&pnl| pnl > 0.0).count();
        let gains = sum(results().filter(|&pnl| pnl > 0.0));
        let losses = sum(results().filter(|&pnl| pnl < 0.0)).abs();
        Self {
            win_rate: Some(number(won) / number(trades.len())),
            profit_factor: if losses > 0.0 { believed(gains / losses) } else { None },
            avg_holding_days: Some(mean(trades.iter().map(|trade| number(trade.holding_days)))),
            best: results().reduce(f64::max).and_then(believed),
            worst: results().reduce(f64::min).and_then(believed),
        }
    }
}

#[cfg(test)]
mod tests;
