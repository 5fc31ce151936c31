//! What is known of one subject: the fold of their events, in the order of the ledger.
//!
//! Order is the ledger's, not the clock's, because a clock may go backwards. A [`Record`] says what was
//! last said; what that allows is for [`crate::decide`] to tell.

use crate::choice::{Choice, Stance};
use crate::id::{ChoiceId, PolicyHash, PurposeId, Target};
use crate::policy::Policy;
use crate::time::Time;
use crate::word::words;
use alloc::vec::Vec;

/// Something that happened, dated by the server's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When the server recorded it.
    pub at: Time,
    /// What happened.
    pub kind: EventKind,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// The subject made a choice.
    Chosen(Choice),
}

words! {
    /// Where a target stands after all that was said.
    pub enum Standing {
        /// Last granted.
        Granted = "granted",
        /// Refused, and never granted before.
        Refused = "refused",
        /// Refused after it had been granted.
        Withdrawn = "withdrawn",
    }
}

impl Standing {
    /// Where a target stands once `stance` is taken towards it.
    const fn then(earlier: Option<Self>, stance: Stance) -> Self {
        match (stance, earlier) {
            (Stance::Grant, _) => Self::Granted,
            (Stance::Refuse, Some(Self::Granted | Self::Withdrawn)) => Self::Withdrawn,
            (Stance::Refuse, Some(Self::Refused) | None) => Self::Refused,
        }
    }
}

/// The last word on one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// What it is about.
    pub target: Target,
    /// Where it stands.
    pub standing: Standing,
    /// When that was recorded.
    pub at: Time,
    /// The choice that said so.
    pub choice: ChoiceId,
    /// The policy which that choice answered.
    pub policy: PolicyHash,
}

/// What a mark is worth now, under the policy in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing was ever said. That is no consent (R16).
    Unknown,
    /// Granted, under the policy in force, and not expired.
    Given,
    /// Refused.
    Refused,
    /// Refused after it had been granted.
    Withdrawn,
    /// Granted too long ago.
    Expired,
    /// Granted under a policy no longer in force.
    Replaced,
}

/// The fold of a subject's events. Empty for a subject nobody has heard of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    marks: Vec<Mark>, // INVARIANT: ascending by target, each target once.
}

impl Record {
    /// The record after these events, given in the order of the ledger.
    #[must_use]
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut record = Self::default();
        for event in events {
            record.apply(event);
        }
        record
    }

    /// Takes one more event into account.
    pub fn apply(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Chosen(choice) => self.apply_choice(choice, event.at),
        }
    }

    /// The last word on `target`.
    #[must_use]
    pub fn mark(&self, target: &Target) -> Option<&Mark> {
        let found = self.marks.binary_search_by(|m| m.target.cmp(target)).ok()?;
        self.marks.get(found)
    }

    /// What the last word on `target` is worth at `now` under `policy`.
    #[must_use]
    pub fn status(&self, target: &Target, policy: &Policy, now: Time) -> Status {
        let Some(mark) = self.mark(target) else { return Status::Unknown };
        match mark.standing {
            Standing::Refused => Status::Refused,
            Standing::Withdrawn => Status::Withdrawn,
            Standing::Granted if mark.policy != policy.hash() => Status::Replaced,
            Standing::Granted if now >= mark.at.after(policy.parts().validity) => Status::Expired,
            Standing::Granted => Status::Given,
        }
    }

    /// A refused purpose carries its processors with it (R33): those of which this choice says nothing, and
    /// those that it grants in the same breath.
    fn apply_choice(&mut self, choice: &Choice, at: Time) {
        let refused = |purpose: &PurposeId| {
            choice.stances().iter().any(|(target, stance)| {
                *stance == Stance::Refuse && target.processor.is_none() && target.purpose == *purpose
            })
        };
        for (target, stance) in choice.stances() {
            let stance = if refused(&target.purpose) { Stance::Refuse } else { *stance };
            self.set(target, stance, choice, at);
            if target.processor.is_none() && stance == Stance::Refuse {
                self.cascade(&target.purpose, choice, at);
            }
        }
    }

    /// Refuses every processor of the purpose, so that granting the purpose again revives none of them unasked.
    fn cascade(&mut self, purpose: &PurposeId, choice: &Choice, at: Time) {
        let of_purpose = |m: &&mut Mark| m.target.purpose == *purpose && m.target.processor.is_some();
        for mark in self.marks.iter_mut().filter(of_purpose) {
            mark.say(Stance::Refuse, choice, at);
        }
    }

    fn set(&mut self, target: &Target, stance: Stance, choice: &Choice, at: Time) {
        match self.marks.binary_search_by(|m| m.target.cmp(target)) {
            Ok(found) => {
                if let Some(mark) = self.marks.get_mut(found) {
                    mark.say(stance, choice, at);
                }
            }
            Err(gap) => self.marks.insert(
                gap,
                Mark {
                    target: target.clone(),
                    standing: Standing::then(None, stance),
                    at,
                    choice: choice.id(),
                    policy: choice.answering().policy,
                },
            ),
        }
    }
}

impl Mark {
    fn say(&mut self, stance: Stance, choice: &Choice, at: Time) {
        self.standing = Standing::then(Some(self.standing), stance);
        self.at = at;
        self.choice = choice.id();
        self.policy = choice.answering().policy;
    }
}
