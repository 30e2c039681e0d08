//! The one engine, its limits, and what every plugin is linked against.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Cache, CacheConfig, Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::instance::State;
use super::since_v0_1;

/// How often a running plugin yields its thread to others, and so how exactly a time limit is kept.
const TICK: Duration = Duration::from_millis(5);
/// The most core instances, memories and tables of one plugin. Python's take 108 core instances, QuickJS's 3 memories.
pub(super) const CORE_INSTANCES: u32 = 160;
pub(super) const MEMORIES: u32 = 4;
pub(super) const TABLES: u32 = 16;
/// The most elements of one table.
const TABLE_ELEMENTS: usize = 100_000;
/// Stores beyond deliveries: descriptions and probes that run at the same time.
const APART: u16 = 4;

/// What the sandbox may use.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// A private directory of compiled plugins; made if it is missing. `None` compiles each time.
    pub cache: Option<PathBuf>,
    /// How many deliveries may run at one time.
    pub concurrency: u16,
    /// The most memory that any plugin may be granted, in bytes.
    pub memory_maximum: u64,
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
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
    places: Semaphore,
    apart: Semaphore,
}

impl Sandbox {
    /// Starts the engine, on a pool of memory if the address space allows one.
    pub fn new(options: &SandboxOptions) -> Result<Arc<Self>, SandboxError> {
        let cache = options.cache.as_ref().map(open_cache).transpose()?;
        let engine = scanning_engine(options, cache.clone()).or_else(|_| pooled_engine(options, cache.clone()));
        let engine = match engine {
            Ok(engine) => engine,
            Err(error) => {
                tracing::warn!("no room for a memory pool, so each delivery takes its memory by itself: {error:#}");
                engine_with(cache, None).map_err(SandboxError::Engine)?
            }
        };
        let linker = linker(&engine).map_err(SandboxError::Engine)?;
        tick(&engine).map_err(|error| SandboxError::Engine(error.into()))?;
        Ok(Arc::new(Self {
            engine,
            linker,
            places: Semaphore::new(options.concurrency.into()),
            apart: Semaphore::new(APART.into()),
        }))
    }

    /// Waits for a place to run a delivery in.
    pub(super) async fn place(&self) -> SemaphorePermit<'_> {
        self.places.acquire().await.expect("the semaphore is never closed")
    }

    /// Waits for a place to run `describe` or a probe in: apart from deliveries, so that neither is kept waiting by them.
    pub(super) async fn place_apart(&self) -> SemaphorePermit<'_> {
        self.apart.acquire().await.expect("the semaphore is never closed")
    }
}

/// An engine on a pool that asks the system which pages a delivery wrote, and resets only those. It keeps the others
/// mapped, which halves what a delivery costs. Linux from 6.7 on; an error elsewhere.
fn scanning_engine(options: &SandboxOptions, cache: Option<Cache>) -> wasmtime::Result<Engine> {
    let mut pool = pool(options);
    pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(512 * 1024);
    engine_with(cache, Some(pool))
}

fn pooled_engine(options: &SandboxOptions, cache: Option<Cache>) -> wasmtime::Result<Engine> {
    engine_with(cache, Some(pool(options)))
}

fn engine_with(cache: Option<Cache>, pool: Option<PoolingAllocationConfig>) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    // A running plugin yields at each epoch, so that a loop cannot hold a thread of the runtime.
    config.epoch_interruption(true);
    // The same event gives the same bytes on every machine.
    config.cranelift_nan_canonicalization(true).relaxed_simd_deterministic(true);
    config.memory_init_cow(true);
    config.cache(cache);
    if let Some(pool) = pool {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    Engine::new(&config)
}

fn pool(options: &SandboxOptions) -> PoolingAllocationConfig {
    let stores = u32::from(options.concurrency) + u32::from(APART);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(stores)
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_core_instances(stores * CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .total_memories(stores * MEMORIES)
        .max_memory_size(usize::try_from(options.memory_maximum).unwrap_or(usize::MAX))
        .max_tables_per_component(TABLES)
        .total_tables(stores * TABLES)
        .table_elements(TABLE_ELEMENTS)
        .total_stacks(stores)
        // A little stays mapped between deliveries, which spares the next one its first page faults.
        .async_stack_keep_resident(16 * 1024)
        .table_keep_resident(4 * 1024);
    pool
}

/// WASI is always linked, and always empty unless granted: see [`State`].
fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_config::add_to_linker(&mut linker, State::settings)?;
    since_v0_1::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

/// wasmtime's own cache keys what it keeps by the file, the engine's version and its configuration, and is loaded by
/// wasmtime itself; so a dropped precompiled file is never run, and this crate needs no `unsafe`.
fn open_cache(directory: &PathBuf) -> Result<Cache, SandboxError> {
    let open = || -> Result<Cache, Box<dyn std::error::Error>> {
        std::fs::create_dir_all(directory)?;
        keep_private(directory)?;
        let mut config = CacheConfig::new();
        config.with_directory(std::fs::canonicalize(directory)?);
        Ok(Cache::new(config)?)
    };
    open().map_err(|error| SandboxError::Cache { path: directory.clone(), reason: error.to_string() })
}

/// Whoever can write compiled code there can run anything as the host.
#[cfg(unix)]
fn keep_private(directory: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn keep_private(_: &std::path::Path) -> std::io::Result<()> {
    Ok(())
}

/// Moves the epoch on for as long as the engine lives. A thread of its own, so that a busy runtime cannot delay it.
fn tick(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let ticking = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new().name("leveret-epoch".into()).spawn(ticking).map(drop)
}
