//! Opening the file: whose it is, and which format it has.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::private_file;

/// The format of the file that this version reads and writes.
const FORMAT: i64 = 1;
/// Marks the file as one of Leveret's buckets: "LVRU".
const APPLICATION: i64 = 0x4c56_5255;
/// How long to wait for another host that writes.
const PATIENCE: Duration = Duration::from_secs(2);

const SCHEMA: &str = "
    -- How much a bucket holds is counted with each write.
    CREATE TABLE bucket (
        number INTEGER PRIMARY KEY,
        app TEXT NOT NULL,
        name TEXT NOT NULL,
        keys INTEGER NOT NULL,
        size INTEGER NOT NULL,
        UNIQUE (app, name)
    ) STRICT;
    -- Numbers are never used again, so that a page goes on after the last number of the one before.
    CREATE TABLE entry (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        bucket INTEGER NOT NULL REFERENCES bucket,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        UNIQUE (bucket, key)
    ) STRICT;
    CREATE INDEX entry_in_order ON entry (bucket);
";

/// Why the file of buckets does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot create {}: {source}; check the rights there, or set `buckets.file`", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("{} holds no buckets; move it away, or set `buckets.file`", path.display())]
    Foreign { path: PathBuf },
    #[error(
        "{} holds buckets and is damaged: {reason}; bring back a copy, or move it away and begin with none",
        path.display()
    )]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "{} has format {found} of a newer Leveret; this one knows formats up to {FORMAT}: use the newer one",
        path.display()
    )]
    Newer { path: PathBuf, found: i64 },
    #[error("cannot open {}: {source}", path.display())]
    Database { path: PathBuf, source: rusqlite::Error },
    #[error("cannot start the thread of the buckets: {0}")]
    Thread(io::Error),
}

/// Opens the file at an absolute path, and makes it if it is missing.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    private_file::make(path).map_err(|source| OpenError::Create { path: path.into(), source })?;
    let failed = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path: path.into() },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path: path.into(), reason: source.to_string() },
        _ => OpenError::Database { path: path.into(), source },
    };
    match connect(path).map_err(failed)? {
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
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    match look(&connection)? {
        (APPLICATION, newer, _) if newer > FORMAT => return Ok(Found::Newer(newer)),
        (APPLICATION, FORMAT, _) | (0, 0, 0) => {}
        _ => return Ok(Found::Foreign),
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let creation = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another host may have been faster.
    if look(&creation)?.2 == 0 {
        creation.execute_batch(SCHEMA)?;
        creation.pragma_update(None, "application_id", APPLICATION)?;
        creation.pragma_update(None, "user_version", FORMAT)?;
    }
    creation.commit()?;
    Ok(Found::Ours(connection))
}

/// Whose it is, its format, and how many tables it has.
fn look(connection: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok((number("application_id")?, number("user_version")?, tables))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_and_its_directory_are_made_and_private_and_may_be_shared() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a/.leveret/buckets.db");
        let _first = open(&path).expect("opens");
        let _second = open(&path).expect("opens beside it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| path.metadata().expect("exists").permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(path.parent().expect("has one"))), (0o600, 0o700));
        }
    }

    #[test]
    fn a_newer_file_and_a_foreign_one_are_refused_and_left_as_they_are() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("buckets.db");
        open(&path).expect("opens").pragma_update(None, "user_version", FORMAT + 1).expect("written");
        assert!(matches!(open(&path), Err(OpenError::Newer { found, .. }) if found == FORMAT + 1));

        let path = directory.path().join("other.db");
        Connection::open(&path).expect("opens").execute_batch("CREATE TABLE t (c)").expect("written");
        let before = std::fs::read(&path).expect("readable");
        assert!(matches!(open(&path), Err(OpenError::Foreign { .. })));
        assert_eq!(std::fs::read(&path).expect("readable"), before);

        std::fs::write(&path, "not a database ".repeat(100)).expect("written");
        assert!(matches!(open(&path), Err(OpenError::Foreign { .. })));
    }
}
