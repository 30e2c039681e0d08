//! `leveret replay`: events of the past for one plugin, once more.

use clap::Args;

use super::Output;
use super::api::Api;
use super::error::CliError;
use super::history::{Meant, show};
use super::text::bar;
use crate::broker::Offset;
use crate::config::Settings;
use crate::history::{Replay as Order, ReplayProgress, Replayed};
use crate::name::PluginId;

/// Each event that the plugin subscribes to is put into its own queue once more, in order, as fast as `history.pace` allows,
/// with the header `leveret-replayed`. No other plugin gets it.
///
/// An event keeps its id, so the plugin's host drops those that it knows it has handled: as far back as
/// `delivery.deduplication.window` and `count` reach. What is older is handled again, and what it makes has the ids that it
/// had then. With --again each event has an id of its own, and everything is handled and made anew.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret replay --to statistics --from 2026-01-31 --event org.payment.processed
  leveret replay --to pheidi/receipts --where /customer/id=42 --again
  leveret replay --to statistics --all --dry-run

With --json it prints how it comes along, one JSON a line. It may be interrupted at any time: the bar and the host's log say
at which place, and --from-offset goes on there.")]
pub(super) struct Replay {
    /// The plugin, `app` or `app/plugin`.
    #[arg(long, value_name = "PLUGIN")]
    to: PluginId,
    #[command(flatten)]
    meant: Meant,
    /// Mean all of the history.
    #[arg(long)]
    all: bool,
    /// Have everything handled again, under fresh ids.
    #[arg(long)]
    again: bool,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Go on at this place of the history.
    #[arg(long, value_name = "PLACE")]
    from_offset: Option<u64>,
}

impl Replay {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        let Self { to, meant, all, again, dry_run, from_offset } = self;
        let from_offset = from_offset.map(Offset);
        let order = Order { to, filter: meant.filter(), all, again, dry_run, from_offset };
        order.check().map_err(|error| CliError::Usage(error.to_string()))?;
        let Replayed { run, replayed, walked } = follow(&Api::new(settings), output, &order)?;
        if !output.json {
            let (what, scanned, to) =
                (if dry_run { "would be replayed" } else { "replayed" }, walked.scanned, &order.to);
            println!("{replayed} {what} to {to}, of {scanned} events looked at");
            if !dry_run && replayed > 0 {
                println!("each has the header leveret-replayed: {run}");
            }
        }
        Ok(())
    }
}

/// Has an order carried out, and shows how it comes along: on a terminal as a bar, with `--json` line by line.
fn follow(api: &Api, output: Output, order: &Order) -> Result<Replayed, CliError> {
    let bar = bar("{bar:30} {percent}% of what is kept, {msg}");
    let mut place = None;
    let goes_on =
        |place: Option<Offset>| place.map_or_else(String::new, |at| format!("; `--from-offset {at}` goes on"));
    for line in api.order_lines("/replay", order)? {
        let line = line.map_err(|error| CliError::Unreachable(format!("{error}{}", goes_on(place))))?;
        let progress = serde_json::from_str(&line).map_err(|error| CliError::Failed(error.to_string()))?;
        if output.json {
            bar.suspend(|| println!("{line}"));
        }
        match progress {
            ReplayProgress::Walked(replayed) => {
                show(&bar, replayed.walked);
                place = Some(replayed.walked.place);
            }
            ReplayProgress::Ended(replayed) => {
                bar.finish_and_clear();
                return Ok(replayed);
            }
            ReplayProgress::Failed { error } => {
                bar.finish_and_clear();
                return Err(CliError::Failed(format!("{error}{}", goes_on(place))));
            }
        }
    }
    bar.finish_and_clear();
    Err(CliError::Unreachable(format!("the host broke off{}", goes_on(place))))
}
