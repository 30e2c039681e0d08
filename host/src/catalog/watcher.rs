//! Tells that something in the directory changed, and what was renamed into place.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use super::scan::inode;

/// Watches a directory that may be missing, or be replaced by another of the same name.
pub(super) struct Watcher {
    directory: PathBuf,
    /// The directory that is being watched, to notice when another stands in its place.
    watched: Option<(u64, RecommendedWatcher)>,
    news: Arc<News>,
}

#[derive(Default)]
struct News {
    changed: Notify,
    renamed: Mutex<HashSet<PathBuf>>,
}

impl Watcher {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), watched: None, news: Arc::default() }
    }

    /// Begins to watch as soon as the directory is there. Without it, and where the system gives no watch, the catalog
    /// looks now and then all the same.
    pub(super) fn keep_watching(&mut self) {
        let Ok(metadata) = fs::metadata(&self.directory) else {
            self.watched = None;
            return;
        };
        let inode = inode(&metadata);
        if self.watched.as_ref().is_some_and(|(watched, _)| *watched == inode) {
            return;
        }
        match self.watch() {
            Ok(watcher) => self.watched = Some((inode, watcher)),
            Err(error) => tracing::debug!("{} is looked at, not watched: {error}", self.directory.display()),
        }
    }

    /// Waits for the next change.
    pub(super) async fn changed(&self) {
        self.news.changed.notified().await;
    }

    /// What was renamed into place since the last call. A rename is atomic, so such a file is whole.
    pub(super) fn renamed(&self) -> Vec<PathBuf> {
        self.news.renamed.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }

    fn watch(&self) -> notify::Result<RecommendedWatcher> {
        // The system reports absolute paths where it was given one, and the catalog compares paths: watch as given.
        let news = self.news.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if let Ok(Event { kind: EventKind::Modify(ModifyKind::Name(mode)), paths, .. }) = &event {
                let arrived = match mode {
                    RenameMode::To => paths.first(),
                    RenameMode::Both => paths.get(1),
                    _ => None,
                };
                news.renamed.lock().unwrap_or_else(PoisonError::into_inner).extend(arrived.cloned());
            }
            // Our own reading of the files is no news.
            if !matches!(&event, Ok(Event { kind: EventKind::Access(_), .. })) {
                news.changed.notify_one();
            }
        })?;
        watcher.watch(&self.directory, RecursiveMode::Recursive)?;
        Ok(watcher)
    }
}
