//! Keeps a listener for each subscription of what is live, and stops those that nothing wants any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::journal::Journal;
use super::pipeline::Pipeline;
use super::policy::Policies;
use super::subscription;
use crate::broker::{Broker, Source};
use crate::message::Timestamp;
use crate::name::{EventName, PluginId, QueueName};
use crate::plugin::{Live, LiveSet};

/// One plugin's interest in one event.
type Key = (PluginId, EventName);

/// The listeners of a host.
pub struct Dispatch {
    broker: Arc<dyn Broker>,
    policies: Arc<Policies>,
    journal: Arc<Journal>,
    running: Mutex<BTreeMap<Key, Running>>,
    orphaned: Mutex<BTreeSet<QueueName>>,
    listeners: TaskTracker,
    abandon: CancellationToken,
    /// Told whenever a subscription begins, listens or ends.
    news: Arc<watch::Sender<()>>,
}

struct Running {
    pipeline: Arc<Pipeline>,
    source: Source,
    stop: CancellationToken,
}

impl Running {
    fn is_listening(&self) -> bool {
        self.pipeline.listening.load(Ordering::Relaxed)
    }
}

/// A subscription, for people.
#[derive(Debug, Clone, Serialize)]
pub struct SubscriptionStatus {
    pub plugin: PluginId,
    pub event: EventName,
    pub queue: QueueName,
    pub prefetch: u16,
    /// Whether the broker delivers its messages; if not, `state` says why.
    pub listening: bool,
    pub state: ListenerState,
    /// Messages in work.
    pub in_flight: u64,
    /// Messages that wait for a rate limit.
    pub rate_limited: u64,
}

/// What a subscription's listener is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "listener", rename_all = "kebab-case")]
pub enum ListenerState {
    /// Not listening yet, or not at the moment; tried again and again.
    Interrupted {
        reason: String,
    },
    Consuming,
    /// By an operator.
    Paused,
    /// Its breaker is open: messages wait in the queue until then.
    Open {
        reason: String,
        until: Timestamp,
    },
    /// Its breaker lets single messages through.
    Probing,
}

impl Dispatch {
    pub fn new(broker: Arc<dyn Broker>, policies: Policies, journal: Arc<Journal>) -> Self {
        Self {
            broker,
            policies: Arc::new(policies),
            journal,
            running: Mutex::default(),
            orphaned: Mutex::default(),
            listeners: TaskTracker::new(),
            abandon: CancellationToken::new(),
            news: Arc::default(),
        }
    }

    /// Follows what is live until `stop`, then stops every listener and waits for the deliveries in flight, for at most
    /// the grace period; what has not ended by then goes back to its queue (I11).
    pub async fn run(&self, mut live: watch::Receiver<Arc<LiveSet>>, stop: CancellationToken, grace: Duration) {
        loop {
            let now = live.borrow_and_update().clone();
            self.follow(&now);
            match stop.run_until_cancelled(live.changed()).await {
                Some(Ok(())) => {}
                Some(Err(_)) | None => break,
            }
        }
        stop.cancelled().await;
        self.stop(grace).await;
    }

    /// The subscriptions that are listened to.
    pub fn subscriptions(&self) -> Vec<SubscriptionStatus> {
        let status = |((plugin, event), running): (&Key, &Running)| SubscriptionStatus {
            plugin: plugin.clone(),
            event: event.clone(),
            queue: running.source.queue.clone(),
            prefetch: running.source.prefetch.get(),
            listening: running.is_listening(),
            state: ListenerState::Consuming,
            in_flight: 0,
            rate_limited: 0,
        };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).iter().map(status).collect()
    }

    /// What the subscriptions listen to.
    pub fn sources(&self) -> Vec<Source> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.values().map(|running| running.source.clone()).collect()
    }

    /// Stops the listeners of a plugin until it is resumed or the host starts again; whether there is such a plugin.
    pub fn pause(&self, _plugin: &PluginId) -> bool {
        false
    }

    /// Lets the listeners of a paused plugin listen again; whether there is such a plugin.
    pub fn resume(&self, _plugin: &PluginId) -> bool {
        false
    }

    /// Opens the breaker of a subscription, by its queue; whether there is such a subscription.
    pub fn trip(&self, _queue: &str) -> bool {
        false
    }

    /// Closes the breaker of a subscription, by its queue; whether there is such a subscription.
    pub fn reset(&self, _queue: &str) -> bool {
        false
    }

    /// Waits until every subscription of these plugins is listened to.
    pub async fn listening(&self, live: &LiveSet) {
        // An error would mean that the sender is gone, and `self` holds it.
        let _ = self.news.subscribe().wait_for(|()| self.is_listening(live)).await;
    }

    /// Whether every subscription of these plugins is listened to.
    pub fn is_listening(&self, live: &LiveSet) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let listens = |(key, _): (Key, &Arc<Live>)| running.get(&key).is_some_and(Running::is_listening);
        live.values().flat_map(subscriptions_of).all(listens)
    }

    /// Queues whose plugin is gone, or does not subscribe any more. They stay, and go on to fill.
    pub fn orphaned(&self) -> BTreeSet<QueueName> {
        self.orphaned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes what runs what is wanted. A subscription that stays only gets its new version: no gap (I9).
    fn follow(&self, live: &LiveSet) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut orphaned = self.orphaned.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted: BTreeMap<Key, &Arc<Live>> = live.values().flat_map(subscriptions_of).collect();
        running.retain(|key, listener| {
            let stays = wanted.contains_key(key);
            if !stays {
                listener.stop.cancel();
                orphaned.insert(listener.source.queue.clone());
            }
            stays
        });
        for (key, live) in wanted {
            let source = self.source(&key, live);
            orphaned.remove(&source.queue);
            match running.get(&key) {
                Some(listener) if listener.source == source => listener.pipeline.live.store(live.clone()),
                earlier => {
                    if let Some(earlier) = earlier {
                        earlier.stop.cancel();
                    }
                    running.insert(key, self.start(source, live.clone()));
                }
            }
        }
        drop((running, orphaned));
        self.news.send_replace(());
    }

    fn source(&self, (plugin, event): &Key, live: &Live) -> Source {
        let policy = self.policies.of(plugin, event, &live.description.limits);
        Source::event(QueueName::subscription(plugin, event), event.clone(), policy.prefetch)
    }

    fn start(&self, source: Source, live: Arc<Live>) -> Running {
        let pipeline = Arc::new(Pipeline {
            queue: source.queue.clone(),
            subject: source.subject.clone(),
            broker: self.broker.clone(),
            live: ArcSwap::new(live),
            policies: self.policies.clone(),
            journal: self.journal.clone(),
            abandon: self.abandon.clone(),
            listening: AtomicBool::new(false),
            news: self.news.clone(),
        });
        let stop = CancellationToken::new();
        self.listeners.spawn(subscription::run(pipeline.clone(), source.clone(), stop.clone()));
        Running { pipeline, source, stop }
    }

    async fn stop(&self, grace: Duration) {
        for listener in self.running.lock().unwrap_or_else(PoisonError::into_inner).values() {
            listener.stop.cancel();
        }
        self.listeners.close();
        if tokio::time::timeout(grace, self.listeners.wait()).await.is_err() {
            tracing::warn!("deliveries in flight did not end within the grace period of {grace:?}; they go back");
            self.abandon.cancel();
            self.listeners.wait().await;
        }
    }
}

fn subscriptions_of(live: &Arc<Live>) -> impl Iterator<Item = (Key, &Arc<Live>)> {
    live.description.subscriptions.iter().map(move |event| ((live.id.clone(), event.clone()), live))
}
