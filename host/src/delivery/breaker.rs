//! When a subscription is cut off from its queue since its plugin is unhealthy, and for how long.

use std::num::NonZeroU32;
use std::time::Duration;

/// When a breaker trips and how it recovers. One that exists is legal.
#[derive(Debug, Clone, PartialEq)]
pub struct Trip {
    consecutive: Option<NonZeroU32>,
    ratio: Option<Ratio>,
    cool_down: Duration,
    cool_down_maximum: Duration,
    probes: NonZeroU32,
}

/// A share of failures among the calls of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// From just above 0 to 1.
    pub share: f64,
    pub window: Duration,
    /// Fewer calls than this in the window say nothing.
    pub minimum_calls: NonZeroU32,
}

/// Why there is no such breaker.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidTrip {
    #[error("the failure ratio {0} is not a number above 0 and up to 1")]
    Ratio(f64),
    #[error("the cool-down of {cool_down:?} is longer than its maximum of {maximum:?}")]
    CoolDown { cool_down: Duration, maximum: Duration },
}

impl Trip {
    /// Trips after `consecutive` failures in a row, or at the `ratio`. Stays open for `cool_down`, twice as long each
    /// time that it opens again at once, up to `cool_down_maximum`; closes after `probes` successes in a row.
    pub fn try_new(
        consecutive: Option<NonZeroU32>,
        ratio: Option<Ratio>,
        cool_down: Duration,
        cool_down_maximum: Duration,
        probes: NonZeroU32,
    ) -> Result<Self, InvalidTrip> {
        if let Some(Ratio { share, .. }) = ratio
            && !(share > 0.0 && share <= 1.0)
        {
            return Err(InvalidTrip::Ratio(share));
        }
        if cool_down > cool_down_maximum {
            return Err(InvalidTrip::CoolDown { cool_down, maximum: cool_down_maximum });
        }
        Ok(Self { consecutive, ratio, cool_down, cool_down_maximum, probes })
    }
}
