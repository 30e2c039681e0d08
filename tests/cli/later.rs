//! What waits for its moment, as `leveret clock` shows it and takes it back.

use std::fs;

use leveret::message::Timestamp;
use leveret_tests::guests;
use leveret_tests::wait::until;
use serde_json::{Value, json};

use super::directory;
use super::operate::{Operated, ready};

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_listed_and_taken_back_and_a_timetable_is_kept() {
    let directory = directory();
    fs::create_dir(directory.path().join("plugins")).expect("a directory");
    fs::copy(guests::path("laborer"), directory.path().join("plugins/laborer.wasm")).expect("a copy");
    let process = ready(directory.path()).await;
    let host = Operated { directory, process };

    let moment = Timestamp::now().millis() + 3_600_000;
    let headers = json!({ "deliver-at": moment.to_string(), "deliver-id": "reminder 7" });
    let job = json!({ "do": "later", "headers": headers });
    assert_eq!(host.run(&["enqueue", "laborer.job.do", &job.to_string()]).code, 0);
    let listed = async || Some(host.json(&["clock", "list"])).filter(|listed| listed["waiting"][0].is_object());
    let listed = until("what waits", listed).await;
    let waiting = &listed["waiting"][0];
    assert_eq!(waiting["key"], "laborer/reminder 7");
    assert_eq!((&waiting["moment_ms"], &waiting["subject"]), (&json!(moment), &json!({ "task": "laborer.job.check" })));

    let due: Vec<&Value> =
        listed["events"].as_array().expect("a list").iter().filter(|event| event["event"] == "job.due").collect();
    assert_eq!(due.len(), 1, "{listed}");
    assert_eq!((&due[0]["wanted_by"], &due[0]["zone"]), (&json!(["laborer"]), &json!("Europe/Berlin")));
    let told = host.run(&["clock", "list"]).output;
    assert!(told.contains("laborer/reminder 7") && told.contains("job.due"), "{told}");

    assert_eq!(host.json(&["clock", "cancel", "laborer/reminder 7"])["key"], "laborer/reminder 7");
    until("the end", async || {
        host.json(&["clock", "list"])["waiting"].as_array().is_some_and(Vec::is_empty).then_some(())
    })
    .await;
}
