//! Cases: work in hand, in a table of its own.

use super::{Postgres, read};
use crate::auth::SecretHash;
use crate::cases::{CASES_OF_SUBJECT_MAX, Case, CaseRefusal, CaseState, OpenedCase};
use crate::store::ReadError;
use crate::store::row::{key_of, ms, number, subject_of, time};
use consentry_core::{EventId, SiteId, Subject};
use deadpool_postgres::GenericClient;
use tokio_postgres::Row;

const COLUMNS: &str =
    "id, subject, right_used, note, state, reason, place, received_ms, due_ms, latest_ms, changed_ms, secret_hash";

impl Postgres {
    pub(in crate::store) async fn open_case(
        &self,
        site: &SiteId,
        case: Case,
        secret: SecretHash,
    ) -> Result<Result<OpenedCase, CaseRefusal>, ReadError> {
        let site = site.clone();
        self.ask(async move |mut client| {
            let transaction = client.transaction().await?;
            let opened = open_case(&transaction, &site, case, secret).await?;
            transaction.commit().await?;
            Ok(opened)
        })
        .await
    }

    pub(in crate::store) async fn cases_of(
        &self,
        site: &SiteId,
        subject: Subject,
        secret: Option<SecretHash>,
    ) -> Result<Vec<Case>, ReadError> {
        let site = site.clone();
        self.ask(async move |client| cases_of(&client, &site, subject, secret).await).await
    }

    pub(in crate::store) async fn cases(
        &self,
        site: &SiteId,
        states: &[CaseState],
        count_max: usize,
    ) -> Result<Vec<Case>, ReadError> {
        let site = site.clone();
        let states: Vec<&'static str> = states.iter().map(|state| state.as_str()).collect();
        self.ask(async move |client| {
            let select = format!(
                "SELECT {COLUMNS} FROM cases WHERE site = $1 AND state = ANY ($2) ORDER BY due_ms, id LIMIT $3"
            );
            let rows = client.query(&select, &[&site.as_str(), &states, &number(count_max as u64)]).await?;
            rows.iter().map(|row| Ok(self::case(row)?.0)).collect()
        })
        .await
    }

    pub(in crate::store) async fn case(&self, site: &SiteId, id: EventId) -> Result<Option<Case>, ReadError> {
        let site = site.clone();
        self.ask(async move |client| Ok(kept(&client, &site, id).await?.map(|(case, _)| case))).await
    }

    pub(in crate::store) async fn change_case(
        &self,
        site: &SiteId,
        case: Case,
        was: CaseState,
    ) -> Result<bool, ReadError> {
        let site = site.clone();
        self.ask(async move |client| {
            let update = "UPDATE cases SET state = $3, reason = $4, due_ms = $5, latest_ms = $6, changed_ms = $7
                WHERE site = $1 AND id = $2 AND state = $8";
            let Case { id, state, reason, due, latest, changed, .. } = case;
            let (id, state, was) = (id.as_bytes().as_slice(), state.as_str(), was.as_str());
            let (due, latest, changed) = (ms(due), latest.map(ms), ms(changed));
            let row: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
                [&site.as_str(), &id, &state, &reason, &due, &latest, &changed, &was];
            Ok(client.execute(update, &row).await? > 0)
        })
        .await
    }
}

async fn open_case(
    client: &impl GenericClient,
    site: &SiteId,
    case: Case,
    secret: SecretHash,
) -> Result<Result<OpenedCase, CaseRefusal>, ReadError> {
    let key = key_of(case.subject);
    // Of two that a subject opens at once, one goes first: of the first, the other has to know the secret.
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))";
    client.execute(lock, &[&key]).await?;
    if registered(client, site, case.subject).await?.is_some_and(|registered| !registered.is_same(&secret)) {
        return Ok(Err(CaseRefusal::WrongSecret));
    }
    if let Some((kept, _)) = kept(client, site, case.id).await? {
        return Ok(if kept.asks_the_same(&case) { Ok(OpenedCase::Known(kept)) } else { Err(CaseRefusal::IdReused) });
    }
    let count = "SELECT count(*) FROM cases WHERE site = $1 AND subject = $2";
    let count: i64 = client.query_one(count, &[&site.as_str(), &key]).await?.try_get(0)?;
    if count >= number(CASES_OF_SUBJECT_MAX as u64) {
        return Ok(Err(CaseRefusal::TooMany));
    }
    let insert = format!(
        "INSERT INTO cases (site, {COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            ON CONFLICT DO NOTHING"
    );
    let (id, right, state) = (case.id.as_bytes().as_slice(), case.right.as_str(), case.state.as_str());
    let (received, due, latest, changed) = (ms(case.received), ms(case.due), case.latest.map(ms), ms(case.changed));
    let secret = secret.as_bytes().as_slice();
    let row: [&(dyn tokio_postgres::types::ToSql + Sync); 13] = [
        &site.as_str(),
        &id,
        &key,
        &right,
        &case.note,
        &state,
        &case.reason,
        &case.place,
        &received,
        &due,
        &latest,
        &changed,
        &secret,
    ];
    // Another subject may have taken the id meanwhile.
    let inserted = client.execute(&insert, &row).await? == 1;
    Ok(if inserted { Ok(OpenedCase::New(case)) } else { Err(CaseRefusal::IdReused) })
}

