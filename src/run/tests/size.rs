//! How large a status can become.

use super::artifacts::curve;
use super::results::{accept, session};
use super::table::{ready, recorded, running, with_pod};
use super::{World, assert_kstatus, gate};
use crate::crd::{Durations, OnReject, Reason};
use crate::run::{Artifact, SessionView};
use crate::wire::{
    ArtifactKind, CheckResult, CheckResults, DeterminismResult, Difference, Isolation, LookaheadResult,
    Metrics, Outcome, StrategyFault, Variation,
};

/// Everything that a run which was scored can have, each as long as it gets.
#[test]
fn the_fullest_possible_status_fits_its_budget() {
    let long = |length: usize| "\"\\\u{e9}\u{7}".repeat(length);
    let worst = Some(-123_456_789.123_456);
    let mut world = World::new();
    world.run.metadata.name = Some("n".repeat(63));
    world.gate =
        gate(&format!("{}def strategy(data):\n    return data[\"close\"].shift(-1) > 0\n", "#\n".repeat(3)));
    world.run.spec.artifacts = vec![ArtifactKind::EquityCurve, ArtifactKind::Trades];
    accept(&mut world.run, &format!("{}false", "metrics.alpha > 1.0 && ".repeat(21)), OnReject::Report);
    world.step();
    let mut report = world.report();
    let number = |value: f64| serde_json::json!(value);
    let mut metrics = serde_json::to_value(schemars::schema_for!(Metrics)).unwrap()["properties"].take();
    for value in metrics.as_object_mut().unwrap().values_mut() {
        *value = number(-123_456_789.123_456);
    }
    (metrics["trades"], metrics["days"]) = (serde_json::json!(1_000_000), serde_json::json!(1_000_000));
    report.metrics = Some(serde_json::from_value(metrics).unwrap());
    let found = Some(Difference {
        kind: Variation::ShockedDown,
        cut: Some(long(20)),
        date: long(20),
        symbol: long(40),
        full: worst,
        other: worst,
    });
    report.checks = Some(CheckResults {
        lookahead: Some(LookaheadResult {
            result: CheckResult::Failed,
            cuts_tried: 16,
            short_history: 16,
            note: long(200),
            difference: found.clone(),
        }),
        determinism: Some(DeterminismResult {
            result: CheckResult::Failed,
            note: long(200),
            difference: found,
        }),
    });
    report.output = long(600);
    report.evidence.isolation = Isolation {
        cap_eff: "0".repeat(16),
        uid_map: long(8),
        stage1_profile: "a".repeat(64),
        stage2_profile: "a".repeat(64),
        kernel: "k".repeat(64),
        landlock_abi: Some(9),
        seccomp_filters: Some(9),
        memory_limit: Some(u64::MAX),
        cpu_limit_millis: Some(u64::MAX),
        ..Isolation::default()
    };
    let other = Artifact { kind: ArtifactKind::Trades, ..curve() };
    let view = SessionView { artifacts: vec![curve(), other], ..session(report) };
    let status = world.run.status.as_mut().unwrap();
    let entry = crate::crd::HistoryEntry {
        hash: "f".repeat(32),
        reason: "BackoffLimitExceeded".into(),
        sharpe: worst,
        completion_time: status.start_time.clone(),
    };
    status.history = vec![entry; 5];
    let last = status.attempts[0].clone();
    for number in 2..=5 {
        let mut attempt = last.clone();
        (attempt.number, attempt.node_name, attempt.reason) =
            (number, Some("n".repeat(63)), Some("BackoffLimitExceeded".into()));
        attempt.finished_at = attempt.started_at.clone();
        status.attempts.insert(0, attempt);
    }
    let finding = crate::crd::FindingStatus {
        rule: "IMP001".into(),
        severity: "warning".into(),
        line: 10_000,
        column: 10_000,
        end_line: 10_000,
        end_column: 10_000,
        message: "m".repeat(110),
        hint: "h".repeat(90),
    };
    status.validation = Some(crate::crd::ValidationStatus { findings: vec![finding; 20], total: 20 });
    let plan = with_pod(&world, running(), Some(view));
    assert_eq!(ready(&plan).0, "True");
    let mut status = *plan.status.unwrap();
    let most = Some(86_400_000);
    status.durations = Some(Durations {
        validate_ms: most,
        queue_ms: most,
        schedule_ms: most,
        start_ms: most,
        handover_ms: most,
        run_ms: most,
        checks_ms: most,
        score_ms: most,
        collect_ms: most,
    });
    assert!(Reason::ALL.len() > 20 && status.artifacts.len() == 2 && status.history.len() == 5);
    assert_kstatus(&status);
    let size = serde_json::to_vec(&status).unwrap().len();
    assert!(size > 10 * 1024, "the test has lost its teeth: {size} bytes");
}

#[test]
fn the_largest_possible_texts_fit_the_status() {
    let world = recorded();
    let mut report = world.report();
    report.outcome = Outcome::StrategyError;
    report.metrics = None;
    let long = |length: usize| "\"\\\u{e9}\n".repeat(length);
    report.fault =
        Some(StrategyFault { r#type: long(20), message: long(100), line: Some(1), tail: long(150) });
    let session =
        SessionView { accepted: true, report: Some(Ok(Box::new(report))), ..SessionView::default() };
    let plan = with_pod(&world, running(), Some(session));
    ready(&plan);
    assert_eq!(Metrics::default(), plan.status.unwrap().metrics.unwrap_or_default());
}
