//! Long lists of subjects: gone through in the order in which a snapshot has them, and not in their own.
//!
//! A random question waits for memory twice. Where there are about as many questions as subjects, nearly every line of the entries is
//! needed anyhow; in their order they are read once, one after the other, which memory is quickest at. So whoever asks hashes the list,
//! puts it in the order of the hashes ([`Wanted::part`] is enough of an order), and asks about one part after the other.
//!
//! Deliberately absent: lists, bitmaps and threads, which are the caller's; a short list is asked about with [`Replica::allowed`]. Who
//! asks goes through a [`super::Follower`], which knows who was erased.

use super::Unanswered;
use super::entry::{Entry, Times};
use super::glance::{Brief, Glances};
use super::key::PackKey;
use super::prepared::{Kind, Prepared};
use super::replica::{Found, Held, Replica, outcome, outcome_as_of};
use super::snapshot::{Near, Packed};
use crate::answer::Reason;
use crate::id::Subject;
use crate::time::Time;
use core::hint::black_box;
use core::num::NonZeroU8;

/// Which of their states everybody is asked about in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The last, at that time: by all that was recorded.
    Now(Time),
    /// The one that was known then, at that time ([`crate::AsOf::Recorded`], R31).
    AsOf(Time),
}

/// Somebody in a list: the hash that they are found by, and their place.
///
/// It takes 12 bytes, tells nobody who it is, and is of use with snapshots under the same key alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    // Two halves, so that it needs no four bytes that are never used. In this order it is sorted by hash.
    high: u32,
    low: u32,
    /// Twice the place, and one more for an account.
    place: u32,
}

/// Places in a list that [`Wanted`] has room for.
pub const WANTED_PLACES_MAX: usize = 1 << 31;

impl Wanted {
    /// The subject at that place of a list; `None` from [`WANTED_PLACES_MAX`] on.
    #[inline]
    #[must_use]
    pub fn new(key: &PackKey, subject: &Subject, place: usize) -> Option<Self> {
        let place = u32::try_from(place).ok().filter(|place| (*place as usize) < WANTED_PLACES_MAX)?;
        let hash = key.hash(subject);
        let is_account = matches!(subject, Subject::Account(_));
        Some(Self { high: (hash >> 32) as u32, low: hash as u32, place: place << 1 | u32::from(is_account) })
    }

    /// Their place in the list.
    #[inline]
    #[must_use]
    pub const fn place(&self) -> usize {
        (self.place >> 1) as usize
    }

    /// Which of 2^`bits` parts they are in, for up to 32 bits. All of a part come before all of the next one, and parts are alike in size.
    #[inline]
    #[must_use]
    pub const fn part(&self, bits: u32) -> usize {
        (self.high as u64 >> (u32::BITS - bits)) as usize
    }

    /// The same subject at another place.
    #[inline]
    #[must_use]
    pub fn at(self, place: usize) -> Option<Self> {
        let place = u32::try_from(place).ok().filter(|place| (*place as usize) < WANTED_PLACES_MAX)?;
        Some(Self { place: place << 1 | self.place & 1, ..self })
    }

    /// The keyed hash that they are found by.
    #[inline]
    #[must_use]
    pub const fn hash(&self) -> u64 {
        (self.high as u64) << 32 | self.low as u64
    }

    #[inline]
    pub(super) const fn kind(&self) -> Kind {
        if self.place & 1 == 0 { Kind::Device } else { Kind::Account }
    }
}

/// What is said of somebody, in a byte: why it may or may not be done, or why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Said(NonZeroU8); // INVARIANT: bit 0: allows; above: one more than the place among `Reason::ALL`, or after those among `UNANSWERED`.

const UNANSWERED: [Unanswered; 3] = [Unanswered::Damaged, Unanswered::NotHeld, Unanswered::OtherPolicies];

impl Said {
    /// So many different ones there are at most; each has a number below this.
    pub const COUNT: usize = 2 * (1 + Reason::ALL.len() + UNANSWERED.len());

    /// Whether it may be done.
    #[inline]
    #[must_use]
    pub const fn allows(self) -> bool {
        self.0.get() & 1 != 0
    }

    /// Why there is no answer; none where there is one.
    #[inline]
    #[must_use]
    pub fn unanswered(self) -> Option<Unanswered> {
        if self.number() / 2 <= Reason::ALL.len() { None } else { self.reason().err() }
    }

    /// A number of its own, to count by.
    #[inline]
    #[must_use]
    pub const fn number(self) -> usize {
        self.0.get() as usize
    }

    #[inline]
    const fn numbered(place: u8, allows: bool) -> Self {
        // One more than a place is never zero.
        Self(NonZeroU8::MIN.saturating_add((place + 1) * 2 + allows as u8 - 1))
    }

