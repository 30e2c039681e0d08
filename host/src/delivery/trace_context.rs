//! The W3C trace context that goes on with everything that a message causes.
//!
//! Taken from the message where it has one. Where it has none, the trace is made of the TID, so that whatever belongs to
//! one transaction belongs to one trace, on every host and in every redelivery (I2).

use sha2::{Digest as _, Sha256};

use crate::message::{HeaderValue, Message};
use crate::name::PluginId;

/// The header's name.
pub(super) const TRACE_PARENT: &str = "traceparent";
/// Version 00, and the flag that says "sampled".
const MADE: (&str, &str) = ("00", "01");

/// The `traceparent` of what a plugin makes of a message: the message's trace, and this delivery as the parent.
pub(super) fn of_delivery(source: &Message, plugin: &PluginId) -> HeaderValue {
    let parent = digits(&format!("{}/{plugin}", source.id), 8);
    let text = source.headers.get(TRACE_PARENT).and_then(HeaderValue::as_text);
    let text = match text.and_then(parse) {
        Some((trace, flags)) => format!("00-{trace}-{parent}-{flags}"),
        None => format!("{}-{}-{parent}-{}", MADE.0, digits(source.tid.as_str(), 16), MADE.1),
    };
    HeaderValue::Text(text)
}

/// The trace id and flags of a `traceparent` of any version (W3C Trace Context, 3.2).
fn parse(text: &str) -> Option<(&str, &str)> {
    let mut fields = text.split('-');
    let (version, trace, parent, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let hexadecimal = |field: &str, length: usize| {
        field.len() == length && field.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let legal = hexadecimal(version, 2)
        && version != "ff"
        && (version != "00" || fields.next().is_none())
        && hexadecimal(trace, 32)
        && hexadecimal(parent, 16)
        && hexadecimal(flags, 2)
        && [trace, parent].iter().all(|field| field.bytes().any(|b| b != b'0'));
    legal.then_some((trace, flags))
}

/// So many bytes that only the text decides, in hexadecimal digits.
fn digits(text: &str, bytes: usize) -> String {
    Sha256::digest(text)[..bytes].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Subject, Tid};

    fn message() -> Message {
        Message::new(Subject::Event("user.authorized".parse().expect("legal")), "{}")
    }

    fn plugin() -> PluginId {
        PluginId::new("pheidi".parse().expect("legal"), "pheidi".parse().expect("legal"))
    }

    fn made_of(message: &Message) -> String {
        of_delivery(message, &plugin()).as_text().expect("text").to_owned()
    }

    #[test]
    fn a_trace_goes_on_with_the_delivery_as_parent() {
        let mut message = message();
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        message.headers.insert(TRACE_PARENT.into(), given.into());
        let made = made_of(&message);
        let (trace, flags) = parse(&made).expect("legal");
        assert_eq!((trace, flags), ("4bf92f3577b34da6a3ce929d0e0e4736", "00"));
        assert_ne!(made, given);
        assert_eq!(made, made_of(&message));
    }

    #[test]
    fn i2_without_a_trace_the_transaction_is_one() {
        let mut one = message();
        one.tid = Tid::from_wire("t").expect("legal");
        let other = Message { tid: one.tid.clone(), ..message() };
        let (one, other) = (made_of(&one), made_of(&other));
        assert_eq!(parse(&one).expect("legal"), parse(&other).expect("legal"));
        assert_ne!(one, other);
    }

    #[test]
    fn a_trace_context_that_is_none_is_made_anew() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let zeros = "0".repeat(32);
        let bad = [
            String::new(),
            "nonsense".into(),
            format!("ff-{trace}-{parent}-01"),
            format!("00-{zeros}-{parent}-01"),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{}-{parent}-01", trace.to_uppercase()),
            format!("00-{trace}-{parent}-01-more"),
            format!("00-{trace}-{parent}"),
        ];
        for text in &bad {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(parse(&format!("01-{trace}-{parent}-01-more")).is_some(), "a later version may say more");
    }
}
