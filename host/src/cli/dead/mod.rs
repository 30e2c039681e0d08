//! `leveret dead`: dead letters, looked at, retried, edited, discarded and exported.

mod edit;
mod look;
mod meant;
mod settle;

use clap::{Args, Subcommand};

use super::Output;
use super::api::Api;
use super::error::CliError;
use crate::config::Settings;

/// Messages that will not be tried again by themselves, each kept whole with its reason and its failures. Looked for in
/// the applications of the plugins that the running host knows; `--app` reaches any other.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret dead list --app pheidi --reason mailbox --since 2h
  leveret dead show 0198c0de
  leveret dead retry --app pheidi --reason mailbox --rate 50/s
  leveret dead edit 0198c0de
  leveret dead discard --event user.created --until 2026-01-01T00:00:00Z

A retried message keeps its id and TID, goes back to the queue that it came from, and has all of its attempts again. It is
a dead letter until it is safe there, so a command that is killed half-way loses nothing.")]
pub(super) struct Dead {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List dead letters. With --json, one a line.
    List(look::List),
    /// Show one dead letter, with every attempt, its headers and its body.
    Show(look::Show),
    /// Send dead letters back to the queues that they came from.
    Retry(settle::Retry),
    /// Give one dead letter a new body, and retry it.
    Edit(edit::Edit),
    /// Throw dead letters away.
    Discard(settle::Discard),
    /// Write dead letters out whole, as JSON, one a line. They stay.
    Export(look::Export),
}

impl Dead {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        let api = Api::new(settings);
        match self.what {
            What::List(list) => list.run(&api, output),
            What::Show(show) => show.run(&api, output),
            What::Retry(retry) => retry.run(&api, output),
            What::Edit(edit) => edit.run(&api, output),
            What::Discard(discard) => discard.run(&api, output),
            What::Export(export) => export.run(&api),
        }
    }
}
