//! How a message looks on the wire: AMQP properties, headers and body. Pure functions.
//!
//! Of the peers, Ponos 5.8.3 matters most. What it sends: a body that is a JSON object with the TID as the string `tid`
//! (and nothing else carries the TID), the property `app-id`, `timestamp` in *milliseconds*, the header
//! `publisherWorkerName`; no `message-id`, no `delivery-mode`, a `correlation-id` only where the service's own code sets
//! one, for its own ends. What it expects: a JSON object; it takes `tid` from the body or makes one up, refuses a `tid`
//! that is no string where the service gave a schema, and looks at no property. So while `tid_in_body` is on, the body
//! is believed first and written always: both sides then mean the same TID. While it is off, `tid` in a body is the
//! service's own business, and the properties are believed first.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::{body, header, plain};
use crate::broker::ROUTING_KEY;
use crate::message::{Attempt, FailedAttempt, HeaderValue, Headers, Message, MessageId, Subject, Tid, Timestamp};
use crate::name::QueueName;

const ATTEMPT: &str = "x-leveret-attempt";
const FAILURES: &str = "x-leveret-failures";
const TIME: &str = "x-leveret-time";
const KEY: &str = "x-leveret-key";
/// What `type` names: `event` or `task`. Read only where a queue does not tell.
const KIND: &str = "x-leveret-kind";
/// Whether the TID in the body is the host's addition to what the plugin gave.
const TID_ADDED: &str = "x-leveret-tid-added";
/// The TID where other services write it as a header.
const TID: &str = "tid";
/// The place of a message in a stream, as RabbitMQ writes it.
pub(super) const STREAM_OFFSET: &str = "x-stream-offset";
/// What a message is about that says nothing legible of it.
const UNKNOWN: &str = "unknown.message";
/// Survives a restart of the broker, in AMQP's numbers.
pub(super) const PERSISTENT: u8 = 2;
/// What a frame holds besides the headers: at most eight short strings and a few fixed fields, generously.
pub(super) const BESIDES_HEADERS: usize = 2600;

/// A text as AMQP's short string; `None` where it is longer than 255 bytes.
pub(super) fn short(text: &str) -> Option<ShortString> {
    ShortString::try_new(text).ok()
}

/// The properties of a message, which RabbitMQ wants within one frame. The oldest failures are left out as far as that
/// takes; `None` where it does not suffice.
pub(super) fn properties(message: &Message, frame_limit: usize) -> Option<BasicProperties> {
    let headers = headers(message, frame_limit.saturating_sub(BESIDES_HEADERS))?;
    let mut properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_timestamp(message.time.since_epoch().as_secs())
        .with_headers(headers);
    if let Some(id) = short(message.id.as_str()) {
        properties = properties.with_message_id(id);
    }
    if let Some(tid) = short(message.tid.as_str()) {
        properties = properties.with_correlation_id(tid);
    }
    if let Some(subject) = short(message.subject.as_str()) {
        properties = properties.with_type(subject);
    }
    if let Some(source) = message.source.as_deref().and_then(short) {
        properties = properties.with_app_id(source);
    }
    Some(properties)
}

/// The body as other services want it, with the TID in it. Notes on the properties where it was not there before; what
/// a copy has as `tid` stays as it is.
pub(super) fn body_for_others(
    message: &Message,
    properties: BasicProperties,
    is_copy: bool,
) -> (Bytes, BasicProperties) {
    let (body, added) = body::with_tid(&message.body, &message.tid);
    if !added {
        return (if is_copy { message.body.clone() } else { body }, properties);
    }
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert(TID_ADDED.into(), AMQPValue::Boolean(true));
    (body, properties.with_headers(headers))
}

/// The message without the largest of its headers, where they take more than half of the room: the other half is for
/// the host's own notes.
pub(super) fn relieved(message: &Message, frame_limit: usize) -> Message {
    let mut room = frame_limit.saturating_sub(BESIDES_HEADERS) / 2;
    let key = message.key.clone().filter(|key| key.len() < room / 2);
    let mut sized: Vec<_> = message.headers.iter().map(|header| (header::entry_size(header), header)).collect();
    sized.sort_by_key(|(size, _)| *size);
    let fits = |(size, _): &(usize, _)| room.checked_sub(*size).map(|left| room = left).is_some();
    let headers = sized.into_iter().take_while(fits).map(|(_, (name, value))| (name.clone(), value.clone())).collect();
    tracing::warn!(id = %message.id, "its largest headers are left out, since they do not fit the frame that RabbitMQ allows");
    Message { key, headers, ..message.clone() }
}

