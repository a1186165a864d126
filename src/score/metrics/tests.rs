//! Metrics of small runs, by hand.

use jiff::civil::date;

use crate::score::{Execution, Market, Metrics, Trials, score};

/// Metrics of one symbol that is held throughout, without costs: R is the price's own change.
fn held(close: &[f64], benchmark: Option<&[f64]>) -> Metrics {
    let dates: Vec<_> = date(2024, 1, 1).series(jiff::Span::new().days(1)).take(close.len()).collect();
    let symbols = ["A".to_owned()];
    let market = Market::new(&dates, &symbols, close).expect("a market");
    let positions = vec![1.0; close.len()];
    score(&market, &positions, &Execution::default(), benchmark, &Trials::default()).expect("a score").metrics
}

fn near(found: Option<f64>, expected: f64) -> bool {
    found.is_some_and(|found| (found - expected).abs() < 1e-12 * expected.abs().max(1.0))
}

#[test]
fn a_short_run_by_hand() {
    // R = 0, 0.1, -0.1, 0.
    let metrics = held(&[100.0, 110.0, 99.0, 99.0], None);
    let std = (0.02_f64 / 3.0).sqrt();
    assert!(near(metrics.total_return, -0.01));
    assert!(near(metrics.annual_return, 0.99_f64.powi(63) - 1.0));
    assert!(near(metrics.annual_volatility, std * 252.0_f64.sqrt()));
    assert!(near(metrics.sharpe_ratio, 0.0));
    assert!(near(metrics.sortino_ratio, 0.0));
    assert!(near(metrics.max_drawdown, -0.1));
    assert!(near(metrics.calmar_ratio, (0.99_f64.powi(63) - 1.0) / 0.1));
    assert!(near(metrics.daily_win_rate, 0.5));
    assert!(near(metrics.exposure, 0.75));
    // One purchase of the whole equity, and at full weight prices cause no drift to trade back.
    assert!(near(metrics.turnover, 252.0 / 4.0 * 0.5));
    assert_eq!((metrics.days, metrics.trades), (4, 0));
}

#[test]
fn the_start_counts_as_a_peak() {
    assert!(near(held(&[100.0, 80.0, 90.0], None).max_drawdown, -0.2));
}

#[test]
fn one_date_has_hardly_any_metric() {
    let metrics = held(&[100.0], Some(&[5.0]));
    let present: Vec<_> =
        metrics.named().into_iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name).collect();
    let expected = [
        "totalReturn",
        "annualReturn",
        "maxDrawdown",
        "turnover",
        "exposure",
        "trades",
        "benchmarkReturn",
        "days",
    ];
    assert_eq!(present, expected);
}

#[test]
fn a_still_price_has_no_ratio() {
    let metrics = held(&[100.0, 100.0, 100.0], Some(&[5.0, 5.0, 5.0]));
    assert_eq!(metrics.annual_volatility, Some(0.0));
    for ratio in [
        metrics.sharpe_ratio,
        metrics.sortino_ratio,
        metrics.calmar_ratio,
        metrics.alpha,
        metrics.beta,
        metrics.probabilistic_sharpe,
        metrics.min_track_record_length,
        metrics.daily_win_rate,
    ] {
        assert_eq!(ratio, None);
    }
}

#[test]
fn a_price_that_only_rises_has_no_downside_and_no_drawdown() {
    let metrics = held(&[100.0, 101.0, 103.0], None);
    assert_eq!((metrics.sortino_ratio, metrics.calmar_ratio), (None, None));
    assert_eq!(metrics.max_drawdown, Some(0.0));
    assert!(metrics.sharpe_ratio.is_some());
}

#[test]
fn ratios_that_nobody_earns_are_absent() {
    // Up by 1 % a date, and down once by a ten-millionth: enough for a downside, far too little to divide by.
    let metrics = held(&[100.0, 101.0, 102.01, 102.01 * (1.0 - 1e-7), 103.0, 104.0], None);
    assert!(metrics.max_drawdown.is_some_and(|drawdown| drawdown < 0.0));
    assert_eq!((metrics.sortino_ratio, metrics.calmar_ratio), (None, None));
    assert!(metrics.sharpe_ratio.is_some());
    assert_eq!(held(&[1.0, 1e16], None).total_return, None, "a fraction beyond belief");
}

#[test]
fn the_benchmark_against_itself_has_beta_one_and_alpha_zero() {
    let close = [100.0, 110.0, 99.0, 104.0, 100.0];
    let metrics = held(&close, Some(&close));
    assert!(near(metrics.beta, 1.0));
    assert!(near(metrics.alpha, 0.0));
    assert!(near(metrics.benchmark_return, 0.0));
    let without = held(&close, None);
    assert_eq!((without.alpha, without.beta, without.benchmark_return), (None, None, None));
}

#[test]
fn trades_are_judged_by_their_results() {
    let dates: Vec<_> = date(2024, 1, 1).series(jiff::Span::new().days(1)).take(7).collect();
    let symbols = ["A".to_owned()];
    let close = [100.0, 110.0, 110.0, 99.0, 99.0, 99.0, 99.0];
    let market = Market::new(&dates, &symbols, &close).expect("a market");
    // +10 % held for a date, -10 % held for two, and a third one that brings nothing.
    let positions = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0];
    let metrics = |positions: &[f64]| {
        score(&market, positions, &Execution::default(), None, &Trials::default()).expect("a score").metrics
    };
    let found = metrics(&positions);
    assert_eq!(found.trades, 2, "the third is still open");
    assert!(near(found.win_rate, 0.5));
    assert!(near(found.profit_factor, 1.0));
    assert!(near(found.avg_holding_days, 1.5));
    assert!(near(found.best_trade, 0.1) && near(found.worst_trade, -0.1));
    let winner = metrics(&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!((winner.win_rate, winner.profit_factor), (Some(1.0), None), "no loss, no factor");
}
