//! AMQP properties and headers as bytes: whatever can be read is a bounded message, which can be written again and then
//! reads back the same.

#![no_main]

use amq_protocol::protocol::basic::{gen_properties, parse_properties};
use bytes::Bytes;
use leveret::broker::rabbitmq::fuzzing;
use leveret::message::{Message, REASON_LIMIT, REMEMBERED_FAILURES, Subject};
use libfuzzer_sys::fuzz_target;

/// The frame limit that RabbitMQ proposes, in bytes.
const FRAME: usize = 131_072;
/// What a frame holds around the properties: its own seven bytes and end, and class, weight and size of the content.
const AROUND: usize = 8 + 12;

fuzz_target!(|input: (bool, &[u8], &[u8])| {
    let (tid_in_body, body, properties) = input;
    let body = Bytes::copy_from_slice(body);
    let Some(first) = read(properties, &body, tid_in_body) else { return };
    bounded(&first);
    // A small frame costs failures first, and refuses what does not fit then.
    for limit in [FRAME, 8192] {
        let Some(written) = write(&first, limit) else { continue };
        assert!(written.len() + AROUND <= limit, "{} bytes", written.len());
        let second = read(&written, &body, tid_in_body).expect("what was written can be read");
        same_but_for_headers(&first, &second);
        assert!(first.failures.ends_with(&second.failures), "{first:?}\n{second:?}");
        // Values change their type at most once: from then on the message stays as it is.
        let again = write(&second, limit).expect("what fitted a frame fits it again");
        assert_eq!(read(&again, &body, tid_in_body).as_ref(), Some(&second));
    }
});

fn read(properties: &[u8], body: &Bytes, tid_in_body: bool) -> Option<Message> {
    let subject = Subject::Event("user.authorized".parse().expect("a legal name"));
    let (_, properties) = parse_properties(properties).ok()?;
    Some(fuzzing::message(subject, &properties, body.clone(), tid_in_body))
}

fn write(message: &Message, limit: usize) -> Option<Vec<u8>> {
    let properties = fuzzing::properties(message, limit)?;
    let (bytes, _) = cookie_factory::r#gen(gen_properties(&properties), Vec::new()).expect("memory takes anything");
    Some(bytes)
}

fn bounded(message: &Message) {
    assert!((1..=255).contains(&message.id.as_str().len()));
    assert!((1..=255).contains(&message.tid.as_str().len()));
    assert!(message.failures.len() <= REMEMBERED_FAILURES);
    assert!(message.failures.iter().all(|failure| failure.reason.len() <= REASON_LIMIT));
    let foreign = ["x-death", "x-leveret-", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count"];
    assert!(message.headers.keys().all(|name| !foreign.iter().any(|prefix| name.starts_with(prefix))));
    // RabbitMQ would route by these, past the queue that the host chose (I3).
    assert!(message.headers.keys().all(|name| name != "CC" && name != "BCC"));
}

fn same_but_for_headers(first: &Message, second: &Message) {
    let facts = |message: &Message| {
        let Message { subject, id, tid, source, attempt, key, body, .. } = message.clone();
        (subject, id, tid, source, attempt, key, body)
    };
    assert_eq!(facts(first), facts(second));
    let time = |message: &Message| message.time.millis().min(i64::MAX as u64);
    assert_eq!(time(first), time(second));
    assert!(second.headers.keys().all(|name| first.headers.contains_key(name)));
}
