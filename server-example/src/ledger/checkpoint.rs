//! Checkpoints: where a ledger stands, signed (C2SP tlog-checkpoint in a C2SP signed-note).
//!
//! A checkpoint is three lines (origin, size, root) and signatures below a blank one. What it says counts once a signature was
//! checked with a key that was known before.

use super::key::{LedgerKey, VerifierKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tlog_tiles::Hash;

/// Longest note that is read, in bytes: sixteen signatures of a kind that we do not know, and room to spare.
const NOTE_BYTES_MAX: usize = 128 * 1024;
/// Largest tree that is read: as far as JSON's numbers are exact.
const SIZE_MAX: u64 = (1 << 53) - 1;
/// Begins a signature's line.
const SIGNATURE_START: &str = "\u{2014} ";

/// Why a checkpoint proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CheckpointError {
    /// Not three lines, a blank one, and signatures.
    #[error("the checkpoint has another form than a signed note with origin, size and root")]
    Form,
    /// Of another log.
    #[error("the checkpoint is of `{given}`, not of `{wanted}`")]
    Origin { given: String, wanted: String },
    /// None of the keys has signed it.
    #[error("no signature on the checkpoint is by a key that was named")]
    Unsigned,
    /// A key that is known is named, but has not signed this.
    #[error("the signature on the checkpoint is not that of `{0}`")]
    Signature(String),
}

/// Where a ledger stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checkpoint {
    /// Whose ledger it is.
    pub(crate) origin: String,
    /// How many entries it has.
    pub(crate) size: u64,
    /// The root of the tree over them.
    pub(crate) root: Hash,
}

/// A checkpoint with its signatures. They say nothing before [`SignedCheckpoint::check`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SignedCheckpoint {
    pub(crate) checkpoint: Checkpoint,
    note: String,
    text_bytes: usize, // INVARIANT: how much of `note` is signed, on a character's border.
    signatures: Vec<NoteSignature>,
}

#[derive(Debug, Clone, PartialEq)]
struct NoteSignature {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl Checkpoint {
    /// Signs it with `key`, which goes by the name of the origin.
    pub(super) fn sign(self, key: &LedgerKey) -> SignedCheckpoint {
        let text = self.text();
        let (verifier, signature) = (key.verifier(&self.origin), key.sign(text.as_bytes()).to_vec());
        let encoded = STANDARD.encode([&verifier.id()[..], &signature].concat());
        let note = format!("{text}\n{SIGNATURE_START}{} {encoded}\n", self.origin);
        let signatures = vec![NoteSignature { name: self.origin.clone(), id: verifier.id(), signature }];
        SignedCheckpoint { checkpoint: self, note, text_bytes: text.len(), signatures }
    }

    fn text(&self) -> String {
        let Self { origin, size, root } = self;
        format!("{origin}\n{size}\n{root}\n")
    }

    fn read(text: &str) -> Option<Self> {
        let mut lines = text.split_terminator('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        // We write no lines of extension. One that says more than we check would be vouched for by our "it holds".
        if origin.is_empty() || lines.next().is_some() {
            return None;
        }
        let size: u64 = size.parse().ok().filter(|size| *size <= SIZE_MAX)?;
        let root = Hash(STANDARD.decode(root).ok()?.try_into().ok()?);
        let read = Self { origin: origin.into(), size, root };
        // One spelling: numbers without signs and leading zeroes, and so on.
        (read.text() == text).then_some(read)
    }
}

impl SignedCheckpoint {
    /// The note: what is served.
    pub(crate) fn note(&self) -> &str {
        &self.note
    }

