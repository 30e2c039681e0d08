//! A broker in memory that has a past, and takes whatever is published.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::History;
use crate::broker::{
    Broker, BrokerError, BrokerStatus, Browse, Finding, From, Listener, Offset, Outgoing, Passage, Past, PublishError,
    Published, Recorded, Source, Wanted,
};
use crate::message::{Message, MessageId, Subject, Tid, Timestamp};
use crate::name::QueueName;
use crate::rate::Rate;

/// How many events are handed out at a time.
const BATCH: usize = 256;

/// An event with an id and a TID of its number, by `api`.
pub fn recorded(number: u64, name: &str, payload: &str) -> Recorded {
    let mut message = Message::new(Subject::Event(name.parse().expect("legal")), payload.to_owned());
    message.id = MessageId::from_wire(&format!("m-{number}")).expect("legal");
    message.tid = Tid::from_wire(&format!("t-{number}")).expect("legal");
    message.source = Some("api".into());
    message.time = Timestamp::from_millis(0);
    Recorded { offset: Offset(number), exchange: name.into(), routing_key: String::new(), message }
}

/// The history of a broker, which replays 1,000 a second.
pub fn history(broker: &Arc<FakeBroker>) -> History {
    let count = NonZeroU32::new(1000).expect("not 0");
    let pace = Rate::try_new(count, Duration::from_secs(1), NonZeroU32::MIN).expect("legal");
    History::new(broker.clone(), pace)
}

/// Each event with the moment when it came.
type Events = Arc<watch::Sender<Vec<(u64, Recorded)>>>;

#[derive(Debug)]
pub struct FakeBroker {
    events: Option<Events>,
    sent: Mutex<Vec<Outgoing>>,
    /// How many messages it takes.
    room: AtomicUsize,
    status: watch::Sender<BrokerStatus>,
}

impl FakeBroker {
    pub fn new() -> Arc<Self> {
        Self::with(Some(Events::default()))
    }

    pub fn without_history() -> Arc<Self> {
        Self::with(None)
    }

    fn with(events: Option<Events>) -> Arc<Self> {
        Arc::new(Self {
            events,
            sent: Mutex::default(),
            room: AtomicUsize::new(usize::MAX),
            status: watch::Sender::new(BrokerStatus::Ready),
        })
    }

    /// Records so many events at the beginning of time.
    pub fn record(&self, number: u64, name: &str) {
        for _ in 0..number {
            self.record_at(0, 0, name);
        }
    }

    /// Records an event that came and was published at these moments, in milliseconds.
    pub fn record_at(&self, came: u64, published: u64, name: &str) {
        self.push(came, |number| {
            let mut event = recorded(number, name, "{}");
            event.message.time = Timestamp::from_millis(published);
            event
        });
    }

    /// Records an event of another service's exchange.
    pub fn record_by(&self, exchange: &str, routing_key: &str) {
        let (exchange, routing_key) = (exchange.to_owned(), routing_key.to_owned());
        self.push(0, |number| Recorded { exchange, routing_key, ..recorded(number, "unknown.message", "{}") });
    }

    fn push(&self, came: u64, event: impl FnOnce(u64) -> Recorded) {
        let events = self.events.as_ref().expect("it has a history");
        events.send_modify(|events| {
            let number = events.last().map_or(0, |(_, last)| last.offset.0 + 1);
            events.push((came, event(number)));
        });
    }

    /// Forgets the oldest.
    pub fn trim(&self, number: usize) {
        self.events.as_ref().expect("it has a history").send_modify(|events| drop(events.drain(..number)));
    }

    /// Takes so many messages from now on, and then no batch any more.
    pub fn fail_after(&self, messages: usize) {
        self.room.store(messages, Ordering::Relaxed);
    }

    pub fn sent(&self) -> Vec<Outgoing> {
        self.messages().clone()
    }

    fn messages(&self) -> MutexGuard<'_, Vec<Outgoing>> {
        self.sent.lock().expect("not poisoned")
    }

    fn no_history() -> BrokerError {
        BrokerError::Refused("no history is kept: set `history.enabled`".into())
    }
}

#[async_trait]
impl Broker for FakeBroker {
    async fn listen(&self, _: Source) -> Result<Box<dyn Listener>, BrokerError> {
        Err(BrokerError::Refused("nobody listens here".into()))
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Result<Published, PublishError> {
        let taken = |room: usize| room.checked_sub(batch.len());
        if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_err() {
            return Err(PublishError::Unreachable("the test says so".into()));
        }
        self.messages().extend(batch);
        Ok(Published::default())
    }

    async fn browse(&self, _: &QueueName) -> Result<Box<dyn Browse>, BrokerError> {
        Err(BrokerError::Refused("nobody browses here".into()))
    }

    async fn inspect(&self, _: &[Wanted]) -> Result<Vec<Finding>, BrokerError> {
        Ok(Vec::new())
    }

    async fn declare(&self, _: &Wanted) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn delete_empty(&self, _: &QueueName) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn past(&self, from: From) -> Result<Box<dyn Past>, BrokerError> {
        let events = self.events.as_ref().ok_or_else(Self::no_history)?.subscribe();
        let (came, place) = match from {
            From::First => (0, Offset::FIRST),
            From::Time(time) => (time.millis(), Offset::FIRST),
            From::Offset(place) => (0, place),
        };
        Ok(Box::new(FakePast { events, came, place }))
    }

    async fn history_end(&self) -> Result<Offset, BrokerError> {
        let events = self.events.as_ref().ok_or_else(Self::no_history)?;
        Ok(events.borrow().last().map_or(Offset::FIRST, |(_, last)| last.offset.next()))
    }

    fn reconnects(&self) -> u64 {
        0
    }

    async fn depth(&self, _: &QueueName) -> Result<Option<u64>, BrokerError> {
        Ok(None)
    }

    fn status(&self) -> watch::Receiver<BrokerStatus> {
        self.status.subscribe()
    }

    async fn close(&self) {}
}

struct FakePast {
    events: watch::Receiver<Vec<(u64, Recorded)>>,
    /// Handed out are those that came then or later, from a place on.
    came: u64,
    place: Offset,
}

#[async_trait]
impl Past for FakePast {
    async fn next(&mut self) -> Result<Passage, BrokerError> {
        loop {
            {
                let events = self.events.borrow_and_update();
                let first = events.partition_point(|(_, event)| event.offset < self.place);
                let next = &events[first..events.len().min(first + BATCH)];
                if let Some((_, last)) = next.last() {
                    self.place = last.offset.next();
                    let meant = next.iter().filter(|(came, _)| *came >= self.came);
                    let events = meant.map(|(_, event)| event.clone()).collect();
                    return Ok(Passage { events, reached: self.place });
                }
            }
            self.events.changed().await.map_err(|_| BrokerError::Unreachable("the test is over".into()))?;
        }
    }
}
