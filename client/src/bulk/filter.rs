//! One question, asked about lists by several threads.

use super::answers::{Answers, Timed};
use super::bits::{self, bytes_for};
use super::counts::Counts;
use super::list::List;
use super::order::Order;
use consentry_core::packed::{Follower, Prepared, Said, Trace, Unanswered, Wanted, When};
use consentry_core::{Decision, Subject};
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::OnceLock;
use std::thread;

/// How a list is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many threads work at once. Each remembers what was decided for itself.
    pub threads: NonZeroUsize,
    /// Now, or as of a time.
    pub when: When,
}

impl Options {
    /// With as many threads as the machine has cores.
    #[must_use]
    pub fn all_cores(when: When) -> Self {
        Self { threads: cores(), when }
    }
}

/// How many cores there are for this process, as it was when that was first asked for: that takes reading several files.
pub(crate) fn cores() -> NonZeroUsize {
    static CORES: OnceLock<NonZeroUsize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
}

/// So many ids of a list are put in order at once, by each thread, at most: it takes 24 bytes for each.
const ROUND_IDS_MAX: usize = if cfg!(test) { 256 } else { 1 << 23 };
/// So many are asked about at a time, about: a replica that follows hears nothing meanwhile, for half a millisecond.
const TURN_IDS: usize = if cfg!(test) { 48 } else { 1 << 14 };
/// Fewer than these are not worth another thread.
const THREAD_IDS_MIN: usize = if cfg!(test) { 64 } else { 1 << 12 };
/// So many ids of an iterator are held at once.
const HELD_IDS: usize = if cfg!(test) { 100 } else { 1 << 16 };

/// A question, and what was said of it so far: to be asked about one list after the other.
#[derive(Debug, Clone)]
pub struct Filter<Q = Timed> {
    workers: Vec<Worker<Q>>,
}

/// What a thread has to itself.
#[derive(Debug, Clone)]
struct Worker<Q> {
    question: Q,
    order: Order,
}

/// For which of a list it may be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filtered {
    /// A bit for each id, in their order, the lowest of each byte first: set where it may be done. Arrow's validity and boolean buffers
    /// are the same.
    pub bits: Vec<u8>,
    /// How many for which reason.
    pub counts: Counts,
    /// The places of those who could not be answered about, ascending, and why. Their bits are not set.
    pub unanswered: Vec<(usize, Unanswered)>,
}

impl Filtered {
    /// Whether it may be done with the data of whom is at that place.
    #[must_use]
    pub fn is_allowed(&self, place: usize) -> bool {
        bits::get(&self.bits, place)
    }

    /// The places of those for whom it may be done, ascending.
    pub fn allowed(&self) -> impl Iterator<Item = usize> {
        bits::places(&self.bits)
    }
}

impl Filter {
    /// To be asked as the options say, of a [`Follower`](consentry_core::packed::Follower).
    #[must_use]
    pub fn new(question: &Prepared, options: &Options) -> Self {
        Self::asking(Timed { prepared: question.clone(), when: options.when }, options.threads)
    }

    /// The same question at another time, with what was remembered.
    #[must_use]
    pub fn at(mut self, when: When) -> Self {
        self.workers.iter_mut().for_each(|worker| worker.question.when = when);
        self
    }
}

impl<Q: Clone + Send> Filter<Q> {
    pub(crate) fn asking(question: Q, threads: NonZeroUsize) -> Self {
        Self { workers: vec![Worker { question, order: Order::default() }; threads.get()] }
    }

    /// For which of these it may be done, and for how many not and why.
    ///
    /// # Errors
    /// Where nobody can be answered about; who else cannot is counted.
    pub fn filter<A, L>(&mut self, answers: &A, ids: &L) -> Result<Filtered, A::Error>
    where
        A: Answers<Question = Q>,
        L: List + ?Sized,
    {
        let mut bits = vec![0; bytes_for(ids.len())];
        // Whole bytes, so that no two threads write to one.
        let each = ids.len().div_ceil(self.workers.len()).max(THREAD_IDS_MIN).next_multiple_of(8);
        let places = (0..ids.len()).step_by(each).map(|first| first..(first + each).min(ids.len()));
        let parts = places.zip(bits.chunks_mut(each / 8)).zip(&mut self.workers);
        let told = in_threads(parts, |((places, bits), worker)| worker.filter(answers, ids, places, bits))?;
        let mut all = Told::default();
        told.into_iter().zip((0..).step_by(each)).for_each(|(told, first)| all.join(told, first));
        Ok(Filtered { bits, counts: all.counts, unanswered: all.unanswered })
    }

