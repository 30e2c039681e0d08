//! RabbitMQ, over AMQP 0.9.1.
//!
//! Two supervised connections, one for consuming and one for publishing: a connection that RabbitMQ blocks for want of
//! memory takes no acknowledgements either. A third one reads the past, once somebody asks for it. What is declared, and what travels, is compatible with Ponos.

mod body;
mod browse;
mod clash;
mod condition;
mod connection;
mod consume;
mod depth;
mod form;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod guard;
mod header;
mod history;
mod inspect;
mod legible;
mod past;
mod plain;
mod publish;
mod pulse;
mod receipt;
mod remove;
mod route;
mod stream;
mod topology;
mod wire;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::{
    Broker, BrokerError, BrokerStatus, Browse, Finding, From, Keeping, Listener, Offer, Offset, Outgoing, Past,
    PublishError, Published, Source, Wanted, no_history,
};
use crate::name::QueueName;
use browse::RabbitMqBrowse;
use connection::{Connector, Link, Supervised};
use past::RabbitMqPast;
use publish::Publisher;

/// For how long a channel may go on with the bindings that it knew.
const STRAGGLING: Duration = Duration::from_secs(5);

/// The type of the queues that this adapter makes. A queue that exists is adopted as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueType {
    /// Replicated, and safe under `kill -9`.
    Quorum,
    /// One node's.
    Classic,
}

/// How to treat a RabbitMQ server.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub queue_type: QueueType,
    /// How long to wait for a confirmation of a publish, and for every other answer.
    pub answer_limit: Duration,
    /// The wait before the first attempt to connect again; it doubles with each that fails.
    pub reconnect_minimum: Duration,
    /// The longest wait between two attempts to connect.
    pub reconnect_maximum: Duration,
    /// Whether to write the TID into the body as `tid` where the body is a JSON object, and to believe it there.
    pub tid_in_body: bool,
    /// What is kept of the past, in a stream beside the subscribers. `None` for nothing: then no stream is made.
    pub history: Option<Keeping>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_type: QueueType::Quorum,
            answer_limit: Duration::from_secs(30),
            reconnect_minimum: Duration::from_millis(100),
            reconnect_maximum: Duration::from_secs(10),
            tid_in_body: true,
            history: None,
        }
    }
}

/// Why a URL does not lead to a RabbitMQ server. Does not repeat the URL, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("the broker's URL is malformed ({0}): write amqp://user:password@host:5672/vhost, or amqps:// for TLS")]
    Malformed(String),
}

/// A RabbitMQ server, 3.10 or later.
#[derive(Debug)]
pub struct RabbitMqBroker {
    connector: Connector,
    consuming: Supervised,
    publisher: Publisher,
    /// Made when the past is asked for. Every message can be read on it, so that no walk ends another.
    reading: OnceLock<Supervised>,
    status: watch::Receiver<BrokerStatus>,
}

impl RabbitMqBroker {
    /// Begins to connect and returns at once; [`Broker::status`] tells how it goes. It is tried again until it works or
    /// the broker is closed or dropped. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The URL is malformed.
    pub fn connect(url: &str, options: Options) -> Result<Arc<Self>, UrlError> {
        let uri = connection::parse(url)?;
        let connector = Connector::new(uri, options);
        let (consuming, publishing) = (connector.start(), connector.start());
        let status = combine(consuming.status(), publishing.status(), &connector.tasks);
        let publisher = Publisher::start(publishing, &connector);
        Ok(Arc::new(Self { connector, consuming, publisher, reading: OnceLock::new(), status }))
    }
}

impl RabbitMqBroker {
    /// A connection to read the history on, once that is kept.
    async fn reading(&self) -> Result<Arc<Link>, BrokerError> {
        let Some(history) = &self.connector.history else { return Err(no_history()) };
        let link = self.consuming.link().await.map_err(BrokerError::Unreachable)?;
        history.ensure(&link).await?;
        let reading = self.reading.get_or_init(|| self.connector.start_for_the_past());
        reading.link().await.map_err(BrokerError::Unreachable)
    }
}

impl Drop for RabbitMqBroker {
    fn drop(&mut self) {
        self.connector.closing.cancel();
    }
}

