//! `leveret top`.

use leveret_tests::http;
use leveret_tests::wait::until;
use serde_json::Value;

use super::operate::Operated;

#[tokio::test(flavor = "multi_thread")]
async fn plugins_are_listed_by_what_they_cost_also_where_they_failed() {
    let host = Operated::start().await;
    let idle = host.json(&["top"]);
    assert_eq!((&idle["plugins"][0]["plugin"], &idle["plugins"][0]["deliveries"]), (&"puppet".into(), &0.into()));
    let url = format!("{}/events/puppet.pulled", host.process.api());
    let json = [("content-type", "application/json")];
    for body in [r#"{"do":"emit"}"#, r#"{"do":"reject","reason":"broken"}"#] {
        let answer = http::request("POST", &url, &json, body.into()).await.expect("an answer");
        assert!(answer.0 < 300, "{answer:?}");
    }
    let cost = until("both deliveries", async || {
        let cost: Value = host.json(&["top", "--by", "bytes"])["plugins"][0].clone();
        (cost["deliveries"] == 2).then_some(cost)
    })
    .await;
    assert_eq!(cost["failures"], 1, "{cost}");
    for what in ["wasm_time_us", "time_p50_us", "time_p99_us", "peak_memory", "bytes_in", "bytes_out"] {
        assert!(cost[what].as_u64() > Some(0), "{what}: {cost}");
    }
    for by in ["time", "host-time", "memory", "deliveries", "bytes"] {
        let ended = host.run(&["top", "--once", "--by", by]);
        assert_eq!(ended.code, 0, "{}", ended.error);
        assert!(ended.output.contains("puppet") && ended.output.contains("HOST/S"), "{}", ended.output);
    }
}
