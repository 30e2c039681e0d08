//! One call into a plugin: its store, its limits, its clock, its randomness, and what became of it.

use std::fmt;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::Poll;
use std::time::{Duration, Instant};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use wasmtime::component::{Instance, ResourceTable};
use wasmtime::{ResourceLimiter, Store, Trap, UpdateDeadline};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_config::WasiConfig;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::compile::Compiled;
use super::engine::UTMOST;
use super::grant::{Grants, Requests};
use super::host_time::HostTime;
use super::output::{Output, Stream};
use super::{Budget, PluginSettings};
use crate::message::{Receipt, Timestamp};

/// How many bytes a plugin may hand to one call of the host, at the least: log lines, and lists that it returns.
const HOST_CALL: u64 = 16 * 1024 * 1024;

/// How many things a plugin may have open at one time: streams, requests, buckets. What each keeps in the host's memory is
/// bounded, and so is it all.
const OPEN: usize = 1024;
/// The most bytes of headers that a plugin may gather in one place, as they lie in the host's memory.
const FIELDS: usize = 32 * 1024;

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The limit of wall clock.
    Time(Duration),
    /// The limit of time on a processor.
    WasmTime(Duration),
    /// Bytes.
    Memory(u64),
    /// What the trap says, and the last words on standard error.
    Trap { trap: String, last_words: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(limit) => write!(f, "it took longer than its time limit of {limit:?}"),
            Self::WasmTime(limit) => write!(f, "it used more than its limit of {limit:?} on a processor"),
            Self::Memory(limit) => write!(f, "it wanted more memory than its limit of {limit} bytes"),
            Self::Trap { trap, last_words } if last_words.is_empty() => write!(f, "it trapped: {trap}"),
            Self::Trap { trap, last_words } => write!(f, "it trapped: {last_words} ({trap})"),
        }
    }
}

/// What a call sees of the world: one moment, randomness from one seed, what the operator set, and what is granted.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub now: Timestamp,
    pub seed: [u8; 32],
    pub settings: PluginSettings,
    pub grants: Grants,
}

/// What belongs to one store; of it, all but what the guest has open is one call's.
pub struct State {
    wasi: WasiCtx,
    pub(super) resources: ResourceTable,
    memory: Memory,
    host_time: HostTime,
    settings: PluginSettings,
    pub(super) grants: Grants,
    http: WasiHttpCtx,
    pub(super) requests: Requests,
    pub(super) output: Output,
}

impl State {
    fn new(budget: Budget, context: Context) -> Self {
        let output = Output::new(&context.grants.secrets);
        let wasi = wasi(&output, &context);
        let memory = Memory { limit: budget.memory, used: 0, peak: 0, refused: false };
        let (mut resources, requests) = (ResourceTable::new(), Requests::new(&context.grants));
        resources.set_max_capacity(OPEN);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS);
        let (host_time, Context { settings, grants, .. }) = (HostTime::default(), context);
        Self { wasi, resources, memory, host_time, settings, grants, http, requests, output }
    }

    /// Makes everything that a call sees another call's. What the guest has open, such as its standard output, stays
    /// open and leads there too.
    fn renew(&mut self, budget: Budget, context: Context) {
        self.output.renew(&context.grants.secrets);
        self.wasi = wasi(&self.output, &context);
        self.requests = Requests::new(&context.grants);
        self.memory = Memory { limit: budget.memory, peak: self.memory.used, refused: false, ..self.memory };
        self.host_time = HostTime::default();
        self.settings = context.settings;
        self.grants = context.grants;
    }

    /// What the operator set for the plugin, with its secrets where they are granted.
    pub(super) fn settings(&mut self) -> WasiConfig<'_> {
        self.grants.secrets.settings().unwrap_or(&self.settings).view()
    }
}

/// WASI with nothing in it but output, a moment or a clock, and randomness of a seed or the system's.
fn wasi(output: &Output, context: &Context) -> WasiCtx {
    let secure = ChaCha20Rng::from_seed(context.seed);
    let mut insecure = ChaCha20Rng::from_seed(context.seed);
    insecure.set_stream(1);
    let [first, second] = [0, 16].map(|at| u128::from_le_bytes(sixteen(&context.seed, at)));
    let mut wasi = WasiCtx::builder();
    wasi.stdout(output.standard(Stream::Output)).stderr(output.standard(Stream::Error));
    // What is not set is the system's.
    if context.grants.clock {
        wasi.monotonic_clock(Running);
    } else {
        wasi.wall_clock(Still(context.now)).monotonic_clock(Still(context.now));
    }
    if !context.grants.randomness {
        wasi.secure_random(secure).insecure_random(insecure).insecure_random_seed(first ^ second);
    }
    wasi.build()
}

fn sixteen(seed: &[u8; 32], at: usize) -> [u8; 16] {
    std::array::from_fn(|i| seed[at + i])
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.resources }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.requests, table: &mut self.resources, ctx: &mut self.http }
    }
}

/// A clock that stands at the delivery's time, so that the outcome does not depend on when it runs.
struct Still(Timestamp);

impl HostWallClock for Still {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        self.0.since_epoch()
    }
}

impl HostMonotonicClock for Still {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    /// Not 0, which Go's runtime takes for a clock that is broken.
    fn now(&self) -> u64 {
        1_000_000
    }
}

/// A clock that counts from the host's start, so that it never goes back for an instance that takes a second call.
struct Running;

impl HostMonotonicClock for Running {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        // Not 0 either.
        START.elapsed().as_nanos().try_into().unwrap_or(u64::MAX).saturating_add(1_000_000)
    }
}

