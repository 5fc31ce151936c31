//! What is asked of the database by those who only read.

use crate::auth::{KeyHash, Scopes, SecretHash};
use crate::store::batch::SubjectHash;
use crate::store::edge::TILE_WIDTH;
use crate::store::row::{SITES, count, event, key_of, leaf_hash, number, site_of, time};
use crate::store::{Entry, ErasedSubject, LedgerEntry, LedgerHead, ReadError, Sealed, StoreError};
use consentry_core::ledger::{Commitment, Leaf, Payload, Salt};
use consentry_core::{Demand, DemandKind, Event, EventId, EventKind, SiteId, Subject};
use deadpool_postgres::GenericClient;
use std::collections::HashMap;
use tokio_postgres::Row;

impl From<tokio_postgres::Error> for ReadError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A column of that many bytes.
pub(super) fn array<const N: usize>(row: &Row, column: usize) -> Result<[u8; N], StoreError> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes.try_into().map_err(|_| format!("a column has {} bytes and not {N}", bytes.len()).into())
}

fn bytes<const N: usize>(row: &Row, column: usize) -> Result<[u8; N], ReadError> {
    array(row, column).map_err(ReadError::Database)
}

/// The number of a site; none of one that nothing was kept of.
pub(super) async fn site_number(client: &impl GenericClient, site: &SiteId) -> Result<Option<i64>, ReadError> {
    let select = client.prepare_cached("SELECT number FROM sites WHERE name = $1").await?;
    Ok(client.query_opt(&select, &[&site.as_str()]).await?.map(|row| row.try_get(0)).transpose()?)
}

pub(super) async fn record(
    client: &impl GenericClient,
    site: &SiteId,
    subject: Subject,
    secret: &SecretHash,
) -> Result<Vec<Entry>, ReadError> {
    let Some(number) = site_number(client, site).await? else { return Ok(Vec::new()) };
    let select = "SELECT secret_hash FROM payloads
        WHERE site = $1 AND subject = $2 AND secret_hash IS NOT NULL ORDER BY seq LIMIT 1";
    let select = client.prepare_cached(select).await?;
    let registered = client.query_opt(&select, &[&number, &key_of(subject)]).await?;
    match registered.map(|row| bytes(&row, 0)).transpose()?.map(SecretHash::from_bytes) {
        None => Ok(Vec::new()),
        Some(registered) if registered.is_same(secret) => {
            Ok(entries(client, site, number, &[subject]).await?.remove(&subject).unwrap_or_default())
        }
        Some(_) => Err(ReadError::WrongSecret),
    }
}

pub(super) async fn entries_of(
    client: &impl GenericClient,
    site: &SiteId,
    subjects: &[Subject],
) -> Result<HashMap<Subject, Vec<Entry>>, ReadError> {
    let Some(number) = site_number(client, site).await? else { return Ok(HashMap::new()) };
    entries(client, site, number, subjects).await
}

pub(super) async fn erased(client: &impl GenericClient, site: &SiteId) -> Result<Vec<ErasedSubject>, ReadError> {
    let Some(number) = site_number(client, site).await? else { return Ok(Vec::new()) };
    let select = client.prepare_cached("SELECT subject, seq, at_ms FROM erasures WHERE site = $1").await?;
    let rows = client.query(&select, &[&number]).await?;
    let erased =
        |row: &Row| Ok(ErasedSubject { name: bytes(row, 0)?, seq: count(row.try_get(1)?), at: time(row.try_get(2)?) });
    rows.iter().map(erased).collect()
}