fn headers(message: &Message, limit: usize) -> Option<FieldTable> {
    let mut headers = FieldTable::default();
    for (name, value) in message.headers.iter().filter(|(name, _)| travels(name)) {
        // A name that does not fit cannot travel.
        if let Some(name) = short(name) {
            headers.insert(name, header::to_amqp(value));
        }
    }
    // It is believed before the properties, so it must not say anything else to whoever reads it next.
    if headers.contains_key(TID) {
        headers.insert(TID.into(), AMQPValue::LongString(message.tid.as_str().into()));
    }
    headers.insert(ATTEMPT.into(), AMQPValue::LongLongInt(message.attempt.number().into()));
    headers.insert(TIME.into(), AMQPValue::LongLongInt(message.time.millis().try_into().unwrap_or(i64::MAX)));
    let kind = match message.subject {
        Subject::Event(_) => "event",
        Subject::Task(_) => "task",
    };
    headers.insert(KIND.into(), AMQPValue::LongString(kind.into()));
    if let Some(key) = &message.key {
        headers.insert(KEY.into(), AMQPValue::LongString(key.as_str().into()));
    }
    let room = limit.checked_sub(header::table_size(&headers) + FAILURES.len() + header::OVERHEAD)?;
    if let Some(failures) = failures(&message.failures, room) {
        headers.insert(FAILURES.into(), AMQPValue::LongString(failures.into()));
    }
    Some(headers)
}

/// The newest failures that fit, as JSON.
fn failures(failures: &[FailedAttempt], room: usize) -> Option<String> {
    (0..failures.len()).find_map(|oldest| {
        // Plain values of texts and numbers: writing them cannot fail.
        serde_json::to_string(&failures[oldest..]).ok().filter(|json| json.len() <= room)
    })
}

/// Whether a header goes on with its message. Not the broker's own notes: RabbitMQ 3.10 takes a message with an old
/// `x-death` for one that goes in circles, and drops it. Not what only this host may write. And not `CC` and `BCC`, by
/// which RabbitMQ would route to queues beside the one that the host chose (I3).
fn travels(name: &str) -> bool {
    let broker = ["x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count", STREAM_OFFSET];
    let host = ["x-leveret-"];
    !(broker.iter().chain(&host).any(|prefix| name.starts_with(prefix)) || matches!(name, "CC" | "BCC"))
}

/// The message that a delivery carries. Accepts anything: what is absent, odd or forged falls back to a default.
pub(super) fn message(subject: Subject, properties: &BasicProperties, body: Bytes, tid_in_body: bool) -> Message {
    let none = FieldTable::default();
    let wire_headers = properties.headers().as_ref().unwrap_or(&none);
    let spare = plain::spare(wire_headers).into_iter().filter(|(name, _)| travels(name));
    let own = wire_headers.inner().iter().filter(|(name, _)| travels(name.as_str()));
    let headers: Headers = spare.chain(own.map(|(name, value)| (name.to_string(), header::from_amqp(value)))).collect();
    // What the plugin gave is what a plugin gets: a schema may allow nothing else.
    let added = matches!(wire_headers.inner().get(TID_ADDED), Some(AMQPValue::Boolean(true)));
    let (taken, body) = if tid_in_body && added { body::take_tid(&body) } else { (None, body) };
    let tid = taken.or_else(|| tid(&headers, properties, &body, tid_in_body)).unwrap_or_else(Tid::fresh);
    let exact = wire_headers.inner().get(TIME).and_then(header::unsigned).map(Timestamp::from_millis);
    let time = exact.or(properties.timestamp().map(Timestamp::from_wire)).unwrap_or_else(Timestamp::now);
    let message = Message {
        subject,
        id: text(properties.message_id()).and_then(MessageId::from_wire).unwrap_or_else(MessageId::fresh),
        tid,
        source: text(properties.app_id()).filter(|source| !source.is_empty()).map(str::to_owned),
        time,
        attempt: attempt(wire_headers).unwrap_or(Attempt::FIRST),
        failures: Vec::new(),
        key: key(wire_headers),
        headers,
        body,
    };
    // One by one, since that keeps to the limits of number and length whatever the header says.
    remembered(wire_headers).into_iter().fold(message, Message::with_failure)
}

