//! Which ids there are in a list that was sorted once, and the place of each.
//!
//! Ids that were counted up lie close together: then each is a bit, at the place that the id itself names. Others are kept as they are, and
//! a sorted list of questions is gone through along with them.

use super::bits;
use super::id_map::Id;
use consentry_core::packed::WANTED_PLACES_MAX;

/// Bits for each id, at most, for which all in between are worth a bit: as many as an id takes by itself.
const BITS_AN_ID_MAX: u64 = 64;

/// The ids, ascending, each once.
#[derive(Debug, Clone)]
pub(super) enum Known<K> {
    /// A bit for each id from the lowest on.
    Dense { lowest: K, words: Vec<u64>, ranks: Vec<u32> },
    /// The ids.
    Sparse(Vec<K>),
}

impl<K: Id> Known<K> {
    /// Of ids that ascend.
    pub(super) fn new(ids: Vec<K>) -> Self {
        let Some((lowest, span)) =
            ids.first().zip(ids.last()).and_then(|(first, last)| Some((*first, last.since(*first)?)))
        else {
            return Self::Sparse(ids);
        };
        if u64::try_from(ids.len()).is_ok_and(|count| span / BITS_AN_ID_MAX > count) {
            return Self::Sparse(ids);
        }
        let count = usize::try_from(span / 64 + 1).ok().filter(|count| *count <= WANTED_PLACES_MAX / 64);
        let Some(count) = count else { return Self::Sparse(ids) };
        let mut words = vec![0; count];
        for place in ids.iter().filter_map(|id| usize::try_from(id.since(lowest)?).ok()) {
            bits::write_word(&mut words, place, true);
        }
        let ranks = words.iter().scan(0, |rank, word: &u64| {
            let before = *rank;
            *rank += word.count_ones();
            Some(before)
        });
        let ranks = ranks.collect();
        Self::Dense { lowest, words, ranks }
    }

    /// How many places there are for answers: fewer than [`WANTED_PLACES_MAX`].
    pub(super) fn places(&self) -> usize {
        match self {
            Self::Dense { words, .. } => words.len() * 64,
            Self::Sparse(ids) => ids.len(),
        }
    }

    /// Where the answer about an id stands, if it is there.
    #[inline]
    pub(super) fn place(&self, id: K) -> Option<usize> {
        match self {
            Self::Dense { lowest, words, .. } => {
                let place = id.since(*lowest)?;
                (bits::of_words(words, place) == 1).then(|| usize::try_from(place).ok())?
            }
            Self::Sparse(ids) => ids.binary_search(&id).ok(),
        }
    }

    /// How many ids stand before that place.
    #[inline]
    pub(super) fn rank(&self, place: usize) -> Option<usize> {
        match self {
            Self::Dense { words, ranks, .. } => {
                let (word, rank) = (words.get(place / 64)?, ranks.get(place / 64)?);
                let below = word & ((1 << (place % 64)) - 1);
                Some((rank + below.count_ones()) as usize)
            }
            Self::Sparse(_) => Some(place),
        }
    }

    /// For each of some ids whether the answer is yes.
    pub(super) fn write_allowed(&self, ids: &[K], allowed: &[u64], bits: &mut [u8]) {
        match self {
            Self::Dense { lowest, .. } => {
                let (eights, rest) = ids.as_chunks::<8>();
                let bit = |id: &K| id.since(*lowest).map_or(0, |place| bits::of_words(allowed, place));
                let byte = |ids: &[K]| ids.iter().rev().fold(0, |byte, id| byte << 1 | bit(id));
                for (ids, to) in eights.iter().zip(&mut *bits) {
                    *to = byte(ids);
                }
                if let Some(last) = bits.get_mut(eights.len()) {
                    *last = byte(rest);
                }
            }
            Self::Sparse(known) => {
                let mut along = Along { known, at: 0 };
                for (ids, to) in ids.chunks(8).zip(bits) {
                    for (id, bit) in ids.iter().zip(0..) {
                        let place = along.place(*id);
                        *to |= place.map_or(0, |place| bits::of_words(allowed, place as u64)) << bit;
                    }
                }
            }
        }
    }
}

/// A place in the ids that goes along with those that are asked about.
struct Along<'a, K> {
    known: &'a [K],
    at: usize, // INVARIANT: all before it are below the id that was asked about last.
}

/// So many steps are taken one by one before they become longer.
const STEPS: usize = 4;

impl<K: Id> Along<'_, K> {
    #[inline(always)]
    fn place(&mut self, id: K) -> Option<usize> {
        for _ in 0..STEPS {
            match self.known.get(self.at) {
                Some(known) if *known < id => self.at += 1,
                Some(known) if *known == id => return Some(self.at),
                Some(_) | None => return self.behind(id),
            }
        }
        self.ahead(id)
    }

    /// The next one is above it: unless the list went back, it is not there.
    #[inline(always)]
    fn behind(&mut self, id: K) -> Option<usize> {
        let went_back =
            self.at.checked_sub(1).and_then(|before| self.known.get(before)).is_some_and(|before| *before >= id);
        if went_back { self.anywhere(id) } else { None }
    }

    /// Further on, in steps of twice the length each.
    #[cold]
    fn ahead(&mut self, id: K) -> Option<usize> {
        let (mut from, mut step) = (self.at, STEPS);
        while self.known.get(from + step).is_some_and(|known| *known < id) {
            from += step;
            step *= 2;
        }
        let within = self.known.get(from..(from + step + 1).min(self.known.len())).unwrap_or_default();
        self.at = from + within.partition_point(|known| *known < id);
        self.here(id)
    }

    #[cold]
    fn anywhere(&mut self, id: K) -> Option<usize> {
        self.at = self.known.partition_point(|known| *known < id);
        self.here(id)
    }

    fn here(&self, id: K) -> Option<usize> {
        self.known.get(self.at).is_some_and(|known| *known == id).then_some(self.at)
    }
}
