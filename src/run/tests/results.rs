//! Rows of the state table about results: checks, acceptance, equal runs, artifacts, earlier inputs.

use super::table::{deletes, ready, running, with_pod};
use super::{World, assert_kstatus, condition, gate};
use crate::crd::{
    Acceptance, CachePolicy, CheckMode, Checks, Durations, OnReject, Reason, RunPath, StrategyRun,
    StrategyRunStatus, Verdict,
};
use crate::run::{Artifact, Effect, Line, Next, Plan, SessionView, is_finished, plan};
use crate::wire::{
    ArtifactHead, ArtifactKind, CheckResult, CheckResults, DeterminismResult, Difference, Isolation, Layer,
    LookaheadResult, Metrics, Report, Variation, sha256_hex,
};
use std::time::Duration;

const PINNED: &str = "example.org/x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn passed() -> CheckResults {
    CheckResults {
        lookahead: Some(LookaheadResult {
            result: CheckResult::Passed,
            cuts_tried: 2,
            ..LookaheadResult::default()
        }),
        determinism: Some(DeterminismResult { result: CheckResult::Passed, ..DeterminismResult::default() }),
    }
}

fn difference(kind: Variation) -> Difference {
    Difference {
        kind,
        cut: Some("2005-03-01".into()),
        date: "2005-02-28".into(),
        symbol: "AAPL".into(),
        full: Some(1.0),
        other: None,
    }
}

fn looks_ahead() -> CheckResults {
    let found = LookaheadResult {
        result: CheckResult::Failed,
        cuts_tried: 1,
        difference: Some(difference(Variation::ShockedUp)),
        ..LookaheadResult::default()
    };
    CheckResults { lookahead: Some(found), ..passed() }
}

fn draws_lots() -> CheckResults {
    let found = DeterminismResult {
        result: CheckResult::Failed,
        difference: Some(difference(Variation::Same)),
        ..DeterminismResult::default()
    };
    CheckResults { determinism: Some(found), ..passed() }
}

fn unfinished() -> CheckResults {
    let found = LookaheadResult { note: "out of time".into(), ..LookaheadResult::default() };
    CheckResults { lookahead: Some(found), ..passed() }
}

fn session(report: Report) -> SessionView {
    SessionView { accepted: true, report: Some(Ok(Box::new(report))), ..SessionView::default() }
}

/// A world with that spec whose sandbox has reported that.
fn reported(change: impl FnOnce(&mut StrategyRun), results: CheckResults) -> (World, Plan) {
    let mut world = World::new();
    change(&mut world.run);
    world.step();
    let mut report = world.report();
    report.checks = Some(results);
    let plan = with_pod(&world, running(), Some(session(report)));
    world.run.status = plan.status.clone().map(|status| *status);
    (world, plan)
}

fn mode(lookahead: CheckMode, determinism: CheckMode) -> impl FnOnce(&mut StrategyRun) {
    move |run| {
        let checks =
            Checks { lookahead: Some(lookahead), determinism: Some(determinism), ..Checks::default() };
        run.spec.checks = Some(checks);
    }
}

fn accept(run: &mut StrategyRun, text: &str, on_reject: OnReject) {
    run.spec.acceptance = Some(Acceptance { expressions: vec![text.into()], on_reject });
}

fn message(status: &StrategyRunStatus) -> &str {
    &status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap().message
}

#[test]
fn the_sandbox_is_told_what_to_check_require_and_send() {
    let mut world = World::new();
    world.class.as_mut().unwrap().spec.require = vec![Layer::Stage2, Layer::Landlock];
    world.class.as_mut().unwrap().spec.defaults.checks =
        Some(Checks { cuts: Some(5), deadline_seconds: Some(7), ..Checks::default() });
    world.run.spec.artifacts = vec![ArtifactKind::Trades];
    world.run.spec.checks =
        Some(Checks { determinism: Some(CheckMode::Off), cuts: Some(3), ..Checks::default() });
    world.step();
    let create = world.step();
    let [_, Effect::CreatePod(pod)] = &create.effects[..] else { panic!("{create:?}") };
    assert_eq!(pod.spec.as_ref().unwrap().active_deadline_seconds, Some(300 + 7 + 300));
    let plan = with_pod(&world, running(), None);
    let [Effect::OpenSession(handover)] = &plan.effects[..] else { panic!("{plan:?}") };
    let checks = handover.run.checks;
    // Run before class before configuration.
    assert_eq!(
        (checks.lookahead, checks.cuts, checks.determinism, checks.deadline_seconds),
        (true, 3, false, 7)
    );
    assert_eq!(handover.run.require, [Layer::Stage2, Layer::Landlock]);
    assert_eq!(handover.run.artifacts, [ArtifactKind::Trades]);
    assert_eq!(handover.run.check(), Ok(()));
}

