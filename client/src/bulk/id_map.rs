//! Ids of one's own: numbers that a site counts its people by, or devices in the order of their UUIDs.
//!
//! A ledger knows an account by a keyed hash of its id, which nobody can turn round. So whoever has the key says once which id is whose;
//! what is kept of that is a hash under the replica's own key, and what would be left of them if they were erased, which tells nobody who it
//! is. A question is then asked once about all of them, and after that each id is a bit.

use super::answers::Answers;
use super::bits::{self, bytes_for};
use super::counts::Counts;
use super::filter::{Filter, Filtered, in_threads};
use super::known::Known;
use consentry_core::packed::{Follower, Mark, Said, Trace, Unanswered, WANTED_PLACES_MAX, Wanted, When};
use consentry_core::{DeviceId, Subject};
use std::collections::HashSet;

/// Fewer than these are not worth another thread.
const THREAD_IDS_MIN: usize = if cfg!(test) { 64 } else { 1 << 15 };

/// What people can be counted by.
pub trait Id: Copy + Ord + Send + Sync {
    /// How much further on it is than that one; `None` for less, and for ids that are not counted up.
    fn since(self, lowest: Self) -> Option<u64>;
}

impl Id for u64 {
    #[inline(always)]
    fn since(self, lowest: Self) -> Option<u64> {
        // What is below becomes far too much, and is beyond the end.
        Some(self.wrapping_sub(lowest))
    }
}

impl Id for DeviceId {
    #[inline(always)]
    fn since(self, _: Self) -> Option<u64> {
        None
    }
}

/// Which id is whose. It takes 20 bytes for each, and at most 12 more for a number or 16 for a UUID.
#[derive(Debug, Clone)]
pub struct IdMap<K> {
    known: Known<K>,
    key: u64,
    /// By hash, each with the place of its answer.
    wanted: Vec<Wanted>,
    /// What would be left of each of those.
    traces: Vec<Trace>,
}

/// Why there is no map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdMapError {
    /// One id is two people's.
    #[error("an id is given for two subjects: each id is one subject's")]
    Twice,
    /// There are more than places.
    #[error("more than 2147483648 ids: split them among several maps")]
    Full,
}

impl<K: Id> IdMap<K> {
    /// Of ids and whose they are, in any order. Several may be one subject's. It is of use with `answers`, and with others under the same
    /// key: a server makes a new one for each replica that it sends.
    ///
    /// # Errors
    /// [`IdMapError`].
    pub fn new<A: Answers>(answers: &A, pairs: impl IntoIterator<Item = (K, Subject)>) -> Result<Self, IdMapError> {
        let (key, site) = answers.see(|follower| (follower.key().clone(), follower.site().clone()));
        let mut wanted = Vec::new();
        for (id, subject) in pairs {
            let one = Wanted::new(&key, &subject, 0).ok_or(IdMapError::Full)?;
            wanted.push((id, one, Trace::new(&site, &subject)));
        }
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.iter().zip(wanted.iter().skip(1)).any(|((one, ..), (next, ..))| one == next) {
            return Err(IdMapError::Twice);
        }
        if wanted.len() > WANTED_PLACES_MAX {
            return Err(IdMapError::Full);
        }
        let known = Known::new(wanted.iter().map(|(id, ..)| *id).collect());
        let placed = wanted.into_iter().filter_map(|(id, one, trace)| Some((one.at(known.place(id)?)?, trace)));
        let mut wanted: Vec<(Wanted, Trace)> = placed.collect();
        wanted.sort_unstable();
        let (wanted, traces) = wanted.into_iter().unzip();
        Ok(Self { known, key: key.id(), wanted, traces })
    }

    /// How many ids there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.wanted.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Asks about all of them.
    ///
    /// # Errors
    /// Where nobody can be answered about, also because the replica is under another key by now: make the map anew. What else cannot be
    /// answered is said of each id.
    pub fn ask<A: Answers>(&self, answers: &A, filter: &mut Filter<A::Question>) -> Result<Asked<'_, K>, A::Error> {
        // Before anybody is asked about: who changes meanwhile is asked about once more.
        let (mark, when) = filter.ask(answers, |follower, _, when| {
            self.check_key(follower)?;
            Ok((follower.mark(), when))
        })?;
        let mut asked = Asked {
            map: self,
            said: vec![Said::from(Err(Unanswered::NotHeld)); self.len()],
            allowed: vec![0; self.known.places().div_ceil(64)],
            mark: Some(mark),
            when,
        };
        asked.tell(answers, filter, (&self.wanted, &self.traces))?;
        Ok(asked)
    }

    fn check_key<B: AsRef<[u8]>>(&self, follower: &Follower<B>) -> Result<(), Unanswered> {
        if follower.key().id() == self.key { Ok(()) } else { Err(Unanswered::OtherPolicies) }
    }

    /// Those of whom one of these is the hash, or would be left.
    fn those(&self, hashes: &[u64], erased: &HashSet<Trace>) -> (Vec<Wanted>, Vec<Trace>) {
        let of_hash = |hash: &u64| {
            let from = self.wanted.partition_point(|one| one.hash() < *hash);
            let until = from + self.wanted.iter().skip(from).take_while(|one| one.hash() == *hash).count();
            from..until
        };
        let mut places: Vec<usize> = hashes.iter().flat_map(of_hash).collect();
        if !erased.is_empty() {
            let traced = self.traces.iter().enumerate().filter(|(_, trace)| erased.contains(trace));
            places.extend(traced.map(|(place, _)| place));
        }
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|place| Some((*self.wanted.get(place)?, *self.traces.get(place)?))).unzip()
    }
}

