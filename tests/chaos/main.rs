//! Chaos: everything goes wrong that can, and every message is accounted for.
//!
//! A real host process runs real plugins on a real broker. Publishers beside it publish events that are known one by one;
//! a checker beside it takes out the tasks and dead letters; meanwhile the host, the broker, the network between them and
//! the plugins fail in ways that a seed draws. In the end each event has come to something for each plugin (I1), nothing
//! exists under two ids (I2), lines are in order where that is asked for (I10), every stop was clean (I11), and once
//! there is peace each delivery is counted exactly once (I7). The last line on stdout is the result as JSON.

mod account;
mod checker;
mod coda;
mod deck;
mod dice;
mod evidence;
mod faults;
mod frames;
mod host;
mod proxy;
mod publisher;
mod reloads;
mod scenario;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use leveret_tests::broker::TestBroker;
use leveret_tests::rabbitmq::Node;
use leveret_tests::stage::Failure;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use account::Account;
use deck::Tally;
use faults::{Faults, Ground};
use host::Host;
use proxy::Proxy;
use publisher::{Traffic, Way};

/// How often to tell how it goes.
const TELL: Duration = Duration::from_secs(10);
/// How long the queues get before the first fault: a node that loses power forgets what it has just learned.
const WARM_UP: Duration = Duration::from_secs(8);
/// How long nothing may come in the end before what is missing is lost. A delay queue of RabbitMQ's whose messages fell due
/// while the broker went down gives them out again after 3 minutes, its `dead_letter_worker_publisher_confirm_timeout`.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long to look for duplicates after the last message that was awaited.
const SILENCE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(100);

/// Breaks everything around a host again and again, and counts what gets lost.
#[derive(Parser)]
#[command(name = "chaos")]
struct Arguments {
    /// How long things go wrong.
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// Repeats the faults of an earlier run.
    #[arg(long)]
    seed: Option<u64>,
    /// What carries the messages; `rabbitmq` starts a node of its own.
    #[arg(long, value_enum, default_value_t = BrokerKind::Embedded)]
    broker: BrokerKind,
    /// How many events are published each second; each of the plugins gets all of them.
    #[arg(long, default_value_t = 60.0)]
    rate: f64,
    /// Asks for the order of each line, and looks whether it is kept.
    #[arg(long)]
    ordering: bool,
    /// A file of settings that are added to the host's.
    #[arg(long)]
    settings: Option<PathBuf>,
}

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum BrokerKind {
    /// The host's own, in one file.
    Embedded,
    /// A private RabbitMQ node.
    Rabbitmq,
}