#[test]
fn a_runner_is_waited_for_as_long_as_its_checks_may_take() {
    let mut world = World::new();
    world.run.spec.checks = Some(Checks { deadline_seconds: Some(5000), ..Checks::default() });
    world.step();
    let accepted = || Some(SessionView { accepted: true, line: Line::Open, ..SessionView::default() });
    world.later(300 + 30 + 5000);
    assert_eq!(ready(&with_pod(&world, running(), accepted())), ("Unknown", "Running"));
    world.later(60);
    assert_eq!(ready(&with_pod(&world, running(), accepted())), ("False", "DeadlineExceeded"));
}

#[test]
fn checks_that_pass_leave_no_condition() {
    let (world, plan) = reported(mode(CheckMode::Enforce, CheckMode::Enforce), passed());
    assert_eq!(ready(&plan), ("True", "Succeeded"));
    let status = world.status();
    assert_eq!((condition(status, "LookaheadFree"), condition(status, "Deterministic")), (None, None));
    assert_eq!(status.checks, Some(passed()));
}

#[test]
fn an_enforced_difference_takes_the_metrics_away_and_says_where_it_is() {
    let (world, plan) = reported(mode(CheckMode::Enforce, CheckMode::Warn), looks_ahead());
    assert_eq!(ready(&plan), ("False", "LookaheadDetected"));
    let status = world.status();
    assert_eq!((status.metrics, &status.checks), (None, &Some(looks_ahead())));
    assert_eq!(condition(status, "LookaheadFree"), Some(("False", "LookaheadDetected")));
    for word in ["AAPL", "2005-02-28", "is 1", "held", "after 2005-03-01", "three times", "shift"] {
        assert!(message(status).contains(word), "{word}: {}", message(status));
    }
    assert!(!deletes(&plan.cleanup), "kept like any failure's");
    let (_, plan) = reported(mode(CheckMode::Warn, CheckMode::Enforce), draws_lots());
    assert_eq!(ready(&plan), ("False", "NotDeterministic"));
}

#[test]
fn a_strategy_that_draws_lots_is_not_called_clairvoyant() {
    let both = CheckResults { determinism: draws_lots().determinism, ..looks_ahead() };
    let (_, plan) = reported(mode(CheckMode::Enforce, CheckMode::Enforce), both);
    assert_eq!(ready(&plan), ("False", "NotDeterministic"));
}

#[test]
fn a_warned_difference_is_a_condition_beside_the_metrics() {
    let (world, plan) = reported(|_| (), looks_ahead());
    assert_eq!(ready(&plan), ("True", "Succeeded"));
    let status = world.status();
    assert!(status.metrics.is_some());
    assert_eq!(condition(status, "LookaheadFree"), Some(("False", "LookaheadDetected")));
    assert!(message(status).contains("look-ahead"), "{}", message(status));
}

#[test]
fn a_check_that_is_off_is_not_judged() {
    let (world, plan) = reported(mode(CheckMode::Off, CheckMode::Off), CheckResults::default());
    assert_eq!(ready(&plan), ("True", "Succeeded"));
    assert_eq!(condition(world.status(), "LookaheadFree"), None);
}

#[test]
fn an_enforced_check_that_did_not_finish_is_no_pass() {
    for results in [unfinished(), CheckResults { lookahead: None, ..passed() }] {
        let (world, plan) = reported(mode(CheckMode::Enforce, CheckMode::Warn), results.clone());
        assert_eq!(ready(&plan), ("False", "DeadlineExceeded"));
        let words = message(world.status());
        assert!(
            words.contains("spec.checks.deadlineSeconds (60)") && words.contains("0 of 2 cuts"),
            "{words}"
        );
        assert_eq!(world.status().metrics, None);
        let (world, plan) = reported(|_| (), results);
        assert_eq!(ready(&plan), ("True", "Succeeded"));
        assert_eq!(condition(world.status(), "LookaheadFree"), Some(("Unknown", "DeadlineExceeded")));
    }
}

