//! Moving one service at a time: what Ponos has declared is taken over as it is.

use leveret::delivery::Settlement;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_ponos_becomes_a_task_for_ponos_under_one_tid() {
    let broker = TestBroker::rabbitmq().await;
    let TestBroker::RabbitMq(url) = &broker else { panic!("it is RabbitMQ") };
    // The worker of today was there first, and declared its queue in its own way.
    let worker = Service::worker(vhost(url), &["pheidi", "email.send", "--declare"]).await;

    let mut host = TestHost::start(&broker).await;
    host.install("pheidi.wasm", &guests::bytes("pheidi")).await;
    // Rejected, and so no task; but heard, and so the subscription is there.
    host.publish(PAID, payment(0).to_string()).await;

    let publisher = Service::start(vhost(url), &["publish.js", PAID, &payment(4200).to_string()]);
    let published = publisher.report().await;
    let performed = worker.report().await;
    let tid = tid_of(&published["tid"]);
    assert_eq!(performed["task"], SEND);
    assert_eq!(performed["tid"], tid.as_str());
    assert_eq!(performed["job"]["tid"], tid.as_str());
    assert_eq!(performed["job"]["to"], "grace@example.org");
    assert_eq!(performed["job"]["substitutions"]["amount"], 4200);

    // It is written once the event is acknowledged, and that comes after the task.
    let record = until("a record", async || host.all_records().into_iter().find(|record| record.tid == tid)).await;
    assert_eq!(record.settlement, Settlement::Done);
    assert_eq!(kind(url, SEND).await, "classic");
    assert_eq!(kind(url, "pheidi.org.payment.processed").await, "quorum");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_moves_from_ponos_to_a_plugin_with_what_waits_in_it() {
    const QUEUE: &str = "puppet.puppet.pulled";
    let broker = TestBroker::rabbitmq().await;
    let TestBroker::RabbitMq(url) = &broker else { panic!("it is RabbitMQ") };
    let worker = Service::worker(vhost(url), &["puppet", "echo.make", "--declare"]).await;
    // The handler of today goes, and its queue stays.
    drop(Service::worker(vhost(url), &["puppet", PULLED, "--event"]).await);
    let waiting = publish(url, part(1)).await;
    let host = TestHost::start(&broker).await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    soon("the host", host.host.ready()).await;
    let fresh = publish(url, part(2)).await;

    let mut tids = Vec::new();
    for _ in 0..2 {
        let performed = worker.report().await;
        assert_eq!(performed["task"], ECHO);
        tids.push(tid_of(&performed["tid"]));
    }
    tids.sort();
    let mut expected = [waiting, fresh];
    expected.sort();
    assert_eq!(tids, expected);
    assert_eq!(kind(url, QUEUE).await, "classic");
    host.stop().await;
}
