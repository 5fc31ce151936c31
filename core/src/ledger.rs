//! What a leaf of the ledger commits to, in bytes that anybody can compute again.
//!
//! In go an event, whose it is, and 32 random bytes (a [`Salt`], drawn by the caller). Out come two things that are kept apart: a
//! [`Payload`], which is about a person, and a [`Leaf`], which is not. The leaf goes into the Merkle tree (RFC 6962) for good; payload
//! and salt stay beside it for as long as the person lets them.
//!
//! # Why erasure breaks no proof
//!
//! A leaf holds a commitment, `SHA-256(0x02 ‖ salt ‖ payload)`, and every proof is made of leaves alone. Once salt and payload are
//! deleted, leaf, tree and signed heads are byte for byte what they were, so each proof still verifies (R19). What the payload said cannot
//! be guessed and confirmed either: who tries all likely payloads would have to try 2²⁵⁶ salts with each. Of the event there remains
//! that something happened at this site at this time.
//!
//! The three prefixes keep the hashes apart: 0x00 begins a leaf and 0x01 a node (RFC 6962 section 2.1), 0x02 is ours, so that no
//! commitment can be passed off as a part of the tree.
//!
//! Deliberately absent: the tree itself, signatures, randomness and storage.
//!
//! ```
//! use consentry_core::ledger::{Leaf, Payload, Salt};
//! use consentry_core::{Event, EventId, EventKind, Signal, Time};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let id = EventId::from_parts(1_763_800_000_000, &[7; 10]);
//! let event = Event { at: Time::from_ms(1_763_800_000_500), kind: EventKind::Signalled(id, Signal::Gpc) };
//! let subject = "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f".parse()?;
//! let payload = Payload::new("adforge".parse()?, subject, event)?;
//! let salt = Salt([7; 32]); // random bytes, in earnest
//! let leaf = Leaf::committing_to(&salt, &payload);
//! assert!(leaf.proves(&salt, &payload));
//! assert_eq!(Leaf::from_bytes(&leaf.to_bytes()), Ok(leaf));
//! # Ok(())
//! # }
//! ```

mod canonical;

use crate::wire::{EventDoc, V1, WireError};
use crate::{Event, IdError, NoticeHash, SiteId, Subject, Time};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Length of a salt, in bytes: as long as the hash, so that it cannot be guessed sooner than the hash inverted.
pub const SALT_BYTES: usize = 32;
/// Length of a commitment and of a leaf's hash, in bytes.
pub const COMMITMENT_BYTES: usize = 32;
/// Longest payload, in bytes. A choice with [`crate::STANCES_MAX`] stances, each of the longest names, has some 109 000.
pub const PAYLOAD_BYTES_MAX: usize = 128 * 1024;
/// Longest leaf, in bytes. One with the longest name of a site and the last time has 186.
pub const LEAF_BYTES_MAX: usize = 256;
/// The last time that a leaf or payload can hold, in milliseconds since the Unix epoch: 2⁵³ − 1, since RFC 8785 writes numbers as
/// IEEE 754 doubles and further ones would run together. It is in the year 287 396.
pub const TIME_MS_MAX: u64 = (1 << 53) - 1;

/// Begins what a leaf's hash is taken of (RFC 6962 section 2.1).
const LEAF_PREFIX: u8 = 0x00;
/// Begins what a commitment is taken of.
const COMMITMENT_PREFIX: u8 = 0x02;

/// Why something is not a leaf or payload, or cannot become one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Longer than any that was ever made: not from this ledger.
    #[error("{given} bytes where at most {max} are possible")]
    TooLong {
        /// Its length, in bytes.
        given: usize,
        /// The longest possible, in bytes.
        max: usize,
    },
    /// Not JSON of the expected form; the message says where.
    #[error("{0}")]
    Form(String),
    /// The event contradicts itself.
    #[error("the event contradicts itself: {0}")]
    Event(#[from] WireError),
    /// The same could be said in other bytes, and only one spelling has the right hash. The bytes were changed on their way: fetch them again.
    #[error("not the canonical form (RFC 8785): it differs from byte {at} on")]
    NotCanonical {
        /// The first byte that differs, counted from 0.
        at: usize,
    },
    /// Past [`TIME_MS_MAX`]: correct the clock.
    #[error("a time of {given} ms, and {TIME_MS_MAX} is the last that can be written")]
    Time {
        /// The time, in milliseconds since the Unix epoch.
        given: u64,
    },
}

