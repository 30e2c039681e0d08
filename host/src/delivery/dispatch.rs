//! Keeps a listener for each subscription of what is live, and stops those that nothing wants any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::inbox::Claims;
use super::journal::Journal;
use super::pipeline::Pipeline;
use super::policy::Policies;
use super::rate::Limits;
use super::subscription::{ListenerState, Signal, Subscription};
use crate::broker::{Binding, Broker, Source};
use crate::ledger::Inbox;
use crate::message::Subject;
use crate::name::{AppName, PluginId, QueueName};
use crate::plugin::{Live, LiveSet};
use crate::rate::{Limiter, Rate};

/// One plugin's interest in one event, or in one task of its application.
type Key = (PluginId, Subject);

/// The listeners of a host.
pub struct Dispatch {
    broker: Arc<dyn Broker>,
    policies: Arc<Policies>,
    inbox: Arc<dyn Inbox>,
    claims: Arc<Claims>,
    journal: Arc<Journal>,
    of_plugins: BTreeMap<PluginId, Arc<Limiter>>,
    of_apps: BTreeMap<AppName, Arc<Limiter>>,
    running: Mutex<BTreeMap<Key, Running>>,
    paused: Mutex<BTreeSet<PluginId>>,
    orphaned: Mutex<BTreeSet<QueueName>>,
    listeners: TaskTracker,
    abandon: CancellationToken,
    /// Told whenever a subscription begins, listens or ends.
    news: Arc<watch::Sender<()>>,
}

struct Running {
    subscription: Arc<Subscription>,
    stop: CancellationToken,
}

/// A subscription, for people.
#[derive(Debug, Clone, Serialize)]
pub struct SubscriptionStatus {
    pub plugin: PluginId,
    /// The event or task.
    #[serde(flatten)]
    pub subject: Subject,
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

/// What the listeners of a host work with.
pub struct Workings {
    pub broker: Arc<dyn Broker>,
    pub policies: Policies,
    pub inbox: Arc<dyn Inbox>,
    pub journal: Arc<Journal>,
}

impl Dispatch {
    pub fn new(workings: Workings) -> Self {
        let Workings { broker, policies, inbox, journal } = workings;
        let limiters = |rate: &Rate| Arc::new(Limiter::new(*rate));
        let of_plugins = policies.plugin_rates.iter().map(|(id, rate)| (id.clone(), limiters(rate))).collect();
        let of_apps = policies.app_rates.iter().map(|(app, rate)| (app.clone(), limiters(rate))).collect();
        Self {
            broker,
            policies: Arc::new(policies),
            inbox,
            claims: Arc::default(),
            journal,
            of_plugins,
            of_apps,
            running: Mutex::default(),
            paused: Mutex::default(),
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

    /// The subscriptions of what is live.
    pub fn subscriptions(&self) -> Vec<SubscriptionStatus> {
        let status = |((plugin, subject), Running { subscription, .. }): (&Key, &Running)| SubscriptionStatus {
            plugin: plugin.clone(),
            subject: subject.clone(),
            queue: subscription.source.queue.clone(),
            prefetch: subscription.source.prefetch.get(),
            listening: subscription.state().is_listening(),
            state: subscription.state(),
            in_flight: subscription.in_flight(),
            rate_limited: subscription.rate_limited(),
        };
        self.running().iter().map(status).collect()
    }

    /// What the subscriptions listen to.
    pub fn sources(&self) -> Vec<Source> {
        self.running().values().map(|running| running.subscription.source.clone()).collect()
    }

    /// Stops the listeners of a plugin until it is resumed or the host starts again; whether there is such a plugin.
    pub fn pause(&self, plugin: &PluginId) -> bool {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).insert(plugin.clone());
        self.signal(|(of, _), _| of == plugin, &Signal::Pause)
    }

    /// Lets the listeners of a paused plugin listen again; whether there is such a plugin.
    pub fn resume(&self, plugin: &PluginId) -> bool {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).remove(plugin);
        self.signal(|(of, _), _| of == plugin, &Signal::Resume)
    }

    /// Opens the breaker of a subscription, by its queue; whether there is such a subscription with a breaker.
    pub fn trip(&self, queue: &str) -> bool {
        let tripped = Signal::Trip("an operator tripped the breaker".into());
        self.signal(
            |_, subscription| subscription.source.queue.as_str() == queue && subscription.has_breaker(),
            &tripped,
        )
    }

