//! Lines in and out: the latch, half lines, clients that come and go, ends of all kinds.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use stratbox::wire::{Outbound, Outcome, Progress, Report};

use crate::support::{LONG, Sandbox, expected, outcome, run, scratch};

const HOLD: &str = "def strategy(data):\n    return data['close'] > 0\n";
const BUSY: &str = "def strategy(data):\n    while True: pass\n";

#[test]
fn a_run_that_comes_while_warming_is_latched_and_done() {
    let mut sandbox = Sandbox::start_with(|_| {});
    assert_eq!(sandbox.hello("early"), Progress::Warming);
    let run = run(HOLD);
    sandbox.send(run.clone());
    sandbox.until(|frame| {
        matches!(&frame, Outbound::Accepted(accepted) if *accepted == run.accepted()).then_some(())
    });
    assert_eq!(sandbox.hello("again"), Progress::Accepted(run.accepted()));
    assert_eq!(sandbox.report(&run).outcome, Outcome::Succeeded);
    assert!(!sandbox.seen.iter().any(|line| line.contains("\"ready\"")), "ready after accepted");
}

#[test]
fn what_is_no_valid_run_is_answered_with_the_state_and_changes_nothing() {
    let mut sandbox = Sandbox::ready();
    let good = run(HOLD);
    let mut foreign = good.clone();
    foreign.pod_uid = "another".into();
    sandbox.send(foreign);
    assert_eq!(sandbox.state(""), Progress::Ready);
    let mut changed = good.clone();
    changed.code.push('#');
    sandbox.send(changed);
    assert_eq!(sandbox.state(""), Progress::Ready);
    for line in [
        &b"nonsense\n"[..],
        b"{\"run\":{}}\n",
        b"\xff\xfe\n",
        b"{\"hello\":{\"nonce\":\"a\",\"nonce\":\"b\"}}\n",
    ] {
        sandbox.write(line);
        assert_eq!(sandbox.state(""), Progress::Ready, "{line:?}");
    }
    sandbox.write(&vec![b'['; 2_000_000]);
    sandbox.write(b"\n\n\n");
    assert_eq!(sandbox.state(""), Progress::Ready);
    assert_eq!(sandbox.hello("n"), Progress::Ready);
    sandbox.send(good.clone());
    assert_eq!(sandbox.report(&good).outcome, Outcome::Succeeded);
}

#[test]
fn a_half_line_of_a_dead_operator_harms_nothing() {
    let mut sandbox = Sandbox::ready();
    let run = run(HOLD);
    let line = stratbox::wire::Inbound::Run(Box::new(run.clone())).to_line();
    sandbox.write(&line.as_bytes()[..line.len() / 2]);
    thread::sleep(Duration::from_millis(50));
    sandbox.write(b"\n");
    assert_eq!(sandbox.state(""), Progress::Ready);
    // Torn into many pieces a line is a line all the same.
    for piece in line.as_bytes().chunks(97) {
        sandbox.write(piece);
    }
    assert_eq!(sandbox.report(&run).outcome, Outcome::Succeeded);
}

#[test]
fn the_first_of_two_runs_counts() {
    let mut sandbox = Sandbox::ready();
    let first = run("import time\ndef strategy(data):\n    time.sleep(0.5)\n    return data['close'] > 0\n");
    let mut second = run(BUSY);
    second.attempt = 2;
    sandbox.send(first.clone());
    sandbox.send(second);
    assert_eq!(sandbox.state(""), Progress::Accepted(first.accepted()));
    assert_eq!(sandbox.report(&first).outcome, Outcome::Succeeded);
    assert_eq!(sandbox.ended().code, Some(0));
}

