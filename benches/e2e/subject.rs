//! The two things that are compared, and how one of each is measured.

use super::pods::{Life, Pods};
use super::watched::Watched;
use crate::support::{self, is_finished, reason, root};
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{EnvVar, PodSpec, PodTemplateSpec};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ObjectMeta};
use std::time::{Duration, Instant};
use stratbox::crd::{CheckMode, Checks, Durations, RunPath, StrategyRun};

/// The strategy that both run.
const SAMPLE: &str = "config/samples/10-momentum.yaml";
/// What the Job does with it.
const SCRIPT: &str = include_str!("backtest.py");

/// One measured StrategyRun.
pub(crate) struct MeasuredRun {
    /// Created → final status seen, in milliseconds.
    pub(crate) total: f64,
    /// Why it ended as it did.
    pub(crate) reason: String,
    /// Whether it was answered without being executed.
    pub(crate) fell_back: bool,
    /// Where its time went by its own account.
    pub(crate) durations: Durations,
    /// When the request to create it was sent.
    pub(crate) created: Instant,
    /// When its final status was seen.
    pub(crate) finished: Instant,
    /// Its sandbox.
    pub(crate) life: Option<Life>,
    /// Sharpe ratio, for comparison with the Job's.
    pub(crate) sharpe: Option<f64>,
}

/// One measured Job.
pub(crate) struct MeasuredJob {
    /// Created → condition Complete seen, in milliseconds; none if it failed.
    pub(crate) total: Option<f64>,
    /// When the request to create it was sent.
    pub(crate) created: Instant,
    /// Its pod.
    pub(crate) life: Option<Life>,
    /// What it printed.
    pub(crate) printed: String,
}

/// The sample as a run of another name, with its own checks or with none: neither Job nor container check anything.
pub(crate) fn sample(name: &str, checked: bool) -> StrategyRun {
    let text = std::fs::read_to_string(root().join(SAMPLE)).expect(SAMPLE);
    let mut run: StrategyRun = serde_saphyr::from_str(&text).expect(SAMPLE);
    run.metadata.name = Some(name.to_owned());
    // What is measured is a run, not the memory of one.
    run.spec.cache_policy = stratbox::crd::CachePolicy::Never;
    if !checked {
        let off = Some(CheckMode::Off);
        run.spec.checks = Some(Checks { lookahead: off, determinism: off, ..Checks::default() });
    }
    run
}

/// Creates a run, waits for its end, and removes it.
pub(crate) async fn measure_run(
    runs: &Watched<StrategyRun>,
    pods: &Pods,
    order: &StrategyRun,
) -> Result<MeasuredRun, kube::Error> {
    let name = order.name_any();
    let (run, created, finished) = runs.create_and_wait(order, |run, _| is_finished(run)).await?;
    let life = pods.gone(&name).await;
    runs.api.delete(&name, &DeleteParams::default()).await?;
    let status = run.status.clone().unwrap_or_default();
    Ok(MeasuredRun {
        total: milliseconds(finished - created),
        reason: reason(&run).to_owned(),
        fell_back: status.path == Some(RunPath::AstOnly),
        durations: status.durations.unwrap_or_default(),
        created,
        finished,
        life,
        sharpe: status.metrics.and_then(|metrics| metrics.sharpe_ratio),
    })
}

/// Runs the sample once as a Job whose pod is `sandbox` with another command, and removes it.
pub(crate) async fn measure_job(
    jobs: &Watched<Job>,
    pods: &Pods,
    name: &str,
    sandbox: &PodSpec,
) -> Result<MeasuredJob, kube::Error> {
    let (job, created, finished) = jobs.create_and_wait(&job(name, sandbox), |job, _| has_ended(job)).await?;
    let namespace = job.namespace().unwrap_or_default();
    let printed = support::tool("kubectl", &["logs", "-n", &namespace, &format!("job/{name}")], "");
    jobs.api.delete(name, &DeleteParams::background()).await?;
    let life = pods.gone(name).await;
    Ok(MeasuredJob {
        total: has(&job, "Complete").then(|| milliseconds(finished - created)),
        created,
        life,
        printed: support::text(if printed.status.success() { &printed.stdout } else { &printed.stderr }),
    })
}

/// A hardened Job: the very pod that a StrategyRun gets, as the API server completed it, with a program of its own in
/// place of the runner.
fn job(name: &str, sandbox: &PodSpec) -> Job {
    let mut pod = sandbox.clone();
    pod.node_name = None;
    for container in &mut pod.containers {
        container.command = Some(vec!["python3".into(), "-c".into(), SCRIPT.into()]);
        container.args = None;
        container.stdin = None;
        container.stdin_once = None;
        container.env = Some(environment());
    }
    Job {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        spec: Some(JobSpec {
            backoff_limit: Some(0),
            template: PodTemplateSpec { metadata: None, spec: Some(pod) },
            ..JobSpec::default()
        }),
        status: None,
    }
}

/// What the script is told, by name and value.
pub(crate) fn settings() -> Vec<(String, String)> {
    let spec = sample("settings", false).spec;
    let run = serde_json::json!({
        "path": format!("/datasets/{}/data.csv", spec.dataset.name),
        "symbols": spec.dataset.symbols,
        "start": spec.dataset.start,
        "end": spec.dataset.end,
        "params": spec.params,
    });
    let threads =
        ["OPENBLAS", "OMP", "MKL"].map(|library| (format!("{library}_NUM_THREADS"), "1".to_owned()));
    [("CODE".to_owned(), spec.code.unwrap_or_default()), ("RUN".to_owned(), run.to_string())]
        .into_iter()
        .chain(threads)
        .collect()
}

fn environment() -> Vec<EnvVar> {
    settings()
        .into_iter()
        .map(|(name, value)| EnvVar { name, value: Some(value), value_from: None })
        .collect()
}

fn has(job: &Job, type_: &str) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == type_ && condition.status == "True")
}

fn has_ended(job: &Job) -> bool {
    has(job, "Complete") || has(job, "Failed")
}

/// In milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
