//! A subject's record as JSON-LD: every field that ISO/IEC TS 27560:2023 makes mandatory, in terms of the W3C Data Privacy Vocabulary
//! (DPV 2), for whoever asks for a copy (GDPR Art. 15, 20) or audits (Art. 7(1)).
//!
//! In go the site's policies, the notice to quote texts from, and the events. [`write()`] gives canonical JSON (RFC 8785) that stands for
//! itself: its `@context` is within it, so that nobody needs the network to understand it. [`read`] gives subject and events back exactly.
//!
//! The form follows the DPV's guide to TS 27560 (<https://w3id.org/dpv/guides/consent-27560>). What the vocabulary has no word for
//! stands in a namespace of our own, [`NAMESPACE`]. What was said are the events; the state of each process is derived from them when the
//! record is written, by [`decide`], and never read back.
//!
//! Deliberately absent: reading of other people's JSON-LD. A document in this form may be spaced and ordered at will, but one that
//! says more than this form can is refused rather than read in part.

use crate::policy::CookieFunction;
use crate::wire::{ChoiceDoc, EventDoc, StancesDoc, V1, WireError};
use crate::*;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use notice::Notice;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Longest record that is read, in bytes: some eight thousand events.
pub const LINKED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most targets that the choices of one record can be about when it is read: every processor of a policy for every purpose of it. It bounds
/// the work of telling their states.
pub const TARGETS_MAX: usize = PURPOSES_MAX * (PROCESSORS_MAX + 1);
/// Begins the terms that the DPV lacks. It is a name, and nothing is fetched from there.
pub const NAMESPACE: &str = "https://consentry.example/ns#";
/// The version of the form: the DPV's profile of ISO/IEC TS 27560 for records.
pub const SCHEMA: &str = "https://w3id.org/dpv/schema/dpv-27560#record";
/// The version of what stands in [`NAMESPACE`].
const VERSION: u64 = 1;
const RECORD_TYPE: &str = "dpv:ConsentRecord";
/// Longest excerpt of a document in an error, in characters.
const EXCERPT_CHARS_MAX: usize = 64;
/// Longest error about a document's form, in characters, apart from the place.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// What a record says: whose it is, and what happened, in the order of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// Whose record it is.
    pub subject: Subject,
    /// What happened.
    pub events: Vec<Event>,
}

/// Why a text is not a record in this form. Events are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkedError {
    /// Longer than [`LINKED_BYTES_MAX`].
    #[error("{given} bytes where at most {LINKED_BYTES_MAX} are read")]
    TooLong {
        /// Its length, in bytes.
        given: usize,
    },
    /// Not JSON, or not in this form; the message says what, in which event, and in which line and column.
    #[error("{0}")]
    Form(String),
    /// Written by a version that is not known here: read it with that one.
    #[error("`consentry:version` is {given}, and only {VERSION} can be read")]
    Version {
        /// What stands there.
        given: String,
    },
    /// Another kind of document.
    #[error("`@type` is {given}, and only `{RECORD_TYPE}` can be read")]
    Type {
        /// What stands there.
        given: String,
    },
    /// A record in another form.
    #[error("`dct:conformsTo` is {given}, and only `{SCHEMA}` can be read")]
    Schema {
        /// What stands there.
        given: String,
    },
    /// The words of the document may mean something else than here.
    #[error("`@context` is not the one that records are written with")]
    Context,
    /// A field is missing that an event of this type has.
    #[error("event {event}: no `{field}`")]
    Missing {
        /// Which event.
        event: usize,
        /// Which field.
        field: &'static str,
    },
    /// More than [`TARGETS_MAX`] targets.
    #[error("event {event}: the choices up to here are about more than {TARGETS_MAX} targets")]
    TooManyTargets {
        /// The event with the first that is too many.
        event: usize,
    },
    /// A choice was made nowhere.
    #[error("event {event}: `dpv:hasIndicationMethod`: {error}")]
    Surface {
        /// Which event.
        event: usize,
        /// What was expected.
        error: UnknownWord,
    },
    /// The event contradicts itself.
    #[error("event {event}: {error}")]
    Event {
        /// Which event.
        event: usize,
        /// Why.
        error: WireError,
    },
    /// A field does not follow from the others, or has no place in an event of this type: the document was changed.
    #[error("event {event}: `{field}` does not follow from the rest of the event, and of those before")]
    Contradiction {
        /// Which event.
        event: usize,
        /// Which field.
        field: String,
    },
}

