use super::super::data::Dataset;
use super::*;
use crate::wire::Run;

const ASKED: Checks = Checks { lookahead: true, cuts: 2, determinism: true, deadline_seconds: 1 };

/// Positions of 20 dates that change on every date.
fn full() -> Vec<f64> {
    (0..20).map(|row| f64::from(row % 2)).collect()
}

fn found(evaluate: impl FnMut(View) -> Result<Tried, ()>) -> CheckResults {
    let dataset = Dataset::example(20);
    let slice = Slice::new(&dataset, &Run::example().dataset, None).expect("a slice");
    run(ASKED, &slice, &full(), evaluate).expect("no fault").expect("results")
}

/// The strategy that sees nothing of the future.
fn honest(view: View) -> Tried {
    Tried::Positions(full()[..view.dates].to_vec())
}

fn is_truncated(view: View) -> bool {
    view.dates < 20
}

#[test]
fn nothing_asked_is_nothing_found() {
    let dataset = Dataset::example(20);
    let slice = Slice::new(&dataset, &Run::example().dataset, None).expect("a slice");
    let tried = run(Checks::OFF, &slice, &full(), |_| Err(()));
    assert_eq!(tried, Ok(None));
}

#[test]
fn an_honest_strategy_passes_in_one_and_three_a_cut() {
    let mut views = Vec::new();
    let results = found(|view| {
        views.push(view);
        Ok(honest(view))
    });
    let lookahead = results.lookahead.expect("tried");
    assert_eq!(
        (lookahead.result, lookahead.cuts_tried, lookahead.note.as_str()),
        (CheckResult::Passed, 2, "")
    );
    assert_eq!(results.determinism.expect("tried").result, CheckResult::Passed);
    assert_eq!(views.len(), 7);
    assert_eq!(views[0], View { dates: 20, shock: None });
    assert_eq!(views[1].dates, 7 + 1);
    assert_eq!(views[2], View { dates: 20, shock: Some(Shock { from: 8, factor: 3.0 }) });
}

#[test]
fn the_first_difference_ends_the_check_and_is_told() {
    let mut evaluated = 0;
    let results = found(|view| {
        evaluated += 1;
        let mut positions = full();
        positions.truncate(view.dates);
        if view.shock.is_some_and(|shock| shock.factor < 1.0) {
            positions[5] = f64::NAN;
        }
        Ok(Tried::Positions(positions))
    });
    let lookahead = results.lookahead.expect("tried");
    assert_eq!((lookahead.result, lookahead.cuts_tried, evaluated), (CheckResult::Failed, 1, 4));
    let difference = lookahead.difference.expect("a difference");
    assert_eq!(
        (difference.kind, difference.full, difference.other),
        (Variation::ShockedDown, Some(1.0), None)
    );
    assert_eq!((difference.cut.as_deref(), difference.date.as_str()), (Some("2024-01-08"), "2024-01-06"));
    assert_eq!(difference.symbol, "AAPL");
}

#[test]
fn after_the_cut_everything_may_differ() {
    let results = found(|view| {
        let mut positions = full();
        positions.truncate(view.dates);
        if let Some(shock) = view.shock {
            positions[shock.from..].fill(9.0);
        }
        Ok(Tried::Positions(positions))
    });
    assert_eq!(results.lookahead.expect("tried").result, CheckResult::Passed);
}

#[test]
fn short_history_is_no_difference() {
    let results =
        found(|view| Ok(if is_truncated(view) { Tried::Raised("IndexError".into()) } else { honest(view) }));
    let lookahead = results.lookahead.expect("tried");
    assert_eq!(
        (lookahead.result, lookahead.cuts_tried, lookahead.short_history),
        (CheckResult::Passed, 2, 2)
    );
}

#[test]
fn raising_at_a_changed_future_is_no_way_out() {
    let results = found(|view| {
        Ok(if view.shock.is_some() { Tried::Raised("E\u{1b}".repeat(500)) } else { honest(view) })
    });
    let lookahead = results.lookahead.expect("tried");
    assert_eq!((lookahead.result, lookahead.difference), (CheckResult::Failed, None));
    assert!(lookahead.note.contains("after 2024-01-08 it went wrong: E\\u{1b}"), "{}", lookahead.note);
    assert!(crate::wire::cost(&lookahead.note) <= MAX_NOTE);
}

#[test]
fn the_same_data_twice_must_give_the_same_bits() {
    let results = found(|view| {
        let mut positions = full();
        positions.truncate(view.dates);
        if view == (View { dates: 20, shock: None }) {
            positions[3] += 1e-12;
        } else {
            positions[0] += 1e-12;
        }
        Ok(Tried::Positions(positions))
    });
    let determinism = results.determinism.expect("tried");
    assert_eq!(determinism.result, CheckResult::Failed);
    let difference = determinism.difference.expect("a difference");
    assert_eq!(
        (difference.kind, difference.cut, difference.date.as_str()),
        (Variation::Same, None, "2024-01-04")
    );
    assert_eq!(results.lookahead.expect("tried").result, CheckResult::Passed);
}

#[test]
fn chance_is_named_and_is_no_way_out() {
    let mut value = 0.0;
    let results = found(|view| {
        value += 0.01;
        Ok(Tried::Positions(vec![value; view.dates]))
    });
    let lookahead = results.lookahead.expect("tried");
    assert_eq!(lookahead.result, CheckResult::Failed);
    assert!(lookahead.note.contains("chance"));
}

#[test]
fn what_was_complete_by_the_deadline_counts() {
    for (last, determinism, result, tried) in [
        (0, CheckResult::NotFinished, CheckResult::NotFinished, 0),
        (3, CheckResult::Passed, CheckResult::NotFinished, 0),
        (4, CheckResult::Passed, CheckResult::Passed, 1),
        (6, CheckResult::Passed, CheckResult::Passed, 1),
    ] {
        let mut evaluated = 0;
        let results = found(|view| {
            evaluated += 1;
            Ok(if evaluated > last { Tried::Late } else { honest(view) })
        });
        let lookahead = results.lookahead.expect("tried");
        assert_eq!(results.determinism.expect("tried").result, determinism);
        assert_eq!((lookahead.result, lookahead.cuts_tried), (result, tried), "{last}");
        assert_eq!(lookahead.note, "checks.deadlineSeconds have passed");
        assert_eq!(evaluated, last + 1, "evaluated after the interpreter had ended");
    }
}

#[test]
fn an_evaluation_that_ends_badly_is_not_passed() {
    let mut evaluated = 0;
    let results = found(|view| {
        evaluated += 1;
        Ok(if evaluated > 5 { Tried::Broken("no memory".into()) } else { honest(view) })
    });
    let lookahead = results.lookahead.expect("tried");
    assert_eq!((lookahead.result, lookahead.cuts_tried), (CheckResult::NotFinished, 1));
    assert!(lookahead.note.ends_with("no memory"));
}
