//! Poison: what no honest publisher sends. Each settles exactly once, and its place among the prefetched comes back.
//!
//! The host may have one message out at a time. So the healthy event behind each poisonous one is handled only once that
//! one has let go of its place.

use std::num::NonZeroU16;

use lapin::BasicProperties;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use leveret::config::{Attempts, Settings};
use leveret::delivery::{Counts, Record, Settlement};
use leveret::message::Tid;
use leveret_tests::broker::{self, TestBroker};
use leveret_tests::guests;
use leveret_tests::host::TestHost;

use super::*;

on_each_broker!(i7_a_poisonous_payload_settles_once_and_lets_go_of_its_place);

const MEBIBYTE: usize = 1 << 20;

/// How a message is to settle.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    Done,
    Dead,
}

use Expected::{Dead, Done};

impl Expected {
    fn is(self, settlement: &Settlement) -> bool {
        match self {
            Done => *settlement == Settlement::Done,
            Dead => matches!(settlement, Settlement::Dead { .. }),
        }
    }
}

fn payloads() -> Vec<(&'static str, Vec<u8>, Expected)> {
    let emit = |rest: &str| format!(r#"{{"do":"emit"{rest}}}"#).into_bytes();
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let padded = emit(&format!(r#","pad":"{}""#, "x".repeat(16 * MEBIBYTE - 150)));
    assert!((16 * MEBIBYTE - 150..16 * MEBIBYTE).contains(&padded.len()));
    vec![
        ("a list", b"[1]".to_vec(), Dead),
        ("null", b"null".to_vec(), Dead),
        ("an empty string", br#""""#.to_vec(), Dead),
        ("nothing", Vec::new(), Dead),
        ("no UTF-8", b"{\"do\":\"emit\",\"pad\":\"\xff\xfe\"}".to_vec(), Dead),
        ("lists in each other", nested(10_000).into_bytes(), Dead),
        ("lists deep inside", emit(&format!(r#","pad":{}"#, nested(10_000))), Dead),
        ("16 MiB", padded, Done),
        ("over 16 MiB", vec![b'1'; 16 * MEBIBYTE + 1], Dead),
        ("a tid that is an object", emit(r#","tid":{"a":[1]}"#), Done),
        ("a tid that is a number", emit(r#","tid":17"#), Done),
        ("a tid of 300 bytes", emit(&format!(r#","tid":"{}""#, "t".repeat(300))), Done),
        ("an empty tid", emit(r#","tid":"""#), Done),
    ]
}

fn one_at_a_time(settings: &mut Settings) {
    settings.delivery.prefetch = NonZeroU16::MIN;
    // What fails at all dies at once, and so settles once.
    settings.delivery.retry.attempts = Attempts::AtMost(1.try_into().expect("not 0"));
    settings.delivery.breaker.enabled = false;
}

fn healthy() -> String {
    json!({ "do": "emit" }).to_string()
}

async fn i7_a_poisonous_payload_settles_once_and_lets_go_of_its_place(broker: TestBroker) {
    let mut host = TestHost::start_with(&broker, one_at_a_time).await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    let mut poison = Vec::new();
    for (what, body, expected) in payloads() {
        let id = host.publish(PULLED, body).await;
        let next = host.publish(PULLED, healthy()).await;
        assert_eq!(host.record(&next).await.settlement, Settlement::Done, "after {what}");
        poison.push((what, id, expected));
    }
    let records = host.all_records();
    for (what, id, expected) in &poison {
        let of_it: Vec<_> = records.iter().filter(|record| record.id == *id).collect();
        assert!(matches!(of_it[..], [record] if expected.is(&record.settlement)), "{what}: {of_it:?}");
        assert!(!of_it[0].tid.as_str().is_empty() && of_it[0].tid.as_str().len() <= 255, "{what}: {of_it:?}");
    }
    let dead = poison.iter().filter(|(_, _, expected)| *expected == Dead).count();
    let done = 2 * poison.len() - dead;
    let counts = Counts { done: done as u64, dead: dead as u64, ..Counts::default() };
    assert_eq!(host.host.journal.counts(), counts);
    assert_eq!(broker::take(&host.host.broker, broker::dead_letters("puppet"), dead).await.len(), dead);
    assert_eq!(host.tasks(ECHO, done).await.len(), done);
    host.stop().await;
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn list(values: &[&str]) -> AMQPValue {
    AMQPValue::FieldArray(values.iter().map(|value| text(value)).collect::<Vec<_>>().into())
}

fn nested() -> AMQPValue {
    (0..100).fold(AMQPValue::LongInt(2), |inner, _| AMQPValue::FieldArray(vec![inner].into()))
}

/// The note that RabbitMQ makes of a message that went in circles.
fn forged_death() -> AMQPValue {
    let mut death = FieldTable::default();
    for (name, value) in [("queue", "puppet.puppet.pulled"), ("reason", "expired"), ("exchange", PULLED)] {
        death.insert(name.into(), text(value));
    }
    death.insert("count".into(), AMQPValue::LongLongInt(i64::MAX));
    AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into())
}

/// Each with a name, which is its TID by a header, and with what the instruction `do` is.
fn headers() -> Vec<(&'static str, &'static str, AMQPValue)> {
    vec![
        ("a death of a client's", "x-death", forged_death()),
        ("a death that is a text", "x-death", text("yesterday")),
        ("attempt 0", "x-leveret-attempt", AMQPValue::LongInt(0)),
        ("a negative attempt", "x-leveret-attempt", AMQPValue::LongInt(-7)),
        ("an attempt that is a text", "x-leveret-attempt", text("first")),
        ("attempt 2^40", "x-leveret-attempt", AMQPValue::LongLongInt(1 << 40)),
        ("a nested attempt", "x-leveret-attempt", nested()),
        ("the last attempt there is", "x-leveret-attempt", AMQPValue::LongLongInt(u32::MAX.into())),
        ("failures of nonsense", "x-leveret-failures", text(r#"[{"attempt":"no","time":[]}]"#)),
        ("failures that are a number", "x-leveret-failures", AMQPValue::Double(-0.5)),
        ("many failures", "x-leveret-failures", text(&format!("[{}]", vec!["{}"; 10_000].join(",")))),
        ("a time before time", "x-leveret-time", AMQPValue::LongLongInt(i64::MIN)),
        ("a time after all", "x-leveret-time", AMQPValue::LongLongInt(i64::MAX)),
        ("a key of 100 KB", "x-leveret-key", text(&"k".repeat(100_000))),
        ("no trace", "traceparent", text("00-nonsense-\u{0}-zz")),
        ("a trace that is a list", "traceparent", list(&["00"])),
        ("copies", "CC", list(&["leveret.dead.puppet", "billing.invoice.pay"])),
        ("blind copies", "BCC", list(&["leveret.dead.puppet"])),
    ]
}

/// A host, and a stranger on its broker.
struct Scene {
    host: TestHost,
    channel: lapin::Channel,
    _connection: lapin::Connection,
}

impl Scene {
    async fn begin() -> Self {
        let broker = TestBroker::rabbitmq().await;
        let TestBroker::RabbitMq(url) = &broker else { panic!("it is RabbitMQ") };
        let host = TestHost::start_with(&broker, one_at_a_time).await;
        host.install("puppet.wasm", &guests::bytes("puppet")).await;
        // The exchange is bound once an event was heard.
        host.publish(PULLED, healthy()).await;
        let connection = lapin::Connection::connect(url, Default::default()).await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { host, channel, _connection: connection }
    }

    /// Publishes a message that is told by its TID, since its id is what it may lie about.
    async fn publish(&self, tid: &str, properties: BasicProperties, instruction: &Value) {
        let mut headers = properties.headers().clone().unwrap_or_default();
        headers.insert("tid".into(), text(tid));
        let (options, body) = (BasicPublishOptions::default(), instruction.to_string());
        let properties = properties.with_headers(headers);
        let sent = self.channel.basic_publish(PULLED.into(), "".into(), options, body.as_bytes(), properties).await;
        assert!(sent.expect("published").await.expect("RabbitMQ lets it pass").is_ack(), "{tid}");
    }

    /// What became of a message, once the healthy one behind it is handled.
    async fn after(&mut self, tid: &str) -> Vec<Record> {
        let next = self.host.publish(PULLED, healthy()).await;
        assert_eq!(self.host.record(&next).await.settlement, Settlement::Done, "after {tid}");
        self.told(tid)
    }

    fn told(&mut self, tid: &str) -> Vec<Record> {
        let tid = Tid::from_wire(tid).expect("legal");
        self.host.all_records().into_iter().filter(|record| record.tid == tid).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_poisonous_header_settles_once_and_lets_go_of_its_place() {
    let mut scene = Scene::begin().await;
    // Handled well, and failing for good: the copy that is the dead letter has to leave too.
    let reject = json!({ "do": "reject", "reason": "poison" });
    for (what, name, value) in headers() {
        for (instruction, expected) in [(json!({ "do": "emit" }), Done), (reject.clone(), Dead)] {
            let tid = format!("{what}, {expected:?}");
            let mut table = FieldTable::default();
            table.insert(name.into(), value.clone());
            let properties = BasicProperties::default().with_message_id(tid.as_str().into()).with_headers(table);
            scene.publish(&tid, properties, &instruction).await;
            let records = scene.after(&tid).await;
            assert!(matches!(&records[..], [record] if expected.is(&record.settlement)), "{tid}: {records:?}");
        }
    }
    let number = headers().len() as u64;
    // The healthy one behind each, and the one at the beginning.
    let counts = Counts { done: number + 2 * number + 1, dead: number, ..Counts::default() };
    assert_eq!(scene.host.host.journal.counts(), counts);
    let dead = scene.host.host.broker.clone();
    for letter in broker::take(&dead, broker::dead_letters("puppet"), headers().len()).await {
        assert!(!letter.headers.contains_key("x-death") && !letter.headers.contains_key("CC"), "{letter:?}");
    }
    scene.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_an_odd_message_id_settles_once_and_lets_go_of_its_place() {
    let mut scene = Scene::begin().await;
    let emit = json!({ "do": "emit" });
    let long = "i".repeat(255);
    for (tid, id) in [("an id of 255 bytes", Some(long.as_str())), ("an empty id", Some("")), ("no id", None)] {
        let properties =
            id.map_or_else(BasicProperties::default, |id| BasicProperties::default().with_message_id(id.into()));
        scene.publish(tid, properties, &emit).await;
        let records = scene.after(tid).await;
        assert!(matches!(&records[..], [record] if Done.is(&record.settlement)), "{tid}: {records:?}");
    }
    // Whoever says that two messages are the same is believed.
    for (tid, expected) in [("the first", Settlement::Done), ("the second", Settlement::Duplicate)] {
        scene.publish(tid, BasicProperties::default().with_message_id("the same".into()), &emit).await;
        let records = scene.after(tid).await;
        assert!(matches!(&records[..], [record] if record.settlement == expected), "{tid}: {records:?}");
    }
    let counts = Counts { done: 3 + 1 + 5 + 1, duplicate: 1, ..Counts::default() };
    assert_eq!(scene.host.host.journal.counts(), counts);
    scene.host.stop().await;
}

/// Whoever forges the highest attempt there is gains one delivery and a dead letter: the number is believed, as any that
/// could be the host's own, and never runs over.
#[tokio::test(flavor = "multi_thread")]
async fn i5_the_highest_attempt_that_can_be_forged_is_the_last() {
    let mut scene = Scene::begin().await;
    let mut table = FieldTable::default();
    table.insert("x-leveret-attempt".into(), AMQPValue::LongLongInt(u32::MAX.into()));
    let properties = BasicProperties::default().with_message_id("forged".into()).with_headers(table);
    scene.publish("forged", properties, &json!({ "do": "retry", "reason": "busy" })).await;
    let records = scene.after("forged").await;
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record.settlement, Settlement::Dead { reason: "busy".into() });
    assert_eq!(record.attempt.number(), u32::MAX);
    let letter = broker::take_one(&scene.host.host.broker, broker::dead_letters("puppet")).await;
    assert_eq!((letter.id.as_str(), letter.failures.len()), ("forged", 1));
    scene.host.stop().await;
}
