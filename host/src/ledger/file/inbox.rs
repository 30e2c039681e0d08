//! What was handled and what is held, as rows.

use rusqlite::{Connection, OptionalExtension, Result, params};

use crate::ledger::{HELD_LIMIT, Window};
use crate::message::Timestamp;

/// How many messages of a plugin come before what fell out of its window is taken away.
pub const PRUNING: i64 = 64;
/// How many that are too old go each time. More than came, so that they get fewer in the end.
const OUTDATED: i64 = 4 * PRUNING;

/// Whether a message of this plugin is in the window.
pub fn has_handled(connection: &Connection, plugin: &str, message: &str, window: Window) -> Result<bool> {
    let find = "SELECT 1 FROM handled
                WHERE plugin = ?1 AND message = ?2 AND time >= ?3
                AND number > (SELECT max(number) FROM handled WHERE plugin = ?1) - ?4";
    connection.prepare_cached(find)?.exists(params![plugin, message, oldest(window), count(window)])
}

/// Adds a message, or makes it the newest; now and then, takes away what fell out of the window.
pub fn add_handled(connection: &Connection, plugin: &str, message: &str, window: Window) -> Result<()> {
    let newest = "SELECT coalesce(max(number), 0) FROM handled WHERE plugin = ?1";
    let newest: i64 = connection.prepare_cached(newest)?.query_row([plugin], |row| row.get(0))?;
    let number = newest + 1;
    let add = "INSERT INTO handled (plugin, number, message, time) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (plugin, message) DO UPDATE SET number = excluded.number, time = excluded.time";
    let now = sql(Timestamp::now().millis());
    connection.prepare_cached(add)?.execute(params![plugin, number, message, now])?;
    if number % PRUNING == 0 { prune(connection, plugin, number, window) } else { Ok(()) }
}

fn prune(connection: &Connection, plugin: &str, newest: i64, window: Window) -> Result<()> {
    let surplus = "DELETE FROM handled WHERE plugin = ?1 AND number <= ?2";
    connection.prepare_cached(surplus)?.execute(params![plugin, newest.saturating_sub(count(window))])?;
    let outdated = "DELETE FROM handled WHERE plugin = ?1 AND time < ?2 AND number IN
                    (SELECT number FROM handled WHERE plugin = ?1 ORDER BY number LIMIT ?3)";
    connection.prepare_cached(outdated)?.execute(params![plugin, oldest(window), OUTDATED]).map(drop)
}

/// What is held of a message, as JSON.
pub fn held(connection: &Connection, queue: &str, message: &str) -> Result<Option<String>> {
    let find = "SELECT held FROM held WHERE queue = ?1 AND message = ?2";
    connection.prepare_cached(find)?.query_row([queue, message], |row| row.get(0)).optional()
}

/// Holds a message, and forgets those that nobody has asked for in a long time.
pub fn hold(connection: &Connection, queue: &str, message: &str, held: &str) -> Result<()> {
    let now = Timestamp::now().millis();
    let hold = "INSERT OR REPLACE INTO held (queue, message, time, held) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(hold)?.execute(params![queue, message, sql(now), held])?;
    let limit = u64::try_from(HELD_LIMIT.as_millis()).unwrap_or(u64::MAX);
    let outdated = "DELETE FROM held WHERE time < ?1";
    connection.prepare_cached(outdated)?.execute([sql(now.saturating_sub(limit))]).map(drop)
}

/// Forgets how a message has failed.
pub fn release(connection: &Connection, queue: &str, message: &str) -> Result<()> {
    let release = "DELETE FROM held WHERE queue = ?1 AND message = ?2";
    connection.prepare_cached(release)?.execute([queue, message]).map(drop)
}

/// The time at which the window begins.
fn oldest(window: Window) -> i64 {
    let time = u64::try_from(window.time.as_millis()).unwrap_or(u64::MAX);
    sql(Timestamp::now().millis().saturating_sub(time))
}

fn count(window: Window) -> i64 {
    sql(window.count)
}

/// SQLite has no unsigned numbers.
fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
