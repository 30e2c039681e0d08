//! What a browse promises.

use leveret::broker::Browse;

use super::*;

/// A dead letter of the application.
fn bury(message: Message) -> Outgoing {
    Outgoing { destination: Destination::Dead(app()), message }
}

/// A number of dead letters, in order.
async fn buried(broker: &Arc<dyn Broker>, number: usize) -> Vec<MessageId> {
    let send = task("pheidi.email.send");
    publish(broker, (0..number).map(|_| bury(order(&send).message)).collect()).await
}

async fn browse(broker: &Arc<dyn Broker>, queue: &QueueName) -> Box<dyn Browse> {
    soon("a browse", broker.browse(queue)).await.expect("browses")
}

async fn following(browse: &mut Box<dyn Browse>) -> Option<Received> {
    soon("an answer", browse.next()).await.expect("an answer")
}

/// The ids of all that a browse comes upon. What it took out stays out.
async fn rest(browse: &mut Box<dyn Browse>) -> (Vec<MessageId>, Vec<Received>) {
    let mut out = Vec::new();
    while let Some(received) = following(browse).await {
        out.push(received);
    }
    (out.iter().map(|received| received.message.id.clone()).collect(), out)
}

pub async fn a_queue_that_is_absent_is_empty(bench: impl Bench) {
    let broker = bench.connect().await;
    let dead = QueueName::dead(&app());
    let mut absent = browse(&broker, &dead).await;
    assert!(following(&mut absent).await.is_none());
    assert!(following(&mut absent).await.is_none());
    assert_eq!(broker.depth(&dead).await, Ok(None));
}

pub async fn i1_messages_come_out_whole_and_each_with_its_own_subject(bench: impl Bench) {
    let broker = bench.connect().await;
    let event = announce(&event("org.payment.processed")).message;
    let mut task = order(&task("pheidi.email.send")).message;
    task.headers.insert("kept".into(), "as it was".into());
    publish(&broker, vec![bury(event.clone()), bury(task.clone())]).await;
    let mut browse = browse(&broker, &QueueName::dead(&app())).await;
    for expected in [event, task] {
        let received = following(&mut browse).await.expect("a message");
        assert!(!received.redelivered);
        assert_eq!(acknowledge(received).await, expected);
    }
    assert!(following(&mut browse).await.is_none());
}

pub async fn i7_what_is_acknowledged_does_not_come_again(bench: impl Bench) {
    let broker = bench.connect().await;
    let published = buried(&broker, 3).await;
    let dead = QueueName::dead(&app());
    let mut first = browse(&broker, &dead).await;
    acknowledge(following(&mut first).await.expect("a message")).await;
    drop(first);
    depth_becomes(&broker, &dead, 2).await;
    let (ids, _out) = rest(&mut browse(&broker, &dead).await).await;
    assert_eq!(set(ids), set(published[1..].to_vec()));
}

pub async fn i1_what_is_given_back_comes_again(bench: impl Bench) {
    let broker = bench.connect().await;
    let published = buried(&broker, 2).await;
    let dead = QueueName::dead(&app());
    let mut first = browse(&broker, &dead).await;
    let (_, out) = rest(&mut first).await;
    for received in out {
        soon("a return", received.receipt.give_back()).await.expect("given back");
    }
    depth_becomes(&broker, &dead, 2).await;
    let (ids, again) = rest(&mut browse(&broker, &dead).await).await;
    assert_eq!(set(ids), set(published));
    assert!(again.iter().all(|received| received.redelivered));
}

pub async fn i1_what_is_left_when_it_is_dropped_comes_again(bench: impl Bench) {
    let broker = bench.connect().await;
    let published = buried(&broker, 5).await;
    let dead = QueueName::dead(&app());
    let mut first = browse(&broker, &dead).await;
    // One receipt dropped, one kept, three never fetched.
    drop(following(&mut first).await);
    let kept = following(&mut first).await.expect("a message");
    drop(first);
    depth_becomes(&broker, &dead, 5).await;
    let mut second = browse(&broker, &dead).await;
    let (ids, again) = rest(&mut second).await;
    assert_eq!(set(ids), set(published));
    assert_eq!(again.iter().filter(|received| received.redelivered).count(), 2);
    drop(kept);
}

pub async fn i7_each_message_comes_out_once(bench: impl Bench) {
    let broker = bench.connect().await;
    let published = buried(&broker, 50).await;
    let dead = QueueName::dead(&app());
    let (mut one, mut other) = (browse(&broker, &dead).await, browse(&broker, &dead).await);
    let (mut found, mut out) = (Vec::new(), Vec::new());
    for _ in 0..25 {
        for browse in [&mut one, &mut other] {
            let received = following(browse).await.expect("a message");
            found.push(received.message.id.clone());
            out.push(received);
        }
    }
    assert_eq!(found, published);
    assert!(following(&mut one).await.is_none() && following(&mut other).await.is_none());
}

pub async fn what_a_listener_has_out_is_not_found(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut listener = listen(&broker, performing(&send, 2)).await;
    let published = publish(&broker, (0..5).map(|_| order(&send)).collect()).await;
    let _out = [next(&mut listener).await, next(&mut listener).await];
    depth_becomes(&broker, &QueueName::task(&send), 3).await;
    let (ids, _kept) = rest(&mut browse(&broker, &QueueName::task(&send)).await).await;
    assert_eq!(ids, published[2..]);
}
