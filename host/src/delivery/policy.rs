//! How the deliveries of one subscription are handled: the operator's word first, the plugin's wish within it.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use super::backoff::Backoff;
use super::breaker::Trip;
use super::order::Ordering;

use crate::broker::{Exchange, Start};
use crate::ledger::Window;
use crate::message::Subject;
use crate::name::{AppName, PluginId};
use crate::plugin::AskedLimits;
use crate::rate::Rate;

/// How the deliveries of one subscription are handled.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Messages of the subscription that are out of the broker at a time (I8); fewer where its rates let fewer through in
    /// a second.
    pub prefetch: NonZeroU16,
    /// How many of those are in work at a time.
    pub concurrency: NonZeroU16,
    /// The largest payload that the plugin is given, in bytes.
    pub payload_limit: u64,
    pub backoff: Backoff,
    pub ordering: Ordering,
    /// How often this subscription may deliver; those of its plugin and application come on top.
    pub rate: Option<Rate>,
    /// `None` for no breaker.
    pub breaker: Option<Trip>,
    /// For how long a message that was handled is known again; `None` for not at all.
    pub deduplication: Option<Window>,
    /// The exchange that its messages come from, instead of the event's own.
    pub exchange: Option<Exchange>,
    /// Which of the past it is given if it is new; `None` for none.
    pub start: Option<Start>,
}

/// The operator's policies.
#[derive(Debug, Clone)]
pub struct Policies {
    pub default: Policy,
    pub plugins: BTreeMap<PluginId, Policy>,
    /// Those of single subscriptions win over their plugin's.
    pub subscriptions: BTreeMap<(PluginId, Subject), Policy>,
    /// Shared by all subscriptions of a plugin.
    pub plugin_rates: BTreeMap<PluginId, Rate>,
    /// Shared by all plugins of an application.
    pub app_rates: BTreeMap<AppName, Rate>,
}

impl Policies {
    /// The policy of a subscription whose plugin asks for these limits. It may ask for less than it is given, never for
    /// more. What its rates hold up waits in its queue, not in memory: no more is prefetched than they let through in a
    /// second.
    pub fn of(&self, plugin: &PluginId, subject: &Subject, asked: &AskedLimits) -> Policy {
        let own = self.subscriptions.get(&(plugin.clone(), subject.clone()));
        let mut policy = own.or_else(|| self.plugins.get(plugin)).unwrap_or(&self.default).clone();
        if let Some(asked) = asked.prefetch {
            policy.prefetch = policy.prefetch.min(asked);
        }
        let shared = [self.plugin_rates.get(plugin), self.app_rates.get(&plugin.app)];
        for rate in shared.into_iter().flatten().copied().chain(policy.rate) {
            policy.prefetch = policy.prefetch.min(in_a_second(rate));
        }
        policy.concurrency = policy.concurrency.min(policy.prefetch);
        if let Some(attempts) = asked.attempts {
            policy.backoff = policy.backoff.with_at_most(attempts);
        }
        policy
    }
}

/// How many deliveries the rate lets through in a second: at least 1.
fn in_a_second(rate: Rate) -> NonZeroU16 {
    // An interval is at least a nanosecond.
    let number = Duration::from_secs(1).as_nanos() / rate.interval().as_nanos();
    NonZeroU16::new(number.try_into().unwrap_or(u16::MAX)).unwrap_or(NonZeroU16::MIN)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn rate(count: u32, seconds: u64) -> Rate {
        let count = NonZeroU32::new(count).expect("not 0");
        Rate::try_new(count, Duration::from_secs(seconds), count).expect("legal")
    }

    fn policies() -> Policies {
        let prefetch = NonZeroU16::new(32).expect("not 0");
        let default = Policy {
            prefetch,
            concurrency: prefetch,
            payload_limit: 1000,
            backoff: Backoff::try_new(Duration::ZERO, 1.0, Duration::ZERO, 0.0, None).expect("legal"),
            ordering: Ordering::None,
            rate: None,
            breaker: None,
            deduplication: None,
            exchange: None,
            start: None,
        };
        Policies {
            default,
            plugins: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            plugin_rates: BTreeMap::new(),
            app_rates: BTreeMap::new(),
        }
    }

    fn id(app: &str, plugin: &str) -> PluginId {
        PluginId::new(app.parse().expect("legal"), plugin.parse().expect("legal"))
    }

    #[test]
    fn i8_the_narrowest_rate_bounds_what_is_prefetched_and_in_work() {
        let mut policies = policies();
        policies.app_rates.insert("pheidi".parse().expect("legal"), rate(8, 1));
        policies.plugin_rates.insert(id("pheidi", "letters"), rate(5, 1));
        policies.plugin_rates.insert(id("docker", "docker"), rate(1, 3600));
        let event = Subject::Event("user.joined".parse().expect("legal"));
        let own = Policy { rate: Some(rate(3, 1)), ..policies.default.clone() };
        policies.subscriptions.insert((id("pheidi", "letters"), event.clone()), own);

        let asked = AskedLimits::default();
        let bounds = |plugin: PluginId, event: &str| {
            let policy = policies.of(&plugin, &Subject::Event(event.parse().expect("legal")), &asked);
            (policy.prefetch.get(), policy.concurrency.get())
        };
        assert_eq!(bounds(id("pheidi", "pheidi"), "user.joined"), (8, 8));
        assert_eq!(bounds(id("pheidi", "receipts"), "user.joined"), (8, 8));
        assert_eq!(bounds(id("pheidi", "letters"), "user.left"), (5, 5));
        assert_eq!(bounds(id("pheidi", "letters"), "user.joined"), (3, 3));
        assert_eq!(bounds(id("docker", "docker"), "user.joined"), (1, 1));
        assert_eq!(bounds(id("other", "other"), "user.joined"), (32, 32));
        let two = AskedLimits { prefetch: NonZeroU16::new(2), ..asked };
        assert_eq!(policies.of(&id("pheidi", "pheidi"), &event, &two).prefetch.get(), 2);
    }

    #[test]
    fn a_rate_beyond_all_prefetches_bounds_none() {
        assert_eq!(in_a_second(rate(1_000_000, 1)), NonZeroU16::MAX);
    }
}
