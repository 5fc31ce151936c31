//! Puts a list into the order in which a snapshot has its subjects: into parts, as finely as it takes for a part to stay in a cache.

use consentry_core::Subject;
use consentry_core::packed::{PackKey, Wanted};

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
    /// The list in parts, with the place of each in the list.
    pub(super) fn of<S: Copy + Into<Subject>>(
        &mut self,
        key: &PackKey,
        ids: &[S],
        subjects: usize,
    ) -> impl Iterator<Item = &[Wanted]> {
        let Self { listed, ordered, ends } = self;
        let parts = (subjects / SUBJECTS_A_PART).min(ids.len() / WANTED_A_PART).max(1);
        let bits = parts.ilog2().min(PART_BITS_MAX);
        ends.clear();
        ends.resize(1 << bits, 0);
        listed.clear();
        listed.extend(ids.iter().enumerate().filter_map(|(place, id)| {
            let one = Wanted::new(key, &(*id).into(), place)?;
            if let Some(count) = ends.get_mut(one.part(bits)) {
                *count += 1;
            }
            Some(one)
        }));
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
        let ordered = &*ordered;
        let mut start = 0;
        ends.iter().map(move |end| ordered.get(core::mem::replace(&mut start, *end)..*end).unwrap_or_default())
    }
}
