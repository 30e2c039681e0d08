//! `leveret dead list`, `show` and `export`: they change nothing.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use super::meant::{Meant, One};
use crate::cli::Output;
use crate::cli::api::{Api, path, query};
use crate::cli::error::CliError;
use crate::cli::output::{sink, written};
use crate::cli::text::{cost, headers, moment, plain, pretty, short};
use crate::dead::Report;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  leveret dead list --app pheidi --since 2h --json | jq -r .reason | sort | uniq -c")]
pub(super) struct List {
    #[command(flatten)]
    meant: Meant,
    /// At most so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: u64,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  leveret dead show 0198c0de")]
pub(super) struct Show {
    #[command(flatten)]
    one: One,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  leveret dead export --app pheidi --output letters.ndjson")]
pub(super) struct Export {
    #[command(flatten)]
    meant: Meant,
    /// At most so many [default: all].
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// Where to [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A last line that says that there are no more lines, and ought to be.
#[derive(Deserialize)]
struct Broken {
    error: String,
}

impl List {
    pub(super) fn run(self, api: &Api, output: Output) -> Result<(), CliError> {
        let limit = self.limit;
        let query = query(&self.meant.filter(None), &[("limit", limit.to_string())])?;
        let mut number = 0;
        let mut out = io::stdout().lock();
        for line in api.lines(&format!("/dead?{query}"))? {
            let line = whole(line?)?;
            if number == 0 && !output.json && !written(writeln!(out, "{}", head()))? {
                return Ok(());
            }
            number += 1;
            let text = if output.json { line } else { row(&report(&line)?) };
            if !written(writeln!(out, "{text}"))? {
                return Ok(());
            }
        }
        match number {
            0 if !output.json => written(writeln!(out, "no dead letters")).map(drop),
            _ if number == limit && !output.json => {
                eprintln!("these are the first {limit}; `--limit` shows more");
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Show {
    pub(super) fn run(self, api: &Api, output: Output) -> Result<(), CliError> {
        let letters = fetch(api, &self.one)?;
        output.answer(&letters, || letters.iter().map(human).collect::<Vec<_>>().join("\n"))
    }
}

impl Export {
    pub(super) fn run(self, api: &Api) -> Result<(), CliError> {
        let more = [("whole", "true".to_owned()), ("limit", self.limit.unwrap_or(u64::MAX).to_string())];
        let query = query(&self.meant.filter(None), &more)?;
        let lines = api.lines(&format!("/dead?{query}"))?;
        let mut out = sink(self.output.as_deref())?;
        let mut number = 0;
        for line in lines {
            let line = whole(line?)?;
            if !written(writeln!(out, "{line}"))? {
                return Ok(());
            }
            number += 1;
        }
        if written(out.flush())? && self.output.is_some() {
            eprintln!("exported {number} dead letters");
        }
        Ok(())
    }
}

/// Every letter of one id, whole.
pub(super) fn fetch(api: &Api, one: &One) -> Result<Vec<Report>, CliError> {
    api.fetch(&format!("{}?{}", path(&["dead", &one.id]), query(&one.without_id(), &[])?))
}

/// A line of a letter, unless it is the one that says that the list broke off.
fn whole(line: String) -> Result<String, CliError> {
    match serde_json::from_str::<Broken>(&line) {
        Ok(Broken { error }) => Err(CliError::Failed(error)),
        Err(_) => Ok(line),
    }
}

fn report(line: &str) -> Result<Report, CliError> {
    serde_json::from_str(line).map_err(|error| CliError::Failed(format!("the host says what is no letter: {error}")))
}

fn head() -> String {
    format!("{:20}  {:36}  {:20}  {:30}  {:>5}  REASON", "DIED", "ID", "PLUGIN", "NAME", "TRIED")
}

fn row(letter: &Report) -> String {
    let died = letter.time.map_or_else(|| "?".into(), moment);
    let (id, name) = (plain(letter.id.as_str()), letter.subject.as_str());
    let (plugin, tried) = (owner(letter), letter.attempt.number());
    let reason = short(&plain(&letter.reason), 80);
    format!("{died:20}  {id:36}  {plugin:20}  {name:30}  {tried:>5}  {reason}")
}

fn owner(letter: &Report) -> String {
    letter.plugin.as_ref().map_or_else(|| format!("{} (?)", letter.app), ToString::to_string)
}

fn human(letter: &Report) -> String {
    let mut text = format!("id         {}\n", plain(letter.id.as_str()));
    text += &format!("tid        {}\n", plain(letter.tid.as_str()));
    text += &format!("name       {}\n", letter.subject);
    text += &format!("plugin     {}\n", owner(letter));
    let source = letter.source.as_ref().map_or_else(String::new, |source| format!(" by {}", plain(source)));
    text += &format!("published  {}{source}\n", moment(letter.published));
    text += &format!("died       {}\n", letter.time.map_or_else(|| "?".into(), moment));
    text += &format!("reason     {}\n", plain(&letter.reason));
    if let Some(key) = &letter.key {
        text += &format!("key        {}\n", plain(key));
    }
    text += "attempts\n";
    for failure in &letter.attempts {
        let (time, version, reason) = (moment(failure.time), plain(&failure.version), plain(&failure.reason));
        let (took, cost) = (failure.receipt.time, cost(&failure.receipt));
        text += &format!("  {:>3}  {time}  {version}  in {took:?}{cost}: {reason}\n", failure.attempt);
    }
    text += &letter.headers.as_ref().map(headers).unwrap_or_default();
    let (bytes, body) = (letter.bytes, body(letter));
    text + &format!("body, {bytes} bytes\n{body}\n")
}

fn body(letter: &Report) -> String {
    match (&letter.body, &letter.text) {
        (Some(json), _) => pretty(json.get()),
        (None, Some(text)) => plain(text),
        (None, None) => "(no text; `leveret dead export` writes its bytes)".into(),
    }
}
