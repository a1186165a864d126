//! Sessions: one task per attempt that attaches to the runner, hands the run over and listens for the report.

use crate::crd::StrategyRun;
use crate::run::{Artifact, Assembly, Handover, Line, SessionView};
use crate::sandbox::CONTAINER;
use crate::wire::{
    Accepted, ArtifactHead, Expected, Hello, Inbound, MAX_OUTBOUND_LINE, Outbound, Progress, Report, Run,
};
use futures::StreamExt as _;
use futures::channel::mpsc::UnboundedSender;
use k8s_openapi::api::core::v1::Pod;
use kube::api::AttachParams;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Client, ResourceExt as _};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::task::AbortHandle;
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};

/// Pause between tries to attach while the container is coming up.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The same when it has been coming up for long, or the API server asks for patience.
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// How long a single attach may take to connect.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a runner may take to answer a line; then the line or the answer was lost, and a new attach asks again.
const ANSWER: Duration = Duration::from_secs(5);
/// How long announced artifacts may take to come; then the run does without.
const ARTIFACTS: Duration = Duration::from_secs(10);
/// Bytes in flight each way; kube's default of 1 KiB costs a wake-up per KiB of code.
const BUFFER: usize = 256 * 1024;

/// A run by name.
pub(super) type Target = ObjectRef<DeserializeGuard<StrategyRun>>;

/// The runs that are to be looked at again because something was heard of them.
pub(super) type Trigger = UnboundedSender<Target>;

/// All sessions of this process.
#[derive(Clone)]
pub(super) struct Sessions {
    open: Arc<Mutex<HashMap<String, Session>>>,
    trigger: Trigger,
}

/// One session; dropping it ends its task.
struct Session {
    target: Target,
    pod_name: String,
    heard: Arc<Mutex<Heard>>,
    task: AbortHandle,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What was heard, and when.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    pub(super) connected: Option<Instant>,
    pub(super) handed_over: Option<Instant>,
    pub(super) accepted: Option<Instant>,
    pub(super) reported: Option<Instant>,
    line: Line,
    /// Its output has ended without a report.
    silent: bool,
    report: Option<Result<Box<Report>, String>>,
    collecting: bool,
    artifacts: Vec<Artifact>,
}

impl Heard {
    /// The part that decisions are made on.
    pub(super) fn view(&self) -> SessionView {
        SessionView {
            accepted: self.accepted.is_some(),
            handed_over: self.handed_over.is_some(),
            line: self.line,
            report: self.report.clone(),
            collecting: self.collecting,
            artifacts: self.artifacts.clone(),
        }
    }
}

impl Sessions {
    /// No sessions yet; `trigger` is told whenever something was heard.
    pub(super) fn new(trigger: Trigger) -> Self {
        Self { open: Arc::default(), trigger }
    }

    /// Wakes a run of this controller.
    pub(super) fn trigger(&self) -> &Trigger {
        &self.trigger
    }

    /// What was heard from the runner in that pod; None without a session.
    pub(super) fn view(&self, run_uid: &str, pod_name: &str) -> Option<Heard> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get(run_uid).filter(|session| session.pod_name == pod_name)?;
        Some(session.heard.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Opens a session with that pod, unless there is one.
    pub(super) fn open(&self, client: &Client, run: &StrategyRun, handover: Handover) {
        let uid = run.uid().unwrap_or_default();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(&uid).is_some_and(|session| session.pod_name == handover.pod_name) {
            return;
        }
        let heard = Arc::new(Mutex::new(Heard::default()));
        let target = ObjectRef::new(&run.name_any()).within(&run.namespace().unwrap_or_default());
        let conversation = Talk {
            pods: Api::namespaced(client.clone(), &run.namespace().unwrap_or_default()),
            pod_name: handover.pod_name.clone(),
            run: handover.run,
            heard: heard.clone(),
            trigger: self.trigger.clone(),
            target: target.clone(),
        };
        let task = tokio::spawn(conversation.until_reported()).abort_handle();
        open.insert(uid, Session { target, pod_name: handover.pod_name, heard, task });
    }

    /// Ends the run's session.
    pub(super) fn close(&self, run_uid: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(run_uid);
    }

    /// Ends the sessions of the runs of that name that are gone: all, or all but the one that has the name now.
    pub(super) fn close_gone(&self, target: &Target, but: Option<&str>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|uid, session| session.target != *target || Some(uid.as_str()) == but);
    }
}

