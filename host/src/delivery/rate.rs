//! How often something may happen.

use std::num::NonZeroU32;
use std::time::Duration;

/// So many deliveries in a time, and so many at once after a pause (a token bucket). One that exists is legal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    per: Duration,
    burst: NonZeroU32,
}

/// Why there is no such rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRate {
    #[error("{count} in {per:?} is more often than once a nanosecond")]
    TooOften { count: NonZeroU32, per: Duration },
}

impl Rate {
    /// `count` deliveries in each `per`; up to `burst` at once.
    pub fn try_new(count: NonZeroU32, per: Duration, burst: NonZeroU32) -> Result<Self, InvalidRate> {
        if per.as_nanos() < u128::from(count.get()) {
            return Err(InvalidRate::TooOften { count, per });
        }
        Ok(Self { count, per, burst })
    }

    /// The time between two deliveries, once the burst is used up.
    pub fn interval(&self) -> Duration {
        self.per / self.count.get()
    }

    pub fn burst(&self) -> NonZeroU32 {
        self.burst
    }
}
