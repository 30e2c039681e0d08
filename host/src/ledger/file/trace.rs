//! Steps of the past, as rows.

use std::time::Duration;

use rusqlite::{Connection, Result, params};

use crate::message::Timestamp;

/// How much of the past is kept: whichever ends first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceRetention {
    /// How many of the newest steps.
    pub count: u64,
    pub time: Duration,
}

impl Default for TraceRetention {
    /// 100,000 steps, or 7 days.
    fn default() -> Self {
        Self { count: 100_000, time: Duration::from_secs(7 * 24 * 60 * 60) }
    }
}

impl TraceRetention {
    /// The time of the oldest step that is still kept.
    fn oldest(self) -> i64 {
        let time = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
        sql(Timestamp::now().millis().saturating_sub(time))
    }
}

/// How many steps come before those that are not kept any longer are taken away.
pub const PRUNING: i64 = 64;
/// How many that are too old go each time. More than came, so that they get fewer in the end.
const OUTDATED: i64 = 4 * PRUNING;

/// Adds a step; now and then, takes away those that are not kept any longer.
pub fn add(connection: &Connection, tid: &str, time: Timestamp, step: &str, retention: TraceRetention) -> Result<()> {
    let add = "INSERT INTO step (tid, time, step) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(add)?.execute(params![tid, sql(time.millis()), step])?;
    let newest = connection.last_insert_rowid();
    if newest % PRUNING == 0 { prune(connection, newest, retention) } else { Ok(()) }
}

fn prune(connection: &Connection, newest: i64, retention: TraceRetention) -> Result<()> {
    let surplus = newest.saturating_sub(sql(retention.count));
    connection.prepare_cached("DELETE FROM step WHERE number <= ?1")?.execute([surplus])?;
    let outdated = "DELETE FROM step WHERE time < ?1 AND number IN (SELECT number FROM step ORDER BY number LIMIT ?2)";
    connection.prepare_cached(outdated)?.execute(params![retention.oldest(), OUTDATED]).map(drop)
}

/// The steps of a transaction as JSON, oldest first.
pub fn of(connection: &Connection, tid: &str, retention: TraceRetention) -> Result<Vec<String>> {
    let find = "SELECT step FROM step
                WHERE tid = ?1 AND time >= ?2 AND number > (SELECT max(number) FROM step) - ?3
                ORDER BY time, number";
    let mut find = connection.prepare_cached(find)?;
    find.query_map(params![tid, retention.oldest(), sql(retention.count)], |row| row.get(0))?.collect()
}

/// SQLite has no unsigned numbers.
fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
