//! Opening the file: whose it is, who else has it, and which format it has.
//!
//! Two connections work on it, one that writes and one that reads beside it, so SQLite's own exclusive lock is of no use.
//! A second file is locked instead; the system lets go of it with the process, however that ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::private_file;

/// The format of the file that this version reads and writes.
pub const FORMAT: i64 = 1;
/// Marks the file as a ledger of Leveret's: "LVRL".
const APPLICATION: i64 = 0x4c56_524c;
/// How long to wait for a process that is just letting go of the file.
const PATIENCE: Duration = Duration::from_secs(2);

const SCHEMA: &str = "
    -- Numbers grow by one for each message that a plugin handles: what is too many is told by its number alone.
    CREATE TABLE handled (
        plugin TEXT NOT NULL,
        number INTEGER NOT NULL,
        message TEXT NOT NULL,
        time INTEGER NOT NULL,
        PRIMARY KEY (plugin, number)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX handled_by_message ON handled (plugin, message);
    CREATE TABLE held (
        queue TEXT NOT NULL,
        message TEXT NOT NULL,
        time INTEGER NOT NULL,
        held TEXT NOT NULL,
        PRIMARY KEY (queue, message)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX held_by_time ON held (time);
    CREATE TABLE step (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        tid TEXT NOT NULL,
        time INTEGER NOT NULL,
        step TEXT NOT NULL
    ) STRICT;
    CREATE INDEX step_by_tid ON step (tid);
";

/// Tables that came after the first files of this format. A Leveret that does not know them passes over them.
const LATER: &str = "
    CREATE TABLE IF NOT EXISTS turn (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        plugin TEXT,
        refused INTEGER NOT NULL,
        turn TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS turn_by_plugin ON turn (plugin, number);
    CREATE INDEX IF NOT EXISTS turn_by_refused ON turn (refused, number);
";

/// Why the ledger's file does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot create {}: {source}; check the rights there, or set `ledger.file`", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error(
        "{} is in use by another host; stop that one, or give this one a ledger of its own: set `ledger.file`",
        path.display()
    )]
    InUse { path: PathBuf },
    #[error("{} is not a ledger; move it away, or set `ledger.file`", path.display())]
    Foreign { path: PathBuf },
    #[error("{} is a damaged ledger: {reason}; move it away, and this host begins a new one", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "{} has format {found} of a newer Leveret; this one knows formats up to {FORMAT}: use the newer one",
        path.display()
    )]
    Newer { path: PathBuf, found: i64 },
    #[error("cannot open {}: {source}", path.display())]
    Database { path: PathBuf, source: rusqlite::Error },
    #[error("cannot start a thread of the ledger: {0}")]
    Thread(io::Error),
}

/// The file, opened for this process alone.
#[derive(Debug)]
pub struct Opened {
    pub writer: Connection,
    pub reader: Connection,
    /// Nobody else opens the file as long as this is open.
    pub lock: Arc<File>,
}

/// Opens the file at an absolute path, and makes it if it is missing.
pub fn open(path: &Path) -> Result<Opened, OpenError> {
    private_file::make(path).map_err(|source| OpenError::Create { path: path.into(), source })?;
    let lock = Arc::new(lock(path)?);
    let failed = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse { path: path.into() },
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path: path.into() },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path: path.into(), reason: source.to_string() },
        _ => OpenError::Database { path: path.into(), source },
    };
    let writer = match writer(path).map_err(failed)? {
        Found::Ours(connection) => connection,
        Found::Newer(found) => return Err(OpenError::Newer { path: path.into(), found }),
        Found::Foreign => return Err(OpenError::Foreign { path: path.into() }),
    };
    let reader = connect(path).map_err(failed)?;
    reader.pragma_update(None, "query_only", true).map_err(failed)?;
    Ok(Opened { writer, reader, lock })
}

