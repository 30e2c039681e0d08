//! The last step: an outcome is made durable, and only then is the message acknowledged (I1).

use std::time::Duration;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::emit::emit;
use super::journal::Emitted;
use super::policy::Policy;
use crate::broker::{Broker, Destination, Outgoing, PublishError};
use crate::ledger::Held;
use crate::message::{
    DEAD_PLUGIN, DEAD_QUEUE, DEAD_REASON, DEAD_RECOVERY, DEAD_TIME, FailedAttempt, HeaderValue, Maker, Message,
    Receipt, Timestamp,
};
use crate::name::{PluginId, QueueName};
use crate::plugin::{Invocation, Outcome, Recovered};

/// How often, and after which first wait, a publish that failed is tried again before the message goes back.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The one way in which a message settled (I7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "settled", rename_all = "kebab-case")]
pub enum Settlement {
    /// Handled; what it emitted is published.
    Done,
    /// It failed and waits for its next attempt: in the broker, or in its place where order is kept.
    Retried { reason: String, wait_ms: u32 },
    /// It failed for good and is kept as a dead letter.
    Dead { reason: String },
    /// The plugin has handled it before; dropped.
    Duplicate,
    /// Back in its queue as it was, since the host stopped or its outcome could not be published.
    Returned { reason: String },
}

/// What has to be durable before a message may be acknowledged.
#[derive(Debug, PartialEq)]
pub(super) struct Decision {
    pub settlement: Settlement,
    /// What the plugin made: its handler, or its recovery.
    pub emits: Vec<Outgoing>,
    pub onward: Onward,
}

/// What becomes of the message itself.
#[derive(Debug, PartialEq)]
pub(super) enum Onward {
    /// Nothing is left to do with it.
    Nowhere,
    /// A copy of it goes into a delay or among the dead letters. It goes last, so that it is there once, whatever becomes
    /// of what recovery made.
    To(Box<Outgoing>),
    /// It keeps its place, and is not acknowledged (I10).
    Held(Held),
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
pub(super) fn decide(message: &Message, place: &Place, invocation: Invocation, policy: &Policy) -> Decision {
    let Invocation { outcome, receipt } = invocation;
    match outcome {
        Outcome::Done(drafts) => Decision {
            settlement: Settlement::Done,
            emits: emit(message, &place.plugin, Maker::Handler, drafts),
            onward: Onward::Nowhere,
        },
        Outcome::Reject { reason } => dead(failed(message, place, &reason, receipt), place, reason),
        Outcome::Retry { reason, after } => {
            let failed = failed(message, place, &reason, receipt);
            let Some(wait) = policy.backoff.after(message.attempt, after, spread(message)) else {
                return dead(failed, place, reason);
            };
            let attempt = message.attempt.next();
            let settlement = Settlement::Retried { reason, wait_ms: wait.millis() };
            if !policy.ordering.is_none() {
                let due = Timestamp::from_millis(Timestamp::now().millis() + u64::from(wait.millis()));
                let onward = Onward::Held(Held { attempt, due, failures: failed.failures });
                return Decision { settlement, emits: Vec::new(), onward };
            }
            let destination = Destination::Delay { home: place.queue.clone(), wait };
            let message = Message { attempt, ..failed };
            let onward = Onward::To(Box::new(Outgoing { destination, message }));
            Decision { settlement, emits: Vec::new(), onward }
        }
    }
}

/// A number from 0 to 1 that differs between messages and attempts, and that needs no randomness.
fn spread(message: &Message) -> f64 {
    let hash = Sha256::digest(format!("{}/{}", message.id, message.attempt));
    f64::from(u32::from_be_bytes(std::array::from_fn(|index| hash[index]))) / f64::from(u32::MAX)
}

fn failed(message: &Message, place: &Place, reason: &str, receipt: Receipt) -> Message {
    let failure = FailedAttempt {
        attempt: message.attempt,
        time: Timestamp::now(),
        version: place.version.clone(),
        reason: reason.to_owned(),
        receipt,
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
    let onward = Onward::To(Box::new(Outgoing { destination, message }));
    Decision { settlement: Settlement::Dead { reason }, emits: Vec::new(), onward }
}

impl Decision {
    /// The letter that is to be dead, if that is what was decided.
    pub fn dead_letter(&self) -> Option<&Message> {
        match (&self.settlement, &self.onward) {
            (Settlement::Dead { .. }, Onward::To(letter)) => Some(&letter.message),
            _ => None,
        }
    }

    /// Adds what the plugin's last chance came to: what it emits, or how it failed.
    pub fn with_recovery(self, message: &Message, plugin: &PluginId, recovered: Recovered) -> Self {
        match recovered.answer {
            Ok(drafts) => Self { emits: emit(message, plugin, Maker::Recovery, drafts), ..self },
            Err(reason) => self.without_recovery(reason),
        }
    }

    /// The same with nothing of recovery's, which failed for the reason.
    pub fn without_recovery(mut self, reason: String) -> Self {
        tracing::warn!("recovery failed: {reason}");
        if let Onward::To(letter) = &mut self.onward {
            letter.message.headers.insert(DEAD_RECOVERY.to_owned(), HeaderValue::Text(reason));
        }
        Self { emits: Vec::new(), ..self }
    }

    /// What it emits, as the journal tells it.
    pub fn emitted(&self) -> Vec<Emitted> {
        let told =
            |Outgoing { message, .. }: &Outgoing| Emitted { name: message.subject.to_string(), id: message.id.clone() };
        self.emits.iter().map(told).collect()
    }
}

/// Publishes what has to exist before the acknowledgement. Tries again for a while, always under the same ids, since a
/// message that goes back at once would only be handled again at once.
pub(super) async fn publish(broker: &dyn Broker, batch: &[Outgoing]) -> Result<(), PublishError> {
    if batch.is_empty() {
        return Ok(());
    }
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match broker.publish(batch.to_vec()).await {
            Ok(_) => return Ok(()),
            // No try mends that.
            Err(error @ PublishError::TooLarge(_)) => return Err(error),
            Err(error) => tracing::warn!("not published, tried again in {pause:?}: {error}"),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    broker.publish(batch.to_vec()).await.map(drop)
}