/// What is kept of each subject, and before it that the subject was erased. One question for both, so that they are of one moment.
async fn entries(
    client: &impl GenericClient,
    name: &SiteId,
    site: i64,
    subjects: &[Subject],
) -> Result<HashMap<Subject, Vec<Entry>>, ReadError> {
    let mut of: HashMap<Vec<u8>, Subject> = HashMap::with_capacity(subjects.len() * 2);
    for subject in subjects {
        of.insert(key_of(*subject), *subject);
        of.insert(SubjectHash::of(name, *subject).0.to_vec(), *subject);
    }
    let keys: Vec<&[u8]> = of.keys().map(Vec::as_slice).collect();
    // A subject's key is never as long as its hash.
    let select = "SELECT subject, seq, NULL::BYTEA AS id, NULL::BIGINT AS at_ms, payload FROM payloads
            WHERE site = $1 AND subject = ANY ($2)
        UNION ALL SELECT subject, seq, id, at_ms, NULL FROM erasures WHERE site = $1 AND subject = ANY ($2)
        ORDER BY 2";
    let select = client.prepare_cached(select).await?;
    let mut entries: HashMap<Subject, Vec<Entry>> = HashMap::new();
    for row in client.query(&select, &[&site, &keys]).await? {
        let Some(subject) = of.get(row.try_get::<_, &[u8]>(0)?) else { continue };
        let seq = count(row.try_get(1)?);
        let event = match row.try_get::<_, Option<&[u8]>>(4)? {
            Some(payload) => event(payload).ok_or(ReadError::Broken { seq })?,
            None => {
                let id = EventId::from_bytes(bytes(&row, 2)?).ok_or(ReadError::Broken { seq })?;
                let demand = Demand { kind: DemandKind::Erasure, purpose: None, stands: true };
                Event { at: time(row.try_get(3)?), kind: EventKind::Demanded(id, demand) }
            }
        };
        entries.entry(*subject).or_default().push(Entry { seq, event });
    }
    Ok(entries)
}

pub(super) async fn ledger_sites(client: &impl GenericClient) -> Result<Vec<SiteId>, ReadError> {
    let rows = client.query(SITES, &[]).await?;
    rows.iter().map(|row| site_of(row.try_get(0)?)).collect()
}

pub(super) async fn ledger_head(client: &impl GenericClient, site: &SiteId) -> Result<LedgerHead, ReadError> {
    let select = "SELECT size, at_ms, root FROM heads JOIN sites ON number = site WHERE name = $1";
    let select = client.prepare_cached(select).await?;
    let Some(row) = client.query_opt(&select, &[&site.as_str()]).await? else { return Ok(LedgerHead::default()) };
    Ok(LedgerHead { size: count(row.try_get(0)?), at: time(row.try_get(1)?), root: bytes(&row, 2)? })
}

pub(super) async fn ledger_entries(
    client: &impl GenericClient,
    site: &SiteId,
    from: u64,
    entries_max: usize,
) -> Result<Vec<LedgerEntry>, ReadError> {
    let Some(site_number) = site_number(client, site).await? else { return Ok(Vec::new()) };
    let select = "SELECT e.seq, e.at_ms, e.commitment, p.salt, p.payload, gone.subject FROM entries AS e
        LEFT JOIN payloads AS p ON p.site = e.site AND p.seq = e.seq
        LEFT JOIN erasures AS gone ON gone.site = e.site AND gone.seq = e.seq
        WHERE e.site = $1 AND e.seq >= $2 ORDER BY e.seq LIMIT $3";
    let select = client.prepare_cached(select).await?;
    let rows = client.query(&select, &[&site_number, &number(from), &number(entries_max as u64)]).await?;
    let entry = |row: &Row| {
        let seq = count(row.try_get(0)?);
        let leaf = Leaf::new(site.clone(), time(row.try_get(1)?), Commitment::from_bytes(bytes(row, 2)?));
        let leaf = leaf.map_err(|_| ReadError::Broken { seq })?;
        let sealed = match row.try_get::<_, Option<&[u8]>>(4)? {
            None => None,
            Some(payload) => {
                let payload = Payload::from_bytes(payload).map_err(|_| ReadError::Broken { seq })?;
                Some(Sealed { salt: Salt(bytes(row, 3)?), payload })
            }
        };
        let is_erasure = row.try_get::<_, Option<&[u8]>>(5)?.is_some();
        let erased = if is_erasure { Some(bytes(row, 5)?) } else { None };
        Ok(LedgerEntry { seq, leaf, sealed, erased })
    };
    rows.iter().map(entry).collect()
}