    /// Every one that there can be.
    pub fn all() -> impl Iterator<Item = Self> {
        let reasons = Reason::ALL.iter().map(|reason| Self::from(Ok(*reason)));
        reasons.chain(UNANSWERED.into_iter().map(|why| Self::from(Err(why))))
    }

    /// Why.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn reason(self) -> Result<Reason, Unanswered> {
        let number = self.number() / 2 - 1;
        match Reason::ALL.get(number) {
            Some(reason) => Ok(*reason),
            None => Err(UNANSWERED.get(number - Reason::ALL.len()).copied().unwrap_or(Unanswered::Damaged)),
        }
    }
}

impl From<Result<Reason, Unanswered>> for Said {
    #[inline]
    fn from(answer: Result<Reason, Unanswered>) -> Self {
        match answer {
            Ok(reason) => Self::numbered(reason as u8, reason.allows()),
            Err(why) => Self::numbered(Reason::ALL.len() as u8 + why as u8, false),
        }
    }
}

/// How far a replica had come: what was asked of it then is still so of whoever has not changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    about: [u64; 2],
    kept: usize,
    erased: usize,
}

impl Mark {
    /// How many erasures had been heard of.
    pub(super) const fn erased(&self) -> usize {
        self.erased
    }
}

/// What is said of a device or an account of which nothing is known: the same of all but the erased, so that it is asked once.
struct Nobody<E> {
    said: [Option<Said>; 2],
    when: When,
    erased: E,
}

impl<E: Fn(&Prepared, usize, Kind) -> Option<Said>> Nobody<E> {
    #[inline(always)]
    fn said<B: AsRef<[u8]>>(&mut self, prepared: &mut Prepared, number: usize, kind: Kind) -> Said {
        match (self.erased)(prepared, number, kind) {
            Some(said) => said,
            None => self.usual::<B>(prepared, kind),
        }
    }

    #[inline(always)]
    fn usual<B: AsRef<[u8]>>(&mut self, prepared: &mut Prepared, kind: Kind) -> Said {
        let [device, account] = &mut self.said;
        let known = match kind {
            Kind::Device => device,
            Kind::Account => account,
        };
        *known.get_or_insert_with(|| {
            let (When::Now(time) | When::AsOf(time)) = self.when;
            let outcome = outcome::<B>(prepared, kind, None, time);
            prepared.said(outcome)
        })
    }
}

/// Lines of the cache that are read ahead for each who is wanted, at most: where they are further apart, most would be read in vain.
const LINES_EACH_MAX: usize = 8;
/// And so many bytes at most: what is read ahead has to be there still when it is its turn.
const AHEAD_BYTES_MAX: usize = 1 << 19;
/// So many are waited for at once where they are too far apart for that.
const TOGETHER: usize = 128;
/// Length of a line of the cache, in bytes.
const LINE_BYTES: usize = 64;

impl<B: AsRef<[u8]>> Replica<B> {
    /// The key under which subjects are found here.
    pub(super) const fn key(&self) -> &PackKey {
        self.packed.key()
    }

    /// How far it has come, with so many erasures heard of.
    pub(super) const fn mark(&self, erased: usize) -> Mark {
        Mark { about: [self.packed.number(), self.later.number], kept: self.later.kept(), erased }
    }

    /// The hashes ([`Wanted::hash`]) of all who have changed since then; `None` if it was another replica, or too long ago to tell.
    pub(super) fn changed_since(&self, mark: &Mark) -> Option<&[u64]> {
        let is_this = mark.about == self.mark(0).about;
        if is_this { self.later.kept_since(mark.kept) } else { None }
    }

    /// What is said of each of these, as [`Replica::answer`] or [`Replica::answer_as_of`] says it, in their order. Of those of whom nothing
    /// is known `erased` says what there is to say instead, if there is, by their place in `wanted`.
    ///
    /// # Errors
    /// [`Unanswered::OtherPolicies`]; what else cannot be answered is said of each.
    pub(super) fn tell(
        &self,
        prepared: &mut Prepared,
        wanted: &[Wanted],
        when: When,
        erased: impl Fn(&Prepared, usize, Kind) -> Option<Said>,
        mut told: impl FnMut(usize, Said),
    ) -> Result<(), Unanswered> {
        self.bind(prepared)?;
        let mut nobody = Nobody { said: [None; 2], when, erased };
        if self.packed.read_ahead(wanted) {
            self.tell_each(prepared, (0, wanted), &mut nobody, &mut told);
        } else {
            for (wanted, first) in wanted.chunks(TOGETHER).zip((0..).step_by(TOGETHER)) {
                self.packed.touch_all(wanted);
                self.tell_each(prepared, (first, wanted), &mut nobody, &mut told);
            }
        }
        Ok(())
    }

