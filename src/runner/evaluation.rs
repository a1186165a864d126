//! One evaluation: order out, lockdown confirmed, slice out, result in, under one deadline and in one poll loop.

use std::time::{Duration, Instant};

use super::data::{Slice, View};
use super::interpreter::{Interpreter, InterpreterError, Pipe};
use super::probe;
use super::protocol::{self, Control, Reply};
use super::verdict::SIGKILL;

/// Bytes of a slice that are made ahead of being written.
const AHEAD: usize = 256 * 1024;

/// Address space that an evaluation needs to do anything at all.
const LEAST_SPACE: u64 = 64 << 20;

/// How soon a process that has written its result is looked at again, for whether it is in its exit: at first and at last.
const LOOK: Duration = Duration::from_micros(200);
const LOOK_AT_LAST: Duration = Duration::from_millis(10);

/// What an evaluation is made of.
#[derive(Clone, Copy)]
pub(super) struct Evaluation<'a> {
    /// Its number in this sandbox, from 1.
    pub(super) number: u32,
    /// The strategy.
    pub(super) code: &'a str,
    /// Its parameters as a JSON object.
    pub(super) params: &'a [u8],
    /// Stage 2.
    pub(super) filter: &'a [u8],
    /// The run's market data.
    pub(super) slice: &'a Slice<'a>,
    /// What it sees of them.
    pub(super) view: View,
    /// Whether it must not see them unless stage 2 is seen in force on it.
    pub(super) stage2_required: bool,
    /// The container's memory limit in bytes.
    pub(super) memory: u64,
    /// When it must have ended.
    pub(super) deadline: Instant,
}

/// How an evaluation ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its process is gone, or going by itself; what it wrote is not looked at yet.
    Gone(Gone),
    /// Killed at its deadline.
    Deadline,
    /// Less memory is left than an evaluation needs, in bytes.
    NoMemory(u64),
    /// Its process could not lock itself down or is seen not to be: nothing was run.
    Unlocked(&'static str),
    /// Whether its process is locked down cannot be seen, and it must be: nothing was run.
    Unconfirmed,
}

/// A process that has ended, or is in its exit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gone {
    /// What it wrote.
    pub(super) written: Vec<u8>,
    /// Its wait status; 0 where it was seen to exit by itself, with its result written.
    pub(super) status: i32,
    /// Whether it wrote more than a result can have.
    pub(super) too_much: bool,
    /// Whether the control group killed for want of memory meanwhile.
    pub(super) oom: bool,
    /// Whether the interpreter may run another one.
    pub(super) reusable: bool,
}

