//! What a strategy may return, and what becomes of it.

use stratbox::wire::{CheckResult, Checks, Outcome, Report, Run};

use crate::support::{DATASETS, DATES, FORBIDDEN, aapl_earned, outcome, run, run_on, walk, write_dataset};

fn total(run: &Run) -> f64 {
    let report = outcome(run);
    report.metrics.unwrap_or_else(|| panic!("{report:?}")).total_return.expect("a return")
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

#[test]
fn every_form_of_always_is_the_same() {
    for code in [
        "position = data['close'] > 0\n",
        "position = (data['close'] > 0).astype(int)\n",
        "def strategy(data, params):\n    assert params == {'window': '5'}, params\n    return data['close'] * 0 + 1.0\n",
        "def strategy(data):\n    return (data['close'] > 0).to_frame('AAPL')\n",
        // Object cells, nullable dtypes and an index of dates as text.
        "def strategy(data):\n    return (data['close'] > 0).astype(object)\n",
        "def strategy(data):\n    return (data['close'] > 0).astype('boolean')\n",
        "def strategy(data):\n    s = data['close'] > 0\n    s.index = s.index.astype(str)\n    return s\n",
        // An absent date holds.
        "def strategy(data):\n    return (data['close'] > 0).iloc[:1]\n",
        // Each on half of the dates, in any order.
        "def strategy(data):\n    return (data['close'] > 0).iloc[::2].sort_index(ascending=False)\n",
    ] {
        assert!(near(total(&run(code)), aapl_earned()), "{code}");
    }
}

#[test]
fn nan_is_flat_and_not_hold() {
    let code = "def strategy(data):\n    w = data['close'] * 0 + 1.0\n    w.iloc[100:] = float('nan')\n    return w\n";
    // Held from the first date to the 101st.
    assert!(near(total(&run(code)), 1.0));
}

#[test]
fn truth_is_shared_equally_and_an_absent_column_is_flat() {
    let both = "def strategy(data):\n    return data['close'] > 0\n";
    let weights = "def strategy(data):\n    w = data['close'].notna().astype(float)\n    return w.div(w.sum(axis=1), axis=0)\n";
    let symbols = ["FB", "IBM", "AAPL"];
    assert!(near(total(&run_on(&symbols, both)), total(&run_on(&symbols, weights))));
    let one = "def strategy(data):\n    return (data['close'] > 0)[['AAPL']]\n";
    assert!(near(total(&run_on(&symbols, one)), aapl_earned()));
}

#[test]
fn data_is_what_the_contract_says() {
    let code = r#"
import pandas, numpy
def strategy(data):
    assert list(data.index) == sorted(set(data.index)) and data.index.tz is None
    assert (data.dtypes == "float64").all()
    assert data.columns.names == ["field", "symbol"], data.columns
    assert list(data["close"].columns) == ["AAPL", "FB"], data["close"].columns
    assert list(data.columns.get_level_values(0).unique()) == ["open", "close", "volume"]
    assert data["close", "AAPL"].iloc[0] == 100 and data["open", "AAPL"].iloc[1] == 100.5
    assert data["close"]["FB"].isna().sum() == 100 and data["volume", "FB"].isna().all()
    assert str(data.index[0].date()) == "2020-01-01"
    data.iloc[0] = 7.0
    return data["close"].notna()
"#;
    let report = outcome(&run_on(&["FB", "AAPL"], code));
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.fault);
}

fn refused(symbols: &[&str], body: &str) -> Report {
    let code = format!("import pandas, numpy\ndef strategy(data):\n    close = data['close']\n    {body}\n");
    let report = outcome(&run_on(symbols, &code));
    assert_eq!(report.outcome, Outcome::InvalidResult, "{body}: {:?}", report.fault);
    report
}

#[test]
fn what_is_no_position_is_refused_and_the_remedy_named() {
    let two = ["AAPL", "IBM"];
    for (symbols, body, expected) in [
        (&two[..], "return close['AAPL'] > 0", "return a DataFrame"),
        (&two, "return [1, 2]", "returned list"),
        (&two, "return None", "returned NoneType"),
        (&two, "return close.rename(columns={'IBM': 'GOOG'})", "'GOOG'"),
        (&two, "return data", "select one field"),
        (&two, "return pandas.concat([close, close])", "twice"),
        (&two, "return pandas.concat([close, close], axis=1)", "twice"),
        (&two, "return 1 / (close - close)", "infinite"),
        (&two, "return close.astype(str) + 'x'", "holds str"),
        (&two, "return (close > 0).assign(IBM=0.5)", "mixes"),
        (&two, "return close.tz_localize('UTC')", "time zone"),
        (&two, "return close.reset_index(drop=True)", "no dates"),
        (&two, "return close.resample('ME').last()", "not in data"),
        (&["AAPL"][..], "return close.to_frame()", "return a Series"),
    ] {
        let report = refused(symbols, body);
        let message = report.fault.expect("a fault").message;
        assert!(message.contains(expected), "{body}: {message}");
    }
}

