//! A subscriber's outcome is a function of its version, its configuration and the event: the same event gives the same
//! bytes, however often it is delivered. Each sample is asked a thousand times; `tests/conformance` does so in each language.

use std::collections::BTreeMap;
use std::path::Path;

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
    let order = json!({ "number": "EC-1879", "customer": "Lewis Latimer", "lines": lines });
    let shipment = json!({ "number": "S-1", "customer": "Ada", "country": "GB" });
    BTreeMap::from([
        ("docker", cleanup()),
        ("docker-next", cleanup()),
        ("pheidi", vec![("org.payment.processed", payment)]),
        ("relay", vec![("shipment.requested", shipment)]),
        ("warehouse", vec![("order.placed", order)]),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_gives_the_same_bytes_a_thousand_times_in_every_sample() {
    for (sample, events) in events() {
        let stage = Stage::empty().await;
        let place = format!("{}.wasm", sample.split('-').next().unwrap_or(sample));
        stage.host.install(&place, &guests::bytes(sample)).await;
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
