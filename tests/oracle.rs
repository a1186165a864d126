//! The score against a second implementation of the scoring page, and against empyrical, on real prices with
//! gaps.
//!
//! `oracle/venv` makes the Python environment in the cache when it is not there; without it these tests fail,
//! they are never skipped.

#[path = "oracle/cases.rs"]
mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use cases::{Case, Dataset, rows_to_matrix};
use serde::Deserialize;
use stratbox::score::{Counts, Execution, Market, Metrics, Rebalance, Score, Side, Trials, rounded, score};

/// Random cases: every kind of positions with every rebalance, twice.
const CASES: usize = 48;

/// What the oracle answers to a case.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    metrics: BTreeMap<String, f64>,
    trades: Vec<ExpectedTrade>,
    returns: Vec<f64>,
    equity: Vec<f64>,
    counts: ExpectedCounts,
    ruined: bool,
    empyrical: BTreeMap<String, f64>,
    quantstats: BTreeMap<String, f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExpectedTrade {
    symbol: usize,
    side: String,
    opened: usize,
    closed: usize,
    holding_days: usize,
    pnl: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExpectedCounts {
    missing_prices: usize,
    targets_without_price: usize,
    rows_scaled_down: usize,
}

/// What the oracle makes of a strategy that it calls itself.
#[derive(Debug, Deserialize)]
struct Shown {
    metrics: BTreeMap<String, f64>,
    unrounded: BTreeMap<String, f64>,
    dates: Vec<jiff::civil::Date>,
    symbols: Vec<String>,
    positions: Vec<Option<Vec<f64>>>,
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "oracle"].iter().collect()
}

/// The oracle's python; two tests that start at once build it once.
static PYTHON: LazyLock<String> = LazyLock::new(|| {
    let output = Command::new(folder().join("venv")).stderr(Stdio::inherit()).output().expect("venv starts");
    assert!(output.status.success(), "the oracle's virtual environment could not be made");
    String::from_utf8(output.stdout).expect("a path").trim().to_owned()
});

static DATASET: LazyLock<String> = LazyLock::new(|| ask(&["dataset"], String::new()));

