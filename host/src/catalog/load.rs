//! A file becomes a version: read → vouched for → compiled → described → verified.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use super::trust::Trust;
use crate::name::PluginId;
use crate::plugin::{
    Budget, Compiled, Description, Digest, Grants, Live, PluginSettings, Refusal, Reuse, Sandbox, Voucher,
};

/// How many files are compiled at one time: compiling is what a processor can be kept busy with, and the pipeline
/// needs one too.
const COMPILING: usize = 2;
/// How many of them may be heavy, so that the others never wait for those.
const HEAVY: usize = 1;
/// How long a file may be compiled. What its bytes do not tell beforehand is found here.
const LONGEST: Duration = Duration::from_secs(300);
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

/// What else may be wrong with what a plugin says of itself, in words.
pub type Check = Arc<dyn Fn(&PluginId, &Description) -> Result<(), String> + Send + Sync>;

/// Makes versions of files.
pub struct Loader {
    sandbox: Arc<Sandbox>,
    limits: Limits,
    trust: Arc<Trust>,
    check: Check,
    compiling: Arc<Semaphore>,
    heavy: Arc<Semaphore>,
    /// Compilations that nobody waits for any more, and that nothing can stop.
    given_up: Arc<Semaphore>,
}

/// What is held while a file is compiled.
type Turn = Vec<OwnedSemaphorePermit>;

/// What came of a file.
pub(super) struct Attempt {
    /// What was read of it, if it was read.
    pub digest: Option<Digest>,
    pub outcome: Result<Live, Refusal>,
}

impl Loader {
    pub fn new(sandbox: Arc<Sandbox>, limits: Limits) -> Self {
        let [compiling, heavy, given_up] = [COMPILING, HEAVY, 1].map(|number| Arc::new(Semaphore::new(number)));
        let (trust, check): (_, Check) = (Arc::default(), Arc::new(|_, _| Ok(())));
        Self { sandbox, limits, trust, check, compiling, heavy, given_up }
    }

    /// Lets in those files only that somebody vouches for.
    pub fn trusting(self, trust: Trust) -> Self {
        Self { trust: Arc::new(trust), ..self }
    }

    /// Lets in those only that somebody else finds nothing wrong with either.
    pub fn checking(self, check: Check) -> Self {
        Self { check, ..self }
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
        let turn = vec![take(&self.compiling).await];
        let (digest, light) = self.read(file, &id, turn, Sandbox::compile_light).await;
        let (digest, compiled) = match light {
            Ok((Some(compiled), voucher)) => (digest, Ok((compiled, voucher))),
            // It is put off until no other heavy file is compiled, and is read again then.
            Ok((None, _)) => {
                let turn = vec![take(&self.heavy).await, take(&self.compiling).await];
                self.read(file, &id, turn, Sandbox::compile).await
            }
            Err(refusal) => (digest, Err(refusal)),
        };
        let outcome = match compiled {
            Ok((compiled, voucher)) => self.verify(compiled, voucher, id).await,
            Err(refusal) => Err(refusal),
        };
        Attempt { digest, outcome }
    }

    /// Reads a file and makes something of what somebody vouches for.
    async fn read<T: Send + 'static>(
        &self,
        file: &Path,
        id: &PluginId,
        turn: Turn,
        compile: fn(&Arc<Sandbox>, &[u8]) -> Result<T, Refusal>,
    ) -> (Option<Digest>, Result<(T, Option<Voucher>), Refusal>) {
        let (sandbox, size_limit, trust) = (self.sandbox.clone(), self.limits.file_size, self.trust.clone());
        let (path, plugin) = (file.to_owned(), id.clone());
        let mut compiling = tokio::task::spawn_blocking(move || {
            let bytes = match read(&path, size_limit) {
                Ok(bytes) => bytes,
                Err(refusal) => return (None, Err(refusal)),
            };
            let digest = Digest::of(&bytes);
            // Nothing but the hash is made of bytes that nobody vouches for.
            let voucher = trust.vouch(&path, &plugin, &bytes, digest);
            (Some(digest), voucher.and_then(|voucher| Ok((compile(&sandbox, &bytes)?, voucher))))
        });
        if let Ok(compiled) = tokio::time::timeout(LONGEST, tell(id, file, &mut compiling)).await {
            return compiled.unwrap_or((None, Err(Refusal::Panic)));
        }
        // It burns on at low priority, and keeps its turn only if it is not the first that does.
        let held = self.given_up.clone().try_acquire_owned().map_or(turn, |place| vec![place]);
        tokio::spawn(async move {
            // Whatever came of it, nobody wants it.
            let _ = compiling.await;
            drop(held);
        });
        (None, Err(Refusal::Endless(LONGEST)))
    }

    async fn verify(&self, compiled: Compiled, voucher: Option<Voucher>, id: PluginId) -> Result<Live, Refusal> {
        let grants = self.limits.grants.get(&id).cloned().unwrap_or_else(|| Grants::none(id.clone()));
        let compiled = compiled.granting(&id, grants)?;
        let budget = *self.limits.budgets.get(&id).unwrap_or(&self.limits.budget);
        let description = compiled.describe(&id.app, self.limits.describe, budget.memory).await?;
        (self.check)(&id, &description).map_err(Refusal::Unwelcome)?;
        let budget = budget.within(&description.limits);
        let settings = self.limits.settings.get(&id).cloned().unwrap_or_default();
        let compiled = compiled.reusing(self.limits.reuse.get(&id).copied());
        Ok(Live { voucher, ..compiled.into_live(id, description, budget, settings) })
    }
}

async fn take(turns: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    turns.clone().acquire_owned().await.expect("the semaphore is never closed")
}

/// Waits for a file that is compiled, and says so where it takes long.
async fn tell<T>(id: &PluginId, file: &Path, compiling: &mut JoinHandle<T>) -> Result<T, JoinError> {
    let begun = Instant::now();
    if let Ok(compiled) = tokio::time::timeout(BRIEF, &mut *compiling).await {
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
