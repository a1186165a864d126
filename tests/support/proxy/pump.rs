//! What becomes of a watch that is open.

use futures::SinkExt as _;
use futures::channel::mpsc::Sender;
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Frame};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tower::BoxError;

/// What becomes of the events of a watch that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watching {
    /// They pass.
    Pass,
    /// The connection stays and says nothing, as one whose other end is gone without a word.
    Stall,
    /// They are lost, each of them.
    Drop,
    /// They come twice.
    Twice,
    /// So many of them are always still to come.
    Behind(usize),
    /// The connection ends, and the next watch is told that its place in history is gone.
    Gone,
}

/// Passes a watch on, line by line, as the rule is at that moment, until either end goes.
pub(super) async fn pump(
    mut body: kube::client::Body,
    mut sender: Sender<Result<Frame<Bytes>, BoxError>>,
    rule: impl Fn() -> Watching,
) {
    let mut rest = Vec::new();
    let mut held: VecDeque<Vec<u8>> = VecDeque::new();
    loop {
        // The rule may change while nothing comes.
        let frame = tokio::time::timeout(Duration::from_millis(50), body.frame()).await;
        match rule() {
            Watching::Gone => return,
            Watching::Behind(_) | Watching::Stall => {}
            Watching::Pass | Watching::Drop | Watching::Twice => {
                for line in held.drain(..) {
                    if sender.send(Ok(Frame::data(Bytes::from(line)))).await.is_err() {
                        return;
                    }
                }
            }
        }
        match frame {
            Err(_) if sender.is_closed() => return,
            Err(_) => continue,
            Ok(Some(Ok(frame))) => rest.extend(frame.into_data().unwrap_or_default()),
            Ok(None | Some(Err(_))) => return,
        }
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            let ready: Vec<Vec<u8>> = match rule() {
                Watching::Gone => return,
                Watching::Drop => Vec::new(),
                Watching::Pass => vec![line],
                Watching::Twice => vec![line.clone(), line],
                Watching::Stall => {
                    held.push_back(line);
                    Vec::new()
                }
                Watching::Behind(count) => {
                    held.push_back(line);
                    held.drain(..held.len().saturating_sub(count)).collect()
                }
            };
            for line in ready {
                if sender.send(Ok(Frame::data(Bytes::from(line)))).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// How a tunnel's bytes come through from the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// As they come.
    Free,
    /// Until there was something to read so many times.
    StopAfter(usize),
    /// What comes after the message with the first line of this kind waits.
    HoldAfter(&'static str, Duration),
}

/// Carries bytes both ways until either end goes; says whether it was stopped, or what came through had to wait.
pub(super) async fn tunnel<D, U>(downstream: D, upstream: U, flow: Flow) -> bool
where
    D: AsyncRead + AsyncWrite,
    U: AsyncRead + AsyncWrite,
{
    let (mut from_operator, mut to_operator) = tokio::io::split(downstream);
    let (mut from_server, mut to_server) = tokio::io::split(upstream);
    let stopped = AtomicBool::new(false);
    let down = async {
        let mut buffer = vec![0; 64 * 1024];
        let (mut reads, mut rest) = (0, Vec::new());
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            reads += 1;
            if flow == Flow::StopAfter(reads) {
                stopped.store(true, Ordering::Relaxed);
                return;
            }
            let Flow::HoldAfter(kind, pause) = flow else {
                if to_operator.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
                continue;
            };
            let word = format!("{{\"{kind}\"");
            rest.extend_from_slice(&buffer[..length]);
            while let Some(end) = message_end(&rest) {
                let message: Vec<u8> = rest.drain(..end).collect();
                if to_operator.write_all(&message).await.is_err() {
                    return;
                }
                if !stopped.load(Ordering::Relaxed)
                    && message.windows(word.len()).any(|bytes| bytes == word.as_bytes())
                {
                    stopped.store(true, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                }
            }
        }
    };
    tokio::select! {
        () = down => {}
        _ = tokio::io::copy(&mut from_operator, &mut to_server) => {}
    }
    stopped.load(Ordering::Relaxed)
}

/// Where the first WebSocket message ends, if all of it is there; a server's are not masked.
fn message_end(bytes: &[u8]) -> Option<usize> {
    let (head, body) = match bytes.get(1)? & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        short => (2, u64::from(short)),
    };
    let end = head + usize::try_from(body).ok()?;
    (bytes.len() >= end).then_some(end)
}
