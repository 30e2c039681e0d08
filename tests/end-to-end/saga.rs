//! The samples' workers, and a saga of three applications: an order is charged, its parts are reserved, its receipt is
//! mailed; and where the charge is declined, the parts are given back.

use std::collections::BTreeMap;
use std::path::Path;

use leveret::config::{PluginSettings, Settings};
use leveret::delivery::{Record, Settlement};
use leveret::message::{Message, Tid};
use leveret_tests::broker::{self, TestBroker, enqueue};
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use leveret_tests::http;
use leveret_tests::wait::{soon, until};
use leveret_tests::web::{Answer, Asked, WebServer};

use super::*;

on_each_broker!(
    a_paid_order_is_charged_reserved_and_mailed_under_one_tid,
    an_order_that_is_not_paid_gives_its_parts_back,
    i5_what_the_api_cannot_take_now_is_tried_again,
    the_engine_is_asked_to_clean_up_as_time_passes,
);

/// What the samples' APIs answer: mail, billing and a docker engine in one.
fn answer(asked: &Asked) -> Answer {
    let text = String::from_utf8_lossy(&asked.body);
    match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/mails") => (202, "{}".into()),
        ("GET", "/customers/Lewis%20Latimer") => {
            (200, json!({ "organization": { "id": 1, "name": "Runnable" }, "email": "grace@example.org" }).to_string())
        }
        ("POST", "/charges") if text.contains("EC-POOR") => (402, "no funds".into()),
        ("POST", "/charges") => (201, json!({ "amount": 4200, "currency": "usd" }).to_string()),
        ("GET", "/images/json?shared-size=false") => {
            (200, json!([{ "Id": "sha256:old", "Created": 1, "Containers": 0, "Size": 9 }]).to_string())
        }
        ("DELETE", "/images/sha256:old") => (200, "[]".into()),
        _ => (500, String::new()),
    }
}

/// Settings under which the workers reach the server, and nothing else.
fn grant(settings: &mut Settings, server: &WebServer, secret: &Path) {
    let allow = json!([{
        "host": "127.0.0.1", "ports": [server.address.port()], "plain": true, "addresses": ["127.0.0.1/32"],
    }]);
    let url = server.url();
    let workers = json!({
        "pheidi/mailer": {
            "settings": { "mail-url": format!("{url}/mails") },
            "grants": {
                "http": { "allow": allow },
                "keyvalue": { "buckets": ["sent"] },
                "secrets": { "api-key": { "file": secret } },
            },
        },
        "billing": { "settings": { "billing-url": url }, "grants": { "http": { "allow": allow } } },
        "docker/engine": { "settings": { "engine-url": url }, "grants": { "http": { "allow": allow } } },
        "warehouse/stock": { "ordering": "key", "grants": { "keyvalue": { "buckets": ["reservations"] } } },
    });
    let workers: BTreeMap<String, PluginSettings> = serde_json::from_value(workers).expect("legal settings");
    let own = workers.into_iter().map(|(plugin, own)| (plugin.parse().expect("a plugin"), own));
    settings.plugin.extend(own);
}

async fn with_samples(broker: &TestBroker, server: &WebServer, samples: &[(&str, &str)]) -> TestHost {
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "s3cret\n").expect("written");
    let host = TestHost::start_with(broker, |settings| grant(settings, server, secret.path())).await;
    for (place, sample) in samples {
        host.install(place, &guests::bytes(sample)).await;
    }
    soon("the listeners", host.host.ready()).await;
    host
}

const SHOP: [(&str, &str); 5] = [
    ("billing.wasm", "billing"),
    ("pheidi.wasm", "pheidi"),
    ("pheidi/mailer.wasm", "pheidi-mailer"),
    ("warehouse.wasm", "warehouse"),
    ("warehouse/stock.wasm", "warehouse-stock"),
];

fn order(number: &str) -> Message {
    let lines = json!([{ "part": "axle-9", "quantity": 2 }, { "part": "lamp-3", "quantity": 4 }]);
    let order = json!({ "number": number, "customer": "Lewis Latimer", "lines": lines });
    broker::event("order.placed", order.to_string())
}

/// What became of the transaction once so many of its deliveries are done.
async fn done(host: &mut TestHost, tid: &Tid, number: usize) -> Vec<Record> {
    until("the transaction", async || {
        let done = |record: &Record| record.tid == *tid && record.settlement == Settlement::Done;
        let records: Vec<_> = host.all_records().into_iter().filter(done).collect();
        (records.len() >= number).then_some(records)
    })
    .await
}

/// What was handled with what it made, in alphabetical order.
fn told(records: &[Record]) -> Vec<String> {
    let told = |record: &Record| {
        let made: Vec<_> = record.emitted.iter().map(|made| made.name.as_str()).collect();
        format!("{} → {}", record.subject, made.join(", "))
    };
    let mut told: Vec<_> = records.iter().map(told).collect();
    told.sort();
    told
}

