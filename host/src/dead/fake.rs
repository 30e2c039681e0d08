//! A broker of a few queues in memory, which can be told to fail.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use tokio::sync::watch;

use super::Letter;
use crate::broker::{
    Acknowledge, Broker, BrokerError, BrokerStatus, Browse, Destination, Finding, Listener, Outgoing, PublishError,
    Published, Received, Source, Wanted,
};
use crate::message::{
    Attempt, DEAD_PLUGIN, DEAD_QUEUE, DEAD_REASON, DEAD_TIME, FailedAttempt, HeaderValue, Message, MessageId, Receipt,
    Subject, Tid, Timestamp,
};
use crate::name::QueueName;

/// A letter of a plugin that was busy: about `user.authorized`, dead at 1,000 ms after its third attempt.
pub fn dead_event(app: &str, plugin: &str, id: &str) -> Letter {
    let mut message = Message::new(Subject::Event("user.authorized".parse().expect("legal")), "{}");
    message.id = MessageId::from_wire(id).expect("legal");
    message.tid = Tid::from_wire("t-1").expect("legal");
    message.attempt = Attempt::new(3).expect("not 0");
    message.headers = [
        ("traceparent", "00-1-1-01".into()),
        (DEAD_REASON, "busy".into()),
        (DEAD_PLUGIN, plugin.into()),
        (DEAD_QUEUE, "any".into()),
        (DEAD_TIME, HeaderValue::Unsigned(1000)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let failure = FailedAttempt {
        attempt: message.attempt,
        time: Timestamp::from_millis(1000),
        version: "1 (abcdef01)".into(),
        reason: "busy".into(),
        receipt: Receipt::default(),
    };
    Letter::new(app.parse().expect("legal"), message.with_failure(failure))
}

type Queues = Arc<Mutex<BTreeMap<String, VecDeque<Message>>>>;

/// Queues that exist as soon as they are named here, and no others.
#[derive(Debug)]
pub struct FakeBroker {
    queues: Queues,
    /// How many publishes fail, as if the broker were gone.
    pub unreachable: AtomicUsize,
    /// How many publishes of more than one message are refused.
    pub refused_batches: AtomicUsize,
    /// Whether messages can be acknowledged.
    deaf: Arc<AtomicUsize>,
    /// Letters that are in somebody's hands at most at a time, of one browse.
    status: watch::Sender<BrokerStatus>,
}

impl FakeBroker {
    pub fn new(queues: &[&str]) -> Arc<Self> {
        let queues = queues.iter().map(|queue| ((*queue).to_owned(), VecDeque::new())).collect();
        Arc::new(Self {
            queues: Arc::new(Mutex::new(queues)),
            unreachable: AtomicUsize::new(0),
            refused_batches: AtomicUsize::new(0),
            deaf: Arc::default(),
            status: watch::Sender::new(BrokerStatus::Ready),
        })
    }

    /// Makes so many acknowledgements fail.
    pub fn go_deaf(&self, times: usize) {
        self.deaf.store(times, Ordering::Relaxed);
    }

    pub fn put(&self, letter: Letter) {
        let queue = QueueName::dead(&letter.app).to_string();
        self.queues().entry(queue).or_default().push_back(letter.message);
    }

    /// The ids in a queue, in its order.
    pub fn ids(&self, queue: &str) -> Vec<String> {
        self.messages(queue).iter().map(|message| message.id.to_string()).collect()
    }

    pub fn messages(&self, queue: &str) -> Vec<Message> {
        self.queues().get(queue).map_or_else(Vec::new, |queue| queue.iter().cloned().collect())
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<String, VecDeque<Message>>> {
        self.queues.lock().expect("not poisoned")
    }
}

/// Takes one off a number that is not 0; whether it could.
fn take(number: &AtomicUsize) -> bool {
    number.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |number| number.checked_sub(1)).is_ok()
}

#[async_trait]
impl Broker for FakeBroker {
    async fn listen(&self, _: Source) -> Result<Box<dyn Listener>, BrokerError> {
        Err(BrokerError::Refused("nobody listens to dead letters".into()))
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Result<Published, PublishError> {
        if take(&self.unreachable) {
            return Err(PublishError::Unreachable("the test says so".into()));
        }
        if batch.len() > 1 && take(&self.refused_batches) {
            return Err(PublishError::Refused(vec![batch[0].message.id.clone()]));
        }
        let mut queues = self.queues();
        for Outgoing { destination, message } in batch {
            let Destination::Queue(queue) = destination else { panic!("{destination:?} is no queue") };
            match queues.get_mut(queue.as_str()) {
                Some(queue) => queue.push_back(message),
                None => return Err(PublishError::Returned(vec![message.id])),
            }
        }
        Ok(Published::default())
    }

    async fn browse(&self, queue: &QueueName) -> Result<Box<dyn Browse>, BrokerError> {
        Ok(Box::new(FakeBrowse {
            queues: self.queues.clone(),
            queue: queue.to_string(),
            out: Arc::default(),
            deaf: self.deaf.clone(),
        }))
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

    async fn depth(&self, queue: &QueueName) -> Result<Option<u64>, BrokerError> {
        Ok(self.queues().get(queue.as_str()).map(|queue| queue.len() as u64))
    }

    fn status(&self) -> watch::Receiver<BrokerStatus> {
        self.status.subscribe()
    }

    async fn close(&self) {}
}

/// What is out goes back to the front when this is dropped, in its order.
struct FakeBrowse {
    queues: Queues,
    queue: String,
    out: Arc<Mutex<BTreeMap<usize, Message>>>,
    deaf: Arc<AtomicUsize>,
}

#[async_trait]
impl Browse for FakeBrowse {
    async fn next(&mut self) -> Result<Option<Received>, BrokerError> {
        let taken = self.queues.lock().expect("not poisoned").get_mut(&self.queue).and_then(VecDeque::pop_front);
        let Some(message) = taken else { return Ok(None) };
        let mut out = self.out.lock().expect("not poisoned");
        let tag = out.last_key_value().map_or(0, |(tag, _)| tag + 1);
        out.insert(tag, message.clone());
        let receipt = FakeReceipt { tag, out: self.out.clone(), deaf: self.deaf.clone() };
        Ok(Some(Received { message, redelivered: false, receipt: Box::new(receipt) }))
    }
}

impl Drop for FakeBrowse {
    fn drop(&mut self) {
        let mut queues = self.queues.lock().expect("not poisoned");
        let queue = queues.entry(self.queue.clone()).or_default();
        for (_, message) in std::mem::take(&mut *self.out.lock().expect("not poisoned")).into_iter().rev() {
            queue.push_front(message);
        }
    }
}

#[derive(Debug)]
struct FakeReceipt {
    tag: usize,
    out: Arc<Mutex<BTreeMap<usize, Message>>>,
    deaf: Arc<AtomicUsize>,
}

#[async_trait]
impl Acknowledge for FakeReceipt {
    async fn acknowledge(self: Box<Self>) -> Result<(), BrokerError> {
        if take(&self.deaf) {
            return Err(BrokerError::Unreachable("the test says so".into()));
        }
        self.out.lock().expect("not poisoned").remove(&self.tag);
        Ok(())
    }

    async fn give_back(self: Box<Self>) -> Result<(), BrokerError> {
        Ok(())
    }
}
