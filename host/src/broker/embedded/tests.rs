//! What only the file, or a look behind the port, can show.

use std::num::NonZeroU16;
use std::time::Duration;

use super::*;
use crate::broker::{Binding, Condition, Destination, Exchange, Passage, Received, Recorded, Routing, Standing};
use crate::message::{HeaderValue, Message, Subject};
use crate::name::{EventName, PluginId, TaskName};

fn task() -> TaskName {
    "pheidi.email.send".parse().expect("legal")
}

fn order(body: Vec<u8>) -> Outgoing {
    Outgoing { destination: Destination::Task(task()), message: Message::new(Subject::Task(task()), body) }
}

fn source(prefetch: u16) -> Source {
    let prefetch = NonZeroU16::new(prefetch).expect("not 0");
    Source::task(task(), prefetch)
}

fn single_active(prefetch: u16) -> Source {
    Source { single_active: true, ..source(prefetch) }
}

fn subscription() -> Source {
    let event: EventName = "user.authorized".parse().expect("legal");
    let plugin = PluginId::new("pheidi".parse().expect("legal"), "pheidi".parse().expect("legal"));
    Source::event(QueueName::subscription(&plugin, &event), event, NonZeroU16::MIN)
}

/// Publishes messages that say 0, 1, 2 and so on.
async fn publish(broker: &EmbeddedBroker, number: u8) {
    broker.publish((0..number).map(|number| order(vec![number])).collect()).await.expect("published");
}

/// What the next message of a listener says.
async fn next(listener: &mut Box<dyn Listener>) -> (u8, Received) {
    let received = listener.next().await.expect("goes on");
    (received.message.body[0], received)
}

async fn nothing_comes(listener: &mut Box<dyn Listener>) {
    let silence = tokio::time::timeout(Duration::from_millis(100), listener.next()).await;
    assert!(silence.is_err(), "{silence:?}");
}

fn broker() -> (tempfile::TempDir, Arc<EmbeddedBroker>) {
    keeping(Retention { age: Duration::from_hours(1), size: 1 << 30 })
}

fn keeping(retention: Retention) -> (tempfile::TempDir, Arc<EmbeddedBroker>) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = EmbeddedBroker::open_keeping(directory.path().join("broker.db"), Some(retention)).expect("opens");
    (directory, broker)
}

