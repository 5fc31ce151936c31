//! PostgreSQL, or another engine that speaks its protocol: a database that several servers share.
//!
//! It has a runtime of its own, of one thread: connections live there, whichever runtime asks, and whoever blocks may ask as well.

mod cases;
mod migrations;
mod read;
mod state;
mod tls;
mod webhooks;
mod write;

use super::database_url::PostgresUrl;
use super::row::{ms, time};
use super::writer::Writer;
use super::{
    AppendError, Appended, Entry, ErasedSubject, KeptKey, LedgerEntry, LedgerHead, NewEntry, OpenError, ReadError,
    StoreError,
};
use crate::auth::{KeyHash, KeyId, Scopes, SecretHash};
use consentry_core::source::Published;
use consentry_core::{EventId, Language, NoticeHash, SiteId, Subject, Time};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Once};
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;
use tokio_postgres_rustls::MakeRustlsConnect;
use write::Write;

/// Most connections to the database, the writer's among them.
const CONNECTIONS_MAX: usize = 8;
/// How long a connection may take to come about, or to become free.
const CONNECT_SECONDS_MAX: u64 = 5;
/// How long a statement may take. A database that hangs must not hang those who ask.
const STATEMENT_MS_MAX: u64 = 10_000;
/// How often it is looked whether another server has kept something.
const LOOK_MS: u64 = 100;

