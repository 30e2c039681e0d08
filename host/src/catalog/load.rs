//! A file becomes a version: read → vouched for → compiled → described → verified.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use super::trust::Trust;
use crate::name::PluginId;
use crate::plugin::{Budget, Compiled, Digest, Grants, Live, PluginSettings, Refusal, Reuse, Sandbox, Voucher};

/// How many files are compiled at one time: compiling is what a processor can be kept busy with, and the pipeline
/// needs one too.
const COMPILING: usize = 2;
/// How long compiling may take without a word.
const BRIEF: Duration = Duration::from_millis(500);

/// What files and their deliveries may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest file, in bytes.
    pub file_size: u64,
    /// The longest that `describe` may take.
    pub describe: Duration,
    pub budget: Budget,
    /// The budgets of plugins that have one of their own.
    pub budgets: BTreeMap<PluginId, Budget>,
    /// What the operator set for plugins.
    pub settings: BTreeMap<PluginId, PluginSettings>,
    /// The plugins whose instances take more than one delivery.
    pub reuse: BTreeMap<PluginId, Reuse>,
    /// What plugins may use of the world; nothing where they are not here.
    pub grants: BTreeMap<PluginId, Grants>,
}

/// Makes versions of files.
pub struct Loader {
    sandbox: Arc<Sandbox>,
    limits: Limits,
    trust: Arc<Trust>,
    compiling: Semaphore,
}

/// What came of a file.
pub(super) struct Attempt {
    /// What was read of it, if it was read.
    pub digest: Option<Digest>,
    pub outcome: Result<Live, Refusal>,
}

impl Loader {
    pub fn new(sandbox: Arc<Sandbox>, limits: Limits) -> Self {
        Self { sandbox, limits, trust: Arc::default(), compiling: Semaphore::new(COMPILING) }
    }

    /// Lets in those files only that somebody vouches for.
    pub fn trusting(self, trust: Trust) -> Self {
        Self { trust: Arc::new(trust), ..self }
    }

    /// Whether signatures beside the files are looked at.
    pub(super) fn reads_signatures(&self) -> bool {
        self.trust.reads_signatures()
    }

    /// Makes a version of a file, as the plugin of this identity. Nothing of it runs but `describe`, in the sandbox.
    pub async fn load(&self, file: &Path, id: PluginId) -> Result<Live, Refusal> {
        self.attempt(file, id).await.outcome
    }

    /// The same, for whoever also wants to know which bytes are refused.
    pub(super) async fn attempt(&self, file: &Path, id: PluginId) -> Attempt {
        let _turn = self.compiling.acquire().await.expect("the semaphore is never closed");
        let (sandbox, size_limit, trust) = (self.sandbox.clone(), self.limits.file_size, self.trust.clone());
        let (path, plugin) = (file.to_owned(), id.clone());
        let compiling = tokio::task::spawn_blocking(move || {
            let bytes = match read(&path, size_limit) {
                Ok(bytes) => bytes,
                Err(refusal) => return (None, Err(refusal)),
            };
            let digest = Digest::of(&bytes);
            // Nothing but the hash is made of bytes that nobody vouches for.
            let voucher = trust.vouch(&path, &plugin, &bytes, digest);
            (Some(digest), voucher.and_then(|voucher| Ok((sandbox.compile(&bytes)?, voucher))))
        });
        let (digest, compiled) = tell(&id, file, compiling).await.unwrap_or((None, Err(Refusal::Panic)));
        let outcome = match compiled {
            Ok((compiled, voucher)) => self.verify(compiled, voucher, id).await,
            Err(refusal) => Err(refusal),
        };
        Attempt { digest, outcome }
    }

    async fn verify(&self, compiled: Compiled, voucher: Option<Voucher>, id: PluginId) -> Result<Live, Refusal> {
        let grants = self.limits.grants.get(&id).cloned().unwrap_or_else(|| Grants::none(id.clone()));
        let compiled = compiled.granting(&id, grants)?;
        let budget = *self.limits.budgets.get(&id).unwrap_or(&self.limits.budget);
        let description = compiled.describe(&id.app, self.limits.describe, budget.memory).await?;
        let budget = budget.within(&description.limits);
        let settings = self.limits.settings.get(&id).cloned().unwrap_or_default();
        let compiled = compiled.reusing(self.limits.reuse.get(&id).copied());
        Ok(Live { voucher, ..compiled.into_live(id, description, budget, settings) })
    }
}

/// Waits for a file that is compiled, and says so where it takes long.
async fn tell<T>(id: &PluginId, file: &Path, mut compiling: JoinHandle<T>) -> Result<T, JoinError> {
    let begun = Instant::now();
    if let Ok(compiled) = tokio::time::timeout(BRIEF, &mut compiling).await {
        return compiled;
    }
    let size = fs::metadata(file).map_or(0, |metadata| metadata.len()) as f64 / 1e6;
    tracing::info!("compiling {id}, {size:.1} MB; this takes seconds, once");
    let compiled = compiling.await;
    tracing::info!("compiling {id} took {:.1} s", begun.elapsed().as_secs_f64());
    compiled
}

/// Reads a file whole, and never more than the limit.
fn read(file: &Path, limit: u64) -> Result<Vec<u8>, Refusal> {
    let unreadable = |error: std::io::Error| Refusal::Unreadable(error.to_string());
    let size = fs::metadata(file).map_err(unreadable)?.len();
    if size > limit {
        return Err(Refusal::TooLarge { size, limit });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    File::open(file).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(Refusal::TooLarge { size: bytes.len() as u64, limit });
    }
    Ok(bytes)
}