/// The secret that speaks for a subject: that of its first entry, else of its first case.
async fn registered(
    client: &impl GenericClient,
    site: &SiteId,
    subject: Subject,
) -> Result<Option<SecretHash>, ReadError> {
    let key = key_of(subject);
    if let Some(number) = read::site_number(client, site).await? {
        let select = "SELECT secret_hash FROM payloads
            WHERE site = $1 AND subject = $2 AND secret_hash IS NOT NULL ORDER BY seq LIMIT 1";
        if let Some(row) = client.query_opt(select, &[&number, &key]).await? {
            return Ok(Some(secret(&row, 0)?));
        }
    }
    let select = "SELECT secret_hash FROM cases WHERE site = $1 AND subject = $2 ORDER BY received_ms, id LIMIT 1";
    let row = client.query_opt(select, &[&site.as_str(), &key]).await?;
    row.map(|row| secret(&row, 0)).transpose()
}

async fn kept(
    client: &impl GenericClient,
    site: &SiteId,
    id: EventId,
) -> Result<Option<(Case, SecretHash)>, ReadError> {
    let select = format!("SELECT {COLUMNS} FROM cases WHERE site = $1 AND id = $2");
    let row = client.query_opt(&select, &[&site.as_str(), &id.as_bytes().as_slice()]).await?;
    row.map(|row| case(&row)).transpose()
}

async fn cases_of(
    client: &impl GenericClient,
    site: &SiteId,
    subject: Subject,
    secret: Option<SecretHash>,
) -> Result<Vec<Case>, ReadError> {
    if let (Some(shown), Some(registered)) = (&secret, registered(client, site, subject).await?)
        && !registered.is_same(shown)
    {
        return Err(ReadError::WrongSecret);
    }
    let select = format!("SELECT {COLUMNS} FROM cases WHERE site = $1 AND subject = $2 ORDER BY received_ms, id");
    let mut cases = Vec::new();
    for row in client.query(&select, &[&site.as_str(), &key_of(subject)]).await? {
        let (case, opened_with) = case(&row)?;
        if secret.is_none_or(|shown| shown.is_same(&opened_with)) {
            cases.push(case);
        }
    }
    Ok(cases)
}

fn secret(row: &Row, column: usize) -> Result<SecretHash, ReadError> {
    read::array(row, column).map(SecretHash::from_bytes).map_err(ReadError::Database)
}

fn case(row: &Row) -> Result<(Case, SecretHash), ReadError> {
    let broken = || ReadError::Database("a case does not read as one".into());
    let case = Case {
        id: EventId::from_bytes(read::array(row, 0).map_err(ReadError::Database)?).ok_or_else(broken)?,
        subject: subject_of(row.try_get(1)?).ok_or_else(broken)?,
        right: row.try_get::<_, &str>(2)?.parse().map_err(|_| broken())?,
        note: row.try_get(3)?,
        state: row.try_get::<_, &str>(4)?.parse().map_err(|_| broken())?,
        reason: row.try_get(5)?,
        place: row.try_get(6)?,
        received: time(row.try_get(7)?),
        due: time(row.try_get(8)?),
        latest: row.try_get::<_, Option<i64>>(9)?.map(time),
        changed: time(row.try_get(10)?),
    };
    Ok((case, secret(row, 11)?))
}
