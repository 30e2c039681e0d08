//! `leveret up`: the host, until it is told to stop.

use tokio::signal::unix::{SignalKind, signal};

use super::error::CliError;
use super::{log, runtime};
use crate::config::Settings;
use crate::host::Host;

/// Runs the host until SIGTERM or SIGINT; a second signal ends it at once, and what is in flight comes again.
pub(super) fn run(settings: &Settings) -> Result<(), CliError> {
    log::begin(&settings.log)?;
    runtime()?.block_on(async {
        let host = Host::start(settings).await?;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            broker = %settings.broker.url,
            plugins = %settings.plugins.directory.display(),
            admin = %host.address,
            "leveret is up"
        );
        stopped().await?;
        tracing::info!("stopping: finishing what is in flight, at most {}", settings.shutdown.grace);
        tokio::select! {
            () = host.stop() => tracing::info!("stopped"),
            second = stopped() => {
                second?;
                tracing::warn!("stopped at once; what was in flight comes again");
            }
        }
        Ok(())
    })
}

/// Waits for the next SIGTERM or SIGINT.
pub(super) async fn stopped() -> Result<(), CliError> {
    let listen = |kind| signal(kind).map_err(|error| CliError::Failed(format!("no signals: {error}")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
