//! One [`Event`] as JSON-LD, in both directions: its node, the stances within it, and how times and objects are spelled there.
//!
//! An event becomes a node with the help of what was said before it, and a node an event by itself. [`EventNode::check`] is what keeps
//! the two together: no field may say anything that the event would not be written with.
//!
//! Deliberately absent: the policy. How long an event counts is told by whoever writes the node, and not verified when it is read.

use super::vocabulary::state;
use super::{LinkedError, excerpt, notice_iri, subject_iri};
use crate::wire::{ChoiceDoc, EventDoc, StancesDoc, V1};
use crate::*;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// An [`Event`] as JSON-LD. The fields below `dpv:hasDuration` depend on the type.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventNode {
    #[serde(rename = "@id")]
    iri: String,
    #[serde(rename = "@type")]
    is: EventType,
    #[serde(rename = "dct:identifier")]
    id: EventId,
    /// Its place among the events, from 1: RDF knows no order.
    #[serde(rename = "consentry:sequence")]
    sequence: usize,
    #[serde(rename = "dpv:isIndicatedAtTime")]
    happened: DateTime,
    #[serde(rename = "consentry:recordedAt")]
    recorded: DateTime,
    #[serde(rename = "dpv:isIndicatedBy")]
    by: String,
    #[serde(rename = "dpv:hasIndicationMethod")]
    method: String,
    #[serde(rename = "dpv:hasLegalBasis")]
    consent: String,
    #[serde(rename = "dpv:hasConsentStatus")]
    states: Vec<String>,
    #[serde(rename = "dpv:hasDuration")]
    pub(super) validity: Value,
    #[serde(rename = "consentry:policyHash", default, skip_serializing_if = "Option::is_none")]
    policy: Option<PolicyHash>,
    #[serde(rename = "consentry:noticeHash", default, skip_serializing_if = "Option::is_none")]
    notice: Option<NoticeHash>,
    #[serde(rename = "dpv:hasNotice", default, skip_serializing_if = "Option::is_none")]
    notice_iri: Option<String>,
    #[serde(rename = "dct:language", default, skip_serializing_if = "Option::is_none")]
    language: Option<Language>,
    #[serde(rename = "consentry:confirmed", default, skip_serializing_if = "Option::is_none")]
    confirmed: Option<bool>,
    #[serde(rename = "consentry:stance", default, skip_serializing_if = "Option::is_none")]
    stances: Option<Vec<Object<StanceNode>>>,
    #[serde(rename = "consentry:signal", default, skip_serializing_if = "Option::is_none")]
    signal: Option<Signal>,
    #[serde(rename = "consentry:demand", default, skip_serializing_if = "Option::is_none")]
    demand: Option<DemandKind>,
    #[serde(rename = "consentry:purpose", default, skip_serializing_if = "Option::is_none")]
    purpose: Option<PurposeId>,
    #[serde(rename = "consentry:stands", default, skip_serializing_if = "Option::is_none")]
    stands: Option<bool>,
    #[serde(rename = "consentry:device", default, skip_serializing_if = "Option::is_none")]
    device: Option<DeviceId>,
    #[serde(rename = "consentry:choice", default, skip_serializing_if = "Option::is_none")]
    choice: Option<EventId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum EventType {
    #[serde(rename = "consentry:Choice")]
    Choice,
    #[serde(rename = "consentry:Signal")]
    Signal,
    #[serde(rename = "consentry:Demand")]
    Demand,
    #[serde(rename = "consentry:Link")]
    Link,
    #[serde(rename = "consentry:Loan")]
    Loan,
}

/// What a choice said to one target, and what that brought about.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StanceNode {
    #[serde(rename = "consentry:target")]
    target: Target,
    #[serde(rename = "consentry:says")]
    says: Stance,
    #[serde(rename = "dpv:hasConsentStatus")]
    state: String,
}

impl EventNode {
    /// The event that is number `n` of the record named `iri`; `said` is what was said up to and with it.
    pub(super) fn new(n: usize, iri: &str, event: &Event, validity: Value, said: &Record) -> Self {
        let id = event.id();
        let mut node = Self {
            iri: format!("urn:uuid:{id}"),
            is: EventType::Demand,
            id,
            sequence: n,
            happened: DateTime::of(id.happened_at()),
            recorded: DateTime::of(event.at),
            by: subject_iri(iri),
            method: String::new(),
            consent: "dpv:Consent".into(),
            states: Vec::new(),
            validity,
            policy: None,
            notice: None,
            notice_iri: None,
            language: None,
            confirmed: None,
            stances: None,
            signal: None,
            demand: None,
            purpose: None,
            stands: None,
            device: None,
            choice: None,
        };
        match &event.kind {
            EventKind::Chosen(choice) => node.tell_choice(choice, said),
            EventKind::Signalled(_, signal) => {
                node.is = EventType::Signal;
                node.method = "signal".into();
                node.states.push("dpv:ConsentRefused".into());
                node.signal = Some(*signal);
            }
            EventKind::Demanded(_, Demand { kind, purpose, stands }) => {
                node.method = "demand".into();
                // To take a demand back is not to consent.
                node.states.push(if *stands { "dpv:ConsentWithdrawn" } else { "dpv:ConsentUnknown" }.into());
                node.demand = Some(*kind);
                node.purpose.clone_from(purpose);
                node.stands = Some(*stands);
            }
            EventKind::Linked(_, device) => {
                node.is = EventType::Link;
                node.method = "sign-in".into();
                // To sign in is not to consent.
                node.states.push("dpv:ConsentUnknown".into());
                node.device = Some(*device);
            }
            EventKind::Lent(_, choice) => {
                node.is = EventType::Loan;
                node.method = "sign-in".into();
                node.states.push("dpv:ConsentUnknown".into());
                node.choice = Some(*choice);
            }
        }
        node
    }

