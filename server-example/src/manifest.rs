//! Which subjects a training set may be made of: a statement of one moment, signed, that can be shown to somebody who trusts nobody (R31).
//!
//! It says what [`decide`] said for every subject of the site, by what had been recorded at that time, and where the site's ledger stood
//! then: with the ledger, anybody can find the same. The list of subjects is a file of its own, and its hash is what is signed.

use crate::state::Subjects;
use crate::store::{ReadError, Store};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use consentry_core::wire::V1;
use consentry_core::{
    Activity, Context, PolicyHash, PolicyHistory, ProcessorId, PurposeId, Question, SiteId, Subject, Time, decide,
};
use ed25519_dalek::{Signer, SigningKey};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::{self, Write};
use std::str::FromStr;
use tlog_tiles::{EMPTY_HASH, Hash, node_hash};

/// How many hashes a tile has.
const TILE_HASHES: u64 = 256;
/// Length of a hash, in bytes.
const HASH_BYTES: usize = 32;
/// What a manifest is, for whoever finds one.
const TYPE: &str = "consentry-training-set+json";

/// What a training set is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) purpose: PurposeId,
    pub(crate) processor: Option<ProcessorId>,
    pub(crate) activity: Activity,
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Manifest {
    v: V1,
    site: SiteId,
    purpose: PurposeId,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor: Option<ProcessorId>,
    activity: Activity,
    as_of_ms: Time,
    policy: PolicyHash,
    ledger: LedgerAt,
    subjects: SubjectList,
    made_at_ms: Time,
}

/// Where the ledger stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LedgerAt {
    size: u64,
    root: String,
}

/// The list that lies beside the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct SubjectList {
    count: usize,
    sha256: String,
}

impl Manifest {
    /// The manifest, and the list that it is about: the subjects, one a line, ascending by their bytes. All of them are held in memory, 33
    /// bytes each.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) async fn make(
        store: &Store,
        history: &PolicyHistory,
        mut subjects: Subjects,
        wanted: Wanted,
        now: Time,
    ) -> Result<(Self, String), ReadError> {
        let (site, as_of) = (subjects.site().clone(), subjects.as_of());
        let ledger = LedgerAt::of(store, &site, as_of).await?;
        let Wanted { purpose, processor, activity } = wanted;
        let question = Question { purpose: purpose.clone(), processor: processor.clone(), data: None, activity };
        let context = Context::at(as_of);
        let mut allowed: Vec<Subject> = Vec::new();
        while let Some(page) = subjects.next().await? {
            let may = page.into_iter().filter(|(_, record)| decide(history, record, &question, &context).allows());
            allowed.extend(may.map(|(subject, _)| subject));
        }
        // They come devices first; as text, `account:` is before `device:`.
        let devices = allowed.iter().filter(|subject| matches!(subject, Subject::Device(_))).count();
        allowed.rotate_left(devices);
        let mut list = String::new();
        for subject in &allowed {
            // Writing to a string does not fail.
            let _ = writeln!(list, "{subject}");
        }
        let policy = history.in_force(as_of).unwrap_or_else(|| history.newest()).hash();
        let subjects = SubjectList { count: allowed.len(), sha256: hex(&Sha256::digest(&list)) };
        let manifest = Self {
            v: V1,
            site,
            purpose,
            processor,
            activity,
            as_of_ms: as_of,
            policy,
            ledger,
            subjects,
            made_at_ms: now,
        };
        Ok((manifest, list))
    }
}

impl LedgerAt {
    /// How many entries there were at `as_of`, and the root of the tree over them (RFC 6962 section 2.1), computed from the leaves' hashes.
    async fn of(store: &Store, site: &SiteId, as_of: Time) -> Result<Self, ReadError> {
        let size = size_at(store, site, as_of).await?;
        let (mut tree, mut tile) = (Tree::default(), 0);
        while tile * TILE_HASHES < size {
            let wanted = usize::try_from((size - tile * TILE_HASHES).min(TILE_HASHES)).unwrap_or_default();
            let bytes = store.ledger_tile(site, 0, tile).await?.unwrap_or_default();
            let hashes: Vec<Hash> =
                bytes.as_chunks::<HASH_BYTES>().0.iter().take(wanted).map(|hash| Hash(*hash)).collect();
            if hashes.len() < wanted {
                return Err(ReadError::Broken { seq: tile * TILE_HASHES + hashes.len() as u64 });
            }
            hashes.into_iter().for_each(|hash| tree.push(hash));
            tile += 1;
        }
        Ok(Self { size, root: hex(&tree.root().0) })
    }
}

