//! The permit: that somebody asked, and was told yes, as something that a function can demand.

use crate::error::AskError;
use crate::intent::AsAsked;
use consentry_core::wire::QuestionDoc;
use consentry_core::{DataId, Decision, Obligation, ProcessorId, PurposeId, Reason, Subject, Time};
use std::fmt;
use std::marker::PhantomData;

/// Somebody has asked, and it may be done: with this subject's data, for this purpose, by this processor, under these obligations, until it
/// expires. [`crate::Ask`] alone makes one, and it can be neither copied nor kept for later: queued work asks again when it runs (R35).
#[must_use = "what was permitted is done by whoever demands the permit"]
pub struct Permit<I = AsAsked> {
    question: QuestionDoc,
    decision: Decision,
    intent: PhantomData<fn() -> I>,
}

/// Why a permit permits no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PermitError {
    /// It was taken too long ago.
    #[error("the permit expired {}: ask again, since what is permitted may have changed", ago(*.expired, *.now))]
    Expired {
        /// When it expired.
        expired: Time,
        /// When somebody wanted to rely on it.
        now: Time,
    },
}

fn ago(then: Time, now: Time) -> String {
    format!("{} ms ago", now.as_ms().saturating_sub(then.as_ms()))
}

/// Asked, and told no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied(Box<Decision>);

/// Why there is no permit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequireError {
    /// The answer is no.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no answer.
    #[error("nobody could say whether it is allowed, so it is not: {0}")]
    Unanswered(#[from] AskError),
    /// The answer had ceased to count when it came.
    #[error(
        "the answer had expired when it came, by this machine's clock: process nothing, and see that the clocks here and at the server \
         are right"
    )]
    Stale {
        /// Until when it counted.
        valid_until: Time,
        /// When it came.
        now: Time,
    },
    /// Somebody wants a permit for the past.
    #[error("what was allowed in the past permits nothing now: leave out `as_of`, or ask for a decision")]
    Past,
}

impl RequireError {
    /// What was answered, where that was no.
    #[must_use]
    pub const fn denied(&self) -> Option<&Denied> {
        match self {
            Self::Denied(denied) => Some(denied),
            Self::Unanswered(_) | Self::Stale { .. } | Self::Past => None,
        }
    }
}

impl Denied {
    /// What was answered.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.0
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.0.reason
    }
}

impl fmt::Display for Denied {
    /// Without the events that it rests on, which are somebody's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decision { reason, decided_by, regime, .. } = &*self.0;
        write!(f, "denied by `{decided_by}`: {reason} (regime {regime})")
    }
}

impl std::error::Error for Denied {}

impl<I> Permit<I> {
    /// The only way to a permit: a decision that allows, and still counts.
    pub(crate) fn of(question: QuestionDoc, decision: Decision, now: Time) -> Result<Self, RequireError> {
        if !decision.allows() {
            return Err(Denied(Box::new(decision)).into());
        }
        if decision.valid_until <= now {
            return Err(RequireError::Stale { valid_until: decision.valid_until, now });
        }
        Ok(Self { question, decision, intent: PhantomData })
    }

    /// Whose data it is about.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        self.question.subject
    }

    /// What for.
    #[must_use]
    pub const fn purpose(&self) -> &PurposeId {
        &self.question.purpose
    }

    /// By whom; none is the site itself.
    #[must_use]
    pub const fn processor(&self) -> Option<&ProcessorId> {
        self.question.processor.as_ref()
    }

    /// With which data; none is all that the purpose uses.
    #[must_use]
    pub const fn data(&self) -> Option<&DataId> {
        self.question.data.as_ref()
    }

    /// What was asked, with its circumstances.
    #[must_use]
    pub const fn question(&self) -> &QuestionDoc {
        &self.question
    }

    /// What was answered.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// What whoever acts on it must do.
    #[must_use]
    pub fn obligations(&self) -> &[Obligation] {
        &self.decision.obligations
    }

    /// What must go along with the request to the processor, by name and value.
    pub fn request_flags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.decision.obligations.iter().filter_map(|obligation| match obligation {
            Obligation::RequestFlag(name, value) => Some((&**name, &**value)),
            Obligation::DeleteWithin(_)
            | Obligation::DeleteAfterUse
            | Obligation::DeleteAfterInactivity(_)
            | Obligation::DeleteOnRequest
            | Obligation::DeleteBackupsWithin(_)
            | Obligation::PseudonymiseFirst
            | Obligation::AnonymiseFirst
            | Obligation::NoTraining
            | Obligation::NoOwnUse
            | Obligation::TransferSafeguard(_, _)
            | Obligation::Erase => None,
        })
    }

    /// From when on it permits nothing more, by the server's clock.
    #[must_use]
    pub const fn expires(&self) -> Time {
        self.decision.valid_until
    }

    /// Whether it still permits. For whoever does something that takes long, or waits before it begins.
    ///
    /// # Errors
    /// [`PermitError::Expired`] once it does not.
    pub fn check(&self, now: Time) -> Result<&Self, PermitError> {
        let expired = self.expires();
        if now < expired { Ok(self) } else { Err(PermitError::Expired { expired, now }) }
    }
}

impl<I> fmt::Debug for Permit<I> {
    /// Without whom it is about: it may end in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Permit");
        shown.field("purpose", self.purpose()).field("processor", &self.processor()).field("data", &self.data());
        shown.field("expires", &self.expires()).finish_non_exhaustive()
    }
}
