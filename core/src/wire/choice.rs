//! Choices and events as JSON, and the document that the preference centre opens with.

use super::policy::PolicyDoc;
use super::posted::DemandDoc;
use super::word::{V1, said};
use crate::word::words;
use crate::*;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

words! {
    /// The two outcomes that a banner can bring about alone, by name.
    pub enum Outcome {
        /// Everything that has a switch is granted.
        AllGranted = "all-granted",
        /// Everything that has a switch is refused.
        AllRefused = "all-refused",
    }
}

impl Outcome {
    /// The stance it takes towards everything.
    #[must_use]
    pub const fn stance(self) -> Stance {
        match self {
            Self::AllGranted => Stance::Grant,
            Self::AllRefused => Stance::Refuse,
        }
    }
}

/// A choice as it is posted: an outcome by name, or its stances one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceDoc {
    /// The version.
    pub v: V1,
    /// The choice's name.
    pub id: EventId,
    /// The policy answered.
    pub policy: PolicyHash,
    /// The exact texts shown.
    pub notice: NoticeHash,
    /// Their language.
    pub language: Language,
    /// Where it was made.
    pub surface: Surface,
    /// Whether the person confirmed it in a second step.
    #[serde(default, skip_serializing_if = "is_false")]
    pub confirmed: bool,
    /// All granted or all refused.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    pub outcome: Option<Outcome>,
    /// Or one by one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    pub stances: Option<StancesDoc>,
}

/// Why a document that reads well still says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Both an outcome and stances, or neither.
    #[error("expected either `outcome` or `stances`")]
    OutcomeOrStances,
    /// Neither one question nor several.
    #[error(
        "expected one question with `subject` and `purpose`, or one about several with `subjects`, `purpose` and no `device`, or `questions`"
    )]
    OneOrMany,
    /// More than [`super::QUESTIONS_MAX`] questions.
    #[error("more than {max} questions in one request", max = super::QUESTIONS_MAX)]
    TooManyQuestions,
    /// An erasure is of everything, and cannot be taken back.
    #[error("an erasure has no purpose and cannot be lifted")]
    Erasure,
    /// A stored choice that no longer reads as one.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
}

impl ChoiceDoc {
    fn answering(&self) -> Answering {
        Answering {
            policy: self.policy,
            notice: self.notice,
            language: self.language.clone(),
            surface: self.surface,
            confirmed: self.confirmed,
        }
    }

    /// The draft that was sent, and the id it asks for. An outcome by name is spelt out by the policy in force;
    /// if that is not the one answered, [`Draft::commit`] says so.
    ///
    /// # Errors
    /// [`WireError::OutcomeOrStances`].
    pub fn into_draft(self, policy: &Policy) -> Result<(Draft, EventId), WireError> {
        let answering = self.answering();
        let draft = match (self.outcome, self.stances) {
            (Some(outcome), None) => Draft::all(answering, policy, outcome.stance()),
            (None, Some(stances)) => {
                stances.0.into_iter().fold(Draft::new(answering), |draft, (target, stance)| draft.with(target, stance))
            }
            (Some(_), Some(_)) | (None, None) => return Err(WireError::OutcomeOrStances),
        };
        Ok((draft, self.id))
    }

    /// Whether `choice` is what this document became when it was first sent, whatever policy is in force by now.
    #[must_use]
    pub fn became(&self, choice: &Choice) -> bool {
        let says_the_same = match (&self.outcome, &self.stances) {
            (Some(outcome), None) => choice.stances().iter().all(|(_, stance)| *stance == outcome.stance()),
            (None, Some(StancesDoc(stances))) => {
                stances.len() == choice.stances().len() && stances.iter().all(|said| choice.stances().contains(said))
            }
            (Some(_), Some(_)) | (None, None) => false,
        };
        self.id == choice.id() && self.answering() == *choice.answering() && says_the_same
    }

