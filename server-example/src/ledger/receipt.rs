//! Receipts: an entry, and the proof that it is in the tree under a signed checkpoint. Made here, and checked here, by whoever holds
//! one and a key of the ledger: without the server, its database or a network.
//!
//! Three forms say the same: JSON, the same claims in a JWS, and the text of C2SP tlog-proof. What a receipt proves: that this server
//! had recorded exactly this event of this subject when it signed, and that whoever is shown a later checkpoint consistent with it is
//! shown a ledger with that entry. Not that the event came from the person; only that the server said so then, and cannot unsay it.

use super::checkpoint::{CheckpointError, SignedCheckpoint};
use super::jws::{self, JwsError};
use super::key::VerifierKey;
use super::proof::{ProofError, Question, prove};
use super::signer::{SignError, SignedHeads};
use crate::store::{ReadError, Sealed, Store};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use consentry_core::SiteId;
use consentry_core::ledger::{Commitment, Leaf, LeafError, Payload, Salt};
use consentry_core::wire::V1;
use serde::{Deserialize, Serialize};
use tlog_tiles::{Hash, check_record};

/// Longest receipt that is read, in bytes: of the longest payload, with every character escaped, in base64.
pub(super) const RECEIPT_BYTES_MAX: usize = 1024 * 1024;
/// Most hashes in a proof: one for each level of the largest tree.
const PROOF_HASHES_MAX: usize = 64;
/// First line of a C2SP tlog-proof.
const PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A receipt as it is handed out. What it says counts once it was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receipt {
    v: V1,
    site: SiteId,
    seq: u64,
    entry: EntryDoc,
    proof: Vec<String>,
    checkpoint: String,
}

/// Everything that an entry's hash is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryDoc {
    payload: String,
    salt: String,
    leaf: String,
}

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssueError {
    /// What the entry was about is erased.
    #[error("what the entry was about is erased")]
    Erased,
    /// No proof can be made.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// Nothing may be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl From<ReadError> for IssueError {
    fn from(error: ReadError) -> Self {
        Self::Proof(error.into())
    }
}

/// Why a receipt proves nothing. Each names the part that is wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReceiptError {
    /// Not a receipt.
    #[error("this is no receipt with a proof: {0}")]
    Form(String),
    /// The signature around all of it.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// The payload does not read.
    #[error("the payload is not as it was written: {0}")]
    Payload(LeafError),
    /// The salt does not read.
    #[error("the salt is not 32 bytes in base64url")]
    Salt,
    /// The leaf does not read.
    #[error("the leaf is not as it was written: {0}")]
    Leaf(LeafError),
    /// Payload, salt and leaf do not belong together.
    #[error("the leaf does not commit to this payload under this salt")]
    Commitment,
    /// The leaf says another site or time than the payload.
    #[error("the leaf is of another site or time than the payload")]
    Entry,
    /// The parts are of several sites.
    #[error("the receipt is of the site `{0}`, and what it proves is of another")]
    Site(SiteId),
    /// The checkpoint proves nothing.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A hash of the proof does not read.
    #[error("the proof is not a list of hashes in base64")]
    ProofForm,
    /// The proof is of something else.
    #[error("the proof does not lead from entry {seq} to the root in the checkpoint")]
    Proof { seq: u64 },
}

/// What a receipt proves.
#[derive(Debug)]
pub(crate) struct Proven {
    pub(crate) seq: u64,
    pub(crate) payload: Payload,
    /// Of the checkpoint that it is proved by.
    pub(crate) origin: String,
    pub(crate) size: u64,
}

