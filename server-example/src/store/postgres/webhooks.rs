//! Webhooks in PostgreSQL. Several servers may look for something to do at once; whoever gets the lease does it.

use super::Postgres;
use super::read::array;
use crate::store::row::{count, ms, number, time};
use crate::store::webhooks::{
    Backlog, COLUMNS, COLUMNS_COUNT, Confirmed, DeadLetter, DueWebhooks, Lease, NewWebhook, Progress, Telling,
    WEBHOOKS_MAX, Webhook, WebhookId,
};
use crate::store::{ReadError, StoreError};
use consentry_core::{SiteId, Time};
use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::Row;

impl Postgres {
    pub(in crate::store) async fn add_webhook(&self, webhook: NewWebhook) -> Result<bool, ReadError> {
        self.ask(async move |mut client| {
            let NewWebhook { id, site, url, processor, at } = &webhook;
            let transaction = client.transaction().await?;
            // Two that are added at once must not both be the last one that there is room for.
            let lock = "SELECT pg_advisory_xact_lock(hashtext('consentry webhooks ' || $1))";
            transaction.execute(lock, &[&site.as_str()]).await?;
            let insert = "INSERT INTO webhooks (id, site, url, processor, created_at_ms, first_seq, next_seq)
                SELECT $1, $2, $3, $4, $5, size, size
                FROM (SELECT coalesce((SELECT size FROM heads JOIN sites ON number = site WHERE name = $2), 0) AS size) AS s
                WHERE (SELECT count(*) FROM webhooks WHERE site = $2) < $6";
            let processor = processor.as_ref().map(|processor| processor.as_str());
            let (bytes, most) = (id.as_bytes().as_slice(), WEBHOOKS_MAX as i64);
            let added =
                transaction.execute(insert, &[&bytes, &site.as_str(), url, &processor, &ms(*at), &most]).await?;
            transaction.commit().await?;
            Ok(added == 1)
        })
        .await
    }

    pub(in crate::store) async fn webhooks(&self, site: &SiteId) -> Result<Vec<Telling>, ReadError> {
        let site = site.clone();
        self.ask(async move |client| webhooks(&client, &site).await).await
    }

    pub(in crate::store) async fn webhook(&self, site: &SiteId, id: WebhookId) -> Result<Option<Webhook>, ReadError> {
        let site = site.clone();
        self.ask(async move |client| one(&client, &site, id).await).await
    }

