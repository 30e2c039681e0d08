//! The plugins directory → which version of which plugin is live.
//!
//! The directory is the truth: whatever the watcher tells only makes the catalog look again, and it looks again by
//! itself now and then, so a lost notification loses nothing. `place` reads paths, `scan` reads the directory, `rest`
//! waits until a file is whole, `load` makes a version of it, `neighbours` compares
//! it with the others, and this file keeps what became of each.

mod load;
mod neighbours;
mod place;
mod rest;
mod scan;
mod watcher;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use load::{Limits, Loader};
pub use place::Place;

use crate::message::Timestamp;
use crate::name::PluginId;
use crate::plugin::{Description, Live, LiveSet, OUTSIDE_POOL, Refusal, Uses, Version};
use rest::Rest;
use scan::{Found, Stamp, scan};
use watcher::Watcher;

/// How often the directory is looked at even if nothing was notified.
const LOOK: Duration = Duration::from_secs(1);

/// Where plugins come from.
#[derive(Debug, Clone)]
pub struct CatalogOptions {
    pub directory: PathBuf,
    /// How long a written file must rest before it counts.
    pub rest: Duration,
}

/// What became of one file.
#[derive(Debug, Clone, Serialize)]
pub struct PluginStatus {
    pub plugin: Option<PluginId>,
    pub file: PathBuf,
    /// Since when the file, as it is now, has been compiled and described; the version before it, if there is one, is
    /// live meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loading_since: Option<Timestamp>,
    #[serde(flatten)]
    pub state: PluginState,
}

/// Where a file is in its life.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum PluginState {
    /// Seen; at rest or being compiled.
    Loading,
    /// It takes deliveries.
    Live {
        version: Version,
        description: Box<Description>,
        uses: Uses,
        /// Why the pool of memory cannot hold it, if it cannot. Each of its deliveries then takes longer to begin.
        #[serde(skip_serializing_if = "Option::is_none")]
        outside_pool: Option<String>,
    },
    /// It is not let in. The version before it, if there is one, goes on.
    Refused { reason: String, still_live: Option<Version> },
    /// It was replaced or removed, and its last deliveries have not ended yet.
    Draining { version: Version },
}

/// The files of a directory, and the versions that came of them.
pub struct Catalog {
    options: CatalogOptions,
    loader: Arc<Loader>,
    live: watch::Sender<Arc<LiveSet>>,
    entries: Mutex<BTreeMap<PathBuf, Entry>>,
    /// Versions that take no new deliveries. Whoever still holds one is a delivery in flight.
    draining: Mutex<Vec<(PathBuf, Weak<Live>)>>,
    /// Turns true once every file of the first look was dealt with.
    settled: watch::Sender<bool>,
}

/// What is known of one file.
#[derive(Debug, Default)]
struct Entry {
    place: Option<Place>,
    rest: Rest,
    /// What was loaded last, or is being loaded.
    loaded: Option<Stamp>,
    /// Since when it is being loaded, if it is.
    loading: Option<Timestamp>,
    refused: Option<Refusal>,
}

/// A load that ended.
struct Loaded {
    file: PathBuf,
    outcome: Result<Live, Refusal>,
}

impl Catalog {
    pub fn new(options: CatalogOptions, loader: Loader) -> Self {
        let (live, settled) = (watch::Sender::default(), watch::Sender::new(false));
        Self { options, loader: Arc::new(loader), live, entries: Mutex::default(), draining: Mutex::default(), settled }
    }

    /// What is live, now and from now on.
    pub fn live(&self) -> watch::Receiver<Arc<LiveSet>> {
        self.live.subscribe()
    }

    /// Waits until every file that was there at first is live or refused.
    pub async fn settled(&self) {
        // An error would mean that the catalog is gone, and `self` is here.
        let _ = self.settled.subscribe().wait_for(|settled| *settled).await;
    }

    /// Whether every file that was there at first is live or refused.
    pub fn is_settled(&self) -> bool {
        *self.settled.borrow()
    }

    /// Every file and what became of it.
    pub fn status(&self) -> Vec<PluginStatus> {
        let live = self.live.borrow().clone();
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let files = entries.iter().map(|(file, entry)| status(file, entry, &live));
        files.chain(self.draining()).collect()
    }

