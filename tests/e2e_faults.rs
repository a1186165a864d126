//! Faults between the operator and the API server that last for a while or need two to happen: each by a proxy, with an
//! operator of this checkout behind it. `tests/sweep.rs` has those that strike once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]
#![allow(clippy::print_stdout, reason = "the moments of the kills are what a failure is repeated by")]

#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/stand.rs"]
mod stand;
mod support;

use kube::ResourceExt as _;
use kube::api::{DeleteParams, Patch, PatchParams};
use proxy::{Call, Fate, Seen, Watching};
use serde_json::json;
use stand::{Stand, WATCHED, is_about_a_run};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use stratbox::crd::StrategyRun;
use support::{block_on, busy, reason};

const FAST: &str = "def strategy(data):\n    return data['close'] > data['close'].rolling(50).mean()\n";
const HOLD: &str = "def strategy(data):\n    return data['close'] > 0\n";

/// About five seconds of computing on half a CPU.
const BUSY: u32 = 6_000;

/// Waits for the run's end, which has to be one with metrics, after one sandbox that was started once.
fn assert_succeeds_once(stand: &Stand, name: &str) -> StrategyRun {
    let run = stand.home.wait_finished(name);
    assert_eq!(reason(&run), "Succeeded", "{:?}", run.status);
    let attempts = &run.status.as_ref().unwrap().attempts;
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    let pods = [attempts[0].pod_name.clone()];
    assert_eq!(stand.home.containers_started(&pods), 1);
    let created = done(stand, "create", "pods")
        .iter()
        .filter(|pod| pod.labels["stratbox.dev/run-uid"] == json!(run.uid()))
        .count();
    assert_eq!(created, 1, "pods created");
    assert!(stand.is_alive() && !stand.log().contains("panicked at"));
    run
}

/// The requests of a kind that the API server has carried out.
fn done(stand: &Stand, verb: &str, resource: &str) -> Vec<Seen> {
    let mut seen = stand.requests();
    seen.retain(|seen| {
        seen.call.verb == verb
            && seen.call.resource == resource
            && seen.code.is_some_and(|code| (200..300).contains(&code))
    });
    seen
}

/// Spoils every request about a run for that long from the first one on.
fn for_a_while(stand: &Stand, length: Duration, fate: Fate) {
    let (home, mut until) = (stand.home.name.clone(), None);
    stand.proxy.play(move |call, _| {
        if !is_about_a_run(&home, call) {
            return Fate::Pass;
        }
        let until = *until.get_or_insert_with(|| Instant::now() + length);
        if Instant::now() < until { fate } else { Fate::Pass }
    });
}

fn of(call: &Call, verb: &str, resource: &str) -> bool {
    call.verb == verb && call.resource == resource
}

/// Seeds of moments at which the operator is killed.
const SEEDS: u64 = 24;

/// Milliseconds that a seed has for the next pause, less than so many.
fn dice(state: &mut u64, below: u64) -> Duration {
    // SplitMix64: neighbours among the seeds have nothing in common.
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut bits = *state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    Duration::from_millis((bits ^ (bits >> 31)) % below)
}

