//! What [`decide`] said of one question, by the state of whoever it was about.
//!
//! For one question in given circumstances, `decide` looks at a record's times in two ways only. It compares them with each other, which
//! their ranks, and so the state, settle. And it asks of the last words on purpose, processor and transfer whether they have run out
//! (`Asked::worth_of_yes`), and whether they were said before a guardian stood by them. Everything else that time changes (which policy
//! holds, whether a guardian does) changes at moments that the question brings with it, and between two of those, an *epoch*, never.
//!
//! So within an epoch the answer for a state hangs on a few yes-or-no tests of how old a time is: a [`Row`]. For each outcome of
//! the tests that comes up, `decide` is asked once, with the record of whoever it came up for, and says the same of everybody with
//! that outcome. A property in `tests/tests/packed.rs` holds that against `decide` on random policies, pasts and moments.

use super::glance::Glances;
use crate::answer::{Decision, Reason};
use crate::context::Context;
use crate::decision::{Asked, Question, decide};
use crate::history::PolicyHistory;
use crate::id::Target;
use crate::policy::{Policy, Processor, Purpose};
use crate::record::Record;
use crate::time::{Period, Time};
use alloc::vec::Vec;

/// What one outcome of the tests says: whether it allows, which tests bound how long that may be relied on, and the number of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cell(u32); // INVARIANT: 0 for an outcome that never came up; else bit 0: allows; bits 1 to 3: bounded by that test; above: number + 1.

/// More tests than these are never made: one on each of purpose, processor and transfer, and as many on the guardian.
const TESTS_MAX: usize = 6;
const BOUNDS: u32 = 3;
/// The first number of a decision that a cell has no room for.
const DECISIONS_MAX: usize = (1 << (u32::BITS - 1 - BOUNDS)) - 1;

impl Cell {
    fn new(decision: &Decision, number: usize, bounds: u32) -> Self {
        let number = u32::try_from(number).unwrap_or_default() + 1;
        Self(number << (1 + BOUNDS) | bounds << 1 | u32::from(decision.allows()))
    }

    #[inline]
    pub(super) const fn is_known(self) -> bool {
        self.0 != 0
    }

    #[inline]
    pub(super) const fn allows(self) -> bool {
        self.0 & 1 != 0
    }

    #[inline]
    pub(super) const fn is_bounded_by(self, test: usize) -> bool {
        self.0 >> (1 + test) & 1 != 0 && test < BOUNDS as usize
    }

    #[inline]
    pub(super) const fn number(self) -> usize {
        (self.0 >> (1 + BOUNDS)).saturating_sub(1) as usize
    }
}

/// What is asked of one of a subject's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    /// Whether a word of then has run out.
    RunsOut(u16, Period),
    /// Whether it is from before that.
    Before(u16, Time),
}

impl Test {
    const fn rank(self) -> u16 {
        match self {
            Self::RunsOut(rank, _) | Self::Before(rank, _) => rank,
        }
    }

    fn holds(self, time: Time, now: Time) -> bool {
        match self {
            Self::RunsOut(_, period) => now >= time.after(period),
            Self::Before(_, moment) => time < moment,
        }
    }
}

/// The answers for one state.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Row {
    kind: Kind,
    /// By whether the test holds, for a state with at most one.
    cells: [Cell; 2],
}

impl Row {
    /// What is said if the test holds, or if it does not. Looked up, since which of them it is cannot be foreseen.
    #[inline(always)]
    fn cell(&self, holds: bool) -> Cell {
        self.cells.get(usize::from(holds)).copied().unwrap_or_default()
    }
}

