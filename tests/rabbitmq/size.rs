//! Messages over RabbitMQ's `max_message_size`: RabbitMQ ends the channel that brings one.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use leveret::broker::PublishError;
use leveret::config::Attempts;
use leveret::delivery::{Counts, Settlement};
use leveret_tests::broker::{self, TestBroker};
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use leveret_tests::rabbitmq::{Node, Version};

use super::*;

/// In bytes.
const LIMIT: u64 = 100_000;

#[tokio::test(flavor = "multi_thread")]
async fn what_rabbitmq_takes_no_message_for_is_the_plugin_s_failure_and_harms_nobody_else() {
    let node = Node::start_limited(Version::chosen(), LIMIT);
    refused_by_itself(&node.vhost("size")).await;
    fails(TestBroker::RabbitMq(node.vhost("size"))).await;
}

/// In one window with others, again and again: the limit is known after the first.
async fn refused_by_itself(url: &str) {
    const QUEUE: &str = "size.part.reserve";
    let broker = connected(url).await;
    let large = || outgoing(QUEUE, &"1".repeat(100_001));
    let mut sent = BTreeSet::new();
    for _ in 0..3 {
        let batches: Vec<_> =
            (0..50).map(|number| if number % 10 == 5 { large() } else { outgoing(QUEUE, "{}") }).collect();
        let ids: Vec<_> = batches.iter().map(|it| (it.message.id.clone(), it.message.body.len() > 2)).collect();
        let results = join_all(batches.into_iter().map(|outgoing| broker.publish(vec![outgoing]))).await;
        for ((id, is_large), result) in ids.into_iter().zip(results) {
            match is_large {
                true => assert_eq!(result, Err(PublishError::TooLarge(vec![id]))),
                false => {
                    assert!(result.is_ok(), "{result:?}");
                    sent.insert(id);
                }
            }
        }
    }
    let full = "1".repeat(100_000);
    broker.publish(vec![outgoing(QUEUE, &full)]).await.expect("it is just as large as allowed");
    // The rest of a window is published again, so some may be there twice.
    let mut listener = broker.listen(tasks_of(QUEUE, 10)).await.expect("subscribed");
    loop {
        let message = acknowledge(next(&mut listener).await).await;
        assert!(sent.remove(&message.id) || message.body.len() <= 100_000, "{message:?}");
        if message.body.len() == 100_000 {
            break;
        }
    }
    assert!(sent.is_empty(), "lost: {sent:?}");
}

async fn fails(broker: TestBroker) {
    let mut host = TestHost::start_with(&broker, |settings| {
        settings.delivery.retry.attempts = Attempts::AtMost(2.try_into().expect("not 0"));
        settings.delivery.retry.minimum = "20ms".parse().expect("a legal time");
    })
    .await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    let id = host.publish("puppet.pulled", r#"{"do":"emit","size":200000}"#).await;
    let records = host.records(&id, 2).await;
    let too_large = |reason: &String| reason.contains("none as large as");
    assert!(matches!(&records[0].settlement, Settlement::Retried { reason, .. } if too_large(reason)), "{records:?}");
    assert!(matches!(&records[1].settlement, Settlement::Dead { reason } if too_large(reason)), "{records:?}");
    let letter = broker::take_one(&host.host.broker, broker::dead_letters("puppet")).await;
    assert_eq!((letter.id, letter.failures.len()), (id, 2));
    let next = host.publish("puppet.pulled", r#"{"do":"emit"}"#).await;
    assert_eq!(host.record(&next).await.settlement, Settlement::Done);
    assert_eq!(host.host.journal.counts(), Counts { done: 1, retried: 1, dead: 1, ..Counts::default() });
    host.stop().await;
}
