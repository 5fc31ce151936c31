//! The same for programs without a runtime: each call waits for its answer.
//!
//! What is asked runs on a thread of this crate's own. So a call may be made from anywhere, also from within somebody else's runtime, where it
//! holds up the thread that makes it, as any call that waits.
//!
//! ```no_run
//! use consentry_client::{Circumstances, Intent, PurposeId, blocking};
//!
//! # enum Train {}
//! # impl Intent for Train { const PURPOSE: PurposeId = PurposeId::named("ai-training"); }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let consent = blocking::remote("https://consent.example", "adforge", &std::env::var("CONSENTRY_KEY")?)?;
//! let subject: consentry_client::Subject = "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f".parse()?;
//! let permit = consent.require_for::<Train>(subject, Circumstances::default())?;
//! # Ok(())
//! # }
//! ```

use crate::ask::Ask;
use crate::circumstances::Circumstances;
use crate::clock::Clock;
use crate::error::{AskError, SetUpError};
use crate::intent::Intent;
use crate::permit::{Permit, RequireError};
use crate::remote::{Chunk, Explained, FILTERED_AT_ONCE_MAX, Remote, RemoteConfig};
#[cfg(feature = "replica")]
use crate::replica::{Replica, ReplicaConfig, ReplicaError};
use consentry_core::wire::QuestionDoc;
use consentry_core::{Decision, Language, Question, Subject};
use std::fmt;
use std::sync::{Arc, mpsc};
#[cfg(feature = "replica")]
use std::time::Duration;
use std::vec;
use tokio::runtime::{Builder, Runtime};

/// As [`crate::Consentry::remote`], for programs without a runtime.
///
/// # Errors
/// As there; and [`SetUpError::Runtime`] where there is no thread to be had.
pub fn remote(url: &str, site: &str, key: &str) -> Result<Blocking<Remote>, SetUpError> {
    remote_with(url, site, key, RemoteConfig::default())
}

/// As [`crate::Consentry::remote_with`], for programs without a runtime.
///
/// # Errors
/// As there; and [`SetUpError::Runtime`] where there is no thread to be had.
pub fn remote_with(url: &str, site: &str, key: &str, config: RemoteConfig) -> Result<Blocking<Remote>, SetUpError> {
    Blocking::new(Remote::new(url, site, key, config)?)
}

/// As [`crate::Consentry::replica`], for programs without a runtime: the feed is followed on a thread of this crate's own.
///
/// # Errors
/// As there; and [`SetUpError::Runtime`] where there is no thread to be had.
#[cfg(feature = "replica")]
pub fn replica(url: &str, site: &str, key: &str) -> Result<Blocking<Replica>, ReplicaError> {
    replica_with(url, site, key, ReplicaConfig::default())
}

/// As [`crate::Consentry::replica_with`], for programs without a runtime.
///
/// # Errors
/// As there; and [`SetUpError::Runtime`] where there is no thread to be had.
#[cfg(feature = "replica")]
pub fn replica_with(
    url: &str,
    site: &str,
    key: &str,
    config: ReplicaConfig,
) -> Result<Blocking<Replica>, ReplicaError> {
    let thread = Thread::start()?;
    let (url, site, key) = (url.to_owned(), site.to_owned(), key.to_owned());
    let asks = thread.wait(async move { Replica::new(&url, &site, &key, config).await })??;
    Ok(Blocking { asks, thread: Arc::new(thread) })
}

/// Whoever can be asked, for those who wait. Cheap to clone; clones share what they wrap, and the thread that works for it.
#[derive(Clone)]
pub struct Blocking<A> {
    asks: A,
    thread: Arc<Thread>,
}

/// A runtime that can be dropped anywhere.
struct Thread(Option<Runtime>);

impl Drop for Thread {
    fn drop(&mut self) {
        // Waiting for its end would panic within another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Thread {
    fn start() -> Result<Self, SetUpError> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("consentry").enable_all().build();
        Ok(Self(Some(runtime.map_err(|error| SetUpError::Runtime(error.to_string().into()))?)))
    }

    fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, AskError> {
        let runtime = self.0.as_ref().ok_or(AskError::Ended)?;
        let (sender, receiver) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            // Nobody waits any more: then nobody wants to know.
            let _ = sender.send(work.await);
        });
        receiver.recv().map_err(|_| AskError::Ended)
    }
}

