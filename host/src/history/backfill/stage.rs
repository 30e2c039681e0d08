//! How far a subscription has come through the past, as the broker keeps it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::broker::{From, Offset, Progress};
use crate::history::since;
use crate::message::Timestamp;

/// How far a subscription has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub(super) enum Stage {
    /// Its queue is being bound.
    Binding(Beginning),
    /// The past is being handed out; what happens now waits in its queue.
    Replaying(Replay),
    /// It has had its past.
    Done,
}

/// Where its past begins, and where the history was before its queue was bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Beginning {
    /// Only what was published at this moment or later; `None` for all that is kept.
    pub moment: Option<Timestamp>,
    /// What lies before this place cannot be in its queue.
    pub before: Offset,
}

/// A walk that can be gone on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Replay {
    pub beginning: Beginning,
    /// What lies behind this place is in its queue.
    pub end: Offset,
    /// The first place that was seen; before that none is known.
    pub first: Option<Offset>,
    /// Everything before this place was handed out or passed over.
    pub read: Offset,
    /// What was handed out and is not settled.
    pub outstanding: BTreeSet<Offset>,
    /// How many were.
    pub settled: u64,
}

impl Replay {
    pub fn new(beginning: Beginning, end: Offset) -> Self {
        Self { beginning, end, first: None, read: Offset::FIRST, outstanding: BTreeSet::new(), settled: 0 }
    }

    /// Where to walk from.
    pub fn from(&self) -> From {
        match self.first {
            Some(_) => From::Offset(self.outstanding.first().copied().unwrap_or(self.read).min(self.read)),
            None => since(self.beginning.moment),
        }
    }

    /// Whether the event at this place is still to be handed out, once `again` was out in an earlier walk.
    pub fn is_due(&self, offset: Offset, again: &BTreeSet<Offset>) -> bool {
        offset < self.end && (offset >= self.read || again.contains(&offset))
    }

    /// Everything before this place was handed out or passed over.
    pub fn reached(&mut self, place: Offset) {
        self.read = self.read.max(place.min(self.end));
    }

    pub fn is_read(&self) -> bool {
        self.read >= self.end
    }

    pub fn settle(&mut self, offset: Offset) {
        if self.outstanding.remove(&offset) {
            self.settled += 1;
        }
    }

    pub fn progress(&self) -> Progress {
        let first = self.first.unwrap_or(self.read);
        let span = |to: Offset| to.0.saturating_sub(first.0);
        Progress { passed: span(self.read), of: span(self.end), settled: self.settled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay() -> Replay {
        Replay::new(Beginning { moment: None, before: Offset(90) }, Offset(100))
    }

    #[test]
    fn it_goes_on_with_what_was_out_and_with_what_was_not_read() {
        let mut replay = replay();
        assert_eq!(replay.from(), From::First);
        replay.first = Some(Offset(1));
        replay.outstanding.extend([Offset(4), Offset(7)]);
        replay.reached(Offset(10));
        replay.settle(Offset(4));
        let again = replay.outstanding.clone();
        assert_eq!(replay.from(), From::Offset(Offset(7)));
        let due: Vec<_> = (0..12).filter(|place| replay.is_due(Offset(*place), &again)).collect();
        assert_eq!((due, replay.settled), (vec![7, 10, 11], 1));
    }

    #[test]
    fn it_ends_at_its_end() {
        let mut replay = replay();
        replay.first = Some(Offset(20));
        replay.reached(Offset(60));
        assert_eq!(replay.progress(), Progress { passed: 40, of: 80, settled: 0 });
        assert!(!replay.is_read());
        replay.reached(Offset(1000));
        assert!(replay.is_read());
        assert!(!replay.is_due(Offset(100), &BTreeSet::new()));
        assert_eq!(replay.progress().passed, replay.progress().of);
    }

    #[test]
    fn clocks_of_publishers_differ() {
        let beginning = Beginning { moment: Some(Timestamp::from_millis(1_000_000)), before: Offset(9) };
        let from = Replay::new(beginning, Offset(10)).from();
        assert_eq!(from, From::Time(Timestamp::from_millis(700_000)));
    }
}
