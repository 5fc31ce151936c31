//! The keys that sign checkpoints and receipts, and the file that they are in.
//!
//! A line of the file is a key: `ed25519`, when it was made in milliseconds since the Unix epoch, and its 32 secret bytes (RFC 8032
//! section 5.1.5) in base64. The last one signs. Those before it are known still, so that what they have signed can be checked.
//! Deliberately absent: the database. A copy of it that gets into wrong hands signs nothing.

use crate::key_file;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use consentry_core::Time;
use ed25519_dalek::{SECRET_KEY_LENGTH, Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Most keys in a file: one a month for ten years.
const KEYS_MAX: usize = 120;
/// Begins a key's line, and says how it signs.
const ALGORITHM: &str = "ed25519";
/// Says "Ed25519" in a key of C2SP signed-note.
const NOTE_ALGORITHM: u8 = 1;
/// What a new file begins with.
const HEADER: &str = "# Whoever has this signs in the ledger's name. The last key signs; the earlier ones are for what they have signed.\n";

/// Why a file has no keys for us.
#[derive(Debug, thiserror::Error)]
pub enum LedgerKeyError {
    /// It cannot be read.
    #[error("cannot read the ledger's keys from `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write the ledger's keys to `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line is no key.
    #[error(
        "line {line} of `{path}` is no key: expected `{ALGORITHM}`, when it was made in milliseconds, and 32 bytes in base64"
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// The line's number, counted from 1.
        line: usize,
    },
    /// None, or more than are ever needed.
    #[error("`{path}` has {given} keys where 1 to {KEYS_MAX} are expected")]
    Number {
        /// The file.
        path: PathBuf,
        /// How many it has.
        given: usize,
    },
    /// No key can be made.
    #[error("this machine has no randomness to give")]
    Random,
}

/// The keys of a ledger, oldest first.
#[derive(Debug, Clone)]
pub struct LedgerKeys {
    earlier: Vec<LedgerKey>,
    current: LedgerKey,
}

/// A key, and when it was made. `Debug` of the signing key shows its public half alone.
#[derive(Debug, Clone)]
pub(super) struct LedgerKey {
    pub(super) made_at: Time,
    signing: SigningKey,
}

impl LedgerKeys {
    /// Reads the file, or makes it with one new key where it is missing. Only its owner may read it then.
    ///
    /// # Errors
    /// [`LedgerKeyError`].
    pub fn open(path: &Path, now: Time) -> Result<Self, LedgerKeyError> {
        let key = match std::fs::read_to_string(path) {
            Ok(text) => return Self::parse(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => LedgerKey::generate(now)?,
            Err(source) => return Err(LedgerKeyError::Read { path: path.into(), source }),
        };
        let keys = Self { earlier: Vec::new(), current: key };
        match write_new(path, &keys.text()) {
            Ok(()) => {
                tracing::info!("made a new key for the ledger in `{}`; keep a copy of it", path.display());
                Ok(keys)
            }
            // Another server was quicker: both must sign with the same.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::read(path),
            Err(source) => Err(LedgerKeyError::Write { path: path.into(), source }),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`LedgerKeyError`], also where it is missing.
    pub fn read(path: &Path) -> Result<Self, LedgerKeyError> {
        let text = std::fs::read_to_string(path);
        Self::parse(path, &text.map_err(|source| LedgerKeyError::Read { path: path.into(), source })?)
    }

    /// Adds a new key to the file, which signs from then on wherever the file is read again.
    ///
    /// # Errors
    /// [`LedgerKeyError`]; the file is as it was then.
    pub fn rotate(path: &Path, now: Time) -> Result<Self, LedgerKeyError> {
        let Self { mut earlier, current } = Self::read(path)?;
        earlier.push(current);
        let keys = Self { earlier, current: LedgerKey::generate(now)? };
        let given = keys.all().count();
        if given > KEYS_MAX {
            return Err(LedgerKeyError::Number { path: path.into(), given });
        }
        // Beside it first: a loss of power leaves the one or the other, and no half.
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        write_new(&beside, &keys.text())
            .and_then(|()| std::fs::rename(&beside, path))
            .map_err(|source| LedgerKeyError::Write { path: beside, source })?;
        Ok(keys)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, LedgerKeyError> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let keys = lines.map(|(index, line)| {
            LedgerKey::parse(line).ok_or_else(|| LedgerKeyError::Form { path: path.into(), line: index + 1 })
        });
        let mut earlier: Vec<LedgerKey> = keys.collect::<Result<_, _>>()?;
        let given = earlier.len();
        let current = earlier.pop().filter(|_| given <= KEYS_MAX);
        let current = current.ok_or_else(|| LedgerKeyError::Number { path: path.into(), given })?;
        Ok(Self { earlier, current })
    }

    fn text(&self) -> String {
        let mut text = HEADER.to_owned();
        for LedgerKey { made_at, signing } in self.all() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{ALGORITHM} {} {}", made_at.as_ms(), STANDARD.encode(signing.to_bytes()));
        }
        text
    }

    /// The one that signs.
    pub(super) const fn current(&self) -> &LedgerKey {
        &self.current
    }

    /// All of them, oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &LedgerKey> {
        self.earlier.iter().chain([&self.current])
    }
}

impl LedgerKey {
    fn generate(made_at: Time) -> Result<Self, LedgerKeyError> {
        let mut secret = [0; SECRET_KEY_LENGTH];
        getrandom::fill(&mut secret).map_err(|_| LedgerKeyError::Random)?;
        Ok(Self { made_at, signing: SigningKey::from_bytes(&secret) })
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let words = (words.next()?, words.next()?, words.next()?, words.next());
        let (ALGORITHM, made_at, secret, None) = words else { return None };
        let secret: [u8; SECRET_KEY_LENGTH] = STANDARD.decode(secret).ok()?.try_into().ok()?;
        Some(Self { made_at: Time::from_ms(made_at.parse().ok()?), signing: SigningKey::from_bytes(&secret) })
    }

