//! The one run of a sandbox, from its start to its report.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, pipe_with};

use super::checks;
use super::data::{self, Dataset, LoadError, Slice, Source};
use super::ending::{self, Ending};
use super::evaluation::{self, Evaluation};
use super::filter::{self, FilterError};
use super::interpreter::{Family, Interpreter, InterpreterError};
use super::lockdown::{self, LockdownError};
use super::output::Output;
use super::protocol::Reply;
use super::report::{self, Known, Scored};
use super::serve::Service;
use super::verdict::{self, Failure, Terms};
use super::{Options, probe};
use crate::wire::{Durations, Evidence, Isolation, Layer, MOST_AHEAD, Outcome, Run, Stage};

/// How long the interpreter may take to import everything, at a fraction of a processor and from a cold disk.
const WARMING: Duration = Duration::from_mins(2);

/// How long a sandbox waits for a run before it forks more than one, and how long between two of them.
const IDLE: Duration = Duration::from_millis(1500);
const BETWEEN: Duration = Duration::from_millis(250);
/// The memory limit from which on they fit into the tenth of it that no strategy gets: each holds 7 MiB of its own.
const ROOMY: u64 = 1 << 30;

/// How long the report may take to get out; the process ends within a second after it.
const PATIENCE: Duration = Duration::from_millis(900);

/// How long the process stays after its report unless its pod is deleted, which is what an operator does next: what a node does
/// about a container that has ended would be in the way of the run's last write.
const LINGER: Duration = Duration::from_millis(400);

