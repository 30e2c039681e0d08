//! Buckets: an application's own, there for its next task, and only where they are granted.

use leveret_tests::redis::{Redis, free_port};

use super::*;

fn steps(name: &str, steps: Value) -> Value {
    json!({ "do": "bucket", "name": name, "steps": steps })
}

fn granted(settings: &mut Settings, plugins: &[&str]) {
    for plugin in plugins {
        grant(settings, plugin, usable(json!([{ "host": "api.example" }])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_bucket_is_shared_by_an_application_s_plugins_and_no_others() {
    let directory = tempfile::tempdir().expect("a directory");
    let adjust = |settings: &mut Settings| {
        buckets_in(settings, directory.path());
        granted(settings, &["pheidi", "pheidi/second", "docker"]);
    };
    let stage = Stage::with(adjust, &["pheidi.wasm", "pheidi/second.wasm", "docker.wasm"]).await;
    shared_within_an_application(&stage).await;
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_bucket_in_redis_is_shared_by_an_application_s_plugins_and_no_others() {
    let redis = tokio::task::spawn_blocking(|| Redis::start_at(free_port())).await.expect("a server");
    let adjust = |settings: &mut Settings| {
        settings.buckets.redis = redis.url().parse().expect("a legal URL");
        granted(settings, &["pheidi", "pheidi/second", "docker"]);
    };
    let stage = Stage::with(adjust, &["pheidi.wasm", "pheidi/second.wasm", "docker.wasm"]).await;
    shared_within_an_application(&stage).await;
    stage.host.stop().await;
}

async fn shared_within_an_application(stage: &Stage) {
    let write = json!([{ "set": ["a", "one"] }, { "increment": ["n", 3] }, { "get": "a" }]);
    assert_eq!(stage.run(steps("sent", write)).await["ok"], json!([null, 3, "one"]));
    let read = steps("sent", json!([{ "get": "a" }, { "exists": "n" }, "keys"]));
    let told_by = async |plugin| told(stage.perform(plugin, &read).await)["ok"].clone();
    assert_eq!(told_by("pheidi/second").await, json!(["one", true, ["a", "n"]]));
    assert_eq!(told_by("docker").await, json!([null, false, []]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bucket_holds_is_there_after_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let adjust = |settings: &mut Settings| {
        buckets_in(settings, directory.path());
        granted(settings, &["pheidi"]);
    };
    let stage = Stage::with(adjust, &["pheidi.wasm"]).await;
    stage.run(steps("sent", json!([{ "set": ["a", "one"] }]))).await;
    stage.host.stop().await;
    let stage = Stage::with(adjust, &["pheidi.wasm"]).await;
    assert_eq!(stage.run(steps("sent", json!([{ "get": "a" }]))).await["ok"], json!(["one"]));
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_opens_only_where_it_is_granted_and_for_tasks_only() {
    let directory = tempfile::tempdir().expect("a directory");
    let adjust = |settings: &mut Settings| {
        buckets_in(settings, directory.path());
        granted(settings, &["pheidi"]);
    };
    let stage = Stage::with(adjust, &["pheidi.wasm"]).await;
    for name in ["received", "", "Sent", "sent\0", "../sent", "docker:sent"] {
        let reason = stage.refused(steps(name, json!([]))).await;
        assert!(reason.contains("[plugin.pheidi.grants.keyvalue]"), "{reason}");
    }
    let told = told(stage.on_event("pheidi", &steps("sent", json!([]))).await);
    assert!(told["error"].as_str().is_some_and(|reason| reason.contains("`perform`")), "{told}");
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_what_is_too_much_for_a_bucket_is_said_to_the_plugin() {
    let directory = tempfile::tempdir().expect("a directory");
    let adjust = |settings: &mut Settings| {
        buckets_in(settings, directory.path());
        let keyvalue = json!({ "buckets": ["sent"], "size": "20 B", "value-limit": "10 B", "count": 2 });
        let grants = json!({ "http": { "allow": [{ "host": "api.example" }] }, "keyvalue": keyvalue });
        grant(settings, "pheidi", grants);
    };
    let stage = Stage::with(adjust, &["pheidi.wasm"]).await;
    for (key, value, limit) in [("a", "12345678901", "value-limit"), ("a\n", "", "control characters")] {
        let reason = stage.refused(steps("sent", json!([{ "set": [key, value] }]))).await;
        assert!(reason.contains(limit), "{reason}");
    }
    let full = json!([{ "set": ["a", "1234567890"] }, { "set": ["b", "1234567890"] }]);
    assert!(stage.refused(steps("sent", full)).await.contains("`size` of the grant allows 20 bytes"));
    let many = json!([{ "set": ["b", ""] }, { "set": ["c", ""] }]);
    assert!(stage.refused(steps("sent", many)).await.contains("`count` of the grant allows 2"));
    stage.host.stop().await;
}
