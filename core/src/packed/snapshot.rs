//! Reads a snapshot as it lies in memory, or in a file that is mapped there.

use super::Unanswered;
use super::blocks::Blocks;
use super::dictionary::{NOT_HELD, Source, State};
use super::entry::{ELSEWHERE, ENTRY_BYTES, Entry, OWN_BITS, Times, compare, own_bits};
use super::header::{Header, Origin, SnapshotError};
use super::index::{Spot, group_of, likely, range_of};
use super::key::PackKey;
use super::varint::Reader;
use crate::id::{PolicyHash, Subject};
use crate::time::Time;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::ops::Range;
use core::sync::atomic::{self, AtomicU64};

/// Bytes that a text's length takes at most.
const LENGTH_BYTES_MAX: usize = 5;

/// What a look near the likeliest place tells.
pub(super) enum Near {
    /// The entry.
    Found(Entry),
    /// Those on either side are there, and nobody between them.
    Nobody,
    /// Nothing: it must be looked for.
    Unknown,
}

/// So many entries are looked at at once where they are at hand.
const NEAR: usize = 5;

/// Gives each snapshot that is opened a number of its own, so that nobody takes one's answers for another's.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// A number that nothing else here has.
pub(super) fn next_number() -> u64 {
    OPENED.fetch_add(1, atomic::Ordering::Relaxed) + 1
}

/// A snapshot, ready to be asked: the packed subjects of one site. See [`super::Builder`] for how it is made.
///
/// The bytes may be a file that is mapped into memory, and must not be changed while this is there.
pub struct Packed<B> {
    blocks: Blocks<B>,
    header: Header,
    key: PackKey,
    number: u64,
}

impl<B: AsRef<[u8]>> Packed<B> {
    /// Opens a snapshot. Its first block is read and checked, and no other: each of those is checked when it is first needed. That is as
    /// quick for ten million subjects as for ten.
    ///
    /// # Errors
    /// [`SnapshotError`], which says what to do.
    pub fn open(bytes: B, key: &PackKey) -> Result<Self, SnapshotError> {
        let (header, tag) = Header::read(bytes.as_ref(), key)?;
        Ok(Self { blocks: Blocks::new(bytes, key.clone(), tag), header, key: key.clone(), number: next_number() })
    }

    /// Checks all of it, which reads every page: some 0.1 s for ten million subjects. Nobody needs to, since nothing is answered from
    /// what was not checked; but whoever fetched a snapshot learns at once whether it is whole.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`].
    pub fn verify(&self) -> Result<(), SnapshotError> {
        (1..self.header.blocks).try_for_each(|block| self.blocks.check(block)).map_err(|_| SnapshotError::Damaged)
    }

