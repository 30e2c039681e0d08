//! Settings of single plugins, subscriptions and applications, each over the more general ones.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::delivery::{Breaker, Deduplication, Delivery, Retry};
use super::grants::Grants;
use super::reuse::Reuse;
use crate::config::count::{Attempts, Concurrency};
use crate::config::exchange::Exchange;
use crate::config::key::{EventKey, TaskKey};
use crate::config::order::{OrderKey, Ordering};
use crate::config::rate_limit::RateLimit;
use crate::config::start::Start;
use crate::config::value::{Factor, Share, Size, Time};

/// A table with the keys of a more general one, each of which may be absent.
macro_rules! own {
    ($(#[$doc:meta])* $own:ident over $general:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
        pub struct $own {
            $($(#[$field_doc])* pub $field: Option<$type>,)*
        }

        impl $own {
            /// These settings, and the general ones where there are none.
            pub fn over(&self, general: &$general) -> $general {
                $general { $($field: self.$field.unwrap_or(general.$field),)* }
            }
        }
    };
}

own! {
    /// When and how often a failed message is tried again, where it is not as for others.
    OwnRetry over Retry {
        /// See `delivery.retry.minimum`.
        minimum: Time,
        /// See `delivery.retry.factor`.
        factor: Factor,
        /// See `delivery.retry.maximum`.
        maximum: Time,
        /// See `delivery.retry.jitter`.
        jitter: Share,
        /// See `delivery.retry.attempts`.
        attempts: Attempts,
    }
}

own! {
    /// When a subscription is cut off from its queue, where it is not as for others.
    OwnBreaker over Breaker {
        /// See `delivery.breaker.enabled`.
        enabled: bool,
        /// See `delivery.breaker.consecutive`.
        consecutive: u32,
        /// See `delivery.breaker.ratio`.
        ratio: Share,
        /// See `delivery.breaker.window`.
        window: Time,
        /// See `delivery.breaker.minimum-calls`.
        minimum_calls: NonZeroU32,
        /// See `delivery.breaker.cool-down`.
        cool_down: Time,
        /// See `delivery.breaker.cool-down-maximum`.
        cool_down_maximum: Time,
        /// See `delivery.breaker.probes`.
        probes: NonZeroU32,
    }
}

own! {
    /// How long a message that was handled is known again, where it is not as for others.
    OwnDeduplication over Deduplication {
        /// See `delivery.deduplication.enabled`.
        enabled: bool,
        /// See `delivery.deduplication.window`.
        window: Time,
        /// See `delivery.deduplication.count`.
        count: NonZeroU64,
    }
}

/// Settings of one plugin. What is absent is as in `[delivery]`. A plugin may ask for less, never for more.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PluginSettings {
    /// See `delivery.prefetch`.
    pub prefetch: Option<NonZeroU16>,
    /// See `delivery.concurrency`.
    pub concurrency: Option<Concurrency>,
    /// See `delivery.time-limit`.
    pub time_limit: Option<Time>,
    /// See `delivery.wasm-time-limit`.
    pub wasm_time_limit: Option<Time>,
    /// See `delivery.recovery-time-limit`.
    pub recovery_time_limit: Option<Time>,
    /// See `delivery.memory-limit`.
    pub memory_limit: Option<Size>,
    /// See `delivery.ordering`.
    pub ordering: Option<Ordering>,
    /// See `delivery.order-key`.
    pub order_key: Option<OrderKey>,
    /// See `delivery.start`.
    pub start: Option<Start>,
    /// How often messages are delivered, over all subscriptions of the plugin on this host: `100/s`, or
    /// `{ count = 100, per = "1s", burst = 20 }`. The burst is how many may be delivered at once after a pause, unless
    /// set as many as in a second, at least 1.
    pub rate_limit: Option<RateLimit>,
    /// See `delivery.retry`.
    pub retry: OwnRetry,
    /// See `delivery.breaker`.
    pub breaker: OwnBreaker,
    /// See `delivery.deduplication`.
    pub deduplication: OwnDeduplication,
    /// Whether instances of the plugin take more than one delivery.
    pub reuse: Reuse,
    /// What a worker may use of the world.
    pub grants: Grants,
    /// What the plugin itself reads by name, as a text: `greeting = "hello"`.
    pub settings: BTreeMap<String, PluginSetting>,
    /// Settings of single subscriptions, by the event.
    pub subscription: BTreeMap<EventKey, SubscriptionSettings>,
    /// Settings of single tasks that the plugin performs, by their full names: `[plugin.pheidi.task."pheidi.email.send"]`.
    /// They have the keys of a subscription's, but for `exchange` and `start`.
    pub task: BTreeMap<TaskKey, SubscriptionSettings>,
}

/// One setting of a plugin's own: a text, a number, or true or false. The plugin gets it as a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PluginSetting {
    /// A text, as it is.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
}

impl fmt::Display for PluginSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Flag(flag) => flag.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl PluginSettings {
    /// How the plugin's messages are handled.
    pub(super) fn over(&self, general: &Delivery) -> Delivery {
        Delivery {
            prefetch: self.prefetch.unwrap_or(general.prefetch),
            concurrency: self.concurrency.unwrap_or(general.concurrency),
            time_limit: self.time_limit.unwrap_or(general.time_limit),
            wasm_time_limit: self.wasm_time_limit.unwrap_or(general.wasm_time_limit),
            recovery_time_limit: self.recovery_time_limit.unwrap_or(general.recovery_time_limit),
            memory_limit: self.memory_limit.unwrap_or(general.memory_limit),
            ordering: self.ordering.unwrap_or(general.ordering),
            order_key: self.order_key.clone().unwrap_or_else(|| general.order_key.clone()),
            start: self.start.unwrap_or(general.start),
            retry: self.retry.over(&general.retry),
            breaker: self.breaker.over(&general.breaker),
            deduplication: self.deduplication.over(&general.deduplication),
            ..general.clone()
        }
    }
}

/// Settings of one subscription or task. What is absent is as for its plugin.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SubscriptionSettings {
    /// See `delivery.prefetch`.
    pub prefetch: Option<NonZeroU16>,
    /// See `delivery.concurrency`.
    pub concurrency: Option<Concurrency>,
    /// See `delivery.ordering`.
    pub ordering: Option<Ordering>,
    /// See `delivery.order-key`.
    pub order_key: Option<OrderKey>,
    /// See `delivery.start`.
    pub start: Option<Start>,
    /// How often its messages are delivered on this host, beside what its plugin and its application are held to. It
    /// is written as for a plugin.
    pub rate_limit: Option<RateLimit>,
    /// The exchange that its messages come from, instead of the event's own: its `name`, and its `type`, which is
    /// `fanout`, `direct` or `topic` with `keys`, or `headers` with `headers` and `match` (`all` or `any`).
    pub exchange: Option<Exchange>,
    /// See `delivery.retry`.
    pub retry: OwnRetry,
    /// See `delivery.breaker`.
    pub breaker: OwnBreaker,
    /// See `delivery.deduplication`.
    pub deduplication: OwnDeduplication,
}

impl SubscriptionSettings {
    /// How the subscription's messages are handled.
    pub(super) fn over(&self, general: &Delivery) -> Delivery {
        Delivery {
            prefetch: self.prefetch.unwrap_or(general.prefetch),
            concurrency: self.concurrency.unwrap_or(general.concurrency),
            ordering: self.ordering.unwrap_or(general.ordering),
            order_key: self.order_key.clone().unwrap_or_else(|| general.order_key.clone()),
            start: self.start.unwrap_or(general.start),
            retry: self.retry.over(&general.retry),
            breaker: self.breaker.over(&general.breaker),
            deduplication: self.deduplication.over(&general.deduplication),
            ..general.clone()
        }
    }
}

/// Settings of one application.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AppSettings {
    /// How often messages are delivered, over all plugins of the application on this host. It is written as for a
    /// plugin.
    pub rate_limit: Option<RateLimit>,
}
