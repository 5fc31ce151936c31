//! One deliberate act: what a person decided, under which notice, and where.
//!
//! A [`Draft`] is a choice in the making; [`Draft::commit`] checks it against the policy, in the browser
//! before it takes effect and on the server before it is kept.

use crate::history::PolicyHistory;
use crate::id::{EventId, Language, NoticeHash, PolicyHash, ProcessorId, PurposeId, Target};
use crate::policy::{PROCESSORS_MAX, PURPOSES_MAX, Policy};
use crate::word::words;
use alloc::vec::Vec;

/// Most stances in one choice. More than any policy has switches for in practice, little enough to bound a request.
pub const STANCES_MAX: usize = 4 * (PURPOSES_MAX + PROCESSORS_MAX);

words! {
    /// What a person says to one purpose or processor.
    pub enum Stance {
        /// Yes.
        Grant = "grant",
        /// No, or no longer.
        Refuse = "refuse",
    }
}

words! {
    /// Where a choice was made.
    pub enum Surface {
        /// The first layer.
        Banner = "banner",
        /// The preference centre.
        Centre = "centre",
        /// A switch on the site's own pages.
        Page = "page",
        /// The site's own code, on the person's behalf.
        Script = "script",
        /// Another system, before this one kept the record.
        Import = "import",
    }
}

impl Surface {
    /// Whether a choice made there speaks of each thing by itself, by the person's own hand (R25).
    #[must_use]
    pub const fn is_specific(self) -> bool {
        match self {
            Self::Centre | Self::Page => true,
            Self::Banner | Self::Script | Self::Import => false,
        }
    }
}

/// What a person was answering: the notice they saw, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answering {
    /// The policy that the notice told of.
    pub policy: PolicyHash,
    /// The exact texts.
    pub notice: NoticeHash,
    /// Their language (R13).
    pub language: Language,
    /// Where the choice was made.
    pub surface: Surface,
    /// Whether the person was asked a second time and confirmed it (R27).
    pub confirmed: bool,
}

/// A choice in the making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    answering: Answering,
    stances: Vec<(Target, Stance)>, // INVARIANT: each target once.
}

/// Why a draft is not a choice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// The subject answered a notice no longer in force: show the current one.
    #[error("policy `{given}` was replaced by `{current}`")]
    Superseded {
        /// The policy that was answered.
        given: PolicyHash,
        /// The policy in force.
        current: PolicyHash,
    },
    /// The policy has no such purpose.
    #[error("the policy has no purpose `{0}`")]
    UnknownPurpose(PurposeId),
    /// The purpose employs no such processor.
    #[error("purpose `{purpose}` employs no processor `{processor}`")]
    UnknownProcessor {
        /// The purpose.
        purpose: PurposeId,
        /// The processor.
        processor: ProcessorId,
    },
    /// The purpose has no switch: it is told, not asked.
    #[error("purpose `{0}` is not a matter of choice")]
    NotChoosable(PurposeId),
    /// The draft says nothing.
    #[error("a choice needs at least one stance")]
    Empty,
    /// More than [`STANCES_MAX`] stances.
    #[error("a choice holds at most {STANCES_MAX} stances")]
    TooMany,
}

impl Draft {
    /// A draft that says nothing yet.
    #[must_use]
    pub const fn new(answering: Answering) -> Self {
        Self { answering, stances: Vec::new() }
    }

    /// The same stance towards everything that has a switch: what "accept all" and "refuse all" mean.
    #[must_use]
    pub fn all(answering: Answering, policy: &Policy, stance: Stance) -> Self {
        Self { answering, stances: policy.choosable().map(|target| (target, stance)).collect() }
    }

    /// The draft with this stance, in place of an earlier one towards the same target. No other target changes (R8).
    #[must_use]
    pub fn with(mut self, target: Target, stance: Stance) -> Self {
        match self.stances.iter_mut().find(|(t, _)| *t == target) {
            Some((_, earlier)) => *earlier = stance,
            None => self.stances.push((target, stance)),
        }
        self
    }

