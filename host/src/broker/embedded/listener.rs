//! The other end of a queue: one listener, and the receipts of its messages.

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};

use super::flight::ListenerKey;
use super::store::Position;
use super::worker::Worker;
use crate::broker::{Acknowledge, BrokerError, Condition, Listener, Received};

/// Dropping it gives back what it fetched and did not hand out.
#[derive(Debug)]
pub struct EmbeddedListener {
    key: ListenerKey,
    worker: Worker,
    incoming: mpsc::Receiver<Received>,
}

impl EmbeddedListener {
    pub fn new(key: ListenerKey, worker: Worker, incoming: mpsc::Receiver<Received>) -> Self {
        Self { key, worker, incoming }
    }
}

#[async_trait]
impl Listener for EmbeddedListener {
    async fn next(&mut self) -> Option<Received> {
        self.incoming.recv().await
    }

    async fn stop(&mut self) {
        let (reply, stopped) = oneshot::channel();
        let key = self.key;
        let told = self.worker.tell(move |flight| {
            flight.stop(key);
            let _ = reply.send(());
        });
        if told.is_ok() {
            // Without an answer the broker was closed, and fetches no more either.
            let _ = stopped.await;
        }
    }

    fn condition(&self) -> watch::Receiver<Condition> {
        watch::channel(Condition::Consuming).1
    }
}

impl Drop for EmbeddedListener {
    fn drop(&mut self) {
        let key = self.key;
        // Before the receipts in the channel drop, so that theirs is an ended listener. Fails only on a closed broker.
        let _ = self.worker.tell(move |flight| flight.end(key));
    }
}

/// Dropped unused, its message stays out until its listener is dropped, or goes back at once if that is gone already.
#[derive(Debug)]
pub struct Receipt {
    position: Position,
    worker: Worker,
    used: bool,
}

impl Receipt {
    pub fn new(position: Position, worker: Worker) -> Self {
        Self { position, worker, used: false }
    }
}

#[async_trait]
impl Acknowledge for Receipt {
    async fn acknowledge(mut self: Box<Self>) -> Result<(), BrokerError> {
        let position = self.position;
        let removed = self.worker.ask(move |store| store.remove(position), move |(), flight| flight.settled(position));
        let removed = removed.await;
        self.used = true;
        removed.map_err(|fault| {
            // Fails only on a closed broker, where every message is back already.
            let _ = self.worker.tell(move |flight| flight.give_back(position));
            BrokerError::Unreachable(fault.to_string())
        })
    }

    async fn give_back(mut self: Box<Self>) -> Result<(), BrokerError> {
        let position = self.position;
        self.used = true;
        let told = self.worker.tell(move |flight| flight.give_back(position));
        told.map_err(|fault| BrokerError::Unreachable(fault.to_string()))
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.used {
            let position = self.position;
            let _ = self.worker.tell(move |flight| flight.abandon(position));
        }
    }
}
