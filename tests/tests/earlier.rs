//! What a page is told of earlier policies, against what the core decides: never more, and no less than it must be.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on should say so at once")]

#[allow(dead_code, reason = "other tests use the rest")]
mod random;

use consentry_core::*;
use consentry_tests::corpus::on_disk;
use proptest::prelude::*;
use random::{any_asked, any_policy, any_stance, choose};
use std::collections::BTreeSet;

/// What random cases seldom meet has a test of its own below.
const CASES: u32 = 500;

/// The policies, somebody's one choice under an earlier of them, and where they are now.
#[derive(Debug, Clone)]
struct Case {
    history: PolicyHistory,
    old: Policy,
    record: Record,
    context: Context,
}

impl Case {
    fn told(&self) -> Option<Earlier> {
        let places = [self.context.jurisdiction.clone()];
        earlier(&self.history, &places, self.context.now).into_iter().find(|told| told.policy == self.old.hash())
    }

    /// What the page has kept.
    fn kept(&self) -> BTreeSet<Target> {
        allowed(&PolicyHistory::from(self.old.clone()), &self.record, &self.context).into_iter().collect()
    }

    fn decided(&self) -> BTreeSet<Target> {
        allowed(&self.history, &self.record, &self.context).into_iter().collect()
    }
}

/// One choice that a page could send under this policy: of some of what it asks, or nothing where it asks nothing.
fn any_choice_under(policy: &Policy, at: Time) -> impl Strategy<Value = Option<Event>> + use<> {
    let targets: Vec<Target> = policy.choosable().collect();
    let (policy, all) = (policy.clone(), targets.len());
    (
        proptest::sample::subsequence(targets, 0..=all),
        any_stance(),
        proptest::collection::vec(any_stance(), all),
        proptest::bool::weighted(0.3),
    )
        .prop_map(move |(targets, same, stances, is_same)| {
            let stances = targets.into_iter().zip(stances).map(|(t, own)| (t, if is_same { same } else { own }));
            let stances: Vec<(Target, Stance)> = stances.collect();
            (!stances.is_empty()).then(|| choose(&policy, at, stances))
        })
}

/// A policy, and after it one that has little to do with it, or that asks for all that had started on by itself.
fn any_upheaval() -> impl Strategy<Value = PolicyHistory> {
    (any_policy(), any_policy(), any::<bool>()).prop_map(|(first, other, asks)| {
        let mut parts = if asks { first.parts().clone() } else { other.parts().clone() };
        for purpose in parts.purposes.iter_mut().filter(|_| asks) {
            purpose.opt_out_terms = None;
        }
        let second = Policy::new(parts, PolicyHash::from_bytes([2; 32])).expect("a policy");
        let version = |policy, day| Version { policy, published: Time::from_ms(0), effective: Time::from_ms(day) };
        PolicyHistory::starting(version(first, 0)).then(version(second, 1)).expect("in order")
    })
}

