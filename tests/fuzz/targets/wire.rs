//! AMQP properties and headers, as bytes or as values: whatever can be read is a bounded message, which can be written
//! again and then reads back the same.

#![no_main]

use amq_protocol::protocol::BasicProperties;
use amq_protocol::protocol::basic::{gen_properties, parse_properties};
use amq_protocol::types::{AMQPValue, DecimalValue, FieldTable, ShortString};
use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use leveret::broker::rabbitmq::fuzzing;
use leveret::message::{Message, REASON_LIMIT, REMEMBERED_FAILURES, Subject};
use libfuzzer_sys::fuzz_target;

/// The frame limit that RabbitMQ proposes, in bytes.
const FRAME: usize = 131_072;
/// What a frame holds around the properties: its own seven bytes and end, and class, weight and size of the content.
const AROUND: usize = 8 + 12;
/// How deep values lie in each other: deeper than the host reads. The parser of bytes calls itself for each level,
/// without a limit, so that bytes are left out which could nest by hundreds.
const DEPTH: u8 = 20;
const NESTING_BYTES: usize = 200;

fuzz_target!(|delivery: Delivery<'_>| {
    let Delivery { tid_in_body, body, properties } = delivery;
    let body = Bytes::copy_from_slice(body);
    let properties = match properties {
        Properties::Values(properties) => properties,
        // A list or a table begins with its type, one of these.
        Properties::Bytes(bytes) if bytes.iter().filter(|byte| b"AF".contains(byte)).count() > NESTING_BYTES => return,
        Properties::Bytes(bytes) => match parse_properties(bytes) {
            Ok((_, properties)) => properties,
            Err(_) => return,
        },
    };
    let first = message(&properties, &body, tid_in_body);
    bounded(&first);
    // A small frame costs failures first, and refuses what does not fit then.
    for limit in [FRAME, 8192] {
        let Some(written) = write(&first, limit) else { continue };
        assert!(written.len() + AROUND <= limit, "{} bytes", written.len());
        let second = read(&written, &body, tid_in_body);
        same_but_for_headers(&first, &second);
        assert!(first.failures.ends_with(&second.failures), "{first:?}\n{second:?}");
        // Values change their type at most once: from then on the message stays as it is.
        let again = write(&second, limit).expect("what fitted a frame fits it again");
        assert_eq!(read(&again, &body, tid_in_body), second);
    }
});

fn read(properties: &[u8], body: &Bytes, tid_in_body: bool) -> Message {
    let (rest, properties) = parse_properties(properties).expect("what was written can be read");
    assert!(rest.is_empty(), "{rest:?}");
    message(&properties, body, tid_in_body)
}

fn message(properties: &BasicProperties, body: &Bytes, tid_in_body: bool) -> Message {
    let subject = Subject::Event("user.authorized".parse().expect("a legal name"));
    fuzzing::message(subject, properties, body.clone(), tid_in_body)
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

/// What a broker delivers.
#[derive(Debug)]
struct Delivery<'a> {
    tid_in_body: bool,
    body: &'a [u8],
    properties: Properties<'a>,
}

#[derive(Debug)]
enum Properties<'a> {
    Bytes(&'a [u8]),
    /// Such as chance would hardly write as bytes, since each length must be right.
    Values(BasicProperties),
}

impl<'a> Arbitrary<'a> for Delivery<'a> {
    fn arbitrary(from: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        const BODIES: [&[u8]; 3] = [b"", b"{}", br#"{"a":1,"tid":"t"}"#];
        let tid_in_body = from.arbitrary()?;
        let body = if from.arbitrary()? { from.arbitrary()? } else { *from.choose(&BODIES)? };
        let properties = if from.arbitrary()? {
            Properties::Bytes(from.bytes(from.len())?)
        } else {
            Properties::Values(properties(from)?)
        };
        Ok(Self { tid_in_body, body, properties })
    }
}

fn properties(from: &mut Unstructured<'_>) -> arbitrary::Result<BasicProperties> {
    let mut properties = BasicProperties::default();
    for with_text in
        [BasicProperties::with_message_id, BasicProperties::with_correlation_id, BasicProperties::with_app_id]
    {
        if from.arbitrary()? {
            properties = with_text(properties, short(from.arbitrary()?));
        }
    }
    if from.arbitrary()? {
        properties = properties.with_timestamp(from.arbitrary()?);
    }
    Ok(properties.with_headers(table(from, DEPTH)?))
}

fn table(from: &mut Unstructured<'_>, depth: u8) -> arbitrary::Result<FieldTable> {
    const NAMES: [&str; 8] = [
        "x-leveret-attempt",
        "x-leveret-failures",
        "x-leveret-key",
        "x-leveret-time",
        "tid",
        "traceparent",
        "x-death",
        "CC",
    ];
    let mut table = FieldTable::default();
    for _ in 0..from.int_in_range(0..=8)? {
        let name = if from.arbitrary()? { from.arbitrary()? } else { *from.choose(&NAMES)? };
        table.insert(short(name), value(from, depth)?);
    }
    Ok(table)
}

fn value(from: &mut Unstructured<'_>, depth: u8) -> arbitrary::Result<AMQPValue> {
    const FAILURES: [&str; 2] =
        [r#"[{"attempt":1,"time":1,"version":"1","reason":"no answer"}]"#, r#"[{"attempt":0}]"#];
    let deepest = if depth == 0 { 16 } else { 18 };
    Ok(match from.int_in_range(0..=deepest)? {
        0 => AMQPValue::Void,
        1 => AMQPValue::Boolean(from.arbitrary()?),
        2 => AMQPValue::ShortShortInt(from.arbitrary()?),
        3 => AMQPValue::ShortShortUInt(from.arbitrary()?),
        4 => AMQPValue::ShortInt(from.arbitrary()?),
        5 => AMQPValue::ShortUInt(from.arbitrary()?),
        6 => AMQPValue::LongInt(from.arbitrary()?),
        7 => AMQPValue::LongUInt(from.arbitrary()?),
        8 => AMQPValue::LongLongInt(from.arbitrary()?),
        9 => AMQPValue::Float(from.arbitrary()?),
        10 => AMQPValue::Double(from.arbitrary()?),
        11 => AMQPValue::DecimalValue(DecimalValue { scale: from.arbitrary()?, value: from.arbitrary()? }),
        12 => AMQPValue::Timestamp(from.arbitrary()?),
        13 => AMQPValue::ByteArray(from.arbitrary::<&[u8]>()?.into()),
        14 => AMQPValue::LongString(from.arbitrary::<&[u8]>()?.to_vec().into()),
        15 => AMQPValue::LongString(from.choose(&FAILURES)?.to_string().into()),
        16 => AMQPValue::LongString(from.arbitrary::<&str>()?.into()),
        17 => AMQPValue::FieldTable(table(from, depth - 1)?),
        _ => {
            let number = from.int_in_range(0..=4)?;
            let values = (0..number).map(|_| value(from, depth - 1)).collect::<arbitrary::Result<Vec<_>>>()?;
            AMQPValue::FieldArray(values.into())
        }
    })
}

/// Empty where the text is too long for one.
fn short(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap_or_default()
}
