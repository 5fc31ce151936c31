//! What is remembered of most states in six bytes each, so that those of a whole snapshot stay in a core's own cache.
//!
//! Which of two answers it is, and which of two states somebody was in, is looked up and not branched on: a processor that cannot foresee
//! a branch waits for the memory that it hangs on before it asks for anything else.

use super::dictionary::State;
use super::memo::Row;
use super::prepared::Kind;
use super::wanted::Said;
use crate::answer::{Decision, Reason};
use crate::time::{Period, Time};
use alloc::vec::Vec;
use core::hint::select_unpredictable;

/// A state that hangs on one of the first two times at most.
#[derive(Debug, Clone, Copy)]
struct Glance {
    /// What is said before that time has run out, and after: one more than the place among the briefs, or 0 for what is not known.
    briefs: [u8; 2],
    rank: u8,
    period: u8,
    /// The rank of the time from which it holds; [`NOT_NOTED`].
    from: u8,
    /// How many states of the same past are before it, if no more than one is.
    before: u8,
}

/// In place of a rank.
const NOT_NOTED: u8 = u8::MAX;

impl Glance {
    const NONE: Self = Self { briefs: [0; 2], rank: 0, period: 0, from: NOT_NOTED, before: 0 };
}

/// What is said, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Brief {
    /// The number of the decision.
    pub(super) number: u32,
    pub(super) reason: Reason,
    pub(super) said: Said,
    /// Whether it may be relied on only until that time runs out.
    is_bounded: bool,
}

/// What is said of many states, by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Glances {
    each: Vec<Glance>,
    /// What is said of a device of which nothing is known, and of an account.
    nobody: [u8; 2],
    /// After which a word runs out. There are few, so that they are kept apart.
    periods: Vec<Period>,
    briefs: Vec<Brief>,
}

/// One of the first two times.
#[inline(always)]
fn of_rank([first, second]: [Time; 2], rank: u8) -> Time {
    select_unpredictable(rank == 0, first, second)
}

impl Glances {
    /// What is said at `now` of somebody in that state, with these two times, and until when at most; `None` says nothing.
    #[inline(always)]
    pub(super) fn look(&self, state: u32, times: [Time; 2], now: Time) -> Option<(Brief, Time)> {
        let glance = self.each.get(state as usize)?;
        let (brief, end) = self.brief_of(glance, times, now)?;
        self.brief(brief, end)
    }

    /// The same of whoever of that kind came to be in that state later, as of `then`.
    #[inline(always)]
    pub(super) fn look_as_of(&self, state: u32, times: [Time; 2], kind: Kind, then: Time) -> Option<(Brief, Time)> {
        let is_there = |glance: &Glance| of_rank(times, glance.from) <= then;
        let last = self.each.get(state as usize).filter(|last| last.from != NOT_NOTED)?;
        let back = select_unpredictable(is_there(last), 0, last.before);
        let glance = self.each.get((state as usize).checked_sub(usize::from(back))?)?;
        if glance.from == NOT_NOTED {
            return None;
        }
        let (brief, end) = self.brief_of(glance, times, then)?;
        self.brief(select_unpredictable(is_there(glance), brief, self.of_nobody(kind)), end)
    }

    /// What is said of somebody nobody has heard of.
    #[inline(always)]
    pub(super) fn look_at_nobody(&self, kind: Kind) -> Option<(Brief, Time)> {
        self.brief(self.of_nobody(kind), Time::from_ms(u64::MAX))
    }

    #[inline(always)]
    const fn of_nobody(&self, kind: Kind) -> u8 {
        let [device, account] = self.nobody;
        match kind {
            Kind::Device => device,
            Kind::Account => account,
        }
    }

    #[inline(always)]
    fn brief_of(&self, glance: &Glance, times: [Time; 2], now: Time) -> Option<(u8, Time)> {
        let end = of_rank(times, glance.rank).after(*self.periods.get(usize::from(glance.period))?);
        let [before, after] = glance.briefs;
        Some((select_unpredictable(now >= end, after, before), end))
    }

    #[inline(always)]
    fn brief(&self, place: u8, end: Time) -> Option<(Brief, Time)> {
        let brief = *self.briefs.get(usize::from(place).wrapping_sub(1))?;
        Some((brief, select_unpredictable(brief.is_bounded, end, Time::from_ms(u64::MAX))))
    }

    /// Takes over what is known of a state.
    pub(super) fn keep(&mut self, state: usize, row: &Row, decisions: &[Decision]) {
        let Glance { briefs, rank, period, .. } = self.of(row, decisions).unwrap_or(Glance::NONE);
        self.change(state, |glance| *glance = Glance { briefs, rank, period, ..*glance });
    }

    /// Takes over what is known of those of whom nothing is.
    pub(super) fn keep_nobody(&mut self, kind: Kind, row: &Row, decisions: &[Decision]) {
        let [brief, _] = self.of(row, decisions).unwrap_or(Glance::NONE).briefs;
        let [device, account] = &mut self.nobody;
        match kind {
            Kind::Device => *device = brief,
            Kind::Account => *account = brief,
        }
    }

    /// Takes over where a state is in its past.
    pub(super) fn note(&mut self, number: u32, state: State) {
        if let (Ok(from @ 0..=1), Ok(before @ 0..=1)) = (u8::try_from(state.from), u8::try_from(state.place)) {
            self.change(number as usize, |glance| *glance = Glance { from, before, ..*glance });
        }
    }

    fn change(&mut self, state: usize, change: impl FnOnce(&mut Glance)) {
        if self.each.len() <= state {
            self.each.resize(state + 1, Glance::NONE);
        }
        if let Some(glance) = self.each.get_mut(state) {
            change(glance);
        }
    }

    fn of(&mut self, row: &Row, decisions: &[Decision]) -> Option<Glance> {
        let (rank, period, cells) = row.with_one_test()?;
        let rank = u8::try_from(rank).ok().filter(|rank| *rank < 2)?;
        let period = place(&mut self.periods, &period)?;
        let mut briefs = [0; 2];
        for (cell, brief) in cells.into_iter().zip(&mut briefs).filter(|(cell, _)| cell.is_known()) {
            let reason = decisions.get(cell.number())?.reason;
            let number = u32::try_from(cell.number()).ok()?;
            let said = Said::from(Ok(reason));
            let is = Brief { number, reason, said, is_bounded: cell.is_bounded_by(0) };
            *brief = place(&mut self.briefs, &is)?.checked_add(1)?;
        }
        Some(Glance { briefs, rank, period, ..Glance::NONE })
    }
}

/// Where it is among a few, to which it is added where it is not.
fn place<T: PartialEq + Copy>(known: &mut Vec<T>, one: &T) -> Option<u8> {
    let place = known.iter().position(|known| known == one).unwrap_or(known.len());
    let number = u8::try_from(place).ok()?;
    if place == known.len() {
        known.push(*one);
    }
    Some(number)
}
