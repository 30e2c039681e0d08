//! A plugin that comes late is given the past: what was sold before it was there is in its totals.

use std::num::NonZeroU16;

use leveret::broker::{Broker, Destination, Outgoing, Source};
use leveret::config::{Settings, Start};
use leveret::message::{Message, Subject};
use leveret::name::{EventName, QueueName};
use leveret_tests::broker::{self, TestBroker, enqueue};
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use leveret_tests::http;
use leveret_tests::wait::{soon, until};

use super::*;

on_each_broker!(
    what_was_sold_before_the_statistics_came_is_in_their_totals,
    a_plugin_that_was_there_before_is_given_no_past,
    progress_through_the_past_is_told,
);

const BEFORE: u64 = 150;
const MEANWHILE: u64 = 50;

fn late(settings: &mut Settings) {
    settings.history.enabled = true;
    settings.delivery.start = Start::First;
    let own = json!({ "grants": { "keyvalue": { "buckets": ["sales"] } } });
    settings.plugin.insert("statistics".parse().expect("a plugin"), serde_json::from_value(own).expect("legal"));
}

/// Sells without asking whether anybody hears of it.
async fn sell(broker: &dyn Broker, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let model = if number % 2 == 0 { "T1" } else { "S2" };
        let sale = json!({ "id": format!("EC-{number}"), "model": model, "amount": number });
        let message = broker::event("order.sold", sale.to_string());
        let Subject::Event(name) = message.subject.clone() else { unreachable!("it is an event") };
        let outgoing = Outgoing { destination: Destination::Event(name), message };
        until("the sale", async || broker.publish(vec![outgoing.clone()]).await.ok()).await;
    }
}

/// The totals that are told, once so many were sold.
async fn totals(host: &TestHost, sold: u64) -> Value {
    let name: EventName = "sales.totalled".parse().expect("legal");
    let queue = QueueName::subscription(&plugin("office"), &name);
    let source = Source::event(queue, name, NonZeroU16::MIN);
    let mut told = until("a listener", async || host.host.broker.listen(source.clone()).await.ok()).await;
    loop {
        let task = Message::new(Subject::Task("statistics.totals.tell".parse().expect("legal")), "{}");
        enqueue(&host.host.broker, &task).await;
        let received = soon("the totals", told.next()).await.expect("the listener goes on");
        received.receipt.acknowledge().await.expect("acknowledged");
        let totals: Value = serde_json::from_slice(&received.message.body).expect("JSON");
        if totals["all"]["count"].as_u64() >= Some(sold) {
            return totals;
        }
    }
}

async fn what_was_sold_before_the_statistics_came_is_in_their_totals(broker: TestBroker) {
    // RabbitMQ keeps what it knows of: somebody has sold through this host, or it is listed.
    let host = TestHost::start_with(&broker, late).await;
    host.broker_is_ready().await;
    sell(host.host.broker.as_ref(), 0..BEFORE).await;
    let statistics = guests::bytes("statistics");
    let comes = host.install("statistics.wasm", &statistics);
    let goes_on = sell(host.host.broker.as_ref(), BEFORE..BEFORE + MEANWHILE);
    tokio::join!(comes, goes_on);

    let sold = BEFORE + MEANWHILE;
    let totals = totals(&host, sold).await;
    let amount = sold * (sold - 1) / 2;
    assert_eq!(totals["all"], json!({ "count": sold, "amount": amount }));
    assert_eq!(totals["models"]["T1"]["count"], sold / 2);
    host.stop().await;
}

async fn a_plugin_that_was_there_before_is_given_no_past(broker: TestBroker) {
    let host = TestHost::start_with(&broker, |settings| {
        late(settings);
        settings.delivery.start = Start::Now;
    })
    .await;
    host.broker_is_ready().await;
    sell(host.host.broker.as_ref(), 0..20).await;
    host.install("statistics.wasm", &guests::bytes("statistics")).await;
    soon("its listeners", host.host.ready()).await;
    sell(host.host.broker.as_ref(), 20..30).await;
    let totals = totals(&host, 10).await;
    assert_eq!(totals["all"]["count"], 10);
    host.stop().await;
}

async fn progress_through_the_past_is_told(broker: TestBroker) {
    let host = TestHost::start_with(&broker, |settings| {
        late(settings);
        settings.history.pace = serde_json::from_value(json!({ "count": 1, "per": "1h", "burst": 5 })).expect("legal");
    })
    .await;
    host.broker_is_ready().await;
    sell(host.host.broker.as_ref(), 0..20).await;
    host.install("statistics.wasm", &guests::bytes("statistics")).await;
    let state = until("five of them", async || {
        let (_, status) = http::get(&format!("{}/status", host.api())).await?;
        let subscriptions = status["subscriptions"].as_array()?;
        let state = subscriptions.iter().find(|it| it["event"] == "order.sold")?["state"].clone();
        (state["settled"] == 5).then_some(state)
    })
    .await;
    assert_eq!(state["listener"], "backfilling");
    assert!(state["passed"].as_u64() < state["of"].as_u64(), "{state}");
    let (_, metrics) = http::get(&format!("{}/metrics", host.api())).await.expect("an answer");
    let metrics = metrics.as_str().expect("text");
    assert!(metrics.contains("backfill_remaining{"), "{metrics}");
    let (status, _) = http::get(&format!("{}/readyz", host.api())).await.expect("an answer");
    assert_eq!(status, 200);
    host.stop().await;
}
