//! The HTTP API: health, status, and a way in for events.
//!
//! | request | answer |
//! |---|---|
//! | `GET /healthz` | 200 as long as the process runs |
//! | `GET /readyz` | 200 when the broker is ready and every plugin file was dealt with, else 503 with the reasons |
//! | `GET /status` | broker, plugins, subscriptions and counts |
//! | `GET /metrics` | everything in numbers, for Prometheus; see `metrics` |
//! | `POST /events/{name}` | publishes the JSON body as an event; see `ingress` |
//!
//! It has no password, so it listens on loopback by default; there it only answers to loopback names, so that a page in
//! somebody's browser cannot reach it under a name of its own.

mod ingress;
mod metrics;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use ingress::Accepted;
pub use metrics::{MOST_SERIES, Metrics, OTHER};
pub use status::{HostStatus, SubscriptionReport, TaskReport};

use crate::broker::Broker;
use crate::catalog::Catalog;
use crate::delivery::{Dispatch, Journal};

/// What the API shows.
#[derive(Clone)]
pub struct Seen {
    pub broker: Arc<dyn Broker>,
    pub catalog: Arc<Catalog>,
    pub dispatch: Arc<Dispatch>,
    pub journal: Arc<Journal>,
    pub metrics: Arc<Metrics>,
    /// The largest payload that is taken, in bytes.
    pub payload_limit: u64,
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, seen: Seen, stop: CancellationToken) {
    let limit = usize::try_from(seen.payload_limit).unwrap_or(usize::MAX);
    let router = Router::new()
        .route("/healthz", get(status::health))
        .route("/readyz", get(status::readiness))
        .route("/status", get(status::status))
        .route("/metrics", get(metrics::metrics))
        .route("/events/{name}", post(ingress::publish))
        .layer(DefaultBodyLimit::max(limit))
        .with_state(seen);
    let router = match listener.local_addr() {
        Ok(address) if address.ip().is_loopback() => router.layer(middleware::from_fn(only_loopback_names)),
        _ => router,
    };
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!("the HTTP API ended: {error}");
    }
}

async fn only_loopback_names(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(
        host,
        |(name, port)| {
            if port.chars().all(|c| c.is_ascii_digit()) { name } else { host }
        },
    );
    if matches!(name, "localhost" | "127.0.0.1" | "[::1]") {
        return next.run(request).await;
    }
    problem(StatusCode::FORBIDDEN, format!("this address answers to localhost only, not to {host:?}"))
}

/// An answer that says what is wrong.
fn problem(status: StatusCode, error: impl ToString) -> Response {
    (status, axum::Json(json!({ "error": error.to_string() }))).into_response()
}
