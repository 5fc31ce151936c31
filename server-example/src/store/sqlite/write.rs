//! Puts a batch into one transaction.

use super::{BUSY_SECONDS_MAX, read};
use crate::auth::SecretHash;
use crate::store::Position;
use crate::store::batch::{Batch, Earlier, Head, Known, Outcome, Personal, SubjectHash, plan};
use crate::store::edge::{self, Edge};
use crate::store::pending::Pending;
use crate::store::row::{count, first_in_last_tile, key_of, leaf_hash, ms, number, time};
use crate::store::writer::KeepError;
use consentry_core::ledger::Payload;
use consentry_core::{EventId, SiteId};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};
use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;
use tlog_tiles::Hash;

impl From<rusqlite::Error> for KeepError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => {
                Self::Refused(error.into())
            }
            _ => Self::Failed(error.into()),
        }
    }
}

/// The connection that writes, and where each ledger stood when it last did.
#[derive(Debug)]
pub(super) struct Write {
    connection: Connection,
    heads: HashMap<SiteId, (i64, Head)>,
    /// Whether something that was erased may still stand in the write-ahead log: so at first, since whoever wrote last may have been
    /// interrupted.
    remembers: bool,
}

impl Write {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, heads: HashMap::new(), remembers: true }
    }

    /// Keeps the entries of all sites, or none of them.
    pub(super) fn keep(&mut self, entries: &[Pending]) -> Result<Vec<Outcome>, KeepError> {
        let mut by_site: HashMap<&SiteId, Vec<usize>> = HashMap::new();
        for (place, entry) in entries.iter().enumerate() {
            by_site.entry(entry.site()).or_default().push(place);
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes: Vec<Option<Outcome>> = vec![None; entries.len()];
        let (mut heads, mut erases) = (Vec::with_capacity(by_site.len()), false);
        for (site, places) in by_site {
            let of_site = || places.iter().filter_map(|place| entries.get(*place));
            // The one who writes knows where it left off, unless another process has written meanwhile.
            let (number, mut head) = match self.heads.get(site) {
                Some((number, head)) if size(&transaction, *number)? == head.edge.size() => (*number, head.clone()),
                Some(_) | None => load(&transaction, site)?,
            };
            let mut known = known(&transaction, number, of_site())?;
            let (of_batch, batch) = plan(site, &mut head, &mut known, of_site());
            write(&transaction, number, site, &head, &batch)?;
            erases |= !batch.erased.is_empty();
            for (place, outcome) in places.iter().zip(of_batch) {
                if let Some(slot) = outcomes.get_mut(*place) {
                    *slot = Some(outcome);
                }
            }
            heads.push((site.clone(), (number, head)));
        }
        transaction.commit()?;
        self.heads.extend(heads);
        self.remembers |= erases;
        if self.remembers {
            self.forget();
        }
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Takes what was erased out of the write-ahead log as well. Whoever still reads from it keeps it there; then it goes with a later
    /// batch.
    fn forget(&mut self) {
        // Those who wait for the next batch must not wait for those who read.
        let emptied = self.connection.busy_timeout(Duration::ZERO).and_then(|()| {
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))
        });
        let waits = self.connection.busy_timeout(Duration::from_secs(BUSY_SECONDS_MAX));
        if let Err(error) = waits {
            tracing::warn!("the database no longer waits for others that write: {error}");
        }
        match emptied {
            // Whether somebody was in the way.
            Ok(is_busy) => self.remembers = is_busy,
            Err(error) => tracing::warn!("what was erased is still in the write-ahead log: {error}"),
        }
    }
}

fn size(transaction: &Transaction<'_>, site: i64) -> Result<u64, rusqlite::Error> {
    let mut statement = transaction.prepare_cached("SELECT size FROM heads WHERE site = ?1")?;
    statement.query_row([site], |row| row.get(0)).map(count)
}

