//! Runs the calls of all plugins so that those of one cost the others little (I6).
//!
//! A call begins on the host's own threads if the plugin's last ones were short. One that goes on computing, or waiting,
//! is long: it goes over to threads that step back behind everything else, where calls take turns, and it trades its place
//! for one of those for long calls. So short calls share neither threads nor places with those that never end.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;
use tracing::instrument::WithSubscriber as _;

use super::background::{spare_processors, step_back, time_on_processor};
use super::places::{Number, Place, Places};
use crate::name::PluginId;

/// Time on a processor from which a call is long: a loop that begins anywhere has used as much at its second turn.
const LONG: Duration = Duration::from_millis(5);
/// Time by the clock from which one that waits is long.
const PATIENCE: Duration = Duration::from_millis(10);
/// How many short calls in a row regain the trust that a long one has lost.
const PENANCE: u32 = 8;
/// All that is described shares as one neighbour.
const DESCRIBED: Number = 0;

/// A plugin among others: what it is known for. All versions of one plugin are one neighbour.
pub(super) struct Neighbour {
    number: Number,
    /// How many short calls it has to make before its calls begin beside everybody else's.
    owes: AtomicU32,
}

impl Neighbour {
    /// One that nobody knows yet: its first call shows.
    fn new(number: Number) -> Self {
        Self { number, owes: AtomicU32::new(1) }
    }

    fn is_trusted(&self) -> bool {
        self.owes.load(Ordering::Relaxed) == 0
    }

    fn was(&self, long: bool) {
        if long {
            self.owes.store(PENANCE, Ordering::Relaxed);
        } else if !self.is_trusted() {
            // Calls that end at the same time may count as one, which only takes longer.
            self.owes.store(self.owes.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
        }
    }
}

/// Where calls run.
pub(super) struct Fair {
    short: Arc<Places>,
    long: Arc<Places>,
    /// Of descriptions and probes, so that neither is kept waiting by deliveries.
    apart: Arc<Places>,
    /// To be polled, among long calls.
    turns: Arc<Places>,
    neighbours: Mutex<BTreeMap<PluginId, Weak<Neighbour>>>,
    numbers: AtomicU64,
    threads: OnceLock<Option<Threads>>,
}

/// The threads of long calls.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        // The last call may end on one of them, which cannot wait for itself.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Fair {
    /// With so many places for short calls, as many for long ones, and some for descriptions and probes.
    pub(super) fn new(places: u16, apart: u16) -> Self {
        Self {
            short: Places::new(places.into()),
            long: Places::new(places.into()),
            apart: Places::new(apart.into()),
            turns: Places::new(spare_processors()),
            neighbours: Mutex::default(),
            numbers: AtomicU64::new(DESCRIBED + 1),
            threads: OnceLock::new(),
        }
    }

    /// The plugin as a neighbour.
    pub(super) fn neighbour(&self, plugin: &PluginId) -> Arc<Neighbour> {
        // Nothing panics while it is held, so what a poisoned lock guards is still whole.
        let mut neighbours = self.neighbours.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(neighbour) = neighbours.get(plugin).and_then(Weak::upgrade) {
            return neighbour;
        }
        neighbours.retain(|_, neighbour| neighbour.strong_count() > 0);
        let neighbour = Arc::new(Neighbour::new(self.numbers.fetch_add(1, Ordering::Relaxed)));
        neighbours.insert(plugin.clone(), Arc::downgrade(&neighbour));
        neighbour
    }

    /// Runs a call of a plugin, as soon as there is a place for it.
    pub(super) async fn run<F>(&self, neighbour: &Arc<Neighbour>, call: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        if neighbour.is_trusted() {
            let place = self.short.take(neighbour.number).await;
            // While it waited its plugin may have become known for long calls.
            if neighbour.is_trusted() {
                let mut call = Box::pin(call);
                return match first_moments(&mut call, neighbour).await {
                    Some(answer) => answer,
                    None => self.go_over(neighbour, place, call).await,
                };
            }
        }
        let (long, turns, neighbour) = (self.long.clone(), self.turns.clone(), neighbour.clone());
        self.step_back(async move {
            let _place = long.take(neighbour.number).await;
            let (answer, is_long) = in_turns(&turns, neighbour.number, Box::pin(call)).await;
            neighbour.was(is_long);
            answer
        })
        .await
    }

