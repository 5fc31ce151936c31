//! Puts a list into the order in which a snapshot has its subjects: into parts, as finely as it takes for a part to stay in a cache.

use super::list::List;
use consentry_core::packed::{PackKey, Wanted};
use std::ops::Range;
use std::slice;

/// Subjects of the snapshot in a part, about: their entries take 170 KB, which a core's own cache holds beside all else.
/// Tests have few people, and want several parts.
const SUBJECTS_A_PART: usize = if cfg!(test) { 64 } else { 1 << 13 };
/// Parts at most, as a power of two: each has a place where it is being written, and a core follows only so many.
const PART_BITS_MAX: u32 = 11;
/// And so many of a list in a part, at least: fewer are not worth their own part.
const WANTED_A_PART: usize = if cfg!(test) { 8 } else { 64 };

/// What is needed while a list is put in order. Kept, since memory that is new costs as much again as what is done with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    listed: Vec<Wanted>,
    ordered: Vec<Wanted>,
    ends: Vec<usize>,
}

impl Order {
    /// Some places of a list in parts, each with how far it is from the first of those places.
    pub(super) fn of<L: List + ?Sized>(
        &mut self,
        key: &PackKey,
        subjects: usize,
        (list, places): (&L, Range<usize>),
    ) -> Ordered<'_> {
        let Self { listed, ordered, ends } = self;
        let parts = (subjects / SUBJECTS_A_PART).min(places.len() / WANTED_A_PART).max(1);
        let bits = parts.ilog2().min(PART_BITS_MAX);
        ends.clear();
        ends.resize(1 << bits, 0);
        listed.clear();
        listed.reserve(places.len());
        let mut place = 0;
        list.each(places.clone(), |subject| {
            if let Some(one) = subject.and_then(|subject| Wanted::new(key, &subject, place)) {
                if let Some(count) = ends.get_mut(one.part(bits)) {
                    *count += 1;
                }
                listed.push(one);
            }
            place += 1;
        });
        // How many there are becomes where they begin, and that becomes where they end while each is put there.
        let mut start = 0;
        for count in &mut *ends {
            start += core::mem::replace(count, start);
        }
        ordered.resize(listed.len(), Wanted::default());
        for one in &*listed {
            if let Some(next) = ends.get_mut(one.part(bits)) {
                if let Some(slot) = ordered.get_mut(*next) {
                    *slot = *one;
                }
                *next += 1;
            }
        }
        Ordered { left: ordered, ends: ends.iter(), taken: 0, nobody: places.len() - listed.len() }
    }
}

/// A list in parts.
#[derive(Debug)]
pub(super) struct Ordered<'a> {
    left: &'a [Wanted],
    ends: slice::Iter<'a, usize>,
    taken: usize,
    /// In how many of the places nobody is.
    pub(super) nobody: usize,
}

impl<'a> Iterator for Ordered<'a> {
    type Item = &'a [Wanted];

    fn next(&mut self) -> Option<&'a [Wanted]> {
        let end = *self.ends.next()?;
        let (part, left) = self.left.split_at_checked(end - self.taken)?;
        (self.left, self.taken) = (left, end);
        Some(part)
    }
}
