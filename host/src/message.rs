//! What travels: plain values that know no broker and no wasm.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::str::Utf8Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::name::{EventName, PluginId, QueueName, TaskName};

/// How many failed attempts a message remembers; the oldest are forgotten first, the attempt number never is.
pub const REMEMBERED_FAILURES: usize = 16;
/// The longest reason that a message carries, in bytes.
pub const REASON_LIMIT: usize = 1024;
/// The longest id that a message carries, in bytes: AMQP's short string.
const ID_LIMIT: usize = 255;
/// The longest ordering key, in bytes: as long as an id.
pub const KEY_LIMIT: usize = ID_LIMIT;
/// The name space of the ids that the host derives (a random UUID, fixed for ever).
const DERIVED: Uuid = Uuid::from_u128(0x8a3c_52f1_7d0e_4b6a_9c1f_2e5d_6b70_84a9);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes a foreign id as it is; `None` where it is empty or longer than 255 bytes.
            pub fn from_wire(text: &str) -> Option<Self> {
                (!text.is_empty() && text.len() <= ID_LIMIT).then(|| Self(text.into()))
            }

            /// A new one that sorts by time (UUID version 7).
            pub fn fresh() -> Self {
                Self(Uuid::now_v7().to_string())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// What makes a message the same message, however often it arrives.
    MessageId
);
id!(
    /// The transaction ID that is carried from the first event through everything that it causes.
    Tid
);

impl MessageId {
    /// The id of what a plugin emits in answer to a message: always the same for the same (source, plugin, maker,
    /// index), so that a delivery repeated after a crash emits under the same ids (I2). The index is among what the same
    /// maker made.
    pub fn derived(source: &MessageId, plugin: &PluginId, maker: Maker, index: usize) -> Self {
        let maker = match maker {
            Maker::Handler => "",
            Maker::Announcer => "event/",
            Maker::Recovery => "recovery/",
        };
        // The length prefix keeps different sources and plugins from spelling the same text.
        let text = format!("{}:{source}/{plugin}/{maker}{index}", source.0.len());
        Self(Uuid::new_v5(&DERIVED, text.as_bytes()).to_string())
    }

    /// The id of a copy that a replay makes of an event, to be handled although that was: always the same for the same
    /// replay and event.
    pub fn replayed(run: &MessageId, original: &MessageId) -> Self {
        // What plugins emit begins with a number, so neither spells the other's text.
        let text = format!("replay/{}:{run}/{original}", run.0.len());
        Self(Uuid::new_v5(&DERIVED, text.as_bytes()).to_string())
    }
}

/// What of a plugin made a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// The handler made a task.
    Handler,
    /// The handler announced an event. Counted apart, so that neither gets the other's id where a task that is performed
    /// again comes to one event more.
    Announcer,
    /// A message that recovery gave up may be handled after all, when a person sends it again: what that emits is new.
    Recovery,
}

/// The number of a delivery among those that failed by the handler's fault, counted from 1 (I5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(NonZeroU32);

impl Attempt {
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The attempt of this number; `None` for 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    pub fn number(self) -> u32 {
        self.0.get()
    }

    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    pub fn now() -> Self {
        // A clock set before 1970 reads as 1970.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(since.as_millis().try_into().unwrap_or(u64::MAX))
    }

    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Reads a foreign timestamp. AMQP says seconds, much software writes milliseconds: whatever would lie past the
    /// year 5138 as seconds is milliseconds.
    pub fn from_wire(number: u64) -> Self {
        const LATEST_SECONDS: u64 = 100_000_000_000;
        Self(if number < LATEST_SECONDS { number * 1000 } else { number })
    }

    pub fn millis(self) -> u64 {
        self.0
    }

    pub fn since_epoch(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// Why a payload is not what events and tasks carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotJson {
    #[error("the payload is not JSON, since it is not UTF-8 text: {0}")]
    Text(#[from] Utf8Error),
    #[error("the payload is not JSON: {0}")]
    Json(String),
}

/// The JSON text that a payload is. It is only looked at: numbers may be of any size, and nesting of any depth.
pub fn json_text(payload: &[u8]) -> Result<&str, NotJson> {
    let text = std::str::from_utf8(payload)?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| NotJson::Json(error.to_string()))?;
    Ok(text)
}

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    Event(EventName),
    Task(TaskName),
}

