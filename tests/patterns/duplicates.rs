//! Idempotent consumers: a message that comes twice is handled once.

use leveret::delivery::Settlement;
use leveret_tests::broker;

use super::*;

async fn i2_a_relay_passes_a_message_on_once_however_often_it_comes(broker: TestBroker) {
    let mut host = TestHost::start(&broker).await;
    host.install("relay.wasm", &guests::bytes("relay")).await;
    let shipment = json!({ "number": "S-1", "customer": "Ada", "country": "US" });
    let event = broker::event("shipment.requested", shipment.to_string());
    let id = event.id.clone();
    host.publish_message(event.clone()).await;
    assert_eq!(host.record(&id).await.settlement, Settlement::Done);
    host.publish_message(event).await;
    let second = host.records(&id, 2).await.remove(1);
    assert_eq!((second.settlement, second.emitted.len()), (Settlement::Duplicate, 0));
    assert_eq!(host.host.journal.counts().duplicate, 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_a_duplicate_on_the_embedded_broker_is_passed_on_once() {
    i2_a_relay_passes_a_message_on_once_however_often_it_comes(TestBroker::embedded()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_a_duplicate_on_rabbitmq_is_passed_on_once() {
    i2_a_relay_passes_a_message_on_once_however_often_it_comes(TestBroker::rabbitmq().await).await;
}
