//! What a healthy plugin feels of each hostile one beside it: how long its messages take until they are handled, alone and in
//! company, in turns.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use leveret::broker::{Broker, Destination, Outgoing};
use leveret::catalog::PluginState;
use leveret::config::Settings;
use leveret::delivery::{Record, Settlement};
use leveret::message::{Message, MessageId, Subject};
use leveret::name::EventName;
use leveret_tests::guests::{another_version, bytes};
use leveret_tests::host::put;
use leveret_tests::hostile::{self, EVENT, Fate, Hostile};
use leveret_tests::stage::{Failure, Stage};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::figures::{Figures, median, quantile};

/// How often each is measured, without and with its company.
const ROUNDS: usize = 2;
const ROUND: Duration = Duration::from_secs(2);
/// Between two messages of the healthy plugin: 200 a second.
const PAUSE: Duration = Duration::from_millis(5);
/// What a hostile plugin gets at once: more than its prefetch, so that it has as much in work as it may at any time.
const BURST: usize = 64;
/// Between two messages of the hostile plugin after those.
const HOSTILE_PAUSE: Duration = Duration::from_millis(10);
/// Between two versions of a hostile plugin that is refused.
const VERSIONS: Duration = Duration::from_millis(100);
/// How long any call may take.
const LIMIT: &str = "1s";
/// The longest that anything takes that ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// Measures each hostile plugin that could be felt, and a thousand bad files.
pub async fn measure(figures: &mut Figures) -> Result<(), Failure> {
    let mut settings = Settings::default();
    settings.delivery.time_limit = LIMIT.parse().map_err(|_| "an illegal limit")?;
    settings.delivery.retry.minimum = "1h".parse().map_err(|_| "an illegal time")?;
    settings.delivery.retry.maximum = "1h".parse().map_err(|_| "an illegal time")?;
    let stage = Stage::start(settings).await?;
    stage.install(&bytes("puppet")).await?;
    let bench = Bench { records: Records::follow(stage.host.journal.read()), stage };
    // The first messages are slower than any other.
    bench.load(&stop_after(ROUND)).await?;

    let (mut alone, mut ratios) = (Vec::new(), Vec::new());
    let felt: Vec<&Hostile> = hostile::all().filter(|hostile| hostile.is_felt()).collect();
    for (number, hostile) in felt.into_iter().enumerate() {
        let Some(file) = (hostile.file)() else { continue };
        let company = async |round: usize| bench.beside(hostile, &file, &format!("h{number}r{round}")).await;
        compare(&bench, figures, hostile.name, company, (&mut alone, &mut ratios)).await?;
    }
    let company = async |round: usize| bench.beside_bad_files(round).await;
    compare(&bench, figures, "1000_bad_files", company, (&mut alone, &mut ratios)).await?;

    let worst = ratios.iter().copied().fold(0.0, f64::max);
    figures.add(
        "neighbour_alone_p99_ms",
        median(&alone),
        "ms until a message is handled, alone: p99, median of rounds",
    );
    figures.add("neighbour_ratio", median(&ratios), "p99 beside a hostile plugin to p99 alone: median of all");
    figures.add("neighbour_worst_ratio", worst, "the same: the worst of all; no more than 2 is the aim");
    bench.stage.stop().await;
    Ok(())
}

/// Measures without and with company, in turns.
async fn compare(
    bench: &Bench,
    figures: &mut Figures,
    name: &str,
    company: impl AsyncFn(usize) -> Result<Vec<f64>, Failure>,
    (alone, ratios): (&mut Vec<f64>, &mut Vec<f64>),
) -> Result<(), Failure> {
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        without.extend(bench.load(&stop_after(ROUND)).await?);
        with.extend(company(round).await?);
        bench.settle().await?;
    }
    let (before, beside) = (quantile(&without, 0.99), quantile(&with, 0.99));
    alone.push(before);
    ratios.push(beside / before);
    let meaning = format!("ms until handled, p99 of {}, beside one that {}", with.len(), name.replace('_', " "));
    figures.add(format!("{name}_p99_ms"), beside, meaning);
    figures.add(format!("{name}_ratio"), beside / before, format!("to {before:.1} ms alone right before"));
    Ok(())
}

struct Bench {
    stage: Stage,
    records: Records,
}

impl Bench {
    /// Sends the healthy plugin its messages until it is told to stop. How many milliseconds each took until it was
    /// handled, from when it was due.
    async fn load(&self, stop: &Arc<AtomicBool>) -> Result<Vec<f64>, Failure> {
        let (mut waiting, begun) = (JoinSet::new(), Instant::now());
        for number in 0.. {
            let due = begun + PAUSE * number;
            tokio::time::sleep_until(due.into()).await;
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let message = Message::new(Subject::Event(self.stage.event.clone()), super::throughput::payload());
            let handled = self.records.wait_for(&message.id);
            let broker = self.stage.host.broker.clone();
            waiting.spawn(async move {
                publish(&broker, message).await?;
                let (ended, settlement) = tokio::time::timeout(PATIENCE, handled).await??;
                match settlement {
                    Settlement::Done => Ok(ended.saturating_duration_since(due).as_secs_f64() * 1e3),
                    other => Err(Failure::from(format!("the healthy plugin failed: {other:?}"))),
                }
            });
        }
        waiting.join_all().await.into_iter().collect()
    }

