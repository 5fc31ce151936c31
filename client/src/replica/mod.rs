//! Answers in this process, from a replica of the site that follows the server's change feed.

mod change;
mod error;
mod file;
mod follow;
mod list;

use crate::ask::{Ask, sealed};
use crate::clock::Clock;
use crate::error::AskError;
use crate::remote::{Remote, RemoteConfig};
use consentry_core::packed::{Behind, Follower, Prepared, Questions, Unanswered};
use consentry_core::wire::QuestionDoc;
use consentry_core::{Decision, PolicyHash, Subject, Time};
use hyper::body::Bytes;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

pub use error::ReplicaError;

/// How a replica is kept.
#[derive(Debug, Clone)]
pub struct ReplicaConfig {
    /// From when on nothing is answered any more, counted from when it was last known to have heard all that the server had kept.
    pub stale_after: Duration,
    /// How long it may take until the server has sent a replica: it may have to make one first.
    pub load_within: Duration,
    /// The file that the replica is kept in, which a restart begins with. It is readable for its owner alone, and lies where nobody else writes.
    /// Without one it is kept in memory.
    pub file: Option<PathBuf>,
    /// How the server is asked.
    pub remote: RemoteConfig,
}

impl Default for ReplicaConfig {
    fn default() -> Self {
        Self {
            stale_after: Duration::from_secs(60),
            load_within: Duration::from_secs(300),
            file: None,
            remote: RemoteConfig::default(),
        }
    }
}

/// Answers in this process. Cheap to clone; clones share everything, and the last one that is dropped ends what follows the feed.
///
/// **How fresh an answer is:** what the server has kept counts as soon as the change feed has brought it, some milliseconds later. Where nothing
/// has been heard for [`ReplicaConfig::stale_after`] (60 s if nothing else is said; the server says something every 15 s), nothing is answered
/// ([`AskError::Stale`]), and so nothing is permitted, until all that was missed has been heard.
///
/// **What it does not know:** which events a decision rests on, so that [`Decision::events`] is empty. Where it knows too little to answer at
/// all, and about the past by what had happened then, it asks the server.
#[derive(Clone)]
pub struct Replica(Arc<Handle>);

/// Ends what follows when the last one is gone.
struct Handle {
    shared: Arc<Shared>,
    follows: AbortHandle,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // It is never in the middle of an entry: it waits for nothing there.
        self.follows.abort();
    }
}

type Following = Follower<Behind<Bytes>>;

/// What those who ask and the one who follows share.
struct Shared {
    remote: Remote,
    follower: RwLock<Following>,
    questions: Questions,
    /// How many entries are taken into account.
    entries: watch::Sender<u64>,
    /// When it had last heard all that there was, by [`Clock::elapsed`], in milliseconds.
    fresh_ms: AtomicU64,
    stale_after: Duration,
    load_within: Duration,
    file: Option<PathBuf>,
}

impl Replica {
    pub(crate) async fn new(url: &str, site: &str, key: &str, config: ReplicaConfig) -> Result<Self, ReplicaError> {
        let ReplicaConfig { stale_after, load_within, file, remote } = config;
        let remote = Remote::new(url, site, key, remote)?;
        let follower = match file.as_deref().and_then(|file| file::open(file).ok()) {
            Some(follower) => follower,
            None => follow::load(&remote, load_within, file.as_deref()).await?,
        };
        let entries = watch::Sender::new(follower.entries());
        let shared = Arc::new(Shared {
            remote,
            follower: RwLock::new(follower),
            questions: Questions::default(),
            entries,
            fresh_ms: AtomicU64::new(0),
            stale_after,
            load_within,
            file,
        });
        follow::catch_up(&shared).await?;
        let follows = tokio::spawn(follow::follow(Arc::clone(&shared))).abort_handle();
        Ok(Self(Arc::new(Handle { shared, follows })))
    }

