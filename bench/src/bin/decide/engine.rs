//! What is asked of an engine, and the one loop that times it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::scenario::Pair;

/// Pairs for which an engine that wants a prepared request for each is given them at a time: few enough for them to be warm.
pub(crate) const PREPARED: usize = 1_024;

/// Something that answers questions.
pub(crate) trait Engine {
    fn name(&self) -> &'static str;

    /// Answers every pair into its place, and says how long that took: from the moment when all that its users would have
    /// prepared beforehand is ready.
    fn answer(&mut self, pairs: &[Pair], answers: &mut [bool]) -> Result<Duration>;
}

/// Times `decide` over the pairs. The answers are kept, so that what is timed is also what is checked.
///
/// One question does not wait for the answer to another, as on a server that has many to answer; a processor may overlap them.
pub(crate) fn timed(pairs: &[Pair], answers: &mut [bool], mut decide: impl FnMut(usize, Pair) -> bool) -> Duration {
    let start = Instant::now();
    for (n, (pair, answer)) in pairs.iter().zip(&mut *answers).enumerate() {
        // Without this a compiler could answer several at once, which is not what is asked here.
        *answer = decide(n, black_box(*pair));
    }
    let took = start.elapsed();
    black_box(answers);
    took
}
