//! An event of the past as a line of JSON: what `leveret history --export` writes and `import` reads.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::broker::{Offset, Recorded};
use crate::message::{Attempt, Headers, KEY_LIMIT, Message, MessageId, NotJson, Subject, Tid, Timestamp, json_text};
use crate::name::EventName;

/// The longest name of a publisher, in bytes: AMQP's short string.
const SOURCE_LIMIT: usize = 255;

/// An event of the past. Its payload is in one of `payload`, `text` and `binary`, and with its headers only where it is
/// wanted whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Entry {
    /// Its place in the history that it is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
    pub name: EventName,
    pub id: MessageId,
    /// A line to import may do without, and gets a new one.
    #[serde(default = "Tid::fresh")]
    pub tid: Tid,
    /// When it was published, in milliseconds since 1970 UTC.
    pub time: Timestamp,
    /// The application that published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its ordering key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The exchange that it came by where that is not the event's own, and its routing key there. Not imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_key: Option<String>,
    /// The size of its payload. Not imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    /// By name, each as a type and a value: `{"vip": {"bool": true}}`.
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    pub headers: Headers,
    /// JSON of one line, byte for byte as it was published.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub payload: Option<Box<RawValue>>,
    /// Any other text, as text: JSON of several lines too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What is no text, as bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<Vec<u8>>,
}

/// Why a line cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEntry {
    #[error("it is no event of an export: {0}")]
    Form(String),
    #[error("its {0} is empty or longer than 255 bytes")]
    Length(&'static str),
    #[error("it needs one of `payload`, `text` and `binary`")]
    Payload,
    #[error(transparent)]
    NotJson(#[from] NotJson),
    #[error("its payload is {size} bytes; `delivery.payload-limit` allows {limit}")]
    TooLarge { size: usize, limit: u64 },
}

impl Entry {
    /// `None` for what is no event. Headers and payload only if it is to be `whole`.
    pub fn of(recorded: Recorded, whole: bool) -> Option<Self> {
        let Recorded { offset, exchange, routing_key, message } = recorded;
        let Subject::Event(name) = message.subject else { return None };
        let is_own = exchange == name.as_str();
        let mut entry = Self {
            offset: Some(offset),
            exchange: (!is_own).then_some(exchange),
            routing_key: (!is_own).then_some(routing_key),
            name,
            id: message.id,
            tid: message.tid,
            time: message.time,
            source: message.source,
            key: message.key,
            bytes: Some(message.body.len()),
            headers: Headers::new(),
            payload: None,
            text: None,
            binary: None,
        };
        if whole {
            entry.headers = message.headers;
            match std::str::from_utf8(&message.body) {
                Ok(text) => match line(text) {
                    Some(json) => entry.payload = Some(json),
                    None => entry.text = Some(text.to_owned()),
                },
                Err(_) => entry.binary = Some(message.body.to_vec()),
            }
        }
        Some(entry)
    }

    /// Reads a line.
    pub fn read(line: &[u8]) -> Result<Self, InvalidEntry> {
        serde_json::from_slice(line).map_err(|error| InvalidEntry::Form(error.to_string()))
    }

    /// The event that was published, if it is one that may be.
    pub fn message(self, payload_limit: u64) -> Result<Message, InvalidEntry> {
        let id = MessageId::from_wire(self.id.as_str()).ok_or(InvalidEntry::Length("id"))?;
        let tid = Tid::from_wire(self.tid.as_str()).ok_or(InvalidEntry::Length("tid"))?;
        if self.key.as_ref().is_some_and(|key| key.is_empty() || key.len() > KEY_LIMIT) {
            return Err(InvalidEntry::Length("key"));
        }
        if self.source.as_ref().is_some_and(|source| source.is_empty() || source.len() > SOURCE_LIMIT) {
            return Err(InvalidEntry::Length("source"));
        }
        let body = match (self.payload, self.text, self.binary) {
            (Some(json), None, None) => Bytes::from(Box::<str>::from(json).into_string()),
            (None, Some(text), None) => text.into(),
            (None, None, Some(bytes)) => bytes.into(),
            _ => return Err(InvalidEntry::Payload),
        };
        let size = body.len();
        if size as u64 > payload_limit {
            return Err(InvalidEntry::TooLarge { size, limit: payload_limit });
        }
        json_text(&body)?;
        Ok(Message {
            subject: Subject::Event(self.name),
            id,
            tid,
            source: self.source,
            time: self.time,
            attempt: Attempt::FIRST,
            failures: Vec::new(),
            key: self.key,
            headers: self.headers,
            body,
        })
    }
}

/// What is there, `null` too.
fn present<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(json).map(Some)
}