#[test]
fn f02_an_operator_that_is_killed_at_any_moment_runs_nothing_twice() {
    let stand = Stand::new("killed");
    stand.create("model", FAST);
    let model = assert_succeeds_once(&stand, "model");
    let (mut under_way, mut kills) = (0, 0);
    for seed in 0..SEEDS {
        let (name, mut state) = (format!("seed-{seed}"), seed);
        stand.proxy.forget();
        stand.create(&name, FAST);
        let mut pauses = Vec::new();
        for below in [2_500, 1_000] {
            let pause = dice(&mut state, below);
            std::thread::sleep(pause);
            let run = block_on(stand.home.runs().get(&name)).unwrap();
            under_way += u32::from(!support::is_finished(&run));
            kills += 1;
            stand.restart();
            pauses.push(pause.as_millis());
        }
        let run = stand.home.wait_finished(&name);
        let attempts = &run.status.as_ref().unwrap().attempts;
        println!("seed {seed}: killed after {pauses:?} ms: {} in {} sandbox", reason(&run), attempts.len());
        assert_eq!((reason(&run), attempts.len()), ("Succeeded", 1), "{:?}", run.status);
        assert_eq!(stand.home.containers_started(&[attempts[0].pod_name.clone()]), 1);
        assert_eq!(metrics(&run), metrics(&model));
        // A creation whose answer nobody waited for is not in the proxy's count.
        assert!(done(&stand, "create", "pods").len() <= 1, "pods created");
        assert!(stand.is_alive() && !stand.log().contains("panicked at"));
    }
    println!("{SEEDS} runs, {kills} kills, {under_way} of them under way: 0 executed twice");
    assert!(under_way * 2 > kills, "most kills came too late: {under_way} of {kills}");
}

#[test]
fn f03_replies_that_are_lost_cost_nothing() {
    let stand = Stand::new("lost");
    // The first of each kind: each of them is done, and none is heard of.
    stand.proxy.play(|call, before| {
        let first = !before.iter().any(|seen| of(&seen.call, call.verb, &call.resource));
        let changes = matches!(call.verb, "create" | "patch" | "delete");
        if changes && first { Fate::LoseReply } else { Fate::Pass }
    });
    stand.create("lost", FAST);
    assert_succeeds_once(&stand, "lost");
    let lost = stand.requests().iter().filter(|seen| seen.fate == Fate::LoseReply).count();
    assert!(lost >= 4, "policy, pod, status and event: {lost}");
}

#[test]
fn f03_a_conversation_that_is_cut_anywhere_is_taken_up_again() {
    let stand = Stand::new("cut");
    // What the runner says comes in this many pieces at most.
    for reads in 1..=5 {
        for fate in [Fate::CutAfter(reads), Fate::CrashMidway(reads)] {
            stand.proxy.forget();
            // Until it has struck: while the container is coming up, a conversation ends before it has begun.
            stand.proxy.play(move |call, before| {
                let struck = before.iter().any(|seen| seen.stopped);
                if call.verb == "attach" && !struck { fate } else { Fate::Pass }
            });
            let kind = if matches!(fate, Fate::CutAfter(_)) { "cut" } else { "crash" };
            let name = format!("{kind}-{reads}");
            stand.create(&name, FAST);
            assert_succeeds_once(&stand, &name);
        }
    }
}

#[test]
fn f03_a_conversation_that_dies_without_a_word_is_taken_up_again() {
    let stand = Stand::new("mute");
    stand.proxy.play(|call, before| {
        let struck = before.iter().any(|seen| seen.stopped);
        if call.verb == "attach" && !struck {
            Fate::HoldAfter("accepted", Duration::from_hours(1))
        } else {
            Fate::Pass
        }
    });
    stand.create("mute", FAST);
    assert_succeeds_once(&stand, "mute");
    assert!(stand.requests().iter().any(|seen| seen.stopped), "no conversation has died");
}

#[test]
fn f04_another_writer_loses_nothing_and_stops_nobody() {
    let stand = Stand::new("writer");
    stand.create("shared", &busy(BUSY));
    let stop = Arc::new(AtomicBool::new(false));
    let (runs, stopped) = (stand.home.runs(), stop.clone());
    let writer = std::thread::spawn(move || {
        let mut count = 0;
        while !stopped.load(Ordering::Relaxed) {
            count += 1;
            let patch = json!({"metadata": {"annotations": {"example.com/count": count.to_string()}}});
            block_on(runs.patch("shared", &PatchParams::default(), &Patch::Merge(&patch))).expect("a write");
            std::thread::sleep(Duration::from_millis(50));
        }
        count
    });
    let run = assert_succeeds_once(&stand, "shared");
    stop.store(true, Ordering::Relaxed);
    let count = writer.join().unwrap();
    assert!(count > 20, "{count} writes are not enough to be in the way");
    let after = block_on(stand.home.runs().get("shared")).unwrap();
    assert_eq!(after.annotations()["example.com/count"], count.to_string());
    assert_eq!(after.status, run.status, "an end is an end, whoever writes");
}

