//! The embedded broker: durable, for one process, in one file. It behaves as RabbitMQ does as far as the port can tell.
//!
//! A message is on the disk (`synchronous = FULL`) before its publish returns, and gone from it before its
//! acknowledgement does. What is out for delivery is known in memory only: after a restart every message that was in
//! the file is ready again, and comes with `redelivered` set, whether it had been out before or not.
//!
//! A receipt that is dropped unused keeps its message out until its listener is dropped. Where only one listener of a
//! queue is to be active, that is the one that has listened longest; the next one follows once all that it had out is
//! settled or back. Delays follow the system's
//! clock, since they outlive the process. The file keeps its size when messages leave it, and uses the room again.
//!
//! The history is one more table: an event comes into it with the transaction that brings it to its subscribers, so what
//! is bound after an event was published finds it before the end of the history.

mod browse;
mod content;
mod flight;
mod listener;
mod open;
mod past;
mod store;
#[cfg(test)]
mod tests;
mod topology;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc, watch};

use self::browse::EmbeddedBrowse;
use self::content::Content;
use self::flight::ListenerKey;
use self::listener::EmbeddedListener;
pub use self::open::OpenError;
use self::past::EmbeddedPast;
use self::store::{Deposited, Parcel, Store};
use self::worker::{Conditions, Fault, Worker};
use crate::broker::{
    Broker, BrokerError, BrokerStatus, Browse, Finding, From, Listener, Offset, Outgoing, Past, PublishError,
    Published, Retention, Source, Wanted, no_history,
};
use crate::message::{MessageId, Timestamp};
use crate::name::QueueName;

/// The broker of one file. Dropping it closes the file a moment later; [`Broker::close`] also waits for that.
#[derive(Debug)]
pub struct EmbeddedBroker {
    worker: Worker,
    conditions: Conditions,
    /// How many listeners and browses there were.
    listeners: AtomicU64,
    /// Whose turn it is to publish a large batch.
    large: Semaphore,
    keeps_history: bool,
}

/// From so many bytes of bodies on a batch is large. Large ones are written one at a time, so that the others share no
/// transaction with more than one of them (I6).
const LARGE: usize = 128 * 1024;

impl EmbeddedBroker {
    /// Opens the file for this process alone, and makes it, with its directory, if it is missing.
    ///
    /// Blocks while it reads the file, and up to 2 s for another process that is just letting go of it. Works without a
    /// host too: open, publish and close.
    ///
    /// # Errors
    /// The file cannot be made or opened, is in use by another host, has a newer format, or is not the broker's.
    pub fn open(path: impl AsRef<Path>) -> Result<Arc<Self>, OpenError> {
        Self::open_keeping(path, None)
    }

    /// The same with a history. Without one, what an earlier history kept stays in the file.
    pub fn open_keeping(path: impl AsRef<Path>, retention: Option<Retention>) -> Result<Arc<Self>, OpenError> {
        let path = path.as_ref();
        // Absolute, since SQLite gives a meaning of its own to some relative paths, such as ":memory:".
        let path = std::path::absolute(path).map_err(|source| OpenError::Create { path: path.into(), source })?;
        let (worker, conditions) = Worker::start(Store::open(path, retention)?)?;
        let (listeners, large) = (AtomicU64::new(0), Semaphore::new(1));
        Ok(Arc::new(Self { worker, conditions, listeners, large, keeps_history: retention.is_some() }))
    }

    fn next_key(&self) -> ListenerKey {
        ListenerKey(self.listeners.fetch_add(1, Ordering::Relaxed))
    }
}

#[async_trait]
impl Broker for EmbeddedBroker {
    async fn listen(&self, source: Source) -> Result<Box<dyn Listener>, BrokerError> {
        topology::check(&source)?;
        let (key, single_active) = (self.next_key(), source.single_active);
        let (outgoing, incoming) = mpsc::channel(source.prefetch.get().into());
        // Made before the wait, so that a wait given up drops it, and that takes it out of its queue.
        let condition = self.conditions.listeners.clone();
        let listener = EmbeddedListener::new(key, self.worker.clone(), incoming, condition);
        let declared = self.worker.ask(
            move |store, _| store.declare(&source),
            move |queue, flight| flight.listen(key, queue, single_active, outgoing),
        );
        declared.await.map_err(unreachable)?;
        Ok(Box::new(listener))
    }

