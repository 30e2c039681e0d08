//! What travels, and what strangers send.

use std::collections::BTreeMap;
use std::time::Duration;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, DecimalValue, FieldTable};
use leveret::broker::{Broker, Delay, Destination, Outgoing};
use leveret::message::{Attempt, FailedAttempt, HeaderValue, Receipt, Timestamp};
use leveret::name::QueueName;
use leveret_tests::rabbitmq::Node;

use super::{Stranger, acknowledge, connected, next, outgoing, task, tasks_of};

#[tokio::test]
async fn a_message_arrives_as_it_was_sent_with_its_tid_in_the_body() {
    let broker = connected(&Node::shared().vhost("whole")).await;
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    let mut sent = outgoing("pheidi.email.send", r#"{"to":"a@b.c"}"#);
    let leaves = [
        HeaderValue::Null,
        HeaderValue::Bool(true),
        HeaderValue::Integer(-7),
        HeaderValue::Unsigned(7),
        HeaderValue::Float(0.25),
        HeaderValue::Decimal { scale: 2, value: 1999 },
        HeaderValue::Text("ü".into()),
        HeaderValue::Binary(vec![0, 255]),
        HeaderValue::Time(1_700_000_000),
    ];
    let message = &mut sent.message;
    message.headers.insert("list".into(), HeaderValue::List(leaves.to_vec()));
    message.headers.insert("table".into(), HeaderValue::Table(BTreeMap::from([("a".into(), leaves[4].clone())])));
    for (index, leaf) in leaves.into_iter().enumerate() {
        message.headers.insert(format!("leaf-{index}"), leaf);
    }
    message.attempt = Attempt::new(2).expect("not 0");
    message.source = Some("pheidi".into());
    let failure = FailedAttempt {
        attempt: Attempt::FIRST,
        time: Timestamp::from_millis(1),
        version: "1.0 (abc)".into(),
        reason: "nobody answered".into(),
        receipt: Receipt::default(),
    };
    message.failures.push(failure);

    broker.publish(vec![sent.clone()]).await.expect("published");

    let arrived = acknowledge(next(&mut listener).await).await;
    assert_eq!(arrived, sent.message, "the TID in the body is for others");
}

#[tokio::test]
async fn a_message_without_any_property_is_a_first_attempt() {
    let url = Node::shared().vhost("bare");
    let broker = connected(&url).await;
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    let stranger = Stranger::connect(&url).await;

    stranger.publish("pheidi.email.send", BasicProperties::default(), b"\xff not JSON").await;
    stranger.publish("pheidi.email.send", BasicProperties::default(), b"").await;

    let first = acknowledge(next(&mut listener).await).await;
    let second = acknowledge(next(&mut listener).await).await;
    assert_eq!((first.attempt, first.body.as_ref()), (Attempt::FIRST, b"\xff not JSON".as_slice()));
    assert!(second.body.is_empty() && first.id != second.id && first.tid != second.tid);
}

#[tokio::test]
async fn a_message_of_ponos_keeps_its_tid_and_its_time() {
    let url = Node::shared().vhost("ponos");
    let broker = connected(&url).await;
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    let mut headers = FieldTable::default();
    headers.insert("publisherWorkerName".into(), AMQPValue::LongString("api.user.create".into()));
    let properties =
        BasicProperties::default().with_app_id("api".into()).with_timestamp(1_700_000_000_123).with_headers(headers);
    let stranger = Stranger::connect(&url).await;

    stranger.publish("pheidi.email.send", properties, br#"{"to":"a@b.c","tid":"from-ponos"}"#).await;

    let message = acknowledge(next(&mut listener).await).await;
    assert_eq!(message.tid.as_str(), "from-ponos");
    assert_eq!(message.time.millis(), 1_700_000_000_123);
    assert_eq!(message.source.as_deref(), Some("api"));
    assert_eq!(message.headers["publisherWorkerName"].as_text(), Some("api.user.create"));
}

#[tokio::test]
async fn forged_notes_of_the_host_and_odd_headers_arrive_as_a_first_attempt() {
    let url = Node::shared().vhost("forged");
    let broker = connected(&url).await;
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    let stranger = Stranger::connect(&url).await;
    let mut nested = AMQPValue::Void;
    for _ in 0..200 {
        nested = AMQPValue::FieldArray(vec![nested].into());
    }
    let odd = [
        AMQPValue::LongLongInt(i64::MIN),
        AMQPValue::Timestamp(u64::MAX),
        AMQPValue::LongString("[{".into()),
        AMQPValue::LongString(vec![0xff, 0xfe].into()),
        AMQPValue::DecimalValue(DecimalValue { scale: 255, value: u32::MAX }),
        AMQPValue::Double(f64::MAX),
        AMQPValue::LongLongInt(i64::MAX),
        AMQPValue::LongLongInt(i64::from(u32::MAX) + 1),
        AMQPValue::LongInt(-1),
        AMQPValue::LongString("7".into()),
        AMQPValue::ByteArray(vec![7].into()),
        AMQPValue::FieldTable(FieldTable::default()),
        nested,
    ];
    for value in odd {
        let mut headers = FieldTable::default();
        for name in ["x-leveret-attempt", "x-leveret-failures", "x-leveret-time", "x-death", "tid", "traceparent"] {
            headers.insert(name.into(), value.clone());
        }
        stranger.publish("pheidi.email.send", BasicProperties::default().with_headers(headers), b"{}").await;
        let message = acknowledge(next(&mut listener).await).await;
        assert_eq!((message.attempt, message.failures.len()), (Attempt::FIRST, 0), "{value:?}");
        assert!(message.headers.keys().all(|name| ["tid", "traceparent"].contains(&name.as_str())));
    }
}

#[tokio::test]
async fn the_largest_attempt_that_can_be_forged_is_read_and_never_overflows() {
    let url = Node::shared().vhost("absurd");
    let broker = connected(&url).await;
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    let mut headers = FieldTable::default();
    headers.insert("x-leveret-attempt".into(), AMQPValue::LongLongInt(u32::MAX.into()));
    let properties = BasicProperties::default().with_headers(headers);
    Stranger::connect(&url).await.publish("pheidi.email.send", properties, b"{}").await;
    let mut message = acknowledge(next(&mut listener).await).await;
    assert_eq!(message.attempt.number(), u32::MAX);
    message.attempt = message.attempt.next();
    let destination = Destination::Queue(QueueName::task(&task("pheidi.email.send")));
    broker.publish(vec![Outgoing { destination, message }]).await.expect("published");
    assert_eq!(acknowledge(next(&mut listener).await).await.attempt.number(), u32::MAX);
}

#[tokio::test]
async fn i1_a_forged_past_in_the_delays_loses_nothing() {
    let url = Node::shared().vhost("forged-death");
    let broker = connected(&url).await;
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    let text = |text: &str| AMQPValue::LongString(text.into());
    let mut death = FieldTable::default();
    for (name, value) in [
        ("queue", text("leveret.delay.50")),
        ("exchange", text("leveret.delay.50")),
        ("reason", text("expired")),
        ("count", AMQPValue::LongLongInt(i64::MAX)),
        ("routing-keys", AMQPValue::FieldArray(vec![text("elsewhere")].into())),
    ] {
        death.insert(name.into(), value);
    }
    let mut headers = FieldTable::default();
    headers.insert("x-death".into(), AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into()));
    for name in ["x-first-death-queue", "x-last-death-queue"] {
        headers.insert(name.into(), text("leveret.delay.50"));
    }
    let properties = BasicProperties::default().with_headers(headers).with_message_id("forged".into());
    Stranger::connect(&url).await.publish("pheidi.email.send", properties, b"{}").await;
    for _ in 0..3 {
        let message = acknowledge(next(&mut listener).await).await;
        assert_eq!((message.id.as_str(), message.headers.len()), ("forged", 0), "{:?}", message.headers);
        let home = QueueName::task(&task("pheidi.email.send"));
        let destination = Destination::Delay { home, wait: Delay::nearest(Duration::from_millis(50)) };
        broker.publish(vec![Outgoing { destination, message }]).await.expect("published");
    }
    acknowledge(next(&mut listener).await).await;
}
