//! The lines of a walk through the history, with a bar for whoever waits.

use indicatif::ProgressBar;

use crate::admin::{Ended, Line};
use crate::cli::api::{Api, query};
use crate::cli::error::CliError;
use crate::cli::text::bar;
use crate::history::{Entry, Filter, Walked};

/// Asks for events, and hands each over until the taker has enough. What was found, as far as that was told.
pub(super) fn walk(
    api: &Api,
    filter: &Filter,
    more: &[(&str, String)],
    mut take: impl FnMut(Entry, &ProgressBar) -> Result<bool, CliError>,
) -> Result<Ended, CliError> {
    let lines = api.lines(&format!("/history?{}", query(filter, more)?))?;
    let bar = bar("{bar:30} {percent}% of what is kept, {msg}");
    let mut ended = None;
    for line in lines {
        match read(&line?)? {
            Line::Event(event) => {
                if !take(*event, &bar)? {
                    bar.finish_and_clear();
                    return Ok(ended.unwrap_or_default());
                }
            }
            Line::Progress(walked) => show(&bar, walked),
            Line::Ended(end) => {
                bar.finish_and_clear();
                ended = Some(end);
            }
            Line::Error(error) => {
                bar.finish_and_clear();
                return Err(CliError::Failed(error));
            }
        }
    }
    bar.finish_and_clear();
    ended.ok_or_else(|| CliError::Unreachable("the host broke off; these are not all events".into()))
}

fn read(line: &str) -> Result<Line, CliError> {
    serde_json::from_str(line).map_err(|error| CliError::Failed(format!("the host says what is no event: {error}")))
}

/// Shows how far a walk has come.
pub(in crate::cli) fn show(bar: &ProgressBar, walked: Walked) {
    let Walked { scanned, matched, begin, place, end } = walked;
    if bar.is_finished() {
        return;
    }
    bar.set_length(end.0.saturating_sub(begin.0));
    bar.set_position(place.0.saturating_sub(begin.0));
    bar.set_message(format!("{matched} of {scanned} events meant, at place {place}"));
}
