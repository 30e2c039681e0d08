//! An exchange of other services, as an operator writes it.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::value::ValueError;

/// AMQP's limit on the name of an exchange, a routing key and the name of a header, in bytes.
const SHORT_STRING: usize = 255;

/// The exchange that a subscription's messages come from, instead of the event's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    name: String,
    routing: Routing,
}

/// The type of an exchange, and which of its messages are wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Routing {
    Fanout,
    /// Those with one of these routing keys.
    Direct(Vec<String>),
    /// Those whose routing key fits one of these patterns.
    Topic(Vec<String>),
    /// Those with all, or any, of these headers.
    Headers {
        all: bool,
        headers: BTreeMap<String, Wanted>,
    },
}

/// The value of a header that a message is wanted for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Wanted {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

/// The exchange as a table.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Table {
    name: String,
    r#type: Type,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#match: Option<Match>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, Wanted>,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Type {
    Fanout,
    Direct,
    Topic,
    Headers,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Match {
    All,
    Any,
}

impl Exchange {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn routing(&self) -> &Routing {
        &self.routing
    }
}

impl TryFrom<Table> for Exchange {
    type Error = ValueError;

    fn try_from(table: Table) -> Result<Self, ValueError> {
        let illegal = |reason: &str| Err(ValueError::Exchange(reason.into()));
        let Table { name, r#type, keys, r#match, headers } = table;
        if name.is_empty() || name.len() > SHORT_STRING {
            return illegal("its name must have 1 to 255 bytes");
        }
        if name.starts_with("leveret.") {
            return illegal("names that begin with \"leveret.\" are the host's own");
        }
        let by_key = matches!(r#type, Type::Direct | Type::Topic);
        if by_key == keys.is_empty() {
            return illegal("`keys` must be there for the types \"direct\" and \"topic\", and for no other");
        }
        if keys.iter().any(|key| key.len() > SHORT_STRING) {
            return illegal("a routing key must have at most 255 bytes");
        }
        if (r#type == Type::Headers) == headers.is_empty() {
            return illegal("`headers` must be there for the type \"headers\", and for no other");
        }
        if r#type != Type::Headers && r#match.is_some() {
            return illegal("`match` is for the type \"headers\" only");
        }
        if headers.keys().any(|header| header.is_empty() || header.len() > SHORT_STRING) {
            return illegal("the name of a header must have 1 to 255 bytes");
        }
        // RabbitMQ would match every message, or none.
        if headers.keys().any(|header| header.starts_with("x-")) {
            return illegal("RabbitMQ does not look at headers that begin with \"x-\"");
        }
        let routing = match r#type {
            Type::Fanout => Routing::Fanout,
            Type::Direct => Routing::Direct(keys),
            Type::Topic => Routing::Topic(keys),
            Type::Headers => Routing::Headers { all: r#match != Some(Match::Any), headers },
        };
        Ok(Self { name, routing })
    }
}

impl From<&Exchange> for Table {
    fn from(Exchange { name, routing }: &Exchange) -> Self {
        let (keys, r#match, headers) = Default::default();
        let plain = |r#type| Self { name: name.clone(), r#type, keys, r#match, headers };
        match routing {
            Routing::Fanout => plain(Type::Fanout),
            Routing::Direct(keys) => Self { keys: keys.clone(), ..plain(Type::Direct) },
            Routing::Topic(keys) => Self { keys: keys.clone(), ..plain(Type::Topic) },
            Routing::Headers { all, headers } => {
                let r#match = Some(if *all { Match::All } else { Match::Any });
                Self { r#match, headers: headers.clone(), ..plain(Type::Headers) }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Exchange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let table = Table::deserialize(value).map_err(|error| ValueError::Exchange(error.to_string()));
        table.and_then(Self::try_from).map_err(de::Error::custom)
    }
}

impl Serialize for Exchange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Table::from(self).serialize(serializer)
    }
}

impl JsonSchema for Exchange {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Exchange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let name = serde_json::json!({ "type": "string", "minLength": 1, "maxLength": SHORT_STRING });
        let keys = serde_json::json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
        let headers = serde_json::json!({
            "type": "object",
            "additionalProperties": { "type": ["string", "integer", "number", "boolean"] },
            "minProperties": 1
        });
        json_schema!({
            "type": "object",
            "examples": [{ "name": "payments", "type": "topic", "keys": ["payment.*.processed"] }],
            "oneOf": [
                {
                    "properties": { "name": name, "type": { "enum": ["fanout"] } },
                    "required": ["name", "type"],
                    "additionalProperties": false
                },
                {
                    "properties": { "name": name, "type": { "enum": ["direct", "topic"] }, "keys": keys },
                    "required": ["name", "type", "keys"],
                    "additionalProperties": false
                },
                {
                    "properties": {
                        "name": name,
                        "type": { "enum": ["headers"] },
                        "headers": headers,
                        "match": { "enum": ["all", "any"] }
                    },
                    "required": ["name", "type", "headers"],
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
    fn each_type_has_its_own_way_to_choose_messages() {
        for value in [
            json!({ "name": "payments", "type": "fanout" }),
            json!({ "name": "payments", "type": "direct", "keys": ["eu", "us"] }),
            json!({ "name": "amq.topic", "type": "topic", "keys": ["payment.*.processed", "#"] }),
            json!({ "name": "p", "type": "headers", "match": "any", "headers": { "a": "b", "c": 1, "d": true } }),
        ] {
            let exchange = Exchange::deserialize(value.clone()).expect("legal");
            assert_eq!(serde_json::to_value(exchange).expect("plain"), value);
        }
    }

    #[test]
    fn an_exchange_that_cannot_be_bound_is_refused_with_the_reason() {
        for (value, reason) in [
            (json!({ "type": "fanout" }), "missing field `name`"),
            (json!({ "name": "p" }), "missing field `type`"),
            (json!({ "name": "", "type": "fanout" }), "1 to 255 bytes"),
            (json!({ "name": "x".repeat(256), "type": "fanout" }), "1 to 255 bytes"),
            (json!({ "name": "leveret.delay.1000", "type": "fanout" }), "the host's own"),
            (json!({ "name": "p", "type": "fanout", "keys": ["a"] }), "for no other"),
            (json!({ "name": "p", "type": "topic" }), "`keys` must be there"),
            (json!({ "name": "p", "type": "direct", "keys": ["x".repeat(256)] }), "at most 255 bytes"),
            (json!({ "name": "p", "type": "headers" }), "`headers` must be there"),
            (json!({ "name": "p", "type": "headers", "headers": { "x-a": 1 } }), "\"x-\""),
            (json!({ "name": "p", "type": "fanout", "match": "all" }), "`match` is for"),
            (json!({ "name": "p", "type": "tpic" }), "unknown variant `tpic`"),
            (json!({ "name": "p", "type": "fanout", "key": "a" }), "unknown field `key`"),
        ] {
            let error = Exchange::deserialize(value.clone()).expect_err("illegal").to_string();
            assert!(error.contains(reason), "{value}: {error}");
        }
    }
}
