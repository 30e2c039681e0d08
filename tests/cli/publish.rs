//! `leveret publish` and `leveret enqueue`.

use std::fs;
use std::path::Path;

use leveret_tests::process::Process;
use leveret_tests::wait::until;
use leveret_tests::{guests, http};
use serde_json::Value;

use super::{directory, leveret};

const PAYMENT: &str = r#"{"organization":{"id":1,"name":"Runnable"},"amount":1,"currency":"usd","paymentMethodOwner":{"email":"ada@example.org"}}"#;

#[test]
fn what_is_no_event_or_task_is_a_wrong_use() {
    for (arguments, reason) in [
        (&["publish", "authorized"][..], "at least 2"),
        (&["publish", "user.authorized", "{"], "not JSON"),
        (&["publish", "user.authorized", "--file", "missing.json"], "missing.json"),
        (&["enqueue", "pheidi"], "at least 2"),
        (&["enqueue", "Pheidi.email.send"], "lower-case"),
        (&["enqueue", "pheidi.email.send", "nonsense"], "not JSON"),
    ] {
        let ended = leveret(directory().path(), &[], arguments);
        assert_eq!(ended.code, 2);
        assert!(ended.error.contains(reason), "{}", ended.error);
    }
}

#[test]
fn an_event_without_subscribers_is_said_to_be_kept_or_gone() {
    let directory = directory();
    for (history, said) in [("true", "the history keeps it"), ("false", "so it is gone")] {
        // Nobody listens on port 1, so the event goes into the broker's file.
        let variables = [("LEVERET_ADMIN_ADDRESS", "127.0.0.1:1"), ("LEVERET_HISTORY_ENABLED", history)];
        let ended = leveret(directory.path(), &variables, &["publish", "user.authorized"]);
        assert_eq!(ended.code, 0, "{}", ended.error);
        assert!(ended.output.contains(said), "{}", ended.output);
    }
}

#[test]
fn a_broker_that_is_away_is_said_at_once() {
    // Port 1 is nobody's.
    let variables = [("LEVERET_BROKER_URL", "amqp://guest:guest@127.0.0.1:1/%2f")];
    let ended = leveret(directory().path(), &variables, &["publish", "user.authorized"]);
    assert_eq!(ended.code, 3);
    assert!(ended.error.contains("refused the connection"), "{}", ended.error);
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_events_reach_the_plugin_through_the_host_and_while_there_is_none() {
    let directory = directory();
    let path = directory.path();
    fs::create_dir(path.join("plugins")).expect("a directory");
    fs::copy(guests::path("pheidi"), path.join("plugins/pheidi.wasm")).expect("a copy");

    let mut process = ready(path).await;
    let address = process.api().trim_start_matches("http://").to_owned();
    publish(path, &address);
    settled(&process, 1).await;
    process.terminate();
    assert!(process.ended().await.success());

    publish(path, &address);
    let process = ready(path).await;
    settled(&process, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_tasks_wait_for_the_worker_and_reach_it_through_the_host() {
    let directory = directory();
    let path = directory.path();
    let enqueue = |address: &str| {
        let arguments = ["enqueue", "laborer.job.do", r#"{"do": "make", "events": 0, "tasks": 1}"#, "--key", "k"];
        let ended = leveret(path, &[("LEVERET_ADMIN_ADDRESS", address)], &arguments);
        assert_eq!((ended.code, ended.output.starts_with("enqueued laborer.job.do")), (0, true), "{}", ended.error);
    };
    // Nobody listens on port 1, so the task goes into the broker's file.
    enqueue("127.0.0.1:1");
    fs::create_dir(path.join("plugins")).expect("a directory");
    fs::copy(guests::path("laborer"), path.join("plugins/laborer.wasm")).expect("a copy");
    let process = ready(path).await;
    settled(&process, 1).await;
    enqueue(process.api().trim_start_matches("http://"));
    settled(&process, 2).await;
}

/// A host whose plugin listens.
async fn ready(path: &Path) -> Process {
    let process = Process::start_with(path, &[]);
    let ready = async || http::get(&format!("{}/readyz", process.api())).await.filter(|(status, _)| *status == 200);
    until("readiness", ready).await;
    process
}

fn publish(path: &Path, address: &str) {
    let arguments = ["publish", "org.payment.processed", PAYMENT, "--json"];
    let ended = leveret(path, &[("LEVERET_ADMIN_ADDRESS", address)], &arguments);
    assert_eq!(ended.code, 0, "{}", ended.error);
    let accepted: Value = serde_json::from_str(&ended.output).expect("JSON");
    assert_eq!(accepted["heard"], true);
}

async fn settled(process: &Process, number: u64) {
    let done = async || {
        let (_, status) = http::get(&format!("{}/status", process.api())).await?;
        (status["deliveries"]["done"] == number).then_some(())
    };
    until("the delivery", done).await;
}