/// What was said of everybody in an [`IdMap`], at one time.
#[derive(Debug, Clone)]
pub struct Asked<'a, K> {
    map: &'a IdMap<K>,
    said: Vec<Said>,
    allowed: Vec<u64>,
    /// None where it has to be asked anew.
    mark: Option<Mark>,
    when: When,
}

impl<K: Id> Asked<'_, K> {
    /// When it was asked about; what has run out since is not known here.
    #[must_use]
    pub const fn when(&self) -> When {
        self.when
    }

    /// Takes into account who has changed since: they alone are asked about, unless the filter is for another time, or the replica another.
    ///
    /// # Errors
    /// Where nobody can be answered about; then nothing is allowed any more until this is done again.
    pub fn keep_up<A: Answers>(&mut self, answers: &A, filter: &mut Filter<A::Question>) -> Result<(), A::Error> {
        let outcome = self.follow(answers, filter);
        if let Err(error) = &outcome {
            // What may have been withdrawn is not answered from what was said before.
            self.said.fill(Said::from(Err(A::why(error))));
            self.allowed.fill(0);
            self.mark = None;
        }
        outcome
    }

    fn follow<A: Answers>(&mut self, answers: &A, filter: &mut Filter<A::Question>) -> Result<(), A::Error> {
        let map = self.map;
        let before = self.mark.filter(|_| filter.is_still::<A>(self.when));
        let changed = filter.ask(answers, |follower, _, _| {
            map.check_key(follower)?;
            let changed = before.and_then(|before| follower.changed_since(&before));
            let copied = changed.map(|changed| (changed.hashes.to_vec(), changed.erased.iter().copied().collect()));
            Ok(copied.map(|(hashes, erased): (Vec<u64>, HashSet<Trace>)| (hashes, erased, follower.mark())))
        })?;
        let Some((hashes, erased, mark)) = changed else {
            *self = map.ask(answers, filter)?;
            return Ok(());
        };
        let (wanted, traces) = map.those(&hashes, &erased);
        if !wanted.is_empty() {
            self.tell(answers, filter, (&wanted, &traces))?;
        }
        self.mark = Some(mark);
        Ok(())
    }

    fn tell<A: Answers>(
        &mut self,
        answers: &A,
        filter: &mut Filter<A::Question>,
        those: (&[Wanted], &[Trace]),
    ) -> Result<(), A::Error> {
        let Self { map, said, allowed, .. } = self;
        filter.tell(answers, map.key, those, |place, what| {
            if let Some(said) = map.known.rank(place).and_then(|rank| said.get_mut(rank)) {
                *said = what;
            }
            bits::write_word(allowed, place, what.allows());
        })
    }

    /// For which of these it may be done, in their order: a bit for each, as in [`Filtered::bits`]. It is quickest where they ascend.
    /// Whoever is not in the map is not allowed.
    #[must_use]
    pub fn allowed<Q: Clone + Send>(&self, ids: &[K], filter: &Filter<Q>) -> Vec<u8> {
        let mut bits = vec![0; bytes_for(ids.len())];
        let each = ids.len().div_ceil(filter.threads()).max(THREAD_IDS_MIN).next_multiple_of(8);
        let parts = ids.chunks(each).zip(bits.chunks_mut(each / 8));
        let written = in_threads(parts, |(ids, bits)| {
            self.map.known.write_allowed(ids, &self.allowed, bits);
            Ok::<(), Unanswered>(())
        });
        debug_assert!(written.is_ok(), "nothing fails");
        bits
    }

    /// The same, with how many for which reason.
    #[must_use]
    pub fn filter<Q: Clone + Send>(&self, ids: &[K], filter: &Filter<Q>) -> Filtered {
        let (mut counts, mut unanswered) = (Counts::default(), Vec::new());
        let known = &self.map.known;
        for (place, id) in ids.iter().enumerate() {
            let rank = known.place(*id).and_then(|place| known.rank(place));
            match rank.and_then(|rank| self.said.get(rank)) {
                Some(said) => {
                    counts.add(*said, place);
                    unanswered.extend(said.unanswered().map(|why| (place, why)));
                }
                None => counts.add_unlisted(1),
            }
        }
        Filtered { bits: self.allowed(ids, filter), counts, unanswered }
    }

    /// How many for which reason, of all in the map.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (rank, said) in self.said.iter().enumerate() {
            counts.add(*said, rank);
        }
        counts
    }
}

impl Asked<'_, u64> {
    /// Of a bitmap of ids those of whom the answer is yes: bit `n` of it, the lowest of each word first, is the id `first + n`.
    #[must_use]
    pub fn allowed_of_bitmap(&self, first: u64, bitmap: &[u64]) -> Vec<u64> {
        let within = |place: u64| i128::from(first) + i128::from(place);
        match &self.map.known {
            Known::Dense { lowest, .. } => {
                let start = i128::from(first) - i128::from(*lowest);
                let starts = (0..).map(|number: i128| start + number * 64);
                bitmap.iter().zip(starts).map(|(word, start)| word & bits::window(&self.allowed, start)).collect()
            }
            Known::Sparse(_) => {
                let is_allowed = |place: u64| {
                    let rank = u64::try_from(within(place)).ok().and_then(|id| self.map.known.place(id));
                    rank.is_some_and(|place| bits::of_words(&self.allowed, place as u64) == 1)
                };
                let of_word = |(number, word): (u64, &u64)| {
                    (0..64)
                        .filter(|bit| word >> bit & 1 != 0 && is_allowed(number * 64 + bit))
                        .fold(0, |word, bit| word | 1 << bit)
                };
                (0..).zip(bitmap).map(of_word).collect()
            }
        }
    }
}
