//! Those who only read: a few connections, each lent to one question at a time, off the threads that serve.

use crate::auth::{KeyHash, Scopes, SecretHash};
use crate::store::batch::SubjectHash;
use crate::store::edge::TILE_WIDTH;
use crate::store::row::{SITES, count, event, key_of, leaf_hash, number, site_of, time};
use crate::store::{Entry, ErasedSubject, KeptKey, LedgerEntry, LedgerHead, ReadError, Sealed};
use consentry_core::ledger::{Commitment, Leaf, Payload, Salt};
use consentry_core::{Demand, DemandKind, Event, EventId, EventKind, SiteId, Subject};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// How many connections read.
pub(super) const CONNECTIONS: usize = 4;
/// Most questions that wait for a connection. Beyond that the server says that it is overloaded.
const READS_WAITING_MAX: usize = 1_024;
/// Most events of a subject that are read by whoever serves.
const ENTRIES_HERE_MAX: usize = 8;

/// The connections.
#[derive(Debug, Clone)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>, // INVARIANT: as many as `turns` has permits left, or more.
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(connections.len())),
            places: Arc::new(Semaphore::new(connections.len() + READS_WAITING_MAX)),
            idle: Arc::new(Mutex::new(connections)),
        }
    }

    /// Lends a connection to `question`.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let _place = self.places.try_acquire().map_err(|_| ReadError::Overloaded)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| ReadError::Lost)?;
        let idle = Arc::clone(&self.idle);
        let answer = tokio::task::spawn_blocking(move || {
            let mut loan = Loan::of(idle).ok_or(ReadError::Lost)?;
            let answer = loan.connection().ok_or(ReadError::Lost).and_then(question);
            drop(loan);
            // Only now may the next one come: the turn outlives the loan, even if whoever asked has gone.
            drop(turn);
            answer
        });
        answer.await.unwrap_or(Err(ReadError::Lost))
    }

    /// Asks `question` on the spot, where a connection is idle; none where none is, or where the question finds that it takes too long.
    /// To go to another thread and back takes several times as long as a few rows do that somebody has just written.
    pub(super) fn read_here<T>(
        &self,
        question: impl FnOnce(&mut Connection) -> Result<Option<T>, ReadError>,
    ) -> Result<Option<T>, ReadError> {
        let Ok(turn) = self.turns.try_acquire() else { return Ok(None) };
        let mut loan = Loan::of(Arc::clone(&self.idle)).ok_or(ReadError::Lost)?;
        let answer = loan.connection().ok_or(ReadError::Lost).and_then(question);
        drop(loan);
        drop(turn);
        answer
    }
}

/// A connection that goes back when it is done with, in a panic too.
struct Loan {
    idle: Arc<Mutex<Vec<Connection>>>,
    connection: Option<Connection>,
}

impl Loan {
    fn of(idle: Arc<Mutex<Vec<Connection>>>) -> Option<Self> {
        let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        connection.map(|connection| Self { idle, connection: Some(connection) })
    }

    fn connection(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut()
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.connection.take());
    }
}

/// The number of a site; none of one that nothing was kept of.
pub(super) fn site_number(connection: &Connection, site: &SiteId) -> Result<Option<i64>, rusqlite::Error> {
    let mut statement = connection.prepare_cached("SELECT number FROM sites WHERE name = ?1")?;
    statement.query_row([site.as_str()], |row| row.get(0)).optional()
}

pub(super) fn registered_secret(
    connection: &Connection,
    site: i64,
    subject: Subject,
) -> Result<Option<SecretHash>, rusqlite::Error> {
    // A subject's first entry has it.
    let select = "SELECT secret_hash FROM payloads INDEXED BY payloads_of_subject
        WHERE site = ?1 AND subject = ?2 AND secret_hash IS NOT NULL ORDER BY seq LIMIT 1";
    let found =
        connection.prepare_cached(select)?.query_row(params![site, key_of(subject)], |row| row.get(0)).optional();
    Ok(found?.map(SecretHash::from_bytes))
}

pub(super) fn record(
    connection: &mut Connection,
    site: &SiteId,
    subject: Subject,
    secret: &SecretHash,
) -> Result<Vec<Entry>, ReadError> {
    let Some(number) = site_number(connection, site)? else { return Ok(Vec::new()) };
    match registered_secret(connection, number, subject)? {
        None => Ok(Vec::new()),
        Some(registered) if registered.is_same(secret) => entries(connection, site, subject, usize::MAX),
        Some(_) => Err(ReadError::WrongSecret),
    }
}

