//! The validating webhook, where it is turned on: the API server asks, before it stores a StrategyRun, whether the gate
//! accepts its code. A convenience for whoever applies it; the controller checks anyway.
//!
//! What cannot be judged now (no answer about the class, a body that is none of ours) is answered with an HTTP error:
//! then the configuration's `failurePolicy` decides, as if nobody were here.

mod certificate;
mod keep;
mod listener;
mod review;
#[cfg(test)]
mod tests;

use super::classes::read_class;
use super::error::{Call, chain};
use crate::metrics::Metrics;
use crate::run::gate_policy;
use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use certificate::Served;
use kube::Client;
use review::Asked;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Path of the reviews.
const PATH: &str = "/strategyruns";
/// Bytes of a review. An object that etcd takes has at most 1.5 MiB, and an update has two of them.
const BODY: usize = 4 << 20;
/// Programs judged at a time. What waits for a place has its body read already, so nobody holds a place by being slow.
const REVIEWS: usize = 8;
/// How long a review may take, body and waiting included.
const REVIEW: Duration = Duration::from_secs(10);
/// How long the class is asked for.
const CLASS: Duration = Duration::from_secs(2);

/// Where the webhook is served and by which certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Address of the port.
    pub listen: SocketAddr,
    /// Where the certificate comes from.
    pub certificate: CertificateSource,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// The operator makes it, and writes the authority into the webhook's configuration.
    Own {
        /// The DNS name by which the API server connects, such as `stratbox-webhook.stratbox-system.svc`.
        name: String,
        /// Name of the ValidatingWebhookConfiguration.
        configuration: String,
        /// How long a certificate is valid; it is replaced when two thirds of that are over.
        lifetime: Duration,
    },
    /// Somebody puts `tls.crt` and `tls.key` into a folder, and replaces them there.
    Folder(PathBuf),
}

/// What the webhook's configuration could not be made to say.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// The object.
    #[error("failed to read the ValidatingWebhookConfiguration")]
    ReadConfiguration(#[source] Call),
    /// Its bundle.
    #[error("failed to patch the ValidatingWebhookConfiguration")]
    PatchConfiguration(#[source] Call),
}

/// Why a review has no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    /// More than an API server could store.
    #[error("the body has more than {BODY} bytes")]
    TooLarge,
    /// The same without a length, or it breaks off.
    #[error("failed to read the body")]
    Body(#[source] axum::Error),
    /// Nobody but an API server asks here.
    #[error(transparent)]
    Malformed(#[from] review::Malformed),
    /// The policy is not known.
    #[error("failed to read the SandboxClass")]
    ReadClass(#[source] Call),
    /// The policy is not known in time.
    #[error("failed to read the SandboxClass within {} s", CLASS.as_secs())]
    ClassTimeout,
    /// Too many at a time.
    #[error("no answer within {} s", REVIEW.as_secs())]
    Timeout,
    /// A defect of ours.
    #[error("failed to run the gate")]
    RunGate(#[source] tokio::task::JoinError),
    /// The process ends.
    #[error("the webhook is closing")]
    Closing,
}

impl Unanswered {
    const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(_) | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::ReadClass(_) | Self::ClassTimeout | Self::Timeout | Self::Closing => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::RunGate(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// What every review needs.
struct Desk {
    client: Client,
    metrics: Metrics,
    room: Arc<Semaphore>,
}

/// Serves reviews and keeps the certificate; never returns. `ready` is called when API servers can connect.
pub(super) async fn serve(
    listener: TcpListener,
    source: &CertificateSource,
    client: Client,
    metrics: Metrics,
    ready: impl Fn() + Sync,
) {
    let served = Arc::new(Served::default());
    let config = match certificate::server_config(served.clone()) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(error = chain(&error), "the webhook is not served");
            return std::future::pending().await;
        }
    };
    let router = router(client.clone(), metrics);
    tokio::join!(listener::serve(listener, config, router), keep::keep(&client, source, &served, ready));
}

fn router(client: Client, metrics: Metrics) -> Router {
    let desk = Arc::new(Desk { client, metrics, room: Arc::new(Semaphore::new(REVIEWS)) });
    Router::new().route(PATH, post(answer)).with_state(desk)
}

/// Answers one request, whatever it is.
async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let answered =
        tokio::time::timeout(REVIEW, desk.review(request)).await.unwrap_or(Err(Unanswered::Timeout));
    match answered {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => {
            desk.metrics.reviewed("NotAnswered");
            let text = chain(&error);
            let status = error.status();
            // Whoever reaches the port can ask nonsense as often as they like.
            if status.is_server_error() {
                tracing::warn!(error = text, "a review at admission has no answer");
            } else {
                tracing::debug!(error = text, "no review at admission");
            }
            (status, text).into_response()
        }
    }
}

impl Desk {
    /// The answer to one review, in the API server's form:
    /// 1. read the question (no client required),
    /// 2. look for the class (client required),
    /// 3. judge (no client required),
    ///
    /// the first and the last off the threads that all others wait on.
    async fn review(&self, request: Request) -> Result<String, Unanswered> {
        if request.body().size_hint().lower() > BODY as u64 {
            return Err(Unanswered::TooLarge);
        }
        let body = axum::body::to_bytes(request.into_body(), BODY).await.map_err(Unanswered::Body)?;
        let place = self.room.clone().acquire_owned().await.map_err(|_| Unanswered::Closing)?;
        // 1. read the question (no client required)
        let (review, place) = aside(place, move || review::read(&body)).await?;
        let review = review?;
        let answer = match review.asked {
            Asked::Nothing => review::nothing(),
            Asked::Unreadable(why) => review::unreadable(&why),
            Asked::Program { code, class } => {
                // 2. look for the class (client required)
                let found = tokio::time::timeout(CLASS, read_class(&self.client, &class))
                    .await
                    .map_err(|_| Unanswered::ClassTimeout)?
                    .map_err(Unanswered::ReadClass)?;
                let policy = found.map(|found| gate_policy(&found.spec));
                // 3. judge (no client required)
                aside(place, move || review::judge(&code, &class, policy.as_ref())).await?.0
            }
        };
        self.metrics.reviewed(answer.verdict.as_str());
        Ok(review::write(&review.uid, &answer))
    }
}

/// Works on a thread that may block. The place is taken until the work is done, even if nobody waits for it any more.
async fn aside<T: Send + 'static>(
    place: OwnedSemaphorePermit,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<(T, OwnedSemaphorePermit), Unanswered> {
    tokio::task::spawn_blocking(move || (work(), place)).await.map_err(Unanswered::RunGate)
}