/// What keeps a commitment from being guessed: random bytes of a cryptographic generator, drawn anew for every payload.
///
/// It is a secret for as long as the payload is one, so it is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt(pub [u8; SALT_BYTES]);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// What happened, to whom, at which site: the part of an entry that is about a person, and that can be erased.
///
/// Its bytes are the canonical JSON (RFC 8785) of `{"v":1,"site":…,"subject":…,"event":…}`, with the event as `docs/wire.md` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    site: SiteId,
    subject: Subject,
    event: Event,
    bytes: Vec<u8>, // INVARIANT: the canonical form of the three above, at most `PAYLOAD_BYTES_MAX`.
}

/// A [`Payload`] as JSON, to read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadDoc {
    v: V1,
    site: SiteId,
    subject: Subject,
    event: EventDoc,
}

impl Payload {
    /// The payload of an event.
    ///
    /// # Errors
    /// [`LeafError::Time`] for an event past [`TIME_MS_MAX`]; [`LeafError::TooLong`], which no event is that the core can build.
    pub fn new(site: SiteId, subject: Subject, event: Event) -> Result<Self, LeafError> {
        check_time(event.at)?;
        let bytes = canonical::payload(&site, subject, &event);
        check_length(&bytes, PAYLOAD_BYTES_MAX)?;
        Ok(Self { site, subject, event, bytes })
    }

    /// The same event, recorded at another time. Takes a copy of the bytes and no more: for whoever makes a payload before its time is
    /// settled.
    ///
    /// # Errors
    /// As of [`Payload::new`].
    pub fn dated(mut self, at: Time) -> Result<Self, LeafError> {
        check_time(at)?;
        self.bytes = canonical::dated(&self.bytes, at);
        check_length(&self.bytes, PAYLOAD_BYTES_MAX)?;
        self.event.at = at;
        Ok(self)
    }

    /// Reads a payload back. Only the very bytes that [`Payload::as_bytes`] gave are one.
    ///
    /// # Errors
    /// [`LeafError`], saying what is wrong and where.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LeafError> {
        check_length(bytes, PAYLOAD_BYTES_MAX)?;
        let PayloadDoc { v: V1, site, subject, event } = parse(bytes)?;
        let payload = Self::new(site, subject, Event::try_from(event)?)?;
        check_same(bytes, &payload.bytes)?;
        Ok(payload)
    }

    /// The event of bytes that were a payload when they were kept: as [`Payload::from_bytes`] reads it, without comparing the spelling,
    /// which takes as long again. For whoever decides; whoever proves something compares.
    ///
    /// # Errors
    /// [`LeafError`], saying what is wrong and where.
    pub fn event_of(bytes: &[u8]) -> Result<Event, LeafError> {
        check_length(bytes, PAYLOAD_BYTES_MAX)?;
        let PayloadDoc { v: V1, event, .. } = parse(bytes)?;
        Ok(event.try_into()?)
    }

    /// The bytes that are committed to.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The site whose ledger it is.
    #[must_use]
    pub const fn site(&self) -> &SiteId {
        &self.site
    }

    /// Whose event it is.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        self.subject
    }

    /// What happened.
    #[must_use]
    pub const fn event(&self) -> &Event {
        &self.event
    }

    /// The event alone, once site and subject are no longer needed.
    #[must_use]
    pub fn into_event(self) -> Event {
        self.event
    }
}

/// `SHA-256(0x02 ‖ salt ‖ payload)`: binds to the payload, and tells nothing of it to whoever lacks the salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment([u8; COMMITMENT_BYTES]);

impl Commitment {
    /// The commitment to `payload` under `salt`.
    #[must_use]
    pub fn to(salt: &Salt, payload: &Payload) -> Self {
        Self(sha256(&[&[COMMITMENT_PREFIX], &salt.0, payload.as_bytes()]))
    }

    /// The commitment that these bytes are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; COMMITMENT_BYTES]) -> Self {
        Self(bytes)
    }

    /// The commitment's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; COMMITMENT_BYTES] {
        &self.0
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Spelt as every other hash is.
        NoticeHash::from_bytes(self.0).fmt(f)
    }
}

impl FromStr for Commitment {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(|hash: NoticeHash| Self(*hash.as_bytes()))
    }
}

