//! Those who only read: a few connections, each lent to one question at a time, off the threads that serve.

use super::sqlite::time;
use super::{Entry, ReadError};
use crate::auth::{KeyHash, SecretHash};
use consentry_core::wire::{ChoiceDoc, EventDoc};
use consentry_core::{Event, EventKind, NoticeHash, SiteId, Subject};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// How many connections read.
pub(super) const CONNECTIONS: usize = 4;
/// Most questions that wait for a connection. Beyond that the server says that it is overloaded.
const READS_WAITING_MAX: usize = 1_024;

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

pub(super) fn record(
    connection: &mut Connection,
    site: &SiteId,
    subject: Subject,
    secret: &SecretHash,
) -> Result<Vec<Entry>, ReadError> {
    let select = "SELECT secret_hash FROM devices WHERE site = ?1 AND subject = ?2";
    let registered = connection
        .prepare_cached(select)?
        .query_row(params![site.as_str(), subject.to_string()], |row| row.get(0))
        .optional()?;
    match registered.map(SecretHash::from_bytes) {
        None => Ok(Vec::new()),
        Some(registered) if registered.is_same(secret) => {
            Ok(entries(connection, site, &[subject])?.remove(&subject).unwrap_or_default())
        }
        Some(_) => Err(ReadError::WrongSecret),
    }
}

pub(super) fn events(
    connection: &mut Connection,
    site: &SiteId,
    subjects: &[Subject],
) -> Result<HashMap<Subject, Vec<Event>>, ReadError> {
    let entries = entries(connection, site, subjects)?;
    Ok(entries.into_iter().map(|(subject, of)| (subject, of.into_iter().map(|e| e.event).collect())).collect())
}

/// All of them in one query, however many subjects.
fn entries(
    connection: &Connection,
    site: &SiteId,
    subjects: &[Subject],
) -> Result<HashMap<Subject, Vec<Entry>>, ReadError> {
    let names: HashMap<String, Subject> = subjects.iter().map(|subject| (subject.to_string(), *subject)).collect();
    let list = serde_json::Value::from_iter(names.keys().map(String::as_str)).to_string();
    // Ordered as the index is. Without its name SQLite might think of reading the whole ledger in order instead.
    let select = "SELECT subject, seq, recorded_at_ms, payload FROM entries INDEXED BY entries_of_subject
        WHERE site = ?1 AND subject IN (SELECT value FROM json_each(?2)) ORDER BY subject, seq";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(params![site.as_str(), list])?;
    let mut entries: HashMap<Subject, Vec<Entry>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let subject = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        if let Some(subject) = names.get(subject) {
            entries.entry(*subject).or_default().push(entry(row)?);
        }
    }
    Ok(entries)
}

fn entry(row: &Row<'_>) -> Result<Entry, ReadError> {
    let seq = row.get::<_, i64>(1)?.unsigned_abs();
    let payload = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
    let kind = kind(payload).ok_or(ReadError::Broken { seq })?;
    Ok(Entry { seq, event: Event { at: time(row.get(2)?), kind } })
}

/// What the writer kept: a choice, or an event that says what it is.
pub(super) fn kind(payload: &str) -> Option<EventKind> {
    if let Ok(choice) = serde_json::from_str::<ChoiceDoc>(payload) {
        return choice.into_choice().ok().map(EventKind::Chosen);
    }
    let doc: EventDoc = serde_json::from_str(payload).ok()?;
    Event::try_from(doc).ok().map(|event| event.kind)
}

pub(super) fn knows_key(connection: &mut Connection, key: &KeyHash, site: &SiteId) -> Result<bool, ReadError> {
    // Found by its hash: whoever could tell how far a comparison got would learn something of the hash, not of the key.
    let select = "SELECT 1 FROM api_keys WHERE key_hash = ?1 AND site = ?2";
    Ok(connection.prepare_cached(select)?.exists(params![key.as_bytes(), site.as_str()])?)
}

pub(super) fn ping(connection: &mut Connection) -> Result<(), ReadError> {
    connection.prepare_cached("SELECT seq FROM entries LIMIT 1")?.exists([])?;
    Ok(())
}

pub(super) fn notice(
    connection: &mut Connection,
    site: &SiteId,
    hash: NoticeHash,
) -> Result<Option<String>, ReadError> {
    let select = "SELECT canonical FROM notices WHERE site = ?1 AND hash = ?2";
    let mut statement = connection.prepare_cached(select)?;
    Ok(statement.query_row(params![site.as_str(), hash.as_bytes()], |row| row.get(0)).optional()?)
}
