//! Everything that one event causes: events become tasks, and tasks that are performed become events.

use std::collections::BTreeMap;

use tokio::sync::broadcast;

use super::super::error::CliError;
use super::failed;
use super::worker::Worker;
use crate::delivery::{Record, Settlement};
use crate::message::{Message, MessageId, Subject};
use crate::plugin::LiveSet;

/// What became of an event.
pub(super) struct Transaction {
    pub event: Message,
    /// Every delivery, in the order in which they settled.
    pub records: Vec<Record>,
    /// The tasks that no plugin here performs.
    pub tasks: BTreeMap<MessageId, Message>,
}

impl Transaction {
    /// Follows an event to its end: until nothing that it caused waits to be handled any more.
    pub(super) async fn follow(
        event: Message,
        live: &LiveSet,
        records: &mut broadcast::Receiver<Record>,
        worker: &mut Worker,
    ) -> Result<Self, CliError> {
        let mut waiting = handlers(live, event.subject.as_str());
        let mut transaction = Self { event, records: Vec::new(), tasks: BTreeMap::new() };
        while waiting > 0 {
            let record = records.recv().await.map_err(failed)?;
            if record.tid != transaction.event.tid {
                continue;
            }
            // What is tried again comes once more.
            waiting -= usize::from(!matches!(record.settlement, Settlement::Retried { .. }));
            for made in &record.emitted {
                let handlers = handlers(live, &made.name);
                waiting += handlers;
                if handlers == 0 && is_task(live, &made.name) {
                    transaction.tasks.insert(made.id.clone(), worker.take(&made.id).await?);
                }
            }
            transaction.records.push(record);
        }
        Ok(transaction)
    }
}

/// How many plugins handle messages of this name.
fn handlers(live: &LiveSet, name: &str) -> usize {
    let subjects = live.values().flat_map(|live| live.description.subjects());
    subjects.filter(|subject| subject.as_str() == name).count()
}

fn is_task(live: &LiveSet, name: &str) -> bool {
    let mut tasks = live.values().flat_map(|live| live.description.emits.iter().cloned().map(Subject::Task));
    tasks.any(|task| task.as_str() == name)
}
