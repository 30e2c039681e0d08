//! The host under test: a real process that is started, stopped and killed, with a log for each of its lives.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use leveret_tests::guests;
use leveret_tests::host::put;
use leveret_tests::http;
use leveret_tests::process::{self, Process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::account::Account;
use crate::scenario::{CONTROL, PUPPETS};

/// How long the host may take until it listens to every queue.
const READY: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(50);

/// The host, alive or not.
pub struct Host {
    directory: TempDir,
    variables: Vec<(&'static str, String)>,
    process: Mutex<Option<Process>>,
    api: watch::Sender<Option<String>>,
    lives: AtomicU32,
    /// When each life ended of which there is a log.
    logs: Mutex<Vec<(PathBuf, Duration)>>,
    account: Arc<Account>,
}

impl Host {
    /// Lays its directory out. It is not started yet.
    pub fn new(settings: &str, variables: Vec<(&'static str, String)>, account: Arc<Account>) -> Arc<Self> {
        let directory = tempfile::Builder::new().prefix("leveret-chaos-").tempdir().expect("a temporary directory");
        fs::write(directory.path().join("leveret.toml"), settings).expect("written");
        fs::create_dir(directory.path().join("logs")).expect("a directory for logs");
        let (lives, api) = (AtomicU32::new(0), watch::Sender::new(None));
        let host =
            Self { directory, variables, process: Mutex::default(), api, lives, logs: Mutex::default(), account };
        for puppet in &PUPPETS {
            host.put(puppet.app, &guests::puppet_as(puppet.roles[0]));
        }
        host.put(CONTROL, &guests::bytes(CONTROL));
        Arc::new(host)
    }

    pub fn plugins(&self) -> PathBuf {
        self.directory.path().join("plugins")
    }

    pub fn logs(&self) -> PathBuf {
        self.directory.path().join("logs")
    }

    /// Renames a file into the place of a plugin.
    pub fn put(&self, app: &str, file: &[u8]) {
        put(&self.plugins(), &format!("{app}.wasm"), file);
    }

    /// Starts the process, and waits until its API listens.
    pub async fn start(&self) {
        let life = self.lives.fetch_add(1, Ordering::Relaxed);
        let (directory, variables) = (self.directory.path().to_owned(), self.variables.clone());
        let log = self.logs().join(format!("{life:05}.log"));
        let starting = tokio::task::spawn_blocking(move || Process::start_logging(&directory, &variables, &log));
        let process = starting.await.expect("it starts");
        self.api.send_replace(Some(process.api().to_owned()));
        *self.process() = Some(process);
    }

    /// Ends the process as a loss of power would, if it runs.
    pub fn kill(&self) {
        if let Some(mut process) = self.process().take() {
            self.api.send_replace(None);
            process.kill();
            drop(process);
            self.ended();
        }
    }

    /// Asks the process to stop, and waits for its end: it has to be a success (I11).
    pub async fn stop(&self) {
        let Some(mut process) = self.process().take() else { return };
        process.terminate();
        let status = process.ended().await;
        self.api.send_replace(None);
        if !status.success() {
            self.account.complain(format!("i11: the host was asked to stop and ended with {status}"));
        }
        self.ended();
    }

    /// Whether the process runs. One that ended unasked is complained of, and taken away.
    pub fn is_running(&self) -> bool {
        let mut process = self.process();
        let Some(running) = process.as_mut() else { return false };
        if running.is_running() {
            return true;
        }
        *process = None;
        self.api.send_replace(None);
        self.account.complain(format!("the host ended by itself in its life {}", self.lives()));
        false
    }

    /// How often it was started.
    pub fn lives(&self) -> u32 {
        self.lives.load(Ordering::Relaxed)
    }

    /// Where its API is, as long as it runs.
    pub fn api(&self) -> watch::Receiver<Option<String>> {
        self.api.subscribe()
    }

    /// What it answers to a question.
    pub async fn ask(&self, path: &str) -> Option<(u16, Value)> {
        let api = self.api.borrow().clone()?;
        http::get(&format!("{api}{path}")).await
    }

    /// Whether `leveret` has such a command.
    pub fn knows(&self, words: &[&str]) -> bool {
        let output = process::command().args(words).arg("--help").output();
        output.expect("leveret was built with the tests").status.success()
    }

    /// Runs a command of `leveret` against the running host. The error is what it said.
    pub async fn command(&self, words: &[&str]) -> Result<(), String> {
        let api = self.api.borrow().clone().unwrap_or_default();
        let mut command = process::command();
        command.args(words).current_dir(self.directory.path());
        command.env("LEVERET_ADMIN_ADDRESS", api.trim_start_matches("http://"));
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it does not panic");
        let output = output.expect("leveret was built with the tests");
        let said = || String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() { Ok(()) } else { Err(said()) }
    }

    /// Waits until it listens to every queue. Says whether it does; that it takes too long is complained of.
    pub async fn ready(&self) -> bool {
        let begun = Instant::now();
        let mut last = None;
        while begun.elapsed() < READY {
            match self.ask("/readyz").await {
                Some((200, _)) => return true,
                Some(answer) => last = Some(answer),
                None if !self.is_running() => return false,
                None => {}
            }
            tokio::time::sleep(LOOK).await;
        }
        self.account.complain(format!("the host is not ready after {READY:?}: {last:?}"));
        false
    }

    /// The newest log and those with a line that the account may still need; the rest is removed.
    pub fn forget_old_logs(&self) {
        let (settled, wrong) = (self.account.settled_until(), self.account.complaints().1 > 0);
        if wrong {
            return;
        }
        self.finished().retain(|(log, ended)| {
            let old = *ended + Duration::from_secs(30) < settled;
            if old {
                // One that stays is only in the way.
                let _ = fs::remove_file(log);
            }
            !old
        });
    }

    /// Keeps the directory after the run, and says where.
    pub fn keep(&self) -> PathBuf {
        let kept = std::env::temp_dir().join(format!("leveret-chaos-kept-{}", std::process::id()));
        let logs = kept.join("logs");
        let copied = fs::create_dir_all(&logs).and_then(|()| copy_files(&self.logs(), &logs));
        if let Err(error) = copied {
            eprintln!("the logs could not be kept: {error}");
        }
        kept
    }

    fn ended(&self) {
        let log = self.logs().join(format!("{:05}.log", self.lives() - 1));
        let since = self.account.begun().elapsed();
        self.finished().push((log, since));
    }

    fn finished(&self) -> std::sync::MutexGuard<'_, Vec<(PathBuf, Duration)>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn process(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
