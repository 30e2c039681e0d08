//! Names of events that say how much time has passed: `time.five-minutes.passed`.

use std::fmt;
use std::num::NonZeroU32;

use super::number::{self, in_words};
use crate::name::EventName;

/// What such names begin and end with.
const MODEL: &str = "time";
const VERB: &str = "passed";
/// How many letters may be wrong in a verb that is still this one.
const SLIPS: usize = 2;

/// A unit of periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    /// Begins with Monday.
    Week,
    Month,
    Year,
}

impl Unit {
    const ALL: [(Self, &str); 7] = [
        (Self::Second, "second"),
        (Self::Minute, "minute"),
        (Self::Hour, "hour"),
        (Self::Day, "day"),
        (Self::Week, "week"),
        (Self::Month, "month"),
        (Self::Year, "year"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(unit, _)| *unit == self).map_or("", |(_, name)| name)
    }

    fn read(text: &str) -> Option<Self> {
        let singular = text.strip_suffix('s').unwrap_or(text);
        Self::ALL.into_iter().find(|(_, name)| *name == singular).map(|(unit, _)| unit)
    }

    /// The most of it in one period: a hundred years.
    pub const fn most(self) -> u32 {
        const DAYS: u32 = 36_525;
        match self {
            Self::Second => DAYS * 24 * 60 * 60,
            Self::Minute => DAYS * 24 * 60,
            Self::Hour => DAYS * 24,
            Self::Day => DAYS,
            Self::Week => DAYS / 7,
            Self::Month => 1200,
            Self::Year => 100,
        }
    }
}

/// So much time, at most a hundred years.
///
/// It passes on the clocks of a zone, counted from 1970-01-01T00:00 there, and weeks from the first Monday after. Up to
/// an hour it passes as time does: each moment at which clocks show a multiple counts. What is longer goes by the calendar,
/// once for each multiple: where clocks show it twice the first counts, and where they skip it the moment at which they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    count: NonZeroU32,
    unit: Unit,
}

/// Why a name does not say how much time has passed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{event}` does not say how much time has passed: that is `time.<number>-<unit>.passed`, in words or digits; did you \
     mean `{nearest}`?"
)]
pub struct NotAPeriod {
    pub event: EventName,
    /// The most similar name that can be read.
    pub nearest: String,
}

impl Period {
    pub fn new(count: NonZeroU32, unit: Unit) -> Option<Self> {
        (count.get() <= unit.most()).then_some(Self { count, unit })
    }

    /// What a name says has passed; `None` where it is not about time that passes: it does not begin with `time.`, or its
    /// last word is far from `passed`.
    pub fn read(event: &EventName) -> Option<Result<Self, NotAPeriod>> {
        let (model, rest) = event.as_str().split_once('.')?;
        let verb = rest.rsplit('.').next().unwrap_or_default();
        let about_time =
            model.eq_ignore_ascii_case(MODEL) && strsim::osa_distance(&verb.to_ascii_lowercase(), VERB) <= SLIPS;
        let refused = || NotAPeriod { event: event.clone(), nearest: nearest(event) };
        about_time.then(|| exact(event.as_str()).ok_or_else(refused))
    }

    pub fn count(self) -> NonZeroU32 {
        self.count
    }

    pub fn unit(self) -> Unit {
        self.unit
    }

    /// Its length as ISO 8601 writes it: `PT5M`, `P1D`.
    pub fn iso_8601(self) -> String {
        let (before, letter) = match self.unit {
            Unit::Second => ("PT", 'S'),
            Unit::Minute => ("PT", 'M'),
            Unit::Hour => ("PT", 'H'),
            Unit::Day => ("P", 'D'),
            Unit::Week => ("P", 'W'),
            Unit::Month => ("P", 'M'),
            Unit::Year => ("P", 'Y'),
        };
        format!("{before}{}{letter}", self.count)
    }

    /// The name of the event that it has passed, in words where there are some.
    fn event(self) -> String {
        let count = self.count.get();
        let number = in_words(count).unwrap_or_else(|| count.to_string());
        self.event_with(&number)
    }

    fn event_with(self, number: &str) -> String {
        let plural = if self.count.get() == 1 { "" } else { "s" };
        format!("{MODEL}.{number}-{}{plural}.{VERB}", self.unit.name())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count.get() {
            1 => f.write_str(self.unit.name()),
            count => write!(f, "{count} {}s", self.unit.name()),
        }
    }
}

