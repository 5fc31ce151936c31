//! SQLite: one connection that writes, on a thread of its own, and a few that only read.

use super::reader::{self, Readers};
use super::writer::{self, Job, Writer};
use super::{AppendError, Appended, Entry, NewEntry, OpenError, ReadError, migrations};
use crate::auth::{KeyHash, SecretHash};
use consentry_core::source::Published;
use consentry_core::{Event, Language, NoticeHash, PolicyHash, SiteId, Subject, Time};
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How long a connection waits for another process that writes, such as `consentry key new`.
const BUSY_SECONDS_MAX: u64 = 5;

/// A database in one file.
#[derive(Debug, Clone)]
pub struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    jobs: mpsc::Sender<Job>,
    writer: Writer,
    readers: Readers,
}

impl Sqlite {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let cannot_open = |source| OpenError::Open { path: path.into(), source };
        let mut connection = writing_connection(path).map_err(cannot_open)?;
        migrations::MIGRATIONS
            .to_latest(&mut connection)
            .map_err(|source| OpenError::Migrate { path: path.into(), source: Box::new(source) })?;
        // Opened here, so that a database that cannot be read is found before anybody asks.
        let readers = (0..reader::CONNECTIONS).map(|_| reading_connection(path)).collect::<Result<_, _>>();
        let readers = Readers::new(readers.map_err(cannot_open)?);
        let (jobs, waiting) = mpsc::channel(writer::JOBS_WAITING_MAX);
        let writer = Writer::start(connection, waiting)?;
        Ok(Self(Arc::new(Inner { path: path.into(), jobs, writer, readers })))
    }

    pub(super) async fn append(&self, entry: NewEntry) -> Result<Appended, AppendError> {
        let (answer, answered) = oneshot::channel();
        self.0.jobs.try_send(Job::Append { entry: Box::new(entry), answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AppendError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => AppendError::Unavailable,
        })?;
        // The writer answers every job. If it does not, it is gone, and so is the transaction it was in.
        answered.await.unwrap_or(Err(AppendError::Unavailable))
    }

    pub(super) async fn record(
        &self,
        site: &SiteId,
        subject: Subject,
        secret: SecretHash,
    ) -> Result<Vec<Entry>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| reader::record(connection, &site, subject, &secret)).await
    }

    pub(super) async fn events(
        &self,
        site: &SiteId,
        subjects: Vec<Subject>,
    ) -> Result<HashMap<Subject, Vec<Event>>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| reader::events(connection, &site, &subjects)).await
    }

    pub(super) fn publish(
        &self,
        published: &Published,
        at: Time,
    ) -> Result<Vec<(NoticeHash, Language)>, rusqlite::Error> {
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

    pub(super) fn add_key(&self, key: KeyHash, site: &SiteId, name: &str, at: Time) -> Result<(), rusqlite::Error> {
        // Rare, and by a command of its own, so it takes a connection of its own rather than the writer's.
        let connection = writing_connection(&self.0.path)?;
        let insert = "INSERT INTO api_keys (key_hash, site, name, created_at_ms) VALUES (?1, ?2, ?3, ?4)";
        connection.execute(insert, params![key.as_bytes(), site.as_str(), name, ms(at)]).map(drop)
    }

    pub(super) async fn knows_key(&self, key: KeyHash, site: &SiteId) -> Result<bool, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| reader::knows_key(connection, &key, &site)).await
    }

    pub(super) async fn ping(&self) -> Result<(), ReadError> {
        if self.0.jobs.is_closed() {
            return Err(ReadError::Lost);
        }
        self.0.readers.read(reader::ping).await
    }

    pub(super) async fn notice(&self, site: &SiteId, hash: NoticeHash) -> Result<Option<String>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| reader::notice(connection, &site, hash)).await
    }

    pub(super) async fn close(&self) {
        // It queues behind all that was sent before. An error means that the writer has ended already.
        drop(self.0.jobs.send(Job::Close).await);
        self.0.writer.ended().await;
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

/// SQLite counts in 64 bits with a sign; a time beyond them is the end of time.
pub(super) fn ms(time: Time) -> i64 {
    i64::try_from(time.as_ms()).unwrap_or(i64::MAX)
}

pub(super) fn time(ms: i64) -> Time {
    Time::from_ms(u64::try_from(ms).unwrap_or_default())
}
