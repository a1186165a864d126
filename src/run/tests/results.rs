//! Rows of the state table about results: checks, acceptance, earlier inputs.

use super::table::{deletes, ready, running, with_pod};
use super::{World, condition};
use crate::crd::{Acceptance, CheckMode, Checks, OnReject, StrategyRun, StrategyRunStatus, Verdict};
use crate::run::{Effect, Line, Plan, SessionView, is_finished};
use crate::wire::{
    ArtifactKind, CheckResult, CheckResults, DeterminismResult, Difference, Layer, LookaheadResult, Report,
    Variation,
};

pub(super) fn passed() -> CheckResults {
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

pub(super) fn looks_ahead() -> CheckResults {
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

pub(super) fn session(report: Report) -> SessionView {
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

pub(super) fn accept(run: &mut StrategyRun, text: &str, on_reject: OnReject) {
    run.spec.acceptance = Some(Acceptance { expressions: vec![text.into()], on_reject });
}

pub(super) fn message(status: &StrategyRunStatus) -> &str {
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
