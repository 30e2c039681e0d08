//! A new version while events flow (I9).

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use leveret::delivery::Counts;
use leveret::name::QueueName;
use leveret_tests::broker::TestBroker;
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use leveret_tests::wait::until;

use super::*;

on_each_broker!(
    i9_a_swap_while_events_flow_loses_and_repeats_nothing,
    i9_a_delivery_in_flight_ends_on_the_version_that_it_began_on,
);

/// Slow enough that the records of a long swap are not missed, fast enough that events are always on their way.
const PACE: Duration = Duration::from_millis(5);

async fn i9_a_swap_while_events_flow_loses_and_repeats_nothing(broker: TestBroker) {
    let mut host = TestHost::start(&broker).await;
    let puppet = guests::bytes("puppet");
    let mut versions = vec![host.install("puppet.wasm", &puppet).await];
    // The first one is sure to be handled by the first version.
    let mut events = vec![host.publish(PULLED, json!({ "do": "emit" }).to_string()).await];
    host.record(&events[0]).await;
    for number in 2..=4 {
        let next = guests::another_version(&puppet, &format!("{number} of {}", std::process::id()));
        let swapped = AtomicBool::new(false);
        let swap = async {
            let version = host.install("puppet.wasm", &next).await;
            swapped.store(true, Ordering::Relaxed);
            version
        };
        let flow = async {
            let mut published = Vec::new();
            while !swapped.load(Ordering::Relaxed) {
                published.push(host.publish(PULLED, json!({ "do": "emit" }).to_string()).await);
                tokio::time::sleep(PACE).await;
            }
            // One more, which only the new version can have had.
            published.push(host.publish(PULLED, json!({ "do": "emit" }).to_string()).await);
            published
        };
        let (version, published) = tokio::join!(swap, flow);
        host.record(published.last().expect("at least one")).await;
        versions.push(version);
        events.extend(published);
    }

    let tasks = host.tasks(ECHO, events.len()).await;
    let expected: BTreeSet<_> = events.iter().map(|event| derived(event, "puppet")).collect();
    assert_eq!(tasks.iter().map(|task| task.id.clone()).collect::<BTreeSet<_>>(), expected);
    for event in &events {
        host.record(event).await;
    }
    assert_eq!(host.host.journal.counts(), Counts { done: events.len() as u64, ..Counts::default() });
    let ran: BTreeSet<_> = host.all_records().into_iter().map(|record| record.version).collect();
    assert_eq!(ran, versions.iter().map(ToString::to_string).collect());
    host.stop().await;
}

async fn i9_a_delivery_in_flight_ends_on_the_version_that_it_began_on(broker: TestBroker) {
    let mut host = TestHost::start_with(&broker, |settings| {
        settings.delivery.time_limit = "3s".parse().expect("a legal time");
    })
    .await;
    let puppet = guests::bytes("puppet");
    let before = host.install("puppet.wasm", &puppet).await;
    let id = host.publish(PULLED, json!({ "do": "loop" }).to_string()).await;
    let queue = QueueName::subscription(&plugin("puppet"), &PULLED.parse().expect("a legal name"));
    until("the delivery", async || (host.host.broker.depth(&queue).await == Ok(Some(0))).then_some(())).await;
    // Compiled for the first time, which takes longer than the delivery takes to begin.
    let next = guests::another_version(&puppet, &format!("after {}", std::process::id()));
    let after = host.install("puppet.wasm", &next).await;
    let records = host.records(&id, 2).await;
    let ran: Vec<_> = records.into_iter().map(|record| record.version).collect();
    assert_eq!(ran, [before.to_string(), after.to_string()]);
    host.stop().await;
}
