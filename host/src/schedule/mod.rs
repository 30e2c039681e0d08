//! When timekeeping events are due: pure rules on the clock and the calendar.
//!
//! `number` reads numbers in words, `period` names such as `time.five-minutes.passed`, `zone` is where clocks show what,
//! `rhythm` counts what comes again after a length of time, and a [`Schedule`] is any rule of when something is due.

mod missed;
mod number;
mod period;
mod rhythm;
mod zone;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use jiff::civil::DateTime;
use serde::{Serialize, Serializer};

pub use missed::Missed;
pub use period::{NotAPeriod, Period, Unit};
pub use zone::{UnknownZone, Zone};

use crate::message::Timestamp;
use rhythm::Rhythm;

/// The most ticks that are counted one by one.
pub const COUNTED: u64 = 100_000;

/// Why there is no such schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error(
        "{expression:?} is not a cron expression: {reason}; use five fields such as \"30 8 * * MON-FRI\", or six, the first of which are seconds"
    )]
    Cron { expression: String, reason: String },
    #[error("the cron expression {0:?} never fits any day")]
    Never(String),
    #[error("an interval is a whole number of seconds, from 1s to 100 years, such as \"90m\"")]
    Interval,
    #[error("the offset is a whole number of seconds, less than the interval")]
    Offset,
    #[error(
        "{0:?} is not a moment: use one such as \"2030-01-31T08:00:00Z\", or \"2030-01-31T08:00\" for the clocks of the zone"
    )]
    Moment(String),
    #[error("{0:?} is before 1970")]
    TooEarly(String),
}

/// A rule of when something is due.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    rule: Rule,
    zone: Zone,
}

#[derive(Debug, Clone, PartialEq)]
enum Rule {
    Period(Period),
    Cron { cron: Box<Cron>, expression: String },
    Every { interval: Duration, offset: Duration },
    At(Timestamp),
}

impl Schedule {
    /// Each time that a period has passed, on the clocks of a zone: see [`Period`].
    pub fn period(period: Period, zone: Zone) -> Self {
        Self { rule: Rule::Period(period), zone }
    }

