//! `GET /metrics`: the host in numbers, in the text format of OpenMetrics.
//!
//! What deliveries came to is counted as they settle, in the same moment as the journal counts it (I7); everything else
//! is asked at the scrape. Labels are names of plugins, subscriptions and queues that are live, never anything that a
//! message says. Series of a plugin or subscription that is gone go with it, and those above [`MOST_SERIES`] are counted
//! together under the name [`OTHER`].

mod gauges;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::{Seen, problem};
use crate::delivery::{Observe, Record, Settlement};
use crate::message::{Receipt, Timestamp};
use gauges::{Depths, Subscription};

/// How many series of deliveries there may be.
pub const MOST_SERIES: usize = 10_000;
/// The plugin and subject of those that are one too many.
pub const OTHER: &str = "other";
/// The series of one subscription: one for each outcome.
const SERIES_OF_SUBSCRIPTION: usize = 5;
/// The series of one plugin: the buckets, the sum and the count of each histogram, and two counters; rounded up.
const SERIES_OF_PLUGIN: usize = 90;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The numbers of a host.
pub struct Metrics {
    deliveries: Family<Delivery, Counter>,
    attempts: Family<Plugin, Histogram>,
    until_settled: Family<Plugin, Histogram>,
    handler_time: Family<Plugin, Histogram>,
    wasm_time: Family<Plugin, Histogram>,
    host_time: Family<Plugin, Histogram>,
    peak_memory: Family<Plugin, Histogram>,
    bytes_in: Family<Plugin, Counter>,
    bytes_out: Family<Plugin, Counter>,
    registry: Registry,
    /// Which series there are.
    known: Mutex<Known>,
    depths: Depths,
    started: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Delivery {
    plugin: String,
    subject: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct Plugin {
    plugin: String,
}

/// The plugins and subscriptions that have series.
#[derive(Default)]
struct Known {
    plugins: BTreeSet<String>,
    subscriptions: BTreeSet<Subscription>,
}

impl Known {
    /// The names that a delivery is counted under.
    fn admit(&mut self, plugin: String, subject: String) -> Subscription {
        let named = Subscription { plugin, subject };
        if self.subscriptions.contains(&named) {
            return named;
        }
        let new_plugin = if self.plugins.contains(&named.plugin) { 0 } else { SERIES_OF_PLUGIN };
        let series = self.plugins.len() * SERIES_OF_PLUGIN + self.subscriptions.len() * SERIES_OF_SUBSCRIPTION;
        if series + new_plugin + SERIES_OF_SUBSCRIPTION > MOST_SERIES - SERIES_OF_PLUGIN - SERIES_OF_SUBSCRIPTION {
            return Subscription { plugin: OTHER.into(), subject: OTHER.into() };
        }
        self.plugins.insert(named.plugin.clone());
        self.subscriptions.insert(named.clone());
        named
    }
}

const OUTCOMES: [&str; SERIES_OF_SUBSCRIPTION] = ["done", "retried", "dead", "duplicate", "returned"];

fn outcome(settlement: &Settlement) -> &'static str {
    match settlement {
        Settlement::Done => "done",
        Settlement::Retried { .. } => "retried",
        Settlement::Dead { .. } => "dead",
        Settlement::Duplicate => "duplicate",
        Settlement::Returned { .. } => "returned",
    }
}

/// From 1 ms to about 9 hours.
fn waits() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 13))
}

/// From 100 µs to about 100 s.
fn calls() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 11))
}

/// From 64 KiB, a page of wasm, to 4 GiB.
fn memories() -> Histogram {
    Histogram::new(exponential_buckets(65_536.0, 4.0, 9))
}

fn numbers() -> Histogram {
    Histogram::new([1.0, 2.0, 3.0, 5.0, 10.0, 25.0, 100.0])
}

