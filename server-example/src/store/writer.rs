//! The one writer: takes what has queued while it was busy, puts it into one transaction, and answers when that is on
//! the disk.
//!
//! Deliberately absent: a timer that waits for more. It only ever makes a batch later, since the next batch fills by
//! itself while this one is being written.

use super::sqlite::{ms, time};
use super::{AppendError, Appended, NewEntry, Position, reader};
use crate::auth::SecretHash;
use consentry_core::wire::{ChoiceDoc, EventDoc};
use consentry_core::{Event, EventId, EventKind};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::sync::Mutex;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Most choices in one transaction: enough that the disk is no longer what limits, little enough to answer in time.
pub(super) const BATCH_JOBS_MAX: usize = 512;
/// Most choices that wait for their transaction. Beyond that the server says that it is overloaded.
pub(super) const JOBS_WAITING_MAX: usize = 4_096;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Keep this, and say what became of it.
    Append {
        /// What to keep.
        entry: Box<NewEntry>,
        /// Who waits for it.
        answer: oneshot::Sender<Result<Appended, AppendError>>,
    },
    /// Take nothing more.
    Close,
}

/// The writer's thread.
#[derive(Debug)]
pub(super) struct Writer(Mutex<Option<JoinHandle<()>>>);

impl Writer {
    /// Starts the thread. It ends with [`Job::Close`], or when nobody is left who could send anything.
    pub(super) fn start(connection: Connection, jobs: mpsc::Receiver<Job>) -> Result<Self, std::io::Error> {
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || run(connection, jobs))?;
        Ok(Self(Mutex::new(Some(thread))))
    }

    /// Waits until the thread has ended.
    pub(super) async fn ended(&self) {
        let thread = self.0.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            // Its only failure is a panic, which has been printed by then.
            drop(tokio::task::spawn_blocking(move || drop(thread.join())).await);
        }
    }
}

struct Append {
    entry: Box<NewEntry>,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
}

fn run(mut connection: Connection, mut jobs: mpsc::Receiver<Job>) {
    let mut taken = Vec::with_capacity(BATCH_JOBS_MAX);
    let mut trouble = Trouble::default();
    while jobs.blocking_recv_many(&mut taken, BATCH_JOBS_MAX) > 0 {
        let mut batch = Vec::with_capacity(taken.len());
        for job in taken.drain(..) {
            match job {
                Job::Append { entry, answer } => batch.push(Append { entry, answer }),
                // What was sent before comes out of the channel still, and then nothing does.
                Job::Close => jobs.close(),
            }
        }
        keep(&mut connection, batch, &mut trouble);
    }
}

/// One transaction for all; an answer to each once it is durable.
fn keep(connection: &mut Connection, batch: Vec<Append>, trouble: &mut Trouble) {
    let outcomes = match commit(connection, &batch) {
        Ok(outcomes) => {
            trouble.is_over();
            outcomes
        }
        Err(error) => {
            trouble.goes_on(&error);
            vec![Err(AppendError::Unavailable); batch.len()]
        }
    };
    for (job, outcome) in batch.into_iter().zip(outcomes) {
        // Whoever waited may have hung up. The choice is kept all the same, and sending it again is harmless.
        let _ = job.answer.send(outcome);
    }
}

/// What keeps the writer from writing. Logged when it begins, when it changes, and when it ends: a full disk refuses
/// hundreds of batches a second, and the log may be on it.
#[derive(Default)]
struct Trouble {
    cause: String,
    batches: u64,
}

impl Trouble {
    fn goes_on(&mut self, error: &rusqlite::Error) {
        self.batches += 1;
        let cause = error.to_string();
        if cause != self.cause {
            tracing::error!("choices cannot be kept: {cause}");
            self.cause = cause;
        }
    }

    fn is_over(&mut self) {
        let Self { cause, batches } = std::mem::take(self);
        if !cause.is_empty() {
            tracing::info!(batches, "choices can be kept again; {batches} batches were not");
        }
    }
}

type Outcome = Result<Appended, AppendError>;

