//! Questions and decisions as JSON.

use super::choice::WireError;
use super::word::{V1, said};
use crate::*;
use alloc::boxed::Box;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Most questions in one request.
pub const QUESTIONS_MAX: usize = 1_000;

/// Whom a question is about that is asked about several.
const NOBODY: Subject = Subject::Account(AccountId::from_bytes([0; HASH_BYTES]));

/// For how long a guardian is known to stand by a minor's choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardianDoc {
    /// Since when.
    pub from_ms: Time,
    /// Until when.
    pub until_ms: Time,
}

macro_rules! question {
    ($( $(#[$meta:meta])* $field:ident: $type:ty, )+) => {
        /// One question about one subject, in its circumstances. What is left out is not known.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct QuestionDoc {
            /// Whose data.
            pub subject: Subject,
            /// What for.
            pub purpose: PurposeId,
            $(
                $(#[$meta])*
                #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
                pub $field: Option<$type>,
            )+
        }

        /// Both forms of a request at once: an untagged enum would lose which field was wrong.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct AskFields {
            #[serde(default, deserialize_with = "said")]
            questions: Option<Vec<QuestionDoc>>,
            #[serde(default, deserialize_with = "said")]
            subjects: Option<Vec<Subject>>,
            #[serde(default, deserialize_with = "said")]
            subject: Option<Subject>,
            #[serde(default, deserialize_with = "said")]
            purpose: Option<PurposeId>,
            $( #[serde(default, deserialize_with = "said")] $field: Option<$type>, )+
        }

        impl QuestionDoc {
            /// A question with nothing but its subject and purpose.
            #[must_use]
            pub const fn new(subject: Subject, purpose: PurposeId) -> Self {
                Self { subject, purpose, $( $field: None, )+ }
            }
        }

        impl TryFrom<AskFields> for AskDoc {
            type Error = WireError;

            fn try_from(fields: AskFields) -> Result<Self, WireError> {
                let AskFields { questions, subjects, subject, purpose, $( $field, )+ } = fields;
                let is_one = subject.is_some() || purpose.is_some() $( || $field.is_some() )+;
                match (questions, subjects, subject, purpose) {
                    (Some(questions), None, _, _) if !is_one => {
                        if questions.len() > QUESTIONS_MAX {
                            return Err(WireError::TooManyQuestions);
                        }
                        Ok(Self::Many(questions))
                    }
                    (None, Some(subjects), None, Some(purpose)) => {
                        if subjects.len() > QUESTIONS_MAX {
                            return Err(WireError::TooManyQuestions);
                        }
                        let question = QuestionDoc { subject: NOBODY, purpose, $( $field, )+ };
                        // Each of them is on a device of their own.
                        if question.device.is_some() {
                            return Err(WireError::OneOrMany);
                        }
                        Ok(Self::Same(Box::new(question), subjects))
                    }
                    (None, None, Some(subject), Some(purpose)) => {
                        Ok(Self::One(Box::new(QuestionDoc { subject, purpose, $( $field, )+ })))
                    }
                    (_, _, _, _) => Err(WireError::OneOrMany),
                }
            }
        }
    };
}

question! {
    /// The device that an account is signed in on.
    device: DeviceId,
    /// By whom.
    processor: ProcessorId,
    /// With which data.
    data: DataId,
    /// What would be done with it; to process it if nothing is said.
    activity: Activity,
    /// In which form it would be used.
    form: DataForm,
    /// In which way of working it came about.
    mode: ModeId,
    /// Where the subject is.
    jurisdiction: Jurisdiction,
    /// How old the subject is.
    age: AgeBand,
    /// Who stands by a minor's choices.
    guardian: GuardianDoc,
    /// The plan that the subject is on.
    plan: PlanId,
    /// What the subject's browser says right now.
    signal: Signal,
    /// As of which time in the past, by what had been recorded then.
    as_of_ms: Time,
    /// As of which time in the past, by what had happened then, whenever it was recorded.
    happened_by_ms: Time,
    /// In which language the answer is to be explained, too. It changes nothing of the decision.
    explain: Language,
}

impl QuestionDoc {
    /// The question itself.
    #[must_use]
    pub fn question(&self) -> Question {
        Question {
            purpose: self.purpose.clone(),
            processor: self.processor.clone(),
            data: self.data.clone(),
            activity: self.activity.unwrap_or(Activity::Process),
        }
    }

    /// The circumstances: at `now`, or at the time in the past that is asked about, which can be no later.
    #[must_use]
    pub fn context(&self, now: Time) -> Context {
        Context {
            now: self.as_of_ms.or(self.happened_by_ms).map_or(now, |past| past.min(now)),
            jurisdiction: self.jurisdiction.clone(),
            age: self.age,
            guardian: self.guardian.map(|g| Guardian { from: g.from_ms, until: g.until_ms }),
            plan: self.plan.clone(),
            mode: self.mode.clone(),
            signal: self.signal,
            form: self.form,
        }
    }

    /// Which events count. Where both times are named, both must hold.
    #[must_use]
    pub fn counts(&self, event: &Event) -> bool {
        self.as_of_ms.is_none_or(|time| AsOf::Recorded(time).counts(event))
            && self.happened_by_ms.is_none_or(|time| AsOf::Happened(time).counts(event))
    }
}

/// A request for decisions: one question, or several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "AskFields")]
pub enum AskDoc {
    /// One question; the answer is one decision.
    One(Box<QuestionDoc>),
    /// Several; the answer holds as many decisions in the same order.
    Many(Vec<QuestionDoc>),
    /// The same about several subjects; the answer holds each decision once, and for each subject which it is. The question's own subject
    /// is nobody.
    Same(Box<QuestionDoc>, Vec<Subject>),
}

impl AskDoc {
    /// How many decisions it asks for.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(questions) => questions.len(),
            Self::Same(_, subjects) => subjects.len(),
        }
    }
}

