//! Every program of `tests/strategies/accepted` in a real sandbox: what the gate takes for an honest strategy runs, and
//! ends with metrics.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use kube::api::{ListParams, PostParams};
use serde_json::json;
use stratbox::crd::{RunPath, StrategyRun};
use support::{block_on, condition, is_finished, namespace, reason, root};

/// Runs under way at once: two cores import pandas for each, and none may wait for a node longer than the scheduling
/// deadline of a run.
const AT_ONCE: usize = 6;

/// How long nothing may end. The slowest programs take half a minute with all checks on an idle node of two cores, and beside
/// five others on a busy one many times that; none may take longer than the operator lets it.
const PATIENCE: Duration = Duration::from_mins(6);

/// A run of a program; its first lines say on which symbols, and with which params.
fn run_of(file: &Path) -> StrategyRun {
    let code = std::fs::read_to_string(file).unwrap();
    let header = |key: &str| {
        let line =
            code.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(key)?.strip_prefix(": "));
        line.map(str::to_owned)
    };
    let symbols = header("symbols").unwrap_or_else(|| panic!("{} names no symbols", file.display()));
    let params: BTreeMap<String, String> =
        header("params").map_or_else(BTreeMap::new, |params| serde_json::from_str(&params).unwrap());
    let run = json!({
        "apiVersion": "stratbox.dev/v1alpha1",
        "kind": "StrategyRun",
        "metadata": {"name": name_of(file)},
        "spec": {
            "dataset": {"name": "us-stocks", "symbols": symbols.split(',').map(str::trim).collect::<Vec<_>>()},
            "params": params,
            // Six at once on a node that may be busy otherwise.
            "schedulingDeadlineSeconds": 180,
            "code": code,
        },
    });
    serde_json::from_value(run).unwrap()
}

/// Its run's name.
fn name_of(file: &Path) -> String {
    file.file_stem().unwrap().to_str().unwrap().replace('_', "-")
}

/// What is wrong with a run that has ended; none if it has metrics.
fn fault(run: &StrategyRun) -> Option<String> {
    let status = run.status.as_ref()?;
    let scored = status.metrics.as_ref().is_some_and(|metrics| metrics.days.is_some_and(|days| days > 0));
    if reason(run) == "Succeeded" && status.path == Some(RunPath::Sandbox) && scored {
        return None;
    }
    let message = condition(run, "Ready").map_or("", |(_, _, message)| message);
    Some(format!("{}: {}: {message} {:?}", run.metadata.name.as_deref()?, reason(run), status.error))
}

#[test]
fn every_accepted_program_runs_in_a_sandbox_and_has_metrics() {
    let mut files: Vec<_> = std::fs::read_dir(root().join("tests/strategies/accepted"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    files.sort();
    assert!(files.len() >= 60, "{} accepted programs", files.len());
    let home = namespace("corpus");
    let runs = home.runs();
    let started = Instant::now();
    let (mut waiting, mut ended, mut progress) = (files.iter(), BTreeMap::new(), started);
    let mut created = 0;
    while ended.len() < files.len() {
        for file in waiting.by_ref().take(AT_ONCE + ended.len() - created) {
            block_on(runs.create(&PostParams::default(), &run_of(file))).unwrap();
            created += 1;
        }
        std::thread::sleep(Duration::from_millis(200));
        for run in block_on(runs.list(&ListParams::default())).unwrap() {
            let name = run.metadata.name.clone().unwrap();
            if is_finished(&run) && ended.insert(name, run).is_none() {
                progress = Instant::now();
            }
        }
        assert!(
            progress.elapsed() < PATIENCE,
            "{} of {} have ended, the last one {} s ago; under way: {:?}",
            ended.len(),
            files.len(),
            progress.elapsed().as_secs(),
            files
                .iter()
                .take(created)
                .map(|file| name_of(file))
                .filter(|name| !ended.contains_key(name))
                .collect::<Vec<_>>()
        );
    }
    let faults: Vec<String> = ended.values().filter_map(fault).collect();
    assert!(faults.is_empty(), "{} of {} programs:\n{}", faults.len(), ended.len(), faults.join("\n"));
    let traded = ended.values().filter(|run| {
        let metrics = run.status.as_ref().and_then(|status| status.metrics.as_ref());
        metrics.is_some_and(|metrics| metrics.turnover.is_some_and(|turnover| turnover > 0.0))
    });
    let traded = traded.count();
    println!(
        "{} programs succeeded in {} s, {traded} of them traded",
        ended.len(),
        started.elapsed().as_secs()
    );
    let slowest = ended.iter().filter_map(|(name, run)| {
        let durations = run.status.as_ref()?.durations.as_ref()?;
        Some((durations.run_ms.unwrap_or(0) + durations.checks_ms.unwrap_or(0), name))
    });
    println!(
        "the slowest, in ms with checks: {:?}",
        slowest.collect::<BTreeSet<_>>().iter().rev().take(5).collect::<Vec<_>>()
    );
    assert!(traded * 10 > ended.len() * 9, "{traded} of {} programs traded at all", ended.len());
}
