//! Which messages keep their order, as an operator writes it.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, json};

use super::value::ValueError;

/// Which messages of a subscription are handled one at a time and in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ordering {
    /// None: each as soon as there is room.
    #[default]
    None,
    /// Those with one key, which `order-key` finds; those of other keys go on meanwhile.
    Key,
    /// All of them, over all hosts.
    Queue,
}

/// Where a message's ordering key is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OrderKey {
    /// It travels with the message.
    #[default]
    Message,
    /// At a JSON pointer (RFC 6901) in the payload.
    Pointer(String),
    /// In a header.
    Header(String),
}

/// AMQP's limit on the name of a header, in bytes.
const SHORT_STRING: usize = 255;

impl OrderKey {
    fn pointer(text: &str) -> Result<Self, ValueError> {
        let rooted = text.is_empty() || text.starts_with('/');
        let escaped = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if rooted && escaped { Ok(Self::Pointer(text.into())) } else { Err(ValueError::Pointer(text.into())) }
    }

    fn header(name: &str) -> Result<Self, ValueError> {
        let legal = !name.is_empty() && name.len() <= SHORT_STRING;
        if legal { Ok(Self::Header(name.into())) } else { Err(ValueError::Header(name.into())) }
    }
}

impl TryFrom<Value> for OrderKey {
    type Error = ValueError;

    fn try_from(value: Value) -> Result<Self, ValueError> {
        let only = value.as_object().filter(|table| table.len() == 1).and_then(|table| table.iter().next());
        match only.map(|(key, text)| (key.as_str(), text.as_str())) {
            Some(("pointer", Some(text))) => Self::pointer(text),
            Some(("header", Some(name))) => Self::header(name),
            None if value == "message" => Ok(Self::Message),
            _ => Err(ValueError::OrderKey(value)),
        }
    }
}

impl<'de> Deserialize<'de> for OrderKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

impl Serialize for OrderKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Message => serializer.serialize_str("message"),
            Self::Pointer(pointer) => json!({ "pointer": pointer }).serialize(serializer),
            Self::Header(name) => json!({ "header": name }).serialize(serializer),
        }
    }
}

impl JsonSchema for OrderKey {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OrderKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let table = |key: &str, text: Value| json!({ "type": "object", "properties": { key: text }, "required": [key], "additionalProperties": false });
        json_schema!({
            "type": ["string", "object"],
            "examples": ["message", { "pointer": "/customer/id" }, { "header": "x-customer" }],
            "oneOf": [
                { "type": "string", "enum": ["message"] },
                table("pointer", json!({ "type": "string", "format": "json-pointer" })),
                table("header", json!({ "type": "string", "minLength": 1, "maxLength": SHORT_STRING }))
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_travels_with_the_message_or_is_found_in_it() {
        for value in [
            json!("message"),
            json!({ "pointer": "/customer/id" }),
            json!({ "pointer": "" }),
            json!({ "pointer": "/a~1b/~0" }),
            json!({ "header": "x-customer" }),
        ] {
            let key = OrderKey::try_from(value.clone()).expect("legal");
            assert_eq!(serde_json::to_value(key).expect("plain"), value);
        }
    }

    #[test]
    fn what_finds_no_key_is_refused() {
        for value in [
            json!("header"),
            json!({ "pointer": "customer" }),
            json!({ "pointer": "/a~2" }),
            json!({ "pointer": "/a~" }),
            json!({ "pointer": 1 }),
            json!({ "header": "" }),
            json!({ "header": "x".repeat(256) }),
            json!({ "header": "a", "pointer": "/a" }),
            json!({}),
            json!(7),
        ] {
            assert!(OrderKey::try_from(value.clone()).is_err(), "{value}");
        }
    }
}