/// Why a sandbox has no report: a fault of its own.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// An option that makes no sense.
    #[error("failed to read {0}")]
    Option(&'static str),
    /// Locking down.
    #[error("failed to lock down")]
    Lockdown(#[from] LockdownError),
    /// Stage 2.
    #[error("failed to build stage 2")]
    Filter(#[from] FilterError),
    /// The interpreter.
    #[error("failed to work with the interpreter")]
    Interpreter(#[from] InterpreterError),
    /// Threads, pipes.
    #[error("failed to {step}")]
    System {
        /// What was tried.
        step: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Not up after [`WARMING`].
    #[error("the interpreter is not up after {} s", WARMING.as_secs())]
    Cold,
}

/// Serves one run.
pub(super) fn run(options: &Options) -> Result<(), Fault> {
    let begun = Instant::now();
    ending::end_with_a_panic();
    let places = lockdown::enter()?;
    if options.pod_uid.is_empty() {
        return Err(Fault::Option("the environment variable POD_UID: it is empty"));
    }
    let preload: Option<Source> = match &options.preload {
        Some(text) => Some(serde_json::from_str(text).map_err(|_| Fault::Option("STRATBOX_PRELOAD"))?),
        None => None,
    };
    let ahead = match &options.ahead {
        Some(text) => text.parse().map_err(|_| Fault::Option("STRATBOX_AHEAD"))?,
        None => MOST_AHEAD,
    };
    let filter = filter::compile()?;
    let family = Arc::new(Family::default());
    let ending = Arc::new(Ending::default());
    system("start a thread", ending::obey_sigterm(Arc::clone(&family), Arc::clone(&ending)))?;
    let interpreter = Interpreter::spawn(&options.python, &options.script, places, Arc::clone(&family));
    let (waker, wake) = wake_pipe()?;
    let service = system("serve", Service::start(options.pod_uid.clone(), wake))?;
    let mut session = Session {
        begun,
        options,
        service,
        waker,
        interpreter: interpreter?,
        is_up: None,
        filter,
        loading: None,
        preloaded: preload.is_none(),
        ahead: ahead.clamp(1, MOST_AHEAD),
    };
    if let Some(source) = preload {
        session.load(source)?;
    }
    let done = session.serve(&ending);
    if done.is_err() {
        // Perhaps only because SIGTERM has just ended the interpreter.
        ending.claim(ending::END_FAULT);
    }
    family.end();
    done
}

/// Writes a fault and its causes to stderr, which is the container's log.
pub(super) fn complain(fault: &Fault) {
    let mut text = format!("stratbox-runner: {fault}");
    let mut cause = fault.source();
    while let Some(error) = cause {
        text += ": ";
        text += &error.to_string();
        cause = error.source();
    }
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr(), "{text}");
}

fn wake_pipe() -> Result<(OwnedFd, OwnedFd), Fault> {
    let flags = PipeFlags::CLOEXEC | PipeFlags::NONBLOCK;
    system("make a pipe", pipe_with(flags).map_err(Into::into))
}

/// A dataset that is being read by a thread, or has been.
struct Loading {
    source: Source,
    result: mpsc::Receiver<Result<Dataset, LoadError>>,
    done: Option<Result<Dataset, LoadError>>,
}

impl Loading {
    /// Whether the dataset, or the reason why there is none, is there.
    fn is_done(&mut self) -> bool {
        if self.done.is_none() {
            self.done = self.result.try_recv().ok();
        }
        self.done.is_some()
    }
}

struct Session<'a> {
    begun: Instant,
    options: &'a Options,
    service: Arc<Service>,
    waker: OwnedFd,
    interpreter: Interpreter,
    /// When the interpreter had imported everything.
    is_up: Option<Instant>,
    filter: Vec<u8>,
    loading: Option<Loading>,
    /// Whether nothing is being read that `ready` would have to wait for.
    preloaded: bool,
    /// How many evaluations are forked ahead at most.
    ahead: u32,
}

impl Session<'_> {
    fn serve(&mut self, ending: &Ending) -> Result<(), Fault> {
        let (run, since) = self.wait_for_run()?;
        let deadline = evaluation::deadline(since, run.limits.active_deadline_seconds);
        let known = self.execute(&run, since, deadline)?;
        ending.claim(ending::END_REPORT);
        let (report, artifacts) = report::report(&run, known);
        // The termination log first: a stalled reader of stdout cannot hold it up.
        self.log(&report);
        let told = Instant::now();
        self.service.report(report, &artifacts, PATIENCE);
        ending.wait_until_asked(LINGER.min(PATIENCE.saturating_sub(told.elapsed())));
        Ok(())
    }

    /// Warms up and waits for a run, which may come at any time.
    fn wait_for_run(&mut self) -> Result<(Box<Run>, Instant), Fault> {
        let (mut ready, mut ahead) = (None, 0);
        let is_roomy = probe::isolation().memory_limit.is_some_and(|limit| limit >= ROOMY);
        let most = if is_roomy { self.ahead } else { 1 };
        loop {
            if let Some((run, since)) = self.service.take_run() {
                return Ok((run, since));
            }
            let due = match ahead {
                0 => self.is_up,
                more => ready.filter(|_| more < most).map(|since| since + IDLE + BETWEEN * (more - 1)),
            };
            if due.is_some_and(|due| due <= Instant::now()) {
                // Nothing to do but wait: what is needed first does not have to be waited for then. The first at once, the others
                // later and one by one, so that a sandbox that is taken soon has done nothing in vain.
                self.interpreter.fork_ahead()?;
                ahead += 1;
                continue;
            }
            if ready.is_none() && self.is_up.is_some() && self.preloaded {
                self.service.ready();
                ready = Some(Instant::now());
            }
            let until = if self.is_up.is_none() { Some(self.begun + WARMING) } else { due };
            self.turn(until)?;
        }
    }

    /// One wait for whatever comes next.
    fn turn(&mut self, until: Option<Instant>) -> Result<(), Fault> {
        self.interpreter.turn(None, Some(&self.waker), until)?;
        let mut bytes = [0; 16];
        // Non-blocking: empty is fine.
        let _ = rustix::io::read(&self.waker, &mut bytes);
        while let Some((_, reply)) = self.interpreter.next_reply()? {
            if reply != Reply::Ready || self.is_up.is_some() {
                return Err(InterpreterError::Order("a reply without an order").into());
            }
            self.is_up = Some(Instant::now());
        }
        if self.is_up.is_none() && self.begun.elapsed() > WARMING {
            return Err(Fault::Cold);
        }
        if !self.preloaded {
            // Look only; whoever runs takes it.
            self.preloaded = self.loading.as_mut().is_none_or(Loading::is_done);
        }
        Ok(())
    }

    /// Starts to read a dataset beside everything else.
    fn load(&mut self, source: Source) -> Result<(), Fault> {
        let (sender, result) = mpsc::sync_channel(1);
        let (root, wanted): (PathBuf, Source) = (self.options.datasets.clone(), source.clone());
        let service = Arc::clone(&self.service);
        let read = move || {
            // Nobody waits any more if this fails.
            let _ = sender.send(data::load(&root, &wanted));
            service.wake();
        };
        system("start a thread", thread::Builder::new().name("loader".to_owned()).spawn(read))?;
        self.loading = Some(Loading { source, result, done: None });
        Ok(())
    }

    /// Everything between the run and its report.
    fn execute(&mut self, run: &Run, since: Instant, deadline: Instant) -> Result<Known, Fault> {
        let mut terms = Terms {
            deadline_seconds: run.limits.active_deadline_seconds,
            memory: run.limits.memory_bytes,
            dates: 0,
            symbols: 0,
            lines: run.code.lines().count(),
        };
        let mut known = Known {
            result: Err(verdict::deadline(&terms)),
            output: Output::default(),
            checks: None,
            durations: Durations::default(),
            evidence: Evidence {
                engine_version: env!("CARGO_PKG_VERSION").to_owned(),
                isolation: probe::isolation(),
                ..Evidence::default()
            },
        };
        let isolation = &mut known.evidence.isolation;
        isolation.landlock_abi = self.interpreter.landlock_abi;
        if let Some(layer) = run.require.iter().copied().find(|&layer| is_missing(layer, isolation)) {
            known.result = Err(verdict::missing(layer));
            return Ok(known);
        }
        let source = Source {
            name: run.dataset.name.clone(),
            path: run.dataset.path.clone(),
            format: run.dataset.format,
        };
        let Some(dataset) = self.dataset(source, deadline)? else {
            return Ok(known);
        };
        let dataset = match dataset {
            Ok(dataset) => dataset,
            Err(error) => {
                let message = format!("dataset {:?}: {error}", run.dataset.name);
                known.result = Err(Failure::new(Outcome::DatasetNotFound, &message));
                return Ok(known);
            }
        };
        known.durations.start_ms = self.is_up.map(|up| milliseconds(up - self.begun));
        known.evidence.data_sha256.clone_from(&dataset.sha256);
        let slice = match Slice::new(&dataset, &run.dataset, run.benchmark.as_deref()) {
            Ok(slice) => slice,
            Err(error) => {
                known.result = Err(Failure::new(Outcome::InvalidSpec, &error.to_string()));
                return Ok(known);
            }
        };
        (terms.dates, terms.symbols) = (slice.dates.len(), slice.symbols.len());
        known.evidence.dates = slice.dates.len() as u64;
        known.evidence.symbols = slice.symbols.len() as u64;
        known.result = self.evaluate(run, &slice, &terms, (since, deadline), &mut known)?;
        Ok(known)
    }

    /// The dataset once both it and the interpreter are there; none when the deadline comes first.
    fn dataset(
        &mut self,
        source: Source,
        deadline: Instant,
    ) -> Result<Option<Result<Dataset, LoadError>>, Fault> {
        if self.loading.as_ref().is_none_or(|loading| loading.source != source) {
            self.load(source)?;
        }
        loop {
            let loaded = self.loading.as_mut().is_some_and(Loading::is_done);
            if loaded && self.is_up.is_some() {
                return Ok(self.loading.take().and_then(|loading| loading.done));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            self.turn(Some(deadline))?;
        }
    }

    /// Positions from the strategy, then their score, then what the checks say of them.
    fn evaluate(
        &mut self,
        run: &Run,
        slice: &Slice<'_>,
        terms: &Terms,
        (since, deadline): (Instant, Instant),
        known: &mut Known,
    ) -> Result<Result<Scored, Failure>, Fault> {
        let params = serde_json::to_vec(&run.params).map_err(|_| Fault::Option("params"))?;
        let order = Evaluation {
            number: 1,
            code: &run.code,
            params: &params,
            filter: &self.filter,
            slice,
            view: slice.whole(),
            stage2_required: run.require.contains(&Layer::Stage2),
            memory: run.limits.memory_bytes,
            deadline,
        };
        // What importing printed is not the strategy's.
        drop(self.interpreter.take_output()?);
        let service = Arc::clone(&self.service);
        let stage2 = &mut known.evidence.isolation.stage2;
        let end = order.run(&mut self.interpreter, |confirmed| {
            *stage2 = confirmed;
            service.stage(Stage::Running);
        })?;
        let ended = Instant::now();
        known.durations.run_ms = Some(milliseconds(ended - since));
        known.output = self.interpreter.take_output()?;
        let positions = match verdict::positions(end, terms) {
            Ok(positions) => positions,
            Err(failure) => return Ok(Err(failure)),
        };
        self.service.stage(Stage::Scoring);
        let begun = Instant::now();
        let score = match report::score(run, slice, &positions, &mut known.evidence) {
            Ok(score) => score,
            Err(failure) => return Ok(Err(failure)),
        };
        known.durations.score_ms = Some(milliseconds(begun.elapsed()));
        if run.checks.determinism || run.checks.lookahead {
            self.service.stage(Stage::Checking);
            let begun = Instant::now();
            let order =
                Evaluation { deadline: evaluation::deadline(ended, run.checks.deadline_seconds), ..order };
            known.checks = checks::conduct(run.checks, &order, &mut self.interpreter, terms, &positions)?;
            known.durations.checks_ms = Some(milliseconds(begun.elapsed()));
        }
        Ok(Ok(score))
    }

    /// Writes the report as the pod's termination message. It is there for an operator that was away; the report line is
    /// the usual way, so a failure is only logged.
    fn log(&self, report: &crate::wire::Report) {
        let path: &Path = &self.options.termination_log;
        let written = serde_json::to_vec(report)
            .map_err(io::Error::from)
            .and_then(|bytes| File::create(path)?.write_all(&bytes));
        if let Err(error) = written {
            let _ = writeln!(io::stderr(), "stratbox-runner: failed to write {}: {error}", path.display());
        }
    }
}

/// Whether a layer that a class may require is not there. Stage 2 is seen only on an evaluation, which then gets no data.
fn is_missing(layer: Layer, isolation: &Isolation) -> bool {
    match layer {
        Layer::UserNamespace => probe::is_node_user_namespace(&isolation.uid_map),
        Layer::Landlock => isolation.landlock_abi.is_none(),
        Layer::Stage2 => false,
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn system<T>(step: &'static str, result: io::Result<T>) -> Result<T, Fault> {
    result.map_err(|source| Fault::System { step, source })
}
