//! The history as a stream, beside services that know nothing of it.

use std::collections::BTreeMap;

use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use leveret::broker::{
    Binding, BrokerError, Exchange, Finding, From, Keeping, Offset, Past, Recorded, Retention, Routing, Standing,
    Wanted,
};
use leveret::message::{HeaderValue, MessageId};
use leveret::name::{EventName, QueueName};
use leveret_tests::rabbitmq::Node;

use super::unreadable::{MARK, spoiling_proxy};
use super::*;

const HISTORY: &str = "leveret.history";

fn event(name: &str) -> EventName {
    name.parse().expect("a legal event name")
}

fn announce(name: &str) -> Outgoing {
    let message = Message::new(Subject::Event(event(name)), "{}");
    Outgoing { destination: Destination::Event(event(name)), message }
}

fn keeping() -> Keeping {
    let retention = Retention { age: Duration::from_secs(3600), size: 64 << 20 };
    Keeping { retention, events: Vec::new(), exchanges: Vec::new() }
}

async fn connected_keeping(url: &str, keeping: Keeping) -> Arc<RabbitMqBroker> {
    let options = Options { history: Some(keeping), ..options() };
    let broker = RabbitMqBroker::connect(url, options).expect("a legal URL");
    until(&broker, |status| *status == BrokerStatus::Ready).await;
    broker
}

/// A walk to the end of what is kept.
async fn walk(broker: &RabbitMqBroker, from: From) -> Vec<Recorded> {
    let mut past = soon("the past", broker.past(from)).await.expect("a history");
    let end = soon("the end", broker.history_end()).await.expect("an end");
    until_reached(&mut past, end).await
}

async fn until_reached(past: &mut Box<dyn Past>, end: Offset) -> Vec<Recorded> {
    let mut recorded = Vec::new();
    loop {
        let passage = soon("the past", past.next()).await.expect("reads");
        recorded.extend(passage.events);
        if passage.reached >= end {
            return recorded;
        }
    }
}

fn keys(recorded: &[Recorded]) -> Vec<(&str, &str)> {
    recorded.iter().map(|it| (it.exchange.as_str(), it.routing_key.as_str())).collect()
}

fn subjects(recorded: &[Recorded]) -> Vec<&str> {
    recorded.iter().map(|it| it.message.subject.as_str()).collect()
}

fn ids(recorded: &[Recorded]) -> Vec<MessageId> {
    recorded.iter().map(|it| it.message.id.clone()).collect()
}

fn refusal<T>(result: Result<T, BrokerError>) -> String {
    match result {
        Err(BrokerError::Refused(words)) => words,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was not refused"),
    }
}

impl Stranger {
    /// Publishes to an exchange, and waits until RabbitMQ has routed it.
    async fn tell(&self, exchange: &str, key: &str, properties: BasicProperties) {
        let options = BasicPublishOptions::default();
        let publish = self.channel.basic_publish(exchange.into(), key.into(), options, b"{}", properties);
        publish.await.expect("published");
        // Done after it, on the same channel.
        self.channel.basic_qos(1, Default::default()).await.expect("an answer");
    }

    async fn durable_exchange(&self, name: &str, kind: ExchangeKind) {
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let declare = self.channel.exchange_declare(name.into(), kind, options, FieldTable::default());
        declare.await.expect("declared");
    }

