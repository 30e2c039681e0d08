//! A subscriber is a function of (version, configuration, event): it sees nothing else.

use super::*;

const TIME: u64 = 1_700_000_000_123;

/// A host that handles an event as often as it comes.
async fn without_deduplication() -> Stage {
    Stage::with(|settings| settings.delivery.deduplication.enabled = false).await
}

/// What the puppet saw of the world as it handled an event of this id.
async fn sight(stage: &mut Stage, id: &str) -> Value {
    let id = MessageId::from_wire(id).expect("a legal id");
    let event = Message {
        id: id.clone(),
        tid: Tid::from_wire("t-1").expect("a legal TID"),
        time: Timestamp::from_millis(TIME),
        ..broker::event(PULLED, json!({ "do": "clock" }).to_string())
    };
    stage.host.publish_message(event).await;
    let task = stage.host.tasks(ECHO, 1).await.remove(0);
    serde_json::from_slice(&task.body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_gives_the_same_bytes_on_another_host_and_at_another_time() {
    let (mut one, mut other) = (without_deduplication().await, Stage::new().await);
    let first = sight(&mut one, "m-1").await;
    assert_eq!(sight(&mut one, "m-1").await, first);
    assert_eq!(sight(&mut other, "m-1").await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_stands_at_the_event_s_time() {
    let mut stage = Stage::new().await;
    let sight = sight(&mut stage, "m-1").await;
    assert_eq!(sight["milliseconds"], TIME);
    assert_eq!(sight["elapsedNanoseconds"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn randomness_comes_from_the_event_s_id() {
    let mut stage = Stage::new().await;
    let (one, other) = (sight(&mut stage, "m-1").await, sight(&mut stage, "m-2").await);
    assert_ne!(one["random"], other["random"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_files_no_environment_and_no_arguments() {
    let mut stage = Stage::new().await;
    let sight = sight(&mut stage, "m-1").await;
    assert_eq!(sight["environment"], json!({}));
    assert_eq!(sight["arguments"], json!([]));
    for reached in ["file", "directory", "write"] {
        assert!(sight[reached].as_str().is_some_and(|text| text.starts_with("Err: ")), "{sight}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_an_event_that_comes_twice_gives_the_same_tasks_under_the_same_ids() {
    let stage = without_deduplication().await;
    let event = broker::event(PULLED, json!({ "do": "emit", "count": 3 }).to_string());
    stage.host.publish_message(event.clone()).await;
    stage.host.publish_message(event.clone()).await;
    let tasks = stage.host.tasks(ECHO, 6).await;
    let essence = |task: &Message| (task.id.clone(), task.tid.clone(), task.body.clone());
    let (first, second) = tasks.split_at(3);
    assert_eq!(first.iter().map(essence).collect::<Vec<_>>(), second.iter().map(essence).collect::<Vec<_>>());
    assert!(tasks.iter().all(|task| task.tid == event.tid));
}
