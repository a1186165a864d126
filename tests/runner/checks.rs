//! What the checks find, and whom they leave alone: strategies of `tests/strategies` on prices that wander.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use stratbox::wire::{
    CheckResult, CheckResults, Checks, Layer, LookaheadResult, Outcome, Report, Run, Stage, Variation,
};

use crate::support::{Sandbox, WALK_DATES, outcome, run, run_on};

/// Longer than a sandbox takes to fork all its evaluations ahead, one by one.
const LONG_WAIT: Duration = Duration::from_secs(13);
const ALL: Checks = Checks { lookahead: true, cuts: 2, determinism: true, deadline_seconds: 120 };

/// Every strategy of a folder with the symbols that its first line names.
fn strategies(folder: &str) -> Vec<(String, Run)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strategies").join(folder);
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let read = |path: &Path| {
        let code = fs::read_to_string(path).expect("text");
        let first = code.lines().next().and_then(|line| line.strip_prefix("# symbols: ")).expect("symbols");
        let mut run = on_walk(run_on(&first.split(' ').collect::<Vec<_>>(), &code));
        run.checks = ALL;
        (path.file_stem().expect("a name").to_string_lossy().into_owned(), run)
    };
    paths.iter().map(|path| read(path)).collect()
}

fn on_walk(mut run: Run) -> Run {
    run.dataset.name = "walk".into();
    run
}

/// Runs with all checks and returns what they found.
fn checked(run: &Run) -> CheckResults {
    let report = outcome(run);
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.fault);
    assert_eq!(report.evidence.dates, WALK_DATES as u64);
    assert!(report.durations.checks_ms.is_some());
    report.checks.expect("check results")
}

fn lookahead(results: &CheckResults) -> &LookaheadResult {
    results.lookahead.as_ref().expect("a look-ahead check")
}

#[test]
fn strategies_that_look_ahead_are_found() {
    let (mut found, strategies) = (0, strategies("lookahead"));
    for (name, run) in &strategies {
        let results = checked(run);
        let lookahead = lookahead(&results);
        println!(
            "{name}: {:?} after {} cuts, {:?} {}",
            lookahead.result, lookahead.cuts_tried, lookahead.difference, lookahead.note
        );
        assert_eq!(
            results.determinism.as_ref().map(|found| found.result),
            Some(CheckResult::Passed),
            "{name}"
        );
        if name == "raises_when_shocked" {
            assert!(
                lookahead.difference.is_some() || lookahead.note.contains("it went wrong: ValueError"),
                "{lookahead:?}"
            );
        } else if lookahead.result == CheckResult::Failed {
            let difference = lookahead.difference.as_ref().expect("a difference");
            assert!(difference.date <= *difference.cut.as_ref().expect("a cut"), "{name}: {difference:?}");
            assert_ne!(difference.full, difference.other);
            assert!(run.dataset.symbols.contains(&difference.symbol));
        }
        found += u32::from(lookahead.result == CheckResult::Failed);
    }
    println!("found {found} of {}", strategies.len());
    assert!(strategies.len() >= 10);
    assert_eq!(found as usize, strategies.len());
}

#[test]
fn honest_strategies_pass() {
    let (mut passed, strategies) = (0, strategies("honest"));
    for (name, run) in &strategies {
        let results = checked(run);
        let lookahead = lookahead(&results);
        println!(
            "{name}: {:?} after {} cuts, {} too short",
            lookahead.result, lookahead.cuts_tried, lookahead.short_history
        );
        assert_eq!(
            results.determinism.as_ref().map(|found| found.result),
            Some(CheckResult::Passed),
            "{name}"
        );
        assert_eq!((lookahead.cuts_tried, lookahead.note.as_str()), (2, ""), "{name}: {lookahead:?}");
        assert_eq!(lookahead.short_history > 0, name == "long_window", "{name}");
        passed += u32::from(lookahead.result == CheckResult::Passed);
    }
    println!("passed {passed} of {}", strategies.len());
    assert!(strategies.len() >= 10);
    assert_eq!(passed as usize, strategies.len());
}