    /// What the draft says so far towards `target`.
    #[must_use]
    pub fn stance(&self, target: &Target) -> Option<Stance> {
        self.stances.iter().find(|(t, _)| t == target).map(|(_, stance)| *stance)
    }

    /// Makes the draft a choice named `id`. Runs in the browser before a choice takes effect, and on the server before it is kept.
    ///
    /// It must answer the newest policy; but a choice that only refuses may answer any that was ever published, because
    /// saying no must not wait for reading anew.
    ///
    /// # Errors
    /// [`ChoiceError`], when the draft does not answer such a policy.
    pub fn commit(self, history: &PolicyHistory, id: EventId) -> Result<Choice, ChoiceError> {
        let Self { answering, stances } = self;
        let only_refuses = stances.iter().all(|(_, stance)| *stance == Stance::Refuse);
        let answered =
            history.published(answering.policy).filter(|p| only_refuses || p.hash() == history.newest().hash());
        let Some(policy) = answered else {
            return Err(ChoiceError::Superseded { given: answering.policy, current: history.newest().hash() });
        };
        if stances.is_empty() {
            return Err(ChoiceError::Empty);
        }
        if stances.len() > STANCES_MAX {
            return Err(ChoiceError::TooMany);
        }
        for (target, _) in &stances {
            check_target(target, policy)?;
        }
        Ok(Choice { id, answering, stances: sorted(stances) })
    }
}

/// By insertion: a choice is short and mostly in order already, and the standard library's sort would be a kilobyte of
/// every visitor's download.
fn sorted(stances: Vec<(Target, Stance)>) -> Vec<(Target, Stance)> {
    let mut sorted = Vec::with_capacity(stances.len());
    for stance in stances {
        let gap = sorted.partition_point(|earlier| *earlier <= stance);
        sorted.insert(gap, stance);
    }
    sorted
}

fn check_target(target: &Target, policy: &Policy) -> Result<(), ChoiceError> {
    let purpose = policy.purpose(&target.purpose).ok_or_else(|| ChoiceError::UnknownPurpose(target.purpose.clone()))?;
    if !purpose.is_choosable() {
        return Err(ChoiceError::NotChoosable(purpose.id.clone()));
    }
    if let Some(id) = &target.processor
        && policy.processor(id).is_none_or(|p| p.use_for(&purpose.id).is_none())
    {
        return Err(ChoiceError::UnknownProcessor { purpose: purpose.id.clone(), processor: id.clone() });
    }
    Ok(())
}

/// One deliberate act of a person, checked against the policy that it answers.
/// INVARIANT: 1 to [`STANCES_MAX`] stances, sorted, each target once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    id: EventId,
    answering: Answering,
    stances: Vec<(Target, Stance)>,
}

impl Choice {
    /// The choice's name.
    #[must_use]
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// What was answered, and where.
    #[must_use]
    pub const fn answering(&self) -> &Answering {
        &self.answering
    }

    /// What was said, by target in ascending order.
    #[must_use]
    pub fn stances(&self) -> &[(Target, Stance)] {
        &self.stances
    }

    /// A choice that was committed earlier and comes back from where it was kept. Its policy may have
    /// been replaced since, so it is not checked against one; [`crate::decide`] gives it no more than it is worth.
    ///
    /// # Errors
    /// [`ChoiceError::Empty`] and [`ChoiceError::TooMany`].
    pub fn restore(id: EventId, answering: Answering, stances: Vec<(Target, Stance)>) -> Result<Self, ChoiceError> {
        if stances.is_empty() {
            return Err(ChoiceError::Empty);
        }
        if stances.len() > STANCES_MAX {
            return Err(ChoiceError::TooMany);
        }
        // A refusal sorts after a grant; of two stances towards one target the refusal stays.
        let mut stances = sorted(stances);
        stances.reverse();
        stances.dedup_by(|a, b| a.0 == b.0);
        stances.reverse();
        Ok(Self { id, answering, stances })
    }
}
