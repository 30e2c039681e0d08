//! Time itself is an event: announces that time has passed, to whoever subscribes.
//!
//! When something is due, `schedule` says. `timekeeper` is the machine that is told the time and says what to announce,
//! `announcement` makes a message of a tick, `keep` drives both for one event, `world` is what that needs of a broker,
//! and the [`Clock`] keeps the events that are wanted.
//!
//! However many hosts run, the broker lets one of them keep an event. It publishes a tick and then writes that it did, so
//! a tick may be announced twice, but always as the same message: by its id it is known as a duplicate.

mod announcement;
mod keep;
pub mod later;
mod timekeeper;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use announcement::SOURCE;
pub use timekeeper::{Anew, Due, Record, Tick, Timekeeper};
pub use world::{BrokerWorld, Kept, World};

use crate::broker::PublishError;
use crate::message::{MessageId, Tid, Timestamp};
use crate::name::EventName;
use crate::schedule::{Missed, Schedule};
use keep::{Keeping, Shown, Standing};

/// How an event's time is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Timekeeping {
    pub schedule: Schedule,
    pub missed: Missed,
    /// For people: the plugins that subscribe to it or declare it, and `configuration`.
    pub wanted_by: BTreeSet<String>,
}

/// The events that are to be kept.
pub type Timekeepings = BTreeMap<EventName, Timekeeping>;

/// Keeps events for as long as they are wanted.
pub struct Clock {
    world: Arc<dyn World>,
    kept: Mutex<BTreeMap<EventName, Entry>>,
}

/// One event that is wanted.
struct Entry {
    timekeeping: Timekeeping,
    shown: Shown,
    stop: CancellationToken,
}

/// What is known here of one event's time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub event: EventName,
    pub schedule: Schedule,
    pub zone: String,
    pub missed: Missed,
    #[serde(rename = "next_ms")]
    pub next: Option<Timestamp>,
    /// The last tick that was announced, as far as this host knows.
    #[serde(rename = "last_ms")]
    pub last: Option<Timestamp>,
    /// Whether it is this host that announces it.
    pub keeps: bool,
    pub wanted_by: BTreeSet<String>,
}

/// Under which ids an event was announced by hand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fired {
    pub event: EventName,
    pub id: MessageId,
    pub tid: Tid,
}

/// Why an event was not announced by hand.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotFired {
    #[error("no clock here keeps `{event}`; {}", kept_here(.kept))]
    Unknown { event: EventName, kept: Vec<EventName> },
    #[error(transparent)]
    Publish(#[from] PublishError),
}

fn kept_here(kept: &[EventName]) -> String {
    match kept {
        [] => "there are none: let a plugin subscribe to it, or configure it".into(),
        kept => format!("there are {}", kept.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

impl Clock {
    pub fn new(world: Arc<dyn World>) -> Self {
        Self { world, kept: Mutex::default() }
    }

    /// Keeps what is wanted until `stop`. Events that stay wanted as they were go on.
    pub async fn run(&self, mut wanted: watch::Receiver<Timekeepings>, stop: CancellationToken) {
        let keeping = TaskTracker::new();
        while !stop.is_cancelled() {
            let now_wanted = wanted.borrow_and_update().clone();
            self.follow(now_wanted, &keeping, &stop);
            tokio::select! {
                () = stop.cancelled() => break,
                changed = wanted.changed() => if changed.is_err() { stop.cancelled().await },
            }
        }
        keeping.close();
        keeping.wait().await;
        self.lock().clear();
    }

    fn follow(&self, wanted: Timekeepings, keeping: &TaskTracker, stop: &CancellationToken) {
        let mut kept = self.lock();
        kept.retain(|event, entry| {
            let same = wanted.get(event).is_some_and(|wanted| {
                wanted.schedule == entry.timekeeping.schedule && wanted.missed == entry.timekeeping.missed
            });
            if !same {
                entry.stop.cancel();
            }
            same
        });
        for (event, timekeeping) in wanted {
            if let Some(entry) = kept.get_mut(&event) {
                entry.timekeeping = timekeeping;
                continue;
            }
            let (shown, stop) = (Shown::default(), stop.child_token());
            let one = Keeping {
                world: self.world.clone(),
                event: event.clone(),
                timekeeping: timekeeping.clone(),
                shown: shown.clone(),
            };
            keeping.spawn(one.run(stop.clone()));
            kept.insert(event, Entry { timekeeping, shown, stop });
        }
    }

    /// What is kept, by event.
    pub fn reports(&self) -> Vec<Report> {
        let now = self.world.now();
        let report = |(event, entry): (&EventName, &Entry)| {
            let Timekeeping { schedule, missed, wanted_by } = entry.timekeeping.clone();
            let Standing { keeps, last } = *entry.shown.lock().unwrap_or_else(PoisonError::into_inner);
            let (zone, next) = (schedule.zone().to_string(), schedule.next_after(now));
            Report { event: event.clone(), schedule, zone, missed, next, last, keeps, wanted_by }
        };
        self.lock().iter().map(report).collect()
    }

    /// Announces an event that is kept, now and by hand.
    pub async fn fire(&self, event: &EventName) -> Result<Fired, NotFired> {
        let outgoing = {
            let kept = self.lock();
            let unknown = || NotFired::Unknown { event: event.clone(), kept: kept.keys().cloned().collect() };
            let entry = kept.get(event).ok_or_else(unknown)?;
            announcement::by_hand(event, &entry.timekeeping.schedule, self.world.now())
        };
        let (id, tid) = (outgoing.message.id.clone(), outgoing.message.tid.clone());
        self.world.announce(vec![outgoing]).await?;
        Ok(Fired { event: event.clone(), id, tid })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<EventName, Entry>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