/// The record of `subject` after `events`, given in the order of the ledger, as it stands at `now`.
///
/// `notice` lends its texts and its regime; it should be one of the policy in force. `storage_location` is where the site keeps its data
/// and this record. Times past the year 9999 are written as its end, which is as far as RFC 3339 goes.
#[must_use]
pub fn write(
    history: &PolicyHistory,
    notice: &Notice,
    subject: Subject,
    events: &[Event],
    storage_location: Country,
    now: Time,
) -> String {
    let policy = history.in_force(now).unwrap_or_else(|| history.newest());
    let site = &policy.parts().site;
    let id = record_id(site, subject);
    let iri = format!("urn:uuid:{id}");
    let writer = Writer {
        history,
        policy,
        notice,
        record: Record::of(subject, events),
        context: Context { jurisdiction: notice.regime.somewhere(), ..Context::at(now) },
        storage_location,
        iri: &iri,
    };
    let mut said = Record::default();
    let events: Vec<EventNode> = (1..)
        .zip(events)
        .map(|(n, event)| {
            said.apply(event);
            EventNode::new(n, &iri, event, writer.validity(event), &said)
        })
        .collect();
    let processes: Vec<Value> = policy.choosable().filter_map(|target| writer.process(&target)).collect();
    let controller = writer.controller();
    let document = json!({
        "@context": context(),
        "@id": iri,
        "@type": RECORD_TYPE,
        "consentry:hasEvent": events,
        "consentry:version": VERSION,
        "dct:conformsTo": SCHEMA,
        "dct:identifier": id,
        "dct:issued": DateTime::of(now),
        "dpv:hasConsentControl": {
            "@type": "dpv:WithdrawConsent",
            "dct:title": writer.text("ui.title"),
            "dpv:isExercisedAt": policy.parts().controller.contact,
        },
        "dpv:hasDataController": controller,
        "dpv:hasDataSubject": { "@id": subject_iri(&iri), "@type": "dpv:DataSubject", "dct:identifier": subject },
        "dpv:hasNotice": writer.notice(),
        "dpv:hasProcess": processes,
        // Kept until its subject wants it erased: a withdrawal adds to it (R15), and only an erasure ends it (R19).
        "dpv:hasStorageCondition": storage(storage_location, duration(Retention::OnRequest)),
    });
    // Texts, flags and small integers always have a canonical form. Should that ever fail, the plain form says the same.
    serde_json_canonicalizer::to_string(&document).unwrap_or_else(|_| document.to_string())
}

