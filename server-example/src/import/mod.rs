//! Takes over what people said to another system, as imported choices.
//!
//! In go the rows of an export and a [`Map`] that says what their columns mean. A row becomes a choice made elsewhere
//! ([`Surface::Import`]) under the policy and notice in force, as on a page with `[page.imports]`. Its id is made of the row's time and a
//! hash of what it says, so that importing a file again changes nothing.
//!
//! A yes that has expired by now is left out, and so is whatever is older than what the person has said here since. Nothing is kept unless
//! every row can be read, or whoever imports wants the rest all the same. Messages never repeat whose row it is.

pub(crate) mod map;
pub(crate) mod rows;

use crate::calendar::moment;
use crate::identity::{Pepper, is_account_id};
use crate::records::Records;
use crate::store::{AppendError, Appended, NewEntry, ReadError, Store};
use consentry_core::source::Published;
use consentry_core::{
    Answering, Choice, ChoiceError, Draft, EventId, EventKind, NoticeHash, Regime, SiteId, Stance, Subject, Surface,
    Target, Time,
};
use map::{Map, StanceColumn, SubjectForm};
use rows::Row;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt;

/// Most rows in one file: they are sorted in memory, some 300 bytes each.
pub(crate) const ROWS_MAX: usize = 1_000_000;
/// Longest file, in bytes.
pub(crate) const IMPORT_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// How many choices ask to be kept at once: enough for one transaction to hold many.
const ENTRIES_AT_ONCE: usize = 256;
/// Longest word that a message repeats, in characters.
const EXCERPT_CHARS_MAX: usize = 32;

/// What is wrong with a row, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    line: u64,
    column: Option<String>,
    message: String,
}

impl Fault {
    pub(crate) fn of(line: u64, column: &str, message: String) -> Self {
        Self { line, column: Some(column.to_owned()), message }
    }

    pub(crate) const fn of_row(line: u64, message: String) -> Self {
        Self { line, column: None, message }
    }

    /// Of JSON that was read from after so many lines on.
    pub(crate) fn of_json(error: &serde_json::Error, lines_before: u64) -> Self {
        let message = format!("not JSON at character {}", error.column());
        Self::of_row(lines_before + error.line() as u64, message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", column `{column}`")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// What somebody said elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Imported {
    subject: Subject,
    at: Time,
    id: EventId,
    stances: Vec<(Target, Stance)>,
}

/// What became of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// All that were read.
    pub(crate) rows: usize,
    /// New entries, or what would be.
    pub(crate) kept: usize,
    /// Imported before.
    pub(crate) known: usize,
    /// Rows that say nothing of any target.
    pub(crate) silent: usize,
    /// Rows of which nothing is left: what they granted has expired.
    pub(crate) expired: usize,
    /// Rows of which nothing is left: something later is kept.
    pub(crate) older: usize,
    /// Rows that cannot be read.
    pub(crate) faulty: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, kept, known, silent, expired, older, faulty } = self;
        write!(f, "{rows} rows: {kept} new, {known} imported before, {silent} say nothing, {expired} expired, ")?;
        write!(f, "{older} older than what is kept, {faulty} faulty")
    }
}