pub(super) fn entries_of(
    connection: &mut Connection,
    site: &SiteId,
    subjects: &[Subject],
) -> Result<HashMap<Subject, Vec<Entry>>, ReadError> {
    // Of one moment: a device and an account that are asked about together.
    let transaction = connection.transaction()?;
    let mut found = HashMap::with_capacity(subjects.len());
    for subject in subjects {
        if !found.contains_key(subject) {
            let entries = entries(&transaction, site, *subject, usize::MAX)?;
            if !entries.is_empty() {
                found.insert(*subject, entries);
            }
        }
    }
    Ok(found)
}

pub(super) fn erased(connection: &mut Connection, site: &SiteId) -> Result<Vec<ErasedSubject>, ReadError> {
    let Some(number) = site_number(connection, site)? else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached("SELECT subject, seq, at_ms FROM erasures WHERE site = ?1")?;
    let rows = statement.query_map([number], |row| {
        Ok(ErasedSubject { name: row.get(0)?, seq: count(row.get(1)?), at: time(row.get(2)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The same of one subject, if there are no more of them than whoever serves may read on the spot.
pub(super) fn few_entries(
    connection: &Connection,
    site: &SiteId,
    subject: Subject,
) -> Result<Option<HashMap<Subject, Vec<Entry>>>, ReadError> {
    // One statement, and so one moment.
    let entries = entries(connection, site, subject, ENTRIES_HERE_MAX)?;
    if entries.len() > ENTRIES_HERE_MAX {
        return Ok(None);
    }
    Ok(Some(if entries.is_empty() { HashMap::new() } else { HashMap::from([(subject, entries)]) }))
}

/// What is kept of a subject, and before it that the subject was erased: at most one more than `entries_max`.
fn entries(
    connection: &Connection,
    site: &SiteId,
    subject: Subject,
    entries_max: usize,
) -> Result<Vec<Entry>, ReadError> {
    let select = "SELECT seq, at_ms, id FROM erasures
            WHERE site = (SELECT number FROM sites WHERE name = ?1) AND subject = ?2
        UNION ALL SELECT seq, NULL, payload FROM payloads INDEXED BY payloads_of_subject
            WHERE site = (SELECT number FROM sites WHERE name = ?1) AND subject = ?3";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(params![site.as_str(), SubjectHash::of(site, subject).0, key_of(subject)])?;
    let mut entries = Vec::new();
    while entries.len() <= entries_max
        && let Some(row) = rows.next()?
    {
        let seq = count(row.get(0)?);
        let blob = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        let event = match row.get::<_, Option<i64>>(1)? {
            None => event(blob),
            Some(at) => blob.try_into().ok().and_then(EventId::from_bytes).map(|id| {
                let demand = Demand { kind: DemandKind::Erasure, purpose: None, stands: true };
                Event { at: time(at), kind: EventKind::Demanded(id, demand) }
            }),
        };
        entries.push(Entry { seq, event: event.ok_or(ReadError::Broken { seq })? });
    }
    // An erasure left nothing that was before it.
    entries.sort_by_key(|entry| entry.seq);
    Ok(entries)
}

pub(super) fn ledger_sites(connection: &mut Connection) -> Result<Vec<SiteId>, ReadError> {
    let mut statement = connection.prepare_cached(SITES)?;
    let mut rows = statement.query([])?;
    let mut sites = Vec::new();
    while let Some(row) = rows.next()? {
        sites.push(site_of(&row.get::<_, String>(0)?)?);
    }
    Ok(sites)
}

pub(super) fn ledger_head(connection: &mut Connection, site: &SiteId) -> Result<LedgerHead, ReadError> {
    let select = "SELECT size, at_ms, root FROM heads JOIN sites ON number = site WHERE name = ?1";
    let found = connection.prepare_cached(select)?.query_row([site.as_str()], |row| {
        Ok(LedgerHead { size: count(row.get(0)?), at: time(row.get(1)?), root: row.get(2)? })
    });
    Ok(found.optional()?.unwrap_or_default())
}

pub(super) fn ledger_entries(
    connection: &mut Connection,
    site: &SiteId,
    from: u64,
    entries_max: usize,
) -> Result<Vec<LedgerEntry>, ReadError> {
    let Some(site_number) = site_number(connection, site)? else { return Ok(Vec::new()) };
    let select = "SELECT entries.seq, entries.at_ms, commitment, salt, payload, erasures.subject FROM entries
        LEFT JOIN payloads ON payloads.site = entries.site AND payloads.seq = entries.seq
        LEFT JOIN erasures ON erasures.site = entries.site AND erasures.seq = entries.seq
        WHERE entries.site = ?1 AND entries.seq >= ?2 ORDER BY entries.seq LIMIT ?3";
    let mut statement = connection.prepare_cached(select)?;
    let limit = number(entries_max as u64);
    let mut rows = statement.query(params![site_number, number(from), limit])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let seq = count(row.get(0)?);
        let leaf = Leaf::new(site.clone(), time(row.get(1)?), Commitment::from_bytes(row.get(2)?));
        let leaf = leaf.map_err(|_| ReadError::Broken { seq })?;
        let (salt, payload): (Option<[u8; 32]>, Option<Vec<u8>>) = (row.get(3)?, row.get(4)?);
        let sealed = match (salt, payload) {
            (Some(salt), Some(payload)) => {
                let payload = Payload::from_bytes(&payload).map_err(|_| ReadError::Broken { seq })?;
                Some(Sealed { salt: Salt(salt), payload })
            }
            _ => None,
        };
        entries.push(LedgerEntry { seq, leaf, sealed, erased: row.get(5)? });
    }
    Ok(entries)
}

pub(super) fn ledger_position(
    connection: &mut Connection,
    site: &SiteId,
    id: EventId,
) -> Result<Option<u64>, ReadError> {
    let Some(number) = site_number(connection, site)? else { return Ok(None) };
    for table in ["payloads", "erasures"] {
        let select = format!("SELECT seq FROM {table} WHERE site = ?1 AND id = ?2");
        let found = connection.prepare_cached(&select)?.query_row(params![number, id.as_bytes()], |row| row.get(0));
        if let Some(seq) = found.optional()? {
            return Ok(Some(count(seq)));
        }
    }
    Ok(None)
}

pub(super) fn ledger_tile(
    connection: &mut Connection,
    site: &SiteId,
    level: u8,
    tile: u64,
) -> Result<Option<Vec<u8>>, ReadError> {
    let Some(site_number) = site_number(connection, site)? else { return Ok(None) };
    let stored = stored_tile(connection, site_number, level, tile)?;
    if stored.is_some() || level > 0 {
        return Ok(stored);
    }
    // One that is not full yet is made of entries.
    let first = tile.saturating_mul(TILE_WIDTH as u64);
    let select = "SELECT seq, at_ms, commitment FROM entries WHERE site = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(params![site_number, number(first), TILE_WIDTH as i64])?;
    let mut hashes = Vec::new();
    while let Some(row) = rows.next()? {
        let seq = count(row.get(0)?);
        let hash = leaf_hash(site, row.get(1)?, row.get(2)?).ok_or(ReadError::Broken { seq })?;
        hashes.extend_from_slice(&hash.0);
    }
    Ok((!hashes.is_empty()).then_some(hashes))
}

pub(super) fn stored_tile(
    connection: &Connection,
    site: i64,
    level: u8,
    tile: u64,
) -> Result<Option<Vec<u8>>, rusqlite::Error> {
    let select = "SELECT hashes FROM tiles WHERE site = ?1 AND level = ?2 AND number = ?3";
    let mut statement = connection.prepare_cached(select)?;
    statement.query_row(params![site, level, number(tile)], |row| row.get(0)).optional()
}

pub(super) fn notice(connection: &mut Connection, site: &SiteId, hash: [u8; 32]) -> Result<Option<String>, ReadError> {
    let select = "SELECT canonical FROM notices WHERE site = ?1 AND hash = ?2";
    let found = connection.prepare_cached(select)?.query_row(params![site.as_str(), hash], |row| row.get(0));
    Ok(found.optional()?)
}

/// What a key may do; nothing for one that is unknown, revoked, or another site's.
pub(super) fn scopes(connection: &mut Connection, key: &KeyHash, site: &SiteId) -> Result<Option<Scopes>, ReadError> {
    // Found by its hash: whoever could tell how far a comparison got would learn something of the hash, not of the key.
    let select = "SELECT scopes FROM api_keys WHERE key_hash = ?1 AND site = ?2 AND revoked_at_ms IS NULL";
    let mut statement = connection.prepare_cached(select)?;
    let found = statement.query_row(params![key.as_bytes(), site.as_str()], |row| row.get::<_, String>(0));
    Ok(found.optional()?.and_then(|scopes| scopes.parse().ok()))
}

pub(super) fn keys(connection: &Connection, site: &SiteId) -> Result<Vec<KeptKey>, rusqlite::Error> {
    let select = "SELECT key_hash, name, scopes, created_at_ms, revoked_at_ms FROM api_keys WHERE site = ?1
        ORDER BY created_at_ms, key_hash";
    let mut statement = connection.prepare(select)?;
    let rows = statement.query_map([site.as_str()], |row| {
        Ok(KeptKey {
            id: KeyHash::from_bytes(row.get(0)?).id(),
            name: row.get(1)?,
            scopes: row.get::<_, String>(2)?.parse().unwrap_or_default(),
            created_at: time(row.get(3)?),
            revoked_at: row.get::<_, Option<i64>>(4)?.map(time),
        })
    })?;
    rows.collect()
}

pub(super) fn ping(connection: &mut Connection) -> Result<(), ReadError> {
    connection.prepare_cached("SELECT seq FROM entries LIMIT 1")?.exists([])?;
    Ok(())
}
