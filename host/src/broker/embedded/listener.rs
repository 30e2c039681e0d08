//! The other end of a queue: one listener, and the receipts of its messages.

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};

use super::flight::{Arrival, ListenerKey};
use super::worker::Worker;
use crate::broker::{Acknowledge, BrokerError, Condition, Listener, Received};

/// Dropping it gives back what it fetched and did not hand out.
#[derive(Debug)]
pub struct EmbeddedListener {
    key: ListenerKey,
    worker: Worker,
    incoming: mpsc::Receiver<Received>,
    condition: watch::Receiver<Condition>,
}

impl EmbeddedListener {
    pub fn new(
        key: ListenerKey,
        worker: Worker,
        incoming: mpsc::Receiver<Received>,
        condition: watch::Receiver<Condition>,
    ) -> Self {
        Self { key, worker, incoming, condition }
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
        self.condition = watch::channel(Condition::Interrupted { reason: "it was stopped".to_owned() }).1;
    }

    fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.clone()
    }
}

impl Drop for EmbeddedListener {
    fn drop(&mut self) {
        let key = self.key;
        // Before the receipts in the channel drop, so that theirs is an ended listener. Fails only on a closed broker.
        let _ = self.worker.tell(move |flight| flight.end(key));
    }
}

/// Dropped unused, its message stays out until its listener or browse is dropped, or goes back at once if that is gone
/// already.
#[derive(Debug)]
pub struct Receipt {
    arrival: Arrival,
    worker: Worker,
    /// Whether nothing needs to be told when it is dropped.
    silent: bool,
}

impl Receipt {
    pub fn new(arrival: Arrival, worker: Worker) -> Self {
        Self { arrival, worker, silent: false }
    }

    /// The end of a browse finds by itself what it has out.
    pub fn of_browse(arrival: Arrival, worker: Worker) -> Self {
        Self { arrival, worker, silent: true }
    }
}

#[async_trait]
impl Acknowledge for Receipt {
    async fn acknowledge(mut self: Box<Self>) -> Result<(), BrokerError> {
        let arrival = self.arrival;
        let removed = self.worker.ask(
            move |store, flight| {
                // Otherwise somebody else may have it by now.
                let is_out = flight.is_out(arrival);
                if is_out {
                    store.remove(arrival.position)?;
                }
                Ok(is_out)
            },
            move |is_out, flight| {
                flight.settled(arrival);
                is_out
            },
        );
        let removed = removed.await;
        self.silent = true;
        match removed {
            Ok(true) => Ok(()),
            Ok(false) => Err(BrokerError::Refused("the message went back to its queue before".into())),
            Err(fault) => {
                // Fails only on a closed broker, where every message is back already.
                let _ = self.worker.tell(move |flight| flight.give_back(arrival));
                Err(BrokerError::Unreachable(fault.to_string()))
            }
        }
    }

    async fn give_back(mut self: Box<Self>) -> Result<(), BrokerError> {
        let arrival = self.arrival;
        self.silent = true;
        let told = self.worker.tell(move |flight| flight.give_back(arrival));
        told.map_err(|fault| BrokerError::Unreachable(fault.to_string()))
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.silent {
            let arrival = self.arrival;
            let _ = self.worker.tell(move |flight| flight.abandon(arrival));
        }
    }
}
