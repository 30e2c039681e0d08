//! What happened: every settled delivery is told once and counted once (I7).

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tokio::sync::broadcast;

use super::settle::Settlement;
use crate::message::{Attempt, MessageId, Subject, Tid, Timestamp};
use crate::name::PluginId;
use crate::plugin::Receipt;

/// How many records a slow reader may be behind before it misses some.
const BEHIND: usize = 4096;

/// One delivery that settled.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    pub time: Timestamp,
    pub plugin: PluginId,
    /// The version that ran; empty where none did.
    pub version: String,
    pub subject: Subject,
    pub id: MessageId,
    pub tid: Tid,
    pub attempt: Attempt,
    #[serde(flatten)]
    pub settlement: Settlement,
    pub emitted: Vec<Emitted>,
    #[serde(skip)]
    pub receipt: Receipt,
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
    pub returned: u64,
}

/// Tells and counts deliveries.
#[derive(Debug)]
pub struct Journal {
    done: AtomicU64,
    retried: AtomicU64,
    dead: AtomicU64,
    returned: AtomicU64,
    readers: broadcast::Sender<Record>,
}

impl Default for Journal {
    fn default() -> Self {
        let (done, retried, dead, returned) = Default::default();
        Self { done, retried, dead, returned, readers: broadcast::Sender::new(BEHIND) }
    }
}

impl Journal {
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
            returned: load(&self.returned),
        }
    }

    pub(super) fn write(&self, record: Record) {
        let counter = match record.settlement {
            Settlement::Done => &self.done,
            Settlement::Retried { .. } => &self.retried,
            Settlement::Dead { .. } => &self.dead,
            Settlement::Returned { .. } => &self.returned,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        // Nobody reading is no error.
        let _ = self.readers.send(record);
    }
}
