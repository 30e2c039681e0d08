//! Which events of the past are meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::broker::{Recorded, fits};
use crate::message::{Tid, Timestamp};

/// The longest pattern or pointer, in bytes.
const LONGEST: usize = 255;

/// Which events are meant: those that everything here fits. Without anything, all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Filter {
    /// Of one of these names.
    #[serde(rename = "event", skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventPattern>,
    /// Published at this moment or after it, by the publisher's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Published before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<Tid>,
    /// Its id, or the beginning of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The application that published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What its payload has.
    #[serde(rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

impl Filter {
    /// Whether it leaves nothing out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The payload is read last, and only where something is asked of it.
    pub fn fits(&self, event: &Recorded) -> bool {
        let Self { events, from, until, tid, id, source, conditions } = self;
        let message = &event.message;
        event.is_event()
            && from.is_none_or(|from| message.time >= from)
            && until.is_none_or(|until| message.time < until)
            && tid.as_ref().is_none_or(|tid| *tid == message.tid)
            && id.as_ref().is_none_or(|id| message.id.as_str().starts_with(id))
            && source.as_ref().is_none_or(|source| message.source.as_ref() == Some(source))
            && (events.is_empty() || events.iter().any(|event| event.fits(message.subject.as_str())))
            && (conditions.is_empty() || hold(conditions, &message.body))
    }
}

/// Whether a payload is JSON of which all of this is true.
fn hold(conditions: &[Condition], payload: &[u8]) -> bool {
    let Ok(payload) = serde_json::from_slice(payload) else { return false };
    conditions.iter().all(|condition| condition.holds(&payload))
}

/// A name of events, or a pattern of words: `*` is one word, `#` any number of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventPattern(String);

/// Why a text is neither a name of events nor a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an event nor a pattern: use a name such as user.authorized, or user.* or org.# for several")]
pub struct InvalidPattern(String);

impl EventPattern {
    fn fits(&self, name: &str) -> bool {
        self.0 == name || fits(&self.0, name)
    }
}

impl FromStr for EventPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let is_word = |word: &str| matches!(word, "*" | "#") || !word.is_empty() && word.chars().all(legal);
        if text.len() <= LONGEST && text.split('.').all(is_word) {
            return Ok(Self(text.into()));
        }
        Err(InvalidPattern(text.into()))
    }
}

impl TryFrom<String> for EventPattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        text.parse()
    }
}

impl From<EventPattern> for String {
    fn from(pattern: EventPattern) -> Self {
        pattern.0
    }
}

/// What a payload has at one place: `/customer/id=42`, or `/customer` for whatever is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    /// RFC 6901.
    pointer: String,
    /// As it was written.
    value: Option<String>,
    /// What that means: JSON, or else a text.
    wanted: Option<Value>,
}

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} asks for nothing: use a JSON pointer such as /customer/id for what must be there, or /customer/id=42")]
pub struct InvalidCondition(String);

impl Condition {
    fn holds(&self, payload: &Value) -> bool {
        let found = payload.pointer(&self.pointer);
        found.is_some_and(|found| self.wanted.as_ref().is_none_or(|wanted| is_same(found, wanted)))
    }
}

/// Whether two values are the same, however a number is written.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

impl FromStr for Condition {
    type Err = InvalidCondition;

    fn from_str(text: &str) -> Result<Self, InvalidCondition> {
        let (pointer, value) = text.split_once('=').map_or((text, None), |(pointer, value)| (pointer, Some(value)));
        if !pointer.starts_with('/') || pointer.len() > LONGEST {
            return Err(InvalidCondition(text.into()));
        }
        let wanted = value.map(|value| serde_json::from_str(value).unwrap_or_else(|_| value.into()));
        Ok(Self { pointer: pointer.into(), value: value.map(str::to_owned), wanted })
    }
}

impl TryFrom<String> for Condition {
    type Error = InvalidCondition;

    fn try_from(text: String) -> Result<Self, InvalidCondition> {
        text.parse()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.pointer),
            None => f.write_str(&self.pointer),
        }
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fake::recorded;

    #[test]
    fn each_part_of_a_filter_narrows_it() {
        // Published at 1,000 ms by `api`, with the id `m-7` and the TID `t-7`.
        let mut event = recorded(7, "org.payment.processed", r#"{"customer":{"id":42,"name":"Müller"},"vip":true}"#);
        event.message.time = Timestamp::from_millis(1000);
        let fits = |json: &str| serde_json::from_str::<Filter>(json).expect("legal").fits(&event);
        for json in [
            r"{}",
            r#"{"event":["org.payment.processed"]}"#,
            r#"{"event":["user.*","org.#"]}"#,
            r#"{"event":["*.payment.*"]}"#,
            r#"{"from":1000,"until":1001}"#,
            r#"{"tid":"t-7"}"#,
            r#"{"id":"m-"}"#,
            r#"{"source":"api"}"#,
            r#"{"where":["/customer/id=42","/vip"]}"#,
            r#"{"where":["/customer/id=42.0"]}"#,
            r#"{"where":["/customer/name=Müller"]}"#,
            r#"{"where":["/customer/name=\"Müller\""]}"#,
            r#"{"where":["/vip=true"]}"#,
        ] {
            assert!(fits(json), "{json}");
        }
        for json in [
            r#"{"event":["org.payment"]}"#,
            r#"{"event":["org.*"]}"#,
            r#"{"from":1001}"#,
            r#"{"until":1000}"#,
            r#"{"tid":"t-8"}"#,
            r#"{"id":"-7"}"#,
            r#"{"source":"web"}"#,
            r#"{"where":["/customer/id=43"]}"#,
            r#"{"where":["/customer/id=\"42\""]}"#,
            r#"{"where":["/customer","/nothing"]}"#,
        ] {
            assert!(!fits(json), "{json}");
        }
        let broken = recorded(8, "org.payment.processed", "{");
        assert!(Filter::default().fits(&broken));
        assert!(!serde_json::from_str::<Filter>(r#"{"where":["/a"]}"#).expect("legal").fits(&broken));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for json in [
            r#"{"events":["a.b"]}"#,
            r#"{"event":["a..b"]}"#,
            r#"{"event":[""]}"#,
            r#"{"event":["a.b*"]}"#,
            r#"{"where":["customer"]}"#,
            r#"{"where":["=5"]}"#,
        ] {
            assert!(serde_json::from_str::<Filter>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_filter_is_read_as_it_is_written() {
        let json = r#"{"event":["org.#"],"from":5,"where":["/a=b=c","/d"]}"#;
        let filter: Filter = serde_json::from_str(json).expect("legal");
        assert_eq!(serde_json::to_string(&filter).expect("plain"), json);
    }
}
