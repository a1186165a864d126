//! Cases for the oracle: real prices with real and added gaps, random positions of several kinds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde_json::{Value, json};
use stratbox::score::{Execution, Rebalance, Trials};

/// Long CSV of real prices, read once: close by date and symbol.
pub(crate) struct Dataset {
    close: BTreeMap<Date, BTreeMap<String, f64>>,
}

impl Dataset {
    pub(crate) fn read(text: &str) -> Self {
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("date,symbol,open,high,low,close,volume,raw_close"));
        let mut close: BTreeMap<Date, BTreeMap<String, f64>> = BTreeMap::new();
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            let date = cells[0].parse().expect("a date");
            close.entry(date).or_default().insert(cells[1].to_owned(), cells[5].parse().expect("a close"));
        }
        Self { close }
    }

    /// Dates and closes of the symbols between two dates; only dates on which one of them has a price.
    fn select(&self, symbols: &[String], from: usize, count: usize) -> (Vec<Date>, Vec<Option<f64>>) {
        let mut dates = Vec::new();
        let mut close = Vec::new();
        for (&date, row) in self.close.iter().skip(from).take(count) {
            if symbols.iter().any(|symbol| row.contains_key(symbol)) {
                dates.push(date);
                close.extend(symbols.iter().map(|symbol| row.get(symbol).copied()));
            }
        }
        (dates, close)
    }

    fn closes_on(&self, symbol: &str, dates: &[Date]) -> Vec<Option<f64>> {
        dates.iter().map(|date| self.close[date].get(symbol).copied()).collect()
    }

    /// The closes of some symbols on all dates, for a strategy that was called elsewhere.
    pub(crate) fn all(&self, symbols: &[String]) -> (Vec<Date>, Vec<f64>) {
        let (dates, close) = self.select(symbols, 0, usize::MAX);
        (dates, dense(&close))
    }
}

/// `SplitMix64`: the same cases on every machine, from a number.
pub(crate) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Evenly in [0, 1).
    fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).expect("32 bits")) / 4_294_967_296.0
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("below the limit")
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// One case, in our types and, by [`Case::to_json`], in the oracle's.
pub(crate) struct Case {
    pub(crate) dates: Vec<Date>,
    pub(crate) symbols: Vec<String>,
    /// `None` where there is no price.
    close: Vec<Option<f64>>,
    /// `None` for an absent row.
    rows: Vec<Option<Vec<f64>>>,
    pub(crate) execution: Execution,
    benchmark: Option<Vec<Option<f64>>>,
    pub(crate) trials: Trials,
}

const LETTERS: [(&str, Rebalance); 4] = [
    ("D", Rebalance::Daily),
    ("W", Rebalance::Weekly),
    ("M", Rebalance::Monthly),
    ("Q", Rebalance::Quarterly),
];

/// The number of the kinds of positions that [`positions`] knows.
const KINDS: usize = 6;

impl Case {
    /// Case `number`; the first ones go through rebalances and kinds of positions in turn, so none is left to
    /// luck.
    pub(crate) fn random(number: usize, dataset: &Dataset) -> Self {
        let mut random = Random(number as u64);
        let mut symbols: Vec<String> =
            ["AAPL", "FB", "GOOG", "IBM", "MSFT"].iter().map(|&symbol| symbol.to_owned()).collect();
        let keep = 1 + random.below(5);
        while symbols.len() > keep {
            symbols.remove(random.below(symbols.len()));
        }
        // Mostly long windows; a few of one to three dates, where hardly a metric exists.
        let count = if number % 9 == 8 { 1 + random.below(3) } else { random.pick(&[40, 260, 800, 3270]) };
        // GOOG begins in August 2004, FB in May 2012: start late enough that every selection has a date.
        let first = if symbols == ["FB"] { 3075 } else { 1200 };
        let from = if count == 3270 { 0 } else { first + random.below(3270 - 190 - first + 1) };
        let (dates, mut close) = dataset.select(&symbols, from, count);
        let (dates, close) = dig_holes(&mut random, symbols.len(), &dates, &mut close);

        let benchmark = (number % 3 != 2).then(|| {
            let symbol = random.pick(&["MSFT", "IBM", "GOOG", "FB"]);
            let mut closes = dataset.closes_on(symbol, &dates);
            for close in &mut closes {
                if random.chance(0.02) {
                    *close = None;
                }
            }
            closes
        });
        let kind = number % KINDS;
        let max_leverage = if kind == 5 { random.pick(&[6.0, 25.0]) } else { random.pick(&[0.5, 1.0, 2.0]) };
        let execution = Execution {
            lag: 1 + u32::try_from(random.below(4)).expect("a small number"),
            rebalance: LETTERS[(number / KINDS) % 4].1,
            fee_ratio: random.pick(&[0.0, 0.001_425, 0.005]),
            tax_ratio: random.pick(&[0.0, 0.003]),
            initial_cash: 1e6,
            max_leverage,
        };
        let trials = Trials {
            count: random.pick(&[0, 1, 2, 10, 1_000, 100_000]),
            sharpe_variance: random.pick(&[0.0, 1e-4, 2e-3]),
        };
        let rows = positions(&mut random, kind, symbols.len(), &close);
        Self { dates, symbols, close, rows, execution, benchmark, trials }
    }

