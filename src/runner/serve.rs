//! The conversation with the operator: lines in, lines out, and what has been latched.
//!
//! Two threads: one reads stdin for as long as the process lives (clients come and go, so the end of the stream is not
//! the end), one writes stdout, since whoever reads it may stall and must not stall the deadline.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::artifacts::Artifact;
use crate::wire::{Inbound, MAX_ARTIFACTS, MAX_INBOUND_LINE, Outbound, Progress, Report, Run, Stage, State};

/// Lines that may wait for a stalled reader; what comes then is lost, and asked for again by a `hello`.
const WAITING: usize = 64;

/// Bytes a sandbox may say in its life: stdout is the container's log too.
const MAX_SAID: usize = 1 << 20;

/// Kept of that for the run's own lines: stages, report, and artifacts in base64.
const RESERVED: usize = 64 * 1024 + MAX_ARTIFACTS * 3 / 2;

/// How soon a stream that has ended is tried again; a terminal or FIFO may come back.
const RETRY: Duration = Duration::from_millis(100);

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// What both threads and the main one share.
#[derive(Debug)]
pub(super) struct Service {
    pod_uid: String,
    told: Mutex<Told>,
    lines: SyncSender<Line>,
    /// A byte written here ends the main thread's wait.
    wake: OwnedFd,
}

#[derive(Debug)]
struct Told {
    progress: Progress,
    /// The latched run until the main thread takes it, and when it came.
    run: Option<(Box<Run>, Instant)>,
    said: usize,
}

/// A line to write, and whom to tell when it is written.
#[derive(Debug)]
struct Line {
    text: String,
    written: Option<SyncSender<()>>,
}

impl Service {
    /// Starts both threads. `wake` becomes readable for the main thread when a run was latched.
    ///
    /// # Errors
    /// No more descriptors or threads.
    pub(super) fn start(pod_uid: String, wake: OwnedFd) -> io::Result<Arc<Self>> {
        let stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let (lines, queue) = mpsc::sync_channel(WAITING);
        let told = Told { progress: Progress::Warming, run: None, said: 0 };
        let service = Arc::new(Self { pod_uid, told: Mutex::new(told), lines, wake });
        thread::Builder::new().name("writer".to_owned()).spawn(move || write_lines(stdout, &queue))?;
        let reader = Arc::clone(&service);
        thread::Builder::new().name("reader".to_owned()).spawn(move || reader.read_lines(stdin))?;
        Ok(service)
    }

    /// All is up: says so unless a run has come meanwhile.
    pub(super) fn ready(&self) {
        let mut told = self.told();
        if told.progress == Progress::Warming {
            told.progress = Progress::Ready;
            self.answer(&mut told, String::new());
        }
    }

    /// The latched run, once.
    pub(super) fn take_run(&self) -> Option<(Box<Run>, Instant)> {
        self.told().run.take()
    }

    /// The run has reached a stage.
    pub(super) fn stage(&self, stage: Stage) {
        self.say(&mut self.told(), &Outbound::Stage(stage), None);
    }

    /// Says the report and then the artifacts, and waits at most `patience` until all is written. Artifacts that a
    /// stalled reader does not take are lost; the report names their hashes, so that shows.
    pub(super) fn report(&self, report: Report, artifacts: &[Artifact], patience: Duration) {
        let until = Instant::now() + patience;
        let mut done = {
            let report = Box::new(report);
            let mut told = self.told();
            told.progress = Progress::Reported(report.clone());
            self.say_to_be_told(&mut told, &Outbound::Report(report))
        };
        let mut pieces = artifacts.iter().flat_map(Artifact::pieces);
        // A stalled reader: the termination log has the report already.
        while done.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {
            let Some(piece) = pieces.next() else {
                return;
            };
            done = self.say_to_be_told(&mut self.told(), &Outbound::Artifact(piece));
        }
    }

    /// Says one line; what is returned is told when it was written, or that it never will be.
    fn say_to_be_told(&self, told: &mut Told, line: &Outbound) -> Receiver<()> {
        let (written, done) = mpsc::sync_channel(1);
        self.say(told, line, Some(written));
        done
    }

