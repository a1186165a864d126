//! What the runner costs: scoring, large datasets, the checks, the lockdown of an evaluation, and what forking it ahead
//! saves.
//!
//! Both sides of a comparison are measured in turns in one run. Times depend on the machine, so whether a target is met is
//! printed and nothing fails by it; a run that does not succeed ends the program.
//!
//! Arguments after `--` name what is measured: scoring, lockdown, ahead, checks, large; without any, all of it.
//!
//! | variable | meaning |
//! |---|---|
//! | `BENCH_ITERATIONS` | how often each comparison is measured; default 10 |
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "tables are what a bench is for")]
#![allow(clippy::panic, reason = "like a test, it ends where it cannot go on")]

#[path = "runner/ahead.rs"]
mod ahead;
#[path = "runner/checks.rs"]
mod checks;
#[path = "runner/interpreter.rs"]
mod interpreter;
#[path = "runner/large.rs"]
mod large;
#[path = "runner/lockdown.rs"]
mod lockdown;
#[path = "runner/scoring.rs"]
mod scoring;
#[path = "../tests/runner/support.rs"]
#[allow(dead_code, reason = "tests need more of it")]
mod support;

use serde_json::{Value, json};
use std::path::Path;

/// One line of the table: what was measured, and the target that it is held against, if there is one.
pub(crate) struct Line {
    name: String,
    unit: &'static str,
    values: Vec<f64>,
    target: Option<f64>,
}

impl Line {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, values: Vec<f64>) -> Self {
        Self { name: name.into(), unit, values, target: None }
    }

    /// At most this.
    pub(crate) fn against(self, target: f64) -> Self {
        Self { target: Some(target), ..self }
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn range(&self) -> (f64, f64) {
        self.values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| (low.min(value), high.max(value)))
    }

    fn print(&self) {
        let (low, high) = self.range();
        let verdict = self.target.map_or_else(String::new, |target| {
            format!("  ≤ {target:.1}: {}", if self.median() <= target { "met" } else { "MISSED" })
        });
        let (name, unit, count) = (&self.name, self.unit, self.values.len());
        println!("{name:<62}{count:>4}{low:>10.2}{:>10.2}{high:>10.2} {unit}{verdict}", self.median());
    }

    fn to_json(&self) -> Value {
        json!({"name": self.name, "unit": self.unit, "median": self.median(), "target": self.target, "values": self.values})
    }
}

/// Measures one subject so many times.
type Measure = fn(usize) -> Vec<Line>;

fn main() {
    // `cargo test --all-targets` starts this program too, to see that it starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("nothing measured: this is for `make bench`");
        return;
    }
    let iterations = std::env::var("BENCH_ITERATIONS").ok().map_or(10, |text| {
        text.parse().unwrap_or_else(|error| panic!("BENCH_ITERATIONS: {text:?}: {error}"))
    });
    println!("{:<62}{:>4}{:>10}{:>10}{:>10}", "", "n", "min", "p50", "max");
    let mut lines = Vec::new();
    let subjects: [(&str, Measure); 5] = [
        ("scoring", scoring::measure),
        ("lockdown", lockdown::measure),
        ("ahead", ahead::measure),
        ("checks", checks::measure),
        ("large", large::measure),
    ];
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_asked = |name: &str| asked.is_empty() || asked.iter().any(|asked| asked == name);
    for (_, measure) in subjects.into_iter().filter(|(name, _)| is_asked(name)) {
        for line in measure(iterations) {
            line.print();
            lines.push(line.to_json());
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    let path = folder.join("runner.json");
    let text = format!("{:#}\n", json!({"iterations": iterations, "lines": lines}));
    match std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, text)) {
        Ok(()) => println!("\nevery value: {}", path.display()),
        Err(error) => eprintln!("bench: {}: {error}", path.display()),
    }
}
