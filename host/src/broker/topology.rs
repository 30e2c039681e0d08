//! What is wanted at a broker, and how it stands there.

use serde::Serialize;

use super::{Delay, Source};
use crate::name::{AppName, TaskName};

/// Something that should be there.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// A subscription's queue and exchange.
    Subscription(Source),
    /// A task's queue.
    Task(TaskName),
    /// An application's dead letters.
    Dead(AppName),
    /// A delay's queue and exchange.
    Delay(Delay),
    /// Where messages wait for their moment.
    Later,
    /// The history with what leads to it, if one is kept; nothing, if not.
    History,
    /// The exchange that others' exchanges can be told to send to the history what they route nowhere. Made only where a
    /// person asks for it.
    AlternateExchange,
}

/// A queue or exchange that is wanted, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `queue`, `exchange` or `binding`.
    pub kind: &'static str,
    pub name: String,
    #[serde(flatten)]
    pub standing: Standing,
}

/// Something that the host does not want by itself, but that a person may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    pub name: String,
    /// What it is good for.
    pub purpose: String,
    /// How what it needs at the broker stands.
    pub findings: Vec<Finding>,
    /// The commands that bring it about, in their order.
    pub steps: Vec<String>,
    /// What to know before.
    pub notes: Vec<String>,
}

/// How something wanted stands at the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "kebab-case")]
pub enum Standing {
    /// As it would be made. Messages are those of a queue that wait.
    AsWanted {
        messages: Option<u64>,
        consumers: Option<u64>,
    },
    Missing,
    /// There with other settings. It is used as it is; to make it anew, its messages must be out of it first.
    Differs {
        differences: Vec<Difference>,
        messages: Option<u64>,
        consumers: Option<u64>,
    },
}

/// One setting that stands otherwise than wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// In the broker's terms, such as `x-queue-type`.
    pub setting: String,
    pub wanted: String,
    pub found: String,
}
