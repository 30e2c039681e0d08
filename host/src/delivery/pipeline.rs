//! One message all the way: received → admitted → invoked → settled.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::admit::admit;
use super::inbox::{self, Claims};
use super::journal::{Emitted, Journal, Record};
use super::policy::{Policies, Policy};
use super::settle::{Decision, Onward, Place, Settlement, decide, publish};
use crate::broker::{Acknowledge, Broker, PublishError, Received};
use crate::ledger::{Held, Inbox};
use crate::message::{Attempt, Message, Receipt, Subject, Timestamp};
use crate::name::QueueName;
use crate::plugin::{Incoming, Invocation, Live, Outcome};

/// The wait before a message that keeps its place is handled again, where its outcome could not be published.
const PAUSE: Duration = Duration::from_secs(1);

/// What the deliveries of one subscription share.
pub(super) struct Pipeline {
    pub queue: QueueName,
    /// What the messages are about.
    pub subject: Subject,
    pub broker: Arc<dyn Broker>,
    /// The version that the next delivery begins on. One in flight keeps the one that it began on (I9).
    pub live: ArcSwap<Live>,
    pub policies: Arc<Policies>,
    pub inbox: Arc<dyn Inbox>,
    pub claims: Arc<Claims>,
    pub journal: Arc<Journal>,
    /// Ends deliveries that are still in flight when the grace period is over (I11).
    pub abandon: CancellationToken,
}

/// How a delivery ended for its listener.
#[derive(Debug)]
pub(super) enum Ended {
    /// The broker has it back, or is done with it.
    Settled(Health),
    /// It keeps its place and its acknowledgement, and is due again after the wait (I10).
    Kept { received: Box<Received>, wait: Duration, health: Health },
}

/// What a delivery says of the plugin's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Well,
    Failed,
    Unknown,
}

/// How far a delivery came.
enum Outward {
    Settled { settlement: Settlement, made: Vec<Emitted>, receipt: Receipt, health: Health },
    Held { held: Held, settlement: Settlement, receipt: Receipt },
    Unpublished { error: PublishError, receipt: Receipt },
}

impl Pipeline {
    pub fn policy(&self, live: &Live) -> Policy {
        self.policies.of(&live.id, &self.subject, &live.description.limits)
    }

    /// Delivers one message to the version that is live now.
    pub async fn deliver(&self, received: Received) -> Ended {
        let live = self.live.load_full();
        let span = span(&received.message, &live);
        self.handle(received, &live).instrument(span).await
    }

    /// Hands back a message that was fetched and never begun.
    pub async fn hand_back(&self, received: Received) {
        let Received { message, receipt: acknowledgement, .. } = received;
        give_back(acknowledgement).await;
        self.record_unbegun(&message);
    }

    /// Lets go of a message that was fetched and never begun. The broker takes it back with all else that its listener
    /// had out.
    pub fn let_go(&self, received: Received) {
        self.record_unbegun(&received.message);
    }

    fn record_unbegun(&self, message: &Message) {
        let live = self.live.load_full();
        let settlement = Settlement::Returned { reason: "the host stopped listening".into() };
        span(message, &live).in_scope(|| self.record(message, &live, settlement, Vec::new(), Receipt::default()));
    }

    /// A message that kept its place before is what it was then: its attempt and its failures. Says how long it waits.
    pub async fn recall(&self, message: &mut Message) -> Duration {
        match self.inbox.held(&self.queue, &message.id).await {
            Ok(Some(held)) => {
                let wait = held.due.since_epoch().saturating_sub(Timestamp::now().since_epoch());
                (message.attempt, message.failures) = (held.attempt, held.failures);
                wait
            }
            Ok(None) => Duration::ZERO,
            Err(error) => {
                tracing::warn!(message = %message.id, "how often it has failed before is not known: {error}");
                Duration::ZERO
            }
        }
    }

    async fn handle(&self, mut received: Received, live: &Live) -> Ended {
        let policy = self.policy(live);
        let _claim = match policy.deduplication {
            Some(_) => Some(self.claims.claim(&live.id, &received.message.id).await),
            None => None,
        };
        let ending = self.settle(&received.message, live, &policy);
        match self.abandon.run_until_cancelled(ending).await {
            Some(Outward::Settled { settlement, made, receipt, health }) => {
                let Received { message, receipt: acknowledgement, .. } = received;
                let settlement = match acknowledgement.acknowledge().await {
                    Ok(()) => settlement,
                    // Its outcome exists, under ids that the next delivery will give again (I2).
                    Err(error) => Settlement::Returned { reason: format!("it could not be acknowledged: {error}") },
                };
                self.record(&message, live, settlement, made, receipt);
                Ended::Settled(health)
            }
            Some(Outward::Held { held, settlement, receipt }) => {
                self.record(&received.message, live, settlement, Vec::new(), receipt);
                let wait = held.due.since_epoch().saturating_sub(Timestamp::now().since_epoch());
                (received.message.attempt, received.message.failures) = (held.attempt, held.failures);
                Ended::Kept { received: Box::new(received), wait, health: Health::Failed }
            }
            Some(Outward::Unpublished { error, receipt }) => {
                self.give_up(received, live, &policy, error.to_string(), receipt, PAUSE).await
            }
            None => {
                let reason = "the grace period of the host's stop was over".to_owned();
                self.give_up(received, live, &policy, reason, Receipt::default(), Duration::ZERO).await
            }
        }
    }

