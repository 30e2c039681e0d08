//! How many events of the past are looked at a second, through the host's API.

use std::time::{Duration, Instant};

use leveret::broker::{Destination, Outgoing};
use leveret::config::Settings;
use leveret::message::{Message, Subject};
use serde_json::Value;

use super::figures::Figures;
use leveret_tests::http;
use leveret_tests::stage::{Failure, Stage};

/// Events of one batch, when the history is filled.
const BATCH: u64 = 500;
/// How often to look whether the history has them all, and for how long at the most.
const LOOK: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(300);

/// Fills the history of a broker, and counts what is in it: all, and what has a value in its payload.
pub async fn measure(settings: Settings, broker: &str, events: u64, figures: &mut Figures) -> Result<(), Failure> {
    let stage = Stage::start(settings).await?;
    fill(&stage, events).await?;
    let begun = Instant::now();
    while scan(&stage, "count=true").await?.0 < events {
        if begun.elapsed() > PATIENCE {
            return Err(format!("the history of {broker} has not got all within {PATIENCE:?}").into());
        }
        tokio::time::sleep(LOOK).await;
    }
    let (scanned, seconds) = scan(&stage, "count=true").await?;
    figures.add(format!("{broker}_events"), scanned as f64, "events in the history");
    figures.add(format!("{broker}_seconds"), seconds, "`leveret history count` of all of them, in seconds");
    figures.add(format!("{broker}_per_second"), scanned as f64 / seconds, "events looked at a second");
    let (scanned, seconds) = scan(&stage, "count=true&where=/customer/id=42").await?;
    let meaning = "the same where each payload is read, for `--where /customer/id=42`";
    figures.add(format!("{broker}_where_per_second"), scanned as f64 / seconds, meaning);
    stage.stop().await;
    Ok(())
}

async fn fill(stage: &Stage, events: u64) -> Result<(), Failure> {
    let subject = Subject::Event(stage.event.clone());
    let event = |number: u64| {
        let payload =
            serde_json::json!({ "customer": { "id": number % 1000 }, "amount": number, "note": "x".repeat(150) });
        Outgoing { destination: Destination::History, message: Message::new(subject.clone(), payload.to_string()) }
    };
    for first in (0..events).step_by(usize::try_from(BATCH)?) {
        let batch = (first..events.min(first + BATCH)).map(event).collect();
        stage.host.broker.publish(batch).await?;
    }
    Ok(())
}

/// How many events were looked at, and how long that took in seconds.
async fn scan(stage: &Stage, query: &str) -> Result<(u64, f64), Failure> {
    let begun = Instant::now();
    let (_, answer) =
        http::get(&format!("http://{}/history?{query}", stage.host.address)).await.ok_or("the host does not answer")?;
    let seconds = begun.elapsed().as_secs_f64();
    let last = match answer {
        Value::String(lines) => serde_json::from_str(lines.lines().last().unwrap_or_default())?,
        line => line,
    };
    let scanned = last["ended"]["scanned"].as_u64().ok_or_else(|| format!("this is no end: {last}"))?;
    Ok((scanned, seconds))
}
