//! Rights that are used in the centre: what leaves it, and what becomes of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

mod site;

use consentry_core::Target;
use consentry_core::wire::Outcome;
use consentry_widget::{Action, Answer, Doubt, Effect, Known, Model, Position, Right};
use site::*;

fn granted() -> Model {
    open(Some(all(Outcome::AllGranted)))
}

/// The loader's word on what became of it.
fn answered(model: &mut Model, right: Right, answer: Answer) {
    assert_eq!(model.reduce(Action::Answered(right, answer), || MOMENT), None);
}

fn positions(model: &Model) -> Vec<Option<Position>> {
    switches().iter().map(|target| model.position(target)).collect()
}

#[test]
fn each_right_leaves_by_its_own_name() {
    for right in [Right::Export, Right::Access, Right::Objection, Right::Restriction] {
        assert_eq!(act(&mut granted(), Action::Use(right)), Some(Effect::Use(right)));
    }
    for right in Right::ALL {
        assert_eq!(Right::named(right.as_str()), Some(right));
    }
    assert_eq!(Right::named("correction"), None);
}

#[test]
fn erasing_is_asked_twice() {
    let mut model = granted();
    assert_eq!(act(&mut model, Action::Use(Right::Erasure)), None);
    assert_eq!(model.doubt(), Some(&Doubt::Erasure));
    assert_eq!(act(&mut model.clone(), Action::Back), None);
    assert_eq!(act(&mut model, Action::Confirm), Some(Effect::Use(Right::Erasure)));
    assert!(model.doubt().is_none());
}

#[test]
fn once_erased_nothing_is_known_and_nothing_is_on() {
    let mut model = granted();
    answered(&mut model, Right::Erasure, Answer::Done);
    assert!(positions(&model).iter().all(|position| !matches!(position, Some(Position::On))));
    assert_eq!(model.entries().len(), 1, "that it was erased");
    assert_eq!(model.answer(), Some((Right::Erasure, Answer::Done)));
}

#[test]
fn what_stands_can_be_lifted_and_brings_back_what_was_chosen() {
    for right in [Right::Restriction, Right::Objection] {
        let mut model = granted();
        let before = positions(&model);
        answered(&mut model, right, Answer::Done);
        assert!(model.stands(right) && model.position(&target("marketing")) == Some(Position::Locked));
        assert_eq!(act(&mut model, Action::Use(right)), Some(Effect::Lift(right)));
        answered(&mut model, right, Answer::Lifted);
        assert!(!model.stands(right));
        assert_eq!(positions(&model), before);
    }
}

fn names(targets: &[Target]) -> Vec<String> {
    targets.iter().map(ToString::to_string).collect()
}

#[test]
fn r21_an_objection_ends_marketing_whatever_is_chosen_and_nothing_else() {
    for model in [open(None), granted(), open(Some(all(Outcome::AllRefused)))] {
        assert_eq!(names(&model.after(Right::Objection, true).unwrap().ends), ["marketing"]);
    }
    let after = granted().after(Right::Objection, true).unwrap();
    assert!(!after.allowed.contains(&target("marketing")) && after.allowed.contains(&target("analytics")));
}

#[test]
fn a_restriction_ends_all_that_can_be_chosen_and_lifting_it_brings_back_what_was_chosen() {
    let mut model = granted();
    let before = model.after(Right::Objection, false).unwrap();
    assert!(before.ends.is_empty());
    let after = model.after(Right::Restriction, true).unwrap();
    assert_eq!(after.ends, switches());
    assert!(after.allowed.iter().all(|target| !switches().contains(target)));
    answered(&mut model, Right::Restriction, Answer::Done);
    assert_eq!(model.after(Right::Restriction, false), Some(before));
}

#[test]
fn a_right_that_stops_nothing_by_itself_tells_the_page_nothing() {
    for right in [Right::Export, Right::Access, Right::Erasure] {
        assert_eq!(granted().after(right, true), None);
    }
}

#[test]
fn what_failed_changes_nothing_but_what_is_said() {
    let mut model = granted();
    answered_without_time(&mut model, Right::Restriction, Answer::Failed);
    assert!(!model.stands(Right::Restriction));
    assert_eq!(positions(&model), positions(&granted()));
    assert_eq!(model.answer(), Some((Right::Restriction, Answer::Failed)));
}

fn answered_without_time(model: &mut Model, right: Right, answer: Answer) {
    assert_eq!(act(model, Action::Answered(right, answer)), None);
}

#[test]
fn without_a_server_what_the_browser_holds_can_be_handed_out_and_erased() {
    let alone = open_to(Known { has_server: false, ..chose([all(Outcome::AllGranted)]) });
    assert_eq!(alone.rights().collect::<Vec<_>>(), [Right::Export, Right::Erasure]);
    assert_eq!(granted().rights().count(), Right::ALL.len());
}

#[test]
fn the_receipt_of_a_choice_is_asked_for_by_its_name() {
    let mut model = granted();
    let choice = model.entries()[0].choice.unwrap();
    assert_eq!(act(&mut model, Action::Receipt(choice)), Some(Effect::Receipt(choice)));
}
