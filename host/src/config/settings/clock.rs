//! Which timekeeping events there are, and when they are due.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::clock::{Cron, Moment, TimeEvent, Zone};
use crate::config::key::EventKey;
use crate::config::value::Time;
use crate::name::EventName;
use crate::schedule::{Missed, Period, Schedule, ScheduleError};

/// Which events say that time has passed. Announced is every `time.<number>-<unit>.passed` that a plugin here subscribes
/// to, such as `time.five-minutes.passed`, and what is named here. However many hosts run on one RabbitMQ, each tick is
/// announced once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Clock {
    /// The time zone whose clocks say when a day, a week or an hour begins.
    pub zone: Zone,
    /// What becomes of ticks that were due more than a minute before any host could announce them: `skip`, and the next
    /// tick tells how many there were; `once`, the newest is announced; or `all`, oldest first, at most 10,000.
    pub missed: Missed,
    /// Events `time.<number>-<unit>.passed` that are announced for other services, although no plugin here subscribes to
    /// them.
    pub events: Vec<TimeEvent>,
    /// Events of any other name, and those of time with a zone or policy of their own. They are announced whether a plugin
    /// here subscribes to them or not.
    pub event: BTreeMap<EventKey, ClockEvent>,
}

/// One event, and when it is due: exactly one of `cron`, `every`, `at` and `same-as`, and none where its name says it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ClockEvent {
    /// A cron expression: minute, hour, day, month and weekday, and seconds before them where there are six.
    pub cron: Option<Cron>,
    /// An interval in whole seconds, counted from 1970-01-01T00:00 on the clocks of the zone: `6h` is due at 0, 6, 12 and
    /// 18 o'clock.
    pub every: Option<Time>,
    /// How much later it is due than that.
    pub offset: Option<Time>,
    /// The one moment at which it is due: `2030-01-31T08:00:00Z`, or `2030-01-31T08:00` on the clocks of the zone.
    pub at: Option<Moment>,
    /// Another event, by whose schedule it is due.
    pub same_as: Option<EventKey>,
    /// See `clock.zone`.
    pub zone: Option<Zone>,
    /// See `clock.missed`.
    pub missed: Option<Missed>,
}

/// Why an event has no schedule. Each names the key of its table that is wrong, if one is.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unscheduled {
    #[error("must have exactly one of `cron`, `every`, `at` and `same-as`")]
    NotOne,
    #[error("must have none of `cron`, `every`, `at` and `same-as`: its name says when it is due")]
    Named,
    #[error("must have `every` beside `offset`")]
    Offset,
    #[error("must have no `zone` beside `same-as`: it has the other's")]
    Zone,
    #[error(
        "is the same as `{0}`, which has no schedule of its own: name one that has, or `time.<number>-<unit>.passed`"
    )]
    SameAs(EventName),
    #[error("cannot be due: {0}")]
    Schedule(#[from] ScheduleError),
    #[error("is not in `clock.event`, and its name does not say when it is due")]
    Unknown,
}

impl Unscheduled {
    /// The key of the event's table that is wrong, if it is there.
    pub(in crate::config) fn key(&self) -> &'static str {
        match self {
            Self::NotOne | Self::Named | Self::Unknown => "",
            Self::Offset | Self::Schedule(ScheduleError::Offset) => "offset",
            Self::Zone => "zone",
            Self::SameAs(_) => "same-as",
            Self::Schedule(ScheduleError::Interval) => "every",
            Self::Schedule(ScheduleError::Cron { .. } | ScheduleError::Never(_)) => "cron",
            Self::Schedule(ScheduleError::Moment(_) | ScheduleError::TooEarly(_)) => "at",
        }
    }
}

impl Clock {
    /// When an event is due, by its table or its name.
    pub fn schedule(&self, event: &EventName) -> Result<Schedule, Unscheduled> {
        let own = self.event.get(&EventKey::from(event.clone()));
        let zone = own.and_then(|own| own.zone.as_ref()).unwrap_or(&self.zone).get().clone();
        let named = Period::read(event).and_then(Result::ok);
        match (own, named) {
            (Some(own), Some(_)) if own.rules() > 0 => Err(Unscheduled::Named),
            (Some(own), None) => self.own(own, zone),
            (_, Some(period)) => Ok(Schedule::period(period, zone)),
            (None, None) => Err(Unscheduled::Unknown),
        }
    }

    fn own(&self, own: &ClockEvent, zone: crate::schedule::Zone) -> Result<Schedule, Unscheduled> {
        if own.rules() != 1 {
            return Err(Unscheduled::NotOne);
        }
        if own.offset.is_some() && own.every.is_none() {
            return Err(Unscheduled::Offset);
        }
        if let Some(same) = &own.same_as {
            let other = self.event.get(same);
            return match own.zone {
                Some(_) => Err(Unscheduled::Zone),
                None if other.is_some_and(|other| other.same_as.is_some()) => {
                    Err(Unscheduled::SameAs(same.event().clone()))
                }
                None => self.schedule(same.event()).map_err(|_| Unscheduled::SameAs(same.event().clone())),
            };
        }
        if let Some(cron) = &own.cron {
            return Ok(Schedule::cron(cron.as_str(), zone)?);
        }
        if let Some(at) = &own.at {
            return Ok(Schedule::at(at.as_str(), zone)?);
        }
        let every = own.every.unwrap_or(Time::ZERO).as_duration();
        Ok(Schedule::every(every, own.offset.unwrap_or(Time::ZERO).as_duration(), zone)?)
    }

    /// What becomes of an event's ticks that nobody announced in time.
    pub fn missed(&self, event: &EventName) -> Missed {
        let own = self.event.get(&EventKey::from(event.clone()));
        own.and_then(|own| own.missed).unwrap_or(self.missed)
    }

    /// The events that are announced whoever subscribes.
    pub fn announced(&self) -> impl Iterator<Item = &EventName> {
        self.event.keys().map(EventKey::event).chain(self.events.iter().map(TimeEvent::event))
    }
}

impl ClockEvent {
    /// How many rules say when it is due.
    fn rules(&self) -> usize {
        let rules = [self.cron.is_some(), self.every.is_some(), self.at.is_some(), self.same_as.is_some()];
        rules.into_iter().filter(|there| *there).count()
    }
}
