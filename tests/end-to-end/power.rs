//! The real process under load, stopped and killed: nothing is lost.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use leveret::broker::{Broker, Source};
use leveret::name::QueueName;
use leveret_tests::broker::{self, TestBroker};
use leveret_tests::guests;
use leveret_tests::host::put;
use leveret_tests::http;
use leveret_tests::process::Process;
use leveret_tests::wait::{soon, until};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;

on_each_broker!(
    i11_a_stop_under_load_is_clean_and_loses_nothing,
    i1_kill_9_under_load_loses_nothing,
    i11_what_does_not_end_within_the_grace_period_goes_back_uncounted,
);

/// How many publish at once, and how many events must be accepted before the process ends.
const PUBLISHERS: usize = 4;
const ENOUGH: usize = 300;

/// The puppet's queue.
fn subscription() -> QueueName {
    QueueName::subscription(&plugin("puppet"), &PULLED.parse().expect("a legal name"))
}

/// A directory with the puppet in it.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    put(&directory.path().join("plugins"), "puppet.wasm", &guests::bytes("puppet"));
    directory
}

/// Publishes until the process does not answer any more. Each publisher's events have numbers of their own.
struct Load {
    publishers: JoinSet<Vec<MessageId>>,
    accepted: Arc<AtomicUsize>,
}

