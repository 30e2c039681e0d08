//! Events of the past for one plugin, once more.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Begin, Filter, History, HistoryError, Walk, Walked};
use crate::broker::{Destination, Offset, Outgoing, Recorded, Source};
use crate::message::{Attempt, HeaderValue, MessageId, REPLAY_OF, REPLAYED};
use crate::name::PluginId;
use crate::rate::Limiter;

/// How many copies are published at once at the most, and for how long they may last at the pace: short, so that they
/// leave evenly.
const AT_ONCE: u128 = 100;
const GO: Duration = Duration::from_millis(50);
/// How often it is told how far it has come.
const TELL: Duration = Duration::from_millis(250);

/// What to replay, and to whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Replay {
    pub to: PluginId,
    #[serde(default)]
    pub filter: Filter,
    /// Needed where the filter leaves nothing out.
    #[serde(default)]
    pub all: bool,
    /// Under fresh ids, so that what was handled is handled again.
    #[serde(default)]
    pub again: bool,
    /// Only say what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// Where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_offset: Option<Offset>,
}

impl Replay {
    /// Refuses what can only be a mistake.
    pub fn check(&self) -> Result<(), HistoryError> {
        if self.filter.is_empty() && self.from_offset.is_none() && !self.all {
            return Err(HistoryError::All);
        }
        Ok(())
    }
}

/// How a replay comes along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "progress", rename_all = "kebab-case")]
pub enum ReplayProgress {
    Walked(Replayed),
    /// The end.
    Ended(Replayed),
    /// The end before its time. What was published stays so.
    Failed {
        error: String,
    },
}

/// How far a replay has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// What is written on each copy as [`REPLAYED`].
    pub run: MessageId,
    /// Copies in the plugin's queues.
    pub replayed: u64,
    /// Its `place` is where to go on.
    #[serde(flatten)]
    pub walked: Walked,
}

impl History {
    /// Publishes each event that is meant to the queues of those sources that it came by, in order and at the history's
    /// pace, and tells of it. Ends where nobody listens any more.
    pub async fn replay(
        &self,
        order: &Replay,
        sources: &[Source],
        told: &mpsc::Sender<ReplayProgress>,
    ) -> Result<Replayed, HistoryError> {
        order.check()?;
        if sources.is_empty() {
            return Err(HistoryError::NoSubscription(order.to.clone()));
        }
        let begin = order.from_offset.map_or(Begin::ByTime, Begin::At);
        let mut walk = self.walk(order.filter.clone(), begin).await?;
        let run = MessageId::fresh();
        let mut replaying = Replaying {
            history: self,
            order,
            sources,
            told,
            pace: Limiter::new(self.pace),
            at_once: (GO.as_nanos() / self.pace.interval().as_nanos().max(1)).clamp(1, AT_ONCE) as usize,
            spoken: Instant::now(),
            replayed: Replayed { run, replayed: 0, walked: walk.walked() },
        };
        let ended = replaying.along(&mut walk).await;
        if let Err(error) = &ended {
            // Whoever is gone need not be told.
            let _ = replaying.tell().await;
            let Replayed { replayed, walked: Walked { place, .. }, .. } = &replaying.replayed;
            tracing::warn!(plugin = %order.to, replayed, "a replay broke off: {error}; `--from-offset {place}` goes on");
        }
        ended.map(|()| replaying.replayed)
    }
}

/// A replay on its way.
struct Replaying<'o> {
    history: &'o History,
    order: &'o Replay,
    sources: &'o [Source],
    told: &'o mpsc::Sender<ReplayProgress>,
    pace: Limiter,
    /// How many copies go at once.
    at_once: usize,
    /// When it was last told.
    spoken: Instant,
    replayed: Replayed,
}

