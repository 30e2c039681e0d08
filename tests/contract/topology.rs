//! What is promised of what is declared, inspected and deleted.

use leveret::broker::{BrokerError, Delay, Finding, Standing, Wanted};

use super::*;

/// Something of every kind.
fn everything() -> [Wanted; 4] {
    [
        Wanted::Subscription(subscribing("pheidi", &event("org.payment.processed"), 10)),
        Wanted::Task(task("pheidi.email.send")),
        Wanted::Dead(app()),
        Wanted::Delay(Delay::nearest(Duration::from_secs(5))),
    ]
}

fn queues() -> [QueueName; 3] {
    let paid = event("org.payment.processed");
    [subscription("pheidi", &paid), QueueName::task(&task("pheidi.email.send")), QueueName::dead(&app())]
}

async fn inspect(broker: &Arc<dyn Broker>, wanted: &[Wanted]) -> Vec<Finding> {
    soon("the findings", broker.inspect(wanted)).await.expect("findings")
}

async fn declare(broker: &Arc<dyn Broker>, wanted: &Wanted) {
    soon("the declaration", broker.declare(wanted)).await.expect("declared");
}

/// How a queue stands.
fn standing<'a>(findings: &'a [Finding], queue: &QueueName) -> &'a Standing {
    let finding = findings.iter().find(|finding| finding.kind == "queue" && finding.name == queue.as_str());
    &finding.expect("a finding about the queue").standing
}

pub async fn what_is_missing_is_found_missing_and_stays_so(bench: impl Bench) {
    let broker = bench.connect().await;
    for _ in 0..2 {
        let findings = inspect(&broker, &everything()).await;
        for queue in queues() {
            assert_eq!(*standing(&findings, &queue), Standing::Missing);
            assert_eq!(soon("a depth", broker.depth(&queue)).await, Ok(None));
        }
    }
}

pub async fn what_is_declared_stands_as_wanted(bench: impl Bench) {
    let broker = bench.connect().await;
    // What is there stays as it is.
    for _ in 0..2 {
        for wanted in everything() {
            declare(&broker, &wanted).await;
        }
    }
    let findings = inspect(&broker, &everything()).await;
    for finding in &findings {
        assert!(matches!(finding.standing, Standing::AsWanted { .. }), "{finding:?}");
    }
    for queue in queues() {
        let empty = Standing::AsWanted { messages: Some(0), consumers: Some(0) };
        assert_eq!(*standing(&findings, &queue), empty);
    }
}

pub async fn a_declared_subscription_gets_its_messages(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    declare(&broker, &Wanted::Subscription(subscribing("pheidi", &paid, 10))).await;
    let published = publish(&broker, vec![announce(&paid)]).await;
    let mut listener = listen(&broker, subscribing("pheidi", &paid, 10)).await;
    assert_eq!(ids(&take(&mut listener, 1).await), published);
}

pub async fn an_inspection_counts_messages_and_listeners(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let _listener = listen(&broker, performing(&send, 2)).await;
    publish(&broker, (0..5).map(|_| order(&send)).collect()).await;
    depth_becomes(&broker, &QueueName::task(&send), 3).await;
    let findings = inspect(&broker, &[Wanted::Task(send.clone())]).await;
    let expected = Standing::AsWanted { messages: Some(3), consumers: Some(1) };
    assert_eq!(*standing(&findings, &QueueName::task(&send)), expected);
}

pub async fn a_queue_with_one_listener_at_a_time_stands_as_wanted_once_it_is_declared(bench: impl Bench) {
    let broker = bench.connect().await;
    let source = Source { single_active: true, ..performing(&task("pheidi.email.send"), 5) };
    let wanted = Wanted::Subscription(source.clone());
    declare(&broker, &wanted).await;
    let findings = inspect(&broker, &[wanted]).await;
    assert!(matches!(standing(&findings, &source.queue), Standing::AsWanted { .. }), "{findings:?}");
    listen(&broker, source).await;
}

pub async fn a_queue_that_is_empty_and_idle_is_deleted(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let queue = QueueName::task(&send);
    declare(&broker, &Wanted::Task(send.clone())).await;
    soon("the deletion", broker.delete_empty(&queue)).await.expect("deleted");
    assert_eq!(soon("a depth", broker.depth(&queue)).await, Ok(None));
    // It can be made anew.
    declare(&broker, &Wanted::Task(send)).await;
    depth_becomes(&broker, &queue, 0).await;
}

pub async fn i1_a_queue_with_messages_or_listeners_is_not_deleted(bench: impl Bench) {
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let queue = QueueName::task(&send);
    let published = publish(&broker, vec![order(&send)]).await;
    let full = soon("the refusal", broker.delete_empty(&queue)).await;
    assert!(matches!(full, Err(BrokerError::Refused(_))), "{full:?}");
    let mut listener = listen(&broker, performing(&send, 5)).await;
    assert_eq!(ids(&take(&mut listener, 1).await), published);
    depth_becomes(&broker, &queue, 0).await;
    let busy = soon("the refusal", broker.delete_empty(&queue)).await;
    assert!(matches!(busy, Err(BrokerError::Refused(_))), "{busy:?}");
    let later = publish(&broker, vec![order(&send)]).await;
    assert_eq!(ids(&take(&mut listener, 1).await), later);
}
