//! How fast dead letters are worked off.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// So many letters in each second, minute or hour, evenly: `50/s`, `10/min`, `100/h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    count: NonZeroU32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

/// Why there is no such rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no rate; write one like 50/s, 10/min or 100/h")]
pub struct InvalidRate(String);

impl Rate {
    /// The time for so many letters.
    pub fn time_for(self, letters: usize) -> Duration {
        let (_, per) = self.unit.written();
        per.mul_f64(letters as f64 / f64::from(self.count.get()))
    }

    /// How many letters come due within a time, at least one.
    pub fn within(self, time: Duration) -> usize {
        let letters = time.as_secs_f64() / self.time_for(1).as_secs_f64();
        (letters as usize).max(1)
    }
}

impl Unit {
    const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    fn written(self) -> (&'static str, Duration) {
        match self {
            Self::Second => ("s", Duration::from_secs(1)),
            Self::Minute => ("min", Duration::from_secs(60)),
            Self::Hour => ("h", Duration::from_secs(3600)),
        }
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let invalid = || InvalidRate(text.into());
        let (count, unit) = text.split_once('/').ok_or_else(invalid)?;
        let count = count.trim().parse().map_err(|_| invalid())?;
        let unit = Unit::ALL.into_iter().find(|known| known.written().0 == unit.trim()).ok_or_else(invalid)?;
        Ok(Self { count, unit })
    }
}

impl TryFrom<String> for Rate {
    type Error = InvalidRate;

    fn try_from(text: String) -> Result<Self, InvalidRate> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit.written().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_as_it_is_written() {
        for (text, milliseconds, within) in [("50/s", 20, 5), ("10/min", 6000, 1), ("100/h", 36_000, 1)] {
            let rate: Rate = text.parse().expect("legal");
            assert_eq!(rate.to_string(), text);
            assert_eq!(rate.time_for(1), Duration::from_millis(milliseconds));
            assert_eq!(rate.within(Duration::from_millis(100)), within, "{text}");
        }
        for text in ["", "50", "0/s", "-1/s", "1.5/s", "50/d", "99999999999/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
        }
    }
}
