//! Where clocks show what.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp as Instant, Zoned};

use crate::message::Timestamp;

/// A zone of the time zone database, such as `Europe/Berlin`, or `UTC`.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(TimeZone);

/// Why a text is not a zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a time zone: use a name such as \"UTC\" or \"Europe/Berlin\"{}", meant(.nearest))]
pub struct UnknownZone {
    text: String,
    nearest: Option<String>,
}

fn meant(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

impl Zone {
    pub const UTC: Self = Self(TimeZone::UTC);

    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// What its clocks are ahead of UTC at a moment, in milliseconds. Moments are in milliseconds since 1970 UTC;
    /// those that no calendar has are none.
    pub(super) fn ahead(&self, moment: i64) -> Option<i64> {
        Some(i64::from(self.0.to_offset(instant(moment)?).seconds()) * 1000)
    }

    /// The first moment after another at which its clocks are ahead by something else.
    pub(super) fn next_change(&self, moment: i64) -> Option<i64> {
        let start = instant(moment)?;
        let offset = self.0.to_offset(start);
        let mut following = self.0.following(start);
        following.find(|change| change.offset() != offset).map(|change| change.timestamp().as_millisecond())
    }

    /// The moment at which its clocks show this: the first, where they show it twice, and the one at which they are set
    /// forward, where they never do.
    pub(super) fn moment(&self, civil: DateTime) -> Option<i64> {
        let ambiguous = self.0.to_ambiguous_timestamp(civil);
        match ambiguous.offset() {
            AmbiguousOffset::Gap { after, .. } => {
                // As the clocks after the change have it, this was before the change.
                let before: Instant = after.to_timestamp(civil).ok()?;
                self.0.following(before).next().map(|change| change.timestamp().as_millisecond())
            }
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
                ambiguous.earlier().ok().map(Instant::as_millisecond)
            }
        }
    }

    /// The moment at which its clocks show so many seconds more than 1970-01-01T00:00.
    pub(super) fn moment_of(&self, seconds: i64) -> Option<i64> {
        self.moment(Offset::UTC.to_datetime(Instant::from_second(seconds).ok()?))
    }

    pub(super) fn zoned(&self, moment: i64) -> Option<Zoned> {
        Some(instant(moment)?.to_zoned(self.0.clone()))
    }

    /// A moment as its clocks show it, in RFC 3339; `?` where no calendar has it.
    pub fn shown(&self, moment: Timestamp) -> String {
        let instant = i64::try_from(moment.millis()).ok().and_then(instant);
        let Some(instant) = instant else { return "?".into() };
        if self.0 == TimeZone::UTC {
            return instant.to_string();
        }
        instant.display_with_offset(self.0.to_offset(instant)).to_string()
    }
}

fn instant(moment: i64) -> Option<Instant> {
    Instant::from_millisecond(moment).ok()
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        // The empty name is the machine's own, which differs between hosts.
        let zone = TimeZone::get(text).ok().filter(|zone| zone.iana_name().is_some() && !text.is_empty());
        zone.map(Self).ok_or_else(|| {
            let distance = |name: &String| strsim::osa_distance(&text.to_lowercase(), &name.to_lowercase());
            let names = jiff::tz::db().available().map(|name| name.to_string());
            let nearest = names.map(|name| (distance(&name), name)).min().filter(|(distance, _)| *distance <= 3);
            UnknownZone { text: text.into(), nearest: nearest.map(|(_, name)| name) }
        })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl serde::Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().expect("a zone")
    }

    fn civil(text: &str) -> DateTime {
        text.parse().expect("a date and time")
    }

    #[test]
    fn a_zone_is_known_by_its_name() {
        for name in ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"] {
            assert_eq!(zone(name).name(), name);
        }
        assert_eq!(zone("UTC"), Zone::UTC);
        let wrong = "Europe/Belrin".parse::<Zone>().expect_err("a slip").to_string();
        assert!(wrong.contains("did you mean \"Europe/Berlin\"?"), "{wrong}");
        for text in ["", "Nowhere", "local", "+02:00"] {
            assert!(text.parse::<Zone>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_clocks_show_twice_is_the_first_and_what_they_skip_is_when_they_do() {
        let berlin = zone("Europe/Berlin");
        let at = |text| berlin.shown(Timestamp::from_millis(berlin.moment(civil(text)).expect("a moment") as u64));
        assert_eq!(at("2026-10-25T02:30"), "2026-10-25T02:30:00+02:00");
        assert_eq!(at("2026-10-25T03:00"), "2026-10-25T03:00:00+01:00");
        for skipped in ["2026-03-29T02:00", "2026-03-29T02:30", "2026-03-29T02:59:59"] {
            assert_eq!(at(skipped), "2026-03-29T03:00:00+02:00");
        }
        assert_eq!(Zone::UTC.shown(Timestamp::from_millis(1_700_000_000_000)), "2023-11-14T22:13:20Z");
        assert_eq!(Zone::UTC.shown(Timestamp::from_millis(u64::MAX)), "?");
    }
}
