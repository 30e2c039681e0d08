//! The plugins directory → which version of which plugin is live.
//!
//! The directory is the truth: whatever the watcher tells only makes the catalog look again, and it looks again by
//! itself now and then, so a lost notification loses nothing. `place` reads paths, `scan` reads the directory, `exposure`
//! tells who else can write there, `rest` waits until a file is whole, `trust` says whether somebody vouches for it,
//! `load` makes a version of it, `neighbours` compares it with the others, this file keeps what became of each, and
//! `turn` tells it to others.

mod exposure;
mod load;
mod neighbours;
mod place;
mod rest;
mod scan;
mod trust;
mod turn;
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

pub use exposure::{Exposure, Others};
pub use load::{Check, Limits, Loader};
pub use place::Place;
pub use trust::{InvalidKey, Trust, TrustedKey};
pub use turn::{Became, Observe, Turn};

use crate::message::Timestamp;
use crate::name::PluginId;
use crate::plugin::{Description, Digest, Live, LiveSet, OUTSIDE_POOL, Refusal, Uses, Version, Voucher};
use exposure::Exposures;
use load::Attempt;
use rest::Rest;
use scan::{Found, Scan, Stamp, scan};
use watcher::Watcher;

/// How often the directory is looked at even if nothing was notified.
const LOOK: Duration = Duration::from_secs(1);
/// How many times as long as a look took nobody looks again, so that a directory of thousands of files keeps no processor
/// busy, however often something happens to them.
const REST: u32 = 4;

/// Where plugins come from.
#[derive(Debug, Clone)]
pub struct CatalogOptions {
    pub directory: PathBuf,
    /// What else must be the host's own, to warn where others can write it: the cache, and whatever says whom to trust.
    pub own: Vec<PathBuf>,
    /// How long a written file must rest before it counts.
    pub rest: Duration,
}

impl CatalogOptions {
    fn scan(&self, signatures: bool) -> Scan {
        let mut scan = scan(&self.directory, signatures);
        self.own.iter().for_each(|path| scan.expose(path));
        scan
    }
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
        /// Who vouches for the file, where somebody must.
        #[serde(skip_serializing_if = "Option::is_none")]
        trusted_by: Option<Voucher>,
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
    observers: Vec<Arc<dyn Observe>>,
    exposures: Exposures,
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
    attempt: Attempt,
}

impl Catalog {
    pub fn new(options: CatalogOptions, loader: Loader) -> Self {
        let (live, settled) = (watch::Sender::default(), watch::Sender::new(false));
        let (observers, exposures, entries, draining) = Default::default();
        Self { options, loader: Arc::new(loader), live, observers, exposures, entries, draining, settled }
    }

    /// Tells an observer of every turn in the lives of files from now on.
    pub fn observed(mut self, observer: Arc<dyn Observe>) -> Self {
        self.observers.push(observer);
        self
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

    /// What others than its owner can write of the directory, the files and folders in it, and what else must be the
    /// host's own.
    pub fn exposed(&self) -> Vec<Exposure> {
        self.exposures.now()
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
            let (options, signatures) = (self.options.clone(), self.loader.reads_signatures());
            // Thousands of files take a while to look at, which the async threads must not.
            let begun = Instant::now();
            let looking = tokio::task::spawn_blocking(move || options.scan(signatures)).await;
            let rest = begun.elapsed() * REST;
            // Looking does not panic, so it is the runtime that ends.
            let Ok(scan) = looking else { return };
            let next = self.look(scan, first, &renamed, &mut loads);
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
            if stop.run_until_cancelled(tokio::time::sleep(rest)).await.is_none() {
                return;
            }
            while let Some(loaded) = loads.try_join_next() {
                self.settle(loaded.expect("a load neither panics nor is aborted"));
            }
        }
    }

    /// Looks at the directory and begins to load what is new and whole. Returns when to look again at the latest, if
    /// something is not at rest yet.
    fn look(&self, scan: Scan, first: bool, renamed: &[PathBuf], loads: &mut JoinSet<Loaded>) -> Option<Instant> {
        let signatures = self.loader.reads_signatures();
        let Scan { found, exposed } = scan;
        self.exposures.observe(exposed);
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
            // What was there before the host started is whole, and so is what was renamed into place, unless its
            // signature may still be on its way.
            let in_place = renamed.contains(file) && !signatures;
            let arrived = |found: &Found| in_place || (first && found.age >= self.options.rest);
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
            Err(error) => return self.refuse(&file, entry, None, Refusal::Place(error)),
        };
        if let Some(other) = owners.get(&place.id).filter(|other| **other != file) {
            return self.refuse(&file, entry, None, Refusal::Twice { other: other.clone() });
        }
        owners.insert(place.id.clone(), file.clone());
        entry.place = Some(place.clone());
        entry.loading = Some(Timestamp::now());
        let loader = self.loader.clone();
        loads.spawn(async move {
            let attempt = AssertUnwindSafe(loader.attempt(&file, place.id)).catch_unwind().await;
            let panicked = |_| Attempt { digest: None, outcome: Err(Refusal::Panic) };
            Loaded { attempt: attempt.unwrap_or_else(panicked), file }
        });
    }

    /// Makes a loaded version live, unless its file is gone, its queue is another's, or nothing changed.
    fn settle(&self, Loaded { file, attempt: Attempt { digest, outcome } }: Loaded) {
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
            Err(refusal) => self.refuse(&file, entry, digest, refusal),
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
        if changed {
            let (version, voucher) = (version.clone(), live.voucher.clone());
            let instead = earlier.as_ref().map(|earlier| earlier.version.clone());
            self.tell(Some(id), file, Became::Live { version, instead, voucher });
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

    fn refuse(&self, file: &Path, entry: &mut Entry, digest: Option<Digest>, refusal: Refusal) {
        let id = entry.place.as_ref().map(|place| &place.id);
        let live = id.and_then(|id| self.live.borrow().get(id).cloned());
        let still_live = live.as_ref().map(|live| live.version.clone());
        self.tell(id, file, Became::Refused { digest, reason: refusal.to_string(), still_live });
        match live {
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
            self.tell(Some(&id), file, Became::Gone { version: live.version.clone() });
            self.drain(file, &live);
        }
    }

    fn tell(&self, plugin: Option<&PluginId>, file: &Path, became: Became) {
        for observer in &self.observers {
            let (plugin, file, became) = (plugin.cloned(), file.to_owned(), became.clone());
            observer.turned(Turn { time: Timestamp::now(), plugin, file, became });
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
            trusted_by: live.voucher.clone(),
        },
        (None, None) => PluginState::Loading,
    };
    PluginStatus { plugin, file: file.to_owned(), loading_since: entry.loading, state }
}