/// JSON that is a part of a line as it is: without line breaks, and without space around it, which would be lost.
fn line(text: &str) -> Option<Box<RawValue>> {
    json_text(text.as_bytes()).ok()?;
    let is_whole = !text.contains(['\n', '\r']) && text.trim().len() == text.len();
    if is_whole { RawValue::from_string(text.to_owned()).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fake::recorded;
    use crate::message::HeaderValue;

    fn written(entry: &Entry) -> String {
        serde_json::to_string(entry).expect("plain")
    }

    #[test]
    fn what_is_exported_is_imported_byte_for_byte() {
        for payload in
            ["{\"b\": 1,\"a\":1.50,  \"big\":12345678901234567890123}", " {\n\"a\": 1}\r\n", "null", "\"ü\\u00fc\""]
        {
            let mut event = recorded(3, "org.payment.processed", payload);
            event.message.key = Some("k".into());
            event.message.headers = [("vip".to_owned(), HeaderValue::Bool(true)), ("n".into(), "x".into())].into();
            let line = written(&Entry::of(event.clone(), true).expect("an event"));
            assert!(!line.contains('\n'), "{line}");
            let message = Entry::read(line.as_bytes()).and_then(|entry| entry.message(1000)).expect("legal");
            assert_eq!(message, event.message);
        }
    }

    #[test]
    fn an_entry_has_its_payload_only_where_it_is_wanted() {
        let event = recorded(3, "org.payment.processed", r#"{"a":1}"#);
        let line = written(&Entry::of(event.clone(), false).expect("an event"));
        assert!(line.contains(r#""bytes":7"#) && !line.contains("payload"), "{line}");
        let foreign = Recorded { exchange: "payments".into(), routing_key: "eu.paid".into(), ..event };
        let entry = Entry::of(foreign, true).expect("an event");
        assert_eq!((entry.exchange.as_deref(), entry.routing_key.as_deref()), (Some("payments"), Some("eu.paid")));
    }

    #[test]
    fn what_no_event_can_be_is_refused_with_the_reason() {
        let refusal = |line: &str| {
            let error = Entry::read(line.as_bytes()).and_then(|entry| entry.message(20)).expect_err(line);
            error.to_string()
        };
        for (line, words) in [
            ("{", "no event"),
            (r#"{"name":"payment","id":"1","time":1,"payload":{}}"#, "event name"),
            (r#"{"name":"a.b","id":"","time":1,"payload":{}}"#, "id is empty"),
            (r#"{"name":"a.b","time":1,"payload":{}}"#, "missing field `id`"),
            (r#"{"name":"a.b","id":"1","payload":{}}"#, "missing field `time`"),
            (r#"{"name":"a.b","id":"1","time":1}"#, "`payload`"),
            (r#"{"name":"a.b","id":"1","time":1,"text":"{"}"#, "not JSON"),
            (r#"{"name":"a.b","id":"1","time":1,"binary":[255]}"#, "not UTF-8"),
            (r#"{"name":"a.b","id":"1","time":1,"payload":"a payload of many bytes"}"#, "payload-limit"),
            (r#"{"name":"a.b","id":"1","time":1,"payload":{},"topic":"x"}"#, "unknown field"),
        ] {
            let refused = refusal(line);
            assert!(refused.contains(words), "{line}: {refused}");
        }
    }
}
