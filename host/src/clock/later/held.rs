//! What one host holds of that which waits: by its moment, and by its key.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::broker::Acknowledge;
use crate::message::{HeaderValue, Message, MessageId, Subject, Tid, Timestamp};

/// How many bytes of messages are kept in memory. Of what goes beyond it only the receipt is kept: it goes back to the
/// broker when it is due, and comes again at once.
const MEMORY: usize = 64 * 1024 * 1024;

/// A message that waits for its moment, as a person is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Waiting {
    /// What takes it back: `<application>/<name>`, or its id where it has no name.
    pub key: String,
    #[serde(rename = "moment_ms")]
    pub moment: Timestamp,
    pub subject: Subject,
    pub id: MessageId,
    pub tid: Tid,
    /// The application that scheduled it, by its own word.
    pub source: Option<String>,
}

/// One that is held: out of the broker, and not acknowledged.
#[derive(Debug)]
pub struct Entry {
    pub waiting: Waiting,
    /// The message, unless there was no room for it.
    pub message: Option<Message>,
    pub receipt: Box<dyn Acknowledge>,
}

/// When it is looked at again, and, among those of one moment, which came first.
type Place = (Timestamp, u64);

/// All that are held.
#[derive(Debug, Default)]
pub struct Held {
    entries: BTreeMap<Place, Entry>,
    places: HashMap<String, Place>,
    came: u64,
    /// Bytes of the messages that are kept.
    size: usize,
}

impl Held {
    /// Holds a message until its moment. Gives what was held under its key, which it takes the place of.
    pub fn hold(
        &mut self,
        moment: Timestamp,
        key: String,
        message: Message,
        receipt: Box<dyn Acknowledge>,
        now: Timestamp,
    ) -> Option<Entry> {
        let before = self.take(&key);
        let waiting = Waiting {
            key,
            moment,
            subject: message.subject.clone(),
            id: message.id.clone(),
            tid: message.tid.clone(),
            source: message.source.clone(),
        };
        let fits = self.size + size(&message) <= MEMORY;
        // What is due goes on at once, so it takes no room for long.
        let message = (fits || moment <= now).then_some(message);
        self.put(moment, Entry { waiting, message, receipt });
        before
    }

    /// Puts off one that was due.
    pub fn postpone(&mut self, until: Timestamp, entry: Entry) {
        self.put(until, entry);
    }

    fn put(&mut self, moment: Timestamp, entry: Entry) {
        self.size += entry.message.as_ref().map_or(0, size);
        self.came += 1;
        self.places.insert(entry.waiting.key.clone(), (moment, self.came));
        self.entries.insert((moment, self.came), entry);
    }

    /// Takes out what is held under a key.
    pub fn take(&mut self, key: &str) -> Option<Entry> {
        let place = self.places.remove(key)?;
        self.remove(place)
    }

    /// Takes out those that are due, earliest first, and at most so many.
    pub fn due(&mut self, now: Timestamp, most: usize) -> Vec<Entry> {
        let places: Vec<Place> = self.entries.range(..=(now, u64::MAX)).take(most).map(|(place, _)| *place).collect();
        places.into_iter().filter_map(|place| self.remove(place)).collect()
    }

    fn remove(&mut self, place: Place) -> Option<Entry> {
        let entry = self.entries.remove(&place)?;
        self.places.remove(&entry.waiting.key);
        self.size -= entry.message.as_ref().map_or(0, size);
        Some(entry)
    }

    /// The earliest moment.
    pub fn next(&self) -> Option<Timestamp> {
        self.entries.first_key_value().map(|((moment, _), _)| *moment)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// All of them, earliest first.
    pub fn list(&self) -> impl Iterator<Item = &Waiting> {
        self.entries.values().map(|entry| &entry.waiting)
    }
}

/// About what a message takes, in bytes.
fn size(message: &Message) -> usize {
    let header = |(name, value): (&String, &HeaderValue)| name.len() + value.as_text().map_or(16, str::len);
    message.body.len() + message.headers.iter().map(header).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::broker::BrokerError;

    #[derive(Debug)]
    struct Silent;

    #[async_trait]
    impl Acknowledge for Silent {
        async fn acknowledge(self: Box<Self>) -> Result<(), BrokerError> {
            Ok(())
        }

        async fn give_back(self: Box<Self>) -> Result<(), BrokerError> {
            Ok(())
        }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn hold(held: &mut Held, moment: u64, key: &str, body: Vec<u8>) -> Option<String> {
        let message = Message::new(Subject::Task("pheidi.email.send".parse().expect("legal")), body);
        let before = held.hold(at(moment), key.into(), message, Box::new(Silent), at(0));
        before.map(|entry| format!("{} at {}", entry.waiting.key, entry.waiting.moment.millis()))
    }

    fn due(held: &mut Held, now: u64, most: usize) -> Vec<String> {
        held.due(at(now), most).into_iter().map(|entry| entry.waiting.key).collect()
    }

    #[test]
    fn the_earliest_is_due_first_and_of_one_moment_the_one_that_came_first() {
        let mut held = Held::default();
        for (moment, key) in [(300, "a"), (100, "b"), (200, "c"), (100, "d")] {
            assert_eq!(hold(&mut held, moment, key, vec![]), None);
        }
        assert_eq!(held.next(), Some(at(100)));
        assert!(due(&mut held, 99, 9).is_empty());
        assert_eq!(due(&mut held, 200, 2), ["b", "d"]);
        assert_eq!(due(&mut held, 200, 2), ["c"]);
        assert_eq!((held.len(), held.next()), (1, Some(at(300))));
    }

    #[test]
    fn another_of_the_same_key_takes_its_place() {
        let mut held = Held::default();
        hold(&mut held, 100, "a", vec![]);
        assert_eq!(hold(&mut held, 300, "a", vec![]).as_deref(), Some("a at 100"));
        assert!(due(&mut held, 299, 9).is_empty());
        assert_eq!(held.take("a").map(|entry| entry.waiting.moment), Some(at(300)));
        assert!(held.take("a").is_none() && held.next().is_none());
    }

    #[test]
    fn what_is_postponed_can_still_be_taken_back() {
        let mut held = Held::default();
        hold(&mut held, 100, "a", vec![]);
        let entry = held.due(at(100), 1).remove(0);
        held.postpone(at(500), entry);
        assert_eq!(held.next(), Some(at(500)));
        assert_eq!(held.list().map(|waiting| waiting.moment).collect::<Vec<_>>(), [at(100)]);
        assert!(held.take("a").is_some());
    }

    #[test]
    fn i8_what_there_is_no_room_for_is_held_by_its_receipt() {
        let mut held = Held::default();
        for (moment, key) in [(100, "first"), (200, "second"), (0, "due")] {
            hold(&mut held, moment, key, vec![b' '; MEMORY * 2 / 3]);
        }
        let kept = held.due(at(200), 3).into_iter().map(|entry| (entry.waiting.key, entry.message.is_some()));
        let expected = [("due", true), ("first", true), ("second", false)].map(|(key, kept)| (key.to_owned(), kept));
        assert_eq!(kept.collect::<Vec<_>>(), expected);
        assert_eq!(held.size, 0);
    }
}
