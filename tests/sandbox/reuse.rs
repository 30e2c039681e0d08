//! Instances that take more than one delivery, where the operator wants it: what they keep, and when they end.

use leveret::config::{PluginSettings, Reuse};
use leveret::plugin::{Invocation, Outcome};
use leveret_tests::wait::until;

use super::*;

/// A host that reuses instances of the puppet.
async fn reusing(adjust: impl FnOnce(&mut Reuse)) -> Stage {
    let mut reuse = Reuse { enabled: true, ..Reuse::default() };
    adjust(&mut reuse);
    Stage::with(|settings| {
        settings.delivery.time_limit = "2s".parse().expect("a legal time");
        settings.plugin.insert("puppet".parse().expect("legal"), PluginSettings { reuse, ..Default::default() });
    })
    .await
}

async fn invoke(live: &Live, instruction: Value) -> Invocation {
    live.handler.handle(Pulled::new(&instruction).event()).await
}

/// The payload of the one task that comes of an event.
async fn answer(live: &Live, event: Incoming<'_>) -> Value {
    let invocation = live.handler.handle(event).await;
    let Outcome::Done(drafts) = &invocation.outcome else { panic!("{invocation:?}") };
    let [draft] = &drafts[..] else { panic!("{drafts:?}") };
    serde_json::from_slice(&draft.payload).expect("JSON")
}

/// What the puppet's counter says: how often this instance was asked.
async fn count(live: &Live) -> u64 {
    answer(live, Pulled::new(&json!({ "do": "state" })).event()).await["calls"].as_u64().expect("a number")
}

/// An instance that has counted to two does this; what the counter says next.
async fn count_after(stage: &Stage, instruction: Value) -> u64 {
    let live = stage.live();
    let begun = (count(&live).await, count(&live).await);
    assert_eq!(begun, (1, 2));
    invoke(&live, instruction).await;
    count(&live).await
}

#[tokio::test(flavor = "multi_thread")]
async fn unless_it_is_asked_for_a_counter_stays_at_one() {
    let stage = Stage::new().await;
    for _ in 0..3 {
        assert_eq!(count(&stage.live()).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_goes_on_after_success_and_after_a_failure_that_the_plugin_told() {
    for instruction in [json!({ "do": "emit" }), json!({ "do": "retry", "reason": "busy" }), json!({ "do": "dance" })] {
        let shown = instruction.to_string();
        assert_eq!(count_after(&reusing(|_| ()).await, instruction).await, 3, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_an_instance_ends_with_a_trap_or_a_limit() {
    for instruction in [
        json!({ "do": "panic" }),
        json!({ "do": "loop" }),
        json!({ "do": "recurse" }),
        json!({ "do": "allocate", "bytes": 1 << 30 }),
        json!({ "do": "emit", "count": 1001 }),
        json!({ "do": "emit-name", "name": "email.send" }),
    ] {
        let shown = instruction.to_string();
        assert_eq!(count_after(&reusing(|_| ()).await, instruction).await, 1, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_ends_after_so_many_deliveries() {
    let stage = reusing(|reuse| reuse.calls = 3.try_into().expect("not 0")).await;
    let mut counts = Vec::new();
    for _ in 0..5 {
        counts.push(count(&stage.live()).await);
    }
    assert_eq!(counts, [1, 2, 3, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_an_instance_ends_with_more_memory_than_its_mark() {
    let stage = reusing(|reuse| reuse.memory = "8MiB".parse().expect("a legal size")).await;
    assert_eq!(count_after(&stage, json!({ "do": "allocate", "bytes": 1 << 20 })).await, 3);
    invoke(&stage.live(), json!({ "do": "allocate", "bytes": 16 << 20 })).await;
    assert_eq!(count(&stage.live()).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_an_instance_that_nobody_needs_ends_after_a_while() {
    let stage = reusing(|reuse| reuse.idle = "50ms".parse().expect("a legal time")).await;
    let live = stage.live();
    count(&live).await;
    until("the end of an idle instance", async || {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        (count(&live).await == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_plugins_of_one_file_share_nothing() {
    let reuse = || PluginSettings { reuse: Reuse { enabled: true, ..Reuse::default() }, ..Default::default() };
    let stage = Stage::start(|settings| {
        for plugin in ["puppet", "puppet/second", "other"] {
            settings.plugin.insert(plugin.parse().expect("legal"), reuse());
        }
    })
    .await;
    for place in ["puppet.wasm", "puppet/second.wasm", "other.wasm"] {
        leveret_tests::host::put(&stage.host.plugins, place, &guests::bytes("puppet"));
    }
    let live = stage.host.host.catalog.live();
    until("three plugins", async || (live.borrow().len() == 3).then_some(())).await;
    let live = live.borrow().clone();
    for expected in 1..=3 {
        for live in live.values() {
            assert_eq!(count(live).await, expected, "{live:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i9_what_a_version_kept_ends_with_it() {
    let stage = reusing(|_| ()).await;
    assert_eq!(count_after(&stage, json!({ "do": "emit" })).await, 3);
    let before = Arc::downgrade(&stage.live());
    stage.host.install("puppet.wasm", &guests::another_version(&guests::bytes("puppet"), "2")).await;
    assert_eq!(count(&stage.live()).await, 1);
    until("the end of the version before", async || (before.strong_count() == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_the_clock_and_the_randomness_are_each_delivery_s() {
    let (fresh, reused) = (Stage::new().await, reusing(|_| ()).await);
    let (fresh, reused) = (fresh.live(), reused.live());
    let pulled = Pulled::new(&json!({ "do": "clock" }));
    let mut seen = Vec::new();
    for (number, id) in ["m-1", "m-2", "m-1"].into_iter().enumerate() {
        let id = MessageId::from_wire(id).expect("a legal id");
        let time = Timestamp::from_millis(Pulled::TIME + number as u64);
        let event = Incoming { id: &id, time, ..pulled.event() };
        let sight = answer(&reused, event).await;
        assert_eq!(sight["milliseconds"], time.millis());
        assert!(sight["entropy"].is_u64() && sight["entropy"] == answer(&fresh, event).await["entropy"], "{sight}");
        seen.push(sight["entropy"].clone());
    }
    assert!(seen[0] == seen[2] && seen[0] != seen[1], "{seen:?}");
    assert_eq!(count(&reused).await, 1);
    assert_eq!(count(&reused).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_output_and_the_receipt_are_each_delivery_s() {
    let stage = reusing(|_| ()).await;
    let live = stage.live();
    invoke(&live, json!({ "do": "print" })).await;
    let first = invoke(&live, json!({ "do": "emit", "count": 3 })).await.receipt;
    let second = invoke(&live, json!({ "do": "emit" })).await.receipt;
    assert!(second.bytes_out < first.bytes_out && second.peak_memory >= first.peak_memory, "{first:?} {second:?}");
    // What it printed before is not among its last words.
    let Outcome::Retry { reason, .. } = invoke(&live, json!({ "do": "panic" })).await.outcome else {
        panic!("a retry")
    };
    assert!(reason.contains("panics as told") && !reason.contains("standard error"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_deliveries_at_one_time_have_an_instance_each() {
    let stage = reusing(|_| ()).await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let live = stage.live();
        running.spawn(async move { count(&live).await });
    }
    // As many as there are, and no more than deliveries that ran at one time, so that some have taken several.
    let counts = running.join_all().await;
    assert_eq!(counts.len(), 200);
    assert!(counts.iter().any(|&count| count > 1), "{counts:?}");
}
