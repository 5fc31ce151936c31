//! What becomes of what asks to be kept, before anything is written: one rule for every database.
//!
//! In go where a site's ledger stands, what is known of the ids and subjects asked about, and the entries in the order in
//! which they came. Out come an outcome for each, and the rows, tiles and head that the database must take together, or not at
//! all. Deliberately absent: SQL, and the clock.

use super::edge::{Edge, Tile};
use super::{AppendError, Appended, NewEntry, Position};
use crate::auth::SecretHash;
use consentry_core::ledger::{Leaf, Payload, Salt};
use consentry_core::{DemandKind, Event, EventId, EventKind, HASH_BYTES, SiteId, Subject, Time, erased_name};
use std::collections::HashMap;
use tlog_tiles::Hash;

/// What became of what asked to be kept.
pub(super) type Outcome = Result<Appended, AppendError>;

/// Where a site's ledger stands.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) edge: Edge,
    /// The time of the last entry: no entry is older than the one before it, whatever the clock does.
    pub(super) at: Time,
}

impl Default for Head {
    /// Of a ledger without entries.
    fn default() -> Self {
        Self { edge: Edge::default(), at: Time::from_ms(0) }
    }
}

/// What is kept under an id.
#[derive(Debug, Clone)]
pub(super) enum Earlier {
    /// An entry.
    Entry { subject: Subject, kind: EventKind, position: Position },
    /// An erasure, of which no more is left than that, and whose it was for those who know.
    Erasure { subject: SubjectHash, position: Position },
}

/// What is known of the ids and subjects that a batch is about.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) ids: HashMap<EventId, Earlier>,
    pub(super) secrets: HashMap<Subject, SecretHash>,
}

/// An entry as it is written.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) seq: u64,
    pub(super) at: Time,
    pub(super) commitment: [u8; 32],
    /// Nothing of an erasure, and of what was erased in the same batch.
    pub(super) personal: Option<Personal>,
}

/// The part of an entry that is about a person.
#[derive(Debug)]
pub(super) struct Personal {
    pub(super) id: EventId,
    pub(super) subject: Subject,
    /// Whose secret is registered with it: a subject's first entry.
    pub(super) secret: Option<SecretHash>,
    pub(super) salt: Salt,
    pub(super) payload: Vec<u8>,
}

/// Somebody of whom nothing may be left but this.
#[derive(Debug)]
pub(super) struct Erased {
    pub(super) subject: Subject,
    pub(super) id: EventId,
    pub(super) position: Position,
}

/// What the database must take.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<Row>,
    pub(super) tiles: Vec<Tile>, // The later of two with one place counts.
    pub(super) erased: Vec<Erased>,
}

/// Names a subject for those who know it already, and tells nobody else: pseudonyms are random, or hashes under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SubjectHash(pub(super) [u8; HASH_BYTES]);

impl SubjectHash {
    pub(super) fn of(site: &SiteId, subject: Subject) -> Self {
        Self(erased_name(site, &subject))
    }
}

/// Takes the entries of one site into its ledger. `head` and `known` are afterwards as they are once the batch is written.
pub(super) fn plan<'a>(
    site: &SiteId,
    head: &mut Head,
    known: &mut Known,
    entries: impl IntoIterator<Item = &'a NewEntry>,
) -> (Vec<Outcome>, Batch) {
    let mut batch = Batch::default();
    let outcomes = entries.into_iter().map(|entry| take(site, head, known, entry, &mut batch)).collect();
    (outcomes, batch)
}

/// Looks before it changes anything, so that what is refused has changed nothing.
fn take(site: &SiteId, head: &mut Head, known: &mut Known, entry: &NewEntry, batch: &mut Batch) -> Outcome {
    let NewEntry { subject, secret, kind, .. } = entry;
    let registered = known.secrets.get(subject);
    if let (Some(shown), Some(registered)) = (secret, registered)
        && !registered.is_same(shown)
    {
        return Err(AppendError::WrongSecret);
    }
    // Events are dated by the server: the clock may go back, the ledger does not.
    let event = Event { at: entry.at.max(head.at), kind: kind.clone() };
    let (id, at) = (event.id(), event.at);
    if let Some(earlier) = known.ids.get(&id) {
        return earlier.answer(site, entry);
    }
    let to_register = secret.filter(|_| registered.is_none());
    let mut salt = Salt([0; 32]);
    // Neither fails for an event of the core's on a machine that has randomness to give; if one does, nothing is kept.
    let payload =
        getrandom::fill(&mut salt.0).is_ok().then(|| Payload::new(site.clone(), *subject, event).ok()).flatten();
    let Some(payload) = payload else {
        tracing::error!("an entry was not kept: its payload or its salt cannot be made");
        return Err(AppendError::Unavailable);
    };
    let leaf = Leaf::committing_to(&salt, &payload);
    let position = Position { seq: head.edge.size(), at };
    batch.tiles.extend(head.edge.append(Hash(leaf.hash())));
    head.at = at;
    let is_erasure = matches!(kind, EventKind::Demanded(_, demand) if demand.kind == DemandKind::Erasure);
    let personal = (!is_erasure).then(|| Personal {
        id,
        subject: *subject,
        secret: to_register,
        salt,
        payload: payload.as_bytes().to_vec(),
    });
    batch.rows.push(Row { seq: position.seq, at, commitment: *leaf.commitment().as_bytes(), personal });
    if is_erasure {
        for row in &mut batch.rows {
            row.personal.take_if(|personal| personal.subject == *subject);
        }
        batch.erased.push(Erased { subject: *subject, id, position });
        known.secrets.remove(subject);
        known.ids.insert(id, Earlier::Erasure { subject: SubjectHash::of(site, *subject), position });
    } else {
        known.secrets.extend(to_register.map(|secret| (*subject, secret)));
        known.ids.insert(id, Earlier::Entry { subject: *subject, kind: kind.clone(), position });
    }
    Ok(Appended::New(position))
}

impl Earlier {
    /// What is said to whoever sends something under an id that is taken. It is the same by what it says: its time is the server's, and
    /// another one when it comes again.
    fn answer(&self, site: &SiteId, entry: &NewEntry) -> Outcome {
        let (is_same, position) = match self {
            Self::Entry { subject, kind, position } => (*subject == entry.subject && *kind == entry.kind, position),
            Self::Erasure { subject, position } => {
                let is_erasure =
                    matches!(&entry.kind, EventKind::Demanded(_, demand) if demand.kind == DemandKind::Erasure);
                (is_erasure && *subject == SubjectHash::of(site, entry.subject), position)
            }
        };
        if is_same { Ok(Appended::Known(*position)) } else { Err(AppendError::IdReused) }
    }
}