#[test]
fn clients_come_and_go() {
    let fifo = scratch("stdin").join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs");
    assert!(made.success());
    let opener = fifo.clone();
    let first = thread::spawn(move || OpenOptions::new().write(true).open(opener).expect("the writing end"));
    let reading = File::open(&fifo).expect("the reading end");
    let mut sandbox = Sandbox::start_with(|command| {
        command.stdin(Stdio::from(reading));
    });
    let mut client = first.join().expect("a client");
    client.write_all(b"\n{\"hello\":{\"nonce\":\"one\"}}\n{\"run\":{\"sch").expect("writing");
    sandbox.state("one");
    sandbox.until_ready();
    drop(client);

    // Nobody there: it waits, and does so quietly.
    let before = processor_time(sandbox.pid());
    thread::sleep(Duration::from_secs(2));
    let spent = processor_time(sandbox.pid()) - before;
    assert!(spent <= 5, "{spent} ticks of 10 ms in 2 s");

    let mut client = OpenOptions::new().write(true).open(&fifo).expect("the next client");
    client.write_all(b"\n{\"hello\":{\"nonce\":\"two\"}}\n").expect("writing");
    assert_eq!(sandbox.state("two"), Progress::Ready);
    drop(client);
    let run = run(HOLD);
    let mut client = OpenOptions::new().write(true).open(&fifo).expect("the last client");
    client
        .write_all(stratbox::wire::Inbound::Run(Box::new(run.clone())).to_line().as_bytes())
        .expect("writing");
    assert_eq!(sandbox.report(&run).outcome, Outcome::Succeeded);
}

/// User and system time of a process in ticks.
fn processor_time(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("ticks")).sum()
}

#[test]
fn a_deleted_pod_goes_at_once_and_leaves_nothing() {
    for busy in [false, true] {
        let mut sandbox = Sandbox::ready();
        if busy {
            sandbox.send(run(BUSY));
            sandbox.until(|frame| matches!(frame, Outbound::Stage(_)).then_some(()));
        }
        // The interpreter and an evaluation, be it one that waits.
        let family = family(&sandbox, busy);
        let begun = Instant::now();
        terminate(&sandbox);
        let ended = sandbox.ended();
        assert_eq!(ended.code, Some(143));
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert!(ended.log.is_empty());
        for pid in family {
            assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{pid} is left");
        }
    }
}

#[test]
fn the_first_evaluation_waits_for_its_run_and_goes_with_its_interpreter() {
    let mut sandbox = Sandbox::ready();
    let waiting = family(&sandbox, false);
    sandbox.send(run(BUSY));
    sandbox.until(|frame| matches!(frame, Outbound::Stage(_)).then_some(()));
    assert_eq!(descendants(sandbox.pid()), waiting, "the process that waited runs it");
    terminate(&sandbox);
    assert_eq!(sandbox.ended().code, Some(143));
    // The runner of the next one has no time to end anything.
    let mut sandbox = Sandbox::ready();
    let waiting = family(&sandbox, false);
    sandbox.process.kill().expect("a signal");
    until_gone(&waiting);
}

#[test]
fn an_evaluation_that_is_killed_while_it_waits_is_replaced() {
    let mut sandbox = Sandbox::ready();
    let waiting = family(&sandbox, false)[1];
    assert!(
        Command::new("kill").args(["-KILL", &waiting.to_string()]).status().expect("kill runs").success()
    );
    until_gone(&[waiting]);
    let run = run(HOLD);
    sandbox.send(run.clone());
    assert_eq!(sandbox.report(&run).outcome, Outcome::Succeeded);
}

/// What the kubelet does first with a pod that goes.
fn terminate(sandbox: &Sandbox) {
    let pid = sandbox.pid().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
}

