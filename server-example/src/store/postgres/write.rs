//! Puts a batch into one transaction, and tries again where another server was first.

use super::read::{self, array};
use crate::auth::SecretHash;
use crate::store::Position;
use crate::store::batch::{Batch, Earlier, Head, Known, Outcome, Personal, SubjectHash, plan};
use crate::store::edge::{self, Edge};
use crate::store::pending::Pending;
use crate::store::row::{count, first_in_last_tile, key_of, leaf_hash, ms, number, time};
use crate::store::writer::KeepError;
use consentry_core::ledger::Payload;
use consentry_core::{EventId, SiteId, Subject};
use deadpool_postgres::{Pool, Transaction};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use tlog_tiles::Hash;
use tokio_postgres::error::SqlState;

/// How often a batch is tried: another server was first, or the connection was lost. Sending it again is harmless, since ids are known.
const TRIES_MAX: usize = 8;

impl From<tokio_postgres::Error> for KeepError {
    fn from(error: tokio_postgres::Error) -> Self {
        // Classes 22 and 23: what was to be written is not what a column takes.
        match error.code() {
            Some(code) if code.code().starts_with("22") || code.code().starts_with("23") => Self::Refused(error.into()),
            _ => Self::Failed(error.into()),
        }
    }
}

/// The pool, and where each ledger stood when this server last wrote to it.
#[derive(Debug)]
pub(super) struct Write {
    pool: Pool,
    heads: HashMap<SiteId, (i64, Head)>,
}

impl Write {
    pub(super) fn new(pool: Pool) -> Self {
        Self { pool, heads: HashMap::new() }
    }

    /// Keeps the entries of all sites, or none of them.
    pub(super) async fn keep(&mut self, entries: &[Pending]) -> Result<Vec<Outcome>, KeepError> {
        let mut tries = 1;
        loop {
            match self.try_to_keep(entries).await {
                Err(error) if tries < TRIES_MAX && is_passing(&error) => tries += 1,
                outcomes => return outcomes,
            }
        }
    }

    async fn try_to_keep(&mut self, entries: &[Pending]) -> Result<Vec<Outcome>, KeepError> {
        // In the order of their names, so that two servers never wait for each other.
        let mut by_site: BTreeMap<&SiteId, Vec<usize>> = BTreeMap::new();
        for (place, entry) in entries.iter().enumerate() {
            by_site.entry(entry.site()).or_default().push(place);
        }
        let mut client = self.pool.get().await.map_err(KeepError::failed)?;
        let transaction = client.transaction().await?;
        let mut outcomes: Vec<Option<Outcome>> = vec![None; entries.len()];
        let mut heads = Vec::with_capacity(by_site.len());
        for (site, places) in by_site {
            let of_site: Vec<&Pending> = places.iter().filter_map(|place| entries.get(*place)).collect();
            let (number, mut head) = load(&transaction, site, self.heads.get(site)).await?;
            let before = head.edge.size();
            let mut known = known(&transaction, number, &of_site).await?;
            let (of_batch, batch) = plan(site, &mut head, &mut known, of_site.iter().copied());
            write(&transaction, number, site, before, &head, batch).await?;
            for (place, outcome) in places.iter().zip(of_batch) {
                if let Some(slot) = outcomes.get_mut(*place) {
                    *slot = Some(outcome);
                }
            }
            heads.push((site.clone(), (number, head)));
        }
        transaction.commit().await?;
        self.heads.extend(heads);
        Ok(outcomes.into_iter().flatten().collect())
    }
}

/// Another server has appended meanwhile.
#[derive(Debug, thiserror::Error)]
#[error("another server was first")]
struct Overtaken;

/// Whether trying again may help.
fn is_passing(error: &KeepError) -> bool {
    let (KeepError::Failed(error) | KeepError::Refused(error)) = error;
    if error.is::<Overtaken>() {
        return true;
    }
    let Some(error) = error.downcast_ref::<tokio_postgres::Error>() else { return false };
    match error.code() {
        // The connection: the next one may be whole. What was committed is known by its id then.
        None => error.is_closed(),
        Some(code) => [
            &SqlState::T_R_SERIALIZATION_FAILURE,
            &SqlState::T_R_DEADLOCK_DETECTED,
            &SqlState::UNIQUE_VIOLATION,
            &SqlState::ADMIN_SHUTDOWN,
            &SqlState::CRASH_SHUTDOWN,
        ]
        .contains(&code),
    }
}

