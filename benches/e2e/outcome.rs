//! What came of the measurement, for people and for programs.

use super::figures::{Figures, ratio};
use super::plot;
use super::pods::Life;
use super::subject::{MeasuredJob, MeasuredRun, milliseconds};
use super::warm::Warm;
use crate::support::root;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;
use stratbox::crd::Durations;

/// What a StrategyRun may take of the Job's time, at p50.
const TARGET: f64 = 0.5;
/// How many times faster than the Job a warm one is to be, at p50.
const WARM_TARGET: f64 = 30.0;
/// What a warm one may take, in milliseconds, at p50 and at p99.
const WARM_MOST: [f64; 2] = [60.0, 200.0];

/// One stage's milliseconds.
type Stage = fn(&Durations) -> Option<u64>;

/// All that was measured.
pub(crate) struct Outcome {
    /// One of each a turn.
    pub(crate) jobs: Vec<MeasuredJob>,
    /// See above; checks off.
    pub(crate) runs: Vec<MeasuredRun>,
    /// The same with the default checks.
    pub(crate) checked: Vec<MeasuredRun>,
    /// Checks off, the dataset an image of its own instead of a part of the sandbox's.
    pub(crate) volumes: Vec<MeasuredRun>,
    /// Jobs with a whole processor.
    pub(crate) whole_jobs: Vec<MeasuredJob>,
    /// Checks off, a whole processor.
    pub(crate) whole_runs: Vec<MeasuredRun>,
    /// Bare containers, in milliseconds.
    pub(crate) bare: Vec<f64>,
    /// Why there are none.
    pub(crate) no_bare: Option<String>,
    /// The operator's writes, by verb and resource.
    pub(crate) writes: Result<BTreeMap<String, u32>, String>,
    /// Runs that a pool answered.
    pub(crate) warm: Warm,
    /// In MiB, if it runs on this machine.
    pub(crate) operator_rss: Option<f64>,
    /// Name and unpacked size.
    pub(crate) images: Result<Vec<(String, String)>, String>,
    iterations: u32,
    user_namespace: bool,
}

impl Outcome {
    /// Nothing measured yet.
    pub(crate) fn new(iterations: u32, user_namespace: bool) -> Self {
        Self {
            jobs: Vec::new(),
            runs: Vec::new(),
            checked: Vec::new(),
            volumes: Vec::new(),
            whole_jobs: Vec::new(),
            whole_runs: Vec::new(),
            bare: Vec::new(),
            no_bare: None,
            writes: Err(String::new()),
            warm: Warm::default(),
            operator_rss: None,
            images: Err(String::new()),
            iterations,
            user_namespace,
        }
    }

    /// How many `StrategyRuns` ended well.
    pub(crate) fn succeeded(&self) -> usize {
        self.runs.iter().filter(|run| run.reason == "Succeeded").count()
    }

    /// Whether every run ended well, cold or warm.
    pub(crate) fn all_succeeded(&self) -> bool {
        let Warm { whole, half, checked, checked_rested, burst, .. } = &self.warm;
        let warm = [&whole.rested, &whole.plain, &half.rested, &half.plain, checked, checked_rested, burst];
        self.cold().all(|run| run.reason == "Succeeded")
            && warm.into_iter().flatten().all(|run| run.reason == "Succeeded")
    }

    /// Every cold run that was measured.
    fn cold(&self) -> impl Iterator<Item = &MeasuredRun> {
        self.runs.iter().chain(&self.checked).chain(&self.volumes).chain(&self.whole_runs)
    }

    /// What the warm ones come to, with the targets.
    fn warm_verdicts(&self) -> Vec<String> {
        let met = |met: bool| if met { "met" } else { "MISSED" };
        let mut lines = Vec::new();
        let Warm { whole, half, checked, checked_rested, .. } = &self.warm;
        for (name, class, jobs) in [("1 CPU", whole, &self.whole_jobs), ("0.5 CPU", half, &self.jobs)] {
            let warm = Warm::totals(&class.plain);
            for (rank, percent, most) in [("p50", 50, WARM_MOST[0]), ("p99", 99, WARM_MOST[1])] {
                let Some(value) = warm.percentile(percent) else { continue };
                lines.push(format!(
                    "{name}: warm at {rank}: {value:.0} ms (target ≤ {most:.0} ms: {})",
                    met(value <= most && Warm::are_all_warm(&class.plain))
                ));
            }
            if let Some(ratio) = ratio(&job_times(jobs), &warm) {
                lines.push(format!(
                    "{name}: Job / warm at p50: {ratio:.0} (target ≥ {WARM_TARGET:.0}: {})",
                    met(ratio >= WARM_TARGET)
                ));
            }
        }
        if let Some(ratio) = ratio(&Warm::totals(&whole.plain), &Warm::totals(&half.plain)) {
            lines.push(format!("warm, one a second, 1 CPU / 0.5 CPU at p50: {ratio:.2}"));
        }
        let (rested, plain) = (&half.rested, &half.plain);
        for (when, plain, checked) in [("one a second", plain, checked), ("at rest", rested, checked_rested)]
        {
            let totals = Warm::totals(plain).p50().zip(Warm::totals(checked).p50());
            let Some((without, with)) = totals else { continue };
            let evaluation = Warm::stage(plain, |durations| durations.run_ms);
            let (more, most) = (with - without, evaluation.p50().unwrap_or_default() * 7.0 + 105.0);
            lines.push(format!(
                "{when}, the default checks cost {more:.0} ms at p50 (target ≤ 7 × evaluation + 105 = {most:.0} ms: {})",
                met(more <= most)
            ));
        }
        lines
    }

