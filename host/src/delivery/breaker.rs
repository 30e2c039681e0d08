//! When a subscription is cut off from its queue since its plugin is unhealthy, and for how long.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

/// Into how many parts the window of a [`Ratio`] is counted: it moves by one part at a time.
const PARTS: u32 = 10;

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
    #[error("the window is empty")]
    Window,
    #[error("the cool-down of {cool_down:?} is longer than its maximum of {maximum:?}")]
    CoolDown { cool_down: Duration, maximum: Duration },
}

impl Trip {
    /// Trips after `consecutive` failures in a row, or at the `ratio`. Stays open for `cool_down`, twice as long each
    /// time that it opens again before it closed, up to `cool_down_maximum`; closes after `probes` successes in a row.
    pub fn try_new(
        consecutive: Option<NonZeroU32>,
        ratio: Option<Ratio>,
        cool_down: Duration,
        cool_down_maximum: Duration,
        probes: NonZeroU32,
    ) -> Result<Self, InvalidTrip> {
        if let Some(Ratio { share, window, .. }) = ratio {
            if !(share > 0.0 && share <= 1.0) {
                return Err(InvalidTrip::Ratio(share));
            }
            if window.is_zero() {
                return Err(InvalidTrip::Window);
            }
        }
        if cool_down > cool_down_maximum {
            return Err(InvalidTrip::CoolDown { cool_down, maximum: cool_down_maximum });
        }
        Ok(Self { consecutive, ratio, cool_down, cool_down_maximum, probes })
    }
}

/// What the breaker makes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing changes.
    Stay,
    /// The plugin is unhealthy, for the reason: cut it off.
    Trip(String),
    /// The plugin is well again: let everything through.
    Close,
}

/// The machine: closed → open → probing → closed, or open again.
#[derive(Debug)]
pub(super) struct Breaker {
    trip: Trip,
    state: State,
}

#[derive(Debug)]
enum State {
    Closed {
        failures_in_a_row: u32,
        calls: Calls,
    },
    /// It opens for so many times since it was last closed, and the last of them is only beginning.
    Tripped {
        times: u32,
    },
    Open {
        times: u32,
    },
    Probing {
        times: u32,
        successes: u32,
    },
}

impl State {
    fn closed() -> Self {
        Self::Closed { failures_in_a_row: 0, calls: Calls::default() }
    }
}

impl Breaker {
    pub fn new(trip: Trip) -> Self {
        Self { trip, state: State::closed() }
    }

    /// Hears of a call. A message that was rejected says nothing of the plugin's health and is not told here. What ends
    /// once the breaker has tripped began before, and says nothing new.
    pub fn record(&mut self, failed: bool, now: Instant) -> Verdict {
        let verdict = self.judge(failed, now);
        if matches!(verdict, Verdict::Trip(_)) {
            self.state = State::Tripped { times: self.times() + 1 };
        }
        verdict
    }

    fn judge(&mut self, failed: bool, now: Instant) -> Verdict {
        match &mut self.state {
            State::Tripped { .. } | State::Open { .. } => Verdict::Stay,
            State::Probing { successes, .. } if !failed => {
                *successes += 1;
                if *successes >= self.trip.probes.get() { Verdict::Close } else { Verdict::Stay }
            }
            State::Probing { .. } => Verdict::Trip("a probe failed".into()),
            State::Closed { failures_in_a_row, calls } => {
                *failures_in_a_row = if failed { *failures_in_a_row + 1 } else { 0 };
                if self.trip.consecutive.is_some_and(|limit| *failures_in_a_row >= limit.get()) {
                    return Verdict::Trip(format!("{failures_in_a_row} deliveries in a row failed"));
                }
                match &self.trip.ratio {
                    Some(ratio) => calls.record(failed, ratio, now),
                    None => Verdict::Stay,
                }
            }
        }
    }

    /// Opens, or opens again, and says for how long.
    pub fn open(&mut self) -> Duration {
        let times = match self.state {
            State::Tripped { times } => times,
            _ => self.times() + 1,
        };
        self.state = State::Open { times };
        let doubled = 2u32.checked_pow(times - 1).and_then(|factor| self.trip.cool_down.checked_mul(factor));
        doubled.unwrap_or(self.trip.cool_down_maximum).min(self.trip.cool_down_maximum)
    }

    /// Lets single messages through.
    pub fn probe(&mut self) {
        self.state = State::Probing { times: self.times(), successes: 0 };
    }

    /// How often it has opened since it was last closed.
    fn times(&self) -> u32 {
        match self.state {
            State::Closed { .. } => 0,
            // Far beyond what the cool-down's maximum lets make a difference.
            State::Tripped { times } | State::Open { times } | State::Probing { times, .. } => times.min(u32::MAX - 1),
        }
    }

    pub fn close(&mut self) {
        self.state = State::closed();
    }
}

/// The calls of a window that moves on, counted in parts so that it takes the same memory at any rate.
#[derive(Debug, Default)]
struct Calls {
    /// When the newest part began.
    began: Option<Instant>,
    /// Newest first.
    parts: [Part; PARTS as usize],
}

#[derive(Debug, Default, Clone, Copy)]
struct Part {
    calls: u32,
    failures: u32,
}

impl Calls {
    fn record(&mut self, failed: bool, ratio: &Ratio, now: Instant) -> Verdict {
        self.advance(ratio.window / PARTS, now);
        let [newest, ..] = &mut self.parts;
        newest.calls = newest.calls.saturating_add(1);
        newest.failures = newest.failures.saturating_add(failed.into());
        let calls: u64 = self.parts.iter().map(|part| u64::from(part.calls)).sum();
        let failures: u64 = self.parts.iter().map(|part| u64::from(part.failures)).sum();
        let share = failures as f64 / calls as f64;
        if failed && calls >= u64::from(ratio.minimum_calls.get()) && share >= ratio.share {
            return Verdict::Trip(format!("{failures} of the last {calls} deliveries failed"));
        }
        Verdict::Stay
    }