    /// Asks one thing.
    pub(super) fn ask<A: Answers<Question = Q>, T>(
        &mut self,
        answers: &A,
        ask: impl FnOnce(&Follower<A::Bytes>, &mut Prepared, When) -> Result<T, Unanswered>,
    ) -> Result<T, A::Error> {
        let first = self.workers.first_mut().ok_or_else(|| A::error(Unanswered::NotHeld))?;
        answers.ask(&mut first.question, ask)
    }

    /// Whether it is still asked at that time.
    pub(super) fn is_still<A: Answers<Question = Q>>(&self, when: When) -> bool {
        self.workers.first().is_some_and(|worker| A::is_still(&worker.question, when))
    }

    /// What is said of each of these, whose places are in a list of `told`: [`Said::number`] is kept of each. They were hashed under the key
    /// of that name.
    pub(super) fn tell<A: Answers<Question = Q>>(
        &mut self,
        answers: &A,
        key: u64,
        (wanted, traces): (&[Wanted], &[Trace]),
        mut told: impl FnMut(usize, Said),
    ) -> Result<(), A::Error> {
        let each = wanted.len().div_ceil(self.workers.len()).max(THREAD_IDS_MIN);
        let parts = wanted.chunks(each).zip(traces.chunks(each)).zip(&mut self.workers);
        let said = in_threads(parts, |(part, worker)| worker.tell(answers, key, part))?;
        for (wanted, said) in wanted.iter().zip(said.into_iter().flatten()) {
            told(wanted.place(), said);
        }
        Ok(())
    }

    /// Those of whom the answer is yes, in their order and as they come: 65 536 of them are held at once.
    ///
    /// An id about which there is no answer is not among them. Where none can be answered about, there is one error, and then nothing.
    pub fn only<'a, A, I>(&'a mut self, answers: &'a A, ids: I) -> Only<'a, A, I::IntoIter>
    where
        A: Answers<Question = Q>,
        I: IntoIterator,
        I::Item: Copy + Into<Subject> + Sync,
    {
        let (held, allowed) = (Vec::new(), Vec::new().into_iter());
        Only { filter: self, answers, ids: Some(ids.into_iter()), held, allowed, counts: Counts::default(), seen: 0 }
    }

    /// What is said of one of them at length: its text is one line for whoever has to find out why.
    ///
    /// # Errors
    /// Where there is no answer.
    pub fn decision<A: Answers<Question = Q>>(
        &mut self,
        answers: &A,
        id: impl Into<Subject>,
    ) -> Result<Decision, A::Error> {
        let id = id.into();
        self.ask(answers, |follower, prepared, when| match when {
            When::Now(now) => follower.decide(prepared, id, now),
            When::AsOf(then) => follower.decide_as_of(prepared, id, then),
        })
    }

    /// What it asks.
    pub fn question(&self) -> Option<&Q> {
        self.workers.first().map(|worker| &worker.question)
    }

    /// How many threads it has.
    pub(super) fn threads(&self) -> usize {
        self.workers.len()
    }
}

/// What was said of a part of a list, by the places in it.
#[derive(Default)]
struct Told {
    counts: Counts,
    unanswered: Vec<(usize, Unanswered)>,
}

impl Told {
    /// With those of a part that begins at `first`.
    fn join(&mut self, other: Self, first: usize) {
        self.counts.join(&other.counts, first);
        self.unanswered.extend(other.unanswered.into_iter().map(|(place, why)| (first + place, why)));
    }
}

/// How far some ids have been asked about.
enum Turn {
    More,
    Done,
    /// It is another replica by now, under another key or of other policies.
    Replaced,
}

impl<Q> Worker<Q> {
    fn filter<A: Answers<Question = Q>, L: List + ?Sized>(
        &mut self,
        answers: &A,
        ids: &L,
        places: Range<usize>,
        bits: &mut [u8],
    ) -> Result<Told, A::Error> {
        let (start, mut all) = (places.start, Told::default());
        for (first, bits) in places.clone().step_by(ROUND_IDS_MAX).zip(bits.chunks_mut(ROUND_IDS_MAX / 8)) {
            let round = first..(first + ROUND_IDS_MAX).min(places.end);
            let told = loop {
                if let Some(told) = self.round(answers, (ids, round.clone()), bits)? {
                    break told;
                }
                bits.fill(0);
            };
            all.join(told, first - start);
        }
        Ok(all)
    }

