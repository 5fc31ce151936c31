//! A policy as numbers, and a record as bits, for those who ask millions of times.
//!
//! [`PolicyHistory::compile`] gives every target of the policy in force a number; [`Compiled::resolve`] turns a question into numbers,
//! once; [`Compiled::pack`] turns a record into a [`State`] of fixed size. [`Compiled::decide`] is then a few instructions, and answers
//! as [`crate::decide`] would. Where anything but choices was recorded, where age, mode, form or a signal is in play, or where time has
//! passed a border, it says nothing, and the full rule has to be asked.

use crate::answer::Reason;
use crate::context::Context;
use crate::decision::{Asked, Question, Status, decide, rule};
use crate::history::PolicyHistory;
use crate::id::Target;
use crate::law::Law;
use crate::policy::{Activity, Control, Policy, Processor, Purpose};
use crate::record::{Mark, Record, Standing};
use crate::regime::Regime;
use crate::time::{Period, Time};
use alloc::vec::Vec;

/// Most targets with a number. Those beyond are left to the full rule.
pub const NUMBERED_MAX: usize = 128;

/// A policy as numbers. It holds for as long as that policy is in force.
#[derive(Debug, Clone)]
pub struct Compiled {
    history: PolicyHistory,
    targets: Vec<Target>, // INVARIANT: at most NUMBERED_MAX; a target's number is its place.
    from: Time,
    until: Time,
    recheck: Period,
}

/// A question as numbers, for one regime. Ask for it once, and use it as often as you like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    steps: [Step; 3],
    count: u8,
}

/// One target to look at, and the say that the subject has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    number: u8,
    control: u8,
}

/// A record as bits: what the last word on each numbered target is worth, and for how long that stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    planes: [u128; 3], // INVARIANT: bit n of each make up the code of target n.
    from: u64,
    until: u64,
}

/// What [`Compiled::decide`] says. [`decide`] says the same at greater length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Why; [`Reason::allows`] says whether it may be done.
    pub reason: Reason,
    /// Until when it may be relied on: never longer than what [`decide`] says.
    pub valid_until: Time,
    number: u8,
}

/// The codes of a [`State`].
const CODES: [Option<Status>; 8] = [
    Some(Status::Unknown),
    Some(Status::Given),
    Some(Status::Refused),
    Some(Status::Withdrawn),
    Some(Status::Expired),
    Some(Status::Replaced),
    None,
    None,
];
/// Ask the full rule.
const ODD: u8 = 7;

const CONTROLS: [Control; 3] = [Control::Notified, Control::OptOut, Control::OptIn];

/// The rule, for each control and code: what [`rule`] says, written out when this is compiled.
static TABLE: [[Option<Reason>; 8]; 3] = {
    let mut table = [[None; 8]; 3];
    let mut control = 0;
    while control < 3 {
        let mut code = 0;
        while code < 8 {
            #[allow(clippy::indexing_slicing, reason = "evaluated at compile time, where a miss is an error")]
            if let Some(status) = CODES[code] {
                table[control][code] = Some(rule(CONTROLS[control], status));
            }
            code += 1;
        }
        control += 1;
    }
    table
};

impl PolicyHistory {
    /// The policy in force at `now` as numbers; `None` before the first is.
    #[must_use]
    pub fn compile(&self, now: Time) -> Option<Compiled> {
        let policy = self.in_force(now)?;
        let since = self.versions().rev().map(|v| v.effective).find(|effective| *effective <= now);
        Some(Compiled {
            targets: policy.targets().take(NUMBERED_MAX).collect(),
            from: since.unwrap_or(now),
            until: self.next_change(now).unwrap_or(Time::from_ms(u64::MAX)),
            recheck: policy.parts().recheck,
            history: self.clone(),
        })
    }
}

impl Compiled {
    fn policy(&self) -> &Policy {
        self.history.in_force(self.from).unwrap_or_else(|| self.history.newest())
    }

    /// From when until when the numbers hold.
    #[must_use]
    pub const fn holds(&self) -> (Time, Time) {
        (self.from, self.until)
    }

    /// The question as numbers, for somebody in these circumstances; the time does not matter. `None` where only the full rule can
    /// tell: because of the circumstances, or because the policy itself rules the question out.
    #[must_use]
    pub fn resolve(&self, question: &Question, context: &Context) -> Option<Ask> {
        let policy = self.policy();
        let law = policy.law(context.jurisdiction.as_ref());
        if !is_ordinary(context, &law, policy) || question.activity != Activity::Process {
            return None;
        }
        let purpose = policy.purpose(&question.purpose)?;
        let processor = match &question.processor {
            None => None,
            Some(id) => Some(policy.processor(id)?),
        };
        if let Some(data) = &question.data {
            let gets = |p: &Processor| p.use_for(&purpose.id).is_some_and(|u| u.data.contains(data));
            // A policy lets no purpose use data that is limited to others, so whoever uses it may.
            if !purpose.data.contains(data) || !processor.is_none_or(gets) {
                return None;
            }
        }
        let mut steps = [Step { number: 0, control: 0 }; 3];
        let transfer = processor.and_then(|p| p.transfer.as_ref()).and_then(|id| policy.purpose(id));
        let targets = [Some((purpose, None)), processor.map(|p| (purpose, Some(p))), transfer.map(|t| (t, None))];
        let mut count = 0;
        for ((purpose, processor), step) in targets.into_iter().flatten().zip(&mut steps) {
            *step = self.step(purpose, processor, law.regime)?;
            count += 1;
        }
        Some(Ask { steps, count })
    }

