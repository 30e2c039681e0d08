//! What only the file, or a look behind the port, can show. What every inbox promises is in `tests/ledger`.

use std::time::Duration;

use super::*;
use crate::ledger::FileVersion;
use crate::message::{Attempt, Receipt, Subject};

const WINDOW: Window = Window { time: Duration::from_secs(3600), count: 10 };

fn plugin(name: &str) -> PluginId {
    PluginId::new("pheidi".parse().expect("legal"), name.parse().expect("legal"))
}

fn queue() -> QueueName {
    QueueName::task(&"pheidi.email.send".parse().expect("legal"))
}

fn open(retention: TraceRetention) -> (tempfile::TempDir, Arc<Ledger>) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ledger = Ledger::open(directory.path().join("ledger.db"), retention).expect("opens");
    (directory, ledger)
}

async fn rows(ledger: &Ledger, table: &'static str) -> u64 {
    let count = move |file: &rusqlite::Connection| {
        file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
    };
    ledger.writer.ask(count).await.expect("counts").unsigned_abs()
}

fn step(tid: &Tid, time: Timestamp, version: &str) -> Step {
    Step {
        time,
        tid: tid.clone(),
        id: MessageId::fresh(),
        subject: Subject::Event("user.authorized".parse().expect("legal")),
        source: None,
        published: time,
        plugin: "pheidi".into(),
        version: version.into(),
        attempt: Attempt::FIRST,
        settled: "done".into(),
        reason: None,
        receipt: Receipt::default(),
        emitted: Vec::new(),
    }
}

async fn versions(ledger: &Ledger, tid: &Tid) -> Vec<String> {
    // Behind all that was kept before it.
    rows(ledger, "step").await;
    ledger.steps(tid).await.expect("reads").into_iter().map(|step| step.version).collect()
}

#[tokio::test]
async fn i8_what_falls_out_of_the_window_leaves_the_file() {
    let (_directory, ledger) = open(TraceRetention::default());
    for _ in 0..200 {
        ledger.handled(&plugin("pheidi"), &queue(), &MessageId::fresh(), WINDOW).await.expect("recorded");
    }
    ledger.handled(&plugin("other"), &queue(), &MessageId::fresh(), WINDOW).await.expect("recorded");
    let pruning = inbox::PRUNING.unsigned_abs();
    assert!(rows(&ledger, "handled").await <= WINDOW.count + pruning + 1);

    // All that is there is older than a window that has just begun.
    std::thread::sleep(Duration::from_millis(5));
    let newborn = Window { time: Duration::from_millis(1), count: 1000 };
    for _ in 0..pruning {
        ledger.handled(&plugin("pheidi"), &queue(), &MessageId::fresh(), newborn).await.expect("recorded");
    }
    assert!(rows(&ledger, "handled").await <= pruning + 1);
}