#[test]
fn f05_an_api_server_that_asks_for_patience_gets_it() {
    let stand = Stand::new("patience");
    for_a_while(&stand, Duration::from_secs(8), Fate::Refuse(429));
    stand.create("calls", FAST);
    assert_succeeds_once(&stand, "calls");
    let refused = stand.requests().iter().filter(|seen| seen.fate == Fate::Refuse(429)).count();
    assert!((1..=8).contains(&refused), "{refused} requests within 8 s");

    // The same for attach, which is no reconcile.
    stand.proxy.forget();
    let mut until = None;
    stand.proxy.play(move |call, _| {
        if call.verb != "attach" {
            return Fate::Pass;
        }
        let until = *until.get_or_insert_with(|| Instant::now() + Duration::from_secs(6));
        if Instant::now() < until { Fate::Refuse(429) } else { Fate::Pass }
    });
    stand.create("attach", FAST);
    assert_succeeds_once(&stand, "attach");
    let refused = stand.requests().iter().filter(|seen| seen.fate == Fate::Refuse(429)).count();
    assert!((1..=7).contains(&refused), "{refused} tries to attach within 6 s");
}

#[test]
fn a_runner_that_cannot_be_reached_yet_shows_as_starting() {
    let stand = Stand::new("starting");
    let mut until = None;
    stand.proxy.play(move |call, _| {
        let until = *until.get_or_insert_with(|| Instant::now() + Duration::from_secs(8));
        if call.verb == "attach" && Instant::now() < until { Fate::Refuse(500) } else { Fate::Pass }
    });
    stand.create("deaf", FAST);
    let waiting = stand.home.wait_until("deaf", |run| reason(run) == "Starting", support::PATIENCE);
    let (_, _, message) = support::condition(&waiting, "Ready").unwrap();
    assert!(message.contains("runner") || message.contains("starting"), "{message}");
    assert!(support::condition(&waiting, "Reconciling").is_some() && !support::is_finished(&waiting));
    assert_eq!(support::condition(&waiting, "Scheduled").map(|(status, _, _)| status), Some("True"));
    assert_succeeds_once(&stand, "deaf");
}

#[test]
fn artifacts_on_their_way_show_as_collecting() {
    let stand = Stand::new("collecting");
    stand.proxy.play(|call, _| {
        if call.verb == "attach" { Fate::HoldAfter("report", Duration::from_secs(4)) } else { Fate::Pass }
    });
    let more = "  dataset: {name: us-stocks, symbols: [AAPL]}\n  artifacts: [EquityCurve]\n";
    stand.home.apply(&support::run_yaml("curve", FAST, more));
    let waiting = stand.home.wait_until("curve", |run| reason(run) == "Collecting", support::PATIENCE);
    let status = waiting.status.as_ref().unwrap();
    assert!(status.metrics.is_none() && status.artifacts.is_empty(), "not before it has all: {status:?}");
    assert!(support::condition(&waiting, "Reconciling").is_some() && !support::is_finished(&waiting));
    let run = assert_succeeds_once(&stand, "curve");
    assert_eq!(run.status.unwrap().artifacts.len(), 1);
}

#[test]
fn f06_an_api_server_that_fails_is_waited_for() {
    let stand = Stand::new("failing");
    for fate in [Fate::Refuse(500), Fate::Refuse(503), Fate::Cut, Fate::Silence] {
        let name = format!("run-{}", stand.requests().len());
        // Watches too: those that are open end, and new ones meet the same fate.
        for resource in WATCHED {
            stand.watching(resource, Watching::Gone);
        }
        let mut until = None;
        stand.proxy.play(move |_, _| {
            let until = *until.get_or_insert_with(|| Instant::now() + Duration::from_secs(4));
            if Instant::now() < until { fate } else { Fate::Pass }
        });
        stand.create(&name, FAST);
        assert_succeeds_once(&stand, &name);
    }
}

