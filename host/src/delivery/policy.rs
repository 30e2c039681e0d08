//! How the deliveries of one plugin are handled: the operator's word first, the plugin's wish within it.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use super::backoff::Backoff;
use crate::name::PluginId;
use crate::plugin::AskedLimits;

/// How the deliveries of one plugin are handled.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Messages of one subscription in work at a time (I8).
    pub prefetch: NonZeroU16,
    /// The largest payload that the plugin is given, in bytes.
    pub payload_limit: u64,
    pub backoff: Backoff,
}

/// The operator's policies.
#[derive(Debug, Clone)]
pub struct Policies {
    pub default: Policy,
    pub plugins: BTreeMap<PluginId, Policy>,
}

impl Policies {
    /// The policy of a plugin that asks for these limits. It may ask for less than it is given, never for more.
    pub fn of(&self, plugin: &PluginId, asked: &AskedLimits) -> Policy {
        let Policy { prefetch, payload_limit, backoff } = self.plugins.get(plugin).unwrap_or(&self.default).clone();
        let prefetch = asked.prefetch.map_or(prefetch, |asked| asked.min(prefetch));
        let backoff = match asked.attempts {
            Some(attempts) => backoff.with_at_most(attempts),
            None => backoff,
        };
        Policy { prefetch, payload_limit, backoff }
    }
}
