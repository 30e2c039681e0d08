//! The part of the file that keeps the past: every event once, in the order of their arrival.

use rusqlite::{OptionalExtension, Result, Row, params};

use super::{Content, Store};
use crate::broker::{From, Offset, Retention};
use crate::message::{Subject, Timestamp};

/// The most events, and about the most bytes of them, that are read at a time, so that what else is asked does not wait.
const READ: (i64, u64) = (512, 1 << 20);
/// The most events, and about the most bytes of them, that are forgotten in one transaction.
const TRIM: (i64, u64) = (1024, 4 << 20);
/// About what a row takes beside its texts and its body, with its place in the index, in bytes.
const ROW: usize = 48;

/// An event as it lies in the history.
#[derive(Debug)]
pub struct Kept {
    pub offset: Offset,
    pub event: String,
    pub content: Content,
}

impl Store {
    /// Adds an event, if a history is kept.
    ///
    /// The time of its arrival is never before that of the one before it, whatever the clock does: so the place of a
    /// moment is found in the index, and nothing that came later lies before it.
    pub fn record(&self, subject: &Subject, now: Timestamp, content: &Content) -> Result<()> {
        if self.retention.is_none() {
            return Ok(());
        }
        let record = "INSERT INTO history (event, time, size, metadata, body) VALUES
            (?1, max(?2, ifnull((SELECT time FROM history ORDER BY position DESC LIMIT 1), 0)), ?3, ?4, ?5)";
        let Content { metadata, body } = content;
        let size = ROW + subject.as_str().len() + metadata.len() + body.len();
        let row = params![subject.as_str(), whole(now.millis()), whole(size as u64), metadata, &body[..]];
        self.connection.prepare_cached(record)?.execute(row).map(drop)
    }

    /// Where the next event will be: behind all that were ever there.
    pub fn history_end(&self) -> Result<Offset> {
        let newest = "SELECT seq FROM sqlite_sequence WHERE name = 'history'";
        let newest = self.connection.prepare_cached(newest)?.query_row([], |row| row.get(0)).optional()?;
        Ok(newest.map_or(Offset::FIRST, offset).next())
    }

    /// The place at which to begin to read.
    pub fn place(&self, from: From) -> Result<Offset> {
        let moment = match from {
            From::First => return Ok(Offset::FIRST),
            From::Offset(offset) => return Ok(offset),
            From::Time(moment) => whole(moment.millis()),
        };
        let first = "SELECT position FROM history WHERE time >= ?1 ORDER BY time, position LIMIT 1";
        let first = self.connection.prepare_cached(first)?.query_row([moment], |row| row.get(0)).optional()?;
        first.map_or_else(|| self.history_end(), |first| Ok(offset(first)))
    }

    /// Some events from a place on, at least one if there is any; and the place that they reach.
    pub fn kept_from(&self, from: Offset) -> Result<(Vec<Kept>, Offset)> {
        let (number, mut room) = READ;
        let read = "SELECT position, event, metadata, body, size FROM history WHERE position >= ?1
                    ORDER BY position LIMIT ?2";
        let mut read = self.connection.prepare_cached(read)?;
        let mut rows = read.query([whole(from.0), number])?;
        let mut kept: Vec<Kept> = Vec::new();
        while let Some(row) = rows.next()? {
            let size = row.get::<_, i64>(4)?.unsigned_abs();
            if size > room && !kept.is_empty() {
                break;
            }
            room = room.saturating_sub(size);
            kept.push(event(row)?);
        }
        let reached = match kept.last() {
            Some(last) => last.offset.next(),
            None => self.history_end()?.max(from),
        };
        Ok((kept, reached))
    }

    /// Forgets some of the oldest events, if they are too old or too many; `true` if there may be more such.
    pub fn trim(&self, now: Timestamp) -> Result<bool> {
        let Some(Retention { age, size: limit }) = self.retention else { return Ok(false) };
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let oldest = whole(now.millis().saturating_sub(age));
        let (number, mut room) = TRIM;
        let mut size = self.history_size()?;
        let first = "SELECT position, time, size FROM history ORDER BY position LIMIT ?1";
        let mut first = self.connection.prepare_cached(first)?;
        let mut rows = first.query([number])?;
        let (mut last, mut passed) = (None, 0);
        while let Some(row) = rows.next()? {
            let (position, time, own) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?);
            if (time >= oldest && size <= limit) || room == 0 {
                break;
            }
            let own = own.unsigned_abs();
            (size, room) = (size.saturating_sub(own), room.saturating_sub(own));
            (last, passed) = (Some(position), passed + 1);
        }
        drop(rows);
        if let Some(last) = last {
            self.connection.prepare_cached("DELETE FROM history WHERE position <= ?1")?.execute([last])?;
        }
        Ok(passed == number || room == 0)
    }

    /// About how many bytes the history takes.
    pub fn history_size(&self) -> Result<u64> {
        let mut size = self.connection.prepare_cached("SELECT bytes FROM history_size")?;
        size.query_row([], |row| row.get(0)).map(i64::unsigned_abs)
    }
}

fn event(row: &Row<'_>) -> Result<Kept> {
    let body: Vec<u8> = row.get(3)?;
    Ok(Kept {
        offset: offset(row.get(0)?),
        event: row.get(1)?,
        content: Content { metadata: row.get(2)?, body: body.into() },
    })
}

fn offset(position: i64) -> Offset {
    Offset(position.unsigned_abs())
}

/// A number as SQLite has it.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
