//! What the macros' expansions call: the way between the component's interfaces and the author's functions.

mod convert;
mod duplicate;
#[cfg(test)]
mod tests;

use crate::bindings::imports::leveret::plugin::types;
use crate::{
    Assignment, Event, FailedAttempt, Failure, Handled, IntoPerformed, IntoTasks, Message, Performed, TimedEvent,
    logger,
};
use serde::de::DeserializeOwned;
use std::time::Duration;

pub use crate::bindings::manifest::exports::leveret::plugin::manifest::{Description, Limits, Shape, Subscription};
pub use crate::bindings::timekeeper::exports::leveret::plugin::timekeeper as timed;
pub use crate::bindings::{manifest, probe, recovery, subscriber, timekeeper, worker};
pub use duplicate::has_duplicate;
pub use types::{
    Assignment as WitAssignment, Event as WitEvent, FailedAttempt as WitFailedAttempt, Failure as WitFailure,
    Message as WitMessage, Performed as WitPerformed, Task as WitTask,
};

/// A function with the attribute [`subscribe`](macro@crate::subscribe): the attribute makes a type of the function's name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a subscriber",
    note = "a subscriber is a function with the attribute `#[subscribe(\"event.name\")]`"
)]
pub trait Subscriber {
    /// The event's full name.
    const EVENT: &'static str;
    /// A JSON Schema that payloads must fit.
    const SCHEMA: Option<&'static str>;

    /// Reads the payload and calls the function.
    fn handle(event: Event<String>) -> Handled;
}

/// A function with the attribute [`perform`](macro@crate::perform): the attribute makes a type of the function's name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a worker",
    note = "a worker is a function with the attribute `#[perform(\"task.name\")]`"
)]
pub trait Worker {
    /// The task's name within the application.
    const TASK: &'static str;
    /// A JSON Schema that payloads must fit.
    const SCHEMA: Option<&'static str>;

    /// Reads the payload and calls the function.
    fn perform(task: Assignment<String>) -> Handled<Performed>;
}

/// The body of [`Subscriber::handle`]: finds the function's types by inference.
pub fn handle<T, R, E>(function: fn(Event<T>) -> Result<R, E>, event: Event<String>) -> Handled
where
    T: DeserializeOwned,
    R: IntoTasks,
    E: Into<Failure>,
{
    function(event.parse()?).map(IntoTasks::into_tasks).map_err(Into::into)
}

/// The body of [`Worker::perform`], likewise.
pub fn perform<T, R, E>(function: fn(Assignment<T>) -> Result<R, E>, task: Assignment<String>) -> Handled<Performed>
where
    T: DeserializeOwned,
    R: IntoPerformed,
    E: Into<Failure>,
{
    function(task.parse()?).map(IntoPerformed::into_performed).map_err(Into::into)
}

pub fn subscription<S: Subscriber>() -> Subscription {
    Subscription { event: S::EVENT.into(), schema: S::SCHEMA.map(Into::into) }
}

pub fn performs<W: Worker>() -> Shape {
    shape(W::TASK, W::SCHEMA)
}

pub fn shape(name: &str, schema: Option<&str>) -> Shape {
    Shape { name: name.into(), schema: schema.map(Into::into) }
}

pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The function for one name: a subscriber for [`on_event`], or a worker for [`perform_task`].
pub struct Handler<M, R> {
    name: &'static str,
    handle: fn(M) -> Handled<R>,
}

pub const fn event_handler<S: Subscriber>() -> Handler<Event<String>, Vec<crate::Task>> {
    Handler { name: S::EVENT, handle: S::handle }
}

pub const fn task_handler<W: Worker>() -> Handler<Assignment<String>, Performed> {
    Handler { name: W::TASK, handle: W::perform }
}

/// Hands the event to the one of `handlers` that subscribed to it.
pub fn on_event(
    event: WitEvent,
    handlers: &[Handler<Event<String>, Vec<crate::Task>>],
) -> Result<Vec<WitTask>, WitFailure> {
    logger::install();
    match handlers.iter().find(|handler| handler.name == event.name) {
        Some(handler) => given_tasks((handler.handle)(event.into())).map_err(Into::into),
        None => Err(WitFailure::Reject(format!("the plugin has no subscriber of {}", event.name))),
    }
}

/// Hands the task to the one of `handlers` that performs it.
pub fn perform_task(
    task: WitAssignment,
    handlers: &[Handler<Assignment<String>, Performed>],
) -> Result<WitPerformed, WitFailure> {
    logger::install();
    match handlers.iter().find(|handler| handler.name == task.name) {
        Some(handler) => (handler.handle)(task.into()).map(Into::into).map_err(Into::into),
        None => Err(WitFailure::Reject(format!("the plugin has no worker of {}", task.name))),
    }
}

pub fn recover<R, E>(
    function: fn(Message, Vec<FailedAttempt>) -> Result<R, E>,
    message: WitMessage,
    attempts: Vec<WitFailedAttempt>,
) -> Result<Vec<WitTask>, String>
where
    R: IntoTasks,
    E: Into<Failure>,
{
    logger::install();
    let attempts = attempts.into_iter().map(FailedAttempt::from).collect();
    let recovered = function(message.into(), attempts).map(IntoTasks::into_tasks);
    given_tasks(recovered.map_err(Into::into)).map_err(reason)
}

pub fn healthy<E: Into<Failure>>(function: fn() -> Result<(), E>) -> Result<(), String> {
    logger::install();
    function().map_err(|failure| reason(failure.into()))
}

pub fn timetable<T: IntoIterator<Item = TimedEvent>>(function: fn() -> T) -> Vec<timed::TimedEvent> {
    logger::install();
    function().into_iter().map(Into::into).collect()
}

fn given_tasks(handled: Handled) -> Result<Vec<WitTask>, Failure> {
    handled.map(|tasks| tasks.into_iter().map(WitTask::from).collect())
}

fn reason(failure: Failure) -> String {
    match failure {
        Failure::Retry { reason, .. } | Failure::Reject { reason } => reason,
    }
}
