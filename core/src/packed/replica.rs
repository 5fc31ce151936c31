//! A snapshot, and what has changed since: what a server or a back end answers from.

use super::Unanswered;
use super::dictionary::{PackError, Source, State};
use super::entry::{Entry, Times};
use super::glance::Brief;
use super::later::Later;
use super::memo::Outcome;
use super::past::{Past, PastError};
use super::prepared::{Answer, Asked, Kind, Prepared, Side, Whose};
use super::shape::hangs_on_names;
use super::snapshot::{Near, Packed};
use super::wanted::When;
use crate::answer::Decision;
use crate::id::{AccountId, DeviceId, Subject};
use crate::record::{Event, Record};
use crate::time::Time;
use alloc::vec::Vec;

/// The packed subjects of a site, kept up with what happens.
#[derive(Debug)]
pub struct Replica<B> {
    pub(super) packed: Packed<B>,
    pub(super) later: Later,
}

/// Why an event could not be taken into account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// More must be known first.
    #[error(transparent)]
    Past(#[from] PastError),
    /// There is no more room, or what is known cannot be read.
    #[error(transparent)]
    Pack(#[from] PackError),
}

/// The dictionary that a state is in.
#[derive(Clone, Copy)]
pub(super) enum Held<'a, B> {
    Packed(&'a Packed<B>),
    Later(&'a Later),
}

/// Somebody's entry, if there is one, and where.
pub(super) type Found<'a, B> = Option<(Held<'a, B>, Entry)>;

impl<B: AsRef<[u8]>> Source for Held<'_, B> {
    fn state(&self, number: u32) -> Result<State, Unanswered> {
        match self {
            Self::Packed(packed) => packed.state(number),
            Self::Later(later) => later.dictionary.state(number),
        }
    }

    fn text(&self, place: u32) -> Result<Vec<u8>, Unanswered> {
        match self {
            Self::Packed(packed) => packed.text(place),
            Self::Later(later) => later.dictionary.text(place),
        }
    }
}

impl<B: AsRef<[u8]>> Held<'_, B> {
    #[inline(always)]
    pub(super) fn time(&self, times: &Times, rank: u16) -> Result<Time, Unanswered> {
        match self {
            Self::Packed(packed) => packed.time(times, rank),
            Self::Later(later) => later.time(times, rank),
        }
    }

    const fn side(&self) -> Side {
        match self {
            Self::Packed(_) => Side::Packed,
            Self::Later(_) => Side::Later,
        }
    }
}

impl<B: AsRef<[u8]>> Replica<B> {
    /// The snapshot, with nothing changed since.
    #[must_use]
    pub fn new(packed: Packed<B>) -> Self {
        Self { packed, later: Later::new() }
    }

    /// The snapshot.
    #[must_use]
    pub const fn packed(&self) -> &Packed<B> {
        &self.packed
    }

    /// How many subjects have changed since the snapshot. They take some hundred bytes each; [`Replica::merge`] makes a snapshot of all.
    #[must_use]
    pub fn changed(&self) -> usize {
        self.later.len()
    }

    /// How often anything was kept since the snapshot, whoever it was of.
    #[must_use]
    pub const fn kept(&self) -> usize {
        self.later.kept()
    }

    /// What is said of the subject now, or at any other `now`, by all that was recorded: as [`crate::decide`] says it.
    ///
    /// # Errors
    /// [`Unanswered`]; whoever asked denies, or asks the full rule.
    #[inline]
    pub fn answer(&self, prepared: &mut Prepared, subject: Subject, now: Time) -> Result<Answer, Unanswered> {
        self.bind(prepared)?;
        let hash = self.packed.hash(&subject);
        match self.at_a_glance(prepared, Kind::of(&subject), hash, When::Now(now), || self.packed.find_near(hash)) {
            Some(brief) => Ok(Answer::of(brief)),
            None => self.answer_at_length(prepared, &subject, hash, now),
        }
    }

    /// What would have been said of the subject at `then`, by what had been recorded by then ([`crate::AsOf::Recorded`]).
    ///
    /// # Errors
    /// [`Unanswered`]; whoever asked denies, or asks the full rule.
    #[inline]
    pub fn answer_as_of(&self, prepared: &mut Prepared, subject: Subject, then: Time) -> Result<Answer, Unanswered> {
        self.bind(prepared)?;
        let hash = self.packed.hash(&subject);
        match self.at_a_glance(prepared, Kind::of(&subject), hash, When::AsOf(then), || self.packed.find_near(hash)) {
            Some(brief) => Ok(Answer::of(brief)),
            None => self.answer_at_length_as_of(prepared, &subject, hash, then),
        }
    }

