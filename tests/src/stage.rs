//! A host in this process, in a directory that is gone with it.

use std::error::Error;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use leveret::config::Settings;
use leveret::host::Host;
use leveret::name::{EventName, PluginId};
use leveret::plugin::{Digest, Live, LiveSet};
use tempfile::TempDir;

/// Why a measurement did not come about.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running host, and the plugin that plays on it: `puppet`, which hears `puppet.pulled`.
pub struct Stage {
    pub host: Host,
    pub plugin: PluginId,
    pub event: EventName,
    directory: TempDir,
}

impl Stage {
    /// Starts a host with these settings, but with its own paths and no plugin, and waits until its broker is ready.
    pub async fn start(mut settings: Settings) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("leveret-stage-").tempdir()?;
        settings.broker.embedded.file = directory.path().join("broker.db");
        settings.ledger.file = directory.path().join("ledger.db");
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
            directory,
        })
    }

    /// Renames a file into the place of the plugin. Says when.
    pub fn place(&self, file: &[u8]) -> Result<Instant, Failure> {
        // Hidden, so that the host takes it for nothing.
        let part = plugins(self.directory.path()).join(".puppet.part");
        fs::write(&part, file)?;
        let now = Instant::now();
        fs::rename(part, self.file())?;
        Ok(now)
    }

    /// Renames a file into the place of the plugin and waits until it is live. Says how long that took.
    pub async fn install(&self, file: &[u8]) -> Result<Duration, Failure> {
        let digest = Digest::of(file);
        let renamed = self.place(file)?;
        self.until(|live| live.get(&self.plugin).is_some_and(|live| live.version.digest == digest)).await?;
        Ok(renamed.elapsed())
    }

    /// Removes the plugin and waits until it is not live any more.
    pub async fn remove(&self) -> Result<(), Failure> {
        fs::remove_file(self.file())?;
        self.until(|live| !live.contains_key(&self.plugin)).await
    }

    /// The directory of the plugins.
    pub fn plugins(&self) -> PathBuf {
        plugins(self.directory.path())
    }

    /// The version of the plugin that is live.
    pub fn live(&self) -> Option<Arc<Live>> {
        self.host.catalog.live().borrow().get(&self.plugin).cloned()
    }

    /// Stops the host in order.
    pub async fn stop(self) {
        self.host.stop().await;
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