    /// Goes on with a call that is long. It gives its place back as soon as it has one among its like.
    async fn go_over<F>(&self, neighbour: &Neighbour, place: Place, call: Pin<Box<F>>) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        neighbour.was(true);
        let (long, turns, number) = (self.long.clone(), self.turns.clone(), neighbour.number);
        self.step_back(async move {
            tokio::select! {
                (answer, _) = in_turns(&turns, number, call) => answer,
                never = trade(&long, number, place) => match never {},
            }
        })
        .await
    }

    /// Runs a description.
    pub(super) async fn describe<F>(&self, call: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.run_apart(DESCRIBED, call).await
    }

    /// Runs a plugin's probe.
    pub(super) async fn probe<F>(&self, neighbour: &Neighbour, call: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.run_apart(neighbour.number, call).await
    }

    async fn run_apart<F>(&self, number: Number, call: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (apart, turns) = (self.apart.clone(), self.turns.clone());
        self.step_back(async move {
            let _place = apart.take(number).await;
            in_turns(&turns, number, Box::pin(call)).await.0
        })
        .await
    }

    /// Runs something on the threads of long calls, and drops it where nobody waits for it any more.
    async fn step_back<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> T {
        // What it logs goes where its caller's log goes: `leveret test` reads a plugin's lines.
        let call = call.in_current_span().with_current_subscriber();
        let threads = self.threads.get_or_init(threads).as_ref().and_then(|Threads(runtime)| runtime.as_ref());
        let running = match threads {
            Some(threads) => threads.spawn(call),
            None => tokio::spawn(call),
        };
        match AbortOnDropHandle::new(running).await {
            Ok(answer) => answer,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
}

/// `None` on a system without a thread to spare, where long calls run beside all others.
fn threads() -> Option<Threads> {
    let mut threads = Builder::new_multi_thread();
    threads.worker_threads(spare_processors()).thread_name("leveret-long").on_thread_start(step_back).enable_all();
    match threads.build() {
        Ok(runtime) => Some(Threads(Some(runtime))),
        Err(error) => {
            tracing::warn!("no threads for plugins that take long, so all others feel them: {error}");
            None
        }
    }
}

/// Polls a call where it is. `None` once it is long, or its plugin is known for long calls.
async fn first_moments<F: Future + Unpin>(call: &mut F, neighbour: &Neighbour) -> Option<F::Output> {
    let mut spent = Duration::ZERO;
    let mut patience = pin!(tokio::time::sleep(PATIENCE));
    std::future::poll_fn(|task| {
        let stint = Stint::begin();
        let answer = Pin::new(&mut *call).poll(task);
        spent += stint.computed();
        if let Poll::Ready(answer) = answer {
            neighbour.was(spent >= LONG);
            return Poll::Ready(Some(answer));
        }
        let is_long = spent >= LONG || !neighbour.is_trusted() || patience.as_mut().poll(task).is_ready();
        if is_long { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

/// Polls a call, each time when it is its plugin's turn. Says whether it was long.
async fn in_turns<F: Future>(turns: &Arc<Places>, number: Number, mut call: Pin<Box<F>>) -> (F::Output, bool) {
    let (mut spent, mut waited) = (Duration::ZERO, Duration::ZERO);
    loop {
        let turn = turns.take(number).await;
        let stint = Stint::begin();
        let (answer, bell) = std::future::poll_fn(|task| {
            let bell = Arc::new(Bell { task: task.waker().clone(), rung: OnceLock::new() });
            Poll::Ready((call.as_mut().poll(&mut Context::from_waker(&bell.clone().into())), bell))
        })
        .await;
        spent += stint.computed();
        let asleep = Instant::now();
        drop(turn);
        if let Poll::Ready(answer) = answer {
            return (answer, spent >= LONG || waited >= PATIENCE);
        }
        // The call has arranged to be woken, and this task with it.
        let mut is_woken = false;
        std::future::poll_fn(|_| if std::mem::replace(&mut is_woken, true) { Poll::Ready(()) } else { Poll::Pending })
            .await;
        waited += bell.rung.get().map_or(Duration::ZERO, |rung| rung.saturating_duration_since(asleep));
    }
}

/// Tells when a call that waited was woken: how long it took after that to be polled is its neighbours' doing.
struct Bell {
    task: Waker,
    rung: OnceLock<Instant>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Woken twice, it has waited until the first time.
        let _ = self.rung.set(Instant::now());
        self.task.wake_by_ref();
    }
}

/// A stretch of work on one thread.
struct Stint {
    begun: Instant,
    on_processor: Option<Duration>,
}

impl Stint {
    fn begin() -> Self {
        Self { begun: Instant::now(), on_processor: time_on_processor() }
    }

    /// How long it computed. By the clock where that is little, and else without what stood before it on the processor: a
    /// call must not be taken for long since its neighbours are.
    fn computed(&self) -> Duration {
        let elapsed = self.begun.elapsed();
        if elapsed < LONG {
            return elapsed;
        }
        match (self.on_processor, time_on_processor()) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            _ => elapsed,
        }
    }
}

/// Gives a place back for another, and keeps that one.
async fn trade(long: &Arc<Places>, number: Number, place: Place) -> Infallible {
    let _place = long.take(number).await;
    drop(place);
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(name: &str) -> PluginId {
        PluginId::new("app".parse().expect("legal"), name.parse().expect("legal"))
    }

    /// Where a call ran.
    async fn thread() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    async fn computes() {
        let stint = Stint::begin();
        while stint.computed() < LONG {
            std::hint::spin_loop();
        }
        tokio::task::yield_now().await;
    }

    #[tokio::test]
    async fn i6_a_call_that_others_keep_from_the_processor_is_not_taken_for_long() {
        let fair = Fair::new(2, 1);
        let neighbour = fair.neighbour(&plugin("one"));
        // Off the processor, though it is being polled, as it is while others are on it.
        fair.run(&neighbour, async { std::thread::sleep(LONG * 2) }).await;
        assert!(neighbour.is_trusted());
    }

    #[tokio::test]
    async fn i6_a_plugin_is_trusted_after_a_short_call_and_no_more_after_a_long_one() {
        let fair = Fair::new(2, 1);
        let neighbour = fair.neighbour(&plugin("one"));
        assert_eq!(fair.run(&neighbour, thread()).await, "leveret-long");
        assert_ne!(fair.run(&neighbour, thread()).await, "leveret-long");
        fair.run(&neighbour, computes()).await;
        for _ in 0..PENANCE {
            assert_eq!(fair.run(&neighbour, thread()).await, "leveret-long");
        }
        assert_ne!(fair.run(&neighbour, thread()).await, "leveret-long");
    }

    #[tokio::test]
    async fn i6_a_call_that_computes_or_waits_goes_over_as_it_is() {
        let fair = Fair::new(2, 1);
        let neighbour = fair.neighbour(&plugin("one"));
        let waits = async || tokio::time::sleep(PATIENCE * 2).await;
        for long in 0..2 {
            neighbour.owes.store(0, Ordering::Relaxed);
            let call = async move {
                let begun = thread().await;
                if long == 0 {
                    computes().await
                } else {
                    waits().await
                }
                (begun, thread().await)
            };
            let (begun, ended) = fair.run(&neighbour, call).await;
            assert_ne!(begun, "leveret-long");
            assert_eq!(ended, "leveret-long");
            assert!(!neighbour.is_trusted());
        }
    }

    #[tokio::test]
    async fn all_versions_of_a_plugin_are_one_neighbour() {
        let fair = Fair::new(1, 1);
        let (first, second) = (fair.neighbour(&plugin("one")), fair.neighbour(&plugin("one")));
        assert!(Arc::ptr_eq(&first, &second));
        assert_ne!(fair.neighbour(&plugin("other")).number, first.number);
    }

    #[tokio::test]
    async fn i8_nothing_is_kept_of_a_call_that_nobody_waits_for() {
        let fair = Fair::new(1, 1);
        let neighbour = fair.neighbour(&plugin("one"));
        let never = fair.run(&neighbour, std::future::pending::<()>());
        assert!(tokio::time::timeout(PATIENCE, never).await.is_err());
        // Its place is free again.
        fair.run(&neighbour, async {}).await;
    }
}
