//! What happened is asked for, and given to one plugin again.

use std::collections::BTreeSet;

use leveret::delivery::{Record, Settlement};
use leveret_tests::broker::TestBroker;
use leveret_tests::host::TestHost;
use leveret_tests::wait::until;
use leveret_tests::{guests, http};

use super::*;

on_each_broker!(
    what_nobody_subscribed_to_is_kept_and_told,
    a_quiet_time_is_told_to_be_quiet,
    what_is_imported_is_kept_and_reaches_nobody,
    what_is_replayed_reaches_one_plugin_alone_and_is_known,
);

const JSON: (&str, &str) = ("content-type", "application/json");

/// A host that keeps a history, of `user.created` too.
async fn keeping(broker: &TestBroker) -> TestHost {
    let host = TestHost::start_with(broker, |settings| {
        settings.history.enabled = true;
        settings.history.events = vec!["user.created".parse().expect("legal")];
    })
    .await;
    host.broker_is_ready().await;
    host
}

/// Publishes an event that nobody subscribes to, until the history has it.
async fn tell(host: &TestHost, id: &str) {
    until("the event in the history", async || {
        http::publish(&host.api(), "user.created", id, r#"{"customer":{"id":42}}"#).await?;
        let events = events(&ask(host, "").await);
        events.iter().any(|event| event == id).then_some(())
    })
    .await;
}

/// The lines of the answer to a query.
async fn ask(host: &TestHost, query: &str) -> Vec<Value> {
    let (status, answer) = http::get(&format!("{}/history?{query}", host.api())).await.expect("an answer");
    assert_eq!(status, 200, "{answer}");
    lines(answer)
}

fn lines(answer: Value) -> Vec<Value> {
    match answer {
        Value::String(text) => text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(),
        one => vec![one],
    }
}

/// The ids of the events among the lines, each once.
fn events(lines: &[Value]) -> Vec<String> {
    let ids = lines.iter().filter_map(|line| line["event"]["id"].as_str());
    ids.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

async fn what_nobody_subscribed_to_is_kept_and_told(broker: TestBroker) {
    let host = keeping(&broker).await;
    for id in ["u-0", "u-1", "u-2"] {
        tell(&host, id).await;
    }
    assert_eq!(events(&ask(&host, "event=user.%23&where=/customer/id=42").await), ["u-0", "u-1", "u-2"]);
    assert_eq!(events(&ask(&host, "newest=1").await), ["u-2"]);
    assert_eq!(events(&ask(&host, "first=1").await), ["u-0"]);
    assert!(events(&ask(&host, "where=/customer/id=43").await).is_empty());
    let counted = ask(&host, "count=true&by=event").await.pop().expect("a last line");
    assert!(counted["ended"]["totals"]["user.created"].as_u64().is_some_and(|count| count >= 3), "{counted}");
    host.stop().await;
}

async fn a_quiet_time_is_told_to_be_quiet(broker: TestBroker) {
    let host = keeping(&broker).await;
    let last = until("a history", async || ask(&host, "").await.pop()).await;
    assert_eq!(last["ended"]["matched"], 0, "{last}");
    tell(&host, "u-0").await;
    // Nothing is published a year ahead.
    let ahead = leveret::message::Timestamp::now().millis() + 366 * 24 * 60 * 60 * 1000;
    let last = ask(&host, &format!("from={ahead}")).await.pop().expect("a last line");
    assert_eq!(last["ended"]["matched"], 0, "{last}");
    host.stop().await;
}

async fn what_is_imported_is_kept_and_reaches_nobody(broker: TestBroker) {
    let mut host = keeping(&broker).await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    let line = json!({ "name": PULLED, "id": "old", "tid": "t", "time": 1000, "payload": { "do": "emit" } });
    let url = format!("{}/history", host.api());
    let imported = http::request("POST", &url, &[JSON], line.to_string().into()).await.expect("an answer");
    assert_eq!(imported, (200, json!({ "imported": 1, "refused": [] })));
    let told = until("the event", async || {
        let mut lines = ask(&host, "until=1001&whole=true").await;
        (lines.len() > 1).then(|| lines.remove(0))
    })
    .await;
    assert_eq!((&told["event"]["time"], &told["event"]["payload"]["do"]), (&json!(1000), &json!("emit")));
    // What comes after it is handled, and nothing before that.
    let id = host.publish(PULLED, json!({ "do": "emit" }).to_string()).await;
    host.record(&id).await;
    assert!(host.all_records().iter().all(|record| record.id.as_str() != "old"));
    host.stop().await;
}

async fn what_is_replayed_reaches_one_plugin_alone_and_is_known(broker: TestBroker) {
    let mut host = keeping(&broker).await;
    let puppet = guests::bytes("puppet");
    for (number, place) in ["one.wasm", "two.wasm"].into_iter().enumerate() {
        host.install(place, &guests::another_version(&puppet, &number.to_string())).await;
    }
    let mut heard = BTreeSet::new();
    while heard.len() < 2 {
        let id = host.publish(PULLED, json!({ "do": "reject", "reason": "are you there?" }).to_string()).await;
        host.record(&id).await;
        heard.extend(host.all_records().into_iter().map(|record| record.plugin.to_string()));
    }
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(host.publish(PULLED, json!({ "do": "emit", "wanted": true }).to_string()).await);
    }
    for id in &ids {
        host.records(id, 2).await;
    }

    let order = json!({ "to": "one", "filter": { "event": ["puppet.*"], "where": ["/wanted"] } });
    let ended = replay(&host, &order).await;
    assert_eq!((&ended["progress"], &ended["replayed"]), (&json!("ended"), &json!(10)), "{ended}");
    for id in &ids {
        let records = host.records(id, 3).await;
        let told = |record: &Record| (record.plugin.to_string(), record.settlement.clone());
        assert_eq!(told(&records[2]), ("one".into(), Settlement::Duplicate));
    }

    let again = json!({ "to": "one", "filter": { "where": ["/wanted"] }, "again": true });
    let ended = replay(&host, &again).await;
    let run = MessageId::from_wire(ended["run"].as_str().expect("an id")).expect("legal");
    for id in &ids {
        let record = host.record(&MessageId::replayed(&run, id)).await;
        assert_eq!((record.plugin.to_string(), record.settlement), ("one".into(), Settlement::Done));
    }
    assert!(host.all_records().iter().filter(|record| record.plugin.to_string() == "two").count() < 20 + 10);

    let trial = json!({ "to": "nobody", "all": true });
    let url = format!("{}/replay", host.api());
    let (status, _) = http::request("POST", &url, &[JSON], trial.to_string().into()).await.expect("an answer");
    assert_eq!(status, 404);
    host.stop().await;
}

/// The last line of a replay.
async fn replay(host: &TestHost, order: &Value) -> Value {
    let url = format!("{}/replay", host.api());
    let (status, answer) = http::request("POST", &url, &[JSON], order.to_string().into()).await.expect("an answer");
    assert_eq!(status, 200, "{answer}");
    lines(answer).pop().expect("a last line")
}