    /// Ends the main thread's wait.
    pub(super) fn wake(&self) {
        // A full pipe wakes just as well.
        let _ = rustix::io::write(&self.wake, b"w");
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // What is in there stays true whatever the thread that panicked was about to do.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, told: &mut Told, line: &Outbound, written: Option<SyncSender<()>>) {
        let text = line.to_line();
        let room = if matches!(line, Outbound::State(_)) { MAX_SAID - RESERVED } else { MAX_SAID };
        if told.said + text.len() > room {
            return;
        }
        told.said += text.len();
        // Lost if the reader stalls: never wait for it.
        let _ = self.lines.try_send(Line { text, written });
    }

    fn answer(&self, told: &mut Told, nonce: String) {
        let state = State { nonce, progress: told.progress.clone() };
        self.say(told, &Outbound::State(state), None);
    }

    /// One line of the operator.
    fn hear(&self, line: &[u8]) {
        let mut told = self.told();
        match Inbound::from_line(line) {
            Ok(Inbound::Hello(hello)) => self.answer(&mut told, hello.nonce),
            Ok(Inbound::Run(run)) if run.pod_uid == self.pod_uid && is_free(&told.progress) => {
                let accepted = run.accepted();
                told.progress = Progress::Accepted(accepted.clone());
                told.run = Some((run, Instant::now()));
                self.wake();
                self.say(&mut told, &Outbound::Accepted(accepted), None);
            }
            // Another pod's run, a second one, or no frame at all: the state says what there is.
            Ok(Inbound::Run(_)) | Err(_) => self.answer(&mut told, String::new()),
        }
    }
    fn read_lines(&self, mut stdin: File) {
        let mut lines = Lines::default();
        let mut chunk = vec![0; CHUNK];
        loop {
            match stdin.read(&mut chunk) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The end of this client's stream, a descriptor that does not block, or none at all.
                Ok(0) | Err(_) => thread::sleep(RETRY),
                Ok(count) => lines.push(&chunk[..count], |line| self.hear(line)),
            }
        }
    }
}

fn is_free(progress: &Progress) -> bool {
    matches!(progress, Progress::Warming | Progress::Ready)
}

fn write_lines(mut stdout: File, queue: &Receiver<Line>) {
    while let Ok(line) = queue.recv() {
        // A reader that is gone loses this line only.
        if stdout.write_all(line.text.as_bytes()).is_ok()
            && let Some(written) = line.written
        {
            let _ = written.try_send(());
        }
    }
}

/// Cuts a stream into lines; one that is too long is passed on as far as it is known to be, and its rest dropped.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    too_long: bool,
}

impl Lines {
    fn push(&mut self, bytes: &[u8], mut hear: impl FnMut(&[u8])) {
        let mut pieces = bytes.split(|&byte| byte == b'\n');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.append(piece);
            if !self.line.trim_ascii().is_empty() {
                hear(&self.line);
            }
            self.line.clear();
            self.too_long = false;
        }
        self.append(last);
    }

    /// Keeps one byte over the limit, by which the frame's reader sees that it is too long.
    fn append(&mut self, piece: &[u8]) {
        if !self.too_long {
            let room = MAX_INBOUND_LINE + 1 - self.line.len();
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
            self.too_long = piece.len() >= room;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut lines, mut heard) = (Lines::default(), Vec::new());
        chunks.iter().for_each(|chunk| lines.push(chunk, |line| heard.push(line.to_vec())));
        heard
    }

    #[test]
    fn lines_are_cut_wherever_the_stream_is() {
        assert_eq!(cut(&[b"\na", b"b\n\n", b" \r\nc\nd"]), [b"ab".to_vec(), b"c".to_vec()]);
    }

    #[test]
    fn a_line_without_end_costs_no_more_than_its_limit() {
        let flood = vec![b'x'; 100_000];
        let mut chunks = vec![flood.as_slice(); 50];
        chunks.push(b"\nafter\n");
        let heard = cut(&chunks);
        assert_eq!(heard.len(), 2);
        assert_eq!((heard[0].len(), heard[1].as_slice()), (MAX_INBOUND_LINE + 1, &b"after"[..]));
    }
}
