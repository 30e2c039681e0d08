//! `leveret demo`: sample plugins, real events, and what came of them, on the embedded broker in a temporary directory.

mod story;
mod tree;
mod worker;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tempfile::TempDir;
use tokio::sync::broadcast;

use super::error::CliError;
use super::up::Signals;
use super::{log, runtime};
use crate::broker::{Destination, Outgoing};
use crate::config::{BrokerUrl, Settings};
use crate::delivery::Record;
use crate::host::{Host, StartError};
use crate::message::{Message, Subject, Tid};
use crate::name::PluginId;
use story::Scene;
use worker::Worker;

/// Longer than anything here takes; only there so that a defect ends the demo instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The directory of the built sample plugins. `./dev demo` builds and passes it.
    #[arg(long, value_name = "DIRECTORY", default_value = "target/guests")]
    samples: PathBuf,
    /// Leave the host running, to drop plugins into and publish to.
    #[arg(long)]
    keep: bool,
}

impl Demo {
    pub(super) fn run(self, settings: Settings) -> Result<(), CliError> {
        if std::env::var_os("LEVERET_LOG_LEVEL").is_some() {
            log::begin(&settings.log)?;
        }
        let home = TempDir::with_prefix("leveret-demo-").map_err(failed)?;
        let settings = within(home.path(), settings, self.keep);
        runtime()?.block_on(self.play(&settings))
    }

    async fn play(self, settings: &Settings) -> Result<(), CliError> {
        let plugins = &settings.plugins.directory;
        std::fs::create_dir_all(plugins).map_err(failed)?;
        for sample in ["pheidi", "docker", "warehouse"] {
            self.drop_in(sample, plugins, sample)?;
        }
        println!("{}", story::BEGINNING);
        let host = start(settings).await?;
        within_patience("the plugins", host.ready()).await?;
        println!("{}", tree::plugins(&host.catalog.live().borrow()));
        let mut stage = Stage { records: host.journal.read(), worker: Worker::hire(&host).await?, host };

        for scene in story::FIRST {
            stage.show(scene).await?;
        }
        println!("{}", story::REPLACEMENT);
        let before = stage.version("docker")?;
        self.drop_in("docker-next", plugins, "docker")?;
        let after = stage.replaced("docker", &before).await?;
        println!("docker {before} is replaced by docker {after}. Nothing stopped, nothing was lost.\n");
        for scene in story::SECOND {
            stage.show(scene).await?;
        }
        let counts = stage.host.journal.counts();
        println!("{} deliveries done, {} tried again later, {} dead.\n", counts.done, counts.retried, counts.dead);
        if self.keep {
            println!("{}", story::keeping(&stage.host.address, plugins));
            Signals::listen()?.next().await;
        } else {
            println!("{}", story::NEXT);
        }
        stage.host.stop().await;
        Ok(())
    }

    /// Puts a sample into the plugins directory as everyone should: written beside, then renamed into place.
    fn drop_in(&self, sample: &str, plugins: &Path, app: &str) -> Result<(), CliError> {
        let from = self.samples.join(sample).with_extension("wasm");
        let (beside, place) = (plugins.join(format!(".{app}.new")), plugins.join(app).with_extension("wasm"));
        std::fs::copy(&from, &beside).map_err(|error| {
            let from = from.display();
            CliError::Failed(format!("the sample {from} is missing ({error}); `./dev demo` builds the samples first"))
        })?;
        std::fs::rename(&beside, &place).map_err(failed)
    }
}

/// The demo's own settings: everything in one temporary directory, whatever the user's are.
fn within(home: &Path, settings: Settings, keep: bool) -> Settings {
    let mut own = Settings { log: settings.log, admin: settings.admin, ..Settings::default() };
    own.plugins.directory = home.join("plugins");
    own.plugins.cache = home.join("cache");
    own.broker.url = BrokerUrl::Embedded;
    own.broker.embedded.file = home.join("broker.db");
    own.ledger.file = home.join("ledger.db");
    if !keep {
        own.admin.address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    }
    own
}

async fn start(settings: &Settings) -> Result<Host, CliError> {
    match Host::start(settings).await {
        Err(StartError::Admin { address, reason }) => Err(CliError::Failed(format!(
            "the address {address} is taken ({reason}); stop what listens there, or set LEVERET_ADMIN_ADDRESS"
        ))),
        started => Ok(started?),
    }
}

/// A host, and those who watch it.
struct Stage {
    host: Host,
    records: broadcast::Receiver<Record>,
    worker: Worker,
}

impl Stage {
    /// Publishes an event and prints what came of it.
    async fn show(&mut self, scene: &Scene) -> Result<(), CliError> {
        let event = scene.event.parse()?;
        let message = Message::new(Subject::Event(event), scene.payload);
        let (event, tid) = (scene.event.parse()?, message.tid.clone());
        let outgoing = Outgoing { destination: Destination::Event(event), message };
        self.host.broker.publish(vec![outgoing]).await.map_err(failed)?;
        let record = within_patience("the delivery", self.record(&tid)).await??;
        let tasks = within_patience("the tasks", self.worker.tasks(&record)).await??;
        println!("{}", tree::scene(scene.title, &record, &tasks));
        Ok(())
    }

    async fn record(&mut self, tid: &Tid) -> Result<Record, CliError> {
        loop {
            let record = self.records.recv().await.map_err(failed)?;
            if record.tid == *tid {
                return Ok(record);
            }
        }
    }

    fn version(&self, app: &str) -> Result<String, CliError> {
        let id = PluginId::new(app.parse()?, app.parse()?);
        let live = self.host.catalog.live().borrow().get(&id).map(|live| live.version.to_string());
        live.ok_or_else(|| {
            CliError::Failed(format!("the plugin {app} is not live; run the demo with LEVERET_LOG_LEVEL=info"))
        })
    }

    /// Waits until another version of the plugin is live.
    async fn replaced(&self, app: &str, before: &str) -> Result<String, CliError> {
        let mut live = self.host.catalog.live();
        let changed = async {
            loop {
                live.changed().await.map_err(failed)?;
                let now = self.version(app)?;
                if now != before {
                    return Ok(now);
                }
            }
        };
        within_patience("the new version", changed).await?
    }
}

async fn within_patience<T>(what: &str, future: impl Future<Output = T>) -> Result<T, CliError> {
    let late =
        |_| CliError::Failed(format!("{what} did not come within {PATIENCE:?}; run it with LEVERET_LOG_LEVEL=info"));
    tokio::time::timeout(PATIENCE, future).await.map_err(late)
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}
