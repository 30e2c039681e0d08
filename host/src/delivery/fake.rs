//! A broker and plugins of which a test decides everything, for states that real ones cannot be brought into at will.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use crate::broker::{
    Acknowledge, Broker, BrokerError, BrokerStatus, Browse, Condition, Finding, Listener, Outgoing, PublishError,
    Published, Received, Source, Wanted,
};
use crate::ledger::{Held, Inbox, LedgerError, Window};
use crate::message::{FailedAttempt, Message, MessageId, Receipt};
use crate::name::{PluginId, QueueName};
use crate::plugin::{
    AskedLimits, Description, Digest, Draft, Handler, Incoming, Invocation, Live, Outcome, Recovered, Schemas, Uses,
    Version,
};

/// What the pipeline did to the broker, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Published(Box<Outgoing>),
    PublishFailed,
    Acknowledged(MessageId),
    GivenBack(MessageId),
}

/// One queue. What goes back to it takes its old place; what is published is only noted.
#[derive(Debug)]
pub struct FakeBroker {
    queue: Arc<Queue>,
    /// How many publishes fail before one succeeds.
    failures: Mutex<u32>,
    status: watch::Sender<BrokerStatus>,
}

#[derive(Debug, Default)]
struct Queue {
    steps: Mutex<Vec<Step>>,
    waiting: Mutex<BTreeMap<u64, Message>>,
    arrived: Notify,
    pushed: AtomicU64,
    /// The prefetch of every listener so far.
    prefetches: Mutex<Vec<u16>>,
}

impl Queue {
    fn note(&self, step: Step) {
        self.steps.lock().expect("not poisoned").push(step);
    }

    fn put(&self, place: u64, message: Message) {
        self.waiting.lock().expect("not poisoned").insert(place, message);
        self.arrived.notify_waiters();
    }
}

impl FakeBroker {
    pub fn new() -> Arc<Self> {
        let status = watch::Sender::new(BrokerStatus::Ready);
        Arc::new(Self { queue: Arc::default(), failures: Mutex::new(0), status })
    }

    pub fn fail_publishes(&self, times: u32) {
        *self.failures.lock().expect("not poisoned") = times;
    }

    pub fn push(&self, message: Message) {
        self.queue.put(self.queue.pushed.fetch_add(1, Ordering::Relaxed), message);
    }

    /// How many messages wait.
    pub fn waiting(&self) -> usize {
        self.queue.waiting.lock().expect("not poisoned").len()
    }

    pub fn prefetches(&self) -> Vec<u16> {
        self.queue.prefetches.lock().expect("not poisoned").clone()
    }

    pub fn steps(&self) -> Vec<Step> {
        self.queue.steps.lock().expect("not poisoned").clone()
    }

    pub fn published(&self) -> Vec<Outgoing> {
        let published = |step| match step {
            Step::Published(outgoing) => Some(*outgoing),
            _ => None,
        };
        self.steps().into_iter().filter_map(published).collect()
    }
}

