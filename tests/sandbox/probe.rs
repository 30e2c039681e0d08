//! Asking a plugin whether it can work at all.

use leveret_tests::guests::{Health, puppet_with};

use super::*;

/// What a puppet of this health answers.
async fn answer(health: Health) -> Result<(), String> {
    let stage = Stage::empty().await;
    stage.host.install("puppet.wasm", &puppet_with(health)).await;
    stage.live().handler.healthy().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_plugin_says_so_and_so_does_one_without_a_probe() {
    assert_eq!(answer(Health::Fine).await, Ok(()));
    let stage = Stage::empty().await;
    stage.host.install("plain.wasm", &leveret_tests::wat::Subscriber::default().build()).await;
    assert_eq!(stage.live().handler.healthy().await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sick_plugin_says_why_and_its_clock_stands_at_the_moment_it_is_asked() {
    let before = Timestamp::now().millis();
    let words = answer(Health::Sick).await.expect_err("it is sick");
    let moment = words.strip_prefix("sick at ").and_then(|moment| moment.parse::<u64>().ok());
    assert!(moment.is_some_and(|moment| (before..=Timestamp::now().millis()).contains(&moment)), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_probe_that_traps_or_never_answers_is_a_sick_plugin_s() {
    let trapped = answer(Health::Trap).await.expect_err("it is sick");
    assert!(trapped.contains("its probe failed") && trapped.contains("panics as told"), "{trapped}");
    let looped = answer(Health::Loop).await.expect_err("it is sick");
    assert!(looped.contains("its probe failed") && looped.contains("limit of 1s"), "{looped}");
}
