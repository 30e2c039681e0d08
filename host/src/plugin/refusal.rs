//! Why a file does not become a live version, in words that its author can act on.

use std::path::PathBuf;
use std::time::Duration;

use super::Digest;
use super::instance::Fault;
use super::trust::Distrust;
use crate::name::{AppName, EventName, NameError, QueueName};

/// Why a file is refused. The version before it, if there is one, goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the file could not be read: {0}")]
    Unreadable(String),
    #[error("the file is {size} bytes; `plugins.size-limit` allows {limit}")]
    TooLarge { size: u64, limit: u64 },
    #[error(
        "{0}; the place of a plugin names it: `<app>.wasm` or `<app>/<plugin>.wasm`, in lower-case letters, digits, '-' and '_'"
    )]
    Place(NameError),
    #[error("the file's name makes no plugin of it: use `<app>.wasm` or `<app>/<plugin>.wasm`")]
    NoPlugin,
    #[error(
        "nobody vouches for the file: {why}; sign it with `minisign -S` and a key of `plugins.trust`, or list its SHA-256 \
         {digest} there and start the host again"
    )]
    Untrusted { digest: Digest, why: Distrust },
    #[error("the file is empty")]
    Empty,
    #[error("the file is not WebAssembly: it does not begin with the bytes \\0asm")]
    NotWasm,
    #[error(
        "the file is a core module, not a component; build it for wasm32-wasip2, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    #[error("the host panicked over the file, which is a defect of Leveret: please report it with the file")]
    Panic,
    #[error(
        "the component would take too long to compile: {0}; write it as more and smaller functions, and instantiate less"
    )]
    Toil(String),
    #[error("it was still being compiled after {0:?}, which is longer than a file may take")]
    Endless(Duration),
    #[error("the component does not compile: {0}")]
    Malformed(String),
    #[error(
        "the component does not export `leveret:plugin/manifest@0.1.0`, so it is not a plugin; it exports {}",
        listed(.exports)
    )]
    OtherWorld { exports: Vec<String> },
    #[error("the plugin exports `manifest` but neither `subscriber` nor `worker`, so there is nothing it could do")]
    Idle,
    #[error("the plugin imports what is not granted: {}", .0.iter().map(Import::to_string).collect::<Vec<_>>().join("; "))]
    Imports(Vec<Import>),
    #[error("the plugin does not fit the contract `leveret:plugin@0.1.0`: {0}")]
    Contract(String),
    #[error("`describe` failed: {0}")]
    Describe(Fault),
    #[error("`describe` says what it must not: {}", .0.join("; "))]
    Description(Vec<String>),
    #[error("`timetable` failed: {0}")]
    Timekeeper(Fault),
    #[error("`timetable` says what it must not: {}", .0.join("; "))]
    Timetable(Vec<String>),
    #[error("its queue `{queue}` is the plugin {owner}'s too; rename the plugin's file, the event or the task")]
    QueueTaken { queue: QueueName, owner: String },
    #[error("{} is the same plugin; keep one of the two files", other.display())]
    Twice { other: PathBuf },
    #[error("its `describe` lists neither subscriptions nor tasks that it performs, so it would never run")]
    NothingToHandle,
    #[error("its `describe` lists {lists}, but it does not export `leveret:plugin/{export}@0.1.0`")]
    NotExported { lists: &'static str, export: &'static str },
    #[error(
        "it would announce `{event}`, which begins like the tasks of the application {app}; call the event by its model, \
         such as `email.sent`"
    )]
    ForeignEvent { event: EventName, app: AppName },
    #[error("{0}")]
    Unwelcome(String),
    #[error(
        "{owner} announces `{event}`, which begins like this application's tasks; rename the application or the event"
    )]
    AnnouncedElsewhere { event: EventName, owner: String },
}

/// An import that is not granted, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` ({reason})")]
pub struct Import {
    pub name: String,
    pub reason: String,
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}