    /// What is said of somebody who is as the snapshot has them, if that is at hand: nearly always.
    #[inline(always)]
    pub(super) fn at_a_glance(
        &self,
        prepared: &Prepared,
        kind: Kind,
        hash: u64,
        when: When,
        near: impl FnOnce() -> Near,
    ) -> Option<(Brief, Time)> {
        if self.later.may_hold(hash) {
            return None;
        }
        let (When::Now(time) | When::AsOf(time)) = when;
        match near() {
            Near::Found(Entry { state, times: Times::Here(first, second) }) => {
                prepared.at_a_glance(time, |glances| match when {
                    When::Now(now) => glances.look(state, [first, second], now),
                    When::AsOf(then) => glances.look_as_of(state, [first, second], kind, then),
                })
            }
            Near::Nobody => prepared.at_a_glance(time, |glances| glances.look_at_nobody(kind)),
            Near::Found(_) | Near::Unknown => None,
        }
    }

    #[inline(never)]
    fn answer_at_length(
        &self,
        prepared: &mut Prepared,
        subject: &Subject,
        hash: u64,
        now: Time,
    ) -> Result<Answer, Unanswered> {
        let outcome = outcome(prepared, Kind::of(subject), self.find_hash(hash, subject)?, now)?;
        prepared.answer(&outcome)
    }

    #[inline(never)]
    fn answer_at_length_as_of(
        &self,
        prepared: &mut Prepared,
        subject: &Subject,
        hash: u64,
        then: Time,
    ) -> Result<Answer, Unanswered> {
        let outcome = outcome_as_of(prepared, Kind::of(subject), self.find_hash(hash, subject)?, then)?;
        prepared.answer(&outcome)
    }

    /// What is said of an account that is signed in on a device, at `now`: by what both have said, merged (R39). This one asks the full
    /// rule each time, since what two say together is seldom the same twice.
    ///
    /// # Errors
    /// [`Unanswered`]; whoever asked denies, or asks where the events are.
    pub fn answer_on(
        &self,
        prepared: &Prepared,
        account: AccountId,
        device: DeviceId,
        now: Time,
    ) -> Result<Decision, Unanswered> {
        let of = |subject| Ok(self.past(subject)?.record());
        self.joined(prepared, of(account.into())?, of(device.into())?, now)
    }

    /// The same as of `then`, by what had been recorded of both by then.
    ///
    /// # Errors
    /// [`Unanswered`]; whoever asked denies, or asks where the events are.
    pub fn answer_on_as_of(
        &self,
        prepared: &Prepared,
        account: AccountId,
        device: DeviceId,
        then: Time,
    ) -> Result<Decision, Unanswered> {
        let of = |subject| Ok(self.past(subject)?.as_of(then));
        self.joined(prepared, of(account.into())?, of(device.into())?, then)
    }

    pub(super) fn joined(
        &self,
        prepared: &Prepared,
        account: Record,
        device: Record,
        now: Time,
    ) -> Result<Decision, Unanswered> {
        self.check_policy(prepared)?;
        let record = account.merge(device);
        if hangs_on_names(&record) {
            return Err(Unanswered::NotHeld);
        }
        Ok(prepared.decide(&record, now))
    }

