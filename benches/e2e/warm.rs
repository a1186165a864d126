//! Runs that a pool answers: one a second, then more at once than there are sandboxes, and the hand-over by itself.

use super::node::{self, Audit};
use super::pods::Pods;
use super::processors::{Processors, Share};
use super::subject::{milliseconds, sample};
use super::watched::Watched;
use crate::support::{self, Class, Namespace, block_on, cluster, is_finished, reason};
use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};
use stratbox::crd::{CheckMode, Checks, Durations, SandboxClass, SandboxPool, SandboxPoolSpec, StrategyRun};
use stratbox::operator::attach_params;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// Sandboxes that wait; a burst is five runs more.
const SIZE: u32 = 5;
/// Between the starts of two runs.
const PERIOD: Duration = Duration::from_secs(1);
/// The same where the sandboxes are to have waited for so long that all evaluations of the usual checks are forked ahead.
const LONG_PERIOD: Duration = Duration::from_secs(3);
/// After the pool is full: what has come up last has done with it.
const REST: Duration = Duration::from_secs(3);
/// How many runs one after the other before it is another class's turn.
const BLOCK: u32 = 20;
/// The pool of the default class.
const CHECKED: &str = "checked";
const USUAL: &str = "default";
/// What a sandbox may use of the processors.
pub(crate) const WHOLE: &str = "1";
const HALF: &str = "500m";

/// One measured run.
pub(crate) struct MeasuredWarm {
    /// Created → final status seen, in milliseconds.
    pub(crate) total: f64,
    /// Created → its attempt seen on record.
    pub(crate) recorded: Option<f64>,
    /// Created → its sandbox seen to be its own.
    pub(crate) claimed: Option<f64>,
    /// Whether a pool's sandbox answered.
    pub(crate) warm: bool,
    /// Why it ended as it did.
    pub(crate) reason: String,
    /// Where its time went by its own account.
    pub(crate) durations: Durations,
    /// CPU periods in which its sandbox was held back since it was claimed.
    pub(crate) held_back: Option<u64>,
}

/// Runs of one class that checks nothing, and their pool.
#[derive(Default)]
pub(crate) struct Unchecked {
    /// One a second.
    pub(crate) plain: Vec<MeasuredWarm>,
    /// Each when the pool is full and nothing has been started for a while.
    pub(crate) rested: Vec<MeasuredWarm>,
    /// What this machine did at one a second; nothing where the node is another one.
    pub(crate) shares: Vec<Share>,
}

/// All that was measured.
#[derive(Default)]
pub(crate) struct Warm {
    /// With a whole processor for each sandbox.
    pub(crate) whole: Unchecked,
    /// With the default limits: half of one.
    pub(crate) half: Unchecked,
    /// One a second with the default checks.
    pub(crate) checked: Vec<MeasuredWarm>,
    /// One every three seconds with the default checks: each sandbox has waited for a while.
    pub(crate) checked_rested: Vec<MeasuredWarm>,
    /// All at once, checks off, a whole processor.
    pub(crate) burst: Vec<MeasuredWarm>,
    /// Attach to a waiting sandbox until it has answered a `hello`, in milliseconds.
    pub(crate) attach: Vec<f64>,
    /// The answer alone, on an open connection.
    pub(crate) answer: Vec<f64>,
    /// The operator's writes during the plain ones, by verb and resource.
    pub(crate) writes: Option<BTreeMap<String, u32>>,
    /// Resident memory of waiting sandboxes of the default class in MiB.
    pub(crate) idle: Vec<f64>,
    /// The same of a class that checks nothing.
    pub(crate) idle_unchecked: Vec<f64>,
}

fn pools(place: &Namespace) -> Api<SandboxPool> {
    Api::namespaced(cluster().client.clone(), &place.name)
}

/// The default class as it is, but for its checks and processors: what a run of it is not checked for, its sandboxes do
/// not prepare.
fn unchecked(place: &Namespace, cpu: &str) -> Class {
    let name = format!("{}-unchecked-{cpu}", place.name);
    let classes: Api<SandboxClass> = Api::all(cluster().client.clone());
    let made = block_on(async {
        let mut spec = classes.get("default").await?.spec;
        let off = Some(CheckMode::Off);
        spec.defaults.checks = Some(Checks { lookahead: off, determinism: off, ..Checks::default() });
        spec.limits.get_or_insert_default().cpu = Some(cpu.to_owned());
        classes.create(&PostParams::default(), &SandboxClass::new(&name, spec)).await
    });
    made.unwrap_or_else(|error| panic!("class {name}: {error}"));
    Class(name)
}

