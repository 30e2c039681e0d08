//! The history as the port has it: every event that the broker has seen, in order, for as long as it is kept.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Binding, BrokerError, Exchange, ROUTING_KEY, Source};
use crate::message::{HeaderValue, Message, Subject, Timestamp};
use crate::name::EventName;

/// A place in the history. Later events have greater ones; some places may be empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub u64);

impl Offset {
    /// At or before everything.
    pub const FIRST: Self = Self(0);

    /// The place behind it.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where to begin to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With the oldest event that is kept.
    First,
    /// With the oldest event that came at this moment or later. Some that came a little before it may come too.
    Time(Timestamp),
    /// With the event at this place, or the first one behind it that is kept.
    Offset(Offset),
}

/// Which of the past a new subscription is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// All that is kept.
    First,
    /// What was published so long before it began, or since.
    Ago(Duration),
    /// What was published at this moment or later.
    At(Timestamp),
}

impl Start {
    /// The moment that it means for a subscription that begins now; `None` for the beginning of all.
    pub fn moment(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::First => None,
            Self::Ago(time) => {
                let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                Some(Timestamp::from_millis(now.millis().saturating_sub(millis)))
            }
            Self::At(moment) => Some(moment),
        }
    }
}

/// For how long the history is kept: whichever ends first. What is trimmed is trimmed some time after that, in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub age: Duration,
    /// In bytes on the disk.
    pub size: u64,
}

/// What the broker keeps of the past beside the events that are subscribed to or announced.
#[derive(Debug, Clone, PartialEq)]
pub struct Keeping {
    pub retention: Retention,
    /// Events that are kept although nobody here subscribes to them or announces them.
    pub events: Vec<EventName>,
    /// What is kept of other services' exchanges.
    pub exchanges: Vec<Exchange>,
}

/// An event of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub offset: Offset,
    /// The exchange that it was published to, and the routing key. An event's own exchange has the event's name.
    pub exchange: String,
    pub routing_key: String,
    /// As its subscribers got it. Its subject is the event that the exchange, or else the message, says.
    pub message: Message,
}

impl Recorded {
    /// The message as the queue of this source got it; `None` if it was none of its.
    pub fn within(self, source: &Source) -> Option<Message> {
        let Self { exchange, routing_key, mut message, .. } = self;
        match &source.binding {
            Binding::Unbound => None,
            Binding::Event => (message.subject == source.subject).then_some(message),
            Binding::Exchange(from) => {
                if from.name != exchange || !from.routing.admits(&routing_key, &message.headers) {
                    return None;
                }
                message.subject = source.subject.clone();
                message.headers.insert(ROUTING_KEY.to_owned(), HeaderValue::Text(routing_key));
                Some(message)
            }
        }
    }

    /// Whether it is an event, as it is unless somebody wrote into the history by hand.
    pub fn is_event(&self) -> bool {
        matches!(self.message.subject, Subject::Event(_))
    }
}

/// How far a walk has come, and what it found on the way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Passage {
    /// Some hundreds at the most; none where what was passed were no events.
    pub events: Vec<Recorded>,
    /// Everything before this place has been handed out.
    pub reached: Offset,
}

/// A walk through the history, oldest first. It outlives nothing: after an error, walk again from the last place.
#[async_trait]
pub trait Past: Send {
    /// Goes on: through what is there, or, where nothing is, as soon as something comes. Dropped while it waits, it loses
    /// nothing.
    ///
    /// A walk that was begun before [`super::Broker::history_end`] was asked reaches the answer without waiting for
    /// anything that comes after it, even where no event lies between.
    async fn next(&mut self) -> Result<Passage, BrokerError>;
}
