//! From settings to the policies of deliveries.

use std::collections::BTreeMap;

use crate::broker::{Exchange, Routing, Start};
use crate::config::{self, Delivery, RateLimit, Settings};
use crate::delivery::{Backoff, OrderKey, Ordering, Policies, Policy, Ratio, Trip};
use crate::delivery::{InvalidBackoff, InvalidTrip};
use crate::ledger::Window;
use crate::message::{HeaderValue, Subject, Timestamp};
use crate::plugin::Budget;
use crate::rate::{InvalidRate, Rate};

/// Why settings are no policy. Whatever `config` loads is one.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPolicy {
    #[error("`retry`: {0}")]
    Backoff(#[from] InvalidBackoff),
    #[error("`breaker`: {0}")]
    Trip(#[from] InvalidTrip),
    #[error("`rate-limit`: {0}")]
    Rate(#[from] InvalidRate),
}

/// The policies of every subscription, as the settings say.
pub(super) fn policies(settings: &Settings) -> Result<Policies, InvalidPolicy> {
    let (mut plugins, mut subscriptions) = (BTreeMap::new(), BTreeMap::new());
    let (mut plugin_rates, mut app_rates) = (BTreeMap::new(), BTreeMap::new());
    for (key, app) in &settings.app {
        let Some(limit) = &app.rate_limit else { continue };
        app_rates.insert(key.app().clone(), rate(limit)?);
    }
    for (key, own) in &settings.plugin {
        let plugin = key.plugin();
        if let Some(limit) = &own.rate_limit {
            plugin_rates.insert(plugin.clone(), rate(limit)?);
        }
        for (event, own) in &own.subscription {
            let policy = Policy {
                rate: own.rate_limit.as_ref().map(rate).transpose()?,
                exchange: own.exchange.as_ref().map(exchange),
                ..policy(&settings.delivery_of_subscription(plugin, event.event()))?
            };
            subscriptions.insert((plugin.clone(), Subject::Event(event.event().clone())), policy);
        }
        for (task, own) in &own.task {
            let policy = Policy {
                rate: own.rate_limit.as_ref().map(rate).transpose()?,
                ..policy(&settings.delivery_of_task(plugin, task.task()))?
            };
            subscriptions.insert((plugin.clone(), Subject::Task(task.task().clone())), policy);
        }
        plugins.insert(plugin.clone(), policy(&settings.delivery_of(plugin))?);
    }
    let default = policy(&settings.delivery)?;
    Ok(Policies { default, plugins, subscriptions, plugin_rates, app_rates })
}

/// What one delivery may use.
pub(super) fn budget(delivery: &Delivery) -> Budget {
    Budget {
        time: delivery.time_limit.as_duration(),
        wasm_time: delivery.wasm_time_limit.as_duration(),
        recovery: delivery.recovery_time_limit.as_duration(),
        memory: delivery.memory_limit.as_bytes(),
        output_count: delivery.output_count.get(),
        output_size: delivery.output_size.as_bytes(),
    }
}

fn policy(delivery: &Delivery) -> Result<Policy, InvalidPolicy> {
    let (retry, deduplication) = (&delivery.retry, &delivery.deduplication);
    let (minimum, maximum) = (retry.minimum.as_duration(), retry.maximum.as_duration());
    let (factor, jitter, attempts) = (retry.factor.get(), retry.jitter.get(), retry.attempts.limit());
    let window = Window { time: deduplication.window.as_duration(), count: deduplication.count.get() };
    Ok(Policy {
        prefetch: delivery.prefetch,
        concurrency: delivery.concurrency.within(delivery.prefetch),
        payload_limit: delivery.payload_limit.as_bytes(),
        backoff: Backoff::try_new(minimum, factor, maximum, jitter, attempts)?,
        ordering: ordering(delivery),
        rate: None,
        breaker: if delivery.breaker.enabled { Some(trip(&delivery.breaker)?) } else { None },
        deduplication: deduplication.enabled.then_some(window),
        exchange: None,
        start: start(delivery.start),
    })
}

fn start(start: config::Start) -> Option<Start> {
    match start {
        config::Start::Now => None,
        config::Start::First => Some(Start::First),
        config::Start::Ago(time) => Some(Start::Ago(time.as_duration())),
        config::Start::At(moment) => Some(Start::At(Timestamp::from_millis(moment))),
    }
}

fn ordering(delivery: &Delivery) -> Ordering {
    match (delivery.ordering, &delivery.order_key) {
        (config::Ordering::None, _) => Ordering::None,
        (config::Ordering::Queue, _) => Ordering::Queue,
        (config::Ordering::Key, config::OrderKey::Message) => Ordering::Key(OrderKey::Message),
        (config::Ordering::Key, config::OrderKey::Pointer(at)) => Ordering::Key(OrderKey::Pointer(at.clone())),
        (config::Ordering::Key, config::OrderKey::Header(name)) => Ordering::Key(OrderKey::Header(name.clone())),
    }
}

fn trip(breaker: &config::Breaker) -> Result<Trip, InvalidTrip> {
    let ratio = Ratio {
        share: breaker.ratio.get(),
        window: breaker.window.as_duration(),
        minimum_calls: breaker.minimum_calls,
    };
    let ratio = Some(ratio).filter(|ratio| ratio.share != 0.0);
    let (cool_down, maximum) = (breaker.cool_down.as_duration(), breaker.cool_down_maximum.as_duration());
    Trip::try_new(breaker.consecutive.try_into().ok(), ratio, cool_down, maximum, breaker.probes)
}

pub(super) fn rate(limit: &RateLimit) -> Result<Rate, InvalidRate> {
    Rate::try_new(limit.count(), limit.per().as_duration(), limit.burst())
}

pub(super) fn exchange(exchange: &config::Exchange) -> Exchange {
    let routing = match exchange.routing() {
        config::Routing::Fanout => Routing::Fanout,
        config::Routing::Direct(keys) => Routing::Direct(keys.clone()),
        config::Routing::Topic(patterns) => Routing::Topic(patterns.clone()),
        config::Routing::Headers { all, headers } => {
            let headers = headers.iter().map(|(name, wanted)| (name.clone(), header(wanted))).collect();
            Routing::Headers { all: *all, headers }
        }
    };
    Exchange { name: exchange.name().into(), routing }
}

fn header(wanted: &config::Wanted) -> HeaderValue {
    match wanted {
        config::Wanted::Bool(truth) => HeaderValue::Bool(*truth),
        config::Wanted::Integer(number) => HeaderValue::Integer(*number),
        config::Wanted::Float(number) => HeaderValue::Float(*number),
        config::Wanted::Text(text) => HeaderValue::Text(text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::name::PluginId;
    use crate::plugin::AskedLimits;

    fn policies_of(text: &str) -> Policies {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("leveret.toml");
        std::fs::write(&file, text).expect("writable");
        policies(&config::load(Some(&file), std::iter::empty()).expect("legal")).expect("what is loaded is legal")
    }

    fn plugin(text: &str) -> PluginId {
        text.parse::<config::PluginKey>().expect("legal").plugin().clone()
    }

    fn of(policies: &Policies, of: &str, event: &str) -> Policy {
        policies.of(&plugin(of), &Subject::Event(event.parse().expect("legal")), &AskedLimits::default())
    }

    #[test]
    fn a_subscription_wins_over_its_plugin_and_that_over_the_rest() {
        let policies = policies_of(
            "[delivery]\nprefetch = 30\nconcurrency = 7\nretry.jitter = 0.5\nordering = \"key\"\n\
             [plugin.pheidi]\nprefetch = 20\nretry.attempts = \"unlimited\"\nbreaker.enabled = false\n\
             [plugin.pheidi.subscription.\"user.joined\"]\nprefetch = 10\nordering = \"queue\"\nbreaker.enabled = true\n\
             deduplication.enabled = false\n",
        );
        let (default, own) = (of(&policies, "docker", "user.joined"), of(&policies, "pheidi", "user.left"));
        let subscription = of(&policies, "pheidi", "user.joined");
        let numbers = |policy: &Policy| (policy.prefetch.get(), policy.concurrency.get());
        assert_eq!([&default, &own, &subscription].map(numbers), [(30, 7), (20, 7), (10, 7)]);
        assert_eq!(default.ordering, Ordering::Key(OrderKey::Message));
        assert_eq!((&own.ordering, &subscription.ordering), (&default.ordering, &Ordering::Queue));
        assert_eq!([&default, &own, &subscription].map(|policy| policy.breaker.is_some()), [true, false, true]);
        let hour = Window { time: Duration::from_secs(3600), count: 100_000 };
        assert_eq!((own.deduplication, subscription.deduplication), (Some(hour), None));
        assert_eq!(own.backoff, subscription.backoff);
        assert_ne!(own.backoff, default.backoff);
    }

    #[test]
    fn a_rate_is_its_owner_s() {
        let policies = policies_of(
            "[app.pheidi]\nrate-limit = \"8/s\"\n[plugin.docker]\nrate-limit = \"90/m\"\n\
             [plugin.\"pheidi/receipts\".subscription.\"user.joined\"]\nrate-limit = { count = 3, burst = 9 }\n",
        );
        let own = |event| of(&policies, "pheidi/receipts", event).rate.map(|rate| rate.burst().get());
        assert_eq!((own("user.joined"), own("user.left")), (Some(9), None));
        let interval = |rate: &Rate| rate.interval().as_micros();
        assert_eq!(policies.plugin_rates.get(&plugin("docker")).map(interval), Some(666_666));
        assert_eq!(policies.app_rates.values().map(interval).collect::<Vec<_>>(), [125_000]);
        assert_eq!(of(&policies, "pheidi", "user.left").prefetch.get(), 8);
    }

    #[test]
    fn an_exchange_and_its_routing_are_the_broker_s() {
        let policies = policies_of(
            "[plugin.p.subscription.\"a.b\"]\nexchange = { name = \"payments\", type = \"topic\", keys = [\"a.*\"] }\n\
             [plugin.p.subscription.\"a.c\"]\n\
             exchange = { name = \"h\", type = \"headers\", match = \"any\", headers = { vip = true, \"tier\" = 2 } }\n",
        );
        let routing = |event| of(&policies, "p", event).exchange.map(|exchange| (exchange.name, exchange.routing));
        assert_eq!(routing("a.b"), Some(("payments".into(), Routing::Topic(vec!["a.*".into()]))));
        let headers =
            [("vip".to_owned(), HeaderValue::Bool(true)), ("tier".to_owned(), HeaderValue::Integer(2))].into();
        assert_eq!(routing("a.c"), Some(("h".into(), Routing::Headers { all: false, headers })));
        assert_eq!(routing("a.d"), None);
    }
}
