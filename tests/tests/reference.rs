//! `decide` against the naive reference, and the law as properties, on random policies and histories.

#![allow(clippy::expect_used, reason = "a test that cannot go on should say so at once")]

mod random;

use consentry_core::{
    Choice, Control, Event, EventKind, Obligation, Question, Reason, Record, Regime, Stance, Target, allowed,
    allowed_after, decide,
};
use consentry_tests::reference::decide_naively;
use proptest::prelude::*;
use random::{Asked, any_asked};

/// Enough to find a rule that is wrong in one case of a thousand, in a few seconds.
const CASES: u32 = 20_000;

fn many() -> ProptestConfig {
    ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() }
}

fn some() -> ProptestConfig {
    ProptestConfig { cases: CASES / 10, failure_persistence: None, ..ProptestConfig::default() }
}

fn stances(event: &Event) -> &[(Target, Stance)] {
    match &event.kind {
        EventKind::Chosen(choice) => choice.stances(),
    }
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn the_naive_reference_agrees(asked in any_asked()) {
        let Asked { policy, history, question, context } = asked;
        let decision = decide(&policy, &Record::fold(&history), &question, &context);
        prop_assert_eq!(decision, decide_naively(&policy, &history, &question, &context));
    }
}

proptest! {
    #![proptest_config(some())]

    #[test]
    fn r16_only_a_given_consent_allows_where_consent_is_asked(asked in any_asked()) {
        let Asked { policy, history, question, context } = asked;
        let decision = decide(&policy, &Record::fold(&history), &question, &context);
        let regime = Regime::of(context.jurisdiction.as_ref());
        let control = policy.purpose(&question.purpose).map(|p| p.terms_in(regime).control);
        if decision.allows() && control == Some(Control::OptIn) {
            prop_assert_eq!(decision.reason, Reason::Given);
            let granted = history.iter().flat_map(stances).any(|(t, s)| *t == decision.decided_by && *s == Stance::Grant);
            prop_assert!(granted, "nobody ever granted {}", decision.decided_by);
        }
    }

    #[test]
    fn r33_a_processor_is_allowed_only_where_its_purpose_is(asked in any_asked()) {
        let Asked { policy, history, question, context } = asked;
        let record = Record::fold(&history);
        let of_purpose = Question { processor: None, data: None, ..question.clone() };
        if decide(&policy, &record, &question, &context).allows() {
            prop_assert!(decide(&policy, &record, &of_purpose, &context).allows());
        }
    }

    #[test]
    fn r33_refusing_a_purpose_denies_it_and_all_its_processors(asked in any_asked()) {
        let Asked { policy, mut history, question, context } = asked;
        let Some(purpose) = policy.purpose(&question.purpose).filter(|p| p.is_choosable()) else { return Ok(()) };
        let target = Target::purpose(purpose.id.clone());
        history.push(random::choose(&policy, context.now, vec![(target, Stance::Refuse)]));
        prop_assert!(!decide(&policy, &Record::fold(&history), &question, &context).allows());
    }

    #[test]
    fn r8_a_stance_towards_one_purpose_leaves_the_others_as_they_were(asked in any_asked(), stance in random::any_stance()) {
        let Asked { policy, mut history, question, context } = asked;
        let Some(other) = policy.choosable().find(|t| t.purpose != question.purpose) else { return Ok(()) };
        let before = decide(&policy, &Record::fold(&history), &question, &context);
        history.push(random::choose(&policy, context.now, vec![(other, stance)]));
        prop_assert_eq!(decide(&policy, &Record::fold(&history), &question, &context), before);
    }

    #[test]
    fn r9_a_withdrawal_costs_only_features_that_need_it(asked in any_asked()) {
        let Asked { policy, history, question, context } = asked;
        let decision = decide(&policy, &Record::fold(&history), &question, &context);
        for lost in &decision.features_lost {
            let feature = policy.parts().features.iter().find(|f| f.id == *lost).expect("a feature of the policy");
            prop_assert!(feature.needs.iter().any(|need| need.purpose == decision.decided_by.purpose));
        }
        prop_assert!(!decision.allows() || decision.features_lost.is_empty());
        prop_assert!(decision.allows() || decision.obligations.is_empty());
    }

    #[test]
    fn r35_an_answer_stays_the_same_for_as_long_as_it_may_be_relied_on(asked in any_asked(), share in 0.0..1.0) {
        let Asked { policy, history, question, context } = asked;
        let record = Record::fold(&history);
        let decision = decide(&policy, &record, &question, &context);
        let span = decision.valid_until.as_ms().saturating_sub(context.now.as_ms());
        prop_assert!(span > 0);
        let now = consentry_core::Time::from_ms(context.now.as_ms() + (span as f64 * share) as u64);
        let later = consentry_core::Context { now, ..context };
        prop_assert_eq!(decide(&policy, &record, &question, &later).reason, decision.reason);
    }

    #[test]
    fn p17_no_grant_takes_no_training_from_a_processor_that_never_trains(asked in any_asked()) {
        let Asked { policy, history, question, context } = asked;
        let decision = decide(&policy, &Record::fold(&history), &question, &context);
        let never = question.processor.as_ref().and_then(|id| policy.processor(id))
            .is_some_and(|p| p.trains == consentry_core::Training::Never);
        if decision.allows() && never {
            prop_assert!(decision.obligations.contains(&Obligation::NoTraining));
        }
    }

    #[test]
    fn p14_limited_data_serves_no_other_purpose(asked in any_asked()) {
        let Asked { policy, history, question, context } = asked;
        let limited = question.data.as_ref().and_then(|id| policy.data(id))
            .is_some_and(|d| !d.only_for.is_empty() && !d.only_for.contains(&question.purpose));
        if limited {
            prop_assert!(!decide(&policy, &Record::fold(&history), &question, &context).allows());
        }
    }

    #[test]
    fn folding_step_by_step_is_folding_at_once(asked in any_asked()) {
        let mut record = Record::default();
        for event in &asked.history {
            record.apply(event);
        }
        prop_assert_eq!(record, Record::fold(&asked.history));
    }

    #[test]
    fn the_gate_table_says_what_decide_says(asked in any_asked()) {
        let Asked { policy, history, context, .. } = asked;
        let record = Record::fold(&history);
        let table = allowed(&policy, &record, &context);
        for target in policy.targets() {
            let question = Question { purpose: target.purpose.clone(), processor: target.processor.clone(), data: None };
            prop_assert_eq!(table.contains(&target), decide(&policy, &record, &question, &context).allows());
        }
    }

    #[test]
    fn the_outcomes_of_a_banner_are_known_beforehand(asked in any_asked(), stance in random::any_stance()) {
        let Asked { policy, context, .. } = asked;
        let everything: Vec<_> = policy.choosable().map(|target| (target, stance)).collect();
        let after = if everything.is_empty() {
            Record::default()
        } else {
            Record::fold(&[random::choose(&policy, context.now, everything)])
        };
        prop_assert_eq!(allowed_after(&policy, Some(stance), &context), allowed(&policy, &after, &context));
        prop_assert_eq!(allowed_after(&policy, None, &context), allowed(&policy, &Record::default(), &context));
    }
}

#[test]
fn of_two_stances_towards_one_target_the_refusal_is_restored() {
    let target: Target = "a/b".parse().expect("a target");
    let answering = random::answering(consentry_core::PolicyHash::from_bytes([1; 32]));
    let id = consentry_core::ChoiceId::from_parts(0, &[0; 10]);
    for order in [[Stance::Grant, Stance::Refuse], [Stance::Refuse, Stance::Grant]] {
        let stances = order.map(|stance| (target.clone(), stance)).to_vec();
        let choice = Choice::restore(id, answering.clone(), stances).expect("a choice");
        assert_eq!(choice.stances(), [(target.clone(), Stance::Refuse)]);
    }
}
