//! Where in the list of entries a hash would be.
//!
//! Hashes are spread evenly, so the place is nearly known beforehand: some dozen off among the some hundred of a *group*, which are those
//! with the same first bits. A group's item in the index says where they begin, how many they are, and for each fifty-sixth of them how far
//! off one would be there: that leaves one or two. It is one line of a cache, and all of them fit into one.

use core::ops::Range;

/// Length of a group in the index, in bytes: a line of the cache.
pub(super) const GROUP_BYTES: usize = 64;
/// Parts of a group that have a correction.
const PARTS: usize = GROUP_BYTES - 8;
/// So many subjects, about, are in a group.
const SUBJECTS_A_GROUP: usize = 512;
/// So many bits of a hash, at least, say in which group it is: together with an entry's own that is the whole hash.
pub(super) const GROUP_BITS_MIN: u32 = 64 - super::entry::OWN_BITS;
/// And so many at most: the index would outgrow any cache.
pub(super) const GROUP_BITS_MAX: u32 = 24;

/// Bits of the hash that say in which group it is, for so many subjects.
pub(super) fn group_bits(subjects: usize) -> u32 {
    (subjects / SUBJECTS_A_GROUP).max(1).ilog2().clamp(GROUP_BITS_MIN, GROUP_BITS_MAX)
}

/// The group of a hash.
#[inline]
pub(super) const fn group_of(hash: u64, bits: u32) -> usize {
    (hash >> (64 - bits)) as usize
}

/// The entries of a group.
pub(super) fn range_of(group: &[u8; GROUP_BYTES]) -> Range<usize> {
    let (start, count) = start_and_count(group);
    start as usize..start.saturating_add(count) as usize
}

#[inline(always)]
const fn start_and_count(group: &[u8; GROUP_BYTES]) -> (u32, u32) {
    let [s0, s1, s2, s3, c0, c1, c2, c3, ..] = *group;
    (u32::from_le_bytes([s0, s1, s2, s3]), u32::from_le_bytes([c0, c1, c2, c3]))
}

/// Where somebody is, if anywhere: among the entries of their group, and which of them most likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    start: u32,
    end: u32,
    likely: u32,
}

impl Spot {
    /// The entries of the group.
    #[inline(always)]
    pub(super) const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The likeliest of them.
    #[inline(always)]
    pub(super) const fn likely(self) -> usize {
        self.likely as usize
    }
}

/// Where a hash would be; none if its group has no entries.
#[inline(always)]
pub(super) fn likely(group: &[u8; GROUP_BYTES], hash: u64, bits: u32) -> Option<Spot> {
    let (_, corrections) = group.split_first_chunk::<8>()?;
    let (start, count) = start_and_count(group);
    let last = count.checked_sub(1)?;
    let (guess, part) = guess(hash, bits, count);
    let correction = i32::from(corrections.get(part)?.cast_signed());
    let place = guess.saturating_add_signed(correction).min(last);
    Some(Spot { start, end: start.saturating_add(count), likely: start.saturating_add(place) })
}

/// Where a hash would be among so many, if they were spread as evenly as can be; and in which part of the group.
#[inline(always)]
const fn guess(hash: u64, bits: u32, count: u32) -> (u32, usize) {
    let within = hash << bits >> 32;
    (((within * count as u64) >> 32) as u32, ((within * PARTS as u64) >> 32) as usize)
}

/// A group in the making.
#[derive(Debug, Default)]
pub(super) struct Group {
    hashes: alloc::vec::Vec<u64>,
}

impl Group {
    pub(super) fn push(&mut self, hash: u64) {
        self.hashes.push(hash);
    }

    /// What the index says of the group that begins with that entry; then it is empty again.
    pub(super) fn finish(&mut self, start: u32, bits: u32) -> [u8; GROUP_BYTES] {
        let count = self.hashes.len() as u32;
        let mut off = [(0_i64, 0_i64); PARTS];
        for (place, hash) in self.hashes.iter().enumerate() {
            let (guess, part) = guess(*hash, bits, count);
            if let Some((sum, count)) = off.get_mut(part) {
                *sum += place as i64 - i64::from(guess);
                *count += 1;
            }
        }
        self.hashes.clear();
        let mut group = [0; GROUP_BYTES];
        let head = start.to_le_bytes().into_iter().chain(count.to_le_bytes());
        // Where nobody is, it is as where somebody was last. One that is too far off costs a longer search, and nothing else.
        let mut last = 0_i8;
        let corrections = off.into_iter().map(|(sum, count)| {
            if count > 0 {
                let mean = (2 * sum + count).div_euclid(2 * count).clamp(i64::from(i8::MIN), i64::from(i8::MAX));
                last = i8::try_from(mean).unwrap_or_default();
            }
            last.cast_unsigned()
        });
        for (byte, value) in group.iter_mut().zip(head.chain(corrections)) {
            *byte = value;
        }
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn every_hash_is_near_its_likely_place() {
        // As evenly as a hash is, and the same every time.
        let mut state = 1_u64;
        let mut hashes: Vec<u64> = (0..600)
            .map(|_| {
                state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
                state >> 8 | 3 << 56
            })
            .collect();
        hashes.sort_unstable();
        let mut group = Group::default();
        hashes.iter().for_each(|hash| group.push(*hash));
        let group = group.finish(1_000, 8);
        let mut off: Vec<usize> = Vec::new();
        for (place, hash) in (1_000_usize..).zip(&hashes) {
            let spot = likely(&group, *hash, 8).expect("not empty");
            assert_eq!(spot.range(), 1_000..1_600);
            assert!(spot.range().contains(&spot.likely()));
            off.push(place.abs_diff(spot.likely()));
        }
        let mean = off.iter().sum::<usize>() as f64 / 600.0;
        assert!(mean < 2.5 && off.iter().all(|off| *off < 16), "{mean}");
        assert_eq!(likely(&Group::default().finish(7, 8), 5, 8), None);
    }
}
