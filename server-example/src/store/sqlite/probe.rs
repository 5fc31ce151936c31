//! A connection that is asked on the spot, by whoever serves: whether anything has changed since, whatever process did it, and if so, what.
//!
//! `PRAGMA data_version` takes a microsecond or so and no disk. A question that waits for one of the threads that read takes ten times as
//! long, so that a server that hears nothing new spares itself the way.

use super::read;
use crate::auth::{KeyHash, Scopes};
use crate::store::row::{count, number, subject_of};
use crate::store::{Mark, Moment, News, ReadError};
use consentry_core::SiteId;
use rusqlite::{Connection, params};
use std::collections::HashMap;

/// Most keys that are remembered.
const KEYS_MAX: usize = 1_024;
/// Most entries that are looked at to learn whom they are about. Whoever has missed more remembers nothing.
const ENTRIES_MAX: usize = 2_048;

/// The connection, and what it knows.
#[derive(Debug)]
pub(super) struct Probe {
    connection: Connection,
    /// Which state of the database `keys` are of.
    version: Option<Moment>,
    /// What keys that are right may do.
    keys: HashMap<(KeyHashBytes, SiteId), Scopes>,
}

type KeyHashBytes = [u8; 32];

impl Probe {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, version: None, keys: HashMap::new() }
    }

    /// Another number than the last one, if anybody has changed anything since.
    fn version(&self) -> Result<Moment, ReadError> {
        Ok(Moment(self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?))
    }

    /// What a key may do, and when that was. Nothing of one that was revoked before this was asked.
    pub(super) fn scopes(&mut self, key: &KeyHash, site: &SiteId) -> Result<(Option<Scopes>, Moment), ReadError> {
        let version = self.version()?;
        if self.version != Some(version) {
            self.keys.clear();
            self.version = Some(version);
        }
        let place = (*key.as_bytes(), site.clone());
        if let Some(known) = self.keys.get(&place) {
            return Ok((Some(known.clone()), version));
        }
        let found = read::scopes(&mut self.connection, key, site)?;
        // A key that is wrong is looked for each time: whoever guesses fills no table.
        if let Some(scopes) = &found
            && self.keys.len() < KEYS_MAX
        {
            self.keys.insert(place, scopes.clone());
        }
        Ok((found, version))
    }

    /// What has happened in a site's ledger since somebody knew it: `since` is what they were told then.
    pub(super) fn news(&mut self, site: &SiteId, since: Option<Mark>) -> Result<News, ReadError> {
        let version = self.version()?;
        let Some((known, size)) = since else {
            let size = read::ledger_head(&mut self.connection, site)?.size;
            return Ok(News::Whole { mark: (version, size) });
        };
        if known == version {
            return Ok(News::None);
        }
        // One statement, and so one moment. An entry without a payload is an erasure, or was erased since.
        // Without a limit of its own: SQLite prepares a statement again whenever a limit is bound.
        let select = "SELECT entries.seq, subject FROM entries JOIN sites ON number = entries.site
            LEFT JOIN payloads ON payloads.site = entries.site AND payloads.seq = entries.seq
            WHERE name = ?1 AND entries.seq >= ?2 ORDER BY entries.seq";
        let mut statement = self.connection.prepare_cached(select)?;
        let mut rows = statement.query(params![site.as_str(), number(size)])?;
        let (mut subjects, mut head, mut is_whole) = (Vec::new(), size, false);
        while subjects.len() <= ENTRIES_MAX
            && !is_whole
            && let Some(row) = rows.next()?
        {
            let seq = count(row.get(0)?);
            head = seq + 1;
            match row.get_ref(1)?.as_blob_or_null().map_err(rusqlite::Error::from)?.and_then(subject_of) {
                Some(subject) => subjects.push((seq, subject)),
                None => is_whole = true,
            }
        }
        drop(rows);
        drop(statement);
        if is_whole || subjects.len() > ENTRIES_MAX {
            let size = read::ledger_head(&mut self.connection, site)?.size;
            return Ok(News::Whole { mark: (version, size) });
        }
        Ok(News::Of { mark: (version, head), subjects })
    }
}
