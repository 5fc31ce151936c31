//! `decide` and the compiled form against the naive reference, and the law as properties, on random policies and histories.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on should say so at once")]

mod random;

use consentry_core::{
    Activity, AgeBand, AsOf, Change, Choice, Context, Control, DataForm, Demand, DemandKind, Event, EventId, EventKind,
    Guardian, LegalBasis, Obligation, PolicyHistory, PurposeKind, Question, Reason, Record, Signal, Stance, Subject,
    Surface, Target, Time, Training, Version, allowed, allowed_after, change_of, decide, diff,
};
use consentry_tests::reference::decide_naively;
use proptest::prelude::*;
use random::{
    ACCOUNT, Asked, any_asked, any_life, any_plain_asked, any_policy, any_two_policies, choose, event_id, record,
};

/// Enough to find a rule that is wrong in one case of a thousand, in a few seconds. `CONSENTRY_CASES` asks for more.
const CASES: u32 = 20_000;

fn cases() -> u32 {
    std::env::var("CONSENTRY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

fn many() -> ProptestConfig {
    ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        max_local_rejects: u32::MAX,
        ..ProptestConfig::default()
    }
}

fn some() -> ProptestConfig {
    ProptestConfig { cases: cases() / 20, failure_persistence: None, ..ProptestConfig::default() }
}

fn demanded(at: Time, kind: DemandKind, purpose: Option<&consentry_core::PurposeId>) -> Event {
    let demand = Demand { kind, purpose: purpose.cloned(), stands: true };
    Event { at, kind: EventKind::Demanded(event_id(at, 254), demand) }
}

fn signalled(at: Time) -> Event {
    Event { at, kind: EventKind::Signalled(event_id(at, 253), Signal::Gpc) }
}

/// The same question with nobody signed in.
fn on_device(asked: Asked) -> Asked {
    Asked { account: None, ..asked }
}

fn later(time: Time, minutes: u32) -> Time {
    Time::from_ms(time.as_ms() + u64::from(minutes) * 60_000)
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn the_naive_reference_agrees_with_decide_and_with_the_compiled_form(asked in any_asked()) {
        let decision = asked.decide();
        prop_assert_eq!(&decision, &decide_naively(&asked.history, asked.life(), &asked.question, &asked.context));
        let now = asked.context.now;
        let Some(compiled) = asked.history.compile(now) else { return Ok(()) };
        let Some(ask) = compiled.resolve(&asked.question, &asked.context) else { return Ok(()) };
        if let Some(verdict) = compiled.decide(&ask, &compiled.pack(&asked.record(), now), now) {
            prop_assert_eq!(verdict.reason, decision.reason);
            prop_assert_eq!(compiled.decided_by(&verdict), Some(&decision.decided_by));
            prop_assert!(now < verdict.valid_until && verdict.valid_until <= decision.valid_until);
        }
    }

    #[test]
    fn the_compiled_form_answers_the_ordinary_by_itself_and_as_decide_does(asked in any_plain_asked(), minutes in 0..400_000_u32) {
        let packed_at = asked.context.now;
        let now = later(packed_at, minutes);
        let context = Context { now, ..asked.context.clone() };
        let decision = decide(&asked.history, &asked.record(), &asked.question, &context);
        let Some(compiled) = asked.history.compile(packed_at) else { return Ok(()) };
        let state = compiled.pack(&asked.record(), packed_at);
        let ask = compiled.resolve(&asked.question, &context);
        let by_policy = [
            Reason::UnknownPurpose, Reason::UnknownProcessor, Reason::UnknownData, Reason::ProcessorNotUsed,
            Reason::DataNotCovered, Reason::PurposeLimited,
        ];
        let Some(ask) = ask else {
            // What the policy rules out has no numbers.
            if now < compiled.holds().1 {
                prop_assert!(by_policy.contains(&decision.reason), "{}", decision);
            }
            return Ok(());
        };
        match compiled.decide(&ask, &state, now) {
            Some(verdict) => {
                prop_assert_eq!(verdict.reason, decision.reason);
                prop_assert_eq!(compiled.decided_by(&verdict), Some(&decision.decided_by));
                prop_assert!(now < verdict.valid_until && verdict.valid_until <= decision.valid_until);
            }
            None => {
                // A border has passed, or a sale was switched on again, which in some places needs a second step.
                let again = asked.policy().parts().purposes.iter().any(|p| p.answers_gpc());
                let bordered = minutes > 0;
                prop_assert!(bordered || again, "{decision}");
            }
        }
        let (reason, until) = compiled.decide_or_ask(&state, &asked.record(), &asked.question, &context);
        prop_assert_eq!(reason, decision.reason);
        prop_assert!(until <= decision.valid_until);
    }
}

proptest! {
    #![proptest_config(some())]

    #[test]
    fn r16_only_a_given_consent_allows_where_consent_is_asked(asked in any_asked()) {
        let decision = asked.decide();
        let control = asked.policy().purpose(&decision.decided_by.purpose).map(|p| p.terms_in(decision.regime).control);
        if decision.allows() && control == Some(Control::OptIn) {
            prop_assert_eq!(decision.reason, Reason::Given);
            let events = asked.device.iter().chain(asked.account.iter().flatten());
            let granted = events.filter_map(choice).flat_map(Choice::stances)
                .any(|(t, s)| *t == decision.decided_by && *s == Stance::Grant);
            prop_assert!(granted, "nobody ever granted {}", decision.decided_by);
        }
    }

    #[test]
    fn r33_a_processor_is_allowed_only_where_its_purpose_is(asked in any_asked()) {
        let of_purpose = Question { processor: None, data: None, activity: Activity::Process, ..asked.question.clone() };
        if asked.decide().allows() {
            prop_assert!(decide(&asked.history, &asked.record(), &of_purpose, &asked.context).allows());
        }
    }

    #[test]
    fn r33_a_transfer_that_rests_on_consent_needs_that_consent(asked in any_asked()) {
        let transfer = asked.question.processor.as_ref().and_then(|id| asked.policy().processor(id)).and_then(|p| p.transfer.clone());
        let Some(transfer) = transfer else { return Ok(()) };
        let of_transfer = Question::about(Target::purpose(transfer));
        if asked.decide().allows() {
            let context = Context { mode: None, ..asked.context.clone() };
            prop_assert!(decide(&asked.history, &asked.record(), &of_transfer, &context).allows());
        }
    }

    #[test]
    fn r33_refusing_a_purpose_denies_it_and_all_its_processors(asked in any_asked()) {
        let mut asked = on_device(asked);
        let Some(purpose) = asked.policy().purpose(&asked.question.purpose).filter(|p| p.is_choosable()) else { return Ok(()) };
        let target = Target::purpose(purpose.id.clone());
        let refusal = choose(asked.policy(), asked.context.now, vec![(target, Stance::Refuse)]);
        asked.device.push(refusal);
        prop_assert!(!asked.decide().allows());
    }

    #[test]
    fn r8_a_stance_towards_one_purpose_leaves_the_others_as_they_were(asked in any_asked(), stance in random::any_stance()) {
        let mut asked = on_device(asked);
        let transfers = |t: &Target| asked.policy().purpose(&t.purpose).is_some_and(|p| p.kind == PurposeKind::Transfer);
        let Some(other) = asked.policy().choosable().find(|t| t.purpose != asked.question.purpose && !transfers(t)) else { return Ok(()) };
        let before = asked.decide();
        // A word after an erasure ends it, which is about everything.
        if asked.record().erased().is_some() {
            return Ok(());
        }
        let event = choose(asked.policy(), asked.context.now, vec![(other, stance)]);
        asked.device.push(event);
        prop_assert_eq!(asked.decide(), before);
    }

    #[test]
    fn r9_a_withdrawal_costs_only_features_that_need_it(asked in any_asked()) {
        let decision = asked.decide();
        for lost in &decision.features_lost {
            let feature = asked.policy().parts().features.iter().find(|f| f.id == *lost).expect("a feature of the policy");
            prop_assert!(feature.needs.iter().any(|need| need.purpose == decision.decided_by.purpose));
        }
        prop_assert!(!decision.allows() || decision.features_lost.is_empty());
        prop_assert!(decision.allows() || decision.obligations.is_empty() || decision.obligations == [Obligation::Erase]);
    }

    #[test]
    fn r15_what_is_recorded_later_changes_no_answer_about_before(asked in any_asked(), more in any_life()) {
        let asked = on_device(asked);
        let past = asked.context.now;
        let before: Vec<&Event> = asked.device.iter().filter(|e| AsOf::Recorded(past).counts(e)).collect();
        let after: Vec<Event> = asked.device.iter().cloned()
            .chain(more.into_iter().map(|e| Event { at: later(past, 1), ..e })).collect();
        let then = Record::of(Subject::Device("7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f".parse().expect("an id")), before);
        let now = Record::fold(after.iter().filter(|e| AsOf::Recorded(past).counts(e)));
        prop_assert_eq!(
            decide(&asked.history, &then, &asked.question, &asked.context),
            decide(&asked.history, &now, &asked.question, &asked.context)
        );
    }

    #[test]
    fn r21_an_objection_to_marketing_is_absolute(asked in any_asked(), more in any_life()) {
        let mut asked = on_device(asked);
        let marketing = asked.policy().purpose(&asked.question.purpose).is_some_and(|p| p.kind == PurposeKind::Marketing);
        if !marketing {
            return Ok(());
        }
        asked.device.push(demanded(asked.context.now, DemandKind::Objection, None));
        asked.device.extend(more.into_iter().filter(|e| choice(e).is_some()));
        prop_assert!(!asked.decide().allows());
    }

    #[test]
    fn objection_restriction_and_erasure_change_decisions_at_once(asked in any_asked(), kind in proptest::sample::select(DemandKind::ALL)) {
        let mut asked = on_device(asked);
        let Some(purpose) = asked.policy().purpose(&asked.question.purpose).cloned() else { return Ok(()) };
        let of = (kind != DemandKind::Erasure).then_some(&purpose.id);
        let last = asked.device.iter().map(|e| e.at).max().unwrap_or(asked.context.now).max(asked.context.now);
        asked.device.push(demanded(last, kind, of));
        let decision = asked.decide();
        let stays = match (purpose.kind, kind) {
(PurposeKind::Legal | PurposeKind::Security | PurposeKind::Moderation, _) => true,
            (_, DemandKind::Objection) => !purpose.is_choosable() && decision.basis != Some(LegalBasis::LegitimateInterest),
            (_, DemandKind::Restriction | DemandKind::Erasure) => false,
        };
        prop_assert!(stays || !decision.allows(), "{}", decision);
    }

    #[test]
    fn r23_a_signal_stops_sale_and_advertising_where_it_must_be_honoured(asked in any_asked()) {
        let mut asked = on_device(asked);
        let policy = asked.policy();
        let sells = policy.purpose(&asked.question.purpose).is_some_and(|p| p.answers_gpc());
        let honoured = !policy.law(asked.context.jurisdiction.as_ref()).signals.is_empty();
        let last = asked.device.iter().map(|e| e.at).max().unwrap_or(asked.context.now).max(asked.context.now);
        asked.device.push(signalled(last));
        if sells && honoured {
            prop_assert!(!asked.decide().allows());
        }
    }

    #[test]
    fn r24_a_signal_grants_nothing_and_its_absence_neither(asked in any_asked()) {
        let with = Asked { context: Context { signal: Some(Signal::Gpc), ..asked.context.clone() }, ..asked.clone() };
        let without = Asked { context: Context { signal: None, ..asked.context.clone() }, ..asked };
        prop_assert!(!with.decide().allows() || without.decide().allows());
    }

    #[test]
    fn r25_only_a_later_and_specific_choice_beats_a_signal(asked in any_asked(), surface in proptest::sample::select(Surface::ALL)) {
        let mut asked = on_device(asked);
        let policy = asked.policy().clone();
        let Some(purpose) = policy.purpose(&asked.question.purpose).filter(|p| p.answers_gpc()) else { return Ok(()) };
        if policy.law(asked.context.jurisdiction.as_ref()).signals.is_empty() || asked.question.processor.is_some() {
            return Ok(());
        }
        if asked.history.in_force(asked.context.now).is_none() {
            return Ok(());
        }
        let (then, now) = (asked.context.now, later(asked.context.now, 1));
        asked.device = vec![signalled(then)];
        let target = Target::purpose(purpose.id.clone());
        let answering = consentry_core::Answering { surface, confirmed: true, ..random::answering(policy.hash()) };
        let grant = Choice::restore(event_id(now, 9), answering, vec![(target, Stance::Grant)]).expect("a choice");
        asked.device.push(Event { at: now, kind: EventKind::Chosen(grant) });
        asked.context = Context { now, jurisdiction: asked.context.jurisdiction.clone(), signal: Some(Signal::Gpc), ..Context::at(now) };
        if asked.history.in_force(now).map(|p| p.hash()) != Some(policy.hash()) {
            return Ok(());
        }
        asked.question = Question::about(Target::purpose(purpose.id.clone()));
        let expected = if surface.is_specific() { Reason::Given } else { Reason::Signal };
        prop_assert_eq!(asked.decide().reason, expected);
    }

    #[test]
    fn r27_after_an_opt_out_an_opt_in_to_sale_takes_two_steps_in_california(asked in any_asked()) {
        let mut asked = on_device(asked);
        let policy = asked.policy().clone();
        let Some(purpose) = policy.purpose(&asked.question.purpose).filter(|p| p.answers_gpc()) else { return Ok(()) };
        if asked.history.in_force(asked.context.now).is_none() {
            return Ok(());
        }
        let now = asked.context.now;
        let target = || Target::purpose(purpose.id.clone());
        let confirmed = consentry_core::Answering { confirmed: true, ..random::answering(policy.hash()) };
        asked.device = vec![
            choose(&policy, now, vec![(target(), Stance::Refuse)]),
            choose(&policy, now, vec![(target(), Stance::Grant)]),
        ];
        asked.context = Context { jurisdiction: Some("US-CA".parse().expect("a place")), ..Context::at(now) };
        asked.question = Question::about(target());
        prop_assert_eq!(asked.decide().reason, Reason::Unconfirmed);
        let second = Choice::restore(event_id(now, 8), confirmed, vec![(target(), Stance::Grant)]).expect("a choice");
        asked.device.push(Event { at: now, kind: EventKind::Chosen(second) });
        prop_assert_eq!(asked.decide().reason, Reason::Given);
    }

    #[test]
    fn r29_nothing_changes_from_a_policy_to_itself(policy in any_policy()) {
        prop_assert!(diff(&policy, &policy).all(|(_, change)| change == Change::Unchanged));
        prop_assert_eq!(diff(&policy, &policy).count(), policy.targets().count());
    }

    #[test]
    fn r29_what_is_wider_one_way_is_never_unchanged_the_other((one, other) in any_two_policies()) {
        for (target, change) in diff(&one, &other) {
            let back = change_of(&other, &one, &target);
            let pair = (change, back);
            let fits = matches!(pair,
                (Change::Unchanged, Change::Unchanged) | (Change::New, Change::Gone) | (Change::Gone, Change::New)
                | (Change::Narrowed, Change::Widened) | (Change::Widened, Change::Narrowed | Change::Widened))
                // A revision raised, or another country within the EEA, is told one way only.
                || matches!(pair, (Change::Widened, Change::Unchanged) | (Change::Unchanged, Change::Widened));
            prop_assert!(fits, "{target}: {change} and back {back}");
        }
    }

    #[test]
    fn r29_a_grant_counts_under_the_next_policy_unless_that_does_more((one, other) in any_two_policies()) {
        let at = Time::from_ms(1_000);
        let version = |policy: &consentry_core::Policy, ms| Version {
            policy: policy.clone(), published: Time::from_ms(0), effective: Time::from_ms(ms),
        };
        let history = PolicyHistory::starting(version(&one, 0)).then(version(&other, 2_000)).expect("a history");
        let everything: Vec<_> = one.choosable().map(|t| (t, Stance::Grant)).collect();
        if everything.is_empty() {
            return Ok(());
        }
        let record = Record::fold(&[choose(&one, at, everything)]);
        let context = Context::at(Time::from_ms(3_000));
        for (target, change) in diff(&one, &other).filter(|(t, _)| t.processor.is_none()) {
            let Some(purpose) = other.purpose(&target.purpose).filter(|p| p.is_choosable()) else { continue };
            let had_switch = one.purpose(&purpose.id).is_some_and(|p| p.is_choosable());
            let reason = decide(&history, &record, &Question::about(target.clone()), &context).reason;
            let signal_or_age = matches!(reason, Reason::Signal);
            prop_assert_eq!(reason == Reason::Given, had_switch && !change.asks_again(), "{} {}: {}", target, change, reason);
            prop_assert!(!signal_or_age);
        }
    }

    #[test]
    fn r30_the_old_terms_rule_until_the_day_the_new_ones_hold((one, other) in any_two_policies(), asked in any_asked()) {
        let border = Time::from_ms(asked.context.now.as_ms() + 1);
        let version = |policy: &consentry_core::Policy, effective| Version { policy: policy.clone(), published: Time::from_ms(0), effective };
        let old = PolicyHistory::starting(version(&one, Time::from_ms(0)));
        let both = old.clone().then(version(&other, border)).expect("a history");
        let record = asked.record();
        let before = decide(&both, &record, &asked.question, &asked.context);
        let alone = decide(&old, &record, &asked.question, &asked.context);
        // Only who answered the new terms already can tell the two apart, and the border is seen coming.
        let answered_new = asked.device.iter().chain(asked.account.iter().flatten()).filter_map(choice)
            .any(|c| c.answering().policy == other.hash());
        prop_assert_eq!(before.valid_until, border.min(alone.valid_until));
        if !answered_new {
            prop_assert_eq!(before.reason, alone.reason);
        }
        prop_assert_eq!(before.policy, one.hash());
    }

    #[test]
    fn r32_a_minor_without_a_guardian_chooses_nothing(asked in any_asked()) {
        let asked = Asked { context: Context { age: Some(AgeBand::Under13), guardian: None, ..asked.context.clone() }, ..asked };
        let choosable = asked.policy().purpose(&asked.question.purpose).is_some_and(|p| p.is_choosable());
        if choosable {
            prop_assert!(!asked.decide().allows());
        }
    }

    #[test]
    fn r32_a_guardian_only_lifts_what_stood_because_of_age(asked in any_asked()) {
        let (from, until) = (Time::from_ms(0), Time::from_ms(u64::MAX));
        let guarded = Context { guardian: Some(Guardian { from, until }), ..asked.context.clone() };
        let grown = Context { age: None, guardian: None, ..asked.context.clone() };
        let with_guardian = Asked { context: guarded, ..asked.clone() }.decide();
        let without_age = Asked { context: grown, ..asked }.decide();
        // A minor's silence is no consent even where a grown-up's would be.
        prop_assert!(!with_guardian.allows() || without_age.allows());
    }

    #[test]
    fn r34_what_is_not_known_is_denied(asked in any_asked()) {
        let unknown = "unheard-of".parse().expect("a name");
        let question = Question { purpose: unknown, ..asked.question.clone() };
        prop_assert!(!decide(&asked.history, &asked.record(), &question, &asked.context).allows());
        let nowhere = Context { jurisdiction: None, ..asked.context.clone() };
        let zz = Context { jurisdiction: Some("ZZ".parse().expect("a place")), ..asked.context.clone() };
        prop_assert_eq!(
            decide(&asked.history, &asked.record(), &asked.question, &nowhere),
            decide(&asked.history, &asked.record(), &asked.question, &zz)
        );
    }

    #[test]
    fn r34_where_the_place_is_not_known_nothing_is_allowed_that_is_not_everywhere(asked in any_asked()) {
        let nowhere = Asked { context: Context { jurisdiction: None, ..asked.context.clone() }, ..asked.clone() };
        prop_assert!(!nowhere.decide().allows() || asked.decide().allows());
    }

    #[test]
    fn r35_an_answer_stays_the_same_for_as_long_as_it_may_be_relied_on(asked in any_asked(), share in 0.0..1.0) {
        let decision = asked.decide();
        let span = decision.valid_until.as_ms().saturating_sub(asked.context.now.as_ms());
        prop_assert!(span > 0);
        let now = Time::from_ms(asked.context.now.as_ms() + (span as f64 * share) as u64);
        let later = Asked { context: Context { now, ..asked.context.clone() }, ..asked };
        prop_assert_eq!(later.decide().reason, decision.reason);
    }

    #[test]
    fn p4_p17_no_grant_takes_no_training_from_a_processor_that_never_trains(asked in any_asked()) {
        let decision = asked.decide();
        let processor = asked.question.processor.as_ref().and_then(|id| asked.policy().processor(id));
        let never = processor.is_some_and(|p| p.trains == Training::Never);
        if decision.allows() && never {
            prop_assert!(decision.obligations.contains(&Obligation::NoTraining));
            prop_assert!(asked.question.activity != Activity::Train);
        }
    }

    #[test]
    fn p11_nobody_has_ends_of_its_own_that_it_has_not_disclosed(asked in any_asked()) {
        let asked = Asked { question: Question { activity: Activity::OwnEnds, ..asked.question.clone() }, ..asked };
        let processor = asked.question.processor.as_ref().and_then(|id| asked.policy().processor(id));
        if processor.is_none_or(|p| p.own_use == consentry_core::OwnUse::Never) {
            prop_assert!(!asked.decide().allows());
        }
    }

    #[test]
    fn p14_limited_data_serves_no_other_purpose(asked in any_asked()) {
        let limited = asked.question.data.as_ref().and_then(|id| asked.policy().data(id))
            .is_some_and(|d| !d.only_for.is_empty() && !d.only_for.contains(&asked.question.purpose));
        if limited {
            prop_assert!(!asked.decide().allows());
        }
    }

    #[test]
    fn p19_p28_training_on_anonymised_data_alone_says_so_or_is_denied(asked in any_asked()) {
        let form = asked.policy().purpose(&asked.question.purpose).and_then(|p| p.training).map(|t| t.form);
        let decision = asked.decide();
        if form == Some(DataForm::Anonymised) && decision.allows() {
            let is_done = asked.context.form == Some(DataForm::Anonymised);
            prop_assert!(is_done || decision.obligations.contains(&Obligation::AnonymiseFirst));
        }
    }

    #[test]
    fn p29_a_mode_only_narrows(asked in any_asked()) {
        let with = Asked { context: Context { mode: Some("private".parse().expect("a mode")), ..asked.context.clone() }, ..asked.clone() };
        let without = Asked { context: Context { mode: None, ..asked.context.clone() }, ..asked };
        prop_assert!(!with.decide().allows() || without.decide().allows());
    }

    #[test]
    fn r39_merging_is_idempotent_commutative_and_associative(a in any_life(), b in any_life(), c in any_life(), d in any_life()) {
        let (a, b) = (record(&a, None), record(&b, None));
        let (c, d) = (Record::of(ACCOUNT, &c), Record::of(ACCOUNT, &d));
        let all = [a.clone(), b.clone(), c.clone(), d.clone()];
        for one in &all {
            prop_assert_eq!(&one.clone().merge(one.clone()), one);
            for other in &all {
                prop_assert_eq!(one.clone().merge(other.clone()), other.clone().merge(one.clone()));
            }
        }
        prop_assert_eq!(a.clone().merge(b.clone()).merge(c.clone()), a.clone().merge(b.clone().merge(c.clone())));
        prop_assert_eq!(a.clone().merge(c.clone()).merge(d.clone()), a.merge(c.merge(d)));
    }

    #[test]
    fn r39_signing_out_leaves_nothing_of_the_account(device in any_life(), account in any_life()) {
        let alone = Record::fold(&device);
        prop_assert_eq!(alone.clone().merge(Record::of(ACCOUNT, &account)).signed_out(), alone);
    }

    #[test]
    fn r39_opt_outs_unite_and_a_grant_on_the_device_does_not_spread(asked in any_asked(), account in any_life()) {
        let signed_in = Asked { account: Some(account.clone()), ..asked.clone() };
        let of_account = Asked { device: Vec::new(), account: Some(account.clone()), ..asked.clone() };
        let decision = signed_in.decide();
        let kind = asked.policy().purpose(&decision.decided_by.purpose).map(|p| p.kind);
        let spoke = account.iter().filter_map(choice).flat_map(Choice::stances).any(|(t, _)| *t == decision.decided_by);
        // Of what the account says nothing, a device can only take away.
        if kind != Some(PurposeKind::Cookies) && !spoke && decision.allows() && asked.context.guardian.is_none() {
            prop_assert!(decision.reason != Reason::Given || of_account.decide().allows());
        }
    }

    #[test]
    fn r39_of_storage_only_the_device_says_yes_and_of_training_and_marketing_the_account(asked in any_asked(), device in any_life(), account in any_life()) {
        let Some(purpose) = asked.policy().purpose(&asked.question.purpose) else { return Ok(()) };
        let plain = |events: Vec<Event>| -> Vec<Event> { events.into_iter().filter(|e| choice(e).is_some()).collect() };
        let (device, account) = (plain(device), plain(account));
        let kind = purpose.kind;
        let asked = Asked { question: Question { processor: None, ..asked.question.clone() }, ..asked };
        let both = Asked { device: device.clone(), account: Some(account.clone()), ..asked.clone() }.decide();
        let (of_device, of_account) = (Asked { device, account: None, ..asked.clone() }, Asked { device: Vec::new(), account: Some(account), ..asked });
        let owner = match kind {
            PurposeKind::Cookies => of_device.decide(),
            PurposeKind::Training | PurposeKind::Marketing => of_account.decide(),
            _ => return Ok(()),
        };
        prop_assert!(!both.allows() || owner.allows(), "{both} but {owner}");
        prop_assert!(both.reason != Reason::Given || owner.reason == Reason::Given);
    }

    #[test]
    fn folding_step_by_step_is_folding_at_once(life in any_life()) {
        let mut record = Record::default();
        for event in &life {
            record.apply(event);
        }
        prop_assert_eq!(record, Record::fold(&life));
    }

    #[test]
    fn the_gate_table_says_what_decide_says(asked in any_asked()) {
        let record = asked.record();
        let table = allowed(&asked.history, &record, &asked.context);
        for target in asked.history.newest().targets() {
            let question = Question::about(target.clone());
            prop_assert_eq!(table.contains(&target), decide(&asked.history, &record, &question, &asked.context).allows());
        }
    }

    #[test]
    fn the_outcomes_of_a_banner_are_known_beforehand(asked in any_asked(), stance in random::any_stance()) {
        let Asked { history, context, .. } = asked;
        let everything: Vec<_> = history.newest().choosable().map(|target| (target, stance)).collect();
        let answering = consentry_core::Answering { surface: Surface::Banner, ..random::answering(history.newest().hash()) };
        let choice = Choice::restore(EventId::from_parts(0, &[0; 10]), answering, everything).ok();
        let event = choice.map(|choice| Event { at: context.now, kind: EventKind::Chosen(choice) });
        let after = Record::fold(&event);
        prop_assert_eq!(allowed_after(&history, Some(stance), &context), allowed(&history, &after, &context));
        prop_assert_eq!(allowed_after(&history, None, &context), allowed(&history, &Record::default(), &context));
    }

    #[test]
    fn r31_an_opt_out_from_training_holds_for_every_data_set_built_after_it(asked in any_asked(), minutes in 0..100_000_u32) {
        let mut asked = on_device(asked);
        let training = asked.policy().purpose(&asked.question.purpose).is_some_and(|p| p.kind == PurposeKind::Training);
        if !training {
            return Ok(());
        }
        let at = asked.context.now;
        let event = choose(asked.policy(), at, vec![(Target::purpose(asked.question.purpose.clone()), Stance::Refuse)]);
        asked.device.push(event);
        asked.context.now = later(at, minutes);
        let gone = asked.policy().purpose(&asked.question.purpose).is_none_or(|p| !p.is_choosable());
        prop_assert!(gone || !asked.decide().allows());
    }
}

fn choice(event: &Event) -> Option<&Choice> {
    match &event.kind {
        EventKind::Chosen(choice) => Some(choice),
        EventKind::Signalled(..) | EventKind::Demanded(..) | EventKind::Linked(..) | EventKind::Lent(..) => None,
    }
}

#[test]
fn of_two_stances_towards_one_target_the_refusal_is_restored() {
    let target: Target = "a/b".parse().expect("a target");
    let answering = random::answering(consentry_core::PolicyHash::from_bytes([1; 32]));
    let id = EventId::from_parts(0, &[0; 10]);
    for order in [[Stance::Grant, Stance::Refuse], [Stance::Refuse, Stance::Grant]] {
        let stances = order.map(|stance| (target.clone(), stance)).to_vec();
        let choice = Choice::restore(id, answering.clone(), stances).expect("a choice");
        assert_eq!(choice.stances(), [(target.clone(), Stance::Refuse)]);
    }
}
