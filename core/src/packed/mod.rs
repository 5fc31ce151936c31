//! Millions of subjects in little memory, for those who must answer about any of them at once.
//!
//! A [`Builder`] packs what is known of each subject (a [`Past`]) into a snapshot: bytes that are asked as they lie, in memory or in a
//! file that is mapped there ([`Packed`]). A [`Replica`] is a snapshot with what has changed since. It answers a question that was
//! [`Prepared`], about one subject, about many at once, as of an earlier time, and about an account on a device. A [`Follower`] keeps one
//! up with a ledger, entry by entry.
//!
//! Nothing is decided here. What is packed is what [`crate::decide`] needs, and what is remembered is what it said: reason, obligations,
//! features lost and how long that may be relied on are its own. Only the names of the events that an answer rests on are left out, as
//! they would be most of the bytes; the ledger has them.
//!
//! Whatever is not whole is not answered from: each block is checked before it is first read. What cannot be answered is refused, with
//! the reason ([`Unanswered`]), and is no yes.
//!
//! Deliberately absent: files, maps and threads, which are the caller's; events that had happened before they were recorded
//! ([`crate::AsOf::Happened`]). `docs/packed.md` has every byte of a snapshot, `docs/decisions/0025-why-packed-answers-are-remembered.md` the
//! reasons.

mod batch;
mod blocks;
mod build;
mod bundle;
mod dictionary;
mod entry;
mod erased;
mod follow;
mod glance;
mod header;
mod index;
mod key;
mod later;
mod links;
mod lists;
mod loans;
mod memo;
mod merge;
mod past;
mod prepared;
mod questions;
mod replica;
mod shape;
mod snapshot;
#[cfg(test)]
mod tests;
mod varint;
mod wanted;

pub use batch::Allowed;
pub use build::Builder;
pub use bundle::{Behind, BundleError, REPLICA_MEDIA_TYPE, before_snapshot};
pub use dictionary::{Life, PackError, TIMES_MAX};
pub use erased::Trace;
pub use follow::{Follower, Heard, Missed};
pub use header::{Origin, SnapshotError};
pub use key::{PACK_KEY_BYTES, PackKey};
pub use links::{LINK_BYTES, Link};
pub use lists::Changed;
pub use past::{Past, PastError};
pub use prepared::{Answer, Prepared};
pub use questions::Questions;
pub use replica::{ApplyError, Replica};
pub use snapshot::Packed;
pub use wanted::{Mark, Said, WANTED_PLACES_MAX, Wanted, When};

/// Why there is no answer. Whoever asked denies (R34), or asks the full rule where the events are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// What would have been read is not what was written.
    #[error("the snapshot is damaged: fetch it anew")]
    Damaged,
    /// What is known of this subject cannot be packed, or its hash is another's, too.
    #[error("this subject is not packed: ask the full rule")]
    NotHeld,
    /// The question is asked under other policies than those that the records were made under, or of another site.
    #[error("the snapshot was made under other policies: make it anew")]
    OtherPolicies,
}