impl Default for Metrics {
    fn default() -> Self {
        let deliveries = Family::default();
        let attempts = Family::new_with_constructor(numbers as fn() -> Histogram);
        let until_settled = Family::new_with_constructor(waits as fn() -> Histogram);
        let handler_time = Family::new_with_constructor(calls as fn() -> Histogram);
        let wasm_time = Family::new_with_constructor(calls as fn() -> Histogram);
        let host_time = Family::new_with_constructor(calls as fn() -> Histogram);
        let peak_memory = Family::new_with_constructor(memories as fn() -> Histogram);
        let (bytes_in, bytes_out) = (Family::default(), Family::default());
        let mut registry = Registry::with_prefix("leveret");
        registry.register("deliveries", "Deliveries by what they came to", deliveries.clone());
        registry.register(
            "delivery_attempts",
            "Number of the attempt with which a message was done or became a dead letter",
            attempts.clone(),
        );
        let mut seconds = |name: &str, help: &str, family: &Family<Plugin, Histogram>| {
            registry.register_with_unit(name, help, Unit::Seconds, family.clone());
        };
        let help = "Time from a message's publication until it was done or became a dead letter";
        seconds("delivery_duration", help, &until_settled);
        seconds("handler_duration", "Time of a handler's run by the clock", &handler_time);
        seconds("handler_wasm", "Time of a handler's run on a processor", &wasm_time);
        seconds("handler_host", "Time of a handler's run in the host's calls, waiting included", &host_time);
        let help = "Most linear memory and tables that a handler's run had";
        registry.register_with_unit("handler_peak_memory", help, Unit::Bytes, peak_memory.clone());
        let mut bytes = |name: &str, help: &str, family: &Family<Plugin, Counter>| {
            registry.register_with_unit(name, help, Unit::Bytes, family.clone());
        };
        bytes("handler_input", "Payload that went into a handler's runs", &bytes_in);
        bytes("handler_output", "Payload that came out of a handler's runs, taken or not", &bytes_out);
        let (known, depths) = Default::default();
        let started = Timestamp::now();
        Self {
            deliveries,
            attempts,
            until_settled,
            handler_time,
            wasm_time,
            host_time,
            peak_memory,
            bytes_in,
            bytes_out,
            registry,
            known,
            depths,
            started,
        }
    }
}

impl Observe for Metrics {
    fn settled(&self, record: &Record) {
        // Held until the numbers are written, so that none is written for what was just forgotten.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Subscription { plugin, subject } = known.admit(record.plugin.to_string(), record.subject.to_string());
        let outcome = outcome(&record.settlement);
        self.deliveries.get_or_create(&Delivery { plugin: plugin.clone(), subject, outcome }).inc();
        let plugin = Plugin { plugin };
        if matches!(record.settlement, Settlement::Done | Settlement::Dead { .. }) {
            self.attempts.get_or_create(&plugin).observe(record.attempt.number().into());
            let seconds = since(record.published, record.time).as_secs_f64();
            self.until_settled.get_or_create(&plugin).observe(seconds);
        }
        if record.receipt != Receipt::default() {
            self.handler_time.get_or_create(&plugin).observe(record.receipt.time.as_secs_f64());
            self.wasm_time.get_or_create(&plugin).observe(record.receipt.wasm_time.as_secs_f64());
            self.host_time.get_or_create(&plugin).observe(record.receipt.host_time.as_secs_f64());
            self.peak_memory.get_or_create(&plugin).observe(record.receipt.peak_memory as f64);
            self.bytes_in.get_or_create(&plugin).inc_by(record.receipt.bytes_in);
            self.bytes_out.get_or_create(&plugin).inc_by(record.receipt.bytes_out);
        }
    }
}

/// None where the publisher's clock is ahead.
fn since(earlier: Timestamp, later: Timestamp) -> Duration {
    later.since_epoch().saturating_sub(earlier.since_epoch())
}

impl Metrics {
    /// All of it as text: what was counted, then what was asked.
    fn write(&self, asked: &Registry) -> Result<String, fmt::Error> {
        let mut written = String::new();
        text::encode_registry(&mut written, &self.registry)?;
        text::encode_registry(&mut written, asked)?;
        text::encode_eof(&mut written)?;
        Ok(written)
    }

    /// Forgets the series of whatever is not live any more.
    fn retain(&self, live: &BTreeSet<Subscription>) {
        let plugins: BTreeSet<&str> = live.iter().map(|subscription| subscription.plugin.as_str()).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.subscriptions.retain(|subscription| {
            let stays = live.contains(subscription);
            if !stays {
                let Subscription { plugin, subject } = subscription.clone();
                for outcome in OUTCOMES {
                    self.deliveries.remove(&Delivery { plugin: plugin.clone(), subject: subject.clone(), outcome });
                }
            }
            stays
        });
        known.plugins.retain(|plugin| {
            let stays = plugins.contains(plugin.as_str());
            if !stays {
                let plugin = Plugin { plugin: plugin.clone() };
                let times = [&self.until_settled, &self.handler_time, &self.wasm_time, &self.host_time];
                for family in times.into_iter().chain([&self.attempts, &self.peak_memory]) {
                    family.remove(&plugin);
                }
                for family in [&self.bytes_in, &self.bytes_out] {
                    family.remove(&plugin);
                }
            }
            stays
        });
    }
}

/// Answers a scrape.
pub(super) async fn metrics(State(seen): State<Seen>) -> Response {
    seen.metrics.retain(&gauges::live(&seen));
    let asked = gauges::ask(&seen).await;
    match seen.metrics.write(&asked) {
        Ok(written) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], written).into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, format!("the metrics cannot be written: {error}")),
    }
}

#[cfg(test)]
mod tests;
