//! What a host remembers, and where.

use std::sync::Arc;

use super::StartError;
use crate::config::Settings;
use crate::delivery::{Observe, Record, Settlement};
use crate::ledger::{Inbox, Ledger, Made, RedisInbox, Step, Trace, TraceRetention};

/// Opens the ledger that the settings name.
pub(super) fn open(settings: &Settings) -> Result<Arc<Ledger>, StartError> {
    let settings = &settings.ledger;
    let retention = TraceRetention { count: settings.trace_count.get(), time: settings.trace_time.as_duration() };
    Ok(Ledger::open(&settings.file, retention)?)
}

/// What the hosts share, where they share anything; else this host's own.
pub(super) fn inbox(settings: &Settings, own: &Arc<Ledger>) -> Result<Arc<dyn Inbox>, StartError> {
    match settings.ledger.redis.secret_url() {
        Some(url) => Ok(Arc::new(RedisInbox::open(url)?)),
        None => Ok(own.clone()),
    }
}

/// Keeps every settled delivery for `leveret trace`.
pub(super) struct Tracer(pub Arc<Ledger>);

impl Observe for Tracer {
    fn settled(&self, record: &Record) {
        let (settled, reason) = match &record.settlement {
            Settlement::Done => ("done", None),
            Settlement::Retried { reason, .. } => ("retried", Some(reason)),
            Settlement::Dead { reason } => ("dead", Some(reason)),
            Settlement::Duplicate => ("duplicate", None),
            Settlement::Returned { reason } => ("returned", Some(reason)),
        };
        self.0.keep(Step {
            time: record.time,
            tid: record.tid.clone(),
            id: record.id.clone(),
            subject: record.subject.clone(),
            source: record.source.clone(),
            published: record.published,
            plugin: record.plugin.to_string(),
            version: record.version.clone(),
            attempt: record.attempt,
            settled: settled.into(),
            reason: reason.cloned(),
            receipt: record.receipt,
            emitted: record.emitted.iter().map(|made| Made { name: made.name.clone(), id: made.id.clone() }).collect(),
        });
    }
}
