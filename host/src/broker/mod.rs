//! The broker as the rest of the host sees it: a port of three traits, and two adapters behind it.
//!
//! The port is small on purpose. Whatever passes `tests/contract` is a broker that the pipeline can keep its promises
//! on: a publish that returns `Ok` is durable and routed, a message that was neither acknowledged nor given back comes
//! again, and a delayed message waits in the broker and nowhere else (I1, I4).

pub mod embedded;
pub mod rabbitmq;

use std::fmt;
use std::num::NonZeroU16;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::message::{Message, MessageId, Subject};
use crate::name::{AppName, EventName, QueueName, TaskName};

/// Where a published message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To every subscription of the event; to nobody, if there is none.
    Event(EventName),
    /// To the task's queue, which is made if it is missing.
    Task(TaskName),
    /// To one queue that exists.
    Queue(QueueName),
    /// To the queue `home`, after waiting in the broker.
    Delay { home: QueueName, wait: Delay },
    /// To the application's dead letters.
    Dead(AppName),
}

/// How long a message waits in the broker: 1 ms to 30 days, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delay(u32);

impl Delay {
    pub const SHORTEST: Self = Self(1);
    pub const LONGEST: Self = Self(30 * 24 * 60 * 60 * 1000);

    /// The delay nearest to a duration, within the limits; part milliseconds count as whole ones.
    pub fn nearest(duration: Duration) -> Self {
        let millis = duration.as_nanos().div_ceil(1_000_000);
        Self(u32::try_from(millis).unwrap_or(u32::MAX)).clamp(Self::SHORTEST, Self::LONGEST)
    }

    pub fn millis(self) -> u32 {
        self.0
    }

    pub fn as_duration(self) -> Duration {
        Duration::from_millis(self.0.into())
    }
}

/// A message and where to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    pub destination: Destination,
    pub message: Message,
}

/// A batch that the broker holds durably.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The events among it that nobody subscribes to. They are gone, as events without subscribers are.
    pub unheard: Vec<MessageId>,
}

/// Why a batch is not certain to be published. Some of its messages may have arrived all the same; publish the whole
/// batch again, under the same ids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("the broker could not route {}: the queue is gone", list(.0))]
    Returned(Vec<MessageId>),
    #[error("the broker refused to take {}", list(.0))]
    Refused(Vec<MessageId>),
    #[error("the broker is out of reach: {0}")]
    Unreachable(String),
    #[error("the broker did not confirm within {0:?}")]
    Unconfirmed(Duration),
}

fn list(ids: &[MessageId]) -> String {
    let shown: Vec<_> = ids.iter().take(3).map(MessageId::as_str).collect();
    let more = ids.len().saturating_sub(shown.len());
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// Why the broker does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    #[error("the broker is out of reach: {0}")]
    Unreachable(String),
    #[error("{0}")]
    Refused(String),
}

/// How the broker is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerStatus {
    Connecting,
    Ready,
    /// Out of reach for the reason; tried again and again.
    Down {
        reason: String,
    },
    Closed,
}

impl fmt::Display for BrokerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting"),
            Self::Ready => f.write_str("ready"),
            Self::Down { reason } => write!(f, "down: {reason}"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

/// A queue to listen to, and what its messages are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// For an event, the subscription's queue, bound to the event; for a task, the task's queue. Made if it is missing,
    /// adopted as it is if not.
    pub queue: QueueName,
    pub subject: Subject,
    /// How many messages may be out of the broker and not settled at one time (I8).
    pub prefetch: NonZeroU16,
}

/// A broker that keeps the promises of this port.
#[async_trait]
pub trait Broker: fmt::Debug + Send + Sync + 'static {
    /// Makes sure that the queue exists, is bound, and that its messages come.
    ///
    /// The listener outlives lost connections: it comes back by itself, and messages that were out come again.
    async fn listen(&self, source: Source) -> Result<Box<dyn Listener>, BrokerError>;

    /// Publishes all of a batch; `Ok` means that the broker holds each message durably.
    async fn publish(&self, batch: Vec<Outgoing>) -> Result<Published, PublishError>;

    /// How many messages wait in a queue, not counting those out for delivery; `None` if there is no such queue.
    async fn depth(&self, queue: &QueueName) -> Result<Option<u64>, BrokerError>;

    /// The broker's condition, now and from now on.
    fn status(&self) -> watch::Receiver<BrokerStatus>;

    /// Ends every connection. What was out and not settled goes back to its queue.
    async fn close(&self);
}

/// The messages of one queue.
#[async_trait]
pub trait Listener: Send {
    /// The next message; `None` once the listener was stopped and everything fetched before was handed out.
    async fn next(&mut self) -> Option<Received>;

    /// Asks the broker for no more. Messages fetched already still come from [`Listener::next`].
    async fn stop(&mut self);
}

/// One arrival of a message.
#[derive(Debug)]
pub struct Received {
    pub message: Message,
    /// The broker's word that it may have been out before.
    pub redelivered: bool,
    pub receipt: Box<dyn Acknowledge>,
}

/// The right to settle one arrival, once. Dropped unused, the message stays out until the listener or connection ends.
#[async_trait]
pub trait Acknowledge: fmt::Debug + Send + Sync {
    /// The message is dealt with. If this fails, it comes again.
    async fn acknowledge(self: Box<Self>) -> Result<(), BrokerError>;

    /// The message goes back to its queue as it was. If this fails, it comes again all the same.
    async fn give_back(self: Box<Self>) -> Result<(), BrokerError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_within_its_limits_and_never_too_short() {
        assert_eq!(Delay::nearest(Duration::ZERO), Delay::SHORTEST);
        assert_eq!(Delay::nearest(Duration::from_micros(1500)).millis(), 2);
        assert_eq!(Delay::nearest(Duration::from_secs(5)).millis(), 5000);
        assert_eq!(Delay::nearest(Duration::MAX), Delay::LONGEST);
    }
}
