//! Every setting, its default and what it means. The doc comments are the reference: `leveret config schema` and
//! `leveret config print` show them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::broker_url::BrokerUrl;
use super::value::{self, Factor, PluginKey, Size, Time};
use crate::name::PluginId;

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
    /// Settings of single plugins, by `app` or `app/plugin`. They have no environment variables.
    pub plugin: BTreeMap<PluginKey, PluginSettings>,
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
        let general = &self.delivery;
        let Some(own) = self.plugin.get(&PluginKey::from(plugin.clone())) else { return general.clone() };
        Delivery {
            prefetch: own.prefetch.unwrap_or(general.prefetch),
            time_limit: own.time_limit.unwrap_or(general.time_limit),
            memory_limit: own.memory_limit.unwrap_or(general.memory_limit),
            retry: Retry {
                minimum: own.retry.minimum.unwrap_or(general.retry.minimum),
                factor: own.retry.factor.unwrap_or(general.retry.factor),
                maximum: own.retry.maximum.unwrap_or(general.retry.maximum),
                attempts: own.retry.attempts.unwrap_or(general.retry.attempts),
            },
            ..general.clone()
        }
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
}

impl Default for Plugins {
    fn default() -> Self {
        Self {
            directory: "plugins".into(),
            cache: ".leveret/cache".into(),
            size_limit: Size::mebibytes(64),
            rest: Time::millis(250),
            describe_limit: Time::seconds(1),
        }
    }
}

/// Where messages come from and go to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Broker {
    /// `embedded`, or RabbitMQ's `amqp://` or `amqps://` URL with user, password and vhost.
    pub url: BrokerUrl,
    /// The embedded broker.
    pub embedded: Embedded,
    /// RabbitMQ.
    pub rabbitmq: RabbitMq,
}

/// The embedded broker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Embedded {
    /// The one file that holds every message.
    pub file: PathBuf,
}

impl Default for Embedded {
    fn default() -> Self {
        Self { file: ".leveret/broker.db".into() }
    }
}

/// RabbitMQ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RabbitMq {
    /// The type of queues that Leveret makes. A queue that exists is adopted as it is.
    pub queue_type: QueueType,
    /// How long to wait for the broker's confirmation of a publish, and for every other answer.
    pub answer_limit: Time,
    /// The wait before the first attempt to connect again; it doubles with each that fails.
    pub reconnect_minimum: Time,
    /// The longest wait between two attempts to connect.
    pub reconnect_maximum: Time,
    /// Whether to write the TID into the body as `tid` where the body is a JSON object, since Ponos reads it there.
    pub tid_in_body: bool,
}

impl Default for RabbitMq {
    fn default() -> Self {
        Self {
            queue_type: QueueType::Quorum,
            answer_limit: Time::seconds(30),
            reconnect_minimum: Time::millis(100),
            reconnect_maximum: Time::seconds(10),
            tid_in_body: true,
        }
    }
}

/// A type of RabbitMQ queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QueueType {
    /// Replicated, safe under `kill -9`, and faster once pipelined.
    Quorum,
    /// One node's.
    Classic,
}

/// How messages are handled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Delivery {
    /// How many messages of one subscription may be in work at a time. This times `payload-limit` bounds the memory
    /// that its messages can take.
    pub prefetch: NonZeroU16,
    /// The longest that a delivery may take.
    pub time_limit: Time,
    /// The most memory that a delivery may use.
    pub memory_limit: Size,
    /// The largest payload that a plugin is given; a larger message becomes a dead letter.
    pub payload_limit: Size,
    /// How many tasks one delivery may emit.
    pub output_count: NonZeroU32,
    /// How many bytes of payload one delivery may emit.
    pub output_size: Size,
    /// When and how often a failed message is tried again.
    pub retry: Retry,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            prefetch: NonZeroU16::new(32).expect("32 is not 0"),
            time_limit: Time::seconds(10),
            memory_limit: Size::mebibytes(64),
            payload_limit: Size::mebibytes(16),
            output_count: NonZeroU32::new(1000).expect("1000 is not 0"),
            output_size: Size::mebibytes(4),
            retry: Retry::default(),
        }
    }
}

/// When and how often a failed message is tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Retry {
    /// The wait after the first failure.
    pub minimum: Time,
    /// What each further wait is multiplied by, at least 1.
    pub factor: Factor,
    /// The longest wait.
    pub maximum: Time,
    /// After how many failed attempts a message becomes a dead letter.
    pub attempts: NonZeroU32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            minimum: Time::seconds(1),
            factor: Factor::TWO,
            maximum: Time::seconds(3600),
            attempts: NonZeroU32::new(10).expect("10 is not 0"),
        }
    }
}

/// Settings of one plugin. What is absent is as in `[delivery]`. A plugin may ask for less, never for more.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PluginSettings {
    /// See `delivery.prefetch`.
    pub prefetch: Option<NonZeroU16>,
    /// See `delivery.time-limit`.
    pub time_limit: Option<Time>,
    /// See `delivery.memory-limit`.
    pub memory_limit: Option<Size>,
    /// See `delivery.retry`.
    pub retry: PluginRetry,
}

/// When and how often a failed message of one plugin is tried again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PluginRetry {
    /// See `delivery.retry.minimum`.
    pub minimum: Option<Time>,
    /// See `delivery.retry.factor`.
    pub factor: Option<Factor>,
    /// See `delivery.retry.maximum`.
    pub maximum: Option<Time>,
    /// See `delivery.retry.attempts`.
    pub attempts: Option<NonZeroU32>,
}

/// What the sandbox may use as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Sandbox {
    /// How many deliveries may run at one time, over all plugins.
    pub concurrency: NonZeroU16,
    /// The most memory that any plugin may be granted.
    pub memory_maximum: Size,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self { concurrency: NonZeroU16::new(64).expect("64 is not 0"), memory_maximum: Size::mebibytes(256) }
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
