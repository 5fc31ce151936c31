//! SQLite: one connection that writes, on a thread of its own, and a few that only read.

mod backup;
mod cases;
mod migrations;
mod probe;
mod read;
mod state;
mod webhooks;
mod write;

use super::row::ms;
use super::writer::Writer;
use super::{
    AppendError, Appended, Entry, ErasedSubject, KeptKey, LedgerEntry, LedgerHead, Mark, Moment, NewEntry, News,
    OpenError, ReadError, StoreError,
};
use crate::auth::{KeyHash, KeyId, Scopes, SecretHash};
use consentry_core::source::Published;
use consentry_core::{EventId, Language, NoticeHash, PolicyHash, SiteId, Subject, Time};
use probe::Probe;
use read::Readers;
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use write::Write;

pub use backup::{BackupError, backup, check_file};

/// How long a connection waits for another process that writes, such as `consentry key new`.
const BUSY_SECONDS_MAX: u64 = 5;

/// A database in one file.
#[derive(Debug, Clone)]
pub struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
    /// Writes what is not the ledger's, and may wait for it.
    aside: Mutex<Connection>,
    probe: Mutex<Probe>,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let cannot_open = |source| OpenError::Open { path: path.into(), source };
        let mut connection = writing_connection(path).map_err(cannot_open)?;
        migrations::to_latest(&mut connection)
            .map_err(|source| OpenError::Migrate { path: path.into(), source: Box::new(source) })?;
        // Opened here, so that a database that cannot be read is found before anybody asks.
        let readers = (0..read::CONNECTIONS).map(|_| reading_connection(path)).collect::<Result<_, _>>();
        let readers = Readers::new(readers.map_err(cannot_open)?);
        let aside = Mutex::new(writing_connection(path).map_err(cannot_open)?);
        let probe = Mutex::new(Probe::new(reading_connection(path).map_err(cannot_open)?));
        let mut write = Write::new(connection);
        let writer = Writer::start(move |entries| write.keep(entries))?;
        Ok(Self(Arc::new(Inner { path: path.into(), writer, readers, aside, probe })))
    }

    pub(super) async fn append(&self, entry: NewEntry) -> Result<Appended, AppendError> {
        self.0.writer.append(entry).await
    }

    pub(super) async fn record(
        &self,
        site: &SiteId,
        subject: Subject,
        secret: SecretHash,
    ) -> Result<Vec<Entry>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| read::record(connection, &site, subject, &secret)).await
    }

    pub(super) async fn entries_of(
        &self,
        site: &SiteId,
        subjects: Vec<Subject>,
    ) -> Result<HashMap<Subject, Vec<Entry>>, ReadError> {
        // What takes no longer than the way to another thread and back.
        if let [subject] = subjects.as_slice()
            && let Some(entries) =
                self.0.readers.read_here(|connection| read::few_entries(connection, site, *subject))?
        {
            return Ok(entries);
        }
        let site = site.clone();
        self.0.readers.read(move |connection| read::entries_of(connection, &site, &subjects)).await
    }

    pub(super) async fn erased(&self, site: &SiteId) -> Result<Vec<ErasedSubject>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| read::erased(connection, &site)).await
    }

    pub(super) async fn ledger_sites(&self) -> Result<Vec<SiteId>, ReadError> {
        self.0.readers.read(read::ledger_sites).await
    }

    pub(super) async fn ledger_head(&self, site: &SiteId) -> Result<LedgerHead, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| read::ledger_head(connection, &site)).await
    }

    pub(super) async fn ledger_entries(
        &self,
        site: &SiteId,
        from: u64,
        entries_max: usize,
    ) -> Result<Vec<LedgerEntry>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| read::ledger_entries(connection, &site, from, entries_max)).await
    }

    pub(super) async fn ledger_position(&self, site: &SiteId, id: EventId) -> Result<Option<u64>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| read::ledger_position(connection, &site, id)).await
    }

    pub(super) async fn ledger_tile(&self, site: &SiteId, level: u8, tile: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| read::ledger_tile(connection, &site, level, tile)).await
    }

    pub(super) fn grown(&self) -> watch::Receiver<u64> {
        self.0.writer.grown()
    }

    pub(super) fn publish(&self, published: &Published, at: Time) -> Result<Vec<(NoticeHash, Language)>, StoreError> {
        let mut connection = writing_connection(&self.0.path)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (site, policy) = (&published.policy.parts().site, published.policy.hash());
        let insert = "INSERT INTO notices (site, hash, policy, language, published_at_ms, canonical) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
        for notice in &published.notices {
            let (hash, language) = (notice.hash.as_bytes(), notice.language.as_str());
            let row = params![site.as_str(), hash, policy.as_bytes(), language, ms(at), notice.canonical];
            transaction.prepare_cached(insert)?.execute(row)?;
        }
        let known = notices_of(&transaction, site, policy)?;
        transaction.commit()?;
        Ok(known)
    }

    pub(super) async fn notice(&self, site: &SiteId, hash: NoticeHash) -> Result<Option<String>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| read::notice(connection, &site, *hash.as_bytes())).await
    }

    pub(super) fn add_key(
        &self,
        key: KeyHash,
        site: &SiteId,
        name: &str,
        scopes: &Scopes,
        at: Time,
    ) -> Result<(), StoreError> {
        // Rare, and by a command of its own, so it takes a connection of its own rather than the writer's.
        let connection = writing_connection(&self.0.path)?;
        let insert = "INSERT INTO api_keys (key_hash, site, name, scopes, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)";
        connection.execute(insert, params![key.as_bytes(), site.as_str(), name, scopes.to_string(), ms(at)])?;
        Ok(())
    }

    pub(super) fn keys(&self, site: &SiteId) -> Result<Vec<KeptKey>, StoreError> {
        Ok(read::keys(&reading_connection(&self.0.path)?, site)?)
    }

    pub(super) fn revoke_key(&self, site: &SiteId, key: KeyId, at: Time) -> Result<bool, StoreError> {
        let update = "UPDATE api_keys SET revoked_at_ms = max(?3, created_at_ms)
            WHERE site = ?1 AND substr(key_hash, 1, 4) = ?2 AND revoked_at_ms IS NULL";
        let connection = writing_connection(&self.0.path)?;
        Ok(connection.execute(update, params![site.as_str(), key.as_bytes(), ms(at)])? > 0)
    }

    pub(super) fn scopes(&self, key: KeyHash, site: &SiteId) -> Result<(Option<Scopes>, Moment), ReadError> {
        self.probe().scopes(&key, site)
    }

    pub(super) fn news(&self, site: &SiteId, since: Option<Mark>) -> Result<News, ReadError> {
        self.probe().news(site, since)
    }

    fn probe(&self) -> MutexGuard<'_, Probe> {
        self.0.probe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn ping(&self) -> Result<(), ReadError> {
        if self.0.writer.is_gone() {
            return Err(ReadError::Lost);
        }
        self.0.readers.read(read::ping).await
    }

    pub(super) async fn close(&self) {
        self.0.writer.close().await;
    }
}

