//! What is left of somebody who was erased.

use crate::id::{HASH_BYTES, SiteId, Subject};
use core::fmt::{self, Write};
use sha2::{Digest, Sha256};

/// Names somebody who was erased for those who know the name already, and tells nobody else:
/// `SHA-256("consentry erased 1" ‖ 0 ‖ site ‖ 0 ‖ subject)`. Pseudonyms are random, or hashes under a key, so that they cannot be guessed.
#[must_use]
pub fn erased_name(site: &SiteId, subject: &Subject) -> [u8; HASH_BYTES] {
    let mut hashed = Hashed(Sha256::new());
    let _ = write!(hashed, "consentry erased 1\0{site}\0{subject}");
    hashed.0.finalize().into()
}

/// Takes text in without keeping it: whole lists are named.
struct Hashed(Sha256);

impl Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}
