//! The metrics as they travel and as they stand in the status.

use serde::{Deserialize, Serialize};

/// Backtest metrics on daily net simple returns; 252 days a year, risk-free rate 0, rounded to 6 decimals.
/// A metric that is undefined for the run is absent. Formulas: the scoring module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metrics {
    /// Compounded return over all dates, as a fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_return: Option<f64>,
    /// Total return per 252 dates, compounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annual_return: Option<f64>,
    /// Sample standard deviation of the daily returns × √252.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annual_volatility: Option<f64>,
    /// Mean over sample standard deviation of the daily returns × √252.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpe_ratio: Option<f64>,
    /// Mean of the daily returns over their downside deviation, annualised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sortino_ratio: Option<f64>,
    /// Lowest equity relative to its running maximum, as a negative fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_drawdown: Option<f64>,
    /// Annual return over the absolute maximum drawdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calmar_ratio: Option<f64>,
    /// Share of closed trades with a net profit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub win_rate: Option<f64>,
    /// Share of dates with a positive return among those with a return other than zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_win_rate: Option<f64>,
    /// Gains over losses of the closed trades; absent without a loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profit_factor: Option<f64>,
    /// One-way turnover a year, in multiples of the equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turnover: Option<f64>,
    /// Share of dates with any position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<f64>,
    /// Number of closed round trips.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trades: Option<u64>,
    /// Mean length of the closed trades in dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avg_holding_days: Option<f64>,
    /// Largest profit of a closed trade, as a fraction of the equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_trade: Option<f64>,
    /// Smallest profit of a closed trade, as a fraction of the equity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst_trade: Option<f64>,
    /// Compounded return of the benchmark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmark_return: Option<f64>,
    /// Annualised return not explained by the benchmark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// Covariance with the benchmark over its variance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta: Option<f64>,
    /// Probability that the true Sharpe ratio is above zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probabilistic_sharpe: Option<f64>,
    /// The same above the best Sharpe ratio to be expected of that many trials by chance; needs two trials or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deflated_sharpe: Option<f64>,
    /// Dates needed before the Sharpe ratio is above zero with 95 % confidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_track_record_length: Option<f64>,
    /// Dates scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u64>,
}

impl Metrics {
    /// Every ratio with its name and the range that a report may claim.
    pub(super) fn ranges(&self) -> [(&'static str, Option<f64>, f64, f64); 21] {
        // Sharpe-like ratios are bounded by 1e3; a fraction that compounds, or a number of dates, only has to be sane.
        const RATIO: f64 = 1e3;
        const LARGE: f64 = 1e15;
        [
            ("totalReturn", self.total_return, -1.0, LARGE),
            ("annualReturn", self.annual_return, -1.0, LARGE),
            ("annualVolatility", self.annual_volatility, 0.0, LARGE),
            ("sharpeRatio", self.sharpe_ratio, -RATIO, RATIO),
            ("sortinoRatio", self.sortino_ratio, -RATIO, RATIO),
            ("maxDrawdown", self.max_drawdown, -1.0, 0.0),
            ("calmarRatio", self.calmar_ratio, -RATIO, RATIO),
            ("winRate", self.win_rate, 0.0, 1.0),
            ("dailyWinRate", self.daily_win_rate, 0.0, 1.0),
            ("profitFactor", self.profit_factor, 0.0, LARGE),
            ("turnover", self.turnover, 0.0, LARGE),
            ("exposure", self.exposure, 0.0, 1.0),
            ("avgHoldingDays", self.avg_holding_days, 0.0, LARGE),
            ("bestTrade", self.best_trade, -LARGE, LARGE),
            ("worstTrade", self.worst_trade, -LARGE, LARGE),
            ("benchmarkReturn", self.benchmark_return, -1.0, LARGE),
            ("alpha", self.alpha, -LARGE, LARGE),
            ("beta", self.beta, -RATIO, RATIO),
            ("probabilisticSharpe", self.probabilistic_sharpe, 0.0, 1.0),
            ("deflatedSharpe", self.deflated_sharpe, 0.0, 1.0),
            ("minTrackRecordLength", self.min_track_record_length, 0.0, LARGE),
        ]
    }
}
