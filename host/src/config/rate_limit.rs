//! How often something may happen, as an operator writes it.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::value::{Time, ValueError};

/// So many deliveries in a time, `100/s`, with as many at once as come in a second, unless `burst` says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    count: NonZeroU32,
    per: Time,
    burst: Option<NonZeroU32>,
}

/// The rate as a table.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Table {
    count: NonZeroU32,
    #[serde(default = "second")]
    per: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<NonZeroU32>,
}

fn second() -> Time {
    Time::seconds(1)
}

impl RateLimit {
    fn try_new(count: NonZeroU32, per: Time, burst: Option<NonZeroU32>) -> Result<Self, ValueError> {
        if per.as_duration().as_nanos() < u128::from(count.get()) {
            return Err(ValueError::TooOften { count, per });
        }
        Ok(Self { count, per, burst })
    }

    /// So many in a second.
    pub(in crate::config) const fn per_second(count: NonZeroU32) -> Self {
        Self { count, per: Time::seconds(1), burst: None }
    }

    /// How many deliveries there are in each `per`.
    pub fn count(&self) -> NonZeroU32 {
        self.count
    }

    pub fn per(&self) -> Time {
        self.per
    }

    /// How many there may be at once after a pause.
    pub fn burst(&self) -> NonZeroU32 {
        self.burst.unwrap_or(self.in_a_second())
    }

    /// How many there are in a second; a part of one counts as a whole one, so at least 1.
    pub fn in_a_second(&self) -> NonZeroU32 {
        let nanos = self.per.as_duration().as_nanos();
        let number = (u128::from(self.count.get()) * 1_000_000_000).div_ceil(nanos);
        NonZeroU32::new(number.try_into().unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN)
    }
}

impl FromStr for RateLimit {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let illegal = || ValueError::Rate(text.into());
        let (count, per) = text.split_once('/').ok_or_else(illegal)?;
        let count = count.trim().parse().map_err(|_| illegal())?;
        let per = per.trim();
        // `100/s` is short for `100/1s`.
        let one = if per.starts_with(|c: char| c.is_ascii_alphabetic()) { "1" } else { "" };
        Self::try_new(count, format!("{one}{per}").parse().map_err(|_| illegal())?, None)
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = self.per.to_string();
        let unit = per.strip_prefix('1').filter(|unit| unit.chars().all(|c| c.is_ascii_alphabetic()));
        write!(f, "{}/{}", self.count, unit.unwrap_or(&per))
    }
}

impl TryFrom<Value> for RateLimit {
    type Error = ValueError;

    fn try_from(value: Value) -> Result<Self, ValueError> {
        match value {
            Value::String(text) => text.parse(),
            table @ Value::Object(_) => {
                let table = Table::deserialize(table).map_err(|error| ValueError::RateTable(error.to_string()))?;
                Self::try_new(table.count, table.per, table.burst)
            }
            other => Err(ValueError::Rate(other.to_string())),
        }
    }
}

impl<'de> Deserialize<'de> for RateLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

impl Serialize for RateLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self { burst: None, .. } => serializer.collect_str(self),
            Self { count, per, burst } => Table { count, per, burst }.serialize(serializer),
        }
    }
}

impl JsonSchema for RateLimit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RateLimit".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let time = generator.subschema_for::<Time>();
        json_schema!({
            "type": ["string", "object"],
            "examples": ["100/s", { "count": 100, "per": "1s", "burst": 20 }],
            "oneOf": [
                { "type": "string", "pattern": "^ *[0-9]+ */ *[0-9a-z ]+$" },
                {
                    "type": "object",
                    "properties": {
                        "count": { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                        "per": time,
                        "burst": { "type": "integer", "minimum": 1, "maximum": u32::MAX }
                    },
                    "required": ["count"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rate_is_a_text_or_a_table() {
        for (value, second, burst, shown) in [
            (json!("100/s"), 100, 100, json!("100/s")),
            (json!("60 / m"), 1, 1, json!("60/m")),
            (json!("90/1m"), 2, 2, json!("90/m")),
            (json!("5/10s"), 1, 1, json!("5/10s")),
            (json!({ "count": 7 }), 7, 7, json!("7/s")),
            (
                json!({ "count": 6000, "per": "1m", "burst": 20 }),
                100,
                20,
                json!({ "count": 6000, "per": "1m", "burst": 20 }),
            ),
        ] {
            let rate = RateLimit::try_from(value.clone()).expect("legal");
            assert_eq!((rate.in_a_second().get(), rate.burst().get()), (second, burst), "{value}");
            let written = serde_json::to_value(rate).expect("plain");
            assert_eq!(written, shown);
            assert_eq!(RateLimit::try_from(written), Ok(rate));
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for value in [
            json!(""),
            json!("100"),
            json!("0/s"),
            json!("1/0s"),
            json!("-1/s"),
            json!("2/1ns"),
            json!("1/parsec"),
            json!(100),
            json!({}),
            json!({ "count": 0 }),
            json!({ "count": 1, "burst": 0 }),
            json!({ "count": 1, "every": "1s" }),
        ] {
            assert!(RateLimit::try_from(value.clone()).is_err(), "{value}");
        }
    }
}