impl Subject {
    /// The queue from which a plugin gets messages of this subject: for an event its own, for a task the task's.
    pub fn queue(&self, plugin: &PluginId) -> QueueName {
        match self {
            Self::Event(event) => QueueName::subscription(plugin, event),
            Self::Task(task) => QueueName::task(task),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Event(event) => event.as_str(),
            Self::Task(task) => task.as_str(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A header's value: AMQP's field types, with the widths of integers and floats folded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeaderValue {
    Null,
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    /// `value / 10^scale`.
    Decimal {
        scale: u8,
        value: u32,
    },
    Text(String),
    Binary(Vec<u8>),
    Time(u64),
    List(Vec<HeaderValue>),
    Table(BTreeMap<String, HeaderValue>),
}

impl HeaderValue {
    /// The value as text, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for HeaderValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// Headers of a message by name, without those that the host itself writes (`x-leveret-*`).
pub type Headers = BTreeMap<String, HeaderValue>;

/// The headers of a dead letter that say how it came to be one: text, and the time in milliseconds since 1970 UTC.
/// Anybody with rights at the broker can write them, so they are for people, not for decisions of right.
pub const DEAD_REASON: &str = "leveret-dead-reason";
pub const DEAD_QUEUE: &str = "leveret-dead-queue";
pub const DEAD_PLUGIN: &str = "leveret-dead-plugin";
pub const DEAD_TIME: &str = "leveret-dead-time";
/// How recovery failed, where it did.
pub const DEAD_RECOVERY: &str = "leveret-dead-recovery";

/// The headers of an event that is given to a plugin once more: the id of the replay, and, where the copy has an id of its
/// own, the event's. Text. Anybody with rights at the broker can write them.
pub const REPLAYED: &str = "leveret-replayed";
pub const REPLAY_OF: &str = "leveret-replay-of";

/// What one delivery cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Wall clock from the call to its end: in the plugin, in the host's calls, and while others had the processor.
    #[serde(rename = "time_us", with = "micros")]
    pub time: Duration,
    /// Time on a processor: in the plugin, in making its instance, and in the host's calls as far as these computed and
    /// did not wait. This is what its limit is held against.
    #[serde(rename = "wasm_time_us", with = "micros")]
    pub wasm_time: Duration,
    /// Wall clock in the host's calls on its behalf, waiting included: all that it imports, and what the engine does for
    /// it, such as growing its memory. What was computed there is in `wasm_time` too. Waiting for its turn on a
    /// processor is in neither. 0 in records from before it was measured.
    #[serde(rename = "host_time_us", with = "micros", default)]
    pub host_time: Duration,
    /// Bytes of linear memory and tables at the most.
    pub peak_memory: u64,
    /// Bytes of payload that went in and came out.
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// Durations as whole microseconds.
mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(duration.as_micros().try_into().unwrap_or(u64::MAX))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_micros)
    }
}

/// One attempt that failed, as the message remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    pub attempt: Attempt,
    pub time: Timestamp,
    /// The version that ran: its text and the first digits of its SHA-256.
    pub version: String,
    pub reason: String,
    #[serde(default)]
    pub receipt: Receipt,
}

/// A message as every broker carries it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub subject: Subject,
    pub id: MessageId,
    pub tid: Tid,
    /// The application that published it, where it says so.
    pub source: Option<String>,
    pub time: Timestamp,
    pub attempt: Attempt,
    /// The newest [`REMEMBERED_FAILURES`] failures, oldest first.
    pub failures: Vec<FailedAttempt>,
    /// Messages of one key are handled one at a time and in order, where that is asked for.
    #[serde(default)]
    pub key: Option<String>,
    pub headers: Headers,
    /// The payload; JSON where Leveret made it, anything where another service did.
    pub body: Bytes,
}

impl Message {
    /// A new message of this moment, on its first attempt, with an id and a TID of its own.
    pub fn new(subject: Subject, body: impl Into<Bytes>) -> Self {
        Self {
            subject,
            id: MessageId::fresh(),
            tid: Tid::fresh(),
            source: None,
            time: Timestamp::now(),
            attempt: Attempt::FIRST,
            failures: Vec::new(),
            key: None,
            headers: Headers::new(),
            body: body.into(),
        }
    }

