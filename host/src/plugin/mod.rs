//! A plugin as the rest of the host sees it: what it describes itself as, and a [`Handler`] to deliver to.
//!
//! Behind it stands wasmtime: `engine` and `sandbox` hold the engines and the limits, `weigh` refuses what would take too long
//! to compile, `compile` turns a file into a component that may be let in, `since_v0_1` speaks the contract, `instance` runs one call in a store, `reuse` keeps stores for
//! plugins that are to have them for more than one call, `fair` and `places` let calls run beside each other, and `component` is the [`Handler`] made of them.

mod background;
mod compile;
mod component;
mod deferral;
mod describe;
mod engine;
mod fair;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod grant;
mod host_time;
mod instance;
mod output;
mod places;
mod refusal;
mod reuse;
mod sandbox;
mod schema;
mod settings;
mod since_v0_1;
mod timetable;
mod trust;
mod weigh;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub use compile::Compiled;
pub use deferral::{Deferral, take_off};
pub use grant::Grants;
pub use refusal::Refusal;
pub use reuse::Reuse;
pub use sandbox::{Compiling, Sandbox, SandboxError, SandboxOptions};
pub use schema::{InvalidSchema, Misfit, Schema};
pub use settings::PluginSettings;
pub use timetable::TimedEvent;
pub use trust::{Distrust, Voucher};

use crate::message::{Attempt, FailedAttempt, Headers, MessageId, Receipt, Subject, Tid, Timestamp};
use crate::name::{EventName, PluginId, TaskName};

/// The SHA-256 of a plugin's file: what tells versions apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads one as `sha256sum` writes it: 64 hexadecimal digits.
    pub fn read(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() || !text.chars().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The first eight hexadecimal digits, for people.
    pub fn short(&self) -> String {
        hexadecimal(&self.0[..4]).collect()
    }
}

fn hexadecimal(bytes: &[u8]) -> impl Iterator<Item = char> + '_ {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).expect("half a byte is one digit");
    bytes.iter().flat_map(move |byte| [digit(byte >> 4), digit(byte & 0xf)])
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0).try_for_each(|digit| f.write_char(digit))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One exact file of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    /// What the plugin calls it.
    pub text: String,
    #[serde(rename = "sha256")]
    pub digest: Digest,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.digest.short())
    }
}

/// What a plugin says of itself, parsed and checked against its place.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Description {
    pub version: String,
    pub summary: String,
    pub subscriptions: BTreeSet<EventName>,
    /// The tasks that it may create, all of its own application.
    pub emits: BTreeSet<TaskName>,
    /// The tasks that it performs, all of its own application.
    pub performs: BTreeSet<TaskName>,
    pub announces: BTreeSet<EventName>,
    pub limits: AskedLimits,
    /// The events among those that it announces which are announced because time has come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timetable: Vec<TimedEvent>,
    /// What payloads must fit, where it says so.
    #[serde(skip)]
    pub schemas: Schemas,
}

/// What payloads must fit, where a plugin says so: of what it handles, and of what it makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schemas {
    pub handled: BTreeMap<Subject, Schema>,
    pub made: BTreeMap<Subject, Schema>,
}

impl Description {
    /// What it handles: the events that it wants, then the tasks that it performs. Each has a subscription.
    pub fn subjects(&self) -> impl Iterator<Item = Subject> + '_ {
        let events = self.subscriptions.iter().cloned().map(Subject::Event);
        events.chain(self.performs.iter().cloned().map(Subject::Task))
    }
}

/// The limits that a plugin asks for; absent means the operator's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct AskedLimits {
    #[serde(rename = "time_ms", serialize_with = "millis")]
    pub time: Option<Duration>,
    /// Bytes.
    pub memory: Option<u64>,
    pub prefetch: Option<NonZeroU16>,
    pub attempts: Option<NonZeroU32>,
}

fn millis<S: serde::Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serializer.serialize_some(&duration.as_millis()),
        None => serializer.serialize_none(),
    }
}

/// What one delivery may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Of wall clock.
    pub time: Duration,
    /// Of time on a processor.
    pub wasm_time: Duration,
    /// Of wall clock, for recovery. All else holds for recovery as it does for a delivery.
    pub recovery: Duration,
    /// Bytes, over all linear memories and tables.
    pub memory: u64,
    /// Messages that may be emitted.
    pub output_count: u32,
    /// Bytes of payload that may be emitted.
    pub output_size: u64,
}

