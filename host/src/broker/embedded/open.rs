//! Opening the file: whose it is, who else has it, and which format it has.
//!
//! The lock is SQLite's own (`locking_mode = EXCLUSIVE`), held as long as the connection. It needs no second file, the
//! system drops it with the process however that ends, and it also keeps other programs from changing the file below us.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::private_file;

/// The format of the file that this version reads and writes; older ones are brought up to it.
pub const FORMAT: i64 = STEPS.len() as i64;
/// Marks the file as one of Leveret's: "LVRT".
const APPLICATION: i64 = 0x4c56_5254;
/// How long to wait for a process that is just letting go of the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// What makes each format out of the one before it.
const STEPS: [&str; 2] = [QUEUES, HISTORY];

const QUEUES: &str = "
    CREATE TABLE queue (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        stored INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE binding (
        event TEXT NOT NULL,
        queue INTEGER NOT NULL REFERENCES queue,
        PRIMARY KEY (event, queue)
    ) STRICT, WITHOUT ROWID;
    -- AUTOINCREMENT: a position is never used again, so what is behind a cursor stays behind it.
    CREATE TABLE message (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        queue INTEGER NOT NULL REFERENCES queue,
        metadata TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX message_by_queue ON message (queue, position);
    CREATE TABLE delayed (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        due INTEGER NOT NULL,
        home TEXT NOT NULL,
        metadata TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX delayed_by_due ON delayed (due, id);
    CREATE TRIGGER message_stored AFTER INSERT ON message BEGIN
        UPDATE queue SET stored = stored + 1 WHERE id = NEW.queue;
    END;
    CREATE TRIGGER message_removed AFTER DELETE ON message BEGIN
        UPDATE queue SET stored = stored - 1 WHERE id = OLD.queue;
    END;
";

const HISTORY: &str = "
    CREATE TABLE history (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        event TEXT NOT NULL,
        -- Of its arrival, and never less than that of the one before.
        time INTEGER NOT NULL,
        size INTEGER NOT NULL,
        metadata TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX history_by_time ON history (time);
    -- The sum of their sizes, in one row.
    CREATE TABLE history_size (bytes INTEGER NOT NULL) STRICT;
    INSERT INTO history_size VALUES (0);
    CREATE TRIGGER history_recorded AFTER INSERT ON history BEGIN
        UPDATE history_size SET bytes = bytes + NEW.size;
    END;
    CREATE TRIGGER history_trimmed AFTER DELETE ON history BEGIN
        UPDATE history_size SET bytes = bytes - OLD.size;
    END;
";

/// Why the embedded broker does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot create {}: {source}; check the rights there, or choose another file", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("{} is in use by another host; stop that one, or give this one a file of its own", path.display())]
    InUse { path: PathBuf },
    #[error("{} is not a file of the embedded broker; move it away, or choose another file", path.display())]
    Foreign { path: PathBuf },
    #[error(
        "{} has format {found} of a newer Leveret; this one knows formats up to {FORMAT}: use the newer one",
        path.display()
    )]
    Newer { path: PathBuf, found: i64 },
    #[error("cannot open {}: {source}", path.display())]
    Database { path: PathBuf, source: rusqlite::Error },
    #[error("cannot start the thread of the embedded broker: {0}")]
    Thread(io::Error),
}

/// Opens the file at an absolute path for this process alone, and makes it if it is missing.
pub fn open(path: &Path) -> Result<Connection, OpenError> {
    private_file::make(path).map_err(|source| OpenError::Create { path: path.into(), source })?;
    let found = connect(path).map_err(|source| match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse { path: path.into() },
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path: path.into() },
        _ => OpenError::Database { path: path.into(), source },
    })?;
    match found {
        Found::Ours(connection) => Ok(connection),
        Found::Newer(found) => Err(OpenError::Newer { path: path.into(), found }),
        Found::Foreign => Err(OpenError::Foreign { path: path.into() }),
    }
}

enum Found {
    Ours(Connection),
    Newer(i64),
    Foreign,
}

