//! Who is in a ledger, page by page.

use super::{Postgres, read};
use crate::store::ReadError;
use crate::store::row::{key_of, number, subject_of};
use consentry_core::{SiteId, Subject};
use deadpool_postgres::GenericClient;

impl Postgres {
    pub(in crate::store) async fn subjects_after(
        &self,
        site: &SiteId,
        after: Option<Subject>,
        count_max: usize,
    ) -> Result<Vec<Subject>, ReadError> {
        let site = site.clone();
        self.ask(async move |client| subjects_after(&client, &site, after, count_max).await).await
    }
}

async fn subjects_after(
    client: &impl GenericClient,
    site: &SiteId,
    after: Option<Subject>,
    count_max: usize,
) -> Result<Vec<Subject>, ReadError> {
    let Some(site) = read::site_number(client, site).await? else { return Ok(Vec::new()) };
    // Every key comes after the empty one. Bytes are compared as such, whatever the database's language.
    let after = after.map(key_of).unwrap_or_default();
    let select = "SELECT DISTINCT subject FROM payloads WHERE site = $1 AND subject > $2 ORDER BY subject LIMIT $3";
    let select = client.prepare_cached(select).await?;
    let rows = client.query(&select, &[&site, &after, &number(count_max as u64)]).await?;
    let subject = |row: &tokio_postgres::Row| {
        subject_of(row.try_get(0)?).ok_or_else(|| ReadError::Database("a subject's key is none".into()))
    };
    rows.iter().map(subject).collect()
}
