//! AdForge's policy as it is published, and a visitor who opens its preference centre.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::sync::LazyLock;

use consentry_core::source::{Published, SourceFile};
use consentry_core::wire::{CentreDoc, KnownChoiceDoc, Outcome, StancesDoc, V1};
use consentry_core::{EventId, Period, PolicyHash, Regime, Stance, Surface, Target, Time};
use consentry_widget::{Action, Chosen, Effect, Known, Model, Moment, Told, What};

/// When the visitor opens the centre.
pub(crate) const NOW: Time = Time::from_ms(1_763_800_000_000);

/// A minute after that, they choose.
pub(crate) const MOMENT: Moment = Moment { now: Time::from_ms(1_763_800_060_000), random: [7; 10] };

/// Parsed once: the properties ask for it thousands of times.
static PUBLISHED: LazyLock<Published> = LazyLock::new(|| parse("adforge"));

/// A site that advertises and shares, so that signals and second steps matter there.
pub(crate) static PIXCOSMOS: LazyLock<Published> = LazyLock::new(|| parse("pixcosmos"));

pub(crate) fn published() -> &'static Published {
    &PUBLISHED
}

/// The policy of that site, as it is published.
pub(crate) fn parse(site: &str) -> Published {
    let folder = format!("{}/../policies/{site}", env!("CARGO_MANIFEST_DIR"));
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
    centre_of(published(), language, regime)
}

/// The same for another policy.
pub(crate) fn centre_of(published: &Published, language: &str, regime: Regime) -> CentreDoc {
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

/// That the visitor has made these choices, the server has them, and that nothing else is known.
pub(crate) fn chose(choices: impl IntoIterator<Item = KnownChoiceDoc>) -> Known {
    let told = |choice: KnownChoiceDoc| Told { at: choice.at_ms, what: What::Chosen(choice), is_kept: true };
    Known { told: choices.into_iter().map(told).collect(), has_server: true, ..Known::default() }
}

/// The centre in English, where people must opt in.
pub(crate) fn open(known: Option<KnownChoiceDoc>) -> Model {
    open_to(chose(known))
}

/// The same for somebody of whom that is known.
pub(crate) fn open_to(known: Known) -> Model {
    Model::open(centre("en", Regime::OptIn), known, NOW).unwrap()
}

/// The centre of the site that shares and advertises, for somebody of whom that is known.
pub(crate) fn open_pixcosmos(regime: Regime, known: Known) -> Model {
    Model::open(centre_of(&PIXCOSMOS, "en", regime), known, NOW).unwrap()
}

/// What a visitor of that site has said, that many hours ago.
pub(crate) fn said(hours_ago: u32, stances: &[(&str, Stance)]) -> KnownChoiceDoc {
    let stances = stances.iter().map(|(name, stance)| (target(name), *stance)).collect();
    let policy = PIXCOSMOS.policy.hash();
    KnownChoiceDoc { policy, surface: Surface::Centre, at_ms: ago(hours_ago), ..known(stances) }
}

pub(crate) fn ago(hours_ago: u32) -> Time {
    Time::from_ms(NOW.as_ms() - hours(hours_ago).as_ms())
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

/// What comes of an action by which nothing is dated.
pub(crate) fn act(model: &mut Model, action: Action) -> Option<Effect> {
    model.reduce(action, no_moment)
}

/// For actions that must not ask what time it is.
pub(crate) fn no_moment() -> Moment {
    panic!("nothing is chosen, so nobody need know the time")
}
