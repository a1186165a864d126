//! The samples that people start from, on the real cluster: each ends as its comments say, and each metric is the one
//! that an implementation written from the scoring page alone comes to.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

mod support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use stratbox::crd::{RunPath, StrategyRun, StrategyRunSpec};
use support::{condition, namespace, reason, root};

/// Half of the last digit written, and the rounding of the oracle's own.
const TOLERANCE: f64 = 5.1e-7;

/// Every StrategyRun of `config/samples`, with the file's text that it comes from.
fn samples() -> BTreeMap<String, (StrategyRunSpec, String)> {
    let mut runs = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("config/samples")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for document in text.split("\n---\n").filter(|document| document.contains("kind: StrategyRun")) {
            let run: StrategyRun = serde_saphyr::from_str(document).unwrap();
            runs.insert(run.metadata.name.unwrap(), (run.spec, text.clone()));
        }
    }
    runs
}

fn oracle_python() -> String {
    let venv = Command::new(root().join("tests/oracle/venv")).stderr(Stdio::inherit()).output().unwrap();
    assert!(venv.status.success(), "the oracle's environment could not be built");
    support::text(&venv.stdout).trim().to_owned()
}

fn oracle(python: &str, arguments: &[&str]) -> String {
    let script = root().join("tests/oracle/oracle.py");
    let done = Command::new(python).arg("-B").arg(script).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", support::text(&done.stderr));
    support::text(&done.stdout)
}

fn scratch(name: &str, text: &str) -> PathBuf {
    let folder = root().join("target/e2e-samples");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    path
}

/// What the oracle says of a run.
fn expected_metrics(python: &str, data: &str, name: &str, spec: &StrategyRunSpec) -> BTreeMap<String, f64> {
    let code = scratch(&format!("{name}.py"), spec.code.as_deref().unwrap());
    let symbols = spec.dataset.symbols.join(",");
    let params = serde_json::to_string(&spec.params).unwrap();
    let mut execution = serde_json::to_value(spec.execution.clone().unwrap_or_default()).unwrap();
    execution.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let execution = execution.to_string();
    let trials = serde_json::to_string(&spec.trials.clone().unwrap_or_default()).unwrap();
    let mut arguments = vec![
        "run",
        code.to_str().unwrap(),
        "--data",
        data,
        "--symbols",
        &symbols,
        "--params",
        &params,
        "--execution",
        &execution,
        "--trials",
        &trials,
    ];
    for (flag, value) in
        [("--start", &spec.dataset.start), ("--end", &spec.dataset.end), ("--benchmark", &spec.benchmark)]
    {
        if let Some(value) = value {
            arguments.extend([flag, value]);
        }
    }
    // Before its answer stands whatever the strategy itself has printed.
    let said = oracle(python, &arguments);
    let answer: String = said.lines().skip_while(|line| !line.starts_with('{')).collect();
    let answer: serde_json::Value =
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {said}"));
    serde_json::from_value(answer["metrics"].clone()).unwrap()
}

#[test]
fn every_sample_ends_as_it_says_with_the_oracles_metrics() {
    let samples = samples();
    assert!(samples.len() >= 6, "{:?}", samples.keys());
    let home = namespace("samples");
    for (_, text) in samples.values() {
        home.apply(text);
    }
    let python = oracle_python();
    let data = scratch("data.csv", &oracle(&python, &["dataset"]));
    let mut succeeded = 0;
    for (name, (spec, _)) in &samples {
        let run = home.wait_finished(name);
        let status = run.status.clone().unwrap();
        match reason(&run) {
            "Succeeded" => {
                succeeded += 1;
                assert_eq!(status.path, Some(RunPath::Sandbox));
                let shown: BTreeMap<String, f64> =
                    serde_json::from_value(serde_json::to_value(status.metrics.unwrap()).unwrap()).unwrap();
                let expected = expected_metrics(&python, data.to_str().unwrap(), name, spec);
                let names = |map: &BTreeMap<String, f64>| map.keys().cloned().collect::<Vec<_>>();
                assert_eq!(names(&shown), names(&expected), "{name}");
                for (metric, value) in &expected {
                    assert!(
                        (shown[metric] - value).abs() <= TOLERANCE,
                        "{name}: {metric} {} ≠ {value}",
                        shown[metric]
                    );
                }
                for metric in ["sharpeRatio", "totalReturn", "maxDrawdown", "trades"] {
                    assert!(shown[metric].is_finite(), "{name}: {metric}");
                }
                println!("{name}: {} metrics equal the oracle's", expected.len());
            }
            "StrategyError" => {
                let error = status.error.unwrap();
                assert!(!error.type_.is_empty() && !error.message.is_empty(), "{error:?}");
                let line = error.line.unwrap() as usize;
                assert!(line <= spec.code.as_deref().unwrap().lines().count(), "{error:?}");
                assert_eq!(status.metrics, None);
            }
            "CodeRejected" => {
                let validation = status.validation.unwrap();
                assert!(validation.total >= 1 && !validation.findings[0].rule.is_empty(), "{validation:?}");
                assert!(status.attempts.is_empty(), "nothing was created for it");
            }
            "Unschedulable" => {
                assert_eq!((status.path, status.metrics), (Some(RunPath::AstOnly), None));
                let message = condition(&run, "Scheduled").unwrap().2;
                assert!(message.contains("nodes are available"), "the scheduler's own words: {message}");
                assert!(
                    status.attempts.iter().all(|attempt| attempt.node_name.is_none()),
                    "nothing was executed"
                );
            }
            other => panic!("{name} ended with {other}: {:?}", status.conditions),
        }
    }
    assert!(succeeded >= 2, "{succeeded} succeeded");
    let ends: Vec<String> = samples.keys().map(|name| reason(&home.wait_finished(name)).to_owned()).collect();
    for end in ["StrategyError", "CodeRejected", "Unschedulable"] {
        assert!(ends.iter().any(|reason| reason == end), "no sample shows {end}: {ends:?}");
    }
}