#[tokio::test]
async fn a_trace_has_every_step_of_its_transaction_oldest_first() {
    let (_directory, ledger) = open(TraceRetention::default());
    let (tid, other) = (Tid::fresh(), Tid::fresh());
    let now = Timestamp::now();
    ledger.keep(step(&tid, now, "2"));
    ledger.keep(step(&other, now, "other"));
    ledger.keep(step(&tid, Timestamp::from_millis(now.millis() - 1), "1"));
    let last = step(&tid, now, "3");
    ledger.keep(last.clone());
    assert_eq!(versions(&ledger, &tid).await, ["1", "2", "3"]);
    assert_eq!(ledger.steps(&tid).await.expect("reads")[2], last);
    assert_eq!(ledger.steps(&Tid::fresh()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn i8_steps_are_kept_up_to_a_count_and_a_time() {
    let (_directory, ledger) = open(TraceRetention { count: 3, time: Duration::from_secs(60) });
    let tid = Tid::fresh();
    let now = Timestamp::now();
    for number in 0..10 {
        ledger.keep(step(&tid, now, &number.to_string()));
    }
    assert_eq!(versions(&ledger, &tid).await, ["7", "8", "9"]);
    ledger.keep(step(&tid, Timestamp::from_millis(now.millis() - 61_000), "old"));
    assert_eq!(versions(&ledger, &tid).await, ["8", "9"]);
    let pruning = trace::PRUNING.unsigned_abs();
    for _ in 0..3 * pruning {
        ledger.keep(step(&tid, now, "new"));
    }
    assert!(rows(&ledger, "step").await < 3 + pruning);
}

#[tokio::test]
async fn i8_steps_that_cannot_be_kept_are_dropped_and_counted() {
    let (_directory, ledger) = open(TraceRetention::default());
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go_on, gate) = std::sync::mpsc::channel::<()>();
    let busy = ledger.writer.offer(
        move |_| {
            let _ = begun.send(());
            let _ = gate.recv();
            Ok(())
        },
        || (),
    );
    assert!(busy);
    has_begun.await.expect("begins");
    let tid = Tid::fresh();
    for _ in 0..10_000 {
        ledger.keep(step(&tid, Timestamp::now(), "1"));
    }
    let dropped = ledger.dropped();
    drop(go_on);
    assert!(dropped > 0);
    assert_eq!(rows(&ledger, "step").await + dropped, 10_000);
}

#[tokio::test]
async fn looking_does_not_wait_for_what_is_being_written() {
    let (_directory, ledger) = open(TraceRetention::default());
    let id = MessageId::fresh();
    ledger.handled(&plugin("pheidi"), &queue(), &id, WINDOW).await.expect("recorded");
    let (go_on, gate) = std::sync::mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let writing = ledger.writer.offer(
        move |file| {
            file.execute("DELETE FROM handled", [])?;
            let _ = begun.send(());
            let _ = gate.recv();
            Ok(())
        },
        || (),
    );
    assert!(writing);
    has_begun.await.expect("begins");
    assert_eq!(ledger.has_handled(&plugin("pheidi"), &id, WINDOW).await, Ok(true));
    drop(go_on);
    assert_eq!(rows(&ledger, "handled").await, 0);
    assert_eq!(ledger.has_handled(&plugin("pheidi"), &id, WINDOW).await, Ok(false));
}

#[tokio::test]
async fn what_cannot_be_written_is_an_error_and_what_can_be_goes_on() {
    let (_directory, ledger) = open(TraceRetention::default());
    let refuse = |on: bool| {
        let pages = if on { 1 } else { 1_000_000 };
        move |file: &rusqlite::Connection| file.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
    };
    ledger.writer.ask(refuse(true)).await.expect("set");
    let tid = Tid::fresh();
    let (mut failed, mut recorded) = (0, Vec::new());
    for _ in 0..500 {
        let id = MessageId::fresh();
        match ledger.handled(&plugin("pheidi"), &queue(), &id, Window { count: 10_000, ..WINDOW }).await {
            Ok(()) => recorded.push(id),
            Err(error) => {
                assert!(error.to_string().contains("full"), "{error}");
                failed += 1;
            }
        }
    }
    assert!(failed > 0);
    // Steps are lost in the same way, and counted.
    for _ in 0..500 {
        ledger.keep(step(&tid, Timestamp::now(), "1"));
    }
    // It may share a transaction with steps, and fail with them.
    while ledger.writer.ask(refuse(false)).await.is_err() {}
    assert_eq!(rows(&ledger, "step").await + ledger.dropped(), 500);
    for id in recorded {
        let window = Window { count: 10_000, ..WINDOW };
        assert_eq!(ledger.has_handled(&plugin("pheidi"), &id, window).await, Ok(true));
    }
    let id = MessageId::fresh();
    ledger.handled(&plugin("pheidi"), &queue(), &id, WINDOW).await.expect("there is room again");
}

#[tokio::test]
async fn a_closed_ledger_says_so() {
    let (directory, ledger) = open(TraceRetention::default());
    let tid = Tid::fresh();
    ledger.keep(step(&tid, Timestamp::now(), "1"));
    ledger.close().await;
    ledger.close().await;
    let answer = ledger.has_handled(&plugin("pheidi"), &MessageId::fresh(), WINDOW).await;
    assert_eq!(answer, Err(LedgerError("it is closed".into())));
    ledger.keep(step(&tid, Timestamp::now(), "2"));
    assert_eq!(ledger.dropped(), 1);

    let again = Ledger::open(directory.path().join("ledger.db"), TraceRetention::default()).expect("it let go");
    assert_eq!(versions(&again, &tid).await, ["1"]);
}

fn live(plugin: &str, digest: &str, instead: Option<&str>) -> Turn {
    let version = |digest: &str| FileVersion { text: "1".into(), sha256: digest.into() };
    let became = Became::Live { version: version(digest), instead: instead.map(version), by: None, again: false };
    turn(plugin, became)
}

fn turn(plugin: &str, became: Became) -> Turn {
    Turn { time: Timestamp::now(), plugin: Some(plugin.into()), file: format!("{plugin}.wasm"), became }
}

fn refused(plugin: &str) -> Turn {
    turn(plugin, Became::Refused { sha256: None, reason: "it is bad".into(), still_live: None })
}

async fn entered(ledger: &Ledger, turns: impl IntoIterator<Item = Turn>) -> Vec<Turn> {
    for turn in turns {
        ledger.enter(turn, 3).await.expect("entered");
    }
    ledger.turns(None, 100).await.expect("reads")
}

#[tokio::test]
async fn a_version_that_was_live_before_the_host_started_is_live_again() {
    let (directory, ledger) = open(TraceRetention::default());
    let turns = entered(&ledger, [live("a", "one", None), live("b", "two", None), refused("a")]).await;
    assert_eq!(turns.len(), 3);
    ledger.close().await;

    // What the host that starts now cannot know.
    let ledger = Ledger::open(directory.path().join("ledger.db"), TraceRetention::default()).expect("opens");
    entered(&ledger, [live("a", "one", None), live("b", "three", None)]).await;
    let of = async |name: &str| {
        let found = ledger.turns(Some(&name.parse().expect("legal")), 1).await.expect("reads");
        let [Turn { became: Became::Live { instead, again, .. }, .. }] = &found[..] else { panic!("{found:?}") };
        (instead.as_ref().map(|version| version.sha256.clone()), *again)
    };
    assert_eq!(of("a").await, (None, true));
    assert_eq!(of("b").await, (Some("two".into()), false));

    let gone = Became::Gone { version: FileVersion { text: "1".into(), sha256: "one".into() } };
    entered(&ledger, [turn("a", gone), live("a", "one", None)]).await;
    assert_eq!(of("a").await, (None, false), "it was gone in between");
}

#[tokio::test]
async fn i8_the_audit_log_is_bounded_and_bad_files_take_nothing_of_what_went_live() {
    let (_directory, ledger) = open(TraceRetention::default());
    entered(&ledger, ["1", "2", "3", "4"].map(|digest| live("a", digest, Some("0")))).await;
    let turns = entered(&ledger, (0..20).map(|_| refused("b"))).await;
    let kept = |turn: &Turn| match &turn.became {
        Became::Live { version, .. } => version.sha256.clone(),
        _ => "refused".into(),
    };
    assert_eq!(turns.iter().map(kept).collect::<Vec<_>>(), ["2", "3", "4", "refused", "refused", "refused"]);
    assert_eq!(ledger.turns(None, 2).await.expect("reads"), turns[4..]);
}

#[tokio::test]
async fn a_file_from_before_there_was_an_audit_log_gets_one() {
    let (directory, ledger) = open(TraceRetention::default());
    ledger.writer.ask(|file| file.execute_batch("DROP TABLE turn")).await.expect("as it was");
    ledger.close().await;
    let ledger = Ledger::open(directory.path().join("ledger.db"), TraceRetention::default()).expect("opens");
    assert_eq!(entered(&ledger, [refused("a")]).await.len(), 1);
}
