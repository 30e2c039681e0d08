//! `leveret dead retry` and `discard`, with their progress.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;

use super::meant::Meant;
use crate::cli::Output;
use crate::cli::api::Api;
use crate::cli::argument::beginning;
use crate::cli::error::CliError;
use crate::cli::text::{bar, plain};
use crate::dead::{Fate, Order, Progress, Rate, Tally};

#[derive(Debug, Args)]
struct Which {
    /// The message's id, or as much of its beginning as no other has.
    #[arg(value_name = "ID", value_parser = beginning)]
    id: Option<String>,
    #[command(flatten)]
    meant: Meant,
    /// Mean every dead letter.
    #[arg(long)]
    all: bool,
    /// At most so many.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    /// So fast at the most: 50/s, 10/min or 100/h.
    #[arg(long)]
    rate: Option<Rate>,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret dead retry 0198c0de
  leveret dead retry --plugin pheidi --since 2h --rate 50/s
  leveret dead retry --all --dry-run

With --json it prints how it comes along, one JSON a line. It may be interrupted at any time.")]
pub(super) struct Retry {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret dead discard 0198c0de
  leveret dead discard --app pheidi --until 2026-01-01T00:00:00Z --yes

`leveret dead export` keeps a copy.")]
pub(super) struct Discard {
    #[command(flatten)]
    which: Which,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

impl Which {
    fn order(self) -> Result<Order, CliError> {
        let Self { id, meant, all, limit, rate, dry_run } = self;
        let order = Order { filter: meant.filter(id), all, limit, rate, dry_run, body: None };
        order.check().map_err(|error| CliError::Usage(error.to_string()))?;
        Ok(order)
    }
}

impl Retry {
    pub(super) fn run(self, api: &Api, output: Output) -> Result<(), CliError> {
        retry(api, output, &self.which.order()?)
    }
}

pub(super) fn retry(api: &Api, output: Output, order: &Order) -> Result<(), CliError> {
    let tally = settle(api, output, order, Fate::Retry)?;
    say(output, if order.dry_run { "would be retried" } else { "retried" }, tally);
    match tally.skipped {
        0 => Ok(()),
        _ if order.dry_run => Ok(()),
        skipped => Err(CliError::Failed(format!("{skipped} that were meant are dead letters still"))),
    }
}

impl Discard {
    pub(super) fn run(self, api: &Api, output: Output) -> Result<(), CliError> {
        let Self { which, yes } = self;
        let mut order = which.order()?;
        if !yes && !order.dry_run {
            if !std::io::stdin().is_terminal() {
                return Err(CliError::Usage("what is discarded is gone for good: say `--yes`".into()));
            }
            order.dry_run = true;
            let Tally { done, .. } = settle(api, Output { json: false }, &order, Fate::Discard)?;
            if done == 0 || !is_agreed(&format!("Discard {done} dead letters for good? [y/N] "))? {
                say(output, "discarded", Tally::default());
                return Ok(());
            }
            order.dry_run = false;
        }
        let tally = settle(api, output, &order, Fate::Discard)?;
        say(output, if order.dry_run { "would be discarded" } else { "discarded" }, tally);
        match tally.skipped {
            0 => Ok(()),
            skipped => Err(CliError::Failed(format!("{skipped} that were meant are dead letters still"))),
        }
    }
}

fn is_agreed(question: &str) -> Result<bool, CliError> {
    let failed = |error: std::io::Error| CliError::Failed(error.to_string());
    eprint!("{question}");
    std::io::stderr().flush().map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Has an order carried out, and shows how it comes along: on a terminal as a bar, with `--json` line by line.
fn settle(api: &Api, output: Output, order: &Order, fate: Fate) -> Result<Tally, CliError> {
    let path = match fate {
        Fate::Retry => "/dead/retry",
        Fate::Discard => "/dead/discard",
    };
    let bar = bar("{bar:30} {pos}/{len} letters, {per_sec}  {msg}");
    let mut tally = Tally::default();
    for line in api.order_lines(path, order)? {
        let line = line?;
        let progress = serde_json::from_str(&line).map_err(|error| CliError::Failed(error.to_string()))?;
        if output.json {
            bar.suspend(|| println!("{line}"));
        }
        match progress {
            Progress::Begun { total } => bar.set_length(total),
            Progress::Walked { walked } => bar.set_position(walked),
            Progress::Done(_) => {
                tally.done += 1;
                bar.set_message(format!("{} of them meant", tally.done + tally.skipped));
            }
            Progress::Skipped { letter, why } => {
                tally.skipped += 1;
                let (id, name) = (plain(letter.id.as_str()), plain(&letter.name));
                bar.suspend(|| eprintln!("{id} ({name}) stays: {}", plain(&why)));
            }
            Progress::Ended(tally) => {
                bar.finish_and_clear();
                return Ok(tally);
            }
            Progress::Failed { error } => {
                bar.finish_and_clear();
                return Err(CliError::Failed(format!("{error} ({} were dealt with before)", tally.done)));
            }
        }
    }
    bar.finish_and_clear();
    let done = tally.done;
    Err(CliError::Unreachable(format!("the host broke off after {done}; the rest are dead letters still")))
}

fn say(output: Output, what: &str, tally: Tally) {
    if !output.json {
        println!("{} {what}, {} stay, of {} looked at", tally.done, tally.skipped, tally.walked);
    }
}