#[async_trait]
impl Broker for FakeBroker {
    async fn listen(&self, source: Source) -> Result<Box<dyn Listener>, BrokerError> {
        self.queue.prefetches.lock().expect("not poisoned").push(source.prefetch.get());
        let room = Arc::new(Semaphore::new(source.prefetch.get().into()));
        Ok(Box::new(FakeListener { queue: self.queue.clone(), room, stopped: false }))
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Result<Published, PublishError> {
        let mut failures = self.failures.lock().expect("not poisoned");
        if *failures > 0 {
            *failures -= 1;
            self.queue.note(Step::PublishFailed);
            return Err(PublishError::Unreachable("the test says so".into()));
        }
        batch.into_iter().for_each(|outgoing| self.queue.note(Step::Published(Box::new(outgoing))));
        Ok(Published::default())
    }

    async fn browse(&self, _: &QueueName) -> Result<Box<dyn Browse>, BrokerError> {
        Err(BrokerError::Refused("the test has nothing to browse".into()))
    }

    async fn inspect(&self, _: &[Wanted]) -> Result<Vec<Finding>, BrokerError> {
        Ok(Vec::new())
    }

    async fn declare(&self, _: &Wanted) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn delete_empty(&self, _: &QueueName) -> Result<(), BrokerError> {
        Ok(())
    }

    fn reconnects(&self) -> u64 {
        0
    }

    async fn depth(&self, _: &QueueName) -> Result<Option<u64>, BrokerError> {
        Ok(None)
    }

    fn status(&self) -> watch::Receiver<BrokerStatus> {
        self.status.subscribe()
    }

    async fn close(&self) {}
}

struct FakeListener {
    queue: Arc<Queue>,
    room: Arc<Semaphore>,
    stopped: bool,
}

#[async_trait]
impl Listener for FakeListener {
    async fn next(&mut self) -> Option<Received> {
        if self.stopped {
            return None;
        }
        loop {
            let arrived = self.queue.arrived.notified();
            let room = self.room.clone().acquire_owned().await.expect("never closed");
            let first = self.queue.waiting.lock().expect("not poisoned").pop_first();
            if let Some((place, message)) = first {
                let unsettled = Some((place, message.clone()));
                let receipt = Box::new(FakeReceipt { unsettled, queue: self.queue.clone(), _room: room });
                return Some(Received { message, redelivered: false, receipt });
            }
            drop(room);
            arrived.await;
        }
    }

    async fn stop(&mut self) {
        self.stopped = true;
    }

    fn condition(&self) -> watch::Receiver<Condition> {
        watch::channel(Condition::Consuming).1
    }
}

#[derive(Debug)]
struct FakeReceipt {
    unsettled: Option<(u64, Message)>,
    queue: Arc<Queue>,
    _room: OwnedSemaphorePermit,
}

#[async_trait]
impl Acknowledge for FakeReceipt {
    async fn acknowledge(mut self: Box<Self>) -> Result<(), BrokerError> {
        if let Some((_, message)) = self.unsettled.take() {
            self.queue.note(Step::Acknowledged(message.id));
        }
        Ok(())
    }

    async fn give_back(self: Box<Self>) -> Result<(), BrokerError> {
        Ok(())
    }
}

impl Drop for FakeReceipt {
    fn drop(&mut self) {
        if let Some((place, message)) = self.unsettled.take() {
            self.queue.note(Step::GivenBack(message.id.clone()));
            self.queue.put(place, message);
        }
    }
}

/// Remembers as a ledger does, as long as the test runs.
#[derive(Debug, Default)]
pub struct FakeInbox {
    handled: Mutex<HashSet<(PluginId, MessageId)>>,
    pub held: Mutex<HashMap<MessageId, Held>>,
}

#[async_trait]
impl Inbox for FakeInbox {
    async fn has_handled(&self, plugin: &PluginId, id: &MessageId, _: Window) -> Result<bool, LedgerError> {
        Ok(self.handled.lock().expect("not poisoned").contains(&(plugin.clone(), id.clone())))
    }

    async fn handled(&self, plugin: &PluginId, _: &QueueName, id: &MessageId, _: Window) -> Result<(), LedgerError> {
        self.held.lock().expect("not poisoned").remove(id);
        self.handled.lock().expect("not poisoned").insert((plugin.clone(), id.clone()));
        Ok(())
    }

    async fn held(&self, _: &QueueName, id: &MessageId) -> Result<Option<Held>, LedgerError> {
        Ok(self.held.lock().expect("not poisoned").get(id).cloned())
    }

