//! A value that outlives every host, and that one host at a time holds.
//!
//! It is one message in a queue of its own with a single active consumer: whoever has the message out is the holder.
//! To write is to publish the next value behind it and then to acknowledge the one before, so that a holder that dies
//! leaves the newest. The broker elects the next: another host gets what came back. A host that is cut off may believe
//! for a moment that it still holds what another holds by now; what it does must do no harm when it is done twice.

use std::num::NonZeroU16;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Broker, BrokerError, Condition, Destination, Listener, Outgoing, Received, Source};
use crate::message::{Message, MessageId, Subject};
use crate::name::{EventName, QueueName};

/// The values that may be in the queue at one time: the newest, and what hosts put there to see who is the holder.
const PREFETCH: NonZeroU16 = NonZeroU16::new(256).expect("256 is not 0");

/// A value that one host at a time holds, until this is dropped or the connection is lost.
pub struct Cell<T> {
    broker: Arc<dyn Broker>,
    queue: QueueName,
    listener: Box<dyn Listener>,
    condition: watch::Receiver<Condition>,
    held: Held<T>,
}

/// The newest value, and the message that it is in.
struct Held<T> {
    written: Written<T>,
    received: Received,
}

/// A value as it is in the queue.
#[derive(Serialize, Deserialize)]
struct Written<T> {
    /// Each write has a greater one. 0 for no value.
    sequence: u64,
    value: Option<T>,
}

impl<T: Serialize + DeserializeOwned + Send + Sync> Cell<T> {
    /// Waits until this host holds what is in the queue, which is made if it is missing.
    ///
    /// # Errors
    /// The broker is out of reach, or the connection was lost meanwhile; try again.
    pub async fn acquire(broker: Arc<dyn Broker>, queue: QueueName) -> Result<Self, BrokerError> {
        let source = Source { single_active: true, ..Source::kept(queue.clone(), subject(), PREFETCH) };
        let mut listener = broker.listen(source).await?;
        let condition = listener.condition();
        // There must be something for the broker to give to the holder.
        put(broker.as_ref(), &queue, &Written::<T>::nothing()).await?;
        let first = next(listener.as_mut(), &condition).await?;
        // Whatever was there before is out by the time that this comes back.
        let last = put(broker.as_ref(), &queue, &Written::<T>::nothing()).await?;
        let mut newest = Newest(None);
        let mut received = first;
        loop {
            let is_last = received.message.id == last;
            newest.take(received).await?;
            if is_last {
                break;
            }
            received = next(listener.as_mut(), &condition).await?;
        }
        let held = newest.0.ok_or_else(gone)?;
        Ok(Self { broker, queue, listener, condition, held })
    }

    /// What was written last.
    pub fn value(&self) -> Option<&T> {
        self.held.written.value.as_ref()
    }

    /// Writes; `Ok` means that whoever holds it next finds this.
    ///
    /// # Errors
    /// The broker did not take it, or the cell may be another host's by now: drop it, and acquire it anew.
    pub async fn write(&mut self, value: T) -> Result<(), BrokerError> {
        let written = Written { sequence: self.held.written.sequence + 1, value: Some(value) };
        let id = put(self.broker.as_ref(), &self.queue, &written).await?;
        loop {
            let received = next(self.listener.as_mut(), &self.condition).await?;
            if received.message.id == id {
                let before = std::mem::replace(&mut self.held, Held { written, received });
                return before.received.receipt.acknowledge().await;
            }
            // What another host put there to see who holds it.
            received.receipt.acknowledge().await?;
        }
    }

    /// Waits until the cell may be another host's.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + use<T> {
        let condition = self.condition.clone();
        async move { interrupted(&condition).await }
    }
}

impl<T> Written<T> {
    fn nothing() -> Self {
        Self { sequence: 0, value: None }
    }
}

/// The newest of the values that came.
struct Newest<T>(Option<Held<T>>);

impl<T: DeserializeOwned> Newest<T> {
    async fn take(&mut self, received: Received) -> Result<(), BrokerError> {
        let Ok(written) = serde_json::from_slice::<Written<T>>(&received.message.body) else {
            tracing::warn!(message = %received.message.id, "what somebody else wrote is no value, and is dropped");
            return received.receipt.acknowledge().await;
        };
        if self.0.as_ref().is_some_and(|newest| newest.written.sequence > written.sequence) {
            return received.receipt.acknowledge().await;
        }
        match self.0.replace(Held { written, received }) {
            Some(before) => before.received.receipt.acknowledge().await,
            None => Ok(()),
        }
    }
}

async fn put<T: Serialize>(
    broker: &dyn Broker,
    queue: &QueueName,
    written: &Written<T>,
) -> Result<MessageId, BrokerError> {
    let body = serde_json::to_vec(written).map_err(|error| BrokerError::Refused(error.to_string()))?;
    let message = Message::new(subject(), body);
    let id = message.id.clone();
    let outgoing = Outgoing { destination: Destination::Queue(queue.clone()), message };
    let published = broker.publish(vec![outgoing]).await;
    published.map(|_| id).map_err(|error| BrokerError::Unreachable(error.to_string()))
}

/// The next message, unless it may be another host's by now.
async fn next(listener: &mut dyn Listener, condition: &watch::Receiver<Condition>) -> Result<Received, BrokerError> {
    tokio::select! {
        biased;
        () = interrupted(condition) => Err(gone()),
        received = listener.next() => received.ok_or_else(gone),
    }
}

async fn interrupted(condition: &watch::Receiver<Condition>) {
    let is_interrupted = |condition: &Condition| matches!(condition, Condition::Interrupted { .. });
    // An error means that the listener has ended.
    let _ = condition.clone().wait_for(is_interrupted).await;
}

fn gone() -> BrokerError {
    BrokerError::Unreachable("what this host held may be another's by now".into())
}

/// What the messages are about, for tools that show queues.
fn subject() -> Subject {
    let name: EventName = "cell.value.written".parse().expect("it is a legal name");
    Subject::Event(name)
}
