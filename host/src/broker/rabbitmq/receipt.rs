//! Settling what came, on the channel that it came on.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::{Acker, Channel};
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
}

impl Session {
    pub(super) fn new(channel: Channel, guard: Guard, apart: Option<Arc<DropGuard>>) -> Self {
        Self { channel, guard, _apart: apart }
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
