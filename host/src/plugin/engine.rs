//! Engines: one on a pool of memory, and one without for what the pool cannot hold. Both compile alike, so that what
//! either has compiled is in the cache for both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use wasmtime::{
    Cache, CacheConfig, Config, Enabled, Engine, InstanceAllocationStrategy as Strategy, OptLevel,
    PoolingAllocationConfig, RegallocAlgorithm,
};

use super::sandbox::{Compiling, SandboxError, SandboxOptions};

/// How often a running plugin yields its thread to others, and so how exactly a time limit is kept.
const TICK: Duration = Duration::from_millis(5);
/// zstd's own default. What is kept is never packed again more tightly, which would take a processor for a minute.
const COMPRESSION: i32 = 3;
/// The most bytes of compiled plugins that are kept; those that were not used for longest go first.
const CACHE_SIZE: u64 = 1 << 30;

/// What one instance of a plugin may consist of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maxima {
    pub core_instances: u32,
    pub memories: u32,
    pub tables: u32,
    /// Of one table.
    pub table_elements: usize,
    /// Bytes of what the engine itself keeps of all its core instances.
    pub bookkeeping: usize,
}

/// What the pool holds. Python's plugins take 108 core instances, QuickJS's 3 memories. For 132 instances that makes a
/// pool of 4.2 TiB of address space, nearly all of it memories at 4 GiB each, out of 128 TiB. It is made in 0.4 ms and takes
/// 260 KiB, which is 0.1 ms and 260 KiB more than one that holds a fifth of it.
pub(super) const POOLED: Maxima =
    Maxima { core_instances: 1_000, memories: 8, tables: 32, table_elements: 200_000, bookkeeping: 4 << 20 };
/// What is let in at all. The memory of one delivery that its limit does not count is bounded by it.
pub(super) const UTMOST: Maxima =
    Maxima { core_instances: 5_000, memories: 64, tables: 256, table_elements: 1_000_000, bookkeeping: 16 << 20 };

/// An engine for so many instances at one time, on a pool if the address space allows one.
pub(super) fn pooled(options: &SandboxOptions, instances: u32, cache: Option<&Cache>) -> wasmtime::Result<Engine> {
    let on = |pool| engine(Strategy::Pooling(pool), options.compiling, cache);
    let pool = || pool(POOLED, instances, options.memory_maximum);
    on(scanning(pool())).or_else(|_| on(pool())).or_else(|error| {
        tracing::warn!("no room for a memory pool, so each delivery takes its memory by itself: {error:#}");
        unpooled(options, cache)
    })
}

/// An engine that takes memory for each instance by itself.
pub(super) fn unpooled(options: &SandboxOptions, cache: Option<&Cache>) -> wasmtime::Result<Engine> {
    engine(Strategy::OnDemand, options.compiling, cache)
}

/// An engine that runs nothing: it compiles only what keeps to [`UTMOST`].
pub(super) fn measuring(options: &SandboxOptions, cache: Option<&Cache>) -> wasmtime::Result<Engine> {
    engine(Strategy::Pooling(pool(UTMOST, 1, options.memory_maximum)), options.compiling, cache)
}

fn engine(strategy: Strategy, compiling: Compiling, cache: Option<&Cache>) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    // A running plugin yields at each epoch, so that a loop cannot hold a thread of the runtime.
    config.epoch_interruption(true);
    // The same event gives the same bytes on every machine.
    config.cranelift_nan_canonicalization(true).relaxed_simd_deterministic(true);
    config.memory_init_cow(true);
    if compiling == Compiling::Quick {
        config.cranelift_opt_level(OptLevel::None).cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    }
    config.cache(cache.cloned()).allocation_strategy(strategy);
    Engine::new(&config)
}

fn pool(maxima: Maxima, instances: u32, memory: u64) -> PoolingAllocationConfig {
    let Maxima { core_instances, memories, tables, table_elements, bookkeeping } = maxima;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .max_core_instances_per_component(core_instances)
        .total_core_instances(instances * core_instances)
        .max_component_instance_size(bookkeeping)
        .max_core_instance_size(bookkeeping)
        .max_memories_per_component(memories)
        .max_memories_per_module(memories)
        .total_memories(instances * memories)
        .max_memory_size(usize::try_from(memory).unwrap_or(usize::MAX))
        .max_tables_per_component(tables)
        .max_tables_per_module(tables)
        .total_tables(instances * tables)
        .table_elements(table_elements)
        .total_stacks(instances)
        // A little stays mapped between deliveries, which spares the next one its first page faults.
        .async_stack_keep_resident(16 * 1024)
        .table_keep_resident(64 * 1024);
    pool
}

/// A pool that asks the system which pages a delivery wrote, and resets only those. It keeps the others mapped, which
/// halves what a delivery costs. Linux from 6.7 on; an error elsewhere. Go's plugins write some 430 KiB a delivery, and take
/// half as long again with half of this (`./dev bench instance`).
fn scanning(mut pool: PoolingAllocationConfig) -> PoolingAllocationConfig {
    pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(1024 * 1024);
    pool
}

/// wasmtime's own cache keys what it keeps by the SHA-256 of the file, the engine's version and its configuration, and
/// is loaded by wasmtime itself; so a dropped precompiled file is never run, and this crate needs no `unsafe`.
pub(super) fn open_cache(directory: &PathBuf) -> Result<Cache, SandboxError> {
    let open = || -> Result<Cache, Box<dyn std::error::Error>> {
        std::fs::create_dir_all(directory)?;
        keep_private(directory)?;
        let mut config = CacheConfig::new();
        config
            .with_directory(std::fs::canonicalize(directory)?)
            .with_files_total_size_soft_limit(CACHE_SIZE)
            .with_baseline_compression_level(COMPRESSION)
            .with_optimized_compression_level(COMPRESSION);
        Ok(Cache::new(config)?)
    };
    open().map_err(|error| SandboxError::Cache { path: directory.clone(), reason: error.to_string() })
}

/// Whoever can write compiled code there can run anything as the host.
#[cfg(unix)]
fn keep_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Moves the epoch on for as long as the engine lives. A thread of its own, so that a busy runtime cannot delay it.
pub(super) fn tick(engine: &Engine) -> std::io::Result<()> {
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