impl Evaluation<'_> {
    /// Runs it. `started` is called once the strategy may run, with whether stage 2 was seen in force on it.
    ///
    /// # Errors
    /// The interpreter is gone or breaks its protocol: a fault of the sandbox.
    pub(super) fn run(
        &self,
        interpreter: &mut Interpreter,
        mut started: impl FnMut(bool),
    ) -> Result<End, InterpreterError> {
        let killed_before = probe::oom_kills();
        match interpreter.settle(self.deadline) {
            Ok(true) => {}
            Ok(false) => return Ok(Self::out_of_time(interpreter)),
            Err(error) => return Self::interpreter_gone(interpreter, error, killed_before),
        }
        let space = match self.space(interpreter) {
            Ok(space) => space,
            Err(left) => return Ok(End::NoMemory(left)),
        };
        let expected = self.expected();
        interpreter.expect(protocol::copied(expected));
        let order = Control {
            evaluation: self.number,
            address_space: space,
            expected,
            filter: self.filter,
            code: self.code,
            params: self.params,
        };
        let mut feed = Feed { pipe: Pipe::Control, bytes: order.to_bytes(), done: 0 };
        let mut rows = self.slice.rows(self.view);
        let mut progress = Progress::default();
        let mut look = LOOK;
        loop {
            let now = Instant::now();
            if now >= self.deadline {
                return Ok(Self::out_of_time(interpreter));
            }
            let mut until = self.deadline;
            if let Some(pid) = progress.delivered() {
                // The kernel needs milliseconds to take a process apart; its wait status would change nothing.
                if probe::exits_by_itself(pid) {
                    interpreter.leave_to_end(self.number);
                    let complete = feed.is_done(&mut rows);
                    return Ok(self.gone(interpreter, progress, 0, complete, killed_before));
                }
                until = until.min(now + look);
                look = LOOK_AT_LAST.min(look * 2);
            }
            let wanted = feed.wanted(progress.locked);
            match interpreter.turn(wanted, None, Some(until)) {
                Ok(true) => feed.write(interpreter)?,
                Ok(false) => {}
                Err(error) => return Self::interpreter_gone(interpreter, error, killed_before),
            }
            while let Some((number, reply)) = interpreter.next_reply()? {
                if number != self.number {
                    return Err(InterpreterError::Order("a reply of another evaluation"));
                }
                match progress.take(reply)? {
                    Step::Wait => {}
                    Step::Locked(pid) => {
                        match confirmed(interpreter.pid(), pid) {
                            Ok(false) if self.stage2_required => {
                                interpreter.end_all();
                                return Ok(End::Unconfirmed);
                            }
                            Ok(confirmed) => started(confirmed),
                            Err(reason) => {
                                interpreter.end_all();
                                return Ok(End::Unlocked(reason));
                            }
                        }
                        feed.begin_slice(self)?;
                    }
                    Step::Ended(status) => {
                        let complete = feed.is_done(&mut rows);
                        return Ok(self.gone(interpreter, progress, status, complete, killed_before));
                    }
                }
            }
            if feed.pipe == Pipe::Data && feed.done == feed.bytes.len() {
                feed.more(&mut rows);
            }
        }
    }

    fn out_of_time(interpreter: &Interpreter) -> End {
        interpreter.end_all();
        End::Deadline
    }

    /// The kernel's choice for want of memory may have fallen on the interpreter instead of its evaluation.
    fn interpreter_gone(
        interpreter: &Interpreter,
        error: InterpreterError,
        killed_before: Option<u64>,
    ) -> Result<End, InterpreterError> {
        if !matches!(error, InterpreterError::Ended(_)) || !oom_since(killed_before) {
            return Err(error);
        }
        interpreter.end_all();
        Ok(End::Gone(Gone { status: SIGKILL, oom: true, ..Gone::default() }))
    }

    fn gone(
        &self,
        interpreter: &mut Interpreter,
        progress: Progress,
        status: i32,
        complete: bool,
        killed_before: Option<u64>,
    ) -> End {
        if !progress.locked {
            interpreter.end_all();
            return End::Unlocked(if status >> 8 == protocol::UNLOCKED {
                "an evaluation could not lock itself down"
            } else {
                "an evaluation ended before it was locked down"
            });
        }
        let too_much = progress.written.len() as u64 >= protocol::copied(self.expected());
        let reusable = complete && !too_much;
        if !reusable {
            interpreter.end_all();
        }
        let oom = oom_since(killed_before);
        End::Gone(Gone { written: progress.written, status, too_much, oom, reusable })
    }

    /// Bytes that all positions take.
    fn expected(&self) -> u64 {
        self.view.dates as u64 * self.slice.symbols.len() as u64 * 8
    }

    /// The limit of the evaluation's address space: what the interpreter has mapped already, plus nine tenths of the
    /// container's memory less what runner and interpreter hold. `Err` says how little that is.
    fn space(&self, interpreter: &Interpreter) -> Result<u64, u64> {
        let own = probe::memory(std::process::id()).map_or(0, |memory| memory.resident);
        let theirs = probe::memory(interpreter.pid());
        let held = own + theirs.map_or(0, |memory| memory.resident);
        let left = (self.memory / 10 * 9).saturating_sub(held);
        if left < LEAST_SPACE {
            return Err(left);
        }
        Ok(theirs.map_or(0, |memory| memory.size) + left)
    }
}

/// Whether the control group has killed for want of memory since its counter was `before`.
fn oom_since(before: Option<u64>) -> bool {
    matches!((before, probe::oom_kills()), (Some(before), Some(now)) if now > before)
}

