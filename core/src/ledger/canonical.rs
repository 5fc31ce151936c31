//! The canonical form (RFC 8785) of a payload, written in one go.
//!
//! A canonicalizer takes any document, and so sorts each object of it, which for a choice takes longer than all else that is done with
//! one. Of a payload all fields are known, and so is their order; only stances have to be brought into theirs. What stands in it is names,
//! words, digits and tags, none of which needs an escape. A test holds these bytes against a canonicalizer's, for every kind of event.

use crate::{Choice, Demand, Event, EventKind, SiteId, Stance, Subject, Target, Time};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt::{Display, Write};
use core::iter::once;

/// What every payload begins with; the time follows.
const BEFORE_TIME: &str = r#"{"event":{"at_ms":"#;
/// What a payload has beside its stances, in bytes, and what a stance has: enough for most, so that the text seldom moves as it grows.
const FIELDS_BYTES: usize = 640;
const STANCE_BYTES: usize = 48;

/// The canonical form of `{"v":1,"site":…,"subject":…,"event":…}`.
pub(super) fn payload(site: &SiteId, subject: Subject, event: &Event) -> Vec<u8> {
    let stances = match &event.kind {
        EventKind::Chosen(choice) => choice.stances().len(),
        EventKind::Signalled(..) | EventKind::Demanded(..) | EventKind::Linked(..) | EventKind::Lent(..) => 0,
    };
    let mut text = String::with_capacity(FIELDS_BYTES + stances * STANCE_BYTES);
    text.push_str(BEFORE_TIME);
    show(&mut text, event.at.as_ms());
    match &event.kind {
        EventKind::Chosen(choice) => {
            text.push_str(r#","choice":{"#);
            self::choice(&mut text, choice);
            text.push_str(r#"},"type":"chosen"}"#);
        }
        EventKind::Signalled(id, signal) => {
            field(&mut text, "id", id);
            field(&mut text, "signal", signal);
            text.push_str(r#","type":"signalled"}"#);
        }
        EventKind::Demanded(id, Demand { kind, purpose, stands }) => {
            field(&mut text, "demand", kind);
            field(&mut text, "id", id);
            if !stands {
                text.push_str(r#","lifted":true"#);
            }
            if let Some(purpose) = purpose {
                field(&mut text, "purpose", purpose);
            }
            text.push_str(r#","type":"demanded"}"#);
        }
        EventKind::Linked(id, device) => {
            field(&mut text, "device", device);
            field(&mut text, "id", id);
            text.push_str(r#","type":"linked"}"#);
        }
        EventKind::Lent(id, choice) => {
            field(&mut text, "choice_id", choice);
            field(&mut text, "id", id);
            text.push_str(r#","type":"lent"}"#);
        }
    }
    field(&mut text, "site", site);
    field(&mut text, "subject", subject);
    text.push_str(r#","v":1}"#);
    text.into_bytes()
}

/// The same payload, recorded at another time: nothing else of it changes.
pub(super) fn dated(payload: &[u8], at: Time) -> Vec<u8> {
    let rest = payload.get(BEFORE_TIME.len()..).unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut bytes = format!("{BEFORE_TIME}{}", at.as_ms()).into_bytes();
    bytes.extend_from_slice(rest.get(digits..).unwrap_or_default());
    bytes
}

fn choice(text: &mut String, choice: &Choice) {
    let answering = choice.answering();
    if answering.confirmed {
        text.push_str(r#""confirmed":true,"#);
    }
    text.push_str(r#""id":""#);
    show(text, choice.id());
    text.push('"');
    field(text, "language", &answering.language);
    field(text, "notice", answering.notice);
    field(text, "policy", answering.policy);
    text.push_str(r#","stances":{"#);
    let mut stances: Vec<&(Target, Stance)> = choice.stances().iter().collect();
    stances.sort_unstable_by(|(one, _), (other, _)| by_text(one, other));
    for (place, (target, stance)) in stances.into_iter().enumerate() {
        text.push_str(if place == 0 { "\"" } else { ",\"" });
        text.push_str(target.purpose.as_str());
        if let Some(processor) = &target.processor {
            text.push('/');
            text.push_str(processor.as_str());
        }
        text.push_str("\":\"");
        text.push_str(stance.as_str());
        text.push('"');
    }
    text.push('}');
    field(text, "surface", answering.surface);
    text.push_str(r#","v":1"#);
}

/// Targets by how they are written, which is not quite their own order: `ads-2` comes before `ads/kling`, though `ads` comes first.
fn by_text(one: &Target, other: &Target) -> Ordering {
    if one.purpose == other.purpose {
        return one.processor.cmp(&other.processor);
    }
    bytes(one).cmp(bytes(other))
}

fn bytes(target: &Target) -> impl Iterator<Item = u8> {
    let processor = target.processor.iter().flat_map(|processor| once(b'/').chain(processor.as_str().bytes()));
    target.purpose.as_str().bytes().chain(processor)
}

/// A field that is not the first of its object, and whose value is a text.
fn field(text: &mut String, name: &str, value: impl Display) {
    text.push_str(",\"");
    text.push_str(name);
    text.push_str("\":\"");
    show(text, value);
    text.push('"');
}

fn show(text: &mut String, value: impl Display) {
    // Writing to a string does not fail.
    let _ = write!(text, "{value}");
}
