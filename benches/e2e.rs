//! `make bench`: a StrategyRun, cold and warm, against a plain hardened Job that does the same work with the same image,
//! and against a bare container, on one cluster in one run; and what the operator costs.
//!
//! | variable | meaning |
//! |---|---|
//! | `BENCH_ITERATIONS` | how often each kind of Job, cold run and bare container is measured after one warm-up; default 20 |
//! | `BENCH_WARM` | how often a run that a pool answers, of each of two classes; default 100 |
//!
//! Prints tables; the same and every single value go to `target/bench/e2e.json`. Only a StrategyRun that fails makes
//! it end with an error: times depend on the machine, so whether the target is met is printed.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "tables are what a bench is for")]
#![allow(clippy::panic, reason = "like a test, it ends where it cannot go on")]

#[path = "e2e/bare.rs"]
mod bare;
#[path = "e2e/figures.rs"]
mod figures;
#[path = "e2e/node.rs"]
mod node;
#[path = "e2e/outcome.rs"]
mod outcome;
#[path = "e2e/plot.rs"]
mod plot;
#[path = "e2e/pods.rs"]
mod pods;
#[path = "e2e/processors.rs"]
mod processors;
#[path = "e2e/subject.rs"]
mod subject;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "e2e/throttle.rs"]
mod throttle;
#[path = "e2e/warm.rs"]
mod warm;
#[path = "e2e/warm_tables.rs"]
mod warm_tables;
#[path = "e2e/watched.rs"]
mod watched;

use bare::Bare;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Api;
use outcome::Outcome;
use pods::Pods;
use std::process::ExitCode;
use std::time::Duration;
use stratbox::crd::{ResourceLimits, Resources, StrategyRun};
use subject::sample;
use support::{Class, block_on, cluster, namespace};
use watched::Watched;

/// Between two measurements: what the former one left to do should not be paid by the next.
const PAUSE: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    // `cargo test --all-targets` starts this program too, to see that it starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("nothing measured: this is for `make bench`");
        return ExitCode::SUCCESS;
    }
    let count = |name: &str, otherwise: u32| {
        std::env::var(name).ok().map_or(otherwise, |text| {
            text.parse().unwrap_or_else(|error| panic!("{name}: {text:?}: {error}"))
        })
    };
    let outcome = measure(count("BENCH_ITERATIONS", 20), count("BENCH_WARM", 100));
    outcome.print();
    match outcome.save() {
        Ok(paths) => paths.iter().for_each(|path| println!("every value: {}", path.display())),
        Err(error) => eprintln!("bench: {error}"),
    }
    if outcome.all_succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The warm-ups, then all of them in turns.
fn measure(iterations: u32, warm: u32) -> Outcome {
    let cluster = cluster();
    let place = namespace("bench");
    let env = node::cluster_env();
    let client = block_on(cluster.operators_client());
    let runs = block_on(Watched::<StrategyRun>::begin(Api::namespaced(client.clone(), &place.name)));
    let jobs = block_on(Watched::<Job>::begin(Api::namespaced(client.clone(), &place.name)));
    let pods = block_on(async { Pods::watch(Api::namespaced(client.clone(), &place.name)) });

    eprintln!("bench: warm-up in namespace {}", place.name);
    let sandbox = warm_up(&runs, &pods);
    let run_once = |run: &StrategyRun| {
        block_on(subject::measure_run(&runs, &pods, run))
            .unwrap_or_else(|error| panic!("run {:?}: {error}", run.metadata.name))
    };
    let volumes = Class::new(&format!("{}-volumes", place.name), "");
    let job_once = |name: &str, pod: &PodSpec| {
        block_on(subject::measure_job(&jobs, &pods, name, pod))
            .unwrap_or_else(|error| panic!("job {name}: {error}"))
    };
    let whole = with_processor(&sandbox);
    let first = job_once("job-warm-up", &sandbox);
    assert!(first.total.is_some(), "the Job to compare with fails: {}", first.printed);
    let mut bare = Bare::prepare(&env, &cluster.sandbox_image);
    let mut outcome = Outcome::new(iterations, sandbox.host_users == Some(false));
    if let Ok(ready) = &mut bare
        && let Err(error) = ready.measure()
    {
        bare = Err(error);
    }
    let audit = node::Audit::begin(&env);
    for turn in 1..=iterations {
        let job = job_once(&format!("job-{turn}"), &sandbox);
        std::thread::sleep(PAUSE);
        let run = run_once(&sample(&format!("run-{turn}"), false));
        std::thread::sleep(PAUSE);
        outcome.checked.push(run_once(&sample(&format!("checked-{turn}"), true)));
        std::thread::sleep(PAUSE);
        let mut of_volumes = sample(&format!("volume-{turn}"), false);
        of_volumes.spec.class_name.clone_from(&volumes.0);
        outcome.volumes.push(run_once(&of_volumes));
        std::thread::sleep(PAUSE);
        outcome.whole_jobs.push(job_once(&format!("whole-job-{turn}"), &whole));
        std::thread::sleep(PAUSE);
        let mut whole_run = sample(&format!("whole-run-{turn}"), false);
        let limits = ResourceLimits { cpu: Some(warm::WHOLE.to_owned()), ..ResourceLimits::default() };
        whole_run.spec.resources = Some(Resources { limits: Some(limits) });
        outcome.whole_runs.push(run_once(&whole_run));
        std::thread::sleep(PAUSE);
        let line = job.total.map_or_else(|| "failed".to_owned(), |total| format!("{total:.0} ms"));
        eprintln!("bench: {turn}/{iterations}: Job {line}, StrategyRun {:.0} ms ({})", run.total, run.reason);
        outcome.jobs.push(job);
        outcome.runs.push(run);
        if let Ok(ready) = &mut bare {
            match ready.measure() {
                Ok(time) => outcome.bare.push(time),
                Err(error) => eprintln!("bench: bare container: {error}"),
            }
            std::thread::sleep(PAUSE);
        }
    }
    outcome.no_bare = bare.err();
    outcome.writes = audit.map_or_else(
        || Err("there is no audit log at hand".to_owned()),
        |audit| audit.writes(&cluster.namespace, &place.name),
    );
    outcome.warm = warm::measure((&place, &runs), &env, &pods, warm);
    outcome.operator_rss = node::operator_rss();
    outcome.images = node::image_sizes();
    outcome
}

/// The pod with a whole processor.
fn with_processor(sandbox: &PodSpec) -> PodSpec {
    let mut pod = sandbox.clone();
    for container in &mut pod.containers {
        let limits = container.resources.get_or_insert_default().limits.get_or_insert_default();
        limits.insert("cpu".to_owned(), Quantity(warm::WHOLE.to_owned()));
    }
    pod
}

/// Runs the sample once; the pod that it got, as the API server completed it.
fn warm_up(runs: &Watched<StrategyRun>, pods: &Pods) -> PodSpec {
    let name = "run-warm-up";
    let first = block_on(subject::measure_run(runs, pods, &sample(name, true)))
        .unwrap_or_else(|error| panic!("run {name}: {error}"));
    assert_eq!(first.reason, "Succeeded", "the sample does not succeed");
    first.life.unwrap_or_else(|| panic!("no sandbox of run {name} was seen")).spec
}
