//! Where answers that are long are written to.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use super::error::CliError;

/// Whether it was written; not if whoever reads has read enough, as `head` does.
pub(super) fn written(written: io::Result<()>) -> Result<bool, CliError> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(CliError::Failed(error.to_string())),
    }
}

/// A new file; standard output where none is named, or `-`.
pub(super) fn sink(file: Option<&Path>) -> Result<Box<dyn Write>, CliError> {
    let Some(file) = file.filter(|file| *file != Path::new("-")) else {
        return Ok(Box::new(BufWriter::new(io::stdout().lock())));
    };
    let unwritable = |error| CliError::Usage(format!("{} cannot be written: {error}", file.display()));
    Ok(Box::new(BufWriter::new(File::create(file).map_err(unwritable)?)))
}