    /// Closes the breaker of a subscription, by its queue; whether there is such a subscription with a breaker.
    pub fn reset(&self, queue: &str) -> bool {
        self.signal(
            |_, subscription| subscription.source.queue.as_str() == queue && subscription.has_breaker(),
            &Signal::Close,
        )
    }

    fn signal(&self, to: impl Fn(&Key, &Subscription) -> bool, signal: &Signal) -> bool {
        let running = self.running();
        let meant = running.iter().filter(|(key, running)| to(key, &running.subscription));
        meant.map(|(_, running)| running.subscription.signal(signal.clone())).count() > 0
    }

    /// Waits until every subscription of these plugins is listened to.
    pub async fn listening(&self, live: &LiveSet) {
        // An error would mean that the sender is gone, and `self` holds it.
        let _ = self.news.subscribe().wait_for(|()| self.is_listening(live)).await;
    }

    /// Whether every subscription of these plugins is listened to, or not for a reason that an operator or a breaker has.
    pub fn is_listening(&self, live: &LiveSet) -> bool {
        let running = self.running();
        let listens = |(key, _): (Key, &Arc<Live>)| {
            let state = running.get(&key).map(|running| running.subscription.state());
            state.is_some_and(|state| !matches!(state, ListenerState::Interrupted { .. }))
        };
        live.values().flat_map(subscriptions_of).all(listens)
    }

    /// Queues whose plugin is gone, or does not subscribe any more. They stay, and go on to fill.
    pub fn orphaned(&self) -> BTreeSet<QueueName> {
        self.orphaned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<Key, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what runs what is wanted. A subscription that stays only gets its new version: no gap (I9).
    fn follow(&self, live: &LiveSet) {
        let mut running = self.running();
        let mut orphaned = self.orphaned.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted: BTreeMap<Key, &Arc<Live>> = live.values().flat_map(subscriptions_of).collect();
        running.retain(|key, listener| {
            let stays = wanted.contains_key(key);
            if !stays {
                listener.stop.cancel();
                orphaned.insert(listener.subscription.source.queue.clone());
            }
            stays
        });
        for (key, live) in wanted {
            let source = self.source(&key, live);
            orphaned.remove(&source.queue);
            match running.get(&key) {
                Some(listener) if listener.subscription.source == source => listener.subscription.replace(live),
                earlier => {
                    if let Some(earlier) = earlier {
                        earlier.stop.cancel();
                    }
                    running.insert(key.clone(), self.start(&key, source, live.clone()));
                }
            }
        }
        drop((running, orphaned));
        self.news.send_replace(());
    }

    fn source(&self, (plugin, subject): &Key, live: &Live) -> Source {
        let policy = self.policies.of(plugin, subject, &live.description.limits);
        let source = match subject {
            Subject::Event(event) => {
                let source = Source::event(subject.queue(plugin), event.clone(), policy.prefetch);
                let binding = policy.exchange.map_or(Binding::Event, Binding::Exchange);
                Source { binding, start: policy.start, ..source }
            }
            Subject::Task(task) => Source::task(task.clone(), policy.prefetch),
        };
        Source { single_active: !policy.ordering.is_none(), ..source }
    }

    fn start(&self, (plugin, subject): &Key, source: Source, live: Arc<Live>) -> Running {
        let policy = self.policies.of(plugin, subject, &live.description.limits);
        let own = policy.rate.map(|rate| Arc::new(Limiter::new(rate)));
        let shared = [self.of_plugins.get(plugin).cloned(), self.of_apps.get(&plugin.app).cloned()];
        let limits = Limits::new([own].into_iter().chain(shared).flatten().collect());
        let pipeline = Pipeline {
            queue: source.queue.clone(),
            subject: subject.clone(),
            broker: self.broker.clone(),
            live: ArcSwap::new(live),
            policies: self.policies.clone(),
            inbox: self.inbox.clone(),
            claims: self.claims.clone(),
            journal: self.journal.clone(),
            abandon: self.abandon.clone(),
        };
        let (subscription, signals) = Subscription::new(pipeline, source, limits, self.news.clone());
        if self.paused.lock().unwrap_or_else(PoisonError::into_inner).contains(plugin) {
            subscription.signal(Signal::Pause);
        }
        let stop = CancellationToken::new();
        self.listeners.spawn(subscription.clone().run(signals, stop.clone()));
        Running { subscription, stop }
    }

    async fn stop(&self, grace: Duration) {
        for listener in self.running().values() {
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
    live.description.subjects().map(move |subject| ((live.id.clone(), subject), live))
}