    fn tell_choice(&mut self, choice: &Choice, said: &Record) {
        let Answering { policy, notice, language, surface, confirmed } = choice.answering();
        let stances: Vec<Object<StanceNode>> = choice
            .stances()
            .iter()
            .map(|(target, stance)| {
                // `said` is of one device or account alone, and has just taken in this stance.
                let standing = said.mark(target, Scope::Device).map(|mark| mark.standing);
                let state = standing.map_or("dpv:ConsentUnknown", state);
                Object(StanceNode { target: target.clone(), says: *stance, state: state.into() })
            })
            .collect();
        let states: BTreeSet<&str> = stances.iter().map(|Object(stance)| stance.state.as_str()).collect();
        self.is = EventType::Choice;
        self.method = surface.to_string();
        // A second step that asks for nothing else is what the DPV calls explicit.
        self.consent = if *confirmed { "dpv:ExplicitlyExpressedConsent" } else { "dpv:ExpressedConsent" }.into();
        self.states = states.into_iter().map(String::from).collect();
        self.policy = Some(*policy);
        self.notice = Some(*notice);
        self.notice_iri = Some(notice_iri(*notice));
        self.language = Some(language.clone());
        self.confirmed = Some(*confirmed);
        self.stances = Some(stances);
    }

    /// The event that this is, number `n`.
    pub(super) fn event(&self, n: usize) -> Result<Event, LinkedError> {
        let missing = |field| LinkedError::Missing { event: n, field };
        let (at_ms, id) = (self.recorded.0, self.id);
        let doc = match self.is {
            EventType::Choice => {
                let stances = self.stances.as_ref().ok_or_else(|| missing("consentry:stance"))?;
                let choice = ChoiceDoc {
                    v: V1,
                    id,
                    policy: self.policy.ok_or_else(|| missing("consentry:policyHash"))?,
                    notice: self.notice.ok_or_else(|| missing("consentry:noticeHash"))?,
                    language: self.language.clone().ok_or_else(|| missing("dct:language"))?,
                    surface: self.method.parse().map_err(|error| LinkedError::Surface { event: n, error })?,
                    confirmed: self.confirmed.ok_or_else(|| missing("consentry:confirmed"))?,
                    outcome: None,
                    stances: Some(StancesDoc(stances.iter().map(|Object(s)| (s.target.clone(), s.says)).collect())),
                };
                EventDoc::Chosen { at_ms, choice }
            }
            EventType::Signal => {
                let signal = self.signal.ok_or_else(|| missing("consentry:signal"))?;
                EventDoc::Signalled { at_ms, id, signal }
            }
            EventType::Demand => EventDoc::Demanded {
                at_ms,
                id,
                demand: self.demand.ok_or_else(|| missing("consentry:demand"))?,
                purpose: self.purpose.clone(),
                lifted: !self.stands.ok_or_else(|| missing("consentry:stands"))?,
            },
            EventType::Link => {
                EventDoc::Linked { at_ms, id, device: self.device.ok_or_else(|| missing("consentry:device"))? }
            }
            EventType::Loan => {
                EventDoc::Lent { at_ms, id, choice_id: self.choice.ok_or_else(|| missing("consentry:choice"))? }
            }
        };
        Event::try_from(doc).map_err(|error| LinkedError::Event { event: n, error })
    }

    /// Whether it says what the event that was read from it would be written as.
    pub(super) fn check(&self, expected: &Self, n: usize) -> Result<(), LinkedError> {
        let fields_of = |node| match serde_json::to_value(node) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) | Err(_) => Map::new(),
        };
        let (given, expected) = (fields_of(self), fields_of(expected));
        let fields = given.keys().chain(expected.keys());
        match fields.into_iter().find(|field| given.get(*field) != expected.get(*field)) {
            None => Ok(()),
            Some(field) => Err(LinkedError::Contradiction { event: n, field: field.clone() }),
        }
    }
}

/// A time as `xsd:dateTime` in UTC with milliseconds, in one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateTime(Time); // INVARIANT: no later than `jiff::Timestamp::MAX`.

impl DateTime {
    pub(super) fn of(time: Time) -> Self {
        let last = u64::try_from(jiff::Timestamp::MAX.as_millisecond()).unwrap_or(u64::MAX);
        Self(Time::from_ms(time.as_ms().min(last)))
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = i64::try_from(self.0.as_ms()).unwrap_or(i64::MAX);
        write!(f, "{:.3}", jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX))
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let ms = text.parse::<jiff::Timestamp>().ok().and_then(|t| u64::try_from(t.as_millisecond()).ok());
        let time = ms.map(|ms| Self(Time::from_ms(ms))).filter(|time| time.to_string() == text);
        time.ok_or_else(|| {
            let given = excerpt(&text);
            D::Error::custom(format_args!("`{given}`: expected a time such as `2026-11-22T10:00:00.000Z`"))
        })
    }
}

/// What stands in braces. Without it, serde would also take a list of the same values, which in JSON-LD is something else.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}
