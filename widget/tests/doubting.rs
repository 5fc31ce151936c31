//! What is asked a second time: an opt-in after an opt-out, by the person or by their browser (R27).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

mod site;

use Stance::{Grant, Refuse};
use consentry_core::{Regime, Stance, Target};
use consentry_widget::{Action, BrowserSignal, Chosen, Doubt, Effect, Known, Model, Position};
use proptest::prelude::*;
use site::*;

const ADS: &str = "interest-ads";

/// Somebody whose browser sends the signal, since an hour ago.
fn signalled() -> Model {
    open_pixcosmos(Regime::OptOut, Known { signal: BrowserSignal::Honoured(ago(1)), ..chose([]) })
}

fn is_on(model: &Model, name: &str) -> bool {
    model.position(&target(name)) == Some(Position::On)
}

fn stance(chosen: &Chosen, name: &str) -> Option<Stance> {
    chosen.choice.stances().iter().find(|(said, _)| *said == target(name)).map(|(_, stance)| *stance)
}

#[test]
fn r27_what_the_signal_ends_is_asked_twice_before_it_is_on() {
    let mut model = signalled();
    toggle(&mut model, ADS);
    assert_eq!(model.doubt(), Some(&Doubt::Switch(target(ADS))));
    assert!(!is_on(&model, ADS), "asked before it is on");
    assert_eq!(act(&mut model, Action::Confirm), None);
    assert!(is_on(&model, ADS) && model.doubt().is_none());
    let chosen = choose(&mut model, Action::Save);
    assert!(chosen.choice.answering().confirmed && chosen.allowed.contains(&target(ADS)));
}

#[test]
fn second_thoughts_leave_it_off() {
    for second in [Action::Back, Action::Toggle(target(ADS))] {
        let mut model = signalled();
        toggle(&mut model, ADS);
        assert_eq!(act(&mut model, second), None);
        assert!(!is_on(&model, ADS) && model.doubt().is_none());
        let chosen = choose(&mut model, Action::Save);
        assert!(!chosen.choice.answering().confirmed && !chosen.allowed.contains(&target(ADS)));
    }
}

#[test]
fn another_switch_settles_the_question_without_a_yes() {
    let mut model = signalled();
    toggle(&mut model, ADS);
    toggle(&mut model, "analytics");
    assert!(model.doubt().is_none() && !is_on(&model, ADS));
}

#[test]
fn r27_after_a_refusal_it_is_asked_twice_and_what_was_never_refused_is_not() {
    let refused = || chose([said(1, &[(ADS, Refuse), ("analytics", Refuse)])]);
    for regime in [Regime::OptIn, Regime::OptOut] {
        let mut model = open_pixcosmos(regime, refused());
        toggle(&mut model, "analytics");
        toggle(&mut model, "partner-sharing");
        assert!(model.doubt().is_none(), "{regime}: neither sold nor shared, or never refused");
        toggle(&mut model, ADS);
        assert_eq!(model.doubt(), Some(&Doubt::Switch(target(ADS))), "{regime}");
    }
    let mut model = open_pixcosmos(Regime::Mixed, refused());
    toggle(&mut model, ADS);
    assert!(model.doubt().is_none(), "no law of the mixed regime wants it");
}

#[test]
fn what_is_allowed_is_put_back_without_a_question() {
    let granted = || chose([said(1, &[(ADS, Grant)])]);
    let mut model = open_pixcosmos(Regime::OptIn, granted());
    toggle(&mut model, ADS);
    toggle(&mut model, ADS);
    assert!(model.doubt().is_none() && is_on(&model, ADS));
}