/// Locks the file beside it. It stays where it is: were it removed, two hosts could each lock one of that name.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push("-lock");
    let beside = PathBuf::from(beside);
    let failed = |source| OpenError::Create { path: beside.clone(), source };
    let lock = private_file::writing().create(true).truncate(false).open(&beside).map_err(failed)?;
    let begun = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: path.into() }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

enum Found {
    Ours(Connection),
    Newer(i64),
    Foreign,
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // Otherwise SQLite plans a statement anew for each value that is bound, at several times the cost of running it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Looks before it writes anything, so that a file of another program stays as it is.
fn writer(path: &Path) -> rusqlite::Result<Found> {
    let connection = connect(path)?;
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, format) = (number("application_id")?, number("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, format, tables) {
        (APPLICATION, newer, _) if newer > FORMAT => return Ok(Found::Newer(newer)),
        (APPLICATION, FORMAT, _) | (0, 0, 0) => {}
        _ => return Ok(Found::Foreign),
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Pages are written to over and over; fewer checkpoints write each less often. 16 MiB of log.
    connection.query_row("PRAGMA wal_autocheckpoint = 4096", [], |_| Ok(()))?;
    connection.query_row("PRAGMA journal_size_limit = 67108864", [], |_| Ok(()))?;
    if tables == 0 {
        let creation = connection.unchecked_transaction()?;
        creation.execute_batch(SCHEMA)?;
        creation.pragma_update(None, "application_id", APPLICATION)?;
        creation.pragma_update(None, "user_version", FORMAT)?;
        creation.commit()?;
    }
    connection.execute_batch(LATER)?;
    Ok(Found::Ours(connection))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_path(test: impl FnOnce(&Path)) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        test(&directory.path().join("a/.leveret/ledger.db"));
    }

    #[test]
    fn the_file_and_its_directory_are_made_and_private() {
        with_path(|path| {
            open(path).expect("opens");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                let mode = |path: &Path| path.metadata().expect("exists").permissions().mode() & 0o777;
                assert_eq!(mode(path), 0o600);
                assert_eq!(mode(path.parent().expect("has one")), 0o700);
            }
        });
    }

    #[test]
    fn a_second_host_is_told_which_file_is_in_use_and_which_setting_gives_it_another() {
        with_path(|path| {
            let first = open(path).expect("opens");
            let error = open(path).expect_err("in use");
            assert!(matches!(error, OpenError::InUse { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains("ledger.db is in use") && text.contains("`ledger.file`"), "{text}");
            drop(first);
            open(path).expect("free again");
        });
    }

    #[test]
    fn a_file_of_a_newer_version_is_refused() {
        with_path(|path| {
            let opened = open(path).expect("opens");
            opened.writer.pragma_update(None, "user_version", FORMAT + 1).expect("written");
            drop(opened);
            assert!(matches!(open(path), Err(OpenError::Newer { found, .. }) if found == FORMAT + 1));
        });
    }

    #[test]
    fn a_foreign_file_is_refused_and_left_as_it_is() {
        with_path(|path| {
            std::fs::create_dir_all(path.parent().expect("has one")).expect("made");
            std::fs::write(path, "not a database ".repeat(100)).expect("written");
            assert!(matches!(open(path), Err(OpenError::Foreign { .. })));

            std::fs::remove_file(path).expect("removed");
            Connection::open(path).expect("opens").execute_batch("CREATE TABLE t (c)").expect("written");
            let before = std::fs::read(path).expect("readable");
            assert!(matches!(open(path), Err(OpenError::Foreign { .. })));
            assert_eq!(std::fs::read(path).expect("readable"), before);
        });
    }

    #[test]
    fn a_damaged_file_is_told_from_a_foreign_one() {
        with_path(|path| {
            let Opened { writer, reader, lock } = open(path).expect("opens");
            drop((reader, writer, lock));
            // The header stays, the schema behind it goes.
            let mut bytes = std::fs::read(path).expect("readable");
            bytes[100..4096].fill(0xff);
            std::fs::write(path, bytes).expect("written");
            let error = open(path).expect_err("damaged");
            assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        });
    }
}
