//! The ledger in a file of this host.
//!
//! What is recorded outlives the process, however that ends. A loss of power may take the last moments of it
//! (`synchronous = NORMAL`: the log is not forced to the disk with each transaction), and then a duplicate may pass.
//! That is the price of recording as fast as messages are handled; nothing else depends on it.
//!
//! Whether a message was handled is read beside what is being written, on a connection of its own, so that looking
//! never waits for a transaction. Messages of plugins that are gone stay in the file, within their windows' counts.

mod audit;
mod inbox;
mod open;
mod trace;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

pub use self::open::OpenError;
use self::open::Opened;
pub use self::trace::TraceRetention;
use self::worker::Worker;
use super::{Audit, Became, Held, Inbox, LedgerError, Step, Trace, Turn, Window};
use crate::message::{MessageId, Tid, Timestamp};
use crate::name::{PluginId, QueueName};

/// The least time between two warnings of steps that were dropped, in milliseconds.
const WARNING_PAUSE: u64 = 60_000;

/// The ledger of one file. Dropping it closes the file a moment later; [`Ledger::close`] also waits for that.
#[derive(Debug)]
pub struct Ledger {
    writer: Worker,
    reader: Worker,
    retention: TraceRetention,
    dropped: Arc<Dropped>,
}

impl Ledger {
    /// Opens the file for this process alone, and makes it, with its directory, if it is missing. A second file beside
    /// it, with `-lock` behind its name, stays for good.
    ///
    /// Blocks while it reads the file, and up to 2 s for another process that is just letting go of it.
    ///
    /// # Errors
    /// The file cannot be made or opened, is in use by another host, is damaged, has a newer format, or is no ledger.
    pub fn open(path: impl AsRef<Path>, retention: TraceRetention) -> Result<Arc<Self>, OpenError> {
        let path = path.as_ref();
        // Absolute, since SQLite gives a meaning of its own to some relative paths, such as ":memory:".
        let path = std::path::absolute(path).map_err(|source| OpenError::Create { path: path.into(), source })?;
        let Opened { writer, reader, lock } = open::open(&path)?;
        let writer = Worker::start("ledger-writer", writer, lock.clone()).map_err(OpenError::Thread)?;
        let reader = Worker::start("ledger-reader", reader, lock).map_err(OpenError::Thread)?;
        Ok(Arc::new(Self { writer, reader, retention, dropped: Arc::default() }))
    }

    /// Writes everything recorded and kept so far, closes the file, and lets go of it.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    /// How many steps were dropped since the file was opened.
    pub fn dropped(&self) -> u64 {
        self.dropped.count.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Inbox for Ledger {
    async fn has_handled(&self, plugin: &PluginId, id: &MessageId, window: Window) -> Result<bool, LedgerError> {
        let (plugin, id) = (plugin.to_string(), id.clone());
        self.reader.ask(move |file| inbox::has_handled(file, &plugin, id.as_str(), window)).await
    }

    async fn handled(
        &self,
        plugin: &PluginId,
        queue: &QueueName,
        id: &MessageId,
        window: Window,
    ) -> Result<(), LedgerError> {
        let (plugin, queue, id) = (plugin.to_string(), queue.clone(), id.clone());
        let recorded = self.writer.ask(move |file| {
            inbox::add_handled(file, &plugin, id.as_str(), window)?;
            inbox::release(file, queue.as_str(), id.as_str())
        });
        recorded.await
    }

    async fn held(&self, queue: &QueueName, id: &MessageId) -> Result<Option<Held>, LedgerError> {
        let (queue, id) = (queue.clone(), id.clone());
        let held = self.reader.ask(move |file| inbox::held(file, queue.as_str(), id.as_str())).await?;
        held.map(|held| serde_json::from_str(&held).map_err(unreadable)).transpose()
    }

    async fn hold(&self, queue: &QueueName, id: &MessageId, held: Option<Held>) -> Result<(), LedgerError> {
        let (queue, id) = (queue.clone(), id.clone());
        let held = held.map(|held| serde_json::to_string(&held).map_err(unreadable)).transpose()?;
        let recorded = self.writer.ask(move |file| match held {
            Some(held) => inbox::hold(file, queue.as_str(), id.as_str(), &held),
            None => inbox::release(file, queue.as_str(), id.as_str()),
        });
        recorded.await
    }
}

#[async_trait]
impl Trace for Ledger {
    fn keep(&self, step: Step) {
        let (tid, time, retention) = (step.tid.clone(), step.time, self.retention);
        let kept = serde_json::to_string(&step).is_ok_and(|step| {
            let dropped = self.dropped.clone();
            self.writer
                .offer(move |file| trace::add(file, tid.as_str(), time, &step, retention), move || dropped.add_one())
        });
        if !kept {
            self.dropped.add_one();
        }
    }

    async fn steps(&self, tid: &Tid) -> Result<Vec<Step>, LedgerError> {
        let (tid, retention) = (tid.clone(), self.retention);
        let steps = self.reader.ask(move |file| trace::of(file, tid.as_str(), retention)).await?;
        steps.iter().map(|step| serde_json::from_str(step).map_err(unreadable)).collect()
    }
}

#[async_trait]
impl Audit for Ledger {
    async fn enter(&self, turn: Turn, count: u64) -> Result<(), LedgerError> {
        self.writer.ask(move |file| audit::add(file, turn, count)).await
    }

    async fn turns(&self, plugin: Option<&PluginId>, limit: u64) -> Result<Vec<Turn>, LedgerError> {
        let plugin = plugin.map(PluginId::to_string);
        let turns = self.reader.ask(move |file| audit::of(file, plugin.as_deref(), limit)).await?;
        turns.iter().map(|turn| serde_json::from_str(turn).map_err(unreadable)).collect()
    }
}

fn unreadable(error: serde_json::Error) -> LedgerError {
    LedgerError(format!("a record is not what it should be: {error}"))
}

/// Steps that were not kept.
#[derive(Debug, Default)]
struct Dropped {
    count: AtomicU64,
    /// When it was last warned of them.
    warned: AtomicU64,
}

impl Dropped {
    fn add_one(&self) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let (now, warned) = (Timestamp::now().millis(), self.warned.load(Ordering::Relaxed));
        let due = now.abs_diff(warned) >= WARNING_PAUSE;
        // Of those who see at one time that it is due, one warns.
        if due && self.warned.compare_exchange(warned, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::warn!(count, "steps of traces are not kept: they come too fast, or the ledger cannot be written");
        }
    }
}

#[cfg(test)]
mod tests;
