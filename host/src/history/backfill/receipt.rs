//! The right to settle an event of the past, or one that waited behind it.

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::broker::{Acknowledge, BrokerError, Offset};
use crate::message::Message;

/// What became of an event that was handed out.
#[derive(Debug)]
pub(super) enum Fate {
    Settled(Offset),
    /// It is to be handed out again.
    Back(Offset, Box<Message>),
    /// Nobody can settle it any more.
    Dropped,
}

/// The right to settle an event of the past.
#[derive(Debug)]
pub(super) struct PastReceipt {
    offset: Offset,
    /// `None` once it is used.
    message: Option<Box<Message>>,
    fates: mpsc::UnboundedSender<Fate>,
    _room: OwnedSemaphorePermit,
}

impl PastReceipt {
    pub fn new(
        offset: Offset,
        message: &Message,
        fates: &mpsc::UnboundedSender<Fate>,
        room: OwnedSemaphorePermit,
    ) -> Self {
        Self { offset, message: Some(Box::new(message.clone())), fates: fates.clone(), _room: room }
    }

    fn tell(&self, fate: Fate) -> Result<(), BrokerError> {
        let gone = |_| BrokerError::Unreachable("its walk through the past was interrupted".into());
        self.fates.send(fate).map_err(gone)
    }
}

#[async_trait]
impl Acknowledge for PastReceipt {
    async fn acknowledge(mut self: Box<Self>) -> Result<(), BrokerError> {
        self.message = None;
        self.tell(Fate::Settled(self.offset))
    }

    async fn give_back(mut self: Box<Self>) -> Result<(), BrokerError> {
        match self.message.take() {
            Some(message) => self.tell(Fate::Back(self.offset, message)),
            None => Ok(()),
        }
    }
}

impl Drop for PastReceipt {
    fn drop(&mut self) {
        if self.message.is_some() {
            // Nobody listens any more where this fails.
            let _ = self.tell(Fate::Dropped);
        }
    }
}

/// The right to settle a message of the queue, which takes up room among those of the past.
#[derive(Debug)]
pub(super) struct RoomReceipt {
    pub receipt: Box<dyn Acknowledge>,
    pub _room: OwnedSemaphorePermit,
}

#[async_trait]
impl Acknowledge for RoomReceipt {
    async fn acknowledge(self: Box<Self>) -> Result<(), BrokerError> {
        self.receipt.acknowledge().await
    }

    async fn give_back(self: Box<Self>) -> Result<(), BrokerError> {
        self.receipt.give_back().await
    }
}
