//! The storm: a plugin is replaced again and again under load, and every event is accounted for by its id.
//!
//! Beside good versions come hazards: a broken file, which must change nothing, and a removal, during which messages
//! wait in their queue. The last line on stdout is the result as JSON; how it goes is told on stderr.

mod ledger;
mod plan;
mod traffic;
mod versions;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use leveret::config::{BrokerUrl, Settings};
use leveret::message::MessageId;
use leveret_tests::guests;
use leveret_tests::rabbitmq::Node;
use leveret_tests::stage::{Failure, Stage};
use serde::Serialize;
use uuid::Uuid;

use ledger::Ledger;
use plan::Plan;
use traffic::Traffic;
use versions::Versions;

/// How long nothing may come before the storm gives up on what is missing.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to look for duplicates after the last message that was awaited.
const SILENCE: Duration = Duration::from_secs(2);

/// Replaces a plugin under load and counts what gets lost.
#[derive(Parser)]
#[command(name = "storm")]
struct Arguments {
    /// How often the plugin is replaced.
    #[arg(long, default_value_t = 200)]
    swaps: u32,
    /// How many events are published meanwhile.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    events: u32,
    /// What carries them; `rabbitmq` starts a node of its own.
    #[arg(long, value_enum, default_value_t = BrokerKind::Embedded)]
    broker: BrokerKind,
    /// Repeats the plan of an earlier run.
    #[arg(long)]
    seed: Option<u64>,
}

/// What carries the messages.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum BrokerKind {
    /// The host's own, in one file.
    Embedded,
    /// A private RabbitMQ node.
    Rabbitmq,
}

/// What came of it. `lost` counts tasks never seen, `duplicates` tasks seen more than once.
#[derive(Serialize)]
struct Report {
    events: u32,
    swaps: u32,
    lost: usize,
    duplicates: usize,
    seconds: f64,
    broker: BrokerKind,
    versions_seen: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(report) => {
            println!("{}", serde_json::json!(report));
            if report.lost == 0 && report.swaps >= arguments.swaps { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => {
            eprintln!("the storm broke off: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<Report, Failure> {
    // Starting and ending the node blocks, so it lives outside of the runtime.
    let (_node, url) = match arguments.broker {
        BrokerKind::Embedded => (None, BrokerUrl::Embedded),
        BrokerKind::Rabbitmq => {
            eprintln!("starting a RabbitMQ node");
            let node = Node::start();
            let url = node.vhost("storm").parse()?;
            (Some(node), url)
        }
    };
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(storm(arguments, url))
}

async fn storm(arguments: &Arguments, url: BrokerUrl) -> Result<Report, Failure> {
    let Arguments { swaps, events, broker, .. } = *arguments;
    // Any bits do: they only have to differ from run to run.
    let seed = arguments.seed.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0);
    eprintln!("{events} events, {swaps} swaps, broker {broker:?}, seed {seed}");
    let plan = Plan { seed, events, swaps };
    let mut settings = Settings::default();
    settings.broker.url = url;
    let stage = Stage::start(settings).await?;
    let mut versions = Versions::new(&stage, guests::bytes("puppet"));
    versions.first().await?;

    let ids = (0..events).map(|_| MessageId::fresh()).collect();
    let ledger = Arc::new(Ledger::new(ids, &stage.plugin));
    let following = ledger.follow(&stage).await?;
    let mut traffic = Traffic::new(&stage, plan, ledger.clone());
    traffic.first().await?;

    let begun = Instant::now();
    let mut gone_live = 0;
    for step in 1..=swaps {
        // The share is spread over the time that a swap takes, so that deliveries are in flight at its very moment.
        let (published, swapped) = tokio::join!(traffic.until(plan.share(step)), versions.next(plan.hazard(step)));
        published?;
        match swapped {
            Ok(took) => {
                gone_live += 1;
                traffic.pace(took);
            }
            Err(failure) => eprintln!("swap {step}: {failure}"),
        }
        if step % 10 == 0 {
            eprintln!("{} of {events} events published, {step} swaps, {}", traffic.published(), ledger.progress());
        }
    }
    traffic.until(events).await?;
    let accounted = ledger.settle(PATIENCE).await;
    let seconds = accounted.duration_since(begun).as_secs_f64();
    tokio::time::sleep(SILENCE).await;

    drop(following);
    let counts = stage.host.journal.counts();
    eprintln!("{}; the journal counts {counts:?}", ledger.progress());
    ledger.complaints(counts).iter().for_each(|complaint| eprintln!("NOT AS IT SHOULD BE: {complaint}"));
    stage.stop().await;
    Ok(Report {
        events,
        swaps: gone_live,
        lost: ledger.lost(),
        duplicates: ledger.duplicates(),
        seconds: (seconds * 10.0).round() / 10.0,
        broker,
        versions_seen: ledger.versions(),
    })
}
