//! How long a call was in the host.

use std::time::{Duration, Instant};

use wasmtime::CallHook;

/// Adds up the time by the clock from each of the plugin's calls into the host to its return, waiting included, without
/// what the plugin itself did in between: the host calls it back to place what it hands in.
#[derive(Debug, Default)]
pub(super) struct HostTime {
    sum: Duration,
    /// Since when the host runs, if it does so for the plugin.
    since: Option<Instant>,
    /// How many calls of the host wait for the plugin that they called back.
    outer: u32,
}

impl HostTime {
    /// Takes notice that a call crosses from one to the other.
    pub(super) fn cross(&mut self, crossing: CallHook) {
        match crossing {
            CallHook::CallingHost => self.since = Some(Instant::now()),
            CallHook::ReturningFromHost => self.stop(),
            CallHook::CallingWasm => {
                if self.since.is_some() {
                    self.stop();
                    self.outer += 1;
                }
            }
            CallHook::ReturningFromWasm => {
                if self.outer > 0 {
                    self.outer -= 1;
                    self.since = Some(Instant::now());
                }
            }
        }
    }

    /// The call that is under way is none of the plugin's own: it yields its turn to others.
    pub(super) fn pass_over(&mut self) {
        self.since = None;
    }

    /// All of it; also where a call never returned.
    pub(super) fn sum(&self) -> Duration {
        self.sum + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn stop(&mut self) {
        self.sum += self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use CallHook::{CallingHost, CallingWasm, ReturningFromHost, ReturningFromWasm};

    use super::*;

    const PAUSE: Duration = Duration::from_millis(20);

    /// The sum where each crossing is followed by a pause, in pauses: sleeping takes at least as long as it should.
    fn pauses(crossings: &[CallHook]) -> Duration {
        let mut time = HostTime::default();
        for crossing in crossings {
            time.cross(*crossing);
            sleep(PAUSE);
        }
        time.sum()
    }

    #[test]
    fn what_the_plugin_does_itself_is_none_of_it() {
        assert_eq!(pauses(&[CallingWasm, ReturningFromWasm]), Duration::ZERO);
        let once = pauses(&[CallingWasm, CallingHost, ReturningFromHost, ReturningFromWasm]);
        assert!(once >= PAUSE, "{once:?}");
        // The plugin is called back, and calls the host from there.
        let back = [CallingHost, CallingWasm, CallingHost, ReturningFromHost, ReturningFromWasm, ReturningFromHost];
        let all = [&[CallingWasm][..], &back, &[ReturningFromWasm]].concat();
        assert!(pauses(&all) >= 3 * PAUSE);
        let mut time = HostTime::default();
        for crossing in all {
            time.cross(crossing);
        }
        assert!(time.since.is_none() && time.outer == 0, "{time:?}");
    }

    #[test]
    fn a_call_that_never_returned_counts_and_a_yielded_turn_does_not() {
        assert!(pauses(&[CallingWasm, CallingHost]) >= PAUSE);
        let mut time = HostTime::default();
        time.cross(CallingHost);
        time.pass_over();
        sleep(PAUSE);
        time.cross(ReturningFromHost);
        assert_eq!(time.sum(), Duration::ZERO);
    }
}
