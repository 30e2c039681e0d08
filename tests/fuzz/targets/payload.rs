//! Payloads: what is admitted is JSON to the last byte and stays as it was; a TID is written into an object once, and is
//! read where it was written. The input is a line with the TID, and below it the payload.

#![no_main]

use amq_protocol::protocol::BasicProperties;
use bytes::Bytes;
use leveret::broker::rabbitmq::fuzzing;
use leveret::message::{Subject, Tid, json_text};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|input: &[u8]| {
    let line = input.iter().position(|byte| *byte == b'\n').unwrap_or_default();
    let (tid, payload) = (String::from_utf8_lossy(&input[..line]), &input[line..]);
    let value = serde_json::from_slice::<Value>(payload);
    match json_text(payload) {
        Ok(text) => assert_eq!(text.as_bytes(), payload),
        Err(error) => {
            assert!(value.is_err(), "JSON is refused: {error}");
            assert!(error.to_string().len() <= 300, "{error}");
        }
    }
    let Some(tid) = Tid::from_wire(&tid) else { return };
    let body = Bytes::copy_from_slice(payload);
    let written = fuzzing::body_with_tid(&body, &tid);
    match value {
        Ok(Value::Object(members)) => {
            assert_eq!(tid_of(&written), Some(tid.clone()));
            assert_eq!(fuzzing::body_with_tid(&written, &tid), written);
            let after: Value = serde_json::from_slice(&written).expect("an object stays JSON");
            assert_eq!(without_tid(after), Some(without_the_member(members)));
        }
        Ok(_) => assert_eq!(written, body),
        // Not JSON, or JSON that nests too deep or has numbers too large for a value.
        Err(_) => assert!(written == body || json_text(&written).is_ok()),
    }
});

/// The TID of a message with this body and nothing else.
fn tid_of(body: &Bytes) -> Option<Tid> {
    let subject = Subject::Event("user.authorized".parse().expect("a legal name"));
    Some(fuzzing::message(subject, &BasicProperties::default(), body.clone(), true).tid)
}

fn without_tid(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) => Some(without_the_member(members)),
        _ => None,
    }
}

fn without_the_member(mut members: Map<String, Value>) -> Map<String, Value> {
    members.remove("tid");
    members
}