    /// What it stands for.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.header.origin
    }

    /// The newest policy when it was made. Under another it answers nothing: what of a device's words is its own may be told anew then.
    #[must_use]
    pub const fn policy(&self) -> PolicyHash {
        self.header.policy
    }

    /// How many subjects are in it.
    #[must_use]
    pub const fn subjects(&self) -> usize {
        self.header.entries.items
    }

    /// How many different states they are in, or have been.
    #[must_use]
    pub const fn states(&self) -> usize {
        self.header.states.items
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) const fn base(&self) -> Time {
        self.header.base
    }

    pub(super) const fn key(&self) -> &PackKey {
        &self.key
    }

    #[inline(always)]
    pub(super) fn hash(&self, subject: &Subject) -> u64 {
        self.key.hash(subject)
    }

    /// Where in the list of entries somebody with that hash would be, and the likeliest place of these; `None` for nobody.
    #[inline(always)]
    pub(super) fn spot(&self, hash: u64) -> Result<Option<Spot>, Unanswered> {
        let bits = self.header.group_bits;
        Ok(likely(self.blocks.item(&self.header.index, group_of(hash, bits))?, hash, bits))
    }

    /// Has the place in the index brought into the cache that [`Packed::spot`] reads.
    #[inline]
    pub(super) fn touch_index(&self, hash: u64) -> u8 {
        self.blocks.touch(self.header.index.at(group_of(hash, self.header.group_bits)))
    }

    /// Where an entry begins among all bytes.
    #[inline]
    pub(super) const fn entry_at(&self, entry: usize) -> usize {
        self.header.entries.at(entry)
    }

    /// Has the entry that begins there and those near it brought into the cache.
    #[inline]
    pub(super) fn touch_around(&self, at: usize) -> u8 {
        const AROUND: usize = 2 * ENTRY_BYTES;
        self.blocks.touch(at.saturating_sub(AROUND))
            ^ self.blocks.touch(at)
            ^ self.blocks.touch(at + AROUND + ENTRY_BYTES - 1)
    }

    /// Has the line that a byte is in brought into the cache.
    #[inline]
    pub(super) fn touch_at(&self, at: usize) -> u8 {
        self.blocks.touch(at)
    }

    /// The entry with that hash; `None` for somebody nobody has heard of.
    #[inline]
    pub(super) fn find(&self, hash: u64) -> Result<Option<Entry>, Unanswered> {
        match self.spot(hash)? {
            Some(spot) => self.find_from(hash, spot.range(), spot.likely()),
            None => Ok(None),
        }
    }

    /// The entry with that hash, if it is near its likeliest place, or that there is none. All that are near are looked at at once, which reads
    /// more of them than [`Packed::find`] does, but leaves nothing to foresee.
    #[inline(always)]
    pub(super) fn find_near(&self, hash: u64) -> Near {
        match self.spot(hash) {
            Ok(Some(spot)) => self.find_near_spot(hash, spot),
            Ok(None) | Err(_) => Near::Unknown,
        }
    }

    /// The same, where it would be being known.
    #[inline(always)]
    pub(super) fn find_near_spot(&self, hash: u64, spot: Spot) -> Near {
        self.look_near(hash, spot).unwrap_or(Near::Unknown)
    }

    #[inline(always)]
    fn look_near(&self, hash: u64, spot: Spot) -> Option<Near> {
        let (range, likely) = (spot.range(), spot.likely());
        let (entries, place) = self.blocks.around(&self.header.entries, likely).ok()?;
        let from = place.saturating_sub(NEAR / 2).min(entries.len().saturating_sub(NEAR));
        let near = entries.get(from..)?.first_chunk::<NEAR>()?;
        // In another group the same bits are another hash.
        let first = likely - place + from;
        if first < range.start || range.end < first + NEAR {
            return None;
        }
        // Bits instead of branches, which could not be foreseen.
        let (mut hits, mut below) = (0_u32, 0);
        for (number, bytes) in near.iter().enumerate() {
            let order = compare(bytes, hash);
            hits |= u32::from(order == Ordering::Equal) << number;
            below += usize::from(order == Ordering::Less);
        }
        let Some(bytes) = near.get(hits.trailing_zeros() as usize) else {
            return (0 < below && below < NEAR).then_some(Near::Nobody);
        };
        let entry = Entry::from_bytes(bytes, self.header.base);
        (entry.state != NOT_HELD).then_some(Near::Found(entry))
    }

    #[inline(always)]
    pub(super) fn find_from(&self, hash: u64, range: Range<usize>, likely: usize) -> Result<Option<Entry>, Unanswered> {
        let wanted = hash << (64 - OWN_BITS) >> (64 - OWN_BITS);
        let (entries, place) = self.blocks.around(&self.header.entries, likely)?;
        let first = likely - place;
        // As far as the group goes within this block, which is mostly all of it.
        let (low, high) = (range.start.saturating_sub(first), (range.end - first).min(entries.len()));
        let entries = entries.get(low..high).ok_or(Unanswered::Damaged)?;
        let mut at = place - low;
        let entry_at = |at: usize| entries.get(at).ok_or(Unanswered::Damaged);
        let mut bytes = entry_at(at)?;
        let mut own = own_bits(bytes);
        while own < wanted && at + 1 < entries.len() {
            at += 1;
            bytes = entry_at(at)?;
            own = own_bits(bytes);
        }
        while own > wanted && at > 0 {
            at -= 1;
            bytes = entry_at(at)?;
            own = own_bits(bytes);
        }
        if own != wanted {
            let (is_before, is_after) =
                (own > wanted && first + low > range.start, own < wanted && first + high < range.end);
            return if is_before {
                self.find_from(hash, range.start..first + low, first + low - 1)
            } else if is_after {
                self.find_from(hash, first + high..range.end, first + high)
            } else {
                Ok(None)
            };
        }
        let entry = Entry::from_bytes(bytes, self.header.base);
        if entry.state == NOT_HELD { Err(Unanswered::NotHeld) } else { Ok(Some(entry)) }
    }

    /// One of a subject's times.
    #[inline(always)]
    pub(super) fn time(&self, times: &Times, rank: u16) -> Result<Time, Unanswered> {
        match (times, rank) {
            (Times::Here(first, _), 0) => Ok(*first),
            (Times::Here(_, second), 1) => Ok(*second),
            (Times::Here(..), _) => Err(Unanswered::Damaged),
            (Times::From(place), rank) => self.time_at(place.saturating_add(usize::from(rank))),
        }
    }

    pub(super) fn time_at(&self, place: usize) -> Result<Time, Unanswered> {
        Ok(Time::from_ms(u64::from_le_bytes(*self.blocks.item(&self.header.times, place)?)))
    }

    /// Every entry with its hash, in the order of the hashes.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<(u64, Entry), Unanswered>> {
        let bits = self.header.group_bits;
        (0..1_usize << bits).flat_map(move |group| {
            let range = match self.blocks.item(&self.header.index, group) {
                Ok(bytes) => range_of(bytes),
                // One that says what is wrong.
                Err(_) => self.header.entries.items..self.header.entries.items + 1,
            };
            range.map(move |number| {
                let bytes = self.blocks.item(&self.header.entries, number)?;
                // The group that it is in gives the rest of its hash.
                let first = u64::try_from(group).unwrap_or_default() << (64 - bits);
                Ok((first | own_bits(bytes), Entry::from_bytes(bytes, self.header.base)))
            })
        })
    }
}

impl<B: AsRef<[u8]>> Source for Packed<B> {
    fn state(&self, number: u32) -> Result<State, Unanswered> {
        Ok(State::from_bytes(*self.blocks.item(&self.header.states, number as usize)?))
    }

    fn text(&self, place: u32) -> Result<Vec<u8>, Unanswered> {
        let byte = |at: usize| self.blocks.item(&self.header.texts, at).map(|[byte]| *byte);
        let start = place as usize;
        let left = self.header.texts.items.saturating_sub(start).min(LENGTH_BYTES_MAX);
        let head = (start..start + left).map(byte).collect::<Result<Vec<u8>, Unanswered>>()?;
        let mut reader = Reader::new(&head);
        let length: usize = reader.number().ok_or(Unanswered::Damaged)?;
        let start = start + head.len() - reader.left();
        if length > self.header.texts.items.saturating_sub(start) {
            return Err(Unanswered::Damaged);
        }
        (start..start + length).map(byte).collect()
    }
}

impl<B> fmt::Debug for Packed<B> {
    /// What it is of, and not what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packed").field("origin", &self.header.origin).finish_non_exhaustive()
    }
}

/// Whether a time fits where entries keep theirs.
pub(super) fn fits(time: Time, base: Time) -> bool {
    time.as_ms().checked_sub(base.as_ms()).is_some_and(|since| since < ELSEWHERE)
}