async fn limit(broker: &EmbeddedBroker, pages: Option<u32>) {
    broker.worker.ask(move |store, _| store.limit(pages), |(), _| ()).await.expect("limits");
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_a_full_disk_fails_the_publish_and_shows_until_there_is_room() {
    let (_directory, broker) = broker();
    let kept = order(vec![1]);
    broker.publish(vec![kept.clone()]).await.expect("there is room");
    limit(&broker, Some(4)).await;
    let mut status = broker.status();
    let down = |status: &BrokerStatus| matches!(status, BrokerStatus::Down { reason } if reason.contains("full"));
    let shown = tokio::spawn(async move { status.wait_for(down).await.is_ok() });
    let error = broker.publish(vec![order(vec![2]), order(vec![0; 1 << 20])]).await.expect_err("there is no room");
    assert!(matches!(&error, PublishError::Unreachable(reason) if reason.contains("full")), "{error}");
    assert!(shown.await.expect("watched"));

    limit(&broker, None).await;
    let ready = |status: &BrokerStatus| *status == BrokerStatus::Ready;
    broker.status().wait_for(ready).await.expect("it mends itself");
    assert_eq!(broker.depth(&QueueName::task(&task())).await, Ok(Some(1)));
    let mut listener = broker.listen(source(10)).await.expect("listens");
    assert_eq!(listener.next().await.expect("goes on").message, kept.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_what_could_not_be_read_back_is_refused() {
    let (_directory, broker) = broker();
    let mut outgoing = order(Vec::new());
    let deep = (0..1000).fold(HeaderValue::Null, |inner, _| HeaderValue::List(vec![inner]));
    outgoing.message.headers.insert("deep".into(), deep);
    let id = outgoing.message.id.clone();
    let published = broker.publish(vec![order(Vec::new()), outgoing]).await;
    assert_eq!(published, Err(PublishError::Refused(vec![id])));
    assert_eq!(broker.depth(&QueueName::task(&task())).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_message_that_cannot_be_read_holds_up_no_other() {
    let (_directory, broker) = broker();
    let good = order(vec![2]);
    broker.publish(vec![order(vec![1]), good.clone()]).await.expect("published");
    broker.worker.ask(|store, _| store.spoil_the_oldest(), |(), _| ()).await.expect("spoiled");
    let mut listener = broker.listen(source(1)).await.expect("listens");
    assert_eq!(listener.next().await.expect("goes on").message, good.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_message_stays_out_as_long_as_its_listener_lasts() {
    let (_directory, broker) = broker();
    broker.publish(vec![order(vec![1])]).await.expect("published");
    let mut listener = broker.listen(source(2)).await.expect("listens");
    drop(listener.next().await.expect("goes on"));
    assert_eq!(broker.depth(&QueueName::task(&task())).await, Ok(Some(0)));
    let again = tokio::time::timeout(Duration::from_millis(100), listener.next()).await;
    assert!(again.is_err(), "{again:?}");
    drop(listener);
    assert_eq!(broker.depth(&QueueName::task(&task())).await, Ok(Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listen_given_up_takes_no_messages() {
    let (_directory, broker) = broker();
    // Polled once, so that the order is out, and dropped before its answer.
    let given_up = tokio::time::timeout(Duration::ZERO, broker.listen(source(10))).await;
    drop(given_up);
    let outgoing = order(vec![1]);
    broker.publish(vec![outgoing.clone()]).await.expect("published");
    let mut listener = broker.listen(source(1)).await.expect("listens");
    assert_eq!(listener.next().await.expect("goes on").message, outgoing.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_of_other_services_are_refused_with_what_to_do() {
    let (_directory, broker) = broker();
    let exchange = Exchange { name: "orders".into(), routing: Routing::Fanout };
    let source = Source { binding: Binding::Exchange(exchange), ..subscription() };
    let declared = broker.declare(&Wanted::Subscription(source.clone())).await.expect_err("there is none");
    let listened = broker.listen(source.clone()).await.map(drop).expect_err("there is none");
    assert_eq!(declared, listened);
    assert!(matches!(&listened, BrokerError::Refused(reason) if reason.contains("set `broker.url`")), "{listened}");
    assert_eq!(broker.depth(&source.queue).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_the_next_listener_is_active_once_all_of_the_one_before_is_settled_or_back() {
    let (_directory, broker) = broker();
    let mut first = broker.listen(single_active(2)).await.expect("listens");
    let mut second = broker.listen(single_active(10)).await.expect("listens");
    publish(&broker, 5).await;
    let [(0, zero), (1, one)] = [next(&mut first).await, next(&mut first).await] else { panic!("out of order") };
    nothing_comes(&mut second).await;
    first.stop().await;
    nothing_comes(&mut second).await;
    zero.receipt.acknowledge().await.expect("acknowledged");
    nothing_comes(&mut second).await;
    one.receipt.give_back().await.expect("given back");
    for number in 1..5 {
        assert_eq!(next(&mut second).await.0, number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_the_next_listener_is_active_once_the_one_before_is_dropped() {
    let (_directory, broker) = broker();
    let mut first = broker.listen(single_active(3)).await.expect("listens");
    let mut second = broker.listen(single_active(3)).await.expect("listens");
    publish(&broker, 4).await;
    let (number, taken) = next(&mut first).await;
    drop(first);
    // Its delivery still goes on.
    nothing_comes(&mut second).await;
    taken.receipt.acknowledge().await.expect("acknowledged");
    let mut seen = vec![number];
    for _ in 0..3 {
        let (number, received) = next(&mut second).await;
        received.receipt.acknowledge().await.expect("acknowledged");
        seen.push(number);
    }
    assert_eq!(seen, [0, 1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browse_takes_in_order_what_nobody_else_has() {
    let (_directory, broker) = broker();
    let queue = QueueName::task(&task());
    publish(&broker, 5).await;
    let mut listener = broker.listen(source(1)).await.expect("listens");
    let (_, listened) = next(&mut listener).await;
    let mut browse = broker.browse(&queue).await.expect("browses");
    let mut seen = Vec::new();
    while let Some(received) = browse.next().await.expect("reads") {
        // Its receipt is dropped, and it does not come again all the same.
        seen.push(received.message.body[0]);
    }
    assert_eq!(seen, [1, 2, 3, 4]);
    assert_eq!(broker.depth(&queue).await, Ok(Some(0)));
    listened.receipt.acknowledge().await.expect("acknowledged");
    nothing_comes(&mut listener).await;

    drop(browse);
    assert_eq!(next(&mut listener).await.0, 1);
    assert_eq!(broker.depth(&queue).await, Ok(Some(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_what_a_browse_settled_is_gone_and_the_rest_is_back_at_its_end() {
    let (_directory, broker) = broker();
    let queue = QueueName::task(&task());
    publish(&broker, 3).await;
    let mut browse = broker.browse(&queue).await.expect("browses");
    let mut taken = Vec::new();
    while let Some(received) = browse.next().await.expect("reads") {
        taken.push(received);
    }
    let kept = taken.pop().expect("there are three");
    let given_back = taken.pop().expect("there are three");
    given_back.receipt.give_back().await.expect("given back");
    let settled = taken.pop().expect("there are three");
    settled.receipt.acknowledge().await.expect("acknowledged");
    assert_eq!(broker.depth(&queue).await, Ok(Some(1)));
    drop(browse);
    assert_eq!(broker.depth(&queue).await, Ok(Some(2)));

    // Somebody else has it by the time that the late receipt is used.
    let mut listener = broker.listen(source(2)).await.expect("listens");
    let [(1, _one), (2, two)] = [next(&mut listener).await, next(&mut listener).await] else { panic!("out of order") };
    let late = kept.receipt.acknowledge().await;
    assert!(matches!(late, Err(BrokerError::Refused(_))), "{late:?}");
    two.receipt.give_back().await.expect("given back");
    assert_eq!(next(&mut listener).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_queue_is_an_empty_one_to_a_browse() {
    let (_directory, broker) = broker();
    let mut browse = broker.browse(&QueueName::task(&task())).await.expect("browses");
    assert!(browse.next().await.expect("reads").is_none());
    assert_eq!(broker.depth(&QueueName::task(&task())).await, Ok(None));
    publish(&broker, 1).await;
    assert!(browse.next().await.expect("reads").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declared_stands_as_wanted() {
    let (_directory, broker) = broker();
    let delay = crate::broker::Delay::SHORTEST;
    let made =
        [Wanted::Subscription(subscription()), Wanted::Task(task()), Wanted::Dead("pheidi".parse().expect("legal"))];
    let missing = broker.inspect(&made).await.expect("inspects");
    assert!(missing.iter().all(|finding| finding.standing == Standing::Missing), "{missing:?}");
    assert_eq!(broker.inspect(&made).await.expect("inspects"), missing, "inspecting changes nothing");
    for wanted in made.iter().chain([&Wanted::Delay(delay)]) {
        broker.declare(wanted).await.expect("declares");
    }
    publish(&broker, 2).await;
    let mut listener = broker.listen(source(1)).await.expect("listens");
    let _out = listener.next().await;

    let mut wanted = made.to_vec();
    wanted.push(Wanted::Delay(delay));
    let found = broker.inspect(&wanted).await.expect("inspects");
    let said = |messages, consumers| Standing::AsWanted { messages, consumers };
    let [queue, exchange] = ["queue", "exchange"];
    let expected = [
        (queue, "pheidi.user.authorized", said(Some(0), Some(0))),
        (exchange, "user.authorized", said(None, None)),
        (queue, "pheidi.email.send", said(Some(1), Some(1))),
        (queue, "leveret.dead.pheidi", said(Some(0), Some(0))),
        (queue, "leveret.delay.1", said(None, None)),
    ];
    let found: Vec<_> =
        found.iter().map(|finding| (finding.kind, finding.name.as_str(), finding.standing.clone())).collect();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_only_a_queue_without_messages_and_listeners_is_deleted() {
    let (_directory, broker) = broker();
    let source = subscription();
    let queue = source.queue.clone();
    let Subject::Event(event) = source.subject.clone() else { panic!("it is for an event") };
    let announced = || Outgoing {
        destination: Destination::Event(event.clone()),
        message: Message::new(Subject::Event(event.clone()), "{}"),
    };
    let mut listener = broker.listen(source.clone()).await.expect("listens");
    let refused = broker.delete_empty(&queue).await.expect_err("somebody listens");
    assert!(matches!(&refused, BrokerError::Refused(reason) if reason.contains("1 listener")), "{refused}");
    broker.publish(vec![announced()]).await.expect("published");
    let received = listener.next().await.expect("goes on");
    drop(listener);
    let refused = broker.delete_empty(&queue).await.expect_err("a message is out");
    assert!(matches!(&refused, BrokerError::Refused(reason) if reason.contains("1 message")), "{refused}");
    received.receipt.acknowledge().await.expect("acknowledged");

    broker.delete_empty(&queue).await.expect("deleted");
    broker.delete_empty(&queue).await.expect("an absent queue is deleted already");
    assert_eq!(broker.depth(&queue).await, Ok(None));
    let unheard = announced();
    let id = unheard.message.id.clone();
    assert_eq!(broker.publish(vec![unheard]).await, Ok(Published { unheard: vec![id], kept: true }));

    // A queue made anew begins anew, though it may have the same row.
    let mut listener = broker.listen(source).await.expect("listens");
    let again = announced();
    broker.publish(vec![again.clone()]).await.expect("published");
    assert_eq!(listener.next().await.expect("goes on").message, again.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_says_why_no_messages_come() {
    let (_directory, broker) = broker();
    let listener = broker.listen(source(1)).await.expect("listens");
    let mut condition = listener.condition();
    assert_eq!(*condition.borrow(), Condition::Consuming);
    limit(&broker, Some(4)).await;
    broker.publish(vec![order(vec![0; 1 << 20])]).await.expect_err("there is no room");
    let full =
        |condition: &Condition| matches!(condition, Condition::Interrupted { reason } if reason.contains("full"));
    condition.wait_for(full).await.expect("it is told");
    limit(&broker, None).await;
    condition.wait_for(|condition| *condition == Condition::Consuming).await.expect("it mends itself");
    broker.close().await;
    let closed =
        |condition: &Condition| matches!(condition, Condition::Interrupted { reason } if reason.contains("closed"));
    condition.wait_for(closed).await.expect("it is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_trimmed_while_events_come_and_the_newest_stay() {
    let (_directory, broker) = keeping(Retention { age: Duration::from_hours(1), size: 64 * 1024 });
    let event: EventName = "user.authorized".parse().expect("legal");
    let announced = || Outgoing {
        destination: Destination::Event(event.clone()),
        message: Message::new(Subject::Event(event.clone()), vec![0; 1024]),
    };
    let (mut newest, mut first) = (None, Offset(1));
    while first == Offset(1) {
        let batch: Vec<_> = (0..100).map(|_| announced()).collect();
        newest = batch.last().map(|outgoing| outgoing.message.id.clone());
        broker.publish(batch).await.expect("published");
        first = kept(&broker).await[0].offset;
    }
    assert_eq!(kept(&broker).await.pop().map(|it| it.message.id), newest);
}

/// All that is in the history.
async fn kept(broker: &EmbeddedBroker) -> Vec<Recorded> {
    let mut past = broker.past(From::First).await.expect("a history");
    let end = broker.history_end().await.expect("a history");
    let mut kept = Vec::new();
    loop {
        let Passage { events, reached } = past.next().await.expect("reads");
        kept.extend(events);
        if reached >= end {
            return kept;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_an_event_of_the_past_that_cannot_be_read_holds_up_no_other() {
    let (_directory, broker) = broker();
    let event: EventName = "user.authorized".parse().expect("legal");
    let announced = || Outgoing {
        destination: Destination::Event(event.clone()),
        message: Message::new(Subject::Event(event.clone()), "{}"),
    };
    let batch = [announced(), announced()];
    broker.publish(batch.to_vec()).await.expect("published");
    broker.worker.ask(|store, _| store.spoil_the_past(), |(), _| ()).await.expect("spoiled");
    let left: Vec<_> = kept(&broker).await.into_iter().map(|it| it.message).collect();
    assert_eq!(left, [batch[1].message.clone()]);
}
