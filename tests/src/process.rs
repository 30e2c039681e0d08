//! The real `leveret` as a process of its own, which can be stopped and killed.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::broker::TestBroker;
use crate::host::compile_cache;
use crate::wait::{PATIENCE, until};

/// A running `leveret up`. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    api: String,
    log: Log,
}

/// The lines that it logged so far.
type Log = Arc<Mutex<Vec<String>>>;

impl Process {
    /// Starts the host in a directory, whose `plugins` it follows, and waits until its API listens.
    pub fn start(directory: &Path, broker: &TestBroker) -> Self {
        Self::start_with(directory, &[broker.variables()])
    }

    /// Starts the host with these variables in its environment.
    ///
    /// # Panics
    /// If it does not start, with the log that it wrote.
    pub fn start_with(directory: &Path, variables: &[(&str, String)]) -> Self {
        Self::spawn(directory, variables, None)
    }

    /// The same for a host that runs for long: what it logs goes to a file, and [`Process::log`] has none of it.
    pub fn start_logging(directory: &Path, variables: &[(&str, String)], log: &Path) -> Self {
        Self::spawn(directory, variables, Some(File::create(log).expect("a file for the log")))
    }

    fn spawn(directory: &Path, variables: &[(&str, String)], file: Option<File>) -> Self {
        let mut child = command()
            .arg("up")
            .current_dir(directory)
            .env("LEVERET_ADMIN_ADDRESS", "127.0.0.1:0")
            .env("LEVERET_PLUGINS_CACHE", compile_cache())
            .envs(history(variables))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("leveret was built with the tests");
        let (log, address) = follow(child.stderr.take().expect("it is piped"), file);
        let process = |api| Self { child, api, log: log.clone() };
        match address.recv_timeout(PATIENCE) {
            Ok(address) => process(format!("http://{address}")),
            Err(_) => {
                drop(process(String::new()));
                panic!("leveret does not start: {}", lines(&log).join("\n"));
            }
        }
    }

    /// Where the HTTP API is.
    pub fn api(&self) -> &str {
        &self.api
    }

    /// What it logged so far, a line each.
    pub fn log(&self) -> Vec<String> {
        lines(&self.log)
    }

    /// Asks it to stop, as an operator's service manager does.
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(status.expect("every system has kill").success(), "the process is gone");
    }

    /// Ends it as a loss of power would.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is a child of this process");
        self.child.wait().expect("it is a child of this process");
    }

    /// Whether it has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is a child of this process").is_none()
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        until("its end", async || child.try_wait().expect("it is a child of this process")).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `leveret`, with none of the settings that the developer has in the environment.
pub fn command() -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEVERET_")) {
        command.env_remove(name);
    }
    command
}

/// `leveret` is beside this binary, or one directory up from where tests are.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("this binary has a path");
    let directory = own.parent().expect("a file is in a directory");
    let directory = if directory.ends_with("deps") { directory.parent().expect("deps is in one") } else { directory };
    directory.join("leveret")
}

/// At RabbitMQ an event that is kept counts as heard, and tests ask whether somebody listens.
fn history(variables: &[(&str, String)]) -> Option<(&'static str, &'static str)> {
    let at_rabbitmq = variables.iter().any(|(name, _)| *name == "LEVERET_BROKER_URL");
    at_rabbitmq.then_some(("LEVERET_HISTORY_ENABLED", "false"))
}

/// Reads a log to its end on a thread of its own, so that the process never waits for a reader. Tells the address of the
/// API once it is logged.
fn follow(stderr: ChildStderr, file: Option<File>) -> (Log, Receiver<String>) {
    let log = Log::default();
    let (sender, address) = channel();
    let written = log.clone();
    std::thread::spawn(move || read(stderr, file, &written, &sender));
    (log, address)
}

fn read(stderr: ChildStderr, mut file: Option<File>, log: &Log, address: &Sender<String>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let told = serde_json::from_str::<Value>(&line).unwrap_or_default();
        if let Some(told) = told["admin"].as_str() {
            // Nobody listens any more once it was told.
            let _ = address.send(told.to_owned());
        }
        match &mut file {
            // A full disk must not keep the host waiting; what is missing in the log is seen there.
            Some(file) => drop(writeln!(file, "{line}")),
            None => log.lock().unwrap_or_else(PoisonError::into_inner).push(line),
        }
    }
}

fn lines(log: &Log) -> Vec<String> {
    log.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
