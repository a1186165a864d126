//! Who may have a sandbox now: at most `maxConcurrentSandboxes` of a class at a time, fair between namespaces.

use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// All classes' queues. A place is held by a run, by its UID, from the grant until it is given back.
#[derive(Debug, Default)]
pub struct Queue {
    classes: HashMap<String, ClassQueue>,
    /// Class in whose queue a run is.
    members: HashMap<String, String>,
}

#[derive(Debug, Default)]
struct ClassQueue {
    most: usize,
    /// Runs that hold a place, with their namespaces.
    active: BTreeMap<String, String>,
    /// Runs that wait, by namespace; within one the oldest first.
    waiting: BTreeMap<String, BTreeSet<Ticket>>,
    /// When a sandbox of the class last left a node.
    freed: Option<Timestamp>,
}

/// One run in the queue; ordered by age.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// When the run was created.
    pub created: Timestamp,
    /// Its UID.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
}

/// Whether a run may have a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It holds a place.
    Granted,
    /// It waits; so many of its class hold a place, and so many wait with it.
    Waiting {
        /// Places that are taken.
        taken: usize,
        /// Runs that wait, this one included.
        waiting: usize,
    },
}

impl Queue {
    /// A place of that class for a run, if it is its turn. Asking again is free, and says the same until something has
    /// changed.
    pub fn ask(&mut self, class: &str, most: usize, ticket: &Ticket) -> Place {
        if self.members.get(&ticket.uid).is_some_and(|before| before != class) {
            self.members
                .remove(&ticket.uid)
                .iter()
                .for_each(|before| self.drop_from(before, &ticket.uid, None));
        }
        self.members.insert(ticket.uid.clone(), class.to_owned());
        let queue = self.classes.entry(class.to_owned()).or_default();
        queue.most = most;
        if queue.active.contains_key(&ticket.uid) {
            return Place::Granted;
        }
        queue.waiting.entry(ticket.namespace.clone()).or_default().insert(ticket.clone());
        queue.settle();
        if queue.active.contains_key(&ticket.uid) {
            Place::Granted
        } else {
            let waiting = queue.waiting.values().map(BTreeSet::len).sum();
            Place::Waiting { taken: queue.active.len(), waiting }
        }
    }

    /// A run that has a sandbox already, whatever the limit says: found at the start of the operator.
    pub fn adopt(&mut self, class: &str, ticket: &Ticket) {
        self.members.insert(ticket.uid.clone(), class.to_owned());
        let queue = self.classes.entry(class.to_owned()).or_default();
        queue.active.insert(ticket.uid.clone(), ticket.namespace.clone());
    }

    /// A run gives its place back, or stops waiting; `ended` is when its sandbox left a node, if it had one there. Returns
    /// the runs that have got a place by that: they must be told.
    pub fn leave(&mut self, uid: &str, ended: Option<Timestamp>) -> Vec<String> {
        let Some(class) = self.members.remove(uid) else { return Vec::new() };
        self.drop_from(&class, uid, ended);
        self.classes.get_mut(&class).map(ClassQueue::settle).unwrap_or_default()
    }

    /// When a sandbox of that class last ended.
    #[must_use]
    pub fn freed(&self, class: &str) -> Option<Timestamp> {
        self.classes.get(class)?.freed
    }

    /// Whether a run holds a place.
    #[must_use]
    pub fn holds(&self, uid: &str) -> bool {
        self.members
            .get(uid)
            .and_then(|class| self.classes.get(class))
            .is_some_and(|queue| queue.active.contains_key(uid))
    }

    fn drop_from(&mut self, class: &str, uid: &str, ended: Option<Timestamp>) {
        let Some(queue) = self.classes.get_mut(class) else { return };
        if queue.active.remove(uid).is_some() {
            queue.freed = ended.or(queue.freed);
        }
        for waiting in queue.waiting.values_mut() {
            waiting.retain(|ticket| ticket.uid != uid);
        }
        queue.waiting.retain(|_, waiting| !waiting.is_empty());
    }
}

