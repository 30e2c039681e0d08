//! Time that passes, as real plugins hear of it.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use leveret::broker::Source;
use leveret::catalog::PluginState;
use leveret::config::ClockEvent;
use leveret::name::{EventName, QueueName};
use leveret_tests::broker::TestBroker;
use leveret_tests::host::{TestHost, put};
use leveret_tests::http;
use leveret_tests::process::Process;
use leveret_tests::wait::{soon, until};
use leveret_tests::wat::{ECHO, ECHO_NAME, ECHOED, Subscriber};
use tempfile::TempDir;

use super::*;

const SECOND: &str = "time.one-second.passed";
const YEAR: &str = "time.one-year.passed";
const TYPO: &str = "time.one-hour.passsed";

on_each_broker!(
    to_subscribe_is_enough_to_be_told_that_a_second_has_passed,
    an_event_can_be_announced_by_hand,
    a_plugin_that_waits_for_a_time_that_never_passes_is_refused_unless_it_is_configured,
);

/// A plugin that makes a task of each announcement, with its payload.
fn ticker(event: &str) -> Vec<u8> {
    let (subscriptions, emits) = ([event], [ECHOED]);
    Subscriber { subscriptions: &subscriptions, emits: &emits, on_event: ECHO, more: ECHO_NAME, ..Default::default() }
        .build()
}

async fn to_subscribe_is_enough_to_be_told_that_a_second_has_passed(broker: TestBroker) {
    let host = TestHost::start(&broker).await;
    host.install("ticker.wasm", &ticker(SECOND)).await;
    let mut ticks = std::collections::BTreeSet::new();
    for task in host.tasks("ticker.echo.make", 3).await {
        let told: Value = serde_json::from_slice(&task.body).expect("JSON");
        assert_eq!((&told["period"], &told["zone"], &told["missed"]), (&json!("PT1S"), &json!("UTC"), &json!(0)));
        let tick = told["tick_ms"].as_u64().expect("a moment");
        assert_eq!(tick % 1000, 0, "it is aligned to the clock");
        assert!(told["tick"].as_str().is_some_and(|text| text.ends_with('Z')), "{told}");
        ticks.insert(tick);
    }
    assert_eq!(ticks.len(), 3, "each tick is announced once");
    let report = host.host.clock.reports().remove(0);
    assert_eq!((report.event.as_str(), report.keeps), (SECOND, true));
    assert_eq!(report.wanted_by, ["ticker".to_owned()].into());
    host.stop().await;
}

async fn an_event_can_be_announced_by_hand(broker: TestBroker) {
    let mut host = TestHost::start(&broker).await;
    host.install("ticker.wasm", &ticker(YEAR)).await;
    soon("its listener", host.host.ready()).await;
    let event: EventName = YEAR.parse().expect("legal");
    let fired = until("the clock", async || host.host.clock.fire(&event).await.ok()).await;
    assert_eq!(host.record(&fired.id).await.tid, fired.tid);
    let task = host.tasks("ticker.echo.make", 1).await.remove(0);
    let told: Value = serde_json::from_slice(&task.body).expect("JSON");
    assert_eq!((&told["by_hand"], &told["period"]), (&json!(true), &json!("P1Y")));
    host.stop().await;
}

async fn a_plugin_that_waits_for_a_time_that_never_passes_is_refused_unless_it_is_configured(broker: TestBroker) {
    let host = TestHost::start(&broker).await;
    put(&host.plugins, "ticker.wasm", &ticker(TYPO));
    let reason = until("a refusal", async || {
        host.host.catalog.status().into_iter().find_map(|plugin| match plugin.state {
            PluginState::Refused { reason, .. } => Some(reason),
            _ => None,
        })
    });
    let reason = reason.await;
    assert!(reason.contains("did you mean `time.one-hour.passed`?") && reason.contains("same-as"), "{reason}");
    host.stop().await;

    let key = |name: &str| name.parse::<leveret::config::EventKey>().expect("legal");
    let same = ClockEvent { same_as: Some(key("time.one-hour.passed")), ..ClockEvent::default() };
    let host = TestHost::start_with(&broker, |settings| drop(settings.clock.event.insert(key(TYPO), same))).await;
    host.install("ticker.wasm", &ticker(TYPO)).await;
    let report = until("the clock", async || host.host.clock.reports().pop()).await;
    assert_eq!((report.event.as_str(), report.schedule.to_string()), (TYPO, "every hour".to_owned()));
    host.stop().await;
}

/// Another service that hears of seconds.
struct Watcher {
    listener: Box<dyn leveret::broker::Listener>,
    /// The id of each tick, in milliseconds.
    ticks: BTreeMap<u64, MessageId>,
}

impl Watcher {
    async fn hear(&mut self) {
        let received = soon("a tick", self.listener.next()).await.expect("the listener goes on");
        let told: Value = serde_json::from_slice(&received.message.body).expect("JSON");
        let tick = told["tick_ms"].as_u64().expect("a moment");
        let id = received.message.id.clone();
        let known = self.ticks.entry(tick).or_insert_with(|| id.clone());
        assert_eq!(*known, id, "whoever announces a tick, it is the same message");
        received.receipt.acknowledge().await.expect("acknowledged");
    }

    /// Hears of so many more ticks.
    async fn hear_more(&mut self, number: usize) {
        let until = self.ticks.len() + number;
        while self.ticks.len() < until {
            self.hear().await;
        }
    }
}

/// Whether a host is the one that announces.
async fn keeps(host: &Process) -> bool {
    let (_, reports) = http::get(&format!("{}/clock", host.api())).await.expect("it answers");
    reports[0]["keeps"] == true
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tick_is_announced_once_by_two_hosts_of_which_one_is_killed() {
    let broker = TestBroker::rabbitmq().await;
    let outside = broker.connect().await;
    let event: EventName = SECOND.parse().expect("legal");
    let queue = QueueName::subscription(&plugin("watcher"), &event);
    let source = Source::event(queue, event, NonZeroU16::new(16).expect("not 0"));
    let listener = until("a listener", async || outside.listen(source.clone()).await.ok()).await;
    let mut watcher = Watcher { listener, ticks: BTreeMap::new() };

    let directory = TempDir::new().expect("a directory");
    let start = |name: &str| {
        let home = directory.path().join(name);
        std::fs::create_dir_all(home.join("plugins")).expect("a directory");
        std::fs::write(home.join("leveret.toml"), format!("[clock]\nevents = [\"{SECOND}\"]\n")).expect("settings");
        Process::start(&home, &broker)
    };
    let mut hosts = [start("one"), start("two")];
    watcher.hear_more(3).await;
    let holder = until("a holder", async || {
        for (index, host) in hosts.iter().enumerate() {
            if keeps(host).await {
                return Some(index);
            }
        }
        None
    })
    .await;
    hosts[holder].kill();
    watcher.hear_more(3).await;
    assert!(keeps(&hosts[1 - holder]).await, "the other goes on");

    hosts[holder] = start("again");
    watcher.hear_more(1).await;
    hosts[1 - holder].terminate();
    assert!(hosts[1 - holder].ended().await.success(), "a stop is clean");
    watcher.hear_more(3).await;
    let ticks: Vec<_> = watcher.ticks.into_keys().collect();
    assert!(ticks.windows(2).all(|pair| pair[1] - pair[0] == 1000), "none is missing: {ticks:?}");
    outside.close().await;
}
