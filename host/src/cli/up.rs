//! `leveret up`: the host, until it is told to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::CliError;
use super::{log, runtime};
use crate::config::Settings;
use crate::host::Host;

/// Runs the host until SIGTERM or SIGINT; a second signal ends it at once, and what is in flight comes again.
pub(super) fn run(settings: &Settings) -> Result<(), CliError> {
    log::begin(&settings.log)?;
    runtime()?.block_on(async {
        // First of all, so that a signal during the start is a stop too.
        let mut signals = Signals::listen()?;
        let host = Host::start(settings).await?;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            broker = %settings.broker.url,
            plugins = %settings.plugins.directory.display(),
            admin = %host.address,
            "leveret is up"
        );
        signals.next().await;
        tracing::info!("stopping: finishing what is in flight, at most {}", settings.shutdown.grace);
        tokio::select! {
            () = host.stop() => tracing::info!("stopped"),
            () = signals.next() => tracing::warn!("stopped at once; what was in flight comes again"),
        }
        Ok(())
    })
}

/// The signals that ask for a stop.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(|error| CliError::Failed(format!("no signals: {error}")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for the next SIGTERM or SIGINT.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
