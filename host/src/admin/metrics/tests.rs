use super::*;
use crate::message::{Attempt, Message, Subject};
use crate::name::{EventName, PluginId, QueueName};

fn record(app: &str, event: &str, settlement: Settlement) -> Record {
    let event: EventName = event.parse().expect("legal");
    let plugin = PluginId::new(app.parse().expect("legal"), app.parse().expect("legal"));
    let message = Message::new(Subject::Event(event.clone()), "{}");
    Record {
        time: Timestamp::now(),
        version: "1".into(),
        queue: QueueName::subscription(&plugin, &event),
        plugin,
        subject: message.subject,
        id: message.id,
        tid: message.tid,
        source: None,
        published: message.time,
        attempt: Attempt::FIRST,
        settlement,
        emitted: Vec::new(),
        receipt: Receipt { peak_memory: 70_000, time: Duration::from_millis(3), ..Receipt::default() },
    }
}

fn written(metrics: &Metrics) -> String {
    metrics.write(&Registry::default()).expect("text")
}

fn live(app: &str, event: &str) -> BTreeSet<Subscription> {
    [Subscription { plugin: app.into(), subject: event.into() }].into()
}

#[test]
fn i7_each_outcome_has_a_counter_of_its_own() {
    let metrics = Metrics::default();
    let reason = || "a reason with id 7f3".to_owned();
    let settlements = [
        Settlement::Done,
        Settlement::Retried { reason: reason(), wait_ms: 1 },
        Settlement::Dead { reason: reason() },
        Settlement::Duplicate,
        Settlement::Returned { reason: reason() },
    ];
    for settlement in settlements {
        metrics.settled(&record("pheidi", "user.joined", settlement));
    }
    let text = written(&metrics);
    for outcome in OUTCOMES {
        let line =
            format!("leveret_deliveries_total{{plugin=\"pheidi\",subject=\"user.joined\",outcome=\"{outcome}\"}} 1\n");
        assert!(text.contains(&line), "{line} is missing in\n{text}");
    }
    assert!(text.contains("leveret_delivery_attempts_count{plugin=\"pheidi\"} 2\n"), "done and dead only\n{text}");
    assert!(text.contains("leveret_handler_peak_memory_bytes_bucket{le=\"262144.0\",plugin=\"pheidi\"} 5\n"), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(!text.contains("7f3"), "no reason is a label\n{text}");
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(series <= SERIES_OF_PLUGIN + SERIES_OF_SUBSCRIPTION, "{series}");
}

#[test]
fn what_is_gone_has_no_series() {
    let metrics = Metrics::default();
    metrics.settled(&record("pheidi", "user.joined", Settlement::Done));
    metrics.settled(&record("pheidi", "user.left", Settlement::Done));
    metrics.settled(&record("docker", "user.joined", Settlement::Done));
    metrics.retain(&live("pheidi", "user.joined"));
    let text = written(&metrics);
    assert!(text.contains("plugin=\"pheidi\",subject=\"user.joined\",outcome=\"done\"} 1\n"), "{text}");
    assert!(!text.contains("docker") && !text.contains("user.left"), "{text}");
}

#[test]
fn i8_series_are_bounded_and_none_is_uncounted() {
    let metrics = Metrics::default();
    let subscriptions = MOST_SERIES / 4;
    for number in 0..subscriptions {
        metrics.settled(&record("pheidi", &format!("user.joined-{number}"), Settlement::Done));
    }
    let text = written(&metrics);
    let counts = text.lines().filter(|line| line.starts_with("leveret_deliveries_total{"));
    let counted: usize = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum();
    assert_eq!(counted, subscriptions);
    assert!(text.contains("plugin=\"other\",subject=\"other\",outcome=\"done\"}"), "the rest is told together");
    let known = metrics.known.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(known.subscriptions.len() * SERIES_OF_SUBSCRIPTION < MOST_SERIES);
}