/// One entry as the Merkle tree has it: nothing about anybody, and never erased.
///
/// Its bytes are the canonical JSON (RFC 8785) of `{"v":1,"site":…,"at_ms":…,"commitment":"<hex>"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    site: SiteId,
    at: Time, // INVARIANT: at most `TIME_MS_MAX`.
    commitment: Commitment,
}

/// A [`Leaf`] as JSON, to read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeafDoc {
    v: V1,
    site: SiteId,
    at_ms: Time,
    commitment: String,
}

impl Leaf {
    /// The leaf that commits to `payload`, of its site and time.
    #[must_use]
    pub fn committing_to(salt: &Salt, payload: &Payload) -> Self {
        // A payload's time is one that a leaf can hold: `Payload::new` has looked.
        Self { site: payload.site.clone(), at: payload.event.at, commitment: Commitment::to(salt, payload) }
    }

    /// A leaf of parts that were kept one by one, e.g. where salt and payload are erased.
    ///
    /// # Errors
    /// [`LeafError::Time`] for a time past [`TIME_MS_MAX`].
    pub fn new(site: SiteId, at: Time, commitment: Commitment) -> Result<Self, LeafError> {
        check_time(at)?;
        Ok(Self { site, at, commitment })
    }

    /// Reads a leaf back. Only the very bytes that [`Leaf::to_bytes`] gave are one.
    ///
    /// # Errors
    /// [`LeafError`], saying what is wrong and where.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LeafError> {
        check_length(bytes, LEAF_BYTES_MAX)?;
        let LeafDoc { v: V1, site, at_ms, commitment } = parse(bytes)?;
        let commitment = commitment.parse().map_err(|error| LeafError::Form(format!("`commitment`: {error}")))?;
        let leaf = Self::new(site, at_ms, commitment)?;
        check_same(bytes, &leaf.to_bytes())?;
        Ok(leaf)
    }

    /// The leaf as bytes: what goes into the tree, and into the entry tiles of C2SP tlog-tiles.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Names, a number and hexadecimal digits need no escapes, and this is the order that RFC 8785 wants; a peer checks it.
        let Self { site, at, commitment } = self;
        let at = at.as_ms();
        format!(r#"{{"at_ms":{at},"commitment":"{commitment}","site":"{site}","v":1}}"#).into_bytes()
    }

    /// The leaf's hash in the tree: `SHA-256(0x00 ‖ bytes)` (RFC 6962 section 2.1).
    #[must_use]
    pub fn hash(&self) -> [u8; COMMITMENT_BYTES] {
        sha256(&[&[LEAF_PREFIX], &self.to_bytes()])
    }

    /// Whether this leaf stands for `payload`: committed to under `salt`, and of the same site and time.
    #[must_use]
    pub fn proves(&self, salt: &Salt, payload: &Payload) -> bool {
        *self == Self::committing_to(salt, payload)
    }

    /// The site whose ledger it is.
    #[must_use]
    pub const fn site(&self) -> &SiteId {
        &self.site
    }

    /// When the event was recorded.
    #[must_use]
    pub const fn at(&self) -> Time {
        self.at
    }

    /// What it commits to.
    #[must_use]
    pub const fn commitment(&self) -> Commitment {
        self.commitment
    }
}

const fn check_time(at: Time) -> Result<(), LeafError> {
    if at.as_ms() <= TIME_MS_MAX { Ok(()) } else { Err(LeafError::Time { given: at.as_ms() }) }
}

const fn check_length(bytes: &[u8], max: usize) -> Result<(), LeafError> {
    if bytes.len() <= max { Ok(()) } else { Err(LeafError::TooLong { given: bytes.len(), max }) }
}

/// Whatever reads as the same thing but is spelt differently (spaces, the order of fields, escapes, a field named twice, one that nobody
/// knows) is another leaf to whoever hashes it.
fn check_same(given: &[u8], canonical: &[u8]) -> Result<(), LeafError> {
    if given == canonical {
        return Ok(());
    }
    let same = given.iter().zip(canonical).take_while(|(a, b)| a == b).count();
    Err(LeafError::NotCanonical { at: same })
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, LeafError> {
    serde_json::from_slice(bytes).map_err(|error| LeafError::Form(error.to_string()))
}

fn sha256(parts: &[&[u8]]) -> [u8; COMMITMENT_BYTES] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}
