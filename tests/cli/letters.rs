//! Dead letters, traces and the rest of what the pipeline leaves, from outside.

use std::collections::BTreeSet;

use leveret_tests::http;
use leveret_tests::process::{Process, command};
use leveret_tests::wait::until;
use serde_json::{Value, json};

use super::operate::{Operated, ready};

const REJECT: &str = r#"{"do":"reject","reason":"no such mailbox"}"#;
const QUEUE: &str = "puppet.puppet.pulled";

impl Operated {
    /// Publishes an event under an id, whose TID is the same.
    async fn publish(&self, id: &str, body: &str) {
        let headers = [("content-type", "application/json"), ("x-message-id", id), ("x-tid", id)];
        let url = format!("{}/events/puppet.pulled", self.process.api());
        let (status, answer) = http::request("POST", &url, &headers, body.into()).await.expect("an answer");
        assert_eq!((status, &answer["heard"]), (202, &true.into()));
    }

    /// So many rejected events, `m-0` and so on, that are dead letters.
    async fn bury(&self, number: u64) {
        for index in 0..number {
            self.publish(&format!("m-{index}"), REJECT).await;
        }
        settled(&self.process, "dead", number).await;
    }

    /// Each dead letter as listed.
    fn letters(&self, arguments: &[&str]) -> Vec<Value> {
        let ended = self.run(&[&["dead", "list", "--json"], arguments].concat());
        assert_eq!(ended.code, 0, "{}", ended.error);
        ended.output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn ids(&self, arguments: &[&str]) -> Vec<String> {
        let ids = self.letters(arguments).into_iter();
        ids.map(|letter| letter["id"].as_str().expect("an id").to_owned()).collect()
    }
}

async fn settled(process: &Process, outcome: &str, number: u64) {
    let count = async || {
        let (_, status) = http::get(&format!("{}/status", process.api())).await?;
        (status["deliveries"][outcome] == number).then_some(())
    };
    until("the deliveries", count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_looked_at_and_stay() {
    let host = Operated::start().await;
    host.bury(3).await;
    host.publish("other", r#"{"do":"reject","reason":"\u001b[2J broken"}"#).await;
    settled(&host.process, "dead", 4).await;

    assert_eq!(host.ids(&[]), ["m-0", "m-1", "m-2", "other"]);
    assert_eq!(host.ids(&["--limit", "2"]), ["m-0", "m-1"]);
    assert_eq!(host.ids(&["--reason", "MAILBOX"]), ["m-0", "m-1", "m-2"]);
    assert_eq!(host.ids(&["--tid", "m-1"]), ["m-1"]);
    assert_eq!(host.ids(&["--app", "puppet", "--event", "puppet.pulled", "--since", "1h"]).len(), 4);
    assert!(host.ids(&["--until", "1h"]).is_empty() && host.ids(&["--app", "nobody"]).is_empty());

    let listed = host.run(&["dead", "list"]);
    assert!(listed.output.contains("no such mailbox") && !listed.output.contains('\u{1b}'), "{}", listed.output);

    let shown = &host.json(&["dead", "show", "m-1"])[0];
    assert_eq!((&shown["body"]["do"], &shown["attempts"][0]["attempt"]), (&json!("reject"), &json!(1)));
    assert_eq!(
        (&shown["app"], &shown["plugin"], &shown["bytes"]),
        (&json!("puppet"), &json!("puppet"), &json!(REJECT.len()))
    );
    assert!(host.run(&["dead", "show", "m"]).error.contains("m-0, m-1, m-2"));
    assert!(host.run(&["dead", "show", "oth"]).output.contains("\"reject\""));

    let exported = host.run(&["dead", "export", "--output", "letters.ndjson"]);
    assert_eq!(exported.code, 0, "{}", exported.error);
    let written = std::fs::read_to_string(host.directory.path().join("letters.ndjson")).expect("a file");
    assert_eq!(written.lines().count(), 4);
    assert_eq!(host.ids(&[]).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_a_retried_letter_has_its_attempts_again_and_one_that_was_mended_is_done() {
    let host = Operated::start().await;
    host.bury(2).await;
    let retried = host.run(&["dead", "retry", "--reason", "mailbox"]);
    assert_eq!(retried.code, 0, "{}", retried.error);
    assert!(retried.output.starts_with("2 retried, 0 stay"), "{}", retried.output);
    settled(&host.process, "dead", 4).await;
    let again = &host.json(&["dead", "show", "m-0"])[0];
    let attempts: Vec<_> =
        again["attempts"].as_array().expect("a list").iter().map(|failed| &failed["attempt"]).collect();
    assert_eq!((attempts, &again["tid"]), (vec![&json!(1), &json!(1)], &json!("m-0")));

    std::fs::write(host.directory.path().join("mended.json"), r#"{"do":"emit"}"#).expect("a file");
    let edited = host.run(&["dead", "edit", "m-0", "--body", "mended.json"]);
    assert_eq!(edited.code, 0, "{}", edited.error);
    settled(&host.process, "done", 1).await;
    assert_eq!(host.ids(&[]), ["m-1"]);

    std::fs::write(host.directory.path().join("mended.json"), "{").expect("a file");
    assert_eq!(host.run(&["dead", "edit", "m-1", "--body", "mended.json"]).code, 2);
    assert_eq!(host.run(&["dead", "discard", "--all", "--yes", "--dry-run"]).code, 0);
    assert_eq!(host.ids(&[]), ["m-1"]);
    assert_eq!(host.run(&["dead", "discard", "m-1", "--yes"]).code, 0);
    assert!(host.ids(&[]).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_neither_a_killed_command_nor_a_killed_host_loses_a_dead_letter() {
    const LETTERS: u64 = 60;
    let mut host = Operated::start().await;
    host.bury(LETTERS).await;
    let all: BTreeSet<_> = (0..LETTERS).map(|index| format!("m-{index}")).collect();

    for is_host in [false, true] {
        let address = host.process.api().trim_start_matches("http://").to_owned();
        let mut command = command()
            .args(["dead", "retry", "--all", "--rate", "20/s", "--json"])
            .current_dir(host.directory.path())
            .env("LEVERET_ADMIN_ADDRESS", address)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("leveret was built with the tests");
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(command.stdout.take().expect("piped")));
        let mut done = 0;
        while done < 5 {
            let line = lines.next().expect("it goes on").expect("readable");
            done += usize::from(line.contains(r#""progress":"done""#));
        }
        if is_host {
            host.process.kill();
            let ended = command.wait().expect("a child");
            assert_eq!(ended.code(), Some(3), "it says that the host broke off");
            host.process = ready(host.directory.path()).await;
        } else {
            command.kill().expect("a child");
            command.wait().expect("a child");
        }
        // What was retried dies again, so in the end all are dead letters.
        until("all letters", async || {
            let ids: BTreeSet<_> = host.ids(&["--limit", "1000"]).into_iter().collect();
            (ids == all).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_whose_plugin_is_gone_goes_home_all_the_same() {
    let host = Operated::start().await;
    host.bury(1).await;
    std::fs::remove_file(host.directory.path().join("plugins/puppet.wasm")).expect("removed");
    until("its end", async || {
        let (_, status) = http::get(&format!("{}/status", host.process.api())).await?;
        (status["orphaned"] == json!([QUEUE])).then_some(())
    })
    .await;
    assert_eq!(host.run(&["dead", "retry", "m-0"]).code, 0);
    assert!(host.ids(&[]).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_tells_what_an_event_caused() {
    let host = Operated::start().await;
    host.publish("t-1", r#"{"do":"emit"}"#).await;
    let drawn = until("the trace", async || Some(host.run(&["trace", "t-1"])).filter(|ended| ended.code == 0)).await;
    for words in ["event puppet.pulled", "plugin puppet", "done", "task puppet.echo.make  not performed by Leveret"] {
        assert!(drawn.output.contains(words), "{words}: {}", drawn.output);
    }
    let traced = host.json(&["trace", "t-1"]);
    assert_eq!(traced["messages"][0]["handled"][0]["emitted"][0]["name"], "puppet.echo.make");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_plugin_and_a_tripped_breaker_are_told_with_their_reason() {
    let host = Operated::start().await;
    let told = async |words: &str| {
        until(words, async || {
            let (status, ready) = http::get(&format!("{}/readyz", host.process.api())).await?;
            (status == 200 && ready["reasons"].to_string().contains(words)).then_some(())
        })
        .await;
    };
    assert_eq!(host.run(&["plugin", "pause", "puppet"]).code, 0);
    told("an operator paused puppet").await;
    assert!(host.run(&["plugin", "list"]).output.contains("paused by an operator"));
    assert_eq!(host.run(&["plugin", "resume", "puppet"]).code, 0);
    assert_eq!(host.run(&["breaker", "trip", QUEUE]).code, 0);
    told("its breaker is open").await;
    assert!(host.run(&["status"]).output.contains("breaker open until"));
    assert_eq!(host.run(&["breaker", "reset", "puppet"]).code, 0);
    until("its listener", async || host.run(&["breaker", "list"]).output.contains("consuming").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topology_that_is_as_wanted_leaves_nothing_to_do() {
    let host = Operated::start().await;
    // Its task and dead letters have no queues before the first message.
    let planned = host.run(&["topology", "plan"]);
    assert_eq!(planned.code, 2, "{}", planned.error);
    assert!(planned.output.contains("puppet.echo.make") && planned.output.contains("missing"), "{}", planned.output);
    assert_eq!(host.run(&["topology", "apply"]).code, 0);
    let planned = host.run(&["topology", "plan"]);
    assert_eq!(planned.code, 0, "{}", planned.output);
    for (queue, words) in [(QUEUE, "as wanted"), ("nobody.puppet.pulled", "does not want")] {
        let refused = host.run(&["topology", "apply", "--recreate", queue]);
        assert_eq!(refused.code, 1);
        assert!(refused.error.contains(words), "{}", refused.error);
    }
}
