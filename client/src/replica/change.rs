//! Reads what the change feed says of an entry (docs/wire.md).

use crate::error::AskError;
use crate::remote::unreadable;
use consentry_core::packed::Heard;
use consentry_core::wire::EventDoc;
use consentry_core::{Event, HASH_BYTES, Subject, Time};
use serde::Deserialize;

/// An entry.
#[derive(Debug)]
pub(super) struct Change {
    /// Its number.
    pub(super) seq: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    Event(Subject, Box<Event>),
    Erased(Time, [u8; HASH_BYTES]),
    Gone,
}

/// What every entry has.
#[derive(Deserialize)]
struct HeadDoc<'a> {
    seq: u64,
    r#type: &'a str,
    at_ms: Time,
    #[serde(default)]
    subject_hash: Option<&'a str>,
}

/// What an event has.
#[derive(Deserialize)]
struct EventChangeDoc {
    #[serde(rename = "seq")]
    _seq: u64,
    subject: Subject,
    #[serde(flatten)]
    event: EventDoc,
}

impl Change {
    /// Reads one. What is of a kind that this version does not know may have taken something away: it is an error.
    pub(super) fn read(text: &[u8]) -> Result<Self, AskError> {
        let broken = || unreadable(&"an entry of the change feed is none that this version knows");
        let HeadDoc { seq, r#type, at_ms, subject_hash } = serde_json::from_slice(text).map_err(|_| broken())?;
        let what = match (r#type, subject_hash) {
            ("erased", Some(hash)) => What::Erased(at_ms, bytes_of(hash).ok_or_else(broken)?),
            ("gone", None) => What::Gone,
            _ => {
                let EventChangeDoc { subject, event, .. } = serde_json::from_slice(text).map_err(|_| broken())?;
                What::Event(subject, Box::new(event.try_into().map_err(|_| broken())?))
            }
        };
        Ok(Self { seq, what })
    }

    pub(super) fn heard(&self) -> Heard<'_> {
        match &self.what {
            What::Event(subject, event) => Heard::Event(*subject, event),
            What::Erased(at, name) => Heard::Erased(*at, *name),
            What::Gone => Heard::Gone,
        }
    }
}

/// 32 bytes of hexadecimal digits.
fn bytes_of(hex: &str) -> Option<[u8; HASH_BYTES]> {
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes?.try_into().ok()
}

/// A page of the feed.
#[derive(Deserialize)]
struct PageDoc<'a> {
    #[serde(borrow)]
    changes: Vec<&'a serde_json::value::RawValue>,
    more: bool,
}

/// What a page says, and whether there is more by now.
pub(super) fn page(body: &[u8]) -> Result<(Vec<Change>, bool), AskError> {
    let PageDoc { changes, more } =
        serde_json::from_slice(body).map_err(|_| unreadable(&"it is no page of the change feed"))?;
    let changes = changes.into_iter().map(|change| Change::read(change.get().as_bytes()));
    Ok((changes.collect::<Result<_, _>>()?, more))
}

/// Takes what has come of a stream apart: the data of each server-sent event that is whole (WHATWG HTML, section 9.2). What is left is the
/// beginning of one.
pub(super) fn events(text: &mut Vec<u8>) -> Result<Vec<Change>, AskError> {
    let mut changes = Vec::new();
    let mut rest = &text[..];
    while let Some(end) = rest.windows(2).position(|two| two == b"\n\n") {
        let (event, after) = rest.split_at_checked(end + 2).unwrap_or((rest, &[]));
        for line in event.split(|byte| *byte == b'\n') {
            if let Some(data) = line.strip_prefix(b"data: ") {
                changes.push(Change::read(data)?);
            }
        }
        rest = after;
    }
    let taken = text.len() - rest.len();
    drop(text.drain(..taken));
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"seq":7,"subject":"device:424fe4cb-d95b-4654-b505-a3e075e04bb9","type":"signalled","at_ms":1795385208925,"id":"01a2054c-305c-7b8a-b3e7-cc59f26c4816","signal":"gpc"}"#;

    #[test]
    fn every_kind_of_entry_is_read() {
        let change = Change::read(EVENT.as_bytes()).unwrap();
        assert_eq!(change.seq, 7);
        assert!(
            matches!(change.heard(), Heard::Event(Subject::Device(_), event) if event.at.as_ms() == 1_795_385_208_925)
        );
        let hash = "0a".repeat(32);
        let erased = format!(r#"{{"seq":8,"type":"erased","at_ms":9,"subject_hash":"{hash}"}}"#);
        let change = Change::read(erased.as_bytes()).unwrap();
        assert!(matches!(change.heard(), Heard::Erased(at, name) if at.as_ms() == 9 && name == [10; 32]));
        let change = Change::read(br#"{"seq":9,"type":"gone","at_ms":9}"#).unwrap();
        assert!(matches!((change.seq, change.heard()), (9, Heard::Gone)));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let signalled = EVENT.replace("signalled", "resignalled");
        let hash = "0a".repeat(31);
        for text in [
            "",
            "{}",
            &signalled,
            &EVENT.replace("gpc", "gpd"),
            &EVENT.replace("device:", "devices:"),
            r#"{"seq":9,"type":"erased","at_ms":9}"#,
            &format!(r#"{{"seq":8,"type":"erased","at_ms":9,"subject_hash":"{hash}"}}"#),
        ] {
            assert!(Change::read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_stream_is_taken_apart_wherever_it_is_cut() {
        let gone = |seq| format!("id: {seq}\ndata: {{\"seq\":{seq},\"type\":\"gone\",\"at_ms\":1}}\n\n");
        let whole = [gone(1), ":\n\n".into(), gone(2), gone(3)].concat();
        for cut in 0..whole.len() {
            let (first, second) = whole.as_bytes().split_at(cut);
            let mut text = first.to_vec();
            let mut seqs: Vec<u64> = events(&mut text).unwrap().iter().map(|change| change.seq).collect();
            text.extend_from_slice(second);
            seqs.extend(events(&mut text).unwrap().iter().map(|change| change.seq));
            assert_eq!((seqs, text.len()), (vec![1, 2, 3], 0), "cut at {cut}");
        }
    }
}
