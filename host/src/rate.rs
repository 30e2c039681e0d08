//! How often something may happen, and the wait until it may.

use std::num::NonZeroU32;
use std::ops::Add;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// So many in a time, and so many at once after a pause (a token bucket). One that exists is legal.
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
    /// `count` in each `per`; up to `burst` at once.
    pub fn try_new(count: NonZeroU32, per: Duration, burst: NonZeroU32) -> Result<Self, InvalidRate> {
        if per.as_nanos() < u128::from(count.get()) {
            return Err(InvalidRate::TooOften { count, per });
        }
        Ok(Self { count, per, burst })
    }

    /// The time between two, once the burst is used up.
    pub fn interval(&self) -> Duration {
        self.per / self.count.get()
    }

    pub fn burst(&self) -> NonZeroU32 {
        self.burst
    }
}

/// One rate, kept by all who share it: first come, first served.
#[derive(Debug)]
pub struct Limiter {
    bucket: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<TokioInstant>>,
    /// Held by whoever is next. Fair, as tokio's mutex is.
    turn: Mutex<()>,
}

impl Limiter {
    pub fn new(rate: Rate) -> Self {
        // `Rate` sees to it that the interval is not 0.
        let quota = Quota::with_period(rate.interval()).unwrap_or(Quota::per_second(NonZeroU32::MAX));
        let bucket = RateLimiter::direct_with_clock(quota.allow_burst(rate.burst()), TokioClock);
        Self { bucket, turn: Mutex::new(()) }
    }

    /// Waits until one more is within the rate.
    pub async fn wait(&self) {
        let _turn = self.turn.lock().await;
        while let Err(not_yet) = self.bucket.check() {
            tokio::time::sleep(not_yet.wait_time_from(TokioClock.now())).await;
        }
    }
}

/// Tokio's clock, so that a test's paused time holds for rates too.
#[derive(Debug, Clone, Copy)]
struct TokioClock;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TokioInstant(Instant);

impl Clock for TokioClock {
    type Instant = TokioInstant;

    fn now(&self) -> TokioInstant {
        TokioInstant(Instant::now())
    }
}

impl Add<Nanos> for TokioInstant {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0 + Duration::from(nanos))
    }
}

impl Reference for TokioInstant {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, nanos: Nanos) -> Self {
        Self(self.0.checked_sub(nanos.into()).unwrap_or(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_illegal_rate_does_not_exist() {
        let number = NonZeroU32::MIN;
        assert!(Rate::try_new(number, Duration::ZERO, number).is_err());
    }
}
