//! How late a retry comes, at 1,000 retries a second: from the moment that it is due until the plugin is called again.

use std::num::{NonZeroU16, NonZeroU32};
use std::time::{Duration, Instant};

use leveret::broker::{Destination, Outgoing, Source};
use leveret::config::{Attempts, Concurrency, Settings};
use leveret::message::{Message, Subject};
use leveret::name::{QueueName, TaskName};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::figures::{Figures, quantile};
use leveret_tests::guests::bytes;
use leveret_tests::stage::{Failure, Stage};

/// How many messages fail once a second, and for how many seconds.
const PER_SECOND: usize = 1000;
const SECONDS: usize = 10;
/// How many are published at once.
const BATCH: usize = 50;
/// The wait that the plugin asks for. It is on the grid, so it is not rounded.
const WAIT: Duration = Duration::from_secs(1);
/// As many as fail in a second, so that none waits for a place, as long as a delivery takes less than half a second.
const PREFETCH: NonZeroU16 = NonZeroU16::new(PER_SECOND as u16).expect("not 0");
/// The longest that all of it may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// The names of the figures of one broker.
pub struct Keys {
    pub median: &'static str,
    pub p99: &'static str,
    pub most: &'static str,
    pub rate: &'static str,
}

pub async fn measure(settings: Settings, keys: Keys, figures: &mut Figures) -> Result<(), Failure> {
    let stage = Stage::start(settings).await?;
    stage.install(&bytes("puppet")).await?;
    timeout(PATIENCE, stage.host.ready()).await?;
    fail(&stage).await?;
    let Retries { late, per_second } = retries(&stage).await?;
    stage.stop().await;
    let meaning = format!("of {} retries, {PER_SECOND} a second: ms from due until called, median", late.len());
    figures.add(keys.median, quantile(&late, 0.5), meaning);
    figures.add(keys.p99, quantile(&late, 0.99), "the same, 99th percentile");
    figures.add(keys.most, quantile(&late, 1.0), "the same, at the most");
    figures.add(keys.rate, per_second, "how many retries a second that were: fewer where the machine is too busy");
    Ok(())
}

/// What came of the second attempts.
struct Retries {
    /// How late each was, in milliseconds.
    late: Vec<f64>,
    /// How many there were in each second from the first to the last.
    per_second: f64,
}

/// Settings under which each message fails twice, and then is a dead letter that remembers when.
pub fn settings(prefetch: Option<NonZeroU16>) -> Settings {
    let mut settings = Settings::default();
    settings.delivery.prefetch = prefetch.unwrap_or(PREFETCH);
    settings.delivery.concurrency = Concurrency::Prefetch;
    settings.delivery.retry.attempts = Attempts::AtMost(NonZeroU32::new(2).expect("2 is not 0"));
    settings.delivery.breaker.enabled = false;
    settings
}

/// Publishes at an even pace, and waits until every message has failed for good.
async fn fail(stage: &Stage) -> Result<(), Failure> {
    let mut pace = interval(Duration::from_secs(1) * BATCH as u32 / PER_SECOND as u32);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for _ in 0..PER_SECOND * SECONDS / BATCH {
        pace.tick().await;
        let batch = (0..BATCH).map(|_| outgoing(stage)).collect();
        if !stage.host.broker.publish(batch).await?.unheard.is_empty() {
            return Err("nobody subscribes to the events".into());
        }
    }
    let begun = Instant::now();
    while (stage.host.journal.counts().dead as usize) < PER_SECOND * SECONDS {
        if begun.elapsed() > PATIENCE {
            return Err(format!("not all is tried again within {PATIENCE:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn outgoing(stage: &Stage) -> Outgoing {
    let body = serde_json::json!({ "do": "retry", "reason": "not now", "after": WAIT.as_millis() as u64 });
    let message = Message::new(Subject::Event(stage.event.clone()), body.to_string());
    Outgoing { destination: Destination::Event(stage.event.clone()), message }
}

/// Reads off the dead letters when their second attempts were. The time that it takes to publish the delayed copy counts
/// as lateness too.
async fn retries(stage: &Stage) -> Result<Retries, Failure> {
    let dead = QueueName::dead(&stage.plugin.app);
    // Any task of the application: a queue listened to for an event would be bound to it.
    let task: TaskName = format!("{}.dead.letter", stage.plugin.app).parse()?;
    let source = Source { queue: dead, ..Source::task(task, NonZeroU16::MAX) };
    let mut listener = stage.host.broker.listen(source).await?;
    let (mut late, mut first_call, mut last_call) = (Vec::new(), Duration::MAX, Duration::ZERO);
    while late.len() < PER_SECOND * SECONDS {
        // Not acknowledged: the broker ends with the bench.
        let received = timeout(PATIENCE, listener.next()).await?.ok_or("the dead letters are gone")?;
        let [first, second] = received.message.failures.as_slice() else {
            return Err(format!("{} has not failed twice", received.message.id).into());
        };
        let called = second.time.since_epoch().saturating_sub(second.receipt.time);
        (first_call, last_call) = (first_call.min(called), last_call.max(called));
        late.push(called.saturating_sub(first.time.since_epoch() + WAIT).as_secs_f64() * 1000.0);
    }
    listener.stop().await;
    // A float holds some thousands exactly.
    let per_second = late.len() as f64 / last_call.saturating_sub(first_call).as_secs_f64();
    Ok(Retries { late, per_second })
}
