//! `leveret trace`: what caused what in one transaction.

mod tree;

use clap::Args;

use super::Output;
use super::api::{Api, path};
use super::argument::tid;
use super::error::CliError;
use crate::config::Settings;
use crate::ledger::Step;
use crate::message::Tid;

/// Shows which event caused which tasks caused which events, each with what became of it, how often it was tried, and
/// when, counted from the first. The host remembers a bounded number of deliveries, its own.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret trace 0198c0de-7a11-7000-8000-000000000000

The TID of an event is what `leveret publish` prints, and in every line of the log.")]
pub(super) struct Trace {
    /// The transaction ID.
    #[arg(value_parser = tid)]
    tid: Tid,
}

impl Trace {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        let steps: Vec<Step> = Api::new(settings).fetch(&path(&["trace", self.tid.as_str()]))?;
        if steps.is_empty() {
            return Err(CliError::Failed(format!(
                "nothing is known of the transaction {}: it is not this host's, or so long ago that it is forgotten; \
                 `leveret dead list --tid` looks for its dead letters",
                super::text::plain(self.tid.as_str())
            )));
        }
        let transaction = tree::Transaction::of(self.tid, &steps);
        output.answer(&transaction, || transaction.draw())
    }
}