/// The receipt of an entry: under the latest checkpoint, which is signed now if nobody has asked for it before.
pub(crate) async fn issue(store: &Store, heads: &SignedHeads, site: &SiteId, seq: u64) -> Result<Receipt, IssueError> {
    let signed = heads.checkpoint(store, site).await?;
    let entry = store.ledger_entries(site, seq, 1).await?.pop().filter(|entry| entry.seq == seq);
    let (leaf, sealed) = entry.and_then(|entry| Some((entry.leaf, entry.sealed?))).ok_or(IssueError::Erased)?;
    let (size, root) = (signed.checkpoint.size, signed.checkpoint.root);
    let proof = prove(store, site, Question::Inclusion { size, seq }).await?;
    // Nobody is handed a proof that would not hold when it is needed.
    check_record(&proof, size, root, seq, Hash(leaf.hash())).map_err(|_| ProofError::Wrong)?;
    Ok(Receipt::of(site, seq, &leaf, &sealed, &proof, &signed))
}

impl Receipt {
    fn of(site: &SiteId, seq: u64, leaf: &Leaf, sealed: &Sealed, proof: &[Hash], signed: &SignedCheckpoint) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned(); // Both are JSON.
        let entry = EntryDoc {
            payload: text(sealed.payload.as_bytes()),
            salt: URL_SAFE_NO_PAD.encode(sealed.salt.0),
            leaf: text(&leaf.to_bytes()),
        };
        let proof = proof.iter().map(ToString::to_string).collect();
        Self { v: V1, site: site.clone(), seq, entry, proof, checkpoint: signed.note().into() }
    }

    /// As C2SP tlog-proof@v1 has it. Its extra data is what the entry's hash is made of.
    pub(crate) fn to_tlog_proof(&self) -> String {
        // Three texts as JSON: that does not fail.
        let extra = serde_json::to_string(&self.entry).unwrap_or_default();
        let mut lines = vec![PROOF_HEADER.to_owned(), format!("extra {}", STANDARD.encode(extra))];
        lines.push(format!("index {}", self.seq));
        lines.extend_from_slice(&self.proof);
        format!("{}\n\n{}", lines.join("\n"), self.checkpoint)
    }

    fn from_tlog_proof(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n').skip(1);
        let extra = STANDARD.decode(lines.next()?.strip_prefix("extra ")?).ok()?;
        let entry: EntryDoc = serde_json::from_slice(&extra).ok()?;
        let index = lines.next()?.strip_prefix("index ")?;
        let seq: u64 = index.parse().ok()?;
        // The format has no place for the site but the entry itself.
        let site = Leaf::from_bytes(entry.leaf.as_bytes()).ok()?.site().clone();
        let proof = lines.map(str::to_owned).collect();
        (seq.to_string() == index).then(|| Self { v: V1, site, seq, entry, proof, checkpoint: checkpoint.into() })
    }

    /// Checks everything that the receipt says, in the order in which one part is needed for the next. Without keys all but
    /// signatures: then nobody vouches for the root.
    fn check(&self, keys: Option<&[VerifierKey]>) -> Result<Proven, ReceiptError> {
        let signed = SignedCheckpoint::parse(&self.checkpoint)?;
        if let Some(keys) = keys {
            signed.check(keys)?;
        }
        let payload = Payload::from_bytes(self.entry.payload.as_bytes()).map_err(ReceiptError::Payload)?;
        let salt = URL_SAFE_NO_PAD.decode(&self.entry.salt).ok().and_then(|salt| salt.try_into().ok());
        let salt = Salt(salt.ok_or(ReceiptError::Salt)?);
        let leaf = Leaf::from_bytes(self.entry.leaf.as_bytes()).map_err(ReceiptError::Leaf)?;
        if leaf.commitment() != Commitment::to(&salt, &payload) {
            return Err(ReceiptError::Commitment);
        }
        if !leaf.proves(&salt, &payload) {
            return Err(ReceiptError::Entry);
        }
        let (origin, size) = (signed.checkpoint.origin, signed.checkpoint.size);
        let is_of_site = origin.rsplit_once('/').is_some_and(|(_, site)| site == self.site.as_str());
        if !is_of_site || *leaf.site() != self.site {
            return Err(ReceiptError::Site(self.site.clone()));
        }
        if self.proof.len() > PROOF_HASHES_MAX {
            return Err(ReceiptError::ProofForm);
        }
        let hash = |text: &String| STANDARD.decode(text).ok()?.try_into().ok().map(Hash);
        let proof = self.proof.iter().map(hash).collect::<Option<Vec<_>>>().ok_or(ReceiptError::ProofForm)?;
        let seq = self.seq;
        check_record(&proof, size, signed.checkpoint.root, seq, Hash(leaf.hash()))
            .map_err(|_| ReceiptError::Proof { seq })?;
        Ok(Proven { seq, payload, origin, size })
    }
}

