//! The deck that the faults are drawn from: what can go wrong, and how often in comparison.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::frames::Step;
use crate::proxy::{Cut, Point};
use crate::scenario::{CONTROL_QUEUE, CONTROL_TASK};

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// The host dies.
    Kill,
    /// The host dies at a step of a delivery.
    KillAt(Point),
    /// The host dies while it starts.
    KillStarting,
    /// The host is stopped in order, and started again.
    Stop,
    /// Every connection of the host's ends.
    Cut(Cut),
    /// A connection ends at a step of a delivery.
    CutAt(Point, Cut),
    /// Nothing passes for a while.
    BlackHole,
    /// A confirm arrives as its opposite.
    Refuse,
    /// The broker ends a channel, of those on which this is sent.
    ChannelError(Step),
    /// RabbitMQ's management closes every connection.
    CloseConnections,
    BrokerStop,
    BrokerKill,
    /// RabbitMQ takes nothing for a while.
    MemoryAlarm,
    /// A queue that is empty is deleted.
    DeleteQueue(&'static str),
    /// An operator pauses a plugin for a while.
    Pause(&'static str),
    /// An operator trips the breaker of a puppet's subscription, and resets it after a while.
    Trip(&'static str),
}

const STEPS: [Step; 5] = [Step::Deliver, Step::Publish, Step::Published, Step::Confirm, Step::Acknowledge];

fn points() -> impl Iterator<Item = Point> {
    // Before the last frame of a message is in the middle of it.
    STEPS.into_iter().flat_map(|step| [false, true].map(|after| Point { step, after }))
}

impl Fault {
    /// What to call it in the figures.
    pub fn name(self) -> String {
        let place = |Point { step, after }: Point| {
            format!("{} {}", if after { "after" } else { "before" }, format!("{step:?}").to_lowercase())
        };
        match self {
            Self::Kill => "kill".into(),
            Self::KillAt(point) => format!("kill {}", place(point)),
            Self::KillStarting => "kill while starting".into(),
            Self::Stop => "stop".into(),
            Self::Cut(cut) => format!("{cut:?}").to_lowercase(),
            Self::CutAt(point, cut) => format!("{} {}", format!("{cut:?}").to_lowercase(), place(point)),
            Self::BlackHole => "black hole".into(),
            Self::Refuse => "confirm is a nack".into(),
            Self::ChannelError(Step::Published) => "channel error of the publisher".into(),
            Self::ChannelError(_) => "channel error of a consumer".into(),
            Self::CloseConnections => "connections closed".into(),
            Self::BrokerStop => "broker stop".into(),
            Self::BrokerKill => "broker kill".into(),
            Self::MemoryAlarm => "memory alarm".into(),
            Self::DeleteQueue(_) => "queue deleted".into(),
            Self::Pause(_) => "plugin paused".into(),
            Self::Trip(_) => "breaker tripped".into(),
        }
    }
}

/// What can go wrong with the embedded broker.
pub fn on_embedded() -> Vec<Fault> {
    [Fault::Kill; 6].into_iter().chain([Fault::KillStarting; 2]).chain([Fault::Stop; 2]).collect()
}

/// What can go wrong with RabbitMQ: what takes long is in it once.
pub fn on_rabbitmq() -> Vec<Fault> {
    let at = points().flat_map(|point| {
        let cut = if point.after { Cut::Reset } else { Cut::Fin };
        [Fault::KillAt(point), Fault::KillAt(point), Fault::CutAt(point, cut)]
    });
    let others = [
        Fault::Kill,
        Fault::KillStarting,
        Fault::Stop,
        Fault::Stop,
        Fault::Cut(Cut::Fin),
        Fault::Cut(Cut::Reset),
        Fault::BlackHole,
        Fault::Refuse,
        Fault::Refuse,
        Fault::Refuse,
        Fault::ChannelError(Step::Published),
        Fault::ChannelError(Step::Acknowledge),
        Fault::CloseConnections,
        Fault::BrokerStop,
        Fault::BrokerKill,
        Fault::MemoryAlarm,
        Fault::DeleteQueue(CONTROL_QUEUE),
        Fault::DeleteQueue(CONTROL_TASK),
    ];
    at.chain(others).collect()
}

/// What an operator may do, as far as `leveret` has the commands.
pub fn of_operators(known: impl Fn(&[&str]) -> bool) -> Vec<Fault> {
    let pauses = ["healthy", "keyed"].map(Fault::Pause).into_iter().filter(|_| known(&["plugin", "pause"]));
    let trips = ["slow", "failing"].map(Fault::Trip).into_iter().filter(|_| known(&["breaker", "trip"]));
    pauses.chain(trips).collect()
}

/// How many faults there were, by kind.
#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<String, u64>>);

impl Tally {
    pub fn count(&self, kind: &str) {
        *self.kinds().entry(kind.to_owned()).or_default() += 1;
    }

    pub fn by_kind(&self) -> BTreeMap<String, u64> {
        self.kinds().clone()
    }

    pub fn total(&self) -> u64 {
        self.kinds().values().sum()
    }

    fn kinds(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
