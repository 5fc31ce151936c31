//! What memory takes by itself: places that are read one after the other, each of which says where the next is.

use std::hint::black_box;
use std::time::Instant;

use fastrand::Rng;

/// How many places are visited in a round.
const STEPS: usize = 10_000;
/// How many circles are gone through at once where they do not wait for each other.
const AT_ONCE: usize = 16;
/// Bytes between two places: a line of the cache.
const LINE_BYTES: usize = 64;

/// Places of memory in one random circle.
pub(crate) struct Chase {
    next: Vec<[u32; LINE_BYTES / 4]>,
    at: [u32; AT_ONCE],
}

impl Chase {
    /// Over so many bytes.
    pub(crate) fn over(bytes: usize, rng: &mut Rng) -> Self {
        let count = bytes / LINE_BYTES;
        let mut order: Vec<u32> = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
        // One circle through all of them (Sattolo).
        for last in (1..order.len()).rev() {
            order.swap(last, rng.usize(..last));
        }
        let next = order.into_iter().map(|next| [next; LINE_BYTES / 4]).collect();
        let at = std::array::from_fn(|_| rng.u32(..u32::try_from(count).unwrap_or(u32::MAX)));
        Self { next, at }
    }

    /// ns for a step, each of which waits for the one before.
    pub(crate) fn run(&mut self) -> f64 {
        let [mut at, ..] = self.at;
        let start = Instant::now();
        for _ in 0..STEPS {
            at = self.next[at as usize][0];
        }
        let took = start.elapsed();
        self.at[0] = black_box(at);
        took.as_secs_f64() * 1e9 / STEPS as f64
    }

    /// ns for a step, if as many as can be are waited for at once.
    pub(crate) fn run_at_once(&mut self) -> f64 {
        let mut at = self.at;
        let start = Instant::now();
        for _ in 0..STEPS / AT_ONCE {
            for at in &mut at {
                *at = self.next[*at as usize][0];
            }
        }
        let took = start.elapsed();
        self.at = black_box(at);
        took.as_secs_f64() * 1e9 / (STEPS / AT_ONCE * AT_ONCE) as f64
    }
}
