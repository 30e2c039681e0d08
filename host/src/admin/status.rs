//! How the host is doing.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::Seen;
use crate::broker::{BrokerStatus, Progress};
use crate::catalog::{Exposure, PluginState, PluginStatus};
use crate::delivery::{Counts, ListenerState, SubscriptionStatus};
use crate::name::{QueueName, TaskName};

/// What `GET /status` answers.
#[derive(Debug, Serialize)]
pub struct HostStatus {
    pub version: &'static str,
    pub ready: bool,
    pub broker: String,
    pub plugins: Vec<PluginStatus>,
    /// What others than its owner can write of the plugins directory, what is in it, the cache, and what says whom to
    /// trust.
    pub exposed: Vec<Exposure>,
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
    let Condition { holding, told } = condition(&seen);
    let broker = seen.broker.status().borrow().to_string();
    let reasons: Vec<_> = holding.into_iter().chain(told).collect();
    Json(json!({ "healthy": true, "broker": broker, "reasons": reasons })).into_response()
}

pub(super) async fn readiness(State(seen): State<Seen>) -> Response {
    let Condition { holding, told } = condition(&seen);
    let ready = holding.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let reasons: Vec<_> = holding.into_iter().chain(told).collect();
    (status, Json(json!({ "ready": ready, "reasons": reasons }))).into_response()
}

pub(super) async fn status(State(seen): State<Seen>) -> Response {
    let ready = *seen.broker.status().borrow() == BrokerStatus::Ready;
    let subscriptions = subscriptions(&seen).await;
    let live = seen.catalog.live().borrow().clone();
    let emitted: BTreeSet<_> = live.values().flat_map(|live| &live.description.emits).collect();
    let mut tasks = Vec::new();
    for task in emitted {
        let waiting = waiting(&seen, ready, &QueueName::task(task)).await;
        tasks.push(TaskReport { task: task.clone(), waiting });
    }
    Json(HostStatus {
        version: env!("CARGO_PKG_VERSION"),
        ready: condition(&seen).holding.is_empty(),
        broker: seen.broker.status().borrow().to_string(),
        plugins: seen.catalog.status(),
        exposed: seen.catalog.exposed(),
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

pub(super) async fn subscriptions(seen: &Seen) -> Vec<SubscriptionReport> {
    let ready = *seen.broker.status().borrow() == BrokerStatus::Ready;
    let mut reports = Vec::new();
    for subscription in seen.dispatch.subscriptions() {
        let waiting = waiting(seen, ready, &subscription.queue).await;
        reports.push(SubscriptionReport { subscription, waiting });
    }
    reports
}

/// Why something does not go on, at this moment: nothing of it is kept from earlier.
struct Condition {
    /// What keeps the host from being ready.
    holding: Vec<String>,
    /// What is told, and leaves the host ready: it does as an operator or a breaker said.
    told: Vec<String>,
}

/// A refused plugin is no reason: the others work.
fn condition(seen: &Seen) -> Condition {
    let (mut holding, mut told) = (Vec::new(), Vec::new());
    let broker = seen.broker.status().borrow().clone();
    if broker != BrokerStatus::Ready {
        holding.push(format!("the broker is {broker}"));
    }
    if !seen.catalog.is_settled() {
        holding.push("the plugins that were there at the start are not all dealt with".into());
    }
    for plugin in seen.catalog.status() {
        if matches!(plugin.state, PluginState::Loading) {
            holding.push(format!("{} is being loaded", plugin.file.display()));
        }
    }
    for SubscriptionStatus { plugin, queue, listening, state, .. } in seen.dispatch.subscriptions() {
        match state {
            ListenerState::Consuming if listening => {}
            ListenerState::Backfilling(Progress { passed, of, .. }) => {
                told.push(format!(
                    "the queue {queue} of {plugin} waits: events of the past come first, {passed} of {of}"
                ));
            }
            ListenerState::Consuming => holding.push(format!("the queue {queue} of {plugin} is not listened to yet")),
            ListenerState::Interrupted { reason } => {
                holding.push(format!("the queue {queue} of {plugin} is not listened to: {reason}"));
            }
            ListenerState::Paused => {
                told.push(format!("the queue {queue} of {plugin} is not listened to: an operator paused {plugin}"));
            }
            ListenerState::Open { reason, .. } => {
                told.push(format!("the queue {queue} of {plugin} is not listened to: its breaker is open: {reason}"));
            }
            ListenerState::Probing => {
                told.push(format!("the queue {queue} of {plugin} gets single messages: its breaker probes {plugin}"));
            }
        }
    }
    // A plugin that has just become live has no subscription yet that could be named.
    if holding.is_empty() && told.is_empty() && !seen.dispatch.is_listening(&seen.catalog.live().borrow()) {
        holding.push("a plugin is live whose queues are not listened to yet".into());
    }
    Condition { holding, told }
}
