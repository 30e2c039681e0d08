//! Each of a budget's limits ends a call by itself (I6): the puppet under no host, with a budget of the test's choice.

use std::time::Duration;

use leveret::name::PluginId;
use leveret::plugin::{Budget, Outcome, PluginSettings, Sandbox, SandboxOptions};
use leveret_tests::host::compile_cache;

use super::*;

/// Too long for any test to wait for.
const NEVER: Duration = Duration::from_secs(600);
const BRIEF: Duration = Duration::from_millis(200);
const GENEROUS: Budget = Budget {
    time: NEVER,
    wasm_time: NEVER,
    recovery: NEVER,
    memory: 64 << 20,
    output_count: 1000,
    output_size: 4 << 20,
};

async fn puppet(budget: Budget) -> Live {
    let options = SandboxOptions {
        cache: Some(compile_cache().to_owned()),
        concurrency: 2,
        memory_maximum: GENEROUS.memory,
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::new(&options).expect("an engine");
    let compiled = sandbox.compile(&guests::bytes("puppet")).expect("the puppet compiles");
    let id = PluginId::new("puppet".parse().expect("legal"), "puppet".parse().expect("legal"));
    let description = compiled.describe(&id.app, NEVER, GENEROUS.memory).await.expect("it describes itself");
    compiled.into_live(id, description, budget, PluginSettings::default())
}

async fn looped(budget: Budget) -> String {
    let pulled = Pulled::new(&json!({ "do": "loop" }));
    let invocation = puppet(budget).await.handler.handle(pulled.event()).await;
    let Outcome::Retry { reason, after: None } = invocation.outcome else { panic!("{invocation:?}") };
    reason
}

#[tokio::test]
async fn i6_a_loop_ends_at_its_limit_by_the_clock() {
    let reason = looped(Budget { time: BRIEF, ..GENEROUS }).await;
    assert_eq!(reason, "the plugin failed: it took longer than its time limit of 200ms");
}

#[tokio::test]
async fn i6_a_loop_ends_at_its_limit_on_a_processor() {
    let reason = looped(Budget { wasm_time: BRIEF, ..GENEROUS }).await;
    assert_eq!(reason, "the plugin failed: it used more than its limit of 200ms on a processor");
}

#[tokio::test]
async fn i6_a_recovery_that_never_ends_is_stopped_at_its_own_limit() {
    let live = puppet(Budget { recovery: BRIEF, ..GENEROUS }).await;
    let pulled = Pulled::new(&json!({ "do": "panic", "recover": { "do": "loop" } }));
    let recovered = live.handler.recover(pulled.event(), &[]).await.expect("the puppet has a recovery");
    let words = "its recovery failed: it took longer than its time limit of 200ms";
    assert_eq!(recovered.answer, Err(words.to_owned()));
    assert!(!recovered.receipt.wasm_time.is_zero() && recovered.receipt.bytes_in > 0, "{recovered:?}");
}