    /// The choice that was kept.
    ///
    /// # Errors
    /// [`WireError`], if what was kept is broken; an outcome by name is never kept.
    pub fn into_choice(self) -> Result<Choice, WireError> {
        let answering = self.answering();
        let (None, Some(stances)) = (self.outcome, self.stances) else {
            return Err(WireError::OutcomeOrStances);
        };
        Ok(Choice::restore(self.id, answering, stances.0)?)
    }
}

impl From<&Choice> for ChoiceDoc {
    fn from(choice: &Choice) -> Self {
        let answering = choice.answering();
        Self {
            v: V1,
            id: choice.id(),
            policy: answering.policy,
            notice: answering.notice,
            language: answering.language.clone(),
            surface: answering.surface,
            confirmed: answering.confirmed,
            outcome: None,
            stances: Some(StancesDoc(choice.stances().to_vec())),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
pub(super) const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Stances by target, as a JSON object. A target named twice is an error: which of the two was meant?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StancesDoc(pub Vec<(Target, Stance)>);

impl Serialize for StancesDoc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(target, stance)| (target, stance)))
    }
}

impl<'de> Deserialize<'de> for StancesDoc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(StancesVisitor)
    }
}

struct StancesVisitor;

impl<'de> Visitor<'de> for StancesVisitor {
    type Value = StancesDoc;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of stances by target")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<StancesDoc, A::Error> {
        let mut stances: Vec<(Target, Stance)> = Vec::new();
        while let Some((target, stance)) = map.next_entry()? {
            if stances.len() >= STANCES_MAX {
                return Err(A::Error::custom("too many stances"));
            }
            if stances.iter().any(|(t, _)| *t == target) {
                return Err(A::Error::custom("a target is named twice"));
            }
            stances.push((target, stance));
        }
        Ok(StancesDoc(stances))
    }
}

/// An [`Event`] as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum EventDoc {
    /// The subject made a choice.
    Chosen {
        /// When the server recorded it.
        at_ms: Time,
        /// The choice, its stances spelt out.
        choice: ChoiceDoc,
    },
    /// The subject's browser sent a signal.
    Signalled {
        /// When the server recorded it.
        at_ms: Time,
        /// The event's name.
        id: EventId,
        /// The signal.
        signal: Signal,
    },
    /// The subject used a right, or took that back.
    Demanded {
        /// When the server recorded it.
        at_ms: Time,
        /// The event's name.
        id: EventId,
        /// Which right.
        demand: DemandKind,
        /// The purpose that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<PurposeId>,
        /// Whether it is taken back.
        #[serde(default, skip_serializing_if = "is_false")]
        lifted: bool,
    },
    /// The account was signed in on a device.
    Linked {
        /// When the server recorded it.
        at_ms: Time,
        /// The event's name.
        id: EventId,
        /// The device.
        device: DeviceId,
    },
    /// A choice of the device's was made while somebody was signed in.
    Lent {
        /// When the server recorded it.
        at_ms: Time,
        /// The event's name.
        id: EventId,
        /// The choice's name.
        choice_id: EventId,
    },
}

impl From<&Event> for EventDoc {
    fn from(event: &Event) -> Self {
        let at_ms = event.at;
        match &event.kind {
            EventKind::Chosen(choice) => Self::Chosen { at_ms, choice: choice.into() },
            EventKind::Signalled(id, signal) => Self::Signalled { at_ms, id: *id, signal: *signal },
            EventKind::Demanded(id, Demand { kind, purpose, stands }) => {
                Self::Demanded { at_ms, id: *id, demand: *kind, purpose: purpose.clone(), lifted: !stands }
            }
            EventKind::Linked(id, device) => Self::Linked { at_ms, id: *id, device: *device },
            EventKind::Lent(id, choice) => Self::Lent { at_ms, id: *id, choice_id: *choice },
        }
    }
}

impl TryFrom<EventDoc> for Event {
    type Error = WireError;

