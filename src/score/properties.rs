//! What holds for every input, not only for those somebody thought of.

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::{Execution, Market, Rebalance, Score, ScoreError, Trials, score};

/// A whole input, of any shape that the types allow.
#[derive(Debug, Clone)]
struct Input {
    dates: Vec<Date>,
    symbols: Vec<String>,
    close: Vec<f64>,
    positions: Vec<f64>,
    execution: Execution,
    benchmark: Option<Vec<f64>>,
    trials: Trials,
}

impl Input {
    fn score(&self) -> Result<Score, ScoreError> {
        let market = Market::new(&self.dates, &self.symbols, &self.close)?;
        score(&market, &self.positions, &self.execution, self.benchmark.as_deref(), &self.trials)
    }
}

fn dates(count: usize, stride: i32) -> Vec<Date> {
    let span = jiff::Span::new().days(stride);
    date(2019, 12, 25).series(span).take(count).collect()
}

fn symbols(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("S{index}")).collect()
}

/// Prices that move moderately, with holes; every date keeps at least one price.
fn prices(dates: usize, symbols: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-0.2..0.25_f64, prop::bool::weighted(0.15)), dates * symbols).prop_map(
        move |cells| {
            let mut last = vec![100.0; symbols];
            cells
                .iter()
                .enumerate()
                .map(|(cell, &(change, hole))| {
                    let symbol = cell % symbols;
                    last[symbol] *= 1.0 + change;
                    if hole && symbol > 0 { f64::NAN } else { last[symbol] }
                })
                .collect()
        },
    )
}

/// Weights, one row in six a hold row.
fn weights(dates: usize, symbols: usize) -> impl Strategy<Value = Vec<f64>> {
    let row = prop_oneof![
        5 => prop::collection::vec(prop_oneof![Just(0.0), -1.5..1.5_f64], symbols),
        1 => Just(vec![f64::NAN; symbols]),
    ];
    prop::collection::vec(row, dates).prop_map(|rows| rows.concat())
}

fn rebalance() -> impl Strategy<Value = Rebalance> {
    prop::sample::select(vec![Rebalance::Daily, Rebalance::Weekly, Rebalance::Monthly, Rebalance::Quarterly])
}

fn execution() -> impl Strategy<Value = Execution> {
    (1..5_u32, rebalance(), 0.0..0.05_f64, 0.0..0.05_f64, 0.1..5.0_f64).prop_map(
        |(lag, rebalance, fee_ratio, tax_ratio, max_leverage)| Execution {
            lag,
            rebalance,
            fee_ratio,
            tax_ratio,
            initial_cash: 1e6,
            max_leverage,
        },
    )
}

fn trials() -> impl Strategy<Value = Trials> {
    (0..=u32::MAX, 0.0..10.0_f64).prop_map(|(count, sharpe_variance)| Trials { count, sharpe_variance })
}

/// Inputs as they come from a dataset and a checked strategy.
fn plausible() -> impl Strategy<Value = Input> {
    (1..40_usize, 1..5_usize, 1..40_i32).prop_flat_map(|(days, count, stride)| {
        (prices(days, count), weights(days, count), execution(), prop::option::of(prices(days, 1)), trials())
            .prop_map(move |(close, positions, execution, benchmark, trials)| Input {
                dates: dates(days, stride),
                symbols: symbols(count),
                close,
                positions,
                execution,
                benchmark,
                trials,
            })
    })
}

/// Inputs of any numbers whatsoever.
fn hostile() -> impl Strategy<Value = Input> {
    let any = || prop_oneof![3 => prop::num::f64::ANY, 2 => prop::num::f64::POSITIVE, 2 => 0.5..2.0_f64];
    let settings = (any(), any(), any(), any(), any());
    (0..8_usize, 0..4_usize, 0..3_usize).prop_flat_map(move |(days, count, extra)| {
        (
            prop::collection::vec(any(), days * count),
            prop::collection::vec(any(), days * count + extra / 2),
            (0..4_u32, rebalance(), settings.clone()),
            prop::option::of(prop::collection::vec(any(), days)),
            0..=u32::MAX,
        )
            .prop_map(move |(close, positions, (lag, rebalance, settings), benchmark, tried)| {
                let (fee_ratio, tax_ratio, initial_cash, max_leverage, sharpe_variance) = settings;
                Input {
                    dates: dates(days, 1),
                    symbols: symbols(count),
                    close,
                    positions,
                    execution: Execution { lag, rebalance, fee_ratio, tax_ratio, initial_cash, max_leverage },
                    benchmark,
                    trials: Trials { count: tried, sharpe_variance },
                }
            })
    })
}

