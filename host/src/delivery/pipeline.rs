//! One message all the way: received → admitted → invoked → settled.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::admit::admit;
use super::journal::{Emitted, Journal, Record};
use super::policy::Policies;
use super::settle::{Decision, Place, Settlement, decide, emitted, publish};
use crate::broker::{Acknowledge, Broker, Received};
use crate::message::{Message, Receipt, Subject, Timestamp};
use crate::name::QueueName;
use crate::plugin::{Invocation, Live, Outcome};

/// What the deliveries of one subscription share.
pub(super) struct Pipeline {
    pub queue: QueueName,
    pub subject: Subject,
    pub broker: Arc<dyn Broker>,
    /// The version that the next delivery begins on. One in flight keeps the one that it began on (I9).
    pub live: ArcSwap<Live>,
    pub policies: Arc<Policies>,
    pub journal: Arc<Journal>,
    /// Ends deliveries that are still in flight when the grace period is over (I11).
    pub abandon: CancellationToken,
    /// Whether the broker delivers this subscription's messages.
    pub listening: AtomicBool,
    /// Told when `listening` changes.
    pub news: Arc<watch::Sender<()>>,
}

impl Pipeline {
    /// Delivers one message to the version that is live now.
    pub async fn deliver(&self, received: Received) {
        let Received { message, receipt: acknowledgement, .. } = received;
        let live = self.live.load_full();
        let span = tracing::info_span!(
            "delivery",
            plugin = %live.id,
            version = %live.version,
            event = %message.subject,
            message = %message.id,
            tid = %message.tid,
            attempt = message.attempt.number(),
        );
        self.handle(&message, acknowledgement, &live).instrument(span).await;
    }

    /// Says whether the broker delivers this subscription's messages.
    pub fn set_listening(&self, listening: bool) {
        self.listening.store(listening, Ordering::Relaxed);
        self.news.send_replace(());
    }

    /// Hands back a message that was fetched and never begun.
    pub async fn hand_back(&self, received: Received) {
        let Received { message, receipt: acknowledgement, .. } = received;
        let live = self.live.load_full();
        give_back(acknowledgement).await;
        let settlement = Settlement::Returned { reason: "the host stopped listening".into() };
        self.record(&message, &live, settlement, Vec::new(), Receipt::default());
    }

    async fn handle(&self, message: &Message, acknowledgement: Box<dyn Acknowledge>, live: &Live) {
        let ending = async {
            let (decision, receipt) = self.invoke(message, live).await;
            let made = emitted(&decision);
            let published = publish(self.broker.as_ref(), decision.publish).await;
            (decision.settlement, made, published, receipt)
        };
        let (settlement, made, receipt) = match self.abandon.run_until_cancelled(ending).await {
            Some((settlement, made, Ok(()), receipt)) => match acknowledgement.acknowledge().await {
                Ok(()) => (settlement, made, receipt),
                // Its outcome exists, under ids that the next delivery will give again (I2).
                Err(error) => {
                    let reason = format!("it could not be acknowledged: {error}");
                    (Settlement::Returned { reason }, made, receipt)
                }
            },
            Some((_, _, Err(error), receipt)) => {
                give_back(acknowledgement).await;
                (Settlement::Returned { reason: error.to_string() }, Vec::new(), receipt)
            }
            None => {
                give_back(acknowledgement).await;
                let reason = "the grace period of the host's stop was over".into();
                (Settlement::Returned { reason }, Vec::new(), Receipt::default())
            }
        };
        self.record(message, live, settlement, made, receipt);
    }

    async fn invoke(&self, message: &Message, live: &Live) -> (Decision, Receipt) {
        let Subject::Event(event) = &self.subject else { unreachable!() };
        let policy = self.policies.of(&live.id, event, &live.description.limits);
        let place = Place { queue: self.queue.clone(), plugin: live.id.clone(), version: live.version.to_string() };
        match admit(message, policy.payload_limit) {
            Ok(event) => {
                // A defect of the host must not keep the message, and its place among the prefetched, for ever.
                let handled = AssertUnwindSafe(live.handler.on_event(event)).catch_unwind().await;
                let invocation = handled.unwrap_or_else(|_| panicked());
                (decide(message, &place, invocation.outcome, &policy.backoff), invocation.receipt)
            }
            Err(reason) => {
                let place = Place { version: String::new(), ..place };
                let reject = Outcome::Reject { reason: reason.to_string() };
                (decide(message, &place, reject, &policy.backoff), Receipt::default())
            }
        }
    }

    fn record(&self, message: &Message, live: &Live, settlement: Settlement, made: Vec<Emitted>, receipt: Receipt) {
        match &settlement {
            Settlement::Done => tracing::info!(emitted = names(&made), "done"),
            Settlement::Retried { reason, wait_ms } => tracing::warn!(wait_ms, "failed, tried again later: {reason}"),
            Settlement::Dead { reason } => tracing::error!("became a dead letter: {reason}"),
            Settlement::Duplicate => tracing::info!("dropped: the plugin has handled it before"),
            Settlement::Returned { reason } => tracing::info!("returned to its queue: {reason}"),
        }
        self.journal.write(Record {
            time: Timestamp::now(),
            plugin: live.id.clone(),
            version: live.version.to_string(),
            queue: self.queue.clone(),
            subject: message.subject.clone(),
            id: message.id.clone(),
            tid: message.tid.clone(),
            source: message.source.clone(),
            published: message.time,
            attempt: message.attempt,
            settlement,
            emitted: made,
            receipt,
        });
    }
}

fn panicked() -> Invocation {
    let reason = "the host panicked while it ran the plugin, which is a defect of Leveret: please report it".to_owned();
    Invocation { outcome: Outcome::Retry { reason, after: None }, receipt: Receipt::default() }
}

/// The names of what was emitted, for the log.
fn names(made: &[Emitted]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = made.iter().take(SHOWN).map(|emitted| emitted.name.as_str()).collect();
    let more = if made.len() > SHOWN { ", …" } else { "" };
    shown.join(", ") + more
}

async fn give_back(acknowledgement: Box<dyn Acknowledge>) {
    if let Err(error) = acknowledgement.give_back().await {
        tracing::debug!("not given back, so it comes again by itself: {error}");
    }
}