    /// What is said of those at some places, in the order in which a replica has them. Nothing where that was replaced by another.
    fn round<A: Answers<Question = Q>, L: List + ?Sized>(
        &mut self,
        answers: &A,
        (ids, places): (&L, Range<usize>),
        bits: &mut [u8],
    ) -> Result<Option<Told>, A::Error> {
        let policy_of = |follower: &Follower<A::Bytes>| follower.history().newest().hash();
        let (key, site, policy, subjects) = answers.see(|follower| {
            let subjects = follower.replica().packed().subjects();
            (follower.key().clone(), follower.site().clone(), policy_of(follower), subjects)
        });
        let first = places.start;
        let parts = self.order.of(&key, subjects, (ids, places));
        let mut told = Told::default();
        told.counts.add_unlisted(parts.nobody as u64);
        let mut parts = parts.flat_map(|part| part.chunks(TURN_IDS));
        loop {
            let turn = answers.ask(&mut self.question, |follower, prepared, when| {
                if follower.key().id() != key.id() || policy_of(follower) != policy {
                    return Ok(Turn::Replaced);
                }
                let mut asked = 0;
                while asked < TURN_IDS {
                    let Some(part) = parts.next() else { return Ok(Turn::Done) };
                    let trace = |number: usize| {
                        let place = part.get(number)?.place();
                        Some(Trace::new(&site, &ids.subject(first + place)?))
                    };
                    follower.tell(prepared, part, when, trace, |place, said| {
                        bits::put(bits, place, u8::from(said.allows()));
                        told.counts.add(said, place);
                        if let Some(why) = said.unanswered() {
                            told.unanswered.push((place, why));
                        }
                    })?;
                    asked += part.len();
                }
                Ok(Turn::More)
            });
            match turn? {
                Turn::More => {}
                Turn::Done => break,
                Turn::Replaced => return Ok(None),
            }
        }
        told.unanswered.sort_unstable_by_key(|(place, _)| *place);
        Ok(Some(told))
    }

    /// In the order of `wanted`.
    fn tell<A: Answers<Question = Q>>(
        &mut self,
        answers: &A,
        key: u64,
        (wanted, traces): (&[Wanted], &[Trace]),
    ) -> Result<Vec<Said>, A::Error> {
        let mut all = Vec::with_capacity(wanted.len());
        for (wanted, traces) in wanted.chunks(THREAD_IDS_MIN).zip(traces.chunks(THREAD_IDS_MIN)) {
            answers.ask(&mut self.question, |follower, prepared, when| {
                if follower.key().id() != key {
                    return Err(Unanswered::OtherPolicies);
                }
                follower.tell(prepared, wanted, when, |number| traces.get(number).copied(), |_, said| all.push(said))
            })?;
        }
        Ok(all)
    }
}

/// Runs it for each part in a thread of its own, the last of them in this one.
pub(super) fn in_threads<P: Send, T: Send, E: Send>(
    parts: impl Iterator<Item = P>,
    run: impl Fn(P) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let mut parts: Vec<P> = parts.collect();
    let Some(last) = parts.pop() else { return Ok(Vec::new()) };
    let mut results: Vec<Option<Result<T, E>>> = parts.iter().map(|_| None).collect();
    let last = thread::scope(|scope| {
        for (part, result) in parts.into_iter().zip(&mut results) {
            let run = &run;
            scope.spawn(move || *result = Some(run(part)));
        }
        run(last)
    });
    results.into_iter().flatten().chain([last]).collect()
}

/// See [`Filter::only`].
pub struct Only<'a, A: Answers, I: Iterator> {
    filter: &'a mut Filter<A::Question>,
    answers: &'a A,
    ids: Option<I>,
    held: Vec<I::Item>,
    allowed: std::vec::IntoIter<I::Item>,
    counts: Counts,
    seen: usize,
}

impl<A: Answers, I: Iterator> Only<'_, A, I> {
    /// How many for which reason, of those that were asked about so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }
}

impl<A: Answers, I: Iterator> Iterator for Only<'_, A, I>
where
    I::Item: Copy + Into<Subject> + Sync,
{
    type Item = Result<I::Item, A::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(id) = self.allowed.next() {
                return Some(Ok(id));
            }
            let ids = self.ids.as_mut()?;
            self.held.clear();
            self.held.extend(ids.take(HELD_IDS));
            if self.held.is_empty() {
                self.ids = None;
                return None;
            }
            match self.filter.filter(self.answers, &self.held) {
                Ok(filtered) => {
                    let allowed: Vec<I::Item> =
                        filtered.allowed().filter_map(|place| self.held.get(place).copied()).collect();
                    self.allowed = allowed.into_iter();
                    self.counts.join(&filtered.counts, self.seen);
                    self.seen += self.held.len();
                }
                Err(why) => {
                    self.ids = None;
                    return Some(Err(why));
                }
            }
        }
    }
}

impl<A: Answers, I: Iterator> fmt::Debug for Only<'_, A, I> {
    /// Without those who are asked about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Only").field("counts", &self.counts).finish_non_exhaustive()
    }
}
