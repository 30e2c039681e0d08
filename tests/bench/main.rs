//! What Leveret costs, each figure beside what it can be compared with. The last line on stdout has all of them as JSON.
//!
//! The machine that this runs on is rarely quiet: look at the ratios, which are taken within one run.

mod backfill;
mod baseline;
mod call;
mod clock;
mod compile;
mod figures;
mod history;
mod instance;
mod lateness;
mod ledger;
mod neighbour;
mod reload;
mod retry;
mod save;
mod start;
mod throughput;

use std::num::NonZeroU16;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use leveret::config::Settings;
use leveret_tests::broker::TestBroker;
use leveret_tests::rabbitmq::Node;
use leveret_tests::stage::Failure;

use figures::Figures;

/// Measures Leveret.
#[derive(Parser)]
#[command(name = "bench")]
struct Arguments {
    /// What to measure; everything, if nothing is named.
    #[arg(value_enum)]
    what: Vec<Measurement>,
    /// How many messages may be in work at a time. If nothing is said, the host's default when throughput is measured,
    /// and enough when retries are.
    #[arg(long)]
    prefetch: Option<NonZeroU16>,
    /// How many events are in the history: 100,000 where it is looked through, 1,000,000 for a back-fill.
    #[arg(long)]
    events: Option<u32>,
    /// For how long `clock` is measured.
    #[arg(long, default_value_t = 10)]
    minutes: u32,
    #[command(flatten)]
    backfill: backfill::Plan,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measurement {
    /// From the start of the process until 20 plugins consume.
    Start,
    /// From the rename of a changed plugin until it is live.
    Reload,
    /// One delivery to a plugin, in an instance of its own, without a broker.
    Call,
    /// One call of a plugin of each language, in a fresh instance and in one that is reused.
    Instance,
    /// What deliveries feel while heavy plugins are compiled.
    Compile,
    /// Under `leveret dev`, from saving a source file until the new version has handled a message.
    Save,
    /// How long a healthy plugin's messages take alone, and beside each hostile one.
    Neighbour,
    /// How late a plugin in a tight loop is stopped, alone and with others.
    Lateness,
    /// Events to tasks a second, on both brokers, beside a consumer and publisher without Leveret.
    Throughput,
    /// How late retries come, at 1,000 a second, on both brokers.
    Retry,
    /// What the ledger can remember a second, and what it costs to drop duplicates.
    Ledger,
    /// How many events of the past are looked at a second, on both brokers.
    History,
    /// A plugin that comes late is given a million events of the past, while the host is killed and a stream goes on. Only
    /// where it is named: it takes long.
    Backfill,
    /// Which ticks two hosts announce, one of which is killed each minute. Only where it is named: it takes long.
    Clock,
}

fn main() -> ExitCode {
    let Arguments { what, prefetch, events, minutes, backfill } = Arguments::parse();
    if what == [Measurement::Clock] {
        return measure_clock(minutes);
    }
    if what == [Measurement::Backfill] {
        let runtime = tokio::runtime::Runtime::new().map_err(Failure::from);
        let measured =
            runtime.and_then(|runtime| runtime.block_on(backfill::measure(&backfill, events.unwrap_or(1_000_000))));
        return told(measured.map(|figures| figures.to_string()));
    }
    let wanted = |measurement| what.is_empty() || what.contains(&measurement);
    let figures = run(wanted, prefetch, events.unwrap_or(100_000).into());
    told(figures.map(|figures| format!("{}\n{}", figures.table(), figures.json())))
}

fn told(outcome: Result<String, Failure>) -> ExitCode {
    match outcome {
        Ok(figures) => {
            println!("\n{figures}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("the bench broke off: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure_clock(minutes: u32) -> ExitCode {
    eprintln!("two hosts on one RabbitMQ, one of which is killed each minute…");
    // Starting and ending the node blocks, so it lives outside of the runtime.
    let node = Node::start();
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::from);
    let broker = TestBroker::RabbitMq(node.vhost("clock"));
    let measured = runtime.and_then(|runtime| runtime.block_on(clock::measure(broker, minutes)));
    let good = measured.as_ref().is_ok_and(clock::Account::is_good);
    let ended = told(measured.and_then(|account| Ok(serde_json::to_string(&account)?)));
    if good { ended } else { ExitCode::FAILURE }
}

fn run(wanted: impl Fn(Measurement) -> bool, asked: Option<NonZeroU16>, events: u64) -> Result<Figures, Failure> {
    let prefetch = asked.unwrap_or(Settings::default().delivery.prefetch);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut figures = Figures::new();
    if wanted(Measurement::Start) {
        eprintln!("start…");
        start::measure(&runtime, &mut figures)?;
    }
    if wanted(Measurement::Reload) {
        eprintln!("reload…");
        runtime.block_on(reload::measure(&mut figures))?;
    }
    if wanted(Measurement::Call) {
        eprintln!("call…");
        runtime.block_on(call::measure(&mut figures))?;
    }
    if wanted(Measurement::Instance) {
        eprintln!("instances…");
        runtime.block_on(instance::measure(&mut figures))?;
    }
    if wanted(Measurement::Compile) {
        eprintln!("deliveries while compiling…");
        runtime.block_on(compile::measure(&mut figures))?;
    }
    if wanted(Measurement::Save) {
        eprintln!("saves…");
        runtime.block_on(save::measure(&mut figures))?;
    }
    if wanted(Measurement::Neighbour) {
        eprintln!("neighbours…");
        runtime.block_on(neighbour::measure(&mut figures))?;
    }
    if wanted(Measurement::Lateness) {
        eprintln!("lateness…");
        runtime.block_on(lateness::measure(&mut figures))?;
    }
    if wanted(Measurement::Throughput) {
        eprintln!("throughput on the embedded broker…");
        runtime.block_on(throughput::embedded(prefetch, &mut figures))?;
        eprintln!("throughput on RabbitMQ…");
        // Starting and ending the node blocks, so it lives outside of the runtime.
        let node = Node::start();
        runtime.block_on(throughput::rabbitmq(&node.vhost("bench"), prefetch, &mut figures))?;
    }
    if wanted(Measurement::Retry) {
        eprintln!("retries on the embedded broker…");
        let keys = retry::Keys {
            median: "embedded_retry_late_p50_ms",
            p99: "embedded_retry_late_p99_ms",
            most: "embedded_retry_late_max_ms",
            rate: "embedded_retries_per_second",
        };
        runtime.block_on(retry::measure(retry::settings(asked), keys, &mut figures))?;
        eprintln!("retries on RabbitMQ…");
        let node = Node::start();
        let mut settings = retry::settings(asked);
        settings.broker.url = node.vhost("bench").parse()?;
        let keys = retry::Keys {
            median: "rabbitmq_retry_late_p50_ms",
            p99: "rabbitmq_retry_late_p99_ms",
            most: "rabbitmq_retry_late_max_ms",
            rate: "rabbitmq_retries_per_second",
        };
        runtime.block_on(retry::measure(settings, keys, &mut figures))?;
    }
    if wanted(Measurement::Ledger) {
        eprintln!("ledger…");
        runtime.block_on(ledger::measure(&mut figures))?;
        eprintln!("throughput with and without deduplication…");
        runtime.block_on(throughput::deduplication(prefetch, &mut figures))?;
    }
    if wanted(Measurement::History) {
        eprintln!("history on the embedded broker…");
        runtime.block_on(history::measure(Settings::default(), "embedded", events, &mut figures))?;
        eprintln!("history on RabbitMQ…");
        let node = Node::start();
        let mut settings = Settings::default();
        settings.broker.url = node.vhost("bench").parse()?;
        runtime.block_on(history::measure(settings, "rabbitmq", events, &mut figures))?;
    }
    Ok(figures)
}
