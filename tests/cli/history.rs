//! `leveret history` and `leveret replay`, from outside.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use leveret_tests::http;
use leveret_tests::process::command;
use leveret_tests::wait::until;
use serde_json::{Value, json};

use super::operate::Operated;
use super::{Ended, configured, directory, leveret};

const REJECT: &str = r#"{"do":"reject","reason":"no such mailbox"}"#;

impl Operated {
    /// Publishes an event under an id, whose TID is `t-` and that.
    async fn tell(&self, event: &str, id: &str, payload: &str) {
        let tid = format!("t-{id}");
        let headers = [("content-type", "application/json"), ("x-message-id", id), ("x-tid", &tid)];
        let url = format!("{}/events/{event}", self.process.api());
        let (status, _) = http::request("POST", &url, &headers, payload.into()).await.expect("an answer");
        assert_eq!(status, 202);
    }

    /// The ids of the events that are listed.
    fn past(&self, arguments: &[&str]) -> Vec<String> {
        let ended = self.run(&[&["history", "list", "--json"], arguments].concat());
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.error);
        let id = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["id"].as_str().map(str::to_owned);
        ended.output.lines().map(|line| id(line).expect("an id")).collect()
    }

    async fn counted(&self, outcome: &str, number: u64) {
        until(outcome, async || {
            let (_, status) = http::get(&format!("{}/status", self.process.api())).await?;
            (status["deliveries"][outcome] == number).then_some(())
        })
        .await;
    }
}

fn refused(ended: &Ended, code: i32, words: &str) {
    assert_eq!(ended.code, code, "{}{}", ended.output, ended.error);
    assert!(ended.error.contains(words), "{words}: {}", ended.error);
}

