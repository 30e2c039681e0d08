//! Which events of the past are kept.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::exchange::Exchange;
use crate::config::key::EventKey;
use crate::config::rate_limit::RateLimit;
use crate::config::value::{Size, Time};

/// Which events of the past are kept, and how they are given to plugins that come later. Kept is every event that a
/// plugin here subscribes to or announces, or that is published through Leveret, and what is listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct History {
    /// Whether any are kept. Without a history no subscription can begin in the past.
    pub enabled: bool,
    /// For how long.
    pub age: Time,
    /// How much of it, in bytes on the disk; the oldest is forgotten first.
    pub size: Size,
    /// Events of other services that nobody here subscribes to yet.
    pub events: Vec<EventKey>,
    /// Other services' exchanges, and which of their messages.
    pub exchanges: Vec<Exchange>,
    /// How fast events of the past are handed to one subscription or sent by one `leveret replay`, so that what happens
    /// now is not held up.
    pub pace: RateLimit,
}

impl Default for History {
    fn default() -> Self {
        Self {
            enabled: true,
            age: Time::days(7),
            size: Size::mebibytes(1024),
            events: Vec::new(),
            exchanges: Vec::new(),
            pace: RateLimit::per_second(NonZeroU32::new(2000).expect("2,000 is not 0")),
        }
    }
}
