//! The coda: once there is peace, each delivery is counted exactly once, in the right counter (I7).

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::account::Account;
use crate::faults::Faults;
use crate::host::Host;
use crate::publisher::{Traffic, Way};
use crate::scenario::PUPPETS;

/// How many events are published.
const EVENTS: u64 = 96;
const RATE: f64 = 100.0;
/// How long the counters have to stand still: longer than the longest wait of a failed message.
const STILL: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(100);

/// What a running host has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    done: u64,
    retried: u64,
    dead: u64,
    duplicate: u64,
    returned: u64,
}

impl Counts {
    fn read(status: &Value) -> Option<Self> {
        let counter = |name: &str| status["deliveries"][name].as_u64();
        Some(Self {
            done: counter("done")?,
            retried: counter("retried")?,
            dead: counter("dead")?,
            // Not every version of the host tells of them.
            duplicate: counter("duplicate").unwrap_or_default(),
            returned: counter("returned")?,
        })
    }
}

/// Publishes some more events, and compares what the host counts with what has to come of them.
pub async fn play(faults: &mut Faults, host: &Host, account: &Arc<Account>, way: &Way) {
    faults.revive().await;
    let Some(before) = stands_still(host).await else {
        return account.complain("i7: the host's counters never stand still, though there is peace".into());
    };
    Traffic::begin(account, way, RATE, account.next(), Some(EVENTS)).through().await;
    let Some(after) = stands_still(host).await else {
        return account.complain("i7: the host's counters never stand still after the coda".into());
    };
    let deliveries = EVENTS * PUPPETS.len() as u64;
    let [done, dead, duplicate, returned] = [
        after.done - before.done,
        after.dead - before.dead,
        after.duplicate - before.duplicate,
        after.returned - before.returned,
    ];
    // A machine that is busy with other work may make a delivery too slow: then it is tried again, and is done later.
    if (done, dead, duplicate, returned) != (deliveries, 0, 0, 0) {
        account.complain(format!(
            "i7: {EVENTS} events in peace, each for {} plugins, were counted as {after:?} after {before:?}",
            PUPPETS.len()
        ));
    }
}

/// The counters, once nothing waits and they have not changed for a while.
async fn stands_still(host: &Host) -> Option<Counts> {
    let begun = Instant::now();
    let mut last = (Counts::default(), Instant::now());
    while begun.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK).await;
        let Some((200, status)) = host.ask("/status").await else { continue };
        let empty = status["subscriptions"].as_array().is_some_and(|all| all.iter().all(|one| one["waiting"] == 0));
        let counts = Counts::read(&status)?;
        if !empty || counts != last.0 {
            last = (counts, Instant::now());
        } else if last.1.elapsed() > STILL {
            return Some(counts);
        }
    }
    None
}
