//! What a listener says of its condition while things happen to it.

use leveret::broker::Condition;
use leveret_tests::rabbitmq::Node;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;

const TASK: &str = "pheidi.email.send";

/// Waits for an interruption and its end; why it was.
fn interruption(mut condition: watch::Receiver<Condition>) -> JoinHandle<String> {
    tokio::spawn(async move {
        let interrupted = |condition: &Condition| matches!(condition, Condition::Interrupted { .. });
        let seen = soon("an interruption", condition.wait_for(interrupted)).await.expect("it listens").clone();
        let consuming = |condition: &Condition| *condition == Condition::Consuming;
        soon("its end", condition.wait_for(consuming)).await.expect("it listens");
        match seen {
            Condition::Interrupted { reason } => reason,
            Condition::Consuming | Condition::Backfilling(_) => panic!("that is no interruption"),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_an_interruption_and_is_counted_once_made_again() {
    let node = Node::shared();
    let url = node.vhost("interrupted");
    let broker = connected(&url).await;
    assert_eq!(broker.reconnects(), 0);
    let mut listener = broker.listen(tasks_of(TASK, 10)).await.expect("subscribed");
    assert_eq!(*listener.condition().borrow(), Condition::Consuming);
    let interruption = interruption(listener.condition());
    node.close_connections(&url);
    let reason = interruption.await.expect("no panic");
    assert!(reason.contains("CONNECTION_FORCED"), "{reason}");
    assert!(broker.reconnects() > 0);
    let sent = outgoing(TASK, "{}");
    while broker.publish(vec![sent.clone()]).await.is_err() {}
    assert_eq!(acknowledge(next(&mut listener).await).await.id, sent.message.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_is_an_interruption_until_it_is_made_again() {
    let node = Node::shared();
    let url = node.vhost("deleted");
    let broker = connected(&url).await;
    let listener = broker.listen(tasks_of(TASK, 10)).await.expect("subscribed");
    let interruption = interruption(listener.condition());
    node.delete_queue(&url, TASK);
    let reason = interruption.await.expect("no panic");
    assert!(reason.contains("cancelled the consumer"), "{reason}");
    assert_eq!(broker.depth(&tasks_of(TASK, 1).queue).await, Ok(Some(0)));
}

#[tokio::test]
async fn a_closed_broker_interrupts_its_listeners() {
    let broker = connected(&Node::shared().vhost("closed-listener")).await;
    let listener = broker.listen(tasks_of(TASK, 10)).await.expect("subscribed");
    broker.close().await;
    assert!(matches!(*listener.condition().borrow(), Condition::Interrupted { .. }));
}
