//! Nothing that RabbitMQ cannot route is taken for published.

use std::collections::BTreeSet;

use leveret::broker::{Broker, Destination, Outgoing, PublishError};
use leveret::message::{Message, Subject};
use leveret::name::QueueName;
use leveret_tests::rabbitmq::Node;

use super::{acknowledge, connected, next, outgoing, task, tasks_of};

#[tokio::test]
async fn i1_each_unroutable_message_among_a_thousand_in_flight_is_found_and_no_other() {
    let broker = connected(&Node::shared().vhost("unroutable")).await;
    let lost = |number: usize| number % 97 == 13;
    let publishes = (0..1000).map(|number| {
        let mut message = outgoing("pheidi.email.send", "{}");
        if lost(number) {
            message.destination = Destination::Queue(QueueName::task(&task("pheidi.no.queue")));
        }
        let id = message.message.id.clone();
        let broker = broker.clone();
        async move { (id, broker.publish(vec![message]).await) }
    });
    let results = futures_util::future::join_all(publishes).await;
    for (number, (id, result)) in results.into_iter().enumerate() {
        match result {
            Ok(_) => assert!(!lost(number), "{number} was taken for published"),
            Err(error) => {
                assert_eq!(error, PublishError::Returned(vec![id]));
                assert!(lost(number), "{number} was taken for lost");
            }
        }
    }
}

#[tokio::test]
async fn a_batch_names_each_of_its_messages_that_cannot_be_routed() {
    let broker = connected(&Node::shared().vhost("batch")).await;
    let mut batch: Vec<_> = (0..600).map(|_| outgoing("pheidi.email.send", "{}")).collect();
    let mut expected = BTreeSet::new();
    for number in [0, 255, 256, 599] {
        batch[number].destination = Destination::Queue(QueueName::task(&task("pheidi.no.queue")));
        expected.insert(batch[number].message.id.clone());
    }
    match broker.publish(batch).await {
        Err(PublishError::Returned(ids)) => assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), expected),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_event_that_nobody_subscribes_to_is_unheard() {
    let broker = connected(&Node::shared().vhost("unheard")).await;
    let event = "user.authorized".parse().expect("a legal event name");
    let message = Message::new(Subject::Event(event), "{}");
    let Subject::Event(event) = message.subject.clone() else { unreachable!("made above") };
    let published = broker
        .publish(vec![
            Outgoing { destination: Destination::Event(event), message: message.clone() },
            outgoing("pheidi.email.send", "{}"),
        ])
        .await
        .expect("published");
    assert_eq!(published.unheard, [message.id]);
}

#[tokio::test]
async fn i1_a_task_queue_that_was_deleted_is_noticed_and_made_again() {
    let node = Node::shared();
    let url = node.vhost("deleted");
    let broker = connected(&url).await;
    broker.publish(vec![outgoing("pheidi.email.send", "1")]).await.expect("published");
    node.delete_queue(&url, "pheidi.email.send");

    let again = outgoing("pheidi.email.send", "2");
    let result = broker.publish(vec![again.clone()]).await;
    assert_eq!(result, Err(PublishError::Returned(vec![again.message.id.clone()])));
    broker.publish(vec![again]).await.expect("published");

    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    assert_eq!(acknowledge(next(&mut listener).await).await.body, "2");
}

#[tokio::test]
async fn i3_no_header_sends_a_message_to_another_queue() {
    let broker = connected(&Node::shared().vhost("copies")).await;
    let other = QueueName::task(&task("billing.invoice.pay"));
    broker.publish(vec![outgoing("billing.invoice.pay", "{}")]).await.expect("published");
    let mut message = outgoing("pheidi.email.send", "{}");
    let elsewhere = leveret::message::HeaderValue::List(vec![other.as_str().into()]);
    message.message.headers.insert("CC".into(), elsewhere.clone());
    message.message.headers.insert("BCC".into(), elsewhere);
    broker.publish(vec![message]).await.expect("published");
    assert_eq!(broker.depth(&other).await, Ok(Some(1)));
}

#[tokio::test]
async fn headers_too_large_for_a_frame_are_refused_and_harm_nobody_else() {
    let broker = connected(&Node::shared().vhost("large")).await;
    let mut large = outgoing("pheidi.email.send", "{}");
    large.message.headers.insert("large".into(), "x".repeat(200_000).as_str().into());
    let id = large.message.id.clone();
    assert_eq!(broker.publish(vec![large]).await, Err(PublishError::TooLarge(vec![id])));
    broker.publish(vec![outgoing("pheidi.email.send", "{}")]).await.expect("published");
}
