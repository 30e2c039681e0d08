//! What is done with the past: a subscription that comes later is given it, people ask for it, plugins get some of it again,
//! and it is filled from elsewhere.
//!
//! `backfill` gives it to new subscriptions, between broker and pipeline. `filter` says which events are meant, `walk` goes
//! along them, `entry` is one of them as a line of JSON, `import` reads such lines back, and `replay` gives events to one
//! plugin again.

mod backfill;
mod entry;
#[cfg(test)]
mod fake;
mod filter;
mod import;
mod newest;
mod replay;
mod walk;

use std::fmt;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use backfill::{BackfillOptions, Backfilling};
pub use entry::{Entry, InvalidEntry};
pub use filter::{Condition, EventPattern, Filter, InvalidCondition, InvalidPattern};
pub use import::{Imported, RefusedLine};
pub use newest::{MOST, Newest};
pub use replay::{Replay, ReplayProgress, Replayed};
pub use walk::{Begin, Walk, Walked};

use crate::broker::{Broker, BrokerError, From, Offset, PublishError};
use crate::message::Timestamp;
use crate::name::PluginId;
use crate::rate::Rate;

/// By how much a publisher's clock may be ahead of the broker's, in ms, for its events to be found by their time.
const SKEW: u64 = 5 * 60 * 1000;

/// Where to walk from for what was published at a moment or later; without one, for everything.
fn since(moment: Option<Timestamp>) -> From {
    moment.map_or(From::First, |moment| From::Time(Timestamp::from_millis(moment.millis().saturating_sub(SKEW))))
}

/// How many walks through the history a host makes at one time, for whoever asks, replays included: each reads as fast as
/// the broker gives.
pub const WALKS: usize = 8;

/// Why something cannot be done with the history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error("{WALKS} walks through the history are on their way; wait until one ends, and try again")]
    Busy,
    #[error("this would be all of the history: narrow it, or say `--all`")]
    All,
    #[error("{0} subscribes to no event, so nothing of the past is for it")]
    NoSubscription(PluginId),
    /// Whoever asked is gone.
    #[error("nobody waits for it any more")]
    Gone,
}

/// The history of a broker.
pub struct History {
    broker: Arc<dyn Broker>,
    walks: Arc<Semaphore>,
    pace: Rate,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("History")
    }
}

impl History {
    /// `pace` is that of each replay.
    pub fn new(broker: Arc<dyn Broker>, pace: Rate) -> Self {
        Self { broker, walks: Arc::new(Semaphore::new(WALKS)), pace }
    }

    /// The right to walk, for as long as it lives.
    pub fn turn(&self) -> Result<Turn, HistoryError> {
        self.walks.clone().try_acquire_owned().map(Turn).map_err(|_| HistoryError::Busy)
    }

    /// The place behind what is there now.
    async fn end(&self) -> Result<Offset, BrokerError> {
        self.broker.history_end().await
    }

    /// A walk along what is there now.
    pub async fn walk(&self, filter: Filter, begin: Begin) -> Result<Walk, BrokerError> {
        Walk::to_the_end(&*self.broker, filter, begin).await
    }

    /// A walk along what comes, from a place on. It has no end.
    pub async fn follow(&self, filter: Filter, place: Offset) -> Result<Walk, BrokerError> {
        Walk::without_end(&*self.broker, filter, place).await
    }
}

/// The right to walk through the history.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "it is given back when this is dropped")] OwnedSemaphorePermit);
