//! One subscription's listener, as a story: closed (it listens) → open (cut off from its queue) → probing (it listens
//! for one message at a time) → closed. It stops without losing what it fetched.

use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU64, Ordering as Atomic};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::breaker::{Breaker, Verdict};
use super::order::{Lanes, Ordering, Turn};
use super::pipeline::{Ended, Health, Pipeline};
use super::rate::{Counted, Limits};
use crate::broker::{Condition, Listener, Progress, Received, Source};
use crate::message::Timestamp;
use crate::plugin::Live;

/// The wait between two tries to listen to a queue that the broker does not let us listen to.
const PAUSE: Duration = Duration::from_secs(1);
/// How many signals may wait; more of them than this say nothing new.
const SIGNALS: usize = 64;

/// What a subscription's listener is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "listener", rename_all = "kebab-case")]
pub enum ListenerState {
    /// Not listening yet, or not at the moment; tried again and again.
    Interrupted {
        reason: String,
    },
    Consuming,
    /// What it gets are events of the past; those that are published meanwhile wait in its queue.
    Backfilling(Progress),
    /// By an operator.
    Paused,
    /// Its breaker is open: messages wait in the queue until then.
    Open {
        reason: String,
        until: Timestamp,
    },
    /// Its breaker lets single messages through.
    Probing,
}

impl ListenerState {
    /// Whether the broker delivers messages.
    pub fn is_listening(&self) -> bool {
        matches!(self, Self::Consuming | Self::Backfilling(_) | Self::Probing)
    }
}

/// What changes what a listener does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signal {
    /// By an operator.
    Pause,
    Resume,
    /// The plugin is unhealthy, for the reason.
    Trip(String),
    /// The plugin is well again, or an operator says so.
    Close,
    /// A new version is live: it deserves a probe at once.
    Replaced,
}

/// A subscription and what its deliveries share beside the pipeline.
pub(super) struct Subscription {
    pub pipeline: Pipeline,
    pub source: Source,
    ordering: Ordering,
    /// How many deliveries may be in work at a time.
    places: Arc<Semaphore>,
    lanes: Arc<Lanes>,
    limits: Limits,
    in_flight: AtomicU64,
    breaker: Option<Mutex<Breaker>>,
    signals: mpsc::Sender<Signal>,
    state: watch::Sender<ListenerState>,
    /// Told when the state changes.
    news: Arc<watch::Sender<()>>,
}

/// The deliveries of one listener. Each returns the message that it has not begun.
type Deliveries = JoinSet<Option<Received>>;

/// Why it listens no more.
enum Cut {
    Stopped,
    Signal(Signal),
}

/// What it does next.
enum Phase {
    Closed,
    Open { reason: String },
    Probing,
}

impl Subscription {
    pub fn new(
        pipeline: Pipeline,
        source: Source,
        limits: Limits,
        news: Arc<watch::Sender<()>>,
    ) -> (Arc<Self>, mpsc::Receiver<Signal>) {
        let policy = pipeline.policy(&pipeline.live.load());
        let (signals, received) = mpsc::channel(SIGNALS);
        let starting = ListenerState::Interrupted { reason: "it is starting".into() };
        let subscription = Self {
            pipeline,
            source,
            ordering: policy.ordering,
            places: Arc::new(Semaphore::new(NonZeroU16::get(policy.concurrency).into())),
            lanes: Arc::default(),
            limits,
            in_flight: AtomicU64::new(0),
            breaker: policy.breaker.map(|trip| Mutex::new(Breaker::new(trip))),
            signals,
            state: watch::Sender::new(starting),
            news,
        };
        (Arc::new(subscription), received)
    }

    pub fn has_breaker(&self) -> bool {
        self.breaker.is_some()
    }

    /// Lets the next delivery begin on this version.
    pub fn replace(&self, live: &Arc<Live>) {
        let before = self.pipeline.live.swap(live.clone());
        if before.version != live.version {
            self.signal(Signal::Replaced);
        }
    }

