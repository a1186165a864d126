//! Who ends the process, and how: by a report, by a fault, or because the pod is deleted.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::interpreter::Family;
use super::{FAULT, TERMINATED, lockdown};

/// Who ends this process: the first to claim it, so that a report is never cut off and a kill on the way out is never
/// mistaken for something that the strategy did.
#[derive(Debug, Default)]
pub(super) struct Ending {
    by: AtomicU8,
    /// Whether the pod is to go.
    asked: Mutex<bool>,
    bell: Condvar,
}

pub(super) const END_REPORT: u8 = 1;
pub(super) const END_FAULT: u8 = 2;
const END_SIGTERM: u8 = 3;

impl Ending {
    /// Returns to the first caller; the thread of any other one stops here for good, as the first one ends the process.
    pub(super) fn claim(&self, by: u8) {
        if self.by.compare_exchange(0, by, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            loop {
                thread::park();
            }
        }
    }

    /// Waits until the pod is to go, for that long at most.
    pub(super) fn wait_until_asked(&self, most: Duration) {
        let asked = self.asked();
        // Poisoned or not: the process ends next.
        drop(self.bell.wait_timeout_while(asked, most, |asked| !*asked));
    }

    fn ask(&self) {
        *self.asked() = true;
        self.bell.notify_all();
    }

    fn asked(&self) -> MutexGuard<'_, bool> {
        // Every state of a bool is as good as another.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that waits for SIGTERM, ends everything and the process: a pod that is deleted goes at once. A report that is
/// being written is finished.
pub(super) fn obey_sigterm(family: Arc<Family>, ending: Arc<Ending>) -> io::Result<()> {
    let wait = move || {
        if lockdown::wait_for_sigterm() {
            ending.ask();
            ending.claim(END_SIGTERM);
            family.end();
            leave(TERMINATED);
        }
    };
    thread::Builder::new().name("sigterm".to_owned()).spawn(wait).map(drop)
}

/// From now on a panic in any thread is a fault of the sandbox: a runner that has lost its reader, its writer or its
/// clock must not live on as if it had them.
pub(super) fn end_with_a_panic() {
    std::panic::set_hook(Box::new(|panic| {
        // Nobody is left to tell if this fails.
        let _ = writeln!(io::stderr(), "stratbox-runner: {panic}");
        leave(FAULT);
    }));
}

/// Ends the process from a thread that is not the main one.
#[expect(clippy::disallowed_methods, reason = "the main thread waits for something that will not come")]
fn leave(code: u8) -> ! {
    std::process::exit(code.into())
}