    fn step(&self, purpose: &Purpose, processor: Option<&Processor>, regime: Regime) -> Option<Step> {
        let number = self
            .targets
            .iter()
            .position(|target| target.purpose == purpose.id && target.processor.as_ref() == processor.map(|p| &p.id))?;
        let control = purpose.terms_in(regime).control;
        let control = CONTROLS.iter().position(|c| *c == control)?;
        Some(Step { number: u8::try_from(number).ok()?, control: u8::try_from(control).ok()? })
    }

    /// The record as bits, as it stands at `now`.
    #[must_use]
    pub fn pack(&self, record: &Record, now: Time) -> State {
        let mut state = State { planes: [0; 3], from: now.as_ms().max(self.from.as_ms()), until: self.until.as_ms() };
        let policy = self.policy();
        let context = Context::at(now);
        let asked = Asked { history: &self.history, policy, record, context: &context, law: Law::of(None) };
        for (number, target) in self.targets.iter().enumerate() {
            let mark = policy.purpose(&target.purpose).and_then(|purpose| {
                let mark = record.mark(target, purpose.kind.scope())?;
                Some((purpose, mark))
            });
            let code = match mark {
                _ if !record.is_plain() => ODD,
                None => 0,
                Some((purpose, mark)) => {
                    let status = packed(&asked, purpose, mark);
                    if status == Some(Status::Given) {
                        state.until = state.until.min(mark.at.after(policy.validity_of(purpose)).as_ms());
                    }
                    code_of(status)
                }
            };
            for (bit, plane) in state.planes.iter_mut().enumerate() {
                *plane |= u128::from(code >> bit & 1) << number;
            }
        }
        state
    }

    /// What [`decide`] would say at `now`; `None` where only the full rule can tell.
    #[must_use]
    #[inline]
    pub fn decide(&self, ask: &Ask, state: &State, now: Time) -> Option<Verdict> {
        if now.as_ms() < state.from || now.as_ms() >= state.until {
            return None;
        }
        let recheck = now.after(self.recheck).as_ms();
        let valid_until = Time::from_ms(if recheck < state.until { recheck } else { state.until });
        let [first, second, third] = ask.steps;
        let mut verdict = Verdict { reason: state.reason(first)?, valid_until, number: first.number };
        for (n, step) in [(1, second), (2, third)] {
            if n >= ask.count || !verdict.reason.allows() {
                break;
            }
            // The third step is a transfer, which settles the question only by denying it.
            let reason = state.reason(step)?;
            if n == 1 || !reason.allows() {
                verdict = Verdict { reason, number: step.number, ..verdict };
            } else {
                verdict.reason = reason;
            }
        }
        Some(verdict)
    }

    /// The purpose, or the processor within it, that settled it.
    #[must_use]
    pub fn decided_by(&self, verdict: &Verdict) -> Option<&Target> {
        self.targets.get(usize::from(verdict.number))
    }

    /// The verdict, by the short way where there is one and by the full rule where there is not.
    #[must_use]
    pub fn decide_or_ask(
        &self,
        state: &State,
        record: &Record,
        question: &Question,
        context: &Context,
    ) -> (Reason, Time) {
        let short = self.resolve(question, context).and_then(|ask| self.decide(&ask, state, context.now));
        short.map_or_else(
            || {
                let decision = decide(&self.history, record, question, context);
                (decision.reason, decision.valid_until)
            },
            |verdict| (verdict.reason, verdict.valid_until),
        )
    }
}

impl State {
    #[inline]
    fn reason(&self, step: Step) -> Option<Reason> {
        let [a, b, c] = self.planes;
        let bit = |plane: u128| (plane >> (step.number & 127)) as usize & 1;
        let code = bit(a) | bit(b) << 1 | bit(c) << 2;
        TABLE.get(usize::from(step.control))?.get(code).copied()?
    }
}

/// Whether nothing but place, plan and time is in play.
fn is_ordinary(context: &Context, law: &Law, policy: &Policy) -> bool {
    let ages = [law.consent_age, law.advertising_age, policy.parts().minimum_age.unwrap_or_default()];
    let is_grown = context.age.is_none_or(|band| ages.iter().all(|age| !band.is_below(*age)));
    is_grown
        && context.mode.is_none()
        && context.form.is_none()
        && context.signal.is_none()
        && context.guardian.is_none()
}

/// What a mark is worth, if that depends on nothing but the policy and the time.
fn packed(asked: &Asked<'_>, purpose: &Purpose, mark: &Mark) -> Option<Status> {
    match mark.standing {
        Standing::Refused => Some(Status::Refused),
        Standing::Withdrawn => Some(Status::Withdrawn),
        // In some places that takes a second step.
        Standing::Restored if purpose.answers_gpc() && !mark.is_confirmed() => None,
        Standing::Granted | Standing::Restored => Some(asked.worth_of_yes(mark, purpose)),
    }
}

fn code_of(status: Option<Status>) -> u8 {
    let code = CODES.iter().position(|code| code.is_some() && *code == status);
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(ODD)
}