    /// All that is known of a subject, but for the names of events: in their place stands one that says when.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub fn past(&self, subject: Subject) -> Result<Past, Unanswered> {
        let Some((held, entry)) = self.find(&subject)? else { return Ok(Past::empty(subject)) };
        let time = |rank| held.time(&entry.times, rank);
        let mut past = Past::empty(subject);
        for state in held.states_until(entry.state)? {
            let record = held.record(state, |rank| time(rank).ok())?;
            past = past.then(time(state.from)?, record).map_err(|_| Unanswered::Damaged)?;
        }
        Ok(past)
    }

    /// Puts what is known of a subject in the place of what was. From the next question on it is what counts.
    ///
    /// What an account's devices take away is part of what is known of the account: where one of them changes, so does the account.
    ///
    /// # Errors
    /// [`PackError::Full`]: merge first.
    pub fn keep(&mut self, past: &Past) -> Result<(), PackError> {
        let hash = self.packed.hash(&past.subject());
        self.later.keep(hash, past)
    }

    /// Answers no more about this subject: only the full rule can tell.
    pub(super) fn lose(&mut self, subject: Subject) {
        self.later.lose(self.packed.hash(&subject), subject);
    }

    /// Takes one more event of a subject's own into account, which comes last in the ledger.
    ///
    /// # Errors
    /// [`ApplyError`]; then nothing has changed, and the subject's past must be made from events and kept.
    pub fn apply(&mut self, subject: Subject, event: &Event) -> Result<(), ApplyError> {
        let mut past = self.past(subject).map_err(PackError::from)?;
        past.apply(event)?;
        Ok(self.keep(&past)?)
    }

    #[inline]
    pub(super) fn bind(&self, prepared: &mut Prepared) -> Result<(), Unanswered> {
        if !prepared.is_about(self.packed.number(), self.later.number) {
            self.check_policy(prepared)?;
            prepared.turn_to(self.packed.number(), self.later.number);
        }
        Ok(())
    }

    pub(super) fn check_policy(&self, prepared: &Prepared) -> Result<(), Unanswered> {
        let newest = prepared.history().newest();
        let is_same = newest.hash() == self.packed.policy() && newest.parts().site == self.packed.origin().site;
        if is_same { Ok(()) } else { Err(Unanswered::OtherPolicies) }
    }

    /// Whether nothing is known of the subject.
    pub(super) fn is_absent(&self, subject: &Subject) -> bool {
        matches!(self.find(subject), Ok(None))
    }

    fn find(&self, subject: &Subject) -> Result<Found<'_, B>, Unanswered> {
        self.find_hash(self.packed.hash(subject), subject)
    }

    pub(super) fn find_hash(&self, hash: u64, subject: &Subject) -> Result<Found<'_, B>, Unanswered> {
        if let Some(entry) = self.later.find(hash, subject)? {
            return Ok(Some((Held::Later(&self.later), entry)));
        }
        Ok(self.packed.find(hash)?.map(|entry| (Held::Packed(&self.packed), entry)))
    }
}

/// What is said of them by all that is known.
#[inline(always)]
pub(super) fn outcome<B: AsRef<[u8]>>(
    prepared: &mut Prepared,
    kind: Kind,
    found: Found<'_, B>,
    now: Time,
) -> Result<Outcome, Unanswered> {
    match found {
        None => prepared.outcome(&absent::<B>(kind), now),
        Some((held, entry)) => prepared.outcome(&asked(&held, &entry, entry.state), now),
    }
}

/// What would have been said of them by what had been recorded by `then`.
#[inline(always)]
pub(super) fn outcome_as_of<B: AsRef<[u8]>>(
    prepared: &mut Prepared,
    kind: Kind,
    found: Found<'_, B>,
    then: Time,
) -> Result<Outcome, Unanswered> {
    let Some((held, entry)) = found else { return prepared.outcome(&absent::<B>(kind), then) };
    let state = state_as_of(&held, &entry, then)?;
    let outcome = match state {
        None => prepared.outcome(&absent::<B>(kind), then),
        Some(state) => prepared.outcome(&asked(&held, &entry, state), then),
    };
    if let Held::Packed(packed) = held {
        // The next one is seen at a glance.
        for number in state.unwrap_or(entry.state)..=entry.state {
            prepared.note(number, packed.state(number)?);
        }
    }
    outcome
}

#[inline(always)]
fn asked<'a, B: AsRef<[u8]>>(
    held: &'a Held<'a, B>,
    entry: &'a Entry,
    state: u32,
) -> Asked<'a, Held<'a, B>, impl Fn(u16) -> Result<Time, Unanswered> + 'a> {
    let time = |rank| held.time(&entry.times, rank);
    Asked { side: held.side(), state, whose: Whose::Of(held), time }
}

#[inline(always)]
fn absent<'a, B>(kind: Kind) -> Asked<'a, Held<'a, B>, impl Fn(u16) -> Result<Time, Unanswered>> {
    let state = match kind {
        Kind::Device => 0,
        Kind::Account => 1,
    };
    Asked { side: Side::Absent, state, whose: Whose::Nobodys(kind), time: |_| Err(Unanswered::Damaged) }
}

/// The state that somebody was in by what had been recorded by `then`; `None` before anything was.
#[inline(always)]
pub(super) fn state_as_of<B: AsRef<[u8]>>(
    held: &Held<'_, B>,
    entry: &Entry,
    then: Time,
) -> Result<Option<u32>, Unanswered> {
    let mut number = entry.state;
    loop {
        let state = held.state(number)?;
        if held.time(&entry.times, state.from)? <= then {
            return Ok(Some(number));
        }
        if state.place == 0 {
            return Ok(None);
        }
        number = number.checked_sub(1).ok_or(Unanswered::Damaged)?;
    }
}
