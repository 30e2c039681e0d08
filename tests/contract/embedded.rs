//! The embedded broker: the suite, and what only a file can show.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use leveret::broker::embedded::{EmbeddedBroker, OpenError};
use leveret::broker::{Delay, Destination, From, PublishError, Retention};
use leveret::name::QueueName;
use tempfile::TempDir;

use super::*;

/// A directory with the broker's file.
pub struct Directory(TempDir);

impl Directory {
    fn file(&self) -> PathBuf {
        self.0.path().join("leveret.db")
    }
}

impl Bench for Directory {
    async fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    async fn connect(&self) -> Arc<dyn Broker> {
        open(&self.file())
    }

    async fn connect_without_history(&self) -> Arc<dyn Broker> {
        EmbeddedBroker::open(self.file()).expect("opens")
    }
}

fn open(file: &Path) -> Arc<dyn Broker> {
    let retention = Retention { age: Duration::from_hours(1), size: 1 << 30 };
    EmbeddedBroker::open_keeping(file, Some(retention)).expect("opens")
}

contract_for!(crate::contract::embedded::Directory);
contract_for!(crate::contract::embedded::Directory, with a history);

#[tokio::test(flavor = "multi_thread")]
async fn i2_a_batch_is_published_whole_or_not_at_all() {
    let bench = Directory::new().await;
    let broker = bench.connect().await;
    let (send, missing, paid) = (task("pheidi.email.send"), task("pheidi.sms.send"), event("org.payment.processed"));
    let mut listener = listen(&broker, subscribing("pheidi", &paid, 10)).await;
    let lost = Outgoing { destination: Destination::Queue(QueueName::task(&missing)), ..order(&missing) };
    let id = lost.message.id.clone();
    let published = broker.publish(vec![announce(&paid), order(&send), lost]).await;
    assert_eq!(published, Err(PublishError::Returned(vec![id])));
    assert_eq!(broker.depth(&QueueName::task(&send)).await, Ok(None));
    nothing_comes(&mut listener).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_what_is_given_back_comes_again_at_its_old_place() {
    let bench = Directory::new().await;
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let published = publish(&broker, (0..6).map(|_| order(&send)).collect()).await;
    let mut listener = listen(&broker, performing(&send, 3)).await;
    let out = [next(&mut listener).await, next(&mut listener).await, next(&mut listener).await];
    soon("the stop", listener.stop()).await;
    for received in out.into_iter().rev() {
        received.receipt.give_back().await.expect("given back");
    }
    let mut successor = listen(&broker, performing(&send, 10)).await;
    let mut again = Vec::new();
    for _ in 0..6 {
        again.push(next(&mut successor).await);
    }
    assert_eq!(again.iter().map(|r| r.redelivered).collect::<Vec<_>>(), [true, true, true, false, false, false]);
    assert_eq!(again.into_iter().map(|received| received.message.id).collect::<Vec<_>>(), published);
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_a_delayed_message_makes_its_home_again() {
    let bench = Directory::new().await;
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let home = QueueName::task(&send);
    let destination = Destination::Delay { home: home.clone(), wait: Delay::SHORTEST };
    let published = publish(&broker, vec![Outgoing { destination, ..order(&send) }]).await;
    depth_becomes(&broker, &home, 1).await;
    let mut listener = listen(&broker, performing(&send, 10)).await;
    assert_eq!(ids(&take(&mut listener, 1).await), published);
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_take_turns() {
    let bench = Directory::new().await;
    let broker = bench.connect().await;
    let send = task("pheidi.email.send");
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(listen(&broker, performing(&send, 10)).await);
    }
    for _ in 0..2 {
        for listener in &mut listeners {
            // One at a time, so that it is the turn and not the prefetch that chooses.
            let published = publish(&broker, vec![order(&send)]).await;
            assert_eq!(ids(&take(listener, 1).await), published);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_host_on_one_file_is_told_so() {
    let bench = Directory::new().await;
    let broker = bench.connect().await;
    let error = EmbeddedBroker::open(bench.file()).expect_err("in use");
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("leveret.db"), "{error}");
    publish(&broker, vec![order(&task("pheidi.email.send"))]).await;
    soon("the close", broker.close()).await;
    bench.connect().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_one_file_remains() {
    let bench = Directory::new().await;
    let broker = bench.connect().await;
    publish(&broker, (0..100).map(|_| order(&task("pheidi.email.send"))).collect()).await;
    soon("the close", broker.close()).await;
    let left: Vec<_> =
        std::fs::read_dir(bench.0.path()).expect("readable").map(|entry| entry.map(|e| e.path())).collect();
    assert_eq!(left.into_iter().collect::<Result<Vec<_>, _>>().expect("readable"), [bench.file()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_broker_lets_go_of_its_file() {
    let bench = Directory::new().await;
    let broker = bench.connect().await;
    let published = publish(&broker, vec![order(&task("pheidi.email.send"))]).await;
    drop(broker);
    let broker = bench.connect().await;
    let mut listener = listen(&broker, performing(&task("pheidi.email.send"), 1)).await;
    assert_eq!(ids(&take(&mut listener, 1).await), published);
}

/// Tells a child process of a test which file to work on.
const FILE: &str = "LEVERET_CONTRACT_FILE";

/// A child that runs one test of this binary alone, on a file; kills it once it has printed enough lines with the
/// marker, and returns what stood behind the marker in every line that it managed to print.
fn run_and_kill(test: &str, file: &Path, marker: &str, enough: usize) -> BTreeSet<String> {
    let (_, name) = test.split_once("::").expect("a module path begins with the crate");
    let mut child = Command::new(std::env::current_exe().expect("this binary has a path"))
        .args([name, "--exact", "--nocapture"])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut printed = BTreeSet::new();
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
        let line = line.expect("readable");
        printed.extend(line.split_once(marker).map(|(_, rest)| rest.to_owned()));
        if printed.len() == enough {
            child.kill().expect("killed");
        }
    }
    child.wait().expect("ended");
    assert!(printed.len() >= enough, "the child ended by itself after {} lines", printed.len());
    printed
}

/// Prints a whole line at once, so that a kill cannot leave half of it.
fn print_line(marker: &str, text: impl std::fmt::Display) {
    let line = format!("{marker}{text}\n");
    std::io::stdout().write_all(line.as_bytes()).expect("somebody reads");
}

/// What is in a queue of the file, by the ids; each is there once.
async fn everything(broker: &Arc<dyn Broker>, source: Source) -> BTreeSet<String> {
    let depth = broker.depth(&source.queue).await.expect("a depth").expect("a queue");
    let mut listener = listen(broker, source).await;
    let mut found = BTreeSet::new();
    for _ in 0..depth {
        assert!(found.insert(next(&mut listener).await.message.id.to_string()));
    }
    nothing_comes(&mut listener).await;
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_kill_9_loses_nothing_accepted() {
    const ACCEPTED: &str = "accepted: ";
    let send = task("pheidi.email.send");
    if let Some(file) = std::env::var_os(FILE) {
        let broker = open(Path::new(&file));
        let mut publishers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (broker, send) = (broker.clone(), send.clone());
            publishers.spawn(async move {
                loop {
                    for id in publish(&broker, vec![order(&send), order(&send)]).await {
                        print_line(ACCEPTED, id);
                    }
                }
            });
        }
        panic!("a publisher ended: {:?}", publishers.join_next().await);
    }
    let bench = Directory::new().await;
    let test = concat!(module_path!(), "::i1_kill_9_loses_nothing_accepted");
    let accepted = run_and_kill(test, &bench.file(), ACCEPTED, 1000);
    let found = everything(&bench.connect().await, performing(&send, u16::MAX)).await;
    assert!(accepted.is_subset(&found), "lost: {:?}", accepted.difference(&found).collect::<Vec<_>>());
    assert!(found.len().is_multiple_of(2), "a batch of two is there whole or not at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_kill_9_leaves_an_event_in_the_history_and_in_its_queue_or_in_neither() {
    const ACCEPTED: &str = "accepted: ";
    let paid = event("org.payment.processed");
    if let Some(file) = std::env::var_os(FILE) {
        let broker = open(Path::new(&file));
        drop(listen(&broker, subscribing("pheidi", &paid, 1)).await);
        let mut publishers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (broker, paid) = (broker.clone(), paid.clone());
            publishers.spawn(async move {
                loop {
                    for id in publish(&broker, vec![announce(&paid), announce(&paid)]).await {
                        print_line(ACCEPTED, id);
                    }
                }
            });
        }
        panic!("a publisher ended: {:?}", publishers.join_next().await);
    }
    let bench = Directory::new().await;
    let test = concat!(module_path!(), "::i2_kill_9_leaves_an_event_in_the_history_and_in_its_queue_or_in_neither");
    let accepted = run_and_kill(test, &bench.file(), ACCEPTED, 1000);
    let broker = bench.connect().await;
    let recorded = super::history::to_the_end(&broker, From::First).await;
    let kept: BTreeSet<_> = recorded.iter().map(|it| it.message.id.to_string()).collect();
    assert!(accepted.is_subset(&kept), "lost: {:?}", accepted.difference(&kept).collect::<Vec<_>>());
    assert_eq!(kept.len(), recorded.len(), "each is there once");
    assert_eq!(everything(&broker, subscribing("pheidi", &paid, u16::MAX)).await, kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_kill_9_brings_nothing_acknowledged_back() {
    const ACKNOWLEDGED: &str = "acknowledged: ";
    let send = task("pheidi.email.send");
    if let Some(file) = std::env::var_os(FILE) {
        let broker = open(Path::new(&file));
        let mut listener = listen(&broker, performing(&send, 10)).await;
        loop {
            let received = listener.next().await.expect("the listener goes on");
            print_line(ACKNOWLEDGED, acknowledge(received).await.id);
        }
    }
    let bench = Directory::new().await;
    let broker = bench.connect().await;
    let published = publish(&broker, (0..1000).map(|_| order(&send)).collect()).await;
    soon("the close", broker.close()).await;
    let test = concat!(module_path!(), "::i7_kill_9_brings_nothing_acknowledged_back");
    let acknowledged = run_and_kill(test, &bench.file(), ACKNOWLEDGED, 100);
    let left = everything(&bench.connect().await, performing(&send, u16::MAX)).await;
    assert!(left.is_disjoint(&acknowledged));
    // At most one was gone for good and not yet printed.
    assert!(left.len() + acknowledged.len() + 1 >= published.len());
}
