//! A short chaos on each broker: the same program as `./dev chaos`, with a fixed seed.

use std::process::{Command, Stdio};

use serde_json::Value;

/// Half a minute of faults: some of each kind, and the same in each run.
fn half_a_minute_on(broker: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(["--minutes", "0.5", "--seed", "1", "--rate", "30", "--broker", broker])
        .stdin(Stdio::null())
        .output()
        .expect("it is built with the tests");
    let [result, log] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    let report: Value = result.lines().last().and_then(|line| line.parse().ok()).unwrap_or_default();
    assert!(output.status.success(), "{result}\n{log}");
    for wrong in ["lost", "duplicates_passed_on", "complaints"] {
        assert_eq!(report[wrong], 0, "{report}\n{log}");
    }
    assert!(report["messages"].as_u64() > Some(100) && report["faults"].as_u64() > Some(3), "{report}\n{log}");
}

#[test]
fn i1_half_a_minute_of_chaos_on_the_embedded_broker_loses_nothing() {
    half_a_minute_on("embedded");
}

#[test]
fn i1_half_a_minute_of_chaos_on_rabbitmq_loses_nothing() {
    half_a_minute_on("rabbitmq");
}