impl Budget {
    /// The budget of a plugin that asks for these limits. It may ask for less than it is given, never for more.
    pub fn within(self, asked: &AskedLimits) -> Self {
        let time = asked.time.map_or(self.time, |asked| asked.min(self.time));
        let memory = asked.memory.map_or(self.memory, |asked| asked.min(self.memory));
        Self { time, memory, ..self }
    }
}

/// A message as a plugin gets it: admitted, so its payload is JSON.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'m> {
    pub what: What<'m>,
    pub id: &'m MessageId,
    pub tid: &'m Tid,
    pub time: Timestamp,
    pub payload: &'m str,
    pub headers: &'m Headers,
}

/// What a message is to the plugin that handles it.
#[derive(Debug, Clone, Copy)]
pub enum What<'m> {
    /// A subscriber's.
    Event { name: &'m EventName, source: Option<&'m str> },
    /// A worker's.
    Task { name: &'m TaskName, attempt: Attempt, key: Option<&'m str> },
}

impl What<'_> {
    pub fn is_task(self) -> bool {
        matches!(self, Self::Task { .. })
    }
}

/// A message that a plugin wants to exist: parsed, its payload JSON, and either a task of its own application or an event
/// that it announces. It has no id and no TID yet, since those are the host's to give.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub subject: Subject,
    pub payload: Bytes,
    /// The ordering key of a task.
    pub key: Option<String>,
    /// As the plugin gave them, with those that the deferral was read from.
    pub headers: Headers,
    /// When it is to be published; `None` for at once.
    pub deferral: Option<Deferral>,
}

/// What a delivery came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Done(Vec<Draft>),
    /// It may work later.
    Retry {
        reason: String,
        after: Option<Duration>,
    },
    /// It will never work.
    Reject {
        reason: String,
    },
}

impl Outcome {
    /// The same with other words for why it failed, if it did.
    fn map_reason(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Done(drafts) => Self::Done(drafts),
            Self::Retry { reason, after } => Self::Retry { reason: words(reason), after },
            Self::Reject { reason } => Self::Reject { reason: words(reason) },
        }
    }
}

/// One delivery's end.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    pub outcome: Outcome,
    pub receipt: Receipt,
}

/// What a plugin's last chance came to: what it emits, or its own failure in words, which changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovered {
    pub answer: Result<Vec<Draft>, String>,
    pub receipt: Receipt,
}

/// Whatever can handle a message. The pipeline knows plugins as this only.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Handles one message. Never fails: whatever goes wrong inside is an outcome.
    async fn handle(&self, message: Incoming<'_>) -> Invocation;

    /// Gives the plugin its last chance for a message, after these attempts; `None` if it has no recovery.
    async fn recover(&self, _message: Incoming<'_>, _attempts: &[FailedAttempt]) -> Option<Recovered> {
        None
    }

    /// Asks whether the plugin can work at all; the error is the reason. One without a probe can.
    async fn healthy(&self) -> Result<(), String> {
        Ok(())
    }
}

/// What it means for a plugin that the pool of memory cannot hold it.
pub const OUTSIDE_POOL: &str = "runs outside the pool, so that each delivery takes longer to begin";

/// What a plugin wants of the host, and what the operator grants it: names only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Uses {
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    pub grants: Vec<String>,
}

/// A version that is verified and takes deliveries.
pub struct Live {
    pub id: PluginId,
    pub version: Version,
    pub description: Description,
    pub uses: Uses,
    /// Why the pool of memory cannot hold it, if it cannot. Each of its deliveries then takes longer to begin.
    pub outside_pool: Option<String>,
    /// Who vouches for its file, where somebody must.
    pub voucher: Option<Voucher>,
    pub handler: Arc<dyn Handler>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Live({} {})", self.id, self.version)
    }
}

/// Which version of which plugin is live at one moment.
pub type LiveSet = BTreeMap<PluginId, Arc<Live>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_sha256sum_writes_it_and_short_as_its_beginning() {
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digest.short(), "ba7816bf");
        assert_eq!(Digest::read(&digest.to_string()), Some(digest));
        for text in ["", "ba7816bf", &"g".repeat(64), &"ü".repeat(32)] {
            assert_eq!(Digest::read(text), None, "{text}");
        }
    }
}