/// The task of a session.
struct Talk {
    pods: Api<Pod>,
    pod_name: String,
    run: Run,
    heard: Arc<Mutex<Heard>>,
    trigger: Trigger,
    target: Target,
}

/// Why a connection was given up; the next one asks for the state and goes on from there.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("failed to attach")]
    Attach(#[source] Box<kube::Error>),
    #[error("no answer in time")]
    Silent,
    #[error("the stream has ended")]
    Ended,
    #[error("the container's output has ended")]
    Over,
    #[error("failed to write")]
    Write(#[source] std::io::Error),
    #[error("failed to read")]
    Read(#[source] LinesCodecError),
}

impl Broken {
    /// The API server has too much to do: a container that is coming up is asked for less often.
    fn asks_for_patience(&self) -> bool {
        matches!(self, Self::Attach(error)
            if matches!(&**error, kube::Error::Api(status) if status.code == 429))
    }
}

impl Talk {
    /// Attaches again and again until there is a report; ended from outside when nobody waits for one any more.
    async fn until_reported(self) {
        let mut pause = FIRST_PAUSE;
        let started = Instant::now();
        loop {
            let Err(error) = self.connection().await else { return };
            tracing::debug!(pod = self.pod_name, %error, "attach is tried again");
            // One that worked and ended says nothing yet: only a further one that fails does.
            self.note(|heard| {
                heard.silent |= heard.accepted.is_some() && matches!(error, Broken::Over);
                heard.line = match heard.line {
                    Line::Open => Line::Trying,
                    Line::Trying | Line::Refused | Line::Over if heard.silent => Line::Over,
                    Line::Trying | Line::Refused | Line::Over => Line::Refused,
                };
            });
            tokio::time::sleep(if error.asks_for_patience() { LAST_PAUSE } else { pause }).await;
            if started.elapsed() > Duration::from_secs(5) {
                pause = (pause * 2).min(LAST_PAUSE);
            }
        }
    }

    /// One connection, from `hello` to the report.
    async fn connection(&self) -> Result<(), Broken> {
        let params = AttachParams {
            container: Some(CONTAINER.into()),
            stdin: true,
            stdout: true,
            stderr: false,
            tty: false,
            max_stdin_buf_size: Some(BUFFER),
            max_stdout_buf_size: Some(BUFFER),
            ..AttachParams::default()
        };
        let attach = tokio::time::timeout(CONNECT, self.pods.attach(&self.pod_name, &params));
        let mut attached =
            attach.await.map_err(|_| Broken::Silent)?.map_err(|error| Broken::Attach(Box::new(error)))?;
        let (Some(mut stdin), Some(stdout)) = (attached.stdin(), attached.stdout()) else {
            return Err(Broken::Ended);
        };
        let end = attached.take_status();
        let mut lines = FramedRead::new(stdout, LinesCodec::new_with_max_length(MAX_OUTBOUND_LINE));
        match (self.conversation(&mut stdin, &mut lines).await, end) {
            // The node says how an attach has ended; a connection that broke has nobody to say it.
            (Err(Broken::Ended), Some(end)) => match tokio::time::timeout(ANSWER, end).await {
                Ok(Some(status)) if status.status.as_deref() == Some("Success") => Err(Broken::Over),
                Ok(_) | Err(_) => Err(Broken::Ended),
            },
            (result, _) => result,
        }
    }

    /// What is said on one connection.
    async fn conversation<W: AsyncWrite + Unpin + Send, R: AsyncRead + Unpin + Send>(
        &self,
        stdin: &mut W,
        lines: &mut FramedRead<R, LinesCodec>,
    ) -> Result<(), Broken> {
        let nonce = nonce();
        send(stdin, &Inbound::Hello(Hello { nonce: nonce.clone() })).await?;
        let progress = within_answer(state_for(lines, &nonce)).await?;
        self.note(|heard| {
            heard.connected.get_or_insert_with(Instant::now);
            (heard.line, heard.silent) = (Line::Open, false);
        });
        let report = match progress {
            Progress::Reported(report) => {
                // What came after it has gone to nobody.
                self.reported(report, false);
                return Ok(());
            }
            Progress::Accepted(accepted) => {
                self.accepted(&accepted);
                None
            }
            Progress::Warming | Progress::Ready => {
                self.note(|heard| {
                    heard.handed_over.get_or_insert_with(Instant::now);
                });
                send(stdin, &Inbound::Run(Box::new(self.run.clone()))).await?;
                within_answer(self.until_accepted(lines)).await?
            }
        };
        let report = match report {
            Some(report) => report,
            None => loop {
                if let Outbound::Report(report) = next_frame(lines).await? {
                    break report;
                }
            },
        };
        let heads = report.artifacts.clone();
        let believed = self.reported(report, !heads.is_empty());
        if believed && !heads.is_empty() {
            let collected = tokio::time::timeout(ARTIFACTS, collect(lines, &heads)).await.ok().flatten();
            self.collected(collected.unwrap_or_default());
        }
        Ok(())
    }

    /// Waits until the runner has latched this run; a very fast report may come in its place.
    async fn until_accepted<R: AsyncRead + Unpin + Send>(
        &self,
        lines: &mut FramedRead<R, LinesCodec>,
    ) -> Result<Option<Box<Report>>, Broken> {
        loop {
            match next_frame(lines).await? {
                Outbound::Accepted(accepted) => {
                    self.accepted(&accepted);
                    return Ok(None);
                }
                Outbound::Report(report) => return Ok(Some(report)),
                // The line did not get through whole: ask again.
                Outbound::State(state) if state.nonce.is_empty() => return Err(Broken::Silent),
                Outbound::State(_) | Outbound::Stage(_) | Outbound::Artifact(_) => {}
            }
        }
    }

    fn accepted(&self, accepted: &Accepted) {
        if *accepted == self.run.accepted() {
            self.note(|heard| {
                heard.accepted.get_or_insert_with(Instant::now);
            });
        } else {
            let message = "the runner says that it has accepted another run".to_owned();
            self.note(|heard| heard.report = Some(Err(message)));
        }
        self.wake();
    }

    /// Notes a report; says whether it is believed.
    fn reported(&self, report: Box<Report>, collecting: bool) -> bool {
        let believed = believed(&self.run, report);
        let is_believed = believed.is_ok();
        self.note(|heard| {
            heard.reported = Some(Instant::now());
            heard.accepted.get_or_insert_with(Instant::now);
            heard.report = Some(believed);
            heard.collecting = collecting && is_believed;
        });
        self.wake();
        is_believed
    }

    fn collected(&self, artifacts: Vec<Artifact>) {
        self.note(|heard| {
            heard.artifacts = artifacts;
            heard.collecting = false;
        });
        self.wake();
    }

    fn note(&self, work: impl FnOnce(&mut Heard)) {
        work(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn wake(&self) {
        // Fails only when the controller is gone, and then nobody is left to be woken.
        let _ = self.trigger.unbounded_send(self.target.clone());
    }
}

/// The report of this very run, or why it is not.
fn believed(run: &Run, report: Box<Report>) -> Result<Box<Report>, String> {
    let expected = Expected {
        run_uid: &run.run_uid,
        pod_uid: &run.pod_uid,
        attempt: run.attempt,
        code_sha256: &run.sha256,
    };
    match report.check(&expected) {
        Ok(()) => Ok(report),
        Err(error) => Err(format!("the runner's report is not believed: {error}")),
    }
}

/// A word that no earlier line in the container's log has.
fn nonce() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:x}-{:x}-{count:x}", std::process::id(), jiff::Timestamp::now().as_nanosecond())
}

async fn send<W: AsyncWrite + Unpin + Send>(stdin: &mut W, frame: &Inbound) -> Result<(), Broken> {
    stdin.write_all(frame.to_line().as_bytes()).await.map_err(Broken::Write)?;
    stdin.flush().await.map_err(Broken::Write)
}

async fn within_answer<T>(answer: impl Future<Output = Result<T, Broken>> + Send) -> Result<T, Broken> {
    tokio::time::timeout(ANSWER, answer).await.unwrap_or(Err(Broken::Silent))
}

/// The answer to our `hello`; whatever comes before it was meant for somebody else.
async fn state_for<R: AsyncRead + Unpin + Send>(
    lines: &mut FramedRead<R, LinesCodec>,
    nonce: &str,
) -> Result<Progress, Broken> {
    loop {
        if let Outbound::State(state) = next_frame(lines).await?
            && state.nonce == nonce
        {
            return Ok(state.progress);
        }
    }
}

/// The announced artifacts, all or none of them.
async fn collect<R: AsyncRead + Unpin + Send>(
    lines: &mut FramedRead<R, LinesCodec>,
    heads: &[ArtifactHead],
) -> Option<Vec<Artifact>> {
    let mut assembly =
        Assembly::new(heads).inspect_err(|error| tracing::warn!(%error, "artifacts are not taken")).ok()?;
    while !assembly.is_complete() {
        if let Outbound::Artifact(piece) = next_frame(lines).await.ok()? {
            assembly
                .take(&piece)
                .inspect_err(|error| tracing::warn!(%error, "artifacts are given up"))
                .ok()?;
        }
    }
    assembly.finish().inspect_err(|error| tracing::warn!(%error, "artifacts are given up")).ok()
}

/// The next line that is a frame; too long ones and others are passed over.
async fn next_frame<R: AsyncRead + Unpin + Send>(
    lines: &mut FramedRead<R, LinesCodec>,
) -> Result<Outbound, Broken> {
    loop {
        match lines.next().await {
            None => return Err(Broken::Ended),
            Some(Err(LinesCodecError::MaxLineLengthExceeded)) => {}
            Some(Err(error)) => return Err(Broken::Read(error)),
            Some(Ok(line)) => {
                if let Ok(frame) = Outbound::from_line(line.as_bytes()) {
                    return Ok(frame);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Stage, State};

    fn lines(frames: &[Outbound]) -> Vec<u8> {
        frames.iter().map(Outbound::to_line).collect::<String>().into_bytes()
    }

    /// A stream as somebody could make it who has seen an earlier one.
    #[tokio::test(flavor = "current_thread")]
    async fn what_was_said_to_somebody_else_or_of_an_earlier_attempt_is_not_believed() {
        let run = Run { attempt: 2, ..Run::example() };
        let (earlier, own) = (Report::example(), Report { attempt: 2, ..Report::example() });
        let state = |nonce: &str, report: &Report| {
            let progress = Progress::Reported(Box::new(report.clone()));
            Outbound::State(State { nonce: nonce.into(), progress })
        };
        let replayed = [
            Outbound::Report(Box::new(earlier.clone())),
            state("old", &earlier),
            Outbound::Stage(Stage::Running),
        ];
        let stream = lines(&[&replayed[..], &[state("mine", &own)]].concat());
        let mut stream = FramedRead::new(&stream[..], LinesCodec::new_with_max_length(MAX_OUTBOUND_LINE));
        // Up to the answer to our own nonce nothing is looked at.
        let progress = state_for(&mut stream, "mine").await.unwrap();
        assert_eq!(progress, Progress::Reported(Box::new(own.clone())));
        assert_eq!(believed(&run, Box::new(own.clone())), Ok(Box::new(own.clone())));
        // After it, only what is of this attempt, run, pod and code counts.
        for (foreign, what) in [
            (earlier, "attempt"),
            (Report { run_uid: "another".into(), ..own.clone() }, "run"),
            (Report { pod_uid: "another".into(), ..own.clone() }, "pod"),
            (Report { code_sha256: "another".into(), ..own }, "code"),
        ] {
            let refused = believed(&run, Box::new(foreign)).unwrap_err();
            assert!(refused.ends_with(what), "{refused}");
        }
    }
}