#[test]
fn accepting_all_asks_once_for_all_that_is_doubtful() {
    let refused = [said(1, &[(ADS, Refuse), ("showcase", Refuse)])];
    let mut model = open_pixcosmos(Regime::OptIn, chose(refused));
    assert_eq!(act(&mut model, Action::SaveAll(Grant)), None);
    let mut doubtful = match model.doubt() {
        Some(Doubt::All(targets)) => targets.clone(),
        other => panic!("nothing is asked but {other:?}"),
    };
    doubtful.sort();
    assert_eq!(doubtful, [target(ADS), target("showcase")]);

    let chosen = choose(&mut model.clone(), Action::Confirm);
    assert!(chosen.choice.answering().confirmed);
    assert!([ADS, "showcase", "analytics"].iter().all(|name| chosen.allowed.contains(&target(name))));

    let chosen = choose(&mut model, Action::Back);
    assert!(!chosen.choice.answering().confirmed);
    assert_eq!(
        [ADS, "showcase", "analytics"].map(|name| stance(&chosen, name)),
        [Some(Refuse), Some(Refuse), Some(Grant)]
    );
}

#[test]
fn refusing_all_is_never_asked_twice() {
    assert!(matches!(signalled().reduce(Action::SaveAll(Refuse), || MOMENT), Some(Effect::Close(Some(_)))));
}

fn any_known() -> impl Strategy<Value = Known> {
    let all: Vec<Target> = PIXCOSMOS.policy.choosable().collect();
    let stances = proptest::sample::select(Stance::ALL);
    let said = proptest::collection::vec((proptest::sample::select(all), stances), 1..6);
    let choices = proptest::collection::vec((said, any::<bool>()), 0..3);
    let signal = proptest::sample::select(vec![
        BrowserSignal::None,
        BrowserSignal::Honoured(ago(2)),
        BrowserSignal::Honoured(NOW),
    ]);
    (choices, signal).prop_map(|(choices, signal)| {
        let choices = choices.into_iter().zip(1..).map(|((said, confirmed), hours_ago)| {
            let stances: Vec<(String, Stance)> = said.into_iter().map(|(t, s)| (t.to_string(), s)).collect();
            let stances: Vec<(&str, Stance)> = stances.iter().map(|(name, stance)| (&**name, *stance)).collect();
            consentry_core::wire::KnownChoiceDoc { confirmed, ..site::said(hours_ago, &stances) }
        });
        Known { signal, ..chose(choices) }
    })
}

fn any_action() -> impl Strategy<Value = Action> {
    let all: Vec<Target> = PIXCOSMOS.policy.choosable().collect();
    prop_oneof![
        6 => proptest::sample::select(all).prop_map(Action::Toggle),
        2 => Just(Action::Confirm),
        1 => Just(Action::Back),
    ]
}

proptest! {
    #[test]
    fn r27_whatever_is_shown_as_on_is_allowed_once_it_is_saved_and_nothing_else(
        known in any_known(),
        actions in proptest::collection::vec(any_action(), 0..12),
        regime in proptest::sample::select(Regime::ALL),
    ) {
        // The mixed regime's law follows no signal, so the loader tells of none there.
        let known = if regime == Regime::Mixed { Known { signal: BrowserSignal::None, ..known } } else { known };
        let mut model = open_pixcosmos(regime, known);
        for action in actions {
            model.reduce(action, no_moment);
        }
        let shown = model.clone();
        let chosen = choose(&mut model, Action::Save);
        for target in PIXCOSMOS.policy.choosable() {
            let transfer = target.processor.as_ref().and_then(|id| PIXCOSMOS.policy.processor(id)?.transfer.clone());
            let may_move = transfer.is_none_or(|id| shown.position(&Target::purpose(id)) == Some(Position::On));
            let is_on = shown.position(&target) == Some(Position::On) && may_move;
            prop_assert_eq!(chosen.allowed.contains(&target), is_on, "{}", target);
        }
    }

    #[test]
    fn r27_nothing_is_on_after_an_opt_out_without_a_second_step(
        toggles in proptest::collection::vec(proptest::sample::select(PIXCOSMOS.policy.choosable().collect::<Vec<_>>()), 0..12),
    ) {
        let mut model = signalled();
        for target in toggles {
            model.reduce(Action::Toggle(target), no_moment);
        }
        prop_assert!(!["interest-ads", "partner-sharing", "showcase"].iter().any(|name| is_on(&model, name)));
    }
}
