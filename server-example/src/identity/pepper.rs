//! What turns an account id of the site's into the name that is kept: a keyed hash, so that neither the database nor a backup of it tells
//! which account is whose, not even to whoever tries all account ids that there are.
//!
//! The key lies in a file beside the database. Whoever loses it has a ledger of accounts that nobody can name again. It also makes the
//! links in mails (`unsubscribe.rs`), under a domain of their own.

use crate::key_file::{self, KEY_BYTES, KeyFileError};
use crate::store::DatabaseUrl;
use consentry_core::{AccountId, SiteId};
use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::path::{Path, PathBuf};

/// Keeps the hashes of accounts apart from whatever else is hashed with the same key.
const ACCOUNT_DOMAIN: &[u8] = b"consentry account 1\0";

/// A server's key for account ids.
#[derive(Clone)]
pub struct Pepper([u8; KEY_BYTES]);

impl Pepper {
    /// The key that these bytes are. They must be random, and a secret.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The key in that file; a new one if there is no such file, which only its owner may read from then on.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        key_file::open(path).map(Self)
    }

    /// The key in that file, for whoever must have the same as the server: a new one would name accounts that nobody else knows.
    ///
    /// # Errors
    /// [`KeyFileError`], also where the file is missing.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        key_file::read(path).map(Self)
    }

    /// Where the key is: where it was said to be, else beside an SQLite database, which is of no use without it either.
    pub(crate) fn place(said: Option<&Path>, database: &DatabaseUrl) -> Option<PathBuf> {
        key_file::place(said, Some(database), "pepper")
    }

    /// The name that is kept of an account: HMAC-SHA-256 over site and id.
    pub(crate) fn account(&self, site: &SiteId, id: &str) -> AccountId {
        AccountId::from_bytes(self.tag(ACCOUNT_DOMAIN, site, id))
    }

    /// What nobody else can make of a text about a site: HMAC-SHA-256 (RFC 2104) over `domain`, the site, NUL, and the text. `domain` says
    /// what it is for, and ends with a NUL, so that what is made for one use is worth nothing for another.
    pub(crate) fn tag(&self, domain: &[u8], site: &SiteId, text: &str) -> [u8; 32] {
        // What is shorter than the hash's block is filled up with zeros (RFC 2104 section 2).
        let mut block = Key::<Hmac<Sha256>>::default();
        block.iter_mut().zip(self.0).for_each(|(place, byte)| *place = byte);
        let mac = Hmac::<Sha256>::new(&block);
        // No site has a NUL in its name, so that where it ends is beyond doubt.
        let mac = mac.chain_update(domain).chain_update(site.as_str()).chain_update([0]).chain_update(text);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}