/// A site's number, and where its ledger stands. A site that nobody has heard of gets both.
fn load(transaction: &Transaction<'_>, site: &SiteId) -> Result<(i64, Head), KeepError> {
    transaction
        .prepare_cached("INSERT INTO sites (name) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([site.as_str()])?;
    let number: i64 = transaction
        .prepare_cached("SELECT number FROM sites WHERE name = ?1")?
        .query_row([site.as_str()], |row| row.get(0))?;
    let empty = Head::default();
    transaction
        .prepare_cached("INSERT INTO heads (site, size, at_ms, root) VALUES (?1, 0, 0, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![number, empty.edge.root().0])?;
    let (size, at, root): (i64, i64, [u8; 32]) = transaction
        .prepare_cached("SELECT size, at_ms, root FROM heads WHERE site = ?1")?
        .query_row([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let size = count(size);
    let mut levels = Vec::new();
    for level in 0..Edge::levels_of(size) {
        levels.push(if level == 0 {
            leaves(transaction, site, number, size)?
        } else if edge::in_last_tile(size, level) == 0 {
            Vec::new()
        } else {
            let place = size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or_default();
            let tile = read::stored_tile(transaction, number, level, place)?.unwrap_or_default();
            edge::hashes(&tile).unwrap_or_default()
        });
    }
    let edge = Edge::of(size, levels).map_err(KeepError::failed)?;
    if edge.root() != Hash(root) {
        let broken = format!("the ledger of {site} does not have the root that its head says; run `consentry verify`");
        return Err(KeepError::failed(broken));
    }
    Ok((number, Head { edge, at: time(at) }))
}

/// The leaves in the tile that is not full yet.
fn leaves(transaction: &Transaction<'_>, site: &SiteId, number: i64, size: u64) -> Result<Vec<Hash>, KeepError> {
    let select = "SELECT at_ms, commitment FROM entries WHERE site = ?1 AND seq >= ?2 AND seq < ?3 ORDER BY seq";
    let mut statement = transaction.prepare_cached(select)?;
    let from = self::number(first_in_last_tile(size));
    let rows = statement.query_map(params![number, from, self::number(size)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.map(|row| {
        let (at, commitment) = row?;
        leaf_hash(site, at, commitment)
            .ok_or_else(|| KeepError::failed("an entry's time is beyond what an entry can have"))
    })
    .collect()
}

/// What is known of the ids and subjects of these entries.
fn known<'a>(
    transaction: &Transaction<'_>,
    site: i64,
    entries: impl Iterator<Item = &'a Pending>,
) -> Result<Known<'a>, KeepError> {
    let mut known = Known::default();
    for entry in entries {
        let (id, subject) = (entry.id(), entry.subject());
        if let Some(earlier) = kept_under(transaction, site, id)? {
            known.ids.insert(id, earlier);
        }
        if entry.secret.is_some()
            && !known.secrets.contains_key(&subject)
            && let Some(secret) = read::registered_secret(transaction, site, subject)?
        {
            known.secrets.insert(subject, secret);
        }
    }
    Ok(known)
}

fn kept_under(transaction: &Transaction<'_>, site: i64, id: EventId) -> Result<Option<Earlier<'static>>, KeepError> {
    let select = "SELECT seq, payload FROM payloads WHERE site = ?1 AND id = ?2";
    let mut statement = transaction.prepare_cached(select)?;
    let found: Option<(i64, Vec<u8>)> =
        statement.query_row(params![site, id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    if let Some((seq, payload)) = found {
        let payload = Payload::from_bytes(&payload)
            .map_err(|error| KeepError::failed(format!("the payload of entry {seq} does not read as one: {error}")))?;
        let (subject, event) = (payload.subject(), payload.into_event());
        let position = Position { seq: count(seq), at: event.at };
        return Ok(Some(Earlier::Entry { subject, kind: Cow::Owned(event.kind), position }));
    }
    let select = "SELECT subject, seq, at_ms FROM erasures WHERE site = ?1 AND id = ?2";
    let mut statement = transaction.prepare_cached(select)?;
    let erased = statement.query_row(params![site, id.as_bytes()], |row| {
        let position = Position { seq: count(row.get(1)?), at: time(row.get(2)?) };
        Ok(Earlier::Erasure { subject: SubjectHash(row.get(0)?), position })
    });
    Ok(erased.optional()?)
}

fn write(
    transaction: &Transaction<'_>,
    site: i64,
    name: &SiteId,
    head: &Head,
    batch: &Batch<'_>,
) -> Result<(), rusqlite::Error> {
    for erased in &batch.erased {
        transaction
            .prepare_cached("DELETE FROM payloads WHERE site = ?1 AND subject = ?2")?
            .execute(params![site, key_of(erased.subject)])?;
        transaction
            .prepare_cached("DELETE FROM cases WHERE site = ?1 AND subject = ?2")?
            .execute(params![name.as_str(), key_of(erased.subject)])?;
    }
    let mut entries =
        transaction.prepare_cached("INSERT INTO entries (site, seq, at_ms, commitment) VALUES (?1, ?2, ?3, ?4)")?;
    let mut payloads = transaction.prepare_cached(
        "INSERT INTO payloads (site, seq, id, subject, secret_hash, salt, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for row in &batch.rows {
        let seq = number(row.seq);
        entries.execute(params![site, seq, ms(row.at), row.commitment])?;
        if let Some(Personal { entry, secret }) = &row.personal {
            payloads.execute(params![
                site,
                seq,
                entry.id().as_bytes(),
                key_of(entry.subject()),
                secret.as_ref().map(SecretHash::as_bytes),
                entry.salt.0,
                entry.payload.as_bytes()
            ])?;
        }
    }
    for erased in &batch.erased {
        let (subject, position) = (SubjectHash::of(name, erased.subject).0, erased.position);
        let insert = "INSERT INTO erasures (site, subject, id, seq, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (site, subject) DO UPDATE SET id = ?3, seq = ?4, at_ms = ?5";
        let row = params![site, subject, erased.id.as_bytes(), number(position.seq), ms(position.at)];
        transaction.prepare_cached(insert)?.execute(row)?;
    }
    let replace = "INSERT INTO tiles (site, level, number, hashes) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (site, level, number) DO UPDATE SET hashes = ?4";
    for tile in &batch.tiles {
        transaction.prepare_cached(replace)?.execute(params![site, tile.level, number(tile.index), tile.hashes])?;
    }
    if !batch.rows.is_empty() {
        let update = "UPDATE heads SET size = ?2, at_ms = ?3, root = ?4 WHERE site = ?1";
        let row = params![site, number(head.edge.size()), ms(head.at), head.edge.root().0];
        transaction.prepare_cached(update)?.execute(row)?;
    }
    Ok(())
}
