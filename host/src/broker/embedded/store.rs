//! What the file holds, and every statement that touches it. Nothing here knows threads, time or listeners.

mod history;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

pub use self::history::Kept;
use super::content::Content;
use crate::broker::{Binding, Destination, PublishError, Published, Retention, Source};
use crate::message::{MessageId, Subject, Timestamp};
use crate::name::{EventName, QueueName};

/// A queue's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueKey(i64);

/// A message's place: positions only grow, and no two messages of one file ever have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(i64);

impl Position {
    /// Before every message.
    pub const START: Self = Self(0);
}

/// A message on its way into the file.
#[derive(Debug)]
pub struct Parcel {
    pub destination: Destination,
    pub id: MessageId,
    pub subject: Subject,
    pub content: Content,
}

/// What a batch came to.
#[derive(Debug)]
pub struct Deposited {
    pub published: Result<Published, PublishError>,
    /// The queues that have something new.
    pub reached: Vec<QueueKey>,
    /// Whether the history has something new.
    pub recorded: bool,
}

/// How many messages may wait for their moments.
pub const LATER_LIMIT: u64 = 50_000;

/// The file, opened.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// For how long the history is kept; `None` if nothing is added to it.
    retention: Option<Retention>,
}

impl Store {
    pub fn open(path: PathBuf, retention: Option<Retention>) -> std::result::Result<Self, super::OpenError> {
        Ok(Self { connection: super::open::open(&path)?, path, retention })
    }

    /// Whether events are added to the history.
    pub fn keeps_history(&self) -> bool {
        self.retention.is_some()
    }

    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Does all of the work or none of it; `Ok` means that it is on the disk.
    pub fn transaction<T>(&self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let transaction = self.connection.unchecked_transaction()?;
        let result = work(self)?;
        transaction.commit()?;
        Ok(result)
    }

    /// Writes without changing anything, to see whether the file can be written.
    pub fn touch(&self) -> Result<()> {
        self.connection.pragma_update(None, "user_version", super::open::FORMAT)
    }

    /// Folds the write-ahead log into the file, so that only the file remains.
    pub fn close(self) -> Result<()> {
        self.connection.close().map_err(|(_, error)| error)
    }

    /// Puts every message of a batch where it belongs, or none of them where one has no place.
    pub fn deposit(&self, batch: &[Parcel], now: Timestamp) -> Result<Deposited> {
        if let Some(error) = self.refusal(batch)? {
            return Ok(Deposited { published: Err(error), reached: Vec::new(), recorded: false });
        }
        let (mut unheard, mut reached, mut recorded) = (Vec::new(), Vec::new(), false);
        for Parcel { destination, id, subject, content } in batch {
            let queues = match destination {
                Destination::Event(event) => {
                    self.record(subject, now, content)?;
                    recorded = true;
                    self.bound_to(event)?
                }
                Destination::Task(task) => vec![self.make_queue(task.as_str())?],
                Destination::Dead(app) => vec![self.make_queue(QueueName::dead(app).as_str())?],
                Destination::Queue(queue) => vec![self.make_queue(queue.as_str())?],
                Destination::Later => vec![self.make_queue(QueueName::later().as_str())?],
                Destination::History => {
                    self.record(subject, now, content)?;
                    recorded = true;
                    continue;
                }
                Destination::Delay { home, wait } => {
                    // One more, since `now` may be almost a millisecond in the past.
                    let due = now.millis() + u64::from(wait.millis()) + 1;
                    self.delay(home, Timestamp::from_millis(due), content)?;
                    continue;
                }
            };
            if queues.is_empty() {
                unheard.push(id.clone());
            }
            for &queue in &queues {
                self.append(queue, content)?;
            }
            reached.extend(queues);
        }
        let kept = self.keeps_history();
        Ok(Deposited { published: Ok(Published { unheard, kept }), reached, recorded: recorded && kept })
    }

    /// Why nothing of a batch is taken, if so.
    fn refusal(&self, batch: &[Parcel]) -> Result<Option<PublishError>> {
        let homeless = self.homeless(batch)?;
        if !homeless.is_empty() {
            return Ok(Some(PublishError::Returned(homeless)));
        }
        let unwelcome = self.unwelcome(batch)?;
        Ok((!unwelcome.is_empty()).then_some(PublishError::Refused(unwelcome)))
    }