/// What a message is about, by its own word: the property `type` has the name, a header whether it is an event's or a
/// task's. Where the header is missing, as on what other services publish, a name is a task's if it is the queue's, and
/// an event's if not; where there is no legal name, the queue's is taken if it is a task's, and then `unknown.message`.
/// So whatever is there comes out, for a person to look at and discard.
pub(super) fn subject(properties: &BasicProperties, queue: &QueueName) -> Subject {
    let name = text(properties.kind()).unwrap_or_default();
    let kind = properties.headers().as_ref().and_then(|headers| headers.inner().get(KIND)).map(header::from_amqp);
    let event = || name.parse().map(Subject::Event).ok();
    let task = || name.parse().map(Subject::Task).ok();
    let told = match kind.as_ref().and_then(HeaderValue::as_text) {
        Some("task") => task(),
        Some("event") => event(),
        _ if name == queue.as_str() => task(),
        _ => event(),
    };
    let of_queue = || queue.as_str().parse().map(Subject::Task).ok();
    told.or_else(of_queue).unwrap_or_else(unknown)
}

/// Which event of the past it is: the one that the exchange is named after, or else the property `type`, or else the
/// routing key, as far as they are legal names.
pub(super) fn recorded_subject(exchange: &str, properties: &BasicProperties, key: &str) -> Subject {
    let names = [exchange, text(properties.kind()).unwrap_or_default(), key];
    let named = names.into_iter().find_map(|name| name.parse().ok());
    named.map_or_else(unknown, Subject::Event)
}

fn unknown() -> Subject {
    Subject::Event(UNKNOWN.parse().expect("it is a legal name"))
}

/// Writes down the routing key that a message came with from another service's exchange, whatever it says itself. What
/// came through the default exchange was put into the queue itself, as a copy from a delay is, and keeps what it has.
pub(super) fn note_routing_key(message: &mut Message, exchange: &str, key: &str) {
    if !exchange.is_empty() {
        message.headers.insert(ROUTING_KEY.to_owned(), key.into());
    }
}

fn text(property: &Option<ShortString>) -> Option<&str> {
    property.as_ref().map(ShortString::as_str)
}

/// The attempt that this host wrote. Whoever may publish to the queue may forge it, and gains no more than that the
/// message is tried less often than it might be: it is delivered once at the least, and kept as a dead letter after.
fn attempt(headers: &FieldTable) -> Option<Attempt> {
    let number = headers.inner().get(ATTEMPT).and_then(header::unsigned)?;
    Attempt::new(u32::try_from(number).ok()?)
}

fn key(headers: &FieldTable) -> Option<String> {
    match headers.inner().get(KEY) {
        Some(AMQPValue::LongString(key)) => std::str::from_utf8(key.as_bytes()).ok().map(str::to_owned),
        _ => None,
    }
}

