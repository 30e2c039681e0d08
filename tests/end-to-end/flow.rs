//! What becomes of an event: a task, another attempt, a dead letter.

use leveret::config::Attempts;
use leveret::delivery::Settlement;
use leveret::message::{HeaderValue, Message};
use leveret_tests::broker::{self, TestBroker};
use leveret_tests::guests;
use leveret_tests::host::TestHost;

use super::*;

on_each_broker!(
    an_event_becomes_a_task_under_its_tid_and_a_derived_id,
    an_event_reaches_every_application_that_wants_it,
    i5_an_event_is_tried_again_until_its_attempts_are_used_up,
    a_rejected_event_becomes_a_dead_letter_at_once,
    i1_a_task_that_nobody_performs_waits,
);

async fn an_event_becomes_a_task_under_its_tid_and_a_derived_id(broker: TestBroker) {
    let mut host = TestHost::start(&broker).await;
    host.install("pheidi.wasm", &guests::bytes("pheidi")).await;
    let mut event = broker::event(PAID, payment(4200).to_string());
    let trace = HeaderValue::from("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    event.headers.insert("traceparent".into(), trace);
    host.publish_message(event.clone()).await;

    let task = host.tasks(SEND, 1).await.remove(0);
    assert_eq!(task.id, derived(&event.id, "pheidi"));
    assert_eq!(task.tid, event.tid);
    assert_eq!(task.source.as_deref(), Some("pheidi"));
    assert_eq!(task.attempt.number(), 1);
    let made = task.headers.get("traceparent").and_then(HeaderValue::as_text).expect("it goes on");
    assert!(made.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && made.ends_with("-01"), "{made}");
    let body: Value = serde_json::from_slice(&task.body).expect("JSON");
    assert_eq!((&body["to"], &body["substitutions"]["amount"]), (&json!("grace@example.org"), &json!(4200)));

    let record = host.record(&event.id).await;
    assert_eq!((record.settlement, record.attempt.number()), (Settlement::Done, 1));
    assert_eq!(
        record.emitted.iter().map(|made| (made.name.as_str(), &made.id)).collect::<Vec<_>>(),
        [(SEND, &task.id)]
    );
    host.stop().await;
}

async fn an_event_reaches_every_application_that_wants_it(broker: TestBroker) {
    let mut host = TestHost::start(&broker).await;
    let puppet = guests::bytes("puppet");
    for (number, place) in ["one.wasm", "two.wasm", "two/more.wasm"].into_iter().enumerate() {
        host.install(place, &guests::another_version(&puppet, &number.to_string())).await;
    }
    // A subscription is heard one after the other: each knows that it is there once an event came to it.
    let mut heard = std::collections::BTreeSet::new();
    while heard.len() < 3 {
        let id = host.publish(PULLED, json!({ "do": "reject", "reason": "are you there?" }).to_string()).await;
        host.record(&id).await;
        heard.extend(host.all_records().into_iter().map(|record| record.plugin.to_string()));
    }
    let event = broker::event(PULLED, json!({ "do": "emit" }).to_string());
    host.publish_message(event.clone()).await;
    let records = host.records(&event.id, 3).await;
    let mut plugins: Vec<_> = records.iter().map(|record| record.plugin.to_string()).collect();
    plugins.sort();
    assert_eq!(plugins, ["one", "two", "two/more"]);
    let (one, two) = (host.tasks("one.echo.make", 1).await, host.tasks("two.echo.make", 2).await);
    assert_eq!(one[0].id, derived(&event.id, "one"));
    assert_ne!(two[0].id, two[1].id);
    assert!(one.iter().chain(&two).all(|task| task.tid == event.tid));
    host.stop().await;
}

async fn i5_an_event_is_tried_again_until_its_attempts_are_used_up(broker: TestBroker) {
    let mut host = TestHost::start_with(&broker, |settings| {
        settings.delivery.retry.attempts = Attempts::AtMost(3.try_into().expect("not 0"));
    })
    .await;
    let version = host.install("puppet.wasm", &guests::bytes("puppet")).await.to_string();
    let event = broker::event(PULLED, json!({ "do": "retry", "reason": "busy", "after": 20 }).to_string());
    host.publish_message(event.clone()).await;

    let records = host.records(&event.id, 3).await;
    assert_eq!(records.iter().map(|record| record.attempt.number()).collect::<Vec<_>>(), [1, 2, 3]);
    for record in &records[..2] {
        let Settlement::Retried { reason, wait_ms } = &record.settlement else { panic!("{record:?}") };
        assert!(reason == "busy" && (20..=22).contains(wait_ms), "{record:?}");
    }
    assert_eq!(records[2].settlement, Settlement::Dead { reason: "busy".into() });

    let dead = dead_letter(&host, "busy").await;
    assert_eq!((&dead.id, &dead.tid), (&event.id, &event.tid));
    assert_eq!(dead.attempt.number(), 3);
    let failures: Vec<_> = dead.failures.iter().map(|failure| (failure.attempt.number(), &*failure.reason)).collect();
    assert_eq!(failures, [(1, "busy"), (2, "busy"), (3, "busy")]);
    assert!(dead.failures.iter().all(|failure| failure.version == version), "{:?}", dead.failures);
    host.stop().await;
}

async fn a_rejected_event_becomes_a_dead_letter_at_once(broker: TestBroker) {
    let mut host = TestHost::start(&broker).await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    let body = json!({ "do": "reject", "reason": "no such mailbox", "tid": "kept" }).to_string();
    let event = broker::event(PULLED, body.clone());
    host.publish_message(event.clone()).await;
    let record = host.record(&event.id).await;
    assert_eq!(record.settlement, Settlement::Dead { reason: "no such mailbox".into() });
    let dead = dead_letter(&host, "no such mailbox").await;
    assert_eq!((dead.id, dead.failures.len()), (event.id, 1));
    let same = |body: &[u8]| serde_json::from_slice::<Value>(body).expect("JSON")["reason"].clone();
    assert_eq!(same(&dead.body), same(body.as_bytes()));
    host.stop().await;
}

async fn i1_a_task_that_nobody_performs_waits(broker: TestBroker) {
    let host = TestHost::start(&broker).await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    let event = host.publish(PULLED, json!({ "do": "emit" }).to_string()).await;
    leveret_tests::wait::until("the task", async || {
        let depth = host.host.broker.depth(&broker::tasks(ECHO).queue).await;
        (depth == Ok(Some(1))).then_some(())
    })
    .await;
    host.stop().await;
    let connection = broker.connect().await;
    assert_eq!(broker::take_one(&connection, broker::tasks(ECHO)).await.id, derived(&event, "puppet"));
    connection.close().await;
}

/// The one dead letter of the puppet, with what was written on it.
async fn dead_letter(host: &TestHost, reason: &str) -> Message {
    let dead = broker::take_one(&host.host.broker, broker::dead_letters("puppet")).await;
    let text = |name: &str| dead.headers.get(name).and_then(HeaderValue::as_text);
    assert_eq!(text("leveret-dead-reason"), Some(reason));
    assert_eq!(text("leveret-dead-queue"), Some("puppet.puppet.pulled"));
    assert_eq!(text("leveret-dead-plugin"), Some("puppet"));
    assert!(dead.headers.contains_key("leveret-dead-time"));
    dead
}
