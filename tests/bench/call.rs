//! What one delivery costs in the sandbox: a fresh instance, the call, and its end.

use std::time::Instant;

use leveret::config::Settings;
use leveret::message::{Headers, MessageId, Tid, Timestamp};
use leveret::plugin::{Incoming, Outcome, What};

use super::figures::{Figures, median};
use leveret_tests::guests::{another_version, bytes};
use leveret_tests::stage::{Failure, Stage};

/// Rounds that count; one more warms up.
const ROUNDS: usize = 7;
/// Calls of one round, one after the other.
const CALLS: u32 = 500;

/// Calls the live version's handler as the pipeline does.
pub async fn measure(figures: &mut Figures) -> Result<(), Failure> {
    let stage = Stage::start(Settings::default()).await?;
    stage.install(&another_version(&bytes("puppet"), "0")).await?;
    let live = stage.live().ok_or("the plugin is not live")?;
    let (id, tid) = (MessageId::fresh(), Tid::fresh());
    let (headers, payload) = (Headers::new(), super::throughput::payload());
    let event = Incoming {
        what: What::Event { name: &stage.event, source: None },
        id: &id,
        tid: &tid,
        time: Timestamp::now(),
        payload: &payload,
        headers: &headers,
    };
    let mut rounds = Vec::new();
    for _ in 0..=ROUNDS {
        let begun = Instant::now();
        for _ in 0..CALLS {
            let invocation = live.handler.handle(event).await;
            if !matches!(invocation.outcome, Outcome::Done(_)) {
                return Err(format!("the plugin failed: {:?}", invocation.outcome).into());
            }
        }
        rounds.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
    }
    stage.stop().await;
    let meaning = format!("µs for a delivery in a fresh instance, one at a time: median of {ROUNDS} rounds of {CALLS}");
    figures.add("call_us", median(&rounds[1..]), meaning);
    Ok(())
}
