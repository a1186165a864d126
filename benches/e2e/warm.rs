//! Runs that a pool answers: one a second, then more at once than there are sandboxes, and the hand-over by itself.

use super::figures::Figures;
use super::node::{self, Audit};
use super::pods::Pods;
use super::subject::{create_and_wait, milliseconds, sample};
use crate::support::{self, Class, Namespace, block_on, cluster, is_finished, reason};
use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use std::collections::BTreeMap;
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
/// Sandboxes of a class that checks nothing, and those of the default class.
const UNCHECKED: &str = "unchecked";
const CHECKED: &str = "checked";

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

/// All that was measured.
#[derive(Default)]
pub(crate) struct Warm {
    /// One a second, checks off.
    pub(crate) plain: Vec<MeasuredWarm>,
    /// Each when the pool is full and nothing has been started for a while, checks off.
    pub(crate) rested: Vec<MeasuredWarm>,
    /// One a second with the default checks.
    pub(crate) checked: Vec<MeasuredWarm>,
    /// One every three seconds with the default checks: each sandbox has waited for a while.
    pub(crate) checked_rested: Vec<MeasuredWarm>,
    /// All at once, checks off.
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

/// The default class as it is, but for its checks: what a run of it is not checked for, its sandboxes do not prepare.
fn unchecked(place: &Namespace) -> Class {
    let name = format!("{}-unchecked", place.name);
    let classes: Api<SandboxClass> = Api::all(cluster().client.clone());
    let made = block_on(async {
        let mut spec = classes.get("default").await?.spec;
        let off = Some(CheckMode::Off);
        spec.defaults.checks = Some(Checks { lookahead: off, determinism: off, ..Checks::default() });
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

/// Measures everything; `iterations` plain runs and a fifth of that with checks, and of the rested ones.
pub(crate) fn measure(
    (place, runs): (&Namespace, &Api<StrategyRun>),
    env: &BTreeMap<String, String>,
    pods: &Pods,
    iterations: u32,
) -> Warm {
    let unchecked = unchecked(place);
    let (off, usual) = (unchecked.0.as_str(), "default");
    make(place, UNCHECKED, off);
    // What came up last should not be paid by the first, and a sandbox holds most when it has waited for a while.
    std::thread::sleep(LONG_PERIOD * SIZE);
    let mut warm = Warm { idle_unchecked: idle_memory(place), ..Warm::default() };
    (warm.attach, warm.answer) = block_on(attach_floor(place));
    let _ = paced(runs, pods, "first", 3, off, PERIOD);
    warm.rested = (1..=iterations.div_ceil(5))
        .map(|turn| {
            fill(place, UNCHECKED);
            std::thread::sleep(REST);
            block_on(one(runs, pods, &format!("rested-{turn}"), off))
        })
        .collect();
    fill(place, UNCHECKED);
    let audit = Audit::begin(env);
    warm.plain = paced(runs, pods, "plain", iterations, off, PERIOD);
    warm.writes = audit.and_then(|audit| audit.writes(&cluster().namespace, &place.name).ok());
    fill(place, UNCHECKED);
    std::thread::sleep(REST);
    let names: Vec<String> = (0..SIZE + 5).map(|number| format!("burst-{number}")).collect();
    warm.burst = block_on(join_all(names.iter().map(|name| one(runs, pods, name, off))));
    empty(place, UNCHECKED);
    make(place, CHECKED, usual);
    // As long as the others will have waited.
    std::thread::sleep(LONG_PERIOD * SIZE);
    warm.idle = idle_memory(place);
    warm.checked = paced(runs, pods, "checked", iterations.div_ceil(5), usual, PERIOD);
    fill(place, CHECKED);
    std::thread::sleep(LONG_PERIOD * SIZE);
    warm.checked_rested = paced(runs, pods, "rested-checked", iterations.div_ceil(5), usual, LONG_PERIOD);
    empty(place, CHECKED);
    warm
}

/// One run every `period`, whatever the one before takes.
fn paced(
    runs: &Api<StrategyRun>,
    pods: &Pods,
    word: &str,
    count: u32,
    class: &str,
    period: Duration,
) -> Vec<MeasuredWarm> {
    (1..=count)
        .map(|turn| {
            let started = Instant::now();
            let measured = block_on(one(runs, pods, &format!("{word}-{turn}"), class));
            if turn % 20 == 0 || turn == count {
                eprintln!(
                    "bench: {word} {turn}/{count}: {:.0} ms, {} ({})",
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

async fn one(runs: &Api<StrategyRun>, pods: &Pods, name: &str, class: &str) -> MeasuredWarm {
    let mut run = sample(name, true);
    run.spec.class_name = class.to_owned();
    let mut recorded = None;
    let seen = |run: &StrategyRun| {
        if run.last_attempt().is_some() {
            recorded.get_or_insert_with(Instant::now);
        }
        is_finished(run)
    };
    let (run, created, finished) =
        create_and_wait(runs, &run, seen).await.unwrap_or_else(|error| panic!("run {name}: {error}"));
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

impl Warm {
    /// Totals of those of `runs` that a pool answered and that succeeded.
    pub(crate) fn totals(runs: &[MeasuredWarm]) -> Figures {
        Figures::of(runs.iter().filter(|run| run.warm && run.reason == "Succeeded").map(|run| run.total))
    }

    /// The tables' rows.
    pub(crate) fn rows(&self) -> Vec<(&'static str, Figures)> {
        let cold = self.burst.iter().filter(|run| !run.warm && run.reason == "Succeeded");
        vec![
            ("warm, node at rest, checks Off", Self::totals(&self.rested)),
            ("warm, one a second, checks Off", Self::totals(&self.plain)),
            ("warm, one a second, default checks", Self::totals(&self.checked)),
            ("warm, one in three seconds, default checks", Self::totals(&self.checked_rested)),
            ("warm, of a burst of pool + 5", Self::totals(&self.burst)),
            ("cold, of the same burst", Figures::of(cold.map(|run| run.total))),
            ("attach + hello: connection made anew", Figures::of(self.attach.iter().copied())),
            ("hello: on an open connection", Figures::of(self.answer.iter().copied())),
        ]
    }

    /// Where the time of those goes.
    pub(crate) fn stages(runs: &[MeasuredWarm]) -> Vec<(&'static str, Figures)> {
        let warm = || runs.iter().filter(|run| run.warm);
        let of = |read| Self::stage(runs, read);
        vec![
            ("created → attempt seen on record", Figures::of(warm().filter_map(|run| run.recorded))),
            ("created → sandbox seen to be the run's", Figures::of(warm().filter_map(|run| run.claimed))),
            ("validate: the gate", of(|durations| durations.validate_ms)),
            ("handover: sent → accepted", of(|durations| durations.handover_ms)),
            ("run: accepted → positions in", of(|durations| durations.run_ms)),
            ("score", of(|durations| durations.score_ms)),
            ("collect: report in → status planned", of(|durations| durations.collect_ms)),
        ]
    }

    /// How long that stage took those of `runs` that a pool answered.
    pub(crate) fn stage(runs: &[MeasuredWarm], read: fn(&Durations) -> Option<u64>) -> Figures {
        let whole = |value: u64| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
        Figures::of(runs.iter().filter(|run| run.warm).filter_map(|run| read(&run.durations)).map(whole))
    }

    /// Everything else that there is to say.
    pub(crate) fn others(&self) -> Vec<(&'static str, String)> {
        let counted = |runs: &[MeasuredWarm]| {
            let warm = runs.iter().filter(|run| run.warm).count();
            let good = runs.iter().filter(|run| run.reason == "Succeeded").count();
            format!("{good} of {} succeeded, {warm} warm", runs.len())
        };
        let writes = self.writes.as_ref().map_or_else(
            || "there is no audit log at hand".to_owned(),
            |writes| {
                let of_pool = ["create pods", "patch sandboxpools/status"];
                let runs = u32::try_from(self.plain.len()).unwrap_or(u32::MAX).max(1);
                let own: u32 = writes
                    .iter()
                    .filter(|(what, _)| !of_pool.contains(&what.as_str()))
                    .map(|(_, count)| count)
                    .sum();
                let each: Vec<String> =
                    writes.iter().map(|(what, count)| format!("{what} {count}")).collect();
                format!(
                    "{:.1} without the pool's own (of {runs} runs: {})",
                    f64::from(own) / f64::from(runs),
                    each.join(", ")
                )
            },
        );
        let held = Figures::of(
            self.plain
                .iter()
                .filter_map(|run| run.held_back)
                .map(|count| f64::from(u32::try_from(count).unwrap_or(u32::MAX))),
        );
        let shown = |value: Option<f64>, unit: &str| {
            value.map_or_else(|| "not readable".to_owned(), |value| format!("{value:.0}{unit}"))
        };
        vec![
            ("warm: one a second", counted(&self.plain)),
            ("warm: with checks", counted(&self.checked)),
            ("warm: burst", counted(&self.burst)),
            ("warm: API writes per run", writes),
            (
                "warm: CPU periods held back per run",
                format!("{} (median), {} (p99)", shown(held.p50(), ""), shown(held.percentile(99), "")),
            ),
            (
                "waiting sandbox, resident memory",
                format!(
                    "{} default class, {} one that checks nothing",
                    shown(Figures::of(self.idle.iter().copied()).p50(), " MiB (median)"),
                    shown(Figures::of(self.idle_unchecked.iter().copied()).p50(), " MiB (median)"),
                ),
            ),
        ]
    }
}
