//! A broker and plugins of which a test decides everything, for states that real ones cannot be brought into at will.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::broker::{
    Acknowledge, Broker, BrokerError, BrokerStatus, Browse, Condition, Finding, Listener, Outgoing, PublishError,
    Published, Received, Source, Wanted,
};
use crate::message::{Message, MessageId, Receipt};
use crate::name::{PluginId, QueueName};
use crate::plugin::{AskedLimits, Description, Digest, Event, Handler, Invocation, Live, Outcome, Version};

/// What the pipeline did to the broker, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Published(Box<Outgoing>),
    PublishFailed,
    Acknowledged(MessageId),
    GivenBack(MessageId),
}

#[derive(Debug)]
pub struct FakeBroker {
    pub steps: Arc<Mutex<Vec<Step>>>,
    /// How many publishes fail before one succeeds.
    failures: Mutex<u32>,
    sender: mpsc::UnboundedSender<Message>,
    receiver: Mutex<Option<mpsc::UnboundedReceiver<Message>>>,
    status: watch::Sender<BrokerStatus>,
}

impl FakeBroker {
    pub fn new() -> Arc<Self> {
        let (sender, receiver) = mpsc::unbounded_channel();
        Arc::new(Self {
            steps: Arc::default(),
            failures: Mutex::new(0),
            sender,
            receiver: Mutex::new(Some(receiver)),
            status: watch::Sender::new(BrokerStatus::Ready),
        })
    }

    pub fn fail_publishes(&self, times: u32) {
        *self.failures.lock().expect("not poisoned") = times;
    }

    pub fn push(&self, message: Message) {
        self.sender.send(message).expect("somebody listens");
    }

    pub fn steps(&self) -> Vec<Step> {
        self.steps.lock().expect("not poisoned").clone()
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
    async fn listen(&self, _: Source) -> Result<Box<dyn Listener>, BrokerError> {
        let receiver = self.receiver.lock().expect("not poisoned").take();
        let receiver = receiver.ok_or_else(|| BrokerError::Refused("one listener only".into()))?;
        Ok(Box::new(FakeListener { receiver, steps: self.steps.clone() }))
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Result<Published, PublishError> {
        let mut steps = self.steps.lock().expect("not poisoned");
        let mut failures = self.failures.lock().expect("not poisoned");
        if *failures > 0 {
            *failures -= 1;
            steps.push(Step::PublishFailed);
            return Err(PublishError::Unreachable("the test says so".into()));
        }
        steps.extend(batch.into_iter().map(|outgoing| Step::Published(Box::new(outgoing))));
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
    receiver: mpsc::UnboundedReceiver<Message>,
    steps: Arc<Mutex<Vec<Step>>>,
}

#[async_trait]
impl Listener for FakeListener {
    async fn next(&mut self) -> Option<Received> {
        let message = self.receiver.recv().await?;
        let receipt = Box::new(FakeReceipt { id: message.id.clone(), steps: self.steps.clone() });
        Some(Received { message, redelivered: false, receipt })
    }

    async fn stop(&mut self) {
        self.receiver.close();
    }

    fn condition(&self) -> watch::Receiver<Condition> {
        watch::channel(Condition::Consuming).1
    }
}

#[derive(Debug)]
struct FakeReceipt {
    id: MessageId,
    steps: Arc<Mutex<Vec<Step>>>,
}

#[async_trait]
impl Acknowledge for FakeReceipt {
    async fn acknowledge(self: Box<Self>) -> Result<(), BrokerError> {
        self.steps.lock().expect("not poisoned").push(Step::Acknowledged(self.id));
        Ok(())
    }

    async fn give_back(self: Box<Self>) -> Result<(), BrokerError> {
        self.steps.lock().expect("not poisoned").push(Step::GivenBack(self.id));
        Ok(())
    }
}

/// Answers every event the same way, once it is let through.
pub struct FakeHandler {
    outcome: Outcome,
    pub gate: Arc<Semaphore>,
    pub begun: Arc<Semaphore>,
}

impl FakeHandler {
    pub fn answering(outcome: Outcome) -> Arc<Self> {
        Self::gated(outcome, Semaphore::MAX_PERMITS)
    }

    /// Answers only as often as `gate` has permits.
    pub fn gated(outcome: Outcome, permits: usize) -> Arc<Self> {
        Arc::new(Self { outcome, gate: Arc::new(Semaphore::new(permits)), begun: Arc::new(Semaphore::new(0)) })
    }

    pub async fn has_begun(&self) {
        self.begun.acquire().await.expect("never closed").forget();
    }
}

#[async_trait]
impl Handler for FakeHandler {
    async fn on_event(&self, _: Event<'_>) -> Invocation {
        self.begun.add_permits(1);
        let _passed = self.gate.acquire().await.expect("never closed");
        tokio::time::sleep(Duration::from_millis(1)).await;
        Invocation { outcome: self.outcome.clone(), receipt: Receipt::default() }
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
        wanted: BTreeMap::new(),
        emitted: BTreeMap::new(),
    };
    let version = Version { text: version.into(), digest: Digest::of(version.as_bytes()) };
    Arc::new(Live { id: PluginId::new(app, plugin), version, description, unserved: Vec::new(), handler })
}