#[test]
fn a_text_without_strategy_or_position_is_refused() {
    let report = outcome(&run("x = 1\n"));
    assert_eq!(report.outcome, Outcome::InvalidResult);
    assert!(
        report
            .fault
            .expect("a fault")
            .message
            .contains("neither a function strategy nor a variable position")
    );
}

/// A strategy that finds the result pipe, and then does this.
fn with_pipe(body: &str) -> Run {
    run(&format!(
        "import os, struct, time\ndef strategy(data):\n    place = next(n for n in range(3, 64) if ok(n))\n{body}def ok(n):\n    try:\n        os.fstat(n)\n        return True\n    except OSError:\n        return False\n"
    ))
}

/// A strategy that finds the result pipe can write what it likes to it: no more than it could have returned.
#[test]
fn what_is_written_past_the_contract_is_no_result() {
    for (body, expected) in [
        // A flood, and a claim of four gigabytes.
        ("    while True: os.write(place, b'x' * 65536)\n", Outcome::InvalidResult),
        ("    os.write(place, struct.pack('<BI', 1, 0xffffffff)); os._exit(0)\n", Outcome::StrategyError),
        // A forged result before the real one; not-a-number in a forged one.
        (
            "    os.write(place, struct.pack('<BI', 1, 8) + bytes(8))\n    return data['close'] > 0\n",
            Outcome::InvalidResult,
        ),
        (
            "    n = len(data)\n    os.write(place, struct.pack('<BI', 1, 8 * n) + struct.pack('<%dd' % n, *[float('inf')] * n)); os._exit(0)\n",
            Outcome::InvalidResult,
        ),
        ("    os.write(place, struct.pack('<BI', 2, 2) + b'{}'); os._exit(0)\n", Outcome::InvalidResult),
        ("    os.write(place, struct.pack('<BI', 7, 0)); os._exit(0)\n", Outcome::InvalidResult),
    ] {
        let report = outcome(&with_pipe(body));
        assert_eq!(report.outcome, expected, "{body}: {:?}", report.fault);
    }
}

/// A whole result that was forged does not end the evaluation: what its process does until its exit still counts.
#[test]
fn a_violation_after_a_result_is_a_violation() {
    let whole = "    os.write(place, struct.pack('<BI', 1, 8 * len(data)) + bytes(8 * len(data)))\n";
    let forged = |rest: &str| with_pipe(&format!("{whole}{rest}"));
    for between in ["", "    os.close(place)\n", "    os.close(place)\n    time.sleep(0.1)\n"] {
        let report = outcome(&forged(&format!("{between}{FORBIDDEN}")));
        assert_eq!(report.outcome, Outcome::SandboxViolation, "{between}: {:?}", report.fault);
    }
    // Without one it is as good as returned; a process that does not end costs the deadline.
    let exit = "    os.close(place)\n    os._exit(3)\n";
    assert_eq!(outcome(&forged(exit)).outcome, Outcome::Succeeded);
    for endless in ["pass", "os.write(1, b'x' * 4096)"] {
        let mut run = forged(&format!("    os.close(place)\n    while True: {endless}\n"));
        run.limits.active_deadline_seconds = 2;
        assert_eq!(outcome(&run).outcome, Outcome::DeadlineExceeded, "{endless}");
    }
}

/// A result of more than 1 MiB is told once its process is gone, a shorter one before: in one sandbox one after the other.
#[test]
fn long_and_short_results_count_alike() {
    let symbols: Vec<String> = (0..480).map(|number| format!("S{number:03}")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    assert!(symbols.len() * DATES * 8 > 1 << 20);
    write_dataset(&DATASETS, "wide", &symbols, &walk(&symbols, DATES));
    let mut run = run_on(&symbols, "def strategy(data):\n    return data['close'] > data['open']\n");
    run.dataset.name = "wide".into();
    // The cuts of the look-ahead check are shorter than the whole.
    run.checks = Checks { lookahead: true, cuts: 2, determinism: true, deadline_seconds: 60 };
    let report = outcome(&run);
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.fault);
    let checks = report.checks.expect("check results");
    let found = [checks.lookahead.expect("one").result, checks.determinism.expect("one").result];
    assert_eq!(found, [CheckResult::Passed; 2]);
}
