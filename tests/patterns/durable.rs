//! Durable everything: queues, exchanges and messages outlive whoever uses them.

use leveret_tests::broker;
use leveret_tests::rabbitmq::Node;

use super::*;

/// A service publishes while no host runs: the queue is there, and keeps what comes.
async fn what_is_published_while_no_host_runs_is_handled_by_the_next(broker: TestBroker) {
    let host = TestHost::start(&broker).await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    host.publish(PULLED, json!({ "do": "emit", "count": 0 }).to_string()).await;
    host.stop().await;

    let service = broker.connect().await;
    let event = broker::event(PULLED, json!({ "do": "emit" }).to_string());
    let id = event.id.clone();
    broker::publish(&service, event).await;
    service.close().await;
    drop(service);

    let mut host = TestHost::start(&broker).await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    assert_eq!(host.record(&id).await.id, id);
    assert_eq!(host.tasks(ECHO, 1).await.len(), 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_broker_keeps_what_is_published_while_no_host_runs() {
    what_is_published_while_no_host_runs_is_handled_by_the_next(TestBroker::embedded()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_keeps_what_is_published_while_no_host_runs() {
    what_is_published_while_no_host_runs_is_handled_by_the_next(TestBroker::rabbitmq().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_queue_and_exchange_on_rabbitmq_is_durable() {
    let broker = TestBroker::rabbitmq().await;
    let TestBroker::RabbitMq(url) = &broker else { panic!("it is RabbitMQ") };
    let vhost = url.rsplit('/').next().expect("a vhost").to_owned();
    let mut host = TestHost::start(&broker).await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    for instruction in [
        json!({ "do": "emit" }),
        json!({ "do": "reject", "reason": "not ever" }),
        json!({ "do": "retry", "reason": "not now" }),
    ] {
        let id = host.publish(PULLED, instruction.to_string()).await;
        host.record(&id).await;
    }
    for kind in ["queues", "exchanges"] {
        let listed = tokio::task::spawn_blocking({
            let path = format!("{kind}/{vhost}");
            move || Node::shared().get(&path)
        });
        let listed: Vec<Value> = listed.await.expect("it answers").as_array().expect("a list").clone();
        assert!(listed.len() > 2, "{kind}: {listed:?}");
        for one in listed {
            assert_eq!(
                (&one["durable"], &one["auto_delete"]),
                (&json!(true), &json!(false)),
                "{kind}: {}",
                one["name"]
            );
        }
    }
    host.stop().await;
}