    /// The messages that are too many to wait for their moments, or no events for a history that is kept.
    fn unwelcome(&self, batch: &[Parcel]) -> Result<Vec<MessageId>> {
        let (mut ids, mut room) = (Vec::new(), None);
        for Parcel { destination, id, subject, .. } in batch {
            let welcome = match destination {
                Destination::History => self.keeps_history() && matches!(subject, Subject::Event(_)),
                Destination::Later => {
                    let left = match room {
                        Some(left) => left,
                        None => LATER_LIMIT.saturating_sub(self.stored(&QueueName::later())?.map_or(0, |(_, it)| it)),
                    };
                    room = Some(left.saturating_sub(1));
                    left > 0
                }
                _ => true,
            };
            if !welcome {
                ids.push(id.clone());
            }
        }
        Ok(ids)
    }

    /// The messages that are for a queue that does not exist.
    fn homeless(&self, batch: &[Parcel]) -> Result<Vec<MessageId>> {
        let mut ids = Vec::new();
        for Parcel { destination, id, .. } in batch {
            if let Destination::Queue(queue) = destination
                && self.stored(queue)?.is_none()
            {
                ids.push(id.clone());
            }
        }
        Ok(ids)
    }

    /// Makes the queue of a source, and binds it if it is for an event.
    pub fn declare(&self, source: &Source) -> Result<QueueKey> {
        let queue = self.make_queue(source.queue.as_str())?;
        if let (Binding::Event, Subject::Event(event)) = (&source.binding, &source.subject) {
            let bind = "INSERT OR IGNORE INTO binding (event, queue) VALUES (?1, ?2)";
            self.connection.prepare_cached(bind)?.execute(params![event.as_str(), queue.0])?;
        }
        Ok(queue)
    }

    /// Makes a queue that is bound to nothing, if it is missing.
    pub fn make_queue(&self, name: &str) -> Result<QueueKey> {
        let find = "SELECT id FROM queue WHERE name = ?1";
        let found = self.connection.prepare_cached(find)?.query_row([name], |row| row.get(0)).optional()?;
        if let Some(key) = found {
            return Ok(QueueKey(key));
        }
        let make = "INSERT INTO queue (name) VALUES (?1) RETURNING id";
        self.connection.prepare_cached(make)?.query_row([name], |row| row.get(0)).map(QueueKey)
    }

    fn bound_to(&self, event: &EventName) -> Result<Vec<QueueKey>> {
        let bound = "SELECT queue FROM binding WHERE event = ?1";
        self.connection.prepare_cached(bound)?.query_map([event.as_str()], |row| row.get(0).map(QueueKey))?.collect()
    }

    /// Whether a queue of this name gets the event's messages.
    pub fn is_bound(&self, queue: &QueueName, event: &EventName) -> Result<bool> {
        let bound = "SELECT 1 FROM binding JOIN queue ON queue.id = binding.queue WHERE event = ?1 AND name = ?2";
        self.connection.prepare_cached(bound)?.exists([event.as_str(), queue.as_str()])
    }

    /// Removes a queue without messages, and its bindings.
    pub fn delete(&self, queue: QueueKey) -> Result<()> {
        self.connection.execute("DELETE FROM binding WHERE queue = ?1", [queue.0])?;
        self.connection.execute("DELETE FROM queue WHERE id = ?1", [queue.0]).map(drop)
    }

    fn append(&self, queue: QueueKey, content: &Content) -> Result<()> {
        let append = "INSERT INTO message (queue, metadata, body) VALUES (?1, ?2, ?3)";
        let row = params![queue.0, content.metadata, &content.body[..]];
        self.connection.prepare_cached(append)?.execute(row).map(drop)
    }

    fn delay(&self, home: &QueueName, due: Timestamp, content: &Content) -> Result<()> {
        let delay = "INSERT INTO delayed (home, due, metadata, body) VALUES (?1, ?2, ?3, ?4)";
        let due = i64::try_from(due.millis()).unwrap_or(i64::MAX);
        let row = params![home.as_str(), due, content.metadata, &content.body[..]];
        self.connection.prepare_cached(delay)?.execute(row).map(drop)
    }