#[tokio::test(flavor = "multi_thread")]
async fn past_events_are_listed_counted_and_shown_by_what_is_meant() {
    let host = Operated::keeping().await;
    for number in 0..3 {
        let payload = json!({ "do": "emit", "customer": { "id": number, "name": "Ada" } });
        host.tell("puppet.pulled", &format!("p-{number}"), &payload.to_string()).await;
    }
    // Nobody subscribes to this one.
    host.tell("user.email.changed", "u-0", r#"{"name":"\u001b[2J"}"#).await;

    assert_eq!(host.past(&[]), ["p-0", "p-1", "p-2", "u-0"]);
    assert_eq!(host.past(&["--limit", "2"]), ["p-2", "u-0"]);
    assert_eq!(host.past(&["--first", "2"]), ["p-0", "p-1"]);
    assert_eq!(host.past(&["--event", "user.#"]), ["u-0"]);
    assert_eq!(host.past(&["--event", "user.*", "--event", "puppet.pulled", "--id", "p"]), ["p-0", "p-1", "p-2"]);
    assert_eq!(host.past(&["--where", "/customer/id=1"]), ["p-1"]);
    assert_eq!(host.past(&["--where", "/customer/name=Ada", "--where", "/customer/id"]), ["p-0", "p-1", "p-2"]);
    assert_eq!(host.past(&["--tid", "t-p-2"]), ["p-2"]);
    assert_eq!(host.past(&["--from", "1h"]).len(), 4);
    assert!(host.past(&["--until", "1h"]).is_empty() && host.past(&["--source", "nobody"]).is_empty());

    let listed = host.run(&["history"]);
    assert_eq!(listed.code, 0, "{}", listed.error);
    assert!(
        listed.output.contains("user.email.changed") && listed.output.starts_with("PUBLISHED"),
        "{}",
        listed.output
    );
    assert!(host.run(&["history", "--tid", "none"]).output.contains("no events of 4"));

    let counted = host.json(&["history", "count", "--by", "event"]);
    assert_eq!(counted, json!({ "count": 4, "scanned": 4, "events": { "puppet.pulled": 3, "user.email.changed": 1 } }));
    assert!(host.run(&["history", "count", "--event", "puppet.*"]).output.starts_with("3 events"));

    let shown = &host.json(&["history", "show", "p-1"])[0];
    assert_eq!((&shown["payload"]["customer"]["id"], &shown["tid"]), (&json!(1), &json!("t-p-1")));
    let shown = host.run(&["history", "show", "u"]);
    assert!(shown.output.contains("event      user.email.changed"), "{}{}", shown.output, shown.error);
    assert!(!shown.output.contains('\u{1b}'));
    refused(&host.run(&["history", "show", "p"]), 1, "p-0, p-1, p-2");
    refused(&host.run(&["history", "show", "nothing"]), 1, "leveret history");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_host_exports_another_imports_byte_for_byte() {
    let (one, other) = (Operated::keeping().await, Operated::keeping().await);
    let payloads =
        [r#"{"do": "emit",  "n":1.50}"#, "{\n  \"do\": \"emit\"\n}", r#"{"do":"emit","big":12345678901234567890123}"#];
    for (number, payload) in payloads.iter().enumerate() {
        one.tell("puppet.pulled", &format!("p-{number}"), payload).await;
    }
    let exported = one.run(&["history", "--export", "past.ndjson"]);
    assert!(exported.error.contains("exported 3 events"), "{}", exported.error);
    let file = one.directory.path().join("past.ndjson");
    let mut lines = std::fs::read_to_string(&file).expect("a file");
    lines.push_str("{\"name\":\"payment\"}\n");
    std::fs::write(&file, &lines).expect("written");

    let path = file.to_str().expect("UTF-8");
    let imported = other.run(&["history", "import", path]);
    refused(&imported, 1, "line 4: ");
    assert!(imported.output.starts_with("3 events imported"), "{}", imported.output);
    assert_eq!(other.past(&[]), ["p-0", "p-1", "p-2"]);
    let again = other.run(&["history", "--export", "-"]);
    let texts = |lines: &str| -> Vec<Value> {
        let events = lines.lines().take(3).map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let told = |event: Value| json!([event["id"], event["tid"], event["time"], event["payload"], event["text"]]);
        events.map(told).collect()
    };
    assert_eq!(texts(&again.output), texts(&lines));
    assert!(again.output.contains(payloads[0]) && again.output.contains(payloads[2]), "{}", again.output);
    // Nobody got them.
    let (_, status) = http::get(&format!("{}/status", other.process.api())).await.expect("an answer");
    assert_eq!(status["deliveries"]["done"], 0);

    // The third alone; it is there twice then, under one id.
    let rest = other.run(&["history", "import", path, "--from-line", "3"]);
    assert!(rest.output.starts_with("1 events imported"), "{}{}", rest.output, rest.error);
    assert_eq!(other.past(&[]), ["p-0", "p-1", "p-2", "p-2"]);
    refused(&other.run(&["history", "import", "nowhere.ndjson"]), 2, "nowhere.ndjson");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_is_told_of_what_comes() {
    let host = Operated::keeping().await;
    host.tell("user.created", "u-0", "{}").await;
    let mut child = command()
        .args(["history", "--follow", "--event", "user.*", "--json"])
        .current_dir(host.directory.path())
        .env("LEVERET_ADMIN_ADDRESS", host.process.api().trim_start_matches("http://"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("leveret was built with the tests");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut next = || {
        let line = lines.next().expect("it goes on").expect("readable");
        serde_json::from_str::<Value>(&line).expect("JSON")["id"].clone()
    };
    assert_eq!(next(), "u-0");
    host.tell("puppet.pulled", "p-0", REJECT).await;
    host.tell("user.created", "u-1", "{}").await;
    assert_eq!(next(), "u-1");
    child.kill().expect("a child");
    child.wait().expect("a child");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_replayed_is_dropped_as_handled_unless_it_is_to_be_handled_again() {
    let host = Operated::keeping().await;
    for number in 0..3 {
        host.tell("puppet.pulled", &format!("p-{number}"), r#"{"do":"emit"}"#).await;
    }
    host.tell("puppet.pulled", "r-0", REJECT).await;
    host.counted("done", 3).await;
    host.counted("dead", 1).await;

    let trial = host.run(&["replay", "--to", "puppet", "--all", "--dry-run"]);
    assert!(trial.output.starts_with("4 would be replayed to puppet, of 4"), "{}{}", trial.output, trial.error);
    let replayed = host.run(&["replay", "--to", "puppet", "--id", "p-", "--from", "1h"]);
    assert!(replayed.output.starts_with("3 replayed to puppet"), "{}{}", replayed.output, replayed.error);
    host.counted("duplicate", 3).await;

    let again = host.run(&["replay", "--to", "puppet", "--event", "puppet.*", "--again", "--json"]);
    assert_eq!(again.code, 0, "{}", again.error);
    let last: Value = serde_json::from_str(again.output.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["progress"], &last["replayed"]), (&json!("ended"), &json!(4)));
    host.counted("done", 6).await;
    host.counted("dead", 2).await;

    // A dead letter says which replay it is of, and which event it was.
    let run = last["run"].as_str().expect("an id");
    let headers = |letter: &Value| letter["headers"].clone();
    let letters = host.run(&["dead", "export"]);
    let letters: Vec<_> =
        letters.output.lines().map(|line| headers(&serde_json::from_str(line).expect("JSON"))).collect();
    let copy = letters.iter().find(|headers| headers["leveret-replay-of"] == json!({ "text": "r-0" }));
    assert_eq!(copy.expect("a copy")["leveret-replayed"], json!({ "text": run }));
    // The copies were the plugin's own: the history has what was published, and once.
    assert_eq!(host.past(&["--event", "puppet.pulled"]).len(), 4);

    refused(&host.run(&["replay", "--to", "nobody", "--all"]), 1, "leveret plugin list");
    refused(&host.run(&["replay", "--to", "puppet"]), 2, "--all");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_history_it_is_said_how_to_keep_one() {
    let directory = configured("history.enabled = false\n");
    std::fs::create_dir(directory.path().join("plugins")).expect("a directory");
    let process = super::operate::ready(directory.path()).await;
    let host = Operated { directory, process };
    for arguments in [&["history"][..], &["history", "count"], &["history", "show", "x"], &["history", "--export", "-"]]
    {
        refused(&host.run(arguments), 1, "history.enabled");
    }
    std::fs::write(host.directory.path().join("one.ndjson"), r#"{"name":"a.b","id":"1","time":1,"payload":{}}"#)
        .expect("written");
    refused(&host.run(&["history", "import", "one.ndjson"]), 1, "history");
}

#[test]
fn an_import_of_nothing_to_read_is_a_wrong_use() {
    refused(&leveret(directory().path(), &[], &["history", "import", "nowhere.ndjson"]), 2, "nowhere.ndjson");
}
