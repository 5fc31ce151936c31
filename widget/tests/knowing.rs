//! What the page knows when the centre opens, and what that is worth: choices, answers to earlier policies, signals, demands.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

mod site;

use Stance::{Grant, Refuse};
use consentry_core::wire::{KnownChoiceDoc, Outcome};
use consentry_core::{Demand, DemandKind, Regime, Stance, Target};
use consentry_widget::{Action, BrowserSignal, Earlier, Known, Model, Position, Told, What};
use expect_test::{Expect, expect};
use site::*;

fn positions(model: &Model, names: &[&str]) -> Vec<Position> {
    names.iter().map(|name| model.position(&target(name)).unwrap()).collect()
}

fn demanded(hours_ago: u32, kind: DemandKind, stands: bool) -> Told {
    Told { at: ago(hours_ago), what: What::Demanded(Demand { kind, purpose: None, stands }), is_kept: true }
}

/// An earlier policy of AdForge, whose grants of these do not count any more, and these are asked again.
fn earlier(ends: &[&str], asks: &[&str]) -> Earlier {
    let targets = |names: &[&str]| names.iter().map(|name| target(name)).collect();
    Earlier {
        policy: Some(other_policy()),
        ends: targets(ends),
        asks: targets(asks),
        lines: vec!["Marketing: now also by text message".into()],
        from: Some("Holds from 12 December 2026.".into()),
    }
}

/// The centre for somebody who chose that under the earlier policy, and that under the present one.
fn changed(before: KnownChoiceDoc, since: Option<KnownChoiceDoc>, earlier: Earlier) -> Model {
    let before = KnownChoiceDoc { policy: other_policy(), at_ms: ago(2), ..before };
    open_to(Known { earlier: vec![earlier], ..chose([before].into_iter().chain(since)) })
}

#[test]
fn choices_are_folded_by_their_time_in_whatever_order_they_come() {
    let early = KnownChoiceDoc { at_ms: ago(5), ..all(Outcome::AllGranted) };
    let late = known(vec![(target("marketing"), Refuse)]);
    for choices in [[early.clone(), late.clone()], [late, early]] {
        let model = open_to(chose(choices));
        assert_eq!(positions(&model, &["marketing", "analytics"]), [Position::Off, Position::On]);
    }
}

#[test]
fn r29_an_answer_to_an_earlier_policy_counts_but_for_what_has_grown() {
    let grown = earlier(&["marketing", "downstream-ai/kling"], &["marketing", "downstream-ai/kling"]);
    let model = changed(all(Outcome::AllGranted), None, grown);
    let names = ["ai-training", "marketing", "downstream-ai/kling", "downstream-ai/gemini"];
    assert_eq!(positions(&model, &names), [Position::On, Position::Off, Position::Off, Position::On]);
    let new: Vec<&str> = names.into_iter().filter(|name| model.is_new(&target(name))).collect();
    assert_eq!(new, ["marketing", "downstream-ai/kling"]);
    assert_eq!(model.change().unwrap().from.as_deref(), Some("Holds from 12 December 2026."));
}

#[test]
fn an_answer_to_a_policy_that_nobody_knows_counts_for_nothing() {
    let unknown = KnownChoiceDoc { policy: other_policy(), ..all(Outcome::AllGranted) };
    assert_eq!(positions(&open(Some(unknown)), &["ai-training"]), [Position::Off]);
}

#[test]
fn p25_a_yes_to_less_is_no_yes_to_more_even_where_silence_would_do() {
    let before = KnownChoiceDoc { policy: other_policy(), ..all(Outcome::AllGranted) };
    let known = Known { earlier: vec![earlier(&["analytics"], &["analytics"])], ..chose([before]) };
    let model = Model::open(centre("en", Regime::OptOut), known, NOW).unwrap();
    assert_eq!(positions(&model, &["analytics"]), [Position::Off]);
    let silent = Model::open(centre("en", Regime::OptOut), chose([]), NOW).unwrap();
    assert_eq!(positions(&silent, &["analytics"]), [Position::On]);
}

#[test]
fn r12_what_was_refused_by_name_rests_when_it_grows() {
    let refused = known(vec![(target("marketing"), Refuse), (target("analytics"), Grant)]);
    let model = changed(refused, None, earlier(&["marketing", "analytics"], &["marketing", "analytics"]));
    assert!(!model.is_new(&target("marketing")) && model.is_new(&target("analytics")));
}

#[test]
fn what_has_changed_is_said_until_it_was_answered() {
    let grown = earlier(&["marketing"], &["marketing"]);
    let since = known(vec![(target("marketing"), Refuse)]);
    assert!(changed(all(Outcome::AllGranted), Some(since), grown.clone()).change().is_none());
    let mut model = changed(all(Outcome::AllGranted), None, grown);
    choose(&mut model, Action::Save);
    assert!(model.change().is_none() && !model.is_new(&target("marketing")));
}

