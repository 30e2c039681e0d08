//! What a publish promises.

use std::collections::BTreeMap;

use bytes::Bytes;
use leveret::broker::{Destination, Outgoing, PublishError, Published};
use leveret::message::{Attempt, FailedAttempt, HeaderValue, Message, MessageId, Receipt, Subject, Tid, Timestamp};
use leveret::name::QueueName;

use super::*;

pub async fn an_event_reaches_every_subscription_once(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let mut main = listen(&broker, subscribing("pheidi", &paid, 10)).await;
    let mut second = listen(&broker, subscribing("receipts", &paid, 10)).await;
    let published = publish(&broker, vec![announce(&paid), announce(&paid)]).await;
    for listener in [&mut main, &mut second] {
        assert_eq!(ids(&take(listener, 2).await), published);
        nothing_comes(listener).await;
    }
}

pub async fn an_event_that_nobody_hears_is_reported(bench: impl Bench) {
    let broker = bench.connect_without_history().await;
    let (heard, unheard) = (event("user.authorized"), event("user.forgotten"));
    let mut listener = listen(&broker, subscribing("pheidi", &heard, 10)).await;
    let batch = vec![announce(&unheard), announce(&heard)];
    let published = soon("a confirmation", broker.publish(batch.clone())).await;
    assert_eq!(published, Ok(Published { unheard: vec![batch[0].message.id.clone()], kept: false }));
    assert_eq!(next(&mut listener).await.message.id, batch[1].message.id);
}

pub async fn an_event_reaches_only_its_own_subscriptions(bench: impl Bench) {
    let broker = bench.connect().await;
    let (one, other) = (event("user.authorized"), event("user.authorized.twice"));
    let mut to_one = listen(&broker, subscribing("pheidi", &one, 10)).await;
    let mut to_other = listen(&broker, subscribing("pheidi", &other, 10)).await;
    let published = publish(&broker, vec![announce(&other)]).await;
    assert_eq!(ids(&take(&mut to_other, 1).await), published);
    nothing_comes(&mut to_one).await;
}

pub async fn the_queue_of_a_task_is_made(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let queue = QueueName::task(&send);
    assert_eq!(soon("a depth", broker.depth(&queue)).await, Ok(None));
    let published = publish(&broker, vec![order(&send)]).await;
    depth_becomes(&broker, &queue, 1).await;
    let mut listener = listen(&broker, performing(&send, 1)).await;
    assert_eq!(ids(&take(&mut listener, 1).await), published);
}

pub async fn i1_a_message_for_a_missing_queue_is_returned(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let outgoing = Outgoing { destination: Destination::Queue(QueueName::task(&send)), ..order(&send) };
    let id = outgoing.message.id.clone();
    let published = soon("an answer", broker.publish(vec![outgoing])).await;
    assert_eq!(published, Err(PublishError::Returned(vec![id])));
    assert_eq!(soon("a depth", broker.depth(&QueueName::task(&send))).await, Ok(None));
    // The broker goes on.
    publish(&broker, vec![order(&send)]).await;
}

pub async fn a_message_for_one_queue_arrives_there_alone(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let mut main = listen(&broker, subscribing("pheidi", &paid, 10)).await;
    let mut second = listen(&broker, subscribing("receipts", &paid, 10)).await;
    let destination = Destination::Queue(subscription("receipts", &paid));
    let published = publish(&broker, vec![Outgoing { destination, ..announce(&paid) }]).await;
    assert_eq!(ids(&take(&mut second, 1).await), published);
    nothing_comes(&mut main).await;
}

pub async fn i1_a_dead_letter_is_kept_whole(bench: impl Bench) {
    let broker = bench.connect().await;
    let message = message_with_everything();
    publish(&broker, vec![Outgoing { destination: Destination::Dead(app()), message: message.clone() }]).await;
    let queue = QueueName::dead(&app());
    depth_becomes(&broker, &queue, 1).await;
    let mut listener = listen(
        &broker,
        Source { queue, subject: message.subject.clone(), ..performing(&task("pheidi.email.send"), 1) },
    )
    .await;
    assert_same(&next(&mut listener).await.message, &message);
}

pub async fn i1_a_batch_of_1000_is_held_when_it_is_confirmed(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let published = publish(&broker, (0..1000).map(|_| order(&send)).collect()).await;
    depth_becomes(&broker, &QueueName::task(&send), 1000).await;
    let mut listener = listen(&broker, performing(&send, 100)).await;
    assert_eq!(ids(&take(&mut listener, 1000).await), published);
}

pub async fn an_empty_batch_is_published(bench: impl Bench) {
    let broker = bench.connect().await;
    assert!(publish(&broker, Vec::new()).await.is_empty());
}