fn exact(name: &str) -> Option<Period> {
    let length = name.strip_prefix(MODEL)?.strip_prefix('.')?.strip_suffix(VERB)?.strip_suffix('.')?;
    let (number, unit) = length.rsplit_once('-')?;
    let digits = number.starts_with(|c: char| matches!(c, '1'..='9'));
    let count = if digits { number.parse().ok()? } else { number::read_words(number)? };
    Period::new(NonZeroU32::new(count)?, Unit::read(unit)?)
}

/// The most similar name that can be read.
fn nearest(event: &EventName) -> String {
    let name = event.as_str().to_ascii_lowercase();
    let length = name.split('.').nth(1).unwrap_or_default();
    let digits: String = length.chars().take_while(char::is_ascii_digit).collect();
    let units = Unit::ALL.into_iter().map(|(unit, _)| unit);
    let candidates: Vec<String> = if digits.is_empty() {
        let period =
            |unit, number| Some(Period { count: NonZeroU32::new(number)?, unit }).filter(|p| number <= p.unit.most());
        units
            .flat_map(|unit| (1..=number::LARGEST).filter_map(move |number| period(unit, number)))
            .map(Period::event)
            .collect()
    } else {
        // Of digits the number itself is meant, as far as there is such a period.
        let number = digits.parse().unwrap_or(u32::MAX);
        let period = |unit: Unit| {
            let count = NonZeroU32::new(number.clamp(1, unit.most()))?;
            Some(Period { count, unit }.event_with(&count.to_string()))
        };
        units.filter_map(period).collect()
    };
    let distance = |candidate: &String| strsim::osa_distance(&name, candidate);
    // At the same distance the shorter is the likelier.
    candidates.into_iter().min_by_key(|candidate| (distance(candidate), candidate.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Option<Result<String, String>> {
        let read = Period::read(&name.parse().expect("a legal name"))?;
        Some(read.map(Period::iso_8601).map_err(|refused| refused.nearest))
    }

    #[test]
    fn khronos_s_own_five_are_read() {
        for (name, length) in [
            ("time.one-day.passed", "P1D"),
            ("time.four-hours.passed", "PT4H"),
            ("time.one-hour.passed", "PT1H"),
            ("time.thirty-minutes.passed", "PT30M"),
            ("time.five-minutes.passed", "PT5M"),
        ] {
            assert_eq!(read(name), Some(Ok(length.into())), "{name}");
        }
    }

    #[test]
    fn words_digits_singulars_and_plurals_are_read() {
        for (name, length) in [
            ("time.ninety-seconds.passed", "PT90S"),
            ("time.2-weeks.passed", "P2W"),
            ("time.one-hundred-twenty-minutes.passed", "PT120M"),
            ("time.nine-hundred-ninety-nine-days.passed", "P999D"),
            ("time.twenty-five-hour.passed", "PT25H"),
            ("time.one-months.passed", "P1M"),
            ("time.1-year.passed", "P1Y"),
            ("time.100-years.passed", "P100Y"),
            ("time.3600-seconds.passed", "PT3600S"),
        ] {
            assert_eq!(read(name), Some(Ok(length.into())), "{name}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_read_is_refused_with_the_nearest_that_can() {
        for (name, nearest) in [
            ("time.one-hour.passsed", "time.one-hour.passed"),
            ("time.fife-minutes.passed", "time.five-minutes.passed"),
            ("time.fiveminutes.passed", "time.five-minutes.passed"),
            ("time.fourty-seconds.passed", "time.forty-seconds.passed"),
            ("time.one-hundred-and-five-days.passed", "time.one-hundred-five-days.passed"),
            ("time.two-huors.passed", "time.two-hours.passed"),
            ("time.day.passed", "time.one-day.passed"),
            ("time.0-days.passed", "time.1-day.passed"),
            ("time.05-days.passed", "time.5-days.passed"),
            ("time.5days.passed", "time.5-days.passed"),
            ("time.101-years.passed", "time.100-years.passed"),
            ("time.99999999999-days.passed", "time.36525-days.passed"),
            ("Time.One-Hour.Passed", "time.one-hour.passed"),
            ("time.one.hour.passed", "time.one-hour.passed"),
        ] {
            assert_eq!(read(name), Some(Err(nearest.into())), "{name}");
        }
    }

    #[test]
    fn what_is_not_about_time_that_passes_is_somebody_else_s() {
        for name in ["time.zone.changed", "user.passed", "time.sheet.submitted", "exam.one-hour.passed", "time.up"] {
            assert_eq!(read(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_suggested_can_be_read() {
        for name in ["time.x.passed", "time.passed", "time.-.passed", "time.1.passed", "time.7-fortnights.passt"] {
            let Some(Err(nearest)) = read(name) else { panic!("{name} is refused") };
            assert!(matches!(read(&nearest), Some(Ok(_))), "{name}: {nearest}");
        }
    }
}
