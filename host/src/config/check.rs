//! What no single setting can show: settings that contradict each other.

use super::count::Concurrency;
use super::entry::KeyPath;
use super::settings::{Breaker, Delivery, Settings, SubscriptionSettings};
use super::value::Time;
use crate::name::{PluginId, TaskName};

/// RabbitMQ keeps a delay as milliseconds in 32 bits.
const LONGEST_WAIT: Time = Time::millis(u32::MAX as u64);

/// A contradiction, with the keys that it is between.
pub struct Conflict {
    pub keys: Vec<KeyPath>,
    pub reason: String,
}

/// Every contradiction. One of a plugin or subscription names its own keys, also where the value comes from a more
/// general one.
pub fn conflicts(settings: &Settings) -> Vec<Conflict> {
    let mut rules = Rules::default();
    rules.host(settings);
    rules.delivery(&settings.delivery, settings, &KeyPath::from("delivery"));
    for (key, plugin) in &settings.plugin {
        let own = KeyPath::from("plugin").child(&key.to_string());
        rules.delivery(&settings.delivery_of(key.plugin()), settings, &own);
        for event in plugin.subscription.keys() {
            let own = own.child("subscription").child(&event.to_string());
            rules.delivery(&settings.delivery_of_subscription(key.plugin(), event.event()), settings, &own);
        }
        for (task, set) in &plugin.task {
            let own = own.child("task").child(&task.to_string());
            rules.task(task.task(), key.plugin(), set, &own);
            rules.delivery(&settings.delivery_of_task(key.plugin(), task.task()), settings, &own);
        }
    }
    rules.broken
}

#[derive(Default)]
struct Rules {
    broken: Vec<Conflict>,
}

impl Rules {
    fn host(&mut self, settings: &Settings) {
        let (plugins, rabbitmq) = (&settings.plugins, &settings.broker.rabbitmq);
        let (first, last) = ("broker.rabbitmq.reconnect-minimum", "broker.rabbitmq.reconnect-maximum");
        self.positive((first.into(), rabbitmq.reconnect_minimum));
        self.ordered((first.into(), rabbitmq.reconnect_minimum), (last.into(), rabbitmq.reconnect_maximum));
        self.positive(("broker.rabbitmq.answer-limit".into(), rabbitmq.answer_limit));
        self.positive(("plugins.describe-limit".into(), plugins.describe_limit));
        self.positive(("ledger.trace-time".into(), settings.ledger.trace_time));
        if plugins.cache.starts_with(&plugins.directory) {
            let (cache, directory) = (plugins.cache.display(), plugins.directory.display());
            self.broken.push(Conflict {
                keys: vec!["plugins.cache".into(), "plugins.directory".into()],
                reason: format!(
                    "`plugins.cache` ({cache}) is inside `plugins.directory` ({directory}): the cache must be the \
                     host's own, so choose a directory beside it"
                ),
            });
        }
    }

    fn delivery(&mut self, delivery: &Delivery, settings: &Settings, path: &KeyPath) {
        let retry = path.child("retry");
        let (minimum, maximum) = (retry.child("minimum"), retry.child("maximum"));
        if let Concurrency::AtMost(concurrency) = delivery.concurrency {
            self.ordered((path.child("concurrency"), concurrency), (path.child("prefetch"), delivery.prefetch));
        }
        self.positive((path.child("time-limit"), delivery.time_limit));
        self.positive((path.child("wasm-time-limit"), delivery.wasm_time_limit));
        self.positive((path.child("recovery-time-limit"), delivery.recovery_time_limit));
        self.positive((minimum.clone(), delivery.retry.minimum));
        self.ordered((minimum, delivery.retry.minimum), (maximum.clone(), delivery.retry.maximum));
        if delivery.retry.maximum > LONGEST_WAIT {
            let reason = format!("`{maximum}` ({}) must be at most 49 days", delivery.retry.maximum);
            self.broken.push(Conflict { keys: vec![maximum], reason });
        }
        let memory = (path.child("memory-limit"), delivery.memory_limit);
        self.ordered(memory.clone(), ("sandbox.memory-maximum".into(), settings.sandbox.memory_maximum));
        self.ordered((path.child("payload-limit"), delivery.payload_limit), memory);
        self.breaker(&delivery.breaker, &path.child("breaker"));
        self.positive((path.child("deduplication").child("window"), delivery.deduplication.window));
    }

    fn task(&mut self, task: &TaskName, plugin: &PluginId, set: &SubscriptionSettings, path: &KeyPath) {
        if task.app() != plugin.app {
            let reason = format!("`{path}` is a task of the application {}: no other performs it", task.app());
            self.broken.push(Conflict { keys: vec![path.clone()], reason });
        }
        if set.exchange.is_some() {
            let (key, reason) = (path.child("exchange"), "a task has its own queue, which nothing is bound to".into());
            self.broken.push(Conflict { keys: vec![key], reason });
        }
    }

    fn breaker(&mut self, breaker: &Breaker, path: &KeyPath) {
        let (first, last) = (path.child("cool-down"), path.child("cool-down-maximum"));
        self.positive((path.child("window"), breaker.window));
        self.positive((first.clone(), breaker.cool_down));
        self.ordered((first, breaker.cool_down), (last, breaker.cool_down_maximum));
    }

    fn positive(&mut self, (key, time): (KeyPath, Time)) {
        if time == Time::ZERO {
            let reason = format!("`{key}` must be more than 0s");
            self.broken.push(Conflict { keys: vec![key], reason });
        }
    }

    fn ordered<V: PartialOrd + std::fmt::Display>(&mut self, small: (KeyPath, V), large: (KeyPath, V)) {
        if small.1 > large.1 {
            let reason = format!("`{}` ({}) must be at most `{}` ({})", small.0, small.1, large.0, large.1);
            self.broken.push(Conflict { keys: vec![small.0, large.0], reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_fit_together() {
        assert!(conflicts(&Settings::default()).is_empty());
    }
}
