//! What a host remembers beyond deliveries: which messages a plugin has handled, how the one that an ordered
//! subscription waits for has failed, what caused what, and which version of a plugin went live when.
//!
//! Nothing here is needed to keep a message (I1): the broker alone does that. A ledger that forgets lets a duplicate
//! pass, and no more.

pub mod file;
pub mod memory;
pub mod redis;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::file::{Ledger, OpenError, TraceRetention};
pub use self::memory::MemoryInbox;
pub use self::redis::RedisInbox;

use crate::message::{Attempt, FailedAttempt, MessageId, Receipt, Subject, Tid, Timestamp};
use crate::name::{PluginId, QueueName};

/// For how long messages that a plugin has handled are known again: whichever ends first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub time: Duration,
    /// How many of the newest messages of the plugin.
    pub count: u64,
}

/// For how long a failure is held that nobody asks for: a message waits 30 days at the most.
pub const HELD_LIMIT: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// Why the ledger does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger does not answer: {0}")]
pub struct LedgerError(pub String);

/// How a message has failed that keeps its place in its queue, where no copy of it can carry that (I10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The number of its next attempt.
    pub attempt: Attempt,
    /// When that is due.
    pub due: Timestamp,
    pub failures: Vec<FailedAttempt>,
}

/// What was handled, and how what is held has failed.
#[async_trait]
pub trait Inbox: Debug + Send + Sync + 'static {
    /// Whether the plugin has handled this message within the window.
    async fn has_handled(&self, plugin: &PluginId, id: &MessageId, window: Window) -> Result<bool, LedgerError>;

    /// Remembers that the plugin has handled it, and forgets how it has failed in this queue. Returns once that
    /// outlives the process.
    async fn handled(
        &self,
        plugin: &PluginId,
        queue: &QueueName,
        id: &MessageId,
        window: Window,
    ) -> Result<(), LedgerError>;

    /// How a message of this queue has failed before.
    async fn held(&self, queue: &QueueName, id: &MessageId) -> Result<Option<Held>, LedgerError>;

    /// Remembers, or with `None` forgets, how a message of this queue has failed.
    async fn hold(&self, queue: &QueueName, id: &MessageId, held: Option<Held>) -> Result<(), LedgerError>;
}

/// One settled delivery, as a trace tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub time: Timestamp,
    pub tid: Tid,
    /// The message that was delivered.
    pub id: MessageId,
    pub subject: Subject,
    /// The application that published it, where it says so.
    pub source: Option<String>,
    /// When it was published.
    pub published: Timestamp,
    /// Written as `app` or `app/plugin`.
    pub plugin: String,
    pub version: String,
    pub attempt: Attempt,
    /// `done`, `retried`, `dead`, `duplicate` or `returned`.
    pub settled: String,
    pub reason: Option<String>,
    pub receipt: Receipt,
    pub emitted: Vec<Made>,
}

/// A message that a delivery made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub name: String,
    pub id: MessageId,
}

/// The steps of the past, in a bounded number.
#[async_trait]
pub trait Trace: Debug + Send + Sync + 'static {
    /// Keeps a step, soon; never waits. Steps that come faster than they can be kept are counted and dropped.
    fn keep(&self, step: Step);

    /// Every step of one transaction that is still kept, oldest first.
    async fn steps(&self, tid: &Tid) -> Result<Vec<Step>, LedgerError>;
}

/// A turn in the life of a plugin's file, as the audit log tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub time: Timestamp,
    /// Written as `app` or `app/plugin`; `None` where the file's place names none.
    pub plugin: Option<String>,
    pub file: String,
    #[serde(flatten)]
    pub became: Became,
}

/// What became of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "became", rename_all = "kebab-case")]
pub enum Became {
    Live {
        version: FileVersion,
        /// The version that was live before it, in this host or in the one that used the ledger last.
        instead: Option<FileVersion>,
        /// Who vouches for it: `digest`, or `key` with the public key; `None` where nobody must.
        by: Option<String>,
        /// The same version was live when the ledger was last told of the plugin: the host started anew.
        again: bool,
    },
    Refused {
        /// Of what was read; `None` where the file was not read.
        sha256: Option<String>,
        reason: String,
        /// The version that went on.
        still_live: Option<FileVersion>,
    },
    Gone {
        version: FileVersion,
    },
}

/// One exact file of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileVersion {
    /// What the plugin calls it.
    pub text: String,
    pub sha256: String,
}

/// The audit log, bounded by a number.
#[async_trait]
pub trait Audit: Debug + Send + Sync + 'static {
    /// Adds a turn, and forgets the oldest of its kind beyond so many: those that were refused are of one kind, all
    /// others of another. Returns once that outlives the process.
    async fn enter(&self, turn: Turn, count: u64) -> Result<(), LedgerError>;

    /// The newest turns, at most so many, oldest first: those of one plugin, or all.
    async fn turns(&self, plugin: Option<&PluginId>, limit: u64) -> Result<Vec<Turn>, LedgerError>;
}
