//! What a listener promises.

use leveret::name::QueueName;

use super::*;

pub async fn a_queue_keeps_its_order(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut published = publish(&broker, (0..50).map(|_| order(&send)).collect()).await;
    let mut listener = listen(&broker, performing(&send, 7)).await;
    published.extend(publish(&broker, (0..50).map(|_| order(&send)).collect()).await);
    assert_eq!(ids(&take(&mut listener, 100).await), published);
}

pub async fn i8_no_more_than_the_prefetch_is_out(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    publish(&broker, (0..20).map(|_| order(&send)).collect()).await;
    let mut listener = listen(&broker, performing(&send, 3)).await;
    let mut out = Vec::new();
    for _ in 0..3 {
        out.push(next(&mut listener).await);
    }
    nothing_comes(&mut listener).await;
    depth_becomes(&broker, &QueueName::task(&send), 17).await;
}

pub async fn i8_settling_one_makes_room_for_one(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    publish(&broker, (0..20).map(|_| order(&send)).collect()).await;
    let mut listener = listen(&broker, performing(&send, 3)).await;
    let first = next(&mut listener).await;
    let mut out = vec![next(&mut listener).await, next(&mut listener).await];
    acknowledge(first).await;
    out.push(next(&mut listener).await);
    nothing_comes(&mut listener).await;
}

pub async fn listening_again_to_a_queue_adopts_it(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let mut first = listen(&broker, subscribing("pheidi", &paid, 10)).await;
    first.stop().await;
    assert!(soon("the end", first.next()).await.is_none());
    drop(first);
    let published = publish(&broker, vec![announce(&paid)]).await;
    let mut second = listen(&broker, subscribing("pheidi", &paid, 10)).await;
    assert_eq!(ids(&take(&mut second, 1).await), published);
    nothing_comes(&mut second).await;
}

pub async fn two_listeners_share_a_queue(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut one = listen(&broker, performing(&send, 10)).await;
    let mut other = listen(&broker, performing(&send, 10)).await;
    let published = publish(&broker, (0..20).map(|_| order(&send)).collect()).await;
    let mut out = Vec::new();
    for _ in 0..10 {
        out.push(next(&mut one).await);
        out.push(next(&mut other).await);
    }
    assert_eq!(set(out.iter().map(|received| received.message.id.clone())), set(published));
    assert!(out.iter().all(|received| !received.redelivered));
}

pub async fn i11_a_stopped_listener_hands_out_what_it_fetched_and_ends(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut listener = listen(&broker, performing(&send, 5)).await;
    let published = publish(&broker, (0..5).map(|_| order(&send)).collect()).await;
    depth_becomes(&broker, &QueueName::task(&send), 0).await;
    soon("the stop", listener.stop()).await;
    let later = publish(&broker, vec![order(&send)]).await;
    assert_eq!(ids(&take(&mut listener, 5).await), published);
    assert!(soon("the end", listener.next()).await.is_none());
    assert!(soon("the end", listener.next()).await.is_none());
    let mut successor = listen(&broker, performing(&send, 5)).await;
    assert_eq!(ids(&take(&mut successor, 1).await), later);
}

pub async fn i11_what_a_dropped_listener_had_fetched_comes_again(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut listener = listen(&broker, performing(&send, 5)).await;
    let published = publish(&broker, (0..5).map(|_| order(&send)).collect()).await;
    depth_becomes(&broker, &QueueName::task(&send), 0).await;
    acknowledge(next(&mut listener).await).await;
    drop(listener);
    let mut successor = listen(&broker, performing(&send, 5)).await;
    assert_eq!(set(ids(&take(&mut successor, 4).await)), set(published[1..].to_vec()));
    nothing_comes(&mut successor).await;
}

pub async fn depth_counts_what_waits(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let queue = QueueName::task(&send);
    assert_eq!(soon("a depth", broker.depth(&queue)).await, Ok(None));
    let mut listener = listen(&broker, performing(&send, 2)).await;
    depth_becomes(&broker, &queue, 0).await;
    publish(&broker, (0..5).map(|_| order(&send)).collect()).await;
    depth_becomes(&broker, &queue, 3).await;
    take(&mut listener, 2).await;
    depth_becomes(&broker, &queue, 1).await;
    take(&mut listener, 3).await;
    depth_becomes(&broker, &queue, 0).await;
}
