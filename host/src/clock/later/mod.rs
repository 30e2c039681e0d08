//! Messages that wait for a moment which their plugin has chosen.
//!
//! They lie in one queue of the broker's. One host at a time takes them out of it and holds them without acknowledging
//! them, so that they are durable where they were; when its moment comes, each is published under its own id, and only
//! then acknowledged (I1). What replaces one or takes it back is a message in the same queue, so that it is heard in the
//! order in which it was said, whoever said it.
//!
//! Moments are of the system's clock. If that steps, what waits is late by half a minute at the most.

mod held;

use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::held::Waiting;
use self::held::{Entry, Held};
use crate::broker::{
    Binding, Broker, BrokerError, Condition, Destination, Later, Listener, Outgoing, PublishError, Received, Source,
};
use crate::message::{DEAD_PLUGIN, DEAD_QUEUE, DEAD_REASON, DEAD_TIME, HeaderValue, Message, Subject, Timestamp};
use crate::name::{AppName, QueueName};

/// How many may be held at one time (I8). Those beyond it wait in the queue until there is room.
pub const MOST: NonZeroU16 = NonZeroU16::new(50_000).expect("not 0");
/// How many are published at one time, and how many that came are heard between two looks at the clock.
const BATCH: usize = 256;
/// The longest that the clock is not looked at, since it may step.
const NAP: Duration = Duration::from_secs(30);
/// How long until one is tried again that could not be published.
const AGAIN: Duration = Duration::from_secs(5);
/// How long until the queue is listened to again after it could not be.
const PAUSE: Duration = Duration::from_secs(1);
/// How long messages are held at one go. RabbitMQ ends a consumer that keeps one for longer than half an hour.
const TURN: Duration = Duration::from_secs(15 * 60);
/// What the queue's messages are taken for by a broker that wants to know: what they are about is written on them.
const SUBJECT: &str = "delivery.moment.awaited";
/// Whose dead letter something is that does not say whose it is.
const NOBODY: &str = "unknown";

/// What waits for its moment.
#[derive(Debug)]
pub struct Deliveries {
    broker: Arc<dyn Broker>,
    held: Mutex<Held>,
}

impl Deliveries {
    pub fn new(broker: Arc<dyn Broker>) -> Self {
        Self { broker, held: Mutex::default() }
    }

