//! The newest events that fit: looked for from the end, so that a few of them are found without a walk along everything.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Begin, Entry, Filter, History, Walk, Walked};
use crate::broker::{BrokerError, Offset};

/// How many places from the end are looked at first, and by how much more each time that it was not enough.
const FIRST_WINDOW: u64 = 10_000;
const WIDER: u64 = 8;
/// The most events that are kept, and bytes of their payloads: one event more at the most (I8).
pub const MOST: usize = 10_000;
const BYTES: usize = 32 << 20;

/// A search for the newest events that fit.
pub struct Newest {
    history: Arc<History>,
    filter: Filter,
    limit: usize,
    whole: bool,
    walk: Walk,
    /// Where the walk was to begin, and so many places from the end; none where the filter's time says it.
    window: Option<(Offset, u64)>,
    found: VecDeque<Entry>,
    bytes: usize,
}

impl History {
    /// The newest events that fit, at most `limit` and [`MOST`].
    pub async fn newest(self: Arc<Self>, filter: Filter, limit: usize, whole: bool) -> Result<Newest, BrokerError> {
        let window = match filter.from {
            Some(_) => None,
            None => Some(window(self.end().await?, FIRST_WINDOW)),
        };
        let begin = window.map_or(Begin::ByTime, |(begin, _)| Begin::At(begin));
        let walk = self.walk(filter.clone(), begin).await?;
        let (limit, found) = (limit.min(MOST), VecDeque::new());
        Ok(Newest { history: self, filter, limit, whole, walk, window, found, bytes: 0 })
    }
}

impl Newest {
    /// Goes on a little; whether there is more to look at.
    pub async fn step(&mut self) -> Result<bool, BrokerError> {
        let Some(events) = self.walk.next().await? else {
            return match self.window {
                Some((begin, places)) if !self.is_enough(begin, places) => {
                    self.look_back(places.saturating_mul(WIDER)).await?;
                    Ok(true)
                }
                _ => Ok(false),
            };
        };
        for event in events {
            let size = event.message.body.len();
            if let Some(entry) = Entry::of(event, self.whole) {
                self.bytes += size;
                self.found.push_back(entry);
            }
            while self.found.len() > self.limit || self.whole && self.bytes > BYTES && self.found.len() > 1 {
                let oldest = self.found.pop_front();
                self.bytes -= oldest.and_then(|oldest| oldest.bytes).unwrap_or_default();
            }
        }
        Ok(true)
    }

    pub fn walked(&self) -> Walked {
        self.walk.walked()
    }

    /// What was found, oldest first.
    pub fn found(self) -> VecDeque<Entry> {
        self.found
    }

    /// Whether nothing newer than what was found can be before the window.
    fn is_enough(&self, begin: Offset, places: u64) -> bool {
        let first = self.walk.walked().begin;
        // What is missing at its beginning was trimmed; a few places may be empty.
        let is_trimmed = first.0.saturating_sub(begin.0) > places / 2;
        self.found.len() >= self.limit || self.bytes > BYTES || begin == Offset::FIRST || is_trimmed
    }

    async fn look_back(&mut self, places: u64) -> Result<(), BrokerError> {
        let (begin, places) = window(self.walk.walked().end, places);
        self.walk = self.history.walk(self.filter.clone(), Begin::At(begin)).await?;
        self.window = Some((begin, places));
        self.found.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// So many places before the end.
fn window(end: Offset, places: u64) -> (Offset, u64) {
    (Offset(end.0.saturating_sub(places)), places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fake::{FakeBroker, history};

    async fn newest(history: &Arc<History>, filter: &str, limit: usize) -> (Vec<u64>, u64) {
        let filter = serde_json::from_str(filter).expect("legal");
        let mut newest = history.clone().newest(filter, limit, false).await.expect("a history");
        let mut scanned = 0;
        while newest.step().await.expect("a history") {
            scanned = newest.walked().scanned;
        }
        (newest.found().iter().filter_map(|entry| Some(entry.offset?.0)).collect(), scanned)
    }

    #[tokio::test]
    async fn the_newest_are_found_from_the_end() {
        let broker = FakeBroker::new();
        broker.record(3, "rare.seen");
        broker.record(50_000, "a.b");
        let history = Arc::new(history(&broker));
        assert_eq!(newest(&history, "{}", 2).await, (vec![50_001, 50_002], FIRST_WINDOW));
        assert_eq!(newest(&history, r#"{"event":["rare.seen"]}"#, 2).await, (vec![1, 2], 50_003));
        assert_eq!(newest(&history, r#"{"event":["never.seen"]}"#, 2).await.0, Vec::<u64>::new());
        assert_eq!(newest(&history, "{}", 0).await.0, Vec::<u64>::new());
    }

    #[tokio::test]
    async fn what_was_trimmed_is_not_looked_for() {
        let broker = FakeBroker::new();
        broker.record(60_000, "a.b");
        broker.trim(55_000);
        let (found, scanned) = newest(&Arc::new(history(&broker)), r#"{"event":["never.seen"]}"#, 2).await;
        assert_eq!((found, scanned), (vec![], 5000));
    }
}
