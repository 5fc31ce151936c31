//! Rights that are used in the centre: what leaves it, and what becomes of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

mod site;

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
