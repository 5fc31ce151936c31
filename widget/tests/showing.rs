//! What a person is shown: the dialog as HTML.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

mod site;

use std::cell::RefCell;
use std::rc::Rc;

use consentry_core::wire::{KnownChoiceDoc, Outcome};
use consentry_core::{Demand, DemandKind, Regime, Stance};
use consentry_widget::{BrowserSignal, Centre, Earlier, Kind, Known, Model, Shown, Told, What};
use expect_test::{ExpectFile, expect, expect_file};
use site::*;
use yew::{Callback, LocalServerRenderer, NodeRef};

fn html(model: Model) -> String {
    html_of(Kind::Dialog, model)
}

fn html_of(kind: Kind, model: Model) -> String {
    let shown = Shown {
        model: Rc::new(RefCell::new(model)),
        kind,
        act: Callback::noop(),
        place: NodeRef::default(),
        at: String::new(),
        when: |time, language| format!("{time} ({language})"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let rendered = LocalServerRenderer::<Centre>::with_props(shown).hydratable(false).render();
    tokio::task::LocalSet::new().block_on(&runtime, rendered)
}

fn check(model: Model, expected: ExpectFile) {
    // One element a line, so that a difference can be read.
    expected.assert_eq(&html(model).replace("><", ">\n<"));
}

#[test]
fn opened_for_the_first_time() {
    check(open(None), expect_file!["snapshots/first.html"]);
}

#[test]
fn opened_after_everything_was_granted() {
    check(open(Some(all(Outcome::AllGranted))), expect_file!["snapshots/granted.html"]);
}

#[test]
fn about_to_withdraw() {
    let mut model = open(Some(all(Outcome::AllGranted)));
    toggle(&mut model, "downstream-ai/kling");
    toggle(&mut model, "marketing");
    check(model, expect_file!["snapshots/withdrawing.html"]);
}

#[test]
fn opened_in_german() {
    check(Model::open(centre("de", Regime::OptIn), chose([]), NOW).unwrap(), expect_file!["snapshots/german.html"]);
}

#[test]
fn asked_twice_in_spite_of_a_signal_and_an_objection() {
    let objected = Demand { kind: DemandKind::Objection, purpose: None, stands: true };
    let mut known = chose([said(3, &[("interest-ads", Stance::Grant), ("marketing", Stance::Grant)])]);
    known.told.push(Told { at: ago(1), what: What::Demanded(objected), is_kept: true });
    let mut model = open_pixcosmos(Regime::OptOut, Known { signal: BrowserSignal::Honoured(ago(2)), ..known });
    toggle(&mut model, "interest-ads");
    check(model, expect_file!["snapshots/signalled.html"]);
}

#[test]
fn opened_after_the_terms_have_changed() {
    let grown = vec![target("marketing"), target("downstream-ai/kling")];
    let earlier = Earlier {
        policy: Some(other_policy()),
        ends: grown.clone(),
        asks: grown,
        lines: vec!["Marketing: now also by text message".into()],
        from: Some("Holds from 12 December 2026.".into()),
    };
    let before = KnownChoiceDoc { policy: other_policy(), ..all(Outcome::AllGranted) };
    let model = open_to(Known { earlier: vec![earlier], ..chose([before]) });
    check(model, expect_file!["snapshots/changed.html"]);
}

#[test]
fn one_switch_on_the_page() {
    let toggle = Kind::Toggle(target("downstream-ai/kling"));
    let shown = html_of(toggle, open(Some(all(Outcome::AllGranted))).on_page()).replace("><", ">\n<");
    expect![[r#"
        <div class="toggle" part="toggle" lang="en" dir="ltr">
        <div class="row" part="row">
        <span id="downstream-ai/kling" part="heading" tabindex="-1">Kling AI</span>
        <span class="state" part="state" aria-hidden="true">On</span>
        <button id="_downstream-ai/kling_" part="switch" role="switch" aria-checked="true" aria-labelledby="downstream-ai/kling">
        <i>
        </i>
        </button>
        </div>
        <div class="live" aria-live="polite">
        </div>
        <p role="status" part="status">
        </p>
        </div>"#]]
    .assert_eq(&shown);
}

#[test]
fn a_part_of_the_page_is_the_same_centre_without_a_dialog() {
    let model = || open(Some(all(Outcome::AllGranted)));
    let inside = |shown: String| shown[shown.find("middle").unwrap()..].rsplit_once("</").unwrap().0.to_owned();
    let (dialog, inline) = (html(model()), html_of(Kind::Inline, model()));
    assert_eq!(inside(dialog), inside(inline.clone()));
    for of_dialog in ["<dialog", "aria-modal", "_close", "closedby"] {
        assert!(!inline.contains(of_dialog), "{of_dialog}");
    }
}

#[test]
fn opened_where_people_may_opt_out() {
    let shown = html(Model::open(centre("en", Regime::OptOut), chose([]), NOW).unwrap());
    assert!(shown.contains("Our legitimate interest."));
    assert_eq!(shown.matches(r#"aria-checked="true""#).count(), 1);
}

#[test]
fn no_text_is_missing() {
    for language in ["en", "de"] {
        for regime in Regime::ALL {
            let shown = html(Model::open(centre(language, *regime), chose([]), NOW).unwrap());
            for prefix in [
                ">ui.",
                ">group.",
                ">purpose.",
                ">processor.",
                ">gets.",
                ">feature.",
                "\"ui.",
                ">banner.",
                ">change.",
                ">signal.",
                ">history.",
                ">rights.",
            ] {
                assert!(!shown.contains(prefix), "{language} {regime}: a key is shown: {prefix}");
            }
        }
    }
}

#[test]
fn no_style_and_no_script_is_inline() {
    let shown = html(open(Some(all(Outcome::AllGranted))));
    for inline in [" style=", "<style", "<script", " onclick="] {
        assert!(!shown.contains(inline), "{inline}");
    }
}