/// A site's number, and where its ledger stands; nobody else appends to it until this transaction ends. A site that nobody has heard of
/// gets both.
async fn load(
    transaction: &Transaction<'_>,
    site: &SiteId,
    last: Option<&(i64, Head)>,
) -> Result<(i64, Head), KeepError> {
    let name = site.as_str();
    let select =
        "SELECT number, size, at_ms, root FROM heads JOIN sites ON number = site WHERE name = $1 FOR UPDATE OF heads";
    let select = transaction.prepare_cached(select).await?;
    let row = match transaction.query_opt(&select, &[&name]).await? {
        Some(row) => row,
        None => {
            let insert = "INSERT INTO sites (name) VALUES ($1) ON CONFLICT DO NOTHING";
            transaction.execute(insert, &[&name]).await?;
            let insert = "INSERT INTO heads (site, size, at_ms, root)
                SELECT number, 0, 0, $2 FROM sites WHERE name = $1 ON CONFLICT DO NOTHING";
            transaction.execute(insert, &[&name, &Head::default().edge.root().0.as_slice()]).await?;
            transaction.query_one(&select, &[&name]).await?
        }
    };
    let (number, size, root): (i64, u64, [u8; 32]) =
        (row.try_get(0)?, count(row.try_get(1)?), array(&row, 3).map_err(KeepError::Failed)?);
    if let Some((_, head)) = last
        && head.edge.size() == size
    {
        return Ok((number, head.clone()));
    }
    let mut levels = Vec::new();
    for level in 0..Edge::levels_of(size) {
        levels.push(if level == 0 {
            leaves(transaction, site, number, size).await?
        } else if edge::in_last_tile(size, level) == 0 {
            Vec::new()
        } else {
            let place = size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or_default();
            let tile = read::stored_tile(transaction, number, level, place).await?.unwrap_or_default();
            edge::hashes(&tile).unwrap_or_default()
        });
    }
    let edge = Edge::of(size, levels).map_err(KeepError::failed)?;
    if edge.root() != Hash(root) {
        let broken = format!("the ledger of {site} does not have the root that its head says; run `consentry verify`");
        return Err(KeepError::failed(broken));
    }
    Ok((number, Head { edge, at: time(row.try_get(2)?) }))
}

/// The leaves in the tile that is not full yet.
async fn leaves(transaction: &Transaction<'_>, site: &SiteId, number: i64, size: u64) -> Result<Vec<Hash>, KeepError> {
    let select = "SELECT at_ms, commitment FROM entries WHERE site = $1 AND seq >= $2 AND seq < $3 ORDER BY seq";
    let from = self::number(first_in_last_tile(size));
    let rows = transaction.query(select, &[&number, &from, &self::number(size)]).await?;
    rows.iter()
        .map(|row| {
            leaf_hash(site, row.try_get(0)?, array(row, 1).map_err(KeepError::Failed)?)
                .ok_or_else(|| KeepError::failed("an entry's time is beyond what an entry can have"))
        })
        .collect()
}