pub async fn i7_what_50_callers_publish_at_once_arrives_once_each(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let (broker, send) = (broker.clone(), send.clone());
            tokio::spawn(async move { publish(&broker, (0..4).map(|_| order(&send)).collect()).await })
        })
        .collect();
    let mut published = Vec::new();
    for caller in callers {
        published.extend(caller.await.expect("published"));
    }
    let mut listener = listen(&broker, performing(&send, 50)).await;
    let arrived = ids(&take(&mut listener, 200).await);
    assert_eq!(set(arrived), set(published));
    nothing_comes(&mut listener).await;
}

pub async fn i1_a_message_comes_out_as_it_went_in(bench: impl Bench) {
    let broker = bench.connect().await;
    let message = message_with_everything();
    let Subject::Task(task) = message.subject.clone() else { unreachable!("it is a task") };
    let bare = Message { source: None, headers: BTreeMap::new(), ..Message::new(message.subject.clone(), "\"bare\"") };
    let destination = Destination::Task(task.clone());
    let batch =
        [&message, &bare].map(|message| Outgoing { destination: destination.clone(), message: message.clone() });
    publish(&broker, batch.into()).await;
    let mut listener = listen(&broker, performing(&task, 10)).await;
    for sent in [message, bare] {
        let received = next(&mut listener).await;
        assert_same(&received.message, &sent);
        assert!(!received.redelivered);
    }
}

pub async fn i1_bodies_of_every_size_come_out_as_they_went_in(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut listener = listen(&broker, performing(&send, 1)).await;
    for size in [0, 1, 255, 256, 128 * 1024, 1 << 20, 16 << 20] {
        let body: Bytes = (0..size).map(|place: u32| (place % 251) as u8).collect();
        let message = Message::new(Subject::Task(send.clone()), body.clone());
        publish(&broker, vec![Outgoing { destination: Destination::Task(send.clone()), message }]).await;
        let received = acknowledge(next(&mut listener).await).await;
        // Not assert_eq: it would print 16 MiB.
        assert!(received.body == body, "{size} bytes came out as {}", received.body.len());
    }
}

/// A message that uses all that a message has.
pub fn message_with_everything() -> Message {
    let failure = |number| FailedAttempt {
        attempt: Attempt::new(number).expect("not 0"),
        time: Timestamp::from_millis(1_700_000_000_123 + u64::from(number)),
        version: "1.4.2 (3f9ac01b)".into(),
        reason: "connection refused: \"smtp\" – naïve 🐇\nsecond line".into(),
        receipt: Receipt::default(),
    };
    let values = [
        ("null", HeaderValue::Null),
        ("bool", HeaderValue::Bool(true)),
        ("integer", HeaderValue::Integer(-9_007_199_254_740_993)),
        ("unsigned", HeaderValue::Unsigned(9_007_199_254_740_993)),
        ("float", HeaderValue::Float(0.1 + 0.2)),
        ("decimal", HeaderValue::Decimal { scale: 2, value: 1999 }),
        ("text", HeaderValue::Text("naïve 🐇\0 text".into())),
        ("empty-text", HeaderValue::Text(String::new())),
        ("binary", HeaderValue::Binary(vec![0, 159, 146, 150, 255])),
        ("time", HeaderValue::Time(1_700_000_000)),
    ];
    let mut headers: BTreeMap<String, HeaderValue> = values.map(|(name, value)| (name.to_owned(), value)).into();
    let list = HeaderValue::List(headers.values().cloned().collect());
    headers.insert("table".into(), HeaderValue::Table([("list".into(), list.clone())].into()));
    headers.insert("list".into(), list);
    headers.insert("empty-list".into(), HeaderValue::List(Vec::new()));
    headers.insert("traceparent".into(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into());
    Message {
        subject: Subject::Task(task("pheidi.email.send")),
        id: MessageId::from_wire("an id: not a UUID / ü").expect("legal"),
        tid: Tid::from_wire("tid-of-another-service").expect("legal"),
        source: Some("another-service".into()),
        time: Timestamp::from_millis(1_700_000_000_123),
        attempt: Attempt::new(3).expect("not 0"),
        failures: vec![failure(1), failure(2)],
        key: Some("a key: ü".into()),
        headers,
        body: Bytes::from_static(&[0, 1, 2, 254, 255, b'{', 0]),
    }
}

/// The same but for the folding that the suite allows.
pub fn assert_same(received: &Message, sent: &Message) {
    assert_eq!(folded(received), folded(sent));
}

fn folded(message: &Message) -> Message {
    let headers = message.headers.iter().map(|(name, value)| (name.clone(), fold(value))).collect();
    Message { headers, ..message.clone() }
}

fn fold(value: &HeaderValue) -> HeaderValue {
    match value {
        HeaderValue::Unsigned(number) => i64::try_from(*number).map_or_else(|_| value.clone(), HeaderValue::Integer),
        HeaderValue::List(values) => HeaderValue::List(values.iter().map(fold).collect()),
        HeaderValue::Table(table) => {
            HeaderValue::Table(table.iter().map(|(name, value)| (name.clone(), fold(value))).collect())
        }
        _ => value.clone(),
    }
}
