//! What happened: every settled delivery is told once and counted once (I7).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tokio::sync::broadcast;

use super::settle::Settlement;
use crate::message::{Attempt, MessageId, Receipt, Subject, Tid, Timestamp};
use crate::name::{PluginId, QueueName};

/// How many records a slow reader may be behind before it misses some.
const BEHIND: usize = 4096;

/// One delivery that settled.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    pub time: Timestamp,
    pub plugin: PluginId,
    /// The version that ran; empty where none did.
    pub version: String,
    pub queue: QueueName,
    pub subject: Subject,
    pub id: MessageId,
    pub tid: Tid,
    /// The application that published it, where it says so.
    pub source: Option<String>,
    /// When it was published.
    pub published: Timestamp,
    pub attempt: Attempt,
    #[serde(flatten)]
    pub settlement: Settlement,
    pub emitted: Vec<Emitted>,
    #[serde(skip)]
    pub receipt: Receipt,
}

/// Whoever must be told of every delivery that settled, and never misses one. It must not wait.
pub trait Observe: Send + Sync + 'static {
    fn settled(&self, record: &Record);
}

/// A message that a delivery made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Emitted {
    pub name: String,
    pub id: MessageId,
}

/// How many deliveries settled in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub done: u64,
    pub retried: u64,
    pub dead: u64,
    pub duplicate: u64,
    pub returned: u64,
}

/// Tells and counts deliveries.
pub struct Journal {
    done: AtomicU64,
    retried: AtomicU64,
    dead: AtomicU64,
    duplicate: AtomicU64,
    returned: AtomicU64,
    observers: Vec<Arc<dyn Observe>>,
    readers: broadcast::Sender<Record>,
}

impl Default for Journal {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Journal {
    pub fn new(observers: Vec<Arc<dyn Observe>>) -> Self {
        let (done, retried, dead, duplicate, returned) = Default::default();
        Self { done, retried, dead, duplicate, returned, observers, readers: broadcast::Sender::new(BEHIND) }
    }

    /// Every record from now on.
    pub fn read(&self) -> broadcast::Receiver<Record> {
        self.readers.subscribe()
    }

    pub fn counts(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            done: load(&self.done),
            retried: load(&self.retried),
            dead: load(&self.dead),
            duplicate: load(&self.duplicate),
            returned: load(&self.returned),
        }
    }

    pub(super) fn write(&self, record: Record) {
        let counter = match record.settlement {
            Settlement::Done => &self.done,
            Settlement::Retried { .. } => &self.retried,
            Settlement::Dead { .. } => &self.dead,
            Settlement::Duplicate => &self.duplicate,
            Settlement::Returned { .. } => &self.returned,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        for observer in &self.observers {
            observer.settled(&record);
        }
        // Nobody reading is no error.
        let _ = self.readers.send(record);
    }
}
