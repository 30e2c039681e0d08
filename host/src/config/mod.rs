//! Settings: an optional `leveret.toml`, environment variables over it, defaults under it.
//!
//! What the settings are stands once, in [`Settings`]. The keys that are legal, the environment variables, the JSON
//! Schema and the printed document all follow from its schema.

mod advice;
mod broker_url;
mod check;
mod document;
mod entry;
mod environment;
mod error;
mod file;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod load;
mod schema;
mod settings;
mod value;

pub use broker_url::BrokerUrl;
pub use document::print;
pub use entry::KeyPath;
pub use error::{ConfigError, Place, Problem};
pub use load::load;
pub use schema::schema;
pub use settings::{
    Admin, Broker, Delivery, Embedded, Log, LogFormat, PluginRetry, PluginSettings, Plugins, QueueType, RabbitMq,
    Retry, Sandbox, Settings, Shutdown,
};
pub use value::{Factor, PluginKey, Size, Time, ValueError};
