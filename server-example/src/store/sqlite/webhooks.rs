//! Webhooks in SQLite. They have a connection of their own, so that choices never queue behind them.

use super::Sqlite;
use crate::store::row::{count, ms, number, time};
use crate::store::webhooks::{
    Backlog, COLUMNS, COLUMNS_COUNT, Confirmed, DeadLetter, DueWebhooks, Lease, NewWebhook, Progress, Telling,
    WEBHOOKS_MAX, Webhook, WebhookId,
};
use crate::store::{ReadError, StoreError};
use consentry_core::{SiteId, Time};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::sync::{Arc, PoisonError};

impl Sqlite {
    /// Writes in a transaction, on the connection that is not the ledger's.
    async fn aside<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Transaction<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = inner.aside.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = what(&transaction)?;
            transaction.commit()?;
            Ok(done)
        });
        done.await.unwrap_or(Err(ReadError::Lost))
    }

    pub(in crate::store) async fn add_webhook(&self, webhook: NewWebhook) -> Result<bool, ReadError> {
        let insert = "INSERT INTO webhooks (id, site, url, processor, created_at_ms, first_seq, next_seq)
            SELECT ?1, ?2, ?3, ?4, ?5, size, size
            FROM (SELECT coalesce((SELECT size FROM heads JOIN sites ON number = site WHERE name = ?2), 0) AS size)
            WHERE (SELECT count(*) FROM webhooks WHERE site = ?2) < ?6";
        self.aside(move |transaction| {
            let NewWebhook { id, site, url, processor, at } = &webhook;
            let processor = processor.as_ref().map(|processor| processor.as_str());
            let row = params![id.as_bytes(), site.as_str(), url, processor, ms(*at), WEBHOOKS_MAX as i64];
            Ok(transaction.execute(insert, row)? == 1)
        })
        .await
    }

    pub(in crate::store) async fn webhooks(&self, site: &SiteId) -> Result<Vec<Telling>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| Ok(webhooks(connection, &site)?)).await
    }

    pub(in crate::store) async fn webhook(&self, site: &SiteId, id: WebhookId) -> Result<Option<Webhook>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| Ok(one(connection, &site, id)?)).await
    }

    pub(in crate::store) async fn remove_webhook(&self, site: &SiteId, id: WebhookId) -> Result<bool, ReadError> {
        let site = site.clone();
        self.aside(move |transaction| {
            let delete = "DELETE FROM webhooks WHERE site = ?1 AND id = ?2";
            Ok(transaction.execute(delete, params![site.as_str(), id.as_bytes()])? == 1)
        })
        .await
    }

    pub(in crate::store) async fn rotate_webhook(
        &self,
        site: &SiteId,
        id: WebhookId,
        at: Time,
    ) -> Result<Option<Webhook>, ReadError> {
        let site = site.clone();
        self.aside(move |transaction| {
            let update =
                "UPDATE webhooks SET generation = generation + 1, rotated_at_ms = ?3 WHERE site = ?1 AND id = ?2";
            transaction.execute(update, params![site.as_str(), id.as_bytes(), ms(at)])?;
            Ok(one(transaction, &site, id)?)
        })
        .await
    }

    pub(in crate::store) async fn due_webhooks(&self, now: Time) -> Result<DueWebhooks, ReadError> {
        self.0.readers.read(move |connection| Ok(due(connection, now)?)).await
    }

    pub(in crate::store) async fn lease_webhook(
        &self,
        id: WebhookId,
        lease: Lease,
    ) -> Result<Option<Webhook>, ReadError> {
        let update = format!(
            "UPDATE webhooks AS w SET holder = ?2, held_until_ms = ?4
             WHERE id = ?1 AND state = 'active' AND (holder IS NULL OR held_until_ms <= ?3)
             RETURNING {}",
            COLUMNS.replace("w.", "")
        );
        self.aside(move |transaction| {
            let row = params![id.as_bytes(), lease.holder, ms(lease.now), ms(lease.until)];
            Ok(transaction.prepare_cached(&update)?.query_row(row, webhook).optional()?)
        })
        .await
    }

    pub(in crate::store) async fn release_webhook(&self, id: WebhookId, holder: [u8; 16]) -> Result<(), ReadError> {
        self.aside(move |transaction| {
            let update = "UPDATE webhooks SET holder = NULL, held_until_ms = 0 WHERE id = ?1 AND holder = ?2";
            transaction.execute(update, params![id.as_bytes(), holder])?;
            Ok(())
        })
        .await
    }

    pub(in crate::store) async fn progress_webhook(
        &self,
        id: WebhookId,
        lease: Lease,
        progress: Progress,
    ) -> Result<bool, ReadError> {
        self.aside(move |transaction| {
            let update = "UPDATE webhooks SET held_until_ms = ?3 WHERE id = ?1 AND holder = ?2";
            if transaction.execute(update, params![id.as_bytes(), lease.holder, ms(lease.until)])? == 0 {
                return Ok(false);
            }
            go_on(transaction, id, &progress)?;
            Ok(true)
        })
        .await
    }

    pub(in crate::store) async fn dead_letters(
        &self,
        site: &SiteId,
        id: WebhookId,
    ) -> Result<Option<Vec<DeadLetter>>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| Ok(dead_letters(connection, &site, id)?)).await
    }

    pub(in crate::store) async fn want_dead_letter(
        &self,
        site: &SiteId,
        id: WebhookId,
        seq: u64,
    ) -> Result<bool, ReadError> {
        let site = site.clone();
        self.aside(move |transaction| {
            let update = "UPDATE dead_letters SET wanted = 1 WHERE hook = ?2 AND seq = ?3
                AND EXISTS (SELECT 1 FROM webhooks WHERE site = ?1 AND id = ?2 AND state = 'active')";
            Ok(transaction.execute(update, params![site.as_str(), id.as_bytes(), number(seq)])? == 1)
        })
        .await
    }

    pub(in crate::store) async fn confirm_webhook(
        &self,
        site: &SiteId,
        id: WebhookId,
        through: u64,
    ) -> Result<Confirmed, ReadError> {
        let site = site.clone();
        self.aside(move |transaction| {
            let Some(webhook) = one(transaction, &site, id)? else { return Ok(Confirmed::Unknown) };
            if through >= webhook.next {
                return Ok(Confirmed::Untold);
            }
            let update = "UPDATE webhooks SET confirmed_seq = max(?2, coalesce(confirmed_seq, 0)) WHERE id = ?1";
            transaction.execute(update, params![id.as_bytes(), number(through)])?;
            let delete = "DELETE FROM unconfirmed WHERE hook = ?1 AND seq <= ?2";
            transaction.execute(delete, params![id.as_bytes(), number(through)])?;
            Ok(Confirmed::Kept)
        })
        .await
    }
}

