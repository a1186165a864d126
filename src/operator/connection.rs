//! One attached connection to a runner: lines both ways.

use super::output::{self, End, Output};
use crate::sandbox::CONTAINER;
use crate::wire::{Hello, Inbound, MAX_OUTBOUND_LINE, Outbound, Progress};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};

/// How long a single attach may take to connect.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a line may take to be written.
const WRITE: Duration = Duration::from_secs(5);
/// How long the node may take to say how an attach has ended.
const END: Duration = Duration::from_secs(5);
/// How long a runner that has a run may be silent before it is asked for its state, at first and later.
const FIRST_PULSE: Duration = Duration::from_secs(10);
const LAST_PULSE: Duration = Duration::from_mins(2);
/// Bytes in flight each way; kube's default of 1 KiB costs a wake-up per KiB of code.
const BUFFER: usize = 256 * 1024;

/// How a runner is attached to.
#[must_use]
pub fn attach_params() -> AttachParams {
    AttachParams {
        container: Some(CONTAINER.into()),
        stdin: true,
        stdout: true,
        stderr: false,
        tty: false,
        max_stdin_buf_size: Some(BUFFER),
        max_stdout_buf_size: Some(BUFFER),
        ..AttachParams::default()
    }
}

/// The pauses after which a silent runner is asked for its state: each twice the one before, since the answers count
/// against what a sandbox may say in its life.
pub(super) struct Pulse(Duration);

impl Default for Pulse {
    fn default() -> Self {
        Self(FIRST_PULSE)
    }
}

impl Pulse {
    fn slow_down(&mut self) {
        self.0 = (self.0 * 2).min(LAST_PULSE);
    }
}

/// Why a connection was given up; the next one asks for the state and goes on from there.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
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
    pub(super) fn asks_for_patience(&self) -> bool {
        matches!(self, Self::Attach(error)
            if matches!(&**error, kube::Error::Api(status) if status.code == 429))
    }
}

/// The two directions of a conversation.
pub(super) struct Streams<W, R> {
    stdin: W,
    lines: FramedRead<R, LinesCodec>,
}

/// A conversation over `attach`.
pub(super) struct Connection {
    pub(super) streams: Streams<Box<dyn AsyncWrite + Send + Unpin>, Box<dyn AsyncRead + Send + Unpin>>,
    /// How the attach has ended, as the node says.
    end: End,
    /// Its tasks carry the bytes as long as it is there.
    _attached: AttachedProcess,
}

impl Connection {
    /// Attaches to the pod's runner.
    pub(super) async fn attach(pods: &Api<Pod>, pod_name: &str) -> Result<Self, Broken> {
        let params = attach_params();
        let attach = tokio::time::timeout(CONNECT, pods.attach(pod_name, &params));
        let mut attached =
            attach.await.map_err(|_| Broken::Silent)?.map_err(|error| Broken::Attach(Box::new(error)))?;
        let (Some(stdin), Some(stdout), Some(status)) =
            (attached.stdin(), attached.stdout(), attached.take_status())
        else {
            return Err(Broken::Ended);
        };
        let end = output::end(status);
        let stdout = Output::new(stdout, end.clone());
        Ok(Self { streams: Streams::new(Box::new(stdin), Box::new(stdout)), end, _attached: attached })
    }

    /// The node says how an attach has ended; a connection that broke has nobody to say it.
    pub(super) async fn explain(self, error: Broken) -> Broken {
        match error {
            Broken::Ended => match tokio::time::timeout(END, self.end).await {
                Ok(Some(status)) if status.status.as_deref() == Some("Success") => Broken::Over,
                Ok(_) | Err(_) => Broken::Ended,
            },
            error => error,
        }
    }
}

impl<W: AsyncWrite + Unpin + Send, R: AsyncRead + Unpin + Send> Streams<W, R> {
    pub(super) fn new(stdin: W, stdout: R) -> Self {
        Self { stdin, lines: FramedRead::new(stdout, LinesCodec::new_with_max_length(MAX_OUTBOUND_LINE)) }
    }