    /// The same of some that are at hand, the first of which has that number.
    #[inline(always)]
    fn tell_each<E: Fn(&Prepared, usize, Kind) -> Option<Said>>(
        &self,
        prepared: &mut Prepared,
        (first, wanted): (usize, &[Wanted]),
        nobody: &mut Nobody<E>,
        told: &mut impl FnMut(usize, Said),
    ) {
        // Two loops, so that neither asks each time which of them it is.
        match nobody.when {
            When::Now(now) => (first..).zip(wanted).for_each(|(number, one)| {
                let look = |glances: &Glances, state, times| glances.look(state, times, now);
                told(one.place(), self.tell_one(prepared, (number, one), nobody, now, look));
            }),
            When::AsOf(then) => (first..).zip(wanted).for_each(|(number, one)| {
                let look = |glances: &Glances, state, times| glances.look_as_of(state, times, one.kind(), then);
                told(one.place(), self.tell_one(prepared, (number, one), nobody, then, look));
            }),
        }
    }

    #[inline(always)]
    fn tell_one<E: Fn(&Prepared, usize, Kind) -> Option<Said>>(
        &self,
        prepared: &mut Prepared,
        (number, one): (usize, &Wanted),
        nobody: &mut Nobody<E>,
        time: Time,
        look: impl FnOnce(&Glances, u32, [Time; 2]) -> Option<(Brief, Time)>,
    ) -> Said {
        let hash = one.hash();
        let near = if self.later.may_hold(hash) { Near::Unknown } else { self.packed.find_near(hash) };
        let at_once = match near {
            Near::Found(Entry { state, times: Times::Here(first, second) }) => {
                prepared.at_a_glance(time, |glances| look(glances, state, [first, second])).map(|(brief, _)| brief.said)
            }
            Near::Nobody => Some(nobody.said::<B>(prepared, number, one.kind())),
            Near::Found(_) | Near::Unknown => None,
        };
        at_once.unwrap_or_else(|| self.said(prepared, (number, one), nobody))
    }

    #[inline(never)]
    fn said<E: Fn(&Prepared, usize, Kind) -> Option<Said>>(
        &self,
        prepared: &mut Prepared,
        (number, one): (usize, &Wanted),
        nobody: &mut Nobody<E>,
    ) -> Said {
        let outcome = match self.found(one) {
            Ok(None) => return nobody.said::<B>(prepared, number, one.kind()),
            Ok(found) => match nobody.when {
                When::Now(now) => outcome(prepared, one.kind(), found, now),
                When::AsOf(then) => outcome_as_of(prepared, one.kind(), found, then),
            },
            Err(why) => Err(why),
        };
        prepared.said(outcome)
    }

    fn found(&self, one: &Wanted) -> Result<Found<'_, B>, Unanswered> {
        let hash = one.hash();
        if let Some(entry) = self.later.find_hash(hash)? {
            return Ok(Some((Held::Later(&self.later), entry)));
        }
        Ok(self.packed.find(hash)?.map(|entry| (Held::Packed(&self.packed), entry)))
    }
}

impl<B: AsRef<[u8]>> Packed<B> {
    /// Reads the entries from the first to the last of these, one line after the other, so that they are at hand. `false` if they are so
    /// far apart that this is not worth while.
    #[inline(never)]
    fn read_ahead(&self, wanted: &[Wanted]) -> bool {
        let hashes = wanted.iter().map(Wanted::hash);
        let Some((low, high)) = hashes.clone().min().zip(hashes.max()) else { return true };
        let (Ok(Some(first)), Ok(Some(last))) = (self.spot(low), self.spot(high)) else { return false };
        let (from, to) = (self.entry_at(first.likely()), self.entry_at(last.likely()));
        let bytes = to.saturating_sub(from);
        if bytes > AHEAD_BYTES_MAX || bytes / LINE_BYTES > wanted.len().saturating_mul(LINES_EACH_MAX) {
            return false;
        }
        black_box((from..to).step_by(LINE_BYTES).fold(0, |touched, at| touched ^ self.touch_at(at)));
        true
    }

    /// Has the places of all of these brought into the cache: of the index first, then of the entries, so that many are waited for at once.
    #[inline(never)]
    fn touch_all(&self, wanted: &[Wanted]) {
        let mut touched = wanted.iter().fold(0, |touched, one| touched ^ self.touch_index(one.hash()));
        black_box(touched);
        let mut places = [0; TOGETHER];
        for (one, place) in wanted.iter().zip(&mut places) {
            if let Ok(Some(spot)) = self.spot(one.hash()) {
                *place = self.entry_at(spot.likely());
            }
        }
        for place in places.iter().take(wanted.len()) {
            touched ^= self.touch_around(*place);
        }
        black_box(touched);
    }
}
