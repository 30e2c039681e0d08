//! The tasks that the plugin emits and does not perform itself: shown, and taken from their queues as a worker would take
//! them.

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::sync::Arc;

use super::screen::{Colour, Screen};
use crate::broker::{Broker, Source};
use crate::cli::text::plain;
use crate::name::TaskName;
use crate::plugin::LiveSet;

/// How many tasks are taken at one time.
const PREFETCH: NonZeroU16 = NonZeroU16::new(64).expect("64 is not 0");

/// Listens to the queues of tasks.
pub(super) struct Tasks {
    broker: Arc<dyn Broker>,
    screen: Screen,
    listening: BTreeSet<TaskName>,
}

impl Tasks {
    pub(super) fn new(broker: Arc<dyn Broker>, screen: Screen) -> Self {
        Self { broker, screen, listening: BTreeSet::new() }
    }

    /// Listens to the queue of every task that may be emitted and that nobody here performs, from now on.
    pub(super) async fn follow(&mut self, live: &LiveSet) {
        let performed = |task: &TaskName| live.values().any(|live| live.description.performs.contains(task));
        let emits: BTreeSet<TaskName> =
            live.values().flat_map(|live| live.description.emits.clone()).filter(|task| !performed(task)).collect();
        for task in emits.difference(&self.listening.clone()) {
            let Ok(mut listener) = self.broker.listen(Source::task(task.clone(), PREFETCH)).await else { continue };
            self.listening.insert(task.clone());
            let screen = self.screen;
            tokio::spawn(async move {
                while let Some(received) = listener.next().await {
                    let message = received.message;
                    let key = message.key.as_ref().map(|key| format!("  key {}", plain(key))).unwrap_or_default();
                    let body = plain(&String::from_utf8_lossy(&message.body));
                    screen.line("task", Colour::Blue, &format!("{}{key}  {body}", message.subject));
                    if received.receipt.acknowledge().await.is_err() {
                        return;
                    }
                }
            });
        }
    }
}