/// Why rows cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("the record cannot be read")]
    Read(#[from] ReadError),
    #[error("a choice was not kept")]
    Append(#[from] AppendError),
    #[error("a row is no choice")]
    Choice(#[from] ChoiceError),
    #[error("the policy has no notice to answer")]
    Notice,
    #[error("a task has ended without an answer")]
    Lost,
}

/// Rows as choices of one site.
pub(crate) struct Import<'a> {
    pub(crate) published: &'a Published,
    pub(crate) map: &'a Map,
    pub(crate) pepper: Option<&'a Pepper>,
    pub(crate) now: Time,
}

impl Import<'_> {
    /// What the rows say, oldest first: the record goes by the order in which it is written.
    pub(crate) fn read(&self, rows: &[Row]) -> (Vec<Imported>, Vec<Fault>, Tally) {
        let (mut imported, mut faults) = (Vec::new(), Vec::new());
        let mut tally = Tally { rows: rows.len(), ..Tally::default() };
        for row in rows {
            match self.row(row) {
                Ok(Some(one)) if one.stances.is_empty() => tally.expired += 1,
                Ok(Some(one)) => imported.push(one),
                Ok(None) => tally.silent += 1,
                Err(fault) => faults.push(fault),
            }
        }
        imported.sort_by_key(|one| one.at);
        (imported, faults, tally)
    }

    /// What a row says; nothing if it says nothing of any target; without stances if what it granted has expired.
    fn row(&self, row: &Row) -> Result<Option<Imported>, Fault> {
        let (subject, at) = (self.subject(row)?, self.time(row)?);
        let mut stances: Vec<(Target, Stance)> = Vec::new();
        for column in &self.map.stance {
            let Some(stance) = stance(row, column)? else { continue };
            if stances.iter().any(|(target, _)| *target == column.target) {
                let message = format!("`{}` is said twice: use `when` to tell the columns apart", column.target);
                return Err(Fault::of(row.line, &column.column, message));
            }
            stances.push((column.target.clone(), stance));
        }
        if stances.is_empty() {
            return Ok(None);
        }
        stances.sort();
        // Of the whole row, whatever of it has expired: the same row must have the same id on every day.
        let id = self.id(subject, at, &stances);
        stances.retain(|(target, stance)| *stance == Stance::Refuse || !self.has_expired(target, at));
        Ok(Some(Imported { subject, at, id, stances }))
    }

    fn subject(&self, row: &Row) -> Result<Subject, Fault> {
        let column = &self.map.subject;
        let fault = |message: &str| Fault::of(row.line, &column.column, message.into());
        let word = row.word(&column.column).ok_or_else(|| fault("nobody is named"))?;
        let text = match column.is {
            SubjectForm::Device => format!("device:{word}"),
            SubjectForm::Account => format!("account:{word}"),
            SubjectForm::AccountId => {
                let pepper = self.pepper.ok_or_else(|| fault("`account-id` needs `--pepper`"))?;
                if !is_account_id(&word) {
                    return Err(fault("an account's id is too long"));
                }
                // The same name as that of whoever signs in with this id.
                return Ok(Subject::Account(pepper.account(self.site(), &word)));
            }
        };
        text.parse().map_err(|_| match column.is {
            SubjectForm::Device => fault("expected a version 4 UUID in lower case with hyphens"),
            SubjectForm::Account | SubjectForm::AccountId => fault("expected 64 hexadecimal digits in lower case"),
        })
    }

    fn time(&self, row: &Row) -> Result<Time, Fault> {
        let column = &self.map.time;
        let fault = |message: String| Fault::of(row.line, &column.column, message);
        let word = row.word(&column.column).ok_or_else(|| fault("no time".into()))?;
        let at = time(&word, &column.is).ok_or_else(|| fault(format!("expected a time as in `{}`", column.is)))?;
        if at > self.now {
            return Err(fault("a time that has not come".into()));
        }
        Ok(at)
    }

    fn site(&self) -> &SiteId {
        &self.published.policy.parts().site
    }

    fn has_expired(&self, target: &Target, at: Time) -> bool {
        let policy = &self.published.policy;
        policy.purpose(&target.purpose).is_none_or(|purpose| at.after(policy.validity_of(purpose)) <= self.now)
    }

    fn id(&self, subject: Subject, at: Time, stances: &[(Target, Stance)]) -> EventId {
        let mut hash = Sha256::new();
        hash.update(format!("consentry import 1\0{}\0{}\0{subject}\0{}", self.site(), self.map.system, at.as_ms()));
        for (target, stance) in stances {
            hash.update(format!("\0{target}={stance}"));
        }
        let hash: [u8; 32] = hash.finalize().into();
        EventId::from_parts(at.as_ms(), hash.first_chunk().unwrap_or(&[0; 10]))
    }

    /// Keeps what was read, or, for a rehearsal, says what would be kept.
    ///
    /// # Errors
    /// [`ImportError`]. What was kept by then stays; the same again goes on from there.
    pub(crate) async fn keep(
        &self,
        store: &Store,
        imported: Vec<Imported>,
        mode: Mode,
        tally: &mut Tally,
    ) -> Result<(), ImportError> {
        let notice = self.notice().ok_or(ImportError::Notice)?;
        let mut imported = imported.into_iter().peekable();
        while imported.peek().is_some() {
            // No subject twice in a batch: what is kept of one decides about the next.
            let (mut subjects, mut batch) = (HashSet::new(), Vec::new());
            while let Some(one) =
                imported.next_if(|one| batch.len() < ENTRIES_AT_ONCE && !subjects.contains(&one.subject))
            {
                subjects.insert(one.subject);
                batch.push(one);
            }
            self.keep_batch(store, batch, &notice, mode, tally).await?;
        }
        Ok(())
    }

    async fn keep_batch(
        &self,
        store: &Store,
        batch: Vec<Imported>,
        notice: &Answered,
        mode: Mode,
        tally: &mut Tally,
    ) -> Result<(), ImportError> {
        let subjects = batch.iter().map(|one| one.subject).collect();
        let records = Records::read(store, self.published, subjects).await?;
        let mut tasks = tokio::task::JoinSet::new();
        for one in batch {
            if records.events(one.subject).iter().any(|event| event.id() == one.id) {
                tally.known += 1;
                continue;
            }
            let Some(choice) = self.choice(&one, &records, notice)? else {
                tally.older += 1;
                continue;
            };
            let site = self.site().clone();
            let entry =
                NewEntry { site, subject: one.subject, secret: None, kind: EventKind::Chosen(choice), at: self.now };
            match mode {
                Mode::Rehearse => tally.kept += 1,
                Mode::Keep => {
                    let store = store.clone();
                    drop(tasks.spawn(async move { store.append(entry).await }));
                }
            }
        }
        while let Some(outcome) = tasks.join_next().await {
            match outcome.map_err(|_| ImportError::Lost)?? {
                Appended::New(_) => tally.kept += 1,
                Appended::Known(_) => tally.known += 1,
            }
        }
        Ok(())
    }

    /// What is left of a row beside what the person has said here; nothing if that is later throughout.
    fn choice(
        &self,
        one: &Imported,
        records: &Records<'_>,
        answered: &Answered,
    ) -> Result<Option<Choice>, ImportError> {
        // With what an account's devices took away: an old yes must not come before a later no.
        let record = records.record(one.subject, None, None);
        // An erasure leaves nothing that could be taken over again from an old export.
        if record.erased().is_some_and(|erased| erased.at >= one.at) {
            return Ok(None);
        }
        let is_later = |target: &Target| {
            let purpose = self.published.policy.purpose(&target.purpose);
            let mark = purpose.and_then(|purpose| record.mark(target, purpose.kind.scope()));
            mark.is_some_and(|mark| match mark.surface {
                Surface::Import => mark.choice.happened_at() > one.at,
                Surface::Banner | Surface::Centre | Surface::Page | Surface::Script => mark.at > one.at,
            })
        };
        let answering = Answering {
            policy: self.published.policy.hash(),
            notice: answered.notice,
            language: answered.language.clone(),
            surface: Surface::Import,
            confirmed: false,
        };
        let stances = one.stances.iter().filter(|(target, _)| !is_later(target));
        let draft = stances.fold(Draft::new(answering), |draft, (target, stance)| draft.with(target.clone(), *stance));
        match draft.commit(&self.published.history, one.id) {
            Ok(choice) => Ok(Some(choice)),
            Err(ChoiceError::Empty) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn notice(&self) -> Option<Answered> {
        let language = self.map.language.as_ref().or_else(|| self.published.languages().next())?;
        let notice = self.published.notice(language, Regime::OptIn)?.hash;
        Some(Answered { notice, language: language.clone() })
    }
}

/// The notice that rows are taken to answer.
struct Answered {
    notice: NoticeHash,
    language: consentry_core::Language,
}

/// Whether anything is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is.
    Keep,
    /// Only what would be is counted.
    Rehearse,
}

fn stance(row: &Row, column: &StanceColumn) -> Result<Option<Stance>, Fault> {
    if let Some(when) = &column.when
        && row.word(&when.column).as_deref() != Some(when.is.as_str())
    {
        return Ok(None);
    }
    let word = match &column.item {
        None => row.word(&column.column),
        Some(item) => row.item(&column.column, item),
    };
    let Some(word) = word else { return Ok(None) };
    let stance = column.stance(&word);
    stance.map(Some).ok_or_else(|| {
        let shown: String = word.chars().take(EXCERPT_CHARS_MAX).collect();
        let target = &column.target;
        let message = format!("`{shown}` is neither among `grant` nor among `refuse` of `{target}`");
        Fault::of(row.line, &column.column, message)
    })
}

fn time(word: &str, form: &str) -> Option<Time> {
    let number = || word.parse::<u64>().ok();
    match form {
        "rfc3339" => moment(word).ok().filter(|_| number().is_none()),
        "ms" => number().map(Time::from_ms),
        "seconds" => number().and_then(|seconds| seconds.checked_mul(1_000)).map(Time::from_ms),
        pattern => {
            let parsed = jiff::fmt::strtime::parse(pattern, word).ok()?;
            let timestamp = parsed.to_timestamp().or_else(|_| {
                parsed.to_datetime().and_then(|time| Ok(time.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp()))
            });
            u64::try_from(timestamp.ok()?.as_millisecond()).ok().map(Time::from_ms)
        }
    }
}