    fn draining(&self) -> Vec<PluginStatus> {
        let mut draining = self.draining.lock().unwrap_or_else(PoisonError::into_inner);
        draining.retain(|(_, live)| live.strong_count() > 0);
        let status = |(file, live): &(PathBuf, Weak<Live>)| {
            let live = live.upgrade()?;
            let state = PluginState::Draining { version: live.version.clone() };
            Some(PluginStatus { plugin: Some(live.id.clone()), file: file.clone(), loading_since: None, state })
        };
        draining.iter().filter_map(status).collect()
    }

    fn drain(&self, file: &Path, live: &Arc<Live>) {
        let mut draining = self.draining.lock().unwrap_or_else(PoisonError::into_inner);
        draining.retain(|(_, live)| live.strong_count() > 0);
        draining.push((file.to_owned(), Arc::downgrade(live)));
    }

    /// Follows the directory until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut watcher = Watcher::new(&self.options.directory);
        let mut loads = JoinSet::new();
        let mut first = true;
        loop {
            watcher.keep_watching();
            let renamed = watcher.renamed();
            let directory = self.options.directory.clone();
            // Thousands of files take a while to look at, which the async threads must not.
            let looking = tokio::task::spawn_blocking(move || scan(&directory)).await;
            // Looking does not panic, so it is the runtime that ends.
            let Ok(found) = looking else { return };
            let next = self.look(found, first, &renamed, &mut loads);
            first = false;
            if loads.is_empty() && next.is_none() {
                self.settled.send_replace(true);
            }
            let wait = next.map_or(LOOK, |next| next.saturating_duration_since(Instant::now()).min(LOOK));
            tokio::select! {
                () = stop.cancelled() => return,
                () = watcher.changed() => {}
                () = tokio::time::sleep(wait) => {}
                Some(loaded) = loads.join_next() => self.settle(loaded.expect("a load neither panics nor is aborted")),
            }
            while let Some(loaded) = loads.try_join_next() {
                self.settle(loaded.expect("a load neither panics nor is aborted"));
            }
        }
    }

    /// Looks at the directory and begins to load what is new and whole. Returns when to look again at the latest, if
    /// something is not at rest yet.
    fn look(
        &self,
        found: Vec<Found>,
        first: bool,
        renamed: &[PathBuf],
        loads: &mut JoinSet<Loaded>,
    ) -> Option<Instant> {
        let now = Instant::now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        for Found { file, .. } in &found {
            entries.entry(file.clone()).or_default();
        }
        let mut found: BTreeMap<PathBuf, Found> = found.into_iter().map(|found| (found.file.clone(), found)).collect();
        let mut next: Option<Instant> = None;
        let mut gone = Vec::new();
        let mut owners = owners(&entries);
        for (file, entry) in entries.iter_mut() {
            let found = found.remove(file);
            let stamp = found.as_ref().map(|found| found.stamp);
            // What was there before the host started, and what was renamed into place, is whole.
            let arrived = |found: &Found| renamed.contains(file) || (first && found.age >= self.options.rest);
            let whole = found.as_ref().is_some_and(arrived);
            let rested = entry.rest.observe(stamp, now, if whole { Duration::ZERO } else { self.options.rest });
            if let Err(until) = rested {
                // What was loaded as it looks now has nothing to wait for.
                if found.is_none() || entry.loaded != stamp {
                    next = Some(next.map_or(until, |next| next.min(until)));
                }
                continue;
            }
            match found {
                None if entry.loading.is_none() => gone.push(file.clone()),
                Some(found) if entry.loaded != Some(found.stamp) && entry.loading.is_none() => {
                    self.begin(found, entry, &mut owners, loads);
                }
                _ => {}
            }
        }
        for file in gone {
            let entry = entries.remove(&file).unwrap_or_default();
            self.remove(&file, entry, &mut entries);
        }
        next
    }

    fn begin(
        &self,
        found: Found,
        entry: &mut Entry,
        owners: &mut BTreeMap<PluginId, PathBuf>,
        loads: &mut JoinSet<Loaded>,
    ) {
        let Found { file, place, stamp, .. } = found;
        entry.loaded = Some(stamp);
        let place = match place {
            Ok(place) => place,
            Err(error) => return self.refuse(&file, entry, Refusal::Place(error)),
        };
        if let Some(other) = owners.get(&place.id).filter(|other| **other != file) {
            return self.refuse(&file, entry, Refusal::Twice { other: other.clone() });
        }
        owners.insert(place.id.clone(), file.clone());
        entry.place = Some(place.clone());
        entry.loading = Some(Timestamp::now());
        let loader = self.loader.clone();
        loads.spawn(async move {
            let load = AssertUnwindSafe(loader.load(&file, place.id)).catch_unwind().await;
            Loaded { outcome: load.unwrap_or(Err(Refusal::Panic)), file }
        });
    }

    /// Makes a loaded version live, unless its file is gone, its queue is another's, or nothing changed.
    fn settle(&self, Loaded { file, outcome }: Loaded) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let checked = outcome.and_then(|live| {
            let set = self.live.borrow().clone();
            let others = set.values().map(|other| (&other.id, &other.description));
            let apps = entries.values().filter_map(|entry| Some(&entry.place.as_ref()?.id.app));
            neighbours::check(&live.id, &live.description, others, apps).map(|()| live)
        });
        let Some(entry) = entries.get_mut(&file) else { return };
        entry.loading = None;
        match checked {
            Ok(live) => self.swap(&file, entry, live),
            Err(refusal) => self.refuse(&file, entry, refusal),
        }
    }

    fn swap(&self, file: &Path, entry: &mut Entry, live: Live) {
        entry.refused = None;
        let live = Arc::new(live);
        let (id, version) = (&live.id, &live.version);
        let mut earlier = None;
        let changed = self.live.send_if_modified(|set| {
            if set.get(id).is_some_and(|earlier| earlier.version == *version) {
                return false;
            }
            earlier = Arc::make_mut(set).insert(id.clone(), live.clone());
            true
        });
        if let Some(reason) = live.outside_pool.as_ref().filter(|_| changed) {
            tracing::warn!(plugin = %id, version = %version, "it {OUTSIDE_POOL}: {reason}");
        }
        match earlier {
            Some(earlier) => {
                tracing::info!(plugin = %id, version = %version, "live, instead of {}", earlier.version);
                self.drain(file, &earlier);
            }
            None if changed => tracing::info!(plugin = %id, version = %version, "live"),
            None => tracing::debug!(plugin = %id, version = %version, "the file was touched, not changed"),
        }
    }

    fn refuse(&self, file: &Path, entry: &mut Entry, refusal: Refusal) {
        let id = entry.place.as_ref().map(|place| &place.id);
        match id.and_then(|id| self.live.borrow().get(id).cloned()) {
            Some(live) => {
                tracing::error!(file = %file.display(), "refused, {} goes on: {refusal}", live.version);
            }
            None => tracing::error!(file = %file.display(), "refused: {refusal}"),
        }
        entry.refused = Some(refusal);
    }

    fn remove(&self, file: &Path, entry: Entry, entries: &mut BTreeMap<PathBuf, Entry>) {
        let Some(Place { id }) = entry.place else { return };
        for waiting in entries.values_mut() {
            if matches!(
                waiting.refused,
                Some(
                    Refusal::Twice { .. }
                        | Refusal::QueueTaken { .. }
                        | Refusal::ForeignEvent { .. }
                        | Refusal::AnnouncedElsewhere { .. }
                )
            ) {
                // What stood in its way may be gone now.
                waiting.loaded = None;
            }
        }
        let mut removed = None;
        self.live.send_if_modified(|set| {
            removed = Arc::make_mut(set).remove(&id);
            removed.is_some()
        });
        if let Some(live) = removed {
            tracing::info!(plugin = %id, version = %live.version, file = %file.display(), "gone; its queues stay");
            self.drain(file, &live);
        }
    }
}

/// Which file each plugin is taken from.
fn owners(entries: &BTreeMap<PathBuf, Entry>) -> BTreeMap<PluginId, PathBuf> {
    let owner = |(file, entry): (&PathBuf, &Entry)| entry.place.as_ref().map(|place| (place.id.clone(), file.clone()));
    entries.iter().filter_map(owner).collect()
}

fn status(file: &Path, entry: &Entry, live: &LiveSet) -> PluginStatus {
    let plugin = entry.place.as_ref().map(|place| place.id.clone());
    let live = plugin.as_ref().and_then(|id| live.get(id));
    let state = match (&entry.refused, live) {
        (Some(refusal), live) => {
            PluginState::Refused { reason: refusal.to_string(), still_live: live.map(|live| live.version.clone()) }
        }
        (None, Some(live)) => PluginState::Live {
            version: live.version.clone(),
            description: Box::new(live.description.clone()),
            uses: live.uses.clone(),
            outside_pool: live.outside_pool.clone(),
        },
        (None, None) => PluginState::Loading,
    };
    PluginStatus { plugin, file: file.to_owned(), loading_since: entry.loading, state }
}
