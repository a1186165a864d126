//! The places of each class, shared by all reconciles: who asks, who gives back, and who is told.

use super::session::{Target, Trigger};
use crate::run::{Place, Queue, Ticket};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The queue, and how to wake those who wait in it.
#[derive(Clone, Default)]
pub(super) struct Places {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    queue: Queue,
    bells: HashMap<String, (Trigger, Target)>,
}

impl Places {
    /// Asks for a place; who waits is woken when it has got one.
    pub(super) fn ask(&self, class: &str, most: usize, ticket: &Ticket, bell: (&Trigger, &Target)) -> Place {
        self.with(|inner| {
            let place = inner.queue.ask(class, most, ticket);
            if let Place::Waiting { .. } = place {
                inner.bells.insert(ticket.uid.clone(), (bell.0.clone(), bell.1.clone()));
            }
            place
        })
    }

    /// A run that has a sandbox already.
    pub(super) fn adopt(&self, class: &str, ticket: &Ticket) {
        self.with(|inner| inner.queue.adopt(class, ticket));
    }

    /// Gives a place back, or stops waiting; `ended` is when the run's sandbox left its node, if it had one.
    pub(super) fn leave(&self, uid: &str, ended: Option<Timestamp>) {
        self.with(|inner| {
            inner.bells.remove(uid);
            for granted in inner.queue.leave(uid, ended) {
                if let Some((trigger, target)) = inner.bells.remove(&granted) {
                    // Fails only when the controller is gone, and then nobody is left to be woken.
                    let _ = trigger.unbounded_send(target);
                }
            }
        });
    }

    /// When a sandbox of that class last left its node.
    pub(super) fn freed(&self, class: &str) -> Option<Timestamp> {
        self.with(|inner| inner.queue.freed(class))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        // What is in there stays true whatever the thread that panicked was about to do.
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
