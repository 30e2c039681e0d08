//! Events over HTTP.

use leveret::message::Tid;
use leveret_tests::broker::TestBroker;
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use leveret_tests::http::{Answer, get, request};
use leveret_tests::wait::until;

use super::*;

on_each_broker!(an_event_is_taken_under_the_caller_s_id_and_tid);

const JSON: (&str, &str) = ("content-type", "application/json");

async fn post(host: &TestHost, event: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
    let url = format!("{}/events/{event}", host.api());
    request("POST", &url, headers, body.into()).await.expect("an answer")
}

async fn an_event_is_taken_under_the_caller_s_id_and_tid(broker: TestBroker) {
    let host = TestHost::start(&broker).await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    let headers = [JSON, ("x-message-id", "m-1"), ("x-tid", "t-1")];
    let body = json!({ "do": "emit" }).to_string();
    until("a subscription", async || {
        let (status, answer) = post(&host, PULLED, &headers, body.clone()).await;
        assert_eq!(status, 202);
        assert_eq!((&answer["event"], &answer["id"], &answer["tid"]), (&json!(PULLED), &json!("m-1"), &json!("t-1")));
        answer["heard"].as_bool().expect("it says so").then_some(())
    })
    .await;
    let task = host.tasks(ECHO, 1).await.remove(0);
    assert_eq!(task.id, derived(&MessageId::from_wire("m-1").expect("a legal id"), "puppet"));
    assert_eq!(task.tid, Tid::from_wire("t-1").expect("a legal TID"));
    host.stop().await;
}

/// What an embedded host without plugins answers.
async fn answer(event: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> (u16, String) {
    let host = TestHost::start(&TestBroker::embedded()).await;
    let (status, answer) = post(&host, event, headers, body).await;
    (status, answer.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_hears_is_taken_and_said_to_be_unheard() {
    let (status, answer) = answer(PULLED, &[JSON], "{}").await;
    assert_eq!(status, 202);
    assert!(answer.contains("\"heard\":false") && answer.contains("\"kept\":true"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_none_is_refused() {
    for name in ["happened", "amq.topic", "leveret.dead.a", "thing.*", "thing%00.happened", "%C3%BC.happened"] {
        let (status, answer) = answer(name, &[JSON], "{}").await;
        assert_eq!(status, 400, "{name}: {answer}");
        assert!(answer.contains("event name"), "{name}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_is_not_json_is_refused() {
    for body in [&b""[..], b"nonsense", b"{} {}", b"\"\xff\""] {
        let (status, answer) = answer(PULLED, &[JSON], body).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer.contains("not JSON"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_may_send_unasked_is_refused() {
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"]
    {
        let (status, answer) = answer(PULLED, &[("content-type", content_type)], "{}").await;
        assert_eq!(status, 415, "{content_type}: {answer}");
    }
    assert_eq!(answer(PULLED, &[], "{}").await.0, 415);
    assert_eq!(answer(PULLED, &[("content-type", "application/json; charset=utf-8")], "{}").await.0, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_payload_that_is_too_large_is_refused() {
    let host = TestHost::start_with(&TestBroker::embedded(), |settings| {
        settings.delivery.payload_limit = "1 KiB".parse().expect("a legal size");
    })
    .await;
    let text = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    assert_eq!(post(&host, PULLED, &[JSON], text(1024)).await.0, 202);
    assert_eq!(post(&host, PULLED, &[JSON], text(1025)).await.0, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_gave_itself_this_address_is_refused() {
    let host = TestHost::start(&TestBroker::embedded()).await;
    let port = host.host.address.port();
    for (name, expected) in [
        ("evil.example".to_owned(), 403),
        (format!("evil.example:{port}"), 403),
        (format!("127.0.0.1.evil.example:{port}"), 403),
        (format!("localhost:{port}"), 202),
        (format!("[::1]:{port}"), 202),
    ] {
        let (status, answer) = post(&host, PULLED, &[JSON, ("host", &name)], "{}").await;
        assert_eq!(status, expected, "{name}: {answer}");
    }
    let status = request("GET", &format!("{}/status", host.api()), &[("host", "evil.example")], Vec::new()).await;
    assert_eq!(status.expect("an answer").0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_of_plugins_subscriptions_and_counts() {
    let mut host = TestHost::start(&TestBroker::embedded()).await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    let id = host.publish(PULLED, json!({ "do": "emit" }).to_string()).await;
    host.record(&id).await;
    std::fs::write(host.plugins.join("broken.wasm"), "broken").expect("written");
    let status = until("the refusal", async || {
        let (code, status) = get(&format!("{}/status", host.api())).await.expect("an answer");
        assert_eq!(code, 200);
        let refused = status["plugins"].as_array().is_some_and(|all| all.iter().any(|one| one["state"] == "refused"));
        refused.then_some(status)
    })
    .await;
    assert_eq!(status["deliveries"]["done"], 1);
    assert_eq!(status["subscriptions"][0]["queue"], "puppet.puppet.pulled");
    assert_eq!(status["subscriptions"][0]["waiting"], 0);
    let (code, ready) = get(&format!("{}/readyz", host.api())).await.expect("an answer");
    assert_eq!((code, &ready["ready"]), (200, &json!(true)));
}
