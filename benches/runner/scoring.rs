//! Scoring by itself: 20 symbols on 8,000 dates, in this process.

use std::hint::black_box;
use std::time::Instant;

use jiff::civil::date;
use stratbox::score::{Execution, Market, Trials, score};

use crate::Line;

const SYMBOLS: usize = 20;
const DATES: usize = 8_000;
/// Milliseconds.
const TARGET: f64 = 20.0;
/// A score takes milliseconds: more of them than of what takes seconds.
const ROUNDS: usize = 5;

pub(crate) fn measure(iterations: usize) -> Vec<Line> {
    let dates: Vec<_> = date(1990, 1, 1).series(jiff::Span::new().days(1)).take(DATES).collect();
    let symbols: Vec<String> = (0..SYMBOLS).map(|number| format!("S{number:02}")).collect();
    let wave = |cell: usize| f64::from(u32::try_from(cell % 9_973).unwrap_or(0)).sin();
    let closes: Vec<f64> = (0..DATES * SYMBOLS).map(|cell| 100.0 + 2.0 * wave(cell)).collect();
    // Every weight changes on every date, and some of them change sides.
    let positions: Vec<f64> = (0..DATES * SYMBOLS).map(|cell| wave(cell * 7) / 20.0).collect();
    let execution = Execution { fee_ratio: 0.001, tax_ratio: 0.001, ..Execution::default() };
    let times = (0..iterations * ROUNDS).map(|_| {
        let begun = Instant::now();
        let scored = Market::new(&dates, &symbols, &closes).and_then(|market| {
            score(&market, black_box(&positions), &execution, Some(&closes[..DATES]), &Trials::default())
        });
        let time = begun.elapsed().as_secs_f64() * 1e3;
        assert!(black_box(scored).is_ok());
        time
    });
    vec![Line::new("score 20 symbols × 8,000 dates, costs, benchmark", "ms", times.collect()).against(TARGET)]
}
