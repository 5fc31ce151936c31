//! Switches on the page itself, what the page says by script, and how long a choice holds.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

mod site;

use Stance::{Grant, Refuse};
use consentry_core::wire::{KnownChoiceDoc, Outcome};
use consentry_core::{Period, Regime, Stance, Surface, Time};
use consentry_widget::{Action, BrowserSignal, Doubt, Known, Model, Position, Sync};
use site::*;

const NEVER: Time = Time::from_ms(0);

/// A switch that stands on the page, for somebody who made that choice.
fn on_page(known: Option<KnownChoiceDoc>) -> Model {
    open(known).on_page()
}

fn set(model: &mut Model, surface: Surface, stances: &[(&str, Stance)]) -> consentry_widget::Chosen {
    let stances = stances.iter().map(|(name, stance)| (target(name), *stance)).collect();
    choose(model, Action::Set(surface, stances))
}

#[test]
fn r8_a_switch_on_the_page_says_its_own_target_and_no_other() {
    let mut model = on_page(None);
    let chosen = choose(&mut model, Action::Toggle(target("marketing")));
    assert_eq!(chosen.choice.stances(), [(target("marketing"), Grant)]);
    assert_eq!(chosen.choice.answering().surface, Surface::Page);
    assert!(chosen.allowed.contains(&target("marketing")));
    assert_eq!(model.position(&target("marketing")), Some(Position::On));
    let chosen = choose(&mut model, Action::Toggle(target("marketing")));
    assert_eq!(chosen.choice.stances(), [(target("marketing"), Refuse)]);
    assert!(!chosen.allowed.contains(&target("marketing")));
}

#[test]
fn r33_a_processors_switch_on_the_page_is_held_while_its_purpose_is_off() {
    let mut model = on_page(None);
    assert_eq!(act(&mut model, Action::Toggle(target("downstream-ai/kling"))), None);
    choose(&mut model, Action::Toggle(target("downstream-ai")));
    let chosen = choose(&mut model, Action::Toggle(target("downstream-ai/kling")));
    assert_eq!(chosen.choice.stances(), [(target("downstream-ai/kling"), Grant)]);
    assert!(chosen.allowed.contains(&target("downstream-ai/kling")));
}

#[test]
fn r27_a_switch_on_the_page_asks_twice_as_well() {
    let signal = BrowserSignal::Honoured(ago(1));
    let mut model = open_pixcosmos(Regime::OptOut, Known { signal, ..chose([]) }).on_page();
    assert_eq!(act(&mut model, Action::Toggle(target("interest-ads"))), None);
    assert_eq!(model.doubt(), Some(&Doubt::Switch(target("interest-ads"))));
    let chosen = choose(&mut model, Action::Confirm);
    assert_eq!(chosen.choice.stances(), [(target("interest-ads"), Grant)]);
    assert!(chosen.choice.answering().confirmed && chosen.allowed.contains(&target("interest-ads")));
    // A later click is a choice of its own, and confirms nothing.
    let chosen = choose(&mut model, Action::Toggle(target("interest-ads")));
    assert!(!chosen.choice.answering().confirmed);
}

#[test]
fn what_the_page_says_is_a_choice_on_the_surface_that_it_names() {
    for surface in [Surface::Page, Surface::Script, Surface::Import] {
        let chosen = set(&mut open(None), surface, &[("marketing", Grant), ("analytics", Refuse)]);
        assert_eq!(chosen.choice.stances(), [(target("analytics"), Refuse), (target("marketing"), Grant)]);
        assert_eq!(chosen.choice.answering().surface, surface);
        assert!(chosen.allowed.contains(&target("marketing")) && !chosen.choice.answering().confirmed);
    }
}

#[test]
fn what_the_page_says_of_something_unknown_is_no_choice() {
    let set = Action::Set(Surface::Script, vec![(target("no-such-purpose"), Refuse)]);
    let effect = open(None).reduce(set, || MOMENT);
    assert_eq!(effect, Some(consentry_widget::Effect::Close(None)));
}

