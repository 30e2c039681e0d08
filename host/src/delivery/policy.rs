//! How the deliveries of one subscription are handled: the operator's word first, the plugin's wish within it.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use super::backoff::Backoff;
use super::breaker::Trip;
use super::order::Ordering;
use super::rate::Rate;
use crate::broker::Exchange;
use crate::ledger::Window;
use crate::name::{AppName, EventName, PluginId};
use crate::plugin::AskedLimits;

/// How the deliveries of one subscription are handled.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Messages of the subscription that are out of the broker at a time (I8).
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
}

/// The operator's policies.
#[derive(Debug, Clone)]
pub struct Policies {
    pub default: Policy,
    pub plugins: BTreeMap<PluginId, Policy>,
    /// Those of single subscriptions win over their plugin's.
    pub subscriptions: BTreeMap<(PluginId, EventName), Policy>,
    /// Shared by all subscriptions of a plugin.
    pub plugin_rates: BTreeMap<PluginId, Rate>,
    /// Shared by all plugins of an application.
    pub app_rates: BTreeMap<AppName, Rate>,
}

impl Policies {
    /// The policy of a subscription whose plugin asks for these limits. It may ask for less than it is given, never for
    /// more.
    pub fn of(&self, plugin: &PluginId, event: &EventName, asked: &AskedLimits) -> Policy {
        let own = self.subscriptions.get(&(plugin.clone(), event.clone()));
        let mut policy = own.or_else(|| self.plugins.get(plugin)).unwrap_or(&self.default).clone();
        if let Some(asked) = asked.prefetch {
            policy.prefetch = policy.prefetch.min(asked);
        }
        policy.concurrency = policy.concurrency.min(policy.prefetch);
        if let Some(attempts) = asked.attempts {
            policy.backoff = policy.backoff.with_at_most(attempts);
        }
        policy
    }
}
