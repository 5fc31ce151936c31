//! R29 as a table: what one change of a policy means for the purpose or processor that it is about, and that it means nothing for the others.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

use consentry_core::source::Published;
use consentry_core::{
    Change, Channel, Control, CookieFunction, DataForm, LegalBasis, ModelOwner, OwnUse, Parts, Policy, PolicyHash,
    PolicyHistory, Processor, Purpose, PurposeKind, Retention, Role, Safeguard, Target, Terms, Time, Training, Version,
    diff,
};
use consentry_tests::corpus::on_disk;

fn pixcosmos() -> Parts {
    let folder = on_disk::root().join("policies/pixcosmos");
    let published = Published::parse(&on_disk::sources(&folder)).expect("a policy");
    let mut parts = published.policy.parts().clone();
    // One more thing of each kind that can change.
    employed(&mut parts, "cloud-us").flags = vec![("store".into(), "false".into())];
    parts
}

fn purpose<'a>(parts: &'a mut Parts, id: &str) -> &'a mut Purpose {
    parts.purposes.iter_mut().find(|p| p.id.as_str() == id).expect("a purpose")
}

fn employed<'a>(parts: &'a mut Parts, id: &str) -> &'a mut Processor {
    parts.processors.iter_mut().find(|p| p.id.as_str() == id).expect("a processor")
}

fn policy(parts: &Parts, number: u8) -> Policy {
    let hash = PolicyHash::from_bytes([number; 32]);
    Policy::new(parts.clone(), hash).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn read<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("well formed")
}

type Tweak = Box<dyn Fn(&mut Parts)>;

fn on_purpose(id: &'static str, tweak: impl Fn(&mut Purpose) + 'static) -> Tweak {
    Box::new(move |parts| tweak(purpose(parts, id)))
}

fn on_processor(id: &'static str, tweak: impl Fn(&mut Processor) + 'static) -> Tweak {
    Box::new(move |parts| tweak(employed(parts, id)))
}

/// A change and its reverse, the target that it is about, and what each of the two means for it.
struct Row {
    what: &'static str,
    about: &'static str,
    tweak: Tweak,
    there: Change,
    back: Change,
}

