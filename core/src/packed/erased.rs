//! Who was erased: names that tell nobody anything who does not know them already.

use crate::erasure::erased_name;
use crate::id::{HASH_BYTES, SiteId, Subject};
use crate::time::Time;
use alloc::collections::BTreeMap;

/// Length of a [`Trace`], in bytes.
const TRACE_BYTES: usize = 8;

/// The first 8 bytes of an [`erased_name`]: what a list that has forgotten its subjects keeps of each, to see who was erased.
///
/// That two have the same happens once in some 10^19 pairs; then both count as erased, which allows nobody more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Trace([u8; TRACE_BYTES]);

impl Trace {
    /// What would be left of the subject.
    #[must_use]
    pub fn new(site: &SiteId, subject: &Subject) -> Self {
        Self::of(&erased_name(site, subject))
    }

    pub(super) fn of(name: &[u8; HASH_BYTES]) -> Self {
        let mut trace = [0; TRACE_BYTES];
        trace.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
        Self(trace)
    }
}

/// Names of the erased, each with since when nothing is left. In their order, so that they are found by how they begin as well.
#[derive(Debug, Default)]
pub(super) struct Erased(BTreeMap<[u8; HASH_BYTES], Time>);

impl Erased {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn insert(&mut self, name: [u8; HASH_BYTES], at: Time) {
        self.0.insert(name, at);
    }

    pub(super) fn remove(&mut self, name: &[u8; HASH_BYTES]) {
        self.0.remove(name);
    }

    /// Since when nothing is left of whoever has that name.
    pub(super) fn at(&self, name: &[u8; HASH_BYTES]) -> Option<Time> {
        self.0.get(name).copied()
    }

    /// Since when nothing is left of whoever has a name that begins so.
    pub(super) fn traced(&self, trace: Trace) -> Option<Time> {
        let mut from = [0; HASH_BYTES];
        from.iter_mut().zip(trace.0).for_each(|(to, byte)| *to = byte);
        let (name, at) = self.0.range(from..).next()?;
        (Trace::of(name) == trace).then_some(*at)
    }
}

impl FromIterator<([u8; HASH_BYTES], Time)> for Erased {
    fn from_iter<I: IntoIterator<Item = ([u8; HASH_BYTES], Time)>>(erased: I) -> Self {
        Self(erased.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_how_it_begins_and_no_other() {
        let name = |first: u8, ninth: u8| {
            let mut name = [first; HASH_BYTES];
            name[8] = ninth;
            name
        };
        let at = Time::from_ms;
        let erased: Erased = [(name(1, 9), at(1)), (name(3, 0), at(3)), (name(3, 255), at(4))].into_iter().collect();
        let traced = |first| erased.traced(Trace::of(&name(first, 7)));
        assert_eq!([0, 1, 2, 3, 4].map(traced), [None, Some(at(1)), None, Some(at(3)), None]);
        assert_eq!((erased.at(&name(1, 9)), erased.at(&name(1, 7))), (Some(at(1)), None));
    }
}