/// Whether stage 2 is seen in force on `child`: one filter more than on its parent, and no new privileges. False where
/// the kernel does not say; `Err` where it says otherwise.
fn confirmed(parent: u32, child: u32) -> Result<bool, &'static str> {
    let (Some(parent), Some(child)) = (probe::filters(parent), probe::filters(child)) else {
        return Err("an evaluation cannot be looked at");
    };
    if !child.no_new_privs {
        return Err("an evaluation could gain privileges");
    }
    match (parent.count, child.count) {
        (Some(before), Some(now)) if now == before + 1 => Ok(true),
        (None, None) => Ok(false),
        _ => Err("an evaluation says it is locked down but is not"),
    }
}

/// Where an evaluation is; its replies come in one order only.
#[derive(Debug, Default)]
struct Progress {
    pid: Option<u32>,
    locked: bool,
    result: bool,
    written: Vec<u8>,
}

/// What a reply asks for.
enum Step {
    Wait,
    Locked(u32),
    Ended(i32),
}

impl Progress {
    /// The process that has nothing left to tell but how it ends, where that can be seen before it is gone.
    fn delivered(&self) -> Option<u32> {
        let is_whole = self.locked && protocol::is_whole(&self.written);
        self.pid.filter(|_| is_whole && probe::marks_killed_by_filter())
    }

    fn take(&mut self, reply: Reply) -> Result<Step, InterpreterError> {
        match (reply, self.pid) {
            (Reply::Started { pid }, None) => self.pid = Some(pid),
            (Reply::Locked, Some(pid)) if !self.locked && !self.result => {
                self.locked = true;
                return Ok(Step::Locked(pid));
            }
            (Reply::Result(written), Some(_)) if !self.result => {
                self.result = true;
                self.written = written;
            }
            (Reply::Ended { status }, Some(_)) if self.result => return Ok(Step::Ended(status)),
            (Reply::Forked { .. }, _) => return Err(InterpreterError::Order("forked")),
            (Reply::Ready, _) => return Err(InterpreterError::Order("ready")),
            (Reply::Started { .. }, _) => return Err(InterpreterError::Order("started")),
            (Reply::Locked, _) => return Err(InterpreterError::Order("locked")),
            (Reply::Result(_), _) => return Err(InterpreterError::Order("result")),
            (Reply::Ended { .. }, _) => return Err(InterpreterError::Order("ended")),
        }
        Ok(Step::Wait)
    }
}

/// What is written next: first the order, then, once the evaluation is locked, the slice.
struct Feed {
    pipe: Pipe,
    bytes: Vec<u8>,
    done: usize,
}

impl Feed {
    /// The pipe to wait for, if there is something to write.
    fn wanted(&self, locked: bool) -> Option<Pipe> {
        let open = self.pipe == Pipe::Control || locked;
        (open && self.done < self.bytes.len()).then_some(self.pipe)
    }

    fn write(&mut self, interpreter: &mut Interpreter) -> Result<(), InterpreterError> {
        self.done += interpreter.write(self.pipe, &self.bytes[self.done..])?;
        Ok(())
    }

    fn begin_slice(&mut self, evaluation: &Evaluation<'_>) -> Result<(), InterpreterError> {
        let slice = evaluation.slice;
        let head = protocol::slice_head(
            evaluation.number,
            evaluation.view.dates,
            slice.fields(),
            &slice.symbols,
            slice.length(evaluation.view),
        );
        // Strings and numbers only: serialising them cannot fail.
        self.bytes = head.map_err(|_| InterpreterError::Order("a slice without a head"))?;
        self.pipe = Pipe::Data;
        self.done = 0;
        Ok(())
    }

    /// Whether all was written: there is no next piece.
    fn is_done(&mut self, rows: &mut super::data::Rows<'_>) -> bool {
        self.pipe == Pipe::Data && self.done == self.bytes.len() && !self.more(rows)
    }

    /// Makes the next piece; false when all was made.
    fn more(&mut self, rows: &mut super::data::Rows<'_>) -> bool {
        self.bytes.clear();
        self.done = 0;
        rows.fill(&mut self.bytes, AHEAD)
    }
}

/// A deadline of `seconds` from `begin`; far away rather than overflowing.
pub(super) fn deadline(begin: Instant, seconds: u32) -> Instant {
    begin.checked_add(Duration::from_secs(u64::from(seconds))).unwrap_or(begin)
}
