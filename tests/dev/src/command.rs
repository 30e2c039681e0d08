//! Starting other programs, with failures that name them.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};

use crate::failure::Failure;

/// A program to run. It never waits for input.
pub struct Program(Command);

impl Program {
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self(command)
    }

    /// Cargo as a person would call it. What the cargo that runs this program told it of its own package would make build
    /// scripts run again, and half of the libraries be built again.
    pub fn cargo() -> Self {
        let mut cargo = Self::new("cargo");
        let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(told)) {
            cargo.0.env_remove(name);
        }
        cargo
    }

    /// Adds arguments that have no spaces in them, as they would be typed.
    pub fn words(mut self, words: &str) -> Self {
        self.0.args(words.split_whitespace());
        self
    }

    pub fn arguments(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.0.args(arguments);
        self
    }

    pub fn argument(self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments([argument])
    }

    pub fn directory(mut self, directory: &Path) -> Self {
        self.0.current_dir(directory);
        self
    }

    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it with its output shown. It must succeed.
    pub fn run(mut self) -> Result<(), Failure> {
        let status = self.0.status().map_err(|error| self.not_started(error))?;
        if status.success() { Ok(()) } else { Err(self.failed(status.to_string(), String::new())) }
    }

    /// Runs it with its output kept, to be shown only if it fails. Returns what it printed.
    pub fn quietly(mut self) -> Result<String, Failure> {
        let Output { status, stdout, stderr } = self.0.output().map_err(|error| self.not_started(error))?;
        let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if status.success() { Ok(stdout) } else { Err(self.failed(status.to_string(), stderr + &stdout)) }
    }

    /// Runs it in place of this program: it has the terminal, and its exit code is ours.
    pub fn instead(mut self) -> Result<ExitCode, Failure> {
        self.0.stdin(Stdio::inherit());
        let status = self.0.status().map_err(|error| self.not_started(error))?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }

    /// Runs it, and shows each line that it prints as soon as it comes. It must succeed.
    pub fn each_line(mut self, mut look: impl FnMut(&str)) -> Result<(), Failure> {
        let mut child = self.0.stdout(Stdio::piped()).spawn().map_err(|error| self.not_started(error))?;
        for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).split(b'\n')) {
            let line = line.map_err(|error| self.not_started(error))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            look(&line);
        }
        let status = child.wait().map_err(|error| self.not_started(error))?;
        if status.success() { Ok(()) } else { Err(self.failed(status.to_string(), String::new())) }
    }

    fn written(&self) -> String {
        let words = std::iter::once(self.0.get_program()).chain(self.0.get_args()).map(OsStr::to_string_lossy);
        // A whole script as an argument would bury what a person looks for.
        let shown = words.map(|word| if word.contains('\n') { "…".into() } else { word });
        shown.collect::<Vec<_>>().join(" ")
    }

    fn not_started(&self, error: io::Error) -> Failure {
        Failure::Start { command: self.written(), error }
    }

    fn failed(&self, status: String, output: String) -> Failure {
        Failure::Status { command: self.written(), status, output }
    }
}

/// Whether a program is in the PATH.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
