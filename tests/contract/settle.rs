//! What a receipt promises.

use leveret::message::Attempt;

use super::*;

pub async fn i7_what_is_acknowledged_does_not_come_again(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    publish(&broker, vec![order(&send)]).await;
    let mut listener = listen(&broker, performing(&send, 1)).await;
    take(&mut listener, 1).await;
    drop(listener);
    let mut successor = listen(&broker, performing(&send, 1)).await;
    nothing_comes(&mut successor).await;
}

pub async fn i5_what_is_given_back_comes_again_uncounted(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut outgoing = order(&send);
    outgoing.message.attempt = Attempt::new(4).expect("not 0");
    publish(&broker, vec![outgoing.clone()]).await;
    let mut listener = listen(&broker, performing(&send, 1)).await;
    for redelivered in [false, true, true] {
        let received = next(&mut listener).await;
        assert_eq!(received.message, outgoing.message);
        assert_eq!(received.redelivered, redelivered);
        soon("an answer", received.receipt.give_back()).await.expect("given back");
    }
    take(&mut listener, 1).await;
    nothing_comes(&mut listener).await;
}

pub async fn i1_a_receipt_dropped_with_its_listener_lets_the_message_come_again(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let published = publish(&broker, vec![order(&send), order(&send)]).await;
    let mut listener = listen(&broker, performing(&send, 2)).await;
    drop(next(&mut listener).await);
    let kept_longer = next(&mut listener).await;
    drop(listener);
    drop(kept_longer);
    let mut successor = listen(&broker, performing(&send, 2)).await;
    let again = [next(&mut successor).await, next(&mut successor).await];
    assert!(again.iter().all(|received| received.redelivered));
    assert_eq!(set(again.map(|received| received.message.id)), set(published));
}

pub async fn i1_receipts_outlast_a_stop(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let published = publish(&broker, vec![order(&send), order(&send)]).await;
    let mut listener = listen(&broker, performing(&send, 2)).await;
    let (first, second) = (next(&mut listener).await, next(&mut listener).await);
    soon("the stop", listener.stop()).await;
    assert!(soon("the end", listener.next()).await.is_none());
    acknowledge(first).await;
    soon("an answer", second.receipt.give_back()).await.expect("given back");
    drop(listener);
    let mut successor = listen(&broker, performing(&send, 2)).await;
    assert_eq!(ids(&take(&mut successor, 1).await), published[1..]);
    nothing_comes(&mut successor).await;
}

pub async fn receipts_may_be_used_in_any_order(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let published = publish(&broker, (0..4).map(|_| order(&send)).collect()).await;
    let mut listener = listen(&broker, performing(&send, 4)).await;
    let mut out = Vec::new();
    for _ in 0..4 {
        out.push(next(&mut listener).await);
    }
    let kept = out.remove(1);
    while let Some(received) = out.pop() {
        acknowledge(received).await;
    }
    drop((listener, kept));
    let mut successor = listen(&broker, performing(&send, 4)).await;
    assert_eq!(ids(&take(&mut successor, 1).await), published[1..2]);
    nothing_comes(&mut successor).await;
}
