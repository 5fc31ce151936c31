//! Who is in a ledger, page by page.

use super::{Sqlite, read};
use crate::store::ReadError;
use crate::store::row::{key_of, number, subject_of};
use consentry_core::{SiteId, Subject};
use rusqlite::{Connection, params};

impl Sqlite {
    pub(in crate::store) async fn subjects_after(
        &self,
        site: &SiteId,
        after: Option<Subject>,
        count_max: usize,
    ) -> Result<Vec<Subject>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| subjects_after(connection, &site, after, count_max)).await
    }
}

fn subjects_after(
    connection: &mut Connection,
    site: &SiteId,
    after: Option<Subject>,
    count_max: usize,
) -> Result<Vec<Subject>, ReadError> {
    let Some(site) = read::site_number(connection, site)? else { return Ok(Vec::new()) };
    // Every key comes after the empty one.
    let after = after.map(key_of).unwrap_or_default();
    let select = "SELECT DISTINCT subject FROM payloads INDEXED BY payloads_of_subject
        WHERE site = ?1 AND subject > ?2 ORDER BY subject LIMIT ?3";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(params![site, after, number(count_max as u64)])?;
    let mut subjects = Vec::new();
    while let Some(row) = rows.next()? {
        let key = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        subjects.push(subject_of(key).ok_or_else(|| ReadError::Database("a subject's key is none".into()))?);
    }
    Ok(subjects)
}
