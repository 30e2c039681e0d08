//! `leveret history`: events of the past.

mod export;
mod import;
mod list;
mod meant;
mod show;
mod totals;
mod walk;

use clap::{Args, Subcommand};

pub(super) use meant::Meant;
pub(super) use walk::show;

use super::Output;
use super::api::Api;
use super::error::CliError;
use crate::config::Settings;

/// Events are kept as `history` in the settings says: every one that a plugin subscribes to or announces, or that is
/// published through Leveret, and what is listed there.
///
/// An export has an event a line, as JSON: `name`, `id`, `tid`, `time` (milliseconds since 1970 UTC), `source`, `key`,
/// `headers`, and one of `payload` (JSON as it was published), `text` (other text, and JSON of several lines) and `binary`
/// (bytes). `offset`, `exchange`, `routing-key` and `bytes` say where it was, and are not imported.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Example:
  leveret history --event 'org.#' --from 2h
  leveret history --where /customer/id=42 --follow
  leveret history count --by event --from 2026-01-31
  leveret history --event org.payment.processed --export payments.ndjson
  leveret history import payments.ndjson"
)]
pub(super) struct History {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    list: list::List,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List events, the newest last; or write them out whole. With --json, one a line.
    List(list::List),
    /// Count events.
    Count(totals::Count),
    /// Show one event, with its headers and its payload.
    Show(show::Show),
    /// Put events into the history, from an export or a loader. No subscription gets them, unless they are replayed.
    Import(import::Import),
}

impl History {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        let api = Api::new(settings);
        match self.what.unwrap_or(What::List(self.list)) {
            What::List(list) => list.run(&api, output),
            What::Count(count) => count.run(&api, output),
            What::Show(show) => show.run(&api, output),
            What::Import(import) => import.run(&api, output),
        }
    }
}
