//! How long a failed message waits.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::broker::Delay;
use crate::message::Attempt;

/// Exponential waits between a minimum and a maximum, each lengthened by up to a share of itself so that what failed
/// together is not tried again together. One that exists is legal.
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    minimum: Duration,
    factor: f64,
    maximum: Duration,
    jitter: f64,
    /// `None` for no limit.
    attempts: Option<NonZeroU32>,
}

/// Why there is no such backoff.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidBackoff {
    #[error("the minimum of {minimum:?} is longer than the maximum of {maximum:?}")]
    Bounds { minimum: Duration, maximum: Duration },
    #[error("the factor {0} is not a number of at least 1")]
    Factor(f64),
    #[error("the jitter {0} is not a number from 0 to 1")]
    Jitter(f64),
}

impl Backoff {
    pub fn try_new(
        minimum: Duration,
        factor: f64,
        maximum: Duration,
        jitter: f64,
        attempts: Option<NonZeroU32>,
    ) -> Result<Self, InvalidBackoff> {
        if minimum > maximum {
            return Err(InvalidBackoff::Bounds { minimum, maximum });
        }
        if !factor.is_finite() || factor < 1.0 {
            return Err(InvalidBackoff::Factor(factor));
        }
        if !(0.0..=1.0).contains(&jitter) {
            return Err(InvalidBackoff::Jitter(jitter));
        }
        Ok(Self { minimum, factor, maximum, jitter, attempts })
    }

    /// The same waits, with fewer attempts if the plugin asks for fewer.
    pub fn with_at_most(mut self, attempts: NonZeroU32) -> Self {
        self.attempts = Some(self.attempts.map_or(attempts, |own| own.min(attempts)));
        self
    }

    /// The wait after this attempt failed; `None` if it was the last. `asked` is the plugin's own wish, which wins
    /// over the exponential wait, within the maximum. `spread`, from 0 to 1, is the share of the jitter to add.
    pub fn after(&self, failed: Attempt, asked: Option<Duration>, spread: f64) -> Option<Delay> {
        if self.attempts.is_some_and(|attempts| failed.number() >= attempts.get()) {
            return None;
        }
        let wait = match asked {
            Some(asked) => on_grid(asked),
            None if self.jitter > 0.0 => on_grid(self.exponential(failed).mul_f64(1.0 + self.jitter * spread)),
            None => self.exponential(failed),
        };
        Some(Delay::nearest(wait.min(self.maximum)))
    }

    /// `minimum × factor^(attempt − 1)`, within the maximum.
    fn exponential(&self, failed: Attempt) -> Duration {
        let exponent = i32::try_from(failed.number() - 1).unwrap_or(i32::MAX);
        let seconds = self.minimum.as_secs_f64() * self.factor.powi(exponent);
        // Infinite and absurdly long waits are no Duration: they are the maximum.
        Duration::try_from_secs_f64(seconds).unwrap_or(self.maximum).min(self.maximum)
    }
}

