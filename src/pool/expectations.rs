//! What this process has asked for and the watch has not shown yet.
//!
//! A watch is a moment behind. A pool that counts only what it sees creates a sandbox for every look at a cluster in
//! which its last one has not arrived.

use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Seconds after which something that was asked for, and that nobody has promised, is taken to have come to nothing.
const PATIENCE: i64 = 60;
/// The same for a pod that the API server has created: longer than it takes until a silent watch is given up, so that what was
/// created in its shadow is not created again and again.
const SHADOW: i64 = 360;

/// Creations by pod name and deletions by pod UID, with the time at which each was asked for; creations with the seconds for
/// which they are waited for, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    creations: BTreeMap<String, (Timestamp, i64)>,
    deletions: BTreeMap<String, Timestamp>,
}

impl Expectations {
    /// A pod of that name is being asked for; said before the request goes out.
    pub fn expect_creation(&mut self, name: &str, now: Timestamp) {
        self.creations.insert(name.to_owned(), (now, PATIENCE));
    }

    /// The pod has been created: the watch will show it.
    pub fn is_created(&mut self, name: &str) {
        if let Some((_, patience)) = self.creations.get_mut(name) {
            *patience = SHADOW;
        }
    }

    /// The request was refused, so that no such pod will come.
    pub fn is_refused(&mut self, name: &str) {
        self.creations.remove(name);
    }

    /// That pod is being deleted; said before the request goes out.
    pub fn expect_deletion(&mut self, uid: &str, now: Timestamp) {
        self.deletions.insert(uid.to_owned(), now);
    }

    /// The deletion was refused: the pod stays.
    pub fn is_kept(&mut self, uid: &str) {
        self.deletions.remove(uid);
    }

    /// Lets go of what the watch has shown, and of what was asked for too long ago.
    pub fn settle(&mut self, names: &BTreeSet<String>, uids: &BTreeSet<String>, now: Timestamp) {
        let fresh = |asked: &Timestamp, most| now.as_second().saturating_sub(asked.as_second()) < most;
        self.creations.retain(|name, (asked, patience)| !names.contains(name) && fresh(asked, *patience));
        self.deletions.retain(|uid, asked| uids.contains(uid) && fresh(asked, PATIENCE));
    }

    /// Pods that have been asked for and are not seen yet.
    #[must_use]
    pub fn creating(&self) -> usize {
        self.creations.len()
    }

    /// Whether that pod has been told to go.
    #[must_use]
    pub fn is_leaving(&self, uid: &str) -> bool {
        self.deletions.contains_key(uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_was_asked_for_counts_until_it_is_seen_refused_or_overdue() {
        let mut expectations = Expectations::default();
        for name in ["a", "b", "c"] {
            expectations.expect_creation(name, at(0));
        }
        expectations.is_refused("b");
        expectations.settle(&set(&["a"]), &set(&[]), at(1));
        assert_eq!(expectations.creating(), 1);
        expectations.settle(&set(&[]), &set(&[]), at(59));
        assert_eq!(expectations.creating(), 1);
        expectations.settle(&set(&[]), &set(&[]), at(60));
        assert_eq!(expectations.creating(), 0);
    }

    #[test]
    fn what_has_been_created_counts_for_longer_than_a_watch_can_be_silent() {
        let mut expectations = Expectations::default();
        expectations.expect_creation("a", at(0));
        expectations.is_created("a");
        expectations.settle(&set(&[]), &set(&[]), at(359));
        assert_eq!(expectations.creating(), 1);
        expectations.settle(&set(&[]), &set(&[]), at(360));
        assert_eq!(expectations, Expectations::default());
    }

    #[test]
    fn a_pod_that_was_told_to_go_counts_as_gone_until_it_is_or_was_kept() {
        let mut expectations = Expectations::default();
        expectations.expect_deletion("u", at(0));
        expectations.expect_deletion("v", at(0));
        expectations.is_kept("v");
        expectations.settle(&set(&[]), &set(&["u", "v"]), at(1));
        assert_eq!((expectations.is_leaving("u"), expectations.is_leaving("v")), (true, false));
        expectations.settle(&set(&[]), &set(&["v"]), at(2));
        assert!(!expectations.is_leaving("u"));
    }
}
