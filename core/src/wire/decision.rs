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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

impl TryFrom<ObligationDoc> for Obligation {
    type Error = PeriodError;

    fn try_from(doc: ObligationDoc) -> Result<Self, PeriodError> {
        Ok(match doc {
            ObligationDoc::DeleteWithin { minutes } => Self::DeleteWithin(Period::from_minutes(minutes)?),
            ObligationDoc::DeleteAfterUse => Self::DeleteAfterUse,
            ObligationDoc::DeleteAfterInactivity { minutes } => {
                Self::DeleteAfterInactivity(Period::from_minutes(minutes)?)
            }
            ObligationDoc::DeleteBackupsWithin { minutes } => Self::DeleteBackupsWithin(Period::from_minutes(minutes)?),
            ObligationDoc::PseudonymiseFirst => Self::PseudonymiseFirst,
            ObligationDoc::AnonymiseFirst => Self::AnonymiseFirst,
            ObligationDoc::RequestFlag { name, value } => Self::RequestFlag(name, value),
            ObligationDoc::Erase => Self::Erase,
            ObligationDoc::DeleteOnRequest => Self::DeleteOnRequest,
            ObligationDoc::NoTraining => Self::NoTraining,
            ObligationDoc::NoOwnUse => Self::NoOwnUse,
            ObligationDoc::TransferSafeguard { country, safeguard } => Self::TransferSafeguard(country, safeguard),
        })
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

/// Why a [`DecisionDoc`] is no decision. Whoever asked has no answer then, and processes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// It says one thing by `allow` and another by its reason.
    #[error("`allow` is {allow}, and the reason `{reason}` says otherwise")]
    Contradiction {
        /// What it says.
        allow: bool,
        /// What says otherwise.
        reason: Reason,
    },
    /// It allows, and wants everything erased.
    #[error("it allows, and has the obligation `erase`, which comes with a denial")]
    AllowedAndErased,
    /// An obligation has a period that there cannot be.
    #[error(transparent)]
    Period(#[from] PeriodError),
}

impl TryFrom<DecisionDoc> for Decision {
    type Error = DecisionError;

    /// What whoever asked reads back. A reason or an obligation that this version does not know is no JSON of this form, so that it never
    /// comes here: what is not understood is no permission.
    fn try_from(doc: DecisionDoc) -> Result<Self, DecisionError> {
        let DecisionDoc { v: V1, allow, reason, decided_by, basis, regime, policy, events, .. } = doc;
        if allow != reason.allows() {
            return Err(DecisionError::Contradiction { allow, reason });
        }
        let obligations: Vec<Obligation> =
            doc.obligations.into_iter().map(Obligation::try_from).collect::<Result<_, _>>()?;
        if allow && obligations.contains(&Obligation::Erase) {
            return Err(DecisionError::AllowedAndErased);
        }
        let (features_lost, valid_until) = (doc.features_lost, doc.valid_until_ms);
        Ok(Self { reason, decided_by, basis, regime, policy, events, obligations, features_lost, valid_until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use serde_json::{Value, json};

    fn allowed() -> Value {
        json!({
            "v": 1, "allow": true, "reason": "given", "decided_by": "downstream-ai/kling", "basis": "consent", "regime": "opt-in",
            "policy": "0123456789abcdef".repeat(4), "events": ["0198c0de-0000-7000-8000-000000000001"],
            "obligations": [
                { "type": "delete-within", "minutes": 1440 }, { "type": "delete-after-use" },
                { "type": "delete-after-inactivity", "minutes": 1 }, { "type": "delete-on-request" },
                { "type": "delete-backups-within", "minutes": 43200 }, { "type": "pseudonymise-first" },
                { "type": "anonymise-first" }, { "type": "no-training" }, { "type": "no-own-use" },
                { "type": "transfer-safeguard", "country": "CN", "safeguard": "standard-contractual-clauses" },
                { "type": "request-flag", "name": "store", "value": "false" },
            ],
            "features_lost": [], "valid_until_ms": 1_763_800_300_000_u64,
        })
    }

    fn read(doc: &Value) -> Option<Decision> {
        serde_json::from_value::<DecisionDoc>(doc.clone()).ok()?.try_into().ok()
    }

    #[test]
    fn a_decision_reads_back_as_it_is_written() {
        let decision = read(&allowed()).unwrap();
        assert!(decision.allows());
        assert_eq!(serde_json::to_value(DecisionDoc::from(decision)).unwrap(), allowed());
        let mut denied = allowed();
        for (field, value) in [("allow", json!(false)), ("reason", json!("under-age"))] {
            denied[field] = value;
        }
        denied["obligations"] = json!([{ "type": "erase" }]);
        assert_eq!(read(&denied).map(|denied| denied.obligations), Some(vec![Obligation::Erase]));
    }

    #[test]
    fn r34_what_is_not_understood_is_no_decision() {
        for (field, value) in [
            ("v", json!(2)),
            ("allow", json!(false)),
            ("reason", json!("refused")),
            ("reason", json!("whispered")),
            ("decided_by", json!("a/b/c")),
            ("basis", json!("whim")),
            ("regime", json!("opt-sideways")),
            ("policy", json!("")),
            ("obligations", json!([{ "type": "sing" }])),
            ("obligations", json!([{ "type": "erase" }])),
            ("obligations", json!([{ "type": "delete-within", "minutes": 0 }])),
            ("valid_until_ms", json!(-1)),
        ] {
            let mut doc = allowed();
            doc[field] = value.clone();
            assert_eq!(read(&doc), None, "{field}: {value}");
        }
        for field in ["allow", "reason", "policy", "obligations", "valid_until_ms"] {
            let mut doc = allowed();
            doc.as_object_mut().unwrap().remove(field);
            assert_eq!(read(&doc), None, "without {field}");
        }
    }

    /// A later version may say more of a decision that is the same.
    #[test]
    fn what_else_is_said_of_a_decision_is_not_looked_at() {
        let mut doc = allowed();
        doc["mood"] = json!("sunny");
        assert!(read(&doc).is_some());
    }
}
