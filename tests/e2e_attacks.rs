//! What a strategy cannot do in a real sandbox, probe by probe, with a user namespace and without: by direct frames, so
//! that no gate has seen the code. Every probe is tried in a privileged pod of the same image too, where it must
//! succeed; where the node's own kernel does not have the thing at all, the matrix says so.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]
#![allow(clippy::print_stdout, reason = "the table of what was tried is the point")]

#[path = "support/direct.rs"]
mod direct;
mod support;

use direct::{Order, Range};
use stratbox::wire::Outcome;
use support::{block_on, kubectl, text};

const PROBES: &str = include_str!("attacks/probes.py");
const CALLS: &str = include_str!("attacks/calls.py");
const OUTSIDE: &str = include_str!("attacks/outside.py");

/// A user namespace or none.
const MODES: [bool; 2] = [true, false];

/// What the probes say in a privileged pod: place in the catalogue, name, answer.
fn control(range: &Range, program: &str) -> Vec<(String, String, String)> {
    let (exit, log) = range.outside("control", &[OUTSIDE, program], true);
    let log = text(&log);
    assert_eq!(exit.code, 0, "{log}");
    log.lines()
        .map(|line| {
            let mut parts = line.splitn(3, '|').map(str::to_owned);
            (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or_default())
        })
        .collect()
}

/// Prints the matrix. A control counts if the probe could, or if the kernel itself looked at its arguments; what the
/// node's kernel does not have (`absent`) no probe can prove.
fn matrix(
    controls: &[(String, String, String)],
    answers: [&[String]; 2],
    proves: impl Fn(&str) -> bool,
    absent: &[&str],
) {
    println!("{:<4} {:<40} {:>14} {:>14} {:>8}", "id", "probe", "user namespace", "without", "control");
    let mut unproven = Vec::new();
    for (at, (id, name, control)) in controls.iter().enumerate() {
        let [with, without] = [&answers[0][at], &answers[1][at]];
        println!("{id:<4} {name:<40} {with:>14} {without:>14} {control:>8}");
        if !proves(control) {
            unproven.push((name, control));
        }
    }
    println!("not proven on this node, as its kernel does not let even a privileged pod: {unproven:?}");
    for (name, control) in &unproven {
        assert!(absent.contains(&control.as_str()), "{name}: no positive control: {control}");
    }
    assert!(unproven.len() * 5 <= controls.len(), "too much is not proven: {unproven:?}");
}

#[test]
fn no_probe_succeeds_in_an_evaluation() {
    let range = Range::new("probes");
    let shots = range.shoot(
        MODES
            .map(|user_namespace| Order {
                user_namespace,
                ..Order::new(if user_namespace { "with" } else { "without" }, PROBES)
            })
            .to_vec(),
    );
    let controls = control(&range, PROBES);
    let answers: Vec<Vec<String>> = shots
        .iter()
        .map(|shot| {
            let report = shot.report();
            assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
            assert_eq!(report.evidence.output_dropped, 0, "all answers are there");
            report.output.split_whitespace().map(str::to_owned).collect()
        })
        .collect();
    assert_eq!((answers[0].len(), answers[1].len()), (controls.len(), controls.len()));
    // EAFNOSUPPORT, ENOSYS, ENODEV: the kernel does not have it.
    matrix(&controls, [&answers[0], &answers[1]], |control| control == "+", &["97", "38", "19"]);
    for (shot, answers) in shots.iter().zip(&answers) {
        let done: Vec<&str> = controls
            .iter()
            .zip(answers)
            .filter(|(_, answer)| *answer == "+")
            .map(|((_, name, _), _)| name.as_str())
            .collect();
        assert!(done.is_empty(), "{}: {done:?}", shot.name);
        let isolation = shot.report().evidence.isolation;
        assert_eq!((isolation.seccomp, isolation.no_new_privs, isolation.uid), (2, true, 1000));
        assert_eq!(u64::from_str_radix(&isolation.cap_eff, 16), Ok(0));
        assert!(isolation.stage2 && isolation.landlock_abi.is_some(), "{isolation:?}");
        let identity = isolation.uid_map == "0 0 4294967295";
        assert_eq!(identity, shot.name == "without", "{}", isolation.uid_map);
    }
}