    /// Measures while a hostile plugin does what it does.
    async fn beside(&self, hostile: &Hostile, file: &[u8], app: &str) -> Result<Vec<f64>, Failure> {
        let (place, plugins) = (format!("{app}.wasm"), self.stage.plugins());
        put(&plugins, &place, file);
        let stop = stop_after(ROUND);
        let harm = async {
            let mut version = 0_u32;
            match hostile.fate {
                Fate::Refused(_) => {
                    while !stop.load(Ordering::Relaxed) {
                        version += 1;
                        put(&plugins, &place, &another_version(file, &version.to_string()));
                        tokio::time::sleep(VERSIONS).await;
                    }
                    Ok(())
                }
                _ => self.feed(hostile, &stop).await,
            }
        };
        let (times, harmed) = tokio::join!(self.load(&stop), harm);
        harmed?;
        std::fs::remove_file(plugins.join(&place))?;
        times
    }

    /// Gives a hostile plugin as much to do as it takes.
    async fn feed(&self, hostile: &Hostile, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
        let event: EventName = EVENT.parse()?;
        let message = || Message::new(Subject::Event(event.clone()), hostile.payload);
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            // Nobody may hear it yet: a heavy file takes its time.
            sent += usize::from(publish(&self.stage.host.broker, message()).await?);
            tokio::time::sleep(if sent < BURST { Duration::ZERO } else { HOSTILE_PAUSE }).await;
        }
        Ok(())
    }

    /// Measures while a thousand files come that are all refused.
    async fn beside_bad_files(&self, round: usize) -> Result<Vec<f64>, Failure> {
        let plugins = self.stage.plugins();
        let folder = format!("bad{round}");
        let (files, writing) = (bad_files(), plugins.clone());
        let place = move |number: usize| format!("{folder}/number-{number}.wasm");
        let places: Vec<String> = (0..1000).map(place).collect();
        let written = tokio::task::spawn_blocking(move || {
            for (place, file) in places.iter().zip(files.iter().cycle()) {
                put(&writing, place, file);
            }
        });
        let times = self.load(&stop_after(ROUND)).await;
        written.await?;
        std::fs::remove_dir_all(plugins.join(format!("bad{round}")))?;
        times
    }

    /// Waits until nothing is left of a hostile plugin.
    async fn settle(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        let busy = || {
            let status = self.stage.host.catalog.status();
            let is_other = |state: &PluginState| !matches!(state, PluginState::Live { .. });
            status.len() > 1 || status.iter().any(|status| is_other(&status.state))
        };
        while busy() {
            if begun.elapsed() > PATIENCE {
                return Err(format!("it does not end: {:?}", self.stage.host.catalog.status()).into());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

/// Every refused file, but those that are refused only after a while.
fn bad_files() -> Vec<Vec<u8>> {
    let refused = hostile::all().filter(|hostile| matches!(hostile.fate, Fate::Refused(_)) && !hostile.is_felt());
    refused.filter_map(|hostile| (hostile.file)()).collect()
}

/// Whether anybody heard it.
async fn publish(broker: &Arc<dyn Broker>, message: Message) -> Result<bool, Failure> {
    let Subject::Event(event) = message.subject.clone() else { return Err("it is no event".into()) };
    let published = broker.publish(vec![Outgoing { destination: Destination::Event(event), message }]).await?;
    Ok(published.unheard.is_empty())
}

fn stop_after(time: Duration) -> Arc<AtomicBool> {
    let stop = Arc::<AtomicBool>::default();
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(time).await;
        told.store(true, Ordering::Relaxed);
    });
    stop
}

/// Whoever waits for a message to be handled: told when it was, and how it settled.
type Waiting = oneshot::Sender<(Instant, Settlement)>;

/// Tells who waits for a message that it was handled, and when.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<HashMap<MessageId, Waiting>>>);

impl Records {
    fn follow(mut journal: Receiver<Record>) -> Self {
        let records = Self::default();
        let told = records.clone();
        tokio::spawn(async move {
            loop {
                match journal.recv().await {
                    Ok(record) => {
                        let waiting = told.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&record.id);
                        // Who does not wait any more has failed, and says so.
                        let _ = waiting.map(|waiting| waiting.send((Instant::now(), record.settlement)));
                    }
                    Err(RecvError::Lagged(missed)) => eprintln!("  {missed} records were missed"),
                    Err(RecvError::Closed) => return,
                }
            }
        });
        records
    }

    fn wait_for(&self, id: &MessageId) -> oneshot::Receiver<(Instant, Settlement)> {
        let (told, waiting) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), told);
        waiting
    }
}
