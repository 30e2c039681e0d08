//! A walk through the history.

use async_trait::async_trait;
use tokio::sync::watch;

use super::store::Kept;
use super::unreachable;
use super::worker::{Fault, Worker};
use crate::broker::{BrokerError, Offset, Passage, Past, Recorded};

#[derive(Debug)]
pub struct EmbeddedPast {
    worker: Worker,
    /// Everything before it was handed out.
    reached: Offset,
    /// Whether anybody was told so.
    begun: bool,
    recorded: watch::Receiver<()>,
}

impl EmbeddedPast {
    /// The walk is told through `recorded` when something came, and at its other end's drop that nothing will.
    pub fn new(worker: Worker, place: Offset, recorded: watch::Receiver<()>) -> Self {
        Self { worker, reached: place, begun: false, recorded }
    }
}

#[async_trait]
impl Past for EmbeddedPast {
    async fn next(&mut self) -> Result<Passage, BrokerError> {
        loop {
            // Before it reads, so that what comes while it reads ends the wait behind it.
            self.recorded.mark_unchanged();
            let place = self.reached;
            let kept = self.worker.ask(move |store, _| store.kept_from(place), |kept, _| kept);
            let (kept, reached) = kept.await.map_err(unreachable)?;
            if reached > self.reached || !self.begun {
                (self.reached, self.begun) = (reached, true);
                return Ok(Passage { events: kept.into_iter().filter_map(read).collect(), reached });
            }
            self.recorded.changed().await.map_err(|_| unreachable(Fault::closed()))?;
        }
    }
}

/// One that cannot be read holds up no other.
fn read(kept: Kept) -> Option<Recorded> {
    let Kept { offset, event, content } = kept;
    match content.decode() {
        Ok(message) => Some(Recorded { offset, exchange: event, routing_key: String::new(), message }),
        Err(error) => {
            tracing::error!(%offset, event, %error, "an event of the history cannot be read; it stays in the file");
            None
        }
    }
}