    /// Closes as the score takes them.
    pub(crate) fn close(&self) -> Vec<f64> {
        dense(&self.close)
    }

    /// Positions as the score takes them: an absent row is NaN throughout.
    pub(crate) fn positions(&self) -> Vec<f64> {
        rows_to_matrix(&self.rows, self.symbols.len())
    }

    pub(crate) fn benchmark(&self) -> Option<Vec<f64>> {
        self.benchmark.as_deref().map(dense)
    }

    pub(crate) fn to_json(&self) -> Value {
        let width = self.symbols.len();
        let letter = LETTERS.iter().find(|(_, rebalance)| *rebalance == self.execution.rebalance);
        json!({
            "dates": self.dates.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "symbols": self.symbols,
            "close": self.close.chunks_exact(width).collect::<Vec<_>>(),
            "positions": self.rows,
            "execution": {
                "lag": self.execution.lag,
                "rebalance": letter.expect("one of four").0,
                "feeRatio": self.execution.fee_ratio,
                "taxRatio": self.execution.tax_ratio,
                "initialCash": self.execution.initial_cash,
                "maxLeverage": self.execution.max_leverage,
            },
            "benchmark": self.benchmark,
            "trials": {"count": self.trials.count, "sharpeVariance": self.trials.sharpe_variance},
        })
    }
}

/// Rows with `None` for an absent one → the matrix with NaN for it.
pub(crate) fn rows_to_matrix(rows: &[Option<Vec<f64>>], width: usize) -> Vec<f64> {
    rows.iter().flat_map(|row| row.clone().unwrap_or_else(|| vec![f64::NAN; width])).collect()
}

fn dense(values: &[Option<f64>]) -> Vec<f64> {
    values.iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

/// Removes prices at random, now and then for weeks; dates without any price left go too.
fn dig_holes(
    random: &mut Random,
    width: usize,
    dates: &[Date],
    close: &mut [Option<f64>],
) -> (Vec<Date>, Vec<Option<f64>>) {
    let share = random.pick(&[0.0, 0.01, 0.05]);
    for day in 0..dates.len() {
        for symbol in 0..width {
            if random.chance(share) {
                let length = if random.chance(0.1) { 15 } else { 1 };
                for gap in day..dates.len().min(day + length) {
                    close[gap * width + symbol] = None;
                }
            }
        }
    }
    let empty: BTreeSet<usize> =
        (0..dates.len()).filter(|day| close[day * width..][..width].iter().all(Option::is_none)).collect();
    // A window of a few dates must not vanish altogether: then it keeps no hole but its first date's price.
    if empty.len() == dates.len() {
        close[0] = Some(100.0);
        return (vec![dates[0]], close[..width].to_vec());
    }
    let kept = (0..dates.len()).filter(|day| !empty.contains(day));
    let rows = kept.clone().flat_map(|day| close[day * width..][..width].to_vec()).collect();
    (kept.map(|day| dates[day]).collect(), rows)
}

/// Rows of one kind; some are absent.
fn positions(random: &mut Random, kind: usize, width: usize, close: &[Option<f64>]) -> Vec<Option<Vec<f64>>> {
    let days = close.len() / width;
    let absent = random.pick(&[0.0, 0.1, 0.9]);
    let share = 1.0 / f64::from(u32::try_from(width).expect("a small number"));
    let mut held = vec![0.0; width];
    let mut rows = Vec::with_capacity(days);
    for day in 0..days {
        let row: Vec<f64> = match kind {
            // Long only, other weights every day.
            0 => (0..width).map(|_| random.between(0.0, share)).collect(),
            // Long and short, other weights every day.
            1 => (0..width).map(|_| random.between(-1.0, 1.0)).collect(),
            // With the last 20 dates' movement, long or short.
            2 => (0..width)
                .map(|symbol| {
                    let price = |day: usize| close[day * width + symbol];
                    match (day.checked_sub(20).and_then(price), price(day)) {
                        (Some(before), Some(now)) if now < before => -share,
                        (Some(_), Some(_)) => share,
                        _ => 0.0,
                    }
                })
                .collect(),
            // Held for a while, dropped, turned round.
            3 => {
                for weight in &mut held {
                    if random.chance(0.04) {
                        *weight = random.pick(&[0.0, 0.0, 0.4, -0.4, 0.25]);
                    }
                }
                held.clone()
            }
            // Chosen or not, equal weights over the chosen.
            4 => {
                for weight in &mut held {
                    if random.chance(0.1) {
                        *weight = 1.0 - *weight;
                    }
                }
                let chosen: f64 = held.iter().sum();
                held.iter().map(|weight| if chosen > 0.0 { weight / chosen } else { 0.0 }).collect()
            }
            // So much on credit that some of it ends in ruin.
            _ => (0..width).map(|_| random.between(-4.0, 12.0)).collect(),
        };
        rows.push((!random.chance(absent)).then_some(row));
    }
    rows
}
