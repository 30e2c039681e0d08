//! Hosts beside each other, under paused time, around one holder of each event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::broker::{BrokerError, Outgoing, PublishError};
use crate::clock::timekeeper::Record;
use crate::clock::world::{Kept, World};
use crate::clock::{Clock, NotFired, Timekeeping, Timekeepings};
use crate::message::{MessageId, Timestamp};
use crate::name::EventName;
use crate::schedule::{Missed, Period, Schedule, Zone};

const BEGIN: u64 = 1_767_225_600_000;

/// A broker, and the time.
#[derive(Default)]
struct Shared {
    records: BTreeMap<EventName, Arc<Turn<Option<Record>>>>,
    published: Vec<(EventName, MessageId, u64)>,
}

/// What one host sees of it.
#[derive(Clone)]
struct Here {
    shared: Arc<Mutex<Shared>>,
    begun: Instant,
    /// Whether the host is cut off from the broker.
    cut: watch::Sender<bool>,
    /// Whether what is published arrives without the host's being told.
    unconfirmed: Arc<AtomicBool>,
}

impl Here {
    fn new() -> Self {
        let cut = watch::Sender::new(false);
        Self { shared: Arc::default(), begun: Instant::now(), cut, unconfirmed: Arc::default() }
    }

    fn beside(&self) -> Self {
        Self { cut: watch::Sender::new(false), unconfirmed: Arc::default(), ..self.clone() }
    }

    /// The moments that were announced of an event, without duplicates.
    fn ticks(&self, name: &str) -> Vec<u64> {
        let shared = self.shared.lock().expect("nobody panicked");
        let mut seen = BTreeSet::new();
        let of = shared.published.iter().filter(|(event, ..)| event.as_str() == name);
        of.filter(|(_, id, _)| seen.insert(id.clone())).map(|(.., tick)| (tick - BEGIN) / 1000).collect()
    }
}

struct Cell {
    record: OwnedMutexGuard<Option<Record>>,
    cut: watch::Receiver<bool>,
}

