//! What an operator reads: every line of a delivery says whose it is.

use leveret_tests::broker::TestBroker;
use leveret_tests::guests;
use leveret_tests::host::put;
use leveret_tests::http;
use leveret_tests::process::Process;
use leveret_tests::wait::until;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_a_delivery_names_plugin_version_message_and_transaction() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    put(&directory.path().join("plugins"), "puppet.wasm", &guests::bytes("puppet"));
    let process = Process::start(directory.path(), &TestBroker::embedded());
    let instructions = [
        ("m-log", json!({ "do": "log", "lines": 2 })),
        ("m-print", json!({ "do": "print" })),
        ("m-panic", json!({ "do": "panic" })),
        ("m-reject", json!({ "do": "reject", "reason": "not ever" })),
    ];
    for (id, instruction) in &instructions {
        until("a subscription", async || publish(&process, id, instruction).await.then_some(())).await;
    }
    // Each with what only a line of that delivery has.
    let expected = [
        ("m-log", "line 1 of 2"),
        ("m-log", "line 2 of 2"),
        ("m-log", "done"),
        ("m-print", "the puppet's standard output"),
        ("m-print", "the puppet's standard error"),
        ("m-panic", "the puppet panics as told"),
        ("m-panic", "failed, tried again later"),
        ("m-reject", "became a dead letter: not ever"),
    ];
    for (id, words) in expected {
        let line = until("a line", async || line_of(&process, id, words)).await;
        let span = &line["span"];
        assert_eq!((&span["plugin"], &span["tid"]), (&json!("puppet"), &json!(format!("t-{id}"))), "{line}");
        assert!(span["version"].as_str().is_some_and(|version| version.starts_with("1 (")), "{line}");
        assert_eq!(span["attempt"], 1, "{line}");
    }
}

/// Publishes an instruction; whether a subscription heard it.
async fn publish(process: &Process, id: &str, instruction: &Value) -> bool {
    let tid = format!("t-{id}");
    let headers = [("content-type", "application/json"), ("x-message-id", id), ("x-tid", &tid)];
    let url = format!("{}/events/{PULLED}", process.api());
    let (_, answer) = http::request("POST", &url, &headers, instruction.to_string().into()).await.expect("an answer");
    answer["heard"] == true
}

/// A line of a message's first delivery with these words.
fn line_of(process: &Process, id: &str, words: &str) -> Option<Value> {
    let lines = process.log();
    let mut lines = lines.iter().filter_map(|line| line.parse::<Value>().ok());
    let says = |line: &Value| line["message"].as_str().is_some_and(|message| message.contains(words));
    lines.find(|line| line["span"]["message"] == id && line["span"]["attempt"] == 1 && says(line))
}
