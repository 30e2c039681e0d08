//! The operator's commands: `leveret dead`, `trace`, `plugin`, `breaker` and `topology`.

use std::fs;
use std::path::Path;

use leveret_tests::process::Process;
use leveret_tests::wait::until;
use leveret_tests::{guests, http};
use serde_json::Value;
use tempfile::TempDir;

use super::{Ended, directory, leveret};

/// A host with one plugin, `puppet`, that listens.
pub(super) struct Operated {
    pub directory: TempDir,
    pub process: Process,
}

impl Operated {
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// One that keeps a history.
    pub(super) async fn keeping() -> Self {
        Self::start_with(&[("LEVERET_HISTORY_ENABLED", "true".to_owned())]).await
    }

    async fn start_with(variables: &[(&str, String)]) -> Self {
        let directory = directory();
        fs::create_dir(directory.path().join("plugins")).expect("a directory");
        fs::copy(guests::path("puppet"), directory.path().join("plugins/puppet.wasm")).expect("a copy");
        // One after the other, so that what is listed has one order.
        fs::write(directory.path().join("leveret.toml"), "delivery.prefetch = 1\n").expect("settings");
        let process = ready_with(directory.path(), variables).await;
        Self { directory, process }
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ended {
        let address = self.process.api().trim_start_matches("http://");
        leveret(self.directory.path(), &[("LEVERET_ADMIN_ADDRESS", address)], arguments)
    }

    /// What a command answers in JSON, if it worked.
    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.error);
        serde_json::from_str(&ended.output).expect("JSON")
    }
}

/// A host in this directory whose plugins listen.
pub(super) async fn ready(path: &Path) -> Process {
    ready_with(path, &[]).await
}

async fn ready_with(path: &Path, variables: &[(&str, String)]) -> Process {
    let process = Process::start_with(path, variables);
    let ready = async || http::get(&format!("{}/readyz", process.api())).await.filter(|(status, _)| *status == 200);
    until("readiness", ready).await;
    process
}

#[test]
fn each_command_explains_itself_with_an_example() {
    let commands = ["dead", "history", "replay", "trace", "audit", "top", "plugin", "breaker", "clock", "topology"];
    for command in commands {
        let ended = leveret(directory().path(), &[], &[command, "--help"]);
        assert_eq!(ended.code, 0);
        assert!(ended.output.contains(&format!("Example:\n  leveret {command}")), "{}", ended.output);
    }
}

#[test]
fn without_a_host_each_command_says_how_to_start_one() {
    // Port 1 is nobody's.
    let nowhere = [("LEVERET_ADMIN_ADDRESS", "127.0.0.1:1")];
    for arguments in [
        &["dead", "list"][..],
        &["dead", "show", "x"],
        &["dead", "retry", "x"],
        &["dead", "discard", "x", "--yes"],
        &["dead", "export"],
        &["history"],
        &["history", "list", "--follow"],
        &["history", "count"],
        &["history", "show", "x"],
        &["history", "--export", "-"],
        &["replay", "--to", "x", "--all"],
        &["trace", "x"],
        &["audit"],
        &["top", "--once"],
        &["plugin", "list"],
        &["plugin", "pause", "x"],
        &["clock", "list"],
        &["clock", "cancel", "x"],
        &["breaker", "list"],
        &["breaker", "trip", "x"],
        &["topology", "plan"],
        &["topology", "apply"],
    ] {
        let ended = leveret(directory().path(), &nowhere, arguments);
        assert_eq!(ended.code, 3, "{arguments:?}");
        assert!(ended.error.contains("leveret up"), "{arguments:?}: {}", ended.error);
    }
}