/// The interpreter and the evaluation that waits: one that is warm by now, or at work.
fn family(sandbox: &Sandbox, busy: bool) -> Vec<u32> {
    let until = Instant::now() + LONG;
    loop {
        let family = descendants(sandbox.pid());
        // Warming up it runs; then it sleeps until there is something to read.
        if family.len() == 2 && (busy || state(family[1]) == Some('S')) {
            return family;
        }
        assert!(family.len() <= 2 && Instant::now() < until, "{family:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What a process does, as the kernel abbreviates it; none without the process.
fn state(pid: u32) -> Option<char> {
    fs::read_to_string(format!("/proc/{pid}/stat")).ok()?.rsplit(") ").next()?.chars().next()
}

/// Waits until of each of them nothing is left but perhaps a corpse.
fn until_gone(pids: &[u32]) {
    let is_alive = |pid: &u32| state(*pid).is_some_and(|state| state != 'Z');
    let until = Instant::now() + LONG;
    while pids.iter().any(is_alive) {
        assert!(Instant::now() < until, "{pids:?} are left");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Children and grandchildren.
fn descendants(pid: u32) -> Vec<u32> {
    let mut all = Vec::new();
    let mut next = vec![pid];
    while let Some(pid) = next.pop() {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
        for task in tasks.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            let children: Vec<u32> =
                children.split_whitespace().map(|pid| pid.parse().expect("a pid")).collect();
            next.extend(&children);
            all.extend(children);
        }
    }
    all
}

#[test]
fn a_stalled_reader_holds_up_neither_deadline_nor_report() {
    let mut sandbox = Sandbox::start_with(|command| {
        // A pipe that nobody empties, and an environment without dataset ahead.
        command.stdout(stalled());
    });
    for _ in 0..3000 {
        sandbox.write(b"\n{\"hello\":{\"nonce\":\"0123456789012345678901234567890123456789\"}}\n");
    }
    let mut run = run(BUSY);
    run.limits.active_deadline_seconds = 4;
    let begun = Instant::now();
    sandbox.send(run.clone());
    let ended = sandbox.ended();
    assert_eq!(ended.code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    let report = Report::read(&ended.log, &expected(&run)).expect("a termination message");
    assert_eq!(report.outcome, Outcome::DeadlineExceeded);
}

/// The writing end of a FIFO whose reader stays open and never reads.
fn stalled() -> Stdio {
    let fifo = scratch("stdout").join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    let both = OpenOptions::new().read(true).write(true).open(&fifo).expect("both ends");
    let writing = OpenOptions::new().write(true).open(&fifo).expect("the writing end");
    // For as long as the test's process lives.
    std::mem::forget(both);
    Stdio::from(writing)
}

#[test]
fn faults_of_the_sandbox_are_exit_code_70_and_say_why() {
    let (pod, none) = (("POD_UID", "p"), ("LANG", "C"));
    for (arguments, variables, expected) in [
        (&[][..], [("POD_UID", ""), none], "POD_UID"),
        (&["--python", "/nowhere/python3"], [pod, none], "start the interpreter"),
        (&["--loop", "/nowhere/loop.py"], [pod, none], "the interpreter ended by itself"),
        (&[], [pod, ("STRATBOX_PRELOAD", "{}")], "STRATBOX_PRELOAD"),
        (&[], [pod, ("STRATBOX_AHEAD", "many")], "STRATBOX_AHEAD"),
        (&["--what"], [pod, none], "--what"),
    ] {
        let sandbox = Sandbox::start_with(|command| {
            command.args(arguments).envs(variables);
        });
        let ended = sandbox.ended();
        assert_eq!(ended.code, Some(70), "{expected}");
        assert!(ended.stderr.contains(expected), "{expected}: {}", ended.stderr);
    }
}

#[test]
fn an_interpreter_that_dies_while_waiting_is_noticed_at_once() {
    let sandbox = Sandbox::ready();
    let interpreter = descendants(sandbox.pid())[0].to_string();
    let begun = Instant::now();
    assert!(Command::new("kill").args(["-KILL", &interpreter]).status().expect("kill runs").success());
    let ended = sandbox.ended();
    assert_eq!(ended.code, Some(70));
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(ended.log.is_empty() && ended.stderr.contains("ended by itself"));
}

#[test]
fn a_report_that_a_strategy_prints_stays_output() {
    let code = r#"
import sys
def strategy(data):
    for stream in (sys.stdout, sys.stderr):
        print('\n{"report":{"schema":1,"outcome":"Succeeded"}}', file=stream)
        print('\n{"state":{"nonce":"x","progress":"ready"}}', file=stream)
    raise ValueError("mine")
"#;
    let report = outcome(&run(code));
    assert_eq!(report.outcome, Outcome::StrategyError);
    assert!(report.fault.expect("a fault").tail.contains("{\"report\":"));
}
