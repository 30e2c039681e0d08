//! Takes the tasks that no plugin performs from their queues, as the worker of a service would.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use tokio::sync::mpsc;

use super::super::error::CliError;
use super::failed;
use crate::broker::Source;
use crate::host::Host;
use crate::message::{Message, MessageId};
use crate::name::TaskName;

/// Performs every task by remembering it.
pub(super) struct Worker {
    arriving: mpsc::UnboundedReceiver<Message>,
    arrived: BTreeMap<MessageId, Message>,
}

impl Worker {
    /// Listens to the queue of every task that a live plugin may emit and none performs.
    pub(super) async fn hire(host: &Host) -> Result<Self, CliError> {
        let live = host.catalog.live().borrow().clone();
        let performed = |task: &TaskName| live.values().any(|live| live.description.performs.contains(task));
        let emitted = live.values().flat_map(|live| live.description.emits.clone());
        let tasks: BTreeSet<TaskName> = emitted.filter(|task| !performed(task)).collect();
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

    /// Waits for a task.
    pub(super) async fn take(&mut self, id: &MessageId) -> Result<Message, CliError> {
        loop {
            if let Some(task) = self.arrived.remove(id) {
                return Ok(task);
            }
            let message = self.arriving.recv().await.ok_or_else(|| failed("the task queues are gone"))?;
            self.arrived.insert(message.id.clone(), message);
        }
    }
}
