use crate::{Failure, payload};
use serde::de::DeserializeOwned;
use std::time::SystemTime;

/// A task as its worker receives it, with its payload as a `T`.
///
/// It may come again after it was performed, if the host or the broker died in between: whoever changes the world
/// remembers the `id`, or hands it on as an idempotency key.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment<T> {
    /// The task's name within the application, such as `email.send`.
    pub name: String,
    /// What makes it the same task, however often it is delivered.
    pub id: String,
    /// The transaction ID: the same on everything that one first event causes.
    pub tid: String,
    /// When it was created.
    pub time: SystemTime,
    /// The number of this attempt, from 1. In [`Message`](crate::Message), that of the last one.
    pub attempt: u32,
    /// What its creator gave.
    pub payload: T,
    /// The ordering key, if its creator gave one.
    pub key: Option<String>,
    /// Headers that the fields above do not foresee: name and value.
    pub headers: Vec<(String, String)>,
}

impl<T> Assignment<T> {
    /// A task for tests, with this payload and something plausible everywhere else: a first attempt, without a key.
    ///
    /// ```
    /// # use leveret_plugin::prelude::*;
    /// # struct Email { to: &'static str }
    /// # fn send(_: Assignment<Email>) -> Handled<()> { Ok(()) }
    /// let again = Assignment { attempt: 2, ..Assignment::sample("email.send", Email { to: "ada@example.org" }) };
    /// assert_eq!(send(again), Ok(()));
    /// ```
    pub fn sample(name: impl Into<String>, payload: T) -> Assignment<T> {
        Assignment {
            name: name.into(),
            id: "sample-id".into(),
            tid: "sample-tid".into(),
            time: SystemTime::UNIX_EPOCH,
            attempt: 1,
            payload,
            key: None,
            headers: Vec::new(),
        }
    }

    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The same task with another payload.
    fn with<U>(self, payload: U) -> Assignment<U> {
        let Assignment { name, id, tid, time, attempt, payload: _, key, headers } = self;
        Assignment { name, id, tid, time, attempt, payload, key, headers }
    }
}

impl Assignment<String> {
    /// Reads a payload that is still JSON text. A payload that does not fit `T` is rejected with the path to what does
    /// not fit, since it would not the next time either.
    pub fn parse<T: DeserializeOwned>(self) -> Result<Assignment<T>, Failure> {
        let payload = payload::read(&self.payload)?;
        Ok(self.with(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_keeps_what_it_is_when_its_payload_is_read() {
        let text = Assignment {
            attempt: 3,
            key: Some("k".into()),
            headers: vec![("colour".into(), "blue".into())],
            ..Assignment::sample("email.send", "7".to_string())
        };
        let read = text.clone().parse::<u64>();
        assert_eq!(read, Ok(text.clone().with(7)));
        assert_eq!(text.header("colour"), Some("blue"));
        assert!(text.parse::<bool>().is_err_and(|failure| failure.reason().starts_with("the payload does not fit")));
    }
}
