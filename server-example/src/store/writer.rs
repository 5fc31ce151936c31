//! The one writer of a server: takes what has queued while it was busy, has it kept in one transaction, and answers when that is
//! on the disk.
//!
//! Deliberately absent: SQL, which is the database's, and a timer that waits for more. It only ever makes a batch later, since
//! the next batch fills by itself while this one is being written.

use super::batch::Outcome;
use super::pending::Pending;
use super::{AppendError, Appended, NewEntry, StoreError};
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot, watch};

/// Most entries in one transaction: enough that the disk is no longer what limits, little enough to answer in time.
const BATCH_JOBS_MAX: usize = 512;
/// Most entries that wait for their transaction. Beyond that the server says that it is overloaded.
const JOBS_WAITING_MAX: usize = 4_096;

/// Why a batch was not kept: nothing of it was.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    /// The database refuses something of it.
    #[error("{0}")]
    Refused(StoreError),
    /// The database does not work now.
    #[error("{0}")]
    Failed(StoreError),
}

impl KeepError {
    /// For whatever is wrong with what the database holds.
    pub(super) fn failed(error: impl Into<StoreError>) -> Self {
        Self::Failed(error.into())
    }
}

/// What the writer is asked to do.
#[derive(Debug)]
enum Job {
    /// Keep this, and say what became of it.
    Append { entry: Box<Pending>, answer: oneshot::Sender<Outcome> },
    /// Take nothing more.
    Close,
}

/// The writer: a thread, and the way to it. A clone is another handle to the same.
#[derive(Debug, Clone)]
pub(super) struct Writer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    jobs: mpsc::Sender<Job>,
    thread: Mutex<Option<JoinHandle<()>>>,
    grown: watch::Sender<u64>,
}

impl Writer {
    /// Starts the thread. `keep` puts entries into the database in one transaction, and says what became of each. The thread ends when it
    /// is told to, or when nobody is left who could send anything.
    pub(super) fn start(
        keep: impl FnMut(&[Pending]) -> Result<Vec<Outcome>, KeepError> + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        let (jobs, waiting) = mpsc::channel(JOBS_WAITING_MAX);
        let grown = watch::Sender::new(0);
        let told = grown.clone();
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || run(keep, waiting, &told))?;
        Ok(Self(Arc::new(Inner { jobs, thread: Mutex::new(Some(thread)), grown })))
    }

    pub(super) async fn append(&self, entry: NewEntry) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let place = self.0.jobs.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => AppendError::Overloaded,
            mpsc::error::TrySendError::Closed(()) => AppendError::Unavailable,
        })?;
        place.send(Job::Append { entry: Box::new(Pending::of(entry)?), answer });
        // The writer answers every job. If it does not, it is gone, and so is the transaction it was in.
        answered.await.unwrap_or(Err(AppendError::Unavailable))
    }

    /// Changes whenever something was kept.
    pub(super) fn grown(&self) -> watch::Receiver<u64> {
        self.0.grown.subscribe()
    }

    /// Tells those who wait for it that something was kept elsewhere.
    pub(super) fn has_grown(&self) {
        self.0.grown.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Whether there is nobody who would write.
    pub(super) fn is_gone(&self) -> bool {
        self.0.jobs.is_closed()
    }

    /// Has all kept that was sent before, and ends.
    pub(super) async fn close(&self) {
        // It queues behind all that was sent before. An error means that the writer has ended already.
        drop(self.0.jobs.send(Job::Close).await);
        let thread = self.0.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            // Its only failure is a panic, which has been printed by then.
            drop(tokio::task::spawn_blocking(move || drop(thread.join())).await);
        }
    }
}

fn run(
    mut keep: impl FnMut(&[Pending]) -> Result<Vec<Outcome>, KeepError>,
    mut jobs: mpsc::Receiver<Job>,
    grown: &watch::Sender<u64>,
) {
    let mut taken = Vec::with_capacity(BATCH_JOBS_MAX);
    let mut trouble = Trouble::default();
    while jobs.blocking_recv_many(&mut taken, BATCH_JOBS_MAX) > 0 {
        let (mut entries, mut answers) = (Vec::with_capacity(taken.len()), Vec::with_capacity(taken.len()));
        for job in taken.drain(..) {
            match job {
                Job::Append { entry, answer } => {
                    entries.push(*entry);
                    answers.push(answer);
                }
                // What was sent before comes out of the channel still, and then nothing does.
                Job::Close => jobs.close(),
            }
        }
        let outcomes = keep_all(&mut keep, &entries, &mut trouble);
        let has_grown = outcomes.iter().any(|outcome| matches!(outcome, Ok(Appended::New(_))));
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Whoever waited may have hung up. The entry is kept all the same, and sending it again is harmless.
            let _ = answer.send(outcome);
        }
        if has_grown {
            grown.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

/// One transaction for all, or, where the database refuses one of them, as many as it takes to keep the others.
fn keep_all(
    keep: &mut impl FnMut(&[Pending]) -> Result<Vec<Outcome>, KeepError>,
    entries: &[Pending],
    trouble: &mut Trouble,
) -> Vec<Outcome> {
    match keep(entries) {
        Ok(outcomes) => {
            trouble.is_over();
            outcomes
        }
        Err(KeepError::Refused(error)) if entries.len() == 1 => {
            tracing::error!("an entry was not kept: {error}");
            vec![Err(AppendError::Unavailable)]
        }
        Err(KeepError::Refused(_)) => {
            let (first, second) = entries.split_at(entries.len() / 2);
            let mut outcomes = keep_all(keep, first, trouble);
            outcomes.extend(keep_all(keep, second, trouble));
            outcomes
        }
        Err(KeepError::Failed(error)) => {
            trouble.goes_on(&*error);
            vec![Err(AppendError::Unavailable); entries.len()]
        }
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
    fn goes_on(&mut self, error: &dyn Error) {
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
