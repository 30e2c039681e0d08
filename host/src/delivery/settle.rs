//! The last step: an outcome is made durable, and only then is the message acknowledged (I1).

use std::time::Duration;

use serde::Serialize;

use super::backoff::Backoff;
use super::emit::emit;
use super::journal::Emitted;
use crate::broker::{Broker, Destination, Outgoing, PublishError};
use crate::message::{
    DEAD_PLUGIN, DEAD_QUEUE, DEAD_REASON, DEAD_TIME, FailedAttempt, HeaderValue, Message, Receipt, Timestamp,
};
use crate::name::{PluginId, QueueName};
use crate::plugin::Outcome;

/// How often, and after which first wait, a publish that failed is tried again before the message goes back.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The one way in which a message settled (I7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "settled", rename_all = "kebab-case")]
pub enum Settlement {
    /// Handled; what it emitted is published.
    Done,
    /// It failed and waits in the broker for its next attempt.
    Retried { reason: String, wait_ms: u32 },
    /// It failed for good and is kept as a dead letter.
    Dead { reason: String },
    /// The plugin has handled it before; dropped.
    Duplicate,
    /// Back in its queue as it was, since the host stopped or its outcome could not be published.
    Returned { reason: String },
}

/// What has to be published before a message may be acknowledged.
#[derive(Debug, PartialEq)]
pub(super) struct Decision {
    pub settlement: Settlement,
    pub publish: Vec<Outgoing>,
}

/// Where a message was received, and by whom.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub queue: QueueName,
    pub plugin: PluginId,
    /// The version for people; empty where none ran.
    pub version: String,
}

/// What an outcome asks for.
pub(super) fn decide(message: &Message, place: &Place, outcome: Outcome, backoff: &Backoff) -> Decision {
    match outcome {
        Outcome::Done(drafts) => {
            Decision { settlement: Settlement::Done, publish: emit(message, &place.plugin, drafts) }
        }
        Outcome::Reject { reason } => dead(failed(message, place, &reason), place, reason),
        Outcome::Retry { reason, after } => {
            let failed = failed(message, place, &reason);
            match backoff.after(message.attempt, after, 0.0) {
                None => dead(failed, place, reason),
                Some(wait) => {
                    let message = Message { attempt: message.attempt.next(), ..failed };
                    let destination = Destination::Delay { home: place.queue.clone(), wait };
                    let settlement = Settlement::Retried { reason, wait_ms: wait.millis() };
                    Decision { settlement, publish: vec![Outgoing { destination, message }] }
                }
            }
        }
    }
}

fn failed(message: &Message, place: &Place, reason: &str) -> Message {
    let failure = FailedAttempt {
        attempt: message.attempt,
        time: Timestamp::now(),
        version: place.version.clone(),
        reason: reason.to_owned(),
        receipt: Receipt::default(),
    };
    message.clone().with_failure(failure)
}

fn dead(mut message: Message, place: &Place, reason: String) -> Decision {
    let remembered = message.failures.last().map_or_else(String::new, |failure| failure.reason.clone());
    message.headers.extend([
        (DEAD_REASON.to_owned(), HeaderValue::Text(remembered)),
        (DEAD_QUEUE.to_owned(), HeaderValue::Text(place.queue.to_string())),
        (DEAD_PLUGIN.to_owned(), HeaderValue::Text(place.plugin.to_string())),
        (DEAD_TIME.to_owned(), HeaderValue::Unsigned(Timestamp::now().millis())),
    ]);
    let destination = Destination::Dead(place.plugin.app.clone());
    Decision { settlement: Settlement::Dead { reason }, publish: vec![Outgoing { destination, message }] }
}

/// Publishes what has to exist before the acknowledgement. Tries again for a while, always under the same ids, since a
/// message that goes back at once would only be handled again at once.
pub(super) async fn publish(broker: &dyn Broker, batch: Vec<Outgoing>) -> Result<(), PublishError> {
    if batch.is_empty() {
        return Ok(());
    }
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match broker.publish(batch.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) => tracing::warn!("not published, tried again in {pause:?}: {error}"),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    broker.publish(batch).await.map(drop)
}

/// What a decision emits, as the journal tells it.
pub(super) fn emitted(decision: &Decision) -> Vec<Emitted> {
    let told =
        |Outgoing { message, .. }: &Outgoing| Emitted { name: message.subject.to_string(), id: message.id.clone() };
    match decision.settlement {
        Settlement::Done => decision.publish.iter().map(told).collect(),
        _ => Vec::new(),
    }
}
