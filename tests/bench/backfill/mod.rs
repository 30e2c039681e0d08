//! A plugin that comes late, under `kill -9`: it is given the past, while events go on to be published, and every event
//! is accounted for by its number.
//!
//! The plugin makes one task of each event, with the event's payload. A task that was published twice under one id is one
//! task, as for every consumer that drops duplicates; two ids for one event are a duplicate.
//!
//! A bystander has events of its own all the time: how long they take while the past is handed out, beside how long
//! afterwards, is what the others feel of it. Where the host is killed that says nothing.

mod account;
mod traffic;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use leveret::config::Settings;
use leveret_tests::http;
use leveret_tests::process::Process;
use leveret_tests::rabbitmq::Node;
use leveret_tests::stage::Failure;
use leveret_tests::wat::{ECHO, ECHO_NAME, ECHOED, Subscriber};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use account::Account;
use traffic::{Channel, moved, sale, stream};

const EVENT: &str = "order.sold";
/// What the bystander hears.
const OTHER: &str = "user.moved";
/// How many of those there are each second.
const OTHERS: u32 = 50;
/// Events of one batch of the past.
const BATCH: u32 = 1000;
/// How often to look how far it is.
const LOOK: Duration = Duration::from_millis(200);
/// How long the live stream goes on once the past is over.
const AFTER: Duration = Duration::from_secs(20);
/// The longest without any progress.
const PATIENCE: Duration = Duration::from_secs(300);

/// How much of it.
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// Back-fill: how often the host is killed while it is at it.
    #[arg(long, default_value_t = 5)]
    kills: u32,
    /// Back-fill: how many events are published each second meanwhile.
    #[arg(long, default_value_t = 500)]
    live: u32,
    /// Back-fill: how many events of the past are handed out each second, at the most.
    #[arg(long, default_value_t = 20_000)]
    pace: u32,
    /// Back-fill: the one broker to take, `embedded` or `rabbitmq`.
    #[arg(long)]
    broker: Option<String>,
}

/// On both brokers, unless one is named. Each has all of the events of the past; the rest of the JSON are sums.
pub async fn measure(plan: &Plan, events: u32) -> Result<Value, Failure> {
    let mut brokers = serde_json::Map::new();
    let mut sum = Account::default();
    for broker in ["embedded", "rabbitmq"] {
        if plan.broker.as_deref().is_some_and(|only| only != broker) {
            continue;
        }
        eprintln!("back-fill on {broker}…");
        // Starting a node blocks.
        let node = (broker == "rabbitmq").then(|| tokio::task::block_in_place(Node::start));
        let url = node.as_ref().map(|node| tokio::task::block_in_place(|| node.vhost("backfill")));
        let account = Scene::set(plan, events, url)?.play().await?;
        let mut told = account.json();
        told["bystander"] = account.bystander.json();
        eprintln!("  {told}");
        brokers.insert(broker.to_owned(), told);
        sum.events = account.events;
        sum.live += account.live;
        sum.lost += account.lost;
        sum.duplicates += account.duplicates;
        sum.repeated += account.repeated;
        sum.seconds += account.seconds;
        tokio::task::block_in_place(|| drop(node));
    }
    let mut json = sum.json();
    json["kills"] = plan.kills.into();
    json["brokers"] = brokers.into();
    match (sum.lost, sum.duplicates) {
        (0, 0) => Ok(json),
        _ => Err(format!("not every event was counted exactly once: {json}").into()),
    }
}

/// One broker, and a host that is killed.
struct Scene {
    plan: Plan,
    events: u32,
    directory: TempDir,
    settings: Settings,
    variables: Vec<(&'static str, String)>,
}

impl Scene {
    fn set(plan: &Plan, events: u32, url: Option<String>) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("leveret-backfill-").tempdir()?;
        let root = directory.path();
        fs::create_dir(root.join("plugins"))?;
        let file = format!(
            "[history]\nsize = \"16 GiB\"\npace = {{ count = {}, per = \"1s\" }}\n[delivery]\nprefetch = 256\n\
             deduplication.count = 1000000\n[log]\nlevel = \"warn,leveret::cli=info,leveret::history=info\"\n\
             [plugin.counter.subscription.\"{EVENT}\"]\nstart = \"first\"\n",
            plan.pace
        );
        fs::write(root.join("leveret.toml"), file)?;
        let mut variables = vec![(
            "LEVERET_BROKER_EMBEDDED_FILE",
            root.join("broker.db").to_str().ok_or("the directory is not UTF-8")?.to_owned(),
        )];
        variables.push(("LEVERET_HISTORY_ENABLED", "true".to_owned()));
        variables.extend(url.map(|url| ("LEVERET_BROKER_URL", url)));
        let pairs = variables.iter().map(|(name, value)| (name.to_string(), value.clone()));
        let settings = leveret::config::load(Some(&root.join("leveret.toml")), pairs)?;
        Ok(Self { plan: plan.clone(), events, directory, settings, variables })
    }

