//! How fast the gate is: one strategy of 10 kB, and every accepted strategy of the corpus, in this process.
//!
//! Times are those of one caller; the second parser works on another core meanwhile. No harness: a verdict takes
//! milliseconds, so a clock and a sorted list tell all, and a harness would change the features of the product's crates.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and one that fails says where"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use stratbox::strategy::{Policy, check};

/// Bytes of the single strategy.
const SIZE: usize = 10_000;
/// Verdicts on it.
const ROUNDS: usize = 500;
/// Verdicts on each strategy of the corpus.
const CORPUS_ROUNDS: usize = 20;

fn main() {
    measure("10 kB", &[dense().into_bytes()], ROUNDS);
    measure("corpus", &corpus(), CORPUS_ROUNDS);
}

/// Judges each program `rounds` times, after one round that is not counted.
fn measure(name: &str, programs: &[Vec<u8>], rounds: usize) {
    let policy = Policy::default();
    assert!(programs.iter().all(|program| check(program, &policy).is_ok()));
    let mut times: Vec<Duration> = Vec::with_capacity(programs.len() * rounds);
    for program in std::iter::repeat_n(programs, rounds).flatten() {
        let start = Instant::now();
        let verdict = check(black_box(program), &policy);
        times.push(start.elapsed());
        let _ = black_box(verdict);
    }
    times.sort_unstable();
    let total: f64 = times.iter().map(Duration::as_secs_f64).sum();
    let bytes: usize = programs.iter().map(Vec::len).sum::<usize>() * rounds;
    let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e3;
    let bytes = f64::from(u32::try_from(bytes).unwrap());
    let verdicts = f64::from(u32::try_from(times.len()).unwrap());
    println!(
        "{name}: {} programs, {} verdicts, p50 {:.3} ms, p99 {:.3} ms, {:.0} strategies/s, {:.2} MB/s",
        programs.len(),
        times.len(),
        at(50),
        at(99),
        verdicts / total,
        bytes / total / 1e6,
    );
}

/// Many small functions, more of them than a strategy of that size usually has.
fn dense() -> String {
    let mut text = String::new();
    let mut number = 0;
    while text.len() < SIZE {
        write!(
            text,
            "def helper_{number}(frame, window=20):
    \"\"\"Average of {number}.\"\"\"
    mean = frame[\"close\"].rolling(window).mean()
    spread = (frame[\"high\"] - frame[\"low\"]).abs().ewm(span={number} + 2).mean()
    return [x for x in (mean / spread).clip(-1, 1).fillna(0.0) if x > {number}]


"
        )
        .unwrap();
        number += 1;
    }
    text + "def strategy(data, params):\n    return data[\"close\"] * 0\n"
}

/// The accepted strategies of the tests.
fn corpus() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/strategies/accepted");
    std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}
