//! `plan` against a tiny cluster in memory: whatever happens to the pod, the runner and the operator, nothing runs
//! twice, an end is an end, and there is always one.

mod happening;
mod memory;
mod race;

use crate::run::Line;
use crate::sandbox::attempt_of;
use happening::{Happening, RUNNING, happening};
use memory::Cluster;
use proptest::prelude::*;

#[test]
fn wherever_the_operator_dies_and_the_pod_with_it_no_attempt_runs_twice() {
    let mut handed = 0;
    for died_after in 0..12 {
        let mut cluster = Cluster { quick: true, dies_after: Some(died_after), ..Cluster::new() };
        cluster.reconcile();
        cluster.dies_after = None;
        cluster.happen(Happening::OperatorRestarts);
        cluster.happen(Happening::PodGone);
        cluster.reconcile();
        cluster.reconcile();
        assert!(cluster.is_handed_once(), "dead after {died_after}: {:?}", cluster.handed);
        handed += cluster.handed.len();
    }
    assert!(handed > 12, "some were handed over before and some after");
}

/// Dead before or after the intent, the claim, the hand-over; the claimed sandbox still there or gone; another run quicker.
#[test]
fn wherever_the_operator_dies_around_a_claim_no_attempt_runs_twice() {
    let (mut warm, mut handed, mut strays) = (0, 0, 0);
    let thens =
        [None, Some(Happening::PodGone), Some(Happening::MemberTaken), Some(Happening::MemberTouched)];
    for (died_after, claims_first) in (0..10).flat_map(|after| [(after, false), (after, true)]) {
        for then in thens.clone() {
            let mut cluster =
                Cluster { pool: true, dies_after: Some(died_after), claims_first, ..Cluster::new() };
            cluster.reconcile();
            cluster.dies_after = None;
            cluster.happen(Happening::OperatorRestarts);
            then.into_iter().for_each(|then| cluster.happen(then));
            for _ in 0..3 {
                cluster.reconcile();
            }
            assert!(cluster.is_handed_once(), "dead after {died_after}: {:?}", cluster.takers);
            strays += cluster.strays().len();
            cluster.happen(Happening::Seconds(31));
            cluster.reconcile();
            assert!(cluster.strays().is_empty(), "dead after {died_after}: a claimed sandbox is nobody's");
            warm += usize::from(cluster.world.status().attempts.iter().any(|attempt| attempt.warm));
            handed += cluster.handed.len();
        }
    }
    assert!(warm > 60 && handed > 80, "the claims were there: {warm} warm, {handed} handed over");
    assert!(strays > 0, "some were claimed and not on record");
}

#[test]
fn a_claim_whose_answer_was_lost_is_followed_up_and_never_made_anew() {
    let mut cluster = Cluster { pool: true, loses_answer: true, ..Cluster::new() };
    cluster.reconcile();
    cluster.reconcile();
    assert_eq!(cluster.handed.len(), 1, "the sandbox was found to be the run's");
    // As after a look that gave the sandbox up and came no further.
    cluster.session = None;
    // Deleted by force: nothing is heard of its end.
    cluster.happen(Happening::PodGone);
    cluster.reconcile();
    cluster.reconcile();
    assert!(cluster.is_handed_once(), "{:?}", cluster.takers);
    assert_eq!(cluster.world.status().attempts[0].losses, 1, "it may have run");
}

#[test]
fn a_claimed_sandbox_is_marked_as_its_runs_only_if_the_run_lasts() {
    let marked = |cluster: &Cluster| {
        let name = cluster.last_name().expect("an attempt");
        cluster.pods.get(&name).map(|pod| attempt_of(pod) == Some(1))
    };
    let mut short = Cluster { pool: true, quick: true, ..Cluster::new() };
    short.reconcile();
    assert_eq!(marked(&short), Some(false), "it has been handed over at once");
    let mut lasting = Cluster { pool: true, quick: true, ..Cluster::new() };
    lasting.reconcile();
    lasting.happen(Happening::Seconds(2));
    lasting.reconcile();
    assert_eq!(marked(&lasting), Some(false));
    lasting.happen(Happening::Seconds(1));
    lasting.reconcile();
    assert_eq!(marked(&lasting), Some(true));
    assert!(lasting.is_handed_once());
}

#[test]
fn a_run_that_loses_claim_after_claim_gets_a_sandbox_of_its_own() {
    let mut cluster = Cluster { pool: true, ..Cluster::new() };
    for _ in 0..10 {
        cluster.steal = true;
        cluster.reconcile();
    }
    let attempts = &cluster.world.status().attempts;
    assert_eq!(attempts.len(), 1, "lost claims are no attempts");
    assert_eq!((attempts[0].warm, attempts[0].cold_reason.as_deref()), (false, Some("ClaimsLost")));
    assert_eq!((attempts[0].losses, cluster.claims_lost), (0, 3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_runs_twice_and_everything_ends(happenings in prop::collection::vec(happening(), 0..40)) {
        let mut cluster = Cluster::new();
        cluster.reconcile();
        for happening in happenings {
            let before = cluster.finished().then(|| cluster.world.status().clone());
            let new_input = matches!(happening, Happening::NewInput | Happening::Rerun);
            cluster.happen(happening);
            cluster.reconcile();
            if let (Some(before), false) = (before, new_input) {
                prop_assert_eq!(&before, cluster.world.status(), "terminal stays terminal");
            }
            prop_assert!(cluster.is_handed_once());
        }
        cluster.dies_after = None;
        // Left alone with a class, every run comes to an end, by its deadlines if by nothing else.
        cluster.happen(Happening::ClassBack);
        cluster.happen(Happening::Suspend(false));
        (cluster.place, cluster.gate_reads) = (true, false);
        for _ in 0..40 {
            if cluster.finished() {
                break;
            }
            cluster.happen(Happening::PodState(RUNNING));
            cluster.happen(Happening::Line(Line::Refused));
            cluster.happen(Happening::Seconds(500));
            cluster.reconcile();
        }
        prop_assert!(cluster.finished(), "{:?}", cluster.world.run.status);
        let end = cluster.world.status().clone();
        cluster.reconcile();
        prop_assert_eq!(&end, cluster.world.status(), "and nothing is written any more");
    }
}
