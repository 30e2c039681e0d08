//! The rates that the deliveries of a subscription keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::rate::Limiter;

/// The rates that a subscription keeps: its own, its plugin's and its application's.
#[derive(Debug, Default)]
pub(super) struct Limits {
    limiters: Vec<Arc<Limiter>>,
    waiting: AtomicU64,
}

impl Limits {
    /// From the narrowest to the widest, so that whoever waits for a narrow one takes nothing from those beside it.
    pub fn new(limiters: Vec<Arc<Limiter>>) -> Self {
        Self { limiters, waiting: AtomicU64::new(0) }
    }

    /// Waits until one more delivery is within every rate.
    pub async fn wait(&self) {
        if self.limiters.is_empty() {
            return;
        }
        let _counted = Counted::new(&self.waiting);
        for limiter in &self.limiters {
            limiter.wait().await;
        }
    }

    /// How many deliveries wait.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// One more, for as long as this lives.
pub(super) struct Counted<'a>(&'a AtomicU64);

impl<'a> Counted<'a> {
    pub fn new(counter: &'a AtomicU64) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;
    use crate::rate::Rate;

    fn rate(count: u32, per: u64, burst: u32) -> Rate {
        let number = |number| NonZeroU32::new(number).expect("not 0");
        Rate::try_new(number(count), Duration::from_secs(per), number(burst)).expect("legal")
    }

    fn limits(rates: &[Rate]) -> Limits {
        Limits::new(rates.iter().map(|rate| Arc::new(Limiter::new(*rate))).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_burst_deliveries_come_at_the_rate() {
        let (limits, begin) = (limits(&[rate(10, 1, 5)]), Instant::now());
        for _ in 0..5 {
            limits.wait().await;
        }
        assert_eq!(begin.elapsed(), Duration::ZERO);
        for _ in 0..20 {
            limits.wait().await;
        }
        let spent = begin.elapsed().as_millis();
        assert!((2000..2030).contains(&spent), "{spent} ms");
    }

    #[tokio::test(start_paused = true)]
    async fn the_narrowest_of_several_rates_holds() {
        let (limits, begin) = (limits(&[rate(100, 1, 1), rate(1, 1, 1)]), Instant::now());
        for _ in 0..4 {
            limits.wait().await;
        }
        assert!(begin.elapsed() >= Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_came_first_is_served_first() {
        let limits = Arc::new(limits(&[rate(1, 1, 1)]));
        let (served, mut order) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..10 {
            let (waiting, served) = (limits.clone(), served.clone());
            tokio::spawn(async move {
                waiting.wait().await;
                let _ = served.send(number);
            });
            tokio::task::yield_now().await;
        }
        for expected in 0..10 {
            assert_eq!(order.recv().await, Some(expected));
        }
        assert_eq!(limits.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn i6_whoever_gives_up_waiting_holds_up_nobody() {
        let limits = Arc::new(limits(&[rate(1, 60, 1)]));
        limits.wait().await;
        let gave_up = tokio::time::timeout(Duration::from_secs(1), limits.wait()).await;
        assert!(gave_up.is_err());
        assert_eq!(limits.waiting(), 0);
        limits.wait().await;
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_span_of_time_sees_more_than_the_burst_and_the_rate_allow(
            count in 1u32..50,
            burst in 1u32..20,
            rests in prop::collection::vec(0u64..400, 1..80),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            let passed: Vec<Duration> = runtime.expect("a runtime").block_on(async {
                let (limits, begin) = (limits(&[rate(count, 1, burst)]), Instant::now());
                let mut passed = Vec::new();
                for rest in &rests {
                    tokio::time::sleep(Duration::from_millis(*rest)).await;
                    limits.wait().await;
                    passed.push(begin.elapsed());
                }
                passed
            });
            for (index, first) in passed.iter().enumerate() {
                for (later, last) in passed.iter().enumerate().skip(index) {
                    // Tokio's paused clock wakes to the millisecond.
                    let allowed = f64::from(burst) + f64::from(count) * ((*last - *first).as_secs_f64() + 0.001);
                    prop_assert!((later - index + 1) as f64 <= allowed + 1e-6, "{passed:?}");
                }
            }
        }
    }
}
