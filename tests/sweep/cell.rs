//! One cell of the matrix: one request of one run, spoiled in one way; and what the run has to be like nevertheless.

use crate::proxy::{Call, Fate, Seen};
use crate::road::{Road, staying};
use crate::stand::{Stand, is_about_a_run};
use crate::support::{block_on, is_finished};
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use stratbox::crd::StrategyRun;
use stratbox::sandbox::is_claimed;

const CODE: &str = "def strategy(data):\n    return data['close'] > data['close'].rolling(50).mean()\n";

/// How long a spoiled run may take: a call without an answer is given up after 15 s.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long the sandbox of a run that was deleted may stay.
const GONE: Duration = Duration::from_secs(30);
/// No request and no write for this long is rest.
const REST: Duration = Duration::from_secs(3);
/// How long the operator waits for an answer that never comes, and then for its next try.
const GIVEN_UP: Duration = Duration::from_secs(17);
/// Runs that the reference is made of.
const REFERENCES: usize = 5;
/// How often a cell is tried whose run has made no such request.
const TRIES: usize = 6;
/// More status writes than the reference's that a fault may cost: progress, told because it took long.
const MORE_WRITES: usize = 4;

/// One request of the reference: its kind and how many of that kind came before it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) verb: &'static str,
    pub(crate) resource: String,
    pub(crate) turn: usize,
}

/// One request, spoiled in one way.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) request: Request,
    pub(crate) fate: Fate,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    /// As the reference.
    Same,
    /// Not as the reference: what differs.
    Differs(Vec<String>),
    /// The run made no such request.
    NotReached,
}

/// A run that nothing happened to.
pub(crate) struct Reference {
    /// Its requests, in their order.
    pub(crate) requests: Vec<Request>,
    road: Road,
    trace: Trace,
}

/// What can be compared of a run that has come to rest.
struct Trace {
    status: Value,
    /// Sandboxes created for the run, by attempt, and those that a pool made.
    pods: BTreeMap<String, usize>,
    made: usize,
    deleted: usize,
    /// Deletions that went through to the API server, as far as anybody knows, and that nobody heard the answer to.
    unanswered: usize,
    /// Pods that are there in the end.
    left: usize,
    policies: usize,
    writes: usize,
    containers: i32,
    attempts: i32,
    /// Attempts whose sandbox is a pool's.
    warm: usize,
    moved: bool,
    restless: bool,
    fired: usize,
    requests: Vec<Request>,
}

impl Request {
    fn is(&self, call: &Call) -> bool {
        self.verb == call.verb && self.resource == call.resource
    }

    /// The request after which something may run.
    pub(crate) fn takes_the_sandbox(&self) -> bool {
        matches!(self.verb, "create" | "patch") && self.resource == "pods"
    }

    /// Whether it is more than a look.
    pub(crate) fn changes_something(&self) -> bool {
        self.verb != "get"
    }
}

impl Reference {
    /// Takes the requests that each of some runs has made: how often a pod is looked at on its way depends on how its
    /// changes fall together.
    pub(crate) fn take(stand: &Stand, road: Road) -> Self {
        let mut traces: Vec<Trace> = (0..REFERENCES)
            .map(|_| trace(stand, road, None).unwrap_or_else(|wrong| panic!("the reference: {wrong}")))
            .collect();
        let mut trace = traces.pop().unwrap();
        for other in &traces {
            let differs = compare(other, &trace, road);
            assert!(differs.is_empty(), "two runs differ that nothing happened to: {differs:?}");
            trace.requests.retain(|request| other.requests.contains(request));
        }
        // A container that is coming up is attached to until it is there: how often differs, and all but the last of
        // these tries end by themselves. What comes after it is in tests/e2e_faults.rs.
        trace.requests.retain(|request| request.verb != "attach" || request.turn == 1);
        assert_eq!((trace.containers, trace.attempts), (1, 1), "one sandbox, one container");
        assert_eq!(
            (trace.warm, trace.left),
            (road.waiting(), road.waiting()),
            "whose sandbox, and what is left"
        );
        Self { requests: trace.requests.clone(), road, trace }
    }

    pub(crate) fn totals(&self) -> String {
        let Trace { writes, made, pods, deleted, policies, containers, .. } = &self.trace;
        format!(
            "{}, {} requests: {writes} status writes, {} pod created, {deleted} deleted, {policies} policy, {containers} container",
            self.road,
            self.requests.len(),
            made + pods.len()
        )
    }
}