/// Checks a receipt in any of its three forms; without keys all but the signatures.
pub(super) fn check(text: &str, keys: Option<&[VerifierKey]>) -> Result<Proven, ReceiptError> {
    if text.len() > RECEIPT_BYTES_MAX {
        return Err(ReceiptError::Form(format!("it has more than {RECEIPT_BYTES_MAX} bytes")));
    }
    let json = |text: &[u8]| serde_json::from_slice(text).map_err(|error| ReceiptError::Form(error.to_string()));
    let receipt: Receipt = if text.trim_start().starts_with('{') {
        json(text.as_bytes())?
    } else if text.starts_with(PROOF_HEADER) {
        let malformed = || ReceiptError::Form("its lines are not those of a tlog-proof with an entry".into());
        Receipt::from_tlog_proof(text).ok_or_else(malformed)?
    } else {
        json(&jws::open(text.trim_end(), keys)?)?
    };
    receipt.check(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{LedgerKeys, LedgerName, Signer, compact};
    use crate::store::LedgerHead;
    use consentry_core::{Event, EventId, EventKind, Signal, Time};
    use tlog_tiles::node_hash;

    /// The receipt of the second of two entries, and who signed.
    fn receipt() -> (Receipt, Signer) {
        let folder = tempfile::tempdir().unwrap();
        let keys = LedgerKeys::open(&folder.path().join("key"), Time::from_ms(1)).unwrap();
        let signer = Signer { name: LedgerName::of_url("https://consent.example"), keys };
        let id = EventId::from_parts(1_763_800_000_000, &[7; 10]);
        let event = Event { at: Time::from_ms(1_763_800_000_500), kind: EventKind::Signalled(id, Signal::Gpc) };
        let site: SiteId = "adforge".parse().unwrap();
        let subject = "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f".parse().unwrap();
        let payload = Payload::new(site.clone(), subject, event).unwrap();
        let sealed = Sealed { salt: Salt([7; 32]), payload };
        let leaf = Leaf::committing_to(&sealed.salt, &sealed.payload);
        let other = Hash([9; 32]);
        let root = node_hash(other, Hash(leaf.hash())).0;
        let signed = signer.sign(&site, &LedgerHead { size: 2, at: Time::from_ms(1), root });
        (Receipt::of(&site, 1, &leaf, &sealed, &[other], &signed), signer)
    }

    fn checked(receipt: &Receipt, signer: &Signer) -> Result<Proven, ReceiptError> {
        receipt.check(Some(&signer.verifiers(&"adforge".parse().unwrap())))
    }

    #[test]
    fn a_receipt_proves_its_entry_in_each_of_its_forms() {
        let (receipt, signer) = receipt();
        let keys = signer.verifiers(&receipt.site);
        let (json, jws) = (serde_json::to_string(&receipt).unwrap(), compact(&signer, &receipt.site, &receipt));
        for form in [json, jws, receipt.to_tlog_proof()] {
            let proven = check(&form, Some(&keys)).unwrap();
            assert_eq!((proven.seq, proven.size, &*proven.origin), (1, 2, "consent.example/adforge"));
            assert_eq!(proven.payload.event().at, Time::from_ms(1_763_800_000_500));
            check(&form, None).unwrap();
            check(&form, Some(&[])).unwrap_err();
        }
    }

    #[test]
    fn each_part_that_is_not_as_it_was_is_named() {
        let (good, signer) = receipt();
        let change = |change: fn(&mut Receipt)| {
            let mut receipt = good.clone();
            change(&mut receipt);
            checked(&receipt, &signer).unwrap_err()
        };
        let swap = |text: &mut String, from: &str, to: &str| {
            assert!(text.contains(from), "{text}");
            *text = text.replacen(from, to, 1);
        };
        type Wrong = ReceiptError;
        let wrong = change(|receipt| receipt.entry.payload = receipt.entry.payload.replace("gpc", "gpd"));
        assert!(matches!(wrong, Wrong::Payload(_)), "{wrong}");
        let wrong = change(|receipt| receipt.entry.payload = receipt.entry.payload.replace("7f9c", "7f9d"));
        assert_eq!(wrong, Wrong::Commitment);
        let wrong = change(|receipt| receipt.entry.salt = URL_SAFE_NO_PAD.encode([8; 32]));
        assert_eq!(wrong, Wrong::Commitment);
        assert_eq!(change(|receipt| receipt.entry.salt.truncate(42)), Wrong::Salt);
        let wrong = change(|receipt| receipt.entry.leaf.insert(1, ' '));
        assert!(matches!(wrong, Wrong::Leaf(_)), "{wrong}");
        let wrong = change(|receipt| receipt.entry.leaf = receipt.entry.leaf.replace("0500,", "0501,"));
        assert_eq!(wrong, Wrong::Entry);
        assert_eq!(change(|receipt| receipt.site = "paf".parse().unwrap()), Wrong::Site("paf".parse().unwrap()));
        assert_eq!(change(|receipt| receipt.seq = 0), Wrong::Proof { seq: 0 });
        assert_eq!(change(|receipt| receipt.seq = 2), Wrong::Proof { seq: 2 });
        assert_eq!(change(|receipt| receipt.proof[0].insert(0, '!')), Wrong::ProofForm);
        assert_eq!(change(|receipt| receipt.proof = vec!["A".into(); 65]), Wrong::ProofForm);
        assert_eq!(change(|receipt| receipt.proof.clear()), Wrong::Proof { seq: 1 });
        let wrong = change(|receipt| receipt.proof[0] = Hash([8; 32]).to_string());
        assert_eq!(wrong, Wrong::Proof { seq: 1 });
        let wrong = change(|receipt| receipt.checkpoint = receipt.checkpoint.replace("\n2\n", "\n3\n"));
        assert!(matches!(wrong, Wrong::Checkpoint(CheckpointError::Signature(_))), "{wrong}");
        let mut other = good.clone();
        swap(&mut other.checkpoint, "\n\n", "\n");
        assert_eq!(checked(&other, &signer).unwrap_err(), Wrong::Checkpoint(CheckpointError::Form));
    }

    #[test]
    fn what_is_no_receipt_is_refused() {
        let (receipt, signer) = receipt();
        let keys = signer.verifiers(&receipt.site);
        let json = serde_json::to_string(&receipt).unwrap();
        let more = json.replacen("\"seq\"", "\"valid\":true,\"seq\"", 1);
        let zero = receipt.to_tlog_proof().replacen("index 1", "index 01", 1);
        let extra = receipt.to_tlog_proof().replacen("extra ", "extras ", 1);
        for text in ["{}", &more, &json[..json.len() - 1], &zero, &extra, &" ".repeat(RECEIPT_BYTES_MAX + 1)] {
            assert!(matches!(check(text, Some(&keys)), Err(ReceiptError::Form(_))), "{text}");
        }
        for text in ["", "x", "a.b", "a.b.c.d"] {
            assert!(matches!(check(text, Some(&keys)), Err(ReceiptError::Jws(_))), "{text}");
        }
    }
}
