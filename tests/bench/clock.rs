//! Two hosts that share a RabbitMQ announce the time, and each minute one of them is killed: which ticks does another
//! service hear of, and how often?

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use leveret::broker::{Broker, Source};
use leveret::message::{MessageId, Timestamp};
use leveret::name::{EventName, QueueName};
use leveret::schedule::{Period, Schedule, Zone};
use leveret_tests::broker::TestBroker;
use leveret_tests::process::Process;
use leveret_tests::stage::Failure;
use serde::Serialize;
use serde_json::Value;

/// What is announced.
const EVENTS: [&str; 4] =
    ["time.one-second.passed", "time.five-seconds.passed", "time.thirty-seconds.passed", "time.one-minute.passed"];
/// How often a host is killed, and for how long it stays away.
const KILL: Duration = Duration::from_secs(60);
const AWAY: Duration = Duration::from_secs(5);
/// How long nothing comes once everything has.
const SILENCE: Duration = Duration::from_secs(3);
const PREFETCH: NonZeroU16 = NonZeroU16::new(256).expect("256 is not 0");

/// What the other service heard.
#[derive(Debug, Default, Serialize)]
pub struct Account {
    seconds: f64,
    kills: u32,
    /// From the first tick of each event that was heard of to the last.
    ticks: u64,
    /// Of these, those that were heard of.
    announced: u64,
    missing: u64,
    /// Ticks that came under more than one id.
    duplicates_after_dedup: u64,
    /// Messages that came again under the same id.
    duplicates_before: u64,
}

impl Account {
    pub fn is_good(&self) -> bool {
        self.announced > 0 && self.missing == 0 && self.duplicates_after_dedup == 0
    }
}

/// What was heard of one event: how often each tick came, under which ids.
#[derive(Debug, Default)]
struct Heard {
    ids: BTreeMap<u64, BTreeSet<MessageId>>,
    messages: u64,
    last: Option<Instant>,
}

type Shared = Arc<Mutex<Heard>>;

pub async fn measure(broker: TestBroker, minutes: u32) -> Result<Account, Failure> {
    let outside = broker.connect().await;
    let mut heard = BTreeMap::new();
    for name in EVENTS {
        let event: EventName = name.parse()?;
        heard.insert(name, listen(&outside, event).await?);
    }
    let directory = tempfile::Builder::new().prefix("leveret-clock-").tempdir()?;
    let start = |name: &str| -> Result<Process, Failure> {
        let home = directory.path().join(name);
        fs::create_dir_all(home.join("plugins"))?;
        fs::write(home.join("leveret.toml"), format!("[clock]\nevents = {EVENTS:?}\n"))?;
        let log = home.join(format!("{}.log", Timestamp::now().millis()));
        Ok(tokio::task::block_in_place(|| Process::start_logging(&home, &[broker.variables()], &log)))
    };
    const NAMES: [&str; 2] = ["one", "other"];
    let mut hosts = [start(NAMES[0])?, start(NAMES[1])?];
    let begun = Instant::now();
    let mut kills = 0;
    for minute in 0..minutes {
        tokio::time::sleep(KILL - AWAY).await;
        let index = minute as usize % 2;
        hosts[index].kill();
        kills += 1;
        eprintln!("  {:>4.0} s: killed host {}", begun.elapsed().as_secs_f64(), NAMES[index]);
        tokio::time::sleep(AWAY).await;
        hosts[index] = start(NAMES[index])?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    for host in &mut hosts {
        host.terminate();
        host.ended().await;
    }
    let quiet = || heard.values().all(|heard| locked(heard).last.is_none_or(|last| last.elapsed() > SILENCE));
    while !quiet() {
        tokio::time::sleep(SILENCE / 10).await;
    }
    let mut result = Account { seconds, kills, ..Account::default() };
    for (name, heard) in &heard {
        count(&name.parse()?, &locked(heard), &mut result);
    }
    outside.close().await;
    Ok(result)
}

async fn listen(broker: &Arc<dyn Broker>, event: EventName) -> Result<Shared, Failure> {
    let queue = QueueName::subscription(&"watcher".parse()?, &event);
    let mut listener = broker.listen(Source::event(queue, event, PREFETCH)).await?;
    let heard = Shared::default();
    let here = heard.clone();
    tokio::spawn(async move {
        while let Some(received) = listener.next().await {
            let told: Value = serde_json::from_slice(&received.message.body).unwrap_or_default();
            if let Some(tick) = told["tick_ms"].as_u64() {
                let mut heard = locked(&here);
                heard.ids.entry(tick).or_default().insert(received.message.id.clone());
                heard.messages += 1;
                heard.last = Some(Instant::now());
            }
            // What is not acknowledged comes again, under the same id.
            let _ = received.receipt.acknowledge().await;
        }
    });
    Ok(heard)
}

fn count(event: &EventName, heard: &Heard, result: &mut Account) {
    let (Some((first, _)), Some((last, _))) = (heard.ids.first_key_value(), heard.ids.last_key_value()) else { return };
    let Some(Ok(period)) = Period::read(event) else { return };
    let schedule = Schedule::period(period, Zone::UTC);
    let before = Timestamp::from_millis(first - 1);
    let due: Vec<_> = schedule.ticks(before, Timestamp::from_millis(*last)).map(Timestamp::millis).collect();
    let missing: Vec<_> = due.iter().filter(|tick| !heard.ids.contains_key(tick)).collect();
    if !missing.is_empty() {
        eprintln!("  {event} was not announced at {missing:?}");
    }
    let ids: u64 = heard.ids.values().map(|ids| ids.len() as u64).sum();
    result.ticks += due.len() as u64;
    result.missing += missing.len() as u64;
    result.announced += heard.ids.len() as u64;
    result.duplicates_after_dedup += ids - heard.ids.len() as u64;
    result.duplicates_before += heard.messages - ids;
}

fn locked(heard: &Shared) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
