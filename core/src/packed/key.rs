//! The secret under which a snapshot is made: subjects are found by it, and what was changed is noticed by it.

use crate::id::Subject;
use core::fmt;
use siphasher::sip::{SipHasher13, SipHasher24};

/// Length of a [`PackKey`]'s secret, in bytes.
pub const PACK_KEY_BYTES: usize = 16;

/// A secret of 16 random bytes, from which three keys are derived: for subjects, for blocks, and the name by which the secret is known.
///
/// Whoever knows it can make two subjects that collide, and tell whether a name that they guess is in a snapshot.
#[derive(Clone)]
pub struct PackKey {
    subjects: SipHasher13,
    blocks: SipHasher13,
    id: u64,
}

impl PackKey {
    /// The key of this secret, which must come from a cryptographic generator.
    #[must_use]
    pub fn new(secret: &[u8; PACK_KEY_BYTES]) -> Self {
        let root = SipHasher24::new_with_key(secret);
        let derived = |first, second| SipHasher13::new_with_keys(root.hash(first), root.hash(second));
        Self {
            subjects: derived(b"subjects 0", b"subjects 1"),
            blocks: derived(b"blocks 0", b"blocks 1"),
            id: root.hash(b"id"),
        }
    }

    /// The name of the secret, which tells nothing of it: a snapshot says under which it was made.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Where a subject is found. A device has 16 bytes and an account 32, and SipHash takes the length in: the two are never mixed up.
    #[inline]
    pub(super) fn hash(&self, subject: &Subject) -> u64 {
        match subject {
            Subject::Device(device) => self.subjects.hash(device.as_bytes()),
            Subject::Account(account) => self.subjects.hash(account.as_bytes()),
        }
    }

    /// What stands at the end of a block of the snapshot `tag`: it is about these bytes in this place of this snapshot.
    pub(super) fn check(&self, body: &[u8], tag: u64, block: u64) -> u64 {
        let mut bound = [0; 24];
        let parts = [self.blocks.hash(body), tag, block];
        for (to, from) in bound.chunks_exact_mut(8).zip(parts) {
            to.copy_from_slice(&from.to_le_bytes());
        }
        self.blocks.hash(&bound)
    }
}

impl fmt::Debug for PackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PackKey(..)")
    }
}
