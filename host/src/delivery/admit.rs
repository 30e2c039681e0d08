//! The first step: may a plugin see this message at all? What no handler could read becomes a dead letter at once,
//! without running one.

use crate::message::{Message, NotJson, Subject, json_text};
use crate::plugin::{Incoming, Misfit, Schema, What};

/// Why a message is not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    #[error("the payload is {size} bytes; `delivery.payload-limit` allows {limit}")]
    TooLarge { size: usize, limit: u64 },
    #[error("the payload is empty; a message needs a JSON payload, `{{}}` at the least")]
    Empty,
    #[error(transparent)]
    NotJson(#[from] NotJson),
    #[error("the payload does not fit the schema that the plugin declares, {0}")]
    Misfit(#[from] Misfit),
    #[error("it is about `{found}`; this subscription handles `{expected}`")]
    OtherSubject { found: Subject, expected: Subject },
}

/// Reads a message as one of the subject, with a JSON payload that fits the plugin's schema, if it has one.
pub async fn admit<'m>(
    message: &'m Message,
    expected: &Subject,
    payload_limit: u64,
    schema: Option<&Schema>,
) -> Result<Incoming<'m>, NotAdmitted> {
    if message.subject != *expected {
        return Err(NotAdmitted::OtherSubject { found: message.subject.clone(), expected: expected.clone() });
    }
    let size = message.body.len();
    if size as u64 > payload_limit {
        return Err(NotAdmitted::TooLarge { size, limit: payload_limit });
    }
    if message.body.is_empty() {
        return Err(NotAdmitted::Empty);
    }
    // The plugin gets the publisher's own bytes.
    let payload = json_text(&message.body)?;
    if let Some(schema) = schema {
        schema.check_apart(payload).await?;
    }
    let what = match &message.subject {
        Subject::Event(name) => What::Event { name, source: message.source.as_deref() },
        Subject::Task(name) => What::Task { name, attempt: message.attempt, key: message.key.as_deref() },
    };
    Ok(Incoming { what, id: &message.id, tid: &message.tid, time: message.time, payload, headers: &message.headers })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    async fn refusal(body: impl Into<Bytes>) -> Option<NotAdmitted> {
        let message = Message::new(Subject::Event("user.authorized".parse().expect("legal")), body);
        admit(&message, &message.subject, 2000, None).await.err()
    }

    #[tokio::test]
    async fn any_json_text_of_the_right_size_is_admitted() {
        for body in ["{}", "[1]", "null", "\"\"", "0"] {
            assert_eq!(refusal(body).await, None, "{body}");
        }
    }

    #[tokio::test]
    async fn i3_a_message_of_another_subject_is_not_admitted() {
        let message = Message::new(Subject::Task("pheidi.email.send".parse().expect("legal")), "{}");
        assert!(admit(&message, &message.subject, 2000, None).await.is_ok());
        let event = Subject::Event("email.send".parse().expect("legal"));
        assert!(matches!(admit(&message, &event, 2000, None).await, Err(NotAdmitted::OtherSubject { .. })));
    }

    #[tokio::test]
    async fn what_is_not_json_or_too_large_is_not_admitted() {
        assert_eq!(refusal("").await, Some(NotAdmitted::Empty));
        assert!(matches!(refusal("{").await, Some(NotAdmitted::NotJson(_))));
        assert!(matches!(refusal(&b"\"\xff\""[..]).await, Some(NotAdmitted::NotJson(_))));
        assert!(matches!(refusal(vec![b' '; 2001]).await, Some(NotAdmitted::TooLarge { .. })));
    }

    #[tokio::test]
    async fn what_does_not_fit_the_schema_is_not_admitted_and_the_place_is_named() {
        let schema =
            Schema::parse(r#"{"properties": {"user": {"properties": {"age": {"minimum": 0}}}}}"#).expect("legal");
        let check = async |body: &'static str| {
            let message = Message::new(Subject::Event("user.authorized".parse().expect("legal")), body);
            admit(&message, &message.subject, 2000, Some(&schema)).await.map(drop)
        };
        assert_eq!(check(r#"{"user": {"age": 1}}"#).await, Ok(()));
        let misfit = check(r#"{"user": {"age": -1}}"#).await.expect_err("too young");
        assert!(misfit.to_string().contains("/user/age"), "{misfit}");
    }
}