    fn totals(&self) -> [(&'static str, Figures); 7] {
        [
            ("plain hardened Job: created → Complete", job_times(&self.jobs)),
            ("StrategyRun: created → Ready with metrics", run_times(&self.runs)),
            ("bare container: started → removed", self.bare()),
            ("StrategyRun with the default checks", run_times(&self.checked)),
            ("StrategyRun, its dataset as a volume", run_times(&self.volumes)),
            ("plain hardened Job, 1 CPU", job_times(&self.whole_jobs)),
            ("StrategyRun, 1 CPU", run_times(&self.whole_runs)),
        ]
    }

    fn bare(&self) -> Figures {
        Figures::of(self.bare.iter().copied())
    }

    fn stages(&self) -> Vec<(&'static str, Figures)> {
        let parts: [(&'static str, Stage); 7] = [
            ("validate: the gate", |durations| durations.validate_ms),
            ("schedule: pod created → seen on a node", |durations| durations.schedule_ms),
            ("start: on a node → the runner answers", |durations| durations.start_ms),
            ("handover: → run accepted", |durations| durations.handover_ms),
            ("run: → positions in (waits for the imports)", |durations| durations.run_ms),
            ("score", |durations| durations.score_ms),
            ("collect: report in → status planned", |durations| durations.collect_ms),
        ];
        let whole = |value: u64| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
        let of =
            |read: Stage| Figures::of(self.runs.iter().filter_map(|run| read(&run.durations).map(whole)));
        parts.into_iter().map(|(name, read)| (name, of(read))).collect()
    }

    /// What the watchers saw from outside.
    fn seen(&self) -> Vec<(&'static str, Figures)> {
        let since =
            |from: Instant, to: Option<Instant>| Some(milliseconds(to?.saturating_duration_since(from)));
        let run_part = |read: &dyn Fn(&MeasuredRun, &Life) -> Option<f64>| {
            Figures::of(self.runs.iter().filter_map(|run| read(run, run.life.as_ref()?)))
        };
        let job_part = |read: &dyn Fn(&MeasuredJob, &Life) -> Option<f64>| {
            Figures::of(self.jobs.iter().filter_map(|job| read(job, job.life.as_ref()?)))
        };
        vec![
            ("StrategyRun: created → its pod", run_part(&|run, life| since(run.created, Some(life.created)))),
            (
                "StrategyRun: created → pod on a node",
                run_part(&|run, life| since(run.created, life.scheduled)),
            ),
            ("StrategyRun: final status → pod gone", run_part(&|run, life| since(run.finished, life.gone))),
            ("Job: created → its pod", job_part(&|job, life| since(job.created, Some(life.created)))),
            ("Job: created → kubelet says running", job_part(&|job, life| since(job.created, life.running))),
            ("Job: created → kubelet says ended", job_part(&|job, life| since(job.created, life.ended))),
            ("StrategyRun: held back at the CPU limit", run_part(&|_, life| Some(life.throttling.read()?.1))),
            ("Job: held back at the CPU limit", job_part(&|_, life| Some(life.throttling.read()?.1))),
        ]
    }

    fn others(&self) -> Vec<(&'static str, String)> {
        let share = |count: usize| format!("{count} of {}", self.runs.len());
        let fallbacks = self.runs.iter().filter(|run| run.fell_back).count();
        let writes = match &self.writes {
            Ok(writes) => {
                let total: u32 = writes.values().sum();
                let each: Vec<String> =
                    writes.iter().map(|(what, count)| format!("{what} {count}")).collect();
                let runs = u32::try_from(self.cold().count()).unwrap_or(u32::MAX);
                let per_run = f64::from(total) / f64::from(runs.max(1));
                format!("{per_run:.1} (of {runs} runs: {})", each.join(", "))
            }
            Err(error) => error.clone(),
        };
        let rss =
            self.operator_rss.map_or_else(|| "not on this node".to_owned(), |mib| format!("{mib:.1} MiB"));
        let images = match &self.images {
            Ok(images) => {
                images.iter().map(|(name, size)| format!("{name} {size}")).collect::<Vec<_>>().join(", ")
            }
            Err(error) => error.clone(),
        };
        let periods = Figures::of(
            self.runs
                .iter()
                .filter_map(|run| run.life.as_ref()?.throttling.read())
                .map(|(periods, _)| f64::from(u32::try_from(periods).unwrap_or(u32::MAX))),
        );
        vec![
            ("succeeded", share(self.succeeded())),
            ("fallback (AstOnly)", share(fallbacks)),
            ("API writes per run", writes),
            ("operator's resident memory", rss),
            ("images, unpacked", images),
            (
                "CPU periods held back per run",
                periods
                    .p50()
                    .map_or_else(|| "not readable".to_owned(), |median| format!("{median:.0} (median)")),
            ),
            ("Sharpe ratio", self.sharpe()),
        ]
    }

    /// Both sides' result: they need not agree in the last digit, but did they do the same work?
    fn sharpe(&self) -> String {
        let run = self.runs.iter().find_map(|run| run.sharpe);
        let job = self
            .jobs
            .iter()
            .find_map(|job| serde_json::from_str::<Value>(job.printed.trim()).ok()?["sharpeRatio"].as_f64());
        let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        format!("StrategyRun {}, Job {}", shown(run), shown(job))
    }

    fn circumstances(&self) -> String {
        let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or("?");
        format!(
            "{processors} processors (load {load} now), test cluster: one node, etcd without fsync; \
             pods with 2Gi, 0.5 CPU where nothing else is said, and {} user namespace",
            if self.user_namespace { "a" } else { "no" }
        )
    }

    /// The tables.
    pub(crate) fn print(&self) {
        let totals = self.totals();
        println!("\n{}\n", self.circumstances());
        println!("{}", Figures::head("milliseconds"));
        for (name, figures) in totals.iter().filter(|(_, figures)| figures.count() > 0) {
            println!("{}", figures.row(name));
        }
        for (name, figures) in self.warm.rows() {
            println!("{}", figures.row(name));
        }
        if let Some(why) = &self.no_bare {
            println!("  bare container: not measured: {why}");
        }
        println!();
        for (name, runs, jobs) in
            [("0.5 CPU", &self.runs, &self.jobs), ("1 CPU", &self.whole_runs, &self.whole_jobs)]
        {
            let Some(ratio) = ratio(&run_times(runs), &job_times(jobs)) else { continue };
            let verdict = if ratio <= TARGET { "met" } else { "MISSED" };
            println!("{name}: StrategyRun / Job at p50: {ratio:.2} (target ≤ {TARGET}: {verdict})");
        }
        let cold = run_times(&self.runs);
        if let Some(ratio) = ratio(&cold, &self.bare()) {
            println!("StrategyRun / bare container at p50: {ratio:.2}");
        }
        if let Some(ratio) = ratio(&cold, &run_times(&self.volumes)) {
            println!("dataset part of the image / dataset as a volume at p50: {ratio:.2}");
        }
        for line in self.warm_verdicts() {
            println!("{line}");
        }
        let cold = [
            ("cold: stages by the run's own account", self.stages()),
            ("cold: seen from outside", self.seen()),
        ];
        for (title, rows) in cold.into_iter().chain(self.warm.stage_tables()) {
            println!("\n{}", Figures::head(title));
            for (name, figures) in rows {
                println!("{}", figures.row(name));
            }
        }
        println!();
        for (name, value) in self.others().into_iter().chain(self.warm.others()) {
            println!("{name:<38}{value}");
        }
    }

    /// Everything as JSON in `target/bench/e2e.json`, and as a picture beside it.
    pub(crate) fn save(&self) -> Result<[PathBuf; 2], String> {
        let table = |rows: &[(&'static str, Figures)]| -> Value {
            rows.iter().map(|(name, figures)| ((*name).to_owned(), figures.to_json())).collect()
        };
        let totals = self.totals();
        let others: BTreeMap<&str, String> = self.others().into_iter().chain(self.warm.others()).collect();
        let cold = run_times(&self.runs);
        let warm_stages: Value =
            self.warm.stage_tables().iter().map(|(title, rows)| ((*title).to_owned(), table(rows))).collect();
        let all = json!({
            "circumstances": self.circumstances(),
            "iterations": self.iterations,
            "milliseconds": table(&totals),
            "ratioToJob": ratio(&cold, &job_times(&self.jobs)),
            "ratioToBareContainer": ratio(&cold, &self.bare()),
            "ratioToVolume": ratio(&cold, &run_times(&self.volumes)),
            "target": TARGET,
            "warm": table(&self.warm.rows()),
            "warmStages": warm_stages,
            "warmVerdicts": self.warm_verdicts(),
            "stages": table(&self.stages()),
            "seen": table(&self.seen()),
            "others": others,
            "writes": self.writes.as_ref().ok(),
        });
        let path = root().join("target/bench/e2e.json");
        let folder = root().join("target/bench");
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&path, format!("{all:#}\n")))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let rows: Vec<_> =
            totals.into_iter().chain(self.warm.rows()).filter(|(_, row)| row.count() > 0).collect();
        Ok([path, plot::draw(&rows)?])
    }
}

/// From created to Complete, of those that got there.
fn job_times(jobs: &[MeasuredJob]) -> Figures {
    Figures::of(jobs.iter().filter_map(|job| job.total))
}

/// From created to Ready, of those that succeeded.
fn run_times(runs: &[MeasuredRun]) -> Figures {
    Figures::of(runs.iter().filter(|run| run.reason == "Succeeded").map(|run| run.total))
}