fn row(what: &'static str, about: &'static str, tweak: Tweak, there: Change, back: Change) -> Row {
    Row { what, about, tweak, there, back }
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn table() -> Vec<Row> {
    use Change::{Narrowed, Unchanged, Widened};
    let mail = "product-mail";
    let sg = "image-generation/cloud-sg";
    let us = "image-generation/cloud-us";
    vec![
        row("more data", "showcase", on_purpose("showcase", |p| p.data.push(read("prompts"))), Widened, Narrowed),
        row("other data", "showcase", on_purpose("showcase", |p| p.data = vec![read("prompts")]), Widened, Widened),
        row("longer", mail, on_purpose(mail, |p| p.retention = read("90 days")), Narrowed, Widened),
        row(
            "inactive, not deleted",
            "analytics",
            on_purpose("analytics", |p| p.retention = read("inactive 730 days")),
            Widened,
            Narrowed,
        ),
        row(
            "longer for a plan",
            mail,
            on_purpose(mail, |p| p.retention_by_plan = vec![(read("premium"), Retention::AfterUse)]),
            Narrowed,
            Widened,
        ),
        row("copies", mail, on_purpose(mail, |p| p.backups = Some(read("30 days"))), Widened, Narrowed),
        row(
            "longer copies",
            "image-storage",
            on_purpose("image-storage", |p| p.backups = Some(read("60 days"))),
            Widened,
            Narrowed,
        ),
        row("asked again later", mail, on_purpose(mail, |p| p.validity = Some(read("400 days"))), Widened, Narrowed),
        row("asked again earlier", mail, on_purpose(mail, |p| p.validity = Some(read("30 days"))), Narrowed, Widened),
        row(
            "the same validity, said",
            mail,
            on_purpose(mail, |p| p.validity = Some(read("365 days"))),
            Unchanged,
            Unchanged,
        ),
        row("a higher revision", mail, on_purpose(mail, |p| p.revision = 2), Widened, Unchanged),
        row("another term", mail, on_purpose(mail, |p| p.dpv = Some("dpv:Marketing".into())), Unchanged, Unchanged),
        row("one more channel", mail, on_purpose(mail, |p| p.channels.push(Channel::Sms)), Widened, Narrowed),
        row("another channel", mail, on_purpose(mail, |p| p.channels = vec![Channel::Phone]), Widened, Widened),
        row(
            "other cookies",
            "analytics",
            on_purpose("analytics", |p| p.function = Some(CookieFunction::Advertising)),
            Widened,
            Widened,
        ),
        row("another kind", "showcase", on_purpose("showcase", |p| p.kind = PurposeKind::Programme), Widened, Widened),
        row(
            "on where it was off",
            "community",
            on_purpose("community", |p| {
                p.opt_out_terms = Some(Terms { control: Control::OptOut, basis: LegalBasis::LegitimateInterest });
            }),
            Widened,
            Narrowed,
        ),
        row(
            "no longer asked",
            "image-generation",
            on_purpose("image-generation", |p| {
                p.terms = Terms { control: Control::Notified, basis: LegalBasis::Contract };
            }),
            Widened,
            Narrowed,
        ),
        row(
            "another basis",
            "security-alerts",
            on_purpose("security-alerts", |p| p.terms.basis = LegalBasis::LegalObligation),
            Widened,
            Widened,
        ),
        row(
            "a wider model",
            "ai-training",
            on_purpose("ai-training", |p| p.training.as_mut().expect("training").model = ModelOwner::Public),
            Widened,
            Narrowed,
        ),
        row(
            "a more telling form",
            "ai-training",
            on_purpose("ai-training", |p| p.training.as_mut().expect("training").form = DataForm::Raw),
            Widened,
            Narrowed,
        ),
        row(
            "more and less at once",
            "analytics",
            on_purpose("analytics", |p| {
                p.retention = Retention::AfterUse;
                p.data.push(read("device-data"));
            }),
            Widened,
            Widened,
        ),
        row("the processor gets less", us, on_processor("cloud-us", |p| drop(p.uses[0].data.pop())), Narrowed, Widened),
        row("the processor keeps", us, on_processor("cloud-us", |p| p.retention = read("1 day")), Widened, Narrowed),
        row(
            "the processor has ends of its own",
            us,
            on_processor("cloud-us", |p| {
                p.own_use = OwnUse::Discloses;
                p.role = Role::Controller;
            }),
            Widened,
            Narrowed,
        ),
        row(
            "the processor decides with the site",
            us,
            on_processor("cloud-us", |p| p.role = Role::JointController),
            Widened,
            Narrowed,
        ),
        row("a flag is gone", us, on_processor("cloud-us", |p| p.flags.clear()), Widened, Narrowed),
        row("a flag says otherwise", us, on_processor("cloud-us", |p| p.flags[0].1 = "true".into()), Widened, Widened),
        row(
            "the processor's name",
            us,
            on_processor("cloud-us", |p| p.name = "Cloud USA".into()),
            Unchanged,
            Unchanged,
        ),
        row(
            "a weaker safeguard",
            "image-generation/uk-render",
            on_processor("uk-render", |p| p.safeguard = Safeguard::StandardContractualClauses),
            Widened,
            Narrowed,
        ),
        row("another country far away", us, on_processor("cloud-us", |p| p.country = read("CN")), Widened, Widened),
        row(
            "home from far away",
            us,
            on_processor("cloud-us", |p| {
                p.country = read("DE");
                p.safeguard = Safeguard::Eea;
            }),
            Narrowed,
            Widened,
        ),
        row(
            "another country of the EEA",
            "image-generation/cloud-eu",
            on_processor("cloud-eu", |p| p.country = read("DE")),
            Unchanged,
            Unchanged,
        ),
        row(
            "another consent for the transfer",
            sg,
            Box::new(|parts| {
                let mut other = purpose(parts, "transfer-sg").clone();
                other.id = read("transfer-asia");
                parts.purposes.push(other);
                employed(parts, "cloud-sg").transfer = Some(read("transfer-asia"));
            }),
            Widened,
            Widened,
        ),
    ]
}

fn changes(old: &Policy, new: &Policy) -> Vec<(String, Change)> {
    diff(old, new).map(|(target, change)| (target.to_string(), change)).collect()
}

#[test]
fn r29_each_change_means_what_the_table_says_and_nothing_for_the_rest() {
    let before = pixcosmos();
    for Row { what, about, tweak, there, back } in table() {
        let mut after = before.clone();
        tweak(&mut after);
        for (old, new, expected) in [(&before, &after, there), (&after, &before, back)] {
            for (target, change) in changes(&policy(old, 1), &policy(new, 2)) {
                let added = old.purposes.len() != new.purposes.len() && target.starts_with("transfer-asia");
                let expected = if target == about { expected } else { Change::Unchanged };
                assert!(added || change == expected, "{what}: {target} is {change}, expected {expected}");
            }
        }
    }
}

#[test]
fn p7_r29_another_controller_is_another_promise_of_everything() {
    let before = pixcosmos();
    let mut after = before.clone();
    after.controller.name = "Another".into();
    for (target, change) in changes(&policy(&before, 1), &policy(&after, 2)) {
        let expected = if target.contains('/') { Change::Unchanged } else { Change::Widened };
        assert_eq!(change, expected, "{target}");
    }
    after.controller = before.controller.clone();
    after.controller.contact = "https://another.example".into();
    assert!(changes(&policy(&before, 1), &policy(&after, 2)).iter().all(|(_, change)| *change == Change::Unchanged));
}

#[test]
fn r29_a_processor_that_may_train_now_is_asked_again_where_it_is_employed() {
    let mut before = pixcosmos();
    let training = read("ai-training");
    let data = vec![read("prompts")];
    employed(&mut before, "uk-render").uses.push(consentry_core::Use { purpose: training, data });
    employed(&mut before, "uk-render").trains = Training::WithConsent;
    let mut after = before.clone();
    after.processors.retain(|p| p.id.as_str() != "uk-render");
    after
        .features
        .retain(|f| f.needs.iter().all(|need| need.processor.as_ref().is_none_or(|p| p.as_str() != "uk-render")));
    let there = changes(&policy(&after, 1), &policy(&before, 2));
    assert!(there.contains(&("ai-training/uk-render".into(), Change::New)));
    assert!(there.contains(&("ai-training".into(), Change::Unchanged)), "a new processor is its own question");
    let back = changes(&policy(&before, 1), &policy(&after, 2));
    assert!(back.contains(&("ai-training/uk-render".into(), Change::Gone)));
}

#[test]
fn p29_r29_a_mode_that_protects_no_more_is_a_wider_purpose() {
    let folder = on_disk::root().join("policies/imagodraw");
    let before = Published::parse(&on_disk::sources(&folder)).expect("a policy").policy.parts().clone();
    let mut after = before.clone();
    after.modes[0].denies.clear();
    let there = changes(&policy(&before, 1), &policy(&after, 2));
    let changed: Vec<_> = there.iter().filter(|(_, change)| *change != Change::Unchanged).collect();
    assert_eq!(changed, [&("ai-training".to_string(), Change::Widened)]);
    after.modes.clear();
    let there = changes(&policy(&before, 1), &policy(&after, 2));
    assert!(there.contains(&("ai-training".into(), Change::Widened)));
}

#[test]
fn only_what_is_new_or_wider_asks_again() {
    let asks: Vec<_> = Change::ALL.iter().filter(|change| change.asks_again()).collect();
    assert_eq!(asks, [&Change::Widened, &Change::New]);
}

#[test]
fn r30_a_history_knows_what_holds_when_and_what_comes_next() {
    let parts = pixcosmos();
    let version = |number, ms| Version {
        policy: policy(&parts, number),
        published: Time::from_ms(0),
        effective: Time::from_ms(ms),
    };
    let history = PolicyHistory::starting(version(1, 10)).then(version(2, 20)).and_then(|h| h.then(version(1, 30)));
    let history = history.expect("a history");
    let number = |ms| history.in_force(Time::from_ms(ms)).map(|p| p.hash().as_bytes()[0]);
    assert_eq!([9, 10, 19, 20, 29, 30].map(number), [None, Some(1), Some(1), Some(2), Some(2), Some(1)]);
    let next = |ms| history.next_change(Time::from_ms(ms)).map(Time::as_ms);
    assert_eq!([0, 10, 29, 30].map(next), [Some(10), Some(20), Some(30), None]);
    assert!(history.published(PolicyHash::from_bytes([2; 32])).is_some());
    assert!(history.published(PolicyHash::from_bytes([3; 32])).is_none());
    assert_eq!(history.versions().count(), 3);
    let too_early = history.clone().then(Version { published: Time::from_ms(50), ..version(3, 40) });
    assert_eq!(too_early, Err(consentry_core::HistoryError::TooEarly));
    assert_eq!(history.clone().then(version(3, 30)), Err(consentry_core::HistoryError::TooEarly));
    let mut other = parts.clone();
    other.site = read("elsewhere");
    let other = Version { policy: policy(&other, 4), ..version(3, 40) };
    assert!(matches!(history.then(other), Err(consentry_core::HistoryError::OtherSite { .. })));
}

#[test]
fn a_history_has_its_limit() {
    let parts = pixcosmos();
    let version = |ms| Version { policy: policy(&parts, 1), published: Time::from_ms(0), effective: Time::from_ms(ms) };
    let mut history = PolicyHistory::starting(version(0));
    for ms in 1..64 {
        history = history.then(version(ms)).expect("room");
    }
    assert_eq!(history.then(version(64)), Err(consentry_core::HistoryError::TooMany));
}

#[test]
fn a_target_is_had_with_its_processor_or_not_at_all() {
    let policy = policy(&pixcosmos(), 1);
    for (target, has) in [
        ("showcase", true),
        ("image-generation/cloud-eu", true),
        ("showcase/cloud-eu", false),
        ("image-generation/elsewhere", false),
        ("elsewhere", false),
    ] {
        assert_eq!(policy.has(&read::<Target>(target)), has, "{target}");
    }
}
