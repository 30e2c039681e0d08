//! How messages are handled, where neither a plugin nor a subscription says otherwise.

use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::count::{Attempts, Concurrency};
use crate::config::order::{OrderKey, Ordering};
use crate::config::start::Start;
use crate::config::value::{Factor, Share, Size, Time};

/// How messages are handled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Delivery {
    /// How many messages of one subscription may be out of the broker at one time. This times `payload-limit` bounds
    /// the memory that its messages can take. Where there is a rate limit it is at most what the limit lets through in
    /// a second, at least 1, so that messages wait in their queue and not in memory.
    pub prefetch: NonZeroU16,
    /// How many handlers of one subscription may run at one time, at most `prefetch`; "prefetch" for as many.
    pub concurrency: Concurrency,
    /// The longest that a delivery may take.
    pub time_limit: Time,
    /// The longest that a delivery may take on a processor.
    pub wasm_time_limit: Time,
    /// The longest that the recovery may take that runs before a message becomes a dead letter.
    pub recovery_time_limit: Time,
    /// The most memory that a delivery may use.
    pub memory_limit: Size,
    /// The largest payload that a plugin is given; a larger message becomes a dead letter.
    pub payload_limit: Size,
    /// How many tasks one delivery may emit.
    pub output_count: NonZeroU32,
    /// How many bytes of payload one delivery may emit.
    pub output_size: Size,
    /// Which messages of a subscription are handled one at a time and in order.
    pub ordering: Ordering,
    /// Where the key is that `ordering = "key"` orders by: "message" for the one that travels with the message,
    /// `{ pointer = "/customer/id" }` for a JSON pointer into the payload, `{ header = "x-customer" }` for a header.
    pub order_key: OrderKey,
    /// Where a new subscription begins, one whose queue is not there yet: "now" with what is published from then on;
    /// "first" with all of the history, "1h" with its last hour, "2026-01-31T12:00:00Z" with what was published at that
    /// moment or later. It is given the past in order, and then what was published meanwhile.
    pub start: Start,
    /// When and how often a failed message is tried again.
    pub retry: Retry,
    /// When a subscription is cut off from its queue since its plugin is unhealthy.
    pub breaker: Breaker,
    /// How long a message that was handled is known again. It is then dropped, and counted as a duplicate.
    pub deduplication: Deduplication,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            prefetch: NonZeroU16::new(32).expect("32 is not 0"),
            concurrency: Concurrency::Prefetch,
            time_limit: Time::seconds(10),
            wasm_time_limit: Time::seconds(10),
            recovery_time_limit: Time::seconds(10),
            memory_limit: Size::mebibytes(64),
            payload_limit: Size::mebibytes(16),
            output_count: NonZeroU32::new(1000).expect("1000 is not 0"),
            output_size: Size::mebibytes(4),
            ordering: Ordering::None,
            order_key: OrderKey::Message,
            start: Start::Now,
            retry: Retry::default(),
            breaker: Breaker::default(),
            deduplication: Deduplication::default(),
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
    /// By how much of itself a wait is lengthened at the most, at random: 0 for not at all, up to 1.
    pub jitter: Share,
    /// After how many failed attempts a message becomes a dead letter, or "unlimited".
    pub attempts: Attempts,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            minimum: Time::seconds(1),
            factor: Factor::TWO,
            maximum: Time::seconds(3600),
            jitter: Share::NONE,
            attempts: Attempts::AtMost(NonZeroU32::new(10).expect("10 is not 0")),
        }
    }
}

/// When a subscription is cut off from its queue, and for how long. Its messages wait there, and no attempt of theirs
/// is used up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Breaker {
    /// Whether there is one.
    pub enabled: bool,
    /// How many failures in a row trip it; 0 for no number.
    pub consecutive: u32,
    /// What share of the deliveries in the window must fail to trip it; 0 for no share.
    pub ratio: Share,
    /// The time that the share is taken of.
    pub window: Time,
    /// How many deliveries the window must have for the share to say anything.
    pub minimum_calls: NonZeroU32,
    /// How long it stays open. Doubles each time that it opens again at once.
    pub cool_down: Time,
    /// The longest that it stays open.
    pub cool_down_maximum: Time,
    /// How many single deliveries must succeed in a row, after the cool-down, to close it.
    pub probes: NonZeroU32,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            enabled: true,
            consecutive: 10,
            ratio: Share::HALF,
            window: Time::seconds(60),
            minimum_calls: NonZeroU32::new(20).expect("20 is not 0"),
            cool_down: Time::seconds(10),
            cool_down_maximum: Time::seconds(300),
            probes: NonZeroU32::MIN,
        }
    }
}

/// How long a message that a plugin has handled is known again, by its id: until the time is over, or as many newer
/// ones have come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Deduplication {
    /// Whether it is known at all.
    pub enabled: bool,
    /// For how long.
    pub window: Time,
    /// How many of the newest messages of a plugin are known.
    pub count: NonZeroU64,
}

impl Default for Deduplication {
    fn default() -> Self {
        Self { enabled: true, window: Time::seconds(3600), count: NonZeroU64::new(100_000).expect("100,000 is not 0") }
    }
}
