//! Turns in the lives of plugins' files, as rows. What was refused is counted by itself, so that any number of bad files
//! takes nothing of what went live.

use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{Became, Turn};

/// Adds a turn, and takes away the oldest of its kind if there are more than so many.
pub fn add(connection: &Connection, turn: Turn, count: u64) -> Result<()> {
    let turn = completed(connection, turn)?;
    let refused = matches!(turn.became, Became::Refused { .. });
    let text = serde_json::to_string(&turn).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let add = "INSERT INTO turn (plugin, refused, turn) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(add)?.execute(params![turn.plugin, refused, text])?;
    let prune = "DELETE FROM turn WHERE refused = ?1 AND number <=
                 (SELECT number FROM turn WHERE refused = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)";
    connection.prepare_cached(prune)?.execute(params![refused, sql(count)]).map(drop)
}

/// What a host that has just started cannot know of a version that goes live: which one was live when it was last told
/// of the plugin.
fn completed(connection: &Connection, turn: Turn) -> Result<Turn> {
    let Turn { became: Became::Live { version, instead: None, by, .. }, .. } = &turn else { return Ok(turn) };
    let last = "SELECT turn FROM turn WHERE plugin = ?1 AND NOT refused ORDER BY number DESC LIMIT 1";
    let last: Option<String> =
        connection.prepare_cached(last)?.query_row([&turn.plugin], |row| row.get(0)).optional()?;
    let last = last.and_then(|text| serde_json::from_str::<Turn>(&text).ok()).map(|turn| turn.became);
    let Some(Became::Live { version: before, .. }) = last else { return Ok(turn) };
    let again = before.sha256 == version.sha256;
    let instead = (!again).then_some(before);
    let became = Became::Live { version: version.clone(), instead, by: by.clone(), again };
    Ok(Turn { became, ..turn })
}

/// The newest turns as JSON, oldest first; those of one plugin, or all.
pub fn of(connection: &Connection, plugin: Option<&str>, limit: u64) -> Result<Vec<String>> {
    let find = "SELECT turn FROM turn WHERE ?1 IS NULL OR plugin = ?1 ORDER BY number DESC LIMIT ?2";
    let mut find = connection.prepare_cached(find)?;
    let mut turns: Vec<_> = find.query_map(params![plugin, sql(limit)], |row| row.get(0))?.collect::<Result<_>>()?;
    turns.reverse();
    Ok(turns)
}

/// SQLite has no unsigned numbers.
fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
