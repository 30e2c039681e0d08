//! Events to tasks a second. The events wait in the queue before the clock runs, so that no publisher is in the way.

use std::num::NonZeroU16;
use std::time::{Duration, Instant};

use leveret::broker::{Destination, Outgoing, Source};
use leveret::config::Settings;
use leveret::message::{Message, Subject};
use leveret::name::QueueName;

use super::baseline::{self, Plain};
use super::figures::{Figures, median};
use leveret_tests::guests::{another_version, bytes};
use leveret_tests::stage::{Failure, Stage};

/// Rounds that count; one more warms up.
const ROUNDS: usize = 5;
/// Events of one round.
const EVENTS: u32 = 5000;
/// Events of one batch, when the queue is filled.
const BATCH: u32 = 250;
/// How often to look how far it is.
const LOOK: Duration = Duration::from_millis(1);
/// The longest that a round may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The payload of every event: one task of about 256 bytes is to be made of it.
pub fn payload() -> String {
    serde_json::json!({ "do": "emit", "count": 1, "size": 220 }).to_string()
}

/// On the embedded broker, beside what the disk can do at all.
pub async fn embedded(prefetch: NonZeroU16, figures: &mut Figures) -> Result<(), Failure> {
    let leveret = Leveret::start(settings(prefetch)).await?;
    let (mut rates, mut syncs) = (Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        rates.push(leveret.round().await?);
        syncs.push(baseline::syncs_per_second()?);
    }
    leveret.stage.stop().await;
    let meaning = format!("events to tasks, median of {ROUNDS} rounds of {EVENTS}, prefetch {prefetch}");
    figures.add("embedded_events_per_second", median(&rates[1..]), meaning);
    figures.add("disk_syncs_per_second", median(&syncs[1..]), "4 KiB appended and synced, one after the other");
    Ok(())
}

/// On RabbitMQ, in turns with a consumer and publisher of the same prefetch that does nothing else.
pub async fn rabbitmq(url: &str, prefetch: NonZeroU16, figures: &mut Figures) -> Result<(), Failure> {
    let mut settings = settings(prefetch);
    settings.broker.url = url.parse()?;
    let leveret = Leveret::start(settings).await?;
    let plain = Plain::connect(url, prefetch).await?;
    let (mut rates, mut plain_rates) = (Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        plain_rates.push(plain.round(EVENTS, &payload()).await?);
        rates.push(leveret.round().await?);
    }
    leveret.stage.stop().await;
    let ratios: Vec<_> = rates.iter().zip(&plain_rates).map(|(rate, plain)| rate / plain).collect();
    figures.add("rabbitmq_events_per_second", median(&rates[1..]), "the same on RabbitMQ, with quorum queues");
    let meaning = "lapin by hand: consume, publish mandatory and confirmed, acknowledge; same prefetch and queues";
    figures.add("lapin_events_per_second", median(&plain_rates[1..]), meaning);
    figures.add("ratio", median(&ratios[1..]), "Leveret on RabbitMQ to lapin by hand, round by round");
    Ok(())
}

/// What it costs to know duplicates: on the embedded broker, in turns with a host that does not look for any.
pub async fn deduplication(prefetch: NonZeroU16, figures: &mut Figures) -> Result<(), Failure> {
    let on = Leveret::start(settings(prefetch)).await?;
    let mut without = settings(prefetch);
    without.delivery.deduplication.enabled = false;
    let off = Leveret::start(without).await?;
    let (mut rates, mut plain_rates) = (Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        plain_rates.push(off.round().await?);
        rates.push(on.round().await?);
    }
    on.stage.stop().await;
    off.stage.stop().await;
    let ratios: Vec<_> = rates.iter().zip(&plain_rates).map(|(rate, plain)| rate / plain).collect();
    let meaning = format!("events to tasks a second on the embedded broker, prefetch {prefetch}, duplicates dropped");
    figures.add("deduplicated_per_second", median(&rates[1..]), meaning);
    figures.add("not_deduplicated_per_second", median(&plain_rates[1..]), "the same with deduplication off");
    figures.add("deduplication_ratio", median(&ratios[1..]), "on to off, round by round");
    Ok(())
}

fn settings(prefetch: NonZeroU16) -> Settings {
    let mut settings = Settings::default();
    settings.delivery.prefetch = prefetch;
    settings
}

/// A host whose plugin comes and goes.
struct Leveret {
    stage: Stage,
    file: Vec<u8>,
}

impl Leveret {
    async fn start(settings: Settings) -> Result<Self, Failure> {
        let leveret = Self { stage: Stage::start(settings).await?, file: another_version(&bytes("puppet"), "0") };
        leveret.subscribe().await?;
        Ok(leveret)
    }

    /// Makes the queue of the plugin's events, as the plugin would.
    async fn subscribe(&self) -> Result<(), Failure> {
        let Stage { host, plugin, event, .. } = &self.stage;
        let queue = QueueName::subscription(plugin, event);
        let mut listener = host.broker.listen(Source::event(queue, event.clone(), NonZeroU16::MIN)).await?;
        listener.stop().await;
        Ok(())
    }

    /// Fills the queue, puts the plugin in place, and sees how fast the queue empties. The plugin is removed again.
    async fn round(&self) -> Result<f64, Failure> {
        for _ in 0..EVENTS / BATCH {
            let batch = (0..BATCH).map(|_| self.outgoing()).collect();
            let published = self.stage.host.broker.publish(batch).await?;
            if !published.unheard.is_empty() {
                return Err("the queue of the events is gone".into());
            }
        }
        let done = || self.stage.host.journal.counts().done;
        let end = done() + u64::from(EVENTS);
        self.stage.install(&self.file).await?;
        // A few may be done already; they count neither way.
        let (before, begun) = (done(), Instant::now());
        while done() < end {
            if begun.elapsed() > PATIENCE {
                return Err(format!("{} events are not done within {PATIENCE:?}", end - done()).into());
            }
            tokio::time::sleep(LOOK).await;
        }
        // At most 5000, which a float holds exactly.
        let rate = (end - before) as f64 / begun.elapsed().as_secs_f64();
        self.stage.remove().await?;
        Ok(rate)
    }

    fn outgoing(&self) -> Outgoing {
        let event = self.stage.event.clone();
        let message = Message::new(Subject::Event(event.clone()), payload());
        Outgoing { destination: Destination::Event(event), message }
    }
}
