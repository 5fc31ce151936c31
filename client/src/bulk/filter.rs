//! One question, asked about lists by several threads.

use super::bits::{self, bytes_for};
use super::counts::Counts;
use super::order::Order;
use consentry_core::packed::{Prepared, Replica, Said, Unanswered, Wanted, When};
use consentry_core::{Decision, Subject};
use std::num::NonZeroUsize;
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
        Self { threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN), when }
    }
}

/// So many ids of a list are put in order at once, by each thread, at most: it takes 24 bytes for each.
const ROUND_IDS_MAX: usize = if cfg!(test) { 256 } else { 1 << 23 };
/// Fewer than these are not worth another thread.
const THREAD_IDS_MIN: usize = if cfg!(test) { 64 } else { 1 << 12 };
/// So many ids of an iterator are held at once.
const HELD_IDS: usize = if cfg!(test) { 100 } else { 1 << 16 };

/// A question, and what was said of it so far: to be asked about one list after the other.
#[derive(Debug, Clone)]
pub struct Filter {
    workers: Vec<Worker>,
    when: When,
}

/// What a thread has to itself.
#[derive(Debug, Clone)]
struct Worker {
    prepared: Prepared,
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
    /// To be asked as the options say.
    #[must_use]
    pub fn new(question: &Prepared, options: &Options) -> Self {
        let worker = Worker { prepared: question.clone(), order: Order::default() };
        Self { workers: vec![worker; options.threads.get()], when: options.when }
    }

    /// The same question at another time, with what was remembered.
    #[must_use]
    pub fn at(self, when: When) -> Self {
        Self { when, ..self }
    }

    /// When it is asked.
    #[must_use]
    pub const fn when(&self) -> When {
        self.when
    }

    /// For which of these it may be done, and for how many not and why.
    ///
    /// # Errors
    /// [`Unanswered::OtherPolicies`]; what else cannot be answered is counted.
    pub fn filter<B, S>(&mut self, replica: &Replica<B>, ids: &[S]) -> Result<Filtered, Unanswered>
    where
        B: AsRef<[u8]> + Sync,
        S: Copy + Into<Subject> + Sync,
    {
        let mut bits = vec![0; bytes_for(ids.len())];
        // Whole bytes, so that no two threads write to one.
        let each = ids.len().div_ceil(self.workers.len()).max(THREAD_IDS_MIN).next_multiple_of(8);
        let when = self.when;
        let parts = ids.chunks(each).zip(bits.chunks_mut(each / 8)).zip(&mut self.workers);
        let counts = in_threads(parts, |((ids, bits), worker)| worker.filter(replica, ids, when, bits))?;
        let mut all = Counts::default();
        for (counts, number) in counts.iter().zip(0..) {
            all.join(counts, number * each);
        }
        Ok(Filtered { bits, counts: all })
    }

    /// What is said of each of these, whose places are in a list of `told`: [`Said::number`] is kept of each.
    pub(super) fn tell<B: AsRef<[u8]> + Sync>(
        &mut self,
        replica: &Replica<B>,
        wanted: &[Wanted],
        mut told: impl FnMut(usize, Said),
    ) -> Result<(), Unanswered> {
        let each = wanted.len().div_ceil(self.workers.len()).max(THREAD_IDS_MIN);
        let when = self.when;
        let parts = wanted.chunks(each).zip(&mut self.workers);
        let said = in_threads(parts, |(wanted, worker)| worker.tell(replica, wanted, when))?;
        for (wanted, said) in wanted.iter().zip(said.into_iter().flatten()) {
            told(wanted.place(), said);
        }
        Ok(())
    }

    /// Those of whom the answer is yes, in their order and as they come: 65 536 of them are held at once.
    ///
    /// An id about which there is no answer is not among them. Where none can be answered about, there is one error, and then nothing.
    pub fn only<'a, B, I>(&'a mut self, replica: &'a Replica<B>, ids: I) -> Only<'a, B, I::IntoIter>
    where
        B: AsRef<[u8]> + Sync,
        I: IntoIterator,
        I::Item: Copy + Into<Subject> + Sync,
    {
        let (held, allowed) = (Vec::new(), Vec::new().into_iter());
        Only { filter: self, replica, ids: Some(ids.into_iter()), held, allowed, counts: Counts::default(), seen: 0 }
    }

    /// What is said of one of them at length: its text is one line for whoever has to find out why.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub fn decision<B: AsRef<[u8]>>(
        &mut self,
        replica: &Replica<B>,
        id: impl Into<Subject>,
    ) -> Result<Decision, Unanswered> {
        let prepared = self.workers.first_mut().map(|worker| &mut worker.prepared).ok_or(Unanswered::NotHeld)?;
        let answer = match self.when {
            When::Now(now) => replica.answer(prepared, id.into(), now)?,
            When::AsOf(then) => replica.answer_as_of(prepared, id.into(), then)?,
        };
        prepared.decision(&answer).ok_or(Unanswered::NotHeld)
    }

    /// How many threads it has.
    pub(super) fn threads(&self) -> usize {
        self.workers.len()
    }
}

impl Worker {
    fn filter<B: AsRef<[u8]>, S: Copy + Into<Subject>>(
        &mut self,
        replica: &Replica<B>,
        ids: &[S],
        when: When,
        bits: &mut [u8],
    ) -> Result<Counts, Unanswered> {
        let mut counts = Counts::default();
        let rounds = ids.chunks(ROUND_IDS_MAX).zip(bits.chunks_mut(ROUND_IDS_MAX / 8));
        for ((ids, bits), number) in rounds.zip(0..) {
            let mut of_round = Counts::default();
            for part in self.order.of(replica.key(), ids, replica.packed().subjects()) {
                replica.tell(&mut self.prepared, part, when, |place, said| {
                    bits::put(bits, place, u8::from(said.allows()));
                    of_round.add(said, place);
                })?;
            }
            counts.join(&of_round, number * ROUND_IDS_MAX);
        }
        Ok(counts)
    }

    /// In the order of `wanted`.
    fn tell<B: AsRef<[u8]>>(
        &mut self,
        replica: &Replica<B>,
        wanted: &[Wanted],
        when: When,
    ) -> Result<Vec<Said>, Unanswered> {
        let mut all = Vec::with_capacity(wanted.len());
        for wanted in wanted.chunks(THREAD_IDS_MIN) {
            replica.tell(&mut self.prepared, wanted, when, |_, said| all.push(said))?;
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
#[derive(Debug)]
pub struct Only<'a, B, I: Iterator> {
    filter: &'a mut Filter,
    replica: &'a Replica<B>,
    ids: Option<I>,
    held: Vec<I::Item>,
    allowed: std::vec::IntoIter<I::Item>,
    counts: Counts,
    seen: usize,
}

impl<B, I: Iterator> Only<'_, B, I> {
    /// How many for which reason, of those that were asked about so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }
}

impl<B, I> Iterator for Only<'_, B, I>
where
    B: AsRef<[u8]> + Sync,
    I: Iterator,
    I::Item: Copy + Into<Subject> + Sync,
{
    type Item = Result<I::Item, Unanswered>;

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
            match self.filter.filter(self.replica, &self.held) {
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