fn notices_of(
    connection: &Connection,
    site: &SiteId,
    policy: PolicyHash,
) -> Result<Vec<(NoticeHash, Language)>, rusqlite::Error> {
    let select = "SELECT hash, language FROM notices WHERE site = ?1 AND policy = ?2";
    let mut statement = connection.prepare_cached(select)?;
    let rows = statement.query_map(params![site.as_str(), policy.as_bytes()], |row| {
        let language: String = row.get(1)?;
        let broken = |error| rusqlite::Error::FromSqlConversionFailure(1, Type::Text, Box::new(error));
        Ok((NoticeHash::from_bytes(row.get(0)?), language.parse().map_err(broken)?))
    })?;
    rows.collect()
}

fn writing_connection(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(BUSY_SECONDS_MAX))?;
    // In this mode one writes while others read. It stays with the file, so that changing it once is enough.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit returns when it is on the disk: what is acknowledged survives a loss of power, too.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The same on macOS, where the other alone does not reach the disk.
    connection.pragma_update(None, "fullfsync", "ON")?;
    connection.pragma_update(None, "checkpoint_fullfsync", "ON")?;
    // What is erased is overwritten, not only given free.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    Ok(connection)
}

fn reading_connection(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(BUSY_SECONDS_MAX))?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    Ok(connection)
}
