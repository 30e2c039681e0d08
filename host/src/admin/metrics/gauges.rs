//! What is asked at a scrape.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::future::join_all;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::super::Seen;
use crate::broker::{Broker, BrokerStatus, Progress};
use crate::catalog::PluginState;
use crate::delivery::ListenerState;
use crate::name::QueueName;

/// For how long depths of queues are told again without asking the broker.
const FRESH: Duration = Duration::from_secs(5);
/// How long a scrape waits for the broker, over all queues.
const PATIENCE: Duration = Duration::from_secs(2);

/// One plugin's interest in one event or task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct Subscription {
    pub plugin: String,
    pub subject: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Breaker {
    plugin: String,
    subject: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    queue: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Plugins {
    state: &'static str,
}

/// The subscriptions of what is live.
pub fn live(seen: &Seen) -> BTreeSet<Subscription> {
    let live = seen.catalog.live().borrow().clone();
    let subscriptions = live.values().flat_map(|live| {
        let of = |subject: String| Subscription { plugin: live.id.to_string(), subject };
        live.description.subjects().map(move |subject| of(subject.to_string()))
    });
    subscriptions.collect()
}

/// Everything that is asked, as it is now.
pub async fn ask(seen: &Seen) -> Registry {
    let mut asked = Registry::default();
    let start = Gauge::<f64, AtomicU64>::default();
    start.set(seen.metrics.started.since_epoch().as_secs_f64());
    asked.register_with_unit("process_start_time", "When the host started, since 1970", Unit::Seconds, start);
    let registry = asked.sub_registry_with_prefix("leveret");
    subscriptions(seen, registry);
    plugins(seen, registry);
    let ready = *seen.broker.status().borrow() == BrokerStatus::Ready;
    broker(seen, ready, registry);
    let waiting = Family::<Queue, Gauge<u64, AtomicU64>>::default();
    if ready {
        for (queue, depth) in seen.metrics.depths.of(seen.broker.as_ref(), queues(seen)).await {
            waiting.get_or_create(&Queue { queue: queue.to_string() }).set(depth);
        }
    }
    let help = "Messages that wait in a queue, without those out for delivery; at most 5 s old, and absent while the \
                broker does not say";
    registry.register("queue_messages_ready", help, waiting);
    registry.register("build", "What runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    asked
}

fn subscriptions(seen: &Seen, registry: &mut Registry) {
    let in_flight = Family::<Subscription, Gauge<u64, AtomicU64>>::default();
    let limited = Family::<Subscription, Gauge<u64, AtomicU64>>::default();
    let listening = Family::<Subscription, Gauge>::default();
    let breaker = Family::<Breaker, Gauge>::default();
    let ahead = Family::<Subscription, Gauge<u64, AtomicU64>>::default();
    for subscription in seen.dispatch.subscriptions() {
        let (plugin, subject) = (subscription.plugin.to_string(), subscription.subject.to_string());
        let labels = Subscription { plugin: plugin.clone(), subject: subject.clone() };
        in_flight.get_or_create(&labels).set(subscription.in_flight);
        limited.get_or_create(&labels).set(subscription.rate_limited);
        listening.get_or_create(&labels).set(subscription.listening.into());
        if let ListenerState::Backfilling(Progress { passed, of, .. }) = subscription.state {
            ahead.get_or_create(&labels).set(of.saturating_sub(passed));
        }
        let now = match subscription.state {
            ListenerState::Open { .. } => "open",
            ListenerState::Probing => "half-open",
            ListenerState::Interrupted { .. }
            | ListenerState::Consuming
            | ListenerState::Backfilling(_)
            | ListenerState::Paused => "closed",
        };
        for state in ["closed", "open", "half-open"] {
            let labels = Breaker { plugin: plugin.clone(), subject: subject.clone(), state };
            breaker.get_or_create(&labels).set((state == now).into());
        }
    }
    registry.register("deliveries_in_flight", "Messages in work", in_flight);
    registry.register("rate_limit_waiting", "Messages that are held back by a rate limit", limited);
    registry.register("subscription_listening", "1 where the broker delivers the messages, else 0", listening);
    registry.register("backfill_remaining", "Places of the history that a new subscription has yet to pass", ahead);
    registry.register("breaker_state", "1 for the state that a breaker is in, 0 for the others", breaker);
}

fn plugins(seen: &Seen, registry: &mut Registry) {
    let plugins = Family::<Plugins, Gauge>::default();
    for state in ["loading", "live", "refused", "draining"] {
        plugins.get_or_create(&Plugins { state }).set(0);
    }
    for plugin in seen.catalog.status() {
        let state = match plugin.state {
            PluginState::Loading => "loading",
            PluginState::Live { .. } => "live",
            PluginState::Refused { .. } => "refused",
            PluginState::Draining { .. } => "draining",
        };
        plugins.get_or_create(&Plugins { state }).inc();
    }
    registry.register("plugins", "Plugin files by where they are in their lives", plugins);
}

fn broker(seen: &Seen, ready: bool, registry: &mut Registry) {
    let reconnects: Counter = Counter::default();
    reconnects.inc_by(seen.broker.reconnects());
    registry.register("broker_reconnects", "Lost connections to the broker that were made again", reconnects);
    let up: Gauge = Gauge::default();
    up.set(ready.into());
    registry.register("broker_up", "1 where the broker is in reach, else 0", up);
}

/// The queues whose depths are told: those that are listened to, and the dead letters of what is live.
fn queues(seen: &Seen) -> BTreeSet<QueueName> {
    let live = seen.catalog.live().borrow().clone();
    let dead = live.keys().map(|plugin| QueueName::dead(&plugin.app));
    let listened = seen.dispatch.subscriptions().into_iter().map(|subscription| subscription.queue);
    dead.chain(listened).collect()
}

/// How many messages wait in queues, as the broker said a while ago.
#[derive(Default)]
pub struct Depths {
    told: Mutex<Option<(Instant, BTreeMap<QueueName, u64>)>>,
}

impl Depths {
    async fn of(&self, broker: &dyn Broker, queues: BTreeSet<QueueName>) -> BTreeMap<QueueName, u64> {
        // Whoever scrapes at the same time waits for the same answer.
        let mut told = self.told.lock().await;
        if let Some((at, depths)) = told.as_ref()
            && at.elapsed() < FRESH
        {
            return depths.clone();
        }
        let asked = queues.into_iter().map(async |queue| {
            let depth = timeout(PATIENCE, broker.depth(&queue)).await.ok()?.ok()??;
            Some((queue, depth))
        });
        let depths: BTreeMap<_, _> = join_all(asked).await.into_iter().flatten().collect();
        *told = Some((Instant::now(), depths.clone()));
        depths
    }
}