impl ClassQueue {
    /// Gives free places to those whose turn it is, and says to whom. The turn is that of the namespace with the fewest
    /// places, so that one user's thousand runs do not hold up another one's first; among equals the oldest run's.
    fn settle(&mut self) -> Vec<String> {
        let mut granted = Vec::new();
        while self.active.len() < self.most {
            let mut held: HashMap<&str, usize> = HashMap::new();
            for namespace in self.active.values() {
                *held.entry(namespace).or_default() += 1;
            }
            let next = self
                .waiting
                .iter()
                .filter_map(|(namespace, waiting)| {
                    let places = held.get(namespace.as_str()).copied().unwrap_or_default();
                    waiting.first().map(|ticket| (places, ticket))
                })
                .min()
                .map(|(_, ticket)| ticket.clone());
            let Some(next) = next else { break };
            if let Some(waiting) = self.waiting.get_mut(&next.namespace) {
                waiting.remove(&next);
                if waiting.is_empty() {
                    self.waiting.remove(&next.namespace);
                }
            }
            granted.push(next.uid.clone());
            self.active.insert(next.uid, next.namespace);
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn ticket(namespace: &str, number: i64) -> Ticket {
        Ticket {
            created: Timestamp::from_second(number).unwrap(),
            uid: format!("{namespace}-{number}"),
            namespace: namespace.into(),
        }
    }

    #[test]
    fn no_more_than_the_limit_have_a_place_and_the_oldest_waits_least() {
        let mut queue = Queue::default();
        assert_eq!(queue.ask("c", 2, &ticket("a", 1)), Place::Granted);
        assert_eq!(queue.ask("c", 2, &ticket("a", 2)), Place::Granted);
        assert_eq!(queue.ask("c", 2, &ticket("a", 4)), Place::Waiting { taken: 2, waiting: 1 });
        assert_eq!(queue.ask("c", 2, &ticket("a", 3)), Place::Waiting { taken: 2, waiting: 2 });
        assert_eq!(queue.ask("c", 2, &ticket("a", 1)), Place::Granted, "asking again changes nothing");
        assert_eq!(queue.leave("a-1", Some(NOW)), ["a-3"]);
        assert_eq!(queue.freed("c"), Some(NOW));
        assert!(queue.leave("a-1", Some(NOW)).is_empty(), "nothing to give back twice");
    }

    #[test]
    fn a_namespace_with_few_places_comes_before_one_with_many() {
        let mut queue = Queue::default();
        for number in 0..100 {
            queue.ask("c", 3, &ticket("crowd", number));
        }
        queue.ask("c", 3, &ticket("guest", 1000));
        assert_eq!(queue.leave("crowd-0", Some(NOW)), ["guest-1000"]);
        assert_eq!(queue.leave("crowd-1", None), ["crowd-3"]);
    }

    #[test]
    fn classes_do_not_share_places_and_a_run_is_in_one_of_them() {
        let mut queue = Queue::default();
        assert_eq!(queue.ask("c", 1, &ticket("a", 1)), Place::Granted);
        assert_eq!(queue.ask("d", 1, &ticket("a", 2)), Place::Granted);
        assert_eq!(queue.ask("d", 1, &ticket("a", 1)), Place::Waiting { taken: 1, waiting: 1 });
        assert_eq!(
            queue.ask("c", 1, &ticket("a", 3)),
            Place::Granted,
            "the place in the other class is free again"
        );
    }

    #[test]
    fn what_runs_already_counts_even_above_the_limit() {
        let mut queue = Queue::default();
        queue.adopt("c", &ticket("a", 1));
        queue.adopt("c", &ticket("a", 2));
        assert_eq!(queue.ask("c", 1, &ticket("a", 3)), Place::Waiting { taken: 2, waiting: 1 });
        assert!(queue.leave("a-1", Some(NOW)).is_empty());
        assert_eq!(queue.leave("a-2", None), ["a-3"]);
        assert!(queue.holds("a-3"));
    }

    proptest! {
        /// Whatever is asked and given back: never above the limit, and no free place while somebody waits.
        #[test]
        fn the_limit_holds_and_no_place_is_left_empty(
            moves in prop::collection::vec((any::<bool>(), 0..3_usize, 0..12_i64), 1..200),
            most in 1..5_usize,
        ) {
            let mut queue = Queue::default();
            for (asks, namespace, number) in moves {
                let ticket = ticket(["a", "b", "c"][namespace], number);
                if asks {
                    queue.ask("k", most, &ticket);
                } else {
                    queue.leave(&ticket.uid, None);
                }
                if let Some(class) = queue.classes.get("k") {
                    prop_assert!(class.active.len() <= most);
                    prop_assert!(class.active.len() == most || class.waiting.is_empty());
                    let waiting: usize = class.waiting.values().map(BTreeSet::len).sum();
                    prop_assert_eq!(queue.members.len(), class.active.len() + waiting);
                }
            }
        }
    }
}
