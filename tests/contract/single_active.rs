//! What a queue with a single active listener promises, and what a listener says of its condition.

use leveret::broker::Condition;

use super::*;

/// The queue of a task, for one listener at a time.
fn alone(task: &TaskName, prefetch: u16) -> Source {
    Source { single_active: true, ..performing(task, prefetch) }
}

pub async fn i10_one_of_two_listeners_gets_everything_in_order(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut active = listen(&broker, alone(&send, 3)).await;
    let mut waiting = listen(&broker, alone(&send, 3)).await;
    let published = publish(&broker, (0..20).map(|_| order(&send)).collect()).await;
    assert_eq!(ids(&take(&mut active, 20).await), published);
    nothing_comes(&mut waiting).await;
    for listener in [&active, &waiting] {
        assert_eq!(*listener.condition().borrow(), Condition::Consuming);
    }
}

pub async fn i10_the_next_listener_takes_over_in_order(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut first = listen(&broker, alone(&send, 1)).await;
    let mut second = listen(&broker, alone(&send, 5)).await;
    let published = publish(&broker, (0..20).map(|_| order(&send)).collect()).await;
    let mut came = ids(&take(&mut first, 7).await);
    // The eighth is out, or fetched, and never settled.
    drop(first);
    came.extend(ids(&take(&mut second, 13).await));
    assert_eq!(came, published);
    nothing_comes(&mut second).await;
}

pub async fn listening_again_to_a_queue_with_one_listener_at_a_time(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    for _ in 0..2 {
        let mut listener = listen(&broker, alone(&send, 5)).await;
        let published = publish(&broker, (0..5).map(|_| order(&send)).collect()).await;
        assert_eq!(ids(&take(&mut listener, 5).await), published);
        soon("the stop", listener.stop()).await;
    }
}

pub async fn a_listener_that_is_stopped_is_not_consuming(bench: impl Bench) {
    let broker = bench.connect().await;
    let mut listener = listen(&broker, performing(&task("pheidi.email.send"), 5)).await;
    assert_eq!(*listener.condition().borrow(), Condition::Consuming);
    soon("the stop", listener.stop()).await;
    let mut condition = listener.condition();
    let interrupted = |condition: &Condition| matches!(condition, Condition::Interrupted { .. });
    soon("the condition", condition.wait_for(interrupted)).await.expect("the listener lives");
}