#[test]
fn what_can_only_be_a_mistake_is_a_wrong_use() {
    for (arguments, way_out) in [
        (&["dead", "retry"][..], "--all"),
        (&["dead", "discard"], "--all"),
        (&["dead", "discard", "x"], "--yes"),
        (&["dead", "list", "--since", "yesterday"], "2h"),
        (&["dead", "retry", "x", "--rate", "fast"], "50/s"),
        (&["plugin", "pause", "a/b/c"], "plugin name"),
        (&["history", "--from", "yesterday"], "2026-01-31"),
        (&["history", "--event", "user..created"], "org.#"),
        (&["history", "--where", "customer"], "/customer/id=42"),
        (&["history", "--sort", "time"], "--sort"),
        (&["replay", "--to", "x"], "--all"),
        (&["trace", ""], "1 to 255"),
        (&["audit", "--plugin", "a/b/c"], "plugin name"),
        (&["top", "--by", "weight"], "host-time"),
    ] {
        let ended = leveret(directory().path(), &[], arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.error);
        assert!(ended.error.contains(way_out), "{arguments:?}: {}", ended.error);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_not_is_said_with_what_there_is() {
    let host = Operated::start().await;
    for (arguments, words) in [
        (&["plugin", "pause", "nobody"][..], "leveret plugin list"),
        (&["plugin", "resume", "puppet/second"], "leveret plugin list"),
        (&["breaker", "trip", "nobody.puppet.pulled"], "puppet.puppet.pulled"),
        (&["breaker", "reset", "nobody"], "puppet.puppet.pulled"),
        (&["breaker", "list", "nobody"], "puppet.puppet.pulled"),
        (&["trace", "no-such/tid?"], "no-such/tid?"),
    ] {
        let ended = host.run(arguments);
        assert_eq!(ended.code, 1, "{arguments:?}: {}", ended.output);
        assert!(ended.error.contains(words), "{arguments:?}: {}", ended.error);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_are_listed_with_what_they_do() {
    let host = Operated::start().await;
    let listed = host.json(&["breaker", "list", "puppet"]);
    assert_eq!((&listed[0]["queue"], &listed[0]["listening"]), (&"puppet.puppet.pulled".into(), &true.into()));
    assert_eq!(host.json(&["plugin", "list"])[0]["subscriptions"][0]["event"], "puppet.pulled");
    for arguments in [&["breaker", "list"][..], &["plugin", "list"], &["status"]] {
        let ended = host.run(arguments);
        assert_eq!(ended.code, 0, "{}", ended.error);
        assert!(ended.output.contains("consuming"), "{}", ended.output);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_may_send_unasked_changes_nothing() {
    let host = Operated::start().await;
    let api = host.process.api();
    for path in [
        "dead/retry",
        "dead/discard",
        "subscriptions/puppet.puppet.pulled/trip",
        "subscriptions/puppet.puppet.pulled/reset",
        "plugins/puppet/pause",
        "plugins/puppet/resume",
        "topology/apply",
    ] {
        let url = format!("{api}/{path}");
        for headers in [&[][..], &[("content-type", "text/plain")], &[("content-type", "multipart/form-data")]] {
            let answer = http::request("POST", &url, headers, b"{}".to_vec()).await;
            assert_eq!(answer.expect("an answer").0, 415, "{path}");
        }
        let foreign = [("content-type", "application/json"), ("host", "evil.example")];
        let answer = http::request("POST", &url, &foreign, b"{}".to_vec()).await;
        assert_eq!(answer.expect("an answer").0, 403, "{path}");
    }
    let answer = http::request("GET", &format!("{api}/dead"), &[("host", "evil.example")], Vec::new()).await;
    assert_eq!(answer.expect("an answer").0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_none_is_refused() {
    let host = Operated::start().await;
    let json = [("content-type", "application/json")];
    for (body, words) in [
        ("{}", "--all"),
        (r#"{"all":true,"filtre":{}}"#, "filtre"),
        (r#"{"filter":{"app":"UPPER"}}"#, "application name"),
        (r#"{"all":true,"rate":"0/s"}"#, "50/s"),
        (r#"{"all":true,"body":{}}"#, "id"),
        ("nonsense", "no order"),
    ] {
        let url = format!("{}/dead/retry", host.process.api());
        let (status, answer) = http::request("POST", &url, &json, body.into()).await.expect("an answer");
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(answer.to_string().contains(words), "{body}: {answer}");
    }
    let (status, answer) = http::get(&format!("{}/dead?limit=all", host.process.api())).await.expect("an answer");
    assert_eq!(status, 400, "{answer}");
}
