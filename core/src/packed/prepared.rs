//! One question in given circumstances, made ready to be asked about millions of subjects.

use super::Unanswered;
use super::dictionary::{Source, State};
use super::glance::{Brief, Glances};
use super::memo::{Asking, Epoch, Outcome, Ranks, Row};
use super::wanted::Said;
use crate::answer::{Decision, Reason};
use crate::context::Context;
use crate::decision::{Question, decide};
use crate::history::PolicyHistory;
use crate::id::{AccountId, HASH_BYTES, Subject};
use crate::record::Record;
use crate::time::Time;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::RefCell;

/// A question, and what was said of it so far: each state of a record is decided about once, and remembered.
///
/// It belongs to whoever asks: a thread that asks has its own, or a clone. What it remembers takes some 30 bytes for each state of the snapshot.
#[derive(Debug, Clone)]
pub struct Prepared {
    history: Arc<PolicyHistory>,
    question: Question,
    context: Context,
    /// The moments at which the circumstances change, ascending.
    changes: Vec<Time>,
    epochs: Vec<Epoch>,
    /// Where the epoch is that was asked about last.
    last: usize,
    decisions: Vec<Decision>,
    /// Whose states the rows are about.
    about: [u64; 2],
}

/// What is answered. [`Prepared::decision`] says the same at length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Why; [`Reason::allows`] says whether it may be done.
    pub reason: Reason,
    /// Until when it may be relied on without asking again (R35).
    pub valid_until: Time,
    number: u32,
}

impl Answer {
    /// Of two answers to one [`Prepared`] with one number, [`Prepared::decision`] says the same but for how long. Numbers are small.
    #[must_use]
    pub const fn number(&self) -> usize {
        self.number as usize
    }

    #[inline(always)]
    pub(super) const fn of((brief, valid_until): (Brief, Time)) -> Self {
        Self { reason: brief.reason, valid_until, number: brief.number }
    }
}

/// Where a state is: its number counts among those of its side alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Of whom nothing is known: 0 is a device, 1 an account.
    Absent,
    /// In the snapshot.
    Packed,
    /// In what came after it.
    Later,
}

/// What somebody is of whom nothing else is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Device,
    Account,
}

impl Kind {
    #[inline(always)]
    pub(super) const fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Device(_) => Self::Device,
            Subject::Account(_) => Self::Account,
        }
    }

    /// Which account it is, and on which device, makes no difference to what nobody has said.
    fn record(self) -> Record {
        match self {
            Self::Device => Record::default(),
            Self::Account => Record::of(AccountId::from_bytes([0; HASH_BYTES]).into(), []),
        }
    }
}

/// Whose state it is.
pub(super) enum Whose<'a, S> {
    /// Of somebody nobody has heard of.
    Nobodys(Kind),
    /// Of somebody whose record can be read there.
    Of(&'a S),
}

/// Somebody's state, and how to know more.
pub(super) struct Asked<'a, S, T> {
    pub(super) side: Side,
    pub(super) state: u32,
    pub(super) whose: Whose<'a, S>,
    /// Their time of each rank.
    pub(super) time: T,
}

impl Prepared {
    /// The question under these policies, for somebody in these circumstances. The time in `context` does not matter: each question brings
    /// its own.
    #[must_use]
    pub fn new(history: Arc<PolicyHistory>, question: Question, context: Context) -> Self {
        let effective = history.versions().map(|version| version.effective);
        let of_guardian = context.guardian.iter().flat_map(|guardian| [guardian.from, guardian.until]);
        let mut changes: Vec<Time> = effective.chain(of_guardian).collect();
        changes.sort_unstable();
        changes.dedup();
        let (epochs, decisions) = (Vec::new(), Vec::new());
        Self { history, question, context, changes, epochs, last: 0, decisions, about: [0; 2] }
    }

    /// What an answer to this question is at length: as [`decide`] says it, but for the events that it rests on, which only the ledger
    /// knows. An answer to another question says nothing here.
    #[must_use]
    pub fn decision(&self, answer: &Answer) -> Option<Decision> {
        let known = self.decisions.get(answer.number())?;
        (known.reason == answer.reason).then(|| Decision { valid_until: answer.valid_until, ..known.clone() })
    }

    /// The policies that it is asked under.
    #[must_use]
    pub fn history(&self) -> &PolicyHistory {
        &self.history
    }

    /// Whether it is asked under these very policies.
    pub(super) fn is_under(&self, history: &Arc<PolicyHistory>) -> bool {
        Arc::ptr_eq(&self.history, history)
    }

    /// What the full rule says of somebody whose record this is, at `now`.
    pub(super) fn decide(&self, record: &Record, now: Time) -> Decision {
        let mut decision = decide(&self.history, record, &self.question, &Context { now, ..self.context.clone() });
        decision.events.clear();
        decision
    }

    /// Whether what is remembered is about the states of these two.
    #[inline]
    pub(super) fn is_about(&self, packed: u64, later: u64) -> bool {
        self.about == [packed, later]
    }

    /// Forgets what was said, and is about these two from now on.
    pub(super) fn turn_to(&mut self, packed: u64, later: u64) {
        self.about = [packed, later];
        self.epochs.clear();
    }

    /// What is answered about them at `now`: only whether it allows, and what it takes to know the rest.
    #[inline(always)]
    pub(super) fn outcome<S: Source, T: Fn(u16) -> Result<Time, Unanswered>>(
        &mut self,
        asked: &Asked<'_, S, T>,
        now: Time,
    ) -> Result<Outcome, Unanswered> {
        if let Some(epoch) = self.epochs.get(self.last)
            && epoch.holds(now)
            && let Some(row) = epoch.rows(asked.side).get(asked.state as usize)
            && let Some(outcome) = epoch.outcome(row, now, &asked.time)?
            && outcome.cell.is_known()
        {
            return Ok(outcome);
        }
        self.ask(asked, now)
    }

