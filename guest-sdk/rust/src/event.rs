use crate::{Failure, payload};
use serde::de::DeserializeOwned;
use std::time::SystemTime;

/// A notice that something happened, with its payload as a `T`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<T> {
    /// The full name, such as `org.payment.processed`.
    pub name: String,
    /// What makes it the same event, however often it is delivered.
    pub id: String,
    /// The transaction ID: the same on everything that one first event causes.
    pub tid: String,
    /// When it was published.
    pub time: SystemTime,
    /// The application that published it, where it says so. Anyone can claim anything here: do not base trust on it.
    pub source: Option<String>,
    /// What the publisher says about it.
    pub payload: T,
    /// Headers that the fields above do not foresee: name and value.
    pub headers: Vec<(String, String)>,
}

impl<T> Event<T> {
    /// An event for tests, with this payload and something plausible everywhere else.
    ///
    /// ```
    /// # use leveret_plugin::prelude::*;
    /// # struct Login { user: u64 }
    /// # fn greet(_: Event<Login>) -> Handled<()> { Ok(()) }
    /// assert_eq!(greet(Event::sample("user.authorized", Login { user: 7 })), Ok(()));
    /// ```
    pub fn sample(name: impl Into<String>, payload: T) -> Event<T> {
        Event {
            name: name.into(),
            id: "sample-id".into(),
            tid: "sample-tid".into(),
            time: SystemTime::UNIX_EPOCH,
            source: None,
            payload,
            headers: Vec::new(),
        }
    }

    /// The value of the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The same event with another payload.
    fn with<U>(self, payload: U) -> Event<U> {
        let Event { name, id, tid, time, source, payload: _, headers } = self;
        Event { name, id, tid, time, source, payload, headers }
    }
}

impl Event<String> {
    /// Reads a payload that is still JSON text. A payload that does not fit `T` is rejected with the path to what does
    /// not fit, since it would not the next time either.
    pub fn parse<T: DeserializeOwned>(self) -> Result<Event<T>, Failure> {
        let payload = payload::read(&self.payload)?;
        Ok(self.with(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_by_name() {
        let mut event = Event::sample("user.authorized", ());
        event.headers.push(("traceparent".into(), "00-1".into()));
        assert_eq!(event.header("traceparent"), Some("00-1"));
        assert_eq!(event.header("tracestate"), None);
    }
}
