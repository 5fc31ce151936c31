//! A site's subjects in memory, packed, for whoever asks about many at once; and the same as a file, for back ends that follow the ledger
//! themselves.
//!
//! It is made of the store when it is first wanted, in the background; until then, and about whom it cannot answer, the store is read.
//! Before each question it is brought up to the ledger's head, so that an answer is never older than the question. Once much has changed
//! it is made anew.
//!
//! Deliberately absent: what an answer rests on, which only the ledger knows.

use crate::clock::Clock;
use crate::problem::ApiError;
use crate::store::{Entry, ErasedSubject, Mark, News, ReadError, Store};
use arc_swap::ArcSwapOption;
use axum::body::Bytes;
use consentry_core::packed::{
    Allowed, Answer, Builder, BundleError, Follower, Heard, Link, Missed, Origin, PACK_KEY_BYTES, PackError, PackKey,
    Packed, Past, Prepared, Questions, Unanswered, before_snapshot,
};
use consentry_core::source::Published;
use consentry_core::wire::QuestionDoc;
use consentry_core::{AccountId, Decision, Event, PolicyHistory, SiteId, Subject, Time, linked_devices};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// How many subjects are read at once while a replica is made.
const SUBJECTS_READ_MAX: usize = 512;
/// Entries that are read at once to catch up.
const ENTRIES_READ_MAX: usize = 512;
/// Changes before a replica is made anew: so many, or a part of how many subjects there are.
const CHANGES_MAX: usize = 65_536;
const CHANGES_SHARE: usize = 8;
/// How long none is made after one could not be: a ledger that cannot be read is read to the end for nothing.
const FAILED_SECONDS: u64 = 60;

/// The replica of one site, if there is one yet. It goes with the policy, under which its records were made.
#[derive(Debug, Default)]
pub(crate) struct Live {
    ready: ArcSwapOption<Ready>,
    /// When one could last not be made, by [`Clock::elapsed`]. Whoever holds it makes one.
    failed: Arc<Turn<Option<Duration>>>,
}

/// A replica that can be asked.
#[derive(Debug)]
pub(crate) struct Ready {
    site: SiteId,
    follower: RwLock<Follower<Bytes>>,
    /// How far the store was heard of. Whoever holds it brings the follower there.
    mark: Turn<Option<Mark>>,
    questions: Questions,
    /// What a back end is sent: what comes before the snapshot, and the snapshot.
    file: [Bytes; 2],
    subjects: usize,
}

/// Why there is no replica.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoReplica {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Pack(#[from] PackError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Missed(#[from] Missed),
    #[error("it does not belong to the policies that are served")]
    OtherPolicies(#[from] Unanswered),
    #[error("the machine has no random bytes")]
    Random,
    #[error("whoever made it ended without one")]
    Lost,
}

impl From<NoReplica> for ApiError {
    fn from(error: NoReplica) -> Self {
        match error {
            NoReplica::Read(error) => error.into(),
            error => {
                tracing::error!("there is no replica: {error}");
                Self::Unavailable
            }
        }
    }
}

impl Live {
    /// The replica as the ledger is now, if there is one; if there is none, or much has changed, one is made.
    pub(crate) async fn ready(
        self: &Arc<Self>,
        store: &Store,
        published: &Arc<Published>,
        clock: &Clock,
    ) -> Result<Option<Arc<Ready>>, ReadError> {
        let ready = self.ready.load_full();
        if ready.as_ref().is_none_or(|ready| ready.is_due())
            && let Ok(failed) = Arc::clone(&self.failed).try_lock_owned()
            && failed.is_none_or(|at| clock.elapsed() >= at + Duration::from_secs(FAILED_SECONDS))
        {
            let (live, store, published, clock) =
                (Arc::clone(self), store.clone(), Arc::clone(published), clock.clone());
            drop(tokio::spawn(async move { live.make(failed, &store, &published, &clock).await }));
        }
        let Some(ready) = ready else { return Ok(None) };
        match ready.catch_up(store).await {
            Ok(()) => Ok(Some(ready)),
            Err(NoReplica::Read(error)) => Err(error),
            Err(error) => {
                tracing::warn!("a replica is given up: {error}");
                self.ready.store(None);
                Ok(None)
            }
        }
    }

    /// The replica, once there is one that has not changed much.
    pub(crate) async fn made(
        &self,
        store: &Store,
        published: &Published,
        clock: &Clock,
    ) -> Result<Arc<Ready>, NoReplica> {
        let mut failed = self.failed.lock().await;
        if let Some(ready) = self.ready.load_full().filter(|ready| !ready.is_due()) {
            return Ok(ready);
        }
        let made = Arc::new(Ready::make(store, published, clock.now()).await?);
        self.ready.store(Some(Arc::clone(&made)));
        *failed = None;
        Ok(made)
    }

