//! Keeps one event: waits until this host is the one to announce it, and then announces each tick as it is due.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio_util::sync::CancellationToken;

use super::Timekeeping;
use super::announcement;
use super::timekeeper::{Anew, Record, Tick, Timekeeper};
use super::world::{Kept, World};
use crate::broker::{BrokerError, PublishError};
use crate::message::Timestamp;
use crate::name::EventName;

/// The longest without a look at the clock, so that it is seen when it was set.
const LOOK: Duration = Duration::from_secs(30);
/// The wait before the broker is asked again, and the longest that it comes to.
const AGAIN: Duration = Duration::from_millis(250);
const AGAIN_MAXIMUM: Duration = Duration::from_secs(10);
/// The most ticks that are published at one time.
const BATCH: usize = 256;

/// How the keeping of an event stands on this host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is this host that announces it.
    pub keeps: bool,
    /// The last tick that was announced, as far as this host knows.
    pub last: Option<Timestamp>,
}

/// Where others look.
pub type Shown = Arc<Mutex<Standing>>;

/// One event that is kept until `stop`.
pub struct Keeping {
    pub world: Arc<dyn World>,
    pub event: EventName,
    pub timekeeping: Timekeeping,
    pub shown: Shown,
}

/// Why an event is no longer kept.
enum End {
    Stopped,
    /// It may be another host's by now.
    Lost(String),
}

impl Keeping {
    /// Keeps the event until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut again = AGAIN;
        loop {
            let Some(kept) = stop.run_until_cancelled(self.world.keep(&self.event)).await else { return };
            let reason = match kept {
                Ok(kept) => {
                    again = AGAIN;
                    let end = self.announce_until(kept, &stop).await;
                    self.show(|standing| standing.keeps = false);
                    match end {
                        End::Stopped => return,
                        End::Lost(reason) => reason,
                    }
                }
                Err(error) => error.to_string(),
            };
            tracing::debug!(event = %self.event, "it is not kept here, and tried again: {reason}");
            if stop.run_until_cancelled(tokio::time::sleep(again)).await.is_none() {
                return;
            }
            again = (again * 2).min(AGAIN_MAXIMUM);
        }
    }

    async fn announce_until(&self, kept: Box<dyn Kept>, stop: &CancellationToken) -> End {
        let mut kept = kept;
        let Timekeeping { schedule, missed, .. } = self.timekeeping.clone();
        let record = kept.record();
        let (mut timekeeper, anew) = Timekeeper::resume(schedule, missed, record, self.world.now());
        let record = timekeeper.record().clone();
        self.show(|standing| *standing = Standing { keeps: true, last: record.tick });
        if let Some(anew) = anew
            && let Err(error) = self.begin_anew(&mut *kept, record, &anew).await
        {
            return End::Lost(error.to_string());
        }
        while !stop.is_cancelled() {
            match self.announce_due(&mut *kept, &mut timekeeper, stop).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(reason) => return End::Lost(reason),
            }
            let now = self.world.now();
            let wait = timekeeper.next(now).map_or(LOOK, |next| until(now, next).min(LOOK));
            tokio::select! {
                () = stop.cancelled() => break,
                () = kept.lost() => return End::Lost("the connection was lost".into()),
                () = tokio::time::sleep(wait) => {}
            }
        }
        End::Stopped
    }

    /// Announces what is due. `Ok(false)` means that it was stopped, and an error that the event may be another host's.
    async fn announce_due(
        &self,
        kept: &mut dyn Kept,
        timekeeper: &mut Timekeeper,
        stop: &CancellationToken,
    ) -> Result<bool, String> {
        let due = timekeeper.advance(self.world.now());
        if let Some(anew) = due.anew {
            let record = timekeeper.record().clone();
            self.begin_anew(kept, record, &anew).await.map_err(|error| error.to_string())?;
        }
        if due.dropped > 0 {
            tracing::warn!(event = %self.event, "{} ticks were missed and are too many to be announced", due.dropped);
        }
        for ticks in due.ticks.chunks(BATCH) {
            if !self.publish(kept, timekeeper, ticks, stop).await? {
                return Ok(false);
            }
            let Some(last) = ticks.last() else { continue };
            // Published first and written then: a crash, or a stop, in between announces them again, under the same ids.
            let written = kept.write(timekeeper.record_of(*last));
            let Some(written) = stop.run_until_cancelled(written).await else { return Ok(false) };
            written.map_err(|error: BrokerError| error.to_string())?;
            self.show(|standing| standing.last = Some(last.time));
        }
        Ok(true)
    }

    /// Publishes until the broker holds them, or this host no longer keeps the event. `Ok(false)` means that it was
    /// stopped.
    async fn publish(
        &self,
        kept: &mut dyn Kept,
        timekeeper: &Timekeeper,
        ticks: &[Tick],
        stop: &CancellationToken,
    ) -> Result<bool, String> {
        let mut again = AGAIN;
        loop {
            let announcement = |tick: &Tick| announcement::of_tick(&self.event, timekeeper.schedule(), *tick);
            let batch: Vec<_> = ticks.iter().map(announcement).collect();
            let published = stop.run_until_cancelled(self.world.announce(batch)).await;
            let Some(published): Option<Result<(), PublishError>> = published else { return Ok(false) };
            let Err(error) = published else { return Ok(true) };
            tracing::warn!(event = %self.event, "it could not be announced, and is tried again: {error}");
            let wait = std::pin::pin!(tokio::time::sleep(again));
            match stop.run_until_cancelled(select(kept.lost(), wait)).await {
                None => return Ok(false),
                Some(Either::Left(_)) => return Err("the connection was lost".into()),
                Some(Either::Right(_)) => again = (again * 2).min(AGAIN_MAXIMUM),
            }
        }
    }

    async fn begin_anew(&self, kept: &mut dyn Kept, record: Record, anew: &Anew) -> Result<(), BrokerError> {
        match anew {
            Anew::First => tracing::debug!(event = %self.event, "kept for the first time"),
            Anew::OtherSchedule(_) => tracing::info!(event = %self.event, "its ticks begin anew with the next: {anew}"),
            Anew::ClockWentBack(_) => tracing::warn!(event = %self.event, "its ticks begin anew with the next: {anew}"),
        }
        kept.write(record).await
    }

    fn show(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::from_millis(then.millis().saturating_sub(now.millis()))
}