    pub(super) async fn send(&mut self, frame: &Inbound) -> Result<(), Broken> {
        // Of a pipe whose other end is gone nobody takes what is more than its buffer.
        within(WRITE, async {
            self.stdin.write_all(frame.to_line().as_bytes()).await.map_err(Broken::Write)?;
            self.stdin.flush().await.map_err(Broken::Write)
        })
        .await
    }

    /// The next line that is a frame; too long ones and others are passed over.
    pub(super) async fn next_frame(&mut self) -> Result<Outbound, Broken> {
        loop {
            match self.lines.next().await {
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

    /// Asks for the state and waits for the answer, for `patience` at most; whatever comes before it was meant for
    /// somebody else.
    pub(super) async fn ask_state(&mut self, patience: Duration) -> Result<Progress, Broken> {
        let nonce = self.ask().await?;
        within(patience, self.state_for(&nonce)).await
    }

    /// Asks for the state; the answer carries the nonce.
    async fn ask(&mut self) -> Result<String, Broken> {
        let nonce = nonce();
        self.send(&Inbound::Hello(Hello { nonce: nonce.clone() })).await?;
        Ok(nonce)
    }

    /// The next frame from a runner that has a run, however long it says nothing; it is asked now and then whether it is still
    /// there, as a connection that has died somewhere on its way may never say so.
    pub(super) async fn next_of_a_run(
        &mut self,
        pulse: &mut Pulse,
        patience: Duration,
    ) -> Result<Outbound, Broken> {
        if let Ok(frame) = tokio::time::timeout(pulse.0, self.next_frame()).await {
            return frame;
        }
        pulse.slow_down();
        self.ask().await?;
        within(patience, self.next_frame()).await
    }

    pub(super) async fn state_for(&mut self, nonce: &str) -> Result<Progress, Broken> {
        loop {
            if let Outbound::State(state) = self.next_frame().await?
                && state.nonce == nonce
            {
                return Ok(state.progress);
            }
        }
    }
}

/// An answer, or that there is none.
pub(super) async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, Broken>> + Send,
) -> Result<T, Broken> {
    tokio::time::timeout(patience, answer).await.unwrap_or(Err(Broken::Silent))
}

/// A word that no earlier line in the container's log has.
fn nonce() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:x}-{:x}-{count:x}", std::process::id(), jiff::Timestamp::now().as_nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Stage, State};
    use tokio::io::{AsyncBufReadExt as _, BufReader, duplex, split};

    const SOON: Duration = Duration::from_millis(5);

    #[tokio::test(flavor = "current_thread")]
    async fn a_runner_that_says_nothing_is_asked_and_one_that_does_not_answer_is_given_up() {
        let (ours, theirs) = duplex(BUFFER);
        let (from_us, mut to_us) = split(theirs);
        let (output, input) = split(ours);
        let mut streams = Streams::new(input, output);
        let (mut pulse, mut asked) = (Pulse(SOON), BufReader::new(from_us).lines());
        // Not asked as long as it speaks.
        let spoken = Outbound::Stage(Stage::Running);
        to_us.write_all(spoken.to_line().as_bytes()).await.unwrap();
        let mut slow = Pulse(Duration::from_hours(1));
        assert_eq!(streams.next_of_a_run(&mut slow, SOON).await.unwrap(), spoken);
        assert_eq!(slow.0, Duration::from_hours(1));
        // Asked, it answers.
        let answers = async {
            let mut question = asked.next_line().await.unwrap().unwrap();
            while question.is_empty() {
                question = asked.next_line().await.unwrap().unwrap();
            }
            let Ok(Inbound::Hello(hello)) = Inbound::from_line(question.as_bytes()) else {
                panic!("{question}")
            };
            let state = Outbound::State(State { nonce: hello.nonce, progress: Progress::Warming });
            to_us.write_all(state.to_line().as_bytes()).await.unwrap();
        };
        let (heard, ()) = tokio::join!(streams.next_of_a_run(&mut pulse, Duration::from_hours(1)), answers);
        assert!(matches!(heard, Ok(Outbound::State(_))), "{heard:?}");
        // Asked again, it does not.
        let silent = streams.next_of_a_run(&mut pulse, SOON).await;
        assert!(matches!(silent, Err(Broken::Silent)), "{silent:?}");
        assert_eq!(pulse.0, SOON * 4, "later each time");
    }
}