async fn a_paid_order_is_charged_reserved_and_mailed_under_one_tid(broker: TestBroker) {
    let server = WebServer::start(answer).await;
    let mut host = with_samples(&broker, &server, &SHOP).await;
    let order = order("EC-1879");
    host.publish_message(order.clone()).await;

    let records = done(&mut host, &order.tid, 7).await;
    assert_eq!(
        told(&records),
        [
            "billing.order.charge → org.payment.processed",
            "order.placed → billing.order.charge",
            "order.placed → warehouse.part.reserve, warehouse.part.reserve",
            "org.payment.processed → pheidi.email.send",
            "pheidi.email.send → email.sent",
            "warehouse.part.reserve → part.reserved",
            "warehouse.part.reserve → part.reserved",
        ]
    );
    let mails: Vec<_> = server.asked().into_iter().filter(|asked| asked.path == "/mails").collect();
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    let task = records.iter().find(|record| record.subject.as_str() == SEND).expect("it was performed");
    assert_eq!(mail.header("authorization"), Some("Bearer s3cret"));
    assert_eq!(mail.header("idempotency-key"), Some(task.id.as_str()));
    let mail: Value = serde_json::from_slice(&mail.body).expect("JSON");
    assert_eq!((&mail["to"], &mail["substitutions"]["amount"]), (&json!("grace@example.org"), &json!(4200)));

    // One tree: each message but the first was made by a delivery of the same transaction.
    let trace = format!("{}/trace/{}", host.api(), order.tid);
    let steps = until("every step, each of which is kept soon after its delivery", async || {
        let (_, steps) = http::get(&trace).await?;
        steps.as_array().filter(|steps| steps.len() >= 7).cloned()
    })
    .await;
    assert_eq!(steps.len(), 7);
    let made: Vec<&Value> = steps.iter().flat_map(|step| step["emitted"].as_array().expect("a list")).collect();
    for step in steps.iter().filter(|step| step["id"] != order.id.as_str()) {
        assert!(made.iter().any(|made| made["id"] == step["id"]), "{step}");
    }
    host.stop().await;
}

async fn an_order_that_is_not_paid_gives_its_parts_back(broker: TestBroker) {
    let server = WebServer::start(answer).await;
    let mut host = with_samples(&broker, &server, &SHOP).await;
    let order = order("EC-POOR");
    host.publish_message(order.clone()).await;
    let records = done(&mut host, &order.tid, 8).await;
    assert_eq!(
        told(&records),
        [
            "billing.order.charge → payment.declined",
            "order.placed → billing.order.charge",
            "order.placed → warehouse.part.reserve, warehouse.part.reserve",
            "payment.declined → warehouse.part.release, warehouse.part.release",
            "warehouse.part.release → part.released",
            "warehouse.part.release → part.released",
            "warehouse.part.reserve → part.reserved",
            "warehouse.part.reserve → part.reserved",
        ]
    );
    assert!(server.asked().iter().all(|asked| asked.path != "/mails"));
    host.stop().await;
}

async fn i5_what_the_api_cannot_take_now_is_tried_again(broker: TestBroker) {
    let server = WebServer::start(|asked: &Asked| {
        let again = asked.header("authorization").is_some() && asked.body.windows(6).any(|part| part == b"second");
        if again { (202, String::new()) } else { (503, String::new()) }
    })
    .await;
    let mut host = with_samples(&broker, &server, &SHOP[2..3]).await;
    let email = |subject: &str| {
        let email = json!({
            "to": "ada@example.org", "subject": subject, "template": "payment-receipt", "substitutions": {},
        });
        Message::new(leveret::message::Subject::Task(SEND.parse().expect("legal")), email.to_string())
    };
    for (subject, settled) in [("first", false), ("second", true)] {
        let task = email(subject);
        enqueue(&host.host.broker, &task).await;
        let record = host.record(&task.id).await;
        match record.settlement {
            Settlement::Done => assert!(settled, "{record:?}"),
            Settlement::Retried { ref reason, .. } => assert!(!settled && reason.contains("503"), "{record:?}"),
            _ => panic!("{record:?}"),
        }
    }
    host.stop().await;
}

async fn the_engine_is_asked_to_clean_up_as_time_passes(broker: TestBroker) {
    let server = WebServer::start(answer).await;
    let samples = [("docker.wasm", "docker"), ("docker/engine.wasm", "docker-engine")];
    let mut host = with_samples(&broker, &server, &samples).await;
    let passed = broker::event("time.five-minutes.passed", "{}");
    host.publish_message(passed.clone()).await;
    let records = done(&mut host, &passed.tid, 2).await;
    assert_eq!(
        told(&records),
        ["docker.images.cleanup → image.removed", "time.five-minutes.passed → docker.images.cleanup"]
    );
    let asked: Vec<_> = server.asked().into_iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect();
    assert_eq!(asked, ["GET /images/json?shared-size=false", "DELETE /images/sha256:old"]);
    host.stop().await;
}
