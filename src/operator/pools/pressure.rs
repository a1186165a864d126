//! Runs that want for room while pools hold some: pools make way, so that none is ever the cause of a run's fallback.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long pools stay away after a run has last said that it wants for room.
const AWAY: Duration = Duration::from_secs(30);

type Bell = Box<dyn Fn() + Send + Sync>;

/// Where room is wanted.
#[derive(Clone, Default)]
pub(in crate::operator) struct Pressure {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// On the nodes.
    nodes: Option<Instant>,
    /// In the quota of a namespace.
    quotas: HashMap<String, Instant>,
    bells: Vec<Bell>,
}

impl Pressure {
    /// `bell` is rung when room begins to be wanted.
    pub(super) fn tell(&self, bell: impl Fn() + Send + Sync + 'static) {
        self.with(|inner| inner.bells.push(Box::new(bell)));
    }

    /// A run finds no node with enough left.
    pub(in crate::operator) fn nodes_are_full(&self) {
        self.with(|inner| {
            let known = inner.nodes.replace(Instant::now());
            inner.ring_unless(known);
        });
    }

    /// A run finds its namespace's quota used up.
    pub(in crate::operator) fn quota_is_used_up(&self, namespace: &str) {
        self.with(|inner| {
            let known = inner.quotas.insert(namespace.to_owned(), Instant::now());
            inner.ring_unless(known);
        });
    }

    /// Whether pools of that namespace are to make way.
    pub(super) fn is_felt(&self, namespace: &str) -> bool {
        self.with(|inner| {
            inner.quotas.retain(|_, since| is_fresh(*since));
            inner.nodes.is_some_and(is_fresh) || inner.quotas.contains_key(namespace)
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        // What is in there stays true whatever the thread that panicked was about to do.
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    fn ring_unless(&self, known: Option<Instant>) {
        if !known.is_some_and(is_fresh) {
            self.bells.iter().for_each(|bell| bell());
        }
    }
}

fn is_fresh(since: Instant) -> bool {
    since.elapsed() < AWAY
}