    async fn make(
        &self,
        mut failed: OwnedMutexGuard<Option<Duration>>,
        store: &Store,
        published: &Published,
        clock: &Clock,
    ) {
        *failed = match Ready::make(store, published, clock.now()).await {
            Ok(made) => {
                self.ready.store(Some(Arc::new(made)));
                None
            }
            Err(error) => {
                tracing::warn!("no replica can be made, the store is read instead: {error}");
                Some(clock.elapsed())
            }
        };
    }
}

impl Ready {
    async fn make(store: &Store, published: &Published, now: Time) -> Result<Self, NoReplica> {
        let site = published.policy.parts().site.clone();
        let mut secret = [0; PACK_KEY_BYTES];
        getrandom::fill(&mut secret).map_err(|_| NoReplica::Random)?;
        let key = PackKey::new(&secret);
        let history = Arc::new(published.history.clone());
        // All that is read after this is of later, and cut off there.
        let head = store.ledger_head(&site).await?;
        let by_then = Read { store, site: &site, size: head.size };
        let erased: Vec<ErasedSubject> = store.erased(&site).await?;
        let erased: Vec<_> = erased.iter().filter(|one| one.seq < head.size).map(|one| (one.name, one.at)).collect();
        let (mut builder, mut links, mut subjects, mut last) = (Builder::new(&key, &history), Vec::new(), 0, None);
        loop {
            let page = store.subjects_after(&site, last, SUBJECTS_READ_MAX).await?;
            let Some(end) = page.last() else { break };
            (last, subjects) = (Some(*end), subjects + page.len());
            let events = by_then.events(page.clone()).await?;
            let devices = page.iter().filter(|subject| matches!(subject, Subject::Account(_)));
            let devices = devices.flat_map(|account| linked_devices(of(&events, *account))).map(Subject::Device);
            let of_devices = by_then.events(devices.collect()).await?;
            let history = Arc::clone(&history);
            // It takes a while, and others are served on this thread.
            let packed = tokio::task::spawn_blocking(move || {
                for subject in page {
                    let events = of(&events, subject);
                    let past = match subject {
                        Subject::Device(_) => Past::of_events(&history, subject, events),
                        Subject::Account(account) => {
                            links.extend(Link::of_events(account, events));
                            of_account(&history, account, events, &of_devices)
                        }
                    };
                    if !events.is_empty() {
                        builder.add(&past)?;
                    }
                }
                Ok::<_, PackError>((builder, links))
            });
            (builder, links) = packed.await.map_err(|_| NoReplica::Lost)??;
        }
        let origin = Origin { site: site.clone(), entries: head.size, root: head.root, made: now };
        let made = tokio::task::spawn_blocking(move || {
            let before = Bytes::from(before_snapshot(&secret, &history, &links, &erased)?);
            let snapshot = Bytes::from(builder.finish(origin)?);
            let packed = Packed::open(snapshot.clone(), &key).map_err(BundleError::from)?;
            let follower = Follower::new(packed, history, links, erased)?;
            Ok::<_, NoReplica>((follower, [before, snapshot]))
        });
        let (follower, file) = made.await.map_err(|_| NoReplica::Lost)??;
        let (follower, mark) = (RwLock::new(follower), Turn::new(None));
        Ok(Self { site, follower, mark, questions: Questions::default(), file, subjects })
    }

    /// What a back end is sent to make a replica of its own.
    pub(crate) fn file(&self) -> [Bytes; 2] {
        self.file.clone()
    }

    /// Whether a new one is better by now.
    fn is_due(&self) -> bool {
        self.follower().changes() > CHANGES_MAX.max(self.subjects / CHANGES_SHARE)
    }

    fn follower(&self) -> RwLockReadGuard<'_, Follower<Bytes>> {
        self.follower.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings it to where the ledger is now.
    pub(crate) async fn catch_up(&self, store: &Store) -> Result<(), NoReplica> {
        let mut mark = self.mark.lock().await;
        let (size, next) = match store.news(&self.site, *mark)? {
            Some(News::None) => return Ok(()),
            Some(News::Of { mark, .. } | News::Whole { mark }) => (mark.1, Some(mark)),
            None => (store.ledger_head(&self.site).await?.size, None),
        };
        self.take_until(store, size).await?;
        *mark = next;
        Ok(())
    }