#[test]
fn strategies_that_depend_on_more_than_their_data_are_found() {
    let at_once = |run: &Run| {
        // While the sandbox is warming: no evaluation is forked ahead.
        let mut sandbox = Sandbox::start();
        sandbox.send(run.clone());
        sandbox.report(run).checks.expect("check results")
    };
    for (name, run) in strategies("nondeterministic") {
        for results in [checked(&run), at_once(&run)] {
            let determinism = results.determinism.expect("a determinism check");
            println!("{name}: {:?}, {:?}", determinism.result, determinism.difference);
            assert_eq!(determinism.result, CheckResult::Failed, "{name}");
            let difference = determinism.difference.expect("a difference");
            assert_eq!((difference.kind, difference.cut), (Variation::Same, None));
        }
    }
}

/// What an evaluation returns passes through the interpreter, from which the next one is forked: nothing of it may be there.
#[test]
fn an_evaluation_finds_nothing_of_what_the_one_before_it_returned() {
    let code = r#"
import numpy

SECRET = 0.1234567890123

def strategy(data):
    close = data["close"]
    found, kept = 0, []
    for size in range(64, 40000, 64):
        block = numpy.empty(size)
        found += int((block == SECRET).sum())
        kept.append(block[:1])
    return close * 0 + (0.5 if found else SECRET)
"#;
    let symbols = ["AAPL", "GOOG", "IBM", "MSFT"];
    // What the allocator uses again depends on the size of the result.
    for count in 1..=symbols.len() {
        let mut run = on_walk(run_on(&symbols[..count], code));
        run.checks = ALL;
        let found = checked(&run);
        assert_eq!(lookahead(&found).difference, None, "{count} symbols");
        assert_eq!(found.determinism.expect("a check").difference, None, "{count} symbols");
    }
}

/// A sandbox that has waited for long has forked the evaluations of all checks ahead of the run.
#[test]
fn a_sandbox_that_has_waited_for_long_finds_what_a_new_one_finds() {
    let two = |folder| strategies(folder).into_iter().take(2);
    let runs: Vec<_> = ["honest", "lookahead", "nondeterministic"].into_iter().flat_map(two).collect();
    let waited: Vec<Report> = thread::scope(|scope| {
        let waiting: Vec<_> = runs
            .iter()
            .map(|(_, run)| {
                scope.spawn(|| {
                    let mut sandbox = Sandbox::ready();
                    thread::sleep(LONG_WAIT);
                    sandbox.send(run.clone());
                    sandbox.report(run)
                })
            })
            .collect();
        waiting.into_iter().map(|thread| thread.join().expect("a report")).collect()
    });
    for ((name, run), waited) in runs.iter().zip(waited) {
        let new = outcome(run);
        let found = |report: &Report| {
            let checks = report.checks.clone().expect("check results");
            (checks.determinism.expect("one").result, checks.lookahead.expect("one").result)
        };
        println!("{name}: {:?}", found(&waited));
        assert_eq!(found(&waited), found(&new), "{name}");
        if found(&new).0 == CheckResult::Passed {
            assert_eq!(waited.metrics, new.metrics, "{name}");
        }
    }
}

#[test]
fn only_truncated_data_show_what_their_length_decides() {
    let (_, run) =
        strategies("lookahead").into_iter().find(|(name, _)| name == "window_by_length").expect("it");
    let difference = lookahead(&checked(&run)).difference.clone().expect("a difference");
    assert_eq!(difference.kind, Variation::Truncated);
}

/// What a strategy does from its second evaluation on; the first is recognised by its data, which are complete and not
/// shocked, so the second on the same data is honest too.
fn at_changed_data(what: &str) -> Run {
    let code = format!(
        "import time\nimport os\ndef strategy(data):\n    close = data['close']\n    if len(data) < {WALK_DATES} or close.pct_change().abs().max() > 0.5:\n        {what}\n    return close > close.rolling(5).mean()\n"
    );
    let mut run = on_walk(run(&code));
    run.checks = ALL;
    run
}