/// Positive prices and finite positions of any size: far more of these get past the checks of the input.
fn extreme() -> impl Strategy<Value = Input> {
    let size = || (-300..300_i32).prop_map(|exponent| 10_f64.powi(exponent));
    let signed = move || (size(), any::<bool>()).prop_map(|(size, up)| if up { size } else { -size });
    (1..10_usize, 1..4_usize).prop_flat_map(move |(days, count)| {
        (
            prop::collection::vec(size(), days * count),
            prop::collection::vec(prop_oneof![signed(), -2.0..2.0_f64], days * count),
            (execution(), size()),
            prop::option::of(prop::collection::vec(size(), days)),
            trials(),
        )
            .prop_map(move |(close, positions, (execution, max_leverage), benchmark, trials)| {
                Input {
                    dates: dates(days, 3),
                    symbols: symbols(count),
                    close,
                    positions,
                    execution: Execution { max_leverage, ..execution },
                    benchmark,
                    trials,
                }
            })
    })
}

/// Nothing that comes out is infinite or NaN, and what has bounds keeps them.
fn assert_sound(input: &Input, score: &Score) {
    for (name, value) in score.metrics.named() {
        assert!(value.is_none_or(|value| value.abs() < super::VALUE_BOUND), "{name} is {value:?}");
    }
    let series = score.returns.iter().chain(&score.equity);
    assert!(series.chain(score.trades.iter().map(|trade| &trade.pnl)).all(|value| value.is_finite()));

    let metrics = &score.metrics;
    assert!(metrics.max_drawdown.is_some_and(|value| (-1.0..=0.0).contains(&value)));
    for share in [metrics.win_rate, metrics.daily_win_rate, metrics.exposure].into_iter().flatten() {
        assert!((0.0..=1.0).contains(&share));
    }
    for ratio in [metrics.sharpe_ratio, metrics.sortino_ratio, metrics.calmar_ratio, metrics.beta]
        .into_iter()
        .flatten()
    {
        assert!(ratio.abs() < super::RATIO_BOUND);
    }
    assert!(metrics.trades <= input.dates.len() * input.symbols.len());
    assert!(score.trades.iter().all(|trade| trade.holding_days >= 1 && trade.closed < input.dates.len()));
    assert!(score.trades.is_sorted_by_key(|trade| trade.closed));

    assert_eq!(score.returns.len(), input.dates.len());
    let mut value = 1.0;
    for (change, equity) in score.returns.iter().zip(&score.equity) {
        assert!(*change >= -1.0);
        value *= 1.0 + change;
        assert!((value - equity).abs() <= 1e-12 * value.max(1.0), "{value} is not {equity}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_plausible_input_has_a_sound_score(input in plausible()) {
        let score = input.score().expect("a score");
        assert_sound(&input, &score);
    }

    #[test]
    fn no_number_makes_it_panic_or_write_what_is_not_finite(input in hostile()) {
        if let Ok(score) = input.score() {
            assert_sound(&input, &score);
        }
    }

    #[test]
    fn extreme_sizes_overflow_by_name_or_stay_sound(input in extreme()) {
        match input.score() {
            Ok(score) => assert_sound(&input, &score),
            Err(error) => prop_assert!(matches!(error, ScoreError::Overflow { .. }), "{error}"),
        }
    }

    #[test]
    fn daily_at_lag_one_without_costs_is_shifted_weights_times_returns(
        (days, count, close, positions) in (2..30_usize, 1..4_usize).prop_flat_map(|(days, count)| {
            let row = prop::collection::vec(-0.3..0.3_f64, days * count);
            (Just(days), Just(count), prices(days, count), row)
        })
    ) {
        let input = Input {
            dates: dates(days, 1),
            symbols: symbols(count),
            close,
            positions,
            execution: Execution::default(),
            benchmark: None,
            trials: Trials::default(),
        };
        let score = input.score().expect("a score");
        // Fill forward, then multiply: nothing of the recursion is left in this.
        let mut filled = input.close.clone();
        for cell in count..filled.len() {
            if filled[cell].is_nan() {
                filled[cell] = filled[cell - count];
            }
        }
        for day in 1..days {
            let expected: f64 = (0..count)
                .map(|symbol| (filled[(day - 1) * count + symbol], filled[day * count + symbol], symbol))
                .filter(|(before, _, _)| !before.is_nan())
                .map(|(before, after, symbol)| {
                    input.positions[(day - 1) * count + symbol] * (after / before - 1.0)
                })
                .sum();
            prop_assert!((score.returns[day] - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_later_price_changes_no_earlier_return(input in plausible(), factor in 0.5..2.0_f64) {
        let mut other = input.clone();
        let last = other.close.len() - other.symbols.len();
        other.close[last..].iter_mut().for_each(|price| *price *= factor);
        let (one, two) = (input.score().expect("a score"), other.score().expect("a score"));
        let before = input.dates.len() - 1;
        prop_assert_eq!(&one.returns[..before], &two.returns[..before]);
    }
}
