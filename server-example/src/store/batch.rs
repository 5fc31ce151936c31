//! What becomes of what asks to be kept, before anything is written: one rule for every database.
//!
//! In go where a site's ledger stands, what is known of the ids and subjects asked about, and the entries in the order in
//! which they came. Out come an outcome for each, and the rows, tiles and head that the database must take together, or not at
//! all. Deliberately absent: SQL, and the clock.

use super::edge::{Edge, Tile};
use super::pending::Pending;
use super::{AppendError, Appended, Position};
use crate::auth::SecretHash;
use consentry_core::{EventId, EventKind, HASH_BYTES, SiteId, Subject, Time, erased_name};
use std::borrow::Cow;
use std::collections::HashMap;

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
pub(super) enum Earlier<'a> {
    /// An entry.
    Entry { subject: Subject, kind: Cow<'a, EventKind>, position: Position },
    /// An erasure, of which no more is left than that, and whose it was for those who know.
    Erasure { subject: SubjectHash, position: Position },
}

/// What is known of the ids and subjects that a batch is about.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    pub(super) ids: HashMap<EventId, Earlier<'a>>,
    pub(super) secrets: HashMap<Subject, SecretHash>,
}

/// An entry as it is written.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) seq: u64,
    pub(super) at: Time,
    pub(super) commitment: [u8; 32],
    /// Nothing of an erasure, and of what was erased in the same batch.
    pub(super) personal: Option<Personal<'a>>,
}

/// The part of an entry that is about a person.
#[derive(Debug)]
pub(super) struct Personal<'a> {
    /// The entry, recorded when it is.
    pub(super) entry: Cow<'a, Pending>,
    /// Whose secret is registered with it: a subject's first entry.
    pub(super) secret: Option<SecretHash>,
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
pub(super) struct Batch<'a> {
    pub(super) rows: Vec<Row<'a>>,
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
    known: &mut Known<'a>,
    entries: impl IntoIterator<Item = &'a Pending>,
) -> (Vec<Outcome>, Batch<'a>) {
    let mut batch = Batch::default();
    let outcomes = entries.into_iter().map(|entry| take(site, head, known, entry, &mut batch)).collect();
    (outcomes, batch)
}

/// Looks before it changes anything, so that what is refused has changed nothing.
fn take<'a>(
    site: &SiteId,
    head: &mut Head,
    known: &mut Known<'a>,
    entry: &'a Pending,
    batch: &mut Batch<'a>,
) -> Outcome {
    let (id, subject) = (entry.id(), entry.subject());
    let registered = known.secrets.get(&subject);
    if let (Some(shown), Some(registered)) = (&entry.secret, registered)
        && !registered.is_same(shown)
    {
        return Err(AppendError::WrongSecret);
    }
    let secret = entry.secret.filter(|_| registered.is_none());
    if let Some(earlier) = known.ids.get(&id) {
        return earlier.answer(site, entry);
    }
    // Events are dated by the server: the clock may go back, the ledger does not.
    let at = entry.at().max(head.at);
    let dated = if at == entry.at() { Ok(Cow::Borrowed(entry)) } else { entry.dated(at).map(Cow::Owned) };
    let dated = dated.map_err(|error| {
        tracing::error!("an entry was not kept: {error}");
        AppendError::Unavailable
    })?;
    let position = Position { seq: head.edge.size(), at };
    batch.tiles.extend(head.edge.append(dated.leaf));
    head.at = at;
    let mut row = Row { seq: position.seq, at, commitment: dated.commitment, personal: None };
    if entry.is_erasure() {
        for row in &mut batch.rows {
            row.personal.take_if(|personal| personal.entry.subject() == subject);
        }
        batch.erased.push(Erased { subject, id, position });
        known.secrets.remove(&subject);
        known.ids.insert(id, Earlier::Erasure { subject: SubjectHash::of(site, subject), position });
    } else {
        row.personal = Some(Personal { entry: dated, secret });
        known.secrets.extend(secret.map(|secret| (subject, secret)));
        known.ids.insert(id, Earlier::Entry { subject, kind: Cow::Borrowed(entry.kind()), position });
    }
    batch.rows.push(row);
    Ok(Appended::New(position))
}

impl Earlier<'_> {
    /// What is said to whoever sends something under an id that is taken. It is the same by what it says: its time is the server's, and
    /// another one when it comes again.
    fn answer(&self, site: &SiteId, entry: &Pending) -> Outcome {
        let (is_same, position) = match self {
            Self::Entry { subject, kind, position } => {
                (*subject == entry.subject() && **kind == *entry.kind(), position)
            }
            Self::Erasure { subject, position } => {
                (entry.is_erasure() && *subject == SubjectHash::of(site, entry.subject()), position)
            }
        };
        if is_same { Ok(Appended::Known(*position)) } else { Err(AppendError::IdReused) }
    }
}
