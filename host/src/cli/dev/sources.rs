//! What the plugin is built from, and when it changes.
//!
//! As with the plugins directory, the files are the truth: what the system notifies only makes us look at once, and we
//! look now and then anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// How often the files are looked at even if nothing was notified.
const LOOK: Duration = Duration::from_secs(1);
/// How long nothing must happen before changes are whole: editors and version control write many files in a row.
const QUIET: Duration = Duration::from_millis(50);
/// How long changes in a row are waited for at the most.
const LONGEST: Duration = Duration::from_millis(500);
/// What builds make, and packages that others wrote. Hidden folders are none of it either.
const FOREIGN: [&str; 6] = ["target", "build", "node_modules", "dist", "__pycache__", "vendor"];
/// What toolchains write beside the sources.
const WRITTEN: [&str; 3] = ["Cargo.lock", "package-lock.json", "go.sum"];

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Something that the plugin may be built from.
    Sources,
    /// Nothing but cases.
    Cases,
}

/// When a file was written, and its size.
type Stamp = (Option<SystemTime>, u64);

/// The files of a project.
pub(super) struct Sources {
    directory: PathBuf,
    files: BTreeMap<PathBuf, Stamp>,
    watched: BTreeSet<PathBuf>,
    watcher: Option<RecommendedWatcher>,
    news: Arc<Notify>,
    /// When to look next, and since when there are news.
    due: Instant,
    since: Option<Instant>,
}

impl Sources {
    /// Takes the files as they are, and begins to watch them.
    pub(super) fn watch(directory: &Path) -> Self {
        let news = Arc::new(Notify::new());
        let told = news.clone();
        let tell = move |event: notify::Result<notify::Event>| {
            // Reading is no change.
            if !matches!(&event, Ok(event) if matches!(event.kind, EventKind::Access(_))) {
                told.notify_one();
            }
        };
        // Where the system gives no watch, looking now and then has to do.
        let watcher = notify::recommended_watcher(tell).ok();
        let due = Instant::now() + LOOK;
        let (files, watched) = Default::default();
        let mut sources = Self { directory: directory.into(), files, watched, watcher, news, due, since: None };
        sources.look();
        sources
    }

    /// Waits for the next change.
    pub(super) async fn changed(&mut self) -> Change {
        loop {
            tokio::select! {
                () = self.news.notified() => {
                    let now = Instant::now();
                    let since = *self.since.get_or_insert(now);
                    self.due = (now + QUIET).min(since + LONGEST);
                }
                () = sleep_until(self.due) => {
                    (self.due, self.since) = (Instant::now() + LOOK, None);
                    if let Some(change) = self.look() {
                        return change;
                    }
                }
            }
        }
    }

    /// What changed since the last look.
    fn look(&mut self) -> Option<Change> {
        let (mut files, mut folders) = (BTreeMap::new(), BTreeSet::new());
        collect(&self.directory, &mut files, &mut folders);
        if let Some(watcher) = &mut self.watcher {
            for folder in folders.difference(&self.watched) {
                // A folder that is gone already is looked at next time.
                let _ = watcher.watch(folder, RecursiveMode::NonRecursive);
            }
            self.watched = folders;
        }
        let differs = |one: &BTreeMap<PathBuf, Stamp>, other: &BTreeMap<PathBuf, Stamp>| -> Vec<PathBuf> {
            let differing = one.iter().filter(|(path, stamp)| other.get(*path) != Some(stamp));
            differing.map(|(path, _)| path.clone()).collect()
        };
        let mut changed = differs(&files, &self.files);
        changed.extend(differs(&self.files, &files));
        self.files = files;
        let cases = self.directory.join("cases");
        if changed.is_empty() {
            None
        } else if changed.iter().all(|path| path.starts_with(&cases)) {
            Some(Change::Cases)
        } else {
            Some(Change::Sources)
        }
    }
}

/// Every file that may matter, and every folder with such files. What cannot be read is not there.
fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, Stamp>, folders: &mut BTreeSet<PathBuf>) {
    folders.insert(folder.to_owned());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if name.starts_with('.') {
            continue;
        }
        if metadata.is_dir() {
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if !is_link && !FOREIGN.contains(&&*name) && !name.ends_with(".egg-info") {
                collect(&path, files, folders);
            }
        } else if !name.ends_with('~') && !WRITTEN.contains(&&*name) {
            files.insert(path, (metadata.modified().ok(), metadata.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_is_told_once_however_many_files_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            fs::write(path, text).expect("writable");
        };
        write("src/lib.rs", "1");
        let mut sources = Sources::watch(directory.path());
        for name in ["src/lib.rs", "src/more.rs", "Cargo.toml"] {
            write(name, "22");
        }
        assert_eq!(sources.changed().await, Change::Sources);
        for name in
            ["target/x.wasm", ".git/HEAD", "src/.lib.rs.swp", "src/lib.rs~", "node_modules/a/b.js", "Cargo.lock"]
        {
            write(name, "333");
        }
        assert_eq!(sources.look(), None);
        write("cases/first.json", "{}");
        assert_eq!(sources.changed().await, Change::Cases);
        write("cases/first.json", "{ }");
        fs::remove_file(directory.path().join("src/more.rs")).expect("it was there");
        assert_eq!(sources.changed().await, Change::Sources);
    }
}
