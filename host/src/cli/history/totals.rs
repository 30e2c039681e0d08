//! `leveret history count`.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::meant::Meant;
use super::walk;
use crate::cli::Output;
use crate::cli::api::Api;
use crate::cli::error::CliError;
use crate::cli::text::table;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  leveret history count --from 1d --by event")]
pub(super) struct Count {
    #[command(flatten)]
    meant: Meant,
    /// For each name of events, as far as there are a thousand.
    #[arg(long)]
    by: Option<By>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Event,
}

impl Count {
    pub(super) fn run(self, api: &Api, output: Output) -> Result<(), CliError> {
        let mut asked = vec![("count", "true".to_owned())];
        if let Some(By::Event) = self.by {
            asked.push(("by", "event".to_owned()));
        }
        let ended = walk::walk(api, &self.meant.filter(), &asked, |_, _| Ok(true))?;
        let (matched, scanned) = (ended.walked.matched, ended.walked.scanned);
        let answer = match self.by {
            Some(By::Event) => json!({ "count": matched, "scanned": scanned, "events": ended.totals }),
            None => json!({ "count": matched, "scanned": scanned }),
        };
        output.answer(&answer, || {
            let mut totals: Vec<_> = ended.totals.iter().collect();
            totals.sort_by_key(|(_, total)| std::cmp::Reverse(**total));
            let rows: Vec<_> = totals.into_iter().map(|(name, total)| vec![total.to_string(), name.clone()]).collect();
            let table = if rows.is_empty() { String::new() } else { table(&["count", "event"], &rows) };
            format!("{table}{matched} events, of {scanned} looked at")
        })
    }
}
