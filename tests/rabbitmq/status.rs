//! What the operator is told, and how things end.

use std::time::Duration;

use leveret::broker::rabbitmq::{Options, RabbitMqBroker, UrlError};
use leveret::broker::{Broker, BrokerError, BrokerStatus, PublishError};
use leveret_tests::rabbitmq::Node;

use super::{acknowledge, connected, next, options, outgoing, task, tasks_of, until};
use leveret::name::QueueName;

/// Why a URL leads nowhere.
async fn reason(url: &str) -> String {
    let broker = RabbitMqBroker::connect(url, options()).expect("a legal URL");
    match until(&broker, |status| matches!(status, BrokerStatus::Down { .. })).await {
        BrokerStatus::Down { reason } => reason,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_reason_tells_credentials_vhost_port_name_and_tls_apart() {
    let port = Node::shared().port();
    let cases = [
        (format!("amqp://guest:s3cret@127.0.0.1:{port}/%2f"), "credentials"),
        (format!("amqp://guest:guest@127.0.0.1:{port}/nowhere"), "vhost \"nowhere\""),
        ("amqp://guest:s3cret@127.0.0.1:1/%2f".into(), "is RabbitMQ running there?"),
        ("amqp://guest:s3cret@no-such-host.invalid/%2f".into(), "does not resolve"),
        (format!("amqps://guest:s3cret@127.0.0.1:{port}/%2f"), "TLS"),
    ];
    for (url, words) in cases {
        let reason = reason(&url).await;
        assert!(reason.contains(words), "{url}: {reason}");
        assert!(!reason.contains("s3cret"), "{reason}");
    }
}

#[tokio::test]
async fn a_malformed_url_is_refused_without_its_password() {
    for url in ["http://u:s3cret@h", "u:s3cret@h", "amqp:s3cret", "amqp://u:s3cret@h:port", ""] {
        let UrlError::Malformed(_) = RabbitMqBroker::connect(url, options()).expect_err(url);
        let words = RabbitMqBroker::connect(url, options()).expect_err(url).to_string();
        assert!(!words.contains("s3cret"), "{words}");
    }
}

#[tokio::test]
async fn without_a_connection_everything_is_unreachable_after_the_answer_limit() {
    let options = Options { answer_limit: Duration::from_millis(200), ..options() };
    let broker = RabbitMqBroker::connect("amqp://127.0.0.1:1/%2f", options).expect("a legal URL");
    let publish = broker.publish(vec![outgoing("pheidi.email.send", "{}")]).await;
    assert!(matches!(publish, Err(PublishError::Unreachable(_))), "{publish:?}");
    let listen = broker.listen(tasks_of("pheidi.email.send", 1)).await;
    assert!(matches!(listen, Err(BrokerError::Unreachable(_))));
    broker.close().await;
    assert_eq!(*broker.status().borrow(), BrokerStatus::Closed);
}

#[tokio::test]
async fn i11_after_a_stop_what_was_fetched_can_be_given_back_and_comes_again() {
    let broker = connected(&Node::shared().vhost("stop")).await;
    let batch = (0..10).map(|number| outgoing("pheidi.email.send", &number.to_string())).collect();
    broker.publish(batch).await.expect("published");
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 4)).await.expect("subscribed");
    let first = next(&mut listener).await;
    listener.stop().await;
    let mut fetched = vec![first];
    while let Some(received) = listener.next().await {
        fetched.push(received);
    }
    assert!(fetched.len() <= 4, "{} messages were out", fetched.len());
    for received in fetched {
        received.receipt.give_back().await.expect("the connection is up");
    }
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    let mut bodies = Vec::new();
    for _ in 0..10 {
        bodies.push(acknowledge(next(&mut listener).await).await.body);
    }
    bodies.sort();
    assert_eq!(bodies, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[tokio::test]
async fn i1_what_a_dropped_listener_left_unsettled_comes_again() {
    let broker = connected(&Node::shared().vhost("dropped")).await;
    let batch = (0..20).map(|number| outgoing("pheidi.email.send", &number.to_string())).collect();
    broker.publish(batch).await.expect("published");
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    let settled = next(&mut listener).await;
    let dropped = next(&mut listener).await;
    drop(listener);
    // A receipt outlives its listener.
    acknowledge(settled).await;
    drop(dropped);
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 100)).await.expect("subscribed");
    for _ in 0..19 {
        acknowledge(next(&mut listener).await).await;
    }
}

#[tokio::test]
async fn closing_ends_listeners_and_gives_back_what_was_out() {
    let url = Node::shared().vhost("closing");
    let broker = connected(&url).await;
    broker.publish(vec![outgoing("pheidi.email.send", "{}")]).await.expect("published");
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    let out = next(&mut listener).await;
    broker.close().await;
    assert!(listener.next().await.is_none());
    assert!(out.receipt.acknowledge().await.is_err());
    let publish = broker.publish(vec![outgoing("pheidi.email.send", "{}")]).await;
    assert!(matches!(publish, Err(PublishError::Unreachable(_))), "{publish:?}");

    let broker = connected(&url).await;
    let mut listener = broker.listen(tasks_of("pheidi.email.send", 10)).await.expect("subscribed");
    assert!(next(&mut listener).await.redelivered);
}

#[tokio::test]
async fn a_queue_that_does_not_exist_has_no_depth() {
    let broker = connected(&Node::shared().vhost("depth")).await;
    let queue = QueueName::task(&task("pheidi.email.send"));
    assert_eq!(broker.depth(&queue).await, Ok(None));
    broker.publish(vec![outgoing("pheidi.email.send", "{}")]).await.expect("published");
    assert_eq!(broker.depth(&queue).await, Ok(Some(1)));
}
