//! Settling what came, on the channel that it came on.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::{Acker, Channel, Consumer};
use tokio::runtime::Handle;
use tokio_util::sync::DropGuard;

use super::guard::Guard;
use crate::broker::{Acknowledge, BrokerError};

/// A channel with the connection that it is on. Lives until the last message that came on it is settled or dropped;
/// RabbitMQ then takes back whatever was not settled.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) channel: Channel,
    pub(super) guard: Guard,
    /// Keeps up a connection that only this session's owner has.
    _apart: Option<Arc<DropGuard>>,
    /// A consumer whose place nobody must take before everything here is settled.
    kept: OnceLock<Consumer>,
}

impl Session {
    pub(super) fn new(channel: Channel, guard: Guard, apart: Option<Arc<DropGuard>>) -> Self {
        Self { channel, guard, _apart: apart, kept: OnceLock::new() }
    }

    /// Leaves a consumer in its place for as long as something here is not settled. RabbitMQ lets the next consumer of a
    /// single active one begin as soon as that is cancelled, with whatever comes after the messages that are out (I10).
    pub(super) fn keep(&self, consumer: Consumer) {
        // A session has one consumer.
        let _ = self.kept.set(consumer);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let (Some(consumer), Ok(runtime)) = (self.kept.take(), Handle::try_current()) else { return };
        let (channel, guard) = (self.channel.clone(), self.guard.clone());
        // With its channel everything that is out goes back before the next consumer begins; dropped by itself, the
        // consumer would be cancelled first.
        runtime.spawn(async move {
            if let Err(failure) = guard.run(channel.close(200, "OK".into())).await {
                tracing::debug!(%failure, "a channel was not closed in order");
            }
            drop(consumer);
        });
    }
}

/// The right to settle one delivery.
#[derive(Debug)]
pub(super) struct Receipt {
    pub(super) acker: Acker,
    pub(super) session: Arc<Session>,
}

impl Receipt {
    pub(super) async fn nack(&self) -> Result<(), BrokerError> {
        self.settle(self.acker.nack(BasicNackOptions { multiple: false, requeue: true })).await
    }

    async fn settle(&self, settling: impl Future<Output = Result<bool, lapin::Error>>) -> Result<(), BrokerError> {
        match self.session.guard.run(settling).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(BrokerError::Unreachable("the channel that the message came on is closed".into())),
            Err(failure) => Err(BrokerError::Unreachable(failure.to_string())),
        }
    }
}

#[async_trait]
impl Acknowledge for Receipt {
    async fn acknowledge(self: Box<Self>) -> Result<(), BrokerError> {
        self.settle(self.acker.ack(BasicAckOptions::default())).await
    }

    async fn give_back(self: Box<Self>) -> Result<(), BrokerError> {
        self.nack().await
    }
}
