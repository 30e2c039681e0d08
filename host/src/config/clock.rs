//! When timekeeping events are due, as an operator writes it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::value::{ValueError, text_value};
use crate::name::EventName;
use crate::schedule::{Period, Schedule};

/// A time zone by its name: `Europe/Berlin`.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(crate::schedule::Zone);

impl Zone {
    /// The zone.
    pub fn get(&self) -> &crate::schedule::Zone {
        &self.0
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self(crate::schedule::Zone::UTC)
    }
}

impl FromStr for Zone {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse().map(Self).map_err(ValueError::Zone)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_value!(Zone, { "type": "string", "examples": ["UTC", "Europe/Berlin"] });

/// A cron expression: minute, hour, day, month and weekday, with seconds before them where there are six.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron(String);

impl Cron {
    /// The expression.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Cron {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Schedule::cron(text, crate::schedule::Zone::UTC).map(|_| Self(text.into())).map_err(ValueError::Schedule)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_value!(Cron, { "type": "string", "examples": ["30 8 * * MON-FRI"] });

/// A moment: with an offset, or as the clocks of a zone show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment(String);

impl Moment {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Moment {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Schedule::at(text, crate::schedule::Zone::UTC).map(|_| Self(text.into())).map_err(ValueError::Schedule)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_value!(Moment, { "type": "string", "examples": ["2030-01-31T08:00:00Z", "2030-01-31T08:00"] });

/// An event whose name says how much time has passed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeEvent(EventName);

impl TimeEvent {
    /// The event.
    pub fn event(&self) -> &EventName {
        &self.0
    }
}

impl FromStr for TimeEvent {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let event: EventName = text.parse().map_err(|reason| ValueError::Event { text: text.into(), reason })?;
        match Period::read(&event) {
            Some(Ok(_)) => Ok(Self(event)),
            Some(Err(reason)) => Err(ValueError::NotAPeriod(reason)),
            None => Err(ValueError::NotOfTime(text.into())),
        }
    }
}

impl fmt::Display for TimeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_value!(TimeEvent, { "type": "string", "pattern": "^time\\.[a-z0-9-]+\\.passed$", "examples": ["time.one-day.passed"] });