    /// Publishes what is due until `stop`, whenever this host is the one to do so.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let Some(listening) = stop.run_until_cancelled(self.broker.listen(source())).await else { return };
            let ended = match listening {
                Ok(listener) => self.serve(listener, &stop).await,
                Err(error) => Err(error.to_string()),
            };
            // What was held comes again, to whichever host is next.
            drop(std::mem::take(&mut *self.held()));
            if let Err(reason) = ended {
                tracing::warn!("what waits for its moment is not listened to, and tried again: {reason}");
                stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            }
        }
    }

    /// Those that this host holds, earliest first.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.held().list().cloned().collect()
    }

    /// How many wait in the queue and are held by no host.
    pub async fn beyond(&self) -> Result<u64, BrokerError> {
        Ok(self.broker.depth(&QueueName::later()).await?.unwrap_or_default())
    }

    /// Takes back what waits under a key, whichever host holds it.
    pub async fn cancel(&self, key: String) -> Result<(), PublishError> {
        let message = Message::new(Subject::Event(SUBJECT.parse().expect("a legal name")), "null");
        self.broker.publish(vec![Later::Never { key, message }.outgoing()]).await.map(drop)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // No panic leaves it half changed.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves until the listener's messages may have gone back, with the reason, or its turn has ended.
    async fn serve(&self, mut listener: Box<dyn Listener>, stop: &CancellationToken) -> Result<(), String> {
        let (mut condition, began) = (listener.condition(), Instant::now());
        let mut told_of_most = false;
        loop {
            self.publish_due().await;
            let (next, number) = {
                let held = self.held();
                (held.next(), held.len())
            };
            if number >= usize::from(MOST.get()) && !std::mem::replace(&mut told_of_most, true) {
                tracing::warn!(
                    "{number} messages wait for their moment; more are looked at only when one of them is gone"
                );
            }
            let nap = next.map_or(NAP, |next| until(next).min(NAP));
            // Not just before something is due.
            if number > 0 && began.elapsed() > TURN && nap > PAUSE {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                reason = interrupted(&mut condition) => return Err(reason),
                received = listener.next() => {
                    self.hear(received.ok_or("the listener ended")?).await?;
                    for _ in 1..BATCH {
                        let Some(Some(received)) = listener.next().now_or_never() else { break };
                        self.hear(received).await?;
                    }
                }
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    /// Does as a message says. What it takes the place of is acknowledged before it is: if that fails, both come again in
    /// their order.
    async fn hear(&self, received: Received) -> Result<(), String> {
        let Received { message, receipt, .. } = received;
        let (before, settled) = match Later::heard(message) {
            Ok(Later::At { moment, key, message }) => {
                (self.held().hold(moment, key, message, receipt, Timestamp::now()), None)
            }
            Ok(Later::Never { key, .. }) => (self.held().take(&key), Some(receipt)),
            Err(stray) => {
                let reason = "it lay among those that wait for their moment, and says none";
                self.bury(*stray, reason).await.map_err(|error| error.to_string())?;
                (None, Some(receipt))
            }
        };
        for receipt in before.map(|entry| entry.receipt).into_iter().chain(settled) {
            receipt.acknowledge().await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    async fn publish_due(&self) {
        loop {
            let due = self.held().due(Timestamp::now(), BATCH);
            if due.is_empty() {
                return;
            }
            // Each by itself, so that one which the broker does not take holds up no other.
            let published = join_all(due.iter().map(|entry| self.publish(entry))).await;
            join_all(due.into_iter().zip(published).map(|(entry, published)| self.settle(entry, published))).await;
        }
    }

    async fn publish(&self, entry: &Entry) -> Result<(), PublishError> {
        let Some(message) = &entry.message else { return Ok(()) };
        let message = Message { time: Timestamp::now(), ..message.clone() };
        let destination = Destination::of(&message.subject);
        match self.broker.publish(vec![Outgoing { destination, message: message.clone() }]).await {
            Err(error @ PublishError::TooLarge(_)) => self.bury(message, &error.to_string()).await,
            published => published.map(drop),
        }
    }

    async fn settle(&self, entry: Entry, published: Result<(), PublishError>) {
        let Waiting { id, subject, .. } = &entry.waiting;
        if let Err(error) = published {
            tracing::warn!(%id, %subject, "its moment has come, but it could not be published, and is tried again: {error}");
            let later = Timestamp::now().since_epoch() + AGAIN;
            let later = Timestamp::from_millis(u64::try_from(later.as_millis()).unwrap_or(u64::MAX));
            return self.held().postpone(later, entry);
        }
        let settled = match entry.message {
            Some(_) => entry.receipt.acknowledge().await,
            None => entry.receipt.give_back().await,
        };
        if let Err(error) = settled {
            tracing::debug!(%id, "it was published, and comes again under the same id: {error}");
        }
    }

    /// Keeps what can never be published as a dead letter.
    async fn bury(&self, mut message: Message, reason: &str) -> Result<(), PublishError> {
        let owner = match &message.subject {
            Subject::Task(task) => Some(task.app()),
            Subject::Event(_) => message.source.as_deref().and_then(|source| source.parse().ok()),
        };
        let app: AppName = owner.unwrap_or_else(|| NOBODY.parse().expect("a legal name"));
        tracing::error!(id = %message.id, subject = %message.subject, "it is a dead letter of {app}: {reason}");
        message.headers.extend([
            (DEAD_REASON.to_owned(), HeaderValue::from(reason)),
            (DEAD_QUEUE.to_owned(), HeaderValue::from(QueueName::later().as_str())),
            (DEAD_PLUGIN.to_owned(), HeaderValue::from(app.as_str())),
            (DEAD_TIME.to_owned(), HeaderValue::Unsigned(Timestamp::now().millis())),
        ]);
        self.broker.publish(vec![Outgoing { destination: Destination::Dead(app), message }]).await.map(drop)
    }
}

/// The queue, for one host at a time.
fn source() -> Source {
    Source {
        queue: QueueName::later(),
        subject: Subject::Event(SUBJECT.parse().expect("a legal name")),
        binding: Binding::Unbound,
        prefetch: MOST,
        single_active: true,
        start: None,
    }
}

/// The time from now to a moment, none where it is past.
fn until(moment: Timestamp) -> Duration {
    moment.since_epoch().saturating_sub(Timestamp::now().since_epoch())
}

/// Waits until a listener is interrupted, and says why.
async fn interrupted(condition: &mut watch::Receiver<Condition>) -> String {
    let is_interrupted = |condition: &Condition| matches!(condition, Condition::Interrupted { .. });
    match condition.wait_for(is_interrupted).await.as_deref() {
        Ok(Condition::Interrupted { reason }) => reason.clone(),
        Ok(_) | Err(_) => "the broker is closed".to_owned(),
    }
}
