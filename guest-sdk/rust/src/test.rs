//! For an author's tests, natively.

use crate::{Assignment, Event, Handled, Performed, Subscriber, Worker, logger};
use serde::Serialize;

mod world;

#[cfg(not(target_family = "wasm"))]
pub(crate) use world::{answer, bucket, setting};
pub use world::{with_buckets, with_http, with_settings};

/// Delivers an event as the host would: the payload becomes JSON text and is read again into the handler's type, so
/// that a test sees what comes of a payload as publishers write it. Log lines go to standard error.
///
/// ```
/// # use leveret_plugin::prelude::*;
/// #[derive(Deserialize)]
/// struct Login {
///     user: u64,
/// }
///
/// #[subscribe("user.authorized")]
/// fn greet(event: Event<Login>) -> Handled<Task> {
///     Task::new("greeting.send", &json!({ "user": event.payload.user }))
/// }
///
/// # fn main() -> Result<(), Failure> {
/// use leveret_plugin::test::deliver;
/// assert_eq!(deliver::<greet>(json!({ "user": 7 }))?, [Task::new("greeting.send", &json!({ "user": 7 }))?]);
/// assert_eq!(deliver::<greet>(json!({})), Err(reject("the payload does not fit: missing field `user` at line 1 column 2")));
/// # Ok(())
/// # }
/// ```
pub fn deliver<S: Subscriber>(payload: impl Serialize) -> Handled {
    logger::install();
    S::handle(Event::sample(S::EVENT, serde_json::to_string(&payload)?))
}

/// Has a task performed as the host would, likewise: a first attempt, without a key and headers. Where these matter, a
/// test calls the function itself, with an [`Assignment::sample`].
///
/// ```
/// # use leveret_plugin::prelude::*;
/// #[derive(Deserialize)]
/// struct Email {
///     to: String,
/// }
///
/// #[perform("email.send")]
/// fn send(task: Assignment<Email>) -> Handled<Announcement> {
///     Announcement::new("email.sent", &json!({ "to": task.payload.to }))
/// }
///
/// # fn main() -> Result<(), Failure> {
/// use leveret_plugin::test::perform;
/// let performed = perform::<send>(json!({ "to": "ada@example.org" }))?;
/// assert_eq!(performed.announcements, [Announcement::new("email.sent", &json!({ "to": "ada@example.org" }))?]);
/// assert_eq!(performed.tasks, []);
/// # Ok(())
/// # }
/// ```
pub fn perform<W: Worker>(payload: impl Serialize) -> Handled<Performed> {
    logger::install();
    W::perform(Assignment::sample(W::TASK, serde_json::to_string(&payload)?))
}