/// Reads subject and events of a record that [`write()`] has written. Everything that an event says of itself is computed again and
/// compared; what the record says of the policy is left alone.
///
/// # Errors
/// [`LinkedError`], saying what is wrong and where.
pub fn read(text: &str) -> Result<Linked, LinkedError> {
    if text.len() > LINKED_BYTES_MAX {
        return Err(LinkedError::TooLong { given: text.len() });
    }
    // What it is comes first: complaints about the fields of another version would mislead.
    let Object(head) = parse::<Object<Head>>(text)?;
    head.check()?;
    let Object(RecordNode { iri, subject: Object(subject), events, .. }) = parse(text)?;
    let SubjectNode { iri: subject_is, identifier: subject, .. } = subject;
    if subject_is != subject_iri(&iri) {
        let message = format!("`dpv:hasDataSubject`: `@id` is not `{}`", excerpt(&subject_iri(&iri)));
        return Err(LinkedError::Form(message));
    }
    let mut said = Record::default();
    let mut targets = BTreeSet::new();
    let events = (1..).zip(events.0).map(|(n, node)| {
        let event = node.event(n)?;
        if let EventKind::Chosen(choice) = &event.kind {
            targets.extend(choice.stances().iter().map(|(target, _)| target.clone()));
            if targets.len() > TARGETS_MAX {
                return Err(LinkedError::TooManyTargets { event: n });
            }
        }
        said.apply(&event);
        node.check(&EventNode::new(n, &iri, &event, node.validity.clone(), &said), n)?;
        Ok(event)
    });
    Ok(Linked { subject, events: events.collect::<Result<_, _>>()? })
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, LinkedError> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        // It may quote the document.
        LinkedError::Form(match message.char_indices().nth(MESSAGE_CHARS_MAX) {
            None => message,
            Some((end, _)) => {
                let start = message.get(..end).unwrap_or_default();
                format!("{start} … at line {} column {}", error.line(), error.column())
            }
        })
    })
}

fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT_CHARS_MAX).collect()
}

/// What the words of a record mean (JSON-LD 1.1), and which of their values are links, texts or times.
fn context() -> Value {
    const LINKS: [&str; 12] = [
        "consentry:restsOn",
        "dct:conformsTo",
        "dpv:hasConsentStatus",
        "dpv:hasContact",
        "dpv:hasDataController",
        "dpv:hasJurisdiction",
        "dpv:hasLegalBasis",
        "dpv:hasLocation",
        "dpv:hasNotice",
        "dpv:isExercisedAt",
        "dpv:isIndicatedBy",
        "skos:broader",
    ];
    const TIMES: [&str; 3] = ["consentry:recordedAt", "dct:issued", "dpv:isIndicatedAtTime"];
    let prefixes = [
        ("consentry", NAMESPACE),
        ("dct", "http://purl.org/dc/terms/"),
        ("dpv", "https://w3id.org/dpv#"),
        ("eu-gdpr", "https://w3id.org/dpv/legal/eu/gdpr#"),
        ("loc", "https://w3id.org/dpv/loc#"),
        ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
        ("skos", "http://www.w3.org/2004/02/skos/core#"),
        ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ];
    let prefixes = prefixes.into_iter().map(|(prefix, iri)| (prefix, json!(iri)));
    let links = LINKS.into_iter().map(|term| (term, json!({ "@type": "@id" })));
    let times = TIMES.into_iter().map(|term| (term, json!({ "@type": "xsd:dateTime" })));
    prefixes.chain(links).chain(times).map(|(term, meaning)| (term.to_string(), meaning)).collect()
}

/// The record's name: the same whenever it is written. A UUID of our own making (version 8, RFC 9562), since a record has no other name
/// than its site and subject.
fn record_id(site: &SiteId, subject: Subject) -> String {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..]: [u8; HASH_BYTES] =
        Sha256::digest(format!("consentry record\n{site}\n{subject}")).into();
    let bytes = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
    uuid::Builder::from_custom_bytes(bytes).into_uuid().hyphenated().to_string()
}

fn subject_iri(record: &str) -> String {
    format!("{record}#subject")
}

fn notice_iri(hash: NoticeHash) -> String {
    format!("consentry:notice-{hash}")
}

/// What every part of a record is written from.
struct Writer<'a> {
    history: &'a PolicyHistory,
    policy: &'a Policy,
    notice: &'a Notice,
    record: Record,
    context: Context,
    storage_location: Country,
    iri: &'a str,
}

