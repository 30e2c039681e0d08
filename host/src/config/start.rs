//! Where a new subscription begins, as an operator writes it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::value::{Time, ValueError, text_value};

/// Where a new subscription begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// With what is published from now on.
    #[default]
    Now,
    /// With the oldest event that the history has.
    First,
    /// With what was published so long ago.
    Ago(Time),
    /// With what was published at this moment, in ms since 1970 UTC.
    At(u64),
}

impl FromStr for Start {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let moment = || {
            let time = humantime::parse_rfc3339_weak(text).ok()?;
            u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
        };
        match text {
            "now" => Ok(Self::Now),
            "first" => Ok(Self::First),
            _ => match text.parse() {
                Ok(time) => Ok(Self::Ago(time)),
                Err(_) => moment().map(Self::At).ok_or_else(|| ValueError::Start(text.into())),
            },
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::First => f.write_str("first"),
            Self::Ago(time) => time.fmt(f),
            Self::At(moment) => {
                let time: SystemTime = UNIX_EPOCH + Duration::from_millis(*moment);
                humantime::format_rfc3339_millis(time).fmt(f)
            }
        }
    }
}

text_value!(Start, { "type": "string", "examples": ["now", "first", "1h", "2026-01-31T12:00:00Z"] });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_word_a_length_of_time_or_a_moment() {
        for (text, start) in [
            ("now", Start::Now),
            ("first", Start::First),
            ("1h", Start::Ago(Time::seconds(3600))),
            ("2023-11-14T22:13:20Z", Start::At(1_700_000_000_000)),
            ("2023-11-14 22:13:20", Start::At(1_700_000_000_000)),
        ] {
            assert_eq!(text.parse::<Start>().expect("legal"), start);
            assert_eq!(start.to_string().parse::<Start>().expect("legal"), start);
        }
        for text in ["", "last", "yesterday", "-1h", "1960-01-01T00:00:00Z", "2023-13-01T00:00:00Z"] {
            assert!(matches!(text.parse::<Start>(), Err(ValueError::Start(_))), "{text}");
        }
    }
}
