//! What happens when, decided by the seed alone and not by the time that anything takes.

use std::hash::{DefaultHasher, Hash, Hasher};

/// One in so many swaps has a broken file before it.
const BROKEN: u64 = 8;
/// One in so many swaps has the plugin removed before it.
const REMOVED: u64 = 16;
/// The most bytes of padding that a task is made with.
const PADDING: u64 = 2048;
/// The most events of one batch.
const BATCH: u64 = 32;

/// What goes wrong before a swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hazard {
    /// A file that is no component: the version before goes on.
    Broken,
    /// No file for a moment: messages wait.
    Removed,
}

/// The plan of one storm.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub events: u32,
    pub swaps: u32,
}

impl Plan {
    /// How many of the events are out when a swap, counted from 1, is over. The rest comes after the last one.
    pub fn share(&self, swap: u32) -> u32 {
        let share = u64::from(self.events) * u64::from(swap) / (u64::from(self.swaps) + 1);
        u32::try_from(share).unwrap_or(self.events)
    }

    /// What goes wrong before this swap.
    pub fn hazard(&self, swap: u32) -> Option<Hazard> {
        if self.throw("removed", swap, REMOVED) == 0 {
            return Some(Hazard::Removed);
        }
        (self.throw("broken", swap, BROKEN) == 0).then_some(Hazard::Broken)
    }

    /// The payload of an event: an instruction to emit one task of some size.
    pub fn payload(&self, event: u32) -> String {
        let size = self.throw("size", event, PADDING);
        serde_json::json!({ "do": "emit", "count": 1, "size": size }).to_string()
    }

    /// How many events go out at once, beginning with this one.
    pub fn batch(&self, event: u32) -> u32 {
        u32::try_from(1 + self.throw("batch", event, BATCH)).unwrap_or(1)
    }

    /// A throw of a die with so many sides, counted from 0.
    fn throw(&self, what: &str, number: u32, sides: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, what, number).hash(&mut hasher);
        hasher.finish() % sides
    }
}