#[test]
fn r25_a_signal_ends_what_was_granted_before_and_not_what_was_chosen_in_spite_of_it() {
    let granted = said(3, &[("interest-ads", Grant)]);
    for (signal, expected) in [
        (BrowserSignal::None, Position::On),
        (BrowserSignal::NotHere, Position::On),
        (BrowserSignal::Honoured(ago(2)), Position::Off),
        (BrowserSignal::Honoured(NOW), Position::Off),
    ] {
        let model = open_pixcosmos(Regime::OptOut, Known { signal, ..chose([granted.clone()]) });
        assert_eq!(model.position(&target("interest-ads")), Some(expected), "{signal:?}");
    }
    let in_spite = KnownChoiceDoc { confirmed: true, ..said(1, &[("interest-ads", Grant)]) };
    let model = open_pixcosmos(Regime::OptOut, Known { signal: BrowserSignal::Honoured(ago(2)), ..chose([in_spite]) });
    assert_eq!(model.position(&target("interest-ads")), Some(Position::On));
}

#[test]
fn r26_what_a_signal_speaks_of_is_named() {
    let named: Vec<String> =
        open_pixcosmos(Regime::OptOut, chose([])).signalled().map(|target| target.to_string()).collect();
    assert_eq!(named, ["interest-ads", "partner-sharing", "showcase"]);
}

#[test]
fn while_a_restriction_stands_no_switch_moves_and_saving_loses_nothing() {
    let told = vec![
        Told { at: ago(3), what: What::Chosen(all(Outcome::AllGranted)), is_kept: true },
        demanded(2, DemandKind::Restriction, true),
    ];
    let mut model = open_to(Known { told: told.clone(), ..chose([]) });
    assert!(switches().iter().all(|target| model.position(target) == Some(Position::Locked)));
    let before = model.clone();
    toggle(&mut model, "marketing");
    assert_eq!(model, before);
    let chosen = choose(&mut model, Action::Save);
    assert!(chosen.choice.stances().iter().all(|(_, stance)| *stance == Grant));
    assert_eq!(chosen.allowed, [target("security")]);

    let lifted = told.into_iter().chain([demanded(1, DemandKind::Restriction, false)]).collect();
    let model = open_to(Known { told: lifted, ..chose([]) });
    assert!(switches().iter().all(|target| model.position(target) == Some(Position::On)));
}

#[test]
fn r21_an_objection_holds_marketing_alone() {
    let told = [Told { at: ago(2), what: What::Chosen(all(Outcome::AllGranted)), is_kept: true }];
    let told = told.into_iter().chain([demanded(1, DemandKind::Objection, true)]).collect();
    let model = open_to(Known { told, ..chose([]) });
    assert_eq!(positions(&model, &["marketing", "analytics"]), [Position::Locked, Position::On]);
}

/// The history as lines, newest first.
fn check_history(model: &Model, expected: Expect) {
    let line = |entry: consentry_widget::Entry| {
        let changes: Vec<String> = entry.changes.iter().map(|(target, stance)| format!("{target}: {stance}")).collect();
        let kept = if entry.is_kept { "kept" } else { "not sent" };
        let lifted = if entry.is_lifted { " lifted" } else { "" };
        format!("{} {}{lifted} {kept} [{}]\n", entry.at, entry.key, changes.join(", "))
    };
    expected.assert_eq(&model.entries().into_iter().map(line).collect::<String>());
}

#[test]
fn the_history_tells_what_differs_from_before_newest_first() {
    let first = KnownChoiceDoc { at_ms: ago(9), ..all(Outcome::AllRefused) };
    let second = known(vec![(target("marketing"), Grant), (target("analytics"), Refuse)]);
    let mut known = chose([first, KnownChoiceDoc { surface: consentry_core::Surface::Page, at_ms: ago(8), ..second }]);
    known.told.extend([demanded(7, DemandKind::Objection, true), demanded(6, DemandKind::Objection, false)]);
    let mut model = open_to(Known { signal: BrowserSignal::Honoured(ago(5)), ..known });
    toggle(&mut model, "marketing");
    choose(&mut model, Action::Save);
    check_history(
        &model,
        expect![[r#"
            2025-11-22T08:27:40Z history.centre not sent [marketing: refuse]
            2025-11-22T03:26:40Z history.signal kept []
            2025-11-22T02:26:40Z history.objection lifted kept []
            2025-11-22T01:26:40Z history.objection kept []
            2025-11-22T00:26:40Z history.page kept [marketing: grant]
            2025-11-21T23:26:40Z history.banner kept [ai-training: refuse, downstream-ai: refuse, marketing: refuse, analytics: refuse]
        "#]],
    );
}

#[test]
fn the_servers_record_takes_the_place_of_what_the_browser_knows() {
    let mut model = open(Some(all(Outcome::AllGranted)));
    let record = chose([KnownChoiceDoc { at_ms: ago(4), ..known(vec![(target("marketing"), Grant)]) }]).told;
    assert_eq!(act(&mut model, Action::Recorded(record)), None);
    check_history(
        &model,
        expect![[r#"
            2025-11-22T04:26:40Z history.banner kept [marketing: grant]
        "#]],
    );
    assert_eq!(positions(&model, &["ai-training"]), [Position::On], "what is switched on is not the history's to say");
}

#[test]
fn what_no_longer_reads_never_happened() {
    let broken = KnownChoiceDoc { outcome: Some(Outcome::AllGranted), ..known(vec![]) };
    let model = open_to(chose([broken]));
    assert!(model.entries().is_empty());
    assert!(switches().iter().all(|target: &Target| model.position(target) != Some(Position::On)));
}
