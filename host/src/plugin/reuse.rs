//! Instances that take more than one delivery, for a plugin whose operator wants it.
//!
//! An instance serves one version of one plugin, one delivery at a time, and ends after any call that did not end well.
//! What the host gives it, the clock, the randomness, the output, the budget and the receipt, is each delivery's own. What
//! the plugin keeps in its own memory is not: so long as an instance lives, deliveries are pure only as far as the plugin
//! keeps no state.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::instance::Room;
use super::sandbox::Sandbox;

/// When an instance takes another delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reuse {
    /// After so many deliveries it ends.
    pub calls: u32,
    /// With more bytes of memory than this it ends.
    pub memory: u64,
    /// It ends once it has waited so long for a delivery.
    pub idle: Duration,
}

/// The instances of one version that wait for a delivery. They end with it.
pub(super) struct Waiting {
    reuse: Reuse,
    rooms: Mutex<Rooms>,
}

#[derive(Default)]
struct Rooms {
    /// The one that waits for longest is the first.
    waiting: Vec<Kept>,
    /// Whether somebody ends those that have waited too long.
    is_swept: bool,
}

/// An instance that may take another delivery, with its place among those that are kept.
pub(super) struct Kept {
    room: Room,
    since: Instant,
    _place: OwnedSemaphorePermit,
}

impl Waiting {
    pub(super) fn new(reuse: Reuse) -> Arc<Self> {
        Arc::new(Self { reuse, rooms: Mutex::default() })
    }

    /// An instance for a delivery: the one that waits for the shortest time, so that those too many end.
    pub(super) fn take(&self) -> Option<Room> {
        self.rooms().waiting.pop().map(|kept| kept.room)
    }

    /// Keeps an instance from ending, if it may take another delivery and there is a place.
    pub(super) fn keep(&self, room: Room, sandbox: &Sandbox) -> Option<Kept> {
        let Reuse { calls, memory, .. } = self.reuse;
        let may_go_on = room.calls() < u64::from(calls) && room.memory() <= memory && !room.was_refused_memory();
        let place = may_go_on.then(|| sandbox.place_kept()).flatten()?;
        Some(Kept { room, since: Instant::now(), _place: place })
    }

    /// Lets an instance wait for its next delivery.
    pub(super) fn put(self: &Arc<Self>, kept: Kept) {
        let mut rooms = self.rooms();
        rooms.waiting.push(Kept { since: Instant::now(), ..kept });
        if !std::mem::replace(&mut rooms.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self), self.reuse.idle));
        }
    }

    /// Ends what has waited too long. Returns when to look again, if anything waits still.
    fn end_idle(&self) -> Option<Instant> {
        let idle = self.reuse.idle;
        let mut rooms = self.rooms();
        let young = rooms.waiting.partition_point(|kept| kept.since.elapsed() >= idle);
        let old: Vec<_> = rooms.waiting.drain(..young).collect();
        let next = rooms.waiting.first().map(|kept| kept.since + idle);
        rooms.is_swept = next.is_some();
        // To end an instance takes a moment, in which others must not wait.
        drop(rooms);
        drop(old);
        next
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        // Nothing panics while it is held, so what a poisoned lock guards is still whole.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends instances that have waited too long, until none waits.
async fn sweep(waiting: Weak<Waiting>, idle: Duration) {
    let mut next = Some(Instant::now() + idle);
    while let Some(moment) = next {
        tokio::time::sleep_until(moment).await;
        next = waiting.upgrade().and_then(|waiting| waiting.end_idle());
    }
}
