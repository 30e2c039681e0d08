//! How long the real program takes from its start until all of its plugins consume.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use leveret::broker::embedded::EmbeddedBroker;
use leveret::broker::{Broker, Destination, Outgoing, Source};
use leveret::message::{Message, Subject};
use leveret::name::{EventName, PluginId, QueueName};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::figures::{Figures, median};
use super::throughput::payload;
use leveret_tests::guests::{another_version, bytes};
use leveret_tests::stage::Failure;

const PLUGINS: u32 = 20;
const COLD_ROUNDS: usize = 3;
const WARM_ROUNDS: usize = 7;
/// The longest that a start may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the program is asked.
const LOOK: Duration = Duration::from_millis(2);

/// Milliseconds from the start of the process.
struct Started {
    ready: f64,
    consuming: f64,
}

/// Starts with an empty cache of compiled plugins, and with a full one.
pub fn measure(runtime: &Runtime, figures: &mut Figures) -> Result<(), Failure> {
    let directory = tempfile::Builder::new().prefix("leveret-start-").tempdir()?;
    let directory = directory.path();
    let guest = bytes("puppet");
    fs::create_dir(directory.join("plugins"))?;
    let mut plugins = Vec::new();
    for number in 0..PLUGINS {
        let name = format!("app{number}");
        fs::write(directory.join(format!("plugins/{name}.wasm")), another_version(&guest, &number.to_string()))?;
        plugins.push(PluginId::new(name.parse()?, name.parse()?));
    }

    let round = |cold: bool| {
        if cold && directory.join("cache").exists() {
            fs::remove_dir_all(directory.join("cache"))?;
        }
        runtime.block_on(leave_an_event(&directory.join("broker.db"), &plugins))?;
        start(directory)
    };
    let cold = (0..COLD_ROUNDS).map(|_| round(true)).collect::<Result<Vec<_>, _>>()?;
    let warm = (0..WARM_ROUNDS).map(|_| round(false)).collect::<Result<Vec<_>, _>>()?;

    let of = |rounds: &[Started], what: fn(&Started) -> f64| median(&rounds.iter().map(what).collect::<Vec<_>>());
    let meaning = format!("`leveret up` until each of {PLUGINS} plugins has handled an event, compiled before");
    figures.add("start_warm_ms", of(&warm, |started| started.consuming), meaning);
    figures.add("start_warm_ready_ms", of(&warm, |started| started.ready), "the same until /readyz");
    figures.add("start_cold_ms", of(&cold, |started| started.consuming), "the same with every plugin to compile");
    Ok(())
}

/// Leaves an event in the queue of every plugin: whoever handles it consumes.
async fn leave_an_event(file: &Path, plugins: &[PluginId]) -> Result<(), Failure> {
    let event: EventName = "puppet.pulled".parse()?;
    let subject = Subject::Event(event.clone());
    let broker = EmbeddedBroker::open(file)?;
    for plugin in plugins {
        let queue = QueueName::subscription(plugin, &event);
        drop(broker.listen(Source::event(queue, event.clone(), 1.try_into()?)).await?);
    }
    let message = Message::new(subject, payload());
    broker.publish(vec![Outgoing { destination: Destination::Event(event), message }]).await?;
    broker.close().await;
    Ok(())
}

/// Starts the program, and stops it once every plugin has handled its event.
fn start(directory: &Path) -> Result<Started, Failure> {
    // Free a moment ago, which has to do.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let settings = format!(
        "[plugins]\ndirectory = \"plugins\"\ncache = \"cache\"\n\
         [broker.embedded]\nfile = \"broker.db\"\n\
         [admin]\naddress = \"127.0.0.1:{port}\"\n"
    );
    fs::write(directory.join("leveret.toml"), settings)?;
    let program = env::current_exe()?.with_file_name("leveret");
    let mut command = Command::new(program);
    command.arg("up").current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut process = command.spawn()?;
    let started = watch(&mut process, port, begun);
    // In order, so that the file is closed before it is opened again.
    Command::new("kill").arg(process.id().to_string()).status()?;
    process.wait()?;
    started
}

fn watch(process: &mut Child, port: u16, begun: Instant) -> Result<Started, Failure> {
    let mut ready = None;
    let elapsed = || begun.elapsed().as_secs_f64() * 1000.0;
    while begun.elapsed() < PATIENCE {
        if let Some(status) = process.try_wait()? {
            return Err(format!("`leveret up` has ended: {status}").into());
        }
        // Not listening yet, or not ready yet, is an error here.
        if ready.is_none() && ureq::get(format!("http://127.0.0.1:{port}/readyz")).call().is_ok() {
            ready = Some(elapsed());
        }
        if let Some(ready) = ready {
            let mut answer = ureq::get(format!("http://127.0.0.1:{port}/status")).call()?;
            let status: Value = answer.body_mut().read_json()?;
            if status["deliveries"]["done"].as_u64() >= Some(PLUGINS.into()) {
                return Ok(Started { ready, consuming: elapsed() });
            }
        }
        sleep(LOOK);
    }
    Err(format!("`leveret up` does not consume within {PATIENCE:?}").into())
}
