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
}

/// A queue or exchange that is wanted, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `queue` or `exchange`.
    pub kind: &'static str,
    pub name: String,
    #[serde(flatten)]
    pub standing: Standing,
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
