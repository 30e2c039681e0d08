//! Files that only their owner may read, in directories that only their owner may look into.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::path::Path;

/// Makes an empty file, and its directory, where there is none.
///
/// Only ever makes it, never opens one that exists: to close that again would drop the locks that a connection of this
/// process holds on it (SQLite, "How To Corrupt", 2.2).
pub fn make(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        let mut directory = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut directory, 0o700);
        directory.recursive(true).create(parent)?;
    }
    match writing().create_new(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Opens a file to write, privately where that makes it.
pub fn writing() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
