//! What Prometheus sees of a host.

use std::collections::BTreeMap;

use leveret::config::Attempts;
use leveret_tests::broker::TestBroker;
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use leveret_tests::http::get;
use leveret_tests::wait::until;

use super::*;

on_each_broker!(i7_the_counters_are_the_journal_s);

/// The values by series. The text must be what OpenMetrics asks for.
fn parsed(text: &str) -> BTreeMap<String, f64> {
    let (mut types, mut series) = (BTreeMap::new(), BTreeMap::new());
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    for line in text.lines().take_while(|line| *line != "# EOF") {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (kind, name) = (words.next().expect("a word"), words.next().expect("a name"));
            assert!(["HELP", "TYPE", "UNIT"].contains(&kind), "{line}");
            if kind == "TYPE" {
                let earlier = types.insert(name.to_owned(), words.next().expect("a type").to_owned());
                assert!(earlier.is_none(), "{name} is there twice");
            }
            continue;
        }
        let (labelled, value) = line.rsplit_once(' ').expect("a value");
        let name = labelled.split('{').next().expect("a name");
        let of = |suffix: &str, kind: &str| {
            name.strip_suffix(suffix).is_some_and(|name| types.get(name).is_some_and(|stated| stated == kind))
        };
        let histogram = ["_bucket", "_sum", "_count"].iter().any(|suffix| of(suffix, "histogram"));
        let known = of("_total", "counter") || of("_info", "info") || of("", "gauge") || histogram;
        assert!(known, "{line} has no type");
        assert!(
            series.insert(labelled.to_owned(), value.parse().expect("a number")).is_none(),
            "{line} is there twice"
        );
    }
    series
}

async fn scrape(host: &TestHost) -> BTreeMap<String, f64> {
    let (status, answer) = get(&format!("{}/metrics", host.api())).await.expect("an answer");
    assert_eq!(status, 200);
    parsed(answer.as_str().expect("a text"))
}

async fn i7_the_counters_are_the_journal_s(broker: TestBroker) {
    let mut host = TestHost::start_with(&broker, |settings| {
        settings.delivery.retry.attempts = Attempts::AtMost(2.try_into().expect("not 0"));
        settings.delivery.retry.minimum = "1ms".parse().expect("legal");
    })
    .await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    let retry = json!({ "do": "retry", "reason": "not now" });
    let reject = json!({ "do": "reject", "reason": "not ever" });
    for (body, records) in [(json!({ "do": "emit" }), 1), (retry, 2), (reject, 1)] {
        let id = host.publish(PULLED, body.to_string()).await;
        host.records(&id, records).await;
    }
    let series = scrape(&host).await;
    let counts = host.host.journal.counts();
    let of = |outcome: &str| {
        let labels = format!("{{plugin=\"puppet\",subject=\"{PULLED}\",outcome=\"{outcome}\"}}");
        series.get(&format!("leveret_deliveries_total{labels}")).map_or(0, |value| *value as u64)
    };
    assert_eq!((of("done"), of("retried"), of("dead")), (counts.done, counts.retried, counts.dead));
    assert_eq!((counts.done, counts.retried, counts.dead), (1, 1, 2));
    assert_eq!(series.get("leveret_delivery_attempts_count{plugin=\"puppet\"}"), Some(&3.0));
    assert_eq!(series.get("leveret_handler_host_seconds_count{plugin=\"puppet\"}"), Some(&4.0));
    assert!(series.get("leveret_handler_input_bytes_total{plugin=\"puppet\"}").is_some_and(|bytes| *bytes > 0.0));
    assert!(series.get("leveret_handler_output_bytes_total{plugin=\"puppet\"}").is_some_and(|bytes| *bytes > 0.0));
    assert_eq!(series.get("leveret_broker_up"), Some(&1.0));
    assert_eq!(series.get("leveret_plugins{state=\"live\"}"), Some(&1.0));
    let asked = scrape(&host).await;
    assert!(asked.contains_key(&format!("leveret_queue_messages_ready{{queue=\"puppet.{PULLED}\"}}")), "{asked:?}");

    std::fs::remove_file(host.plugins.join("puppet.wasm")).expect("it was there");
    until("its series to be gone", async || {
        let series = scrape(&host).await;
        (!series.keys().any(|name| name.contains("plugin=\"puppet\""))).then_some(())
    })
    .await;
    host.stop().await;
}