fn webhook(row: &Row<'_>) -> Result<Webhook, rusqlite::Error> {
    let broken = |column| move |error: StoreError| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error);
    let processor: Option<String> = row.get(3)?;
    Ok(Webhook {
        id: WebhookId::from_bytes(row.get(0)?),
        site: row.get::<_, String>(1)?.parse().map_err(|error: consentry_core::IdError| broken(1)(error.into()))?,
        url: row.get(2)?,
        processor: processor
            .map(|processor| processor.parse())
            .transpose()
            .map_err(|error: consentry_core::IdError| broken(3)(error.into()))?,
        generation: count(row.get(4)?),
        rotated_at: row.get::<_, Option<i64>>(5)?.map(time),
        state: row.get::<_, String>(6)?.parse().map_err(broken(6))?,
        created_at: time(row.get(7)?),
        first: count(row.get(8)?),
        next: count(row.get(9)?),
        tries: row.get(10)?,
        next_try_at: time(row.get(11)?),
        confirmed: row.get::<_, Option<i64>>(12)?.map(count),
    })
}

fn one(connection: &Connection, site: &SiteId, id: WebhookId) -> Result<Option<Webhook>, rusqlite::Error> {
    let select = format!("SELECT {COLUMNS} FROM webhooks AS w WHERE site = ?1 AND id = ?2");
    connection.prepare_cached(&select)?.query_row(params![site.as_str(), id.as_bytes()], webhook).optional()
}

fn webhooks(connection: &Connection, site: &SiteId) -> Result<Vec<Telling>, rusqlite::Error> {
    let select = format!(
        "SELECT {COLUMNS}, coalesce(h.size, w.next_seq) - w.next_seq,
            (SELECT at_ms FROM entries AS e WHERE e.site = h.site AND e.seq = w.next_seq),
            (SELECT count(*) FROM dead_letters WHERE hook = w.id), (SELECT min(at_ms) FROM dead_letters WHERE hook = w.id),
            (SELECT count(*) FROM unconfirmed WHERE hook = w.id), (SELECT min(at_ms) FROM unconfirmed WHERE hook = w.id)
         FROM webhooks AS w LEFT JOIN sites AS s ON s.name = w.site LEFT JOIN heads AS h ON h.site = s.number
         WHERE w.site = ?1 ORDER BY w.created_at_ms, w.id"
    );
    let backlog = |row: &Row<'_>, column: usize| {
        let since = row.get::<_, Option<i64>>(column + 1)?.map(time);
        Ok::<_, rusqlite::Error>(Backlog { count: count(row.get(column)?), since })
    };
    let mut statement = connection.prepare_cached(&select)?;
    let rows = statement.query_map([site.as_str()], |row| {
        Ok(Telling {
            webhook: webhook(row)?,
            untold: backlog(row, COLUMNS_COUNT)?,
            dead: backlog(row, COLUMNS_COUNT + 2)?,
            unconfirmed: backlog(row, COLUMNS_COUNT + 4)?,
        })
    })?;
    rows.collect()
}

