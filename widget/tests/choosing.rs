//! What a person does in the preference centre, and what comes of it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

mod site;

use consentry_core::wire::Outcome;
use consentry_core::{Context, Regime, Stance, Target, Time, allowed_after};
use consentry_widget::{Action, Effect, Group, Model, Position, Sync};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use site::*;

/// How the switches stand: those that are on, then those that cannot be moved.
fn check_positions(model: &Model, expected: Expect) {
    let at = |position| {
        let names: Vec<String> = switches()
            .iter()
            .filter(|target| model.position(target) == Some(position))
            .map(ToString::to_string)
            .collect();
        names.join(" ")
    };
    expected.assert_eq(&format!("on: {}\nlocked: {}\n", at(Position::On), at(Position::Locked)));
}

/// What saving says, by target.
fn check_saved(model: &mut Model, action: Action, expected: Expect) {
    let chosen = choose(model, action);
    let stances = chosen.choice.stances().iter().map(|(target, stance)| format!("{target}: {stance}\n"));
    let allowed: Vec<String> = chosen.allowed.iter().map(ToString::to_string).collect();
    expected.assert_eq(&format!("{}allowed: {}\n", stances.collect::<String>(), allowed.join(" ")));
}

fn stops(model: &Model, name: &str) -> Vec<String> {
    model.stops(&target(name)).map(|feature| feature.id.to_string()).collect()
}