    pub(in crate::store) async fn remove_webhook(&self, site: &SiteId, id: WebhookId) -> Result<bool, ReadError> {
        let site = site.clone();
        self.ask(async move |client| {
            let delete = "DELETE FROM webhooks WHERE site = $1 AND id = $2";
            Ok(client.execute(delete, &[&site.as_str(), &id.as_bytes().as_slice()]).await? == 1)
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
        self.ask(async move |client| {
            let update = format!(
                "UPDATE webhooks AS w SET generation = generation + 1, rotated_at_ms = $3 WHERE site = $1 AND id = $2
                 RETURNING {COLUMNS}"
            );
            let row = client.query_opt(&update, &[&site.as_str(), &id.as_bytes().as_slice(), &ms(at)]).await?;
            row.as_ref().map(webhook).transpose()
        })
        .await
    }

    pub(in crate::store) async fn due_webhooks(&self, now: Time) -> Result<DueWebhooks, ReadError> {
        self.ask(async move |client| due(&client, now).await).await
    }

    pub(in crate::store) async fn lease_webhook(
        &self,
        id: WebhookId,
        lease: Lease,
    ) -> Result<Option<Webhook>, ReadError> {
        self.ask(async move |client| {
            let update = format!(
                "UPDATE webhooks AS w SET holder = $2, held_until_ms = $4
                 WHERE id = $1 AND state = 'active' AND (holder IS NULL OR held_until_ms <= $3)
                 RETURNING {COLUMNS}"
            );
            let update = client.prepare_cached(&update).await?;
            let (id, holder) = (id.as_bytes().as_slice(), lease.holder.as_slice());
            let row = client.query_opt(&update, &[&id, &holder, &ms(lease.now), &ms(lease.until)]).await?;
            row.as_ref().map(webhook).transpose()
        })
        .await
    }

    pub(in crate::store) async fn release_webhook(&self, id: WebhookId, holder: [u8; 16]) -> Result<(), ReadError> {
        self.ask(async move |client| {
            let update = "UPDATE webhooks SET holder = NULL, held_until_ms = 0 WHERE id = $1 AND holder = $2";
            client.execute(update, &[&id.as_bytes().as_slice(), &holder.as_slice()]).await?;
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
        self.ask(async move |mut client| {
            let transaction = client.transaction().await?;
            let update = "UPDATE webhooks SET held_until_ms = $3 WHERE id = $1 AND holder = $2";
            let update = transaction.prepare_cached(update).await?;
            let (bytes, holder) = (id.as_bytes().as_slice(), lease.holder.as_slice());
            if transaction.execute(&update, &[&bytes, &holder, &ms(lease.until)]).await? == 0 {
                return Ok(false);
            }
            go_on(&transaction, id, &progress).await?;
            transaction.commit().await?;
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
        self.ask(async move |client| {
            if one(&client, &site, id).await?.is_none() {
                return Ok(None);
            }
            let select = "SELECT seq, at_ms, dead_at_ms, cause, wanted FROM dead_letters WHERE hook = $1 ORDER BY seq";
            let rows = client.query(select, &[&id.as_bytes().as_slice()]).await?;
            let letter = |row: &Row| {
                Ok(DeadLetter {
                    seq: count(row.try_get(0)?),
                    at: time(row.try_get(1)?),
                    dead_at: time(row.try_get(2)?),
                    cause: row.try_get(3)?,
                    is_wanted: row.try_get::<_, i64>(4)? == 1,
                })
            };
            rows.iter().map(letter).collect::<Result<_, ReadError>>().map(Some)
        })
        .await
    }

    pub(in crate::store) async fn want_dead_letter(
        &self,
        site: &SiteId,
        id: WebhookId,
        seq: u64,
    ) -> Result<bool, ReadError> {
        let site = site.clone();
        self.ask(async move |client| {
            let update = "UPDATE dead_letters SET wanted = 1 WHERE hook = $2 AND seq = $3
                AND EXISTS (SELECT 1 FROM webhooks WHERE site = $1 AND id = $2 AND state = 'active')";
            let row = client.execute(update, &[&site.as_str(), &id.as_bytes().as_slice(), &number(seq)]).await?;
            Ok(row == 1)
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
        self.ask(async move |mut client| {
            let transaction = client.transaction().await?;
            let Some(webhook) = one(&transaction, &site, id).await? else { return Ok(Confirmed::Unknown) };
            if through >= webhook.next {
                return Ok(Confirmed::Untold);
            }
            let (hook, through) = (id.as_bytes().as_slice(), number(through));
            let update = "UPDATE webhooks SET confirmed_seq = greatest($2, confirmed_seq) WHERE id = $1";
            transaction.execute(update, &[&hook, &through]).await?;
            let delete = "DELETE FROM unconfirmed WHERE hook = $1 AND seq <= $2";
            transaction.execute(delete, &[&hook, &through]).await?;
            transaction.commit().await?;
            Ok(Confirmed::Kept)
        })
        .await
    }
}

fn broken<E: Into<StoreError>>(error: E) -> ReadError {
    ReadError::Database(error.into())
}

fn webhook(row: &Row) -> Result<Webhook, ReadError> {
    let processor: Option<&str> = row.try_get(3)?;
    Ok(Webhook {
        id: WebhookId::from_bytes(array(row, 0).map_err(broken)?),
        site: row.try_get::<_, &str>(1)?.parse().map_err(broken::<consentry_core::IdError>)?,
        url: row.try_get(2)?,
        processor: processor.map(str::parse).transpose().map_err(broken::<consentry_core::IdError>)?,
        generation: count(row.try_get(4)?),
        rotated_at: row.try_get::<_, Option<i64>>(5)?.map(time),
        state: row.try_get::<_, &str>(6)?.parse().map_err(broken::<StoreError>)?,
        created_at: time(row.try_get(7)?),
        first: count(row.try_get(8)?),
        next: count(row.try_get(9)?),
        tries: u32::try_from(row.try_get::<_, i64>(10)?).unwrap_or(u32::MAX),
        next_try_at: time(row.try_get(11)?),
        confirmed: row.try_get::<_, Option<i64>>(12)?.map(count),
    })
}

async fn one(client: &impl GenericClient, site: &SiteId, id: WebhookId) -> Result<Option<Webhook>, ReadError> {
    let select = format!("SELECT {COLUMNS} FROM webhooks AS w WHERE site = $1 AND id = $2");
    let row = client.query_opt(&select, &[&site.as_str(), &id.as_bytes().as_slice()]).await?;
    row.as_ref().map(webhook).transpose()
}

async fn webhooks(client: &impl GenericClient, site: &SiteId) -> Result<Vec<Telling>, ReadError> {
    let select = format!(
        "SELECT {COLUMNS}, coalesce(h.size, w.next_seq) - w.next_seq,
            (SELECT at_ms FROM entries AS e WHERE e.site = h.site AND e.seq = w.next_seq),
            (SELECT count(*) FROM dead_letters WHERE hook = w.id), (SELECT min(at_ms) FROM dead_letters WHERE hook = w.id),
            (SELECT count(*) FROM unconfirmed WHERE hook = w.id), (SELECT min(at_ms) FROM unconfirmed WHERE hook = w.id)
         FROM webhooks AS w LEFT JOIN sites AS s ON s.name = w.site LEFT JOIN heads AS h ON h.site = s.number
         WHERE w.site = $1 ORDER BY w.created_at_ms, w.id"
    );
    let backlog = |row: &Row, column: usize| {
        let since = row.try_get::<_, Option<i64>>(column + 1)?.map(time);
        Ok::<_, ReadError>(Backlog { count: count(row.try_get(column)?), since })
    };
    let rows = client.query(&select, &[&site.as_str()]).await?;
    let telling = |row: &Row| {
        Ok(Telling {
            webhook: webhook(row)?,
            untold: backlog(row, COLUMNS_COUNT)?,
            dead: backlog(row, COLUMNS_COUNT + 2)?,
            unconfirmed: backlog(row, COLUMNS_COUNT + 4)?,
        })
    };
    rows.iter().map(telling).collect()
}

async fn due(client: &impl GenericClient, now: Time) -> Result<DueWebhooks, ReadError> {
    let select = "SELECT w.site, w.id, w.held_until_ms,
            CASE WHEN EXISTS (SELECT 1 FROM dead_letters WHERE hook = w.id AND wanted = 1) THEN 0
                WHEN w.next_seq < h.size THEN w.next_try_at_ms END
        FROM webhooks AS w LEFT JOIN sites AS s ON s.name = w.site LEFT JOIN heads AS h ON h.site = s.number
        WHERE w.state = 'active'";
    let select = client.prepare_cached(select).await?;
    let mut due = DueWebhooks::default();
    for row in client.query(&select, &[]).await? {
        let Ok(site) = row.try_get::<_, &str>(0)?.parse() else { continue };
        let id = WebhookId::from_bytes(array(&row, 1).map_err(broken)?);
        let wanted: Option<i64> = row.try_get(3)?;
        due.add(site, id, time(row.try_get(2)?), wanted.map(time), now);
    }
    Ok(due)
}

/// Puts into the tables how far a webhook has come.
async fn go_on(transaction: &Transaction<'_>, id: WebhookId, progress: &Progress) -> Result<(), ReadError> {
    let hook = id.as_bytes().as_slice();
    match progress {
        Progress::Told { seq, at } => {
            advance(transaction, id, seq + 1).await?;
            ask_to_confirm(transaction, id, *seq, *at).await?;
        }
        Progress::Passed { next } => advance(transaction, id, *next).await?,
        Progress::Failed { tries, next_try_at } => {
            let update = "UPDATE webhooks SET tries = $2, next_try_at_ms = $3 WHERE id = $1";
            transaction.execute(update, &[&hook, &i64::from(*tries), &ms(*next_try_at)]).await?;
        }
        Progress::GivenUp(DeadLetter { seq, at, dead_at, cause, is_wanted: _ }) => {
            let insert = "INSERT INTO dead_letters (hook, seq, at_ms, dead_at_ms, cause) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (hook, seq) DO UPDATE SET dead_at_ms = $4, cause = $5, wanted = 0";
            transaction.execute(insert, &[&hook, &number(*seq), &ms(*at), &ms(*dead_at), cause]).await?;
            let update = "UPDATE webhooks SET next_seq = next_seq + 1, tries = 0, next_try_at_ms = 0
                WHERE id = $1 AND next_seq = $2";
            transaction.execute(update, &[&hook, &number(*seq)]).await?;
        }
        Progress::ToldLate { seq, at } => {
            settle(transaction, id, *seq).await?;
            ask_to_confirm(transaction, id, *seq, *at).await?;
        }
        Progress::Settled { seq } => settle(transaction, id, *seq).await?,
        Progress::Gone => {
            let update = "UPDATE webhooks SET state = 'disabled', tries = 0, next_try_at_ms = 0 WHERE id = $1";
            transaction.execute(update, &[&hook]).await?;
        }
    }
    Ok(())
}

async fn advance(transaction: &Transaction<'_>, id: WebhookId, next: u64) -> Result<(), ReadError> {
    let update = "UPDATE webhooks SET next_seq = greatest(next_seq, $2), tries = 0, next_try_at_ms = 0 WHERE id = $1";
    let update = transaction.prepare_cached(update).await?;
    transaction.execute(&update, &[&id.as_bytes().as_slice(), &number(next)]).await?;
    Ok(())
}

async fn settle(transaction: &Transaction<'_>, id: WebhookId, seq: u64) -> Result<(), ReadError> {
    let delete = "DELETE FROM dead_letters WHERE hook = $1 AND seq = $2";
    transaction.execute(delete, &[&id.as_bytes().as_slice(), &number(seq)]).await?;
    Ok(())
}

async fn ask_to_confirm(transaction: &Transaction<'_>, id: WebhookId, seq: u64, at: Time) -> Result<(), ReadError> {
    let insert = "INSERT INTO unconfirmed (hook, seq, at_ms)
        SELECT id, $2, $3 FROM webhooks WHERE id = $1 AND processor IS NOT NULL ON CONFLICT DO NOTHING";
    let insert = transaction.prepare_cached(insert).await?;
    transaction.execute(&insert, &[&id.as_bytes().as_slice(), &number(seq), &ms(at)]).await?;
    Ok(())
}