#[test]
fn f08_a_watch_that_has_gone_silent_holds_no_run_up() {
    let stand = Stand::new("silent");
    stand.watching("pods", Watching::Stall);
    stand.create("unheard", FAST);
    assert_succeeds_once(&stand, "unheard");
}

#[test]
fn f09_a_place_in_history_that_is_gone_is_looked_for_anew() {
    let stand = Stand::new("expired");
    stand.create("before", &busy(BUSY));
    stand.home.wait_until("before", |run| reason(run) == "Running", support::PATIENCE);
    // Away while the watches are: nobody is ever told.
    let down = Arc::new(AtomicBool::new(true));
    let is_down = down.clone();
    stand.proxy.play(move |call, _| {
        let lists = matches!(call.verb, "list" | "watch");
        if lists && is_down.load(Ordering::Relaxed) { Fate::Refuse(500) } else { Fate::Pass }
    });
    for resource in WATCHED {
        stand.watching(resource, Watching::Gone);
    }
    let refused = |stand: &Stand| {
        stand.proxy.seen().iter().any(|seen| seen.call.verb == "watch" && seen.fate == Fate::Refuse(500))
    };
    stand.wait(support::PATIENCE, "the watches are down", refused);
    block_on(stand.home.runs().delete("before", &DeleteParams::default())).unwrap();
    down.store(false, Ordering::Relaxed);
    // The operator has missed the deletion: the same name means another run now.
    let gone = |stand: &Stand| block_on(stand.home.runs().get_opt("before")).unwrap().is_none();
    stand.wait(support::PATIENCE, "the run is gone", gone);
    stand.create("before", FAST);
    assert_succeeds_once(&stand, "before");
    stand.create("after", FAST);
    assert_succeeds_once(&stand, "after");
}

#[test]
fn f10_events_that_are_lost_or_come_twice_change_nothing() {
    let stand = Stand::new("events");
    stand.watching("pods", Watching::Drop);
    stand.create("dropped", FAST);
    let dropped = assert_succeeds_once(&stand, "dropped");
    stand.proxy.rest();
    for resource in WATCHED {
        stand.watching(resource, Watching::Twice);
    }
    stand.create("twice", FAST);
    let twice = assert_succeeds_once(&stand, "twice");
    assert_eq!(metrics(&dropped), metrics(&twice));
}

#[test]
fn f11_a_view_that_is_behind_starts_nothing_twice() {
    let stand = Stand::new("behind");
    stand.create("stale", FAST);
    let begun =
        |stand: &Stand| stand.requests().iter().any(|seen| of(&seen.call, "patch", "strategyruns/status"));
    stand.wait(support::PATIENCE, "the run has begun", begun);
    stand.watching("strategyruns", Watching::Behind(3));
    stand.watching("pods", Watching::Behind(3));
    assert_succeeds_once(&stand, "stale");
    // One that is seen anew while the end of the first is not.
    stand.restart();
    stand.proxy.rest();
    stand.create("fresh", FAST);
    assert_succeeds_once(&stand, "fresh");
    let first = block_on(stand.home.runs().get("stale")).unwrap();
    assert_eq!(first.status.unwrap().attempts.len(), 1, "an end is an end");
}