fn due(connection: &Connection, now: Time) -> Result<DueWebhooks, rusqlite::Error> {
    let select = "SELECT w.site, w.id, w.held_until_ms,
            CASE WHEN EXISTS (SELECT 1 FROM dead_letters WHERE hook = w.id AND wanted = 1) THEN 0
                WHEN w.next_seq < h.size THEN w.next_try_at_ms END
        FROM webhooks AS w LEFT JOIN sites AS s ON s.name = w.site LEFT JOIN heads AS h ON h.site = s.number
        WHERE w.state = 'active'";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query([])?;
    let mut due = DueWebhooks::default();
    while let Some(row) = rows.next()? {
        let Ok(site) = row.get::<_, String>(0)?.parse() else { continue };
        let (held_until, wanted): (i64, Option<i64>) = (row.get(2)?, row.get(3)?);
        due.add(site, WebhookId::from_bytes(row.get(1)?), time(held_until), wanted.map(time), now);
    }
    Ok(due)
}

/// Puts into the tables how far a webhook has come.
fn go_on(transaction: &Transaction<'_>, id: WebhookId, progress: &Progress) -> Result<(), rusqlite::Error> {
    let hook = id.as_bytes();
    let advance = |next: u64| {
        let update = "UPDATE webhooks SET next_seq = max(next_seq, ?2), tries = 0, next_try_at_ms = 0 WHERE id = ?1";
        transaction.prepare_cached(update)?.execute(params![hook, number(next)])
    };
    let settle = |seq: u64| {
        let delete = "DELETE FROM dead_letters WHERE hook = ?1 AND seq = ?2";
        transaction.execute(delete, params![hook, number(seq)])
    };
    let ask = |seq: u64, at: Time| {
        let insert = "INSERT INTO unconfirmed (hook, seq, at_ms)
            SELECT id, ?2, ?3 FROM webhooks WHERE id = ?1 AND processor IS NOT NULL ON CONFLICT DO NOTHING";
        transaction.prepare_cached(insert)?.execute(params![hook, number(seq), ms(at)])
    };
    match progress {
        Progress::Told { seq, at } => {
            advance(seq + 1)?;
            ask(*seq, *at)?;
        }
        Progress::Passed { next } => {
            advance(*next)?;
        }
        Progress::Failed { tries, next_try_at } => {
            let update = "UPDATE webhooks SET tries = ?2, next_try_at_ms = ?3 WHERE id = ?1";
            transaction.execute(update, params![hook, tries, ms(*next_try_at)])?;
        }
        Progress::GivenUp(DeadLetter { seq, at, dead_at, cause, is_wanted: _ }) => {
            let insert = "INSERT INTO dead_letters (hook, seq, at_ms, dead_at_ms, cause) VALUES (?1, ?2, ?3, ?4, ?5)
                ON CONFLICT (hook, seq) DO UPDATE SET dead_at_ms = ?4, cause = ?5, wanted = 0";
            transaction.execute(insert, params![hook, number(*seq), ms(*at), ms(*dead_at), cause])?;
            let update = "UPDATE webhooks SET next_seq = ?2 + 1, tries = 0, next_try_at_ms = 0
                WHERE id = ?1 AND next_seq = ?2";
            transaction.execute(update, params![hook, number(*seq)])?;
        }
        Progress::ToldLate { seq, at } => {
            settle(*seq)?;
            ask(*seq, *at)?;
        }
        Progress::Settled { seq } => {
            settle(*seq)?;
        }
        Progress::Gone => {
            let update = "UPDATE webhooks SET state = 'disabled', tries = 0, next_try_at_ms = 0 WHERE id = ?1";
            transaction.execute(update, params![hook])?;
        }
    }
    Ok(())
}

fn dead_letters(
    connection: &mut Connection,
    site: &SiteId,
    id: WebhookId,
) -> Result<Option<Vec<DeadLetter>>, rusqlite::Error> {
    let transaction = connection.transaction()?;
    if one(&transaction, site, id)?.is_none() {
        return Ok(None);
    }
    let select = "SELECT seq, at_ms, dead_at_ms, cause, wanted FROM dead_letters WHERE hook = ?1 ORDER BY seq";
    let mut statement = transaction.prepare_cached(select)?;
    let rows = statement.query_map(params![id.as_bytes()], |row| {
        Ok(DeadLetter {
            seq: count(row.get(0)?),
            at: time(row.get(1)?),
            dead_at: time(row.get(2)?),
            cause: row.get(3)?,
            is_wanted: row.get::<_, i64>(4)? == 1,
        })
    })?;
    rows.collect::<Result<_, _>>().map(Some)
}
