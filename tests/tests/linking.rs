//! A device and an account, and the account's other devices: the law as properties, on random policies and histories.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on should say so at once")]

#[allow(dead_code, reason = "other tests use the rest")]
mod random;

use consentry_core::{
    Choice, Context, DeviceId, Event, EventKind, PolicyHistory, Reason, Record, Scope, Signal, Stance, Target, Time,
    decide, lends, linked_devices, own_events,
};
use proptest::prelude::*;
use random::{ACCOUNT, Asked, any_asked, any_life, choose, event_id};

/// As many as the other properties of one rule.
const CASES: u32 = 2_000;

fn cases() -> ProptestConfig {
    ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        max_global_rejects: u32::MAX,
        ..ProptestConfig::default()
    }
}

const fn moment(number: u64) -> Time {
    Time::from_ms(1_767_225_600_000 + number)
}

fn elsewhere(life: &[Event]) -> Record {
    Record::fold(life).opt_outs()
}

fn allows(asked: &Asked, record: &Record) -> bool {
    decide(&asked.history, record, &asked.question, &asked.context).allows()
}

/// The record of an account, signed in on the device.
fn joined(asked: &Asked, account: &[Event]) -> Record {
    Record::of(ACCOUNT, account).merge(Record::fold(&asked.device))
}

fn choices(life: &[Event]) -> impl Iterator<Item = &Choice> {
    life.iter().filter_map(|event| match &event.kind {
        EventKind::Chosen(choice) => Some(choice),
        EventKind::Signalled(..) | EventKind::Demanded(..) | EventKind::Linked(..) | EventKind::Lent(..) => None,
    })
}

/// The device's life, with these of its choices made while somebody was signed in.
fn lent(life: &[Event], which: &[bool]) -> Vec<Event> {
    let mut events = life.to_vec();
    let mut number = 0;
    for (choice, _) in choices(life).zip(which).filter(|(_, is_lent)| **is_lent) {
        number += 1;
        let at = moment(number);
        events.push(Event { at, kind: EventKind::Lent(event_id(at, 200), choice.id()) });
    }
    events
}

/// Random ids are few.
fn are_named_apart(life: &[Event]) -> bool {
    life.iter().enumerate().all(|(n, event)| life[..n].iter().all(|other| other.id() != event.id()))
}

