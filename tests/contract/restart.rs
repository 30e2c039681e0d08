//! What is left when a broker is closed and another begins on the same storage.

use leveret::broker::BrokerStatus;
use leveret::name::QueueName;

use super::*;

pub async fn i1_what_was_published_survives(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let published = publish(&broker, (0..10).map(|_| order(&send)).collect()).await;
    soon("the close", broker.close()).await;
    let broker = bench.connect().await;
    depth_becomes(&broker, &QueueName::task(&send), 10).await;
    let mut listener = listen(&broker, performing(&send, 3)).await;
    assert_eq!(ids(&take(&mut listener, 10).await), published);
}

pub async fn i1_what_was_not_acknowledged_comes_again(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let published = publish(&broker, vec![order(&send), order(&send)]).await;
    let mut listener = listen(&broker, performing(&send, 2)).await;
    let out = [next(&mut listener).await, next(&mut listener).await];
    soon("the close", broker.close()).await;
    drop((listener, out));
    let broker = bench.connect().await;
    let mut listener = listen(&broker, performing(&send, 2)).await;
    let again = [next(&mut listener).await, next(&mut listener).await];
    assert!(again.iter().all(|received| received.redelivered));
    assert_eq!(set(again.map(|received| received.message.id)), set(published));
}

pub async fn i1_what_was_acknowledged_does_not_come_again(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let published = publish(&broker, (0..3).map(|_| order(&send)).collect()).await;
    let mut listener = listen(&broker, performing(&send, 1)).await;
    take(&mut listener, 2).await;
    soon("the close", broker.close()).await;
    let broker = bench.connect().await;
    let mut listener = listen(&broker, performing(&send, 10)).await;
    assert_eq!(ids(&take(&mut listener, 1).await), published[2..]);
    nothing_comes(&mut listener).await;
}

pub async fn i1_what_was_given_back_survives(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let published = publish(&broker, vec![order(&send)]).await;
    let mut listener = listen(&broker, performing(&send, 1)).await;
    let received = next(&mut listener).await;
    soon("the stop", listener.stop()).await;
    soon("an answer", received.receipt.give_back()).await.expect("given back");
    soon("the close", broker.close()).await;
    let broker = bench.connect().await;
    let mut listener = listen(&broker, performing(&send, 1)).await;
    let received = next(&mut listener).await;
    assert!(received.redelivered);
    assert_eq!([received.message.id], published[..]);
}

pub async fn subscriptions_survive(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    drop(listen(&broker, subscribing("pheidi", &paid, 1)).await);
    soon("the close", broker.close()).await;
    let broker = bench.connect().await;
    let published = publish(&broker, vec![announce(&paid)]).await;
    let mut listener = listen(&broker, subscribing("pheidi", &paid, 1)).await;
    assert_eq!(ids(&take(&mut listener, 1).await), published);
}

pub async fn a_broker_says_when_it_is_ready_and_when_it_is_closed(bench: impl Bench) {
    let broker = bench.connect().await;
    let mut status = broker.status();
    soon("readiness", status.wait_for(|status| *status == BrokerStatus::Ready)).await.expect("a status");
    soon("the close", broker.close()).await;
    assert_eq!(*broker.status().borrow(), BrokerStatus::Closed);
    soon("the second close", broker.close()).await;
}

pub async fn a_closed_broker_ends_its_listeners_and_takes_nothing(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut listener = listen(&broker, performing(&send, 1)).await;
    soon("the close", broker.close()).await;
    assert!(soon("the end", listener.next()).await.is_none());
    assert!(soon("an answer", broker.publish(vec![order(&send)])).await.is_err());
    assert!(soon("an answer", broker.listen(performing(&send, 1))).await.is_err());
    assert!(soon("an answer", broker.depth(&QueueName::task(&send))).await.is_err());
}
