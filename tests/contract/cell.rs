//! What a value promises that one host at a time holds.

use leveret::broker::Cell;
use leveret_tests::wait::until;

use super::*;

type Counter = Cell<u64>;

fn queue() -> QueueName {
    QueueName::tick(&event("time.one-day.passed"))
}

/// Tried again as a host does, since RabbitMQ may fail one of two who make a queue at once.
async fn acquire(broker: &Arc<dyn Broker>) -> Counter {
    let acquired = async {
        loop {
            match Cell::acquire(broker.clone(), queue()).await {
                Ok(cell) => return cell,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    soon("the cell", acquired).await
}

pub async fn what_was_written_last_is_found_by_the_next_holder(bench: impl Bench) {
    let broker = bench.connect().await;
    let mut first = acquire(&broker).await;
    assert_eq!(first.value(), None);
    for number in 1..=5 {
        first.write(number).await.expect("held");
    }
    assert_eq!(first.value(), Some(&5));
    drop(first);
    let mut second = acquire(&broker).await;
    assert_eq!(second.value(), Some(&5));
    second.write(6).await.expect("held");
    drop(second);
    assert_eq!(acquire(&broker).await.value(), Some(&6));
    // One value, and nothing beside it.
    until("the value to be back", async || (broker.depth(&queue()).await == Ok(Some(1))).then_some(())).await;
}

pub async fn one_at_a_time_holds_it(bench: impl Bench) {
    let broker = bench.connect().await;
    let mut first = acquire(&broker).await;
    first.write(1).await.expect("held");
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let broker = broker.clone();
            tokio::spawn(async move {
                let mut cell = acquire(&broker).await;
                let number = *cell.value().expect("written before");
                cell.write(number + 1).await.expect("held");
            })
        })
        .collect();
    first.write(10).await.expect("held");
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
    drop(first);
    for waiting in waiting {
        soon("its turn", waiting).await.expect("no panic");
    }
    assert_eq!(acquire(&broker).await.value(), Some(&13));
}

pub async fn what_nobody_can_read_is_dropped(bench: impl Bench) {
    let broker = bench.connect().await;
    let mut first = acquire(&broker).await;
    first.write(7).await.expect("held");
    let strange = Message::new(Subject::Event(event("user.authorized")), "no value");
    publish(&broker, vec![Outgoing { destination: Destination::Queue(queue()), message: strange }]).await;
    first.write(8).await.expect("held");
    drop(first);
    assert_eq!(acquire(&broker).await.value(), Some(&8));
}

pub async fn a_holder_is_told_when_the_broker_goes(bench: impl Bench) {
    let broker = bench.connect().await;
    let cell = acquire(&broker).await;
    broker.close().await;
    soon("the loss", cell.lost()).await;
}
