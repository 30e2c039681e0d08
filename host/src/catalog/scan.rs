//! One look at the directory.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::exposure::Exposure;
use super::place::Place;
use super::trust::signature_of;
use crate::name::NameError;

/// What tells that a file or its signature changed, short of reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    file: Mark,
    /// `None` where there is none, or where none is looked at.
    signature: Option<Mark>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    size: u64,
    modified: Option<SystemTime>,
    /// The file's number on its disk, which a rename into place changes.
    inode: u64,
}

impl Stamp {
    pub(super) fn of(file: &Metadata, signature: Option<&Metadata>) -> Self {
        Self { file: Mark::of(file), signature: signature.map(Mark::of) }
    }
}

impl Mark {
    fn of(metadata: &Metadata) -> Self {
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
    /// Since it, or its signature, was last written.
    pub age: Duration,
}

/// What one look finds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Every plugin file in the directory and in the folders directly in it.
    pub found: Vec<Found>,
    /// What others than its owner can write of all that was looked at.
    pub exposed: Vec<Exposure>,
}

/// Looks at the directory, and at the signatures of its files if they matter. A directory that is missing is empty.
pub(super) fn scan(directory: &Path, signatures: bool) -> Scan {
    let mut scan = Scan::default();
    scan.expose(directory);
    for path in children(directory) {
        if path.is_dir() {
            scan.expose(&path);
            children(&path).into_iter().for_each(|path| scan.look_at(directory, path, signatures));
        } else {
            scan.look_at(directory, path, signatures);
        }
    }
    scan
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

impl Scan {
    /// Sees whether others can write a directory or file.
    pub(super) fn expose(&mut self, path: &Path) {
        let metadata = fs::metadata(path).ok();
        self.exposed.extend(metadata.and_then(|metadata| Exposure::of(path, &metadata)));
    }

    /// Passes over what is no plugin, no regular file (a pipe would never end), or gone since.
    fn look_at(&mut self, directory: &Path, file: PathBuf, signatures: bool) {
        let Some(place) = file.strip_prefix(directory).ok().and_then(Place::read) else { return };
        let Some(metadata) = fs::metadata(&file).ok().filter(Metadata::is_file) else { return };
        let beside = signatures.then(|| signature_of(&file));
        let signature = beside.and_then(|path| fs::metadata(path).ok());
        self.exposed.extend(Exposure::of(&file, &metadata));
        let age = |metadata: &Metadata| metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
        let ages = [Some(&metadata), signature.as_ref()].into_iter().flatten().map(age);
        let age = ages.map(Option::unwrap_or_default).min().unwrap_or_default();
        self.found.push(Found { file, place, stamp: Stamp::of(&metadata, signature.as_ref()), age });
    }
}
