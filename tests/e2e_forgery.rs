//! Results cannot be forged: every way that a strategy, or somebody beside it, could try to bring figures of its own
//! into a status. Each attack is handed to a real sandbox by a direct frame, so that no gate has seen it, and must leave
//! the honest metrics or none; each is tried where the layer is missing too, where it must succeed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]
#![allow(clippy::print_stdout, reason = "the table of what was tried is the point")]

#[path = "support/direct.rs"]
mod direct;
mod support;

use direct::{Order, Range, Shot, expected, reports};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use stratbox::sandbox::{CONTAINER, PodState, read_pod};
use stratbox::wire::{
    Durations, Evidence, Expected, Invalid, MAX_REPORT, Metrics, Outcome, Report, SCHEMA, is_deceptive,
    sha256_hex,
};
use support::{PATIENCE, block_on, busy, cluster, is_finished, namespace, reason, run_yaml};

const PRELUDE: &str = include_str!("forgery/prelude.py");
const OUTSIDE: &str = include_str!("forgery/outside.py");
const HONEST: &str = "def strategy(data):\n    return data['close'] > 0\n";

/// A report that any operator would believe if it came the right way.
fn forged(run_uid: &str, pod_uid: &str, code_sha256: &str) -> Report {
    Report {
        schema: SCHEMA,
        run_uid: run_uid.into(),
        pod_uid: pod_uid.into(),
        attempt: 1,
        code_sha256: code_sha256.into(),
        outcome: Outcome::Succeeded,
        metrics: Some(Metrics {
            sharpe_ratio: Some(99.0),
            total_return: Some(99.0),
            max_drawdown: Some(0.0),
            trades: Some(1),
            days: Some(3000),
            ..Metrics::default()
        }),
        fault: None,
        checks: None,
        artifacts: Vec::new(),
        output: String::new(),
        durations: Durations::default(),
        evidence: Evidence { dates: 3000, symbols: 1, engine_version: "0".into(), ..Evidence::default() },
    }
}

/// An attack's program: it knows all that there is to know, its pod's and its run's UID and the hash of its own text.
fn program(attack: &str) -> String {
    let report = serde_json::to_string(&forged("@RUN@", "@POD@", "@CODE@")).unwrap();
    PRELUDE.replace("@FORGED@", &report) + "\n\n" + attack
}

/// One line of the table.
fn row(id: &str, what: &str, answer: &str, verdict: &str, control: &str) {
    println!("{id:<4} {what:<44} | {answer:<66} | {verdict:<24} | control: {control}");
}

/// The honest metrics, or none: whatever was attacked.
fn verdict(shot: &Shot, honest: &Report) -> String {
    let report = shot.report();
    match report.metrics {
        Some(metrics) => {
            assert_eq!(Some(metrics), honest.metrics, "{}: forged", shot.name);
            "metrics equal".to_owned()
        }
        None => format!("{:?}", report.outcome),
    }
}

/// Every try that an attack told of was denied.
fn assert_denied(shot: &Shot) -> String {
    let said = shot.report().output.trim_end().lines().last().unwrap_or_default().to_owned();
    for answer in said.split(", ") {
        let denied = ["PermissionError", "BlockingIOError", "RuntimeError"];
        assert!(denied.iter().any(|word| answer.starts_with(word)), "{}: {said}", shot.name);
    }
    said
}

