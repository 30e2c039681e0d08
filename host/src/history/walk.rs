//! A walk through the history: what fits, batch by batch. Nothing is collected on the way.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Filter, since};
use crate::broker::{Broker, BrokerError, From, Offset, Passage, Past, Recorded};

/// Where a walk begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Begin {
    /// Where the filter's time has it, or with the oldest event.
    #[default]
    ByTime,
    At(Offset),
}

/// How far a walk has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walked {
    /// Events that were looked at, and how many of them fitted.
    pub scanned: u64,
    pub matched: u64,
    /// The place of the first event.
    pub begin: Offset,
    /// The place behind the last one: where to go on.
    pub place: Offset,
    /// Where it ends, or, without an end, where it began to wait for what comes.
    pub end: Offset,
}

/// A walk along those events that fit, oldest first.
pub struct Walk {
    past: Box<dyn Past>,
    filter: Filter,
    is_bounded: bool,
    walked: Walked,
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").field("filter", &self.filter).field("walked", &self.walked).finish_non_exhaustive()
    }
}

impl Walk {
    /// As far as there are events now.
    pub(super) async fn to_the_end(broker: &dyn Broker, filter: Filter, begin: Begin) -> Result<Self, BrokerError> {
        let from = match begin {
            Begin::At(place) => From::Offset(place),
            Begin::ByTime => since(filter.from),
        };
        let past = broker.past(from).await?;
        let end = broker.history_end().await?;
        let begin = if let Begin::At(place) = begin { place.min(end) } else { Offset::FIRST };
        let walked = Walked { begin, place: begin, end, ..Walked::default() };
        Ok(Self { past, filter, is_bounded: true, walked })
    }

    /// From a place on, for ever.
    pub(super) async fn without_end(broker: &dyn Broker, filter: Filter, place: Offset) -> Result<Self, BrokerError> {
        let past = broker.past(From::Offset(place)).await?;
        let walked = Walked { begin: place, place, end: place, ..Walked::default() };
        Ok(Self { past, filter, is_bounded: false, walked })
    }

    /// What fits among the next events, perhaps nothing; `None` at the end. Dropped while it waits, it loses none.
    pub async fn next(&mut self) -> Result<Option<Vec<Recorded>>, BrokerError> {
        if self.is_bounded && self.walked.place >= self.walked.end {
            return Ok(None);
        }
        let Passage { mut events, mut reached } = self.past.next().await?;
        let Self { filter, walked, is_bounded, .. } = self;
        if *is_bounded {
            reached = reached.min(walked.end);
            events.retain(|event| event.offset < walked.end);
        }
        if walked.scanned == 0 {
            walked.begin = events.first().map_or(reached, |first| first.offset);
        }
        walked.place = walked.place.max(reached);
        walked.scanned += events.len() as u64;
        events.retain(|event| filter.fits(event));
        walked.matched += events.len() as u64;
        Ok(Some(events))
    }

    pub fn walked(&self) -> Walked {
        self.walked
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::history::fake::FakeBroker;
    use crate::message::Timestamp;

    async fn offsets(walk: &mut Walk) -> Vec<u64> {
        let mut offsets = Vec::new();
        while let Some(events) = walk.next().await.expect("the broker is there") {
            offsets.extend(events.iter().map(|event| event.offset.0));
        }
        offsets
    }

    #[tokio::test]
    async fn a_walk_ends_where_the_history_did_as_it_began() {
        let broker = FakeBroker::new();
        broker.record(10, "a.b");
        let mut walk = Walk::to_the_end(&*broker, Filter::default(), Begin::ByTime).await.expect("a history");
        broker.record(5, "a.b");
        assert_eq!(offsets(&mut walk).await, (0..10).collect::<Vec<_>>());
        let Walked { scanned, matched, begin, place, end } = walk.walked();
        assert_eq!((scanned, matched, begin.0, place.0, end.0), (10, 10, 0, 10, 10));
    }

    #[tokio::test]
    async fn a_walk_over_nothing_ends() {
        let broker = FakeBroker::new();
        let mut walk = Walk::to_the_end(&*broker, Filter::default(), Begin::ByTime).await.expect("a history");
        assert_eq!(offsets(&mut walk).await, Vec::<u64>::new());
        broker.record(5, "a.b");
        // All of it came long ago.
        let filter = Filter { from: Some(Timestamp::now()), ..Filter::default() };
        let mut walk = Walk::to_the_end(&*broker, filter, Begin::ByTime).await.expect("a history");
        assert_eq!(offsets(&mut walk).await, Vec::<u64>::new());
        assert_eq!(walk.walked().place, walk.walked().end);
    }

    #[tokio::test]
    async fn a_walk_by_time_begins_a_little_before_it() {
        let broker = FakeBroker::new();
        // An event of each minute, in the order in which they came; the last is of a publisher whose clock is ahead.
        for minute in [0, 10, 20, 30, 40] {
            broker.record_at(minute * 60_000, minute * 60_000, "a.b");
        }
        broker.record_at(27 * 60_000, 30 * 60_000, "a.b");
        let filter = Filter { from: Some(Timestamp::from_millis(30 * 60_000)), ..Filter::default() };
        let mut walk = Walk::to_the_end(&*broker, filter, Begin::ByTime).await.expect("a history");
        assert_eq!(offsets(&mut walk).await, [3, 4, 5]);
        assert!(walk.walked().scanned < 6);
    }

    #[tokio::test]
    async fn whoever_follows_gets_what_comes() {
        let broker = FakeBroker::new();
        broker.record(3, "a.b");
        let mut walk = Walk::without_end(&*broker, Filter::default(), Offset(2)).await.expect("a history");
        let events = walk.next().await.expect("a history").expect("no end");
        assert_eq!(events.len(), 1);
        assert!(walk.next().now_or_never().is_none());
        broker.record(1, "a.b");
        let events = walk.next().await.expect("a history").expect("no end");
        assert_eq!(events[0].offset, Offset(3));
    }

    #[tokio::test]
    async fn without_a_history_the_way_to_one_is_told() {
        let broker = FakeBroker::without_history();
        let error = Walk::to_the_end(&*broker, Filter::default(), Begin::ByTime).await.expect_err("no history");
        assert!(error.to_string().contains("history.enabled"), "{error}");
    }
}
