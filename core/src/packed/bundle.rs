//! A replica in one file: a snapshot, and before it all that is needed to ask it and to follow the ledger from there.
//!
//! `docs/packed.md` has every byte. The snapshot begins at a multiple of its blocks' length, so that it can be asked where it lies.

use super::follow::Follower;
use super::header::SnapshotError;
use super::key::{PACK_KEY_BYTES, PackKey};
use super::links::{LINK_BYTES, Link};
use super::snapshot::Packed;
use crate::history::{HistoryError, PolicyHistory, Version};
use crate::id::{HASH_BYTES, PolicyHash};
use crate::policy::Policy;
use crate::time::Time;
use crate::wire::PolicyDoc;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The media type of a replica.
pub const REPLICA_MEDIA_TYPE: &str = "application/vnd.consentry.replica";

/// How a replica begins.
const MAGIC: [u8; 8] = *b"CNSTREPL";
/// The version of the format that is written here, and the only one that is read.
const VERSION: u32 = 1;
/// What stands before the head: how it begins, the version, the head's length, and the check of all up to the snapshot.
const PREAMBLE_BYTES: usize = 8 + 4 + 4 + HASH_BYTES;
/// Where a snapshot may begin: at multiples of this.
const ALIGNED_BYTES: usize = 4096;
/// Length of what is left of somebody who was erased: name, and when.
const ERASED_BYTES: usize = HASH_BYTES + 8;
/// Longest head, in bytes: many policies, each with its texts.
const HEAD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why bytes are not a replica that can be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// They begin with something else.
    #[error("not a replica: fetch one from `/v1/sites/{{site}}/replica`")]
    NotAReplica,
    /// Another format.
    #[error("a replica of format {given}, and {VERSION} is the one that is read: use a client of the server's version")]
    Version {
        /// The format's number.
        given: u32,
    },
    /// Not what was written.
    #[error("the replica is damaged: fetch it anew")]
    Damaged,
    /// The head is of the right form, and does not say what it should.
    #[error("the replica's head cannot be read, use a client of the server's version: {0}")]
    Head(String),
    /// Its policies do not follow one another.
    #[error("the replica's policies do not follow one another: {0}")]
    History(#[from] HistoryError),
    /// The snapshot in it cannot be asked.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// One of a site's policies.
#[derive(Debug, Serialize, Deserialize)]
struct VersionDoc {
    policy: PolicyDoc,
    hash: PolicyHash,
    published_ms: Time,
    effective_ms: Time,
}

/// What stands first.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// The secret under which the snapshot was made.
    key: [u8; PACK_KEY_BYTES],
    /// All that the site has published, in the order in which they hold.
    policies: Vec<VersionDoc>,
    /// How many links follow.
    links: usize,
    /// How many follow of whom nothing is left.
    erased: usize,
}

/// A snapshot behind what comes before it.
#[derive(Debug, Clone)]
pub struct Behind<B> {
    bytes: B,
    from: usize,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Behind<B> {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref().get(self.from..).unwrap_or_default()
    }
}

/// All of a replica's bytes that come before those of its snapshot, which was made under `secret`: with the policies of then, the links of
/// all accounts, and those of whom nothing was left.
///
/// # Errors
/// [`BundleError::Head`], where that has no form in JSON.
pub fn before_snapshot(
    secret: &[u8; PACK_KEY_BYTES],
    history: &PolicyHistory,
    links: &[Link],
    erased: &[([u8; HASH_BYTES], Time)],
) -> Result<Vec<u8>, BundleError> {
    let policies = history.versions().map(|version| VersionDoc {
        policy: version.policy.parts().into(),
        hash: version.policy.hash(),
        published_ms: version.published,
        effective_ms: version.effective,
    });
    let head = Head { key: *secret, policies: policies.collect(), links: links.len(), erased: erased.len() };
    let head = serde_json::to_vec(&head).map_err(|error| BundleError::Head(error.to_string()))?;
    let length = u32::try_from(head.len()).ok().filter(|_| head.len() <= HEAD_BYTES_MAX);
    let length = length.ok_or_else(|| BundleError::Head("more policies than a replica can hold".into()))?;
    let mut bytes = Vec::with_capacity(PREAMBLE_BYTES + head.len() + links.len() * LINK_BYTES + ALIGNED_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&[0; HASH_BYTES]);
    bytes.extend_from_slice(&head);
    links.iter().for_each(|link| bytes.extend_from_slice(&link.to_bytes()));
    for (name, at) in erased {
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&at.as_ms().to_le_bytes());
    }
    bytes.resize(bytes.len().next_multiple_of(ALIGNED_BYTES), 0);
    let check = Sha256::digest(bytes.get(PREAMBLE_BYTES..).unwrap_or_default());
    if let Some(place) = bytes.get_mut(PREAMBLE_BYTES - HASH_BYTES..PREAMBLE_BYTES) {
        place.copy_from_slice(&check);
    }
    Ok(bytes)
}

