//! Plugins that do not come back, or take too much (I6).

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_loop_ends_at_the_time_limit_and_others_go_on_meanwhile() {
    let mut stage = Stage::with(|settings| {
        settings.delivery.time_limit = "2s".parse().expect("a legal time");
    })
    .await;
    // More loops than the machine has processors.
    let mut loops = Vec::new();
    for _ in 0..16 {
        loops.push(stage.pull(json!({ "do": "loop" })).await);
    }
    let docker = guests::bytes("docker");
    stage.host.install("docker.wasm", &docker).await;
    let other = stage.host.publish("time.five-minutes.passed", "{}").await;
    assert_eq!(stage.host.record(&other).await.settlement, Settlement::Done);
    stage.lives().await;
    for id in loops {
        let record = stage.host.record(&id).await;
        let Settlement::Retried { reason, .. } = &record.settlement else { panic!("{record:?}") };
        assert!(reason.contains("time limit of 2s"), "{reason}");
        assert!(record.receipt.time >= std::time::Duration::from_secs(2), "{record:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_time_out_counts_as_a_failed_attempt() {
    let mut stage = Stage::with(|settings| {
        settings.delivery.time_limit = "100ms".parse().expect("a legal time");
        settings.delivery.retry.minimum = "1ms".parse().expect("a legal time");
        settings.delivery.retry.attempts = leveret::config::Attempts::AtMost(2.try_into().expect("not 0"));
    })
    .await;
    let id = stage.pull(json!({ "do": "loop" })).await;
    let records = stage.host.records(&id, 2).await;
    let attempts: Vec<_> = records.iter().map(|record| record.attempt.number()).collect();
    assert_eq!(attempts, [1, 2]);
    assert!(matches!(&records[1].settlement, Settlement::Dead { reason } if reason.contains("time limit")));
    let dead = broker::take_one(&stage.host.host.broker, broker::dead_letters("puppet")).await;
    assert_eq!((dead.id, dead.failures.len()), (id, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_tried_again_with_its_text_as_the_reason() {
    let mut stage = Stage::new().await;
    let reason = stage.retried(json!({ "do": "panic" })).await;
    assert!(reason.contains("the puppet panics as told"), "{reason}");
    stage.lives().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_memory_beyond_the_limit_fails_the_delivery_alone() {
    let mut stage = Stage::new().await;
    let reason = stage.retried(json!({ "do": "allocate", "bytes": 1 << 30 })).await;
    assert!(reason.contains("more memory than its limit of 67108864 bytes"), "{reason}");
    let within = stage.settled(json!({ "do": "allocate", "bytes": 32 << 20 })).await;
    assert_eq!(within.settlement, Settlement::Done);
    assert!(within.receipt.peak_memory > 32 << 20, "{within:?}");
    stage.lives().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_deep_recursion_fails_the_delivery_alone() {
    let mut stage = Stage::new().await;
    // Rust's own stack lies in linear memory, so its end may show as either.
    let reason = stage.retried(json!({ "do": "recurse" })).await;
    assert!(["stack", "out of bounds", "memory"].iter().any(|word| reason.contains(word)), "{reason}");
    stage.lives().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_flood_of_log_lines_and_output_does_no_harm() {
    let mut stage = Stage::new().await;
    for instruction in [json!({ "do": "log", "lines": 200_000 }), json!({ "do": "print" })] {
        let record = stage.settled(instruction).await;
        assert_eq!(record.settlement, Settlement::Done);
    }
    stage.lives().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_no_more_deliveries_run_than_the_prefetch_allows() {
    let mut stage = Stage::with(|settings| {
        settings.delivery.prefetch = 2.try_into().expect("not 0");
        settings.delivery.time_limit = "1s".parse().expect("a legal time");
    })
    .await;
    let mut loops = Vec::new();
    for _ in 0..6 {
        loops.push(stage.pull(json!({ "do": "loop" })).await);
    }
    let mut ends = Vec::new();
    for id in loops {
        ends.push(stage.host.record(&id).await.time.millis());
    }
    // Six loops of a second each, two at a time: the last cannot end before the third second.
    let (first, last) = (ends.iter().min().expect("six"), ends.iter().max().expect("six"));
    assert!(last - first >= 1900, "{ends:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_without_words_is_told_by_its_kind() {
    let mut stage = Stage::new().await;
    let hostile = leveret_tests::wat::Subscriber { on_event: "unreachable", ..Default::default() }.build();
    stage.host.install("hostile.wasm", &hostile).await;
    let id = stage.host.publish("thing.happened", "{}").await;
    let record = stage.host.record(&id).await;
    assert!(matches!(&record.settlement, Settlement::Retried { reason, .. } if reason.contains("unreachable")));
    stage.lives().await;
}
