//! A copy of a database that is being used: all of one moment, and nothing of what was erased before it.

use super::reading_connection;
use crate::key_file;
use rusqlite::Connection;
use std::io;
use std::path::{Path, PathBuf};

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The copy cannot be written. A backup never writes over another.
    #[error("cannot write the copy `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// SQLite finds that the file is damaged.
    #[error("`{}` is damaged: {said}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite found first.
        said: String,
    },
}

/// Writes a copy of the database to a new file, which only its owner may read. Servers go on reading and writing meanwhile.
///
/// # Errors
/// [`BackupError`]. Then there is no file of that name.
pub fn backup(database: &Path, out: &Path) -> Result<(), BackupError> {
    let connection = reading(database)?;
    let write = |source| BackupError::Write { path: out.into(), source };
    let copy = key_file::new_file(out).map_err(write)?;
    // It takes the place of a file that is empty, reads in one transaction, and leaves free pages out.
    let copied = connection.execute("VACUUM INTO ?1", [out.to_string_lossy()]);
    let copied = copied.map_err(|error| write(io::Error::other(error))).and_then(|_| copy.sync_all().map_err(write));
    if copied.is_err() {
        // What is there is no copy. If it cannot be removed either, the error says what is wrong with the place.
        let _ = std::fs::remove_file(out);
    }
    copied
}

/// Whether the file is as SQLite left it: its pages, its indexes, and what its tables demand of each other.
///
/// # Errors
/// [`BackupError::Read`], [`BackupError::Damaged`].
pub fn check_file(database: &Path) -> Result<(), BackupError> {
    let connection = reading(database)?;
    let read = |source| BackupError::Read { path: database.into(), source };
    let said: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(read)?;
    let damaged = |said| BackupError::Damaged { path: database.into(), said };
    if said != "ok" {
        return Err(damaged(said));
    }
    let loose = connection.prepare("PRAGMA foreign_key_check").and_then(|mut check| check.exists([])).map_err(read)?;
    if loose { Err(damaged("a row refers to another that is not there".into())) } else { Ok(()) }
}

fn reading(database: &Path) -> Result<Connection, BackupError> {
    reading_connection(database).map_err(|source| BackupError::Read { path: database.into(), source })
}