/// What is known of the ids and subjects of these entries.
async fn known<'a>(transaction: &Transaction<'_>, site: i64, entries: &[&'a Pending]) -> Result<Known<'a>, KeepError> {
    let mut known = Known::default();
    let ids: Vec<EventId> = entries.iter().map(|entry| entry.id()).collect();
    let ids: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    let select = "SELECT seq, payload FROM payloads WHERE site = $1 AND id = ANY ($2)";
    let select = transaction.prepare_cached(select).await?;
    for row in transaction.query(&select, &[&site, &ids]).await? {
        let seq = count(row.try_get(0)?);
        let payload = Payload::from_bytes(row.try_get(1)?)
            .map_err(|error| KeepError::failed(format!("the payload of entry {seq} does not read as one: {error}")))?;
        let (subject, event) = (payload.subject(), payload.into_event());
        let position = Position { seq, at: event.at };
        known.ids.insert(event.id(), Earlier::Entry { subject, kind: Cow::Owned(event.kind), position });
    }
    let select = "SELECT id, subject, seq, at_ms FROM erasures WHERE site = $1 AND id = ANY ($2)";
    let select = transaction.prepare_cached(select).await?;
    for row in transaction.query(&select, &[&site, &ids]).await? {
        let id = EventId::from_bytes(array(&row, 0).map_err(KeepError::Failed)?)
            .ok_or_else(|| KeepError::failed("an erasure's id is none"))?;
        let position = Position { seq: count(row.try_get(2)?), at: time(row.try_get(3)?) };
        known.ids.insert(
            id,
            Earlier::Erasure { subject: SubjectHash(array(&row, 1).map_err(KeepError::Failed)?), position },
        );
    }
    let named: HashMap<Vec<u8>, Subject> = entries
        .iter()
        .filter(|entry| entry.secret.is_some())
        .map(|entry| (key_of(entry.subject()), entry.subject()))
        .collect();
    let keys: Vec<&[u8]> = named.keys().map(Vec::as_slice).collect();
    let select = "SELECT subject, secret_hash FROM payloads
        WHERE site = $1 AND subject = ANY ($2) AND secret_hash IS NOT NULL ORDER BY seq";
    let select = transaction.prepare_cached(select).await?;
    for row in transaction.query(&select, &[&site, &keys]).await? {
        if let Some(subject) = named.get(row.try_get::<_, &[u8]>(0)?) {
            let secret = SecretHash::from_bytes(array(&row, 1).map_err(KeepError::Failed)?);
            known.secrets.entry(*subject).or_insert(secret);
        }
    }
    Ok(known)
}

async fn write(
    transaction: &Transaction<'_>,
    site: i64,
    name: &SiteId,
    before: u64,
    head: &Head,
    batch: Batch<'_>,
) -> Result<(), KeepError> {
    if batch.rows.is_empty() {
        return Ok(());
    }
    let update = "UPDATE heads SET size = $3, at_ms = $4, root = $5 WHERE site = $1 AND size = $2";
    let update = transaction.prepare_cached(update).await?;
    let (old, new, at) = (number(before), number(head.edge.size()), ms(head.at));
    if transaction.execute(&update, &[&site, &old, &new, &at, &head.edge.root().0.as_slice()]).await? != 1 {
        return Err(KeepError::failed(Overtaken));
    }
    for erased in &batch.erased {
        let (subject, position) = (SubjectHash::of(name, erased.subject).0, erased.position);
        let delete = "DELETE FROM payloads WHERE site = $1 AND subject = $2";
        transaction.execute(delete, &[&site, &key_of(erased.subject)]).await?;
        let delete = "DELETE FROM cases WHERE site = $1 AND subject = $2";
        transaction.execute(delete, &[&name.as_str(), &key_of(erased.subject)]).await?;
        let insert = "INSERT INTO erasures (site, subject, id, seq, at_ms) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (site, subject) DO UPDATE SET id = $3, seq = $4, at_ms = $5";
        let id = erased.id.as_bytes().as_slice();
        let (seq, at) = (number(position.seq), ms(position.at));
        transaction.execute(insert, &[&site, &subject.as_slice(), &id, &seq, &at]).await?;
    }
    let entries = "INSERT INTO entries (site, seq, at_ms, commitment)
        SELECT $1, * FROM unnest($2::BIGINT[], $3::BIGINT[], $4::BYTEA[])";
    let entries = transaction.prepare_cached(entries).await?;
    let (mut seqs, mut ats, mut commitments) = (Vec::new(), Vec::new(), Vec::new());
    for row in &batch.rows {
        seqs.push(number(row.seq));
        ats.push(ms(row.at));
        commitments.push(row.commitment.as_slice());
    }
    transaction.execute(&entries, &[&site, &seqs, &ats, &commitments]).await?;
    let payloads = "INSERT INTO payloads (site, seq, id, subject, secret_hash, salt, payload)
        SELECT $1, * FROM unnest($2::BIGINT[], $3::BYTEA[], $4::BYTEA[], $5::BYTEA[], $6::BYTEA[], $7::BYTEA[])";
    let payloads = transaction.prepare_cached(payloads).await?;
    let (mut seqs, mut ids, mut subjects) = (Vec::new(), Vec::new(), Vec::new());
    let (mut secrets, mut salts, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    for row in &batch.rows {
        let Some(Personal { entry, secret }) = &row.personal else { continue };
        seqs.push(number(row.seq));
        ids.push(*entry.id().as_bytes());
        subjects.push(key_of(entry.subject()));
        secrets.push(secret.as_ref().map(|secret| secret.as_bytes().as_slice()));
        salts.push(entry.salt.0.as_slice());
        bytes.push(entry.payload.as_bytes());
    }
    let ids: Vec<&[u8]> = ids.iter().map(<[u8; 16]>::as_slice).collect();
    transaction.execute(&payloads, &[&site, &seqs, &ids, &subjects, &secrets, &salts, &bytes]).await?;
    let replace = "INSERT INTO tiles (site, level, number, hashes) VALUES ($1, $2, $3, $4)
        ON CONFLICT (site, level, number) DO UPDATE SET hashes = $4";
    for tile in &batch.tiles {
        let (level, index) = (i16::from(tile.level), number(tile.index));
        transaction.execute(replace, &[&site, &level, &index, &tile.hashes]).await?;
    }
    Ok(())
}
