//! Of how many it may be done or not, by reason.

use consentry_core::Reason;
use consentry_core::packed::{Said, Unanswered};
use std::collections::BTreeMap;
use std::fmt;

/// How many there are for each reason, and for each reason why there is no answer. Each has the place of somebody of whom it was said,
/// whom [`Filter::decision`](super::Filter::decision) explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    said: [(u64, usize); Said::COUNT],
    unlisted: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self { said: [(0, 0); Said::COUNT], unlisted: 0 }
    }
}

impl Counts {
    /// How many for each reason; reasons that nobody has are left out.
    #[must_use]
    pub fn by_reason(&self) -> BTreeMap<Reason, u64> {
        self.all().filter_map(|(said, count, _)| Some((said.reason().ok()?, count))).collect()
    }

    /// How many could not be answered about, and why not. They are not allowed.
    #[must_use]
    pub fn unanswered(&self) -> Vec<(Unanswered, u64)> {
        self.all().filter_map(|(said, count, _)| Some((said.reason().err()?, count))).collect()
    }

    /// How many ids nobody has said of whose they are ([`IdMap`](super::IdMap)), or in how many places nobody is. They are not allowed.
    #[must_use]
    pub const fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// The place of somebody of whom that was said.
    #[must_use]
    pub fn example(&self, reason: Reason) -> Option<usize> {
        self.all().find(|(said, ..)| said.reason() == Ok(reason)).map(|(.., place)| place)
    }

    /// Of how many it may be done.
    #[must_use]
    pub fn allowed(&self) -> u64 {
        self.all().filter(|(said, ..)| said.allows()).map(|(_, count, _)| count).sum()
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.unlisted + self.all().map(|(_, count, _)| count).sum::<u64>()
    }

    fn all(&self) -> impl Iterator<Item = (Said, u64, usize)> {
        let each = |said: Said| self.said.get(said.number()).map(|(count, place)| (said, *count, *place));
        Said::all().filter_map(each).filter(|(_, count, _)| *count > 0)
    }

    #[inline(always)]
    pub(super) fn add(&mut self, said: Said, place: usize) {
        if let Some((count, example)) = self.said.get_mut(said.number()) {
            if *count == 0 {
                *example = place;
            }
            *count += 1;
        }
    }

    pub(super) const fn add_unlisted(&mut self, count: u64) {
        self.unlisted += count;
    }

    /// With those of a list that begins at `first`.
    pub(super) fn join(&mut self, other: &Self, first: usize) {
        for ((count, example), (more, place)) in self.said.iter_mut().zip(&other.said) {
            if *count == 0 {
                *example = first + place;
            }
            *count += more;
        }
        self.unlisted += other.unlisted;
    }
}

impl fmt::Display for Counts {
    /// A line for each reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (said, count, _) in self.all() {
            let answer = if said.allows() { "allow" } else { "deny" };
            match said.reason() {
                Ok(reason) => writeln!(f, "{count} {answer}: {reason}")?,
                Err(why) => writeln!(f, "{count} {answer}: no answer, {why}")?,
            }
        }
        match self.unlisted {
            0 => Ok(()),
            count => writeln!(f, "{count} deny: nobody has said whose these ids are"),
        }
    }
}
