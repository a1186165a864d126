//! The interpreter's process: how it is spawned, its pipes, and how it and everything below it is ended.
//!
//! It is never killed alone: a deadline, an evaluation that dies in the middle of its slice or writes too much ends the
//! interpreter and all that it forked, and the sandbox evaluates nothing more.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions};

use super::lockdown::{self, LockdownError};
use super::output::Output;
use super::protocol::{self, Garbled, Replies, Reply};

/// Folders of a Debian system that hold an interpreter and its libraries.
const LIBRARIES: [&str; 4] = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache"];

/// How much is read at once: what a pipe holds.
const CHUNK: usize = 64 * 1024;

/// How long killed processes may take to be gone.
const REAPING: Duration = Duration::from_secs(1);

/// Why there is no interpreter (any more). Always a fault of the sandbox.
#[derive(Debug, thiserror::Error)]
pub(super) enum InterpreterError {
    /// A system call on the way to it failed.
    #[error("failed to {step}")]
    System {
        /// What was tried.
        step: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// It cannot be restricted.
    #[error("failed to restrict the interpreter")]
    Lockdown(#[from] LockdownError),
    /// The thread that spawns it died.
    #[error("the spawning thread ended without an interpreter")]
    Thread,
    /// It broke its protocol.
    #[error(transparent)]
    Garbled(#[from] Garbled),
    /// It is gone.
    #[error("the interpreter ended by itself, having printed {0:?}")]
    Ended(String),
    /// It did something out of order.
    #[error("the interpreter sent {0} out of order")]
    Order(&'static str),
}

/// Which of the interpreter's pipes is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pipe {
    /// Orders.
    Control,
    /// Market data.
    Data,
}

/// Which processes there are to end, for every thread that may have to end them.
#[derive(Debug, Default)]
pub(super) struct Family {
    interpreter: AtomicI32,
    evaluation: AtomicI32,
}

impl Family {
    /// Ends all of them and everything below them, and reaps until nothing is left. PID 1 ends whatever else is in its
    /// namespace too.
    pub(super) fn end(&self) {
        // The evaluation first: once its interpreter is gone it is ours to reap.
        let known = [self.evaluation.swap(0, Ordering::SeqCst), self.interpreter.swap(0, Ordering::SeqCst)];
        if rustix::process::getpid().is_init() {
            // kill(-1): the group of init stands for every process in the namespace but the caller. Never tried
            // elsewhere: it would be everything of this user.
            let _ = rustix::process::kill_process_group(Pid::INIT, Signal::KILL);
        } else {
            for pid in known.into_iter().filter(|&pid| pid > 0).filter_map(Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
        let until = Instant::now() + REAPING;
        while Instant::now() < until {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(None) => thread::sleep(Duration::from_millis(1)),
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                // ECHILD: nothing is left.
                Err(_) => break,
            }
        }
    }
}

/// A running interpreter.
#[derive(Debug)]
pub(super) struct Interpreter {
    pid: Pid,
    family: Arc<Family>,
    control: File,
    data: File,
    replies: File,
    output: File,
    frames: Replies,
    /// The evaluation whose end was not waited for and is still to come.
    unawaited: Option<u32>,
    printed: Output,
    chunk: Vec<u8>,
    /// Landlock's ABI in force on it.
    pub(super) landlock_abi: Option<u32>,
}

impl Interpreter {
    /// Spawns `python` with `script` from a restricted thread; `places` become its descriptors 3, 4 and 5.
    ///
    /// # Errors
    /// A pipe, a restriction or the program itself that cannot be had.
    pub(super) fn spawn(
        python: &Path,
        script: &Path,
        places: [OwnedFd; 3],
        family: Arc<Family>,
    ) -> Result<Self, InterpreterError> {
        // Before Landlock, after which /dev/null could not be opened any more.
        let null = system("open /dev/null", File::open("/dev/null"))?;
        let (control_read, control) = pipe()?;
        let (data_read, data) = pipe()?;
        let (replies, replies_write) = pipe()?;
        let (output, output_write) = pipe()?;
        for end in [&control, &data, &replies, &output] {
            system(
                "make a pipe non-blocking",
                rustix::fs::fcntl_setfl(end, OFlags::NONBLOCK).map_err(Into::into),
            )?;
        }
        let mut places = places;
        for (place, end) in places.iter_mut().zip([control_read, data_read, replies_write]) {
            // dup2 leaves the copy without CLOEXEC, so it alone survives the exec.
            system("place a pipe", rustix::io::dup2(end, place).map_err(Into::into))?;
        }
        // No working directory, user or hook is set here: std would then fork by itself and report through a socket pair,
        // which stage 1 denies, instead of calling posix_spawn.
        let mut command = Command::new(python);
        command.args(["-s", "-P", "-B", "-X", "utf8"]).arg(script);
        // -I would ignore PYTHONHASHSEED. One thread everywhere: deterministic sums, and half a processor anyway.
        command.env_clear().env("PYTHONHASHSEED", "0").env("LANG", "C.UTF-8").env("TZ", "UTC");
        for library in ["OPENBLAS", "OMP", "MKL", "BLIS", "NUMEXPR", "VECLIB"] {
            let variable = if library == "VECLIB" {
                "VECLIB_MAXIMUM_THREADS"
            } else {
                &format!("{library}_NUM_THREADS")
            };
            command.env(variable, "1");
        }
        let second = system("copy a pipe", output_write.try_clone())?;
        command.stdin(Stdio::from(null)).stdout(Stdio::from(output_write)).stderr(Stdio::from(second));
        let readable = readable(python, script);
        let spawner = thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            let landlock_abi = lockdown::restrict_thread(&readable)?;
            let child = system("start the interpreter", command.spawn())?;
            Ok::<_, InterpreterError>((child.id(), landlock_abi))
        });
        let spawner = system("start a thread", spawner)?;
        let (id, landlock_abi) = spawner.join().map_err(|_| InterpreterError::Thread)??;
        drop(places);
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(InterpreterError::Thread)?;
        family.interpreter.store(pid.as_raw_pid(), Ordering::SeqCst);
        Ok(Self {
            pid,
            family,
            control: control.into(),
            data: data.into(),
            replies: replies.into(),
            output: output.into(),
            frames: Replies::default(),
            unawaited: None,
            printed: Output::default(),
            chunk: vec![0; CHUNK],
            landlock_abi,
        })
    }

    /// Its process number.
    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Has one more evaluation forked before its order is there, so that the run need not wait for that. Only before the
    /// first order: the pipe is empty then.
    ///
    /// # Errors
    /// A pipe that cannot be written to.
    pub(super) fn fork_ahead(&mut self) -> Result<(), InterpreterError> {
        self.write(Pipe::Control, protocol::AHEAD).map(|_| ())
    }

    /// How many bytes a result may have from now on.
    pub(super) fn expect(&mut self, limit: u64) {
        self.frames.limit = limit;
    }

    /// Waits until something can be read, `pipe` can be written, `wake` can be read, or `until` passes; takes what there
    /// is to read. Returns whether `pipe` can be written. Output is drained at every turn, so that nothing that prints
    /// ever waits for long.
    ///
    /// # Errors
    /// The interpreter is gone.
    pub(super) fn turn(
        &mut self,
        pipe: Option<Pipe>,
        wake: Option<&OwnedFd>,
        until: Option<Instant>,
    ) -> Result<bool, InterpreterError> {
        let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let writable = pipe.map(|pipe| self.end(pipe));
        let mut sources =
            vec![PollFd::new(&self.replies, PollFlags::IN), PollFd::new(&self.output, PollFlags::IN)];
        sources.extend(writable.map(|end| PollFd::new(end, PollFlags::OUT)));
        sources.extend(wake.map(|wake| PollFd::new(wake, PollFlags::IN)));
        match poll(&mut sources, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => {
                return Err(InterpreterError::System { step: "poll", source: errno.into() });
            }
        }
        let ready: Vec<PollFlags> = sources.iter().map(PollFd::revents).collect();
        drop(sources);
        if !ready[1].is_empty() {
            self.drain_once()?;
        }
        if !ready[0].is_empty() {
            self.read_replies()?;
        }
        Ok(pipe.is_some() && !ready[2].is_empty())
    }

    /// Writes as much as the pipe takes now; 0 when it is full. A closed pipe takes everything: whoever should read it is
    /// gone, which its replies say too.
    ///
    /// # Errors
    /// A pipe that is neither.
    pub(super) fn write(&mut self, pipe: Pipe, bytes: &[u8]) -> Result<usize, InterpreterError> {
        match self.end(pipe).write(bytes) {
            Ok(count) => Ok(count),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(0),
                ErrorKind::BrokenPipe => Ok(bytes.len()),
                _ => Err(InterpreterError::System { step: "write to the interpreter", source: error }),
            },
        }
    }

    /// The next reply that has been read completely.
    ///
    /// # Errors
    /// A reply that there is not.
    pub(super) fn next_reply(&mut self) -> Result<Option<(u32, Reply)>, InterpreterError> {
        loop {
            let reply = self.frames.take()?;
            let pid = match reply {
                // Of no evaluation yet: only to be known where it has to be ended.
                Some((_, Reply::Forked { pid } | Reply::Started { pid })) => i32::try_from(pid).unwrap_or(0),
                Some((_, Reply::Ended { .. })) => 0,
                _ => return Ok(reply),
            };
            self.family.evaluation.store(pid, Ordering::SeqCst);
            match reply {
                Some((_, Reply::Forked { .. })) => {}
                Some((number, Reply::Ended { .. })) if self.unawaited == Some(number) => {
                    self.unawaited = None;
                }
                _ => return Ok(reply),
            }
        }
    }

    /// The process of `evaluation` is in its exit: its end is not waited for, and no news when it comes.
    pub(super) fn leave_to_end(&mut self, evaluation: u32) {
        self.unawaited = Some(evaluation);
        // Nobody's to kill any more, and soon perhaps another's number.
        self.family.evaluation.store(0, Ordering::SeqCst);
    }

    /// Waits for the end that was not waited for, if there is one, so that its process holds nothing any more. False if it has
    /// not come by `until`.
    ///
    /// # Errors
    /// The interpreter is gone or says something else.
    pub(super) fn settle(&mut self, until: Instant) -> Result<bool, InterpreterError> {
        loop {
            if self.next_reply()?.is_some() {
                return Err(InterpreterError::Order("a reply without an order"));
            }
            if self.unawaited.is_none() {
                return Ok(true);
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            self.turn(None, None, Some(until))?;
        }
    }

    /// Takes what was printed so far, the pipe emptied first.
    ///
    /// # Errors
    /// A pipe that cannot be read.
    pub(super) fn take_output(&mut self) -> Result<Output, InterpreterError> {
        while self.drain_once()? > 0 {}
        Ok(std::mem::take(&mut self.printed))
    }

    /// Ends the interpreter and everything below it.
    pub(super) fn end_all(&self) {
        self.family.end();
    }

    fn end(&self, pipe: Pipe) -> &File {
        match pipe {
            Pipe::Control => &self.control,
            Pipe::Data => &self.data,
        }
    }

    /// Reads one chunk of output; 0 when there is none now.
    fn drain_once(&mut self) -> Result<usize, InterpreterError> {
        let count = read_some(&mut self.output, &mut self.chunk)?.unwrap_or(0);
        self.printed.push(&self.chunk[..count]);
        Ok(count)
    }

    fn read_replies(&mut self) -> Result<(), InterpreterError> {
        match read_some(&mut self.replies, &mut self.chunk)? {
            // The only writer of replies is the interpreter: its evaluations close their end before they do anything.
            Some(0) => {
                let (printed, _) = self.take_output()?.shown(500);
                Err(InterpreterError::Ended(printed))
            }
            Some(count) => {
                self.frames.push(&self.chunk[..count]);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// What the interpreter may read: the system's libraries, its own prefix (which is `/usr` in the image) and its script.
#[must_use]
pub fn readable(python: &Path, script: &Path) -> Vec<PathBuf> {
    let real = python.canonicalize().ok();
    let prefixes =
        [Some(python), real.as_deref()].into_iter().flatten().filter_map(|path| path.parent()?.parent());
    let mut paths: Vec<PathBuf> = LIBRARIES
        .iter()
        .map(Path::new)
        .chain(prefixes.filter(|prefix| prefix.parent().is_some()))
        .chain([script])
        .filter(|path| path.exists())
        .map(Path::to_path_buf)
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// Reads once; none when there is nothing now, 0 at the end.
fn read_some(file: &mut File, chunk: &mut [u8]) -> Result<Option<usize>, InterpreterError> {
    match file.read(chunk) {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(source) => Err(InterpreterError::System { step: "read from the interpreter", source }),
    }
}

fn pipe() -> Result<(OwnedFd, OwnedFd), InterpreterError> {
    system("make a pipe", pipe_with(PipeFlags::CLOEXEC).map_err(Into::into))
}

fn system<T>(step: &'static str, result: io::Result<T>) -> Result<T, InterpreterError> {
    result.map_err(|source| InterpreterError::System { step, source })
}
