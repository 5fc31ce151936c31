//! A subject's record as JSON-LD: every field that ISO/IEC TS 27560:2023 makes mandatory, in terms of the W3C Data Privacy Vocabulary
//! (DPV 2), for whoever asks for a copy (GDPR Art. 15, 20) or audits (Art. 7(1)).
//!
//! In go the site's policies, the notice to quote texts from, and the events. [`write()`] gives canonical JSON (RFC 8785) that stands for
//! itself: its `@context` is within it, so that nobody needs the network to understand it. [`read`] gives subject and events back exactly.
//!
//! The form follows the DPV's guide to TS 27560 (<https://w3id.org/dpv/guides/consent-27560>). What the vocabulary has no word for
//! stands in a namespace of our own, [`NAMESPACE`]. What was said are the events; the state of each process is derived from them when the
//! record is written, by [`decide`], and never read back.
//!
//! The writer tells all of it, the reader only the events; the node of an event is the part that both must agree on. What a word means
//! stands with the vocabulary. Here are the limits, the errors, and the names by which the parts of a record point at each other.
//!
//! Deliberately absent: reading of other people's JSON-LD. A document in this form may be spaced and ordered at will, but one that
//! says more than this form can is refused rather than read in part.

mod event;
mod reader;
mod vocabulary;
mod writer;

pub use reader::read;
pub use writer::write;

use crate::wire::WireError;
use crate::*;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use sha2::{Digest, Sha256};

/// Longest record that is read, in bytes: some eight thousand events.
pub const LINKED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most targets that the choices of one record can be about when it is read: every processor of a policy for every purpose of it. It bounds
/// the work of telling their states.
pub const TARGETS_MAX: usize = PURPOSES_MAX * (PROCESSORS_MAX + 1);
/// Begins the terms that the DPV lacks. It is a name, and nothing is fetched from there.
pub const NAMESPACE: &str = "https://consentry.example/ns#";
/// The version of the form: the DPV's profile of ISO/IEC TS 27560 for records.
pub const SCHEMA: &str = "https://w3id.org/dpv/schema/dpv-27560#record";
/// The version of what stands in [`NAMESPACE`].
const VERSION: u64 = 1;
const RECORD_TYPE: &str = "dpv:ConsentRecord";
/// Longest excerpt of a document in an error, in characters.
const EXCERPT_CHARS_MAX: usize = 64;

/// What a record says: whose it is, and what happened, in the order of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// Whose record it is.
    pub subject: Subject,
    /// What happened.
    pub events: Vec<Event>,
}

/// Why a text is not a record in this form. Events are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkedError {
    /// Longer than [`LINKED_BYTES_MAX`].
    #[error("{given} bytes where at most {LINKED_BYTES_MAX} are read")]
    TooLong {
        /// Its length, in bytes.
        given: usize,
    },
    /// Not JSON, or not in this form; the message says what, in which event, and in which line and column.
    #[error("{0}")]
    Form(String),
    /// Written by a version that is not known here: read it with that one.
    #[error("`consentry:version` is {given}, and only {VERSION} can be read")]
    Version {
        /// What stands there.
        given: String,
    },
    /// Another kind of document.
    #[error("`@type` is {given}, and only `{RECORD_TYPE}` can be read")]
    Type {
        /// What stands there.
        given: String,
    },
    /// A record in another form.
    #[error("`dct:conformsTo` is {given}, and only `{SCHEMA}` can be read")]
    Schema {
        /// What stands there.
        given: String,
    },
    /// The words of the document may mean something else than here.
    #[error("`@context` is not the one that records are written with")]
    Context,
    /// A field is missing that an event of this type has.
    #[error("event {event}: no `{field}`")]
    Missing {
        /// Which event.
        event: usize,
        /// Which field.
        field: &'static str,
    },
    /// More than [`TARGETS_MAX`] targets.
    #[error("event {event}: the choices up to here are about more than {TARGETS_MAX} targets")]
    TooManyTargets {
        /// The event with the first that is too many.
        event: usize,
    },
    /// A choice was made nowhere.
    #[error("event {event}: `dpv:hasIndicationMethod`: {error}")]
    Surface {
        /// Which event.
        event: usize,
        /// What was expected.
        error: UnknownWord,
    },
    /// The event contradicts itself.
    #[error("event {event}: {error}")]
    Event {
        /// Which event.
        event: usize,
        /// Why.
        error: WireError,
    },
    /// A field does not follow from the others, or has no place in an event of this type: the document was changed.
    #[error("event {event}: `{field}` does not follow from the rest of the event, and of those before")]
    Contradiction {
        /// Which event.
        event: usize,
        /// Which field.
        field: String,
    },
}

/// The record's name: the same whenever it is written. A UUID of our own making (version 8, RFC 9562), since a record has no other name
/// than its site and subject.
fn record_id(site: &SiteId, subject: Subject) -> String {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..]: [u8; HASH_BYTES] =
        Sha256::digest(format!("consentry record\n{site}\n{subject}")).into();
    let bytes = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
    uuid::Builder::from_custom_bytes(bytes).into_uuid().hyphenated().to_string()
}

fn subject_iri(record: &str) -> String {
    format!("{record}#subject")
}

fn notice_iri(hash: NoticeHash) -> String {
    format!("consentry:notice-{hash}")
}

fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT_CHARS_MAX).collect()
}
