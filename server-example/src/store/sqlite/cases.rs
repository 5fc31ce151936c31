//! Cases: work in hand, in a table of its own.

use super::{Sqlite, read, writing_connection};
use crate::auth::SecretHash;
use crate::cases::{CASES_OF_SUBJECT_MAX, Case, CaseRefusal, CaseState, OpenedCase};
use crate::store::ReadError;
use crate::store::row::{key_of, ms, number, subject_of, time};
use consentry_core::{EventId, SiteId, Subject};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

const COLUMNS: &str =
    "id, subject, right_used, note, state, reason, place, received_ms, due_ms, latest_ms, changed_ms, secret_hash";

impl Sqlite {
    pub(in crate::store) async fn open_case(
        &self,
        site: &SiteId,
        case: Case,
        secret: SecretHash,
    ) -> Result<Result<OpenedCase, CaseRefusal>, ReadError> {
        let site = site.clone();
        self.write_case(move |connection| open_case(connection, &site, case, secret)).await
    }

    pub(in crate::store) async fn cases_of(
        &self,
        site: &SiteId,
        subject: Subject,
        secret: Option<SecretHash>,
    ) -> Result<Vec<Case>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| cases_of(connection, &site, subject, secret)).await
    }

    pub(in crate::store) async fn cases(
        &self,
        site: &SiteId,
        states: &[CaseState],
        count_max: usize,
    ) -> Result<Vec<Case>, ReadError> {
        let (site, states) = (site.clone(), states.to_vec());
        self.0.readers.read(move |connection| cases(connection, &site, &states, count_max)).await
    }

    pub(in crate::store) async fn case(&self, site: &SiteId, id: EventId) -> Result<Option<Case>, ReadError> {
        let site = site.clone();
        self.0.readers.read(move |connection| Ok(kept(connection, &site, id)?.map(|(case, _)| case))).await
    }

    pub(in crate::store) async fn change_case(
        &self,
        site: &SiteId,
        case: Case,
        was: CaseState,
    ) -> Result<bool, ReadError> {
        let site = site.clone();
        self.write_case(move |connection| {
            let update = "UPDATE cases SET state = ?3, reason = ?4, due_ms = ?5, latest_ms = ?6, changed_ms = ?7
                WHERE site = ?1 AND id = ?2 AND state = ?8";
            let Case { id, state, reason, due, latest, changed, .. } = case;
            let row = params![
                site.as_str(),
                id.as_bytes(),
                state.as_str(),
                reason,
                ms(due),
                latest.map(ms),
                ms(changed),
                was.as_str()
            ];
            Ok(connection.execute(update, row)? > 0)
        })
        .await
    }

    /// Rare, so that it takes a connection of its own rather than the writer's.
    async fn write_case<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let path = self.0.path.clone();
        let written = tokio::task::spawn_blocking(move || write(&mut writing_connection(&path)?));
        written.await.unwrap_or(Err(ReadError::Lost))
    }
}

fn open_case(
    connection: &mut Connection,
    site: &SiteId,
    case: Case,
    secret: SecretHash,
) -> Result<Result<OpenedCase, CaseRefusal>, ReadError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if registered(&transaction, site, case.subject)?.is_some_and(|registered| !registered.is_same(&secret)) {
        return Ok(Err(CaseRefusal::WrongSecret));
    }
    if let Some((kept, _)) = kept(&transaction, site, case.id)? {
        return Ok(if kept.asks_the_same(&case) { Ok(OpenedCase::Known(kept)) } else { Err(CaseRefusal::IdReused) });
    }
    let key = key_of(case.subject);
    let count = "SELECT count(*) FROM cases WHERE site = ?1 AND subject = ?2";
    let count: i64 = transaction.query_row(count, params![site.as_str(), key], |row| row.get(0))?;
    if count >= number(CASES_OF_SUBJECT_MAX as u64) {
        return Ok(Err(CaseRefusal::TooMany));
    }
    let insert =
        format!("INSERT INTO cases (site, {COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
    let row = params![
        site.as_str(),
        case.id.as_bytes(),
        key,
        case.right.as_str(),
        case.note,
        case.state.as_str(),
        case.reason,
        case.place,
        ms(case.received),
        ms(case.due),
        case.latest.map(ms),
        ms(case.changed),
        secret.as_bytes()
    ];
    transaction.execute(&insert, row)?;
    transaction.commit()?;
    Ok(Ok(OpenedCase::New(case)))
}

