//! What comes again after a length of time, counted on the clocks of a zone from 1970-01-01T00:00, so that a length that
//! divides a day is aligned to midnight.
//!
//! Up to an hour it is time that passes: however clocks are set, each moment at which they show a multiple counts. What is
//! longer goes by the calendar, once for each multiple: where clocks show one twice it is the first, and where they skip
//! it the moment at which they do, so that no multiple comes before an earlier one.

use jiff::civil::{self, DateTime};

use super::period::{Period, Unit};
use super::zone::Zone;

/// The longest that is counted as time that passes, in seconds.
const ELAPSED: i64 = 60 * 60;
const DAY: i64 = 24 * 60 * 60;
/// Monday 1970-01-05, in days after 1970-01-01.
const FIRST_MONDAY: i64 = 4;

/// What comes again.
#[derive(Debug, Clone, Copy)]
pub enum Rhythm {
    /// After seconds, counted from so many after 1970-01-01T00:00.
    Seconds { length: i64, origin: i64 },
    /// On the first of each so manieth month.
    Months(i64),
}

impl Rhythm {
    pub fn seconds(length: u64, origin: u64) -> Self {
        let whole = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        Self::Seconds { length: whole(length).max(1), origin: whole(origin) }
    }

    pub fn of(period: Period) -> Self {
        let count = i64::from(period.count().get());
        let of_days = |days: i64, origin: i64| Self::Seconds { length: count * days * DAY, origin: origin * DAY };
        match period.unit() {
            Unit::Second => Self::Seconds { length: count, origin: 0 },
            Unit::Minute => Self::Seconds { length: count * 60, origin: 0 },
            Unit::Hour => Self::Seconds { length: count * 60 * 60, origin: 0 },
            Unit::Day => of_days(1, 0),
            Unit::Week => of_days(7, FIRST_MONDAY),
            Unit::Month => Self::Months(count),
            Unit::Year => Self::Months(count * 12),
        }
    }

    /// The first multiple after a moment, in milliseconds since 1970 UTC; `None` where calendars end.
    pub fn next_after(self, after: i64, zone: &Zone) -> Option<i64> {
        match self {
            Self::Seconds { length, origin } if length <= ELAPSED => {
                let (length, origin) = (length * 1000, origin * 1000);
                let mut from = after + 1;
                loop {
                    let ahead = zone.ahead(from)?;
                    let next = from + (origin - from - ahead).rem_euclid(length);
                    if zone.ahead(next)? == ahead {
                        return Some(next);
                    }
                    // Clocks are set before that.
                    from = zone.next_change(from)?;
                }
            }
            Self::Seconds { length, origin } => {
                let shown = (after + zone.ahead(after)?).div_euclid(1000);
                let multiple = |number: i64| zone.moment_of(origin + number * length);
                first_after(after, (shown - origin).div_euclid(length), multiple)
            }
            Self::Months(length) => {
                let shown = zone.zoned(after)?.datetime();
                let months = (i64::from(shown.year()) - 1970) * 12 + i64::from(shown.month()) - 1;
                let multiple = |number: i64| zone.moment(first_of_month(number * length)?);
                first_after(after, months.div_euclid(length), multiple)
            }
        }
    }

    /// How many multiples there are after a moment and up to another, where that need not be counted one by one.
    pub fn count(self, after: i64, until: i64, zone: &Zone) -> Option<u64> {
        let Self::Seconds { length, origin } = self else { return None };
        if length > ELAPSED {
            return None;
        }
        let (length, origin) = (length * 1000, origin * 1000);
        let (mut from, mut count) = (after.saturating_add(1), 0);
        while from <= until {
            let ahead = zone.ahead(from)?;
            let end = zone.next_change(from).map_or(until, |change| until.min(change - 1));
            let before = |moment: i64| (moment + ahead - origin).div_euclid(length);
            count += before(end) - before(from - 1);
            from = end + 1;
        }
        u64::try_from(count).ok()
    }
}

/// The first of the multiples after a moment, given one that is not.
fn first_after(after: i64, number: i64, multiple: impl Fn(i64) -> Option<i64>) -> Option<i64> {
    // Few are looked at: those in what clocks show twice.
    let mut number = number;
    loop {
        number += 1;
        let moment = multiple(number)?;
        if moment > after {
            return Some(moment);
        }
    }
}

/// The beginning of the month that is so many after January 1970.
fn first_of_month(months: i64) -> Option<DateTime> {
    let year = i16::try_from(1970 + months.div_euclid(12)).ok()?;
    let month = i8::try_from(1 + months.rem_euclid(12)).ok()?;
    civil::Date::new(year, month, 1).ok().map(|date| date.to_datetime(civil::Time::midnight()))
}
