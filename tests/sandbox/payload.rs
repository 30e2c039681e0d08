//! Payloads that no decent publisher sends. Without a schema, whatever is JSON reaches the plugin as it is.

use leveret_tests::wat::{ECHO, ECHO_NAME, ECHOED, Subscriber};

use super::*;

/// A plugin that emits each payload as it came, and room for the largest.
async fn echo() -> Stage {
    let stage = Stage::start(|settings| settings.delivery.output_size = "32MiB".parse().expect("a legal size")).await;
    let echo = Subscriber { on_event: ECHO, more: ECHO_NAME, emits: &[ECHOED], pages: 300, ..Subscriber::default() };
    stage.host.install("puppet.wasm", &echo.build()).await;
    stage
}

/// The payload goes in and comes out again, byte for byte.
async fn echoed(stage: &mut Stage, payload: &str) {
    let id = stage.host.publish("thing.happened", payload).await;
    let record = stage.host.record(&id).await;
    assert_eq!(record.settlement, Settlement::Done);
    let length = payload.len() as u64;
    assert_eq!((record.receipt.bytes_in, record.receipt.bytes_out), (length, length));
    let task = stage.host.tasks(super::ECHO, 1).await.remove(0);
    assert!(task.body == payload.as_bytes(), "{} bytes came back as {}", payload.len(), task.body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn any_json_reaches_a_plugin_without_a_schema_as_it_is() {
    let mut stage = echo().await;
    for payload in ["null", "[1]", "\"\"", " 1e999 ", "{\"a\":1,\"a\":2}", "\"\\ud800\""] {
        echoed(&mut stage, payload).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_nesting_of_ten_thousand_levels_does_no_harm() {
    let mut stage = echo().await;
    let arrays = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    for payload in [arrays, objects] {
        echoed(&mut stage, &payload).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_megabytes_reach_a_plugin() {
    let mut stage = echo().await;
    let largest = json!("x".repeat((16 << 20) - 2)).to_string();
    echoed(&mut stage, &largest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_plugin_that_reads_json_rejects_what_it_cannot_read_and_goes_on() {
    let mut stage = Stage::new().await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for payload in ["null", "[1]", "\"\"", &deep] {
        let id = stage.host.publish(PULLED, payload).await;
        let record = stage.host.record(&id).await;
        assert!(matches!(record.settlement, Settlement::Dead { .. }), "{record:?}");
    }
    stage.lives().await;
}
