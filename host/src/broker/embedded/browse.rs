//! Looking through a queue, message by message.

use async_trait::async_trait;

use super::flight::ListenerKey;
use super::worker::Worker;
use crate::broker::{BrokerError, Browse, Received};
use crate::name::QueueName;

/// Dropping it gives back all that it took and nobody settled; receipts that are still held are then of no use.
#[derive(Debug)]
pub struct EmbeddedBrowse {
    key: ListenerKey,
    queue: QueueName,
    worker: Worker,
}

impl EmbeddedBrowse {
    pub fn new(key: ListenerKey, queue: QueueName, worker: Worker) -> Self {
        Self { key, queue, worker }
    }
}

#[async_trait]
impl Browse for EmbeddedBrowse {
    async fn next(&mut self) -> Result<Option<Received>, BrokerError> {
        let (key, name, worker) = (self.key, self.queue.clone(), self.worker.clone());
        // Found by its name each time: the queue may be made, or deleted, meanwhile.
        let taken = self.worker.alone(move |store, flight| match store.stored(&name)? {
            Some((queue, _)) => flight.take(queue, key, store, &worker),
            None => Ok(None),
        });
        taken.await.map_err(|fault| BrokerError::Unreachable(fault.to_string()))
    }
}

impl Drop for EmbeddedBrowse {
    fn drop(&mut self) {
        let key = self.key;
        // Fails only on a closed broker, where every message is back already.
        let _ = self.worker.tell(move |flight| flight.end_browse(key));
    }
}
