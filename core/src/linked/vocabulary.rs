//! Which word of the Data Privacy Vocabulary (DPV 2) says what the model says, and what the words mean to a reader of JSON-LD.
//!
//! In goes one fact of the model, such as a purpose, a legal basis, a reason or a period; out comes its term. Every table is an exhaustive
//! match, so that nothing new in the model goes into a record without a word having been chosen for it.
//!
//! Deliberately absent: the vocabulary itself. Only the terms that a record needs are here, and none is looked up.

use super::NAMESPACE;
use crate::policy::CookieFunction;
use crate::*;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Value, json};

/// What the words of a record mean (JSON-LD 1.1), and which of their values are links, texts or times.
pub(super) fn context() -> Value {
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

/// A country in the DPV's list of locations.
pub(super) fn location(country: Country) -> String {
    match country.as_str() {
        "ZZ" => "dpv:NotAvailable".into(),
        code => format!("loc:{code}"),
    }
}

pub(super) fn storage(place: Country, kept: Value) -> Vec<Value> {
    alloc::vec![
        json!({ "@type": "dpv:StorageLocation", "dpv:hasLocation": location(place) }),
        json!({ "@type": "dpv:StorageDuration", "dpv:hasDuration": kept }),
    ]
}

pub(super) fn duration(retention: Retention) -> Value {
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
pub(super) fn purpose_term(purpose: &Purpose) -> String {
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

pub(super) const fn basis_term(basis: LegalBasis) -> &'static str {
    match basis {
        LegalBasis::Consent => "dpv:Consent",
        LegalBasis::Contract => "dpv:Contract",
        LegalBasis::LegalObligation => "dpv:LegalObligation",
        LegalBasis::LegitimateInterest => "dpv:LegitimateInterest",
    }
}

/// What lets data go to the processor's country (GDPR Chapter V), in the DPV's extension for the GDPR.
pub(super) const fn transfer_term(safeguard: Safeguard) -> Option<&'static str> {
    match safeguard {
        Safeguard::Eea => None,
        Safeguard::Adequacy => Some("eu-gdpr:A45-3"),
        Safeguard::StandardContractualClauses => Some("eu-gdpr:A46-2-c"),
        Safeguard::ExplicitConsent => Some("eu-gdpr:A49-1-a"),
    }
}

/// The state of consent that a decision's reason and the last word come to. Only what is allowed because it was granted is a given consent.
pub(super) const fn status(reason: Reason, standing: Option<Standing>) -> &'static str {
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
pub(super) const fn state(standing: Standing) -> &'static str {
    match standing {
        Standing::Granted => "dpv:ConsentGiven",
        Standing::Restored => "dpv:RenewedConsentGiven",
        Standing::Refused => "dpv:ConsentRefused",
        Standing::Withdrawn => "dpv:ConsentWithdrawn",
    }
}
