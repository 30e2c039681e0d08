//! The sample that counts what was sold.

use std::num::NonZeroU16;

use leveret::broker::Source;
use leveret::config::Settings;
use leveret::message::{Message, Subject};
use leveret::name::{EventName, QueueName};
use leveret_tests::broker::{self, TestBroker, enqueue, publish};
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use leveret_tests::wait::soon;

use super::*;

on_each_broker!(each_sale_is_counted_once_however_often_it_comes);

fn grant(settings: &mut Settings) {
    let own = json!({ "grants": { "keyvalue": { "buckets": ["sales"] } }, "deduplication": { "enabled": false } });
    let own = serde_json::from_value(own).expect("legal settings");
    settings.plugin.insert("statistics".parse().expect("a plugin"), own);
}

async fn each_sale_is_counted_once_however_often_it_comes(broker: TestBroker) {
    let mut host = TestHost::start_with(&broker, grant).await;
    host.install("statistics.wasm", &guests::bytes("statistics")).await;
    soon("its listeners", host.host.ready()).await;
    let mut sold = Vec::new();
    for number in 0..20_u64 {
        let model = if number % 2 == 0 { "T1" } else { "S2" };
        let sale = json!({ "id": format!("EC-{number}"), "model": model, "amount": number });
        sold.push(broker::event("order.sold", sale.to_string()));
    }
    // One of them comes again, as it does after a host that died.
    sold.push(sold[19].clone());
    for event in &sold {
        publish(&host.host.broker, event.clone()).await;
    }
    for (index, event) in sold[..20].iter().enumerate() {
        let times = if index == 19 { 2 } else { 1 };
        host.records(&derived(&event.id, "statistics"), times).await;
    }

    let task = Message::new(Subject::Task("statistics.totals.tell".parse().expect("legal")), "{}");
    let name: EventName = "sales.totalled".parse().expect("legal");
    let queue = QueueName::subscription(&plugin("office"), &name);
    let source = Source::event(queue, name, NonZeroU16::MIN);
    let mut totals = host.host.broker.listen(source).await.expect("listens");
    enqueue(&host.host.broker, &task).await;
    let told = soon("the totals", totals.next()).await.expect("the listener goes on").message;
    let told: Value = serde_json::from_slice(&told.body).expect("JSON");
    assert_eq!(told["all"], json!({ "count": 20, "amount": 190 }));
    assert_eq!(told["models"]["T1"], json!({ "count": 10, "amount": 90 }));
    host.stop().await;
}