    /// The public half under the name of a log.
    pub(super) fn verifier(&self, name: &str) -> VerifierKey {
        VerifierKey::new(name, self.signing.verifying_key())
    }

    /// Ed25519 (RFC 8032) over these bytes.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; Signature::BYTE_SIZE] {
        self.signing.sign(message).to_bytes()
    }
}

/// For its owner alone, and on the disk before anything is signed with it.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = key_file::new_file(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Why a text is not a [`VerifierKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a name, eight hexadecimal digits, and an Ed25519 key in base64, with `+` between them")]
pub struct VerifierKeyError;

/// What signatures of a log are checked with: `name+id+key`, as C2SP signed-note's verifier keys are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: Box<str>,
    id: [u8; 4], // INVARIANT: the first bytes of SHA-256 over name and key, as C2SP signed-note has it.
    key: VerifyingKey,
}

impl VerifierKey {
    fn new(name: &str, key: VerifyingKey) -> Self {
        let digest = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', NOTE_ALGORITHM])
            .chain_update(key.as_bytes())
            .finalize();
        let mut id = [0; 4];
        id.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
        Self { name: name.into(), id, key }
    }

    /// The name of the log: a checkpoint's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells it from other keys of the name, in signatures of notes.
    pub(super) const fn id(&self) -> [u8; 4] {
        self.id
    }

    /// What a JWS calls it (RFC 7515 section 4.1.4): name and id.
    pub(crate) fn kid(&self) -> String {
        format!("{}+{:08x}", self.name, u32::from_be_bytes(self.id))
    }

    /// The public key's 32 bytes (RFC 8032 section 5.1.5).
    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether this is the key's signature of these bytes. Strict: what one implementation takes and another refuses is refused.
    pub(super) fn is_signature(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[NOTE_ALGORITHM], &self.key.as_bytes()[..]].concat());
        write!(f, "{}+{key}", self.kid())
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VerifierKeyError);
        };
        let bytes = STANDARD.decode(key).map_err(|_| VerifierKeyError)?;
        let Some((&NOTE_ALGORITHM, key)) = bytes.split_first() else { return Err(VerifierKeyError) };
        let key = key.try_into().ok().and_then(|key| VerifyingKey::from_bytes(key).ok()).ok_or(VerifierKeyError)?;
        let read = Self::new(name, key);
        // The id between them is computed of the rest, so that a key that was cut short or mixed up is noticed.
        if !name.is_empty() && read.to_string() == text { Ok(read) } else { Err(VerifierKeyError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_ms(1_763_800_000_000);

    #[test]
    fn a_missing_file_is_made_for_its_owner_alone_and_reads_back_as_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger-key");
        let made = LedgerKeys::open(&path, NOW).unwrap();
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777, 0o600);
        let read = LedgerKeys::open(&path, Time::from_ms(1)).unwrap();
        assert_eq!(read.current().verifier("x"), made.current().verifier("x"));
        assert_eq!(read.current().made_at, NOW);
    }

    #[test]
    fn after_a_rotation_a_new_key_signs_and_the_old_one_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger-key");
        LedgerKeys::rotate(&path, NOW).unwrap_err();
        let old = LedgerKeys::open(&path, NOW).unwrap();
        LedgerKeys::rotate(&path, Time::from_ms(NOW.as_ms() + 1)).unwrap();
        let new = LedgerKeys::read(&path).unwrap();
        let keys: Vec<_> = new.all().map(|key| key.verifier("x")).collect();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[0], old.current().verifier("x"));
        assert_eq!(keys[1], new.current().verifier("x"));
        assert_ne!(keys[0], keys[1]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_key_is_named_by_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger-key");
        let good = format!("ed25519 1 {}\n", STANDARD.encode([7; 32]));
        for (text, expected) in [
            (String::new(), "has 0 keys"),
            (format!("# nothing\n{good}ed25519 1 AAAA\n"), "line 3 of"),
            (format!("rsa 1 {}\n", STANDARD.encode([7; 32])), "line 1 of"),
            (good.replace(" 1 ", " yesterday "), "line 1 of"),
            (good.trim_end().to_owned() + " more\n", "line 1 of"),
            (good.repeat(KEYS_MAX + 1), "has 121 keys"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = LedgerKeys::open(&path, NOW).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_verifier_key_reads_back_as_it_is_written_and_no_other_spelling_does() {
        let key = LedgerKey::parse(&format!("ed25519 1 {}", STANDARD.encode([7; 32]))).unwrap();
        let verifier = key.verifier("consent.example/adforge");
        let text = verifier.to_string();
        assert_eq!(text.parse(), Ok(verifier.clone()));
        assert!(text.starts_with("consent.example/adforge+"), "{text}");
        let signature = key.sign(b"text");
        assert!(verifier.is_signature(b"text", &signature) && !verifier.is_signature(b"texts", &signature));
        let other_id = text.replacen(&verifier.kid(), "consent.example/adforge+00000000", 1);
        for wrong in ["", "a+b", "+00000000+AQ==", &text[1..], &text[..text.len() - 4], &other_id, &text.to_uppercase()]
        {
            assert_eq!(wrong.parse::<VerifierKey>(), Err(VerifierKeyError), "{wrong}");
        }
    }

    #[test]
    fn a_key_does_not_show_its_secret() {
        let key = LedgerKey::parse(&format!("ed25519 1 {}", STANDARD.encode([7; 32]))).unwrap();
        let shown = format!("{key:?}");
        assert!(!shown.contains("7, 7, 7"), "{shown}");
    }
}
