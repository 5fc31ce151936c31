//! The database's versions, oldest first. What was released is never edited; a change is a new file.
//!
//! Several servers may start at once: the row of a version can be inserted once, and whoever comes second waits for it.

use crate::store::StoreError;
use deadpool_postgres::Pool;
use tokio_postgres::error::SqlState;

const ALL: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_ledger.sql"),
    include_str!("../../../migrations/postgres/0002_cases.sql"),
    include_str!("../../../migrations/postgres/0003_webhooks.sql"),
];
/// How often it is tried again where two servers make the first table at once.
const TRIES_MAX: usize = 5;

pub(super) async fn to_latest(pool: &Pool) -> Result<(), StoreError> {
    let mut client = pool.get().await?;
    let versions = "CREATE TABLE IF NOT EXISTS consentry_versions (version BIGINT PRIMARY KEY)";
    let mut tries = 0;
    while let Err(error) = client.batch_execute(versions).await {
        // `IF NOT EXISTS` looks before it makes; another may make it in between.
        let is_there_now = [&SqlState::UNIQUE_VIOLATION, &SqlState::DUPLICATE_TABLE, &SqlState::DUPLICATE_OBJECT];
        tries += 1;
        if tries == TRIES_MAX || !error.code().is_some_and(|code| is_there_now.contains(&code)) {
            return Err(error.into());
        }
    }
    for (version, script) in (1_i64..).zip(ALL) {
        let transaction = client.transaction().await?;
        let insert = "INSERT INTO consentry_versions (version) VALUES ($1) ON CONFLICT DO NOTHING";
        if transaction.execute(insert, &[&version]).await? == 1 {
            transaction.batch_execute(script).await?;
        }
        transaction.commit().await?;
    }
    let newest: i64 = client.query_one("SELECT max(version) FROM consentry_versions", &[]).await?.try_get(0)?;
    if usize::try_from(newest).is_ok_and(|newest| newest <= ALL.len()) {
        Ok(())
    } else {
        Err(format!("the database is of version {newest}, and this server knows {}; use a later one", ALL.len()).into())
    }
}
