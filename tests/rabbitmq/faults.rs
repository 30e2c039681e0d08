//! What a lost broker, connection or queue does: at worst, messages come again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use leveret::broker::rabbitmq::RabbitMqBroker;
use leveret::broker::{Broker, Listener};
use leveret::message::MessageId;
use leveret_tests::rabbitmq::Node;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{PATIENCE, acknowledge, connected, next, outgoing, tasks_of};

const TASK: &str = "pheidi.email.send";

/// Publishes until told to stop, each message again until it is published; says which were.
fn publishing(broker: Arc<RabbitMqBroker>, enough: CancellationToken) -> JoinHandle<BTreeSet<MessageId>> {
    tokio::spawn(async move {
        let mut published = BTreeSet::new();
        while !enough.is_cancelled() {
            let batch: Vec<_> = (0..20).map(|_| outgoing(TASK, "{}")).collect();
            while broker.publish(batch.clone()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            published.extend(batch.into_iter().map(|outgoing| outgoing.message.id));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        published
    })
}

/// Settles what comes until told to stop; says what came. An acknowledgement that fails may have arrived all the same, and
/// then its message does not come again.
fn settling(mut listener: Box<dyn Listener>, enough: CancellationToken) -> JoinHandle<BTreeSet<MessageId>> {
    tokio::spawn(async move {
        let mut settled = BTreeSet::new();
        while let Some(Some(received)) = enough.run_until_cancelled(listener.next()).await {
            settled.insert(received.message.id);
            let _ = received.receipt.acknowledge().await;
        }
        settled
    })
}

/// Works on a queue while something happens to it; then everything published must have been settled.
async fn nothing_is_lost_while(url: &str, happening: impl AsyncFnOnce()) {
    let broker = connected(url).await;
    let (published_enough, settled_enough) = (CancellationToken::new(), CancellationToken::new());
    let listener = broker.listen(tasks_of(TASK, 50)).await.expect("subscribed");
    let publisher = publishing(broker.clone(), published_enough.clone());
    let settler = settling(listener, settled_enough.clone());
    happening().await;
    published_enough.cancel();
    let published = tokio::time::timeout(PATIENCE, publisher).await.expect("published in time").expect("no panic");

    let queue = tasks_of(TASK, 1).queue;
    let empty = async {
        loop {
            // RabbitMQ counts a queue as empty for a while after its start.
            tokio::time::sleep(Duration::from_secs(6)).await;
            if broker.depth(&queue).await == Ok(Some(0)) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, empty).await.expect("emptied in time");
    settled_enough.cancel();
    let mut settled = settler.await.expect("no panic");
    // What was out when the settler stopped is in the queue again.
    let mut rest = broker.listen(tasks_of(TASK, 50)).await.expect("subscribed");
    while let Ok(Some(received)) = tokio::time::timeout(Duration::from_secs(2), rest.next()).await {
        settled.insert(acknowledge(received).await.id);
    }
    let lost: Vec<_> = published.difference(&settled).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), published.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_nothing_is_lost_while_the_broker_stops_starts_and_is_killed() {
    let node = Node::start();
    let url = node.vhost("restarts");
    nothing_is_lost_while(&url, async || {
        // A quorum queue of one node loses what it confirmed if it is killed within its first seconds.
        tokio::time::sleep(Duration::from_secs(4)).await;
        node.stop();
        node.start_again();
        tokio::time::sleep(Duration::from_secs(2)).await;
        node.kill();
        node.start_again();
        tokio::time::sleep(Duration::from_secs(2)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_nothing_is_lost_while_connections_are_closed() {
    let node = Node::shared();
    let url = node.vhost("closed");
    nothing_is_lost_while(&url, async || {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            node.close_connections(&url);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_whose_queue_was_deleted_subscribes_again() {
    let node = Node::shared();
    let url = node.vhost("gone");
    let broker = connected(&url).await;
    let mut listener = broker.listen(tasks_of(TASK, 10)).await.expect("subscribed");
    node.delete_queue(&url, TASK);
    // Not published at once: RabbitMQ 3.10 muddles the consumers of a quorum queue that is declared again, by somebody
    // else, before its deletion has reached them.
    let made_again = async {
        while broker.depth(&tasks_of(TASK, 1).queue).await != Ok(Some(0)) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, made_again).await.expect("made again in time");
    let message = outgoing(TASK, "{}");
    broker.publish(vec![message.clone()]).await.expect("published");
    assert_eq!(acknowledge(next(&mut listener).await).await.id, message.message.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_of_a_lost_connection_fail_and_their_messages_come_again() {
    let node = Node::shared();
    let url = node.vhost("receipts");
    let broker = connected(&url).await;
    broker.publish(vec![outgoing(TASK, "{}")]).await.expect("published");
    let mut listener = broker.listen(tasks_of(TASK, 10)).await.expect("subscribed");
    let received = next(&mut listener).await;
    node.close_connections(&url);
    let again = next(&mut listener).await;
    assert!(again.redelivered && again.message.id == received.message.id);
    assert!(received.receipt.acknowledge().await.is_err());
    acknowledge(again).await;
}