impl Load {
    async fn begin(process: &Process, round: &str) -> Self {
        let accepted = Arc::new(AtomicUsize::new(0));
        let mut publishers = JoinSet::new();
        for publisher in 0..PUBLISHERS {
            let (api, accepted, round) = (process.api().to_owned(), accepted.clone(), round.to_owned());
            publishers.spawn(async move {
                let mut ids = Vec::new();
                for number in 0.. {
                    let id = format!("{round}-{publisher}-{number}");
                    let body = json!({ "do": "emit" }).to_string();
                    match http::publish(&api, PULLED, &id, &body).await {
                        Some((202, answer)) if answer["heard"] == true => {
                            ids.push(MessageId::from_wire(&id).expect("a legal id"));
                            accepted.fetch_add(1, Ordering::Relaxed);
                        }
                        // Not heard: the subscription is on its way. 503: the broker was closed.
                        Some(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
                        None => break,
                    }
                }
                ids
            });
        }
        Self { publishers, accepted }
    }

    async fn enough(&self) {
        let enough = async || (self.accepted.load(Ordering::Relaxed) >= ENOUGH).then_some(());
        until("enough accepted events", enough).await;
    }

    /// What was accepted, once the process has ended.
    async fn end(self) -> BTreeSet<MessageId> {
        soon("the publishers' end", self.publishers.join_all()).await.into_iter().flatten().collect()
    }
}

/// Runs the host until its queue is empty, and returns a connection to the broker without it.
async fn work_off(directory: &Path, broker: &TestBroker) -> Arc<dyn Broker> {
    loop {
        let mut process = Process::start(directory, broker);
        until("an empty queue", async || {
            let (_, status) = http::get(&format!("{}/status", process.api())).await.expect("an answer");
            let [failed, dead] = ["retried", "dead"].map(|count| status["deliveries"][count].as_u64());
            assert_eq!((failed, dead), (Some(0), Some(0)), "{status}");
            (status["subscriptions"][0]["waiting"] == 0).then_some(())
        })
        .await;
        stop(&mut process).await;
        let connection = broker.connect().await;
        // What it had fetched when it was stopped is in the queue again.
        if connection.depth(&subscription()).await.expect("a depth") == Some(0) {
            return connection;
        }
        connection.close().await;
    }
}

async fn stop(process: &mut Process) {
    process.terminate();
    let status = process.ended().await;
    assert!(status.success(), "{status}: {}", process.log().join("\n"));
}

/// Every event's task exists, by the id that is derived from the event's.
async fn every_task_exists(connection: &Arc<dyn Broker>, events: &BTreeSet<MessageId>) {
    let mut missing: BTreeSet<_> = events.iter().map(|event| derived(event, "puppet")).collect();
    let depth = connection.depth(&broker::tasks(ECHO).queue).await.expect("a depth").expect("a queue");
    let tasks = broker::take(connection, broker::tasks(ECHO), usize::try_from(depth).expect("a number")).await;
    missing.retain(|id| !tasks.iter().any(|task| task.id == *id));
    assert!(missing.is_empty(), "{} of {} tasks are missing", missing.len(), events.len());
}

async fn i11_a_stop_under_load_is_clean_and_loses_nothing(broker: TestBroker) {
    let directory = directory();
    let mut process = Process::start(directory.path(), &broker);
    let load = Load::begin(&process, "stopped").await;
    load.enough().await;
    stop(&mut process).await;
    let events = load.end().await;
    let connection = work_off(directory.path(), &broker).await;
    every_task_exists(&connection, &events).await;
    connection.close().await;
}

async fn i1_kill_9_under_load_loses_nothing(broker: TestBroker) {
    let directory = directory();
    let mut events = BTreeSet::new();
    for round in ["first", "second"] {
        let mut process = Process::start(directory.path(), &broker);
        let load = Load::begin(&process, round).await;
        load.enough().await;
        process.kill();
        events.extend(load.end().await);
    }
    assert!(events.len() >= 2 * ENOUGH);
    let connection = work_off(directory.path(), &broker).await;
    every_task_exists(&connection, &events).await;
    connection.close().await;
}

async fn i11_what_does_not_end_within_the_grace_period_goes_back_uncounted(broker: TestBroker) {
    let directory = directory();
    let grace = ("LEVERET_SHUTDOWN_GRACE", "200ms".to_owned());
    let patient = ("LEVERET_DELIVERY_TIME_LIMIT", "10m".to_owned());
    let mut process = Process::start_with(directory.path(), &[broker.variables(), grace, patient]);
    let body = json!({ "do": "loop" }).to_string();
    until("a subscription", async || {
        let (status, answer) = http::publish(process.api(), PULLED, "m-1", &body).await.expect("an answer");
        assert_eq!(status, 202);
        (answer["heard"] == true).then_some(())
    })
    .await;
    until("the delivery", async || {
        let (_, status) = http::get(&format!("{}/status", process.api())).await.expect("an answer");
        (status["subscriptions"][0]["waiting"] == 0).then_some(())
    })
    .await;
    stop(&mut process).await;
    let connection = broker.connect().await;
    let waiting = Source { queue: subscription(), ..broker::tasks(ECHO) };
    let back = broker::take_one(&connection, waiting).await;
    assert_eq!((back.id.as_str(), back.attempt.number(), back.failures.len()), ("m-1", 1, 0));
    connection.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_flood_of_a_plugin_s_lines_is_cut_in_the_log() {
    let (directory, broker) = (directory(), TestBroker::embedded());
    let mut process = Process::start(directory.path(), &broker);
    let body = json!({ "do": "log", "lines": 5000 }).to_string();
    until("a subscription", async || {
        let (_, answer) = http::publish(process.api(), PULLED, "m-1", &body).await.expect("an answer");
        (answer["heard"] == true).then_some(())
    })
    .await;
    until("the delivery", async || {
        let (_, status) = http::get(&format!("{}/status", process.api())).await.expect("an answer");
        (status["deliveries"]["done"] == 1).then_some(())
    })
    .await;
    stop(&mut process).await;
    let log = process.log();
    let lines = log.iter().filter(|line| line.contains(" of 5000")).count();
    assert_eq!(lines, 1000);
    assert!(log.iter().any(|line| line.contains("4000 further lines of the plugin were dropped")));
    let told: Value = log
        .iter()
        .find(|line| line.contains("line 1 of 5000"))
        .map(|line| line.parse().expect("JSON"))
        .expect("a line");
    assert_eq!((&told["span"]["plugin"], &told["span"]["message"]), (&json!("puppet"), &json!("m-1")));
}
