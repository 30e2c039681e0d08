//! Ordered consumers (I10): a whole queue in order, whichever host has it, or each key in order while others go on.

use leveret::config::{Attempts, OrderKey, Ordering};
use leveret::delivery::Settlement;
use leveret_tests::wait::soon;

use super::*;

/// An instruction to make a task whose key is a number.
fn numbered(number: usize) -> String {
    json!({ "do": "key", "key": number.to_string() }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_a_queue_keeps_its_order_while_the_host_that_has_it_goes() {
    const HALF: usize = 15;
    let broker = TestBroker::rabbitmq().await;
    let mut hosts = Vec::new();
    for _ in 0..2 {
        let host = TestHost::start_with(&broker, |settings| settings.delivery.ordering = Ordering::Queue).await;
        host.install("puppet.wasm", &guests::bytes("puppet")).await;
        soon("the host", host.host.ready()).await;
        hosts.push(host);
    }
    let (second, first) = (hosts.pop().expect("two hosts"), hosts.pop().expect("two hosts"));
    for number in 0..HALF {
        first.publish(PULLED, numbered(number)).await;
    }
    // The one that listened first has the queue; the other takes over.
    first.stop().await;
    for number in HALF..2 * HALF {
        second.publish(PULLED, numbered(number)).await;
    }
    let tasks = second.tasks(ECHO, 2 * HALF).await;
    let keys: Vec<String> = tasks.into_iter().filter_map(|task| task.key).collect();
    assert_eq!(keys, (0..2 * HALF).map(|number| number.to_string()).collect::<Vec<_>>());
    second.stop().await;
}

async fn i10_a_key_keeps_its_order_through_retries_while_other_keys_go_on(broker: TestBroker) {
    let mut host = TestHost::start_with(&broker, |settings| {
        settings.delivery.ordering = Ordering::Key;
        settings.delivery.order_key = OrderKey::try_from(json!({ "pointer": "/customer" })).expect("legal");
        settings.delivery.retry.attempts = Attempts::AtMost(2.try_into().expect("not 0"));
        settings.delivery.retry.minimum = "3s".parse().expect("legal");
    })
    .await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    let failing = json!({ "do": "retry", "reason": "not now", "customer": "Ada" }).to_string();
    let first = host.publish(PULLED, failing).await;
    let second = host.publish(PULLED, json!({ "do": "emit", "customer": "Ada" }).to_string()).await;
    let other = host.publish(PULLED, json!({ "do": "emit", "customer": "Grace" }).to_string()).await;
    host.records(&first, 2).await;
    host.record(&second).await;
    host.record(&other).await;
    let records = host.all_records();
    let place = |id: &MessageId, settled: fn(&Settlement) -> bool| {
        let found = records.iter().position(|record| record.id == *id && settled(&record.settlement));
        found.unwrap_or_else(|| panic!("{id} did not settle so: {records:#?}"))
    };
    let dead = place(&first, |settlement| matches!(settlement, Settlement::Dead { .. }));
    assert!(place(&second, |settlement| *settlement == Settlement::Done) > dead, "the second overtook the first");
    assert!(place(&other, |settlement| *settlement == Settlement::Done) < dead, "another key waited");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_a_key_keeps_its_order_on_the_embedded_broker() {
    i10_a_key_keeps_its_order_through_retries_while_other_keys_go_on(TestBroker::embedded()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_a_key_keeps_its_order_on_rabbitmq() {
    i10_a_key_keeps_its_order_through_retries_while_other_keys_go_on(TestBroker::rabbitmq().await).await;
}
