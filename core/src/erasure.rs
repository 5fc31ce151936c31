//! What is left of somebody who was erased.

use crate::id::{HASH_BYTES, SiteId, Subject};
use alloc::format;
use sha2::{Digest, Sha256};

/// Names somebody who was erased for those who know the name already, and tells nobody else:
/// `SHA-256("consentry erased 1" ‖ 0 ‖ site ‖ 0 ‖ subject)`. Pseudonyms are random, or hashes under a key, so that they cannot be guessed.
#[must_use]
pub fn erased_name(site: &SiteId, subject: &Subject) -> [u8; HASH_BYTES] {
    Sha256::digest(format!("consentry erased 1\0{site}\0{subject}")).into()
}
