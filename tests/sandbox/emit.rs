//! What plugins must not emit: one bad task fails the delivery, and nothing of it is published (I2, I3).

use leveret::message::Maker;

use super::*;

/// What the puppet is told fails whole, with words like these in the reason.
async fn fails_whole(instruction: Value, words: &str) {
    let mut stage = Stage::new().await;
    let shown = instruction.to_string();
    let reason = stage.retried(instruction).await;
    assert!(reason.contains(words), "{shown}: {reason}");
    assert_eq!(stage.emitted().await, 0, "{shown}");
    let queue = stage.host.host.dispatch.subscriptions()[0].queue.clone();
    assert_eq!(stage.host.host.broker.depth(&queue).await, Ok(Some(0)), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_task_that_was_not_declared_fails_whole() {
    for name in ["email.send", "ECHO.MAKE", "echo.make.more"] {
        fails_whole(json!({ "do": "emit-name", "name": name }), "does not list").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_foreign_name_fails_whole() {
    // Taken as relative to the own application, so that it is one of its own, and not a declared one.
    for name in ["billing.invoice.pay", "puppet.echo.make", "leveret.dead.billing", "amq.direct"] {
        fails_whole(json!({ "do": "emit-name", "name": name }), &format!("`puppet.{name}`")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_an_ill_formed_name_fails_whole() {
    let long = "x".repeat(300);
    for name in
        ["", ".", "echo..make", "echo.make.", "../billing.pay", "echo make", "echo.make\0", "echo.m\u{430}ke", &long]
    {
        fails_whole(json!({ "do": "emit-name", "name": name }), "task name").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_is_not_json_fails_whole() {
    for payload in ["not json", "", "{", "{} {}", "{\"a\":1,}", "\u{feff}{}", "NaN"] {
        fails_whole(json!({ "do": "emit-raw", "payload": payload }), "is not JSON").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_headers_that_route_or_are_the_host_s_fail_whole() {
    for name in ["x-leveret-attempt", "X-Leveret-Failures", "x-death", "leveret-dead-reason", "CC", "bcc"] {
        fails_whole(json!({ "do": "header", "name": name, "value": "1" }), "not a plugin's to set").await;
    }
    for name in ["", "a\nb", &"x".repeat(256)] {
        fails_whole(json!({ "do": "header", "name": name, "value": "1" }), "illegal name").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_too_long_fails_whole() {
    fails_whole(json!({ "do": "key", "key": "k".repeat(256) }), "longer than 255 bytes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_too_much_output_fails_whole() {
    fails_whole(json!({ "do": "emit", "count": 1001 }), "at most 1000").await;
    fails_whole(json!({ "do": "emit", "size": 5 << 20 }), "at most 4194304").await;
    fails_whole(json!({ "do": "emit", "count": 100, "size": 50_000 }), "at most 4194304").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_more_output_than_a_call_may_carry_fails_whole() {
    // Forty megabytes, which the host does not even copy out of the sandbox.
    let mut stage = Stage::new().await;
    let reason = stage.retried(json!({ "do": "emit", "size": 20 << 20 })).await;
    assert!(!reason.is_empty());
    assert_eq!(stage.emitted().await, 0);
    stage.lives().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_as_much_output_as_is_allowed_is_published_in_order() {
    let stage = Stage::new().await;
    let id = stage.pull(json!({ "do": "emit", "count": 1000, "size": 3000 })).await;
    let tasks = stage.host.tasks(ECHO, 1000).await;
    let number = |task: &Message| serde_json::from_slice::<Value>(&task.body).expect("JSON")["number"].as_u64();
    let numbers: Vec<_> = tasks.iter().filter_map(number).collect();
    assert_eq!(numbers, (1..=1000).collect::<Vec<_>>());
    let plugin = stage.host.host.dispatch.subscriptions()[0].plugin.clone();
    let derived = |(index, task): (usize, &Message)| task.id == MessageId::derived(&id, &plugin, Maker::Handler, index);
    assert!(tasks.iter().enumerate().all(derived));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_s_own_headers_and_key_travel() {
    let stage = Stage::new().await;
    stage.pull(json!({ "do": "header", "name": "x-mine", "value": "ü" })).await;
    let task = stage.host.tasks(ECHO, 1).await.remove(0);
    assert_eq!(task.headers.get("x-mine").and_then(|value| value.as_text()), Some("ü"));
}
