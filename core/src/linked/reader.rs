//! A record, read back: what kind of document it is, the form that it must have, and the events in it.
//!
//! In goes text that anybody may have changed; out come the subject and the events, or the first thing that is wrong and where. Every
//! event is written again and compared with what stands there.
//!
//! Deliberately absent: JSON-LD processing, and everything that follows from a policy. Those fields must be there and are skipped, for
//! the policies that they came from are not at hand.

use super::event::{EventNode, Object};
use super::vocabulary::context;
use super::{LINKED_BYTES_MAX, Linked, LinkedError, RECORD_TYPE, SCHEMA, TARGETS_MAX, VERSION, excerpt, subject_iri};
use crate::*;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Longest error about a document's form, in characters, apart from the place.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// Reads subject and events of a record that [`write()`](super::write) has written. Everything that an event says of itself is computed
/// again and compared; what the record says of the policy is left alone.
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
