//! What turns an account id of the site's into the name that is kept: a keyed hash, so that neither the database nor a backup of it tells
//! which account is whose, not even to whoever tries all account ids that there are.
//!
//! The key lies in a file beside the database. Whoever loses it has a ledger of accounts that nobody can name again.

use crate::key_file::{self, KEY_BYTES, KeyFileError};
use consentry_core::{AccountId, SiteId};
use hmac::digest::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::path::Path;

/// Keeps these hashes apart from whatever else may be hashed with the same key.
const DOMAIN: &[u8] = b"consentry account 1\0";

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

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}
