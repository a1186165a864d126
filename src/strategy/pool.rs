//! Threads with a large stack, kept for the next program.
//!
//! A verdict is shorter than it takes to map, fault in and unmap two large stacks, so a few threads stay. There is
//! no queue: who finds none idle gets a new one.

use std::sync::mpsc::{Receiver, SendError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

/// Stack of a thread that parses. A tree of a program of the greatest size cannot overflow it, even in a debug build;
/// pages are only backed when touched.
const STACK_BYTES: usize = 64 << 20;
/// Most threads that stay: two verdicts at once, of two threads each. What a deep program touched of a stack stays
/// backed as long as its thread.
const KEPT: usize = 4;

type Job = Box<dyn FnOnce() + Send>;

/// Where the threads that have nothing to do take their next job.
static IDLE: Mutex<Vec<Sender<Job>>> = Mutex::new(Vec::new());

/// Starts `work` on a thread with a large stack. Its answer comes through the receiver; after a panic none comes.
/// `None` if there is no thread to be had.
pub(super) fn start<T: Send + 'static>(
    work: impl FnOnce(SyncSender<T>) + Send + 'static,
) -> Option<Receiver<T>> {
    let (answer, receiver) = sync_channel(1);
    let mut job: Job = Box::new(move || work(answer));
    loop {
        // A statement of its own, so that the lock is not held over the send.
        let idle = idle().pop();
        let Some(thread) = idle else { break };
        match thread.send(job) {
            Ok(()) => return Some(receiver),
            Err(SendError(back)) => job = back,
        }
    }
    let thread = Builder::new().name("gate".to_owned()).stack_size(STACK_BYTES);
    thread.spawn(move || serve(job)).ok().map(|_| receiver)
}

/// Works until nobody needs this thread. A panic ends it, which drops the sender of the answer.
fn serve(first: Job) {
    let (sender, jobs) = channel();
    let mut job = first;
    loop {
        job();
        {
            let mut idle = idle();
            if idle.len() >= KEPT {
                return;
            }
            idle.push(sender.clone());
        }
        let Ok(next) = jobs.recv() else { return };
        job = next;
    }
}

fn idle() -> MutexGuard<'static, Vec<Sender<Job>>> {
    // Nothing panics while the lock is held.
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_kept_and_a_panic_is_no_answer() {
        for round in 0..100 {
            let answer = start(move |answer| {
                let _ = answer.send(round);
            });
            assert_eq!(answer.unwrap().recv(), Ok(round));
            assert!(start(|_: SyncSender<u8>| panic!("a parser")).unwrap().recv().is_err());
        }
        assert!(idle().len() <= KEPT);
    }

    #[test]
    fn nobody_waits_for_another() {
        let waiting: Vec<_> = (0..3 * KEPT)
            .map(|number| {
                let (go, wait) = sync_channel::<()>(1);
                let answer = start(move |answer| {
                    let _ = wait.recv();
                    let _ = answer.send(number);
                });
                (number, go, answer.unwrap())
            })
            .collect();
        for (number, go, answer) in waiting.into_iter().rev() {
            go.send(()).unwrap();
            assert_eq!(answer.recv(), Ok(number));
        }
    }
}
