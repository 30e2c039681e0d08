//! The embedded broker: durable, for one process, in one file. It behaves as RabbitMQ does as far as the port can tell.
//!
//! A message is on the disk (`synchronous = FULL`) before its publish returns, and gone from it before its
//! acknowledgement does. What is out for delivery is known in memory only: after a restart every message that was in
//! the file is ready again, and comes with `redelivered` set, whether it had been out before or not.
//!
//! A receipt that is dropped unused keeps its message out until its listener is dropped. Delays follow the system's
//! clock, since they outlive the process. The file keeps its size when messages leave it, and uses the room again.

mod content;
mod flight;
mod listener;
mod open;
mod store;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};

use self::content::Content;
use self::flight::ListenerKey;
use self::listener::EmbeddedListener;
pub use self::open::OpenError;
use self::store::{Parcel, Store};
use self::worker::Worker;
use crate::broker::{
    Broker, BrokerError, BrokerStatus, Browse, Finding, Listener, Outgoing, PublishError, Published, Source, Wanted,
};
use crate::message::{MessageId, Timestamp};
use crate::name::QueueName;

/// The broker of one file. Dropping it closes the file a moment later; [`Broker::close`] also waits for that.
#[derive(Debug)]
pub struct EmbeddedBroker {
    worker: Worker,
    status: watch::Receiver<BrokerStatus>,
    listeners: AtomicU64,
}

impl EmbeddedBroker {
    /// Opens the file for this process alone, and makes it, with its directory, if it is missing.
    ///
    /// Blocks while it reads the file, and up to 2 s for another process that is just letting go of it. Works without a
    /// host too: open, publish and close.
    ///
    /// # Errors
    /// The file cannot be made or opened, is in use by another host, has a newer format, or is not the broker's.
    pub fn open(path: impl AsRef<Path>) -> Result<Arc<Self>, OpenError> {
        let path = path.as_ref();
        // Absolute, since SQLite gives a meaning of its own to some relative paths, such as ":memory:".
        let path = std::path::absolute(path).map_err(|source| OpenError::Create { path: path.into(), source })?;
        let (worker, status) = Worker::start(Store::open(path)?)?;
        Ok(Arc::new(Self { worker, status, listeners: AtomicU64::new(0) }))
    }
}

#[async_trait]
impl Broker for EmbeddedBroker {
    async fn listen(&self, source: Source) -> Result<Box<dyn Listener>, BrokerError> {
        let key = ListenerKey(self.listeners.fetch_add(1, Ordering::Relaxed));
        let (outgoing, incoming) = mpsc::channel(source.prefetch.get().into());
        // Made before the wait, so that a wait given up drops it, and that takes it out of its queue.
        let listener = EmbeddedListener::new(key, self.worker.clone(), incoming);
        let declared = self
            .worker
            .ask(move |store| store.declare(&source), move |queue, flight| flight.listen(key, queue, outgoing));
        declared.await.map_err(|fault| BrokerError::Unreachable(fault.to_string()))?;
        Ok(Box::new(listener))
    }

    /// All of the batch or nothing of it, under any error.
    async fn publish(&self, batch: Vec<Outgoing>) -> Result<Published, PublishError> {
        let parcels = parcels(batch)?;
        let deposited = self.worker.ask(
            move |store| store.deposit(&parcels, Timestamp::now()),
            |(published, queues), flight| {
                flight.arrived(&queues);
                published
            },
        );
        deposited.await.map_err(|fault| PublishError::Unreachable(fault.to_string()))?
    }

    async fn browse(&self, _: &QueueName) -> Result<Box<dyn Browse>, BrokerError> {
        Err(BrokerError::Refused("not built yet".into()))
    }

    async fn inspect(&self, _: &[Wanted]) -> Result<Vec<Finding>, BrokerError> {
        Err(BrokerError::Refused("not built yet".into()))
    }

    async fn declare(&self, _: &Wanted) -> Result<(), BrokerError> {
        Err(BrokerError::Refused("not built yet".into()))
    }

    async fn delete_empty(&self, _: &QueueName) -> Result<(), BrokerError> {
        Err(BrokerError::Refused("not built yet".into()))
    }

    fn reconnects(&self) -> u64 {
        0
    }

    async fn depth(&self, queue: &QueueName) -> Result<Option<u64>, BrokerError> {
        let queue = queue.clone();
        let depth = self.worker.ask(
            move |store| store.stored(&queue),
            |found, flight| found.map(|(queue, stored)| stored.saturating_sub(flight.out(queue))),
        );
        depth.await.map_err(|fault| BrokerError::Unreachable(fault.to_string()))
    }

    fn status(&self) -> watch::Receiver<BrokerStatus> {
        self.status.clone()
    }

    async fn close(&self) {
        // An error means that it was closed before.
        let _ = self.worker.close().await;
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        drop(self.worker.close());
    }
}