    fn try_from(doc: EventDoc) -> Result<Self, WireError> {
        match doc {
            EventDoc::Chosen { at_ms, choice } => {
                Ok(Self { at: at_ms, kind: EventKind::Chosen(choice.into_choice()?) })
            }
            EventDoc::Signalled { at_ms, id, signal } => Ok(Self { at: at_ms, kind: EventKind::Signalled(id, signal) }),
            EventDoc::Demanded { at_ms, id, demand, purpose, lifted } => {
                let doc = DemandDoc { v: V1, id, demand, purpose, lifted };
                Ok(Self { at: at_ms, kind: doc.try_into()? })
            }
            EventDoc::Linked { at_ms, id, device } => Ok(Self { at: at_ms, kind: EventKind::Linked(id, device) }),
            EventDoc::Lent { at_ms, id, choice_id } => Ok(Self { at: at_ms, kind: EventKind::Lent(id, choice_id) }),
        }
    }
}

/// The choice that a browser knows of: as posted, and when it was made. It may be of an older policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KnownChoiceDoc {
    /// The choice's name.
    pub id: EventId,
    /// The policy answered.
    pub policy: PolicyHash,
    /// The exact texts shown.
    pub notice: NoticeHash,
    /// Their language.
    pub language: Language,
    /// Where it was made.
    pub surface: Surface,
    /// Whether it was confirmed in a second step.
    #[serde(default)]
    pub confirmed: bool,
    /// All granted or all refused.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// Or one by one.
    #[serde(default)]
    pub stances: Option<StancesDoc>,
    /// When it was made, by the server's clock once that is known.
    pub at_ms: Time,
}

impl KnownChoiceDoc {
    /// The event that this was, as far as the browser can tell: an outcome by name is spelt out by `policy`.
    ///
    /// # Errors
    /// [`WireError`], if what was stored is broken.
    pub fn into_event(self, policy: &Policy) -> Result<Event, WireError> {
        let Self { id, policy: answered, notice, language, surface, confirmed, outcome, stances, at_ms } = self;
        let stances = match (outcome, stances) {
            (Some(outcome), None) => policy.choosable().map(|target| (target, outcome.stance())).collect(),
            (None, Some(stances)) => stances.0,
            (Some(_), Some(_)) | (None, None) => return Err(WireError::OutcomeOrStances),
        };
        let answering = Answering { policy: answered, notice, language, surface, confirmed };
        Ok(Event { at: at_ms, kind: EventKind::Chosen(Choice::restore(id, answering, stances)?) })
    }
}

/// All texts of a notice by key, as a JSON object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextsDoc(pub Vec<(Box<str>, Box<str>)>); // Ascending by key when it comes from a notice.

impl TextsDoc {
    /// The text of that key; the key itself if there is none, so that a gap is seen rather than empty.
    #[must_use]
    pub fn get<'a>(&'a self, key: &'a str) -> &'a str {
        let found = self.0.iter().find(|(k, _)| **k == *key);
        found.map_or(key, |(_, text)| text)
    }
}

impl Serialize for TextsDoc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, text)| (key, text)))
    }
}

impl<'de> Deserialize<'de> for TextsDoc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = TextsDoc;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts by key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TextsDoc, A::Error> {
        let mut texts = Vec::new();
        while let Some(entry) = map.next_entry()? {
            texts.push(entry);
        }
        Ok(TextsDoc(texts))
    }
}

/// What the preference centre opens with: the policy, and every text in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CentreDoc {
    /// The version.
    pub v: V1,
    /// The policy's name.
    pub hash: PolicyHash,
    /// The notice's name.
    pub notice: NoticeHash,
    /// The language of the texts.
    pub language: Language,
    /// `ltr` or `rtl`.
    pub dir: String,
    /// The regime that the page is shown under.
    pub regime: Regime,
    /// The policy's structure.
    pub policy: PolicyDoc,
    /// The texts.
    pub texts: TextsDoc,
}
