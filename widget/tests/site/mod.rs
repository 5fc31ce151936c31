//! AdForge's policy as it is published, and a visitor who opens its preference centre.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::sync::LazyLock;

use consentry_core::source::{Published, SourceFile};
use consentry_core::wire::{CentreDoc, KnownChoiceDoc, Outcome, StancesDoc, V1};
use consentry_core::{EventId, Period, PolicyHash, Regime, Stance, Surface, Target, Time};
use consentry_widget::{Action, Chosen, Effect, Model, Moment};

/// When the visitor opens the centre.
pub(crate) const NOW: Time = Time::from_ms(1_763_800_000_000);

/// A minute after that, they choose.
pub(crate) const MOMENT: Moment = Moment { now: Time::from_ms(1_763_800_060_000), random: [7; 10] };

/// Parsed once: the properties ask for it thousands of times.
static PUBLISHED: LazyLock<Published> = LazyLock::new(parse);

pub(crate) fn published() -> &'static Published {
    &PUBLISHED
}

fn parse() -> Published {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/adforge");
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        SourceFile { name, text: std::fs::read_to_string(path).unwrap() }
    };
    let files: Vec<SourceFile> = std::fs::read_dir(folder).unwrap().map(read).collect();
    Published::parse(&files).unwrap()
}

/// What the server sends for that language and regime.
pub(crate) fn centre(language: &str, regime: Regime) -> CentreDoc {
    let published = published();
    let language = language.parse().unwrap();
    let notice = published.notice(&language, regime).unwrap();
    CentreDoc {
        v: V1,
        hash: published.policy.hash(),
        notice: notice.hash,
        dir: notice.direction.as_str().into(),
        regime,
        policy: published.policy.parts().into(),
        texts: notice.texts.clone(),
        language,
    }
}

/// What the browser knows of a visitor who has said that, an hour ago.
pub(crate) fn known(stances: Vec<(Target, Stance)>) -> KnownChoiceDoc {
    KnownChoiceDoc { outcome: None, stances: Some(StancesDoc(stances)), ..all(Outcome::AllGranted) }
}

/// What the browser knows of a visitor who has used the banner, an hour ago.
pub(crate) fn all(outcome: Outcome) -> KnownChoiceDoc {
    let doc = centre("en", Regime::OptIn);
    KnownChoiceDoc {
        id: EventId::from_parts(1, &[1; 10]),
        policy: doc.hash,
        notice: doc.notice,
        language: doc.language,
        surface: Surface::Banner,
        confirmed: false,
        outcome: Some(outcome),
        stances: None,
        at_ms: Time::from_ms(NOW.as_ms() - hours(1).as_ms()),
    }
}

pub(crate) fn hours(hours: u32) -> Period {
    Period::from_minutes(60 * hours).unwrap()
}

pub(crate) fn other_policy() -> PolicyHash {
    PolicyHash::from_bytes([1; 32])
}

/// The centre in English, where people must opt in.
pub(crate) fn open(known: Option<KnownChoiceDoc>) -> Model {
    Model::open(centre("en", Regime::OptIn), known, NOW).unwrap()
}

pub(crate) fn target(name: &str) -> Target {
    name.parse().unwrap()
}

/// Everything with a switch, in the policy's order.
pub(crate) fn switches() -> Vec<Target> {
    published().policy.choosable().collect()
}

pub(crate) fn toggle(model: &mut Model, name: &str) {
    assert_eq!(model.reduce(Action::Toggle(target(name)), no_moment), None);
}

/// The choice that this action makes.
pub(crate) fn choose(model: &mut Model, action: Action) -> Chosen {
    match model.reduce(action, || MOMENT) {
        Some(Effect::Close(Some(chosen))) => chosen,
        other => panic!("no choice but {other:?}"),
    }
}

/// For actions that must not ask what time it is.
pub(crate) fn no_moment() -> Moment {
    panic!("nothing is chosen, so nobody need know the time")
}
