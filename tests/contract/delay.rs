//! What a delay promises (I4).

use std::time::Instant;

use leveret::broker::{Delay, Destination};
use leveret::message::Attempt;
use leveret::name::QueueName;

use super::*;

/// An order that comes home to its task's queue after a while.
fn order_later(task: &TaskName, wait: Duration) -> Outgoing {
    let destination = Destination::Delay { home: QueueName::task(task), wait: Delay::nearest(wait) };
    Outgoing { destination, ..order(task) }
}

pub async fn i4_a_delayed_message_comes_home_whole_and_not_too_early(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut listener = listen(&broker, performing(&send, 10)).await;
    for millis in [1, 50, 700] {
        let wait = Duration::from_millis(millis);
        let mut outgoing = order_later(&send, wait);
        outgoing.message.attempt = Attempt::new(2).expect("not 0");
        outgoing.message.headers.insert("kept".into(), "as it was".into());
        let begin = Instant::now();
        publish(&broker, vec![outgoing.clone()]).await;
        let received = acknowledge(next(&mut listener).await).await;
        assert!(begin.elapsed() >= wait, "{wait:?} took {:?}", begin.elapsed());
        assert_eq!(received, outgoing.message);
    }
    nothing_comes(&mut listener).await;
}

pub async fn i4_a_short_delay_overtakes_a_longer_one(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut listener = listen(&broker, performing(&send, 10)).await;
    let (long, short) = (Duration::from_secs(3), Duration::from_millis(100));
    let published = publish(&broker, vec![order_later(&send, long), order_later(&send, short)]).await;
    let came = ids(&take(&mut listener, 2).await);
    assert_eq!(came, [published[1].clone(), published[0].clone()]);
}

pub async fn i4_a_delayed_message_holds_no_prefetch(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut listener = listen(&broker, performing(&send, 1)).await;
    let published = publish(&broker, (0..5).map(|_| order(&send)).collect()).await;
    for id in &published {
        let received = next(&mut listener).await;
        assert_eq!(received.message.id, *id);
        let wait = Delay::nearest(Duration::from_secs(3));
        let destination = Destination::Delay { home: QueueName::task(&send), wait };
        publish(&broker, vec![Outgoing { destination, message: received.message.clone() }]).await;
        acknowledge(received).await;
    }
    assert_eq!(set(ids(&take(&mut listener, 5).await)), set(published));
}

pub async fn i4_a_delayed_message_comes_to_its_home_alone(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let mut home = listen(&broker, subscribing("pheidi", &paid, 10)).await;
    let mut neighbour = listen(&broker, subscribing("receipts", &paid, 10)).await;
    let wait = Delay::nearest(Duration::from_millis(100));
    let destination = Destination::Delay { home: subscription("pheidi", &paid), wait };
    let published = publish(&broker, vec![Outgoing { destination, ..announce(&paid) }]).await;
    assert_eq!(ids(&take(&mut home, 1).await), published);
    nothing_comes(&mut neighbour).await;
}

pub async fn i4_a_delayed_message_survives_a_restart(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    // The home exists, as that of every message that was delivered does.
    drop(listen(&broker, performing(&send, 1)).await);
    let (past, future) = (Duration::from_millis(1), Duration::from_secs(2));
    let batch = vec![order_later(&send, past), order_later(&send, future)];
    let begin = Instant::now();
    let published = publish(&broker, batch).await;
    soon("the close", broker.close()).await;
    let broker = bench.connect().await;
    let mut listener = listen(&broker, performing(&send, 10)).await;
    assert_eq!(ids(&take(&mut listener, 2).await), published);
    assert!(begin.elapsed() >= future);
    nothing_comes(&mut listener).await;
}
