//! An entry on its way into the ledger, made by whoever asks for it: one thread writes for all, and has nothing left to do but to number
//! what it is given.

use super::{AppendError, NewEntry};
use crate::auth::SecretHash;
use consentry_core::ledger::{Leaf, LeafError, Payload, Salt};
use consentry_core::{DemandKind, Event, EventId, EventKind, SiteId, Subject, Time};
use tlog_tiles::Hash;

/// An entry, but for its number; and its time may have to be another.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    /// What proves whose doing it is, where a browser says so.
    pub(super) secret: Option<SecretHash>,
    pub(super) salt: Salt,
    pub(super) payload: Payload,
    pub(super) commitment: [u8; 32], // INVARIANT: of the two above, and so is `leaf`.
    /// Its hash in the tree.
    pub(super) leaf: Hash,
}

impl Pending {
    /// The entry as it is if it is recorded when it says.
    pub(super) fn of(entry: NewEntry) -> Result<Self, AppendError> {
        let NewEntry { site, subject, secret, kind, at } = entry;
        let mut salt = Salt([0; 32]);
        // Neither fails for an event of the core's on a machine that has randomness to give; if one does, nothing is kept.
        let payload = getrandom::fill(&mut salt.0).is_ok().then(|| Payload::new(site, subject, Event { at, kind }));
        let Some(Ok(payload)) = payload else {
            tracing::error!("an entry was not kept: its payload or its salt cannot be made");
            return Err(AppendError::Unavailable);
        };
        Ok(Self::sealing(secret, salt, payload))
    }

    /// The same, recorded at another time.
    pub(super) fn dated(&self, at: Time) -> Result<Self, LeafError> {
        Ok(Self::sealing(self.secret, self.salt.clone(), self.payload.clone().dated(at)?))
    }

    fn sealing(secret: Option<SecretHash>, salt: Salt, payload: Payload) -> Self {
        let leaf = Leaf::committing_to(&salt, &payload);
        Self { secret, commitment: *leaf.commitment().as_bytes(), leaf: Hash(leaf.hash()), salt, payload }
    }

    pub(super) const fn site(&self) -> &SiteId {
        self.payload.site()
    }

    pub(super) const fn subject(&self) -> Subject {
        self.payload.subject()
    }

    pub(super) const fn kind(&self) -> &EventKind {
        &self.payload.event().kind
    }

    pub(super) const fn id(&self) -> EventId {
        self.kind().id()
    }

    pub(super) const fn at(&self) -> Time {
        self.payload.event().at
    }

    /// Whether it is the last that is known of its subject.
    pub(super) fn is_erasure(&self) -> bool {
        matches!(self.kind(), EventKind::Demanded(_, demand) if demand.kind == DemandKind::Erasure)
    }
}