    /// Takes every entry into account that there was when the ledger had that size. One of them may have been erased meanwhile, and then
    /// says nothing; the entry that says so was kept with that. So what is read last is what there is at its end.
    async fn take_until(&self, store: &Store, size: u64) -> Result<(), NoReplica> {
        let mut is_behind = self.follower().entries() < size;
        while is_behind {
            let from = self.follower().entries();
            let entries = store.ledger_entries(&self.site, from, ENTRIES_READ_MAX).await?;
            let next = from + entries.len() as u64;
            // A ledger that is shorter than it was is another one: after a restore, everything is made anew.
            if entries.is_empty() && from < size {
                return Err(Missed::Gap { given: size, expected: from }.into());
            }
            is_behind = entries.len() >= ENTRIES_READ_MAX || next < size;
            let mut follower = self.follower.write().unwrap_or_else(PoisonError::into_inner);
            for entry in entries {
                let heard = match (&entry.sealed, entry.erased) {
                    (Some(sealed), _) => Heard::Event(sealed.payload.subject(), sealed.payload.event()),
                    (None, Some(name)) => Heard::Erased(entry.leaf.at(), name),
                    (None, None) => Heard::Gone,
                };
                follower.take(entry.seq, heard)?;
            }
        }
        Ok(())
    }

    /// For which of the subjects it is allowed: now, or as of the time that is asked about. None where only the full rule can tell.
    pub(crate) fn allowed<S: Copy + Into<Subject>>(
        &self,
        question: &QuestionDoc,
        subjects: &[S],
        now: Time,
    ) -> Option<Allowed> {
        let answer = self.ask(question, |follower, prepared| match question.as_of_ms {
            None => follower.allowed(prepared, subjects, now),
            Some(then) => follower.allowed_as_of(prepared, subjects, then.min(now)),
        });
        answer?.ok()
    }

    /// What is decided about the subjects, each once. None where only the full rule can tell.
    pub(crate) fn decisions(&self, question: &QuestionDoc, subjects: &[Subject], now: Time) -> Option<Grouped> {
        self.ask(question, |follower, prepared| {
            let mut grouped = Grouped::default();
            for subject in subjects {
                let decided = match question.as_of_ms.map(|then| then.min(now)) {
                    _ if follower.is_erased(*subject) => None,
                    None => follower.replica().answer(prepared, *subject, now).ok(),
                    Some(then) => follower.replica().answer_as_of(prepared, *subject, then).ok(),
                };
                grouped.add(decided, prepared);
            }
            grouped
        })
    }

    /// Asks with a question that is prepared, or becomes so: it remembers what was said of each state.
    fn ask<T>(&self, question: &QuestionDoc, ask: impl FnOnce(&Follower<Bytes>, &mut Prepared) -> T) -> Option<T> {
        if question.happened_by_ms.is_some() || question.device.is_some() {
            return None;
        }
        let follower = self.follower();
        let (asked, context) = (question.question(), question.context(Time::from_ms(0)));
        Some(self.questions.ask(follower.history(), asked, context, |prepared| ask(&follower, prepared)))
    }
}

/// Answers about many, of whom few are answered differently.
#[derive(Debug, Default)]
pub(crate) struct Grouped {
    /// Each with the events left out that it rests on, and to be relied on no longer than any of its group.
    pub(crate) decisions: Vec<Decision>,
    /// For each subject the place of its decision; none where only the full rule can tell.
    pub(crate) answers: Vec<Option<usize>>,
    /// Where the decision of that number of the prepared question is.
    places: Vec<Option<usize>>,
}

impl Grouped {
    /// Nothing is known of any of that many.
    pub(crate) fn nothing(subjects: usize) -> Self {
        Self { answers: vec![None; subjects], ..Self::default() }
    }

    /// Of whom only the full rule can tell, and where they are.
    pub(crate) fn unanswered<'a>(&'a self, subjects: &'a [Subject]) -> impl Iterator<Item = (usize, Subject)> + 'a {
        let subjects = self.answers.iter().zip(subjects).enumerate();
        subjects.filter(|(_, (answer, _))| answer.is_none()).map(|(place, (_, subject))| (place, *subject))
    }

