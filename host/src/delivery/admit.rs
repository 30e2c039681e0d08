//! The first step: may a plugin see this message at all? What no handler could read becomes a dead letter at once,
//! without running one.

use crate::message::{Message, NotJson, Subject, json_text};
use crate::plugin::Event;

/// Why a message is not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAdmitted {
    #[error("the payload is {size} bytes; `delivery.payload-limit` allows {limit}")]
    TooLarge { size: usize, limit: u64 },
    #[error("the payload is empty; an event needs a JSON payload, `{{}}` at the least")]
    Empty,
    #[error(transparent)]
    NotJson(#[from] NotJson),
    #[error("`{0}` is a task; this subscription handles events")]
    NotAnEvent(Subject),
}

/// Reads a message as an event with a JSON payload.
pub(super) fn admit(message: &Message, payload_limit: u64) -> Result<Event<'_>, NotAdmitted> {
    let Subject::Event(name) = &message.subject else {
        return Err(NotAdmitted::NotAnEvent(message.subject.clone()));
    };
    let size = message.body.len();
    if size as u64 > payload_limit {
        return Err(NotAdmitted::TooLarge { size, limit: payload_limit });
    }
    if message.body.is_empty() {
        return Err(NotAdmitted::Empty);
    }
    // The plugin gets the publisher's own bytes.
    let payload = json_text(&message.body)?;
    Ok(Event {
        name,
        id: &message.id,
        tid: &message.tid,
        time: message.time,
        source: message.source.as_deref(),
        payload,
        headers: &message.headers,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn refusal(body: impl Into<Bytes>) -> Option<NotAdmitted> {
        let message = Message::new(Subject::Event("user.authorized".parse().expect("legal")), body);
        admit(&message, 2000).err()
    }

    #[test]
    fn any_json_text_of_the_right_size_is_admitted() {
        for body in ["{}", "[1]", "null", "\"\"", "0"] {
            assert_eq!(refusal(body), None, "{body}");
        }
    }

    #[test]
    fn what_is_not_json_or_too_large_is_not_admitted() {
        assert_eq!(refusal(""), Some(NotAdmitted::Empty));
        assert!(matches!(refusal("{"), Some(NotAdmitted::NotJson(_))));
        assert!(matches!(refusal(&b"\"\xff\""[..]), Some(NotAdmitted::NotJson(_))));
        assert!(matches!(refusal(vec![b' '; 2001]), Some(NotAdmitted::TooLarge { .. })));
    }
}