    /// Whenever a cron expression fits the clocks of a zone. Where these are set forward over a moment that is fixed in
    /// hours and minutes, it is due as they have been; where they are set back, once. What comes again within the hour
    /// follows the clocks.
    pub fn cron(expression: &str, zone: Zone) -> Result<Self, ScheduleError> {
        let refused = |reason: croner::errors::CronError| ScheduleError::Cron {
            expression: expression.into(),
            reason: reason.to_string(),
        };
        let cron = Box::new(Cron::from_str(expression).map_err(refused)?);
        let schedule = Self { rule: Rule::Cron { cron, expression: expression.trim().into() }, zone };
        match schedule.next_after(Timestamp::from_millis(0)) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never(expression.into())),
        }
    }

    /// Each time that an interval has passed, counted from its offset after 1970-01-01T00:00 on the clocks of a zone, as
    /// periods are.
    pub fn every(interval: Duration, offset: Duration, zone: Zone) -> Result<Self, ScheduleError> {
        let whole = |duration: Duration| duration.subsec_nanos() == 0;
        let longest = Duration::from_secs(Unit::Second.most().into());
        if !whole(interval) || interval.is_zero() || interval > longest {
            return Err(ScheduleError::Interval);
        }
        if !whole(offset) || offset >= interval {
            return Err(ScheduleError::Offset);
        }
        Ok(Self { rule: Rule::Every { interval, offset }, zone })
    }

    /// Once, at a moment of RFC 3339, or at one without an offset on the clocks of a zone.
    pub fn at(text: &str, zone: Zone) -> Result<Self, ScheduleError> {
        let moment = match (text.parse::<jiff::Timestamp>(), text.parse::<DateTime>()) {
            (Ok(moment), _) => Some(moment.as_millisecond()),
            (_, Ok(civil)) => zone.moment(civil),
            _ => return Err(ScheduleError::Moment(text.into())),
        };
        let moment = moment.and_then(|millis| u64::try_from(millis).ok());
        let moment = moment.ok_or_else(|| ScheduleError::TooEarly(text.into()))?;
        Ok(Self::moment(Timestamp::from_millis(moment), zone))
    }

    /// Once, at a moment that the clocks of a zone show.
    pub fn moment(moment: Timestamp, zone: Zone) -> Self {
        Self { rule: Rule::At(moment), zone }
    }

    /// The zone whose clocks it goes by.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The same rule by the clocks of another zone. A moment stays the moment that it is.
    pub fn within(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    /// The first tick after a moment; `None` if there is none before the year 10000.
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let after = i64::try_from(moment.millis()).ok()?;
        let next = match &self.rule {
            Rule::Period(period) => Rhythm::of(*period).next_after(after, &self.zone)?,
            Rule::Every { interval, offset } => {
                Rhythm::seconds(interval.as_secs(), offset.as_secs()).next_after(after, &self.zone)?
            }
            Rule::Cron { cron, .. } => {
                let after = self.zone.zoned(after)?;
                let next = cron.find_next_occurrence(&after, false).ok()?;
                next.timestamp().as_millisecond()
            }
            Rule::At(at) => return Some(*at).filter(|at| *at > moment),
        };
        u64::try_from(next).ok().map(Timestamp::from_millis)
    }

    /// How many ticks there are after a moment and up to another. Those of cron expressions are counted up to
    /// [`COUNTED`].
    pub fn count(&self, after: Timestamp, until: Timestamp) -> u64 {
        let rhythm = match &self.rule {
            Rule::Period(period) => Rhythm::of(*period),
            Rule::Every { interval, offset } => Rhythm::seconds(interval.as_secs(), offset.as_secs()),
            Rule::Cron { .. } | Rule::At(_) => return self.count_to(COUNTED, after, until),
        };
        let millis = |moment: Timestamp| i64::try_from(moment.millis()).unwrap_or(i64::MAX);
        rhythm.count(millis(after), millis(until), &self.zone).unwrap_or_else(|| self.count_to(u64::MAX, after, until))
    }

    /// The same, but at most so many, which are counted one by one.
    pub fn count_to(&self, most: u64, after: Timestamp, until: Timestamp) -> u64 {
        self.ticks(after, until).zip(0..most).count() as u64
    }

    /// The ticks after a moment and up to another.
    pub fn ticks(&self, after: Timestamp, until: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(after), |tick| self.next_after(*tick))
            .take_while(move |tick| *tick <= until)
    }

    /// The last tick after a moment and up to another. Looks at few of them, however many there are.
    pub fn newest(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let within = |moment: u64| self.next_after(Timestamp::from_millis(moment)).filter(|tick| *tick <= until);
        let mut newest = within(after.millis())?;
        let (mut low, mut high) = (newest.millis(), until.millis());
        // None is after `high`, and `newest` is the first at or after `low`.
        while low < high {
            let middle = low + (high - low) / 2;
            match within(middle) {
                Some(tick) => (newest, low) = (tick, tick.millis()),
                None => high = middle,
            }
        }
        Some(newest)
    }

    /// The length of time between its ticks by ISO 8601, its cron expression, or `once`.
    pub fn period_text(&self) -> String {
        match &self.rule {
            Rule::Period(period) => period.iso_8601(),
            Rule::Every { interval, .. } => format!("PT{}S", interval.as_secs()),
            Rule::Cron { expression, .. } => expression.clone(),
            Rule::At(_) => "once".into(),
        }
    }

    /// A moment as its clocks show it, in RFC 3339.
    pub fn shown(&self, moment: Timestamp) -> String {
        self.zone.shown(moment)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let long = |duration: &Duration| humantime::format_duration(*duration);
        match &self.rule {
            Rule::Period(period) => write!(f, "every {period}"),
            Rule::Cron { expression, .. } => write!(f, "cron {expression}"),
            Rule::Every { interval, offset } if offset.is_zero() => write!(f, "every {}", long(interval)),
            Rule::Every { interval, offset } => write!(f, "every {} from {}", long(interval), long(offset)),
            Rule::At(at) => write!(f, "at {}", self.shown(*at)),
        }
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
