//! `leveret history import`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::Output;
use crate::cli::api::Api;
use crate::cli::error::CliError;
use crate::cli::text::{bar, plain};
use crate::history::{Imported, RefusedLine};

/// How many lines, and bytes of them, are handed to the host at a time: one line more than the bytes at the most.
const LINES: u64 = 500;
const BYTES: usize = 1 << 20;
/// The longest line, in bytes.
const LONGEST: usize = 64 << 20;
/// How many refused lines are told one by one.
const TOLD: usize = 100;

/// Each event keeps its id: one that is imported twice is there twice, and a plugin that it is replayed to handles it once,
/// as far back as it knows duplicates (`delivery.deduplication`).
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret history import payments.ndjson
  zcat old.ndjson.gz | leveret history import -

A line is as `leveret history --export` writes it; `leveret history --help` says what is in it. At the least:
  {\"name\": \"org.payment.processed\", \"id\": \"p-1\", \"time\": 1769860800000, \"payload\": {\"amount\": 5}}")]
pub(super) struct Import {
    /// The events, one a line; `-` reads standard input.
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Begin with this line: where an import broke off, it says how far it came.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    from_line: u64,
}

impl Import {
    pub(super) fn run(self, api: &Api, output: Output) -> Result<(), CliError> {
        let Self { file, from_line } = self;
        let (source, size) = open(&file)?;
        let bar = match size {
            Some(size) => {
                let bar = bar("{bar:30} {bytes}/{total_bytes}, {msg}");
                bar.set_length(size);
                bar
            }
            None => bar("{bytes}, {msg}"),
        };
        let (mut lines, mut total, mut refused) = (Lines::new(source), Imported::default(), 0_u64);
        while let Some(batch) = lines.batch(from_line)? {
            let Batch { first, text } = batch;
            let imported: Imported = api.hand_in("/history", &text).map_err(|error| broke_off(error, first))?;
            total.imported += imported.imported;
            for RefusedLine { line, error } in imported.refused {
                let line = first + line - 1;
                if total.refused.len() < TOLD {
                    bar.suspend(|| eprintln!("line {line}: {}", plain(&error)));
                    total.refused.push(RefusedLine { line, error });
                }
                refused += 1;
            }
            bar.set_position(lines.bytes);
            bar.set_message(format!("{} events", total.imported));
        }
        bar.finish_and_clear();
        output.answer(&total, || {
            format!("{} events imported; no subscription gets them, unless they are replayed", total.imported)
        })?;
        if refused == 0 { Ok(()) } else { Err(CliError::Failed(format!("{refused} lines were not imported"))) }
    }
}

fn open(file: &Path) -> Result<(Box<dyn BufRead>, Option<u64>), CliError> {
    if file == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let unreadable = |error| CliError::Usage(format!("{} is not readable: {error}", file.display()));
    let source = File::open(file).map_err(unreadable)?;
    let size = source.metadata().map_err(unreadable)?.len();
    Ok((Box::new(BufReader::new(source)), Some(size)))
}

fn broke_off(error: CliError, line: u64) -> CliError {
    let told = format!("{error}; everything before line {line} is imported: `--from-line {line}` goes on");
    match error {
        CliError::Unreachable(_) => CliError::Unreachable(told),
        _ => CliError::Failed(told),
    }
}

/// Some lines, and the number of the first, from 1.
struct Batch {
    first: u64,
    text: Vec<u8>,
}

/// The lines of a source, a batch at a time.
struct Lines {
    source: Box<dyn BufRead>,
    /// Lines and bytes behind.
    read: u64,
    bytes: u64,
}

impl Lines {
    fn new(source: Box<dyn BufRead>) -> Self {
        Self { source, read: 0, bytes: 0 }
    }

    /// The next lines, beginning with this one at the earliest.
    fn batch(&mut self, from_line: u64) -> Result<Option<Batch>, CliError> {
        let (mut first, mut text) = (None, Vec::new());
        while text.len() < BYTES && first.is_none_or(|first| self.read - first + 1 < LINES) {
            let before = text.len();
            let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
            let read = self.source.by_ref().take(limit).read_until(b'\n', &mut text);
            let read = read.map_err(|error| CliError::Failed(format!("the lines are not readable: {error}")))?;
            if read == 0 {
                break;
            }
            self.read += 1;
            self.bytes += read as u64;
            if read == LONGEST {
                return Err(CliError::Usage(format!("line {} is longer than {LONGEST} bytes", self.read)));
            }
            if self.read < from_line {
                text.truncate(before);
            } else {
                first.get_or_insert(self.read);
            }
        }
        Ok(first.map(|first| Batch { first, text }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_handed_over_in_batches_that_know_their_numbers() {
        let text: String = (1..=1203).map(|number| format!("{number}\n")).collect();
        let mut lines = Lines::new(Box::new(io::Cursor::new(text.clone())));
        let mut told = Vec::new();
        while let Some(Batch { first, text }) = lines.batch(103).expect("readable") {
            let text = String::from_utf8(text).expect("UTF-8");
            assert_eq!(text.lines().next(), Some(first.to_string().as_str()));
            told.push((first, text.lines().count()));
        }
        assert_eq!(told, [(103, 500), (603, 500), (1103, 101)]);
        assert_eq!(lines.bytes, text.len() as u64);
    }
}