    /// This message with one more failure in its memory; the attempt stays what it was.
    pub fn with_failure(mut self, failure: FailedAttempt) -> Self {
        let surplus = (self.failures.len() + 1).saturating_sub(REMEMBERED_FAILURES);
        self.failures.drain(..surplus);
        self.failures.push(FailedAttempt { reason: bounded(&failure.reason), ..failure });
        self
    }
}

/// At most [`REASON_LIMIT`] bytes of a reason, cut between characters.
fn bounded(reason: &str) -> String {
    let mut end = reason.len().min(REASON_LIMIT);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_from_before_the_host_s_time_was_measured_is_read() {
        let before = r#"{"time_us":5,"wasm_time_us":3,"peak_memory":2,"bytes_in":1,"bytes_out":0}"#;
        let receipt: Receipt = serde_json::from_str(before).expect("legal");
        assert_eq!((receipt.wasm_time.as_micros(), receipt.host_time), (3, Duration::ZERO));
    }

    fn plugin(app: &str, name: &str) -> PluginId {
        PluginId::new(app.parse().expect("legal"), name.parse().expect("legal"))
    }

    #[test]
    fn i2_a_derived_id_is_the_same_for_the_same_triple_and_no_other() {
        let source = MessageId::from_wire("m-1").expect("legal");
        let other = MessageId::from_wire("m-1/a").expect("legal");
        let id = MessageId::derived(&source, &plugin("a", "a"), Maker::Handler, 0);
        assert_eq!(id, MessageId::derived(&source, &plugin("a", "a"), Maker::Handler, 0));
        let different = [
            MessageId::derived(&source, &plugin("a", "a"), Maker::Handler, 1),
            MessageId::derived(&source, &plugin("a", "b"), Maker::Handler, 0),
            MessageId::derived(&source, &plugin("b", "b"), Maker::Handler, 0),
            MessageId::derived(&source, &plugin("a", "a"), Maker::Announcer, 0),
            MessageId::derived(&source, &plugin("a", "a"), Maker::Recovery, 0),
            MessageId::derived(&other, &plugin("a", "a"), Maker::Handler, 0),
        ];
        assert!(different.iter().all(|d| *d != id));
    }

    #[test]
    fn a_payload_is_one_json_text_of_utf_8() {
        for payload in ["{}", "[1]", "null", "\"\"", " {\"a\": 1} ", "9".repeat(1024).as_str(), "1e999"] {
            assert_eq!(json_text(payload.as_bytes()), Ok(payload));
        }
        for payload in [&b""[..], b"{", b"{} {}", b"nonsense", &[b'['; 100_000]] {
            assert!(matches!(json_text(payload), Err(NotJson::Json(_))), "{payload:?}");
        }
        assert!(matches!(json_text(b"\"\xff\""), Err(NotJson::Text(_))));
    }

    #[test]
    fn foreign_timestamps_may_be_seconds_or_milliseconds() {
        assert_eq!(Timestamp::from_wire(1_700_000_000).millis(), 1_700_000_000_000);
        assert_eq!(Timestamp::from_wire(1_700_000_000_123).millis(), 1_700_000_000_123);
    }

    #[test]
    fn foreign_ids_are_bounded() {
        assert!(MessageId::from_wire("").is_none());
        assert!(MessageId::from_wire(&"x".repeat(256)).is_none());
        assert!(Tid::from_wire(&"x".repeat(255)).is_some());
    }

    #[test]
    fn i8_a_message_remembers_a_bounded_number_of_bounded_failures() {
        let event = "user.authorized".parse().expect("legal");
        let mut message = Message::new(Subject::Event(event), "{}");
        for number in 1..=40 {
            let attempt = Attempt::new(number).expect("not 0");
            let failure = FailedAttempt {
                attempt,
                time: Timestamp::now(),
                version: "1".into(),
                reason: "ü".repeat(4000),
                receipt: Receipt::default(),
            };
            message = message.with_failure(failure);
        }
        assert_eq!(message.failures.len(), REMEMBERED_FAILURES);
        assert_eq!(message.failures[0].attempt.number(), 25);
        assert!(message.failures.iter().all(|f| f.reason.len() <= REASON_LIMIT));
    }
}