pub(super) async fn ledger_position(
    client: &impl GenericClient,
    site: &SiteId,
    id: EventId,
) -> Result<Option<u64>, ReadError> {
    let Some(number) = site_number(client, site).await? else { return Ok(None) };
    let select = "SELECT seq FROM payloads WHERE site = $1 AND id = $2
        UNION ALL SELECT seq FROM erasures WHERE site = $1 AND id = $2";
    let row = client.query_opt(select, &[&number, &id.as_bytes().as_slice()]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.map(count))
}

pub(super) async fn ledger_tile(
    client: &impl GenericClient,
    site: &SiteId,
    level: u8,
    tile: u64,
) -> Result<Option<Vec<u8>>, ReadError> {
    let Some(site_number) = site_number(client, site).await? else { return Ok(None) };
    let stored = stored_tile(client, site_number, level, tile).await?;
    if stored.is_some() || level > 0 {
        return Ok(stored);
    }
    // One that is not full yet is made of entries.
    let first = tile.saturating_mul(TILE_WIDTH as u64);
    let select = "SELECT seq, at_ms, commitment FROM entries WHERE site = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
    let rows = client.query(select, &[&site_number, &number(first), &(TILE_WIDTH as i64)]).await?;
    let mut hashes = Vec::with_capacity(rows.len() * 32);
    for row in &rows {
        let seq = count(row.try_get(0)?);
        let hash = leaf_hash(site, row.try_get(1)?, bytes(row, 2)?).ok_or(ReadError::Broken { seq })?;
        hashes.extend_from_slice(&hash.0);
    }
    Ok((!hashes.is_empty()).then_some(hashes))
}

pub(super) async fn stored_tile(
    client: &impl GenericClient,
    site: i64,
    level: u8,
    tile: u64,
) -> Result<Option<Vec<u8>>, tokio_postgres::Error> {
    let select = "SELECT hashes FROM tiles WHERE site = $1 AND level = $2 AND number = $3";
    let row = client.query_opt(select, &[&site, &i16::from(level), &number(tile)]).await?;
    row.map(|row| row.try_get(0)).transpose()
}

pub(super) async fn notice(
    client: &impl GenericClient,
    site: &SiteId,
    hash: [u8; 32],
) -> Result<Option<String>, ReadError> {
    let select = "SELECT canonical FROM notices WHERE site = $1 AND hash = $2";
    let row = client.query_opt(select, &[&site.as_str(), &hash.as_slice()]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// What a key may do; nothing for one that is unknown, revoked, or another site's.
pub(super) async fn scopes(
    client: &impl GenericClient,
    key: &KeyHash,
    site: &SiteId,
) -> Result<Option<Scopes>, ReadError> {
    let select = "SELECT scopes FROM api_keys WHERE key_hash = $1 AND site = $2 AND revoked_at_ms IS NULL";
    let select = client.prepare_cached(select).await?;
    let row = client.query_opt(&select, &[&key.as_bytes().as_slice(), &site.as_str()]).await?;
    let scopes: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
    Ok(scopes.and_then(|scopes| scopes.parse().ok()))
}

pub(super) async fn size_of_all(client: &impl GenericClient) -> Result<i64, tokio_postgres::Error> {
    client.query_one("SELECT coalesce(sum(size), 0)::BIGINT FROM heads", &[]).await?.try_get(0)
}

pub(super) async fn ping(client: &impl GenericClient) -> Result<(), ReadError> {
    client.query_opt("SELECT seq FROM entries LIMIT 1", &[]).await?;
    Ok(())
}