impl Writer<'_> {
    /// A text of the notice, in its language.
    fn text(&self, key: &str) -> Value {
        json!({ "@language": self.notice.language, "@value": self.notice.texts.get(key) })
    }

    fn controller_iri(&self) -> String {
        format!("{}#controller", self.iri)
    }

    fn controller(&self) -> Value {
        let Controller { name, contact, officer, address } = &self.policy.parts().controller;
        let mut contacts = alloc::vec![contact];
        contacts.extend(officer);
        json!({
            "@id": self.controller_iri(),
            "@type": "dpv:DataController",
            "dct:identifier": self.policy.parts().site,
            "dpv:hasName": name,
            // TS 27560 wants an address of every party; where the policy names no street, the contact is one.
            "dpv:hasAddress": address.as_ref().unwrap_or(contact),
            "dpv:hasContact": contacts,
        })
    }

    fn notice(&self) -> Value {
        let Notice { hash, language, regime, .. } = self.notice;
        json!({
            "@id": notice_iri(*hash),
            "@type": "dpv:ConsentNotice",
            "consentry:policyHash": self.policy.hash(),
            "consentry:regime": regime,
            "dct:identifier": hash,
            "dct:language": language,
            "dpv:hasContact": self.policy.parts().controller.contact,
        })
    }

    /// What a choice can be about: one purpose, by the site itself or by a processor within it.
    fn process(&self, target: &Target) -> Option<Value> {
        let purpose = self.policy.purpose(&target.purpose)?;
        let processor = target.processor.as_ref().and_then(|id| self.policy.processor(id));
        let usage = processor.and_then(|p| p.use_for(&purpose.id));
        let decision = decide(self.history, &self.record, &Question::about(target.clone()), &self.context);
        let mark = self.record.mark(target, purpose.kind.scope());

        let data = usage.map_or(&purpose.data, |usage| &usage.data);
        let data: Vec<Value> =
            data.iter().map(|id| json!({ "@type": "dpv:PersonalData", "dct:identifier": id })).collect();
        let basis = decision.basis.unwrap_or(purpose.terms.basis);
        let bases: Vec<&str> =
            core::iter::once(basis_term(basis)).chain(processor.and_then(|p| transfer_term(p.safeguard))).collect();
        let place = processor.map_or(self.storage_location, |p| p.country);
        let mut kept = storage(place, duration(processor.map_or(purpose.retention, |p| p.retention)));
        if let (None, Some(period)) = (processor, purpose.backups) {
            kept.push(
                json!({ "@type": "dpv:StorageDeletion", "dpv:hasDuration": duration(Retention::Within(period)) }),
            );
        }
        let rests_on: Vec<String> = decision.events.iter().map(|id| format!("urn:uuid:{id}")).collect();
        Some(json!({
            "@id": format!("{}#process/{target}", self.iri),
            "@type": "dpv:Process",
            "consentry:reason": decision.reason,
            "consentry:restsOn": rests_on,
            "dct:identifier": target,
            "dpv:hasConsentStatus": status(decision.reason, mark.map(|m| m.standing)),
            "dpv:hasDataController": self.controller_iri(),
            "dpv:hasJurisdiction": location(place),
            "dpv:hasLegalBasis": bases,
            "dpv:hasPersonalData": data,
            "dpv:hasPurpose": {
                "@type": "dpv:Purpose",
                "dct:description": self.text(&format!("purpose.{}.text", purpose.id)),
                "dct:identifier": purpose.id,
                "dct:title": self.text(&format!("purpose.{}.title", purpose.id)),
                "skos:broader": purpose_term(purpose),
            },
            "dpv:hasRecipient": processor.map_or_else(|| json!({ "@id": self.controller_iri() }), |p| self.recipient(p)),
            "dpv:hasStorageCondition": kept,
        }))
    }

    fn recipient(&self, processor: &Processor) -> Value {
        let role = match processor.role {
            Role::Processor => "dpv:DataProcessor",
            Role::JointController | Role::Controller => "dpv:DataController",
        };
        json!({
            "@id": format!("{}#processor/{}", self.iri, processor.id),
            "@type": role,
            "consentry:role": processor.role,
            "consentry:safeguard": processor.safeguard,
            "dct:description": self.text(&format!("processor.{}.use", processor.id)),
            "dct:identifier": processor.id,
            "dpv:hasAddress": processor.country,
            // A processor is written to through whoever employs it.
            "dpv:hasContact": self.policy.parts().controller.contact,
            "dpv:hasName": processor.name,
        })
    }

    /// For how long an event counts: a choice for as long as the policy that it answered says, anything else until it is taken back.
    fn validity(&self, event: &Event) -> Value {
        match &event.kind {
            EventKind::Chosen(choice) => {
                let answered = self.history.published(choice.answering().policy).unwrap_or(self.policy);
                let purposes = choice.stances().iter().filter_map(|(target, _)| answered.purpose(&target.purpose));
                let shortest = purposes.map(|p| answered.validity_of(p)).min();
                duration(Retention::Within(shortest.unwrap_or(answered.parts().validity)))
            }
            EventKind::Signalled(..) | EventKind::Demanded(..) => json!({ "@type": "dpv:EndlessDuration" }),
        }
    }
}