#[async_trait]
impl World for Here {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(BEGIN + self.begun.elapsed().as_millis() as u64)
    }

    async fn keep(&self, event: &EventName) -> Result<Box<dyn Kept>, BrokerError> {
        let turn = self.shared.lock().expect("nobody panicked").records.entry(event.clone()).or_default().clone();
        let mut cut = self.cut.subscribe();
        let _ = cut.wait_for(|cut| !cut).await;
        Ok(Box::new(Cell { record: turn.lock_owned().await, cut }))
    }

    async fn announce(&self, batch: Vec<Outgoing>) -> Result<(), PublishError> {
        if *self.cut.borrow() {
            return Err(PublishError::Unreachable("cut off".into()));
        }
        let mut shared = self.shared.lock().expect("nobody panicked");
        for Outgoing { message, .. } in batch {
            let event: EventName = message.subject.as_str().parse().expect("it is an event");
            shared.published.push((event, message.id, message.time.millis()));
        }
        match self.unconfirmed.swap(false, Ordering::Relaxed) {
            true => Err(PublishError::Unconfirmed(Duration::ZERO)),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Kept for Cell {
    fn record(&self) -> Option<Record> {
        self.record.clone()
    }

    async fn write(&mut self, record: Record) -> Result<(), BrokerError> {
        if *self.cut.borrow() {
            return Err(BrokerError::Unreachable("cut off".into()));
        }
        *self.record = Some(record);
        Ok(())
    }

    async fn lost(&mut self) {
        let _ = self.cut.clone().wait_for(|cut| *cut).await;
    }
}

fn wanted(events: &[&str]) -> Timekeepings {
    let timekeeping = |name: &&str| {
        let event: EventName = name.parse().expect("legal");
        let period = Period::read(&event).expect("of time").expect("readable");
        let schedule = Schedule::period(period, Zone::UTC);
        (event, Timekeeping { schedule, missed: Missed::Once, wanted_by: ["test".to_owned()].into() })
    };
    events.iter().map(timekeeping).collect()
}

/// A host that runs.
struct Host {
    clock: Arc<Clock>,
    wanted: watch::Sender<Timekeepings>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Host {
    fn start(world: &Here, events: &[&str]) -> Self {
        let (clock, stop) = (Arc::new(Clock::new(Arc::new(world.clone()))), CancellationToken::new());
        let (wanted, following) = watch::channel(wanted(events));
        let (here, until) = (clock.clone(), stop.clone());
        let running = tokio::spawn(async move { here.run(following, until).await });
        Self { clock, wanted, stop, running }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.expect("it does not panic");
    }

    fn keeps(&self, name: &str) -> bool {
        self.clock.reports().iter().any(|report| report.event.as_str() == name && report.keeps)
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_hosts_one_keeps_an_event_and_the_other_goes_on() {
    let world = Here::new();
    let one = Host::start(&world, &["time.five-seconds.passed"]);
    pass(1).await;
    let other = Host::start(&world.beside(), &["time.five-seconds.passed"]);
    pass(21).await;
    assert!(one.keeps("time.five-seconds.passed") && !other.keeps("time.five-seconds.passed"));
    one.stop().await;
    pass(20).await;
    assert!(other.keeps("time.five-seconds.passed"));
    assert_eq!(world.ticks("time.five-seconds.passed"), [5, 10, 15, 20, 25, 30, 35, 40]);
    assert_eq!(world.shared.lock().expect("nobody panicked").published.len(), 8, "none was a duplicate");
    other.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_announcing_and_writing_makes_a_duplicate_that_is_known_by_its_id() {
    let world = Here::new();
    world.unconfirmed.store(true, Ordering::Relaxed);
    let host = Host::start(&world, &["time.one-second.passed"]);
    pass(5).await;
    host.stop().await;
    assert_eq!(world.ticks("time.one-second.passed")[..4], [1, 2, 3, 4]);
    let published = world.shared.lock().expect("nobody panicked").published.clone();
    assert_eq!(published[0], published[1], "the same again");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_cut_off_announces_what_is_late_once_it_is_back() {
    let world = Here::new();
    let host = Host::start(&world, &["time.one-second.passed"]);
    pass(3).await;
    world.cut.send_replace(true);
    pass(20).await;
    assert!(!host.keeps("time.one-second.passed"));
    world.cut.send_replace(false);
    pass(20).await;
    host.stop().await;
    let ticks = world.ticks("time.one-second.passed");
    assert_eq!(ticks, (1..=*ticks.last().expect("some")).collect::<Vec<_>>());
    assert!(ticks.len() >= 42, "{}", ticks.len());
}

#[tokio::test(start_paused = true)]
async fn events_are_kept_for_as_long_as_they_are_wanted() {
    let world = Here::new();
    let host = Host::start(&world, &["time.one-second.passed"]);
    pass(3).await;
    host.wanted.send_replace(wanted(&["time.one-second.passed", "time.2-seconds.passed"]));
    pass(4).await;
    host.wanted.send_replace(wanted(&["time.2-seconds.passed"]));
    pass(5).await;
    assert_eq!(host.clock.reports().len(), 1);
    host.stop().await;
    let first = world.ticks("time.one-second.passed");
    assert!(first.len() >= 6 && *first.last().expect("some") <= 8, "{first:?}");
    assert!(world.ticks("time.2-seconds.passed").len() >= 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_can_be_fired_by_hand_and_nothing_else() {
    let world = Here::new();
    let host = Host::start(&world, &["time.one-year.passed"]);
    pass(1).await;
    let fired = host.clock.fire(&"time.one-year.passed".parse().expect("legal")).await.expect("kept");
    assert_eq!(world.shared.lock().expect("nobody panicked").published[0].1, fired.id);
    let unknown = host.clock.fire(&"time.one-day.passed".parse().expect("legal")).await.expect_err("not kept");
    assert!(matches!(unknown, NotFired::Unknown { .. }));
    assert!(unknown.to_string().contains("there are time.one-year.passed"), "{unknown}");
    host.stop().await;
}