#[test]
fn acceptance_is_a_verdict_and_only_on_request_a_failure() {
    let judged = |text: &str, on_reject| {
        let (world, plan) = reported(|run| accept(run, text, on_reject), passed());
        let (status, reason) = ready(&plan);
        (status.to_owned(), reason.to_owned(), world.status().clone())
    };
    let (status, reason, there) = judged("metrics.sharpeRatio >= 0.3", OnReject::Fail);
    assert_eq!(
        (status.as_str(), reason.as_str(), there.verdict),
        ("True", "Succeeded", Some(Verdict::Accepted))
    );
    let (status, reason, there) = judged("metrics.sharpeRatio >= 0.5", OnReject::Report);
    assert_eq!(
        (status.as_str(), reason.as_str(), there.verdict),
        ("True", "Succeeded", Some(Verdict::Rejected))
    );
    assert!(message(&there).contains("metrics.sharpeRatio is 0.38"), "{}", message(&there));
    let (status, reason, there) = judged("metrics.alpha >= 0.5", OnReject::Fail);
    assert_eq!((status.as_str(), reason.as_str()), ("False", "AcceptanceFailed"));
    assert_eq!((there.verdict, there.metrics.is_some()), (Some(Verdict::Rejected), true));
    assert!(message(&there).contains("metrics.alpha is absent"), "{}", message(&there));
}

#[test]
fn an_expression_that_cannot_be_judged_asks_for_no_sandbox_and_can_be_corrected() {
    let mut world = World::new();
    accept(&mut world.run, "metrics.sharpe > 1", OnReject::Report);
    let plan = world.step();
    assert_eq!(ready(&plan), ("False", "InvalidSpec"));
    assert!(
        message(world.status()).contains("spec.acceptance.expressions[0]"),
        "{}",
        message(world.status())
    );
    assert!(plan.effects.is_empty() && world.status().attempts.is_empty());
    // No part of the input, and yet the correction is taken.
    accept(&mut world.run, "metrics.sharpeRatio > 1", OnReject::Report);
    world.run.metadata.generation = Some(2);
    assert_eq!(ready(&world.step()), ("Unknown", "Scheduling"));
    assert!(world.status().history.is_empty());
}

#[test]
fn a_changed_acceptance_is_judged_again_without_a_run() {
    let (mut world, _) = reported(|run| accept(run, "metrics.sharpeRatio > 1", OnReject::Fail), passed());
    let before = world.status().clone();
    let again = |world: &mut World, text: &str, generation| {
        accept(&mut world.run, text, OnReject::Fail);
        world.run.metadata.generation = Some(generation);
        world.later(1000);
        let plan = world.step();
        assert!(plan.effects.is_empty());
        assert_eq!(world.status().completion_time, before.completion_time);
        assert_eq!((world.status().attempts.len(), world.status().metrics), (1, before.metrics));
        let (status, reason) = ready(&plan);
        (status.to_owned(), reason.to_owned(), world.status().verdict)
    };
    let own = |status: &str, reason: &str, verdict| (status.to_owned(), reason.to_owned(), verdict);
    assert_eq!(
        again(&mut world, "metrics.sharpeRatio > 0", 2),
        own("True", "Succeeded", Some(Verdict::Accepted))
    );
    assert_eq!(again(&mut world, "metrics.sharpe > 0", 3), own("False", "InvalidSpec", None));
    let rejected = own("False", "AcceptanceFailed", Some(Verdict::Rejected));
    assert_eq!(again(&mut world, "metrics.sharpeRatio > 2", 4), rejected);
    assert_eq!(
        world.step(),
        Plan { cleanup: vec![Effect::CloseSession], ..Plan::nothing() },
        "and then no more"
    );
}

#[test]
fn a_changed_check_is_another_input_and_the_former_end_is_history() {
    let (mut world, _) = reported(|_| (), passed());
    let former = world.status().clone();
    for generation in 2..=8 {
        world.run.metadata.generation = Some(generation);
        world.run.spec.checks = Some(Checks { cuts: u32::try_from(generation).ok(), ..Checks::default() });
        let hash = crate::run::input_hash(&world.run.spec);
        assert!(!is_finished(&world.run, &hash));
        world.step();
        assert_eq!((world.status().metrics, world.status().verdict), (None, None));
        let mut report = world.report();
        report.checks = Some(passed());
        world.run.status = with_pod(&world, running(), Some(session(report))).status.map(|status| *status);
        if generation == 2 {
            let [entry] = &world.status().history[..] else { panic!("{:?}", world.status().history) };
            assert_eq!(Some(&entry.hash), former.input_hash.as_ref());
            assert_eq!((entry.reason.as_str(), entry.sharpe), ("Succeeded", Some(0.38)));
            assert_eq!(entry.completion_time, former.completion_time);
        }
    }
    assert_eq!(world.status().history.len(), 5);
}

/// A world whose image and data are named by digest.
fn pinned() -> World {
    let mut world = World::new();
    let class = &mut world.class.as_mut().unwrap().spec;
    class.image = PINNED.into();
    class.datasets[0].image.reference = PINNED.into();
    world
}

