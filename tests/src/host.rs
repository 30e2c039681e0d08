//! A whole host inside the test's process, with storage of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use leveret::broker::BrokerStatus;
use leveret::catalog::PluginState;
use leveret::config::Settings;
use leveret::delivery::Record;
use leveret::host::Host;
use leveret::message::{Message, MessageId};
use leveret::name::QueueName;
use leveret::plugin::{Digest, Version};
use tempfile::TempDir;
use tokio::sync::broadcast;

use crate::broker::{self, TestBroker};
use crate::wait::{soon, until};

/// Where all tests of this process keep compiled plugins, so that each plugin is compiled once. It is in the target
/// directory, since nothing is dropped at a process's end: plugins that did not change are found again the next time.
pub fn compile_cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| {
        let executable = std::env::current_exe().expect("this binary has a path");
        executable.with_file_name("leveret-test-cache")
    })
}

/// Settings for a test: nothing in the working directory, and any free port.
pub fn settings(directory: &Path, broker: &TestBroker) -> Settings {
    let mut settings = Settings::default();
    settings.plugins.directory = directory.join("plugins");
    settings.plugins.cache = compile_cache().to_owned();
    settings.ledger.file = directory.join("ledger.db");
    settings.buckets.file = directory.join("buckets.db");
    settings.admin.address.set_port(0);
    broker.write_into(&mut settings);
    settings
}

/// Puts a file in place as a careful author does: written elsewhere, then renamed.
pub fn put(plugins: &Path, place: &str, bytes: &[u8]) {
    let file = plugins.join(place);
    let folder = file.parent().expect("it is in the plugins directory");
    fs::create_dir_all(folder).expect("a folder");
    let new = tempfile::NamedTempFile::new_in(folder).expect("a temporary file");
    fs::write(new.path(), bytes).expect("written");
    new.persist(file).expect("renamed");
}

/// A running host.
pub struct TestHost {
    pub host: Host,
    pub plugins: PathBuf,
    records: broadcast::Receiver<Record>,
    seen: Vec<Record>,
    _directory: TempDir,
}

impl TestHost {
    pub async fn start(broker: &TestBroker) -> Self {
        Self::start_with(broker, |_| ()).await
    }

    /// Starts a host whose settings differ from the test's usual ones.
    pub async fn start_with(broker: &TestBroker, adjust: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut settings = settings(directory.path(), broker);
        adjust(&mut settings);
        fs::create_dir_all(&settings.plugins.directory).expect("a directory of plugins");
        let host = Host::start(&settings).await.expect("starts");
        let (records, plugins) = (host.journal.read(), settings.plugins.directory);
        Self { host, plugins, records, seen: Vec::new(), _directory: directory }
    }

    /// Drops a plugin in, and waits until it listens.
    pub async fn install(&self, place: &str, bytes: &[u8]) -> Version {
        put(&self.plugins, place, bytes);
        let digest = Digest::of(bytes);
        let (version, queues) = until("the plugin", async || self.live(digest)).await;
        for queue in queues {
            until("its queue", async || self.host.broker.depth(&queue).await.ok().flatten()).await;
        }
        version
    }

    fn live(&self, digest: Digest) -> Option<(Version, Vec<QueueName>)> {
        let live = self.host.catalog.live().borrow().clone();
        if let Some(live) = live.values().find(|live| live.version.digest == digest) {
            let queue = |event| QueueName::subscription(&live.id, event);
            return Some((live.version.clone(), live.description.subscriptions.iter().map(queue).collect()));
        }
        for plugin in self.host.catalog.status() {
            if let PluginState::Refused { reason, .. } = plugin.state {
                panic!("{} is refused: {reason}", plugin.file.display());
            }
        }
        None
    }

    /// Publishes an event to a subscription that is there or on its way.
    pub async fn publish(&self, event: &str, body: impl Into<Vec<u8>>) -> MessageId {
        let message = broker::event(event, body);
        let id = message.id.clone();
        self.publish_message(message).await;
        id
    }

    pub async fn publish_message(&self, message: Message) {
        broker::publish(&self.host.broker, message).await;
    }

    /// The first record of a message.
    pub async fn record(&mut self, id: &MessageId) -> Record {
        self.records(id, 1).await.remove(0)
    }

    /// So many records of a message, as soon as there are so many.
    pub async fn records(&mut self, id: &MessageId, number: usize) -> Vec<Record> {
        loop {
            let found: Vec<Record> = self.seen.iter().filter(|record| record.id == *id).take(number).cloned().collect();
            if found.len() == number {
                return found;
            }
            let record = soon("a record", self.records.recv()).await;
            self.seen.push(record.expect("the journal is read fast enough"));
        }
    }

    /// Every record so far.
    pub fn all_records(&mut self) -> Vec<Record> {
        while let Ok(record) = self.records.try_recv() {
            self.seen.push(record);
        }
        self.seen.clone()
    }

    /// Takes this many tasks from a queue, by the task's full name.
    pub async fn tasks(&self, name: &str, number: usize) -> Vec<Message> {
        broker::take(&self.host.broker, broker::tasks(name), number).await
    }

    /// Where the HTTP API is.
    pub fn api(&self) -> String {
        format!("http://{}", self.host.address)
    }

    pub async fn broker_is_ready(&self) {
        let mut status = self.host.broker.status();
        let ready = status.wait_for(|status| *status == BrokerStatus::Ready);
        assert!(soon("the broker", ready).await.is_ok(), "the broker was closed");
    }

    pub async fn stop(self) {
        soon("the host's stop", self.host.stop()).await;
    }
}
