//! Write Leveret plugins in Rust.
//!
//! A plugin turns events into tasks of its own application (a **subscriber**), performs such tasks and announces what
//! happened (a **worker**), or both. Its author writes an ordinary function for each event and each task and lists the
//! functions in [`plugin!`]; `cargo build --target wasm32-wasip2` gives the component.
//!
//! ```
//! use leveret_plugin::prelude::*;
//!
//! #[derive(Deserialize)]
//! struct Payment {
//!     email: String,
//!     amount: u64,
//! }
//!
//! #[derive(Serialize)]
//! struct Email<'a> {
//!     to: &'a str,
//!     template: &'static str,
//! }
//!
//! #[subscribe("org.payment.processed")]
//! fn thank(event: Event<Payment>) -> Handled<Task> {
//!     if event.payload.amount == 0 {
//!         return Err(reject("a payment of nothing"));
//!     }
//!     Task::new("email.send", &Email { to: &event.payload.email, template: "receipt" })
//! }
//!
//! leveret_plugin::plugin! {
//!     summary: "Thanks people for their payments.",
//!     subscribers: [thank],
//!     emits: ["email.send"],
//! }
//! # fn main() {}
//! ```
//!
//! A worker's function takes the task as an [`Assignment`] and returns what came of it: see [`perform`](macro@perform).
//!
//! # Failing
//!
//! A handler returns [`Handled<T>`], which is `Result<T, Failure>`:
//!
//! - `?` on any error means **retry**: the message waits in the broker and is tried again;
//! - [`retry`] says so with a reason, and [`Failure::after`] when;
//! - [`reject`] means never: the message becomes a dead letter at once. `.map_err(reject)?` turns any error into it.
//!
//! A payload that does not fit the handler's type is rejected with the path to what does not fit. A panic counts as
//! retry, with its text as the reason.
//!
//! # Testing
//!
//! Handlers are plain functions, so a plain `#[test]` calls them, natively: see [`Event::sample`], [`test::deliver`],
//! [`Assignment::sample`], [`test::perform`] and, for what the host would have, [`test::with_settings`],
//! [`test::with_http`] and [`test::with_buckets`].

#![deny(unsafe_code, missing_docs)]

mod announcement;
mod assignment;
mod bindings;
mod event;
#[doc(hidden)]
pub mod export;
mod failure;
pub mod http;
pub mod keyvalue;
mod logger;
mod payload;
mod performed;
mod recovery;
mod setting;
mod task;
pub mod test;
mod timed_event;

pub use announcement::Announcement;
pub use assignment::Assignment;
pub use event::Event;
pub use export::{Subscriber, Worker};
pub use failure::{Failure, Handled, reject, retry};
pub use log;
pub use performed::{IntoPerformed, Part, Performed};
pub use recovery::{FailedAttempt, Message};
pub use serde_json;
pub use setting::setting;
pub use task::{IntoTasks, Task};
pub use timed_event::{Missed, TimedEvent};

