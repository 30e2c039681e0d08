//! How the cases of a plugin went, for people and for programs.

use std::io::IsTerminal;
use std::path::PathBuf;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::cases::{Case, Difference, Side, Trial, Verdict};
use crate::cli::text::plain;
use crate::message::Receipt;
use crate::name::PluginId;
use crate::plugin::Version;

/// All cases of one run.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Report {
    pub plugin: PluginId,
    pub version: Version,
    pub file: PathBuf,
    pub cases: Vec<Tried>,
}

/// One case that was run.
#[derive(Debug)]
pub(in crate::cli) struct Tried {
    pub case: Case,
    pub trial: Trial,
    /// What came was written into the file.
    pub updated: bool,
}

impl Report {
    /// How many cases did not go as they are expected to.
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|tried| tried.status() == Status::Failed).count()
    }

    /// A line for each case, and all that is known of those that failed.
    pub fn human(&self) -> String {
        let paint = Paint::of_standard_output();
        let width = self.cases.iter().map(|tried| tried.case.name.chars().count()).max().unwrap_or_default();
        let mut text = format!("{} {}  {}\n\n", self.plugin, self.version, self.file.display());
        for tried in &self.cases {
            text += &tried.human(width, paint);
        }
        text + &format!("\n{}\n", self.summary())
    }

    /// One line about all of them.
    pub fn summary(&self) -> String {
        let count = |status| self.cases.iter().filter(|tried| tried.status() == status).count();
        let cases = if self.cases.len() == 1 { "case" } else { "cases" };
        let updated = Some(count(Status::Updated)).filter(|updated| *updated > 0);
        let updated = updated.map(|updated| format!(", {updated} updated")).unwrap_or_default();
        let (passed, failed) = (count(Status::Passed), count(Status::Failed));
        format!("{} {cases}: {passed} passed, {failed} failed{updated}", self.cases.len())
    }
}

/// How a case went, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Passed,
    Failed,
    Updated,
}

impl Tried {
    fn status(&self) -> Status {
        match &self.trial.verdict {
            _ if self.updated => Status::Updated,
            Verdict::Passed => Status::Passed,
            Verdict::Failed(_) | Verdict::Open | Verdict::Impossible(_) => Status::Failed,
        }
    }

    fn reason(&self) -> Option<&str> {
        match &self.trial.verdict {
            Verdict::Passed => None,
            Verdict::Failed(_) => Some("something else came of it than is expected"),
            Verdict::Open => Some("it expects nothing yet; `--update` writes what came"),
            Verdict::Impossible(reason) => Some(reason),
        }
    }

    fn human(&self, width: usize, paint: Paint) -> String {
        let name = format!("{:width$}", self.case.name);
        let cost = self.trial.receipt.as_ref().map(cost).unwrap_or_default();
        let (status, colour) = match self.status() {
            Status::Passed => ("ok     ", Colour::Green),
            Status::Updated => ("updated", Colour::Yellow),
            Status::Failed => ("FAILED ", Colour::Red),
        };
        let mut text = format!("{} {name}  {cost}", paint.colour(status, colour)).trim_end().to_owned() + "\n";
        if self.status() == Status::Failed {
            text += &self.details(paint);
        }
        text
    }

    fn details(&self, paint: Paint) -> String {
        let mut text = format!("        {}\n", plain(self.reason().unwrap_or_default()));
        match (&self.trial.verdict, &self.trial.came) {
            (Verdict::Failed(difference), _) => text += &drawn(difference, paint),
            (Verdict::Open, Some(came)) => {
                text.extend(came.canonical().lines().map(|line| format!("          {}\n", plain(line))));
            }
            _ => {}
        }
        if !self.trial.log.is_empty() {
            text += "        what it wrote:\n";
        }
        for line in &self.trial.log {
            text.extend(line.text.lines().map(|words| format!("          {:5} {}\n", line.level, plain(words))));
        }
        text
    }
}

impl Serialize for Tried {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { case, trial, .. } = self;
        let mut tried = serializer.serialize_struct("Tried", 8)?;
        tried.serialize_field("name", &case.name)?;
        tried.serialize_field("file", &case.file)?;
        tried.serialize_field("status", &self.status())?;
        tried.serialize_field("reason", &self.reason())?;
        tried.serialize_field("expected", &case.expect)?;
        tried.serialize_field("came", &trial.came)?;
        tried.serialize_field("receipt", &trial.receipt)?;
        tried.serialize_field("log", &trial.log)?;
        tried.end()
    }
}

fn drawn(difference: &Difference, paint: Paint) -> String {
    let line = |(side, line): (Side, String)| {
        let line = plain(&line);
        let line = match side {
            Side::Expected => paint.colour(&line, Colour::Red),
            Side::Came => paint.colour(&line, Colour::Green),
            Side::Both => line,
        };
        format!("          {line}\n")
    };
    let legend = [(Side::Expected, "- expected".to_owned()), (Side::Came, "+ came".to_owned())];
    legend.into_iter().chain(difference.lines()).map(line).collect()
}

/// What a delivery cost, in a few words.
pub(in crate::cli) fn cost(receipt: &Receipt) -> String {
    let Receipt { wasm_time, host_time, peak_memory, bytes_in, bytes_out, .. } = receipt;
    let (wasm_time, host_time, peak_memory) = (wasm_time.as_micros(), host_time.as_micros(), peak_memory / 1024);
    format!("{wasm_time:>7} µs  {host_time:>5} µs host  {peak_memory:>6} KiB  {bytes_in} B in  {bytes_out} B out")
}

/// Whether to use colours.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Paint(bool);

#[derive(Debug, Clone, Copy)]
pub(in crate::cli) enum Colour {
    None = 0,
    Red = 31,
    Green = 32,
    Yellow = 33,
    Blue = 34,
}

impl Paint {
    /// Colours on a terminal only, and there unless `NO_COLOR` is set.
    pub(in crate::cli) fn of_standard_output() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(std::io::stdout().is_terminal() && !unwanted)
    }

    pub(in crate::cli) fn colour(self, text: &str, colour: Colour) -> String {
        if self.0 { format!("\x1b[{}m{text}\x1b[0m", colour as u8) } else { text.to_owned() }
    }
}