/// A database behind a pool of connections. A clone is another handle to the same.
#[derive(Clone)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    pool: Pool,
    writer: Writer,
    looks: Once,
    runtime: Option<Runtime>, // None once it is dropped.
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its configuration has a password.
        f.write_str("Postgres(..)")
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Waiting for it would block, which whoever drops this may not be allowed to.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Postgres {
    pub(super) fn open(url: &PostgresUrl) -> Result<Self, OpenError> {
        let tls = tls::connector(&url.roots)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("postgres")
            .enable_all()
            .build()?;
        let pool = pool(&url.config, tls).map_err(OpenError::Postgres)?;
        let migrated = on(runtime.handle(), {
            let pool = pool.clone();
            async move { migrations::to_latest(&pool).await }
        });
        migrated.map_err(tls::refusal)?;
        let (handle, mut write) = (runtime.handle().clone(), Write::new(pool.clone()));
        let writer = Writer::start(move |entries| handle.block_on(write.keep(entries)))?;
        Ok(Self(Arc::new(Inner { pool, writer, looks: Once::new(), runtime: Some(runtime) })))
    }

    fn handle(&self) -> Result<&Handle, StoreError> {
        self.0.runtime.as_ref().map(Runtime::handle).ok_or_else(|| "the database is closed".into())
    }

    /// Asks with a connection, on the database's own runtime.
    async fn ask<T: Send + 'static, F: Future<Output = Result<T, ReadError>> + Send>(
        &self,
        question: impl FnOnce(Object) -> F + Send + 'static,
    ) -> Result<T, ReadError> {
        let pool = self.0.pool.clone();
        let asked = async move {
            let client = pool.get().await.map_err(|error| match error {
                deadpool_postgres::PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => ReadError::Overloaded,
                error => ReadError::Database(error.into()),
            })?;
            question(client).await
        };
        let handle = self.handle().map_err(ReadError::Database)?;
        handle.spawn(asked).await.unwrap_or(Err(ReadError::Lost))
    }

    /// The same for whoever blocks.
    fn ask_blocking<T: Send + 'static, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        question: impl FnOnce(Object) -> F + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = self.0.pool.clone();
        on(self.handle()?, async move { question(pool.get().await?).await })
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
        self.ask(async move |client| read::record(&client, &site, subject, &secret).await).await
    }

    pub(super) async fn entries_of(
        &self,
        site: &SiteId,
        subjects: Vec<Subject>,
    ) -> Result<HashMap<Subject, Vec<Entry>>, ReadError> {
        let site = site.clone();
        self.ask(async move |client| read::entries_of(&client, &site, &subjects).await).await
    }

    pub(super) async fn erased(&self, site: &SiteId) -> Result<Vec<ErasedSubject>, ReadError> {
        let site = site.clone();
        self.ask(async move |client| read::erased(&client, &site).await).await
    }

    pub(super) async fn ledger_sites(&self) -> Result<Vec<SiteId>, ReadError> {
        self.ask(async |client| read::ledger_sites(&client).await).await
    }

    pub(super) async fn ledger_head(&self, site: &SiteId) -> Result<LedgerHead, ReadError> {
        let site = site.clone();
        self.ask(async move |client| read::ledger_head(&client, &site).await).await
    }

    pub(super) async fn ledger_entries(
        &self,
        site: &SiteId,
        from: u64,
        entries_max: usize,
    ) -> Result<Vec<LedgerEntry>, ReadError> {
        let site = site.clone();
        self.ask(async move |client| read::ledger_entries(&client, &site, from, entries_max).await).await
    }

    pub(super) async fn ledger_position(&self, site: &SiteId, id: EventId) -> Result<Option<u64>, ReadError> {
        let site = site.clone();
        self.ask(async move |client| read::ledger_position(&client, &site, id).await).await
    }

    pub(super) async fn ledger_tile(&self, site: &SiteId, level: u8, tile: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let site = site.clone();
        self.ask(async move |client| read::ledger_tile(&client, &site, level, tile).await).await
    }

    pub(super) fn grown(&self) -> watch::Receiver<u64> {
        // Not before somebody wants to know: most servers are alone, and then it is only asked for nothing.
        self.0.looks.call_once(|| {
            let (pool, writer) = (self.0.pool.clone(), self.0.writer.clone());
            if let Ok(handle) = self.handle() {
                drop(handle.spawn(look(pool, writer)));
            }
        });
        self.0.writer.grown()
    }

    pub(super) fn publish(&self, published: &Published, at: Time) -> Result<Vec<(NoticeHash, Language)>, StoreError> {
        let (site, policy) = (published.policy.parts().site.to_string(), *published.policy.hash().as_bytes());
        let notices: Vec<_> = published
            .notices
            .iter()
            .map(|notice| (*notice.hash.as_bytes(), notice.language.to_string(), String::from(&*notice.canonical)))
            .collect();
        self.ask_blocking(async move |mut client| {
            let transaction = client.transaction().await?;
            let insert = "INSERT INTO notices (site, hash, policy, language, published_at_ms, canonical)
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
            let insert = transaction.prepare(insert).await?;
            for (hash, language, canonical) in &notices {
                let row: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
                    [&site, &hash.as_slice(), &policy.as_slice(), language, &ms(at), canonical];
                transaction.execute(&insert, &row).await?;
            }
            let select = "SELECT hash, language FROM notices WHERE site = $1 AND policy = $2";
            let rows = transaction.query(select, &[&site, &policy.as_slice()]).await?;
            transaction.commit().await?;
            let known = rows.iter().map(|row| {
                let hash = NoticeHash::from_bytes(read::array(row, 0)?);
                Ok((hash, row.try_get::<_, &str>(1)?.parse()?))
            });
            known.collect()
        })
    }

    pub(super) async fn notice(&self, site: &SiteId, hash: NoticeHash) -> Result<Option<String>, ReadError> {
        let site = site.clone();
        self.ask(async move |client| read::notice(&client, &site, *hash.as_bytes()).await).await
    }

    pub(super) fn add_key(
        &self,
        key: KeyHash,
        site: &SiteId,
        name: &str,
        scopes: &Scopes,
        at: Time,
    ) -> Result<(), StoreError> {
        let (site, name, scopes) = (site.to_string(), name.to_string(), scopes.to_string());
        self.ask_blocking(async move |client| {
            let insert =
                "INSERT INTO api_keys (key_hash, site, name, scopes, created_at_ms) VALUES ($1, $2, $3, $4, $5)";
            client.execute(insert, &[&key.as_bytes().as_slice(), &site, &name, &scopes, &ms(at)]).await?;
            Ok(())
        })
    }

    pub(super) fn keys(&self, site: &SiteId) -> Result<Vec<KeptKey>, StoreError> {
        let site = site.to_string();
        self.ask_blocking(async move |client| {
            let select = "SELECT key_hash, name, scopes, created_at_ms, revoked_at_ms FROM api_keys WHERE site = $1
                ORDER BY created_at_ms, key_hash";
            let rows = client.query(select, &[&site]).await?;
            let key = |row: &tokio_postgres::Row| {
                Ok(KeptKey {
                    id: KeyHash::from_bytes(read::array(row, 0)?).id(),
                    name: row.try_get(1)?,
                    scopes: row.try_get::<_, &str>(2)?.parse().unwrap_or_default(),
                    created_at: time(row.try_get(3)?),
                    revoked_at: row.try_get::<_, Option<i64>>(4)?.map(time),
                })
            };
            rows.iter().map(key).collect()
        })
    }

    pub(super) fn revoke_key(&self, site: &SiteId, key: KeyId, at: Time) -> Result<bool, StoreError> {
        let site = site.to_string();
        self.ask_blocking(async move |client| {
            let update = "UPDATE api_keys SET revoked_at_ms = greatest($3, created_at_ms)
                WHERE site = $1 AND substring(key_hash FROM 1 FOR 4) = $2 AND revoked_at_ms IS NULL";
            Ok(client.execute(update, &[&site, &key.as_bytes().as_slice(), &ms(at)]).await? > 0)
        })
    }

    pub(super) async fn scopes(&self, key: KeyHash, site: &SiteId) -> Result<Option<Scopes>, ReadError> {
        let site = site.clone();
        self.ask(async move |client| read::scopes(&client, &key, &site).await).await
    }

    pub(super) async fn ping(&self) -> Result<(), ReadError> {
        if self.0.writer.is_gone() {
            return Err(ReadError::Lost);
        }
        self.ask(async |client| read::ping(&client).await).await
    }

    pub(super) async fn close(&self) {
        self.0.writer.close().await;
    }
}

