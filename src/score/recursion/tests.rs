//! The recursion on small markets, by hand.

use jiff::civil::{Date, date};

use super::*;
use crate::score::{Rebalance, Score, Trials, score};

const NAN: f64 = f64::NAN;

/// `count` weekdays from Monday 2024-01-01 on.
fn weekdays(count: usize) -> Vec<Date> {
    date(2024, 1, 1)
        .series(jiff::Span::new().days(1))
        .filter(|day| day.weekday().to_monday_zero_offset() < 5)
        .take(count)
        .collect()
}

fn scored(symbols: usize, close: &[f64], positions: &[f64], execution: Execution) -> Score {
    let dates = weekdays(close.len() / symbols);
    let names: Vec<String> = (0..symbols).map(|index| format!("S{index}")).collect();
    let market = Market::new(&dates, &names, close).expect("a market");
    score(&market, positions, &execution, None, &Trials::default()).expect("a score")
}

fn assert_near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }
}

#[test]
fn a_decision_earns_the_next_dates_return() {
    let score = scored(1, &[100.0, 110.0, 99.0], &[1.0, 1.0, 1.0], Execution::default());
    assert_near(&score.returns, &[0.0, 0.1, -0.1]);
    assert_near(&score.equity, &[1.0, 1.1, 0.99]);
    assert!(score.trades.is_empty(), "it is still open");
}

#[test]
fn a_longer_lag_earns_later_and_the_last_decisions_never() {
    let execution = Execution { lag: 2, ..Execution::default() };
    let score = scored(1, &[100.0, 110.0, 121.0, 133.1], &[1.0, 0.0, 1.0, 1.0], execution);
    assert_near(&score.returns, &[0.0, 0.0, 0.1, 0.0]);
    let far = Execution { lag: u32::MAX, ..Execution::default() };
    assert_near(&scored(1, &[1.0, 2.0], &[1.0, 1.0], far).returns, &[0.0, 0.0]);
}

#[test]
fn a_gap_is_held_and_its_return_comes_with_the_next_price() {
    let close = [100.0, 50.0, NAN, 50.0, 120.0, 50.0];
    let score = scored(2, &close, &[0.5, 0.0, 0.5, 0.0, 0.5, 0.0], Execution::default());
    assert_near(&score.returns, &[0.0, 0.0, 0.1]);
    assert_eq!(score.counts.missing_prices, 1);
}

#[test]
fn a_symbol_without_a_price_yet_gets_nothing_and_is_counted() {
    // Its first price is on the second date, so the first decision about it that counts is the second one.
    let close = [10.0, NAN, 10.0, 20.0, 10.0, 40.0];
    let score = scored(2, &close, &[0.0, 1.0, 0.0, 1.0, 0.0, 1.0], Execution::default());
    assert_near(&score.returns, &[0.0, 0.0, 1.0]);
    assert_eq!(score.counts.targets_without_price, 1);
    assert_eq!(score.counts.missing_prices, 0, "before the first price nothing is missing");
}

#[test]
fn hold_rows_let_weights_drift() {
    // Half in S0, which doubles: weights 2/3 and no trade, then S0 gains 10 %.
    let close = [1.0, 1.0, 2.0, 1.0, 2.2, 1.0];
    let positions = [0.5, 0.0, NAN, NAN, NAN, NAN];
    let execution = Execution { fee_ratio: 0.01, ..Execution::default() };
    let score = scored(2, &close, &positions, execution);
    let first = 0.5 - 0.005;
    assert_near(&score.returns, &[0.0, first, 1.0 / (1.0 + first) * 0.1]);
}

#[test]
fn rebalancing_daily_pays_for_the_drift_it_trades_back() {
    let execution = Execution { fee_ratio: 0.01, tax_ratio: 0.02, ..Execution::default() };
    let score = scored(1, &[1.0, 2.0, 2.0], &[0.5, 0.5, 0.5], execution);
    let first = 0.5 - 0.005;
    let drifted = 0.5 * 2.0 / (1.0 + first);
    assert_near(&score.returns, &[0.0, first, -(drifted - 0.5) * 0.03]);
    assert_near(&[score.metrics.turnover.expect("turnover")], &[252.0 / 3.0 * 0.5 * (0.5 + drifted - 0.5)]);
}

#[test]
fn rows_above_the_leverage_limit_are_scaled_down_and_counted() {
    let execution = Execution { max_leverage: 1.5, ..Execution::default() };
    let close = [1.0, 1.0, 1.1, 0.9, 1.1, 0.9];
    let score = scored(2, &close, &[2.0, -1.0, 0.5, 0.5, 1.0, 0.5], execution);
    assert_near(&score.returns, &[0.0, 0.1 + 0.05, 0.0]);
    assert_eq!(score.counts.rows_scaled_down, 1);
}

