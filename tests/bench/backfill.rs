//! A plugin that comes late, under `kill -9`: it is given the past, while events go on to be published, and every event
//! is accounted for by its number.
//!
//! The plugin makes one task of each event, with the event's payload. A task that was published twice under one id is one
//! task, as for every consumer that drops duplicates; two ids for one event are a duplicate.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use leveret::broker::{Broker, Destination, Outgoing, Source};
use leveret::config::Settings;
use leveret::message::{Message, MessageId, Subject};
use leveret::name::EventName;
use leveret_tests::http;
use leveret_tests::process::Process;
use leveret_tests::rabbitmq::Node;
use leveret_tests::stage::Failure;
use leveret_tests::wat::{ECHO, ECHO_NAME, ECHOED, Subscriber};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

const EVENT: &str = "order.sold";
/// Events of one batch of the past.
const BATCH: u32 = 1000;
/// How often to look how far it is.
const LOOK: Duration = Duration::from_millis(200);
/// How long the live stream goes on once the past is over.
const AFTER: Duration = Duration::from_secs(3);
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

/// What became of the events.
#[derive(Debug, Default)]
struct Account {
    events: u32,
    live: u32,
    /// Events of which there is no task.
    lost: u64,
    /// Tasks beyond one for each event, by their ids.
    duplicates: u64,
    /// Copies of tasks under an id that was there before: whoever drops duplicates drops these.
    repeated: u64,
    seconds: f64,
}

impl Account {
    fn json(&self) -> Value {
        let Self { events, live, lost, duplicates, repeated, seconds } = self;
        json!({
            "events": events, "live": live, "lost": lost, "duplicates": duplicates, "repeated": repeated,
            "seconds": seconds.round(),
        })
    }
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
        eprintln!("  {}", account.json());
        brokers.insert(broker.to_owned(), account.json());
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
        let plugin = Subscriber {
            subscriptions: &[EVENT],
            emits: &[ECHOED],
            on_event: ECHO,
            more: ECHO_NAME,
            ..Subscriber::default()
        };
        fs::write(self.directory.path().join("plugins/counter.wasm"), plugin.build())?;
        let begun = Instant::now();
        let (over, api) = (Arc::new(AtomicBool::new(false)), watch::Sender::new(String::new()));
        let live = tokio::spawn(Live::publish(self.channel(&api)?, self.events, self.plan.live, over.clone()));
        let mut process = self.run(&api, begun).await?;
        let seconds = begun.elapsed().as_secs_f64();
        tokio::time::sleep(AFTER).await;
        over.store(true, Ordering::Relaxed);
        let live = live.await?;
        self.drain(&mut process).await?;
        Ok(Account { seconds, ..self.account(live).await? })
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
            let state = &status["subscriptions"][0]["state"];
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
            let subscription = &status["subscriptions"][0];
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

    /// Looks at every task.
    async fn account(&self, live: u32) -> Result<Account, Failure> {
        let broker = leveret::host::broker(&self.settings)?;
        let source = Source::task(format!("counter.{ECHOED}").parse()?, NonZeroU16::MAX);
        let mut left = broker.depth(&source.queue).await?.unwrap_or_default();
        let mut listener = broker.listen(source).await?;
        let mut ids: Vec<Option<u64>> = vec![None; (self.events + live) as usize];
        let mut account = Account { events: self.events, live, ..Account::default() };
        let mut acknowledging = FuturesUnordered::new();
        while left > 0 {
            let received = listener.next().await.ok_or("the broker is gone")?;
            left -= 1;
            let payload: Value = serde_json::from_slice(&received.message.body)?;
            let number = payload["number"].as_u64().ok_or("a task without a number")?;
            let place = ids.get_mut(usize::try_from(number)?).ok_or("a number that was never published")?;
            match place.replace(digest(&received.message.id)) {
                None => {}
                Some(before) if before == digest(&received.message.id) => account.repeated += 1,
                Some(_) => account.duplicates += 1,
            }
            acknowledging.push(received.receipt.acknowledge());
            while acknowledging.len() > 10_000 {
                acknowledging.next().await.transpose()?;
            }
        }
        while acknowledging.next().await.transpose()?.is_some() {}
        account.lost = ids.iter().filter(|id| id.is_none()).count() as u64;
        broker.close().await;
        Ok(account)
    }
}

/// How what happens meanwhile is published.
#[derive(Clone)]
enum Channel {
    Broker(Arc<dyn Broker>),
    /// The API of the host that runs at the moment.
    Api(watch::Receiver<String>),
}

impl Channel {
    /// Tries until it is certain that the event is published, under one id.
    async fn publish(self, sale: Outgoing) {
        loop {
            let published = match &self {
                Self::Broker(broker) => broker.publish(vec![sale.clone()]).await.is_ok(),
                Self::Api(api) => {
                    let (api, message) = (api.borrow().clone(), &sale.message);
                    let body = String::from_utf8_lossy(&message.body);
                    let answer = http::publish(&api, EVENT, message.id.as_str(), &body).await;
                    answer.is_some_and(|(status, _)| status == 202)
                }
            };
            if published {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The stream of what happens meanwhile.
struct Live;

impl Live {
    /// Publishes so many a second until it is over; says how many there were.
    async fn publish(channel: Channel, first: u32, rate: u32, over: Arc<AtomicBool>) -> u32 {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        let (begun, mut number) = (Instant::now(), 0);
        let mut publishing = tokio::task::JoinSet::new();
        while !over.load(Ordering::Relaxed) {
            ticks.tick().await;
            let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as u32;
            while number < due && publishing.len() < 1000 {
                publishing.spawn(channel.clone().publish(sale(first + number)));
                number += 1;
            }
            while publishing.try_join_next().is_some() {}
        }
        publishing.join_all().await;
        if let Channel::Broker(broker) = channel {
            broker.close().await;
        }
        number
    }
}

fn sale(number: u32) -> Outgoing {
    let event: EventName = EVENT.parse().expect("it is a legal name");
    let body = json!({ "number": number, "model": "Model E", "amount": 4_200_000, "buyer": "somebody" }).to_string();
    Outgoing { message: Message::new(Subject::Event(event.clone()), body), destination: Destination::Event(event) }
}

fn digest(id: &MessageId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
