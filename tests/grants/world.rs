//! Clock and randomness: virtual unless they are granted, and for events always.

use super::*;

fn world() -> Value {
    json!({ "do": "world" })
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_grant_the_clock_stands_and_randomness_is_seeded() {
    let stage = Stage::granting(usable(json!([{ "host": "api.example" }]))).await;
    let (first, again) = (stage.run(world()).await, stage.run(world()).await);
    assert_eq!(first["ok"]["now"], TIME);
    assert_eq!(first, again);
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_clock_runs_and_granted_randomness_is_the_system_s() {
    let mut grants = usable(json!([{ "host": "api.example" }]));
    grants["clock"] = json!(true);
    grants["randomness"] = json!(true);
    let stage = Stage::granting(grants).await;
    let (first, again) = (stage.run(world()).await, stage.run(world()).await);
    assert!(first["ok"]["now"].as_u64().is_some_and(|now| now.abs_diff(Timestamp::now().millis()) < 60_000), "{first}");
    assert_ne!(first["ok"]["entropy"], again["ok"]["entropy"]);
    let on_event = async || told(stage.on_event("pheidi", &world()).await);
    assert_eq!(on_event().await["ok"]["now"], TIME);
    assert_eq!(on_event().await, on_event().await);
    stage.host.stop().await;
}