    /// When the next delayed message is due.
    pub fn next_due(&self) -> Result<Option<Timestamp>> {
        let next = "SELECT due FROM delayed ORDER BY due, id LIMIT 1";
        let due = self.connection.prepare_cached(next)?.query_row([], |row| row.get(0)).optional()?;
        Ok(due.map(|due: i64| Timestamp::from_millis(due.unsigned_abs())))
    }

    /// Moves one message that is due to the tail of its home queue, which is made again if it is gone.
    pub fn bring_home(&self, now: Timestamp) -> Result<Option<QueueKey>> {
        let due = "SELECT id, home FROM delayed WHERE due <= ?1 ORDER BY due, id LIMIT 1";
        let now = i64::try_from(now.millis()).unwrap_or(i64::MAX);
        let due: Option<(i64, String)> =
            self.connection.prepare_cached(due)?.query_row([now], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((id, home)) = due else { return Ok(None) };
        let queue = self.make_queue(&home)?;
        let append = "INSERT INTO message (queue, metadata, body) SELECT ?1, metadata, body FROM delayed WHERE id = ?2";
        self.connection.prepare_cached(append)?.execute([queue.0, id])?;
        self.connection.prepare_cached("DELETE FROM delayed WHERE id = ?1")?.execute([id])?;
        Ok(Some(queue))
    }

    /// Removes a message for good.
    pub fn remove(&self, position: Position) -> Result<()> {
        let remove = "DELETE FROM message WHERE position = ?1";
        self.connection.prepare_cached(remove)?.execute([position.0]).map(drop)
    }

    /// The message at a position, if it is still there.
    pub fn at(&self, position: Position) -> Result<Option<(Position, Content)>> {
        let at = "SELECT position, metadata, body FROM message WHERE position = ?1";
        self.connection.prepare_cached(at)?.query_row([position.0], content).optional()
    }

    /// The first message of a queue behind a position.
    pub fn after(&self, queue: QueueKey, position: Position) -> Result<Option<(Position, Content)>> {
        let after = "SELECT position, metadata, body FROM message WHERE queue = ?1 AND position > ?2
                     ORDER BY position LIMIT 1";
        self.connection.prepare_cached(after)?.query_row([queue.0, position.0], content).optional()
    }

    /// The queue of this name, and how many messages it holds, out or not.
    pub fn stored(&self, queue: &QueueName) -> Result<Option<(QueueKey, u64)>> {
        let stored = "SELECT id, stored FROM queue WHERE name = ?1";
        let row = |row: &Row<'_>| Ok((QueueKey(row.get(0)?), row.get::<_, i64>(1)?.unsigned_abs()));
        self.connection.prepare_cached(stored)?.query_row([queue.as_str()], row).optional()
    }

    /// The place of the newest message that was ever in the file.
    pub fn newest(&self) -> Result<Position> {
        let newest = "SELECT seq FROM sqlite_sequence WHERE name = 'message'";
        let found = self.connection.query_row(newest, [], |row| row.get(0)).optional()?;
        Ok(found.map_or(Position::START, Position))
    }
}

#[cfg(test)]
impl Store {
    /// Leaves the file room for so many pages more; `None` for no limit.
    pub fn limit(&self, pages: Option<u32>) -> Result<()> {
        let used: u32 = self.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let most = pages.map_or(u32::MAX - 1, |pages| used + pages);
        self.connection.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(()))
    }

    /// Spoils the oldest message.
    pub fn spoil_the_oldest(&self) -> Result<()> {
        let spoil = "UPDATE message SET metadata = '{' WHERE position = (SELECT min(position) FROM message)";
        self.connection.execute(spoil, []).map(drop)
    }

    /// Spoils the oldest event of the history.
    pub fn spoil_the_past(&self) -> Result<()> {
        let spoil = "UPDATE history SET metadata = '{' WHERE position = (SELECT min(position) FROM history)";
        self.connection.execute(spoil, []).map(drop)
    }
}

fn content(row: &Row<'_>) -> Result<(Position, Content)> {
    let body: Vec<u8> = row.get(2)?;
    Ok((Position(row.get(0)?), Content { metadata: row.get(1)?, body: body.into() }))
}
