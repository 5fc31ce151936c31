//! What a list is: subjects in places, wherever they lie.

use consentry_core::Subject;
use std::ops::Range;

/// Subjects in places: a slice of devices, accounts or subjects, or a column of another library's that is read where it lies.
///
/// It is read by several threads at once, each in its own part, and says the same of a place whenever it is asked.
pub trait List: Sync {
    /// How many places there are.
    fn len(&self) -> usize;

    /// Who is at that place; nobody, who is not allowed, and counted as [unlisted](super::Counts::unlisted).
    fn subject(&self, place: usize) -> Option<Subject>;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Hands over who is at each of these places, in their order.
    fn each(&self, places: Range<usize>, mut hand_over: impl FnMut(Option<Subject>)) {
        places.for_each(|place| hand_over(self.subject(place)));
    }
}

impl<S: Copy + Into<Subject> + Sync> List for [S] {
    fn len(&self) -> usize {
        self.len()
    }

    #[inline]
    fn subject(&self, place: usize) -> Option<Subject> {
        self.get(place).map(|id| (*id).into())
    }

    #[inline]
    fn each(&self, places: Range<usize>, mut hand_over: impl FnMut(Option<Subject>)) {
        self.get(places).unwrap_or_default().iter().for_each(|id| hand_over(Some((*id).into())));
    }
}

impl<S: Copy + Into<Subject> + Sync> List for Vec<S> {
    fn len(&self) -> usize {
        self.len()
    }

    #[inline]
    fn subject(&self, place: usize) -> Option<Subject> {
        self.as_slice().subject(place)
    }

    #[inline]
    fn each(&self, places: Range<usize>, hand_over: impl FnMut(Option<Subject>)) {
        self.as_slice().each(places, hand_over);
    }
}
