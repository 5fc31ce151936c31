//! Questions and decisions as JSON.

use super::choice::WireError;
use super::word::V1;
use crate::*;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Most questions in one request.
pub const QUESTIONS_MAX: usize = 1_000;

/// One question about one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionDoc {
    /// Whose data.
    pub subject: Subject,
    /// What for.
    pub purpose: PurposeId,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<ProcessorId>,
    /// With which data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataId>,
    /// Where the subject is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<Jurisdiction>,
}

impl QuestionDoc {
    /// The subject, the question and its circumstances at `now`.
    #[must_use]
    pub fn into_parts(self, now: Time) -> (Subject, Question, Context) {
        let question = Question { purpose: self.purpose, processor: self.processor, data: self.data };
        (self.subject, question, Context { now, jurisdiction: self.jurisdiction })
    }
}

/// A request for decisions: one question, or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "AskFields")]
pub enum AskDoc {
    /// One question; the answer is one decision.
    One(QuestionDoc),
    /// Several; the answer holds as many decisions in the same order.
    Many(Vec<QuestionDoc>),
}

/// Both forms at once: an untagged enum would lose which field was wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskFields {
    questions: Option<Vec<QuestionDoc>>,
    subject: Option<Subject>,
    purpose: Option<PurposeId>,
    processor: Option<ProcessorId>,
    data: Option<DataId>,
    jurisdiction: Option<Jurisdiction>,
}

impl TryFrom<AskFields> for AskDoc {
    type Error = WireError;

    fn try_from(fields: AskFields) -> Result<Self, WireError> {
        let AskFields { questions, subject, purpose, processor, data, jurisdiction } = fields;
        match (questions, subject, purpose) {
            (Some(questions), None, None) if processor.is_none() && data.is_none() && jurisdiction.is_none() => {
                if questions.len() > QUESTIONS_MAX {
                    return Err(WireError::TooManyQuestions);
                }
                Ok(Self::Many(questions))
            }
            (None, Some(subject), Some(purpose)) => {
                Ok(Self::One(QuestionDoc { subject, purpose, processor, data, jurisdiction }))
            }
            (_, _, _) => Err(WireError::OneOrMany),
        }
    }
}

/// An [`Obligation`] as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ObligationDoc {
    /// Delete within this many minutes of collecting.
    DeleteWithin {
        /// The period in minutes.
        minutes: u32,
    },
    /// Delete once it has served its use.
    DeleteAfterUse,
    /// Delete when the subject asks.
    DeleteOnRequest,
    /// Train nothing on it.
    NoTraining,
    /// No ends of the processor's own.
    NoOwnUse,
    /// Leaves the EEA under a safeguard.
    TransferSafeguard {
        /// Where to.
        country: Country,
        /// Under what.
        safeguard: Safeguard,
    },
}

impl From<Obligation> for ObligationDoc {
    fn from(obligation: Obligation) -> Self {
        match obligation {
            Obligation::DeleteWithin(period) => Self::DeleteWithin { minutes: period.as_minutes() },
            Obligation::DeleteAfterUse => Self::DeleteAfterUse,
            Obligation::DeleteOnRequest => Self::DeleteOnRequest,
            Obligation::NoTraining => Self::NoTraining,
            Obligation::NoOwnUse => Self::NoOwnUse,
            Obligation::TransferSafeguard(country, safeguard) => Self::TransferSafeguard { country, safeguard },
        }
    }
}

/// A [`Decision`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionDoc {
    /// The version.
    pub v: V1,
    /// Whether it may be done.
    pub allow: bool,
    /// Why.
    pub reason: Reason,
    /// The purpose or processor that settled it.
    pub decided_by: Target,
    /// The legal basis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<LegalBasis>,
    /// The regime applied.
    pub regime: Regime,
    /// The policy applied.
    pub policy: PolicyHash,
    /// The choices it rests on.
    pub events: Vec<ChoiceId>,
    /// What whoever is allowed must do.
    pub obligations: Vec<ObligationDoc>,
    /// What the site cannot offer without it.
    pub features_lost: Vec<FeatureId>,
    /// Until when it may be relied on.
    pub valid_until_ms: Time,
}

impl From<Decision> for DecisionDoc {
    fn from(decision: Decision) -> Self {
        Self {
            v: V1,
            allow: decision.allows(),
            reason: decision.reason,
            decided_by: decision.decided_by,
            basis: decision.basis,
            regime: decision.regime,
            policy: decision.policy,
            events: decision.events,
            obligations: decision.obligations.into_iter().map(Into::into).collect(),
            features_lost: decision.features_lost,
            valid_until_ms: decision.valid_until,
        }
    }
}