/// A country in the DPV's list of locations.
fn location(country: Country) -> String {
    match country.as_str() {
        "ZZ" => "dpv:NotAvailable".into(),
        code => format!("loc:{code}"),
    }
}

fn storage(place: Country, kept: Value) -> Vec<Value> {
    alloc::vec![
        json!({ "@type": "dpv:StorageLocation", "dpv:hasLocation": location(place) }),
        json!({ "@type": "dpv:StorageDuration", "dpv:hasDuration": kept }),
    ]
}

fn duration(retention: Retention) -> Value {
    match retention {
        Retention::Within(period) => {
            let value = json!({ "@type": "xsd:duration", "@value": iso_8601(period) });
            json!({ "@type": "dpv:TemporalDuration", "rdf:value": value })
        }
        Retention::AfterUse | Retention::AfterInactivity(_) | Retention::OnRequest => {
            json!({ "@type": "dpv:UntilEventDuration", "rdf:value": retention })
        }
    }
}

/// In the largest unit that divides it.
fn iso_8601(period: Period) -> String {
    match period.as_minutes() {
        m if m.is_multiple_of(24 * 60) => format!("P{}D", m / (24 * 60)),
        m if m.is_multiple_of(60) => format!("PT{}H", m / 60),
        m => format!("PT{m}M"),
    }
}

/// The purpose's own term if its policy gives one, or else its kind's.
fn purpose_term(purpose: &Purpose) -> String {
    if let Some((prefix, name)) = purpose.dpv.as_deref().and_then(|term| term.split_once(':')) {
        return match prefix.strip_prefix("dpv-") {
            // Extensions have their own namespaces beneath the vocabulary's.
            Some(extension) => format!("https://w3id.org/dpv/{extension}#{name}"),
            None => format!("dpv:{name}"),
        };
    }
    let term = match (purpose.kind, purpose.training.map(|t| t.model), purpose.function) {
        (PurposeKind::Training, Some(ModelOwner::Processor | ModelOwner::Public), _) => "dpv:ResearchAndDevelopment",
        (PurposeKind::Training, Some(ModelOwner::Own) | None, _) | (PurposeKind::Programme, ..) => {
            "dpv:ImproveExistingProductsAndServices"
        }
        (PurposeKind::DownstreamAi, ..) => "dpv:RequestedServiceProvision",
        (PurposeKind::Marketing, ..) => "dpv:DirectMarketing",
        (PurposeKind::Cookies, _, Some(CookieFunction::Statistics)) => "dpv:ServiceUsageAnalytics",
        (PurposeKind::Cookies, _, Some(CookieFunction::Preferences)) | (PurposeKind::Personalisation, ..) => {
            "dpv:Personalisation"
        }
        (PurposeKind::Cookies, _, Some(CookieFunction::Advertising)) | (PurposeKind::Advertising, ..) => {
            "dpv:TargetedAdvertising"
        }
        (PurposeKind::Cookies, _, None) => "dpv:ServiceOptimisation",
        (PurposeKind::Sale, ..) => "dpv:SellDataToThirdParties",
        (PurposeKind::Sharing | PurposeKind::Transfer | PurposeKind::Service, ..) => "dpv:ServiceProvision",
        (PurposeKind::Security, ..) => "dpv:EnforceSecurity",
        (PurposeKind::Moderation, ..) => "dpv:MisusePreventionAndDetection",
        (PurposeKind::Legal, ..) => "dpv:LegalCompliance",
    };
    term.into()
}