impl Cell {
    /// Runs it, and again if the run has made no such request this time.
    pub(crate) fn try_on(&self, stand: &Stand, reference: &Reference) -> Verdict {
        for _ in 0..TRIES {
            match trace(stand, reference.road, Some(self)) {
                Err(wrong) => return Verdict::Differs(vec![wrong]),
                Ok(trace) if trace.fired == 0 => {}
                Ok(trace) => {
                    let differs = compare(&trace, &reference.trace, reference.road);
                    return if differs.is_empty() { Verdict::Same } else { Verdict::Differs(differs) };
                }
            }
        }
        Verdict::NotReached
    }
}

/// Whatever differs from the reference.
fn compare(seen: &Trace, reference: &Trace, road: Road) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |right: bool, what: String| {
        if !right {
            wrong.push(what);
        }
    };
    check(
        seen.status == reference.status,
        format!("status: {}", difference(&seen.status, &reference.status)),
    );
    check(seen.pods.values().all(|count| *count == 1), format!("pods of one attempt: {:?}", seen.pods));
    // A run whose claim was lost has a sandbox of its own.
    let own = usize::try_from(seen.attempts).unwrap_or_default().saturating_sub(seen.warm);
    check(seen.pods.len() == own, format!("pods created: {} for {own} attempts", seen.pods.len()));
    check(seen.left == reference.left, format!("pods left: {}", seen.left));
    let (created, gone) = (seen.pods.len() + seen.made + road.waiting(), seen.deleted + seen.left);
    // Who tells a pod twice to go is answered twice; and who dies while it is being told hears no answer.
    let balanced =
        if seen.warm == 0 && seen.made == 0 { created == gone } else { created <= gone + seen.unanswered };
    check(balanced, format!("{created} pods, {} deleted and {} left", seen.deleted, seen.left));
    check(seen.policies == reference.policies, format!("policies created: {}", seen.policies));
    check(
        seen.containers == seen.attempts,
        format!("{} containers, {} attempts", seen.containers, seen.attempts),
    );
    let writes = reference.writes.saturating_sub(1)..=reference.writes + MORE_WRITES;
    check(writes.contains(&seen.writes), format!("status writes: {}", seen.writes));
    check(!seen.moved, "the status changed after its end".into());
    check(!seen.restless, "requests without an end".into());
    wrong
}

/// Runs the strategy once, and looks until all is at rest.
fn trace(stand: &Stand, road: Road, cell: Option<&Cell>) -> Result<Trace, String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("run-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    road.until_whole(stand, PATIENCE)?;
    stand.proxy.forget();
    if let Some(cell) = cell.cloned() {
        let home = stand.home.name.clone();
        stand.proxy.play(move |call, before| {
            let is = |call: &Call| is_about_a_run(&home, call) && cell.request.is(call);
            let turn = before.iter().filter(|seen| is(&seen.call)).count() + 1;
            if is(call) && turn == cell.request.turn { cell.fate } else { Fate::Pass }
        });
    }
    stand.create(&name, CODE);
    let ended = until_finished(stand, &name).and_then(|run| at_rest(stand, road, &run));
    stand.proxy.rest();
    let trace = ended.map(|(run, moved, restless)| {
        let seen = stand.requests();
        Trace { moved, restless, ..read(stand, road, &run, &seen) }
    });
    clean_up(stand, road, &name)?;
    trace
}

