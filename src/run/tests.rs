//! The state table, row by row, and the whole against an in-memory cluster.

mod artifacts;
mod belief;
mod cluster;
mod ended;
mod equal;
mod handover;
mod lifecycle;
mod results;
mod size;
mod table;

use super::{ClaimView, Gate, Intent, NodeFacts, Observed, Offer, Place, Timeline};
use crate::config::Config;
use crate::crd::{
    DatasetImage, DatasetSlice, DatasetSource, Reason, SandboxClass, SandboxClassSpec, StrategyRun,
    StrategyRunSpec, StrategyRunStatus,
};
use crate::strategy;
use crate::wire::{DatasetFormat, Report};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

const CODE: &str = "def strategy(data):\n    return data[\"close\"] > 0\n";
const UID: &str = "run-uid";

/// Everything around one run, to be changed by a test before it is looked at.
struct World {
    run: StrategyRun,
    class: Option<SandboxClass>,
    gate: Gate,
    config: Config,
    nodes: NodeFacts,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let mut run = StrategyRun::new(
            "momentum",
            StrategyRunSpec {
                code: Some(CODE.into()),
                class_name: "default".into(),
                dataset: DatasetSlice { name: "us-stocks".into(), ..DatasetSlice::default() },
                ..StrategyRunSpec::default()
            },
        );
        run.metadata.namespace = Some("strategies".into());
        run.metadata.uid = Some(UID.into());
        run.metadata.generation = Some(1);
        let class = SandboxClass::new(
            "default",
            SandboxClassSpec {
                image: "localhost/sandbox:1".into(),
                datasets: vec![DatasetSource {
                    name: "us-stocks".into(),
                    image: Some(DatasetImage { reference: "localhost/us-stocks:1".into() }),
                    path: String::new(),
                    format: DatasetFormat::Csv,
                }],
                ..SandboxClassSpec::default()
            },
        );
        Self {
            run,
            class: Some(class),
            gate: gate(CODE),
            config: Config::from_yaml("", None).unwrap(),
            nodes: NodeFacts { profile: true, user_namespaces: true },
            now: Timestamp::from_second(1_800_000_000).unwrap(),
        }
    }

    fn observe(&self) -> Observed<'_> {
        Observed {
            run: &self.run,
            input_hash: crate::run::input_hash(&self.run.spec),
            class: self.class.as_ref(),
            gate: &self.gate,
            pod: None,
            last_word: None,
            intent: Intent::Recorded,
            refusal: None,
            session: None,
            offer: &Offer::NoPool,
            claim: ClaimView::default(),
            strays: &[],
            equal: None,
            artifacts_refused: false,
            timeline: Timeline::default(),
            nodes: self.nodes,
            place: Place::Granted,
            room_since: None,
            scale_up: None,
            since_write: None,
            running: None,
            reason_since: None,
            config: &self.config,
            now: self.now,
        }
    }

    /// Plans with nothing but the run, and keeps the status that comes of it.
    fn step(&mut self) -> super::Plan {
        let plan = super::plan(&self.observe());
        if let Some(status) = &plan.status {
            self.run.status = Some((**status).clone());
        }
        plan
    }

    fn later(&mut self, seconds: i64) {
        self.now = Timestamp::from_second(self.now.as_second() + seconds).unwrap();
    }

    fn status(&self) -> &StrategyRunStatus {
        self.run.status.as_ref().unwrap()
    }

    /// The pod of the last attempt with the given `status`.
    fn pod(&self, status: serde_json::Value) -> Pod {
        let attempt = self.status().attempts.last().unwrap();
        serde_json::from_value(json!({
            "metadata": {"name": attempt.pod_name, "namespace": "strategies", "uid": format!("pod-uid-{}", attempt.number),
                "resourceVersion": "7",
                "labels": {"stratbox.dev/run-uid": UID, "stratbox.dev/attempt": attempt.number.to_string()},
                "ownerReferences": [{"apiVersion": "stratbox.dev/v1alpha1", "kind": "StrategyRun", "name": "momentum", "uid": UID}]},
            "spec": {"containers": [], "nodeName": "node"},
            "status": status,
        }))
        .unwrap()
    }

    /// A report that is believed for the last attempt.
    fn report(&self) -> Report {
        let attempt = self.status().attempts.last().unwrap();
        let Gate::Accepted(strategy) = &self.gate else { panic!("the gate has accepted") };
        Report {
            run_uid: UID.into(),
            pod_uid: format!("pod-uid-{}", attempt.number),
            attempt: attempt.number,
            code_sha256: strategy.sha256().into(),
            ..Report::example()
        }
    }
}

fn gate(code: &str) -> Gate {
    match strategy::check(code.as_bytes(), &strategy::Policy::default()) {
        Ok(strategy) => Gate::Accepted(Box::new(strategy)),
        Err(findings) => Gate::Rejected(findings),
    }
}

fn condition<'a>(status: &'a StrategyRunStatus, type_: &str) -> Option<(&'a str, &'a str)> {
    let condition = status.conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((condition.status.as_str(), condition.reason.as_str()))
}

/// kstatus: `Reconciling` and `Stalled` only while true, never both, and each goes with what `Ready` says.
fn assert_kstatus(status: &StrategyRunStatus) {
    let ready = condition(status, "Ready").expect("Ready is always there");
    let reconciling = condition(status, "Reconciling").is_some();
    let stalled = condition(status, "Stalled").is_some();
    let expected = match ready.0 {
        "True" => (false, false),
        "False" => (false, true),
        _ => (true, false),
    };
    assert_eq!((reconciling, stalled), expected, "{:?}", status.conditions);
    assert_eq!(status.completion_time.is_some(), !reconciling);
    assert!(Reason::ALL.iter().any(|reason| reason.as_str() == ready.1), "{ready:?}");
    // A result that is not good enough is one; so is one whose expressions have become unreadable since.
    let judged = ["AcceptanceFailed", "InvalidSpec"].contains(&ready.1);
    assert!(status.metrics.is_some() == (ready.0 == "True") || judged, "{ready:?}");
    let size = serde_json::to_vec(status).unwrap().len();
    assert!(size <= 16 * 1024, "{size} bytes");
}
