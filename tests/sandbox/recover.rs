//! A plugin's last chance: what it sees, what it may emit, and that its own failure is words and nothing more.

use leveret::message::{Attempt, FailedAttempt, Receipt};
use leveret::plugin::{Draft, Recovered};

use super::*;

/// What came of the puppet's recovery, told to do this, after two attempts.
async fn recovered(stage: &Stage, recover: Value) -> Recovered {
    let pulled = Pulled::new(&json!({ "do": "panic", "recover": recover }));
    let attempts = [failed("busy"), failed("still busy")];
    stage.live().handler.recover(pulled.event(), &attempts).await.expect("the puppet has a recovery")
}

fn failed(reason: &str) -> FailedAttempt {
    let time = Timestamp::from_millis(Pulled::TIME + 1);
    let (version, reason) = ("1 (ab12cd34)".into(), reason.into());
    FailedAttempt { attempt: Attempt::FIRST, time, version, reason, receipt: Receipt::default() }
}

fn payload(draft: &Draft) -> Value {
    serde_json::from_slice(&draft.payload).expect("JSON")
}

async fn words(stage: &Stage, recover: Value) -> String {
    recovered(stage, recover).await.answer.expect_err("it must fail")
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_gets_the_failed_attempts_and_emits_tasks() {
    let stage = Stage::new().await;
    let recovered = recovered(&stage, json!({ "do": "attempts" })).await;
    let drafts = recovered.answer.expect("it recovers");
    assert_eq!((drafts.len(), drafts[0].subject.as_str()), (1, ECHO));
    let told =
        |reason: &str| json!({ "attempt": 1, "time": Pulled::TIME + 1, "version": "1 (ab12cd34)", "reason": reason });
    assert_eq!(payload(&drafts[0]), json!([told("busy"), told("still busy")]));
    let receipt = recovered.receipt;
    assert_eq!(receipt.bytes_out, drafts[0].payload.len() as u64);
    assert!(receipt.bytes_in > 0 && receipt.peak_memory > 0 && !receipt.wasm_time.is_zero(), "{receipt:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recovery_is_as_pure_as_a_handler_and_has_a_randomness_of_its_own() {
    let stage = Stage::new().await;
    let sight = async || {
        let drafts = recovered(&stage, json!({ "do": "clock" })).await.answer.expect("it recovers");
        payload(&drafts[0])
    };
    let first = sight().await;
    assert_eq!(sight().await, first);
    assert_eq!(first["milliseconds"], Pulled::TIME);
    let handled = stage.live().handler.handle(Pulled::new(&json!({ "do": "clock" })).event()).await;
    let leveret::plugin::Outcome::Done(drafts) = handled.outcome else { panic!("{handled:?}") };
    assert_ne!(payload(&drafts[0])["random"], first["random"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_what_recovery_emits_is_held_to_the_same_rules() {
    let stage = Stage::new().await;
    let undeclared = words(&stage, json!({ "do": "emit-name", "name": "billing.invoice.pay" })).await;
    assert!(undeclared.contains("does not list"), "{undeclared}");
    let not_json = words(&stage, json!({ "do": "emit-raw", "payload": "not json" })).await;
    assert!(not_json.contains("is not JSON"), "{not_json}");
    let many = words(&stage, json!({ "do": "emit", "count": 1001 })).await;
    assert!(many.contains("at most 1000"), "{many}");
    let header = words(&stage, json!({ "do": "header", "name": "CC", "value": "x" })).await;
    assert!(header.contains("not a plugin's to set"), "{header}");
    let form = words(&stage, json!({ "do": "emit-name", "name": "form.fill", "payload": { "name": 7 } })).await;
    assert!(form.contains("`puppet.form.fill`") && form.contains("/name"), "{form}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_that_fails_is_told_in_words() {
    let mut stage = Stage::new().await;
    assert_eq!(words(&stage, json!({ "do": "reject", "reason": "no hope" })).await, "no hope");
    assert_eq!(words(&stage, json!({ "do": "reject", "reason": "ü".repeat(5000) })).await.len(), 1024);
    let panic = words(&stage, json!({ "do": "panic" })).await;
    assert!(panic.contains("its recovery failed") && panic.contains("panics as told"), "{panic}");
    let memory = words(&stage, json!({ "do": "allocate", "bytes": 1 << 30 })).await;
    assert!(memory.contains("more memory than its limit"), "{memory}");
    stage.lives().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_makes_a_task_of_what_failed_for_good() {
    let stage = Stage::empty().await;
    stage.host.install("warehouse.wasm", &guests::bytes("warehouse")).await;
    let order = Pulled::new(&json!({ "number": "EC-1880", "lines": [] }));
    let attempts = [failed("order EC-1880 has no lines")];
    let recovered = stage.live().handler.recover(order.event(), &attempts).await.expect("a recovery");
    let drafts = recovered.answer.expect("it recovers");
    assert_eq!(drafts[0].subject.as_str(), "warehouse.order.review");
    let review = json!({ "event": "m-1", "order": "EC-1880", "reason": "order EC-1880 has no lines" });
    assert_eq!(payload(&drafts[0]), review);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_without_recovery_has_none() {
    let stage = Stage::empty().await;
    stage.host.install("plain.wasm", &leveret_tests::wat::Subscriber::default().build()).await;
    let pulled = Pulled::new(&json!({}));
    assert_eq!(stage.live().handler.recover(pulled.event(), &[failed("busy")]).await, None);
}