const fn basis_term(basis: LegalBasis) -> &'static str {
    match basis {
        LegalBasis::Consent => "dpv:Consent",
        LegalBasis::Contract => "dpv:Contract",
        LegalBasis::LegalObligation => "dpv:LegalObligation",
        LegalBasis::LegitimateInterest => "dpv:LegitimateInterest",
    }
}

/// What lets data go to the processor's country (GDPR Chapter V), in the DPV's extension for the GDPR.
const fn transfer_term(safeguard: Safeguard) -> Option<&'static str> {
    match safeguard {
        Safeguard::Eea => None,
        Safeguard::Adequacy => Some("eu-gdpr:A45-3"),
        Safeguard::StandardContractualClauses => Some("eu-gdpr:A46-2-c"),
        Safeguard::ExplicitConsent => Some("eu-gdpr:A49-1-a"),
    }
}

/// The state of consent that a decision's reason and the last word come to. Only what is allowed because it was granted is a given consent.
const fn status(reason: Reason, standing: Option<Standing>) -> &'static str {
    match reason {
        Reason::Given => match standing {
            Some(Standing::Restored) => "dpv:RenewedConsentGiven",
            Some(Standing::Granted | Standing::Refused | Standing::Withdrawn) | None => "dpv:ConsentGiven",
        },
        Reason::Refused => "dpv:ConsentRefused",
        Reason::Withdrawn => "dpv:ConsentWithdrawn",
        Reason::Expired => "dpv:ConsentExpired",
        Reason::PolicyReplaced | Reason::Minor | Reason::UnderAge => "dpv:ConsentInvalidated",
        Reason::Unconfirmed => "dpv:ConsentRequested",
        // By signal, objection or restriction the subject has stopped it. A grant from before no longer justifies anything then.
        Reason::Objected | Reason::Signal | Reason::Restricted => match standing {
            Some(Standing::Granted | Standing::Restored | Standing::Withdrawn) => "dpv:ConsentWithdrawn",
            Some(Standing::Refused) | None => "dpv:ConsentRefused",
        },
        Reason::Notified
        | Reason::NotObjected
        | Reason::NotGiven
        | Reason::Erased
        | Reason::NoPolicy
        | Reason::UnknownPurpose
        | Reason::UnknownProcessor
        | Reason::UnknownData
        | Reason::UnknownMode
        | Reason::ProcessorNotUsed
        | Reason::DataNotCovered
        | Reason::PurposeLimited
        | Reason::TrainingExcluded
        | Reason::OwnUseExcluded
        | Reason::ModeExcluded
        | Reason::FormNotCovered => "dpv:ConsentUnknown",
    }
}

/// The state that a word brings about as it is said.
const fn state(standing: Standing) -> &'static str {
    match standing {
        Standing::Granted => "dpv:ConsentGiven",
        Standing::Restored => "dpv:RenewedConsentGiven",
        Standing::Refused => "dpv:ConsentRefused",
        Standing::Withdrawn => "dpv:ConsentWithdrawn",
    }
}

/// A time as `xsd:dateTime` in UTC with milliseconds, in one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DateTime(Time); // INVARIANT: no later than `jiff::Timestamp::MAX`.

