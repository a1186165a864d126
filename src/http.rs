//! `/health`, `/ready` and `/metrics`.

use crate::metrics::Metrics;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;

/// Whether the operator has begun its work.
#[derive(Debug, Clone, Default)]
pub struct Health {
    ready: Arc<AtomicBool>,
}

impl Health {
    /// The CRDs are there and the watches have been opened.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }
}

/// Serves until it is dropped. `/health` says that the process answers; `/ready` that it has found its CRDs, without
/// which restarting it would not help either.
pub async fn serve(listener: TcpListener, metrics: Metrics, health: Health) {
    let ready = move || {
        let is = health.ready.load(Ordering::Relaxed);
        async move {
            if is {
                (StatusCode::OK, "ready")
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, "waiting for the CRDs")
            }
        }
    };
    let text = move || {
        let text = metrics.encode();
        async move {
            match text {
                Ok(text) => {
                    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                    ([(header::CONTENT_TYPE, kind)], text).into_response()
                }
                Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            }
        }
    };
    let router = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/ready", get(ready))
        .route("/metrics", get(text));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the health endpoint has ended");
    }
}
