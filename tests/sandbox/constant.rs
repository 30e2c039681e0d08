//! A subscriber's outcome is a function of its version, its configuration and the event: the same event gives the same
//! bytes, however often it is delivered. Each sample is asked a thousand times; `tests/conformance` does so in each language.

use std::collections::BTreeMap;
use std::path::Path;

use leveret::config::PluginSettings;
use leveret::plugin::Outcome;

use super::*;

const TIMES: usize = 1000;

/// An event for each subscription of each sample.
fn events() -> BTreeMap<&'static str, Vec<(&'static str, Value)>> {
    let cleanup = || vec![("time.five-minutes.passed", json!({})), ("time.one-day.passed", json!({}))];
    let payment = json!({
        "organization": { "id": 1, "name": "Runnable" }, "amount": 4200, "currency": "usd",
        "paymentMethodOwner": { "email": "grace@example.org" },
    });
    let lines = json!([{ "part": "axle-9", "quantity": 2 }, { "part": "lamp-3", "quantity": 4 }]);
    let shipment = json!({ "number": "S-1", "customer": "Ada", "country": "GB" });
    let declined = json!({ "order": "EC-1879", "lines": lines, "reason": "no funds" });
    let order = json!({ "number": "EC-1879", "customer": "Lewis Latimer", "lines": lines });
    let sold = json!({ "id": "EC-1879", "model": "T1", "amount": 3_999_000 });
    let passed = json!({ "tick": "2030-01-31T00:00:00Z", "period": "P1D", "missed": 0 });
    BTreeMap::from([
        ("billing", vec![("order.placed", order.clone())]),
        ("docker", cleanup()),
        ("docker-next", cleanup()),
        ("pheidi", vec![("org.payment.processed", payment)]),
        ("relay", vec![("shipment.requested", shipment)]),
        ("statistics", vec![("order.sold", sold), ("time.one-day.passed", passed)]),
        ("warehouse", vec![("order.placed", order)]),
        ("warehouse-stock", vec![("payment.declined", declined)]),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_gives_the_same_bytes_a_thousand_times_in_every_sample() {
    for (sample, events) in events() {
        let stage = Stage::start(grant_what_workers_import).await;
        let app = sample.split('-').next().unwrap_or(sample);
        stage.host.install(&format!("{app}.wasm"), &guests::bytes(sample)).await;
        let live = stage.live();
        let asked: Vec<_> = events.iter().map(|(event, _)| *event).collect();
        let wanted: Vec<_> = live.description.subscriptions.iter().map(|event| event.as_str()).collect();
        assert_eq!(asked, wanted, "{sample} has other subscriptions than there are events for");
        for (event, payload) in &events {
            let pulled = Pulled { name: event.parse().expect("legal"), ..Pulled::new(payload) };
            let first = live.handler.handle(pulled.event()).await.outcome;
            assert!(matches!(&first, Outcome::Done(drafts) if !drafts.is_empty()), "{sample}: {first:?}");
            for _ in 1..TIMES {
                assert_eq!(live.handler.handle(pulled.event()).await.outcome, first, "{sample}");
            }
        }
        stage.host.stop().await;
    }
}

/// A component that is a worker too is let in with what it imports, none of which its handler of events can use.
fn grant_what_workers_import(settings: &mut Settings) {
    let http = json!({ "allow": [{ "host": "billing.example" }] });
    let grants = json!({ "grants": { "http": http, "keyvalue": { "buckets": ["reservations"] } } });
    let own: PluginSettings = serde_json::from_value(grants).expect("legal settings");
    settings
        .plugin
        .extend(["billing", "statistics", "warehouse"].map(|app| (app.parse().expect("a plugin"), own.clone())));
}

/// A sample that subscribes and is not in the list above would go unasked.
#[test]
fn every_sample_that_subscribes_is_asked() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    for sample in std::fs::read_dir(samples).expect("the samples").flatten() {
        let source = std::fs::read_to_string(sample.path().join("src/lib.rs")).expect("a sample in Rust");
        let name = sample.file_name().into_string().expect("a plain name");
        let asked = events().contains_key(name.as_str());
        assert_eq!(source.contains("#[subscribe("), asked, "the sample {name}");
    }
}
