//! What deliveries to a light plugin feel while heavy ones are compiled.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use leveret::config::Settings;
use leveret::message::{Headers, MessageId, Tid, Timestamp};
use leveret::plugin::{Incoming, Outcome, Sandbox, SandboxOptions, What};
use tokio::task::JoinSet;

use super::figures::{Figures, median, quantile};
use leveret_tests::guests::{self, another_version};
use leveret_tests::stage::{Failure, Stage};

/// How often it is measured without and with compiling, in turns.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
/// Between two deliveries. Each has to be woken for, as one that comes from a broker has.
const PAUSE: Duration = Duration::from_millis(1);
/// As many as a catalog compiles at one time.
const AT_ONCE: usize = 2;

/// The heaviest component that was built: of the conformance suite, or else the puppet.
fn heaviest() -> Result<Vec<u8>, Failure> {
    let puppet = guests::path("puppet");
    let mut files = vec![puppet.clone()];
    if let Ok(entries) = fs::read_dir(puppet.with_file_name("../conformance")) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    let size = |file: &_| fs::metadata(file).map_or(0, |metadata| metadata.len());
    let components = files.into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "wasm"));
    Ok(fs::read(components.max_by_key(size).unwrap_or(puppet))?)
}

/// Delivers without and with two components being compiled, again and again.
pub async fn measure(figures: &mut Figures) -> Result<(), Failure> {
    let heavy = heaviest()?;
    let stage = Stage::start(Settings::default()).await?;
    stage.install(&guests::bytes("puppet")).await?;
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    let mut compiled = 0;
    for _ in 0..ROUNDS {
        quiet.push(deliver(&stage).await?);
        let compiling = Compiling::begin(&heavy)?;
        busy.push(deliver(&stage).await?);
        compiled += compiling.end().await?;
    }
    stage.stop().await;
    let each = |rounds: &[Vec<f64>], part| rounds.iter().map(|times| quantile(times, part)).collect::<Vec<_>>();
    let (quiet_p99, busy_p99) = (each(&quiet, 0.99), each(&busy, 0.99));
    let ratios: Vec<_> = busy_p99.iter().zip(&quiet_p99).map(|(busy, quiet)| busy / quiet).collect();
    let size = heavy.len() as f64 / 1e6;
    figures.add("delivery_quiet_p50_us", median(&each(&quiet, 0.5)), "µs for a delivery, waking included");
    figures.add("delivery_quiet_p99_us", median(&quiet_p99), "the same: p99");
    let meaning =
        format!("the same while components of {size:.1} MB are compiled, {AT_ONCE} at once, {compiled} in all");
    figures.add("delivery_compiling_p50_us", median(&each(&busy, 0.5)), meaning);
    figures.add("delivery_compiling_p99_us", median(&busy_p99), "the same: p99");
    figures.add("compiling_ratio", median(&ratios), "p99 of deliveries with compiling to without, round by round");
    Ok(())
}

/// Delivers for a round; µs of each delivery.
async fn deliver(stage: &Stage) -> Result<Vec<f64>, Failure> {
    let live = stage.live().ok_or("the plugin is not live")?;
    let (tid, headers, payload) = (Tid::fresh(), Headers::new(), super::throughput::payload());
    let mut times = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < ROUND {
        let due = Instant::now() + PAUSE;
        tokio::time::sleep_until(due.into()).await;
        let (id, time) = (MessageId::fresh(), Timestamp::now());
        let what = What::Event { name: &stage.event, source: None };
        let event = Incoming { what, id: &id, tid: &tid, time, payload: &payload, headers: &headers };
        let outcome = live.handler.handle(event).await.outcome;
        if !matches!(outcome, Outcome::Done(_)) {
            return Err(format!("the plugin failed: {outcome:?}").into());
        }
        times.push(due.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}

/// Components that are compiled one after the other, until it ends.
struct Compiling {
    stop: Arc<AtomicBool>,
    compiled: Arc<AtomicU32>,
    running: JoinSet<Result<(), Failure>>,
}

impl Compiling {
    fn begin(heavy: &[u8]) -> Result<Self, Failure> {
        let options =
            SandboxOptions { cache: None, concurrency: 1, memory_maximum: 256 << 20, ..SandboxOptions::default() };
        let sandbox = Sandbox::new(&options)?;
        let (stop, compiled, mut running) = (Arc::<AtomicBool>::default(), Arc::<AtomicU32>::default(), JoinSet::new());
        for number in 0..AT_ONCE {
            let (sandbox, stop, compiled) = (sandbox.clone(), stop.clone(), compiled.clone());
            let heavy = another_version(heavy, &number.to_string());
            running.spawn_blocking(move || {
                while !stop.load(Ordering::Relaxed) {
                    sandbox.compile(&heavy)?;
                    compiled.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        Ok(Self { stop, compiled, running })
    }

    /// Waits until the last has ended; how many there were.
    async fn end(self) -> Result<u32, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        self.running.join_all().await.into_iter().collect::<Result<(), _>>()?;
        Ok(self.compiled.load(Ordering::Relaxed))
    }
}
