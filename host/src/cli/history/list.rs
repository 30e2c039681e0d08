//! `leveret history list`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::meant::Meant;
use super::{export, walk};
use crate::cli::Output;
use crate::cli::api::Api;
use crate::cli::error::CliError;
use crate::cli::output::written;
use crate::cli::text::{moment, plain, short};
use crate::history::Entry;

/// How many events are listed unless asked otherwise.
const LIMIT: u64 = 100;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret history list --event user.authorized --limit 5
  leveret history list --from 1d --until 12h --export - | jq -c .payload")]
pub(super) struct List {
    #[command(flatten)]
    meant: Meant,
    /// The newest so many, at most 10,000 [default: 100; of an export: all].
    #[arg(long, value_name = "NUMBER", conflicts_with = "first")]
    limit: Option<u64>,
    /// The oldest so many instead.
    #[arg(long, value_name = "NUMBER")]
    first: Option<u64>,
    /// Go on with what comes.
    #[arg(long, conflicts_with = "first")]
    follow: bool,
    /// Write the events out whole, for `leveret history import`; `-` is standard output.
    #[arg(long, value_name = "FILE|-")]
    export: Option<PathBuf>,
}

impl List {
    pub(super) fn run(self, api: &Api, output: Output) -> Result<(), CliError> {
        let Self { meant, limit, first, follow, export } = self;
        let mut asked = vec![("follow", follow.to_string())];
        match (first, limit) {
            (Some(first), _) => asked.push(("first", first.to_string())),
            (None, None) if export.is_some() => {}
            (None, limit) => asked.push(("newest", limit.unwrap_or(LIMIT).to_string())),
        }
        let filter = meant.filter();
        if let Some(file) = export {
            return export::run(api, &filter, asked, &file);
        }
        let (mut out, mut number) = (io::stdout(), 0);
        let ended = walk::walk(api, &filter, &asked, |event, bar| {
            number += 1;
            let text = if output.json { json(&event)? } else { row(&event) };
            let head = if number == 1 && !output.json { head() + "\n" } else { String::new() };
            bar.suspend(|| written(writeln!(out, "{head}{text}")))
        })?;
        if output.json {
            return Ok(());
        }
        match (number, limit.or(first).unwrap_or(LIMIT)) {
            (0, _) => written(writeln!(out, "no events of {} that are kept", ended.walked.scanned)).map(drop),
            (number, limit) if number == limit && first.is_none() => {
                eprintln!(
                    "these are the newest {limit}; `--limit` shows more, and `leveret history count` counts them"
                );
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn json(event: &Entry) -> Result<String, CliError> {
    serde_json::to_string(event).map_err(|error| CliError::Failed(error.to_string()))
}

fn head() -> String {
    format!("{:20}  {:36}  {:36}  {:20}  {:>8}", "PUBLISHED", "ID", "EVENT", "BY", "BYTES")
}

fn row(event: &Entry) -> String {
    let (time, id, name) = (moment(event.time), plain(event.id.as_str()), event.name.as_str());
    let source = short(&event.source.as_deref().map_or_else(|| "-".into(), plain), 20);
    let bytes = event.bytes.unwrap_or_default();
    format!("{time:20}  {id:36}  {name:36}  {source:20}  {bytes:>8}")
}
