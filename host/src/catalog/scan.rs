//! One look at the directory.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::place::Place;
use crate::name::NameError;

/// What tells that a file changed, short of reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
    /// The file's number on its disk, which a rename into place changes.
    inode: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: metadata.modified().ok(), inode: inode(metadata) }
    }
}

/// The number of a file or directory on its disk; 0 where the system has none.
#[cfg(unix)]
pub(super) fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
pub(super) fn inode(_: &Metadata) -> u64 {
    0
}

/// A file that is, or wants to be, a plugin.
#[derive(Debug)]
pub(super) struct Found {
    pub file: PathBuf,
    pub place: Result<Place, NameError>,
    pub stamp: Stamp,
    /// Since it was last written.
    pub age: Duration,
}

/// Every plugin file in the directory and in the folders directly in it. A directory that is missing is empty.
pub(super) fn scan(directory: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    for path in children(directory) {
        if path.is_dir() {
            found.extend(children(&path).into_iter().filter_map(|path| look_at(directory, path)));
        } else {
            found.extend(look_at(directory, path));
        }
    }
    found
}

fn children(directory: &Path) -> Vec<PathBuf> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect(),
        Err(error) => {
            tracing::trace!("{} is not readable: {error}", directory.display());
            Vec::new()
        }
    }
}

/// `None` where it is no plugin, no regular file (a pipe would never end), or gone since.
fn look_at(directory: &Path, file: PathBuf) -> Option<Found> {
    let place = Place::read(file.strip_prefix(directory).ok()?)?;
    let metadata = fs::metadata(&file).ok().filter(Metadata::is_file)?;
    let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok()).unwrap_or_default();
    Some(Found { file, place, stamp: Stamp::of(&metadata), age })
}