fn pool(config: &tokio_postgres::Config, tls: MakeRustlsConnect) -> Result<Pool, StoreError> {
    let mut config = config.clone();
    let options = config.get_options().unwrap_or_default().to_string();
    config
        .application_name("consentry")
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        // What is acknowledged survives a crash, whatever the database's own setting.
        .options(format!("{options} -c statement_timeout={STATEMENT_MS_MAX} -c synchronous_commit=on"));
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let waits = Some(Duration::from_secs(CONNECT_SECONDS_MAX));
    Ok(Pool::builder(Manager::from_config(config, tls, recycling))
        .max_size(CONNECTIONS_MAX)
        .wait_timeout(waits)
        .create_timeout(waits)
        .runtime(deadpool_postgres::Runtime::Tokio1)
        .build()?)
}

/// Runs something on a runtime, and waits for it on a thread that may wait.
fn on<T: Send>(runtime: &Handle, what: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
    std::thread::scope(|scope| {
        scope.spawn(|| runtime.block_on(what)).join().unwrap_or_else(|_| Err("the question was given up".into()))
    })
}

/// Tells those who wait for it what other servers have kept.
async fn look(pool: Pool, writer: Writer) {
    let mut last = None;
    let mut turns = tokio::time::interval(Duration::from_millis(LOOK_MS));
    while !writer.is_gone() {
        turns.tick().await;
        let Ok(client) = pool.get().await else { continue };
        let Ok(size) = read::size_of_all(&client).await else { continue };
        if last.replace(size).is_some_and(|last| last != size) {
            writer.has_grown();
        }
    }
}
