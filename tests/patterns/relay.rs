//! Relays: a plugin between an event and its workers filters, enriches and shards.

use std::collections::BTreeMap;

use leveret::delivery::Settlement;
use leveret::name::QueueName;
use leveret_tests::broker;
use leveret_tests::wait::until;

use super::*;

const REQUESTED: &str = "shipment.requested";
const LANES: [&str; 4] = ["relay.shard-0.ship", "relay.shard-1.ship", "relay.shard-2.ship", "relay.shard-3.ship"];

fn shipment(number: usize, customer: &str) -> Value {
    json!({ "number": format!("S-{number}"), "customer": customer, "country": "CA" })
}

async fn start() -> TestHost {
    let host = TestHost::start(&TestBroker::embedded()).await;
    host.install("relay.wasm", &guests::bytes("relay")).await;
    host
}

/// The tasks of each lane, once there are so many in all.
async fn lanes(host: &TestHost, number: usize) -> BTreeMap<&'static str, Vec<Value>> {
    let depths = until("the tasks", async || {
        let mut depths = Vec::new();
        for lane in LANES {
            let queue = QueueName::task(&lane.parse().expect("legal"));
            depths.push((lane, host.host.broker.depth(&queue).await.ok()?.unwrap_or(0)));
        }
        (depths.iter().map(|(_, depth)| *depth as usize).sum::<usize>() == number).then_some(depths)
    })
    .await;
    let mut lanes = BTreeMap::new();
    for (lane, depth) in depths.into_iter().filter(|(_, depth)| *depth > 0) {
        let tasks = host.tasks(lane, depth as usize).await.into_iter();
        lanes.insert(lane, tasks.map(|task| serde_json::from_slice(&task.body).expect("JSON")).collect());
    }
    lanes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_shards_by_key_so_that_each_customer_keeps_to_one_lane() {
    let host = start().await;
    for number in 0..16 {
        host.publish(REQUESTED, shipment(number, &format!("customer-{}", number % 8)).to_string()).await;
    }
    let mut lane_of: BTreeMap<String, &str> = BTreeMap::new();
    let mut orders = 0;
    for (lane, tasks) in lanes(&host, 16).await {
        for task in tasks {
            let customer = task["customer"].as_str().expect("a text").to_owned();
            let earlier = lane_of.insert(customer.clone(), lane);
            assert!(earlier.is_none_or(|earlier| earlier == lane), "{customer} is in {earlier:?} and in {lane}");
            orders += 1;
        }
    }
    assert_eq!((orders, lane_of.len()), (16, 8));
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_filters_and_enriches() {
    let mut host = start().await;
    let mut rehearsal = shipment(1, "Ada");
    rehearsal["rehearsal"] = json!(true);
    let filtered = host.publish(REQUESTED, rehearsal.to_string()).await;
    host.publish(REQUESTED, shipment(2, "Ada").to_string()).await;
    let record = host.record(&filtered).await;
    assert_eq!((record.settlement, record.emitted.len()), (Settlement::Done, 0));
    let tasks: Vec<Value> = lanes(&host, 1).await.into_values().flatten().collect();
    assert_eq!(tasks, [json!({ "number": "S-2", "customer": "Ada", "zone": "neighbour" })]);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_makes_of_one_message_has_one_id_however_often_it_comes() {
    // As if two hosts had it that know nothing of each other.
    let mut host = TestHost::start_with(&TestBroker::embedded(), |settings| {
        settings.delivery.deduplication.enabled = false;
    })
    .await;
    host.install("relay.wasm", &guests::bytes("relay")).await;
    let event = broker::event(REQUESTED, shipment(1, "Ada").to_string());
    let id = event.id.clone();
    let mut emitted = Vec::new();
    for _ in 0..2 {
        host.publish_message(event.clone()).await;
    }
    for record in host.records(&id, 2).await {
        emitted.extend(record.emitted.into_iter().map(|made| made.id));
    }
    assert_eq!(emitted.len(), 2);
    assert_eq!(emitted[0], emitted[1], "a consumer can tell the second from the first by nothing else");
    host.stop().await;
}
