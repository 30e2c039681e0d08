//! How much later than its time limit a plugin in a tight loop is stopped, and what its neighbours feel of it.

use std::time::{Duration, Instant};

use leveret::config::Settings;
use leveret::message::{Headers, MessageId, Tid, Timestamp};
use leveret::plugin::{Incoming, Outcome, What};
use tokio::task::JoinSet;

use super::figures::{Figures, quantile};
use leveret_tests::guests::bytes;
use leveret_tests::stage::{Failure, Stage};

const LIMIT: Duration = Duration::from_millis(100);
/// How many lateness figures make one distribution, at the least.
const RUNS: usize = 50;
/// How many loop at once, where several do.
const LOOPS: usize = 8;

/// Lets the puppet loop, alone and in company.
pub async fn measure(figures: &mut Figures) -> Result<(), Failure> {
    let mut settings = Settings::default();
    settings.delivery.time_limit = format!("{}ms", LIMIT.as_millis()).parse().map_err(|_| "an illegal limit")?;
    let stage = Stage::start(settings).await?;
    stage.install(&bytes("puppet")).await?;

    let alone = loops(&stage, 1).await?;
    figures.add("stop_alone_p50_ms", quantile(&alone, 0.5), "ms after its time limit that a tight loop was stopped");
    figures.add("stop_alone_p99_ms", quantile(&alone, 0.99), format!("the same: p99 of {} runs", alone.len()));

    let neighbour = tokio::spawn(async {
        let mut late = Vec::new();
        loop {
            const NAP: Duration = Duration::from_millis(10);
            let begun = Instant::now();
            tokio::time::sleep(NAP).await;
            late.push(milliseconds(begun.elapsed().saturating_sub(NAP)));
            if late.len() == RUNS {
                return late;
            }
        }
    });
    let together = loops(&stage, LOOPS).await?;
    let meaning = format!("the same with {LOOPS} loops at once");
    figures.add("stop_together_p50_ms", quantile(&together, 0.5), meaning);
    figures.add("stop_together_p99_ms", quantile(&together, 0.99), format!("the same: p99 of {} runs", together.len()));
    let late = neighbour.await?;
    let meaning = format!("ms that a timer of the host was late meanwhile: p99 of {RUNS}");
    figures.add("timer_together_p99_ms", quantile(&late, 0.99), meaning);
    stage.stop().await;
    Ok(())
}

/// Lets so many loop at once, again and again; by how many milliseconds each was late.
async fn loops(stage: &Stage, at_once: usize) -> Result<Vec<f64>, Failure> {
    let mut late = Vec::new();
    while late.len() < RUNS {
        let mut running = JoinSet::new();
        for _ in 0..at_once {
            let live = stage.live().ok_or("the plugin is not live")?;
            let name = stage.event.clone();
            running.spawn(async move {
                let (id, tid, headers) = (MessageId::fresh(), Tid::fresh(), Headers::new());
                let payload = r#"{"do": "loop"}"#;
                let (time, what) = (Timestamp::now(), What::Event { name: &name, source: None });
                let event = Incoming { what, id: &id, tid: &tid, time, payload, headers: &headers };
                let begun = Instant::now();
                let outcome = live.handler.handle(event).await.outcome;
                (begun.elapsed(), outcome)
            });
        }
        for (took, outcome) in running.join_all().await {
            if !matches!(&outcome, Outcome::Retry { reason, .. } if reason.contains("limit")) {
                return Err(format!("the loop was not stopped: {outcome:?}").into());
            }
            late.push(milliseconds(took.saturating_sub(LIMIT)));
        }
    }
    Ok(late)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
