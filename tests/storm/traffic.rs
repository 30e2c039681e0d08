//! The events, published in batches of which a few are in flight.

use std::sync::Arc;
use std::time::Duration;

use leveret::broker::{Broker, Destination, Outgoing};
use leveret::message::{Message, Subject};
use leveret::name::EventName;
use tokio::task::JoinSet;

use super::ledger::Ledger;
use super::plan::Plan;
use leveret_tests::stage::{Failure, Stage};

/// The most batches in flight.
const IN_FLIGHT: usize = 4;
/// How often a batch that was not confirmed is published again, under the same ids, before the storm gives up.
const TRIES: u32 = 10;
/// The wait before a batch is published again.
const PAUSE: Duration = Duration::from_millis(100);

/// Publishes the events of the ledger, in order.
pub struct Traffic {
    broker: Arc<dyn Broker>,
    event: EventName,
    plan: Plan,
    ledger: Arc<Ledger>,
    published: u32,
    /// How long the next share should take.
    pace: Duration,
}

impl Traffic {
    /// Nothing is published yet.
    pub fn new(stage: &Stage, plan: Plan, ledger: Arc<Ledger>) -> Self {
        let (broker, event) = (stage.host.broker.clone(), stage.event.clone());
        Self { broker, event, plan, ledger, published: 0, pace: Duration::ZERO }
    }

    /// Publishes the first event until a subscription hears it. From then on every event has to be heard.
    pub async fn first(&mut self) -> Result<(), Failure> {
        for _ in 0..600 {
            if publish(self.broker.as_ref(), vec![self.outgoing(0)]).await? == 0 {
                self.published = 1;
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err("nobody subscribes to the event".into())
    }

    /// How many events are out.
    pub fn published(&self) -> u32 {
        self.published
    }

    /// Sets how long the next share should take.
    pub fn pace(&mut self, pace: Duration) {
        self.pace = pace;
    }

    /// Publishes until so many events are out and confirmed.
    pub async fn until(&mut self, end: u32) -> Result<(), Failure> {
        let each = self.pace / end.saturating_sub(self.published).max(1);
        let mut in_flight = JoinSet::new();
        while self.published < end {
            let batch_end = end.min(self.published + self.plan.batch(self.published));
            let batch: Vec<_> = (self.published..batch_end).map(|event| self.outgoing(event)).collect();
            let share = each * (batch_end - self.published);
            self.published = batch_end;
            if in_flight.len() >= IN_FLIGHT {
                settle(&mut in_flight).await?;
            }
            let broker = self.broker.clone();
            in_flight.spawn(async move { publish(broker.as_ref(), batch).await });
            tokio::time::sleep(share).await;
        }
        while !in_flight.is_empty() {
            settle(&mut in_flight).await?;
        }
        Ok(())
    }

    fn outgoing(&self, event: u32) -> Outgoing {
        let mut message = Message::new(Subject::Event(self.event.clone()), self.plan.payload(event));
        message.id = self.ledger.event(event);
        Outgoing { destination: Destination::Event(self.event.clone()), message }
    }
}

/// Publishes a batch. Says how many events nobody heard.
async fn publish(broker: &dyn Broker, batch: Vec<Outgoing>) -> Result<usize, Failure> {
    let mut tried = 0;
    loop {
        match broker.publish(batch.clone()).await {
            Ok(published) => return Ok(published.unheard.len()),
            Err(error) if tried == TRIES => return Err(error.into()),
            Err(error) => eprintln!("a batch is published again, which can make duplicates: {error}"),
        }
        tried += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits for a batch. An event that nobody heard is lost, and is counted as such by the ledger.
async fn settle(in_flight: &mut JoinSet<Result<usize, Failure>>) -> Result<(), Failure> {
    let unheard = in_flight.join_next().await.transpose()?.transpose()?.unwrap_or_default();
    if unheard > 0 {
        eprintln!("NOT AS IT SHOULD BE: nobody heard {unheard} events of a batch");
    }
    Ok(())
}
