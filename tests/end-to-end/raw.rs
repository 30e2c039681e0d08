//! Events as other services publish them, and as somebody with bad intentions would: over plain AMQP.

use std::collections::{BTreeMap, HashSet};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, DecimalValue, FieldArray, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use leveret::config::Attempts;
use leveret::delivery::{Counts, Settlement};
use leveret_tests::broker::{self, TestBroker};
use leveret_tests::guests;
use leveret_tests::host::TestHost;

use super::*;

/// A host with the puppet, and a stranger on its broker.
struct Stage {
    host: TestHost,
    channel: Channel,
    _connection: Connection,
}

impl Stage {
    async fn new() -> Self {
        let broker = TestBroker::rabbitmq().await;
        let TestBroker::RabbitMq(url) = &broker else { panic!("it is RabbitMQ") };
        let host = TestHost::start_with(&broker, |settings| {
            settings.delivery.retry.attempts = Attempts::AtMost(3.try_into().expect("not 0"));
        })
        .await;
        host.install("puppet.wasm", &guests::bytes("puppet")).await;
        // The exchange is bound once an event was heard.
        host.publish(PULLED, json!({ "do": "emit", "count": 0 }).to_string()).await;
        let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { host, channel, _connection: connection }
    }

    async fn publish(&self, id: &str, instruction: Value, properties: BasicProperties) -> MessageId {
        let (options, body) = (BasicPublishOptions::default(), instruction.to_string());
        let properties = properties.with_message_id(id.into());
        let sent = self.channel.basic_publish(PULLED.into(), "".into(), options, body.as_bytes(), properties).await;
        let confirmed = sent.expect("published").await.expect("RabbitMQ lets it pass");
        assert!(confirmed.is_ack(), "{id}: {confirmed:?}");
        MessageId::from_wire(id).expect("a legal id")
    }
}