impl Replaying<'_> {
    async fn along(&mut self, walk: &mut Walk) -> Result<(), HistoryError> {
        let told = self.told;
        self.tell().await?;
        loop {
            let events = tokio::select! {
                () = told.closed() => return Err(HistoryError::Gone),
                events = walk.next() => events?,
            };
            let Some(events) = events else { break };
            let mut copies = Vec::new();
            for event in events {
                let place = event.offset.next();
                copies.extend(self.copies(event));
                if copies.len() >= self.at_once {
                    self.publish(&mut copies).await?;
                    self.replayed.walked.place = place;
                }
            }
            self.publish(&mut copies).await?;
            self.replayed.walked = walk.walked();
            if self.spoken.elapsed() >= TELL {
                self.tell().await?;
            }
        }
        self.replayed.walked = walk.walked();
        Ok(())
    }

    /// The event as each queue of the plugin got it.
    fn copies(&self, event: Recorded) -> impl Iterator<Item = Outgoing> {
        let copy = move |source: &Source| {
            let mut message = event.clone().within(source)?;
            message.attempt = Attempt::FIRST;
            message.failures.clear();
            let run = &self.replayed.run;
            message.headers.insert(REPLAYED.to_owned(), HeaderValue::from(run.as_str()));
            message.headers.remove(REPLAY_OF);
            if self.order.again {
                let original = std::mem::replace(&mut message.id, MessageId::replayed(run, &event.message.id));
                message.headers.insert(REPLAY_OF.to_owned(), HeaderValue::from(original.as_str()));
            }
            Some(Outgoing { destination: Destination::Queue(source.queue.clone()), message })
        };
        self.sources.iter().filter_map(copy)
    }

    async fn publish(&mut self, copies: &mut Vec<Outgoing>) -> Result<(), HistoryError> {
        let number = copies.len();
        let copies = std::mem::take(copies);
        if number > 0 && !self.order.dry_run {
            let told = self.told;
            for _ in 0..number {
                tokio::select! {
                    biased;
                    () = told.closed() => return Err(HistoryError::Gone),
                    () = self.pace.wait() => {}
                }
            }
            self.history.broker.publish(copies).await?;
        }
        self.replayed.replayed += number as u64;
        if self.spoken.elapsed() >= TELL {
            self.tell().await?;
        }
        Ok(())
    }

    async fn tell(&mut self) -> Result<(), HistoryError> {
        self.spoken = Instant::now();
        self.told.send(ReplayProgress::Walked(self.replayed.clone())).await.map_err(|_| HistoryError::Gone)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::broker::{Binding, Exchange, ROUTING_KEY, Routing};
    use crate::history::fake::{FakeBroker, history};
    use crate::message::HeaderValue;
    use crate::name::QueueName;
    use std::num::NonZeroU16;

    fn source(event: &str) -> Source {
        let plugin: PluginId = "two".parse().expect("legal");
        let event = event.parse().expect("legal");
        Source::event(QueueName::subscription(&plugin, &event), event, NonZeroU16::MIN)
    }

    fn order(json: &str) -> Replay {
        serde_json::from_str(json).expect("legal")
    }

    async fn replay(broker: &Arc<FakeBroker>, order: &Replay, sources: &[Source]) -> Result<Replayed, HistoryError> {
        let (told, mut progress) = mpsc::channel(16);
        let history = history(broker);
        let (replayed, ()) = tokio::join!(
            async {
                let replayed = history.replay(order, sources, &told).await;
                drop(told);
                replayed
            },
            async { while progress.recv().await.is_some() {} },
        );
        replayed
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_meant_goes_to_the_plugin_s_own_queue_in_order_and_says_so() {
        let broker = FakeBroker::new();
        broker.record(1000, "user.authorized");
        broker.record(7, "user.deleted");
        let replayed = replay(&broker, &order(r#"{"to":"two","all":true}"#), &[source("user.authorized")]).await;
        let Replayed { run, replayed, walked } = replayed.expect("the broker is there");
        assert_eq!((replayed, walked.scanned, walked.place), (1000, 1007, Offset(1007)));
        let sent = broker.sent();
        let ids: Vec<_> = sent.iter().map(|sent| sent.message.id.to_string()).collect();
        assert_eq!(ids, (0..1000).map(|number| format!("m-{number}")).collect::<Vec<_>>());
        for sent in sent {
            assert_eq!(sent.destination, Destination::Queue(source("user.authorized").queue));
            assert_eq!(sent.message.headers.get(REPLAYED).and_then(HeaderValue::as_text), Some(run.as_str()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn once_more_means_fresh_ids_that_follow_from_the_run() {
        let broker = FakeBroker::new();
        broker.record(2, "user.authorized");
        let again = order(r#"{"to":"two","all":true,"again":true}"#);
        let replayed = replay(&broker, &again, &[source("user.authorized")]).await.expect("the broker is there");
        let sent = broker.sent();
        for (sent, original) in sent.iter().zip(["m-0", "m-1"]) {
            let of = sent.message.headers.get(REPLAY_OF).and_then(HeaderValue::as_text);
            let original_id = MessageId::from_wire(original).expect("legal");
            assert_eq!((of, &sent.message.id), (Some(original), &MessageId::replayed(&replayed.run, &original_id)));
        }
        assert_ne!(sent[0].message.id, sent[1].message.id);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_but_what_a_subscription_would_have_got_is_replayed() {
        let broker = FakeBroker::new();
        broker.record_by("payments", "payment.eu.processed");
        broker.record_by("payments", "payment.eu.refused");
        let exchange =
            Exchange { name: "payments".into(), routing: Routing::Topic(vec!["payment.*.processed".into()]) };
        let source = Source { binding: Binding::Exchange(exchange), ..source("org.payment.processed") };
        replay(&broker, &order(r#"{"to":"two","all":true}"#), &[source]).await.expect("the broker is there");
        let sent = broker.sent();
        let key = |sent: &Outgoing| sent.message.headers.get(ROUTING_KEY).cloned();
        assert_eq!(sent.iter().map(key).collect::<Vec<_>>(), [Some("payment.eu.processed".into())]);
        assert_eq!(sent[0].message.subject.as_str(), "org.payment.processed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_publishes_nothing() {
        let broker = FakeBroker::new();
        broker.record(3, "user.authorized");
        let trial = order(r#"{"to":"two","all":true,"dry-run":true}"#);
        let replayed = replay(&broker, &trial, &[source("user.authorized")]).await.expect("the broker is there");
        assert_eq!((replayed.replayed, broker.sent()), (3, vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_replay_goes_on_where_it_was_left() {
        let broker = FakeBroker::new();
        broker.record(500, "user.authorized");
        broker.fail_after(200);
        let (told, mut progress) = mpsc::channel(1024);
        let all = order(r#"{"to":"two","all":true}"#);
        let failed = history(&broker).replay(&all, &[source("user.authorized")], &told).await;
        assert!(matches!(failed, Err(HistoryError::Publish(_))), "{failed:?}");
        let mut place = Offset::FIRST;
        while let Ok(ReplayProgress::Walked(replayed)) = progress.try_recv() {
            place = replayed.walked.place;
        }
        broker.fail_after(usize::MAX);
        let rest = Replay { from_offset: Some(place), ..all };
        replay(&broker, &rest, &[source("user.authorized")]).await.expect("the broker is there");
        let ids: std::collections::BTreeSet<_> = broker.sent().iter().map(|sent| sent.message.id.to_string()).collect();
        assert_eq!(ids.len(), 500);
    }

    #[tokio::test]
    async fn a_replay_that_can_only_be_a_mistake_is_refused() {
        let broker = FakeBroker::new();
        let refused = replay(&broker, &order(r#"{"to":"two"}"#), &[source("user.authorized")]).await;
        assert!(matches!(refused, Err(HistoryError::All)));
        let refused = replay(&broker, &order(r#"{"to":"two","all":true}"#), &[]).await;
        assert!(matches!(refused, Err(HistoryError::NoSubscription(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_replay_ends_where_nobody_waits_for_it() {
        let broker = FakeBroker::new();
        broker.record(500, "user.authorized");
        let (told, progress) = mpsc::channel(1);
        drop(progress);
        let all = order(r#"{"to":"two","all":true}"#);
        let ended = history(&broker).replay(&all, &[source("user.authorized")], &told).await;
        assert!(matches!(ended, Err(HistoryError::Gone)));
        assert!(broker.sent().is_empty());
    }
}