    /// All of the batch or nothing of it, under any error.
    async fn publish(&self, batch: Vec<Outgoing>) -> Result<Published, PublishError> {
        let size: usize = batch.iter().map(|outgoing| outgoing.message.body.len()).sum();
        let _turn = match size >= LARGE {
            true => Some(self.large.acquire().await.expect("the semaphore is never closed")),
            false => None,
        };
        let parcels = parcels(batch)?;
        let deposited = self.worker.ask(
            move |store, _| store.deposit(&parcels, Timestamp::now()),
            |Deposited { published, reached, recorded }, flight| {
                flight.arrived(&reached);
                if recorded {
                    flight.recorded();
                }
                published
            },
        );
        deposited.await.map_err(|fault| PublishError::Unreachable(fault.to_string()))?
    }

    async fn browse(&self, queue: &QueueName) -> Result<Box<dyn Browse>, BrokerError> {
        Ok(Box::new(EmbeddedBrowse::new(self.next_key(), queue.clone(), self.worker.clone())))
    }

    async fn inspect(&self, wanted: &[Wanted]) -> Result<Vec<Finding>, BrokerError> {
        let wanted = wanted.to_vec();
        let found = self.worker.alone(move |store, flight| {
            let found = wanted.iter().map(|wanted| topology::find(wanted, store, flight));
            Ok(found.collect::<rusqlite::Result<Vec<_>>>()?.concat())
        });
        found.await.map_err(unreachable)
    }

    async fn declare(&self, wanted: &Wanted) -> Result<(), BrokerError> {
        if let Wanted::Subscription(source) = wanted {
            topology::check(source)?;
        }
        let wanted = wanted.clone();
        let declared = self.worker.ask(move |store, _| topology::declare(&wanted, store), |(), _| ());
        declared.await.map_err(unreachable)
    }

    async fn delete_empty(&self, queue: &QueueName) -> Result<(), BrokerError> {
        let name = queue.clone();
        let deleted = self.worker.alone(move |store, flight| topology::delete_empty(&name, store, flight));
        deleted.await.map_err(unreachable)?
    }

    async fn past(&self, from: From) -> Result<Box<dyn Past>, BrokerError> {
        if !self.keeps_history {
            return Err(no_history());
        }
        let place = self.worker.ask(move |store, _| store.place(from), |place, _| place);
        let place = place.await.map_err(unreachable)?;
        Ok(Box::new(EmbeddedPast::new(self.worker.clone(), place, self.conditions.recorded.clone())))
    }

    async fn history_end(&self) -> Result<Offset, BrokerError> {
        if !self.keeps_history {
            return Err(no_history());
        }
        self.worker.ask(|store, _| store.history_end(), |end, _| end).await.map_err(unreachable)
    }

    fn reconnects(&self) -> u64 {
        0
    }

    async fn depth(&self, queue: &QueueName) -> Result<Option<u64>, BrokerError> {
        let queue = queue.clone();
        let depth = self.worker.ask(
            move |store, _| store.stored(&queue),
            |found, flight| found.map(|(queue, stored)| stored.saturating_sub(flight.out(queue))),
        );
        depth.await.map_err(unreachable)
    }

    fn status(&self) -> watch::Receiver<BrokerStatus> {
        self.conditions.broker.clone()
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

fn unreachable(fault: Fault) -> BrokerError {
    BrokerError::Unreachable(fault.to_string())
}

/// The batch as rows; refused where a message could not be read back.
fn parcels(batch: Vec<Outgoing>) -> Result<Vec<Parcel>, PublishError> {
    let mut refused: Vec<MessageId> = Vec::new();
    let mut parcels = Vec::with_capacity(batch.len());
    for Outgoing { destination, message } in batch {
        let (id, subject) = (message.id.clone(), message.subject.clone());
        match Content::encode(message) {
            Ok(content) => parcels.push(Parcel { destination, id, subject, content }),
            Err(error) => {
                tracing::warn!(message = %id, %error, "the embedded broker cannot keep this message");
                refused.push(id);
            }
        }
    }
    if refused.is_empty() { Ok(parcels) } else { Err(PublishError::Refused(refused)) }
}
