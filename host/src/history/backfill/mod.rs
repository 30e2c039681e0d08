//! Back-fill: a new subscription is given the past in order, and goes over to what happens now without a gap and without
//! a duplicate.
//!
//! Its queue is bound first, so that whatever is published from then on waits there. Then the history is walked up to a
//! place behind the binding, and each of its events goes the way of every delivery. Then the queue is listened to. What
//! came both ways, since it was published about the time of the binding, is dropped the second time. How far all this
//! has come is in a cell at the broker: after `kill -9` the same or another host goes on from there, and what the plugin
//! had handled since the last note of it is known by its id.

mod listener;
mod receipt;
mod stage;
mod story;
mod walk;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use self::listener::BackfillListener;
use self::story::Story;
use crate::broker::{
    Broker, BrokerError, BrokerStatus, Browse, Finding, From, Listener, Offset, Outgoing, Past, PublishError,
    Published, Source, Wanted,
};
use crate::name::QueueName;
use crate::rate::{Limiter, Rate};

/// How back-fills go.
#[derive(Debug, Clone, Copy)]
pub struct BackfillOptions {
    /// How fast events of the past are handed to one subscription.
    pub pace: Rate,
    /// How often what was settled is noted at the broker.
    pub note: Duration,
}

/// A broker whose new subscriptions may begin in the past.
#[derive(Debug)]
pub struct Backfilling {
    broker: Arc<dyn Broker>,
    options: BackfillOptions,
    stories: TaskTracker,
    over: Arc<Over>,
}

/// The subscriptions that have had their past, as far as this process knows.
#[derive(Debug, Default)]
struct Over(Mutex<BTreeSet<QueueName>>);

impl Over {
    fn note(&self, queue: &QueueName) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(queue.clone());
    }

    fn knows(&self, queue: &QueueName) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(queue)
    }
}

impl Backfilling {
    pub fn new(broker: Arc<dyn Broker>, options: BackfillOptions) -> Arc<Self> {
        Arc::new(Self { broker, options, stories: TaskTracker::new(), over: Arc::default() })
    }

    /// Waits until what was settled is noted, once every listener has ended.
    pub async fn finish(&self) {
        self.stories.close();
        self.stories.wait().await;
    }
}

#[async_trait]
impl Broker for Backfilling {
    async fn listen(&self, source: Source) -> Result<Box<dyn Listener>, BrokerError> {
        let Some(start) = source.start.filter(|_| !self.over.knows(&source.queue)) else {
            return self.broker.listen(source).await;
        };
        let (listener, ends) = BackfillListener::new(&source);
        let story = Story {
            broker: self.broker.clone(),
            source,
            start,
            pace: Limiter::new(self.options.pace),
            note: self.options.note,
            over: self.over.clone(),
            ends,
        };
        self.stories.spawn(story.run());
        Ok(Box::new(listener))
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Result<Published, PublishError> {
        self.broker.publish(batch).await
    }

    async fn browse(&self, queue: &QueueName) -> Result<Box<dyn Browse>, BrokerError> {
        self.broker.browse(queue).await
    }

    async fn inspect(&self, wanted: &[Wanted]) -> Result<Vec<Finding>, BrokerError> {
        self.broker.inspect(wanted).await
    }

    async fn declare(&self, wanted: &Wanted) -> Result<(), BrokerError> {
        self.broker.declare(wanted).await
    }

    async fn delete_empty(&self, queue: &QueueName) -> Result<(), BrokerError> {
        self.broker.delete_empty(queue).await
    }

    async fn past(&self, from: From) -> Result<Box<dyn Past>, BrokerError> {
        self.broker.past(from).await
    }

    async fn history_end(&self) -> Result<Offset, BrokerError> {
        self.broker.history_end().await
    }

    fn straggling(&self) -> Duration {
        self.broker.straggling()
    }

    fn reconnects(&self) -> u64 {
        self.broker.reconnects()
    }

    async fn depth(&self, queue: &QueueName) -> Result<Option<u64>, BrokerError> {
        self.broker.depth(queue).await
    }

    fn status(&self) -> watch::Receiver<BrokerStatus> {
        self.broker.status()
    }

    async fn close(&self) {
        self.broker.close().await;
    }
}
