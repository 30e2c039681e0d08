//! An inbox that ends with its process: for tests, and for hosts that want no file.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Held, Inbox, LedgerError, Window};
use crate::message::{MessageId, Timestamp};
use crate::name::{PluginId, QueueName};

/// The most messages that are held; beyond it one is forgotten for each that comes.
const HELD_COUNT: usize = 10_000;

/// An inbox in memory, bounded by the windows' counts (I8).
#[derive(Debug, Default)]
pub struct MemoryInbox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    handled: HashMap<PluginId, Handled>,
    held: BTreeMap<(QueueName, MessageId), Held>,
}

/// What one plugin has handled.
#[derive(Debug, Default)]
struct Handled {
    newest: u64,
    /// The number of each message that is remembered.
    numbers: HashMap<MessageId, u64>,
    /// The same by number, oldest first, with when it was.
    order: BTreeMap<u64, (MessageId, Timestamp)>,
}

impl Handled {
    fn add(&mut self, id: &MessageId, window: Window) {
        self.newest += 1;
        if let Some(before) = self.numbers.insert(id.clone(), self.newest) {
            self.order.remove(&before);
        }
        self.order.insert(self.newest, (id.clone(), Timestamp::now()));
        while let Some(oldest) = self.order.first_entry()
            && !in_window(*oldest.key(), oldest.get().1, self.newest, window)
        {
            let (id, _) = oldest.remove();
            self.numbers.remove(&id);
        }
    }

    fn has(&self, id: &MessageId, window: Window) -> bool {
        let number = self.numbers.get(id);
        let found = number.and_then(|number| self.order.get_key_value(number));
        found.is_some_and(|(number, (_, time))| in_window(*number, *time, self.newest, window))
    }
}

fn in_window(number: u64, time: Timestamp, newest: u64, window: Window) -> bool {
    let age = Timestamp::now().since_epoch().saturating_sub(time.since_epoch());
    newest - number < window.count && age <= window.time
}

impl MemoryInbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Inbox for MemoryInbox {
    async fn has_handled(&self, plugin: &PluginId, id: &MessageId, window: Window) -> Result<bool, LedgerError> {
        Ok(self.state().handled.get(plugin).is_some_and(|handled| handled.has(id, window)))
    }

    async fn handled(
        &self,
        plugin: &PluginId,
        queue: &QueueName,
        id: &MessageId,
        window: Window,
    ) -> Result<(), LedgerError> {
        let mut state = self.state();
        state.handled.entry(plugin.clone()).or_default().add(id, window);
        state.held.remove(&(queue.clone(), id.clone()));
        Ok(())
    }

    async fn held(&self, queue: &QueueName, id: &MessageId) -> Result<Option<Held>, LedgerError> {
        Ok(self.state().held.get(&(queue.clone(), id.clone())).cloned())
    }

    async fn hold(&self, queue: &QueueName, id: &MessageId, held: Option<Held>) -> Result<(), LedgerError> {
        let mut state = self.state();
        let key = (queue.clone(), id.clone());
        state.held.remove(&key);
        if let Some(held) = held {
            if state.held.len() >= HELD_COUNT {
                state.held.pop_first();
            }
            state.held.insert(key, held);
        }
        Ok(())
    }
}