    fn advance(&mut self, part: Duration, now: Instant) {
        let Some(began) = self.began else {
            self.began = Some(now);
            return;
        };
        let passed = now.saturating_duration_since(began).as_nanos() / part.as_nanos().max(1);
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        if passed == 0 {
            return;
        }
        let gone = passed.min(PARTS) as usize;
        self.parts.rotate_right(gone);
        self.parts[..gone].fill(Part::default());
        self.began = Some(if passed >= PARTS { now } else { began + part * passed });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).expect("not 0")
    }

    fn breaker(consecutive: Option<u32>, ratio: Option<(f64, u32)>) -> Breaker {
        let ratio = ratio.map(|(share, calls)| Ratio { share, window: 10 * SECOND, minimum_calls: number(calls) });
        Breaker::new(Trip::try_new(consecutive.map(number), ratio, SECOND, 5 * SECOND, number(2)).expect("legal"))
    }

    fn trips(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Trip(_))
    }

    #[tokio::test(start_paused = true)]
    async fn it_trips_at_the_first_failures_in_a_row_though_nothing_ever_succeeded() {
        let mut breaker = breaker(Some(3), None);
        let verdicts: Vec<_> = (0..3).map(|_| trips(&breaker.record(true, Instant::now()))).collect();
        assert_eq!(verdicts, [false, false, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_ends_a_row() {
        let mut breaker = breaker(Some(2), None);
        for failed in [true, false, true, false, true] {
            assert_eq!(breaker.record(failed, Instant::now()), Verdict::Stay);
        }
        assert!(trips(&breaker.record(true, Instant::now())));
    }

    #[tokio::test(start_paused = true)]
    async fn it_trips_at_a_share_of_failures_among_enough_calls() {
        let mut breaker = breaker(None, Some((0.5, 4)));
        for failed in [true, true, true] {
            assert_eq!(breaker.record(failed, Instant::now()), Verdict::Stay, "too few calls");
        }
        assert!(trips(&breaker.record(true, Instant::now())));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_leave_the_window() {
        let mut breaker = breaker(None, Some((0.5, 4)));
        for _ in 0..3 {
            breaker.record(true, Instant::now());
            tokio::time::advance(4 * SECOND).await;
        }
        tokio::time::advance(SECOND).await;
        assert_eq!(breaker.record(true, Instant::now()), Verdict::Stay, "two or three are in the window");
        tokio::time::advance(100 * SECOND).await;
        for _ in 0..3 {
            assert_eq!(breaker.record(true, Instant::now()), Verdict::Stay, "none is left");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_cool_down_grows_up_to_its_maximum_and_begins_anew_after_a_recovery() {
        let mut breaker = breaker(Some(1), None);
        let waits: Vec<_> = (0..4)
            .map(|_| {
                let wait = breaker.open();
                breaker.probe();
                assert!(trips(&breaker.record(true, Instant::now())));
                wait
            })
            .collect();
        assert_eq!(waits, [SECOND, 2 * SECOND, 4 * SECOND, 5 * SECOND]);
        breaker.close();
        assert_eq!(breaker.open(), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn it_closes_after_enough_probes_in_a_row() {
        let mut breaker = breaker(Some(1), None);
        breaker.open();
        assert_eq!(breaker.record(true, Instant::now()), Verdict::Stay, "it began before");
        breaker.probe();
        assert_eq!(breaker.record(false, Instant::now()), Verdict::Stay);
        assert_eq!(breaker.record(false, Instant::now()), Verdict::Close);
    }

    #[test]
    fn an_illegal_breaker_does_not_exist() {
        let ratio = |share| Some(Ratio { share, window: SECOND, minimum_calls: number(1) });
        for share in [0.0, -1.0, 1.1, f64::NAN] {
            assert!(matches!(Trip::try_new(None, ratio(share), SECOND, SECOND, number(1)), Err(InvalidTrip::Ratio(_))));
        }
        assert!(Trip::try_new(None, None, 2 * SECOND, SECOND, number(1)).is_err());
    }

    proptest! {
        #[test]
        fn whatever_happens_it_trips_exactly_when_the_row_is_full(calls in prop::collection::vec(any::<bool>(), 0..200)) {
            let mut breaker = breaker(Some(3), None);
            let mut row = 0;
            let now = Instant::now();
            for failed in calls {
                row = if failed { row + 1 } else { 0 };
                let trip = trips(&breaker.record(failed, now));
                prop_assert_eq!(trip, row >= 3);
                if trip {
                    prop_assert_eq!(breaker.record(true, now), Verdict::Stay, "it has tripped already");
                    breaker.close();
                    row = 0;
                }
            }
        }

        #[test]
        fn the_window_counts_what_is_in_it_give_or_take_one_part(
            steps in prop::collection::vec((0u64..3000, any::<bool>()), 1..100)
        ) {
            let ratio = Ratio { share: 1.0, window: 10 * SECOND, minimum_calls: NonZeroU32::MAX };
            let (mut calls, mut told, begin) = (Calls::default(), Vec::new(), Instant::now());
            let mut now = begin;
            for (wait, failed) in steps {
                now += Duration::from_millis(wait);
                calls.record(failed, &ratio, now);
                told.push((now, failed));
                let within = |window: Duration| told.iter().filter(|(at, _)| now - *at < window).count() as u32;
                let counted: u32 = calls.parts.iter().map(|part| part.calls).sum();
                prop_assert!(counted >= within(9 * SECOND) && counted <= within(10 * SECOND + Duration::from_nanos(1)));
            }
        }
    }
}
