//! What Leveret adds between services of today: another attempt, an end to what loops, and a dead letter that a person
//! can send home again.

use std::process::Stdio;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use leveret::config::Attempts;
use leveret::dead::{DeadLetters, Filter, Letter};
use leveret::delivery::Settlement;
use leveret_tests::process::command;
use tokio::sync::mpsc;

use super::*;

const SAYS_SO: &str = "the role says so";

impl Stage {
    /// The puppet's dead letters, in the order in which they died.
    async fn letters(&self) -> Vec<Letter> {
        const MANY: usize = 16;
        let (taker, mut taken) = mpsc::channel(MANY);
        let dead = DeadLetters::new(self.host.host.broker.clone());
        let apps = ["puppet".parse().expect("a legal name")].into();
        dead.list(&apps, &Filter::default(), MANY as u64, &taker).await.expect("listed");
        drop(taker);
        let mut letters = Vec::new();
        while let Some(letter) = taken.recv().await {
            letters.push(letter);
        }
        letters
    }

    /// What an operator's command writes, if it works.
    async fn leveret(&self, arguments: &[&str]) -> String {
        let mut command = command();
        command.args(arguments).env("LEVERET_ADMIN_ADDRESS", self.host.host.address.to_string()).stdin(Stdio::null());
        let ran = tokio::task::spawn_blocking(move || command.output().expect("leveret was built with the tests"));
        let output = ran.await.expect("it does not panic");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it writes UTF-8")
    }

    /// How many messages are in a queue that only the host knows by its name.
    async fn depth(&self, queue: &str) -> u32 {
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue = channel.queue_declare(queue.into(), passive, FieldTable::default()).await.expect("it is there");
        queue.message_count()
    }
}

fn attempts(records: &[Record]) -> Vec<u32> {
    records.iter().map(|record| record.attempt.number()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_an_event_of_ponos_waits_in_the_broker_until_a_mended_plugin_handles_it() {
    // Long enough to look at the queue and to replace the plugin, on whatever machine.
    let mut stage =
        Stage::start("emit 0/1", |settings| settings.delivery.retry.minimum = "10s".parse().expect("legal")).await;
    stage.play("retry 0/1").await;
    let tid = stage.publish(part(1)).await;
    let failed = stage.records(&tid, 1).await.remove(0);
    assert_eq!(failed.settlement, Settlement::Retried { reason: SAYS_SO.into(), wait_ms: 10_000 });
    until("the copy", async || (stage.depth("leveret.delay.10000").await == 1).then_some(())).await;
    assert_eq!(stage.depth("puppet.puppet.pulled").await, 0);

    stage.play("emit 0/1").await;
    assert_eq!(stage.performed(&tid).await["number"], 1);
    let records = stage.records(&tid, 2).await;
    assert_eq!((attempts(&records), &records[1].settlement), (vec![1, 2], &Settlement::Done));
    assert_eq!(records[0].id, records[1].id);
    assert_ne!(records[0].version, records[1].version);
    // Had the task come twice, it would be before this one.
    let next = stage.publish(part(2)).await;
    assert_eq!(stage.performed(&next).await["number"], 2);
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_plugin_that_loops_is_stopped_and_ponos_never_hears_of_it() {
    let mut stage = Stage::start("loop 1/2", |settings| {
        settings.delivery.time_limit = "100ms".parse().expect("legal");
        settings.delivery.retry.attempts = Attempts::AtMost(2.try_into().expect("not 0"));
        settings.delivery.retry.minimum = "50ms".parse().expect("legal");
    })
    .await;
    let looping = stage.publish(part(1)).await;
    let records = stage.records(&looping, 2).await;
    assert_eq!(attempts(&records), [1, 2]);
    let Settlement::Retried { reason, .. } = &records[0].settlement else { panic!("{records:?}") };
    assert!(reason.contains("limit"), "{reason}");
    assert!(matches!(records[1].settlement, Settlement::Dead { .. }), "{records:?}");
    assert!(records.iter().all(|record| record.emitted.is_empty()), "{records:?}");

    // The same build, and another event: had anything of the first come, it would be before its task.
    let fine = stage.publish(part(2)).await;
    assert_eq!(stage.performed(&fine).await["number"], 2);
    let letters = stage.letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!((&letters[0].message.tid, letters[0].message.failures.len()), (&looping, 2));
    assert!(letters[0].reason.contains("limit"), "{}", letters[0].reason);
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_ponos_performs_what_recovery_makes_and_later_what_the_dead_letter_comes_to() {
    let mut stage = Stage::start("reject 0/1", |_| ()).await;
    let mut body = part(1);
    body["recover"] = json!({ "do": "emit", "size": 3 });
    let tid = stage.publish(body).await;
    assert_eq!(stage.performed(&tid).await["padding"], "xxx");

    let rejected = stage.records(&tid, 1).await.remove(0);
    assert_eq!(rejected.settlement, Settlement::Dead { reason: SAYS_SO.into() });
    let letters = stage.letters().await;
    assert_eq!(letters.len(), 1);
    let Letter { reason, message, .. } = &letters[0];
    assert_eq!((reason.as_str(), &message.id, &message.tid), (SAYS_SO, &rejected.id, &tid));
    let failures = message.failures.iter().map(|failed| (failed.attempt.number(), &*failed.reason, &*failed.version));
    assert_eq!(failures.collect::<Vec<_>>(), [(1, SAYS_SO, &*rejected.version)]);

    stage.play("emit 0/1").await;
    let output = stage.leveret(&["dead", "retry", "--tid", tid.as_str()]).await;
    assert!(output.starts_with("1 retried, 0 stay"), "{output}");
    let job = stage.performed(&tid).await;
    assert_eq!((&job["tasks"], &job["padding"]), (&json!(1), &Value::Null));
    let records = stage.records(&tid, 2).await;
    assert_eq!((&records[1].settlement, &records[1].id), (&Settlement::Done, &rejected.id));
    // RabbitMQ is told, and does not say when it has done so.
    until("the letter to be gone", async || stage.letters().await.is_empty().then_some(())).await;
    stage.host.stop().await;
}
