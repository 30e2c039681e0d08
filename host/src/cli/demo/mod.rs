//! `leveret demo`: sample plugins, real events, and what came of them, on the embedded broker in a temporary directory.

mod services;
mod settings;
mod story;
mod transaction;
mod tree;
mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tempfile::TempDir;
use tokio::sync::broadcast;

use super::error::CliError;
use super::up::Signals;
use super::{log, runtime};
use crate::broker::{Destination, Outgoing};
use crate::config::Settings;
use crate::delivery::Record;
use crate::host::{Host, StartError};
use crate::message::{Message, Subject};
use crate::name::PluginId;
use story::Scene;
use transaction::Transaction;
use worker::Worker;

/// Longer than anything here takes; only there so that a defect ends the demo instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(60);
/// The samples, and the plugins that they are.
const SAMPLES: [(&str, &str); 6] = [
    ("pheidi", "pheidi"),
    ("pheidi-mailer", "pheidi/mailer"),
    ("billing", "billing"),
    ("warehouse", "warehouse"),
    ("warehouse-stock", "warehouse/stock"),
    ("docker", "docker"),
];

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
        runtime()?.block_on(async {
            let services = services::serve().await?;
            let settings = settings::within(home.path(), settings, services, self.keep)?;
            self.play(&settings).await
        })
    }

    async fn play(self, settings: &Settings) -> Result<(), CliError> {
        let plugins = &settings.plugins.directory;
        for (sample, plugin) in SAMPLES {
            self.drop_in(sample, plugins, plugin)?;
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
    fn drop_in(&self, sample: &str, plugins: &Path, plugin: &str) -> Result<(), CliError> {
        let from = self.samples.join(sample).with_extension("wasm");
        let place = plugins.join(plugin).with_extension("wasm");
        let folder = place.parent().unwrap_or(plugins);
        std::fs::create_dir_all(folder).map_err(failed)?;
        let beside = folder.join(format!(".{sample}.new"));
        std::fs::copy(&from, &beside).map_err(|error| {
            let from = from.display();
            CliError::Failed(format!("the sample {from} is missing ({error}); `./dev demo` builds the samples first"))
        })?;
        std::fs::rename(&beside, &place).map_err(failed)
    }
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
        let event = Message::new(Subject::Event(scene.event.parse()?), scene.payload);
        let outgoing = Outgoing { destination: Destination::of(&event.subject), message: event.clone() };
        self.host.broker.publish(vec![outgoing]).await.map_err(failed)?;
        let live = self.host.catalog.live().borrow().clone();
        let following = Transaction::follow(event, &live, &mut self.records, &mut self.worker);
        let transaction = within_patience("the end of the transaction", following).await??;
        println!("{}", tree::scene(scene.title, &transaction));
        Ok(())
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
