//! Connects the [`log`] facade, so that the lines of a plugin and of the crates that it uses reach the operator.

use log::{LevelFilter, Log, Metadata, Record};

struct Logger;

static LOGGER: Logger = Logger;

/// May be called again and again: a plugin's functions are entered in any order. A logger that the author installed
/// stays.
pub(crate) fn install() {
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(LevelFilter::Trace);
    }
}

impl Log for Logger {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        write(record.level(), &record.args().to_string());
    }

    fn flush(&self) {}
}

#[cfg(target_family = "wasm")]
fn write(level: log::Level, line: &str) {
    use crate::bindings::imports::leveret::plugin::log::{Level, log};
    let level = match level {
        log::Level::Trace => Level::Trace,
        log::Level::Debug => Level::Debug,
        log::Level::Info => Level::Info,
        log::Level::Warn => Level::Warn,
        log::Level::Error => Level::Error,
    };
    log(level, line);
}

#[cfg(not(target_family = "wasm"))]
fn write(level: log::Level, line: &str) {
    eprintln!("{level} {line}");
}
