//! The broker as the rest of the host sees it: a port of three traits, and two adapters behind it.
//!
//! The port is small on purpose. Whatever passes `tests/contract` is a broker that the pipeline can keep its promises
//! on: a publish that returns `Ok` is durable and routed, a message that was neither acknowledged nor given back comes
//! again, and a delayed message waits in the broker and nowhere else (I1, I4).

mod cell;
pub mod embedded;
mod history;
mod later;
pub mod rabbitmq;
mod routing;
mod topology;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use cell::Cell;
pub use history::{From, Keeping, Offset, Passage, Past, Recorded, Retention, Start};
pub use later::Later;
pub use routing::fits;
pub use topology::{Difference, Finding, Offer, Standing, Wanted};

use crate::message::{HeaderValue, Message, MessageId, Subject};
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
    /// To the history alone: an event that was published elsewhere or before, which no subscription gets.
    History,
    /// To those that wait for the moment which the host's own clock publishes them at.
    Later,
}

impl Destination {
    /// Where messages of a subject go.
    pub fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Event(event) => Self::Event(event.clone()),
            Subject::Task(task) => Self::Task(task.clone()),
        }
    }

    /// The event that it is for, if it is one.
    pub fn event(&self) -> Option<&EventName> {
        match self {
            Self::Event(event) => Some(event),
            _ => None,
        }
    }
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
    /// The events among it that nobody subscribes to, as far as the broker can tell: one that keeps them may not see
    /// whether anybody else got them. Without a history they are gone, as events without subscribers are.
    pub unheard: Vec<MessageId>,
    /// Whether the history keeps the events among it.
    pub kept: bool,
}

/// Why a batch is not certain to be published. Some of its messages may have arrived all the same; publish the whole
/// batch again, under the same ids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("the broker could not route {}: the queue is gone", list(.0))]
    Returned(Vec<MessageId>),
    #[error("the broker refused to take {}", list(.0))]
    Refused(Vec<MessageId>),
    /// They will not be taken however often they are published; what the broker itself has delivered is never among them.
    #[error("the broker takes none as large as {}", list(.0))]
    TooLarge(Vec<MessageId>),
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
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Made if it is missing, adopted as it is if not.
    pub queue: QueueName,
    pub subject: Subject,
    pub binding: Binding,
    /// How many messages may be out of the broker and not settled at one time (I8).
    pub prefetch: NonZeroU16,
    /// Whether only one listener of the queue, over all hosts, gets messages at a time (RabbitMQ's single active
    /// consumer). Refused where the queue exists without it, since order could not be kept.
    pub single_active: bool,
    /// Which of the past it is given before what comes; `None` for none. No adapter looks at it.
    pub start: Option<Start>,
}

impl Source {
    /// A queue that gets every message of an event.
    pub fn event(queue: QueueName, event: EventName, prefetch: NonZeroU16) -> Self {
        let subject = Subject::Event(event);
        Self { queue, subject, binding: Binding::Event, prefetch, single_active: false, start: None }
    }

    /// A queue that only the host itself puts messages into.
    pub fn kept(queue: QueueName, subject: Subject, prefetch: NonZeroU16) -> Self {
        Self { queue, subject, binding: Binding::Unbound, prefetch, single_active: false, start: None }
    }

    /// Whether events come by it, and not whatever others put into its queue.
    pub fn is_of_event(&self) -> bool {
        self.binding != Binding::Unbound
    }

    /// The queue of a task.
    pub fn task(task: TaskName, prefetch: NonZeroU16) -> Self {
        let (queue, subject) = (QueueName::task(&task), Subject::Task(task));
        Self { queue, subject, binding: Binding::Unbound, prefetch, single_active: false, start: None }
    }
}

/// Where the messages of a queue come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Binding {
    /// Whatever others put into it: the queue of a task, or of dead letters.
    Unbound,
    /// The fanout exchange of the event that the source is about.
    Event,
    /// An exchange that other services publish to. Each message then carries [`ROUTING_KEY`].
    Exchange(Exchange),
}

/// The header with the routing key of a message that came by a [`Binding::Exchange`].
pub const ROUTING_KEY: &str = "leveret-routing-key";