#[async_trait]
impl Broker for RabbitMqBroker {
    async fn listen(&self, source: Source) -> Result<Box<dyn Listener>, BrokerError> {
        let listener = consume::listen(&self.consuming, &self.connector, source).await?;
        Ok(Box::new(listener))
    }

    async fn publish(&self, batch: Vec<Outgoing>) -> Result<Published, PublishError> {
        self.publisher.publish(batch).await
    }

    async fn browse(&self, queue: &QueueName) -> Result<Box<dyn Browse>, BrokerError> {
        Ok(Box::new(RabbitMqBrowse::start(&self.connector, queue).await?))
    }

    async fn inspect(&self, wanted: &[Wanted]) -> Result<Vec<Finding>, BrokerError> {
        let link = self.consuming.link().await.map_err(BrokerError::Unreachable)?;
        let mut findings = Vec::new();
        for wanted in wanted {
            findings.extend(inspect::findings(&link, wanted, self.connector.options.queue_type).await?);
        }
        Ok(findings)
    }

    async fn declare(&self, wanted: &Wanted) -> Result<(), BrokerError> {
        let link = self.consuming.link().await.map_err(BrokerError::Unreachable)?;
        Ok(topology::wanted(&link, wanted, self.connector.options.queue_type).await?)
    }

    async fn delete_empty(&self, queue: &QueueName) -> Result<(), BrokerError> {
        let link = self.consuming.link().await.map_err(BrokerError::Unreachable)?;
        Ok(remove::delete_empty(&link, queue).await?)
    }

    async fn past(&self, from: From) -> Result<Box<dyn Past>, BrokerError> {
        let link = self.reading().await?;
        Ok(Box::new(RabbitMqPast::begin(&link, from, self.connector.options.tid_in_body).await?))
    }

    async fn history_end(&self) -> Result<Offset, BrokerError> {
        let link = self.reading().await?;
        Ok(past::end(&link, self.connector.options.answer_limit).await?)
    }

    /// RabbitMQ reads the bindings of an exchange as it routes, and each of its nodes has a copy of them.
    fn straggling(&self) -> Duration {
        self.connector.history.as_ref().map_or(Duration::ZERO, |_| STRAGGLING)
    }

    async fn offers(&self) -> Result<Vec<Offer>, BrokerError> {
        let link = self.consuming.link().await.map_err(BrokerError::Unreachable)?;
        Ok(history::offers(&link, &self.connector.uri.vhost).await?)
    }

    /// Each of the connections by itself.
    fn reconnects(&self) -> u64 {
        self.connector.reconnects.load(Ordering::Relaxed)
    }

    async fn depth(&self, queue: &QueueName) -> Result<Option<u64>, BrokerError> {
        let link = self.consuming.link().await.map_err(BrokerError::Unreachable)?;
        Ok(topology::depth(&link, queue.as_str()).await?)
    }

    fn status(&self) -> watch::Receiver<BrokerStatus> {
        self.status.clone()
    }

    async fn close(&self) {
        self.connector.closing.cancel();
        self.connector.tasks.close();
        self.connector.tasks.wait().await;
    }
}

/// The status of the whole: that of whichever connection fares worse.
fn combine(
    mut one: watch::Receiver<BrokerStatus>,
    mut other: watch::Receiver<BrokerStatus>,
    tasks: &TaskTracker,
) -> watch::Receiver<BrokerStatus> {
    let (sender, whole) = watch::channel(BrokerStatus::Connecting);
    tasks.spawn(async move {
        loop {
            let worse = worse(&one.borrow_and_update(), &other.borrow_and_update());
            let closed = worse == BrokerStatus::Closed;
            sender.send_if_modified(|status| {
                let changed = *status != worse;
                *status = worse;
                changed
            });
            if closed {
                return;
            }
            // An error means that a supervisor ended, and it says `Closed` before it does.
            let _ = tokio::select! {
                changed = one.changed() => changed,
                changed = other.changed() => changed,
            };
        }
    });
    whole
}

fn worse(one: &BrokerStatus, other: &BrokerStatus) -> BrokerStatus {
    let severity = |status: &BrokerStatus| match status {
        BrokerStatus::Ready => 0,
        BrokerStatus::Connecting => 1,
        BrokerStatus::Down { .. } => 2,
        BrokerStatus::Closed => 3,
    };
    if severity(one) >= severity(other) { one.clone() } else { other.clone() }
}
