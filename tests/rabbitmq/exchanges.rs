//! Subscriptions to exchanges of other services.

use std::collections::BTreeMap;

use lapin::ExchangeKind;
use lapin::options::ExchangeDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use leveret::broker::{Binding, BrokerError, Delay, Exchange, ROUTING_KEY, Routing};
use leveret::message::HeaderValue;
use leveret::name::QueueName;
use leveret_tests::rabbitmq::Node;

use super::*;

const QUEUE: &str = "pheidi.order.changed";

/// A subscription, about an event of the host's, to another service's exchange.
fn source(exchange: &str, routing: Routing) -> Source {
    let queue = QueueName::task(&task(QUEUE));
    let event = "order.changed".parse().expect("a legal event name");
    let binding = Binding::Exchange(Exchange { name: exchange.to_owned(), routing });
    Source { binding, ..Source::event(queue, event, NonZeroU16::new(10).expect("not 0")) }
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

fn with_headers(headers: &[(&str, AMQPValue)]) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), value.clone());
    }
    BasicProperties::default().with_headers(table)
}

impl Stranger {
    async fn announce(&self, exchange: &str, key: &str, properties: BasicProperties) {
        let options = BasicPublishOptions::default();
        let publish = self.channel.basic_publish(exchange.into(), key.into(), options, key.as_bytes(), properties);
        publish.await.expect("published");
    }

    async fn exchange(&self, name: &str, kind: ExchangeKind, options: ExchangeDeclareOptions) {
        let declare = self.channel.exchange_declare(name.into(), kind, options, FieldTable::default());
        declare.await.expect("declared");
    }
}

/// The routing keys of what comes, up to the one that is the last.
async fn until_last(listener: &mut Box<dyn Listener>, last: &str) -> Vec<String> {
    let mut came = Vec::new();
    loop {
        let message = acknowledge(next(listener).await).await;
        assert_eq!(message.subject.as_str(), "order.changed");
        let key = message.headers[ROUTING_KEY].as_text().expect("a text").to_owned();
        assert_eq!(message.body, key, "the key is not the one that it was published with");
        came.push(key.clone());
        if key == last {
            return came;
        }
    }
}

#[tokio::test]
async fn a_topic_exchange_is_heard_by_patterns_and_no_routing_key_can_be_forged() {
    let url = Node::shared().vhost("topic");
    let broker = connected(&url).await;
    let routing = Routing::Topic(keys(&["order.*.paid", "stock.#"]));
    let mut listener = broker.listen(source("shop", routing)).await.expect("subscribed");
    let stranger = Stranger::connect(&url).await;
    let forged = with_headers(&[(ROUTING_KEY, AMQPValue::LongString("forged".into()))]);
    for key in ["order.7.paid", "order.7.sent", "order.7.8.paid", "stock", "stock.a.b", "other", "stock.last"] {
        stranger.announce("shop", key, forged.clone()).await;
    }
    let came = until_last(&mut listener, "stock.last").await;
    assert_eq!(came, ["order.7.paid", "stock", "stock.a.b", "stock.last"]);
}

#[tokio::test]
async fn a_direct_exchange_is_heard_by_keys_and_a_fanout_whole() {
    let url = Node::shared().vhost("direct");
    let broker = connected(&url).await;
    let stranger = Stranger::connect(&url).await;
    let routing = Routing::Direct(keys(&["paid", "sent"]));
    let mut listener = broker.listen(source("shop", routing)).await.expect("subscribed");
    for key in ["paid", "paid.not", "lost", "sent"] {
        stranger.announce("shop", key, BasicProperties::default()).await;
    }
    assert_eq!(until_last(&mut listener, "sent").await, ["paid", "sent"]);
    // Both are of one queue: a listener that is only dropped could still be given a message for a moment.
    listener.stop().await;
    drop(listener);
    let mut all = broker.listen(source("all", Routing::Fanout)).await.expect("subscribed");
    for key in ["", "any", "last"] {
        stranger.announce("all", key, BasicProperties::default()).await;
    }
    let mut came = until_last(&mut all, "last").await;
    came.sort();
    assert_eq!(came, ["", "any", "last"]);
}