/// Looks before it writes anything, so that a file of another program stays as it is.
fn connect(path: &Path) -> rusqlite::Result<Found> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    // Otherwise SQLite plans a statement anew for each value that is bound, at several times the cost of running it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, format) = (number("application_id")?, number("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let missing = match (application, format, tables) {
        (APPLICATION, newer, _) if newer > FORMAT => return Ok(Found::Newer(newer)),
        (APPLICATION, 1.., _) | (0, 0, 0) => STEPS.iter().skip(format.unsigned_abs() as usize),
        _ => return Ok(Found::Foreign),
    };
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // macOS tells the disk to write through only when asked like this; elsewhere it changes nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.query_row("PRAGMA journal_size_limit = 67108864", [], |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(64);
    // Takes the lock at once, not with the first message.
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
    if format < FORMAT {
        let change = connection.unchecked_transaction()?;
        for step in missing {
            change.execute_batch(step)?;
        }
        change.pragma_update(None, "application_id", APPLICATION)?;
        change.pragma_update(None, "user_version", FORMAT)?;
        change.commit()?;
    }
    Ok(Found::Ours(connection))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary directory")
    }

    #[test]
    fn the_file_and_its_directory_are_made_and_private() {
        let directory = directory();
        let path = directory.path().join("a/.leveret/broker.db");
        open(&path).expect("opens");
        assert!(path.is_file());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| path.metadata().expect("exists").permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(path.parent().expect("has one")), 0o700);
        }
    }

    #[test]
    fn a_second_host_is_told_which_file_is_in_use() {
        let directory = directory();
        let path = directory.path().join("broker.db");
        let first = open(&path).expect("opens");
        let error = open(&path).expect_err("in use");
        assert!(matches!(error, OpenError::InUse { .. }), "{error}");
        assert!(error.to_string().contains("broker.db"));
        drop(first);
        open(&path).expect("free again");
    }

    #[test]
    fn a_file_of_a_newer_version_is_refused() {
        let directory = directory();
        let path = directory.path().join("broker.db");
        open(&path).expect("opens").pragma_update(None, "user_version", FORMAT + 1).expect("written");
        assert!(matches!(open(&path), Err(OpenError::Newer { found, .. }) if found == FORMAT + 1));
    }

    #[test]
    fn i1_an_older_file_is_brought_up_and_keeps_what_it_has() {
        let directory = directory();
        let path = directory.path().join("broker.db");
        let older = Connection::open(&path).expect("opens");
        older.execute_batch(QUEUES).expect("made");
        let message = "INSERT INTO queue (name) VALUES ('pheidi.email.send');
                       INSERT INTO message (queue, metadata, body) VALUES (1, '{}', x'2a');";
        older.execute_batch(message).expect("written");
        older.pragma_update(None, "application_id", APPLICATION).expect("written");
        older.pragma_update(None, "user_version", 1).expect("written");
        older.close().expect("closes");

        for _ in 0..2 {
            let connection = open(&path).expect("opens");
            let number = |query| connection.query_row(query, [], |row| row.get::<_, i64>(0)).expect("reads");
            assert_eq!(number("PRAGMA user_version"), FORMAT);
            assert_eq!(number("SELECT count(*) FROM message WHERE body = x'2a'"), 1);
            assert_eq!(number("SELECT stored FROM queue"), 1);
            assert_eq!(number("SELECT bytes FROM history_size"), 0);
        }
    }

    #[test]
    fn a_foreign_file_is_refused_and_left_as_it_is() {
        let directory = directory();
        let text = directory.path().join("notes.txt");
        std::fs::write(&text, "not a database ".repeat(100)).expect("written");
        assert!(matches!(open(&text), Err(OpenError::Foreign { .. })));

        let other = directory.path().join("other.db");
        Connection::open(&other).expect("opens").execute_batch("CREATE TABLE t (c)").expect("written");
        let before = std::fs::read(&other).expect("readable");
        assert!(matches!(open(&other), Err(OpenError::Foreign { .. })));
        assert_eq!(std::fs::read(&other).expect("readable"), before);
    }

    #[test]
    fn a_directory_in_its_place_is_an_error_that_names_it() {
        let directory = directory();
        let error = open(directory.path()).expect_err("not a file");
        assert!(error.to_string().contains(&directory.path().display().to_string()), "{error}");
    }
}