#[test]
fn every_call_without_honest_use_ends_its_process() {
    let range = Range::new("calls");
    let program = format!("{}\n{CALLS}", PROBES.split("for name, family, kind in").next().unwrap());
    let controls = control(&range, &program);
    // Stage 1 alone, which every process of a sandbox is under: the whole list, by a program beside the runner.
    let orders = MODES.map(|user_namespace| Order {
        user_namespace,
        ..Order::new(if user_namespace { "with" } else { "without" }, "pass\n")
    });
    let answers = orders.map(|order| {
        block_on(range.begin(&order));
        kubectl(&[
            "-n",
            &range.home.name,
            "wait",
            "--for=condition=Ready",
            &format!("pod/{}", order.name),
            "--timeout=120s",
        ]);
        let said = kubectl(&[
            "-n",
            &range.home.name,
            "exec",
            &order.name,
            "--",
            "/usr/bin/python3",
            "-B",
            "-c",
            OUTSIDE,
            &program,
        ]);
        let answers: Vec<String> =
            said.lines().map(|line| line.rsplit('|').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(answers.len(), controls.len(), "{said}");
        answers
    });
    // EPERM and ENOSYS say that the kernel did not even look.
    matrix(&controls, [&answers[0], &answers[1]], |control| !["1", "38"].contains(&control), &["1", "38"]);
    for (at, (_, name, _)) in controls.iter().enumerate() {
        for mode in &answers {
            assert_eq!(mode[at], "signal 31", "{name}");
        }
    }
    // And in an evaluation, where both stages are in force: one of each kind.
    let kinds = [
        "io_uring_setup",
        "unshare",
        "mount",
        "finit_module",
        "clock_settime",
        "bpf",
        "ptrace",
        "open_by_handle_at",
        "x32 socket",
        "int 0x80 socket",
    ];
    let orders = kinds.iter().enumerate().map(|(number, kind)| Order {
        user_namespace: number % 5 != 0,
        ..Order::new(&format!("kind-{number}"), format!("{program}\n\nstrategy = one({kind:?})\n"))
    });
    for (kind, shot) in kinds.iter().zip(range.shoot(orders.collect())) {
        let report = shot.report();
        assert_eq!(report.outcome, Outcome::SandboxViolation, "{kind}: {report:?}");
        assert!(report.fault.unwrap().message.contains("it may only compute"));
        println!("stage 2 {kind:<24} SandboxViolation");
    }
}

/// Ways to outlive the deadline.
const STAYING: &[(&str, &str)] = &[
    (
        "signals ignored",
        "import signal\n    for n in range(1, 32):\n        try: signal.signal(n, signal.SIG_IGN)\n        except (OSError, ValueError): pass\n    while True: pass",
    ),
    ("asleep", "import time\n    while True: time.sleep(1000)"),
    ("at exit", "import atexit, time\n    atexit.register(time.sleep, 1000)\n    raise SystemExit(0)"),
    (
        "a finaliser",
        "import time\n    class Stays:\n        def __del__(self): time.sleep(1000)\n    stays = Stays()\n    del stays",
    ),
];

#[test]
fn nothing_outlives_the_deadline() {
    let range = Range::new("staying");
    let orders = STAYING.iter().enumerate().map(|(number, (_, body))| Order {
        // From the hand-over on, the start of the interpreter included.
        deadline: 20,
        ..Order::new(
            &format!("staying-{number}"),
            format!("def strategy(data):\n    {body}\n    return data['close'] > 0\n"),
        )
    });
    for ((what, _), shot) in STAYING.iter().zip(range.shoot(orders.collect())) {
        let report = shot.report();
        assert!(
            shot.lines.iter().any(|line| line.contains("running")),
            "{what}: never began: {:?}",
            shot.lines
        );
        // An exit handler is never called: the process ends by _exit.
        let expected = if *what == "at exit" { Outcome::StrategyError } else { Outcome::DeadlineExceeded };
        assert_eq!((report.outcome, shot.exit.code), (expected, 0), "{what}: {report:?}");
        println!("I32  {what:<24} {:?}, container ended with {}", report.outcome, shot.exit.code);
    }
}

/// Leaves behind whatever it can, and finds whatever was left.
const TRACES: &str = "
import os
def strategy(data):
    found = []
    for folder in ('/dev/shm', '/dev/mqueue', '/tmp', '/run', '/var/tmp', '/proc/sysvipc'):
        try:
            found += os.listdir(folder)
        except OSError:
            pass
        try:
            open(folder + '/trace', 'w').close()
        except OSError:
            pass
    print(found, os.uname().nodename, os.__file__)
    return data['close'] > 0
";

#[test]
fn one_run_leaves_nothing_for_the_next() {
    let range = Range::new("traces");
    let shots = range.shoot(vec![Order::new("first", TRACES), Order::new("second", TRACES)]);
    let said: Vec<String> = shots.iter().map(|shot| shot.report().output).collect();
    for (shot, said) in shots.iter().zip(&said) {
        // A host name of its own, and nothing to be found anywhere.
        assert!(said.starts_with(&format!("[] {} ", shot.name)), "{said}");
    }
    let leave = "import os\nfor folder in ('/dev/shm', '/dev/mqueue'):\n    open(folder + '/trace', 'w').close()\nprint(sorted(os.listdir('/dev/shm')))";
    let (_, log) = range.outside("leaving", &[leave], true);
    assert_eq!(text(&log).trim(), "['trace']", "no control");
    println!("I35  {} | {}", said[0].trim(), said[1].trim());
}
