//! Connections to the webhook. Whoever reaches the port may open one, so each is short, small and one of a few.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// Connections at a time; more wait in the kernel's queue. With bodies of the greatest size they take half of the
/// memory that the chart gives the operator.
const CONNECTIONS: usize = 32;
/// From the first byte of the handshake to the last of the request's head.
const GREETING: Duration = Duration::from_secs(5);
/// All of a connection: no API server waits longer than 30 s for a webhook.
const CONNECTION: Duration = Duration::from_secs(30);
/// Bytes of a request's head, and of its body at a time.
const BUFFER: usize = 64 << 10;
/// Pause after a connection that could not be accepted, as when there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener, config: ServerConfig, router: Router) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let work = converse(acceptor.clone(), stream, router.clone());
                tokio::spawn(async move {
                    if tokio::time::timeout(CONNECTION, work).await.is_err() {
                        tracing::debug!("a connection to the webhook took too long");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection to the webhook failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// One connection, one review: nothing idle that an attacker could hold or that could close under a request.
async fn converse(acceptor: TlsAcceptor, stream: TcpStream, router: Router) {
    let stream = match tokio::time::timeout(GREETING, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a handshake with the webhook failed");
            return;
        }
        Err(_) => return,
    };
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(GREETING)
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the webhook broke");
    }
}