impl<B: AsRef<[u8]>> Follower<Behind<B>> {
    /// A follower of the ledger that a replica is of, from where that was made.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn open(bytes: B) -> Result<Self, BundleError> {
        let Parts { head, links, erased, from } = Parts::read(bytes.as_ref())?;
        let history = history(head.policies)?;
        let packed = Packed::open(Behind { bytes, from }, &PackKey::new(&head.key))?;
        Self::new(packed, Arc::new(history), links, erased).map_err(|_| BundleError::Damaged)
    }
}

/// What comes before a snapshot.
struct Parts {
    head: Head,
    links: Vec<Link>,
    erased: Vec<([u8; HASH_BYTES], Time)>,
    from: usize,
}

impl Parts {
    fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(BundleError::NotAReplica)?;
        let (version, rest) = rest.split_first_chunk().ok_or(BundleError::Damaged)?;
        let given = u32::from_le_bytes(*version);
        if given != VERSION {
            return Err(BundleError::Version { given });
        }
        let (length, rest) = rest.split_first_chunk().ok_or(BundleError::Damaged)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (check, rest) = rest.split_first_chunk::<HASH_BYTES>().ok_or(BundleError::Damaged)?;
        let text = rest.get(..length).filter(|_| length <= HEAD_BYTES_MAX).ok_or(BundleError::Damaged)?;
        // Whoever changed a byte of it did not mean it: who could have is asked by TLS and by the file's owner.
        let head: Head = serde_json::from_slice(text).map_err(|error| BundleError::Head(error.to_string()))?;
        let (links, erased) = (head.links.checked_mul(LINK_BYTES), head.erased.checked_mul(ERASED_BYTES));
        let (links, erased) = (links.ok_or(BundleError::Damaged)?, erased.ok_or(BundleError::Damaged)?);
        let end = [length, links, erased].into_iter().try_fold(PREAMBLE_BYTES, usize::checked_add);
        let from = end.and_then(|end| end.checked_next_multiple_of(ALIGNED_BYTES)).ok_or(BundleError::Damaged)?;
        let covered = bytes.get(PREAMBLE_BYTES..from).ok_or(BundleError::Damaged)?;
        if Sha256::digest(covered)[..] != check[..] {
            return Err(BundleError::Damaged);
        }
        let (links, rest) =
            rest.get(length..).and_then(|rest| rest.split_at_checked(links)).ok_or(BundleError::Damaged)?;
        let erased = rest.get(..erased).ok_or(BundleError::Damaged)?;
        let links = links.as_chunks().0.iter().map(|bytes| Link::from_bytes(bytes).ok_or(BundleError::Damaged));
        let erased = erased.as_chunks::<ERASED_BYTES>().0.iter().map(|bytes| {
            let (name, at) = bytes.split_first_chunk::<HASH_BYTES>()?;
            Some((*name, Time::from_ms(u64::from_le_bytes(at.try_into().ok()?))))
        });
        let erased = erased.map(|erased| erased.ok_or(BundleError::Damaged));
        Ok(Self { head, links: links.collect::<Result<_, _>>()?, erased: erased.collect::<Result<_, _>>()?, from })
    }
}

fn history(policies: Vec<VersionDoc>) -> Result<PolicyHistory, BundleError> {
    let version = |doc: VersionDoc| {
        let VersionDoc { policy, hash, published_ms: published, effective_ms: effective } = doc;
        let policy = Policy::new(policy.into(), hash).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(|faulty| faulty.fault.to_string()).collect();
            BundleError::Head(faults.join("; "))
        })?;
        Ok::<_, BundleError>(Box::new(Version { policy, published, effective }))
    };
    let mut policies = policies.into_iter().map(version);
    let first = policies.next().ok_or_else(|| BundleError::Head("no policy in it".into()))??;
    policies.try_fold(PolicyHistory::starting(*first), |history, next| Ok(history.then(*next?)?))
}
