//! Secrets that a server keeps in files of their own: 32 random bytes, in base64url. The database and its backups have none of them.

use crate::store::DatabaseUrl;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Length of a secret, in bytes.
pub(crate) const KEY_BYTES: usize = 32;
/// Longest file that is read, in bytes: the secret as text, and a line break.
const FILE_BYTES_MAX: u64 = 64;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read, or neither be read nor made.
    #[error("cannot read or create `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds something else. To write a new secret over it would cut off what was made with the old one.
    #[error("`{}` does not hold 32 bytes in base64url: restore it from a backup", path.display())]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// The machine has no randomness to give.
    #[error("no random bytes for `{}`", path.display())]
    Random {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: getrandom::Error,
    },
}

/// The secret in that file; a new one if there is no such file, which only its owner may read from then on.
///
/// # Errors
/// [`KeyFileError`].
pub(crate) fn open(path: &Path) -> Result<[u8; KEY_BYTES], KeyFileError> {
    let file = |source| KeyFileError::File { path: path.into(), source };
    match new_file(path) {
        Ok(mut new) => {
            let mut bytes = [0; KEY_BYTES];
            getrandom::fill(&mut bytes).map_err(|source| KeyFileError::Random { path: path.into(), source })?;
            writeln!(new, "{}", URL_SAFE_NO_PAD.encode(bytes)).map_err(file)?;
            // What is made with it must not outlive it.
            new.sync_all().map_err(file)?;
            Ok(bytes)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(error) => Err(file(error)),
    }
}

/// The secret in that file.
///
/// # Errors
/// [`KeyFileError`], also where the file is missing.
pub(crate) fn read(path: &Path) -> Result<[u8; KEY_BYTES], KeyFileError> {
    let file = |source| KeyFileError::File { path: path.into(), source };
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text)).map_err(file)?;
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| KeyFileError::Form { path: path.into() })
}

/// A new file that its owner alone may read. Fails where there is one already.
pub(crate) fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Where a secret lies: where it was said to, else beside a database that is a file, with that extension.
pub(crate) fn place(said: Option<&Path>, database: Option<&DatabaseUrl>, extension: &str) -> Option<PathBuf> {
    match (said, database) {
        (Some(path), _) => Some(path.into()),
        (None, Some(DatabaseUrl::Sqlite(path))) => Some(path.with_extension(extension)),
        (None, Some(DatabaseUrl::Postgres(_)) | None) => None,
    }
}
