//! The values that settings are made of: each is parsed once, with an error text that says what is allowed.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::name::NameError;
use crate::schedule::{NotAPeriod, ScheduleError, UnknownZone};

/// Why a text is not a value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ValueError {
    #[error("{0:?} is not a length of time: use numbers with units, such as \"250ms\", \"30s\" or \"1h 30m\"")]
    Time(String),
    #[error("{0:?} is not a size: use a whole number with B, KiB, MiB or GiB, such as \"64 MiB\"")]
    Size(String),
    #[error("{0} is not a factor: use a number of at least 1, such as 2.0")]
    Factor(f64),
    #[error("{0} is not a share: use a number from 0 to 1, such as 0.5")]
    Share(f64),
    #[error("{value} is not allowed: must be a whole number, 1 to {maximum}, or {word:?}")]
    Count { value: Value, maximum: u64, word: &'static str },
    #[error(
        "{0:?} is not a rate: use a number and a time, such as \"100/s\", or {{ count = 100, per = \"1s\", burst = 20 }}"
    )]
    Rate(String),
    #[error("this is not a rate: {0}; use a table such as {{ count = 100, per = \"1s\", burst = 20 }}")]
    RateTable(String),
    #[error("{count} in {per} is more often than once a nanosecond")]
    TooOften { count: NonZeroU32, per: Time },
    #[error(
        "{0} is not where a key is: use \"message\", {{ pointer = \"/customer/id\" }} or {{ header = \"x-customer\" }}"
    )]
    OrderKey(Value),
    #[error("{0:?} is not a JSON pointer (RFC 6901): it begins with '/', and '~' is followed by 0 or 1")]
    Pointer(String),
    #[error("{0:?} is not the name of a header: it must have 1 to 255 bytes")]
    Header(String),
    #[error(
        "{0:?} is not where a subscription begins: use \"now\", \"first\", so long ago as \"1h\", or a moment such as \
         \"2026-01-31T12:00:00Z\""
    )]
    Start(String),
    #[error("this is not an exchange that can be bound: {0}")]
    Exchange(String),
    #[error(
        "this does not say whom to trust: {0}; use \"any\", or a table such as {{ digests = [\"<SHA-256>\"], keys = \
         [\"<public key of minisign>\"] }}"
    )]
    Trust(String),
    #[error("{0:?} is not an address: use an IP address with a port, such as \"127.0.0.1:7431\"")]
    Address(String),
    #[error("{text:?} is not a plugin: use \"app\" or \"app/plugin\"; {reason}")]
    Plugin { text: String, reason: NameError },
    #[error("{text:?} is the main plugin of {app:?}: write \"{app}\"")]
    MainPlugin { text: String, app: String },
    #[error("{text:?} is not an application: {reason}")]
    App { text: String, reason: NameError },
    #[error("{text:?} is not an event: {reason}")]
    Event { text: String, reason: NameError },
    #[error("{text:?} is not a task: {reason}")]
    Task { text: String, reason: NameError },
    #[error(transparent)]
    Zone(UnknownZone),
    #[error(transparent)]
    Schedule(ScheduleError),
    #[error(transparent)]
    NotAPeriod(NotAPeriod),
    #[error(
        "`{0}` does not say how much time has passed, as `time.one-day.passed` does: give it a table in `clock.event`"
    )]
    NotOfTime(String),
    #[error("{0} is not a broker: use \"embedded\", \"amqp://…\" or \"amqps://…\"")]
    Broker(String),
    #[error("{text:?} is not a host that can be granted: {reason}")]
    Host { text: String, reason: &'static str },
    #[error("{0:?} is not a method that can be granted: use upper case, such as \"POST\"; CONNECT never is")]
    Method(String),
    #[error(
        "{0:?} is not a network: use an address with the length of its prefix, such as \"10.1.0.0/16\", or one address"
    )]
    Network(String),
    #[error("{text:?} is not a bucket: {reason}")]
    Bucket { text: String, reason: NameError },
    #[error("this is not a Redis: use \"redis://…\", or \"\" for none")]
    Redis,
    #[error(
        "{scheme}://… is not a complete URL: {reason}; write {scheme}://user:password@host:port/{path}, with odd \
         characters percent-encoded"
    )]
    Url { scheme: String, path: &'static str, reason: String },
}

/// Serde and JSON Schema for a type that is written as a text.
macro_rules! text_value {
    ($type:ident, $schema:tt) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}