    async fn hold(&self, _: &QueueName, id: &MessageId, held: Option<Held>) -> Result<(), LedgerError> {
        let mut all = self.held.lock().expect("not poisoned");
        match held {
            Some(held) => all.insert(id.clone(), held),
            None => all.remove(id),
        };
        Ok(())
    }
}

/// Answers every message the same way, once it is let through.
pub struct FakeHandler {
    outcome: Mutex<Outcome>,
    recovered: Option<Result<Vec<Draft>, String>>,
    healthy: Mutex<Result<(), String>>,
    pub gate: Arc<Semaphore>,
    pub begun: Arc<Semaphore>,
    /// The payloads and attempts' failures that it was given, in order.
    pub handled: Mutex<Vec<String>>,
    pub recoveries: Mutex<Vec<usize>>,
}

impl FakeHandler {
    pub fn answering(outcome: Outcome) -> Arc<Self> {
        Self::gated(outcome, Semaphore::MAX_PERMITS)
    }

    /// Answers only as often as `gate` has permits.
    pub fn gated(outcome: Outcome, permits: usize) -> Arc<Self> {
        Arc::new(Self::new(outcome, permits))
    }

    /// Answers with the outcome, and recovers in this way.
    pub fn recovering(outcome: Outcome, recovered: Result<Vec<Draft>, String>) -> Arc<Self> {
        Arc::new(Self { recovered: Some(recovered), ..Self::new(outcome, Semaphore::MAX_PERMITS) })
    }

    fn new(outcome: Outcome, permits: usize) -> Self {
        Self {
            outcome: Mutex::new(outcome),
            recovered: None,
            healthy: Mutex::new(Ok(())),
            gate: Arc::new(Semaphore::new(permits)),
            begun: Arc::new(Semaphore::new(0)),
            handled: Mutex::default(),
            recoveries: Mutex::default(),
        }
    }

    /// Answers otherwise from now on.
    pub fn answer(&self, outcome: Outcome) {
        *self.outcome.lock().expect("not poisoned") = outcome;
    }

    pub fn feel(&self, healthy: Result<(), &str>) {
        *self.healthy.lock().expect("not poisoned") = healthy.map_err(str::to_owned);
    }

    pub async fn has_begun(&self) {
        self.begun.acquire().await.expect("never closed").forget();
    }

    pub fn handled(&self) -> Vec<String> {
        self.handled.lock().expect("not poisoned").clone()
    }
}

#[async_trait]
impl Handler for FakeHandler {
    async fn handle(&self, message: Incoming<'_>) -> Invocation {
        self.handled.lock().expect("not poisoned").push(message.payload.to_owned());
        self.begun.add_permits(1);
        let _passed = self.gate.acquire().await.expect("never closed");
        tokio::time::sleep(Duration::from_millis(1)).await;
        let outcome = self.outcome.lock().expect("not poisoned").clone();
        Invocation { outcome, receipt: Receipt::default() }
    }

    async fn recover(&self, _: Incoming<'_>, attempts: &[FailedAttempt]) -> Option<Recovered> {
        self.recoveries.lock().expect("not poisoned").push(attempts.len());
        let answer = self.recovered.clone()?;
        Some(Recovered { answer, receipt: Receipt::default() })
    }

    async fn healthy(&self) -> Result<(), String> {
        self.healthy.lock().expect("not poisoned").clone()
    }
}

/// A live version of the plugin `pheidi` that subscribes to one event.
pub fn live(version: &str, event: &str, handler: Arc<dyn Handler>) -> Arc<Live> {
    let app: crate::name::AppName = "pheidi".parse().expect("legal");
    let plugin = "pheidi".parse().expect("legal");
    let description = Description {
        version: version.into(),
        summary: String::new(),
        subscriptions: BTreeSet::from([event.parse().expect("legal")]),
        emits: BTreeSet::new(),
        performs: BTreeSet::new(),
        announces: BTreeSet::new(),
        limits: AskedLimits::default(),
        timetable: Vec::new(),
        schemas: Schemas::default(),
    };
    let version = Version { text: version.into(), digest: Digest::of(version.as_bytes()) };
    Arc::new(Live {
        id: PluginId::new(app, plugin),
        version,
        description,
        uses: Uses::default(),
        outside_pool: None,
        voucher: None,
        handler,
    })
}
