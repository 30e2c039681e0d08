//! Numbers with a word for what no number says.

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::value::ValueError;

/// Serde and JSON Schema for a whole number from 1, or a word in its stead.
macro_rules! count {
    ($type:ident: $number:ident($integer:ident) or $variant:ident = $word:literal) => {
        impl TryFrom<Value> for $type {
            type Error = ValueError;

            fn try_from(value: Value) -> Result<Self, ValueError> {
                let number = value.as_u64().and_then(NonZeroU64::new).and_then(|number| $integer::try_from(number).ok());
                match number {
                    Some(number) => Ok(Self::$number(number)),
                    None if value == $word => Ok(Self::$variant),
                    None => Err(ValueError::Count { value, maximum: $integer::MAX.get().into(), word: $word }),
                }
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    Self::$number(number) => number.serialize(serializer),
                    Self::$variant => serializer.serialize_str($word),
                }
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Value::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": ["integer", "string"],
                    "oneOf": [
                        { "type": "integer", "minimum": 1, "maximum": $integer::MAX.get() },
                        { "type": "string", "enum": [$word] }
                    ]
                })
            }
        }
    };
}

/// How often a message is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempts {
    AtMost(NonZeroU32),
    Unlimited,
}

impl Attempts {
    /// The number; `None` for no limit.
    pub fn limit(self) -> Option<NonZeroU32> {
        match self {
            Self::AtMost(number) => Some(number),
            Self::Unlimited => None,
        }
    }
}

count!(Attempts: AtMost(NonZeroU32) or Unlimited = "unlimited");

/// How many handlers of one subscription run at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    AtMost(NonZeroU16),
    /// As many as are prefetched.
    Prefetch,
}

impl Concurrency {
    /// The number, given the prefetch.
    pub fn within(self, prefetch: NonZeroU16) -> NonZeroU16 {
        match self {
            Self::AtMost(number) => number.min(prefetch),
            Self::Prefetch => prefetch,
        }
    }
}

count!(Concurrency: AtMost(NonZeroU16) or Prefetch = "prefetch");

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_count_is_a_number_from_1_or_its_word() {
        for value in [json!(1), json!(u32::MAX), json!("unlimited")] {
            let attempts = Attempts::try_from(value.clone()).expect("legal");
            assert_eq!(serde_json::to_value(attempts).expect("plain"), value);
        }
        for value in [json!(0), json!(-1), json!(1.5), json!(u64::MAX), json!("prefetch"), json!(""), json!(null)] {
            let error = Attempts::try_from(value.clone()).expect_err("illegal").to_string();
            assert!(error.ends_with("must be a whole number, 1 to 4294967295, or \"unlimited\""), "{value}: {error}");
        }
    }

    #[test]
    fn no_more_run_than_are_prefetched() {
        let (few, many) = (NonZeroU16::new(2).expect("not 0"), NonZeroU16::new(32).expect("not 0"));
        assert_eq!(Concurrency::Prefetch.within(many), many);
        assert_eq!(Concurrency::AtMost(few).within(many), few);
        assert_eq!(Concurrency::AtMost(many).within(few), few);
    }
}
