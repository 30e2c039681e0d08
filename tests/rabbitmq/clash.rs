//! What stands otherwise than wanted, since another service made it: adopted, found by an inspection, or refused in words.

use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use leveret::broker::{BrokerError, Delay, Finding, PublishError, Standing, Wanted};
use leveret::name::QueueName;
use leveret_tests::rabbitmq::Node;

use super::*;

const TASK: &str = "pheidi.email.send";

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn table(arguments: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert((*name).into(), value.clone());
    }
    table
}

impl Stranger {
    async fn queue(&self, name: &str, arguments: &[(&str, AMQPValue)]) {
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        self.channel.queue_declare(name.into(), options, table(arguments)).await.expect("declared");
    }
}

fn alone(name: &str) -> Source {
    Source { single_active: true, ..tasks_of(name, 10) }
}

fn refusal<T>(result: Result<T, BrokerError>) -> String {
    match result {
        Err(BrokerError::Refused(words)) => words,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was not refused"),
    }
}

async fn inspect(broker: &RabbitMqBroker, wanted: Wanted) -> Vec<Finding> {
    broker.inspect(&[wanted]).await.expect("findings")
}

/// The differences of a finding, as (setting, wanted, found).
fn differences(finding: &Finding) -> Vec<(&str, &str, &str)> {
    let Standing::Differs { differences, .. } = &finding.standing else { panic!("{finding:?}") };
    let mut all: Vec<_> =
        differences.iter().map(|it| (it.setting.as_str(), it.wanted.as_str(), it.found.as_str())).collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn i10_a_queue_that_cannot_keep_order_is_refused_with_the_ways_out() {
    let url = Node::shared().vhost("orderless");
    let stranger = Stranger::connect(&url).await;
    let long = format!("pheidi.{}", "x".repeat(240));
    stranger.queue("pheidi.a.b", &[]).await;
    stranger.queue("pheidi.c.d", &[("x-max-length", AMQPValue::LongInt(5)), ("x-queue-type", text("classic"))]).await;
    stranger.queue("pheidi.e.f", &[("x-queue-type", text("quorum"))]).await;
    stranger.queue(&long, &[("x-message-ttl", AMQPValue::LongInt(60_000))]).await;
    let broker = connected(&url).await;
    for name in ["pheidi.a.b", "pheidi.c.d", "pheidi.e.f", &long] {
        let words = refusal(broker.listen(alone(name)).await);
        for part in [name, "x-single-active-consumer", &format!("--recreate {name}"), "`ordering`"] {
            assert!(words.contains(part), "{words:?} does not say {part}");
        }
        // Without order it is adopted as it is.
        broker.listen(tasks_of(name, 10)).await.expect("subscribed");
    }
}

#[tokio::test]
async fn a_queue_with_one_consumer_at_a_time_is_adopted_whatever_else_differs() {
    let url = Node::shared().vhost("ordered");
    let arguments = [
        ("x-single-active-consumer", AMQPValue::Boolean(true)),
        ("x-max-length", AMQPValue::LongInt(1000)),
        ("x-dead-letter-exchange", text("it's \"elsewhere\"")),
    ];
    Stranger::connect(&url).await.queue(TASK, &arguments).await;
    let broker = connected(&url).await;
    let mut listener = broker.listen(alone(TASK)).await.expect("subscribed");
    let sent = outgoing(TASK, "{}");
    broker.publish(vec![sent.clone()]).await.expect("published");
    assert_eq!(acknowledge(next(&mut listener).await).await.id, sent.message.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspection_finds_several_differences_and_changes_nothing() {
    let node = Node::shared();
    let url = node.vhost("differences");
    let vhost = url.rsplit('/').next().expect("a vhost");
    let stranger = Stranger::connect(&url).await;
    stranger.queue(TASK, &[("x-max-length", AMQPValue::LongInt(1000)), ("x-dead-letter-exchange", text("o'x"))]).await;
    stranger.publish(TASK, BasicProperties::default(), b"{}").await;
    let broker = connected(&url).await;
    let wanted = Wanted::Subscription(alone(TASK));
    let before = node.get(&format!("queues/{vhost}/{TASK}"))["arguments"].clone();

    let findings = inspect(&broker, wanted).await;

    let [finding] = findings.as_slice() else { panic!("{findings:?}") };
    let found = differences(finding);
    for expected in [
        ("x-dead-letter-exchange", "none", "o'x"),
        ("x-max-length", "none", "1000"),
        ("x-single-active-consumer", "true", "none"),
    ] {
        assert!(found.contains(&expected), "{found:?}");
    }
    assert!(found.iter().any(|(setting, wanted, _)| (*setting, *wanted) == ("x-queue-type", "quorum")), "{found:?}");
    let Standing::Differs { messages, consumers, .. } = finding.standing else { panic!("{finding:?}") };
    assert_eq!((messages, consumers), (Some(1), Some(0)));
    assert_eq!(node.get(&format!("queues/{vhost}/{TASK}"))["arguments"], before);
    assert_eq!(node.get(&format!("queues/{vhost}")).as_array().expect("a list").len(), 1);
}

#[tokio::test]
async fn an_inspection_tells_other_exchanges_and_queues_of_one_connection() {
    let url = Node::shared().vhost("others");
    let stranger = Stranger::connect(&url).await;
    let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
    let declare = stranger.channel.exchange_declare(
        "user.authorized".into(),
        ExchangeKind::Topic,
        options,
        table(&[("alternate-exchange", text("y"))]),
    );
    declare.await.expect("declared");
    let exclusive = QueueDeclareOptions { exclusive: true, ..Default::default() };
    let declare = stranger.channel.queue_declare("pheidi.user.authorized".into(), exclusive, FieldTable::default());
    declare.await.expect("declared");
    let broker = connected(&url).await;
    let source = Source {
        queue: QueueName::task(&task("pheidi.user.authorized")),
        ..Source::event(
            QueueName::task(&task("pheidi.user.authorized")),
            "user.authorized".parse().expect("legal"),
            NonZeroU16::MIN,
        )
    };
    let findings = inspect(&broker, Wanted::Subscription(source)).await;
    let [queue, exchange] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(differences(queue), [("exclusive", "false", "true")]);
    assert_eq!((exchange.kind, exchange.name.as_str()), ("exchange", "user.authorized"));
    assert_eq!(differences(exchange), [("alternate-exchange", "none", "y"), ("type", "fanout", "topic")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_a_delay_that_would_not_let_go_of_its_messages_is_refused() {
    let node = Node::shared();
    let url = node.vhost("delays-apart");
    let wait = Delay::nearest(Duration::from_millis(77));
    let stranger = Stranger::connect(&url).await;
    stranger.queue("leveret.delay.77", &[("x-message-ttl", AMQPValue::LongInt(78))]).await;
    let broker = connected(&url).await;
    let mut delayed = outgoing(TASK, "{}");
    delayed.destination = Destination::Delay { home: QueueName::task(&task(TASK)), wait };
    let id = delayed.message.id.clone();
    assert_eq!(broker.publish(vec![delayed.clone()]).await, Err(PublishError::Refused(vec![id])));
    let findings = inspect(&broker, Wanted::Delay(wait)).await;
    assert!(differences(&findings[0]).contains(&("x-message-ttl", "77", "78")), "{findings:?}");

    broker.listen(tasks_of(TASK, 1)).await.expect("subscribed").stop().await;
    node.delete_queue(&url, "leveret.delay.77");
    broker.publish(vec![delayed]).await.expect("the delay is made anew");
}

#[tokio::test]
async fn only_an_empty_queue_is_deleted_whatever_its_type() {
    let url = Node::shared().vhost("deletions");
    let stranger = Stranger::connect(&url).await;
    let broker = connected(&url).await;
    let queue = |name: &str| QueueName::task(&task(name));
    broker.delete_empty(&queue("pheidi.absent.it")).await.expect("there is nothing to delete");
    for (name, queue_type) in [("pheidi.classic.it", "classic"), ("pheidi.quorum.it", "quorum")] {
        stranger.queue(name, &[("x-queue-type", text(queue_type))]).await;
        stranger.publish(name, BasicProperties::default(), b"{}").await;
        while broker.depth(&queue(name)).await != Ok(Some(1)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let words = refusal(broker.delete_empty(&queue(name)).await);
        assert!(words.contains(name) && words.contains("1 message"), "{words}");
        let mut browse = broker.browse(&queue(name)).await.expect("browses");
        acknowledge(browse.next().await.expect("an answer").expect("a message")).await;
        drop(browse);
        // A quorum queue counts a browse as a consumer until its connection is closed.
        soon("the deletion", async {
            while broker.delete_empty(&queue(name)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        assert_eq!(broker.depth(&queue(name)).await, Ok(None));
    }
    stranger.queue("pheidi.stream.it", &[("x-queue-type", text("stream"))]).await;
    let words = refusal(broker.delete_empty(&queue("pheidi.stream.it")).await);
    assert!(words.contains("stream"), "{words}");
}
