//! `leveret dev`: a project's plugin, built again at each save, and live on a host of its own.

mod build;
mod screen;
mod sources;
mod tasks;

use std::path::{Path, PathBuf};

use clap::Args;
use tokio::sync::broadcast::error::RecvError;

use super::check::place_of;
use super::error::CliError;
use super::runtime;
use super::test::{Report, try_all};
use super::up::Signals;
use crate::cases::find;
use crate::config::{BrokerUrl, Compiling, RedisUrl, Settings, Trust};
use crate::host::{Host, StartError};
use crate::plugin::Version;
use crate::project::Toolchain;
use build::{Builds, Made};
use screen::{Colour, Screen};
use sources::{Change, Sources};
use tasks::Tasks;

/// The host runs on the embedded broker, with all of its files in `.leveret/dev` of the project, so that it touches
/// nothing of another host. It listens at the configured address: `leveret publish` in another terminal sends it an event.
/// The tasks that the plugin emits are shown and taken from their queues.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// The project's folder.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Do not run the project's cases after each build.
    #[arg(long)]
    no_cases: bool,
}

impl Dev {
    pub(super) fn run(self, settings: Settings) -> Result<(), CliError> {
        Toolchain::of(&self.directory)?;
        let screen = Screen::begin();
        // Errors of the file system are told before anything starts.
        let home = self.directory.join(".leveret/dev");
        let settings = within(&home, settings);
        build::prepare(&settings.plugins.directory)?;
        let runtime = runtime()?;
        let ended = runtime.block_on(self.follow(&settings, screen));
        // A toolchain may be at work still, and nobody waits for what it makes.
        runtime.shutdown_background();
        ended
    }

    async fn follow(&self, settings: &Settings, screen: Screen) -> Result<(), CliError> {
        // First of all, so that a signal during the start is a stop too.
        let mut signals = Signals::listen()?;
        let host = match Host::start(settings).await {
            Err(StartError::Admin { address, reason }) => {
                let advice = "stop what listens there, or set LEVERET_ADMIN_ADDRESS for both `dev` and `publish`";
                return Err(CliError::Failed(format!("the address {address} is taken ({reason}); {advice}")));
            }
            started => started?,
        };
        let (directory, address) = (self.directory.display(), host.address);
        screen.line(
            "watching",
            Colour::None,
            &format!("{directory}; `leveret publish` reaches {address}; Ctrl-C ends it"),
        );

        let stopped = tokio::select! {
            () = signals.next() => Ok(()),
            ended = self.show(settings, &host, screen) => ended,
        };
        tokio::select! {
            () = host.stop() => {}
            () = signals.next() => {}
        }
        screen.line("stopped", Colour::None, "");
        stopped
    }

    /// Builds whatever changes and shows whatever happens, for ever.
    async fn show(&self, settings: &Settings, host: &Host, screen: Screen) -> Result<(), CliError> {
        let mut sources = Sources::watch(&self.directory);
        let mut builds = Builds::new(&self.directory, &settings.plugins.directory);
        let (mut records, mut live) = (host.journal.read(), host.catalog.live());
        let mut tasks = Tasks::new(host.broker.clone(), screen);
        let mut version: Option<Version> = None;
        let mut awaited = None;
        builds.begin();
        loop {
            tokio::select! {
                change = sources.changed() => match change {
                    Change::Sources => builds.begin(),
                    Change::Cases => self.run_cases(settings, &builds, screen),
                },
                built = builds.ended() => match built {
                    Ok(Made { built, digest }) => {
                        screen.built(&built);
                        awaited = Some(digest);
                    }
                    Err(error) => {
                        let goes_on = version.as_ref().map(|version| format!("; {version} goes on")).unwrap_or_default();
                        screen.line("failed", Colour::Red, &format!("{error}{goes_on}"));
                    }
                },
                changed = live.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let set = live.borrow_and_update().clone();
                    // Before it is said to be live, so that no task of it is missed by whoever waits for that.
                    tasks.follow(&set).await;
                    version = set.values().next().map(|live| live.version.clone());
                    for live in set.values() {
                        let subjects: Vec<_> = live.description.subjects().map(|subject| subject.to_string()).collect();
                        let subjects = subjects.join(", ");
                        screen.line("live", Colour::Green, &format!("{} {}, on {subjects}", live.id, live.version));
                    }
                }
                record = records.recv() => match record {
                    Ok(record) => screen.record(&record),
                    Err(RecvError::Lagged(missed)) => screen.line("missed", Colour::Yellow, &format!("{missed} deliveries")),
                    Err(RecvError::Closed) => return Ok(()),
                },
            }
            // Cases find the component compiled once it is live, and so do not hold it up.
            if awaited.is_some() && awaited == version.as_ref().map(|version| version.digest) {
                awaited = None;
                self.run_cases(settings, &builds, screen);
            }
        }
    }

    /// Runs the project's cases beside everything else, and shows one line about them.
    fn run_cases(&self, settings: &Settings, builds: &Builds, screen: Screen) {
        let (cases, Some(file)) = (self.directory.join("cases"), builds.component()) else { return };
        if self.no_cases || !cases.is_dir() {
            return;
        }
        let settings = settings.clone();
        tokio::spawn(async move {
            let (colour, text) = match try_cases(&settings, &file, &cases).await {
                Ok(report) if report.failed() == 0 => (Colour::Green, report.summary()),
                Ok(report) => (Colour::Red, format!("{}; `leveret test` says why", report.summary())),
                Err(error) => (Colour::Red, error.to_string()),
            };
            screen.line("cases", colour, &text);
        });
    }
}

async fn try_cases(settings: &Settings, file: &Path, directory: &Path) -> Result<Report, CliError> {
    let id = place_of(file).map_err(|refusal| CliError::Failed(refusal.to_string()))?;
    let cases = find(&id.app, directory).map_err(|error| CliError::Failed(error.to_string()))?;
    try_all(settings, file, id, cases, false).await
}

/// The user's settings, with a broker and files of our own.
fn within(home: &Path, settings: Settings) -> Settings {
    let mut own = settings;
    own.plugins.directory = home.join("plugins");
    own.sandbox.compiling = Compiling::Quick;
    own.plugins.cache = home.join("cache");
    // What was built a moment ago here is signed by nobody yet.
    own.plugins.trust = Trust::Any;
    own.broker.url = BrokerUrl::Embedded;
    own.broker.embedded.file = home.join("broker.db");
    own.ledger.file = home.join("ledger.db");
    own.ledger.redis = RedisUrl::default();
    own
}
