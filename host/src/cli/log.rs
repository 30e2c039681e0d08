//! The log: for people on a terminal, JSON elsewhere; always on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use super::error::CliError;
use crate::config::{Log, LogFormat};

/// Begins to say, on a terminal, what a command that compiles a plugin is waiting for.
pub(super) fn tell_progress() {
    if std::io::stderr().is_terminal() {
        let filter = EnvFilter::new("off,leveret::catalog::load=info");
        let format = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        format.without_time().with_level(false).with_target(false).init();
    }
}

/// Begins to log as the settings say.
pub(super) fn begin(settings: &Log) -> Result<(), CliError> {
    // lapin logs the payload of every message that comes back, and the adapter says the same in our words.
    // wasmtime-wasi-http logs what it is called with, query strings among it, in which secrets may stand.
    let filter = EnvFilter::builder().parse(format!("lapin=off,wasmtime_wasi_http=info,{}", settings.level)).map_err(
        |error| {
            CliError::Usage(format!("`log.level`: {:?} is no filter: {error}; use one like \"info\"", settings.level))
        },
    )?;
    let terminal = std::io::stderr().is_terminal();
    let json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !terminal,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal)
        .with_span_events(FmtSpan::NONE);
    if json {
        subscriber.json().flatten_event(true).with_current_span(true).with_span_list(false).init();
    } else {
        subscriber.with_target(false).init();
    }
    Ok(())
}
