//! A real `leveret dev` at work in a project.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::process::command;
use crate::wait::PATIENCE;

/// `leveret dev`. It is killed when this is dropped.
pub struct Dev {
    pub child: Child,
    /// Where its HTTP API listens: host and port.
    pub address: String,
    lines: Receiver<(String, Instant)>,
}

impl Dev {
    /// Starts it in a project's folder, and waits until it watches.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start<N: AsRef<std::ffi::OsStr>, V: AsRef<std::ffi::OsStr>>(
        project: &Path,
        arguments: &[&str],
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut child = command()
            .arg("dev")
            .args(arguments)
            .current_dir(project)
            .env("LEVERET_ADMIN_ADDRESS", "127.0.0.1:0")
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("leveret was built with the tests");
        let output = child.stdout.take().expect("it is piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send((line, Instant::now())).map_err(drop))
        });
        let mut dev = Self { child, address: String::new(), lines };
        let (watching, _) = dev.line("watching ", PATIENCE);
        let address = watching.split("reaches ").nth(1).and_then(|rest| rest.split(';').next());
        dev.address = address.expect("it tells where it listens").to_owned();
        dev
    }

    /// Waits for a line that begins with this, and says when it came.
    ///
    /// # Panics
    /// If nothing comes for so long, with what came before.
    pub fn line(&self, beginning: &str, patience: Duration) -> (String, Instant) {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(patience) {
                Ok((line, came)) if line.starts_with(beginning) => return (line, came),
                Ok((line, _)) => seen.push(line),
                Err(_) => panic!("{beginning:?} did not come; what came is {seen:#?}"),
            }
        }
    }

    /// The next line, if one comes until then.
    ///
    /// # Errors
    /// If none comes, or none will ever come.
    pub fn next(&self, due: Instant) -> Result<(String, Instant), RecvTimeoutError> {
        self.lines.recv_timeout(due.saturating_duration_since(Instant::now()))
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
