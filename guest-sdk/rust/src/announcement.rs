use crate::{Failure, payload};
use serde::Serialize;

/// An event that a worker announces: published once its task succeeded.
///
/// Two announcements are equal if their payloads mean the same, whatever the order of fields, so that a test can compare
/// with a payload written as `json!`.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// The event's full name, one of those that [`plugin!`](crate::plugin) lists under `announces`.
    pub name: String,
    /// The payload: one JSON text.
    pub payload: String,
    /// Further headers: name and value.
    pub headers: Vec<(String, String)>,
}

impl Announcement {
    /// An announcement with a payload that serializes to JSON.
    ///
    /// A payload that does not serialize is a rejection, since it would not the next time either.
    pub fn new(name: impl Into<String>, payload: &impl Serialize) -> Result<Announcement, Failure> {
        let name = name.into();
        let payload = payload::write(payload, || format!("event {name}"))?;
        Ok(Announcement { name, payload, headers: Vec::new() })
    }

    /// Adds a header. Names that begin with `x-leveret-` or `x-death` are the host's, and fail the delivery.
    ///
    /// `deliver-at` has the host publish it later: milliseconds since 1970 UTC, or an RFC 3339 moment. With `deliver-id`, a
    /// name within the application, it takes the place of what waits under that name, and `deliver-at: never` takes that back.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Announcement {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl PartialEq for Announcement {
    fn eq(&self, other: &Announcement) -> bool {
        self.name == other.name && self.headers == other.headers && payload::same(&self.payload, &other.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reject;
    use serde_json::json;
    use std::collections::HashMap;

    #[test]
    fn announcements_are_compared_by_what_their_payloads_mean() -> Result<(), Failure> {
        let sent = Announcement::new("email.sent", &json!({ "to": "a@example.org", "id": 7 }))?;
        let payload = r#"{ "id": 7, "to": "a@example.org" }"#.into();
        assert_eq!(sent, Announcement { payload, ..sent.clone() });
        assert_ne!(sent, Announcement::new("email.sent", &json!({ "to": "b@example.org", "id": 7 }))?);
        assert_ne!(sent, sent.clone().header("colour", "blue"));
        Ok(())
    }

    #[test]
    fn a_payload_that_is_not_json_is_rejected() {
        let failure = Announcement::new("email.sent", &HashMap::from([((1, 2), 3)]));
        assert_eq!(failure, Err(reject("the payload of event email.sent is not JSON: key must be a string")));
    }
}