    async fn durable_queue(&self, name: &str, arguments: &[(&str, AMQPValue)]) {
        let mut table = FieldTable::default();
        for (name, value) in arguments {
            table.insert((*name).into(), value.clone());
        }
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        self.channel.queue_declare(name.into(), options, table).await.expect("declared");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_event_of_another_service_is_kept_before_anybody_subscribes() {
    let node = Node::shared();
    let url = node.vhost("listed");
    let listed = Keeping { events: vec![event("shop.opened")], ..keeping() };
    let broker = connected_keeping(&url, listed).await;
    Stranger::connect(&url).await.tell("shop.opened", "", BasicProperties::default()).await;
    let recorded = walk(&broker, From::First).await;
    assert_eq!(subjects(&recorded), ["shop.opened"]);
    // What the message does not say is the same each time that it is read.
    assert_eq!(ids(&walk(&broker, From::First).await), ids(&recorded));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_subscribed_to_or_listed_by_patterns_and_headers_is_kept_so() {
    let node = Node::shared();
    let url = node.vhost("kept-routing");
    let headers = BTreeMap::from([("size".to_owned(), HeaderValue::Integer(7))]);
    let routing = Routing::Headers { all: true, headers };
    let listed = Keeping { exchanges: vec![Exchange { name: "sizes".into(), routing }], ..keeping() };
    let broker = connected_keeping(&url, listed).await;
    let routing = Routing::Topic(vec!["order.*.paid".into(), "stock.#".into()]);
    let subscribed = Source {
        binding: Binding::Exchange(Exchange { name: "shop".into(), routing }),
        ..Source::event(QueueName::task(&task("pheidi.order.changed")), event("order.changed"), NonZeroU16::MIN)
    };
    broker.listen(subscribed.clone()).await.expect("subscribed");
    let stranger = Stranger::connect(&url).await;
    let sized = |size: i32| {
        let mut headers = FieldTable::default();
        headers.insert("size".into(), AMQPValue::LongInt(size));
        BasicProperties::default().with_headers(headers)
    };
    for key in ["order.7.paid", "order.7.sent", "stock"] {
        stranger.tell("shop", key, BasicProperties::default().with_type("parcel.moved".into())).await;
    }
    stranger.tell("sizes", "small.things", sized(7)).await;
    stranger.tell("sizes", "large", sized(8)).await;
    stranger.tell("sizes", "x", sized(7)).await;

    let recorded = walk(&broker, From::First).await;
    assert_eq!(
        keys(&recorded),
        [("shop", "order.7.paid"), ("shop", "stock"), ("sizes", "small.things"), ("sizes", "x")]
    );
    assert_eq!(subjects(&recorded), ["parcel.moved", "parcel.moved", "small.things", "unknown.message"]);
    let within = recorded.into_iter().filter_map(|it| it.within(&subscribed));
    assert_eq!(within.map(|message| message.subject.to_string()).collect::<Vec<_>>(), ["order.changed"; 2]);

    let findings = broker.inspect(&[Wanted::History]).await.expect("findings");
    let all: Vec<_> = findings.iter().map(|finding| (finding.kind, finding.name.as_str())).collect();
    let expected = [
        ("queue", HISTORY),
        ("exchange", "sizes"),
        ("binding", "sizes → leveret.history, headers size"),
        ("binding", "shop → leveret.history, order.*.paid, stock.#"),
    ];
    assert_eq!(all, expected);
    assert!(findings.iter().all(|it| matches!(it.standing, Standing::AsWanted { .. })), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_is_made_with_its_retention() {
    let node = Node::shared();
    let url = node.vhost("retention");
    let _broker = connected_keeping(&url, keeping()).await;
    let vhost = url.rsplit('/').next().expect("a vhost");
    let arguments = &node.get(&format!("queues/{vhost}/{HISTORY}"))["arguments"];
    let expected = serde_json::json!({
        "x-queue-type": "stream",
        "x-max-age": "3600s",
        "x-max-length-bytes": 64 << 20,
        "x-stream-max-segment-size-bytes": 1 << 20,
    });
    assert_eq!(*arguments, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_stands_otherwise_is_adopted_and_told() {
    let url = Node::shared().vhost("adopted-stream");
    let stranger = Stranger::connect(&url).await;
    let text = |text: &str| AMQPValue::LongString(text.into());
    stranger.durable_queue(HISTORY, &[("x-queue-type", text("stream")), ("x-max-age", text("2h"))]).await;
    let broker = connected_keeping(&url, keeping()).await;
    let published = broker.publish(vec![announce("user.authorized")]).await.expect("published");
    assert!(published.kept && published.unheard.is_empty());
    assert_eq!(subjects(&walk(&broker, From::First).await), ["user.authorized"]);
    let findings = broker.inspect(&[Wanted::History]).await.expect("findings");
    let Standing::Differs { differences, .. } = &findings[0].standing else { panic!("{findings:?}") };
    let age = differences.iter().find(|it| it.setting == "x-max-age").expect("the age differs");
    // 4.x tells ages in milliseconds.
    let told = (age.wanted.as_str(), age.found.as_str());
    assert!(matches!(told, ("3600s", "2h") | ("3600000", "7200000")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_in_its_place_that_is_no_stream_is_left_alone_and_named() {
    let url = Node::shared().vhost("no-stream");
    let stranger = Stranger::connect(&url).await;
    stranger.durable_queue(HISTORY, &[]).await;
    stranger.publish(HISTORY, BasicProperties::default(), b"{}").await;
    let broker = connected_keeping(&url, keeping()).await;
    let words = refusal(broker.past(From::First).await);
    assert!(words.contains(HISTORY) && words.contains("x-queue-type"), "{words}");
    assert_eq!(refusal(broker.history_end().await), words);
    let published = broker.publish(vec![announce("user.authorized")]).await.expect("published");
    assert!(!published.kept && published.unheard.len() == 1, "{published:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_the_right_to_a_history_goes_on_without_until_it_has_it() {
    let node = Node::shared();
    let url = node.vhost("no-rights");
    let others = r"^(?!leveret\.history$).*";
    let limited = node.user(&url, "limited", [others, others, others]);
    let broker = connected_keeping(&limited, keeping()).await;
    let subscribed =
        Source::event(QueueName::task(&task("pheidi.user.authorized")), event("user.authorized"), NonZeroU16::MIN);
    let mut listener = broker.listen(subscribed).await.expect("subscribed");
    let sent = announce("user.authorized");
    assert!(!broker.publish(vec![sent.clone()]).await.expect("published").kept);
    assert_eq!(acknowledge(next(&mut listener).await).await.id, sent.message.id);
    let words = refusal(broker.past(From::First).await);
    assert!(words.contains("rabbitmqctl set_permissions") && words.contains(HISTORY), "{words}");
    let findings = broker.inspect(&[Wanted::History]).await.expect("findings");
    assert!(findings.iter().all(|it| it.standing == Standing::Missing), "{findings:?}");

    node.user(&url, "limited", [".*", ".*", ".*"]);
    // RabbitMQ looks anew at the rights of a connection every now and then.
    leveret_tests::wait::until("the right", async || broker.declare(&Wanted::History).await.ok()).await;
    let kept = announce("user.authorized");
    assert!(broker.publish(vec![kept.clone()]).await.expect("published").kept);
    assert_eq!(ids(&walk(&broker, From::First).await), [kept.message.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_lapin_cannot_read_is_read_all_the_same_and_stops_nobody() {
    let node = Node::shared();
    let url = node.vhost("illegible");
    let broker = connected_keeping(&url, Keeping { events: vec![event("shop.opened")], ..keeping() }).await;
    let live = broker.past(From::First).await;
    let port = spoiling_proxy(node.port()).await;
    let stranger = Stranger::connect(&url.replace(&node.port().to_string(), &port.to_string())).await;
    let mark = std::str::from_utf8(MARK).expect("it is ASCII");
    let named = |id: &str| BasicProperties::default().with_message_id(id.into()).with_app_id("mühle".into());
    for id in ["before", mark, "after"] {
        stranger.tell("shop.opened", "", named(id)).await;
    }
    let came = [walk(&broker, From::First).await, {
        let end = broker.history_end().await.expect("an end");
        until_reached(&mut live.expect("a history"), end).await
    }];
    for recorded in came {
        let ids = ids(&recorded);
        let [before, illegible, after] = &ids[..] else { panic!("{ids:?}") };
        assert_eq!((before.as_str(), after.as_str()), ("before", "after"));
        assert_eq!(illegible.as_str(), "?".repeat(MARK.len()));
        assert_eq!(recorded[0].message.source.as_deref(), Some("mühle"));
    }
    assert_eq!(broker.reconnects(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_ends_with_its_connection_and_the_next_goes_on_where_it_was() {
    let node = Node::shared();
    let url = node.vhost("cut-walk");
    let broker = connected_keeping(&url, keeping()).await;
    let batch: Vec<_> = (0..1500).map(|_| announce("user.authorized")).collect();
    let published: Vec<_> = batch.iter().map(|it| it.message.id.clone()).collect();
    broker.publish(batch).await.expect("published");
    let mut past = broker.past(From::First).await.expect("a history");
    let first = past.next().await.expect("reads");
    let mut recorded = first.events;
    let mut reached = first.reached;
    let ended = loop {
        // RabbitMQ lists a connection some time after it was made.
        node.close_connections(&url);
        match tokio::time::timeout(Duration::from_millis(500), past.next()).await {
            Ok(Ok(passage)) => {
                recorded.extend(passage.events);
                reached = passage.reached;
            }
            Ok(Err(error)) => break error,
            Err(_) => {}
        }
    };
    assert!(matches!(ended, BrokerError::Unreachable(_)), "{ended:?}");
    until(&broker, |status| *status == BrokerStatus::Ready).await;
    let rest = leveret_tests::wait::until("the rest", async || broker.past(From::Offset(reached)).await.ok());
    let mut rest = rest.await;
    let end = leveret_tests::wait::until("the end", async || broker.history_end().await.ok()).await;
    recorded.extend(until_reached(&mut rest, end).await);
    assert_eq!(ids(&recorded), published);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_was_deleted_is_made_again_with_its_bindings() {
    let node = Node::shared();
    let url = node.vhost("deleted-history");
    let broker = connected_keeping(&url, Keeping { events: vec![event("shop.opened")], ..keeping() }).await;
    broker.publish(vec![announce("user.authorized")]).await.expect("published");
    node.delete_queue(&url, HISTORY);
    let findings = broker.inspect(&[Wanted::History]).await.expect("findings");
    let missing: Vec<_> = findings.iter().filter(|it| it.standing == Standing::Missing).map(|it| it.kind).collect();
    assert_eq!(missing, ["queue", "binding", "binding"]);
    assert_eq!(walk(&broker, From::First).await, []);
    let published = broker.publish(vec![announce("shop.opened"), announce("user.authorized")]).await;
    assert!(published.expect("published").kept);
    assert_eq!(subjects(&walk(&broker, From::First).await), ["shop.opened", "user.authorized"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_binds_comes_to_the_history_only_once_an_operator_has_followed_the_offer() {
    let node = Node::shared();
    let url = node.vhost("offer's");
    let vhost = url.rsplit('/').next().expect("a vhost");
    let broker = connected_keeping(&url, keeping()).await;
    let stranger = Stranger::connect(&url).await;
    stranger.durable_exchange("parcel.lost", ExchangeKind::Fanout).await;
    stranger.durable_exchange("parcels", ExchangeKind::Topic).await;
    broker.declare(&Wanted::History).await.expect("declared");
    stranger.tell("parcel.lost", "", BasicProperties::default()).await;
    let [offer] = &broker.offers().await.expect("offers")[..] else { panic!("there is one offer") };
    let [Finding { kind: "exchange", name, standing: Standing::Missing }] = &offer.findings[..] else {
        panic!("{offer:?}")
    };
    assert_eq!(name, HISTORY);
    let exchanges = node.get(&format!("exchanges/{}", vhost.replace('\'', "%27")));
    assert!(exchanges.as_array().expect("a list").iter().all(|it| it["name"] != HISTORY), "{exchanges}");
    assert_eq!(walk(&broker, From::First).await, []);

    let [apply, policy] = &offer.steps[..] else { panic!("{offer:?}") };
    assert!(apply.contains("topology apply --alternate-exchange"), "{apply}");
    broker.declare(&Wanted::AlternateExchange).await.expect("declared");
    node.set_policy(policy);
    // A policy takes effect a moment after it was set.
    let recorded = leveret_tests::wait::until("the event", async || {
        stranger.tell("parcel.lost", "", BasicProperties::default()).await;
        stranger.tell("parcels", "parcel.found", BasicProperties::default()).await;
        Some(walk(&broker, From::First).await).filter(|recorded| !recorded.is_empty())
    })
    .await;
    assert!(recorded.iter().all(|it| it.exchange == "parcel.lost"), "{recorded:?}");
    assert_eq!(subjects(&recorded)[0], "parcel.lost");
    let [offer] = &broker.offers().await.expect("offers")[..] else { panic!("there is one offer") };
    assert!(matches!(offer.findings[0].standing, Standing::AsWanted { .. }), "{offer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_keep_one_history() {
    let url = Node::shared().vhost("two-hosts");
    let (one, other) = tokio::join!(connected_keeping(&url, keeping()), connected_keeping(&url, keeping()));
    let batches = [announce("user.authorized"), announce("user.authorized")];
    for (broker, outgoing) in [&one, &other].into_iter().zip(&batches) {
        assert!(broker.publish(vec![outgoing.clone()]).await.expect("published").kept);
    }
    let published = batches.map(|outgoing| outgoing.message.id);
    assert_eq!(ids(&walk(&one, From::First).await), published);
    assert_eq!(ids(&walk(&other, From::First).await), published);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore]
async fn throwaway_speed() {
    let url = Node::shared().vhost("speed");
    let mut k = keeping();
    k.retention.size = 1 << 30;
    let broker = connected_keeping(&url, k).await;
    let begun = std::time::Instant::now();
    for _ in 0..200 {
        let batch: Vec<_> = (0..1000)
            .map(|number| {
                let message = Message::new(
                    Subject::Event(event("user.authorized")),
                    format!("{{\"number\":{number},\"name\":\"somebody\",\"amount\":[1,2,3]}}"),
                );
                Outgoing { destination: Destination::Event(event("user.authorized")), message }
            })
            .collect();
        broker.publish(batch).await.expect("published");
    }
    eprintln!("published 200000 in {:?}", begun.elapsed());
    for _ in 0..3 {
        let begun = std::time::Instant::now();
        let n = walk(&broker, From::First).await.len();
        eprintln!("walked {n} in {:?}: {}/s", begun.elapsed(), n as f64 / begun.elapsed().as_secs_f64());
    }
    for _ in 0..5 {
        let begun = std::time::Instant::now();
        broker.history_end().await.expect("an end");
        eprintln!("end in {:?}", begun.elapsed());
    }
}
