use crate::Event;
use std::time::SystemTime;

/// A message that failed for good, as the function under `recover` in [`plugin!`](crate::plugin) gets it.
///
/// ```
/// use leveret_plugin::prelude::*;
///
/// fn complain(message: Message, attempts: Vec<FailedAttempt>) -> Handled<Task> {
///     let Message::Event(event) = message else { return Err(reject("this plugin has no tasks")) };
///     let last = attempts.last().map(|attempt| attempt.reason.as_str());
///     Task::new("complaint.file", &json!({ "event": event.id, "reason": last }))
/// }
///
/// # fn main() -> Result<(), Failure> {
/// // In a test it is called as any function.
/// let event = Message::Event(Event::sample("user.authorized", "{}".to_string()));
/// let task = complain(event, vec![FailedAttempt::sample(1, "busy")])?;
/// assert_eq!(task, Task::new("complaint.file", &json!({ "event": "sample-id", "reason": "busy" }))?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// An event, its payload still JSON text: [`Event::parse`] reads it.
    Event(Event<String>),
    /// A task.
    Task(Assignment),
}

/// A task as its worker received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The task's name within the application.
    pub name: String,
    /// What makes it the same task, however often it is delivered.
    pub id: String,
    /// The transaction ID: the same on everything that one first event causes.
    pub tid: String,
    /// When it was created.
    pub time: SystemTime,
    /// The number of the last attempt, from 1.
    pub attempt: u32,
    /// The payload, as JSON text.
    pub payload: String,
    /// The ordering key, if its creator gave one.
    pub key: Option<String>,
    /// Headers that the fields above do not foresee: name and value.
    pub headers: Vec<(String, String)>,
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
