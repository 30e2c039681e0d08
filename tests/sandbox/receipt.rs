//! What a delivery cost is known whatever came of it.

use leveret_tests::wat::Subscriber;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_whole_where_the_delivery_failed() {
    let stage = Stage::with(|settings| {
        settings.delivery.time_limit = "200ms".parse().expect("a legal time");
    })
    .await;
    let failures = [
        json!({ "do": "retry", "reason": "busy" }),
        json!({ "do": "reject", "reason": "broken" }),
        json!({ "do": "panic" }),
        json!({ "do": "loop" }),
        json!({ "do": "allocate", "bytes": 1 << 30 }),
        json!({ "do": "dance" }),
    ];
    for instruction in failures {
        let pulled = Pulled::new(&instruction);
        let receipt = stage.live().handler.handle(pulled.event()).await.receipt;
        assert_eq!(receipt.bytes_in, pulled.payload.len() as u64, "{instruction}");
        assert!(receipt.peak_memory > 0 && !receipt.wasm_time.is_zero(), "{instruction}: {receipt:?}");
        assert!(receipt.time >= receipt.wasm_time, "{instruction}: {receipt:?}");
        assert_eq!(receipt.bytes_out, 0, "{instruction}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_out_and_was_not_taken_counts_too() {
    let stage = Stage::new().await;
    let pulled = Pulled::new(&json!({ "do": "emit-raw", "payload": "not json" }));
    let invocation = stage.live().handler.handle(pulled.event()).await;
    assert!(matches!(invocation.outcome, leveret::plugin::Outcome::Retry { .. }), "{invocation:?}");
    assert_eq!(invocation.receipt.bytes_out, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_s_calls_are_measured_and_yielded_turns_are_none_of_them() {
    let stage = Stage::with(|settings| {
        settings.delivery.time_limit = "200ms".parse().expect("a legal time");
    })
    .await;
    let pulled = Pulled::new(&json!({ "do": "log", "lines": 20 }));
    let receipt = stage.live().handler.handle(pulled.event()).await.receipt;
    assert!(!receipt.host_time.is_zero() && receipt.host_time <= receipt.time, "{receipt:?}");

    // It yields its turn every few milliseconds, and asks the host for nothing.
    let looping = Subscriber { on_event: "(loop $again (br $again)) unreachable", ..Subscriber::default() }.build();
    let stage = Stage::start(|settings| settings.delivery.time_limit = "200ms".parse().expect("a legal time")).await;
    stage.host.install("looping.wasm", &looping).await;
    let receipt = stage.live().handler.handle(pulled.event()).await.receipt;
    assert!(receipt.host_time.is_zero() && !receipt.wasm_time.is_zero(), "{receipt:?}");
}
