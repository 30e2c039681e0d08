//! Components that the pool of memory cannot hold: they run all the same, and are bounded all the same.

use leveret::catalog::PluginState;
use leveret_tests::wat::Subscriber;

use super::*;

/// More memories of its own than the pool has for one plugin.
fn with_memories(number: usize, on_event: &str) -> Vec<u8> {
    let more = format!("{} (memory $last 1)", "(memory 0) ".repeat(number - 2));
    Subscriber { more: &more, on_event, ..Subscriber::default() }.build()
}

async fn settlement(on_event: &str) -> Settlement {
    let mut stage = Stage::start(|settings| {
        settings.delivery.time_limit = "200ms".parse().expect("a legal time");
    })
    .await;
    stage.host.install("large.wasm", &with_memories(20, on_event)).await;
    let id = stage.host.publish("thing.happened", "{}").await;
    stage.host.record(&id).await.settlement
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_pool_cannot_hold_runs_outside_of_it_and_says_so() {
    let mut stage = Stage::new().await;
    stage.host.install("large.wasm", &with_memories(20, leveret_tests::wat::NO_TASKS)).await;
    let id = stage.host.publish("thing.happened", "{}").await;
    assert_eq!(stage.host.record(&id).await.settlement, Settlement::Done);
    stage.lives().await;
    let status = stage.host.host.catalog.status();
    let reason = |file: &str| {
        let status = status.iter().find(|status| status.file.ends_with(file)).expect("it is there");
        let PluginState::Live { outside_pool, .. } = &status.state else { panic!("{status:?}") };
        outside_pool.clone()
    };
    let large = reason("large.wasm").expect("a reason");
    assert!(large.contains("memories count of 20 exceeds the per-instance limit of 8"), "{large}");
    assert_eq!(reason("puppet.wasm"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_loop_outside_the_pool_ends_at_its_limit() {
    let Settlement::Retried { reason, .. } = settlement("(loop $again (br $again)) unreachable").await else {
        panic!("a retry")
    };
    assert!(reason.contains("time limit of 200ms"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_memory_outside_the_pool_is_counted() {
    let grow = "(loop $more (br_if $more (i32.ne (memory.grow $last (i32.const 16)) (i32.const -1)))) unreachable";
    let Settlement::Retried { reason, .. } = settlement(grow).await else { panic!("a retry") };
    assert!(reason.contains("more memory than its limit"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_what_needs_more_than_is_let_in_at_all_is_refused() {
    let options = leveret::plugin::SandboxOptions { cache: None, concurrency: 1, memory_maximum: 64 << 20 };
    let sandbox = leveret::plugin::Sandbox::new(&options).expect("an engine");
    let refusal = sandbox.compile(&with_memories(65, leveret_tests::wat::NO_TASKS)).err().expect("it is refused");
    assert!(refusal.to_string().contains("limit of 64"), "{refusal}");
}
