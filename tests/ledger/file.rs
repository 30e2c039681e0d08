//! The file: the promises, and what only a file can show.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use leveret::ledger::{Ledger, OpenError, TraceRetention};
use tempfile::TempDir;

use super::*;

struct Directory {
    ledger: Arc<Ledger>,
    directory: TempDir,
}

impl Bench for Directory {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { ledger: open(&directory.path().join("ledger.db")), directory }
    }

    fn inbox(&self) -> &dyn Inbox {
        &*self.ledger
    }
}

inbox_for!(Directory);

fn open(file: &Path) -> Arc<Ledger> {
    Ledger::open(file, TraceRetention::default()).expect("opens")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_survives_reopening() {
    let Directory { ledger, directory } = Directory::new().await;
    let (handled, unhandled) = (MessageId::fresh(), MessageId::fresh());
    ledger.handled(&plugin("pheidi"), &send(), &handled, WINDOW).await.expect("recorded");
    ledger.hold(&send(), &unhandled, Some(held(1000))).await.expect("recorded");
    let file = directory.path().join("ledger.db");
    let error = Ledger::open(&file, TraceRetention::default()).expect_err("in use");
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    ledger.close().await;

    let ledger = open(&file);
    assert_eq!(ledger.has_handled(&plugin("pheidi"), &handled, WINDOW).await, Ok(true));
    assert_eq!(ledger.has_handled(&plugin("pheidi"), &unhandled, WINDOW).await, Ok(false));
    assert_eq!(ledger.held(&send(), &unhandled).await, Ok(Some(held(1000))));
}

/// Tells a child process of a test which file to work on.
const FILE: &str = "LEVERET_LEDGER_FILE";

#[tokio::test(flavor = "multi_thread")]
async fn i7_kill_9_forgets_nothing_recorded() {
    const RECORDED: &str = "recorded: ";
    if let Some(file) = std::env::var_os(FILE) {
        let ledger = open(Path::new(&file));
        loop {
            let id = MessageId::fresh();
            ledger
                .handled(&plugin("pheidi"), &send(), &id, Window { count: u64::MAX, ..WINDOW })
                .await
                .expect("recorded");
            // A whole line at once, so that a kill cannot leave half of it.
            std::io::stdout().write_all(format!("{RECORDED}{id}\n").as_bytes()).expect("somebody reads");
        }
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("ledger.db");
    let mut child = Command::new(std::env::current_exe().expect("this binary has a path"))
        .args(["ledger::file::i7_kill_9_forgets_nothing_recorded", "--exact", "--nocapture"])
        .env(FILE, &file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut recorded = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
        let line = line.expect("readable");
        recorded.extend(line.split_once(RECORDED).and_then(|(_, id)| MessageId::from_wire(id)));
        if recorded.len() == 1000 {
            child.kill().expect("killed");
        }
    }
    child.wait().expect("ended");
    assert!(recorded.len() >= 1000, "the child ended by itself after {}", recorded.len());
    let ledger = open(&file);
    let window = Window { count: u64::MAX, ..WINDOW };
    for id in recorded {
        assert_eq!(ledger.has_handled(&plugin("pheidi"), &id, window).await, Ok(true), "{id}");
    }
}