/// An exchange of other services, durable, and which of its messages are wanted. Made if it is missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// At most 255 bytes.
    pub name: String,
    pub routing: Routing,
}

/// An exchange's type, and which of its messages are wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Routing {
    Fanout,
    /// Messages with one of these routing keys.
    Direct(Vec<String>),
    /// Messages whose routing key fits one of these patterns of words, `*` and `#`.
    Topic(Vec<String>),
    /// Messages with all, or any, of these headers.
    Headers {
        all: bool,
        headers: BTreeMap<String, HeaderValue>,
    },
}

/// Whether a listener gets messages at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Its consumer is set up; with [`Source::single_active`] it may be waiting for another to end.
    Consuming,
    /// What comes are events of the past; those that are published meanwhile wait in the queue.
    Backfilling(Progress),
    /// Not at the moment, for the reason; tried again and again.
    Interrupted { reason: String },
}

/// How far a walk through the past has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Places of the history that it has passed, and how many there are to pass.
    pub passed: u64,
    pub of: u64,
    /// Events that were handed out and settled.
    pub settled: u64,
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

    /// Takes messages out of a queue one by one, for a command rather than a plugin. Their subjects are read from the
    /// messages. An absent queue is an empty one.
    async fn browse(&self, queue: &QueueName) -> Result<Box<dyn Browse>, BrokerError>;

    /// How what is wanted stands at the broker. Changes nothing.
    async fn inspect(&self, wanted: &[Wanted]) -> Result<Vec<Finding>, BrokerError>;

    /// Makes what is missing of it, with its bindings. What stands otherwise stays as it is.
    async fn declare(&self, wanted: &Wanted) -> Result<(), BrokerError>;

    /// What a person may have made besides, with commands.
    async fn offers(&self) -> Result<Vec<Offer>, BrokerError> {
        Ok(Vec::new())
    }

    /// Deletes a queue that is empty and that nobody listens to.
    ///
    /// # Errors
    /// [`BrokerError::Refused`] if it has messages or listeners; nothing is lost.
    async fn delete_empty(&self, queue: &QueueName) -> Result<(), BrokerError>;

    /// Walks through the history.
    ///
    /// # Errors
    /// [`BrokerError::Refused`] if no history is kept.
    async fn past(&self, from: From) -> Result<Box<dyn Past>, BrokerError> {
        let _ = from;
        Err(no_history())
    }

    /// A place behind every event that was published before this was asked, as far as it has come to the history, and
    /// before every one that is published after the answer.
    ///
    /// # Errors
    /// [`BrokerError::Refused`] if no history is kept.
    async fn history_end(&self) -> Result<Offset, BrokerError> {
        Err(no_history())
    }

    /// For how long an event may be on its way to the history that a queue bound meanwhile has not got.
    fn straggling(&self) -> Duration {
        Duration::ZERO
    }

    /// How often a lost connection was made again.
    fn reconnects(&self) -> u64;

    /// How many messages wait in a queue, not counting those out for delivery; `None` if there is no such queue.
    async fn depth(&self, queue: &QueueName) -> Result<Option<u64>, BrokerError>;

    /// The broker's condition, now and from now on.
    fn status(&self) -> watch::Receiver<BrokerStatus>;

    /// Ends every connection. What was out and not settled goes back to its queue.
    async fn close(&self);
}

fn no_history() -> BrokerError {
    BrokerError::Refused("no history is kept: set `history.enabled`".into())
}

/// The messages of one queue.
#[async_trait]
pub trait Listener: Send + Sync {
    /// The next message; `None` once the listener was stopped and everything fetched before was handed out.
    async fn next(&mut self) -> Option<Received>;

    /// Asks the broker for no more. Messages fetched already still come from [`Listener::next`].
    async fn stop(&mut self);

    /// Whether messages come at the moment, now and from now on.
    fn condition(&self) -> watch::Receiver<Condition>;
}

/// The messages of one queue, for a command. Those that are neither acknowledged nor given back stay out until it is
/// dropped, and then go back.
#[async_trait]
pub trait Browse: Send {
    /// The next message that nobody else has; `None` once there is none.
    async fn next(&mut self) -> Result<Option<Received>, BrokerError>;
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