    fn add(&mut self, answer: Option<Answer>, prepared: &Prepared) {
        let place = answer.and_then(|answer| {
            let number = answer.number();
            let known = self.places.get(number).copied().flatten();
            let place = match known {
                Some(place) => place,
                None => {
                    self.decisions.push(prepared.decision(&answer)?);
                    self.places.resize(self.places.len().max(number + 1), None);
                    let place = self.decisions.len() - 1;
                    *self.places.get_mut(number)? = Some(place);
                    place
                }
            };
            let decision = self.decisions.get_mut(place)?;
            decision.valid_until = decision.valid_until.min(answer.valid_until);
            Some(place)
        });
        self.answers.push(place);
    }

    /// Says of the subject at that place what the full rule says.
    pub(crate) fn say(&mut self, subject: usize, mut decision: Decision) {
        decision.events.clear();
        let until = decision.valid_until;
        let same = self.decisions.iter().position(|known| Decision { valid_until: until, ..known.clone() } == decision);
        let place = same.unwrap_or_else(|| {
            self.decisions.push(decision);
            self.decisions.len() - 1
        });
        if let Some(known) = self.decisions.get_mut(place) {
            known.valid_until = known.valid_until.min(until);
        }
        if let Some(answer) = self.answers.get_mut(subject) {
            *answer = Some(place);
        }
    }
}

/// Reads entries as they were when the ledger had that size.
struct Read<'a> {
    store: &'a Store,
    site: &'a SiteId,
    size: u64,
}

impl Read<'_> {
    async fn events(&self, subjects: Vec<Subject>) -> Result<HashMap<Subject, Vec<Event>>, ReadError> {
        if subjects.is_empty() {
            return Ok(HashMap::new());
        }
        let entries = self.store.entries_of(self.site, subjects).await?;
        let by_then = |entries: Vec<Entry>| {
            entries.into_iter().filter(|entry| entry.seq < self.size).map(|entry| entry.event).collect()
        };
        Ok(entries.into_iter().map(|(subject, entries)| (subject, by_then(entries))).collect())
    }
}

fn of(events: &HashMap<Subject, Vec<Event>>, subject: Subject) -> &[Event] {
    events.get(&subject).map_or(&[], Vec::as_slice)
}

fn of_account(
    history: &PolicyHistory,
    account: AccountId,
    events: &[Event],
    of_devices: &HashMap<Subject, Vec<Event>>,
) -> Past {
    Past::of_account(history, account, events, |device| of(of_devices, Subject::Device(device)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SiteFolder;
    use crate::store::{Appended, NewEntry};
    use consentry_core::{Demand, DemandKind, EventId, EventKind, Signal};

    async fn keep(store: &Store, site: &SiteId, number: u64, subject: Subject, erasure: bool) {
        let id = EventId::from_parts(number, &[7; 10]);
        let demand = Demand { kind: DemandKind::Erasure, purpose: None, stands: true };
        let kind = if erasure { EventKind::Demanded(id, demand) } else { EventKind::Signalled(id, Signal::Gpc) };
        let entry = NewEntry { site: site.clone(), subject, secret: None, kind, at: Time::from_ms(number) };
        assert!(matches!(store.append(entry).await, Ok(Appended::New(_))));
    }

    #[tokio::test]
    async fn r34_who_was_erased_while_entries_were_read_is_not_answered_about_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("c.db").display());
        let store = Store::open(&url.parse().unwrap()).unwrap();
        let policies = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/adforge");
        let published = SiteFolder::find(&policies).unwrap().remove(0).publish().unwrap();
        let site = published.policy.parts().site.clone();
        let subject =
            |number: u64| -> Subject { format!("device:7f9c0c52-7a41-4f5e-9d0e-{number:012x}").parse().unwrap() };
        let ready = Ready::make(&store, &published, Time::from_ms(0)).await.unwrap();
        // As if the ledger had had one entry when it was asked how far to read, and the erasure of that came after a page of others.
        for number in 0..=ENTRIES_READ_MAX as u64 {
            keep(&store, &site, number + 1, subject(number), false).await;
        }
        keep(&store, &site, 9_999, subject(0), true).await;
        ready.take_until(&store, 1).await.unwrap();
        assert_eq!(ready.follower().entries(), ENTRIES_READ_MAX as u64 + 2);
        let question = QuestionDoc::new(subject(0), "marketing".parse().unwrap());
        let grouped = ready.decisions(&question, &[subject(0)], Time::from_ms(10_000)).unwrap();
        assert_eq!(grouped.answers, [None], "only the full rule can tell");
        // Read to the end, there is nothing more to read.
        ready.take_until(&store, ENTRIES_READ_MAX as u64 + 2).await.unwrap();
        let shorter = ready.take_until(&store, 9_999).await;
        assert!(matches!(shorter, Err(NoReplica::Missed(_))));
    }
}