#[test]
fn x1_to_x4_nobody_but_the_runner_writes_the_report() {
    let range = Range::new("forgery");
    let attacks = [
        ("x1", "message written, appended to, cut before", include_str!("forgery/termination_log.py"), ""),
        ("x2", "message written after the runner's", include_str!("forgery/race.py"), "writes"),
        ("x3", "parent killed, message written", include_str!("forgery/parent.py"), "writes"),
        ("x4", "perfect lines to every output", include_str!("forgery/lines.py"), "writes"),
    ];
    let mut orders = vec![Order::new("honest", HONEST)];
    orders.extend(attacks.iter().map(|(id, _, attack, _)| Order::new(id, program(attack))));
    let shots = range.shoot(orders);
    let honest = shots[0].report();
    assert!(honest.metrics.is_some(), "{honest:?}");
    for ((id, what, attack, mode), shot) in attacks.iter().zip(&shots[1..]) {
        let said = assert_denied(shot);
        // The same text where nothing is in force: what it writes there is what would be believed.
        let code = program(attack).replace("@POD@", "pod").replace("@RUN@", "run");
        let (exit, log) = range.outside(id, &[OUTSIDE, &code, mode], false);
        let sha256 = sha256_hex(code.as_bytes());
        let wanted = Expected { run_uid: "run", pod_uid: "pod", attempt: 1, code_sha256: &sha256 };
        let log = support::text(&log);
        assert_eq!(exit.code, 0, "{id}: {log}");
        let control = if *id == "x4" {
            let lines = reports(log.lines());
            assert!(lines.len() >= 4 && lines.iter().all(|report| report.check(&wanted).is_ok()), "{log}");
            format!("{} lines believed", lines.len())
        } else {
            let report = Report::read(exit.message.as_bytes(), &wanted);
            let report = report.unwrap_or_else(|error| panic!("{id}: no control: {error}: {exit:?} {log}"));
            assert_eq!(report.metrics.unwrap().sharpe_ratio, Some(99.0));
            "forged message believed".to_owned()
        };
        row(id, what, &said, &verdict(shot, &honest), &control);
    }
}

/// A program that writes by hand what `expression` makes of the count of dates.
fn by_hand(expression: &str) -> String {
    format!("{}\n\ndef frame(dates):\n    return {expression}\n", program(include_str!("forgery/frames.py")))
}