#[test]
fn equal_weights_that_miss_the_limit_by_a_rounding_error_are_not_scaled() {
    for symbols in 1..200 {
        let weight = 1.0 / number(symbols);
        let close = vec![1.0; symbols * 2];
        let score = scored(symbols, &close, &vec![weight; symbols * 2], Execution::default());
        assert_eq!(score.counts.rows_scaled_down, 0, "{symbols} symbols");
    }
}

#[test]
fn weekly_decisions_are_fridays_and_a_hold_there_means_no_trade() {
    // Fourteen weekdays from a Monday: Fridays at 4 and 9, the last date (13) decides too but never trades.
    let close: Vec<f64> = (0..14).map(|day| 1.1_f64.powi(day)).collect();
    let mut positions = vec![1.0; 14];
    positions[4] = 0.5;
    positions[9] = NAN;
    let execution = Execution { rebalance: Rebalance::Weekly, ..Execution::default() };
    let score = scored(1, &close, &positions, execution);
    assert_near(&score.returns[..6], &[0.0, 0.0, 0.0, 0.0, 0.0, 0.05]);
    let drifted = 0.5 * 1.1 / 1.05;
    assert_near(&score.returns[6..7], &[drifted * 0.1]);
    assert!(score.returns[10] > score.returns[9], "no trade in the second week: it goes on drifting");
    assert_near(&[score.metrics.turnover.expect("turnover")], &[252.0 / 14.0 * 0.25]);
}

#[test]
fn ruin_ends_the_run_but_not_its_days() {
    let execution = Execution { max_leverage: 2.0, ..Execution::default() };
    let score = scored(1, &[100.0, 40.0, 400.0, 800.0], &[2.0, 2.0, 2.0, 2.0], execution);
    assert_eq!(score.returns, [0.0, -1.0, 0.0, 0.0]);
    assert_eq!(score.equity, [1.0, 0.0, 0.0, 0.0]);
    let metrics = score.metrics;
    assert_eq!(metrics.total_return, Some(-1.0));
    assert_eq!(metrics.annual_return, Some(-1.0));
    assert_eq!(metrics.max_drawdown, Some(-1.0));
    assert_eq!((metrics.days, metrics.trades), (4, 1));
    assert_near(&[metrics.worst_trade.expect("a trade"), metrics.exposure.expect("exposure")], &[-1.2, 0.25]);
}

#[test]
fn costs_alone_can_ruin() {
    let execution = Execution { fee_ratio: 1.0, ..Execution::default() };
    let score = scored(1, &[1.0, 1.0, 2.0], &[1.0, 1.0, 1.0], execution);
    assert_eq!(score.returns, [0.0, -1.0, 0.0]);
}

#[test]
fn a_change_of_sides_is_two_trades_that_share_its_cost() {
    // Long 0.5, then short 0.25 at flat prices: Δ −0.75, and two thirds of its cost belong to the closed
    // trade.
    let execution = Execution { fee_ratio: 0.01, tax_ratio: 0.03, ..Execution::default() };
    let score = scored(1, &[1.0; 4], &[0.5, -0.25, 0.0, 0.0], execution);
    let carried = 0.5 / (1.0 - 0.005);
    let cost = (carried + 0.25) * 0.04;
    let short_carried = -0.25 / (1.0 - cost);
    let share = carried / (carried + 0.25);
    let found: Vec<f64> = score.trades.iter().map(|trade| trade.pnl).collect();
    assert_near(&found, &[-0.005 - cost * share, -cost * (1.0 - share) - 0.01 * -short_carried]);
}

#[test]
fn positions_that_are_not_numbers_are_refused() {
    let dates = weekdays(2);
    let names = vec!["A".to_owned(), "B".to_owned()];
    let market = Market::new(&dates, &names, &[1.0; 4]).expect("a market");
    let refused = |positions: &[f64]| {
        score(&market, positions, &Execution::default(), None, &Trials::default()).expect_err("refused")
    };
    let expected = ScoreError::Position { date: dates[1], symbol: "B".into() };
    assert_eq!(refused(&[0.0, 0.0, 0.0, NAN]), expected);
    assert_eq!(refused(&[0.0, 0.0, 0.0, f64::INFINITY]), expected);
    assert_eq!(refused(&[0.0]), ScoreError::Shape { what: "positions", expected: 4, found: 1 });
    assert_eq!(refused(&[0.0, 0.0, f64::MAX, f64::MAX]), ScoreError::Overflow { date: dates[1] });
}
