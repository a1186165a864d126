//! What comes out of an attached container, to its end.

use futures::future::{BoxFuture, FutureExt as _, Shared};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};

/// How an attach has ended, as the node says; None when its connection broke before that.
pub(super) type End = Shared<BoxFuture<'static, Option<Status>>>;

/// Several may wait for it.
pub(super) fn end(status: impl Future<Output = Option<Status>> + Send + 'static) -> End {
    status.boxed().shared()
}

/// The client's own reader knows only of an orderly end: when a connection breaks, nobody closes its pipe, and whoever
/// reads waits for ever. This one has an end as soon as nobody writes any more.
pub(super) struct Output<R> {
    stdout: R,
    end: End,
    ended: bool,
}

impl<R> Output<R> {
    pub(super) const fn new(stdout: R, end: End) -> Self {
        Self { stdout, end, ended: false }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Output<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.stdout).poll_read(context, buffer) {
            return Poll::Ready(read);
        }
        if !self.ended && self.end.poll_unpin(context).is_pending() {
            return Poll::Pending;
        }
        self.ended = true;
        // What was written before the end, and came between the two looks.
        match Pin::new(&mut self.stdout).poll_read(context, buffer) {
            Poll::Pending => Poll::Ready(Ok(())),
            read @ Poll::Ready(_) => read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_connection_that_breaks_has_an_end_after_all_that_was_said() {
        for status in [None, Some(Status::default())] {
            let (stdout, mut writer) = tokio::io::simplex(1024);
            let (sender, receiver) = oneshot::channel();
            let mut output = Output::new(stdout, end(receiver.map(Result::ok)));
            let reader = tokio::spawn(async move {
                let mut said = String::new();
                let first = output.read_to_string(&mut said).await.map(|_| said);
                // Asked again it is still the end.
                (first, output.read(&mut [0]).await.ok())
            });
            writer.write_all(b"so far").await.unwrap();
            tokio::task::yield_now().await;
            match status {
                Some(status) => sender.send(status).unwrap(),
                None => drop(sender),
            }
            // As the client leaves it: neither closed nor dropped as far as its reader knows.
            let (said, again) = reader.await.unwrap();
            assert_eq!((said.unwrap().as_str(), again), ("so far", Some(0)));
            drop(writer);
        }
    }
}
