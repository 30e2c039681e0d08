//! What is due of one event: a machine that is told the time and says which ticks are to be announced.

use serde::{Deserialize, Serialize};

use crate::message::Timestamp;
use crate::schedule::{Missed, Schedule};

/// How late a tick may be and not be missed: time for another host to take over, or a broker to come back.
const LATE: u64 = 60 * 1000;
/// How far the clock may go back before it is held to have been wrong until then.
const BACK: u64 = 24 * 60 * 60 * 1000;
/// The most missed ticks that are announced one by one.
const MOST: u64 = 10_000;

/// One tick that is to be announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    pub time: Timestamp,
    /// How many before it, and after the last that was announced, never will be.
    pub missed: u64,
}

/// What is kept durably of an event: how far its ticks are dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// By which schedule, as text. Those of another are none of its own.
    pub schedule: String,
    /// Every tick until then is dealt with.
    #[serde(rename = "until_ms")]
    pub until: Timestamp,
    /// The last that was announced.
    #[serde(rename = "tick_ms")]
    pub tick: Option<Timestamp>,
}

/// Why a timekeeper begins anew, as if nothing had been due before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Anew {
    #[error("it is kept for the first time")]
    First,
    #[error("its schedule was {0}")]
    OtherSchedule(String),
    #[error("the clock went back by {0} ms, so it was wrong before, or is now")]
    ClockWentBack(u64),
}

/// What came of telling a timekeeper the time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Oldest first.
    pub ticks: Vec<Tick>,
    /// How many more were missed than are announced.
    pub dropped: u64,
    /// Where it begins anew, the record has to be written now.
    pub anew: Option<Anew>,
}

/// Keeps the time of one event.
#[derive(Debug)]
pub struct Timekeeper {
    schedule: Schedule,
    policy: Missed,
    record: Record,
    /// Missed ticks that the next one tells of.
    owed: u64,
}

impl Timekeeper {
    /// Goes on where a record ends; it begins anew where there is none, or one of another schedule.
    pub fn resume(schedule: Schedule, policy: Missed, record: Option<Record>, now: Timestamp) -> (Self, Option<Anew>) {
        let text = identity(&schedule);
        let (record, anew) = match record {
            Some(record) if record.schedule == text => (record, None),
            Some(record) => {
                (Record { until: now, schedule: text, ..record.clone() }, Some(Anew::OtherSchedule(record.schedule)))
            }
            None => (Record { schedule: text, until: now, tick: None }, Some(Anew::First)),
        };
        (Self { schedule, policy, record, owed: 0 }, anew)
    }

    /// What is due by now. What it gave once it does not give again.
    pub fn advance(&mut self, now: Timestamp) -> Due {
        let until = self.record.until;
        let back = until.millis().saturating_sub(now.millis());
        if back > BACK {
            (self.record.until, self.owed) = (now, 0);
            return Due { anew: Some(Anew::ClockWentBack(back)), ..Due::default() };
        }
        let Some(first) = self.schedule.next_after(until).filter(|tick| *tick <= now) else { return Due::default() };
        let late = Timestamp::from_millis(now.millis().saturating_sub(LATE));
        let mut due = Due::default();
        let mut after = until;
        if first < late {
            // `late` itself is not too late.
            let missed_until = Timestamp::from_millis(late.millis() - 1);
            self.miss(until, missed_until, &mut due);
            after = missed_until.max(until);
        }
        let owed = std::mem::take(&mut self.owed);
        let punctual = self.schedule.ticks(after, now).map(|time| Tick { time, missed: 0 });
        let before = due.ticks.len();
        due.ticks.extend(punctual);
        match due.ticks.get_mut(before) {
            Some(tick) => tick.missed += owed,
            None => self.owed = owed,
        }
        if let Some(last) = due.ticks.last() {
            (self.record.until, self.record.tick) = (last.time, Some(last.time));
        }
        due
    }

    /// Deals with what was missed as the policy says.
    fn miss(&mut self, after: Timestamp, until: Timestamp, due: &mut Due) {
        let Some(newest) = self.schedule.newest(after, until) else { return };
        match self.policy {
            Missed::Skip => {
                self.owed += self.schedule.count(after, newest);
                self.record.until = newest;
            }
            Missed::Once => {
                let missed = self.schedule.count(after, newest).saturating_sub(1);
                due.ticks.push(Tick { time: newest, missed });
            }
            Missed::All => {
                let kept = self.newest_ticks(after, newest);
                let before = kept.first().map(|first| Timestamp::from_millis(first.millis() - 1));
                due.dropped = before.map_or(0, |before| self.schedule.count(after, before));
                due.ticks.extend(kept.into_iter().map(|time| Tick { time, missed: 0 }));
                if let Some(first) = due.ticks.first_mut() {
                    first.missed = due.dropped;
                }
            }
        }
    }

    /// At most [`MOST`] ticks, those nearest to the newest.
    fn newest_ticks(&self, after: Timestamp, newest: Timestamp) -> Vec<Timestamp> {
        // Doubled until it holds enough, so that of a long time not every tick is looked at.
        let mut window = 1000;
        let begin = loop {
            let begin = Timestamp::from_millis(newest.millis().saturating_sub(window)).max(after);
            if begin == after || self.schedule.count_to(MOST, begin, newest) == MOST {
                break begin;
            }
            window *= 2;
        };
        let mut ticks: std::collections::VecDeque<_> = std::collections::VecDeque::new();
        for tick in self.schedule.ticks(begin, newest) {
            if ticks.len() as u64 == MOST {
                ticks.pop_front();
            }
            ticks.push_back(tick);
        }
        ticks.into()
    }

    /// The next tick after now that it will announce.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.schedule.next_after(self.record.until.max(now))
    }

    /// What is to be kept once a tick that it gave is announced.
    pub fn record_of(&self, tick: Tick) -> Record {
        Record { schedule: self.record.schedule.clone(), until: tick.time, tick: Some(tick.time) }
    }

    /// What is to be kept once everything that it gave is announced.
    pub fn record(&self) -> &Record {
        &self.record
    }

    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }
}

/// What makes a schedule the same as another.
fn identity(schedule: &Schedule) -> String {
    format!("{schedule} ({})", schedule.zone())
}
