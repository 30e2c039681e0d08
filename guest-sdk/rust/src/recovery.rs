use crate::{Event, Task};
use std::time::SystemTime;

/// A message that failed for good, as the function under `recover` in [`plugin!`](crate::plugin) gets it.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// An event, its payload still JSON text: [`Event::parse`] reads it.
    Event(Event<String>),
    /// A task.
    Task(Task),
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