/// Makes a pool of that class and waits until it is full.
fn make(place: &Namespace, name: &str, class_name: &str) {
    let spec = SandboxPoolSpec {
        class_name: class_name.to_owned(),
        replicas: SIZE,
        max_surge: 1,
        ..SandboxPoolSpec::default()
    };
    block_on(pools(place).create(&PostParams::default(), &SandboxPool::new(name, spec)))
        .unwrap_or_else(|error| panic!("pool {name}: {error}"));
    fill(place, name);
}

/// Takes a pool's sandboxes away.
fn empty(place: &Namespace, name: &str) {
    let emptied = serde_json::json!({"spec": {"replicas": 0}});
    let _ = block_on(pools(place).patch(name, &PatchParams::default(), &Patch::Merge(&emptied)));
}

/// Waits until the pool is full.
fn fill(place: &Namespace, name: &str) {
    let started = Instant::now();
    loop {
        let pool = block_on(pools(place).get(name)).unwrap_or_else(|error| panic!("the pool: {error}"));
        let status = pool.status.unwrap_or_default();
        if status.ready_replicas == pool.spec.replicas {
            return;
        }
        assert!(started.elapsed() < support::PATIENCE, "the pool does not fill up: {status:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Measures everything; `iterations` plain runs of each class that checks nothing, and a fifth of that with checks, and of
/// the rested ones.
pub(crate) fn measure(
    (place, runs): (&Namespace, &Watched<StrategyRun>),
    env: &BTreeMap<String, String>,
    pods: &Pods,
    iterations: u32,
) -> Warm {
    let classes = [WHOLE, HALF].map(|cpu| unchecked(place, cpu));
    let [whole, half] = &classes;
    make(place, &whole.0, &whole.0);
    make(place, &half.0, &half.0);
    // What came up last should not be paid by the first, and a sandbox holds most when it has waited for a while.
    std::thread::sleep(LONG_PERIOD * SIZE);
    let mut warm = Warm { idle_unchecked: idle_memory(place), ..Warm::default() };
    (warm.attach, warm.answer) = block_on(attach_floor(place));
    for class in &classes {
        let _ = paced(runs, pods, &format!("first-{}", class.0), 1..=3, &class.0, PERIOD);
    }
    let rest = || {
        for class in &classes {
            fill(place, &class.0);
        }
        std::thread::sleep(REST);
    };
    let audit;
    {
        // In turns, and each first as often as the other: what else the machine does in these minutes should meet both.
        let mut both = [("whole", whole, &mut warm.whole), ("half", half, &mut warm.half)];
        for turn in 1..=iterations.div_ceil(5) {
            for (word, class, of) in &mut both {
                rest();
                of.rested.push(block_on(one(runs, pods, &format!("rested-{word}-{turn}"), &class.0)));
            }
            both.reverse();
        }
        audit = Audit::begin(env);
        for first in (1..=iterations).step_by(BLOCK as usize) {
            let last = iterations.min(first + BLOCK - 1);
            for (word, class, of) in &mut both {
                rest();
                let processors = (!env.is_empty()).then(Processors::begin).flatten();
                of.plain.extend(paced(runs, pods, word, first..=last, &class.0, PERIOD));
                of.shares.extend(processors.and_then(|processors| processors.share()));
            }
            both.reverse();
        }
    }
    warm.writes = audit.and_then(|audit| audit.writes(&cluster().namespace, &place.name).ok());
    empty(place, &half.0);
    fill(place, &whole.0);
    std::thread::sleep(REST);
    let names: Vec<String> = (0..SIZE + 5).map(|number| format!("burst-{number}")).collect();
    warm.burst = block_on(join_all(names.iter().map(|name| one(runs, pods, name, &whole.0))));
    empty(place, &whole.0);
    make(place, CHECKED, USUAL);
    // As long as the others will have waited.
    std::thread::sleep(LONG_PERIOD * SIZE);
    warm.idle = idle_memory(place);
    warm.checked = paced(runs, pods, "checked", 1..=iterations.div_ceil(5), USUAL, PERIOD);
    fill(place, CHECKED);
    std::thread::sleep(LONG_PERIOD * SIZE);
    warm.checked_rested = paced(runs, pods, "rested-checked", 1..=iterations.div_ceil(5), USUAL, LONG_PERIOD);
    empty(place, CHECKED);
    warm
}

/// One run every `period`, whatever the one before takes.
fn paced(
    runs: &Watched<StrategyRun>,
    pods: &Pods,
    word: &str,
    turns: RangeInclusive<u32>,
    class: &str,
    period: Duration,
) -> Vec<MeasuredWarm> {
    let last = *turns.end();
    turns
        .map(|turn| {
            let started = Instant::now();
            let measured = block_on(one(runs, pods, &format!("{word}-{turn}"), class));
            if turn == last {
                eprintln!(
                    "bench: {word} {turn}: {:.0} ms, {} ({})",
                    measured.total,
                    if measured.warm { "warm" } else { "cold" },
                    measured.reason
                );
            }
            std::thread::sleep(period.saturating_sub(started.elapsed()));
            measured
        })
        .collect()
}

async fn one(runs: &Watched<StrategyRun>, pods: &Pods, name: &str, class: &str) -> MeasuredWarm {
    // Its pod is found by this name: no cold run may have had it.
    let name = &format!("warm-{name}");
    let mut run = sample(name, true);
    run.spec.class_name = class.to_owned();
    let mut recorded = None;
    let seen = |run: &StrategyRun, at: Instant| {
        if run.last_attempt().is_some() {
            recorded.get_or_insert(at);
        }
        is_finished(run)
    };
    let (run, created, finished) =
        runs.create_and_wait(&run, seen).await.unwrap_or_else(|error| panic!("run {name}: {error}"));
    let life = pods.of(name);
    let status = run.status.clone().unwrap_or_default();
    let since = |to: Instant| milliseconds(to.saturating_duration_since(created));
    MeasuredWarm {
        total: since(finished),
        recorded: recorded.map(since),
        claimed: life.as_ref().map(|life| since(life.created)),
        warm: run.last_attempt().is_some_and(|attempt| attempt.warm),
        reason: reason(&run).to_owned(),
        durations: status.durations.unwrap_or_default(),
        held_back: life.and_then(|life| life.throttling.since_first()),
    }
}

/// Resident memory of each waiting sandbox; nothing where they are on another node.
fn idle_memory(place: &Namespace) -> Vec<f64> {
    let pods: Api<Pod> = Api::namespaced(cluster().client.clone(), &place.name);
    let waiting = ListParams::default().labels("stratbox.dev/pool");
    let listed = block_on(pods.list(&waiting)).map(|list| list.items).unwrap_or_default();
    listed.iter().filter_map(|pod| node::resident(&pod.uid()?)).collect()
}

/// What nobody can do without: attach to a waiting sandbox, and one line to and fro.
async fn attach_floor(place: &Namespace) -> (Vec<f64>, Vec<f64>) {
    let client = cluster().operators_client().await;
    let pods: Api<Pod> = Api::namespaced(client, &place.name);
    let listed = pods.list(&ListParams::default().labels("stratbox.dev/pool")).await;
    let pod = listed.ok().and_then(|list| list.items.first().map(kube::ResourceExt::name_any));
    let pod = pod.unwrap_or_else(|| panic!("no sandbox waits"));
    let params = attach_params();
    let (mut whole, mut answers) = (Vec::new(), Vec::new());
    for turn in 0..20 {
        let started = Instant::now();
        let mut attached = pods.attach(&pod, &params).await.unwrap_or_else(|error| panic!("attach: {error}"));
        let (Some(mut stdin), Some(stdout)) = (attached.stdin(), attached.stdout()) else {
            panic!("no streams")
        };
        let mut lines = BufReader::new(stdout).lines();
        for round in 0..2 {
            let asked = Instant::now();
            let nonce = format!("bench-{turn}-{round}");
            let hello =
                stratbox::wire::Inbound::Hello(stratbox::wire::Hello { nonce: nonce.clone() }).to_line();
            stdin.write_all(hello.as_bytes()).await.unwrap_or_else(|error| panic!("hello: {error}"));
            stdin.flush().await.unwrap_or_else(|error| panic!("hello: {error}"));
            while let Ok(Some(line)) = lines.next_line().await {
                if line.contains(&nonce) {
                    break;
                }
            }
            if round == 0 {
                whole.push(milliseconds(started.elapsed()));
            } else {
                answers.push(milliseconds(asked.elapsed()));
            }
        }
        attached.abort();
    }
    (whole, answers)
}