/// A run of another name with the same inputs that has ended well.
fn finished_equal() -> StrategyRun {
    let mut world = pinned();
    world.run.metadata.name = Some("first".into());
    world.run.metadata.uid = Some("another".into());
    world.step();
    let mut report = Report { run_uid: "another".into(), ..world.report() };
    report.checks = Some(looks_ahead());
    let mut pod = world.pod(running());
    pod.metadata.owner_references.as_mut().unwrap()[0].uid = "another".into();
    pod.metadata.labels.as_mut().unwrap().insert("stratbox.dev/run-uid".into(), "another".into());
    let view = session(report);
    let mut observed = world.observe();
    (observed.pod, observed.session) = (Some(&pod), Some(&view));
    let status = plan(&observed).status;
    world.run.status = status.map(|status| *status);
    world.run
}

#[test]
fn a_result_of_a_sandbox_that_was_made_from_another_class_answers_nobody() {
    let mut world = pinned();
    let recorded = world.step().status.unwrap();
    let fingerprint = |plan: &Plan| plan.status.as_ref().unwrap().provenance.clone().unwrap().fingerprint;
    let look = |world: &World| with_pod(world, serde_json::json!({"phase": "Pending"}), None);
    assert_eq!(fingerprint(&look(&world)), recorded.provenance.unwrap().fingerprint);
    world.class.as_mut().unwrap().spec.image = PINNED.replace('0', "1");
    assert_eq!(fingerprint(&look(&world)), None);
}

fn look(world: &World, equal: &StrategyRun) -> Plan {
    let mut observed = world.observe();
    observed.equal = Some(equal);
    plan(&observed)
}

#[test]
fn an_equal_run_answers_at_once_and_is_named() {
    let mut world = pinned();
    accept(&mut world.run, "metrics.sharpeRatio > 1", OnReject::Report);
    let equal = finished_equal();
    let plan = look(&world, &equal);
    assert_eq!(ready(&plan), ("True", "CacheHit"));
    assert!(plan.effects.is_empty());
    let (status, theirs) = (plan.status.unwrap(), equal.status.unwrap());
    assert!(status.attempts.is_empty() && message(&status).contains("\"first\""), "{}", message(&status));
    assert_eq!(
        (status.metrics, &status.checks, status.path),
        (theirs.metrics, &theirs.checks, Some(RunPath::Sandbox))
    );
    assert_eq!((status.verdict, theirs.verdict), (Some(Verdict::Rejected), None), "judged anew");
    assert_eq!(condition(&status, "LookaheadFree"), Some(("False", "LookaheadDetected")));
    let provenance = status.provenance.unwrap();
    assert_eq!(provenance.cached_from.as_deref(), Some("first"));
    assert_eq!(provenance.fingerprint, theirs.provenance.unwrap().fingerprint);
}

/// A name, and what is different about the world or the equal run.
type Change<'a> = (&'a str, &'a dyn Fn(&mut World, &mut StrategyRun));

#[test]
fn a_run_runs_where_no_other_may_answer() {
    let equal = finished_equal();
    let runs = |change: &dyn Fn(&mut World, &mut StrategyRun)| {
        let (mut world, mut equal) = (pinned(), equal.clone());
        change(&mut world, &mut equal);
        ready(&look(&world, &equal)).1.to_owned()
    };
    assert_eq!(runs(&|_, _| ()), "CacheHit");
    let changes: [Change<'_>; 13] = [
        ("told to", &|world, _| world.run.spec.cache_policy = CachePolicy::Never),
        ("rerun", &|world, _| {
            let annotation = ("stratbox.dev/rerun-requested-at".to_owned(), "1".to_owned());
            world.run.metadata.annotations = Some([annotation].into());
        }),
        ("image by tag", &|world, _| world.class.as_mut().unwrap().spec.image = "x:1".into()),
        ("data by tag", &|world, _| {
            world.class.as_mut().unwrap().spec.datasets[0].image.reference = "x:1".into();
        }),
        ("other code", &|world, _| {
            world.gate = gate("def strategy(data):\n    return data[\"close\"] > 1\n");
        }),
        ("other params", &|world, _| drop(world.run.spec.params.insert("a".into(), "1".into()))),
        ("other checks", &|world, _| {
            world.run.spec.checks = Some(Checks { cuts: Some(3), ..Checks::default() });
        }),
        ("other requirements", &|world, _| world.class.as_mut().unwrap().spec.require = vec![Layer::Stage2]),
        ("artifacts that it has not", &|world, _| world.run.spec.artifacts = vec![ArtifactKind::Trades]),
        ("another namespace", &|_, equal| equal.metadata.namespace = Some("other".into())),
        ("itself", &|world, equal| equal.metadata.uid = world.run.metadata.uid.clone()),
        ("an answered one", &|_, equal| {
            equal.status.as_mut().unwrap().provenance.as_mut().unwrap().cached_from = Some("x".into());
        }),
        ("a failed one", &|_, equal| equal.status.as_mut().unwrap().metrics = None),
    ];
    for (what, change) in changes {
        assert_eq!(runs(change), "Scheduling", "{what}");
    }
}

