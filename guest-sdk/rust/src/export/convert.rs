//! Between the contract's values and the author's.

use super::{WitEvent, WitFailedAttempt, WitFailure, WitMessage, WitTask, milliseconds, types};
use crate::{Announcement, Assignment, Event, FailedAttempt, Failure, Message, Performed, Task};
use std::time::{Duration, SystemTime};

fn time(milliseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)
}

pub(super) fn headers(headers: Vec<types::Header>) -> Vec<(String, String)> {
    headers.into_iter().map(|header| (header.name, header.value)).collect()
}

fn given_headers(headers: Vec<(String, String)>) -> Vec<types::Header> {
    headers.into_iter().map(|(name, value)| types::Header { name, value }).collect()
}

impl From<WitEvent> for Event<String> {
    fn from(event: WitEvent) -> Self {
        let WitEvent { name, id, tid, time: published, source, payload, headers: given } = event;
        Event { name, id, tid, time: time(published), source, payload, headers: headers(given) }
    }
}

impl From<Task> for WitTask {
    fn from(task: Task) -> Self {
        WitTask { name: task.name, payload: task.payload, key: task.key, headers: given_headers(task.headers) }
    }
}

impl From<Announcement> for types::Announcement {
    fn from(event: Announcement) -> Self {
        types::Announcement { name: event.name, payload: event.payload, headers: given_headers(event.headers) }
    }
}

impl From<Performed> for types::Performed {
    fn from(performed: Performed) -> Self {
        types::Performed {
            announcements: performed.announcements.into_iter().map(Into::into).collect(),
            tasks: performed.tasks.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<types::Assignment> for Assignment<String> {
    fn from(task: types::Assignment) -> Self {
        let types::Assignment { name, id, tid, time: created, attempt, payload, key, headers: given } = task;
        Assignment { name, id, tid, time: time(created), attempt, payload, key, headers: headers(given) }
    }
}

impl From<Failure> for WitFailure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Retry { reason, after } => {
                WitFailure::Retry(types::Retry { reason, after: after.map(milliseconds) })
            }
            Failure::Reject { reason } => WitFailure::Reject(reason),
        }
    }
}

impl From<WitMessage> for Message {
    fn from(message: WitMessage) -> Self {
        match message {
            WitMessage::Event(event) => Message::Event(event.into()),
            WitMessage::Task(task) => Message::Task(task.into()),
        }
    }
}

impl From<WitFailedAttempt> for FailedAttempt {
    fn from(attempt: WitFailedAttempt) -> Self {
        FailedAttempt {
            attempt: attempt.attempt,
            time: time(attempt.time),
            version: attempt.version,
            reason: attempt.reason,
        }
    }
}