fn many() -> ProptestConfig {
    let cases = std::env::var("CONSENTRY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn any_case() -> impl Strategy<Value = Case> {
    let history = (any_asked(), any_upheaval(), any::<bool>());
    (history, any::<prop::sample::Index>()).prop_flat_map(|((asked, upheaval, is_small), which)| {
        let history = if is_small { asked.history } else { upheaval };
        let versions: Vec<Policy> = history.versions().map(|version| version.policy.clone()).collect();
        let old = which.get(&versions).clone();
        let Context { now, jurisdiction, .. } = asked.context;
        let context = Context { jurisdiction, ..Context::at(now) };
        any_choice_under(&old, now).prop_map(move |event| Case {
            history: history.clone(),
            old: old.clone(),
            record: Record::fold(&event),
            context: context.clone(),
        })
    })
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn r29_a_page_that_takes_away_what_ends_allows_nothing_that_is_denied(case in any_case()) {
        if let Some(Earlier { ends, .. }) = case.told() {
            let ends = ends.into_iter().collect();
            let left: BTreeSet<Target> = case.kept().difference(&ends).cloned().collect();
            prop_assert!(left.is_subset(&case.decided()), "{left:?} {:?}", case.decided());
        }
    }

    // Where everything must be asked for, a page cannot mistake what started on by itself for a grant; and while an older policy still
    // holds, what the newest no longer has ends early. What needs another transfer than before ends even where that was granted.
    #[test]
    fn r29_where_all_is_asked_for_nothing_ends_that_would_still_count(case in any_case()) {
        let newest = case.history.newest();
        let holds = case.history.in_force(case.context.now).map(Policy::hash) == Some(newest.hash());
        let place = case.context.jurisdiction.as_ref();
        let asked_for = [&case.old, newest].iter().all(|policy| policy.law(place).regime == Regime::OptIn);
        if let Some(Earlier { ends, .. }) = case.told().filter(|_| holds && asked_for) {
            let (kept, decided) = (case.kept(), case.decided());
            let transfer = |policy: &Policy, target: &Target| {
                target.processor.as_ref().and_then(|id| policy.processor(id)?.transfer.clone())
            };
            for target in ends {
                let needed = transfer(newest, &target);
                if needed.is_some() && needed != transfer(&case.old, &target) {
                    continue;
                }
                prop_assert!(!(kept.contains(&target) && decided.contains(&target)), "{target}");
            }
        }
    }

    #[test]
    fn r29_whoever_granted_all_is_asked_what_a_page_is_told(case in any_case()) {
        let newest = case.history.newest();
        if let Some(Earlier { asks, .. }) = case.told() {
            // What people were only told of before has never been asked.
            let was_asked = |target: &Target| case.old.choosable().any(|asked| asked == *target);
            let is_asked = |target: &Target| {
                !was_asked(target) || change_of(&case.old, newest, target).asks_again()
            };
            prop_assert_eq!(asks, newest.choosable().filter(is_asked).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_page_is_told_of_the_last_eight_policies_the_latest_first() {
    let folder = on_disk::root().join("policies/adforge");
    let parts = source::Published::parse(&on_disk::sources(&folder)).expect("a policy").policy.parts().clone();
    let version = |number: u8| {
        let mut parts = parts.clone();
        parts.purposes[0].revision = u32::from(number);
        let policy = Policy::new(parts, PolicyHash::from_bytes([number; 32])).expect("a policy");
        Version { policy, published: Time::from_ms(0), effective: Time::from_ms(u64::from(number)) }
    };
    let history = (2..=10).fold(PolicyHistory::starting(version(1)), |h, n| h.then(version(n)).expect("in order"));
    let told = earlier(&history, &[None], Time::from_ms(100));
    let numbers: Vec<u8> = told.iter().map(|earlier| earlier.policy.as_bytes()[0]).collect();
    assert_eq!(numbers, [9, 8, 7, 6, 5, 4, 3, 2]);
    for Earlier { ends, asks, .. } in told {
        assert_eq!(ends.iter().map(ToString::to_string).collect::<Vec<_>>(), ["ai-training"]);
        assert_eq!(asks, ends);
    }
}

#[test]
fn one_policy_that_came_back_is_told_of_once() {
    let folder = on_disk::root().join("policies/adforge");
    let parts = source::Published::parse(&on_disk::sources(&folder)).expect("a policy").policy.parts().clone();
    let version = |hash: u8, day: u64| {
        let policy = Policy::new(parts.clone(), PolicyHash::from_bytes([hash; 32])).expect("a policy");
        Version { policy, published: Time::from_ms(0), effective: Time::from_ms(day) }
    };
    let days = [(2, 2), (1, 3), (2, 4), (1, 5)];
    let history = days
        .into_iter()
        .fold(PolicyHistory::starting(version(1, 1)), |h, (hash, day)| h.then(version(hash, day)).expect("in order"));
    let told = earlier(&history, &[None], Time::from_ms(100));
    assert_eq!(told.iter().map(|earlier| earlier.policy.as_bytes()[0]).collect::<Vec<_>>(), [2]);
    assert_eq!((told[0].ends.len(), told[0].asks.len()), (0, 0));
}

const AI: usize = 1;
const ABROAD: usize = 6;
const KLING: usize = 3;

/// AdForge, whose AI processor Kling needs a transfer that is a purpose of its own, with one more thing changed. Both ask.
fn with_transfer(number: u8, change: impl FnOnce(&mut Parts)) -> Policy {
    let folder = on_disk::root().join("policies/adforge");
    let mut parts = source::Published::parse(&on_disk::sources(&folder)).expect("a policy").policy.parts().clone();
    let abroad: PurposeId = "abroad".parse().expect("a name");
    let transfer = Purpose { id: abroad.clone(), kind: PurposeKind::Transfer, ..parts.purposes[AI].clone() };
    parts.purposes.push(transfer);
    parts.processors[KLING].safeguard = Safeguard::ExplicitConsent;
    parts.processors[KLING].transfer = Some(abroad);
    change(&mut parts);
    Policy::new(parts, PolicyHash::from_bytes([number; 32])).expect("a policy")
}

/// Starts on where the law allows it.
const STARTS_ON: Option<Terms> = Some(Terms { control: Control::OptOut, basis: LegalBasis::LegitimateInterest });
const TOLD: Terms = Terms { control: Control::Notified, basis: LegalBasis::Contract };

/// Whoever has said only this in Virginia keeps Kling under the old policy, loses it under the new one, and the page knows.
fn kling_ends(old: Policy, new: Policy, said: &[(&str, Stance)]) {
    let version = |policy, day| Version { policy, published: Time::from_ms(0), effective: Time::from_ms(day) };
    let history = PolicyHistory::starting(version(old.clone(), 0)).then(version(new, 1)).expect("in order");
    let context = Context { jurisdiction: "US-VA".parse().ok(), ..Context::at(Time::from_ms(100)) };
    let said = said.iter().map(|(target, stance)| (target.parse().expect("a target"), *stance)).collect();
    let case = Case { record: Record::fold([&choose(&old, context.now, said)]), history, old, context };
    let kling: Target = "downstream-ai/kling".parse().expect("a target");
    assert!(case.kept().contains(&kling) && !case.decided().contains(&kling));
    assert!(case.told().expect("an earlier policy").ends.contains(&kling));
}

#[test]
fn p23_a_processor_that_comes_to_need_a_transfer_ends_since_that_may_have_been_refused() {
    let told_of = |parts: &mut Parts| {
        (parts.purposes[AI].terms, parts.purposes[ABROAD].opt_out_terms) = (TOLD, STARTS_ON);
    };
    let old = with_transfer(1, |parts| {
        told_of(parts);
        (parts.processors[KLING].safeguard, parts.processors[KLING].transfer) =
            (Safeguard::StandardContractualClauses, None);
    });
    kling_ends(old, with_transfer(2, told_of), &[("abroad", Stance::Refuse)]);
}

#[test]
fn p23_a_processor_ends_with_a_transfer_that_no_longer_starts_on() {
    let old = with_transfer(1, |parts| parts.purposes[ABROAD].opt_out_terms = STARTS_ON);
    let said = [("downstream-ai", Stance::Grant), ("downstream-ai/kling", Stance::Grant)];
    kling_ends(old, with_transfer(2, |_| {}), &said);
}

#[test]
fn r33_a_processor_ends_with_a_purpose_that_no_longer_starts_on() {
    let old = with_transfer(1, |parts| parts.purposes[AI].opt_out_terms = STARTS_ON);
    kling_ends(old, with_transfer(2, |_| {}), &[("abroad", Stance::Grant)]);
}
