//! The checks: what a run costs with and without them, in turns, each in a sandbox of its own.

use stratbox::wire::{CheckResult, Checks, Report, Run};

use crate::Line;
use crate::support::{DATASETS, Sandbox, run_on, walk, write_dataset};

const DATES: usize = 3_000;
/// A plain evaluation of some tens of milliseconds.
const STRATEGY: &str = r#"
def strategy(data):
    close = data["close"]
    score = close * 0
    for window in range(10, 130, 10):
        score += (close > close.rolling(window).mean()).astype(float)
    return score.div(score.sum(axis=1).clip(lower=1), axis=0)
"#;

pub(crate) fn measure(iterations: usize) -> Vec<Line> {
    let symbols: Vec<String> = (0..20).map(|number| format!("S{number:02}")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    write_dataset(&DATASETS, "bench", &symbols, &walk(&symbols, DATES));
    let mut plain = run_on(&symbols, STRATEGY);
    plain.dataset.name = "bench".into();
    let with = |cuts| Run {
        checks: Checks { lookahead: true, determinism: true, cuts, deadline_seconds: 60 },
        ..plain.clone()
    };
    let variants = [(0, plain.clone()), (1, with(1)), (2, with(2)), (4, with(4))];
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..iterations {
        for ((cuts, run), times) in variants.iter().zip(&mut times) {
            times.push(milliseconds(&once(run), *cuts));
        }
    }
    let [plain, checked @ ..] = times;
    let plain = Line::new("20 symbols × 3,000 dates, hand-over to positions, no checks", "ms", plain);
    let evaluation = plain.median();
    let lines = checked.into_iter().zip(&variants[1..]).map(|(times, (cuts, _))| {
        let cuts = f64::from(*cuts);
        let bound = (2.0 + 2.5 * cuts) * evaluation + (3.0 * cuts + 1.0) * 15.0;
        Line::new(format!("  the same with all checks, {cuts} cuts"), "ms", times).against(bound)
    });
    let lines: Vec<Line> = lines.collect();
    std::iter::once(plain).chain(lines).collect()
}

/// One run in a sandbox that is warm and has read the dataset.
fn once(run: &Run) -> Report {
    let mut sandbox = Sandbox::start_with(|command| {
        command.env("STRATBOX_PRELOAD", r#"{"name":"bench","path":"","format":"csv"}"#);
    });
    sandbox.until_ready();
    sandbox.send(run.clone());
    sandbox.report(run)
}

fn milliseconds(report: &Report, cuts: u32) -> f64 {
    if cuts > 0 {
        let found =
            report.checks.as_ref().and_then(|checks| checks.lookahead.as_ref()).expect("a look-ahead check");
        assert_eq!((found.result, found.cuts_tried), (CheckResult::Passed, cuts), "{found:?}");
    }
    let durations = &report.durations;
    let total = durations.run_ms.expect("a time") + durations.checks_ms.unwrap_or(0);
    f64::from(u32::try_from(total).expect("less than a month"))
}
