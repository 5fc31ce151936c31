//! What turns an account id of the site's into the name that is kept: a keyed hash, so that neither the database nor a backup of it tells
//! which account is whose, not even to whoever tries all account ids that there are.
//!
//! The key lies in a file beside the database. Whoever loses it has a ledger of accounts that nobody can name again.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use consentry_core::{AccountId, SiteId};
use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Length of the key, in bytes.
const PEPPER_BYTES: usize = 32;
/// Longest file that is read, in bytes: the key as text, and a line break.
const FILE_BYTES_MAX: u64 = 64;
/// Keeps these hashes apart from whatever else may be hashed with the same key.
const DOMAIN: &[u8] = b"consentry account 1\0";

/// A server's key for account ids.
#[derive(Clone)]
pub struct Pepper([u8; PEPPER_BYTES]);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum PepperError {
    /// The file can neither be read nor made.
    #[error("cannot read or create `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds something else. To write a new key over it would cut every account off from its record.
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

impl Pepper {
    /// The key that these bytes are. They must be random, and a secret.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; PEPPER_BYTES]) -> Self {
        Self(bytes)
    }

    /// The key in that file; a new one if there is no such file, which only its owner may read from then on.
    ///
    /// # Errors
    /// [`PepperError`].
    pub fn open(path: &Path) -> Result<Self, PepperError> {
        let file = |source| PepperError::File { path: path.into(), source };
        match new_file(path) {
            Ok(mut new) => {
                let mut bytes = [0; PEPPER_BYTES];
                getrandom::fill(&mut bytes).map_err(|source| PepperError::Random { path: path.into(), source })?;
                writeln!(new, "{}", URL_SAFE_NO_PAD.encode(bytes)).map_err(file)?;
                // Accounts that are named by it must not outlive it.
                new.sync_all().map_err(file)?;
                Ok(Self(bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let mut text = String::new();
                File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text)).map_err(file)?;
                let bytes = URL_SAFE_NO_PAD.decode(text.trim_end()).ok().and_then(|bytes| bytes.try_into().ok());
                bytes.map(Self).ok_or_else(|| PepperError::Form { path: path.into() })
            }
            Err(error) => Err(file(error)),
        }
    }

    /// The name that is kept of an account: HMAC-SHA-256 (RFC 2104) over site and id.
    pub(super) fn account(&self, site: &SiteId, id: &str) -> AccountId {
        // What is shorter than the hash's block is filled up with zeros (RFC 2104 section 2).
        let mut block = Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(self.0).for_each(|(place, byte)| *place = byte);
        let mac = Hmac::<Sha256>::new(&block);
        // No site has a NUL in its name, so that where it ends is beyond doubt.
        let mac = mac.chain_update(DOMAIN).chain_update(site.as_str()).chain_update([0]).chain_update(id);
        AccountId::from_bytes(mac.finalize().into_bytes().into())
    }
}

/// Fails where there is one already.
fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}
