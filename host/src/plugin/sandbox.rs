//! Where plugins run: the engines, the places on them, and what every plugin is linked against.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Cache, Engine};

use super::fair::Fair;
use super::instance::State;
use super::{engine, grant, since_v0_1};

/// Stores beyond deliveries: descriptions and probes that run at the same time.
const APART: u16 = 4;

/// What the sandbox may use.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// A private directory of compiled plugins; made if it is missing. `None` compiles each time.
    pub cache: Option<PathBuf>,
    /// How many short deliveries may run at one time, and how many long ones. As many instances may be kept for reuse
    /// beside them.
    pub concurrency: u16,
    /// The most memory that any plugin may be granted, in bytes.
    pub memory_maximum: u64,
    pub compiling: Compiling,
}

impl Default for SandboxOptions {
    /// For one delivery at a time, with as much memory as a host grants at the most, and with nothing kept.
    fn default() -> Self {
        Self { cache: None, concurrency: 1, memory_maximum: 256 << 20, compiling: Compiling::Thorough }
    }
}

/// How plugins are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiling {
    /// For code that is fast, and behind everything else that the host does.
    Thorough,
    /// To be done soon, for whoever waits for it.
    Quick,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("the cache of compiled plugins, {}, is unusable: {reason}; set `plugins.cache`", path.display())]
    Cache { path: PathBuf, reason: String },
    #[error("the wasm engine does not start: {0:#}")]
    Engine(wasmtime::Error),
}

/// Where plugins run.
pub struct Sandbox {
    options: SandboxOptions,
    cache: Option<Cache>,
    /// Where plugins run that the pool can hold.
    pub(super) pool: Arc<House>,
    /// Where the others run; made when the first of them is there.
    outside: Mutex<Option<Arc<House>>>,
    pub(super) fair: Fair,
    kept: Arc<Semaphore>,
}

/// An engine, and what plugins are linked against on it.
pub(super) struct House {
    pub engine: Engine,
    pub linker: Linker<State>,
}

impl House {
    /// WASI, requests and buckets are always linked, and always empty unless granted: see [`State`].
    fn new(engine: Engine) -> Result<Arc<Self>, SandboxError> {
        let linked = || -> wasmtime::Result<Linker<State>> {
            let mut linker = Linker::new(&engine);
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
            wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
            grant::add_keyvalue_to_linker(&mut linker)?;
            wasmtime_wasi_config::add_to_linker(&mut linker, State::settings)?;
            since_v0_1::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
            Ok(linker)
        };
        let linker = linked().map_err(SandboxError::Engine)?;
        engine::tick(&engine).map_err(|error| SandboxError::Engine(error.into()))?;
        Ok(Arc::new(Self { engine, linker }))
    }
}

impl Sandbox {
    /// Starts the engine, on a pool of memory if the address space allows one.
    pub fn new(options: &SandboxOptions) -> Result<Arc<Self>, SandboxError> {
        let cache = options.cache.as_ref().map(engine::open_cache).transpose()?;
        // Those of short calls and of long ones, those that are kept for reuse, and those apart.
        let instances = 3 * u32::from(options.concurrency) + u32::from(APART);
        let engine = engine::pooled(options, instances, cache.as_ref()).map_err(SandboxError::Engine)?;
        Ok(Arc::new(Self {
            options: options.clone(),
            cache,
            pool: House::new(engine)?,
            outside: Mutex::default(),
            fair: Fair::new(options.concurrency, APART),
            kept: Arc::new(Semaphore::new(options.concurrency.into())),
        }))
    }

    pub(super) fn compiling(&self) -> Compiling {
        self.options.compiling
    }

    /// An engine that compiles only what is let in at all, wherever it runs.
    pub(super) fn measuring(&self) -> wasmtime::Result<Engine> {
        engine::measuring(&self.options, self.cache.as_ref())
    }

    /// Where plugins run that the pool cannot hold.
    pub(super) fn outside(&self) -> Result<Arc<House>, SandboxError> {
        // What it guards is set in one step, so it is whole however its last holder ended.
        let mut outside = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(house) = &*outside {
            return Ok(house.clone());
        }
        let house = House::new(engine::unpooled(&self.options, self.cache.as_ref()).map_err(SandboxError::Engine)?)?;
        *outside = Some(house.clone());
        Ok(house)
    }

    /// A place for an instance that is kept for reuse, if there is one left.
    pub(super) fn place_kept(&self) -> Option<OwnedSemaphorePermit> {
        self.kept.clone().try_acquire_owned().ok()
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::component::Component;

    use super::*;

    #[test]
    fn a_file_is_compiled_once_for_all_engines_and_starts() {
        let directory = tempfile::tempdir().expect("a directory");
        let options = SandboxOptions {
            cache: Some(directory.path().join("cache")),
            concurrency: 1,
            memory_maximum: 1 << 20,
            ..SandboxOptions::default()
        };
        let compile = |engine: &Engine| Component::from_binary(engine, b"\0asm\x0d\0\x01\0").map(drop);
        let found = |sandbox: &Sandbox| sandbox.cache.as_ref().map(|cache| (cache.cache_hits(), cache.cache_misses()));
        let first = Sandbox::new(&options).expect("an engine");
        compile(&first.pool.engine).expect("a component");
        assert_eq!(found(&first), Some((0, 1)));
        let second = Sandbox::new(&options).expect("an engine");
        compile(&second.pool.engine).expect("a component");
        compile(&second.outside().expect("an engine").engine).expect("a component");
        compile(&second.measuring().expect("an engine")).expect("a component");
        assert_eq!(found(&second), Some((3, 0)));
    }
}