    /// Lets a message go back as it was; where order is kept, in its turn.
    async fn give_up(
        &self,
        received: Received,
        live: &Live,
        policy: &Policy,
        reason: String,
        receipt: Receipt,
        wait: Duration,
    ) -> Ended {
        self.record(&received.message, live, Settlement::Returned { reason }, Vec::new(), receipt);
        if policy.ordering.is_none() {
            give_back(received.receipt).await;
            return Ended::Settled(Health::Unknown);
        }
        Ended::Kept { received: Box::new(received), wait, health: Health::Unknown }
    }

    /// Everything up to the acknowledgement.
    async fn settle(&self, message: &Message, live: &Live, policy: &Policy) -> Outward {
        let nothing = (Vec::new(), Receipt::default());
        if let Some(window) = policy.deduplication
            && inbox::is_duplicate(self.inbox.as_ref(), &live.id, &message.id, window).await
        {
            let (made, receipt) = nothing;
            return Outward::Settled { settlement: Settlement::Duplicate, made, receipt, health: Health::Unknown };
        }
        let schema = live.description.schemas.handled.get(&self.subject);
        let incoming = admit(message, &self.subject, policy.payload_limit, schema).await;
        let (invocation, mut health) = match &incoming {
            Ok(incoming) => invoke(*incoming, live).await,
            Err(reason) => (rejected(reason.to_string()), Health::Unknown),
        };
        let (receipt, incoming) = (invocation.receipt, incoming.ok());
        let mut decision = self.conclude(message, incoming, invocation, live, policy).await;
        while let Err(error) = publish(self.broker.as_ref(), &decision.emits).await {
            let PublishError::TooLarge(_) = error else { return Outward::Unpublished { error, receipt } };
            // The plugin's own doing, which no other try to publish it mends.
            health = Health::Failed;
            decision = match decision.settlement {
                Settlement::Done => {
                    let outcome = Outcome::Retry { reason: error.to_string(), after: None };
                    self.conclude(message, incoming, Invocation { outcome, receipt }, live, policy).await
                }
                _ => decision.without_recovery(error.to_string()),
            };
        }
        let (made, settlement) = (decision.emitted(), decision.settlement);
        match decision.onward {
            Onward::Nowhere => {}
            Onward::To(copy) => {
                if let Err(error) = publish(self.broker.as_ref(), &[*copy]).await {
                    return Outward::Unpublished { error, receipt };
                }
            }
            Onward::Held(held) => {
                if let Err(error) = self.inbox.hold(&self.queue, &message.id, Some(held.clone())).await {
                    tracing::warn!("a restart would forget this failure: {error}");
                }
                return Outward::Held { held, settlement, receipt };
            }
        }
        self.remember(message, live, policy, &settlement).await;
        Outward::Settled { settlement, made, receipt, health }
    }

    /// What an outcome comes to, with the plugin's recovery where it was its last chance.
    async fn conclude(
        &self,
        message: &Message,
        incoming: Option<Incoming<'_>>,
        invocation: Invocation,
        live: &Live,
        policy: &Policy,
    ) -> Decision {
        // No version has run where the message was not admitted.
        let version = incoming.map_or_else(String::new, |_| live.version.to_string());
        let place = Place { queue: self.queue.clone(), plugin: live.id.clone(), version };
        let decision = decide(message, &place, invocation, policy);
        match incoming {
            Some(incoming) => self.recover(decision, message, incoming, live).await,
            None => decision,
        }
    }

    async fn recover(&self, decision: Decision, message: &Message, incoming: Incoming<'_>, live: &Live) -> Decision {
        let Some(letter) = decision.dead_letter() else { return decision };
        let recovering = live.handler.recover(incoming, &letter.failures);
        match AssertUnwindSafe(recovering).catch_unwind().await {
            Ok(Some(recovered)) => decision.with_recovery(message, &live.id, recovered),
            Ok(None) | Err(_) => decision,
        }
    }

    /// What the next copy of this message must find in the ledger.
    async fn remember(&self, message: &Message, live: &Live, policy: &Policy, settlement: &Settlement) {
        if let (Settlement::Done, Some(window)) = (settlement, policy.deduplication) {
            inbox::remember(self.inbox.as_ref(), &live.id, &self.queue, &message.id, window).await;
        }
        if !policy.ordering.is_none()
            && message.attempt > Attempt::FIRST
            && let Err(error) = self.inbox.hold(&self.queue, &message.id, None).await
        {
            tracing::debug!("its failures stay in the ledger until they are too old: {error}");
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

/// What every line of a delivery's log names.
fn span(message: &Message, live: &Live) -> Span {
    tracing::info_span!(
        "delivery",
        plugin = %live.id,
        version = %live.version,
        subject = %message.subject,
        message = %message.id,
        tid = %message.tid,
        attempt = message.attempt.number(),
    )
}

/// Runs the handler.
async fn invoke(incoming: Incoming<'_>, live: &Live) -> (Invocation, Health) {
    // A defect of the host must not keep the message, and its place among the prefetched, for ever.
    let handled = AssertUnwindSafe(live.handler.handle(incoming)).catch_unwind().await;
    let invocation = handled.unwrap_or_else(|_| panicked());
    let health = match invocation.outcome {
        Outcome::Done(_) => Health::Well,
        Outcome::Retry { .. } => Health::Failed,
        Outcome::Reject { .. } => Health::Unknown,
    };
    (invocation, health)
}

fn rejected(reason: String) -> Invocation {
    Invocation { outcome: Outcome::Reject { reason }, receipt: Receipt::default() }
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