/// The secret that speaks for a subject: that of its first entry, else of its first case.
fn registered(connection: &Connection, site: &SiteId, subject: Subject) -> Result<Option<SecretHash>, ReadError> {
    if let Some(number) = read::site_number(connection, site)?
        && let Some(secret) = read::registered_secret(connection, number, subject)?
    {
        return Ok(Some(secret));
    }
    let select = "SELECT secret_hash FROM cases WHERE site = ?1 AND subject = ?2 ORDER BY received_ms, id LIMIT 1";
    let found = connection.query_row(select, params![site.as_str(), key_of(subject)], |row| row.get(0)).optional();
    Ok(found?.map(SecretHash::from_bytes))
}

fn kept(connection: &Connection, site: &SiteId, id: EventId) -> Result<Option<(Case, SecretHash)>, ReadError> {
    let select = format!("SELECT {COLUMNS} FROM cases WHERE site = ?1 AND id = ?2");
    let mut statement = connection.prepare_cached(&select)?;
    let mut rows = statement.query(params![site.as_str(), id.as_bytes()])?;
    rows.next()?.map(case).transpose()
}

fn cases_of(
    connection: &mut Connection,
    site: &SiteId,
    subject: Subject,
    secret: Option<SecretHash>,
) -> Result<Vec<Case>, ReadError> {
    if let (Some(shown), Some(registered)) = (&secret, registered(connection, site, subject)?)
        && !registered.is_same(shown)
    {
        return Err(ReadError::WrongSecret);
    }
    let select = format!("SELECT {COLUMNS} FROM cases WHERE site = ?1 AND subject = ?2 ORDER BY received_ms, id");
    let mut statement = connection.prepare_cached(&select)?;
    let mut rows = statement.query(params![site.as_str(), key_of(subject)])?;
    let mut cases = Vec::new();
    while let Some(row) = rows.next()? {
        let (case, opened_with) = case(row)?;
        if secret.is_none_or(|shown| shown.is_same(&opened_with)) {
            cases.push(case);
        }
    }
    Ok(cases)
}

fn cases(
    connection: &mut Connection,
    site: &SiteId,
    states: &[CaseState],
    count_max: usize,
) -> Result<Vec<Case>, ReadError> {
    let words: Vec<String> = states.iter().map(|state| format!("'{state}'")).collect();
    let select = format!(
        "SELECT {COLUMNS} FROM cases WHERE site = ?1 AND state IN ({}) ORDER BY due_ms, id LIMIT ?2",
        words.join(", ")
    );
    let mut statement = connection.prepare_cached(&select)?;
    let mut rows = statement.query(params![site.as_str(), number(count_max as u64)])?;
    let mut cases = Vec::new();
    while let Some(row) = rows.next()? {
        cases.push(case(row)?.0);
    }
    Ok(cases)
}

fn case(row: &Row<'_>) -> Result<(Case, SecretHash), ReadError> {
    let broken = || ReadError::Database("a case does not read as one".into());
    let word = |column: usize| row.get::<_, String>(column);
    let case = Case {
        id: EventId::from_bytes(row.get(0)?).ok_or_else(broken)?,
        subject: subject_of(&row.get::<_, Vec<u8>>(1)?).ok_or_else(broken)?,
        right: word(2)?.parse().map_err(|_| broken())?,
        note: row.get(3)?,
        state: word(4)?.parse().map_err(|_| broken())?,
        reason: row.get(5)?,
        place: row.get(6)?,
        received: time(row.get(7)?),
        due: time(row.get(8)?),
        latest: row.get::<_, Option<i64>>(9)?.map(time),
        changed: time(row.get(10)?),
    };
    Ok((case, SecretHash::from_bytes(row.get(11)?)))
}
