//! A tool of a language, run with its output on standard error: standard output is for answers.

use std::io::stderr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::error::BuildError;

/// A tool, and what to do where it is missing.
pub(super) struct Program {
    command: Command,
    words: String,
    what: &'static str,
    remedy: &'static str,
}

impl Program {
    pub(super) fn new(program: impl AsRef<Path>, what: &'static str, remedy: &'static str) -> Self {
        let program = program.as_ref();
        Self { command: Command::new(program), words: program.display().to_string(), what, remedy }
    }

    pub(super) fn within(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    pub(super) fn arguments<T: AsRef<std::ffi::OsStr>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        for argument in arguments {
            self.words += &format!(" {}", argument.as_ref().display());
            self.command.arg(argument);
        }
        self
    }

    pub(super) fn variable(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end.
    pub(super) fn run(mut self) -> Result<(), BuildError> {
        self.command.stdin(Stdio::null()).stdout(Stdio::from(stderr()));
        let status = self.command.status().map_err(|error| self.unstartable(&error))?;
        if status.success() { Ok(()) } else { Err(self.failed(status)) }
    }

    /// Runs it to its end and returns what it writes to standard output.
    pub(super) fn answer(mut self) -> Result<String, BuildError> {
        self.command.stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = self.command.output().map_err(|error| self.unstartable(&error))?;
        if !output.status.success() {
            return Err(self.failed(output.status));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether it is there and runs well, quietly.
    pub(super) fn works(mut self) -> bool {
        self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.command.status().is_ok_and(|status| status.success())
    }

    fn unstartable(&self, error: &std::io::Error) -> BuildError {
        if error.kind() == std::io::ErrorKind::NotFound {
            return BuildError::Missing { what: self.what.into(), remedy: self.remedy.into() };
        }
        BuildError::Failed { command: self.words.clone(), status: error.to_string() }
    }

    fn failed(&self, status: std::process::ExitStatus) -> BuildError {
        BuildError::Failed { command: self.words.clone(), status: status.to_string() }
    }
}
