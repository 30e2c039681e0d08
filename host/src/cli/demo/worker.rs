//! Takes the emitted tasks from their queues, as the worker of an application would.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use tokio::sync::mpsc;

use super::super::error::CliError;
use super::failed;
use crate::broker::Source;
use crate::delivery::Record;
use crate::host::Host;
use crate::message::{Message, MessageId};
use crate::name::TaskName;

/// Performs every task by remembering it.
pub(super) struct Worker {
    arriving: mpsc::UnboundedReceiver<Message>,
    arrived: BTreeMap<MessageId, Message>,
}

impl Worker {
    /// Listens to the queue of every task that a live plugin may emit.
    pub(super) async fn hire(host: &Host) -> Result<Self, CliError> {
        let live = host.catalog.live().borrow().clone();
        let tasks: BTreeSet<TaskName> = live.values().flat_map(|live| live.description.emits.clone()).collect();
        let (sender, arriving) = mpsc::unbounded_channel();
        for task in tasks {
            let source = Source::task(task, NonZeroU16::MIN);
            let mut listener = host.broker.listen(source).await.map_err(failed)?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while let Some(received) = listener.next().await {
                    if received.receipt.acknowledge().await.is_err() || sender.send(received.message).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { arriving, arrived: BTreeMap::new() })
    }

    /// The tasks that a delivery emitted, in its order.
    pub(super) async fn tasks(&mut self, record: &Record) -> Result<Vec<Message>, CliError> {
        let mut tasks = Vec::new();
        for emitted in &record.emitted {
            while !self.arrived.contains_key(&emitted.id) {
                let message = self.arriving.recv().await.ok_or_else(|| failed("the task queues are gone"))?;
                self.arrived.insert(message.id.clone(), message);
            }
            tasks.extend(self.arrived.remove(&emitted.id));
        }
        Ok(tasks)
    }
}
