//! Ids of one's own: numbers that a site counts its people by, or devices in the order of their UUIDs.
//!
//! A ledger knows an account by a keyed hash of its id, which nobody can turn round. So whoever has the key says once which id is whose;
//! what is kept of that is a hash under the replica's own key, which tells nobody who it is. A question is then asked once about all of
//! them, and after that each id is a bit.

use super::bits::{self, bytes_for};
use super::counts::Counts;
use super::filter::{Filter, Filtered, in_threads};
use super::known::Known;
use consentry_core::packed::{Mark, PackKey, Replica, Said, Unanswered, WANTED_PLACES_MAX, Wanted, When};
use consentry_core::{DeviceId, Subject};

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

/// Which id is whose. It takes 12 bytes for each, and at most 12 more for a number or 16 for a UUID.
#[derive(Debug, Clone)]
pub struct IdMap<K> {
    known: Known<K>,
    key: u64,
    /// By hash, each with the place of its answer.
    wanted: Vec<Wanted>,
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
    /// Of ids and whose they are, in any order. Several may be one subject's. `key` is that of the replica ([`Replica::key`]).
    ///
    /// # Errors
    /// [`IdMapError`].
    pub fn new(key: &PackKey, pairs: impl IntoIterator<Item = (K, Subject)>) -> Result<Self, IdMapError> {
        let mut wanted = Vec::new();
        for (id, subject) in pairs {
            wanted.push((id, Wanted::new(key, &subject, 0).ok_or(IdMapError::Full)?));
        }
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.iter().zip(wanted.iter().skip(1)).any(|((one, _), (next, _))| one == next) {
            return Err(IdMapError::Twice);
        }
        if wanted.len() > WANTED_PLACES_MAX {
            return Err(IdMapError::Full);
        }
        let known = Known::new(wanted.iter().map(|(id, _)| *id).collect());
        let placed = wanted.into_iter().filter_map(|(id, one)| one.at(known.place(id)?));
        let mut wanted: Vec<Wanted> = placed.collect();
        wanted.sort_unstable();
        Ok(Self { known, key: key.id(), wanted })
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
    /// [`Unanswered::OtherPolicies`], also for a replica under another key; what else cannot be answered is said of each id.
    pub fn ask<B: AsRef<[u8]> + Sync>(
        &self,
        replica: &Replica<B>,
        filter: &mut Filter,
    ) -> Result<Asked<'_, K>, Unanswered> {
        if replica.key().id() != self.key {
            return Err(Unanswered::OtherPolicies);
        }
        let mut asked = Asked {
            map: self,
            said: vec![Said::from(Err(Unanswered::NotHeld)); self.len()],
            allowed: vec![0; self.known.places().div_ceil(64)],
            mark: replica.mark(),
            when: filter.when(),
        };
        asked.tell(replica, filter, &self.wanted)?;
        Ok(asked)
    }
}

/// What was said of everybody in an [`IdMap`], at one time.
#[derive(Debug, Clone)]
pub struct Asked<'a, K> {
    map: &'a IdMap<K>,
    said: Vec<Said>,
    allowed: Vec<u64>,
    mark: Mark,
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
    /// [`Unanswered::OtherPolicies`]; then nothing is allowed any more.
    pub fn keep_up<B: AsRef<[u8]> + Sync>(
        &mut self,
        replica: &Replica<B>,
        filter: &mut Filter,
    ) -> Result<(), Unanswered> {
        let map = self.map;
        let changed = if filter.when() == self.when { replica.changed_since(&self.mark) } else { None };
        let outcome = match changed {
            Some([]) => return Ok(()),
            Some(hashes) => {
                let wanted = hashes.iter().flat_map(|hash| {
                    let from = map.wanted.partition_point(|one| one.hash() < *hash);
                    map.wanted.iter().skip(from).take_while(|one| one.hash() == *hash)
                });
                let wanted: Vec<Wanted> = wanted.copied().collect();
                self.tell(replica, filter, &wanted)
            }
            None => map.ask(replica, filter).map(|anew| *self = anew),
        };
        match outcome {
            Ok(()) => self.mark = replica.mark(),
            // What may have been withdrawn is not answered from what was said before.
            Err(why) => {
                self.said.fill(Said::from(Err(why)));
                self.allowed.fill(0);
            }
        }
        outcome
    }

    fn tell<B: AsRef<[u8]> + Sync>(
        &mut self,
        replica: &Replica<B>,
        filter: &mut Filter,
        wanted: &[Wanted],
    ) -> Result<(), Unanswered> {
        let Self { map, said, allowed, .. } = self;
        filter.tell(replica, wanted, |place, what| {
            if let Some(said) = map.known.rank(place).and_then(|rank| said.get_mut(rank)) {
                *said = what;
            }
            bits::write_word(allowed, place, what.allows());
        })
    }

    /// For which of these it may be done, in their order: a bit for each, as in [`Filtered::bits`]. It is quickest where they ascend.
    /// Whoever is not in the map is not allowed.
    #[must_use]
    pub fn allowed(&self, ids: &[K], filter: &Filter) -> Vec<u8> {
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
    pub fn filter(&self, ids: &[K], filter: &Filter) -> Filtered {
        let mut counts = Counts::default();
        for (place, id) in ids.iter().enumerate() {
            match self
                .map
                .known
                .place(*id)
                .and_then(|place| self.map.known.rank(place))
                .and_then(|rank| self.said.get(rank))
            {
                Some(said) => counts.add(*said, place),
                None => counts.add_unlisted(),
            }
        }
        Filtered { bits: self.allowed(ids, filter), counts }
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
