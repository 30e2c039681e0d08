//! What the adapter declares, and what it leaves as it is.

use std::num::NonZeroU16;
use std::time::Duration;

use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use leveret::broker::{Broker, BrokerError, Delay, Destination, Outgoing, Source};
use leveret::message::{Message, Subject};
use leveret::name::{EventName, PluginId, QueueName};
use leveret_tests::rabbitmq::Node;

use super::{PATIENCE, Stranger, acknowledge, connected, next, outgoing, task, tasks_of};

fn event() -> EventName {
    "user.authorized".parse().expect("a legal event name")
}

fn subscription() -> Source {
    let app: leveret::name::AppName = "pheidi".parse().expect("a legal application name");
    let plugin = PluginId::new(app, "pheidi".parse().expect("a legal plugin name"));
    let prefetch = NonZeroU16::new(10).expect("not 0");
    Source::event(QueueName::subscription(&plugin, &event()), event(), prefetch)
}

#[tokio::test]
async fn a_queue_that_another_service_declared_is_adopted_as_it_is() {
    let url = Node::shared().vhost("adopted");
    let stranger = Stranger::connect(&url).await;
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1000));
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    let declare = stranger.channel.queue_declare("pheidi.user.authorized".into(), durable, arguments);
    declare.await.expect("declared");

    let broker = connected(&url).await;
    let mut listener = broker.listen(subscription()).await.expect("subscribed");
    let message = Message::new(Subject::Event(event()), "{}");
    let destination = Destination::Event(event());
    broker.publish(vec![Outgoing { destination, message: message.clone() }]).await.expect("published");
    assert_eq!(acknowledge(next(&mut listener).await).await.id, message.id);
}

#[tokio::test]
async fn what_is_declared_is_what_ponos_declares_and_new_queues_are_quorum() {
    let node = Node::shared();
    let url = node.vhost("declared");
    let vhost = url.rsplit('/').next().expect("a vhost");
    let broker = connected(&url).await;
    let _listener = broker.listen(subscription()).await.expect("subscribed");
    let exchange = node.get(&format!("exchanges/{vhost}/user.authorized"));
    assert_eq!((&exchange["type"], &exchange["durable"]), (&"fanout".into(), &true.into()));
    assert_eq!(exchange["arguments"], serde_json::json!({}));
    let queue = node.get(&format!("queues/{vhost}/pheidi.user.authorized"));
    assert_eq!((&queue["type"], &queue["durable"]), (&"quorum".into(), &true.into()));
}

#[tokio::test]
async fn an_event_whose_exchange_is_of_another_type_is_refused_in_words() {
    let url = Node::shared().vhost("foreign");
    let stranger = Stranger::connect(&url).await;
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    let kind = ExchangeKind::Topic;
    let declare = stranger.channel.exchange_declare("user.authorized".into(), kind, durable, FieldTable::default());
    declare.await.expect("declared");
    let broker = connected(&url).await;
    match broker.listen(subscription()).await {
        Err(BrokerError::Refused(words)) => assert!(words.contains("topic"), "{words}"),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("subscribed to a topic exchange without a key"),
    }
}

#[tokio::test]
async fn i4_a_delayed_message_comes_home_to_its_own_queue_as_it_was() {
    let broker = connected(&Node::shared().vhost("delay")).await;
    let wait = Delay::nearest(Duration::from_millis(300));
    let mut homes = Vec::new();
    for name in ["pheidi.email.send", "billing.invoice.pay"] {
        let listener = broker.listen(tasks_of(name, 10)).await.expect("subscribed");
        let mut delayed = outgoing(name, r#"{ "tid": "untouched" }"#);
        delayed.destination = Destination::Delay { home: QueueName::task(&task(name)), wait };
        homes.push((listener, delayed));
    }
    let batch = homes.iter().map(|(_, delayed)| delayed.clone()).collect();
    broker.publish(batch).await.expect("published");
    for (mut listener, delayed) in homes {
        let message = acknowledge(next(&mut listener).await).await;
        assert_eq!((message.id, message.body), (delayed.message.id, delayed.message.body));
        assert!(message.headers.is_empty(), "{:?}", message.headers);
    }
}

#[tokio::test]
async fn i1_a_message_may_be_given_back_any_number_of_times() {
    let broker = connected(&Node::shared().vhost("returns")).await;
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    broker.publish(vec![outgoing("pheidi.email.send", "{}")]).await.expect("published");
    for _ in 0..50 {
        next(&mut listener).await.receipt.give_back().await.expect("the connection is up");
    }
    acknowledge(next(&mut listener).await).await;
}

#[tokio::test]
async fn i4_a_message_survives_many_delays() {
    let broker = connected(&Node::shared().vhost("delays")).await;
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    let first = outgoing("pheidi.email.send", "{}");
    broker.publish(vec![first.clone()]).await.expect("published");
    for _ in 0..8 {
        let received = next(&mut listener).await;
        let home = QueueName::task(&task("pheidi.email.send"));
        let destination = Destination::Delay { home, wait: Delay::nearest(Duration::from_millis(20)) };
        broker.publish(vec![Outgoing { destination, message: received.message.clone() }]).await.expect("published");
        received.receipt.acknowledge().await.expect("the connection is up");
    }
    assert_eq!(acknowledge(next(&mut listener).await).await.id, first.message.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_a_waiting_message_survives_a_restart_of_the_broker() {
    let node = Node::start();
    let broker = connected(&node.vhost("waiting")).await;
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    let mut delayed = outgoing("pheidi.email.send", "{}");
    let wait = Delay::nearest(Duration::from_secs(3));
    delayed.destination = Destination::Delay { home: QueueName::task(&task("pheidi.email.send")), wait };
    broker.publish(vec![delayed.clone()]).await.expect("published");
    node.stop();
    node.start_again();
    let received = tokio::time::timeout(PATIENCE, next(&mut listener)).await.expect("in time");
    assert_eq!(acknowledge(received).await.id, delayed.message.id);
}
