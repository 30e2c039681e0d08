//! What no single setting can show: settings that contradict each other.

use super::count::Concurrency;
use super::entry::KeyPath;
use super::settings::{Breaker, Clock, Delivery, Grants, PluginSettings, Settings, SubscriptionSettings};
use super::start::Start;
use super::value::{Size, Time};
use crate::name::{AppName, EventName, PluginId, TaskName};
use crate::schedule::Period;

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
    rules.clock(settings);
    rules.delivery(&settings.delivery, settings, &KeyPath::from("delivery"));
    for (key, plugin) in &settings.plugin {
        let own = KeyPath::from("plugin").child(&key.to_string());
        rules.delivery(&settings.delivery_of(key.plugin()), settings, &own);
        rules.grants(plugin, &own.child("grants"));
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
        if let Some(file) = plugins.trust.files().find(|file| file.starts_with(&plugins.directory)) {
            let (file, directory) = (file.display(), plugins.directory.display());
            self.broken.push(Conflict {
                keys: vec!["plugins.trust".into(), "plugins.directory".into()],
                reason: format!(
                    "`plugins.trust` reads {file}, which is inside `plugins.directory` ({directory}): whoever can write \
                     plugins could then vouch for them, so put it elsewhere"
                ),
            });
        }
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
        if delivery.start != Start::Now && !settings.history.enabled {
            let (start, enabled) = (path.child("start"), KeyPath::from("history.enabled"));
            let reason = format!("`{start}` ({}) needs a history: set `{enabled}`", delivery.start);
            self.broken.push(Conflict { keys: vec![start, enabled], reason });
        }
    }

    fn clock(&mut self, settings: &Settings) {
        let clock = &settings.clock;
        let apps: Vec<&AppName> = apps(settings).collect();
        for event in clock.event.keys() {
            let path = KeyPath::from("clock.event").child(&event.to_string());
            if let Some(app) = apps.iter().find(|app| event.event().is_in_the_namespace_of(app)) {
                let reason = format!("`{path}` begins like the tasks of the application {app}: call it by its model");
                self.broken.push(Conflict { keys: vec![path], reason });
                continue;
            }
            if let Err(reason) = clock.schedule(event.event()) {
                let hint = slip(clock, event.event());
                let keys = vec![path.child(reason.key()), path.clone()];
                self.broken.push(Conflict { keys, reason: format!("`{path}` {reason}{hint}") });
            }
        }
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
        if set.start.is_some() {
            let (key, reason) =
                (path.child("start"), "a task waits in its queue from the first, and has no past".into());
            self.broken.push(Conflict { keys: vec![key], reason });
        }
    }

    fn grants(&mut self, plugin: &PluginSettings, path: &KeyPath) {
        let Grants { http, keyvalue, secrets, .. } = &plugin.grants;
        let within = |table: &str, key: &str| path.child(table).child(key);
        let (connect, time) = (within("http", "connect-limit"), within("http", "time-limit"));
        self.positive((connect.clone(), http.connect_limit));
        self.ordered((connect, http.connect_limit), (time, http.time_limit));
        self.not_empty((within("http", "response-limit"), http.response_limit));
        self.not_empty((within("keyvalue", "value-limit"), keyvalue.value_limit));
        self.ordered(
            (within("keyvalue", "value-limit"), keyvalue.value_limit),
            (within("keyvalue", "size"), keyvalue.size),
        );
        for (name, secret) in secrets {
            let key = within("secrets", name);
            let wrong = match (&secret.env, &secret.file) {
                _ if name.is_empty() => "needs a name",
                _ if plugin.settings.contains_key(name) => {
                    "is a setting of the plugin too, which it could not tell apart: give one of them another name"
                }
                (Some(variable), None) if variable.starts_with("LEVERET_") => {
                    "is in a variable that begins with LEVERET_, which are the host's own: take another"
                }
                (Some(_), None) | (None, Some(_)) => continue,
                (Some(_), Some(_)) => "has `env` and `file`: leave one of them out",
                (None, None) => "is nowhere: write { env = \"VARIABLE\" } or { file = \"/run/secrets/token\" }",
            };
            let reason = format!("`{key}` {wrong}");
            let keys = vec![key.clone(), key.child("env"), key.child("file")];
            self.broken.push(Conflict { keys, reason });
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

    fn not_empty(&mut self, (key, size): (KeyPath, Size)) {
        if size.as_bytes() == 0 {
            let reason = format!("`{key}` must be more than 0 B");
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

/// The applications that settings speak of.
fn apps(settings: &Settings) -> impl Iterator<Item = &AppName> {
    settings.plugin.keys().map(|key| &key.plugin().app).chain(settings.app.keys().map(|key| key.app()))
}

/// What a table without a rule may be for.
fn slip(clock: &Clock, event: &EventName) -> String {
    let empty = clock.event.iter().any(|(key, own)| key.event() == event && *own == Default::default());
    match Period::read(event) {
        Some(Err(reason)) if empty => format!("; {reason}"),
        _ => String::new(),
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
