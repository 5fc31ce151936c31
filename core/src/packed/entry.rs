//! Where one subject is kept: by a keyed hash, with the state of their past, and its times.

use crate::time::Time;
use core::cmp::Ordering;

/// Length of an entry in a snapshot, in bytes: seven of the hash, four of the state, twice five of time.
pub(super) const ENTRY_BYTES: usize = 21;
/// Bits of a hash that an entry holds itself. Its place in the index tells the first eight at least.
pub(super) const OWN_BITS: u32 = 56;
/// In place of a first time: the second is where the times are. Times are counted in so many milliseconds from the snapshot's base,
/// which are 34 years.
pub(super) const ELSEWHERE: u64 = (1 << 40) - 1;

/// One subject's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// At most two.
    Here(Time, Time),
    /// More, or too far apart: in a list of them, from there on.
    From(usize),
}

/// One subject, found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) state: u32,
    pub(super) times: Times,
}

impl Entry {
    /// As it lies in a snapshot. Times that are before `base`, or too long after it, must have been put elsewhere.
    pub(super) fn to_bytes(self, hash: u64, base: Time) -> [u8; ENTRY_BYTES] {
        let since = |time: Time| time.as_ms().saturating_sub(base.as_ms());
        let (first, second) = match self.times {
            Times::Here(first, second) => (since(first), since(second)),
            Times::From(place) => (ELSEWHERE, u64::try_from(place).unwrap_or(ELSEWHERE)),
        };
        let [h0, h1, h2, h3, h4, h5, h6, _] = hash.to_le_bytes();
        let [s0, s1, s2, s3] = self.state.to_le_bytes();
        let [a0, a1, a2, a3, a4, ..] = first.to_le_bytes();
        let [b0, b1, b2, b3, b4, ..] = second.to_le_bytes();
        [h0, h1, h2, h3, h4, h5, h6, s0, s1, s2, s3, a0, a1, a2, a3, a4, b0, b1, b2, b3, b4]
    }

    #[inline(always)]
    pub(super) fn from_bytes(bytes: &[u8; ENTRY_BYTES], base: Time) -> Self {
        // Read eight at a time, of which a part is meant: that is one access, where five bytes would be two.
        let [_, _, _, _, _, _, _, s0, s1, s2, s3, a0, a1, a2, a3, a4, b0, b1, b2, b3, b4] = *bytes;
        let first = u64::from_le_bytes([a0, a1, a2, a3, a4, b0, b1, b2]) & ELSEWHERE;
        let second = u64::from_le_bytes([a2, a3, a4, b0, b1, b2, b3, b4]) >> 24;
        let times = if first == ELSEWHERE {
            Times::From(second as usize)
        } else {
            let time = |since: u64| Time::from_ms(base.as_ms().saturating_add(since));
            Times::Here(time(first), time(second))
        };
        Self { state: u32::from_le_bytes([s0, s1, s2, s3]), times }
    }
}

/// The part of the hash that an entry holds.
#[inline(always)]
pub(super) const fn own_bits(bytes: &[u8; ENTRY_BYTES]) -> u64 {
    let [h0, h1, h2, h3, h4, h5, h6, s0, ..] = *bytes;
    u64::from_le_bytes([h0, h1, h2, h3, h4, h5, h6, s0]) << (64 - OWN_BITS) >> (64 - OWN_BITS)
}

/// How the part of a hash that an entry holds compares with another's.
#[inline(always)]
pub(super) fn compare(bytes: &[u8; ENTRY_BYTES], hash: u64) -> Ordering {
    // Eight bytes at once, of which seven are meant.
    let own = bytes.first_chunk().map_or(0, |own| u64::from_le_bytes(*own));
    (own << (64 - OWN_BITS)).cmp(&(hash << (64 - OWN_BITS)))
}