fn remembered(headers: &FieldTable) -> Vec<FailedAttempt> {
    match headers.inner().get(FAILURES) {
        Some(AMQPValue::LongString(json)) => serde_json::from_slice(json.as_bytes()).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn tid(headers: &Headers, properties: &BasicProperties, payload: &[u8], tid_in_body: bool) -> Option<Tid> {
    let in_body = || body::tid(payload);
    let in_properties = || {
        let header = headers.get(TID).and_then(|tid| Tid::from_wire(tid.as_text()?));
        header.or_else(|| text(properties.correlation_id()).and_then(Tid::from_wire))
    };
    if tid_in_body { in_body().or_else(in_properties) } else { in_properties().or_else(in_body) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Receipt;

    const FRAME: usize = 131_072;

    fn event() -> Subject {
        Subject::Event("user.authorized".parse().expect("legal"))
    }

    fn tid_of(text: &str) -> Tid {
        Tid::from_wire(text).expect("legal")
    }

    fn failed(number: u32, reason: &str) -> FailedAttempt {
        let attempt = Attempt::new(number).expect("not 0");
        FailedAttempt {
            attempt,
            time: Timestamp::from_millis(1),
            version: "1".into(),
            reason: reason.into(),
            receipt: Receipt::default(),
        }
    }

    fn received(message: &Message) -> Message {
        let properties = properties(message, FRAME).expect("small enough");
        super::message(message.subject.clone(), &properties, message.body.clone(), true)
    }

    fn with_headers(headers: &[(&str, AMQPValue)]) -> BasicProperties {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), value.clone());
        }
        BasicProperties::default().with_headers(table)
    }

    #[test]
    fn a_message_comes_back_as_it_was_sent() {
        let mut message = Message::new(event(), "[1]").with_failure(failed(1, "no answer"));
        message.attempt = Attempt::new(2).expect("not 0");
        message.source = Some("pheidi".into());
        message.headers.insert("traceparent".into(), "00-1-2-3".into());
        assert_eq!(received(&message), message);
    }

    #[test]
    fn a_message_with_nothing_on_it_is_a_message() {
        let message = message(event(), &BasicProperties::default(), Bytes::from_static(b"\xff\x00"), true);
        assert_eq!(message.attempt, Attempt::FIRST);
        assert_eq!(message.body, Bytes::from_static(b"\xff\x00"));
        assert!(message.headers.is_empty() && message.failures.is_empty() && message.source.is_none());
    }

    #[test]
    fn absurd_notes_of_the_host_are_a_first_attempt_without_a_past() {
        let texts = ["[{\"attempt\":0}]", "{", "", "[1]", "\u{0}"].map(|text| AMQPValue::LongString(text.into()));
        let odd =
            [AMQPValue::Void, AMQPValue::LongLongInt(-1), AMQPValue::LongLongInt(i64::MAX), AMQPValue::Float(0.5)];
        for value in texts.into_iter().chain(odd).chain([AMQPValue::LongInt(0), AMQPValue::Boolean(true)]) {
            let properties = with_headers(&[(ATTEMPT, value.clone()), (FAILURES, value.clone())]);
            let message = message(event(), &properties, Bytes::new(), true);
            assert_eq!((message.attempt, message.failures.len()), (Attempt::FIRST, 0), "{value:?}");
        }
    }

    #[test]
    fn i8_a_forged_past_is_cut_to_the_limits() {
        let past: Vec<_> = (1..100).map(|number| failed(number, &"ü".repeat(3000))).collect();
        let json = serde_json::to_string(&past).expect("plain values");
        let properties = with_headers(&[(FAILURES, AMQPValue::LongString(json.into()))]);
        let message = message(event(), &properties, Bytes::new(), true);
        assert_eq!(message.failures.len(), crate::message::REMEMBERED_FAILURES);
        assert!(message.failures.iter().all(|failure| failure.reason.len() <= crate::message::REASON_LIMIT));
    }

    #[test]
    fn the_broker_s_notes_and_the_host_s_are_no_headers() {
        let names =
            ["x-death", "x-first-death-queue", "x-last-death-reason", "x-leveret-attempt", "x-leveret-new", "CC"];
        let headers: Vec<_> = names.map(|name| (name, AMQPValue::Void)).into();
        assert!(message(event(), &with_headers(&headers), Bytes::new(), true).headers.is_empty());
    }

    #[test]
    fn i3_no_header_of_a_plugin_routes_or_forges() {
        let mut message = Message::new(event(), "{}");
        for name in ["CC", "BCC", "x-leveret-attempt", "x-leveret-else", "x-death"] {
            message.headers.insert(name.into(), HeaderValue::List(vec!["other.task".into()]));
        }
        let properties = properties(&message, FRAME).expect("small enough");
        let sent: Vec<_> =
            properties.headers().as_ref().expect("headers").inner().keys().map(ShortString::as_str).collect();
        assert_eq!(sent, [ATTEMPT, KIND, TIME]);
    }

    #[test]
    fn a_frame_that_is_too_small_costs_the_oldest_failures_first() {
        let mut message = Message::new(event(), "{}");
        for number in 1..=16 {
            message = message.with_failure(failed(number, &"\u{1}".repeat(1024)));
        }
        let properties = properties(&message, 8192 + BESIDES_HEADERS).expect("small enough without failures");
        assert!(header::table_size(properties.headers().as_ref().expect("headers")) <= 8192);
        let back = super::message(event(), &properties, Bytes::new(), true);
        assert_eq!(back.failures.last().map(|failure| failure.attempt.number()), Some(16));
        assert_eq!(back.failures.len(), 1);

        message.headers.insert("large".into(), "x".repeat(9000).as_str().into());
        assert!(super::properties(&message, 8192 + BESIDES_HEADERS).is_none());
    }

    #[test]
    fn a_ponos_event_keeps_the_tid_of_its_body() {
        let properties = BasicProperties::default().with_correlation_id("for-its-own-ends".into());
        let body = Bytes::from_static(br#"{"a":1,"tid":"t-1"}"#);
        assert_eq!(message(event(), &properties, body.clone(), true).tid, tid_of("t-1"));
        assert_eq!(message(event(), &properties, body, false).tid, tid_of("for-its-own-ends"));
    }

    #[test]
    fn a_tid_that_is_none_is_passed_over() {
        let properties = BasicProperties::default().with_correlation_id("c".into());
        for body in [r#"{"tid":7}"#, r#"{"tid":""}"#, r#"{"tid":null}"#, "[]", "\"tid\"", "{", ""] {
            assert_eq!(message(event(), &properties, Bytes::from(body), true).tid, tid_of("c"), "{body}");
        }
        let header = with_headers(&[("tid", AMQPValue::LongString("h".into()))]).with_correlation_id("c".into());
        assert_eq!(message(event(), &header, Bytes::new(), true).tid, tid_of("h"));
    }

    #[test]
    fn a_header_that_is_no_tid_does_not_become_one_on_its_way() {
        for value in [AMQPValue::Double(f64::NAN), AMQPValue::LongInt(7), AMQPValue::LongString("".into())] {
            let odd = with_headers(&[("tid", value)]).with_correlation_id("c".into());
            let first = message(event(), &odd, Bytes::new(), true);
            assert_eq!((first.tid.as_str(), received(&first).tid.as_str()), ("c", "c"));
        }
    }

    #[test]
    fn a_header_for_the_tid_follows_the_one_of_the_body() {
        let odd = with_headers(&[("tid", AMQPValue::LongString("h".into()))]);
        let first = message(event(), &odd, Bytes::from(r#"{"tid":"b"}"#), true);
        let sent = properties(&first, FRAME).expect("small enough");
        assert_eq!(message(event(), &sent, Bytes::new(), true).tid, tid_of("b"));
    }

    #[test]
    fn what_a_plugin_gave_is_what_a_plugin_gets() {
        let mine = Message::new(event(), r#"{"a":1}"#);
        let through = |message: &Message| {
            let (body, properties) = body_for_others(message, properties(message, FRAME).expect("small enough"), false);
            assert!(str::from_utf8(&body).expect("text").contains(message.tid.as_str()));
            super::message(event(), &properties, body, true)
        };
        assert_eq!((&through(&mine).body, &through(&mine).tid), (&mine.body, &mine.tid));
        let own = Message { tid: tid_of("t"), ..Message::new(event(), r#"{"tid":"t"}"#) };
        assert_eq!(through(&own).body, own.body, "it was there before");
    }

    #[test]
    fn a_time_is_exact_between_hosts_and_whole_or_milliseconds_from_others() {
        let mut message = Message::new(event(), "{}");
        message.time = Timestamp::from_millis(1_700_000_000_123);
        assert_eq!(received(&message).time, message.time);
        for (wire, millis) in [(1_700_000_000, 1_700_000_000_000), (1_700_000_000_123, 1_700_000_000_123)] {
            let properties = BasicProperties::default().with_timestamp(wire);
            assert_eq!(super::message(event(), &properties, Bytes::new(), true).time.millis(), millis);
        }
    }
}