#[test]
fn an_equal_run_does_not_answer_for_one_that_has_begun() {
    let mut world = pinned();
    world.step();
    let plan = look(&world, &finished_equal());
    assert!(plan.effects.iter().any(|effect| matches!(effect, Effect::CreatePod(_))), "{plan:?}");
}

fn curve() -> Artifact {
    let bytes = b"gzip".to_vec();
    Artifact { kind: ArtifactKind::EquityCurve, sha256: sha256_hex(&bytes), bytes }
}

/// A run that has asked for a curve and reported one.
fn with_artifacts(change: impl FnOnce(&mut SessionView)) -> (World, SessionView) {
    let mut world = World::new();
    world.run.spec.artifacts = vec![ArtifactKind::EquityCurve];
    world.step();
    let mut report = world.report();
    report.checks = Some(passed());
    let whole = curve();
    report.artifacts = vec![ArtifactHead { kind: whole.kind, bytes: 4, sha256: whole.sha256 }];
    let mut view = session(report);
    change(&mut view);
    (world, view)
}

#[test]
fn a_report_waits_for_the_artifacts_that_it_announces() {
    let (world, view) = with_artifacts(|view| view.collecting = true);
    let plan = with_pod(&world, running(), Some(view));
    assert_eq!((ready(&plan), plan.next), (("Unknown", "Collecting"), Next::After(Duration::from_secs(2))));
    assert!(
        !deletes(&plan.effects) && !deletes(&plan.cleanup) && !plan.cleanup.contains(&Effect::CloseSession)
    );
}

#[test]
fn artifacts_become_one_owned_config_map_before_the_status_names_it() {
    let (world, view) = with_artifacts(|view| view.artifacts = vec![curve()]);
    let plan = with_pod(&world, running(), Some(view));
    assert_eq!(ready(&plan), ("True", "Succeeded"));
    let [Effect::ApplyArtifacts(map)] = &plan.effects[..] else { panic!("{:?}", plan.effects) };
    let owner = &map.metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!((owner.uid.as_str(), owner.block_owner_deletion), ("run-uid", None));
    assert_eq!(map.binary_data.as_ref().unwrap()["equity-curve.csv.gz"].0, b"gzip");
    let [there] = &plan.status.as_ref().unwrap().artifacts[..] else { panic!("{plan:?}") };
    assert_eq!(Some(&there.config_map), map.metadata.name.as_ref());
    assert_eq!((there.key.as_str(), &there.sha256), ("equity-curve.csv.gz", &curve().sha256));
}

#[test]
fn lost_or_refused_artifacts_are_said_and_cost_no_result() {
    let (world, lost) = with_artifacts(|_| ());
    let plan = with_pod(&world, running(), Some(lost));
    assert_eq!(ready(&plan), ("True", "Succeeded"));
    let status = plan.status.unwrap();
    assert!(status.artifacts.is_empty() && message(&status).contains("artifacts"), "{}", message(&status));
    let (world, view) = with_artifacts(|view| view.artifacts = vec![curve()]);
    let pod = world.pod(running());
    let mut observed = world.observe();
    (observed.pod, observed.session, observed.artifacts_refused) = (Some(&pod), Some(&view), true);
    let plan = super::super::plan(&observed);
    assert_eq!(ready(&plan), ("True", "Succeeded"));
    assert!(plan.effects.is_empty() && message(plan.status.as_ref().unwrap()).contains("artifacts"));
}

#[test]
fn a_result_that_a_check_takes_away_leaves_no_artifacts() {
    let (mut world, mut view) = with_artifacts(|view| view.artifacts = vec![curve()]);
    world.run.spec.checks = Some(Checks { lookahead: Some(CheckMode::Enforce), ..Checks::default() });
    world.run.status = None;
    world.step();
    let mut report = world.report();
    report.checks = Some(looks_ahead());
    view.report = Some(Ok(Box::new(report)));
    let plan = with_pod(&world, running(), Some(view));
    assert_eq!(ready(&plan), ("False", "LookaheadDetected"));
    assert!(plan.effects.is_empty() && plan.status.unwrap().artifacts.is_empty());
}

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
