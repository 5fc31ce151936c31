//! The record of one subject, written: what happened, and under which policy, in whose hands and in which state everything is now.
//!
//! In go the policies, a notice, the events and the time; out comes one canonical text. How everything stands is asked of [`decide`].
//!
//! Deliberately absent: clock and store, which the caller has, and processes that no choice can be about.

use super::event::{DateTime, EventNode};
use super::vocabulary::{basis_term, context, duration, location, purpose_term, status, storage, transfer_term};
use super::{RECORD_TYPE, SCHEMA, VERSION, notice_iri, record_id, subject_iri};
use crate::notice::Notice;
use crate::*;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde_json::{Value, json};

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
        record: Record::of(subject, own_events(history, events).iter()),
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
            EventKind::Signalled(..) | EventKind::Demanded(..) | EventKind::Linked(..) | EventKind::Lent(..) => {
                json!({ "@type": "dpv:EndlessDuration" })
            }
        }
    }
}