/// Runs the oracle with some input and returns what it printed.
fn ask(arguments: &[&str], input: String) -> String {
    let mut child = Command::new(PYTHON.as_str())
        .arg("-B")
        .arg(folder().join("oracle.py"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the oracle starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // On a thread of its own: the oracle answers while it is still being asked, and both pipes are finite.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("the oracle ends");
    assert!(output.status.success(), "the oracle failed: {arguments:?}");
    writer.join().expect("the writer ends").expect("the oracle reads");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn close_to(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 * found.abs().max(1.0)
}

fn present(metrics: &Metrics) -> BTreeMap<String, f64> {
    metrics.named().into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[track_caller]
fn assert_same_metrics(case: &str, found: &BTreeMap<String, f64>, expected: &BTreeMap<String, f64>) {
    let names = |metrics: &BTreeMap<String, f64>| metrics.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(found), names(expected), "{case}: other metrics are present");
    for (name, value) in found {
        assert!(close_to(*value, expected[name]), "{case}: {name} is {value}, expected {}", expected[name]);
    }
}

#[track_caller]
fn assert_same_series(case: &str, what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{case}: {what}");
    for (day, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(close_to(*found, *expected), "{case}: {what}[{day}] is {found}, expected {expected}");
    }
}

#[track_caller]
fn assert_same_trades(case: &str, score: &Score, expected: &[ExpectedTrade]) {
    let mut found = score.trades.clone();
    found.sort_by_key(|trade| (trade.closed, trade.symbol, trade.opened));
    assert_eq!(found.len(), expected.len(), "{case}: trades");
    for (found, expected) in found.iter().zip(expected) {
        let side = if found.side == Side::Long { "Long" } else { "Short" };
        assert_eq!(
            (found.symbol, side, found.opened, found.closed, found.holding_days),
            (expected.symbol, &*expected.side, expected.opened, expected.closed, expected.holding_days),
            "{case}: {found:?}"
        );
        assert!(close_to(found.pnl, expected.pnl), "{case}: {found:?}, expected {expected:?}");
    }
}

/// How often something happened over all cases, so that the comparison cannot pass by comparing nothing.
#[derive(Debug, Default)]
struct Seen {
    metrics: BTreeMap<String, usize>,
    second_opinions: BTreeMap<String, usize>,
    ruins: usize,
    turned: usize,
    trades: usize,
    counts: Counts,
}

#[test]
fn the_score_is_the_oracles() {
    let dataset = Dataset::read(&DATASET);
    let cases: Vec<Case> = (0..CASES).map(|number| Case::random(number, &dataset)).collect();
    let questions: Vec<String> = cases.iter().map(|case| case.to_json().to_string()).collect();
    let answers = ask(&["score"], questions.join("\n"));
    let answers: Vec<Answer> =
        answers.lines().map(|line| serde_json::from_str(line).expect("an answer")).collect();
    assert_eq!(answers.len(), CASES);

    let mut seen = Seen::default();
    for (number, (case, answer)) in cases.iter().zip(&answers).enumerate() {
        compare(&format!("case {number}"), case, answer, &mut seen);
    }

    println!("{seen:#?}");
    for (name, _) in empty_metrics().named() {
        assert!(seen.metrics.get(name).is_some_and(|&count| count >= 5), "{name} was hardly compared");
    }
    let shared =
        ["annualReturn", "annualVolatility", "sharpeRatio", "sortinoRatio", "maxDrawdown", "calmarRatio"];
    let compared =
        |who: &str, names: &[&str]| names.iter().map(|name| format!("{who} {name}")).collect::<Vec<_>>();
    let names = [
        compared("empyrical", &shared),
        compared("empyrical", &["alpha", "beta"]),
        compared("quantstats", &shared),
        compared("quantstats", &["beta", "dailyWinRate"]),
    ];
    for name in names.concat() {
        let compared = seen.second_opinions.get(&name).is_some_and(|&count| count >= 20);
        assert!(compared, "{name} was hardly compared");
    }
    assert!(seen.ruins >= 2 && seen.turned >= 100 && seen.trades >= 1000, "too little happened: {seen:?}");
    let Counts { missing_prices, targets_without_price, rows_scaled_down } = seen.counts;
    assert!(missing_prices.min(targets_without_price).min(rows_scaled_down) >= 100, "{seen:?}");
}

fn compare(name: &str, case: &Case, answer: &Answer, seen: &mut Seen) {
    let close = case.close();
    let market = Market::new(&case.dates, &case.symbols, &close).expect("a market");
    let benchmark = case.benchmark();
    let found = score(&market, &case.positions(), &case.execution, benchmark.as_deref(), &case.trials)
        .expect("a score");

    let metrics = present(&found.metrics);
    assert_same_metrics(name, &metrics, &answer.metrics);
    assert_same_series(name, "returns", &found.returns, &answer.returns);
    assert_same_series(name, "equity", &found.equity, &answer.equity);
    assert_same_trades(name, &found, &answer.trades);
    let expected = Counts {
        missing_prices: answer.counts.missing_prices,
        targets_without_price: answer.counts.targets_without_price,
        rows_scaled_down: answer.counts.rows_scaled_down,
    };
    assert_eq!(found.counts, expected, "{name}");
    for (who, opinion) in [("empyrical", &answer.empyrical), ("quantstats", &answer.quantstats)] {
        for (metric, value) in opinion {
            if let Some(own) = metrics.get(metric) {
                assert!(close_to(*own, *value), "{name}: {metric} is {own}, {who} says {value}");
                *seen.second_opinions.entry(format!("{who} {metric}")).or_default() += 1;
            }
        }
    }

    for metric in metrics.into_keys() {
        *seen.metrics.entry(metric).or_default() += 1;
    }
    seen.ruins += usize::from(answer.ruined);
    seen.trades += found.trades.len();
    seen.turned += turned(&found);
    seen.counts.missing_prices += found.counts.missing_prices;
    seen.counts.targets_without_price += found.counts.targets_without_price;
    seen.counts.rows_scaled_down += found.counts.rows_scaled_down;
}

/// Trades that a symbol opened on the date on which it closed another one: changes of sides.
fn turned(score: &Score) -> usize {
    let closed: BTreeSet<_> = score.trades.iter().map(|trade| (trade.symbol, trade.closed)).collect();
    score.trades.iter().filter(|trade| closed.contains(&(trade.symbol, trade.opened))).count()
}

/// Only for the names.
fn empty_metrics() -> Metrics {
    let dates = [jiff::civil::date(2024, 1, 1)];
    let symbols = ["A".to_owned()];
    let market = Market::new(&dates, &symbols, &[1.0]).expect("a market");
    score(&market, &[0.0], &Execution::default(), None, &Trials::default()).expect("a score").metrics
}

const STRATEGY: &str = r#"
def strategy(data, params):
    close = data["close"]
    above = close > close.rolling(int(params["window"])).mean()
    return above[above.index.day % 5 != 0]
"#;

#[test]
fn a_strategy_that_the_oracle_calls_scores_the_same() {
    let scratch = std::env::temp_dir().join(format!("stratbox-oracle-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).expect("a folder");
    let (data, strategy) = (scratch.join("data.csv"), scratch.join("strategy.py"));
    std::fs::write(&data, DATASET.as_bytes()).expect("written");
    std::fs::write(&strategy, STRATEGY).expect("written");
    let text = |path: &PathBuf| path.to_str().expect("UTF-8").to_owned();
    let shown = ask(
        &[
            "run",
            &text(&strategy),
            "--data",
            &text(&data),
            "--symbols",
            "AAPL,GOOG,IBM",
            "--params",
            r#"{"window": "50"}"#,
            "--execution",
            r#"{"rebalance": "M", "lag": 2, "feeRatio": "0.001", "taxRatio": "0.003"}"#,
            "--positions",
        ],
        String::new(),
    );
    std::fs::remove_dir_all(&scratch).expect("removed");

    let shown: Shown = serde_json::from_str(&shown).expect("an answer");
    assert!(shown.positions.iter().any(Option::is_none), "the strategy leaves dates out");
    let (dates, close) = Dataset::read(&DATASET).all(&shown.symbols);
    assert_eq!(dates, shown.dates);
    let market = Market::new(&dates, &shown.symbols, &close).expect("a market");
    let execution = Execution {
        rebalance: Rebalance::Monthly,
        lag: 2,
        fee_ratio: 0.001,
        tax_ratio: 0.003,
        ..Execution::default()
    };
    let positions = rows_to_matrix(&shown.positions, shown.symbols.len());
    let found = score(&market, &positions, &execution, None, &Trials::default()).expect("a score");
    let metrics = present(&found.metrics);
    assert_same_metrics("the strategy", &metrics, &shown.unrounded);
    for (name, value) in metrics {
        let written = rounded(value).expect("finite");
        assert!((written - shown.metrics[&name]).abs() <= 5.1e-7, "{name} is written as {written}");
    }
}