#[test]
fn it_is_asked_again_at_once_while_something_was_never_answered() {
    let mut model = open(None);
    assert_eq!(set(&mut model, Surface::Page, &[("marketing", Grant)]).ask, NEVER);
    // A refused purpose answers for its processors.
    let rest = [("ai-training", Refuse), ("analytics", Refuse), ("downstream-ai", Refuse)];
    assert_ne!(set(&mut model, Surface::Page, &rest).ask, NEVER);
    // Granted, it does not.
    assert_eq!(set(&mut model, Surface::Page, &[("downstream-ai", Grant), ("downstream-ai/kling", Grant)]).ask, NEVER);
}

#[test]
fn r12_a_consent_is_asked_again_when_it_ends_and_a_refusal_when_it_has_rested() {
    let days = |days: u32| Period::from_minutes(days * 24 * 60).unwrap();
    let granted = choose(&mut open(None), Action::SaveAll(Grant));
    assert_eq!((granted.until, granted.ask), (MOMENT.now.after(days(365)), MOMENT.now.after(days(365))));
    let refused = choose(&mut open(None), Action::SaveAll(Refuse));
    // Where the place is not known, the longest rest of any law is taken: twelve months, in a leap year too.
    assert_eq!((refused.until, refused.ask), (MOMENT.now.after(days(365)), MOMENT.now.after(days(366))));
}

#[test]
fn what_was_granted_earlier_ends_earlier() {
    let half_a_year_ago = Time::from_ms(NOW.as_ms() - hours(180 * 24).as_ms());
    let mut model = open(Some(KnownChoiceDoc { at_ms: half_a_year_ago, ..all(Outcome::AllGranted) }));
    let chosen = set(&mut model, Surface::Page, &[("marketing", Refuse)]);
    let ends = half_a_year_ago.after(hours(365 * 24));
    assert_eq!((chosen.until, chosen.ask), (ends, ends));
}

#[test]
fn shown_again_in_its_place_what_was_moved_and_not_saved_stays_moved() {
    let mut before = open(Some(all(Outcome::AllGranted)));
    toggle(&mut before, "marketing");
    let after = open(Some(all(Outcome::AllGranted))).following(&mut before);
    assert_eq!(after.position(&target("marketing")), Some(Position::Off));
    // Saved, it is what was chosen, and the next choice is shown as it is.
    choose(&mut before, Action::Save);
    let after = open(Some(all(Outcome::AllGranted))).following(&mut before);
    assert_eq!(after.position(&target("marketing")), Some(Position::On));
}

#[test]
fn shown_again_under_another_notice_nothing_is_carried_over() {
    let mut before = open(None);
    toggle(&mut before, "marketing");
    let after = Model::open(centre("de", Regime::OptIn), chose([]), NOW).unwrap().following(&mut before);
    assert_eq!(after.position(&target("marketing")), Some(Position::Off));
}

#[test]
fn of_two_switches_on_a_page_each_says_what_became_of_its_own_choice() {
    let (mut moved, mut other) = (on_page(None), on_page(None));
    choose(&mut moved, Action::Toggle(target("marketing")));
    for model in [&mut moved, &mut other] {
        act(model, Action::Synced(Sync::Saved));
    }
    assert_eq!((moved.sync(), other.sync()), (Some(Sync::Saved), None));
    // What is chosen with the other ends what the first was saying.
    let chosen = KnownChoiceDoc { at_ms: MOMENT.now, ..all(Outcome::AllGranted) };
    let known = |choices: &[KnownChoiceDoc]| Model::open(centre("en", Regime::OptIn), chose(choices.to_vec()), NOW);
    let same = known(std::slice::from_ref(&chosen)).unwrap().on_page().following(&mut moved);
    assert_eq!(same.sync(), Some(Sync::Saved));
    let later = known(&[chosen.clone(), chosen]).unwrap().on_page().following(&mut moved);
    assert_eq!(later.sync(), None);
}
