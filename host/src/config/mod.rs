//! Settings: an optional `leveret.toml`, environment variables over it, defaults under it.
//!
//! What the settings are stands once, in [`Settings`]. The keys that are legal, the environment variables, the JSON
//! Schema and the printed document all follow from its schema.

mod advice;
mod broker_url;
mod check;
mod clock;
mod count;
mod document;
mod entry;
mod environment;
mod error;
mod exchange;
mod file;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod grant;
mod key;
mod load;
mod order;
mod rate_limit;
mod redis_url;
mod schema;
mod settings;
mod start;
mod value;

pub use advice::{alternatives, nearest};
pub use broker_url::BrokerUrl;
pub use count::{Attempts, Concurrency};
pub use document::print;
pub use entry::KeyPath;
pub use error::{ConfigError, Place, Problem};
pub use exchange::{Exchange, Routing, Wanted};
pub use grant::{Bucket, HostPattern, Method, Network};
pub use key::{AppKey, EventKey, PluginKey, TaskKey};
pub use load::load;
pub use order::{OrderKey, Ordering};
pub use rate_limit::RateLimit;
pub use redis_url::RedisUrl;
pub use schema::schema;
pub use settings::{
    Admin, Allow, AppSettings, Breaker, Broker, Buckets, Clock, ClockEvent, Compiling, Deduplication, Delivery,
    Embedded, Grants, History, HttpGrant, KeyValueGrant, Ledger, Log, LogFormat, OwnBreaker, OwnDeduplication,
    OwnRetry, PluginSetting, PluginSettings, Plugins, QueueType, RabbitMq, Retry, Reuse, Sandbox, Secret, Settings,
    Shutdown, Stated, SubscriptionSettings, Trust, TrustedKey, Unscheduled,
};
pub use start::Start;
pub use value::{Factor, Share, Size, Time, ValueError};
