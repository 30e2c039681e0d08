//! The HTTP API: health, status, a way in for events, and the operator's hand.
//!
//! | request | answer |
//! |---|---|
//! | `GET /healthz` | 200 as long as the process runs, with what does not go on and why |
//! | `GET /readyz` | 200 when the broker is ready, every plugin file was dealt with and no subscription is kept from its messages, else 503; with the reasons |
//! | `GET /status` | broker, plugins, subscriptions and counts |
//! | `GET /metrics` | everything in numbers, for Prometheus; see `metrics` |
//! | `POST /events/{name}` | publishes the JSON body as an event; see `ingress` |
//! | `POST /tasks/{name}` | creates a task of the JSON body |
//! | `GET /dead`, `GET /dead/{id}` | dead letters; see `dead` |
//! | `POST /dead/retry`, `POST /dead/discard` | sends them home, or throws them away |
//! | `GET /history`, `POST /history` | the events of the past; see `history` |
//! | `POST /replay` | gives some of them to one plugin again |
//! | `GET /trace/{tid}` | the steps of one transaction |
//! | `GET /audit` | which version of which plugin went live, was refused or was gone when; see `audit` |
//! | `GET /costs` | what each plugin cost in the last minute; see `cost` |
//! | `GET /subscriptions` | subscriptions with what their listeners do |
//! | `POST /subscriptions/{queue}/trip`, `…/reset` | opens or closes a breaker |
//! | `POST /plugins/{app}/pause`, `/plugins/{app}/{plugin}/pause`, `…/resume` | stops or starts a plugin's listeners |
//! | `GET /clock` | timekeeping events: when they are due, and whether this host announces them |
//! | `POST /clock/{event}/fire` | announces one by hand |
//! | `GET /clock/later`, `POST /clock/later/cancel` | what waits for its moment; see `later` |
//! | `GET /topology`, `POST /topology/apply` | what is declared at the broker; see `topology` |
//!
//! It has no password, so it listens on loopback by default; there it only answers to loopback names, so that a page in
//! somebody's browser cannot reach it under a name of its own. Whatever changes something is posted as
//! `application/json`, which such a page cannot send here unasked.

mod audit;
mod clock;
mod cost;
mod dead;
mod history;
mod ingress;
mod later;
mod metrics;
mod status;
mod stream;
mod subscription;
mod topology;
mod trace;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use cost::{Costs, PluginCost, Spent};
pub use history::{Ended, Line, OTHERS};
pub use ingress::Accepted;
pub use later::{Cancellation, LaterReport};
pub use metrics::{MOST_SERIES, Metrics, OTHER};
pub use status::{HostStatus, SubscriptionReport, TaskReport};

use crate::broker::Broker;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::clock::later::Deliveries;
use crate::dead::DeadLetters;
use crate::delivery::{Dispatch, Journal};
use crate::history::History;
use crate::ledger::{Audit, Trace};

/// The most bytes of an import at a time, beside what one payload may take.
const IMPORT: usize = 4 << 20;

/// What the API shows.
#[derive(Clone)]
pub struct Seen {
    pub broker: Arc<dyn Broker>,
    pub catalog: Arc<Catalog>,
    pub dispatch: Arc<Dispatch>,
    pub journal: Arc<Journal>,
    pub metrics: Arc<Metrics>,
    pub costs: Arc<Costs>,
    pub trace: Arc<dyn Trace>,
    pub audit: Arc<dyn Audit>,
    pub dead: Arc<DeadLetters>,
    pub clock: Arc<Clock>,
    pub later: Arc<Deliveries>,
    pub history: Arc<History>,
    /// The largest payload that is taken, in bytes.
    pub payload_limit: u64,
}

/// Serves until `stop`.
pub async fn serve(listener: TcpListener, seen: Seen, stop: CancellationToken) {
    let limit = usize::try_from(seen.payload_limit).unwrap_or(usize::MAX);
    // A payload is written as text in a line, which may double it, beside others.
    let lines = limit.saturating_mul(2).saturating_add(IMPORT);
    let router = Router::new()
        .route("/healthz", get(status::health))
        .route("/readyz", get(status::readiness))
        .route("/status", get(status::status))
        .route("/metrics", get(metrics::metrics))
        .route("/events/{name}", post(ingress::publish))
        .route("/tasks/{name}", post(ingress::enqueue))
        .route("/dead", get(dead::list))
        .route("/dead/{id}", get(dead::show))
        .route("/dead/retry", post(dead::retry))
        .route("/dead/discard", post(dead::discard))
        .route("/history", get(history::list).post(history::import).layer(DefaultBodyLimit::max(lines)))
        .route("/replay", post(history::replay))
        .route("/trace/{tid}", get(trace::steps))
        .route("/audit", get(audit::turns))
        .route("/costs", get(cost::costs))
        .route("/subscriptions", get(subscription::list))
        .route("/subscriptions/{queue}/trip", post(subscription::trip))
        .route("/subscriptions/{queue}/reset", post(subscription::reset))
        .route("/plugins/{app}/pause", post(subscription::pause_main))
        .route("/plugins/{app}/resume", post(subscription::resume_main))
        .route("/plugins/{app}/{plugin}/pause", post(subscription::pause))
        .route("/plugins/{app}/{plugin}/resume", post(subscription::resume))
        .route("/clock", get(clock::list))
        .route("/clock/{event}/fire", post(clock::fire))
        .route("/clock/later", get(later::list))
        .route("/clock/later/cancel", post(later::cancel))
        .route("/topology", get(topology::plan))
        .route("/topology/apply", post(topology::apply))
        .layer(DefaultBodyLimit::max(limit))
        .layer(middleware::from_fn(only_json_changes_something))
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

/// A form of a foreign page can be posted here, but not under this content type without asking first.
async fn only_json_changes_something(request: Request, next: Next) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = content_type.and_then(|kind| kind.split(';').next()).map(str::trim);
    if matches!(*request.method(), Method::GET | Method::HEAD) || kind == Some("application/json") {
        return next.run(request).await;
    }
    problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body as `content-type: application/json`")
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
