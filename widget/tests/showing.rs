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

use consentry_core::Regime;
use consentry_core::wire::Outcome;
use consentry_widget::{Centre, Model, Shown};
use expect_test::{ExpectFile, expect_file};
use site::*;
use yew::{Callback, LocalServerRenderer, NodeRef};

fn html(model: Model) -> String {
    let shown = Shown {
        model: Rc::new(RefCell::new(model)),
        act: Callback::noop(),
        dialog: NodeRef::default(),
        title: NodeRef::default(),
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
    check(Model::open(centre("de", Regime::OptIn), None, NOW).unwrap(), expect_file!["snapshots/german.html"]);
}

#[test]
fn opened_where_people_may_opt_out() {
    let shown = html(Model::open(centre("en", Regime::OptOut), None, NOW).unwrap());
    assert!(shown.contains("Our legitimate interest."));
    assert_eq!(shown.matches(r#"aria-checked="true""#).count(), 1);
}

#[test]
fn no_text_is_missing() {
    for language in ["en", "de"] {
        for regime in Regime::ALL {
            let shown = html(Model::open(centre(language, *regime), None, NOW).unwrap());
            for prefix in [">ui.", ">group.", ">purpose.", ">processor.", ">gets.", ">feature.", "\"ui.", ">banner."] {
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
