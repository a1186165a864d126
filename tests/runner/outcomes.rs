//! Every outcome, and that its message says what to do.

use std::time::Instant;

use stratbox::wire::{MAX_REPORT, Outcome, Report};

use crate::support::{DATES, FORBIDDEN, aapl_earned, dates, outcome, run, run_on};

const HOLD: &str = "def strategy(data):\n    return data['close'] > 0\n";

fn message(report: &Report) -> &str {
    &report.fault.as_ref().expect("a fault").message
}

fn close(a: Option<f64>, b: f64) {
    let a = a.expect("a figure");
    assert!((a - b).abs() <= 5.1e-7 * b.abs().max(1.0), "{a} is not {b}");
}

#[test]
fn a_strategy_that_holds_earns_what_the_symbol_earned() {
    let run = run("def strategy(data):\n    print('looked at', len(data))\n    return data['close'] > 0\n");
    let report = outcome(&run);
    assert_eq!(report.outcome, Outcome::Succeeded);
    let metrics = report.metrics.expect("metrics");
    // Rises by 1 a date from 100; the decision of the first date earns from the second on.
    close(metrics.total_return, aapl_earned());
    assert_eq!(metrics.days, Some(DATES as u64));
    assert_eq!(report.output, format!("looked at {DATES}\n"));
    assert_eq!(report.evidence.symbols, 1);
    assert_eq!(report.evidence.engine_version, env!("CARGO_PKG_VERSION"));
    assert_eq!(report.evidence.data_sha256.len(), 64);
    assert!(report.evidence.isolation.no_new_privs);
    assert!(report.evidence.isolation.stage2, "stage 2 was not confirmed");
    assert!(report.durations.start_ms.is_some() && report.durations.run_ms.is_some());
}

#[test]
fn a_window_and_a_benchmark_are_honoured() {
    let mut run = run_on(&["IBM", "AAPL"], HOLD);
    let dates = dates();
    run.dataset.start = Some(dates[100].clone());
    run.dataset.end = Some(dates[199].clone());
    run.benchmark = Some("FB".into());
    let report = outcome(&run);
    let metrics = report.metrics.expect("metrics");
    assert_eq!((report.evidence.dates, report.evidence.symbols), (100, 2));
    close(metrics.benchmark_return, 249.0 / 150.0 - 1.0);
}