#[test]
fn checks_stop_at_their_deadline_and_say_how_far_they_came() {
    // Three evaluations a cut, so the first cut is done and the sixteenth is not.
    let mut run = at_changed_data("time.sleep(0.4)");
    run.checks = Checks { cuts: 16, deadline_seconds: 4, ..ALL };
    let report = outcome(&run);
    let results = report.checks.expect("check results");
    let lookahead = lookahead(&results);
    println!(
        "{} cuts of 16 in {:?} ms: {}",
        lookahead.cuts_tried, report.durations.checks_ms, lookahead.note
    );
    assert_eq!(lookahead.result, CheckResult::Passed);
    assert!((1..16).contains(&lookahead.cuts_tried));
    assert!(lookahead.note.contains("checks.deadlineSeconds"));
    assert!(report.metrics.is_some());

    let mut run = at_changed_data("while True: pass");
    run.checks.deadline_seconds = 2;
    let results = checked(&run);
    let lookahead = self::lookahead(&results);
    assert_eq!((lookahead.result, lookahead.cuts_tried), (CheckResult::NotFinished, 0));
    assert_eq!(results.determinism.expect("done before").result, CheckResult::Passed);
}

#[test]
fn ends_of_all_kinds_in_a_check_leave_the_metrics() {
    for (what, result, note) in [
        ("raise KeyError('x')", CheckResult::Failed, "KeyError"),
        ("raise SystemExit", CheckResult::Failed, "SystemExit"),
        ("os._exit(0)", CheckResult::Failed, "exit code 0"),
        ("return None", CheckResult::Failed, "NoneType"),
        ("import ctypes; ctypes.string_at(0)", CheckResult::Failed, "SIGSEGV"),
        ("raise MemoryError", CheckResult::NotFinished, "memory"),
    ] {
        let report = outcome(&at_changed_data(what));
        assert!(report.metrics.is_some(), "{what}");
        let results = report.checks.expect("check results");
        let lookahead = lookahead(&results);
        assert_eq!(lookahead.result, result, "{what}: {lookahead:?}");
        assert!(lookahead.note.contains(note), "{what}: {}", lookahead.note);
    }
}

#[test]
fn what_a_check_prints_is_not_shown_and_its_stage_is_said_once() {
    let mut run =
        on_walk(run("def strategy(data):\n    print('seen', len(data))\n    return data['close'] > 100\n"));
    run.checks = ALL;
    let mut sandbox = Sandbox::ready();
    sandbox.send(run.clone());
    let report = sandbox.report(&run);
    assert_eq!(report.output, format!("seen {WALK_DATES}\n"));
    let stages: Vec<_> = sandbox.seen.iter().filter(|line| line.contains("stage")).cloned().collect();
    let said = |stage: Stage| stratbox::wire::Outbound::Stage(stage).to_line().trim().to_owned();
    assert_eq!(stages, [Stage::Running, Stage::Scoring, Stage::Checking].map(said));
}

#[test]
fn a_failed_run_is_not_checked() {
    let mut run = on_walk(run("def strategy(data):\n    raise ValueError('no')\n"));
    run.checks = ALL;
    let report = outcome(&run);
    assert_eq!(
        (report.outcome, report.checks, report.durations.checks_ms),
        (Outcome::StrategyError, None, None)
    );
}

#[test]
fn a_missing_layer_that_is_required_keeps_the_strategy_from_being_called() {
    let code = "def strategy(data):\n    print('called')\n    return data['close'] > 0\n";
    let mut run = run(code);
    // Here as in a sandbox Landlock and stage 2 are in force; the user namespace is the test's own.
    run.require = vec![Layer::Landlock, Layer::Stage2];
    assert_eq!(outcome(&run).outcome, Outcome::Succeeded);
    run.require = vec![Layer::UserNamespace];
    let map = fs::read_to_string("/proc/self/uid_map").expect("a mapping");
    let is_node = map.split_whitespace().eq(["0", "0", "4294967295"]);
    let report = outcome(&run);
    assert_eq!(report.outcome == Outcome::IsolationMissing, is_node, "{map:?}: {report:?}");
    if is_node {
        let fault = report.fault.expect("a fault");
        assert!(
            fault.message.starts_with("UserNamespace: ") && fault.message.contains("userNamespaces: Require")
        );
        assert!(!fault.tail.contains("called"));
    }
}

#[test]
fn the_same_run_fifty_times_has_the_same_metrics() {
    let (_, mut run) =
        strategies("honest").into_iter().find(|(name, _)| name == "dual_momentum").expect("it");
    run.checks = Checks::OFF;
    let metrics = |report: Report| serde_json::to_string(&report.metrics.expect("metrics")).expect("JSON");
    let first = metrics(outcome(&run));
    for time in 1..50 {
        assert_eq!(metrics(outcome(&run)), first, "time {time}");
    }
    println!("50 times {first}");
}