    /// How many entries of the site's ledger are taken into account: all before the one with this number.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.0.shared.follower().entries()
    }

    /// Waits until the entry with this number is taken into account, such as a choice that this program has just posted.
    pub async fn heard(&self, entry: u64) {
        let mut entries = self.0.shared.entries.subscribe();
        // The sender lives as long as this.
        let _ = entries.wait_for(|entries| *entries > entry).await;
    }

    /// How long ago it had heard all that there was.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.0.shared.age()
    }

    /// The newest policy that it knows.
    #[must_use]
    pub fn policy(&self) -> PolicyHash {
        self.0.shared.follower().history().newest().hash()
    }

    /// Answers at once, or not at all: what it can say without the server.
    ///
    /// # Errors
    /// [`AskError::Stale`]; [`AskError::NotHeld`] where the server has to be asked.
    pub fn decide_here(&self, question: &QuestionDoc) -> Result<Decision, AskError> {
        self.0.shared.decide(question)
    }
}

impl Shared {
    fn follower(&self) -> RwLockReadGuard<'_, Following> {
        self.follower.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn age(&self) -> Duration {
        let fresh = Duration::from_millis(self.fresh_ms.load(Ordering::SeqCst));
        self.remote.clock().elapsed().saturating_sub(fresh)
    }

    /// Has heard all that there was at `elapsed`.
    fn is_fresh_at(&self, elapsed: Duration) {
        let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.fresh_ms.fetch_max(ms, Ordering::SeqCst);
    }

    fn decide(&self, question: &QuestionDoc) -> Result<Decision, AskError> {
        if question.happened_by_ms.is_some() {
            return Err(AskError::NotHeld);
        }
        let subject = question.subject;
        let decision = self.ask(question, |follower, prepared, now| {
            match (question.device, subject, question.as_of_ms.map(|then| then.min(now))) {
                (Some(device), Subject::Account(account), None) => follower.decide_on(prepared, account, device, now),
                (Some(device), Subject::Account(account), Some(then)) => {
                    follower.decide_on_as_of(prepared, account, device, then)
                }
                (Some(device), other, _) if other != device.into() => Err(Unanswered::NotHeld),
                // A device on itself.
                (_, _, None) => follower.decide(prepared, subject, now),
                (_, _, Some(then)) => follower.decide_as_of(prepared, subject, then),
            }
        });
        decision?.map_err(|_| AskError::NotHeld)
    }

    /// Asks with a question that is prepared, or becomes so, at this time; nothing is asked of what is too old.
    fn ask<T>(
        &self,
        question: &QuestionDoc,
        ask: impl FnOnce(&Following, &mut Prepared, Time) -> T,
    ) -> Result<T, AskError> {
        let follower = self.follower();
        // Once it is held: whatever was heard by then is taken into account.
        let age = self.age();
        if age > self.stale_after {
            return Err(AskError::Stale { age });
        }
        let now = self.remote.clock().now();
        let (asked, context) = (question.question(), question.context(now));
        Ok(self.questions.ask(follower.history(), asked, context, |prepared| ask(&follower, prepared, now)))
    }
}

impl sealed::Sealed for Replica {
    fn at_once(&self, question: &QuestionDoc) -> Option<Result<Decision, AskError>> {
        match self.decide_here(question) {
            Err(AskError::NotHeld) => None,
            answer => Some(answer),
        }
    }
}

impl Ask for Replica {
    fn clock(&self) -> &Clock {
        self.0.shared.remote.clock()
    }

    async fn decide(&self, question: &QuestionDoc) -> Result<Decision, AskError> {
        match sealed::Sealed::at_once(self, question) {
            Some(answer) => answer,
            None => self.0.shared.remote.decide(question).await,
        }
    }

    async fn decide_all(&self, questions: &[QuestionDoc]) -> Vec<Result<Decision, AskError>> {
        let mut answers: Vec<_> = questions.iter().map(|question| self.decide_here(question)).collect();
        let is_open = |answer: &Result<_, AskError>| matches!(answer, Err(AskError::NotHeld));
        let open = answers.iter().zip(questions).filter(|(answer, _)| is_open(answer));
        let open: Vec<QuestionDoc> = open.map(|(_, question)| question.clone()).collect();
        if !open.is_empty() {
            let mut answered = self.0.shared.remote.decide_all(&open).await.into_iter();
            for answer in answers.iter_mut().filter(|answer| is_open(answer)) {
                *answer = answered.next().unwrap_or(Err(AskError::Ended));
            }
        }
        answers
    }
}

impl fmt::Debug for Replica {
    /// Without the key, and without whom anything is known of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica")
            .field("remote", &self.0.shared.remote)
            .field("entries", &self.entries())
            .finish_non_exhaustive()
    }
}