    #[inline]
    pub(super) fn answer(&self, outcome: &Outcome) -> Result<Answer, Unanswered> {
        let number = outcome.cell.number();
        let decision = self.decisions.get(number).ok_or(Unanswered::NotHeld)?;
        let number = u32::try_from(number).map_err(|_| Unanswered::NotHeld)?;
        Ok(Answer { reason: decision.reason, valid_until: outcome.until, number })
    }

    /// What is said by what is at hand, if it is, and until when.
    #[inline(always)]
    pub(super) fn at_a_glance(
        &self,
        now: Time,
        look: impl FnOnce(&Glances) -> Option<(Brief, Time)>,
    ) -> Option<(Brief, Time)> {
        let epoch = self.epochs.get(self.last).filter(|epoch| epoch.holds(now))?;
        let (brief, end) = look(&epoch.glances)?;
        Some((brief, epoch.until(now).min(end)))
    }

    /// Where a state of the snapshot is in its past.
    pub(super) fn note(&mut self, number: u32, state: State) {
        if let Some(epoch) = self.epochs.get_mut(self.last) {
            epoch.glances.note(number, state);
        }
    }

    /// The same in a byte.
    #[inline(always)]
    pub(super) fn said(&self, outcome: Result<Outcome, Unanswered>) -> Said {
        let reason = outcome.and_then(|outcome| {
            let decision = self.decisions.get(outcome.cell.number()).ok_or(Unanswered::NotHeld)?;
            Ok(decision.reason)
        });
        Said::from(reason)
    }

    #[cold]
    #[inline(never)]
    fn ask<S: Source, T: Fn(u16) -> Result<Time, Unanswered>>(
        &mut self,
        asked: &Asked<'_, S, T>,
        now: Time,
    ) -> Result<Outcome, Unanswered> {
        let Self { history, question, context, changes, epochs, last, decisions, .. } = self;
        context.now = now;
        let asking = Asking { history, question, context };
        *last = epochs.iter().position(|epoch| epoch.holds(now)).unwrap_or_else(|| {
            let next = changes.partition_point(|change| *change <= now);
            let from = next.checked_sub(1).and_then(|last| changes.get(last)).copied().unwrap_or(Time::from_ms(0));
            let until = changes.get(next).copied().unwrap_or(Time::from_ms(u64::MAX));
            epochs.push(Epoch::new(asking, from, until));
            epochs.len() - 1
        });
        let epoch = epochs.get_mut(*last).ok_or(Unanswered::NotHeld)?;
        let state = asked.state as usize;
        let mut row = epoch.rows(asked.side).get(state).copied().unwrap_or_default();
        if let Some(outcome) = epoch.outcome(&row, now, &asked.time)?
            && outcome.cell.is_known()
        {
            return Ok(outcome);
        }
        let (record, ranks) = asked.record()?;
        let decision = epoch.ask(asking, (&record, &ranks), &mut row, decisions);
        let outcome = epoch.outcome(&row, now, &asked.time)?;
        // Kept is only what says the same as was said.
        let says_the_same =
            |o: &Outcome| o.cell.is_known() && o.until == decision.valid_until && o.cell.allows() == decision.allows();
        let outcome = outcome.filter(says_the_same);
        // There is such a state, or there would be no record.
        let rows = epoch.rows_mut(asked.side);
        rows.resize(rows.len().max(state + 1), Row::default());
        if let Some(kept) = rows.get_mut(state) {
            *kept = if outcome.is_some() { row } else { Row::default() };
            let kept = *kept;
            match (asked.side, asked.state) {
                (Side::Packed, _) => epoch.glances.keep(state, &kept, decisions),
                (Side::Absent, 0) => epoch.glances.keep_nobody(Kind::Device, &kept, decisions),
                (Side::Absent, _) => epoch.glances.keep_nobody(Kind::Account, &kept, decisions),
                (Side::Later, _) => {}
            }
        }
        outcome.ok_or(Unanswered::NotHeld)
    }
}

impl<S: Source, T: Fn(u16) -> Result<Time, Unanswered>> Asked<'_, S, T> {
    /// The record, and the times in it.
    pub(super) fn record(&self) -> Result<(Record, Ranks), Unanswered> {
        let source = match self.whose {
            Whose::Nobodys(kind) => return Ok((kind.record(), Ranks::default())),
            Whose::Of(source) => source,
        };
        let used = RefCell::new(Vec::new());
        let state = source.state(self.state)?;
        let record = source.record(state, |rank| {
            let time = (self.time)(rank).ok()?;
            used.borrow_mut().push((rank, time));
            Some(time)
        })?;
        Ok((record, Ranks(used.into_inner())))
    }
}

impl Epoch {
    #[inline(always)]
    fn rows(&self, side: Side) -> &[Row] {
        let [absent, packed, later] = &self.rows;
        match side {
            Side::Absent => absent,
            Side::Packed => packed,
            Side::Later => later,
        }
    }

    fn rows_mut(&mut self, side: Side) -> &mut Vec<Row> {
        let [absent, packed, later] = &mut self.rows;
        match side {
            Side::Absent => absent,
            Side::Packed => packed,
            Side::Later => later,
        }
    }
}

impl Outcome {
    /// Whether it may be done.
    #[inline]
    pub(super) const fn allows(&self) -> bool {
        self.cell.allows()
    }
}
