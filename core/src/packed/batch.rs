//! The same question about many subjects at once, for a bitmap of those of whom the answer is yes.
//!
//! Memory is what takes long, and a processor waits for many places of it at once if it knows of them: so a batch is gone through in
//! steps, each for many subjects, and what the next step needs is asked for by the one before.

use super::Unanswered;
use super::prepared::{Kind, Prepared};
use super::replica::{Replica, outcome, outcome_as_of};
use super::snapshot::Near;
use super::wanted::When;
use crate::id::Subject;
use crate::time::Time;
use alloc::vec::Vec;
use core::hint::black_box;

/// So many subjects go through the steps together: enough to wait for at once, few enough to stay in the nearest cache.
const TOGETHER: usize = 128;

/// What is answered about a list of subjects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    /// A bit for each subject, in their order, the lowest of each byte first: set where it may be done.
    pub bits: Vec<u8>,
    /// The places of those who could not be answered about, and why. Their bits are not set.
    pub unanswered: Vec<(usize, Unanswered)>,
}

impl Allowed {
    /// Nothing is known of any of that many, and so nothing allowed.
    #[must_use]
    pub fn nothing(subjects: usize) -> Self {
        let unanswered = (0..subjects).map(|place| (place, Unanswered::NotHeld)).collect();
        Self { bits: alloc::vec![0; subjects.div_ceil(8)], unanswered }
    }

    /// Whether it may be done with the data of the subject at that place.
    #[must_use]
    pub fn is_allowed(&self, place: usize) -> bool {
        self.bits.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 != 0)
    }

    /// Says it of the subject at that place, whatever was said before.
    pub fn say(&mut self, place: usize, is_allowed: bool) {
        if let Some(byte) = self.bits.get_mut(place / 8) {
            let bit = 1 << (place % 8);
            *byte = if is_allowed { *byte | bit } else { *byte & !bit };
        }
        self.unanswered.retain(|(unanswered, _)| *unanswered != place);
    }
}

impl<B: AsRef<[u8]>> Replica<B> {
    /// For which of these subjects it may be done at `now`: what [`Replica::answer`] says of each.
    ///
    /// # Errors
    /// [`Unanswered::OtherPolicies`]; what else cannot be answered is said of each subject.
    pub fn allowed<S: Copy + Into<Subject>>(
        &self,
        prepared: &mut Prepared,
        subjects: &[S],
        now: Time,
    ) -> Result<Allowed, Unanswered> {
        self.allowed_when(prepared, subjects, When::Now(now))
    }

    /// For which of these subjects it might have been done at `then`, by what had been recorded by then: what
    /// [`Replica::answer_as_of`] says of each. That is how a data set of then is checked (R31).
    ///
    /// # Errors
    /// [`Unanswered::OtherPolicies`]; what else cannot be answered is said of each subject.
    pub fn allowed_as_of<S: Copy + Into<Subject>>(
        &self,
        prepared: &mut Prepared,
        subjects: &[S],
        then: Time,
    ) -> Result<Allowed, Unanswered> {
        self.allowed_when(prepared, subjects, When::AsOf(then))
    }

    #[inline]
    fn allowed_when<S: Copy + Into<Subject>>(
        &self,
        prepared: &mut Prepared,
        subjects: &[S],
        when: When,
    ) -> Result<Allowed, Unanswered> {
        self.bind(prepared)?;
        let mut allowed = Allowed { bits: Vec::with_capacity(subjects.len().div_ceil(8)), unanswered: Vec::new() };
        for (number, subjects) in subjects.chunks(TOGETHER).enumerate() {
            self.allowed_together(prepared, subjects, number * TOGETHER, when, &mut allowed);
        }
        Ok(allowed)
    }

    #[inline]
    fn allowed_together<S: Copy + Into<Subject>>(
        &self,
        prepared: &mut Prepared,
        subjects: &[S],
        first: usize,
        when: When,
        allowed: &mut Allowed,
    ) {
        let mut hashes = [0; TOGETHER];
        for (subject, hash) in subjects.iter().zip(&mut hashes) {
            *hash = self.packed.hash(&(*subject).into());
        }
        let mut touched = 0;
        for hash in hashes.iter().take(subjects.len()) {
            touched ^= self.packed.touch_index(*hash);
        }
        black_box(touched);
        let (mut spots, mut places) = ([None; TOGETHER], [0; TOGETHER]);
        for ((hash, spot), place) in hashes.iter().zip(&mut spots).zip(&mut places).take(subjects.len()) {
            *spot = self.packed.spot(*hash).unwrap_or_default();
            *place = spot.map_or(0, |spot| self.packed.entry_at(spot.likely()));
        }
        // Nothing else is done here, so that as many as can be are waited for at once.
        for place in places.iter().take(subjects.len()) {
            touched ^= self.packed.touch_around(*place);
        }
        black_box(touched);
        let (mut byte, mut bit) = (0, 1_u8);
        for (((subject, hash), spot), place) in subjects.iter().zip(hashes).zip(spots).zip(first..) {
            let subject = (*subject).into();
            let near = || spot.map_or(Near::Unknown, |spot| self.packed.find_near_spot(hash, spot));
            match self.at_a_glance(prepared, Kind::of(&subject), hash, when, near) {
                Some((brief, _)) => byte |= bit * u8::from(brief.said.allows()),
                None => match self.allows_at_length(prepared, &subject, hash, when) {
                    Ok(true) => byte |= bit,
                    Ok(false) => {}
                    Err(why) => allowed.unanswered.push((place, why)),
                },
            }
            bit = bit.rotate_left(1);
            if bit == 1 {
                allowed.bits.push(byte);
                byte = 0;
            }
        }
        if bit != 1 {
            allowed.bits.push(byte);
        }
    }
    #[inline(never)]
    fn allows_at_length(
        &self,
        prepared: &mut Prepared,
        subject: &Subject,
        hash: u64,
        when: When,
    ) -> Result<bool, Unanswered> {
        let found = self.find_hash(hash, subject)?;
        let outcome = match when {
            When::Now(now) => outcome(prepared, Kind::of(subject), found, now)?,
            When::AsOf(then) => outcome_as_of(prepared, Kind::of(subject), found, then)?,
        };
        Ok(outcome.allows())
    }
}