fn is_of_device(history: &PolicyHistory, target: &Target) -> bool {
    let purpose = history.versions().rev().find_map(|version| version.policy.purpose(&target.purpose));
    purpose.is_some_and(|purpose| purpose.kind.scope() == Scope::Device)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn r39_merging_with_devices_elsewhere_is_idempotent_commutative_and_associative(
        here in any_life(), account in any_life(), one in any_life(), other in any_life(),
    ) {
        let all = [Record::fold(&here), Record::of(ACCOUNT, &account), elsewhere(&one), elsewhere(&other)];
        for a in &all {
            prop_assert_eq!(&a.clone().merge(a.clone()), a);
            for b in &all {
                prop_assert_eq!(a.clone().merge(b.clone()), b.clone().merge(a.clone()));
                for c in &all {
                    let (left, right) = (a.clone().merge(b.clone()).merge(c.clone()), b.clone().merge(c.clone()));
                    prop_assert_eq!(left, a.clone().merge(right));
                }
            }
        }
        let [.., one, _] = all;
        prop_assert_eq!(one.clone().opt_outs(), one, "what was taken away stays all there is");
    }

    #[test]
    fn r39_what_devices_elsewhere_said_allows_nothing(asked in any_asked(), account in any_life(), one in any_life(), other in any_life()) {
        let without = joined(&asked, &account);
        let with = without.clone().merge(elsewhere(&one)).merge(elsewhere(&other));
        prop_assert!(!allows(&asked, &with) || allows(&asked, &without));
        let (without, with) = (Record::of(ACCOUNT, &account), Record::of(ACCOUNT, &account).merge(elsewhere(&one)));
        prop_assert!(!allows(&asked, &with) || allows(&asked, &without), "nor where no device is named");
    }

    #[test]
    fn r39_signing_out_leaves_nothing_of_the_account_nor_of_its_other_devices(asked in any_asked(), account in any_life(), one in any_life()) {
        prop_assert_eq!(joined(&asked, &account).merge(elsewhere(&one)).signed_out(), Record::fold(&asked.device));
    }

    #[test]
    fn r39_a_refusal_elsewhere_counts_where_the_account_has_said_nothing(mut asked in any_asked(), one in any_life()) {
        let target = Target::purpose(asked.question.purpose.clone());
        let Some(purpose) = asked.policy().purpose(&target.purpose).filter(|p| p.is_choosable()).cloned() else { return Ok(()) };
        asked.question = consentry_core::Question::about(target.clone());
        let mut life = one;
        life.push(choose(asked.policy(), asked.context.now, vec![(target, Stance::Refuse)]));
        let record = Record::of(ACCOUNT, []).merge(elsewhere(&life));
        let decision = decide(&asked.history, &record, &asked.question, &asked.context);
        prop_assert!(!decision.allows() || decision.reason == Reason::Notified, "{decision} of {}", purpose.id);
    }

    #[test]
    fn r23_a_signal_elsewhere_stops_sale_unless_a_later_choice_overrules_it(asked in any_asked(), account in any_life()) {
        let Some(purpose) = asked.policy().purpose(&asked.question.purpose) else { return Ok(()) };
        let honoured = !asked.policy().law(asked.context.jurisdiction.as_ref()).signals.is_empty();
        if !honoured || !purpose.answers_gpc() || asked.question.processor.is_some() {
            return Ok(());
        }
        let at = asked.context.now;
        let signal = Event { at, kind: EventKind::Signalled(event_id(at, 7), Signal::Gpc) };
        let before: Vec<Event> = account.into_iter().filter(|event| event.at <= at).collect();
        let decision = decide(&asked.history, &Record::of(ACCOUNT, &before).merge(elsewhere(&[signal])), &asked.question, &asked.context);
        prop_assert!(!decision.allows() || decision.reason == Reason::Notified, "{decision}");
    }

    #[test]
    fn r23_a_browser_that_is_new_to_signals_is_obeyed_whatever_others_sent_before(asked in any_asked(), account in any_life(), one in any_life()) {
        let context = Context { signal: Some(Signal::Gpc), ..asked.context.clone() };
        let asked = Asked { context, ..asked };
        let without = joined(&asked, &account);
        prop_assert!(allows(&asked, &without) || !allows(&asked, &without.clone().merge(elsewhere(&one))));
    }

    #[test]
    fn r39_what_was_chosen_while_signed_in_leaves_the_device_no_yes_but_to_storage(
        asked in any_asked(), which in proptest::collection::vec(any::<bool>(), 5),
    ) {
        if !are_named_apart(&asked.device) {
            return Ok(());
        }
        let events = lent(&asked.device, &which);
        let own = own_events(&asked.history, &events);
        let made_for: Vec<_> = choices(&asked.device).zip(&which).filter(|(_, lent)| **lent).map(|(c, _)| c.clone()).collect();
        for choice in choices(&own) {
            let Some(whole) = made_for.iter().find(|lent| lent.id() == choice.id()) else { continue };
            for (target, stance) in whole.stances() {
                let is_own = *stance == Stance::Refuse || is_of_device(&asked.history, target);
                prop_assert_eq!(choice.stances().contains(&(target.clone(), *stance)), is_own);
            }
            prop_assert_eq!(lends(&asked.history, whole), choice != whole);
        }
        if made_for.is_empty() {
            prop_assert_eq!(&*own, &*events);
        }
    }

    #[test]
    fn r39_a_device_alone_is_allowed_nothing_by_the_accounts_yes(mut asked in any_asked()) {
        let Some(purpose) = asked.policy().purpose(&asked.question.purpose) else { return Ok(()) };
        let target = Target::purpose(purpose.id.clone());
        if !purpose.is_choosable() || is_of_device(&asked.history, &target) {
            return Ok(());
        }
        let before = Record::fold(&asked.device);
        let yes = choose(asked.policy(), asked.context.now, vec![(target, Stance::Grant)]);
        let loan = Event { at: yes.at, kind: EventKind::Lent(event_id(yes.at, 9), yes.id()) };
        asked.device.extend([yes, loan]);
        if !are_named_apart(&asked.device) {
            return Ok(());
        }
        let after = Record::fold(own_events(&asked.history, &asked.device).iter());
        prop_assert_eq!(allows(&asked, &after), allows(&asked, &before));
    }
}

fn device(number: u8) -> DeviceId {
    format!("00000000-0000-4000-8000-0000000000{number:02x}").parse().expect("a device")
}

#[test]
fn r19_an_erasure_of_the_account_ends_its_links() {
    let at = moment(1);
    let link = |number| Event { at, kind: EventKind::Linked(event_id(at, number), device(number)) };
    let demand = consentry_core::Demand { kind: consentry_core::DemandKind::Erasure, purpose: None, stands: true };
    let erasure = Event { at, kind: EventKind::Demanded(event_id(at, 9), demand) };
    assert_eq!(linked_devices(&[link(1), link(2), link(1)]).into_iter().collect::<Vec<_>>(), [device(1), device(2)]);
    assert_eq!(linked_devices(&[link(1), erasure, link(2)]).into_iter().collect::<Vec<_>>(), [device(2)]);
    assert!(linked_devices(&[]).is_empty());
}

#[test]
fn a_link_changes_nothing_in_what_the_account_said() {
    let at = moment(1);
    let link = Event { at, kind: EventKind::Linked(event_id(at, 1), device(1)) };
    assert_eq!(Record::of(ACCOUNT, [&link]), Record::of(ACCOUNT, []));
}