/// Counts all linear memories and tables of a store against one limit.
struct Memory {
    limit: u64,
    used: u64,
    peak: u64,
    refused: bool,
}

impl Memory {
    fn grow(&mut self, bytes: u64) -> bool {
        let wanted = self.used.saturating_add(bytes);
        if wanted > self.limit {
            self.refused = true;
            return false;
        }
        self.used = wanted;
        self.peak = self.peak.max(wanted);
        true
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current) as u64))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let elements = desired.saturating_sub(current) as u64;
        Ok(self.grow(elements * size_of::<usize>() as u64))
    }

    // The pool has lower limits of its own; these hold where there is none.
    fn instances(&self) -> usize {
        UTMOST.core_instances as usize
    }

    fn memories(&self) -> usize {
        UTMOST.memories as usize
    }

    fn tables(&self) -> usize {
        UTMOST.tables as usize
    }
}

/// A store and the instance in it. It takes one call after another, as long as none fails.
pub(super) struct Room {
    store: Store<State>,
    /// `None` before the first call.
    instance: Option<Instance>,
    calls: u64,
}

impl Room {
    /// How many calls it has taken.
    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// The bytes of memory that it has taken.
    pub(super) fn memory(&self) -> u64 {
        self.store.data().memory.used
    }

    /// Whether the last call wanted more memory than it was granted, and perhaps made do without.
    pub(super) fn was_refused_memory(&self) -> bool {
        self.store.data().memory.refused
    }

    /// Makes it ready for another call.
    pub(super) fn renew(&mut self, budget: Budget, context: Context) {
        self.store.data_mut().renew(budget, context);
    }
}

impl Compiled {
    /// A room for a first call.
    pub(super) fn room(&self, budget: Budget, context: Context) -> Room {
        let mut store = Store::new(self.pre.engine(), State::new(budget, context));
        store.limiter(|state| &mut state.memory);
        store.call_hook(|mut store, crossing| {
            store.data_mut().host_time.cross(crossing);
            Ok(())
        });
        store.epoch_deadline_callback(|mut store| {
            store.data_mut().host_time.pass_over();
            Ok(UpdateDeadline::Yield(1))
        });
        Room { store, instance: None, calls: 0 }
    }

    /// Runs one call in a store of its own; see [`Compiled::call_in`].
    pub(super) async fn call<T>(
        &self,
        budget: Budget,
        context: Context,
        call: impl AsyncFnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<T>,
    ) -> (Result<T, Fault>, Receipt) {
        let mut room = self.room(budget, context);
        self.call_in(&mut room, budget, call).await
    }

    /// Runs one call, within the budget's times and memory. The receipt is whole whatever comes of the call, but for the
    /// bytes of payload, which the caller knows. After a fault the room takes no further call.
    pub(super) async fn call_in<T>(
        &self,
        Room { store, instance, calls }: &mut Room,
        budget: Budget,
        call: impl AsyncFnOnce(&mut Store<State>, &Instance) -> wasmtime::Result<T>,
    ) -> (Result<T, Fault>, Receipt) {
        store.set_epoch_deadline(1);
        // Twice what may be emitted, since a list takes room beside its texts.
        let host_call = HOST_CALL.max(budget.output_size.saturating_mul(2));
        store.set_hostcall_fuel(usize::try_from(host_call).unwrap_or(usize::MAX));
        *calls += 1;

        let begun = Instant::now();
        let mut wasm_time = Duration::ZERO;
        let running = async {
            let instance = match instance {
                Some(instance) => *instance,
                None => *instance.insert(self.pre.instantiate_async(&mut *store).await?),
            };
            call(store, &instance).await
        };
        let answer = within(budget, begun, &mut wasm_time, running).await;
        let receipt = Receipt {
            time: begun.elapsed(),
            wasm_time,
            host_time: store.data().host_time.sum(),
            peak_memory: store.data().memory.peak,
            bytes_in: 0,
            bytes_out: 0,
        };
        let last_words = store.data().output.finish();
        let answer = match answer {
            Err(overrun) => Err(overrun),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) if store.data().memory.refused => Err(Fault::Memory(budget.memory)),
            Ok(Err(error)) => Err(trapped(&error, last_words)),
        };
        (answer, receipt)
    }
}

/// Polls a call until it ends or has used up one of its times, and adds up what it spends being polled.
///
/// A plugin that computes is polled once a tick, so it is stopped within one even where the runtime is too busy to tell
/// the time; the alarm is for one that waits.
async fn within<F: Future>(budget: Budget, begun: Instant, spent: &mut Duration, call: F) -> Result<F::Output, Fault> {
    let mut call = pin!(call);
    let mut alarm = pin!(tokio::time::sleep(budget.time));
    std::future::poll_fn(|task| {
        let polled = Instant::now();
        if polled - begun < budget.time
            && let Poll::Ready(answer) = call.as_mut().poll(task)
        {
            *spent += polled.elapsed();
            return Poll::Ready(Ok(answer));
        }
        *spent += polled.elapsed();
        if begun.elapsed() >= budget.time || alarm.as_mut().poll(task).is_ready() {
            return Poll::Ready(Err(Fault::Time(budget.time)));
        }
        if *spent >= budget.wasm_time { Poll::Ready(Err(Fault::WasmTime(budget.wasm_time))) } else { Poll::Pending }
    })
    .await
}

/// The trap's own words; the backtrace around them is for the plugin's author and goes to the log.
fn trapped(error: &wasmtime::Error, last_words: String) -> Fault {
    tracing::debug!("the plugin trapped: {error:?}");
    let trap = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    Fault::Trap { trap, last_words: last_words.trim().replace('\n', " ") }
}