/// An [`Obligation`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ObligationDoc {
    /// Delete within this many minutes of collecting.
    DeleteWithin {
        /// The period in minutes.
        minutes: u32,
    },
    /// Delete once it has served its use.
    DeleteAfterUse,
    /// Delete once the subject has been away for this many minutes.
    DeleteAfterInactivity {
        /// The period in minutes.
        minutes: u32,
    },
    /// Delete when the subject asks.
    DeleteOnRequest,
    /// Delete copies within this many minutes of deleting the data.
    DeleteBackupsWithin {
        /// The period in minutes.
        minutes: u32,
    },
    /// Replace what names the subject before use.
    PseudonymiseFirst,
    /// Remove for good what points to the subject before use.
    AnonymiseFirst,
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
    /// Send this along with the request to the processor.
    RequestFlag {
        /// Its name.
        name: Box<str>,
        /// Its value.
        value: Box<str>,
    },
    /// Erase all that is kept of this subject.
    Erase,
}

impl From<Obligation> for ObligationDoc {
    fn from(obligation: Obligation) -> Self {
        match obligation {
            Obligation::DeleteWithin(period) => Self::DeleteWithin { minutes: period.as_minutes() },
            Obligation::DeleteAfterUse => Self::DeleteAfterUse,
            Obligation::DeleteAfterInactivity(period) => Self::DeleteAfterInactivity { minutes: period.as_minutes() },
            Obligation::DeleteBackupsWithin(period) => Self::DeleteBackupsWithin { minutes: period.as_minutes() },
            Obligation::PseudonymiseFirst => Self::PseudonymiseFirst,
            Obligation::AnonymiseFirst => Self::AnonymiseFirst,
            Obligation::RequestFlag(name, value) => Self::RequestFlag { name, value },
            Obligation::Erase => Self::Erase,
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
    pub events: Vec<EventId>,
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
