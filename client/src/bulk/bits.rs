//! Bitmaps: a bit for each of a list, the lowest of each byte first, as Arrow has them.

/// How many bytes so many bits take.
pub(super) const fn bytes_for(bits: usize) -> usize {
    bits.div_ceil(8)
}

/// Sets a bit, if it is to be set.
#[inline(always)]
pub(super) fn put(bytes: &mut [u8], place: usize, is_set: u8) {
    if let Some(byte) = bytes.get_mut(place / 8) {
        *byte |= is_set << (place % 8);
    }
}

/// Whether a bit is set; those beyond the end are not.
#[inline(always)]
pub(super) fn get(bytes: &[u8], place: usize) -> bool {
    bytes.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 != 0)
}

/// The places of all that are set, ascending.
pub(super) fn places(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte != 0)
        .flat_map(|(number, byte)| (0..8).filter(move |bit| byte >> bit & 1 != 0).map(move |bit| number * 8 + bit))
}

/// A bit among words of 64.
#[inline(always)]
pub(super) fn of_words(words: &[u64], place: u64) -> u8 {
    let word = usize::try_from(place / 64).ok().and_then(|word| words.get(word)).copied().unwrap_or_default();
    (word >> (place % 64)) as u8 & 1
}

/// Sets a bit among words of 64, or clears it.
pub(super) fn write_word(words: &mut [u64], place: usize, is_set: bool) {
    if let Some(word) = words.get_mut(place / 64) {
        let bit = 1 << (place % 64);
        *word = if is_set { *word | bit } else { *word & !bit };
    }
}

/// The 64 bits from `place` on, which may be before the first: what is beyond either end is not set.
pub(super) fn window(words: &[u64], place: i128) -> u64 {
    let at =
        |number: i128| usize::try_from(number).ok().and_then(|number| words.get(number)).copied().unwrap_or_default();
    let (number, shift) = (place.div_euclid(64), place.rem_euclid(64));
    let (low, high) = (at(number), at(number + 1));
    if shift == 0 { low } else { low >> shift | high << (64 - shift) }
}