/// Rounds up by at most 10 %, to one of the 26 steps of each power of ten, so that the plugins' own waits need a
/// bounded number of delay queues.
fn on_grid(duration: Duration) -> Duration {
    const STEPS: f64 = 26.0;
    let millis = duration.as_secs_f64() * 1000.0;
    if millis <= 10.0 {
        return Duration::from_millis(millis.ceil() as u64);
    }
    // Rounded first, since a logarithm of a grid point comes out a hair above it.
    let step = ((millis.log10() * STEPS * 1e9).round() / 1e9).ceil();
    let point = 10f64.powf(step / STEPS).round();
    Duration::from_millis(point.max(millis.ceil()) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn backoff(attempts: u32) -> Backoff {
        let attempts = NonZeroU32::new(attempts).expect("not 0");
        Backoff::try_new(Duration::from_secs(1), 2.0, Duration::from_secs(60), 0.0, Some(attempts)).expect("legal")
    }

    fn attempt(number: u32) -> Attempt {
        Attempt::new(number).expect("not 0")
    }

    #[test]
    fn waits_double_up_to_the_maximum_and_are_exact() {
        let backoff = backoff(u32::MAX);
        let waits: Vec<_> =
            (1..=8).map(|n| backoff.after(attempt(n), None, 0.0).expect("not the last").millis()).collect();
        assert_eq!(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(backoff.after(attempt(u32::MAX - 1), None, 0.0).expect("not the last").millis(), 60_000);
    }

    #[test]
    fn the_last_attempt_is_followed_by_none() {
        assert!(backoff(3).after(attempt(2), None, 0.0).is_some());
        assert_eq!(backoff(3).after(attempt(3), None, 0.0), None);
        assert_eq!(backoff(3).after(attempt(4), Some(Duration::ZERO), 0.0), None);
    }

    #[test]
    fn the_plugin_s_wish_wins_within_the_maximum() {
        let asked =
            |millis| backoff(9).after(attempt(1), Some(Duration::from_millis(millis)), 0.0).expect("not the last");
        assert_eq!(asked(0).millis(), 1);
        assert_eq!(asked(7).millis(), 7);
        assert_eq!(asked(10_000).millis(), 10_000);
        assert_eq!(asked(86_400_000).millis(), 60_000);
    }

    #[test]
    fn the_grid_never_shortens_nor_lengthens_by_more_than_a_tenth() {
        let mut points = std::collections::BTreeSet::new();
        for millis in 1..100_000u64 {
            let point = on_grid(Duration::from_millis(millis)).as_millis() as u64;
            assert!(point >= millis && point as f64 <= millis as f64 * 1.1 + 1.0, "{millis} → {point}");
            points.insert(point);
        }
        assert!(points.len() < 150, "{} delay queues", points.len());
    }

    #[test]
    fn an_illegal_backoff_does_not_exist() {
        let attempts = Some(NonZeroU32::MIN);
        let (short, long) = (Duration::from_secs(1), Duration::from_secs(2));
        assert!(matches!(Backoff::try_new(long, 2.0, short, 0.0, attempts), Err(InvalidBackoff::Bounds { .. })));
        assert_eq!(Backoff::try_new(short, 0.5, long, 0.0, attempts), Err(InvalidBackoff::Factor(0.5)));
        assert!(Backoff::try_new(short, f64::NAN, long, 0.0, attempts).is_err());
    }

    #[test]
    fn no_limit_of_attempts_is_none() {
        let second = Duration::from_secs(1);
        let backoff = Backoff::try_new(second, 2.0, 2 * second, 0.0, None).expect("legal");
        assert!(backoff.after(attempt(u32::MAX), None, 0.0).is_some());
        assert_eq!(backoff.with_at_most(NonZeroU32::MIN).after(attempt(1), None, 0.0), None);
    }

    proptest! {
        #[test]
        fn every_wait_is_within_its_bounds_and_on_the_grid_where_jitter_moves_it(
            minimum in 1u64..10_000,
            factor in 1.0..10.0,
            more in 0u64..100_000_000,
            jitter in 0.0..=1.0,
            failed in 1u32..1000,
            spread in 0.0..=1.0,
        ) {
            let (minimum, maximum) = (Duration::from_millis(minimum), Duration::from_millis(minimum + more));
            let exact = Backoff::try_new(minimum, factor, maximum, 0.0, None).expect("legal");
            let moved = Backoff::try_new(minimum, factor, maximum, jitter, None).expect("legal");
            let wait = |backoff: &Backoff| backoff.after(attempt(failed), None, spread).expect("no limit").as_duration();
            let (exact, moved) = (wait(&exact), wait(&moved));
            let longest = maximum.min(Delay::LONGEST.as_duration());
            prop_assert!(exact >= minimum.min(longest) && exact <= longest);
            prop_assert!(moved >= exact && moved <= longest);
            let most = exact.as_secs_f64() * (1.0 + jitter) * 1.1 + 0.002;
            prop_assert!(moved.as_secs_f64() <= most, "{exact:?} → {moved:?}");
        }
    }
}
