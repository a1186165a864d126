//! Sessions: one task per attempt that attaches to the runner, hands the run over and listens for the report.

use super::connection::{Broken, Connection, Pulse, Streams, within};
use crate::crd::StrategyRun;
use crate::run::{Artifact, Assembly, Handover, Line, SessionView};
use crate::wire::{Accepted, ArtifactHead, Expected, Inbound, Outbound, Progress, Report, Run, State};
use futures::channel::mpsc::UnboundedSender;
use k8s_openapi::api::core::v1::Pod;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Client, ResourceExt as _};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;

/// Pause between tries to attach while the container is coming up.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The same when it has been coming up for long, or the API server asks for patience.
const LAST_PAUSE: Duration = Duration::from_secs(1);
/// How long a runner may take to answer a line; then the line or the answer was lost, and a new attach asks again.
const ANSWER: Duration = Duration::from_secs(5);
/// The same on a connection that was kept for the claim: its runner has waited for nothing else.
const KEPT_ANSWER: Duration = Duration::from_millis(500);
/// The same for a runner whose run is under way: a node that is busy with it may be slow, and nothing is lost meanwhile.
const PULSE_ANSWER: Duration = Duration::from_secs(20);
/// How long announced artifacts may take to come; then the run does without.
const ARTIFACTS: Duration = Duration::from_secs(10);

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
    /// It has said that it waits for a run after it was handed one: that one has not come through.
    waits: bool,
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
            waits: self.waits,
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

    /// Opens a session with that pod, unless there is one; over the connection that was kept to it, if one was.
    pub(super) fn open(
        &self,
        client: &Client,
        run: &StrategyRun,
        handover: Handover,
        kept: Option<Connection>,
    ) {
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
        let task = tokio::spawn(conversation.until_reported(kept)).abort_handle();
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

impl Talk {
    /// Attaches again and again until there is a report; ended from outside when nobody waits for one any more.
    async fn until_reported(self, mut kept: Option<Connection>) {
        let (mut pause, mut pulse) = (FIRST_PAUSE, Pulse::default());
        let started = Instant::now();
        loop {
            let ended = match kept.take() {
                Some(connection) => self.converse(connection, true, &mut pulse).await,
                None => match Connection::attach(&self.pods, &self.pod_name).await {
                    Ok(connection) => self.converse(connection, false, &mut pulse).await,
                    Err(error) => Err(error),
                },
            };
            let Err(error) = ended else { return };
            tracing::debug!(pod = self.pod_name, %error, "attach is tried again");
            // One that worked and ended says nothing yet: only a further one that fails does.
            self.note(|heard| {
                let is_over = heard.line == Line::Open && matches!(error, Broken::Over);
                heard.silent |= heard.accepted.is_some() && is_over;
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

    /// One connection, to the report. The runner at the end of a kept one has said already that it waits for a run.
    async fn converse(
        &self,
        mut connection: Connection,
        kept: bool,
        pulse: &mut Pulse,
    ) -> Result<(), Broken> {
        let progress = if kept { Ok(Progress::Ready) } else { connection.streams.ask_state(ANSWER).await };
        let ended = match progress {
            Ok(progress) => {
                let patience = if kept { KEPT_ANSWER } else { ANSWER };
                self.conversation(&mut connection.streams, progress, (patience, pulse)).await
            }
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => Ok(()),
            Err(error) => Err(connection.explain(error).await),
        }
    }

    /// What is said on one connection once its state is known.
    async fn conversation<W: AsyncWrite + Unpin + Send, R: AsyncRead + Unpin + Send>(
        &self,
        streams: &mut Streams<W, R>,
        progress: Progress,
        (patience, pulse): (Duration, &mut Pulse),
    ) -> Result<(), Broken> {
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
            Progress::Warming | Progress::Ready if self.has_accepted() => {
                let message =
                    "the runner had accepted the run and waits for one now: it is not the same any more";
                self.note(|heard| heard.report = Some(Err(message.to_owned())));
                self.wake();
                return Ok(());
            }
            Progress::Warming | Progress::Ready => {
                self.note(|heard| {
                    heard.waits = heard.handed_over.is_some();
                    heard.handed_over.get_or_insert_with(Instant::now);
                });
                streams.send(&Inbound::Run(Box::new(self.run.clone()))).await?;
                within(patience, self.until_accepted(streams)).await?
            }
        };
        let report = match report {
            Some(report) => report,
            None => match self.until_reported_on(streams, pulse).await? {
                Some(report) => report,
                None => return Ok(()),
            },
        };
        let heads = report.artifacts.clone();
        let believed = self.reported(report, !heads.is_empty());
        if believed && !heads.is_empty() {
            let collected = tokio::time::timeout(ARTIFACTS, collect(streams, &heads)).await.ok().flatten();
            self.collected(collected.unwrap_or_default());
        }
        Ok(())
    }

    /// Waits for the report of a runner that has the run; none if it had been said before it was waited for, and was noted.
    async fn until_reported_on<W: AsyncWrite + Unpin + Send, R: AsyncRead + Unpin + Send>(
        &self,
        streams: &mut Streams<W, R>,
        pulse: &mut Pulse,
    ) -> Result<Option<Box<Report>>, Broken> {
        loop {
            match streams.next_of_a_run(pulse, PULSE_ANSWER).await? {
                Outbound::Report(report) => return Ok(Some(report)),
                Outbound::State(State { progress: Progress::Reported(report), .. }) => {
                    self.reported(report, false);
                    return Ok(None);
                }
                Outbound::Accepted(_) | Outbound::State(_) | Outbound::Stage(_) | Outbound::Artifact(_) => {}
            }
        }
    }

    /// Waits until the runner has latched this run; a very fast report may come in its place.
    async fn until_accepted<W: AsyncWrite + Unpin + Send, R: AsyncRead + Unpin + Send>(
        &self,
        streams: &mut Streams<W, R>,
    ) -> Result<Option<Box<Report>>, Broken> {
        loop {
            match streams.next_frame().await? {
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

    fn has_accepted(&self) -> bool {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).accepted.is_some()
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

/// The announced artifacts, all or none of them.
async fn collect<W: AsyncWrite + Unpin + Send, R: AsyncRead + Unpin + Send>(
    streams: &mut Streams<W, R>,
    heads: &[ArtifactHead],
) -> Option<Vec<Artifact>> {
    let mut assembly =
        Assembly::new(heads).inspect_err(|error| tracing::warn!(%error, "artifacts are not taken")).ok()?;
    while !assembly.is_complete() {
        if let Outbound::Artifact(piece) = streams.next_frame().await.ok()? {
            assembly
                .take(&piece)
                .inspect_err(|error| tracing::warn!(%error, "artifacts are given up"))
                .ok()?;
        }
    }
    assembly.finish().inspect_err(|error| tracing::warn!(%error, "artifacts are given up")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Stage;

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
        let mut stream = Streams::new(tokio::io::sink(), &stream[..]);
        // Up to the answer to our own nonce nothing is looked at.
        let progress = stream.state_for("mine").await.unwrap();
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