impl DateTime {
    fn of(time: Time) -> Self {
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
struct Object<T>(T);

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

/// What a document says it is.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "@context", default)]
    context: Value,
    #[serde(rename = "@type", default)]
    is: Value,
    #[serde(rename = "dct:conformsTo", default)]
    schema: Value,
    #[serde(rename = "consentry:version", default)]
    version: Value,
}

impl Head {
    fn check(&self) -> Result<(), LinkedError> {
        let given = |value: &Value| excerpt(&value.to_string());
        if self.is != RECORD_TYPE {
            return Err(LinkedError::Type { given: given(&self.is) });
        }
        if self.schema != SCHEMA {
            return Err(LinkedError::Schema { given: given(&self.schema) });
        }
        if self.version != VERSION {
            return Err(LinkedError::Version { given: given(&self.version) });
        }
        if self.context != context() {
            return Err(LinkedError::Context);
        }
        Ok(())
    }
}

/// A record, as far as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordNode {
    #[serde(rename = "@id")]
    iri: String,
    #[serde(rename = "dpv:hasDataSubject")]
    subject: Object<SubjectNode>,
    #[serde(rename = "consentry:hasEvent")]
    events: EventNodes,
    // What follows from the policy, or was looked at before.
    #[serde(rename = "@context")]
    _context: IgnoredAny,
    #[serde(rename = "@type")]
    _is: IgnoredAny,
    #[serde(rename = "consentry:version")]
    _version: IgnoredAny,
    #[serde(rename = "dct:conformsTo")]
    _schema: IgnoredAny,
    #[serde(rename = "dct:identifier")]
    _identifier: IgnoredAny,
    #[serde(rename = "dct:issued")]
    _issued: IgnoredAny,
    #[serde(rename = "dpv:hasConsentControl")]
    _control: IgnoredAny,
    #[serde(rename = "dpv:hasDataController")]
    _controller: IgnoredAny,
    #[serde(rename = "dpv:hasNotice")]
    _notice: IgnoredAny,
    #[serde(rename = "dpv:hasProcess")]
    _processes: IgnoredAny,
    #[serde(rename = "dpv:hasStorageCondition")]
    _storage: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectNode {
    #[serde(rename = "@id")]
    iri: String,
    #[serde(rename = "@type")]
    _is: SubjectType,
    #[serde(rename = "dct:identifier")]
    identifier: Subject,
}

#[derive(Deserialize)]
enum SubjectType {
    #[serde(rename = "dpv:DataSubject")]
    Subject,
}

/// Events that say, when one of them cannot be read, which.
struct EventNodes(Vec<EventNode>);

impl<'de> Deserialize<'de> for EventNodes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EventsVisitor)
    }
}

struct EventsVisitor;

impl<'de> Visitor<'de> for EventsVisitor {
    type Value = EventNodes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<EventNodes, A::Error> {
        let mut events = Vec::new();
        loop {
            let next = list.next_element();
            match next.map_err(|error| A::Error::custom(format_args!("event {}: {error}", events.len() + 1)))? {
                Some(Object(event)) => events.push(event),
                None => return Ok(EventNodes(events)),
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum EventType {
    #[serde(rename = "consentry:Choice")]
    Choice,
    #[serde(rename = "consentry:Signal")]
    Signal,
    #[serde(rename = "consentry:Demand")]
    Demand,
}

/// An [`Event`] as JSON-LD. The fields below `dpv:hasDuration` depend on the type.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventNode {
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
    validity: Value,
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
    fn new(n: usize, iri: &str, event: &Event, validity: Value, said: &Record) -> Self {
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
    fn event(&self, n: usize) -> Result<Event, LinkedError> {
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
        };
        Event::try_from(doc).map_err(|error| LinkedError::Event { event: n, error })
    }

    /// Whether it says what the event that was read from it would be written as.
    fn check(&self, expected: &Self, n: usize) -> Result<(), LinkedError> {
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