impl<A: Ask + Clone + 'static> Blocking<A> {
    /// Waits for what `asks` answers.
    ///
    /// # Errors
    /// [`SetUpError::Runtime`] where there is no thread to be had.
    pub fn new(asks: A) -> Result<Self, SetUpError> {
        Ok(Self { asks, thread: Arc::new(Thread::start()?) })
    }

    /// Whom it asks.
    #[must_use]
    pub const fn asks(&self) -> &A {
        &self.asks
    }

    /// By which clock it is told whether an answer may still be relied on.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        self.asks.clock()
    }

    /// As [`Ask::decide`].
    ///
    /// # Errors
    /// As there.
    pub fn decide(&self, question: &QuestionDoc) -> Result<Decision, AskError> {
        if let Some(answer) = self.asks.at_once(question) {
            return answer;
        }
        let (asks, question) = (self.asks.clone(), question.clone());
        self.wait(async move { asks.decide(&question).await })?
    }

    /// As [`Ask::decide_all`].
    #[must_use]
    pub fn decide_all(&self, questions: &[QuestionDoc]) -> Vec<Result<Decision, AskError>> {
        let (asks, asked) = (self.asks.clone(), questions.to_vec());
        let answers = self.wait(async move { asks.decide_all(&asked).await });
        answers.unwrap_or_else(|error| questions.iter().map(|_| Err(error.clone())).collect())
    }

    /// As [`Ask::require`].
    ///
    /// # Errors
    /// As there.
    pub fn require(&self, question: QuestionDoc) -> Result<Permit, RequireError> {
        let asks = self.asks.clone();
        self.wait(async move { asks.require(question).await })?
    }

    /// As [`Ask::require_for`].
    ///
    /// # Errors
    /// As there.
    pub fn require_for<I: Intent + 'static>(
        &self,
        subject: impl Into<Subject>,
        circumstances: Circumstances,
    ) -> Result<Permit<I>, RequireError> {
        let (asks, subject) = (self.asks.clone(), subject.into());
        self.wait(async move { asks.require_for::<I>(subject, circumstances).await })?
    }

    fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, AskError> {
        self.thread.wait(work)
    }
}

impl Blocking<Remote> {
    /// As [`Remote::explain`].
    ///
    /// # Errors
    /// As there.
    pub fn explain(&self, question: &QuestionDoc, language: Language) -> Result<Explained, AskError> {
        let (asks, question) = (self.asks.clone(), question.clone());
        self.wait(async move { asks.explain(&question, language).await })?
    }

    /// As [`Remote::accounts`].
    ///
    /// # Errors
    /// As there.
    pub fn accounts(&self, ids: &[impl AsRef<str>]) -> Result<Vec<Subject>, AskError> {
        let (asks, ids): (_, Vec<String>) = (self.asks.clone(), ids.iter().map(|id| id.as_ref().into()).collect());
        self.wait(async move { asks.accounts(&ids).await })?
    }

    /// As [`Remote::filter`], of an iterator, and with one piece of the list under way at a time.
    ///
    /// # Errors
    /// As there.
    pub fn filter<S: IntoIterator<Item = Subject>>(
        &self,
        question: Question,
        circumstances: Circumstances,
        subjects: S,
    ) -> Result<Filtered<S::IntoIter>, AskError> {
        let target = crate::remote::target(question, circumstances)?;
        let subjects = subjects.into_iter();
        Ok(Filtered { asks: self.clone(), target, subjects: Some(subjects), allowed: Vec::new().into_iter() })
    }
}

#[cfg(feature = "replica")]
impl Blocking<Replica> {
    /// As [`Replica::heard`], for so long at most. Says whether it has been heard by then.
    ///
    /// # Errors
    /// [`AskError::Ended`] where nothing is heard any more.
    pub fn heard(&self, entry: u64, within: Duration) -> Result<bool, AskError> {
        let asks = self.asks.clone();
        self.wait(async move { tokio::time::timeout(within, asks.heard(entry)).await.is_ok() })
    }
}

/// Those of a list for whom it is allowed, as they become known. Ends after an error.
pub struct Filtered<S> {
    asks: Blocking<Remote>,
    target: String,
    /// What is left of the list; none once nothing more is asked.
    subjects: Option<S>,
    allowed: vec::IntoIter<Subject>,
}

impl<S: Iterator<Item = Subject>> Iterator for Filtered<S> {
    type Item = Result<Subject, AskError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(subject) = self.allowed.next() {
                return Some(Ok(subject));
            }
            let piece: Vec<Subject> = self.subjects.as_mut()?.take(FILTERED_AT_ONCE_MAX).collect();
            if piece.is_empty() {
                self.subjects = None;
                return None;
            }
            let (asks, target) = (self.asks.asks.clone(), self.target.clone());
            let answer = self.asks.wait(async move { asks.filter_piece(&target, Chunk(piece)).await });
            match answer.and_then(|answer| answer) {
                Ok(allowed) => self.allowed = allowed.into_iter(),
                Err(error) => {
                    self.subjects = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl<A: fmt::Debug> fmt::Debug for Blocking<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blocking").field(&self.asks).finish()
    }
}

impl<S> fmt::Debug for Filtered<S> {
    /// Without those who are on the list.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filtered").finish_non_exhaustive()
    }
}
