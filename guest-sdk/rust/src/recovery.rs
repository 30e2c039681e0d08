use crate::{Assignment, Event};
use std::time::SystemTime;

/// A message that failed for good, as the function under `recover` in [`plugin!`](crate::plugin) gets it.
///
/// ```
/// use leveret_plugin::prelude::*;
///
/// fn complain(message: Message, attempts: Vec<FailedAttempt>) -> Handled<Task> {
///     let about = match message {
///         Message::Event(event) => event.name,
///         Message::Task(task) => task.name,
///     };
///     let last = attempts.last().map(|attempt| attempt.reason.as_str());
///     Task::new("complaint.file", &json!({ "about": about, "reason": last }))
/// }
///
/// # fn main() -> Result<(), Failure> {
/// // In a test it is called as any function.
/// let event = Message::Event(Event::sample("user.authorized", "{}".to_string()));
/// let task = complain(event, vec![FailedAttempt::sample(1, "busy")])?;
/// assert_eq!(task, Task::new("complaint.file", &json!({ "about": "user.authorized", "reason": "busy" }))?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// An event, its payload still JSON text: [`Event::parse`] reads it.
    Event(Event<String>),
    /// A task, likewise: [`Assignment::parse`] reads it.
    Task(Assignment<String>),
}

/// One attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// Its number, from 1.
    pub attempt: u32,
    /// When it ended.
    pub time: SystemTime,
    /// The version that ran.
    pub version: String,
    /// Why it failed.
    pub reason: String,
}

impl FailedAttempt {
    /// A failed attempt for tests, with something plausible everywhere else.
    pub fn sample(attempt: u32, reason: impl Into<String>) -> Self {
        Self { attempt, time: SystemTime::UNIX_EPOCH, version: "sample-version".into(), reason: reason.into() }
    }
}