fn error_with(field: &str) -> String {
    format!(r#"{{"kind":"strategy","type":"E","message":"mine","line":1,"traceback":"" {field}}}"#)
}

#[test]
fn x5_to_x8_frames_by_hand_bring_no_more_than_a_strategy_may_return() {
    let range = Range::new("frames");
    let error = |field: &str| format!("error(r'''{}''')", error_with(field));
    let fields = |line: &str| error_with("").replace("\"line\":1", &format!("\"line\":{line}"));
    let cases = [
        // What the same hand may write: the pipe is the right one, and what follows is refused for what it is.
        ("x5", "positions as they should be", "positions([1.0] * dates)".to_owned(), Outcome::Succeeded),
        ("x6", "an error as it should be", error(""), Outcome::StrategyError),
        (
            "x5",
            "4 GiB of positions claimed, 250 bytes there",
            "struct.pack('<BI', 1, 0xffffffff) + bytes(250)".into(),
            Outcome::StrategyError,
        ),
        (
            "x5",
            "4 GiB of error claimed, 250 bytes there",
            "struct.pack('<BI', 2, 0xffffffff) + bytes(250)".into(),
            Outcome::StrategyError,
        ),
        (
            "x5",
            "two frames",
            "positions([1.0] * dates) + positions([9.0] * dates)".into(),
            Outcome::InvalidResult,
        ),
        ("x6", "kind twice", error(r#","kind":"result""#), Outcome::InvalidResult),
        ("x6", "an unknown key", error(r#","metrics":{"sharpeRatio":99}"#), Outcome::InvalidResult),
        (
            "x7",
            "NaN beside a number, infinities",
            "positions([float('inf'), float('-inf')] + [1.0] * (dates - 2))".into(),
            Outcome::InvalidResult,
        ),
        (
            "x7",
            "the largest number: scaled to maxLeverage",
            "positions([1.7e308] * dates)".into(),
            Outcome::Succeeded,
        ),
        ("x7", "line 1e400", format!("error(r'''{}''')", fields("1e400")), Outcome::InvalidResult),
        ("x7", "line NaN", format!("error(r'''{}''')", fields("NaN")), Outcome::InvalidResult),
        (
            "x7",
            "line 10^30",
            format!("error(r'''{}''')", fields(&format!("1{}", "0".repeat(30)))),
            Outcome::InvalidResult,
        ),
        (
            "x8",
            "a message that is no UTF-8",
            r#"error(b'{"kind":"strategy","type":"E","message":"\xff\xfe","line":1,"traceback":""}')"#.into(),
            Outcome::InvalidResult,
        ),
    ];
    let mut orders = vec![Order::new("honest", HONEST)];
    orders.extend(
        cases.iter().enumerate().map(|(number, (id, _, expression, _))| {
            Order::new(&format!("{id}-{number}"), by_hand(expression))
        }),
    );
    let shots = range.shoot(orders);
    let honest = shots[0].report();
    for ((id, what, _, outcome), shot) in cases.iter().zip(&shots[1..]) {
        let report = shot.report();
        let message = report.fault.as_ref().map_or_else(String::new, |fault| fault.message.clone());
        assert_eq!(report.outcome, *outcome, "{id} {what}: {message}");
        let control =
            if shot.name.ends_with("-0") || shot.name.ends_with("-1") { "is one" } else { "first of its id" };
        row(id, what, &message.chars().take(66).collect::<String>(), &verdict(shot, &honest), control);
    }
}

/// Text that deceives terminals and parsers, as bytes in a Python literal.
const DECEPTIVE: &str = r#"b"\xff\xfe\x00\x1b[31m\x9b0m\r\xe2\x80\xaegnp.exe\xe2\x80\xa8\x07""#;

#[test]
fn x8_and_x9_texts_are_escaped_and_cut_and_a_message_that_is_cut_is_no_report() {
    let range = Range::new("texts");
    let printing = format!(
        "import os\ndef strategy(data):\n    os.write(1, {DECEPTIVE})\n    return data['close'] > 0\n"
    );
    let raising = format!(
        "import os\ndef strategy(data):\n    os.write(2, {DECEPTIVE} * 2000)\n    raise ValueError(({DECEPTIVE} * 300).decode('utf-8', 'surrogateescape'))\n"
    );
    let lengthy = "def strategy(data):\n    print('x' * 5000)\n    raise ValueError('\\\\\"' * 5000)\n";
    let shots = range.shoot(vec![
        Order::new("honest", HONEST),
        Order::new("printing", printing.clone()),
        Order::new("raising", raising),
        Order::new("long", lengthy),
    ]);
    let honest = shots[0].report();
    let (exit, log) = range.outside(
        "printing",
        &[&printing.replace("def strategy(data):", "if True:").replace("    return data['close'] > 0\n", "")],
        false,
    );
    assert_eq!(exit.code, 0);
    assert!(log.windows(5).any(|bytes| bytes == b"\x1b[31m"), "no control: {}", support::text(&log));
    for shot in &shots[1..] {
        let report = shot.report();
        let fault = report.fault.clone().unwrap_or_default();
        for text in [&report.output, &fault.message, &fault.tail, &fault.r#type] {
            assert!(!text.chars().any(is_deceptive), "{text:?}");
        }
        let bare = shot.log.iter().filter(|byte| **byte != b'\n').all(|byte| *byte >= 0x20 && *byte != 0x7f);
        assert!(bare && String::from_utf8(shot.log.clone()).is_ok(), "{}", support::text(&shot.log));
        assert!(shot.exit.message.len() <= MAX_REPORT);
        let answer = format!("a message of {} bytes, escaped", shot.exit.message.len());
        row("x8", &shot.name, &answer, &verdict(shot, &honest), "raw bytes in the log of an ordinary pod");
    }

    // Where somebody else writes the message: a short one is believed, one that the kubelet cuts is not.
    let wanted = Expected { run_uid: "run", pod_uid: "pod", attempt: 1, code_sha256: "code" };
    let short = serde_json::to_string(&forged("run", "pod", "code")).unwrap();
    let blank = " ".repeat(5000 - short.len());
    let stuffed = short.replace("\"output\":\"\"", "").replacen(
        '{',
        &format!("{{\"output\":\"{}\",", "x".repeat(5000 - short.len() - 12)),
        1,
    );
    let write = "import sys\nopen('/dev/termination-log', 'w').write(sys.argv[1])";
    for (name, what, text, length) in [
        ("short", "a message of its own length", short.clone(), short.len()),
        ("stuffed", "5,000 bytes, one report", stuffed, 4096),
        ("blank-after", "a whole report, blanks up to 5,000 bytes", format!("{short}{blank}"), 4096),
        ("blank-before", "blanks, a whole report at the end of 5,000", format!("{blank}{short}"), 4096),
    ] {
        let (exit, _) = range.outside(name, &[write, &text], false);
        assert_eq!((exit.code, exit.message.len()), (0, length), "{name}");
        let read = Report::read(exit.message.as_bytes(), &wanted);
        assert_eq!(read.is_ok(), name == "short", "{name}: {read:?}");
        let verdict = read.map_or_else(|error| error.to_string(), |_| "believed".into());
        row("x9", what, &format!("{length} bytes in the pod's status"), &verdict, "the short one");
    }
}

#[test]
fn x10_to_x12_what_shares_the_interpreter_shares_nothing_of_the_score() {
    let range = Range::new("inside");
    let facts = "import csv\nrows = [r for r in csv.DictReader(open('/datasets/us-stocks/data.csv')) if r['symbol'] == 'AAPL']\nprint(*[r['date'] + '=' + r['close'] for r in rows])";
    let (exit, closes) = range.outside("facts", &[facts], false);
    let closes = support::text(&closes);
    assert_eq!(exit.code, 0, "no control for the dataset's file: {closes}");
    let closes: Vec<(&str, f64)> = closes
        .split_whitespace()
        .filter_map(|pair| pair.split_once('=').and_then(|(date, close)| Some((date, close.parse().ok()?))))
        .collect();
    let end = "2010-12-31";
    let mixed = |later: bool| {
        let only =
            |close: f64| closes.iter().filter(|(_, other)| other.to_bits() == close.to_bits()).count() == 1;
        let mut chosen: Vec<String> = closes
            .iter()
            .rev()
            .filter(|(date, close)| (*date > end) == later && only(*close))
            .map(|(_, close)| format!("{:#x}", close.to_bits() ^ 0x5BD1_E995_9E37_79B9))
            .collect();
        chosen.truncate(8);
        chosen.join(", ")
    };
    let peek = program(include_str!("forgery/peek.py"))
        .replace("@FUTURE@", &mixed(true))
        .replace("@PAST@", &mixed(false));
    let mut orders = vec![
        Order::new("honest", HONEST),
        Order::new("patches", program(include_str!("forgery/patches.py"))),
        Order::new("callers", program(include_str!("forgery/frames_of_the_caller.py"))),
        Order::new("functions", program(include_str!("forgery/result_functions.py"))),
        Order::new("exit", "import os\ndef strategy(data):\n    os._exit(0)\n"),
        Order::new(
            "modules",
            "import sys\ndef strategy(data):\n    sys.modules.clear()\n    return data['close'] > 0\n",
        ),
        Order::new("peek", peek),
        Order::new("until", HONEST),
    ];
    for order in &mut orders[6..] {
        order.end = Some(end.into());
    }
    let shots = range.shoot(orders);
    let honest = shots[0].report();
    for (shot, what, outcome) in [
        (&shots[1], "numpy, pandas, json, time, builtins", Some(Outcome::Succeeded)),
        (&shots[2], "frames, garbage collector, main module", Some(Outcome::Succeeded)),
        (&shots[3], "the function that writes the result", Some(Outcome::InvalidResult)),
        (&shots[4], "os._exit(0)", Some(Outcome::StrategyError)),
        (&shots[5], "sys.modules emptied", None),
    ] {
        let report = shot.report();
        assert!(outcome.is_none_or(|outcome| outcome == report.outcome), "{}: {report:?}", shot.name);
        let said = report.fault.map_or(report.output, |fault| fault.message);
        let said: String = said.trim().chars().take(66).collect();
        row("x10", what, &said, &verdict(shot, &honest), "see below");
    }
    assert_eq!(shots[1].report().output.trim(), "99.0", "the patches were in force");
    assert!(shots[2].report().output.trim().parse::<u32>().unwrap() >= 8, "there was something to change");
    let scorer = format!(
        "{}\nattack()\nimport numpy\nprint(numpy.mean([1.0, -1.0]) / 1.0, json.dumps({{}}) == FORGED)",
        program(include_str!("forgery/patches.py")).replace("linecache.cache[\"strategy.py\"][2]", "[]")
    );
    let (_, log) = range.outside("scorer", &[&scorer], false);
    assert_eq!(support::text(&log).trim(), "99.0 True", "no control");
    row("x10", "a scorer in the same interpreter", support::text(&log).trim(), "forged", "is one");

    let peek = shots[6].report();
    let said: Vec<&str> = peek.output.lines().collect();
    let (descriptors, tries) = said[0].split_once(' ').unwrap();
    assert_eq!(descriptors, "4");
    assert!(tries.split(", ").all(|answer| answer.starts_with("PermissionError")), "{tries}");
    assert_eq!(said[1], "past 8 of 8, future 0 of 8");
    row(
        "x11",
        "files, /proc, descriptors",
        tries.split(", ").next().unwrap(),
        &verdict(&shots[6], &shots[7].report()),
        "an ordinary pod reads the file",
    );
    row("x11", "own memory, page by page", said[1], "not in the address space", "past prices are found");

    // X12: the real message of this sandbox, offered for another attempt, pod, run or code.
    let message = shots[0].exit.message.as_bytes();
    let own = expected(&shots[0].run);
    assert!(Report::read(message, &own).is_ok(), "no control");
    for (what, other) in [
        ("another attempt", Expected { attempt: 2, ..own.clone() }),
        ("another pod", Expected { pod_uid: &shots[1].run.run_uid, ..own.clone() }),
        ("another run", Expected { run_uid: &shots[1].run.pod_uid, ..own.clone() }),
        ("another code", Expected { code_sha256: &shots[1].run.sha256, ..own.clone() }),
    ] {
        let refused = Report::read(message, &other).unwrap_err();
        assert!(matches!(refused, Invalid::Foreign(_)), "{refused}");
        row(
            "x12",
            &format!("this message for {what}"),
            &refused.to_string(),
            "not believed",
            "believed for its own",
        );
    }
}

/// Ten seconds of computing.
const SLOW: u32 = 12_000;

#[test]
fn x13_a_status_that_somebody_writes_does_not_win_over_the_runner() {
    let home = namespace("status");
    let more = "  dataset: {name: us-stocks, symbols: [AAPL]}\n  cachePolicy: Never\n  checks: {lookahead: \"Off\", determinism: \"Off\"}\n";
    home.apply(&run_yaml("honest", HONEST, more));
    let honest = home.wait_finished("honest").status.unwrap().metrics;
    assert!(honest.is_some());
    for phase in ["Running", "Succeeded"] {
        let name = phase.to_lowercase();
        home.apply(&run_yaml(&name, &busy(SLOW), more));
        let run = home.wait_until(&name, |run| reason(run) == "Running", PATIENCE);
        let attempt = run.status.as_ref().unwrap().attempts[0].clone();
        let pods: Api<Pod> = Api::namespaced(cluster().client.clone(), &home.name);
        let pod = block_on(pods.get(&attempt.pod_name)).unwrap();
        let (run_uid, pod_uid) = (run.metadata.uid.clone().unwrap(), pod.metadata.uid.clone().unwrap());
        let sha256 = sha256_hex(run.spec.code.clone().unwrap().as_bytes());
        let message = serde_json::to_string(&forged(&run_uid, &pod_uid, &sha256)).unwrap();
        let now = jiff::Timestamp::now().to_string();
        let patch = json!({"status": {"phase": phase, "containerStatuses": [{"name": CONTAINER, "ready": false,
            "started": false, "state": {"running": null, "terminated": {"exitCode": 0, "reason": "Completed",
                "message": message, "startedAt": now, "finishedAt": now}}}]}});
        let patched =
            block_on(pods.patch_status(&attempt.pod_name, &PatchParams::default(), &Patch::Strategic(patch)));
        // The control: as the pod now stands, its message is the report of this very attempt.
        let PodState::Exited(exit) = read_pod(&patched.unwrap()) else {
            panic!("the forged end does not stand")
        };
        let wanted = Expected { run_uid: &run_uid, pod_uid: &pod_uid, attempt: 1, code_sha256: &sha256 };
        assert!(Report::read(exit.message.as_bytes(), &wanted).is_ok(), "no control");
        let end = home.wait_until(&name, is_finished, PATIENCE).status.unwrap();
        let condition = end.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
        if end.metrics.is_some() {
            assert_eq!(end.metrics, honest, "forged");
        }
        let answer = format!("{} after {} attempt(s)", condition.reason, end.attempts.len());
        let verdict = if end.metrics.is_some() { "metrics equal" } else { "no metrics" };
        row(
            "x13",
            &format!("pods/status: phase {phase}, exit code 0"),
            &answer,
            verdict,
            "believed if nobody is asked",
        );
    }
}
