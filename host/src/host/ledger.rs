//! What a host remembers, and where.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::catalog;
use crate::config::Settings;
use crate::delivery::{Observe, Record, Settlement};
use crate::ledger::{Audit, Became, FileVersion, Inbox, Ledger, Made, RedisInbox, Step, Trace, TraceRetention, Turn};
use crate::plugin::Version;

/// How many turns of plugins' files may wait to be written into the audit log.
const TURNS: usize = 4096;

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

/// Takes every turn of plugins' files for the audit log. Unlike a step of a trace none is passed over because
/// deliveries come fast.
pub(super) struct Auditor(mpsc::Sender<catalog::Turn>);

impl Auditor {
    pub(super) fn new() -> (Self, mpsc::Receiver<catalog::Turn>) {
        let (turns, taken) = mpsc::channel(TURNS);
        (Self(turns), taken)
    }
}

impl catalog::Observe for Auditor {
    fn turned(&self, turn: catalog::Turn) {
        if let Err(mpsc::error::TrySendError::Full(turn)) = self.0.try_send(turn) {
            tracing::error!(file = %turn.file.display(), "not in the audit log, since the ledger does not keep up");
        }
    }
}

/// Writes turns into the audit log, which remembers so many, until no more come after `ended`.
pub(super) async fn audit(
    log: &dyn Audit,
    mut turns: mpsc::Receiver<catalog::Turn>,
    ended: CancellationToken,
    count: u64,
) {
    loop {
        let next = tokio::select! {
            biased;
            turn = turns.recv() => turn,
            () = ended.cancelled() => None,
        };
        let Some(turn) = next else { return };
        let file = turn.file.clone();
        if let Err(error) = log.enter(entry(turn), count).await {
            tracing::error!(file = %file.display(), "not in the audit log: {error}");
        }
    }
}

fn entry(catalog::Turn { time, plugin, file, became }: catalog::Turn) -> Turn {
    let version = |Version { text, digest }: Version| FileVersion { text, sha256: digest.to_string() };
    let became = match became {
        catalog::Became::Live { version: live, instead, voucher } => Became::Live {
            version: version(live),
            instead: instead.map(version),
            by: voucher.map(|voucher| voucher.to_string()),
            again: false,
        },
        catalog::Became::Refused { digest, reason, still_live } => Became::Refused {
            sha256: digest.map(|digest| digest.to_string()),
            reason,
            still_live: still_live.map(version),
        },
        catalog::Became::Gone { version: gone } => Became::Gone { version: version(gone) },
    };
    Turn { time, plugin: plugin.map(|plugin| plugin.to_string()), file: file.display().to_string(), became }
}