#[test]
fn r4_nothing_is_ticked_where_people_must_opt_in() {
    check_positions(
        &open(None),
        expect![[r#"
            on: 
            locked: downstream-ai/kie-ai downstream-ai/gemini downstream-ai/seedance downstream-ai/kling
        "#]],
    );
}

#[test]
fn where_people_may_opt_out_the_state_is_shown_as_it_is() {
    let mut model = Model::open(centre("en", Regime::OptOut), chose([]), NOW).unwrap();
    assert_eq!(model.position(&target("analytics")), Some(Position::On));
    toggle(&mut model, "analytics");
    let chosen = choose(&mut model, Action::Save);
    assert!(chosen.choice.stances().contains(&(target("analytics"), Stance::Refuse)));
    assert!(!chosen.allowed.contains(&target("analytics")));
}

#[test]
fn r11_a_returning_visitor_sees_what_they_chose() {
    let mut stances = vec![(target("downstream-ai"), Stance::Grant), (target("downstream-ai/kling"), Stance::Refuse)];
    stances.push((target("downstream-ai/gemini"), Stance::Grant));
    check_positions(
        &open(Some(known(stances))),
        expect![[r#"
            on: downstream-ai downstream-ai/gemini
            locked: 
        "#]],
    );
}

#[test]
fn a_grant_that_is_too_old_or_under_another_policy_shows_as_off() {
    let too_old = Time::from_ms(NOW.as_ms() - hours(365 * 24).as_ms());
    for known in [
        site::all(Outcome::AllRefused),
        consentry_core::wire::KnownChoiceDoc { at_ms: too_old, ..site::all(Outcome::AllGranted) },
        consentry_core::wire::KnownChoiceDoc { policy: other_policy(), ..site::all(Outcome::AllGranted) },
        // Says two things at once, so it says nothing.
        consentry_core::wire::KnownChoiceDoc { outcome: Some(Outcome::AllGranted), ..site::known(vec![]) },
    ] {
        let model = open(Some(known));
        assert!(switches().iter().all(|target| model.position(target) != Some(Position::On)));
    }
}

#[test]
fn what_is_told_and_not_asked_has_no_switch() {
    let model = open(None);
    for purpose in model.purposes(Group::Always) {
        assert_eq!(model.position(&Target::purpose(purpose.id.clone())), None);
    }
    assert_eq!(model.position(&target("no-such-purpose")), None);
}

#[test]
fn saving_says_something_about_every_switch() {
    let mut model = open(None);
    toggle(&mut model, "downstream-ai");
    toggle(&mut model, "downstream-ai/gemini");
    check_saved(
        &mut model,
        Action::Save,
        expect![[r#"
            ai-training: refuse
            analytics: refuse
            downstream-ai: grant
            downstream-ai/gemini: grant
            downstream-ai/kie-ai: refuse
            downstream-ai/kling: refuse
            downstream-ai/seedance: refuse
            marketing: refuse
            allowed: downstream-ai downstream-ai/gemini service-messages security
        "#]],
    );
}

#[test]
fn r33_a_refused_purpose_refuses_its_processors() {
    let mut model = open(Some(site::all(Outcome::AllGranted)));
    toggle(&mut model, "downstream-ai");
    check_saved(
        &mut model,
        Action::Save,
        expect![[r#"
            ai-training: grant
            analytics: grant
            downstream-ai: refuse
            downstream-ai/gemini: refuse
            downstream-ai/kie-ai: refuse
            downstream-ai/kling: refuse
            downstream-ai/seedance: refuse
            marketing: grant
            allowed: ai-training marketing analytics service-messages security
        "#]],
    );
}

#[test]
fn a_processor_cannot_be_switched_on_while_its_purpose_is_off() {
    let mut model = open(None);
    let before = model.clone();
    toggle(&mut model, "downstream-ai/kling");
    assert_eq!(model, before);
}

#[test]
fn all_at_once_is_what_the_banner_does() {
    let history = &published().history;
    let context = Context::at(MOMENT.now);
    for stance in [Stance::Grant, Stance::Refuse] {
        for known in [None, Some(site::all(Outcome::AllGranted)), Some(site::all(Outcome::AllRefused))] {
            let chosen = choose(&mut open(known), Action::SaveAll(stance));
            assert_eq!(chosen.allowed, allowed_after(history, Some(stance), &context));
            assert!(chosen.choice.stances().iter().all(|(_, said)| *said == stance));
            assert_eq!(chosen.choice.stances().len(), switches().len());
        }
    }
}

#[test]
fn a_choice_answers_the_notice_that_was_shown_and_carries_its_time() {
    let doc = centre("de", Regime::OptIn);
    let chosen = choose(&mut Model::open(doc.clone(), chose([]), NOW).unwrap(), Action::Save);
    let answering = chosen.choice.answering();
    assert_eq!((answering.policy, answering.notice, answering.language.as_str()), (doc.hash, doc.notice, "de"));
    assert_eq!(answering.surface.as_str(), "centre");
    assert_eq!(chosen.choice.id().as_bytes()[..6], MOMENT.now.as_ms().to_be_bytes()[2..]);
    assert_eq!(chosen.until, MOMENT.now.after(hours(365 * 24)));
}

#[test]
fn r5_leaving_chooses_nothing() {
    let mut model = open(Some(site::all(Outcome::AllGranted)));
    toggle(&mut model, "downstream-ai");
    assert_eq!(model.reduce(Action::Leave, no_moment), Some(Effect::Close(None)));
}

#[test]
fn what_stops_working_is_said_before_it_is_saved() {
    let mut model = open(Some(site::all(Outcome::AllGranted)));
    assert_eq!(stops(&model, "downstream-ai/kling"), [""; 0]);
    toggle(&mut model, "downstream-ai/kling");
    assert_eq!(stops(&model, "downstream-ai/kling"), ["advanced-animation"]);
    toggle(&mut model, "downstream-ai");
    let all = ["prompt-synthesis", "clip-generation", "cinematic-transitions", "advanced-animation"];
    assert_eq!(stops(&model, "downstream-ai"), all, "the purpose carries its processors with it");
    assert_eq!(stops(&model, "downstream-ai/kling"), [""; 0], "said once, at the purpose");
}

#[test]
fn what_does_not_work_now_does_not_stop() {
    let stances = ["downstream-ai", "downstream-ai/gemini"].map(|name| (target(name), Stance::Grant));
    let mut model = open(Some(known(stances.to_vec())));
    toggle(&mut model, "downstream-ai");
    assert_eq!(stops(&model, "downstream-ai"), ["clip-generation"]);

    let mut model = open(None);
    toggle(&mut model, "downstream-ai");
    toggle(&mut model, "downstream-ai");
    assert_eq!(stops(&model, "downstream-ai"), [""; 0]);
}

#[test]
fn the_loader_tells_what_became_of_a_choice() {
    let mut model = open(None);
    for (name, expected) in [
        ("saving", "Saving …"),
        ("saved", "Saved."),
        ("offline", "Kept here, sent when you are back online."),
        ("superseded", "Our terms have changed. Please choose again."),
        ("failed", "That could not be saved. Please choose again."),
    ] {
        let sync = Sync::named(name).unwrap();
        assert_eq!(model.reduce(Action::Synced(sync), no_moment), None);
        assert_eq!(model.text(model.sync().unwrap().key()), expected);
    }
    assert_eq!(Sync::named("Saved"), None);
}

#[test]
fn a_policy_that_contradicts_itself_does_not_open() {
    let mut doc = centre("en", Regime::OptIn);
    doc.policy.purposes.clear();
    assert!(Model::open(doc, chose([]), NOW).is_err());
}

/// A visitor who has said something about some of the switches, or nothing at all.
fn any_stances() -> impl Strategy<Value = Vec<(Target, Stance)>> {
    let stances = proptest::sample::select(Stance::ALL);
    proptest::collection::btree_map(any_switch(), stances, 0..8).prop_map(|map| map.into_iter().collect())
}

fn any_switch() -> impl Strategy<Value = Target> {
    proptest::sample::select(switches())
}

fn open_for(stances: Vec<(Target, Stance)>) -> Model {
    open((!stances.is_empty()).then(|| known(stances)))
}

/// Where a switch would stand if there were nothing but switches: the oracle.
fn expected_position(is_on: &[(Target, bool)], target: &Target) -> Position {
    let is_on = |target: &Target| is_on.iter().any(|(t, is_on)| t == target && *is_on);
    match (target.processor.is_some() && !is_on(&Target::purpose(target.purpose.clone())), is_on(target)) {
        (true, _) => Position::Locked,
        (false, true) => Position::On,
        (false, false) => Position::Off,
    }
}

proptest! {
    #[test]
    fn r8_a_toggle_changes_exactly_one_target(
        stances in any_stances(),
        toggles in proptest::collection::vec(any_switch(), 0..20),
    ) {
        let mut model = open_for(stances);
        let mut is_on: Vec<(Target, bool)> =
            switches().into_iter().map(|target| (target.clone(), model.position(&target) == Some(Position::On))).collect();
        for toggled in toggles {
            if expected_position(&is_on, &toggled) != Position::Locked {
                let (_, is_on) = is_on.iter_mut().find(|(target, _)| *target == toggled).unwrap();
                *is_on = !*is_on;
            }
            model.reduce(Action::Toggle(toggled), no_moment);
            for (target, _) in &is_on {
                prop_assert_eq!(model.position(target), Some(expected_position(&is_on, target)));
            }
        }
    }

    #[test]
    fn r8_saving_grants_what_is_shown_as_on_and_refuses_the_rest(
        stances in any_stances(),
        toggles in proptest::collection::vec(any_switch(), 0..20),
    ) {
        let mut model = open_for(stances);
        for toggled in toggles {
            model.reduce(Action::Toggle(toggled), no_moment);
        }
        let shown = model.clone();
        let chosen = choose(&mut model, Action::Save);
        for target in switches() {
            let is_on = shown.position(&target) == Some(Position::On);
            let stance = if is_on { Stance::Grant } else { Stance::Refuse };
            prop_assert!(chosen.choice.stances().contains(&(target.clone(), stance)));
            prop_assert_eq!(chosen.allowed.contains(&target), is_on);
        }
    }

    #[test]
    fn saving_untouched_changes_nothing_that_is_allowed(stances in any_stances()) {
        let mut model = open_for(stances);
        let on: Vec<Target> =
            switches().into_iter().filter(|target| model.position(target) == Some(Position::On)).collect();
        let chosen = choose(&mut model, Action::Save);
        let with_switch: Vec<Target> =
            chosen.allowed.into_iter().filter(|target| model.position(target).is_some()).collect();
        prop_assert_eq!(with_switch, on);
    }

    #[test]
    fn r9_only_features_mapped_to_a_switch_stop_by_it(
        stances in any_stances(),
        toggles in proptest::collection::vec(any_switch(), 0..20),
    ) {
        let mut model = open_for(stances);
        let before = model.clone();
        for toggled in toggles {
            model.reduce(Action::Toggle(toggled), no_moment);
        }
        for target in switches() {
            let went_off = before.position(&target) == Some(Position::On) && model.position(&target) == Some(Position::Off);
            for feature in &published().policy.parts().features {
                let is_mapped = feature.needs.iter().any(|need| *need == target || Target::purpose(need.purpose.clone()) == target);
                let worked = feature.needs.iter().all(|need| before.position(need) == Some(Position::On));
                let said = model.stops(&target).any(|stopped| stopped.id == feature.id);
                prop_assert_eq!(said, went_off && is_mapped && worked);
            }
        }
    }
}