/// The batch as rows; refused where a message could not be read back.
fn parcels(batch: Vec<Outgoing>) -> Result<Vec<Parcel>, PublishError> {
    let mut refused: Vec<MessageId> = Vec::new();
    let mut parcels = Vec::with_capacity(batch.len());
    for Outgoing { destination, message } in batch {
        let id = message.id.clone();
        match Content::encode(message) {
            Ok(content) => parcels.push(Parcel { destination, id, content }),
            Err(error) => {
                tracing::warn!(message = %id, %error, "the embedded broker cannot keep this message");
                refused.push(id);
            }
        }
    }
    if refused.is_empty() { Ok(parcels) } else { Err(PublishError::Refused(refused)) }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;
    use std::time::Duration;

    use super::*;
    use crate::broker::Destination;
    use crate::message::{HeaderValue, Message, Subject};
    use crate::name::TaskName;

    fn task() -> TaskName {
        "pheidi.email.send".parse().expect("legal")
    }

    fn order(body: Vec<u8>) -> Outgoing {
        Outgoing { destination: Destination::Task(task()), message: Message::new(Subject::Task(task()), body) }
    }

    fn source(prefetch: u16) -> Source {
        let prefetch = NonZeroU16::new(prefetch).expect("not 0");
        Source::task(task(), prefetch)
    }

    fn broker() -> (tempfile::TempDir, Arc<EmbeddedBroker>) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let broker = EmbeddedBroker::open(directory.path().join("broker.db")).expect("opens");
        (directory, broker)
    }

    async fn limit(broker: &EmbeddedBroker, pages: Option<u32>) {
        broker.worker.ask(move |store| store.limit(pages), |(), _| ()).await.expect("limits");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn i1_a_full_disk_fails_the_publish_and_shows_until_there_is_room() {
        let (_directory, broker) = broker();
        let kept = order(vec![1]);
        broker.publish(vec![kept.clone()]).await.expect("there is room");
        limit(&broker, Some(4)).await;
        let mut status = broker.status();
        let down = |status: &BrokerStatus| matches!(status, BrokerStatus::Down { reason } if reason.contains("full"));
        let shown = tokio::spawn(async move { status.wait_for(down).await.is_ok() });
        let error = broker.publish(vec![order(vec![2]), order(vec![0; 1 << 20])]).await.expect_err("there is no room");
        assert!(matches!(&error, PublishError::Unreachable(reason) if reason.contains("full")), "{error}");
        assert!(shown.await.expect("watched"));

        limit(&broker, None).await;
        let ready = |status: &BrokerStatus| *status == BrokerStatus::Ready;
        broker.status().wait_for(ready).await.expect("it mends itself");
        assert_eq!(broker.depth(&QueueName::task(&task())).await, Ok(Some(1)));
        let mut listener = broker.listen(source(10)).await.expect("listens");
        assert_eq!(listener.next().await.expect("goes on").message, kept.message);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn i1_what_could_not_be_read_back_is_refused() {
        let (_directory, broker) = broker();
        let mut outgoing = order(Vec::new());
        let deep = (0..1000).fold(HeaderValue::Null, |inner, _| HeaderValue::List(vec![inner]));
        outgoing.message.headers.insert("deep".into(), deep);
        let id = outgoing.message.id.clone();
        let published = broker.publish(vec![order(Vec::new()), outgoing]).await;
        assert_eq!(published, Err(PublishError::Refused(vec![id])));
        assert_eq!(broker.depth(&QueueName::task(&task())).await, Ok(None));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn i6_a_message_that_cannot_be_read_holds_up_no_other() {
        let (_directory, broker) = broker();
        let good = order(vec![2]);
        broker.publish(vec![order(vec![1]), good.clone()]).await.expect("published");
        broker.worker.ask(|store| store.spoil_the_oldest(), |(), _| ()).await.expect("spoiled");
        let mut listener = broker.listen(source(1)).await.expect("listens");
        assert_eq!(listener.next().await.expect("goes on").message, good.message);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_abandoned_message_stays_out_as_long_as_its_listener_lasts() {
        let (_directory, broker) = broker();
        broker.publish(vec![order(vec![1])]).await.expect("published");
        let mut listener = broker.listen(source(2)).await.expect("listens");
        drop(listener.next().await.expect("goes on"));
        assert_eq!(broker.depth(&QueueName::task(&task())).await, Ok(Some(0)));
        let again = tokio::time::timeout(Duration::from_millis(100), listener.next()).await;
        assert!(again.is_err(), "{again:?}");
        drop(listener);
        assert_eq!(broker.depth(&QueueName::task(&task())).await, Ok(Some(1)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_listen_given_up_takes_no_messages() {
        let (_directory, broker) = broker();
        // Polled once, so that the order is out, and dropped before its answer.
        let given_up = tokio::time::timeout(Duration::ZERO, broker.listen(source(10))).await;
        drop(given_up);
        let outgoing = order(vec![1]);
        broker.publish(vec![outgoing.clone()]).await.expect("published");
        let mut listener = broker.listen(source(1)).await.expect("listens");
        assert_eq!(listener.next().await.expect("goes on").message, outgoing.message);
    }
}
