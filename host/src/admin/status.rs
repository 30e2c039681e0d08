//! How the host is doing.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::Seen;
use crate::broker::BrokerStatus;
use crate::catalog::{PluginState, PluginStatus};
use crate::delivery::{Counts, SubscriptionStatus};
use crate::name::{QueueName, TaskName};

/// What `GET /status` answers.
#[derive(Debug, Serialize)]
pub struct HostStatus {
    pub version: &'static str,
    pub ready: bool,
    pub broker: String,
    pub plugins: Vec<PluginStatus>,
    pub subscriptions: Vec<SubscriptionReport>,
    /// The tasks that live plugins may emit.
    pub tasks: Vec<TaskReport>,
    /// Queues that go on to fill, though no plugin listens to them any more.
    pub orphaned: Vec<QueueName>,
    pub deliveries: Counts,
}

/// A subscription and its queue.
#[derive(Debug, Serialize)]
pub struct SubscriptionReport {
    #[serde(flatten)]
    pub subscription: SubscriptionStatus,
    /// Messages that wait, without those in work; `None` while the broker does not say.
    pub waiting: Option<u64>,
}

/// A task and its queue.
#[derive(Debug, Serialize)]
pub struct TaskReport {
    pub task: TaskName,
    /// Tasks that wait to be performed; `None` while there is no queue, or the broker does not say.
    pub waiting: Option<u64>,
}

pub(super) async fn health(State(seen): State<Seen>) -> Response {
    let broker = seen.broker.status().borrow().to_string();
    Json(json!({ "healthy": true, "broker": broker })).into_response()
}

pub(super) async fn readiness(State(seen): State<Seen>) -> Response {
    let reasons = unready(&seen);
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": reasons.is_empty(), "reasons": reasons }))).into_response()
}

pub(super) async fn status(State(seen): State<Seen>) -> Response {
    let ready = *seen.broker.status().borrow() == BrokerStatus::Ready;
    let mut subscriptions = Vec::new();
    for subscription in seen.dispatch.subscriptions() {
        let waiting = waiting(&seen, ready, &subscription.queue).await;
        subscriptions.push(SubscriptionReport { subscription, waiting });
    }
    let live = seen.catalog.live().borrow().clone();
    let emitted: BTreeSet<_> = live.values().flat_map(|live| &live.description.emits).collect();
    let mut tasks = Vec::new();
    for task in emitted {
        let waiting = waiting(&seen, ready, &QueueName::task(task)).await;
        tasks.push(TaskReport { task: task.clone(), waiting });
    }
    Json(HostStatus {
        version: env!("CARGO_PKG_VERSION"),
        ready: unready(&seen).is_empty(),
        broker: seen.broker.status().borrow().to_string(),
        plugins: seen.catalog.status(),
        subscriptions,
        tasks,
        orphaned: seen.dispatch.orphaned().into_iter().collect(),
        deliveries: seen.journal.counts(),
    })
    .into_response()
}

/// How many messages wait in a queue. A broker that is away would only keep the answer waiting.
async fn waiting(seen: &Seen, ready: bool, queue: &QueueName) -> Option<u64> {
    if ready { seen.broker.depth(queue).await.ok().flatten() } else { None }
}

/// Why the host is not ready. A refused plugin is no reason: the others work.
fn unready(seen: &Seen) -> Vec<String> {
    let mut reasons = Vec::new();
    let broker = seen.broker.status().borrow().clone();
    if broker != BrokerStatus::Ready {
        reasons.push(format!("the broker is {broker}"));
    }
    if !seen.catalog.is_settled() {
        reasons.push("the plugins that were there at the start are not all dealt with".into());
    }
    for plugin in seen.catalog.status() {
        if matches!(plugin.state, PluginState::Loading) {
            reasons.push(format!("{} is being loaded", plugin.file.display()));
        }
    }
    for subscription in seen.dispatch.subscriptions() {
        if !subscription.listening {
            reasons.push(format!("the queue {} is not listened to yet", subscription.queue));
        }
    }
    // A plugin that has just become live has no subscription yet that could be named.
    if reasons.is_empty() && !seen.dispatch.is_listening(&seen.catalog.live().borrow()) {
        reasons.push("a plugin is live whose queues are not listened to yet".into());
    }
    reasons
}
