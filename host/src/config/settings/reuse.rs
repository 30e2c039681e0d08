//! Whether instances of a plugin take more than one delivery.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::value::{Size, Time};

/// Whether instances of a plugin take more than one delivery. It spares each delivery what it takes a language to begin,
/// and costs purity: whatever the plugin keeps in its memory is there in later deliveries of the same instance, so that
/// a message that is delivered again, or replayed, may come to something else. An instance is never another plugin's or
/// another version's, and it ends after a trap or a limit that it went beyond.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Reuse {
    /// Whether they do. Otherwise each delivery has a fresh instance.
    pub enabled: bool,
    /// After how many deliveries an instance ends.
    pub calls: NonZeroU32,
    /// With more memory than this an instance ends. No more instances wait, over all plugins, than deliveries may run at
    /// one time.
    pub memory: Size,
    /// How long an instance waits for a delivery before it ends.
    pub idle: Time,
}

impl Default for Reuse {
    fn default() -> Self {
        Self {
            enabled: false,
            calls: NonZeroU32::new(1000).expect("1000 is not 0"),
            memory: Size::mebibytes(64),
            idle: Time::seconds(60),
        }
    }
}
