//! What a clock needs beyond itself: the time, one holder of each event over all hosts, and a way out for announcements.

use std::sync::Arc;

use async_trait::async_trait;

use super::timekeeper::Record;
use crate::broker::{Broker, BrokerError, Cell, Outgoing, PublishError};
use crate::message::Timestamp;
use crate::name::{EventName, QueueName};

/// What a clock needs beyond itself.
#[async_trait]
pub trait World: Send + Sync + 'static {
    fn now(&self) -> Timestamp;

    /// Waits until this host, and no other, keeps an event.
    async fn keep(&self, event: &EventName) -> Result<Box<dyn Kept>, BrokerError>;

    /// Publishes; `Ok` means that each is held durably.
    async fn announce(&self, batch: Vec<Outgoing>) -> Result<(), PublishError>;
}

/// The right to announce an event's ticks. Dropped, it is another host's.
#[async_trait]
pub trait Kept: Send {
    /// What was written last, by whichever host.
    fn record(&self) -> Option<Record>;

    /// Writes durably.
    ///
    /// # Errors
    /// The right may be another host's by now.
    async fn write(&mut self, record: Record) -> Result<(), BrokerError>;

    /// Waits until the right may be another host's.
    async fn lost(&mut self);
}

/// The world that a broker is, with this machine's clock.
pub struct BrokerWorld(pub Arc<dyn Broker>);

#[async_trait]
impl World for BrokerWorld {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn keep(&self, event: &EventName) -> Result<Box<dyn Kept>, BrokerError> {
        Ok(Box::new(Cell::acquire(self.0.clone(), QueueName::tick(event)).await?))
    }

    async fn announce(&self, batch: Vec<Outgoing>) -> Result<(), PublishError> {
        // An event that nobody subscribes to yet is announced all the same.
        self.0.publish(batch).await.map(drop)
    }
}

#[async_trait]
impl Kept for Cell<Record> {
    fn record(&self) -> Option<Record> {
        self.value().cloned()
    }

    async fn write(&mut self, record: Record) -> Result<(), BrokerError> {
        Cell::write(self, record).await
    }

    async fn lost(&mut self) {
        Cell::lost(self).await;
    }
}
