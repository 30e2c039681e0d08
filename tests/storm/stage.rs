//! A host in this process, in a directory that is gone with it.

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use leveret::broker::{Broker, Listener, Source};
use leveret::config::{BrokerUrl, Settings};
use leveret::host::Host;
use leveret::message::Subject;
use leveret::name::{EventName, PluginId, QueueName, TaskName};
use leveret::plugin::{Digest, Live, LiveSet};
use serde::Serialize;
use tempfile::TempDir;

/// Why a measurement did not come about.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// What carries the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrokerKind {
    /// The host's own, in one file.
    Embedded,
    /// A private RabbitMQ node.
    Rabbitmq,
}

/// A running host, and the plugin that plays on it: `puppet`, which makes `puppet.echo.make` of `puppet.pulled`.
pub struct Stage {
    pub host: Host,
    pub plugin: PluginId,
    pub event: EventName,
    pub task: TaskName,
    directory: TempDir,
}

impl Stage {
    /// Starts a host with the default settings and no plugin, and waits until its broker is ready.
    pub async fn start(url: BrokerUrl) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("leveret-stage-").tempdir()?;
        let mut settings = Settings::default();
        settings.broker.url = url;
        settings.broker.embedded.file = directory.path().join("broker.db");
        settings.plugins.directory = plugins(directory.path());
        settings.plugins.cache = directory.path().join("cache");
        settings.admin.address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        fs::create_dir(&settings.plugins.directory)?;
        let host = Host::start(&settings).await?;
        tokio::time::timeout(PATIENCE, host.ready()).await.map_err(|_| "the host does not get ready")?;
        Ok(Self {
            host,
            plugin: PluginId::new("puppet".parse()?, "puppet".parse()?),
            event: "puppet.pulled".parse()?,
            task: "puppet.echo.make".parse()?,
            directory,
        })
    }

    /// Renames a file into the place of the plugin.
    pub fn place(&self, file: &[u8]) -> Result<(), Failure> {
        // Hidden, so that the host takes it for nothing.
        let part = plugins(self.directory.path()).join(".puppet.part");
        fs::write(&part, file)?;
        Ok(fs::rename(part, self.file())?)
    }

    /// Renames a file into the place of the plugin and waits until it is live. Says how long that took.
    pub async fn install(&self, file: &[u8]) -> Result<Duration, Failure> {
        let digest = Digest::of(file);
        let begun = Instant::now();
        self.place(file)?;
        self.until(|live| live.get(&self.plugin).is_some_and(|live| live.version.digest == digest)).await?;
        Ok(begun.elapsed())
    }

    /// Removes the plugin and waits until it is not live any more.
    pub async fn remove(&self) -> Result<(), Failure> {
        fs::remove_file(self.file())?;
        self.until(|live| !live.contains_key(&self.plugin)).await
    }

    /// The version of the plugin that is live.
    pub fn live(&self) -> Option<Arc<Live>> {
        self.host.catalog.live().borrow().get(&self.plugin).cloned()
    }

    /// Listens to the queue of the plugin's tasks.
    pub async fn tasks(&self) -> Result<Box<dyn Listener>, Failure> {
        self.listen(QueueName::task(&self.task), Subject::Task(self.task.clone())).await
    }

    /// The queue of the plugin's events.
    pub fn subscription(&self) -> QueueName {
        QueueName::subscription(&self.plugin, &self.event)
    }

    /// Makes the queue of the plugin's events, as the plugin would.
    pub async fn subscribe(&self) -> Result<(), Failure> {
        let mut listener = self.listen(self.subscription(), Subject::Event(self.event.clone())).await?;
        listener.stop().await;
        Ok(())
    }

    /// Stops the host in order.
    pub async fn stop(self) {
        self.host.stop().await;
    }

    async fn listen(&self, queue: QueueName, subject: Subject) -> Result<Box<dyn Listener>, Failure> {
        let prefetch = 256.try_into()?;
        Ok(self.host.broker.listen(Source { queue, subject, prefetch }).await?)
    }

    async fn until(&self, mut wanted: impl FnMut(&LiveSet) -> bool) -> Result<(), Failure> {
        let mut live = self.host.catalog.live();
        let waiting = live.wait_for(|live| wanted(live));
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err("the host has ended".into()),
            Err(_) => Err(format!("nothing of it within {PATIENCE:?}: {:?}", self.host.catalog.status()).into()),
        }
    }

    fn file(&self) -> PathBuf {
        plugins(self.directory.path()).join("puppet.wasm")
    }
}

fn plugins(directory: &Path) -> PathBuf {
    directory.join("plugins")
}