/// The outcome of each, or an error if none of them was kept.
fn commit(connection: &mut Connection, batch: &[Append]) -> Result<Vec<Outcome>, rusqlite::Error> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for job in batch {
        outcomes.push(match append(&mut transaction, &job.entry) {
            Ok(outcome) => outcome,
            // Some errors, such as a full disk, end the whole transaction; the others are this entry's own.
            Err(error) if transaction.is_autocommit() => return Err(error),
            Err(error) => {
                tracing::error!("an entry was not kept: {error}");
                Err(AppendError::Unavailable)
            }
        });
    }
    transaction.commit()?;
    Ok(outcomes)
}

/// Looks before it writes, so that what is refused has changed nothing.
fn append(transaction: &mut Transaction<'_>, entry: &NewEntry) -> Result<Outcome, rusqlite::Error> {
    let to_register = match (&entry.secret, registered_secret(transaction, entry)?) {
        (Some(shown), Some(registered)) if !registered.is_same(shown) => return Ok(Err(AppendError::WrongSecret)),
        (Some(shown), None) => Some(shown),
        (Some(_), Some(_)) | (None, _) => None,
    };
    let event = Event { at: entry.at, kind: entry.kind.clone() };
    let payload = payload(&event).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    if let Some(earlier) = kept_under(transaction, entry, event.id())? {
        // By what it says: an event's own time is the server's, and another one when it comes again.
        let says_the_same = reader::kind(&earlier.payload).is_some_and(|kind| kind == entry.kind);
        let is_same = earlier.subject == entry.subject.to_string() && says_the_same;
        return Ok(if is_same { Ok(Appended::Known(earlier.position)) } else { Err(AppendError::IdReused) });
    }
    // Both or neither: the device must not stay registered if the entry fails.
    let savepoint = transaction.savepoint()?;
    if let Some(secret) = to_register {
        let insert = "INSERT INTO devices (site, subject, secret_hash) VALUES (?1, ?2, ?3)";
        savepoint.prepare_cached(insert)?.execute(params![
            entry.site.as_str(),
            entry.subject.to_string(),
            secret.as_bytes()
        ])?;
    }
    let insert = "INSERT INTO entries (site, subject, choice, recorded_at_ms, payload) VALUES (?1, ?2, ?3, ?4, ?5)";
    let seq = savepoint.prepare_cached(insert)?.insert(params![
        entry.site.as_str(),
        entry.subject.to_string(),
        event.id().as_bytes(),
        ms(entry.at),
        payload
    ])?;
    savepoint.commit()?;
    Ok(Ok(Appended::New(Position { seq: seq.unsigned_abs(), at: entry.at })))
}

fn registered_secret(transaction: &Transaction<'_>, entry: &NewEntry) -> Result<Option<SecretHash>, rusqlite::Error> {
    let select = "SELECT secret_hash FROM devices WHERE site = ?1 AND subject = ?2";
    let mut statement = transaction.prepare_cached(select)?;
    let found = statement.query_row(params![entry.site.as_str(), entry.subject.to_string()], |row| row.get(0));
    Ok(found.optional()?.map(SecretHash::from_bytes))
}

/// What is kept under the id that a new entry asks for.
struct Kept {
    subject: String,
    payload: String,
    position: Position,
}

/// A choice as it was sent. Anything else says what it is, and leaves its time to its own column.
fn payload(event: &Event) -> serde_json::Result<String> {
    match &event.kind {
        EventKind::Chosen(choice) => serde_json::to_string(&ChoiceDoc::from(choice)),
        EventKind::Signalled(..) | EventKind::Demanded(..) | EventKind::Linked(..) | EventKind::Lent(..) => {
            serde_json::to_string(&EventDoc::from(event))
        }
    }
}

fn kept_under(transaction: &Transaction<'_>, entry: &NewEntry, id: EventId) -> Result<Option<Kept>, rusqlite::Error> {
    let select = "SELECT subject, payload, seq, recorded_at_ms FROM entries WHERE site = ?1 AND choice = ?2";
    let mut statement = transaction.prepare_cached(select)?;
    let found = statement.query_row(params![entry.site.as_str(), id.as_bytes()], |row| {
        let position = Position { seq: row.get::<_, i64>(2)?.unsigned_abs(), at: time(row.get(3)?) };
        Ok(Kept { subject: row.get(0)?, payload: row.get(1)?, position })
    });
    found.optional()
}