    async fn play(self) -> Result<Account, Failure> {
        self.fill().await?;
        for (plugin, event) in [("counter", EVENT), ("bystander", OTHER)] {
            let echo = Subscriber { emits: &[ECHOED], on_event: ECHO, more: ECHO_NAME, ..Subscriber::default() };
            let file = Subscriber { subscriptions: &[event], ..echo }.build();
            fs::write(self.directory.path().join(format!("plugins/{plugin}.wasm")), file)?;
        }
        let begun = Instant::now();
        let (over, past) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
        let (api, first) = (watch::Sender::new(String::new()), self.events);
        let sales = move |number| sale(first + number);
        let live = tokio::spawn(stream(self.channel(&api)?, self.plan.live, over.clone(), sales));
        let beside = past.clone();
        let moves = move |_| moved(beside.load(Ordering::Relaxed));
        let others = tokio::spawn(stream(self.channel(&api)?, OTHERS, over.clone(), moves));
        let mut process = self.run(&api, begun).await?;
        let seconds = begun.elapsed().as_secs_f64();
        past.store(false, Ordering::Relaxed);
        tokio::time::sleep(AFTER).await;
        over.store(true, Ordering::Relaxed);
        let (live, _) = (live.await?, others.await?);
        self.drain(&mut process).await?;
        let broker = leveret::host::broker(&self.settings)?;
        let account = account::account(broker.as_ref(), self.events, live).await?;
        broker.close().await;
        Ok(Account { seconds, ..account })
    }

    /// Publishes the past, which nobody subscribes to yet.
    async fn fill(&self) -> Result<(), Failure> {
        let broker = leveret::host::broker(&self.settings)?;
        let begun = Instant::now();
        for first in (0..self.events).step_by(BATCH as usize) {
            let batch = (first..self.events.min(first + BATCH)).map(sale).collect();
            broker.publish(batch).await?;
        }
        broker.close().await;
        eprintln!("  {} events of the past in {:.0?}", self.events, begun.elapsed());
        Ok(())
    }

    /// Runs the host, kills it as often as is planned, spread over the past, and waits until the past is over.
    async fn run(&self, api: &watch::Sender<String>, begun: Instant) -> Result<Process, Failure> {
        let mut process = self.start(api);
        let (mut kills, mut last, mut moved) = (0, 0, Instant::now());
        loop {
            tokio::time::sleep(LOOK).await;
            if moved.elapsed() > PATIENCE {
                return Err(
                    format!("nothing goes on: {:?}", http::get(&format!("{}/status", process.api())).await).into()
                );
            }
            let Some((_, status)) = http::get(&format!("{}/status", process.api())).await else { continue };
            let state = &counter(&status)["state"];
            let number = |name: &str| state[name].as_u64().unwrap_or_default();
            if number("settled") != last {
                (last, moved) = (number("settled"), Instant::now());
            }
            if state["listener"] == "consuming" {
                break;
            }
            let due = u64::from(kills + 1) * number("of") / u64::from(self.plan.kills + 1);
            if kills < self.plan.kills && number("of") > 0 && number("passed") >= due {
                eprintln!("  kill -9 at {} of {}, {:.0?} in", number("passed"), number("of"), begun.elapsed());
                process.kill();
                kills += 1;
                process = self.start(api);
                moved = Instant::now();
            }
        }
        eprintln!("  the past is over after {:.0?}; the host was killed {kills} times", begun.elapsed());
        Ok(process)
    }

    fn start(&self, api: &watch::Sender<String>) -> Process {
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (*name, value.clone())).collect();
        let log = self.directory.path().join("log");
        let process = tokio::task::block_in_place(|| Process::start_logging(self.directory.path(), &variables, &log));
        api.send_replace(process.api().to_owned());
        process
    }

    /// The embedded broker is in the host, and has its API only.
    fn channel(&self, api: &watch::Sender<String>) -> Result<Channel, Failure> {
        match self.settings.broker.url.secret_url() {
            Some(_) => Ok(Channel::Broker(leveret::host::broker(&self.settings)?)),
            None => Ok(Channel::Api(api.subscribe())),
        }
    }

    /// Waits until nothing waits any more, and stops the host.
    async fn drain(&self, process: &mut Process) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            let Some((_, status)) = http::get(&format!("{}/status", process.api())).await else { continue };
            let subscription = counter(&status);
            if subscription["waiting"] == 0 && subscription["in_flight"] == 0 {
                break;
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("what was published meanwhile is not handled: {subscription}").into());
            }
        }
        process.terminate();
        process.ended().await;
        Ok(())
    }
}

/// What the status says of the subscription that is given the past.
fn counter(status: &Value) -> &Value {
    let subscriptions = status["subscriptions"].as_array().map_or(&[][..], Vec::as_slice);
    subscriptions.iter().find(|subscription| subscription["event"] == EVENT).unwrap_or(&Value::Null)
}
