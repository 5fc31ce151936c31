//! Reads what the change feed says of an entry.

use consentry_core::packed::Heard;
use consentry_core::wire::{EventDoc, V1};
use consentry_core::{Event, HASH_BYTES, Subject, Time};
use serde::Deserialize;
use serde_json::Value;
use wasm_bindgen::prelude::JsError;

/// An entry.
pub(crate) struct Change {
    pub(crate) seq: u64,
    what: What,
}

enum What {
    Event(Subject, Box<Event>),
    Erased(Time, [u8; HASH_BYTES]),
    Gone,
}

/// What every entry has.
#[derive(Deserialize)]
struct HeadDoc {
    seq: u64,
    r#type: String,
    at_ms: Time,
    #[serde(default)]
    subject: Option<Subject>,
    #[serde(default)]
    subject_hash: Option<String>,
}

/// A page of the feed.
#[derive(Deserialize)]
struct PageDoc {
    #[serde(rename = "v")]
    _v: V1,
    changes: Vec<Value>,
    more: bool,
}

impl Change {
    /// What is of a kind that this version does not know may have taken something away: it is an error.
    pub(crate) fn read(doc: Value) -> Result<Self, JsError> {
        Self::of(doc).ok_or_else(|| JsError::new("an entry of the change feed is none that this version knows"))
    }

    pub(crate) fn parse(change: &str) -> Result<Self, JsError> {
        Self::read(serde_json::from_str(change).map_err(|_| JsError::new("an entry of the change feed is no JSON"))?)
    }

    fn of(doc: Value) -> Option<Self> {
        let HeadDoc { seq, r#type, at_ms, subject, subject_hash } = HeadDoc::deserialize(&doc).ok()?;
        let what = match (&*r#type, subject, subject_hash) {
            ("erased", None, Some(hash)) => What::Erased(at_ms, bytes_of(&hash)?),
            ("gone", None, None) => What::Gone,
            (_, Some(subject), None) => {
                let event: EventDoc = serde_json::from_value(doc).ok()?;
                What::Event(subject, Box::new(event.try_into().ok()?))
            }
            (_, _, _) => return None,
        };
        Some(Self { seq, what })
    }

    pub(crate) fn heard(&self) -> Heard<'_> {
        match &self.what {
            What::Event(subject, event) => Heard::Event(*subject, event),
            What::Erased(at, name) => Heard::Erased(*at, *name),
            What::Gone => Heard::Gone,
        }
    }

    /// Somebody's event, if it is one.
    pub(crate) fn event(&self) -> Option<(Subject, &Event)> {
        match &self.what {
            What::Event(subject, event) => Some((*subject, event)),
            What::Erased(_, _) | What::Gone => None,
        }
    }
}

/// The entries of a page, and whether there are more by now.
pub(crate) fn page(body: &str) -> Result<(Vec<Change>, bool), JsError> {
    let PageDoc { changes, more, .. } =
        serde_json::from_str(body).map_err(|_| JsError::new("it is no page of the change feed"))?;
    Ok((changes.into_iter().map(Change::read).collect::<Result<_, _>>()?, more))
}

/// 32 bytes of hexadecimal digits.
fn bytes_of(hex: &str) -> Option<[u8; HASH_BYTES]> {
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes?.try_into().ok()
}