#[test]
fn an_exception_names_its_line_and_shows_what_was_printed() {
    let code = "def helper(data):\n    return data['nope']\n\ndef strategy(data):\n    print('so far')\n    return helper(data)\n";
    let report = outcome(&run(code));
    assert_eq!(report.outcome, Outcome::StrategyError);
    let fault = report.fault.expect("a fault");
    assert_eq!((fault.r#type.as_str(), fault.line, fault.message.as_str()), ("KeyError", Some(2), "'nope'"));
    assert!(fault.tail.contains("line 6, in strategy") && fault.tail.ends_with("so far\n"), "{}", fault.tail);
    assert!(!fault.tail.contains("pandas/core"), "{}", fault.tail);
}

#[test]
fn a_process_that_ends_itself_is_the_strategys_error() {
    for (end, expected) in [
        ("import os; os._exit(0)", "exit code 0"),
        ("import os; os._exit(70)", "exit code 70"),
        ("raise SystemExit(0)", "return the positions"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    ] {
        let report = outcome(&run(&format!("def strategy(data):\n    {end}\n")));
        assert_eq!(report.outcome, Outcome::StrategyError, "{end}");
        assert!(message(&report).contains(expected), "{end}: {}", message(&report));
    }
}

#[test]
fn a_deadline_is_kept_and_only_one_evaluation_pays_for_it() {
    for busy in [
        "while True: pass",
        "import time\n    time.sleep(1000)",
        "import signal\n    signal.signal(15, signal.SIG_IGN)\n    while True: pass",
    ] {
        let mut run = run(&format!("def strategy(data):\n    {busy}\n"));
        run.limits.active_deadline_seconds = 2;
        let begun = Instant::now();
        let report = outcome(&run);
        assert_eq!(report.outcome, Outcome::DeadlineExceeded);
        assert!(message(&report).contains("spec.activeDeadlineSeconds"));
        assert!((2000..4000).contains(&report.durations.run_ms.expect("a time")), "{:?}", report.durations);
        assert!(begun.elapsed().as_secs() < 30);
    }
}

#[test]
fn memory_runs_out_before_the_container_does() {
    let code = "def strategy(data):\n    import numpy\n    kept = []\n    while True:\n        kept.append(numpy.ones(1 << 22))\n";
    let mut run = run(code);
    run.limits.memory_bytes = 512 << 20;
    let report = outcome(&run);
    assert_eq!(report.outcome, Outcome::OOMKilled);
    let fault = report.fault.expect("a fault");
    assert_eq!((fault.r#type.as_str(), fault.line), ("MemoryError", Some(5)));
    assert!(fault.message.contains("512 MiB") && fault.message.contains("spec.resources.limits.memory"));
}

#[test]
fn a_memory_limit_that_leaves_nothing_is_named() {
    let mut run = run(HOLD);
    run.limits.memory_bytes = 64 << 20;
    let report = outcome(&run);
    assert_eq!(report.outcome, Outcome::InvalidSpec);
    assert!(message(&report).starts_with("spec.resources.limits.memory"), "{}", message(&report));
}

#[test]
fn a_forbidden_system_call_is_a_violation() {
    let code = format!("def strategy(data):\n{FORBIDDEN}    return data['close'] > 0\n");
    assert_eq!(outcome(&run(&code)).outcome, Outcome::SandboxViolation);
}

#[test]
fn what_the_dataset_lacks_is_an_invalid_spec() {
    let symbol = outcome(&run_on(&["AAPL", "GOOG"], HOLD));
    assert_eq!(symbol.outcome, Outcome::InvalidSpec);
    assert_eq!(
        message(&symbol),
        "spec.dataset.symbols: no symbol \"GOOG\" in dataset \"us\"; it has AAPL, FB, IBM"
    );

    let mut asked = run(HOLD);
    asked.benchmark = Some("SPY".into());
    assert!(message(&outcome(&asked)).starts_with("spec.benchmark: no symbol \"SPY\""));

    let mut asked = run(HOLD);
    asked.dataset.start = Some("2031-01-01".into());
    let empty = outcome(&asked);
    assert_eq!(empty.outcome, Outcome::InvalidSpec);
    let dates = dates();
    for part in ["spec.dataset.start", "2031-01-01", &dates[0], &dates[DATES - 1]] {
        assert!(message(&empty).contains(part), "{part}: {}", message(&empty));
    }

    let mut asked = run(HOLD);
    asked.dataset.end = Some("soon".into());
    assert!(message(&outcome(&asked)).starts_with("spec.dataset.end: \"soon\" is no date"));
}

#[test]
fn a_dataset_that_is_missing_or_torn_is_not_found() {
    for (name, expected) in [("moon", "moon/manifest.json"), ("torn", "SHA-256")] {
        let mut run = run(HOLD);
        run.dataset.name = name.into();
        let report = outcome(&run);
        assert_eq!(report.outcome, Outcome::DatasetNotFound);
        assert!(message(&report).contains(expected), "{}", message(&report));
    }
}

#[test]
fn a_flood_of_output_leaves_its_end_and_a_count() {
    let code = "def strategy(data):\n    for _ in range(50):\n        print('x' * 1_000_000)\n    print('the end')\n    return data['close'] > 0\n";
    let report = outcome(&run(code));
    assert_eq!(report.outcome, Outcome::Succeeded);
    assert!(report.output.ends_with("x\nthe end\n"));
    assert_eq!(report.evidence.output_dropped + report.output.len() as u64, 50 * 1_000_001 + 8);
}

#[test]
fn a_report_fits_whatever_a_strategy_says() {
    for text in
        ["'\\x1b\\u202e\\x00\"\\\\' * 50000", "'\\n' * 50000", "'\u{1f600}' * 50000", "'x' * 10_000_000"]
    {
        let code = format!(
            "class Odd(Exception): pass\nOdd.__name__ = 'E' * 5000\ndef strategy(data):\n    print({text})\n    raise Odd({text})\n"
        );
        let report = outcome(&run(&code));
        assert_eq!(report.outcome, Outcome::StrategyError);
        assert!(serde_json::to_vec(&report).expect("JSON").len() <= MAX_REPORT);
        assert_eq!(report.fault.expect("a fault").line, Some(5));
    }
}