/// Makes the crate a plugin. Once in a crate, with at least one subscriber or worker.
///
/// ```
/// use leveret_plugin::prelude::*;
/// use std::time::Duration;
///
/// #[subscribe("user.authorized")]
/// fn greet(event: Event<Value>) -> Handled<Task> {
///     Task::new("greeting.send", &event.payload)
/// }
///
/// #[perform("greeting.send")]
/// fn send(task: Assignment<Value>) -> Handled<Announcement> {
///     Announcement::new("greeting.sent", &json!({ "to": task.payload["user"] }))
/// }
///
/// fn complain(message: Message, attempts: Vec<FailedAttempt>) -> Handled<Task> {
///     let id = match message {
///         Message::Event(event) => event.id,
///         Message::Task(task) => task.id,
///     };
///     Task::new("complaint.file", &json!({ "about": id, "attempts": attempts.len() }))
/// }
///
/// fn healthy() -> Result<(), Failure> {
///     Ok(())
/// }
///
/// fn timetable() -> Vec<TimedEvent> {
///     vec![TimedEvent::cron("greeting.due", "30 8 * * MON-FRI").zone("Europe/Berlin").missed(Missed::Skip)]
/// }
///
/// leveret_plugin::plugin! {
///     version: "1.4.2",                      // the crate's version, unless given
///     summary: "Greets people.",             // the crate's description, unless given
///     subscribers: [greet],                  // one for each event
///     workers: [send],                       // one for each task
///     emits: [                               // the tasks that it may create
///         "greeting.send",
///         { name: "complaint.file", schema: r#"{ "type": "object" }"# },
///     ],
///     announces: [                           // the events that it may announce, written as `emits` is
///         "greeting.sent",
///         "greeting.due",
///     ],
///     limits: {                              // each one optional, and the operator's limits come first
///         time: Duration::from_secs(5),
///         memory: 16 << 20,
///         prefetch: 10,
///         attempts: 5,
///     },
///     recover: complain,                     // optional: called once, before a message becomes a dead letter
///     healthy: healthy,                      // optional: asked before an open breaker lets messages through again
///     timetable: timetable,                  // optional: the events that the host announces because time has come
/// }
/// # fn main() {}
/// ```
///
/// `recover` is called once for a message that failed for good, with its failed attempts, and has a time limit of its own.
/// What it returns is published as a handler's tasks are; an error or a panic is recorded, and the message becomes a dead
/// letter in either case. `healthy` has a second, and sees nothing but the clock, which stands at the moment it is asked.
/// `timetable` is asked once for a version of the plugin: see [`TimedEvent`].
///
/// A task or an announcement with a `schema` is checked before it is published: one that does not fit fails the delivery, as
/// a retry.
///
/// The plugin exports `subscriber` only if it lists subscribers, and `worker` only if it lists workers.
pub use leveret_plugin_macros::plugin;

/// Makes a function the subscriber of one event. List it under `subscribers` in [`plugin!`].
///
/// The function takes an `Event<T>`, where `T` is what the payload is read into, and returns a `Result` of its tasks:
///
/// ```
/// use leveret_plugin::prelude::*;
///
/// #[subscribe("user.authorized")]
/// fn greet(event: Event<Value>) -> Handled<()> {
///     log::info!("hello {}", event.payload["name"]);
///     Ok(())
/// }
/// ```
///
/// With `schema = …`, the payload's JSON Schema as a text, a payload that does not fit becomes a dead letter that says where
/// it does not, and the function does not run: `#[subscribe("user.authorized", schema = include_str!("user.schema.json"))]`.
/// The host refuses a plugin whose schema does not compile or refers to itself. A payload that does not fit the function's
/// type is rejected in any case.
pub use leveret_plugin_macros::subscribe;

/// Makes a function the worker of one task of the plugin's own application. List it under `workers` in [`plugin!`].
///
/// The function takes an [`Assignment<T>`](Assignment), where `T` is what the payload is read into. It changes the world, and
/// returns a `Result` of what came of it: see [`IntoPerformed`].
///
/// ```
/// use leveret_plugin::prelude::*;
///
/// #[derive(Deserialize)]
/// struct Email {
///     to: String,
/// }
///
/// #[perform("email.send")]
/// fn send(task: Assignment<Email>) -> Handled<Announcement> {
///     log::info!("attempt {} to write to {}", task.attempt, task.payload.to);
///     Announcement::new("email.sent", &json!({ "to": task.payload.to }))
/// }
/// ```
///
/// The name is the task's within the application. `schema = …` is as in [`subscribe`](macro@subscribe): a task that does not
/// fit becomes a dead letter that says where it does not, and the function does not run.
pub use leveret_plugin_macros::perform;

/// What nearly every plugin needs: `use leveret_plugin::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Announcement, Assignment, Event, FailedAttempt, Failure, Handled, IntoPerformed, IntoTasks, Message, Missed,
        Performed, Task, TimedEvent, log, perform, reject, retry, setting, subscribe,
    };
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};
}

/// The README's examples compile, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