pub(super) use text_value;

/// A length of time, such as `250ms`, `30s` or `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(Duration);

impl Time {
    /// No time at all.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// A number of milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// A number of seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A number of days.
    pub const fn days(days: u64) -> Self {
        Self::seconds(days * 24 * 60 * 60)
    }

    /// As the standard library has it.
    pub const fn as_duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Time {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        humantime::parse_duration(text).map(Self).map_err(|_| ValueError::Time(text.into()))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

text_value!(Time, { "type": "string", "examples": ["250ms", "30s", "1h 30m"] });

/// A number of bytes, such as `64 MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// From the largest to the smallest, so that the first that divides a size is the one to show it in.
    const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

    /// A number of mebibytes.
    pub const fn mebibytes(mebibytes: u64) -> Self {
        Self(mebibytes << 20)
    }

    /// The number of bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let invalid = || ValueError::Size(text.into());
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim_start();
        let (_, bytes) = Self::UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(invalid)?;
        let number: u64 = number.parse().map_err(|_| invalid())?;
        number.checked_mul(bytes).map(Self).ok_or_else(invalid)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |(_, bytes): &(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*bytes);
        let (unit, bytes) = Self::UNITS.into_iter().find(divides).unwrap_or(("B", 1));
        write!(f, "{} {unit}", self.0 / bytes)
    }
}

text_value!(Size, { "type": "string", "pattern": "^[0-9]+ *(B|KiB|MiB|GiB)$", "examples": ["512 KiB", "64 MiB"] });

/// What a wait is multiplied by: a finite number of at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Factor(f64);

impl Factor {
    /// Doubles each wait.
    pub const TWO: Self = Self(2.0);

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Factor {
    type Error = ValueError;

    fn try_from(number: f64) -> Result<Self, ValueError> {
        if number.is_finite() && number >= 1.0 { Ok(Self(number)) } else { Err(ValueError::Factor(number)) }
    }
}

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

impl JsonSchema for Factor {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Factor".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 1 })
    }
}

/// A part of a whole: a number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share(f64);

impl Share {
    /// Nothing of it.
    pub const NONE: Self = Self(0.0);
    /// One half.
    pub const HALF: Self = Self(0.5);

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Share {
    type Error = ValueError;

    fn try_from(number: f64) -> Result<Self, ValueError> {
        if (0.0..=1.0).contains(&number) { Ok(Self(number)) } else { Err(ValueError::Share(number)) }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

/// An IP address with a port. The standard library's own error text does not say what one looks like.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| de::Error::custom(ValueError::Address(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_with_units() {
        for (text, millis, shown) in
            [("250ms", 250, "250ms"), ("30s", 30_000, "30s"), ("90m", 5_400_000, "1h 30m"), ("0s", 0, "0s")]
        {
            let time: Time = text.parse().expect("legal");
            assert_eq!((time, time.to_string().as_str()), (Time::millis(millis), shown));
        }
        for text in ["", "30", "soon", "-1s", "99999999999999999999s"] {
            assert_eq!(text.parse::<Time>(), Err(ValueError::Time(text.into())));
        }
    }

    #[test]
    fn sizes_are_read_and_written_with_units() {
        for (text, bytes, shown) in [
            ("64 MiB", 64 << 20, "64 MiB"),
            ("1024KiB", 1 << 20, "1 MiB"),
            ("1500 B", 1500, "1500 B"),
            ("0 B", 0, "0 B"),
        ] {
            let size: Size = text.parse().expect("legal");
            assert_eq!((size.as_bytes(), size.to_string().as_str()), (bytes, shown));
        }
        for text in ["", "64", "MiB", "1.5 GiB", "-1 B", "64 MB", "99999999999 GiB"] {
            assert_eq!(text.parse::<Size>(), Err(ValueError::Size(text.into())));
        }
    }

    #[test]
    fn a_factor_never_shortens_a_wait() {
        assert_eq!(Factor::try_from(1.0).map(Factor::get), Ok(1.0));
        for number in [0.99, -2.0, f64::NAN, f64::INFINITY] {
            assert!(Factor::try_from(number).is_err(), "{number}");
        }
    }

    #[test]
    fn a_share_is_a_part_of_a_whole() {
        assert_eq!(Share::try_from(1.0).map(Share::get), Ok(1.0));
        for number in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Share::try_from(number).is_err(), "{number}");
        }
    }
}