impl Row {
    /// The rank of the one time that it hangs on, after what period, and what is said before and after that. What hangs on none says the
    /// same before and after any.
    pub(super) fn with_one_test(&self) -> Option<(u16, Period, [Cell; 2])> {
        match self.kind {
            Kind::One { rank, period } => Some((rank, period, self.cells)),
            Kind::Ageless => Some((0, Period::from_minutes(1).ok()?, [self.cell(false); 2])),
            Kind::New | Kind::Odd(_) => None,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
enum Kind {
    /// Never asked about.
    #[default]
    New,
    /// It is the same however old it is.
    Ageless,
    /// It hangs on whether a word of then has run out.
    One { rank: u16, period: Period },
    /// It hangs on more: see that place in [`Epoch::odd`].
    Odd(u32),
}

/// A state that hangs on several tests.
#[derive(Debug, Clone)]
struct Odd {
    tests: Vec<Test>,
    cells: Vec<Cell>, // INVARIANT: one for each outcome, the first test's in the lowest bit.
}

/// The answers for every state between two moments at which the question's circumstances change.
#[derive(Debug, Clone)]
pub(super) struct Epoch {
    /// From then on, and before then.
    pub(super) from: Time,
    pub(super) until: Time,
    recheck: Period,
    /// For [`super::prepared::Side`]s: the absent, the packed, the later ones.
    pub(super) rows: [Vec<Row>; 3],
    odd: Vec<Odd>,
    /// The same of the packed in short.
    pub(super) glances: Glances,
}

/// What a row says at a moment.
pub(super) struct Outcome {
    pub(super) cell: Cell,
    /// Until when the answer may be relied on, as far as `cell` is known.
    pub(super) until: Time,
}

/// The question, and those who answer it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) history: &'a PolicyHistory,
    pub(super) question: &'a Question,
    pub(super) context: &'a Context,
}

impl Epoch {
    pub(super) fn new(asking: Asking<'_>, from: Time, until: Time) -> Self {
        let recheck = policy(asking.history, from).parts().recheck;
        Self { from, until, recheck, rows: Default::default(), odd: Vec::new(), glances: Glances::default() }
    }

    /// Until when an answer may be relied on at most that is given at `now`.
    #[inline(always)]
    pub(super) fn until(&self, now: Time) -> Time {
        now.after(self.recheck).min(self.until)
    }

    /// Whether it is this one at `now`.
    #[inline(always)]
    pub(super) fn holds(&self, now: Time) -> bool {
        self.from <= now && (now < self.until || self.until == Time::from_ms(u64::MAX))
    }

    /// What is known of that row at `now`. `time` gives a subject's times. `None` for a row that is new.
    #[inline(always)]
    pub(super) fn outcome<E>(
        &self,
        row: &Row,
        now: Time,
        mut time: impl FnMut(u16) -> Result<Time, E>,
    ) -> Result<Option<Outcome>, E> {
        let until = self.until(now);
        Ok(match row.kind {
            Kind::New => None,
            Kind::Ageless => Some(Outcome { cell: row.cell(false), until }),
            Kind::One { rank, period } => {
                let end = time(rank)?.after(period);
                let cell = row.cell(now >= end);
                let until = if cell.is_bounded_by(0) { until.min(end) } else { until };
                Some(Outcome { cell, until })
            }
            Kind::Odd(place) => self.odd_outcome(place, until, now, time)?,
        })
    }

    #[inline(never)]
    fn odd_outcome<E>(
        &self,
        place: u32,
        mut until: Time,
        now: Time,
        mut time: impl FnMut(u16) -> Result<Time, E>,
    ) -> Result<Option<Outcome>, E> {
        let Some(odd) = self.odd.get(place as usize) else { return Ok(None) };
        let (mut outcome, mut ends) = (0, [Time::from_ms(u64::MAX); TESTS_MAX]);
        for ((number, test), end) in odd.tests.iter().enumerate().zip(&mut ends) {
            let time = time(test.rank())?;
            outcome |= usize::from(test.holds(time, now)) << number;
            if let Test::RunsOut(_, period) = test {
                *end = time.after(*period);
            }
        }
        let cell = odd.cells.get(outcome).copied().unwrap_or_default();
        for (number, end) in ends.iter().enumerate() {
            if cell.is_bounded_by(number) {
                until = until.min(*end);
            }
        }
        Ok(Some(Outcome { cell, until }))
    }

    /// Asks `decide` about a subject whose state has that row, and keeps what it says there. What comes back is what `decide` said, whatever
    /// is kept.
    pub(super) fn ask(
        &mut self,
        asking: Asking<'_>,
        (record, times): (&Record, &Ranks),
        row: &mut Row,
        decisions: &mut Vec<Decision>,
    ) -> Decision {
        let Asking { history, question, context } = asking;
        let decision = decide(history, record, question, context);
        let of = About { asking, policy: policy(history, self.from), record, times };
        let kept = Decision { events: Vec::new(), valid_until: Time::from_ms(0), ..decision.clone() };
        let number = decisions.iter().position(|known| *known == kept).unwrap_or_else(|| {
            decisions.push(kept);
            decisions.len() - 1
        });
        if let Some(tests) = of.tests()
            && let Some(bounds) = of.bounds(&tests, decision.reason)
            && number < DECISIONS_MAX
        {
            let outcome = of.outcome(&tests);
            self.keep(row, tests, outcome, Cell::new(&decision, number, bounds));
        }
        decision
    }

    fn keep(&mut self, row: &mut Row, tests: Vec<Test>, outcome: usize, cell: Cell) {
        if matches!(row.kind, Kind::New) {
            row.kind = match *tests.as_slice() {
                [] => Kind::Ageless,
                [Test::RunsOut(rank, period)] => Kind::One { rank, period },
                _ => {
                    let Ok(place) = u32::try_from(self.odd.len()) else { return };
                    let cells = alloc::vec![Cell::default(); 1 << tests.len()];
                    self.odd.push(Odd { tests, cells });
                    Kind::Odd(place)
                }
            };
        }
        let cells = match row.kind {
            Kind::Odd(place) => self.odd.get_mut(place as usize).map(|odd| odd.cells.as_mut_slice()),
            Kind::New | Kind::Ageless | Kind::One { .. } => Some(row.cells.as_mut_slice()),
        };
        if let Some(known) = cells.and_then(|cells| cells.get_mut(outcome)) {
            *known = cell;
        }
    }
}

/// The times of a record with their ranks.
#[derive(Debug, Default)]
pub(super) struct Ranks(pub(super) Vec<(u16, Time)>);

impl Ranks {
    fn rank(&self, time: Time) -> Option<u16> {
        self.0.iter().find(|(_, known)| *known == time).map(|(rank, _)| *rank)
    }

    fn time(&self, rank: u16) -> Option<Time> {
        self.0.iter().find(|(known, _)| *known == rank).map(|(_, time)| *time)
    }
}

/// Whom `decide` was asked about, and under what.
struct About<'a> {
    asking: Asking<'a>,
    policy: &'a Policy,
    record: &'a Record,
    times: &'a Ranks,
}

impl About<'_> {
    /// Purpose, processor, and the purpose under which data is transferred to it: whose words may count.
    fn asked_for(&self) -> impl Iterator<Item = (&Purpose, Option<&Processor>)> {
        let Self { asking: Asking { question, .. }, policy, .. } = self;
        let purpose = policy.purpose(&question.purpose);
        let processor = question.processor.as_ref().and_then(|id| policy.processor(id));
        let transfer = processor.and_then(|p| p.transfer.as_ref()).and_then(|id| policy.purpose(id));
        let of_processor = purpose.zip(processor).map(|(purpose, processor)| (purpose, Some(processor)));
        [purpose.map(|purpose| (purpose, None)), of_processor, transfer.map(|purpose| (purpose, None))]
            .into_iter()
            .flatten()
    }

