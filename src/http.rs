//! `/health`, `/ready` and `/metrics`.

use crate::metrics::Metrics;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// What the operator still waits for before its work has begun.
#[derive(Debug, Clone)]
pub struct Health {
    awaited: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Health {
    /// Not ready until each of these has come.
    #[must_use]
    pub fn waiting_for(what: impl IntoIterator<Item = &'static str>) -> Self {
        Self { awaited: Arc::new(Mutex::new(what.into_iter().collect())) }
    }

    /// It is there, and counts as there from now on.
    pub fn has(&self, what: &str) {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
    }

    /// What is missing, if anything is.
    fn missing(&self) -> Option<String> {
        let awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<_> = awaited.iter().copied().collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

/// Serves until it is dropped. `/health` says that the process answers; `/ready` that it has found what it cannot work
/// without and what restarting it would not bring either.
pub async fn serve(listener: TcpListener, metrics: Metrics, health: Health) {
    let ready = move || {
        let missing = health.missing();
        async move {
            missing.map_or_else(
                || (StatusCode::OK, "ready".to_owned()),
                |missing| (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {missing}")),
            )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_when_all_has_come() {
        let health = Health::waiting_for(["b", "a"]);
        assert_eq!(health.missing().as_deref(), Some("a, b"));
        health.has("a");
        health.has("a");
        assert_eq!(health.missing().as_deref(), Some("b"));
        health.has("b");
        assert_eq!(health.missing(), None);
    }
}
