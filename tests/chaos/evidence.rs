//! What is needed to understand a failure: what is missing, and what the host's own logs say of it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::account::Missing;

/// How many of what is missing are told of in full, and how many lines of the log of each.
const SHOWN: usize = 8;
const LINES: usize = 12;

/// Tells on stderr what is missing, with every line of the logs that names it.
pub fn tell(missing: &[Missing], logs: &Path) {
    for lost in missing.iter().take(SHOWN) {
        let published = lost.published.map_or("never confirmed".to_owned(), |at| format!("{:.3} s", at.as_secs_f64()));
        eprintln!("LOST {} (published at {published}): {}", lost.id, lost.plugins.join(", "));
        for line in lines(logs, &lost.id) {
            eprintln!("    {line}");
        }
    }
    if missing.len() > SHOWN {
        eprintln!("and {} more", missing.len() - SHOWN);
    }
}

/// The last lines that name an id, each with the log that it is in.
fn lines(logs: &Path, id: &str) -> Vec<String> {
    // Quoted, so that one id is not found as the beginning of another.
    let quoted = format!("\"{id}\"");
    let mut files: Vec<_> = fs::read_dir(logs).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let Ok(log) = File::open(&file) else { continue };
        let life = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let lines = BufReader::new(log).lines().map_while(Result::ok).filter(|line| line.contains(&quoted));
        found.extend(lines.map(|line| format!("{life}: {line}")));
    }
    found.split_off(found.len().saturating_sub(LINES))
}
