//! The connection to the API server.

use hyper::header::{HeaderValue, USER_AGENT};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use std::time::Duration;
use tower::{BoxError, ServiceBuilder};

/// How long an answer may take to begin: a watch's begins at once. Single calls have a shorter limit of their own, but nobody
/// else would give up a list or a watch that an API server or a balancer takes and never answers.
const HEAD: Duration = Duration::from_secs(30);

/// Who we are in an API server's audit log and metrics.
const AGENT: &str = concat!("stratbox/", env!("CARGO_PKG_VERSION"));

/// Connects as kubeconfig, environment or service account say.
///
/// # Errors
/// No usable configuration, or TLS material that cannot be read.
pub async fn connect() -> Result<Client, kube::Error> {
    connect_to(Config::infer().await.map_err(kube::Error::InferConfig)?)
}

/// Connects as that configuration says.
///
/// Not by kube's default stack, for two reasons. It leaves Nagle's algorithm on, which costs a hand-over over `attach`
/// 40 ms (measured: 63–95 ms with it, 12–30 ms without). And it repeats failed calls below everybody's feet for up to
/// 160 s; here the requeue with back-off is the one retry.
///
/// # Errors
/// TLS material that cannot be read.
pub fn connect_to(mut config: Config) -> Result<Client, kube::Error> {
    config.headers.push((USER_AGENT, HeaderValue::from_static(AGENT)));
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(Duration::from_secs(5)));
    http.set_keepalive(Some(Duration::from_secs(30)));
    let https = config.rustls_https_connector_with_connector(http)?;
    let hyper = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(https);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_future(begun)
        .map_err(BoxError::from)
        .service(hyper);
    Ok(Client::new(service, config.default_namespace))
}

/// Waits for the beginning of an answer, and not for ever.
async fn begun<T>(answer: impl Future<Output = Result<T, BoxError>> + Send) -> Result<T, BoxError> {
    tokio::time::timeout(HEAD, answer).await.map_err(BoxError::from)?
}