fn headers(entries: impl IntoIterator<Item = (&'static str, AMQPValue)>) -> BasicProperties {
    let entries: BTreeMap<_, _> = entries.into_iter().map(|(name, value)| (name.into(), value)).collect();
    BasicProperties::default().with_headers(FieldTable::from(entries))
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// Every type, at the ends of what RabbitMQ lets pass: it knows no NaN and no infinity.
fn every_type() -> Vec<(&'static str, AMQPValue)> {
    let scalars = vec![
        ("boolean", AMQPValue::Boolean(true)),
        ("byte", AMQPValue::ShortShortInt(-1)),
        ("unsigned-byte", AMQPValue::ShortShortUInt(255)),
        ("short", AMQPValue::ShortInt(-1)),
        ("unsigned-short", AMQPValue::ShortUInt(1)),
        ("int", AMQPValue::LongInt(i32::MIN)),
        ("unsigned-int", AMQPValue::LongUInt(u32::MAX)),
        ("long", AMQPValue::LongLongInt(i64::MIN)),
        ("float", AMQPValue::Float(f32::MIN_POSITIVE)),
        ("double", AMQPValue::Double(f64::MAX)),
        ("decimal", AMQPValue::DecimalValue(DecimalValue { scale: 255, value: u32::MAX })),
        ("text", text("ü\u{0}\n")),
        ("time", AMQPValue::Timestamp(u64::MAX)),
        ("bytes", AMQPValue::ByteArray(vec![0, 255].into())),
        ("nothing", AMQPValue::Void),
    ];
    let list: FieldArray = scalars.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>().into();
    let mut table = FieldTable::default();
    table.insert("".into(), AMQPValue::FieldArray(list.clone()));
    let mut all = scalars;
    all.extend([("list", AMQPValue::FieldArray(list)), ("table", AMQPValue::FieldTable(table)), ("", text(""))]);
    all
}

/// The note that RabbitMQ makes of a message that expired in the delay that the puppet asks for.
fn forged_death() -> AMQPValue {
    let mut death = FieldTable::default();
    for (name, value) in [("queue", "leveret.delay.20"), ("reason", "expired"), ("exchange", "")] {
        death.insert(name.into(), text(value));
    }
    death.insert("count".into(), AMQPValue::LongLongInt(1_000_000));
    AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into())
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_headers_of_every_type_disturb_nothing() {
    let mut stage = Stage::new().await;
    let mut ids = vec![stage.publish("all", json!({ "do": "emit" }), headers(every_type())).await];
    for (name, value) in every_type() {
        ids.push(stage.publish(&format!("type-{name}"), json!({ "do": "emit" }), headers([(name, value)])).await);
    }
    for id in &ids {
        assert_eq!(stage.host.record(id).await.settlement, Settlement::Done, "{id}");
    }
    let tasks = stage.host.tasks(ECHO, ids.len()).await;
    let emitted: HashSet<_> = tasks.iter().map(|task| task.id.clone()).collect();
    assert_eq!(emitted, ids.iter().map(|id| derived(id, "puppet")).collect());
    assert_eq!(stage.host.host.journal.counts(), Counts { done: ids.len() as u64 + 1, ..Counts::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_the_host_s_own_headers_in_absurd_values_disturb_nothing() {
    let mut stage = Stage::new().await;
    let mut ids = Vec::new();
    for header in
        ["x-leveret-attempt", "x-leveret-failures", "x-leveret-time", "x-leveret-key", "x-leveret-new", "x-death"]
    {
        for (kind, value) in every_type() {
            let id = format!("{header} as {kind}");
            ids.push(stage.publish(&id, json!({ "do": "emit" }), headers([(header, value)])).await);
        }
    }
    for id in &ids {
        assert_eq!(stage.host.record(id).await.settlement, Settlement::Done, "{id}");
    }
    let tasks = stage.host.tasks(ECHO, ids.len()).await;
    assert!(tasks.iter().all(|task| task.attempt.number() == 1 && task.failures.is_empty()));
    assert_eq!(stage.host.host.journal.counts(), Counts { done: ids.len() as u64 + 1, ..Counts::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_is_claimed_to_be_the_last_is_the_last() {
    let mut stage = Stage::new().await;
    let claimed = headers([("x-leveret-attempt", AMQPValue::LongInt(1_000_000))]);
    let id = stage.publish("m-1", json!({ "do": "retry", "reason": "busy", "after": 20 }), claimed).await;
    let record = stage.host.record(&id).await;
    assert_eq!(record.settlement, Settlement::Dead { reason: "busy".into() });
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_a_forged_death_does_not_lose_an_event_in_its_delay() {
    let mut stage = Stage::new().await;
    let forged = headers([("x-death", forged_death()), ("x-first-death-reason", text("expired"))]);
    let id = stage.publish("m-1", json!({ "do": "retry", "reason": "busy", "after": 20 }), forged).await;
    let records = stage.host.records(&id, 3).await;
    assert_eq!(records.iter().map(|record| record.attempt.number()).collect::<Vec<_>>(), [1, 2, 3]);
    let dead = broker::take_one(&stage.host.host.broker, broker::dead_letters("puppet")).await;
    assert_eq!((dead.id, dead.failures.len()), (id, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_copies_that_a_stranger_asks_for_go_no_further() {
    let mut stage = Stage::new().await;
    let copies = || AMQPValue::FieldArray(vec![text("leveret.dead.puppet"), text("billing.invoice.pay")].into());
    let id = stage.publish("m-1", json!({ "do": "emit" }), headers([("CC", copies()), ("BCC", copies())])).await;
    assert_eq!(stage.host.record(&id).await.settlement, Settlement::Done);
    let task = stage.host.tasks(ECHO, 1).await.remove(0);
    assert!(task.headers.keys().eq(["traceparent"]), "{:?}", task.headers);
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_of_every_kind_disturb_nothing() {
    let mut stage = Stage::new().await;
    let long = "ü".repeat(127);
    let plain = BasicProperties::default;
    let cases = [
        plain().with_delivery_mode(1),
        plain().with_delivery_mode(2).with_priority(255),
        plain().with_timestamp(u64::MAX),
        plain().with_timestamp(0).with_expiration("60000".into()),
        plain().with_content_type("text/xml".into()).with_content_encoding("gzip".into()),
        plain().with_type("billing.invoice.pay".into()).with_app_id(long.as_str().into()),
        plain().with_reply_to("billing.invoice.pay".into()).with_correlation_id(long.as_str().into()),
    ];
    let number = cases.len();
    let mut ids = Vec::new();
    for (index, properties) in cases.into_iter().enumerate() {
        ids.push(stage.publish(&format!("m-{index}"), json!({ "do": "emit" }), properties).await);
    }
    for id in &ids {
        assert_eq!(stage.host.record(id).await.settlement, Settlement::Done, "{id}");
    }
    assert_eq!(stage.host.tasks(ECHO, number).await.len(), number);
}
