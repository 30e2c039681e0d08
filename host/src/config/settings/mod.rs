//! Every setting, its default and what it means. The doc comments are the reference: `leveret config schema` and
//! `leveret config print` show them.

mod broker;
mod clock;
mod delivery;
mod grants;
mod history;
mod own;
mod reuse;
mod trust;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU64};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use broker::{Broker, Embedded, QueueType, RabbitMq};
pub use clock::{Clock, ClockEvent, Unscheduled};
pub use delivery::{Breaker, Deduplication, Delivery, Retry};
pub use grants::{Allow, Buckets, Grants, HttpGrant, KeyValueGrant, Secret};
pub use history::History;
pub use own::{
    AppSettings, OwnBreaker, OwnDeduplication, OwnRetry, PluginSetting, PluginSettings, SubscriptionSettings,
};
pub use reuse::Reuse;
pub use trust::{Stated, Trust, TrustedKey};

use super::key::{AppKey, EventKey, PluginKey, TaskKey};
use super::redis_url::RedisUrl;
use super::value::{self, Size, Time};
use crate::name::{EventName, PluginId, TaskName};

/// The whole of `leveret.toml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Where plugins come from.
    pub plugins: Plugins,
    /// Where messages come from and go to.
    pub broker: Broker,
    /// How messages are handled, unless a plugin has settings of its own.
    pub delivery: Delivery,
    /// Which events of the past are kept, and how they are given to plugins that come later.
    pub history: History,
    /// Which events say that time has passed.
    pub clock: Clock,
    /// Settings of single plugins, by `app` or `app/plugin`. They have no environment variables.
    pub plugin: BTreeMap<PluginKey, PluginSettings>,
    /// Settings of single applications. They have no environment variables.
    pub app: BTreeMap<AppKey, AppSettings>,
    /// What the host remembers of messages beyond their deliveries.
    pub ledger: Ledger,
    /// Where plugins' buckets are.
    pub buckets: Buckets,
    /// What the sandbox may use as a whole.
    pub sandbox: Sandbox,
    /// The HTTP API.
    pub admin: Admin,
    /// How the host stops.
    pub shutdown: Shutdown,
    /// What the host writes to its log.
    pub log: Log,
}

impl Settings {
    /// How the messages of one plugin are handled: its own settings over `[delivery]`.
    pub fn delivery_of(&self, plugin: &PluginId) -> Delivery {
        match self.plugin.get(&PluginKey::from(plugin.clone())) {
            Some(own) => own.over(&self.delivery),
            None => self.delivery.clone(),
        }
    }

    /// How the messages of one subscription are handled: its own settings over its plugin's over `[delivery]`.
    pub fn delivery_of_subscription(&self, plugin: &PluginId, event: &EventName) -> Delivery {
        let own = self.plugin.get(&PluginKey::from(plugin.clone()));
        let own = own.and_then(|plugin| plugin.subscription.get(&EventKey::from(event.clone())));
        own.map_or_else(|| self.delivery_of(plugin), |own| own.over(&self.delivery_of(plugin)))
    }

    /// How the messages of one task are handled: its own settings over its plugin's over `[delivery]`.
    pub fn delivery_of_task(&self, plugin: &PluginId, task: &TaskName) -> Delivery {
        let own = self.plugin.get(&PluginKey::from(plugin.clone()));
        let own = own.and_then(|plugin| plugin.task.get(&TaskKey::from(task.clone())));
        own.map_or_else(|| self.delivery_of(plugin), |own| own.over(&self.delivery_of(plugin)))
    }
}

/// Where plugins come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Plugins {
    /// The directory of `<app>.wasm` and `<app>/<plugin>.wasm`. May be missing: it is watched for.
    pub directory: PathBuf,
    /// The host's private directory of compiled plugins. Nobody else may be able to write there.
    pub cache: PathBuf,
    /// The largest file that is looked at.
    pub size_limit: Size,
    /// How long a written file must rest before it counts. A file renamed into place counts at once.
    pub rest: Time,
    /// The longest that `describe` may take.
    pub describe_limit: Time,
    /// Whose files are let in: "any", or only those that something vouches for. `digests` are SHA-256s, or
    /// `{ file = "SHA256SUMS" }` as `sha256sum` writes one. `keys` are minisign's public keys, or
    /// `{ file = "ci.pub" }`; the signature of `a.wasm` is `a.wasm.minisig` beside it. A key with `apps = ["pheidi"]`
    /// vouches for plugins of these applications only. Files are read as the host starts, and stay out of the plugins
    /// directory. A signature holds for ever, and for a file in any place: to take one version back, change the key.
    pub trust: Trust,
}

impl Default for Plugins {
    fn default() -> Self {
        Self {
            directory: "plugins".into(),
            cache: ".leveret/cache".into(),
            size_limit: Size::mebibytes(64),
            rest: Time::millis(250),
            describe_limit: Time::seconds(1),
            trust: Trust::Any,
        }
    }
}

/// What the sandbox may use as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Sandbox {
    /// How many short deliveries may run at one time, over all plugins, and as many long ones: those that compute for 5 ms
    /// or wait for 10 ms. One plugin gets at most half of either, and one more.
    pub concurrency: NonZeroU16,
    /// The most memory that any plugin may be granted.
    pub memory_maximum: Size,
    /// How plugins are compiled: `thorough`, for code that is fast, or `quick`, to be live sooner. `leveret dev` is always
    /// quick.
    pub compiling: Compiling,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            concurrency: NonZeroU16::new(64).expect("64 is not 0"),
            memory_maximum: Size::mebibytes(256),
            compiling: Compiling::Thorough,
        }
    }
}

/// How plugins are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compiling {
    /// For code that is fast.
    Thorough,
    /// To be live sooner.
    Quick,
}

/// What the host remembers of messages beyond their deliveries. Without it a duplicate passes, and no more is lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Ledger {
    /// The one file that holds it.
    pub file: PathBuf,
    /// How many settled deliveries `leveret trace` can tell of; the oldest are forgotten first.
    pub trace_count: NonZeroU64,
    /// For how long.
    pub trace_time: Time,
    /// How many of the newest turns in the lives of plugins' files `leveret audit` can tell of: which version went
    /// live or was gone, and as many again that were refused.
    pub audit_count: NonZeroU64,
    /// A Redis through which all hosts know what any of them has handled, as a `redis://` URL. Empty for none: then
    /// each host knows its own messages only.
    pub redis: RedisUrl,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            file: ".leveret/ledger.db".into(),
            trace_count: NonZeroU64::new(100_000).expect("100,000 is not 0"),
            trace_time: Time::days(7),
            audit_count: NonZeroU64::new(10_000).expect("10,000 is not 0"),
            redis: RedisUrl::default(),
        }
    }
}

/// The HTTP API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Admin {
    /// Where it listens. It has no password: keep it on loopback, or behind something that has one.
    #[serde(deserialize_with = "value::address")]
    pub address: SocketAddr,
}

impl Default for Admin {
    fn default() -> Self {
        Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 7431)) }
    }
}

/// How the host stops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Shutdown {
    /// How long deliveries in flight may take to end after SIGTERM. What has not ended by then goes back to its queue,
    /// uncounted.
    pub grace: Time,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { grace: Time::seconds(30) }
    }
}

/// What the host writes to its log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Log {
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,leveret::catalog=debug`.
    pub level: String,
    /// How it looks.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Auto }
    }
}

/// How the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// `human` on a terminal, `json` elsewhere.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}
