//! A file becomes a version: read → compiled → described → verified.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use crate::name::PluginId;
use crate::plugin::{Budget, Grants, Live, PluginSettings, Refusal, Reuse, Sandbox};

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
    compiling: Semaphore,
}

impl Loader {
    pub fn new(sandbox: Arc<Sandbox>, limits: Limits) -> Self {
        Self { sandbox, limits, compiling: Semaphore::new(COMPILING) }
    }

    /// Makes a version of a file, as the plugin of this identity. Nothing of it runs but `describe`, in the sandbox.
    pub async fn load(&self, file: &Path, id: PluginId) -> Result<Live, Refusal> {
        let _turn = self.compiling.acquire().await.expect("the semaphore is never closed");
        let (sandbox, size_limit, path) = (self.sandbox.clone(), self.limits.file_size, file.to_owned());
        let compile = move || sandbox.compile(&read(&path, size_limit)?);
        let compiling = tokio::task::spawn_blocking(compile);
        let compiled = tell(&id, file, compiling).await.unwrap_or(Err(Refusal::Panic))?;
        let grants = self.limits.grants.get(&id).cloned().unwrap_or_else(|| Grants::none(id.clone()));
        let compiled = compiled.granting(&id, grants)?;
        let budget = *self.limits.budgets.get(&id).unwrap_or(&self.limits.budget);
        let description = compiled.describe(&id.app, self.limits.describe, budget.memory).await?;
        let budget = budget.within(&description.limits);
        let settings = self.limits.settings.get(&id).cloned().unwrap_or_default();
        let compiled = compiled.reusing(self.limits.reuse.get(&id).copied());
        Ok(compiled.into_live(id, description, budget, settings))
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