#[test]
fn f12_the_result_of_a_run_that_is_gone_never_lands_in_its_successor() {
    let stand = Stand::new("successor");
    stand.create("model", HOLD);
    let model = assert_succeeds_once(&stand, "model");
    stand.create("same", &busy(BUSY));
    let old = stand.home.wait_until("same", |run| reason(run) == "Running", support::PATIENCE);
    // The next write brings the result: it is held up until there is a successor.
    stand.proxy.forget();
    stand.proxy.play(|call, before| {
        let is = |call: &Call| of(call, "patch", "strategyruns/status");
        let first = is(call) && !before.iter().any(|seen| is(&seen.call));
        if first { Fate::Delay(Duration::from_secs(3)) } else { Fate::Pass }
    });
    let is_held = |seen: &Seen| matches!(seen.fate, Fate::Delay(_));
    stand.wait(support::PATIENCE, "the result is under way", |stand| stand.requests().iter().any(is_held));
    block_on(stand.home.runs().delete("same", &DeleteParams::default())).unwrap();
    stand.create("same", HOLD);
    let new = assert_succeeds_once(&stand, "same");
    assert_ne!(old.uid(), new.uid());
    assert_eq!(metrics(&new), metrics(&model));
    stand.wait(support::PATIENCE, "the held write has an answer", |stand| {
        stand.requests().iter().any(|seen| is_held(seen) && seen.code.is_some())
    });
    let late = stand.requests().into_iter().find(is_held).and_then(|seen| seen.code);
    assert!(late.is_some_and(|code| code >= 400), "the old result: {late:?}");
    let after = block_on(stand.home.runs().get("same")).unwrap();
    assert_eq!(after.status, new.status);
}

/// Moments at which an operator stands still.
const STANDSTILLS: u64 = 10;

/// The chart runs one operator and never two, so there is no lease; where two meet all the same, as when a node is lost that
/// comes back, versions, names and the record keep them apart.
#[test]
fn f14_an_operator_that_stood_still_while_another_took_its_place_runs_nothing_twice() {
    let stand = Stand::new("standstill");
    stand.create("model", FAST);
    let model = assert_succeeds_once(&stand, "model");
    let mut again = 0;
    for seed in 0..STANDSTILLS {
        let (name, mut state) = (format!("seed-{seed}"), seed);
        stand.create(&name, FAST);
        let pause = dice(&mut state, 2_500);
        std::thread::sleep(pause);
        let before = reason(&block_on(stand.home.runs().get(&name)).unwrap()).to_owned();
        let still = stand.stand_still();
        let successor = stand.rival();
        let run = stand.home.wait_finished(&name);
        stand.proxy.forget();
        drop(still);
        std::thread::sleep(Duration::from_secs(2));
        let attempts = &run.status.as_ref().unwrap().attempts;
        println!(
            "seed {seed}: still after {} ms ({before:?}): {} in {} sandbox",
            pause.as_millis(),
            reason(&run),
            attempts.len()
        );
        assert_eq!((reason(&run), attempts.len()), ("Succeeded", 1), "{:?}", run.status);
        assert_eq!(metrics(&run), metrics(&model));
        let after = block_on(stand.home.runs().get(&name)).unwrap();
        assert_eq!(after.status, run.status, "an end is an end, whoever comes back");
        // It may speak to the sandbox on record, as long as that is there: a runner that has had a run takes none. What it
        // had begun may create a pod once more; that one is handed nothing, and goes.
        let seen = stand.requests();
        let created = |seen: &Seen| of(&seen.call, "create", "pods") && seen.code == Some(201);
        if let Some(at) = seen.iter().position(created) {
            again += 1;
            let reached = |seen: &Seen| seen.call.verb == "attach" && seen.code == Some(101);
            assert!(!seen[at..].iter().any(reached), "seed {seed}: a second sandbox was spoken to");
        }
        assert_eq!(stand.home.containers_started_in(attempts[0].pod_uid.as_ref().unwrap()), 1);
        assert!(stand.is_alive() && successor.is_alive());
        assert!(!successor.log().contains("panicked at") && !stand.log().contains("panicked at"));
    }
    println!(
        "{STANDSTILLS} standstills: 0 executed twice, {again} pods were created once more and got no run"
    );
    let left = || stand.home.kubectl(&["get", "pods", "-o", "name"]);
    stand.wait(support::PATIENCE, "no pod is left", |_| left().is_empty());
}

fn metrics(run: &StrategyRun) -> serde_json::Value {
    serde_json::to_value(run.status.as_ref().unwrap().metrics).unwrap()
}
