//! Work that keeps a processor busy for seconds, and that deliveries must not feel.

use std::thread::available_parallelism;
use std::time::Duration;

use rayon::ThreadPoolBuilder;

/// By how much such work steps back: at this "niceness" a thread gets a quarter of a processor that another wants,
/// and all of one that nobody wants.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Does a piece of work on threads of its own, of low priority; what of it is parallel is done on all of them. Threads
/// that no other work has, so that a small plugin does not wait for a large one that was there before.
pub(super) fn in_background<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let threads = ThreadPoolBuilder::new()
        .num_threads(spare_processors())
        .thread_name(|_| "leveret-compile".into())
        .start_handler(|_| step_back());
    match threads.build() {
        Ok(threads) => threads.install(work),
        // A system without a thread to spare still compiles.
        Err(_) => work(),
    }
}

/// How many threads may be busy for long: one processor is left to the host and its short calls, which would wait for one
/// otherwise, however low the priority of those on it.
pub(super) fn spare_processors() -> usize {
    available_parallelism().map_or(1, usize::from).saturating_sub(1).max(1)
}

/// How long this thread has been on a processor; `None` where the system does not say.
pub(super) fn time_on_processor() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Makes this thread step back. On Linux niceness is a thread's own; elsewhere it would be the whole host's.
pub(super) fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!("what takes long has the priority of deliveries: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_on_threads_that_step_back() {
        let name = in_background(|| std::thread::current().name().map(str::to_owned));
        assert_eq!(name.as_deref(), Some("leveret-compile"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_the_threads_of_the_work_step_back() {
        // The 19th field of a thread's own record; its name, the second, has no space here.
        let niceness = || -> i32 {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("Linux has it");
            stat.rsplit(") ")
                .next()
                .and_then(|rest| rest.split(' ').nth(16))
                .expect("a field")
                .parse()
                .expect("a number")
        };
        let before = niceness();
        assert_eq!(in_background(niceness), (before + NICENESS).min(19));
        assert_eq!(niceness(), before);
    }
}