/// Entries are in the order of their times, so that the first that is later can be searched for.
async fn size_at(store: &Store, site: &SiteId, as_of: Time) -> Result<u64, ReadError> {
    let (mut low, mut high) = (0, store.ledger_head(site).await?.size);
    while low < high {
        let middle = low + (high - low) / 2;
        let entry = store.ledger_entries(site, middle, 1).await?;
        let at = entry.first().ok_or(ReadError::Broken { seq: middle })?.leaf.at();
        if at <= as_of {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// Perfect subtrees from left to right, each smaller than the one before it.
#[derive(Default)]
struct Tree(Vec<(u32, Hash)>);

impl Tree {
    fn push(&mut self, leaf: Hash) {
        let (mut height, mut hash) = (0, leaf);
        while let Some((_, left)) = self.0.pop_if(|(of_last, _)| *of_last == height) {
            (height, hash) = (height + 1, node_hash(left, hash));
        }
        self.0.push((height, hash));
    }

    fn root(&self) -> Hash {
        let subtrees = self.0.iter().rev().map(|(_, hash)| *hash);
        subtrees.reduce(|right, left| node_hash(left, right)).unwrap_or(EMPTY_HASH)
    }
}

/// What signs manifests: an Ed25519 key, as the 32 bytes of its seed in base64.
pub(crate) struct ManifestKey(SigningKey);

/// Why a text is no [`ManifestKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the 32 bytes of an Ed25519 seed as base64, e.g. what `openssl rand -base64 32` prints")]
pub(crate) struct ManifestKeyError;

impl FromStr for ManifestKey {
    type Err = ManifestKeyError;

    fn from_str(text: &str) -> Result<Self, ManifestKeyError> {
        let seed: [u8; 32] =
            STANDARD.decode(text.trim()).ok().and_then(|seed| seed.try_into().ok()).ok_or(ManifestKeyError)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }
}

impl fmt::Debug for ManifestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManifestKey(…)")
    }
}

impl ManifestKey {
    /// The manifest as a compact JWS (RFC 7515) under `EdDSA` (RFC 8037). Its `kid` is the key's thumbprint (RFC 7638).
    ///
    /// # Errors
    /// [`serde_json::Error`], which no manifest causes.
    pub(crate) fn sign(&self, manifest: &Manifest) -> Result<String, serde_json::Error> {
        let x = URL_SAFE_NO_PAD.encode(self.0.verifying_key().as_bytes());
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(jwk));
        let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"{TYPE}"}}"#);
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(manifest)?);
        let signed = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header));
        let signature = self.0.sign(signed.as_bytes());
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlog_tiles::{HashReader, stored_hashes_for_record_hash, tree_hash};

    #[derive(Default)]
    struct Stored(Vec<Hash>);

    impl HashReader for Stored {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
            Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
        }
    }

    #[test]
    fn the_root_is_that_of_rfc_6962_for_every_size() {
        let (mut tree, mut stored) = (Tree::default(), Stored::default());
        assert_eq!(tree.root(), EMPTY_HASH);
        for n in 0..300_u64 {
            let leaf = Hash(Sha256::digest(n.to_be_bytes()).into());
            tree.push(leaf);
            let more = stored_hashes_for_record_hash(n, leaf, &stored).unwrap();
            stored.0.extend(more);
            assert_eq!(tree.root(), tree_hash(n + 1, &stored).unwrap(), "{n}");
        }
    }

    #[test]
    fn a_key_is_32_bytes_and_does_not_show_itself() {
        let key: ManifestKey = STANDARD.encode([7; 32]).parse().unwrap();
        assert_eq!(format!("{key:?}"), "ManifestKey(…)");
        for wrong in ["", "x", &STANDARD.encode([7; 64])] {
            assert!(wrong.parse::<ManifestKey>().is_err(), "{wrong}");
        }
    }
}