fn until_finished(stand: &Stand, name: &str) -> Result<StrategyRun, String> {
    let runs = stand.home.runs();
    let started = Instant::now();
    loop {
        let run = block_on(runs.get(name)).map_err(|error| format!("run {name}: {error}"))?;
        if is_finished(&run) {
            return Ok(run);
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("not ended: {}", serde_json::to_string(&run.status).unwrap_or_default()));
        }
        if !stand.is_alive() {
            return Err("the operator has ended by itself".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits for rest; whether the status moved after the end, and whether there is no rest.
fn at_rest(stand: &Stand, road: Road, ended: &StrategyRun) -> Result<(StrategyRun, bool, bool), String> {
    let started = Instant::now();
    let is_quiet = || {
        stand.requests().iter().all(|seen| seen.at.elapsed() > unanswered(seen.fate) + REST)
            && road.is_whole(stand)
    };
    while !is_quiet() && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(100));
    }
    let restless = !is_quiet();
    let run = block_on(stand.home.runs().get(&ended.name_any())).map_err(|error| error.to_string())?;
    let moved = run.resource_version() != ended.resource_version();
    if stand.log().contains("panicked at") {
        return Err("the operator has panicked".into());
    }
    Ok((run, moved, restless))
}

/// How long after a request of that fate nothing more may come although all goes well.
fn unanswered(fate: Fate) -> Duration {
    match fate {
        Fate::Silence => GIVEN_UP,
        Fate::Delay(pause) | Fate::HoldAfter(_, pause) => pause,
        Fate::Pass
        | Fate::Refuse(_)
        | Fate::Cut
        | Fate::LoseReply
        | Fate::CutAfter(_)
        | Fate::CrashMidway(_)
        | Fate::CrashBefore
        | Fate::CrashAfter => Duration::ZERO,
    }
}

fn read(stand: &Stand, road: Road, run: &StrategyRun, seen: &[Seen]) -> Trace {
    let done = |verb: &str, resource: &str| {
        seen.iter()
            .filter(|seen| seen.call.verb == verb && seen.call.resource == resource)
            .filter(|seen| seen.code.is_some_and(|code| (200..300).contains(&code)))
            .cloned()
            .collect::<Vec<Seen>>()
    };
    let (mut pods, mut made) = (BTreeMap::new(), 0);
    for pod in done("create", "pods") {
        let label = |name: &str| pod.labels[name].as_str();
        match (label("stratbox.dev/run-uid"), label("stratbox.dev/attempt")) {
            (Some(run), Some(attempt)) => *pods.entry(format!("{run}/{attempt}")).or_default() += 1,
            _ => made += 1,
        }
    }
    let attempts = run.status.as_ref().map_or(&[][..], |status| &status.attempts);
    let names: Vec<String> = attempts.iter().map(|attempt| attempt.pod_name.clone()).collect();
    let mut turns: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let requests = seen.iter().map(|seen| {
        let turn = turns.entry((seen.call.verb, &seen.call.resource)).or_default();
        *turn += 1;
        Request { verb: seen.call.verb, resource: seen.call.resource.clone(), turn: *turn }
    });
    Trace {
        requests: requests.collect(),
        status: masked(run, road),
        pods,
        made,
        left: staying(&stand.home, |_| true),
        warm: attempts.iter().filter(|attempt| attempt.warm).count(),
        deleted: done("delete", "pods").len(),
        unanswered: seen
            .iter()
            .filter(|seen| seen.call.verb == "delete" && seen.call.resource == "pods")
            .filter(|seen| seen.code.is_none() && seen.fate == Fate::Pass)
            .count(),
        policies: done("create", "networkpolicies").len(),
        writes: done("patch", "strategyruns/status").len(),
        containers: stand.home.containers_started(&names),
        attempts: i32::try_from(attempts.len()).unwrap_or(i32::MAX),
        moved: false,
        restless: false,
        fired: seen.iter().filter(|seen| seen.fate != Fate::Pass).count(),
    }
}

/// The status without times, UIDs and what is made of them.
fn masked(run: &StrategyRun, road: Road) -> Value {
    let mut status = run.status.clone();
    if road == Road::Warm {
        // A claim that is lost is answered by a sandbox of the run's own; whose it is, is compared by itself.
        for attempt in status.iter_mut().flat_map(|status| &mut status.attempts) {
            (attempt.warm, attempt.cold_reason) = (false, None);
        }
    }
    let mut status = serde_json::to_value(&status).unwrap_or_default();
    if let Some(fields) = status.as_object_mut() {
        // After a restart the operator does not know how long things took before it.
        fields.remove("durations");
    }
    mask(&mut status);
    status
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let differs = [
                    "startTime",
                    "completionTime",
                    "lastTransitionTime",
                    "startedAt",
                    "finishedAt",
                    "podName",
                    "podUID",
                    "uidMap",
                ];
                if differs.contains(&name.as_str()) && value.is_string() {
                    *value = Value::from("…");
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The first fields that differ.
fn difference(is: &Value, should: &Value) -> String {
    match (is, should) {
        (Value::Object(is), Value::Object(should)) => {
            let names = is.keys().chain(should.keys().filter(|name| !is.contains_key(*name)));
            let null = Value::Null;
            let of = |fields: &serde_json::Map<String, Value>, name: &str| {
                fields.get(name).unwrap_or(&null).clone()
            };
            names
                .filter(|name| is.get(*name) != should.get(*name))
                .map(|name| format!("{name}: {}", difference(&of(is, name), &of(should, name))))
                .collect::<Vec<_>>()
                .join("; ")
        }
        _ => format!("{is} instead of {should}"),
    }
}

/// Takes the run away, and what it alone had made, so that the next one finds the same as this one did.
fn clean_up(stand: &Stand, road: Road, name: &str) -> Result<(), String> {
    let runs = stand.home.runs();
    block_on(runs.delete(name, &DeleteParams::default())).map_err(|error| error.to_string())?;
    road.forget_policy(stand)?;
    let started = Instant::now();
    while !stand.home.pods(is_claimed).is_empty() {
        if started.elapsed() > GONE {
            return Err("a sandbox of the run stays".to_owned());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