/// What came of it.
#[derive(Serialize)]
struct Report {
    broker: BrokerKind,
    seed: u64,
    seconds: f64,
    /// Events that the broker took.
    messages: u64,
    tasks: u64,
    dead_letters: u64,
    faults: u64,
    faults_by_kind: BTreeMap<String, u64>,
    /// How often the host was started.
    lives: u32,
    /// Events of which some plugin has neither all tasks nor a dead letter.
    lost: usize,
    /// Tasks that were in their queue more than once, under one id.
    duplicates_emitted: u64,
    /// Tasks that exist under two ids, so that nobody can tell that they are one.
    duplicates_passed_on: u64,
    /// `null` where no order was asked for.
    order_violations: Option<u64>,
    /// Whatever else was not as it should be.
    complaints: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(report) => {
            println!("{}", serde_json::json!(report));
            let wrong = report.lost as u64 + report.duplicates_passed_on + report.complaints;
            let disorder = report.order_violations.unwrap_or_default();
            if wrong + disorder == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => {
            eprintln!("chaos broke off: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<Report, Failure> {
    // Starting and ending the node blocks, so it lives outside of the runtime.
    let node = match arguments.broker {
        BrokerKind::Embedded => None,
        BrokerKind::Rabbitmq => {
            eprintln!("starting a RabbitMQ node");
            Some(Arc::new(Node::start()))
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(chaos(arguments, node.clone()));
    runtime.shutdown_timeout(Duration::from_secs(5));
    report
}

async fn chaos(arguments: &Arguments, node: Option<Arc<Node>>) -> Result<Report, Failure> {
    // Any bits do: they only have to differ from run to run.
    let seed = arguments.seed.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0 >> 16);
    eprintln!("{} minutes on {:?}, seed {seed}", arguments.minutes, arguments.broker);
    let account = Arc::new(Account::new(seed, arguments.ordering));
    let more = arguments.settings.as_ref().map(std::fs::read_to_string).transpose()?.unwrap_or_default();
    let settings = scenario::settings(arguments.ordering, &more);

    let file = tempfile::tempdir()?;
    let (ground, variable, amqp) = match node {
        None => {
            let broker = TestBroker::Embedded(file);
            let variable = broker.variables();
            (Ground::Embedded(variable.1.clone().into()), variable, Some(broker))
        }
        Some(node) => {
            let url = tokio::task::spawn_blocking({
                let node = node.clone();
                move || node.vhost("chaos")
            });
            let (url, proxy) = (url.await?, Proxy::start(node.port()).await?);
            let through = url.replace(&format!(":{}/", node.port()), &format!(":{}/", proxy.port()));
            // Short, so that a black hole is noticed in time.
            let variable = ("LEVERET_BROKER_URL", format!("{through}?heartbeat=3"));
            (Ground::RabbitMq { node, url, proxy }, variable, None)
        }
    };
    let _file = amqp;
    let host = Host::new(&settings, vec![variable], account.clone());
    let result = play(arguments, ground, &host, &account).await;
    let (tally, missing) = (result?, account.missing());
    let (figures, (_, complaints)) = (account.figures(), account.complaints());
    let report = Report {
        broker: arguments.broker,
        seed,
        seconds: (account.begun().elapsed().as_secs_f64() * 10.0).round() / 10.0,
        messages: figures.messages,
        tasks: figures.tasks,
        dead_letters: figures.dead_letters,
        faults: tally.total(),
        faults_by_kind: tally.by_kind(),
        lives: host.lives(),
        lost: missing.len(),
        duplicates_emitted: figures.duplicates_emitted,
        duplicates_passed_on: figures.duplicates_passed_on,
        order_violations: arguments.ordering.then_some(figures.order_violations),
        complaints,
    };
    if !missing.is_empty() || complaints > 0 {
        evidence::tell(&missing, &host.logs());
        eprintln!("seed {seed}; the host's logs are kept in {}", host.keep().display());
    }
    Ok(report)
}

/// From the first start of the host to its last stop.
async fn play(
    arguments: &Arguments,
    ground: Ground,
    host: &Arc<Host>,
    account: &Arc<Account>,
) -> Result<Arc<Tally>, Failure> {
    let way = match &ground {
        Ground::Embedded(_) => Way::Http(host.api()),
        Ground::RabbitMq { url, .. } => Way::Amqp(url.clone()),
    };
    host.start().await;
    if !host.ready().await {
        return Err("the host does not even start in peace".into());
    }
    let _following = match &ground {
        Ground::Embedded(_) => None,
        Ground::RabbitMq { url, .. } => Some(checker::follow(url, account)),
    };
    let tally = Arc::new(Tally::default());
    let telling = tokio::spawn(tell(account.clone(), tally.clone()));
    let traffic = Traffic::begin(account, &way, arguments.rate, 0, None);
    let peace = CancellationToken::new();
    let reloading = tokio::spawn(reloads::run(host.clone(), account.clone(), tally.clone(), peace.clone()));
    let mut faults = Faults::new(ground, host.clone(), account.clone(), tally.clone(), way.clone());
    if arguments.broker == BrokerKind::Rabbitmq {
        tokio::time::sleep(WARM_UP).await;
    }
    let lasts = Duration::from_secs_f64(arguments.minutes * 60.0);
    let begun = Instant::now();
    while begun.elapsed() < lasts {
        faults.next().await;
    }
    eprintln!("[{:7.1}] peace", account.begun().elapsed().as_secs_f64());
    peace.cancel();
    reloading.await?;
    faults.revive().await;
    host.ready().await;
    traffic.end().await;
    settle(&mut faults, host, account).await;
    coda::play(&mut faults, host, account, &way).await;
    tokio::time::sleep(SILENCE).await;
    host.stop().await;
    if let Ground::Embedded(file) = &faults.ground {
        checker::drain(file, account).await;
    }
    telling.abort();
    Ok(tally)
}

/// Waits until everything is accounted for, or nothing has come for so long that it is lost.
async fn settle(faults: &mut Faults, host: &Host, account: &Account) {
    let begun = Instant::now();
    while account.open() > 0 || !account.control_settled() {
        if account.changed().max(begun).elapsed() > PATIENCE {
            eprintln!("{}", faults.ground.queues().await);
            eprintln!("the host says: {:?}", host.ask("/status").await);
            return;
        }
        if let Ground::Embedded(file) = &faults.ground {
            // What is in the file is seen only while nobody else has it open.
            tokio::time::sleep(SILENCE).await;
            host.stop().await;
            checker::drain(file, account).await;
            host.start().await;
            host.ready().await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Tells how it goes, for people.
async fn tell(account: Arc<Account>, tally: Arc<Tally>) {
    loop {
        tokio::time::sleep(TELL).await;
        let figures = account.figures();
        eprintln!(
            "[{:7.1}] {} events, {} open ({}), {} tasks, {} dead letters, {} duplicates, {} faults",
            account.begun().elapsed().as_secs_f64(),
            figures.messages,
            account.open(),
            account.behind(),
            figures.tasks,
            figures.dead_letters,
            figures.duplicates_emitted,
            tally.total(),
        );
    }
}