#[tokio::test]
async fn a_headers_exchange_is_heard_by_all_or_any_of_them() {
    for (all, expected) in [(true, vec!["both", "last"]), (false, vec!["both", "first", "second", "last"])] {
        let url = Node::shared().vhost("headers");
        let broker = connected(&url).await;
        let headers = BTreeMap::from([
            ("size".to_owned(), HeaderValue::Integer(7)),
            // One that RabbitMQ passes over unless told not to.
            ("x-colour".to_owned(), HeaderValue::from("red")),
        ]);
        let routing = Routing::Headers { all, headers };
        let mut listener = broker.listen(source("shop", routing)).await.expect("subscribed");
        let stranger = Stranger::connect(&url).await;
        let size = ("size", AMQPValue::LongInt(7));
        let colour = ("x-colour", AMQPValue::LongString("red".into()));
        let other = ("x-colour", AMQPValue::LongString("blue".into()));
        for (key, headers) in [
            ("both", vec![size.clone(), colour.clone()]),
            ("first", vec![size.clone(), other.clone()]),
            ("second", vec![colour.clone()]),
            ("neither", vec![other]),
            ("last", vec![size, colour]),
        ] {
            stranger.announce("shop", key, with_headers(&headers)).await;
        }
        assert_eq!(until_last(&mut listener, "last").await, expected, "all: {all}");
    }
}

#[tokio::test]
async fn a_copy_that_waited_in_a_delay_keeps_its_routing_key() {
    let url = Node::shared().vhost("key-kept");
    let broker = connected(&url).await;
    let mut listener = broker.listen(source("shop", Routing::Topic(keys(&["#"])))).await.expect("subscribed");
    Stranger::connect(&url).await.announce("shop", "order.paid", BasicProperties::default()).await;
    let message = acknowledge(next(&mut listener).await).await;
    let home = QueueName::task(&task(QUEUE));
    let destination = Destination::Delay { home, wait: Delay::nearest(Duration::from_millis(20)) };
    broker.publish(vec![Outgoing { destination, message }]).await.expect("published");
    assert_eq!(until_last(&mut listener, "order.paid").await, ["order.paid"]);
}

#[tokio::test]
async fn an_exchange_with_other_settings_is_adopted() {
    let url = Node::shared().vhost("adopted-exchange");
    let stranger = Stranger::connect(&url).await;
    let transient = ExchangeDeclareOptions { auto_delete: true, ..Default::default() };
    stranger.exchange("shop", ExchangeKind::Topic, transient).await;
    let broker = connected(&url).await;
    for name in ["shop", "amq.topic"] {
        let routing = Routing::Topic(keys(&["order.paid"]));
        let mut listener = broker.listen(source(name, routing)).await.expect("subscribed");
        stranger.announce(name, "order.paid", BasicProperties::default()).await;
        assert_eq!(until_last(&mut listener, "order.paid").await, ["order.paid"]);
    }
}

#[tokio::test]
async fn an_exchange_of_another_type_or_without_a_name_is_refused_in_words() {
    let url = Node::shared().vhost("foreign-exchange");
    let stranger = Stranger::connect(&url).await;
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    stranger.exchange("shop", ExchangeKind::Direct, durable).await;
    let broker = connected(&url).await;
    let long = "x".repeat(256);
    let topic = || Routing::Topic(keys(&["a"]));
    let cases = [
        ("shop", topic(), vec!["shop", "direct", "topic"]),
        ("", topic(), vec!["name"]),
        (long.as_str(), topic(), vec!["255 bytes"]),
        ("new", Routing::Topic(vec![long.clone()]), vec!["255 bytes"]),
        ("amq.nothing", topic(), vec!["amq.nothing"]),
    ];
    for (name, routing, parts) in cases {
        match broker.listen(source(name, routing)).await {
            Err(BrokerError::Refused(words)) => {
                assert!(parts.iter().all(|part| words.contains(part)), "{name:?}: {words}");
            }
            Err(error) => panic!("{name:?}: {error}"),
            Ok(_) => panic!("subscribed to {name:?}"),
        }
    }
}
