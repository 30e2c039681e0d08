//! The catalog on a real directory, with everything that people and programs do to one.

mod change;
mod exposure;
mod place;
mod refuse;
mod trust;
mod turn;
mod verify;
mod write;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use leveret::catalog::{Catalog, CatalogOptions, Loader, Observe, PluginState, Trust};
use leveret::config::Settings;
use leveret::plugin::{Digest, LiveSet, Sandbox, SandboxOptions};
use leveret_tests::host;
use leveret_tests::wait::{soon, until};
use leveret_tests::wat::Subscriber;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A catalog that follows a directory.
struct Bench {
    catalog: Arc<Catalog>,
    /// Holds the plugins directory, and room beside it.
    root: TempDir,
    /// Every digest that was live as the plugin `a`, in order; `None` where none was any more.
    history: Arc<Mutex<Vec<Option<Digest>>>>,
    _running: DropGuard,
}

impl Bench {
    /// A catalog of an empty directory.
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(root.path().join("plugins")).expect("a directory");
        Self::of(root)
    }

    /// A catalog of `plugins` in this directory, whatever is there.
    fn of(root: TempDir) -> Self {
        Self::resting(root, Settings::default().plugins.rest.as_duration())
    }

    /// A catalog of an empty directory that lets in whom it trusts.
    fn trusting(trust: Trust) -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(root.path().join("plugins")).expect("a directory");
        Self::follow(root, Settings::default().plugins.rest.as_duration(), trust, None)
    }

    fn observed(root: TempDir, trust: Trust, observer: Arc<dyn Observe>) -> Self {
        Self::follow(root, Settings::default().plugins.rest.as_duration(), trust, Some(observer))
    }

    fn resting(root: TempDir, rest: Duration) -> Self {
        Self::follow(root, rest, Trust::Any, None)
    }

    fn follow(root: TempDir, rest: Duration, trust: Trust, observer: Option<Arc<dyn Observe>>) -> Self {
        let options = CatalogOptions { directory: root.path().join("plugins"), own: Vec::new(), rest };
        let catalog = Catalog::new(options, loader().trusting(trust));
        let catalog = Arc::new(observer.into_iter().fold(catalog, Catalog::observed));
        let history = Arc::default();
        let stop = CancellationToken::new();
        tokio::spawn(remember(catalog.clone(), Arc::clone(&history)));
        let (running, until) = (catalog.clone(), stop.clone());
        tokio::spawn(async move { running.run(until).await });
        Self { catalog, root, history, _running: stop.drop_guard() }
    }

    fn plugins(&self) -> PathBuf {
        self.root.path().join("plugins")
    }

    fn path(&self, place: &str) -> PathBuf {
        self.plugins().join(place)
    }

    /// Puts a file in place at once.
    fn put(&self, place: &str, bytes: &[u8]) {
        host::put(&self.plugins(), place, bytes);
    }

    /// Writes a file where it is, as `cp` does.
    fn write(&self, place: &str, bytes: &[u8]) {
        fs::write(self.path(place), bytes).expect("written");
    }

    /// Waits until exactly this is live as a plugin.
    async fn live(&self, plugin: &str, bytes: &[u8]) {
        let digest = Some(Digest::of(bytes));
        until(&format!("{plugin} live"), async || (self.digest(plugin) == digest).then_some(())).await;
    }

    /// Waits until nothing is live as a plugin.
    async fn gone(&self, plugin: &str) {
        until(&format!("the end of {plugin}"), async || self.digest(plugin).is_none().then_some(())).await;
    }

    fn digest(&self, plugin: &str) -> Option<Digest> {
        digest(&self.catalog.live().borrow(), plugin)
    }

    /// Waits until a file is refused; why.
    async fn refused(&self, place: &str) -> String {
        until(&format!("the refusal of {place}"), async || match self.state(place) {
            Some(PluginState::Refused { reason, .. }) => Some(reason),
            _ => None,
        })
        .await
    }

    fn state(&self, place: &str) -> Option<PluginState> {
        let path = self.path(place);
        self.catalog.status().into_iter().find(|status| status.file == path).map(|status| status.state)
    }

    /// Waits until another plugin that was put in now is live: whatever was there before has been looked at as well.
    async fn looked_again(&self) {
        let witness = plugin("witness");
        self.put("witness.wasm", &witness);
        self.live("witness", &witness).await;
    }

    fn history(&self) -> Vec<Option<Digest>> {
        self.history.lock().expect("not poisoned").clone()
    }
}

async fn remember(catalog: Arc<Catalog>, history: Arc<Mutex<Vec<Option<Digest>>>>) {
    let mut live = catalog.live();
    // The sender lives as long as the catalog, which this holds: it ends with the test's runtime.
    while live.changed().await.is_ok() {
        let now = digest(&live.borrow_and_update(), "a");
        let mut history = history.lock().expect("not poisoned");
        if history.last().copied().flatten() != now {
            history.push(now);
        }
    }
}

fn digest(live: &LiveSet, plugin: &str) -> Option<Digest> {
    live.iter().find(|(id, _)| id.to_string() == plugin).map(|(_, live)| live.version.digest)
}

/// One engine for all of these tests.
fn loader() -> Loader {
    static SANDBOX: OnceLock<Arc<Sandbox>> = OnceLock::new();
    let settings = Settings::default();
    let sandbox = SANDBOX.get_or_init(|| {
        let memory_maximum = settings.sandbox.memory_maximum.as_bytes();
        let cache = Some(host::compile_cache().to_owned());
        Sandbox::new(&SandboxOptions { cache, concurrency: 8, memory_maximum, ..SandboxOptions::default() })
            .expect("an engine")
    });
    Loader::new(sandbox.clone(), leveret::host::limits(&settings))
}

/// A small plugin in a version of this name.
fn plugin(version: &str) -> Vec<u8> {
    Subscriber { version, ..Subscriber::default() }.build()
}

fn root() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn directory(root: &TempDir, name: &str) -> PathBuf {
    let path = root.path().join(name);
    fs::create_dir_all(&path).expect("a directory");
    path
}

fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    fs::rename(from, to).expect("renamed");
}