    /// Reads a note. Nothing of it is believed yet.
    pub(crate) fn parse(note: &str) -> Result<Self, CheckpointError> {
        if note.len() > NOTE_BYTES_MAX || note.contains(|c: char| c < ' ' && c != '\n') {
            return Err(CheckpointError::Form);
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(CheckpointError::Form)?;
        let text_bytes = text.len() + 1;
        let text = note.get(..text_bytes).ok_or(CheckpointError::Form)?;
        let signatures = signatures.strip_suffix('\n').ok_or(CheckpointError::Form)?;
        let signatures = signatures.split('\n').map(NoteSignature::parse).collect::<Option<_>>();
        let signatures = signatures.ok_or(CheckpointError::Form)?;
        let checkpoint = Checkpoint::read(text).ok_or(CheckpointError::Form)?;
        Ok(Self { checkpoint, note: note.into(), text_bytes, signatures })
    }

    /// Whether one of these keys has signed it, and none of them is passed off as having done so. What comes back may be believed as
    /// far as the key's owner is.
    pub(crate) fn check(&self, keys: &[VerifierKey]) -> Result<&Checkpoint, CheckpointError> {
        let Self { checkpoint, note, text_bytes, signatures } = self;
        let text = note.get(..*text_bytes).ok_or(CheckpointError::Form)?;
        let mut is_signed = false;
        for NoteSignature { name, id, signature } in signatures {
            for key in keys.iter().filter(|key| key.name() == name && key.id() == *id) {
                if !key.is_signature(text.as_bytes(), signature) {
                    return Err(CheckpointError::Signature(key.kid()));
                }
                // A key signs for the log whose name it has.
                if checkpoint.origin != *name {
                    let (given, wanted) = (checkpoint.origin.clone(), name.clone());
                    return Err(CheckpointError::Origin { given, wanted });
                }
                is_signed = true;
            }
        }
        if is_signed { Ok(checkpoint) } else { Err(CheckpointError::Unsigned) }
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(SIGNATURE_START)?.split_once(' ')?;
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
            return None;
        }
        let bytes = STANDARD.decode(encoded).ok()?;
        let (id, signature) = bytes.split_first_chunk::<4>()?;
        Some(Self { name: name.into(), id: *id, signature: signature.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::LedgerKeys;
    use consentry_core::Time;

    fn keys() -> LedgerKeys {
        let folder = tempfile::tempdir().unwrap();
        LedgerKeys::open(&folder.path().join("key"), Time::from_ms(1)).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "consent.example/adforge".into(), size: 20_852_163, root: Hash([7; 32]) }
    }

    #[test]
    fn a_note_is_read_back_and_checked_with_its_key() {
        let keys = keys();
        let signed = checkpoint().sign(keys.current());
        let read = SignedCheckpoint::parse(signed.note()).unwrap();
        assert_eq!(read, signed);
        assert_eq!(read.check(&[keys.current().verifier("consent.example/adforge")]), Ok(&checkpoint()));
        let lines: Vec<_> = signed.note().split('\n').collect();
        let root = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
        assert_eq!(lines[..4], ["consent.example/adforge", "20852163", root, ""]);
        assert!(lines[4].starts_with("— consent.example/adforge "), "{}", lines[4]);
    }

    #[test]
    fn a_note_of_an_unknown_key_or_another_log_is_refused() {
        let (ours, theirs) = (keys(), keys());
        let signed = checkpoint().sign(ours.current());
        let unknown = [theirs.current().verifier("consent.example/adforge")];
        assert_eq!(signed.check(&unknown), Err(CheckpointError::Unsigned));
        assert_eq!(signed.check(&[]), Err(CheckpointError::Unsigned));
        assert_eq!(signed.check(&[ours.current().verifier("consent.example/paf")]), Err(CheckpointError::Unsigned));
        let both = [unknown[0].clone(), ours.current().verifier("consent.example/adforge")];
        assert!(signed.check(&both).is_ok());
    }

    #[test]
    fn any_byte_that_changes_is_noticed() {
        let keys = keys();
        let signed = checkpoint().sign(keys.current());
        let known = [keys.current().verifier("consent.example/adforge")];
        for index in 0..signed.note().len() {
            let mut changed = signed.note().as_bytes().to_vec();
            changed[index] ^= 1 << (index % 7);
            let Ok(changed) = String::from_utf8(changed) else { continue };
            let checked = SignedCheckpoint::parse(&changed).and_then(|read| read.check(&known).cloned());
            assert!(checked.is_err(), "byte {index}");
        }
    }

    #[test]
    fn what_is_spelt_otherwise_is_no_checkpoint() {
        let note = checkpoint().sign(keys().current()).note().to_owned();
        for (from, to) in [
            ("20852163", "020852163"),
            ("20852163", "+20852163"),
            ("20852163", "18446744073709551615"),
            ("20852163", ""),
            ("consent.example/adforge\n2", "\n2"),
            ("\n\n", "\nmore\n\n"),
            ("\n\n", "\n"),
            ("\u{2014} ", "- "),
            ("=\n\n", "\n\n"),
            ("consent.example/adforge\n", "consent.example/adforge\r\n"),
        ] {
            assert_eq!(SignedCheckpoint::parse(&note.replacen(from, to, 1)), Err(CheckpointError::Form), "{from} {to}");
        }
        assert_eq!(SignedCheckpoint::parse(note.trim_end()), Err(CheckpointError::Form));
        assert_eq!(SignedCheckpoint::parse(&"x".repeat(NOTE_BYTES_MAX + 1)), Err(CheckpointError::Form));
    }
}
