//! `leveret history --export`: events whole, as lines of JSON.

use std::io::Write;
use std::path::Path;

use super::{list, walk};
use crate::cli::api::Api;
use crate::cli::error::CliError;
use crate::cli::output::{sink, written};
use crate::history::Filter;

pub(super) fn run(api: &Api, filter: &Filter, asked: Vec<(&str, String)>, file: &Path) -> Result<(), CliError> {
    let is_followed = asked.iter().any(|(name, value)| *name == "follow" && value == "true");
    let asked = [asked, vec![("whole", true.to_string())]].concat();
    let (mut out, mut number) = (sink(Some(file))?, 0_u64);
    let ended = walk::walk(api, filter, &asked, |event, _| {
        number += 1;
        let mut wrote = written(writeln!(out, "{}", list::json(&event)?))?;
        // Whoever follows waits for each line.
        if is_followed {
            wrote = wrote && written(out.flush())?;
        }
        Ok(wrote)
    });
    // What came before an error is worth having.
    let flushed = written(out.flush())?;
    ended?;
    if flushed && file != Path::new("-") {
        eprintln!("exported {number} events");
    }
    Ok(())
}