    /// When the last word on one of these was said.
    fn said_at(&self, purpose: &Purpose, processor: Option<&Processor>) -> Option<Time> {
        let target = Target { purpose: purpose.id.clone(), processor: processor.map(|p| p.id.clone()) };
        self.record.mark(&target, purpose.kind.scope()).map(|mark| mark.at)
    }

    /// Every test that may be made, whether it is or not. `None` for times that are not the record's, which cannot be.
    fn tests(&self) -> Option<Vec<Test>> {
        let mut tests = Vec::new();
        let mut add = |test| {
            if !tests.contains(&test) {
                tests.push(test);
            }
        };
        for (purpose, processor) in self.asked_for() {
            if let Some(at) = self.said_at(purpose, processor) {
                add(Test::RunsOut(self.times.rank(at)?, self.policy.validity_of(purpose)));
            }
        }
        if let Some(guardian) = self.asking.context.guardian {
            for (purpose, processor) in self.asked_for() {
                if let Some(at) = self.said_at(purpose, processor) {
                    add(Test::Before(self.times.rank(at)?, guardian.from));
                }
            }
        }
        Some(tests)
    }

    fn outcome(&self, tests: &[Test]) -> usize {
        let now = self.asking.context.now;
        let holds = |test: &Test| self.times.time(test.rank()).is_some_and(|time| test.holds(time, now));
        tests.iter().enumerate().map(|(number, test)| usize::from(holds(test)) << number).sum()
    }

    /// Which tests bound how long the answer may be relied on: of each word that was heard, by the way in which `decide` hears them.
    /// `None` if that cannot be told, which cannot be.
    fn bounds(&self, tests: &[Test], decided: Reason) -> Option<u32> {
        let Asking { history, context, .. } = self.asking;
        let law = self.policy.law(context.jurisdiction.as_ref());
        let asked = Asked { history, policy: self.policy, record: self.record, context, law };
        let (mut bounds, mut last) = (0, None);
        for (purpose, processor) in self.asked_for() {
            let word = asked.word_on(purpose, processor);
            if word.until.is_some() {
                let at = self.said_at(purpose, processor)?;
                let test = Test::RunsOut(self.times.rank(at)?, self.policy.validity_of(purpose));
                bounds |= 1 << tests.iter().position(|known| *known == test).filter(|n| *n < BOUNDS as usize)?;
            }
            last = Some(word.reason);
            if !word.reason.allows() {
                break;
            }
        }
        // What the policy itself rules out is denied before anybody's word is heard, and for reasons that no word has.
        let is_heard = last == Some(decided);
        Some(if is_heard { bounds } else { 0 })
    }
}

/// The policy by which is decided from then on.
fn policy(history: &PolicyHistory, from: Time) -> &Policy {
    history.in_force(from).unwrap_or_else(|| history.newest())
}
