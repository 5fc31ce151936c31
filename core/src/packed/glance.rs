//! What is remembered of most states in four bytes each, so that those of a whole snapshot stay in a core's own cache.

use super::memo::Row;
use super::wanted::Said;
use crate::answer::Decision;
use crate::time::{Period, Time};
use alloc::vec::Vec;

/// What is said of a state that hangs on one of the first two times at most.
#[derive(Debug, Clone, Copy)]
struct Glance {
    /// Before that time has run out, and after.
    said: [Option<Said>; 2],
    rank: u8,
    period: u8,
}

impl Glance {
    const NONE: Self = Self { said: [None; 2], rank: 0, period: 0 };
}

/// What is said of many states, by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Glances {
    each: Vec<Glance>,
    /// After which a word runs out. There are few, so that they are kept apart.
    periods: Vec<Period>,
}

impl Glances {
    /// What is said at `now` of somebody in that state, with these two times; `None` says nothing.
    #[inline(always)]
    pub(super) fn said(&self, state: u32, [first, second]: [Time; 2], now: Time) -> Option<Said> {
        let Glance { said, rank, period } = self.each.get(state as usize)?;
        let time = if *rank == 0 { first } else { second };
        let has_run_out = self.periods.get(usize::from(*period)).is_some_and(|period| now >= time.after(*period));
        // Looked up, since which of them it is cannot be foreseen.
        *said.get(usize::from(has_run_out))?
    }

    /// Takes over what is known of a state.
    pub(super) fn keep(&mut self, state: usize, row: &Row, decisions: &[Decision]) {
        if self.each.len() <= state {
            self.each.resize(state + 1, Glance::NONE);
        }
        let glance = self.of(row, decisions).unwrap_or(Glance::NONE);
        if let Some(kept) = self.each.get_mut(state) {
            *kept = glance;
        }
    }

    fn of(&mut self, row: &Row, decisions: &[Decision]) -> Option<Glance> {
        let (rank, period, cells) = row.with_one_test()?;
        let said = cells.map(|cell| {
            let decision = decisions.get(cell.number()).filter(|_| cell.is_known())?;
            Some(Said::from(Ok(decision.reason)))
        });
        let rank = u8::try_from(rank).ok().filter(|rank| *rank < 2)?;
        let place = self.periods.iter().position(|known| *known == period).unwrap_or(self.periods.len());
        let period_place = u8::try_from(place).ok()?;
        if place == self.periods.len() {
            self.periods.push(period);
        }
        Some(Glance { said, rank, period: period_place })
    }
}