    pub fn state(&self) -> ListenerState {
        self.state.borrow().clone()
    }

    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Atomic::Relaxed)
    }

    pub fn rate_limited(&self) -> u64 {
        self.limits.waiting()
    }

    /// Tells the listener. Signals beyond those that wait already would change nothing.
    pub fn signal(&self, signal: Signal) {
        if let Err(error) = self.signals.try_send(signal) {
            tracing::debug!(queue = %self.source.queue, "a signal was dropped: {error}");
        }
    }

    /// Listens as long as it may until it is told to stop, then waits for its deliveries in flight.
    pub async fn run(self: Arc<Self>, mut signals: mpsc::Receiver<Signal>, stop: CancellationToken) {
        let mut phase = Phase::Closed;
        loop {
            let cut = match phase {
                Phase::Closed => self.listen(ListenerState::Consuming, &mut signals, &stop).await,
                Phase::Open { ref reason } => self.wait(reason.clone(), &mut signals, &stop).await,
                Phase::Probing => self.listen(ListenerState::Probing, &mut signals, &stop).await,
            };
            let signal = match cut {
                Cut::Stopped => return,
                Cut::Signal(Signal::Pause) => match self.pause(&mut signals, &stop).await {
                    Cut::Stopped => return,
                    Cut::Signal(signal) => signal,
                },
                Cut::Signal(signal) => signal,
            };
            phase = self.next(phase, signal);
        }
    }

    /// Where a signal leads. Closing and opening is the breaker's to know.
    fn next(&self, phase: Phase, signal: Signal) -> Phase {
        match (signal, phase) {
            (Signal::Trip(reason), _) => Phase::Open { reason },
            (Signal::Close | Signal::Resume, _) => {
                self.on_breaker(Breaker::close);
                Phase::Closed
            }
            (Signal::Replaced, Phase::Open { .. }) => {
                self.on_breaker(Breaker::probe);
                Phase::Probing
            }
            (Signal::Replaced | Signal::Pause, phase) => phase,
        }
    }

    /// Open: messages wait in their queue, and nothing of them here. After the cool-down the plugin is asked whether it
    /// is healthy; the signal that this ends with is `Replaced`, since both deserve a probe.
    async fn wait(&self, mut reason: String, signals: &mut mpsc::Receiver<Signal>, stop: &CancellationToken) -> Cut {
        loop {
            let cool_down = self.on_breaker(Breaker::open).unwrap_or_default();
            tracing::warn!(queue = %self.source.queue, ?cool_down, "cut off from its queue: {reason}");
            let until = Timestamp::from_millis(Timestamp::now().millis() + cool_down.as_millis() as u64);
            self.set(ListenerState::Open { reason, until });
            tokio::select! {
                () = stop.cancelled() => return Cut::Stopped,
                Some(signal) = signals.recv() => return Cut::Signal(signal),
                () = tokio::time::sleep(cool_down) => {}
            }
            let live = self.pipeline.live.load_full();
            match stop.run_until_cancelled(live.handler.healthy()).await {
                None => return Cut::Stopped,
                Some(Ok(())) => return Cut::Signal(Signal::Replaced),
                Some(Err(unhealthy)) => reason = format!("it says that it is not healthy: {unhealthy}"),
            }
        }
    }

    async fn pause(&self, signals: &mut mpsc::Receiver<Signal>, stop: &CancellationToken) -> Cut {
        self.set(ListenerState::Paused);
        loop {
            match stop.run_until_cancelled(signals.recv()).await {
                Some(Some(Signal::Resume)) => return Cut::Signal(Signal::Resume),
                Some(Some(_)) => {}
                Some(None) | None => return Cut::Stopped,
            }
        }
    }

    /// Delivers what comes, until it is told otherwise. Then what is in flight ends, and the rest goes back uncounted.
    async fn listen(
        self: &Arc<Self>,
        consuming: ListenerState,
        signals: &mut mpsc::Receiver<Signal>,
        stop: &CancellationToken,
    ) -> Cut {
        let (source, places) = self.room(&consuming);
        let mut listener = tokio::select! {
            listener = self.attach(&source) => listener,
            cut = cut(&consuming, signals, stop) => return cut,
        };
        let mut condition = listener.condition();
        self.set(state_of(&condition.borrow_and_update(), &consuming));
        let (over, mut deliveries, mut unbegun) = (CancellationToken::new(), Deliveries::new(), Vec::new());
        let cut = loop {
            tokio::select! {
                biased;
                cut = cut(&consuming, signals, stop) => break cut,
                Ok(()) = condition.changed() => self.set(state_of(&condition.borrow_and_update(), &consuming)),
                // A breaker that trips ends what has not begun a moment before its signal comes.
                Some(ended) = deliveries.join_next() => unbegun.extend(ended.ok().flatten()),
                received = listener.next() => {
                    let Some(received) = received else { break Cut::Stopped };
                    let turn = self.lanes.join(&self.ordering, &received.message);
                    deliveries.spawn(self.clone().deliver(received, turn, places.clone(), over.clone()));
                }
            }
        };
        over.cancel();
        self.set(ListenerState::Interrupted { reason: "its deliveries in flight are ending".into() });
        match self.ordering {
            Ordering::None => self.wind_up(listener, deliveries, unbegun).await,
            Ordering::Key(_) | Ordering::Queue => self.wind_up_in_order(listener, deliveries, unbegun).await,
        }
        cut
    }

    /// How much is fetched, and how much of it is in work at a time: one by one while the breaker probes. Where order is
    /// kept the prefetch stays the same: a quorum queue that took back more than the next listener fetches puts what
    /// that gives back behind the rest.
    fn room(&self, consuming: &ListenerState) -> (Source, Arc<Semaphore>) {
        let source = self.source.clone();
        match (consuming, &self.ordering) {
            (ListenerState::Probing, Ordering::None) => {
                (Source { prefetch: NonZeroU16::MIN, ..source }, Arc::new(Semaphore::new(1)))
            }
            (ListenerState::Probing, _) => (source, Arc::new(Semaphore::new(1))),
            _ => (source, self.places.clone()),
        }
    }

    /// Tries until the broker lets us listen.
    async fn attach(&self, source: &Source) -> Box<dyn Listener> {
        loop {
            match self.pipeline.broker.listen(source.clone()).await {
                Ok(listener) => return listener,
                Err(error) => {
                    tracing::warn!(queue = %source.queue, "not listening, tried again: {error}");
                    self.set(ListenerState::Interrupted { reason: error.to_string() });
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Delivers one message as soon as its turn, a place and the rates allow it. Returns it where listening was over
    /// before.
    async fn deliver(
        self: Arc<Self>,
        mut received: Received,
        mut turn: Turn,
        places: Arc<Semaphore>,
        over: CancellationToken,
    ) -> Option<Received> {
        if over.run_until_cancelled(turn.comes()).await.is_none() {
            return Some(received);
        }
        let mut wait = match self.ordering {
            Ordering::None => Duration::ZERO,
            _ => self.pipeline.recall(&mut received.message).await,
        };
        loop {
            let ready = async {
                tokio::time::sleep(wait).await;
                let place = places.acquire().await;
                self.limits.wait().await;
                place
            };
            let ready = over.run_until_cancelled(ready).await;
            // Both may come at once, and then nothing begins.
            let Some(_place) = ready.filter(|_| !over.is_cancelled()) else { return Some(received) };
            let _counted = Counted::new(&self.in_flight);
            match self.pipeline.deliver(received).await {
                Ended::Settled(health) => {
                    self.judge(health, &over);
                    return None;
                }
                Ended::Kept { received: kept, wait: again, health } => {
                    self.judge(health, &over);
                    (received, wait) = (*kept, again);
                }
            }
        }
    }

    /// Lets the breaker hear of a delivery. Where it trips, none begins after that.
    fn judge(&self, health: Health, over: &CancellationToken) {
        if health == Health::Unknown {
            return;
        }
        match self.on_breaker(|breaker| breaker.record(health == Health::Failed, Instant::now())) {
            Some(Verdict::Trip(reason)) => {
                over.cancel();
                self.signal(Signal::Trip(reason));
            }
            Some(Verdict::Close) => self.signal(Signal::Close),
            Some(Verdict::Stay) | None => {}
        }
    }

    /// Asks for no more, hands back what was not begun, and waits for what is in flight.
    async fn wind_up(&self, mut listener: Box<dyn Listener>, mut deliveries: Deliveries, unbegun: Vec<Received>) {
        listener.stop().await;
        for received in unbegun {
            self.pipeline.hand_back(received).await;
        }
        while let Some(received) = listener.next().await {
            self.pipeline.hand_back(received).await;
        }
        while let Some(ended) = deliveries.join_next().await {
            if let Ok(Some(received)) = ended {
                self.pipeline.hand_back(received).await;
            }
        }
    }

    /// The same where order is kept: what was not begun must all go back at once, and nobody may get what comes after it
    /// before. So the listener stays until everything in flight has ended, and is then dropped with all that it had out.
    async fn wind_up_in_order(
        &self,
        listener: Box<dyn Listener>,
        mut deliveries: Deliveries,
        mut unbegun: Vec<Received>,
    ) {
        while let Some(ended) = deliveries.join_next().await {
            unbegun.extend(ended.ok().flatten());
        }
        drop(listener);
        unbegun.into_iter().for_each(|received| self.pipeline.let_go(received));
    }

    fn on_breaker<T>(&self, act: impl FnOnce(&mut Breaker) -> T) -> Option<T> {
        let breaker = self.breaker.as_ref()?;
        Some(act(&mut breaker.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn set(&self, state: ListenerState) {
        self.state.send_replace(state);
        self.news.send_replace(());
    }
}

/// Waits for what ends listening. What only says that it should listen changes nothing.
async fn cut(now: &ListenerState, signals: &mut mpsc::Receiver<Signal>, stop: &CancellationToken) -> Cut {
    loop {
        match stop.run_until_cancelled(signals.recv()).await {
            Some(Some(Signal::Resume | Signal::Replaced)) => {}
            Some(Some(Signal::Close)) if *now == ListenerState::Consuming => {}
            Some(Some(signal)) => return Cut::Signal(signal),
            Some(None) | None => return Cut::Stopped,
        }
    }
}

fn state_of(condition: &Condition, consuming: &ListenerState) -> ListenerState {
    match condition {
        Condition::Consuming => consuming.clone(),
        Condition::Backfilling(progress) => ListenerState::Backfilling(*progress),
        Condition::Interrupted { reason } => ListenerState::Interrupted { reason: reason.clone() },
    }
}
