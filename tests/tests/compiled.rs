//! The compiled form on the policies of the sites: it answers the ordinary by itself, and knows when it may not.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

use consentry_core::source::Published;
use consentry_core::{
    AccountId, Activity, AgeBand, Answering, Choice, Compiled, Context, DataForm, Demand, DemandKind, Event, EventId,
    EventKind, Guardian, NUMBERED_MAX, Policy, PolicyHash, PolicyHistory, Processor, Question, Reason, Record, Signal,
    Stance, Subject, Surface, Target, Time, Use, Version, decide,
};
use consentry_tests::corpus::on_disk;

const NOW: Time = Time::from_ms(1_790_000_000_000);
const SITES: [&str; 6] = ["icecone", "ai-figurine", "adforge", "pixcosmos", "imagodraw", "starter"];
const PLACES: [&str; 5] = ["DE", "GB", "US-VA", "US-CA", "ZZ"];

fn site(folder: &str) -> PolicyHistory {
    let folder = on_disk::root().join(folder);
    Published::parse(&on_disk::sources(&folder)).expect("a policy").history
}

fn sites() -> impl Iterator<Item = PolicyHistory> {
    SITES.iter().map(|name| site(&format!("policies/{name}")))
}

fn choose(policy: &Policy, at: Time, confirmed: bool, stance: Stance) -> Event {
    let answering = Answering {
        policy: policy.hash(),
        notice: consentry_core::NoticeHash::from_bytes([0; 32]),
        language: "en".parse().expect("a language"),
        surface: Surface::Centre,
        confirmed,
    };
    let stances = policy.choosable().map(|target| (target, stance)).collect();
    let choice = Choice::restore(EventId::from_parts(at.as_ms(), &[7; 10]), answering, stances).expect("a choice");
    Event { at, kind: EventKind::Chosen(choice) }
}

fn before(minutes: u64) -> Time {
    Time::from_ms(NOW.as_ms() - minutes * 60_000)
}

/// Every question that the policy has an answer to: each target, with all its data and with each category of it.
fn questions(policy: &Policy) -> Vec<Question> {
    let mut questions = Vec::new();
    for target in policy.targets() {
        questions.push(Question::about(target.clone()));
        let purpose = policy.purpose(&target.purpose).expect("a purpose");
        let processor = target.processor.as_ref().and_then(|id| policy.processor(id));
        let data = processor.map_or(&purpose.data, |p| &p.use_for(&purpose.id).expect("a use").data);
        questions
            .extend(data.iter().map(|data| Question { data: Some(data.clone()), ..Question::about(target.clone()) }));
    }
    questions
}

fn at(place: &str, now: Time) -> Context {
    Context { jurisdiction: Some(place.parse().expect("a place")), ..Context::at(now) }
}

/// Whether the short way answers, and then as the long way does.
fn answers(
    compiled: &Compiled,
    history: &PolicyHistory,
    record: &Record,
    question: &Question,
    context: &Context,
) -> bool {
    let ask = compiled.resolve(question, context).unwrap_or_else(|| panic!("no numbers for {question:?}"));
    let Some(verdict) = compiled.decide(&ask, &compiled.pack(record, context.now), context.now) else { return false };
    let decision = decide(history, record, question, context);
    assert_eq!(verdict.reason, decision.reason, "{decision}");
    assert_eq!(compiled.decided_by(&verdict), Some(&decision.decided_by));
    assert_eq!(verdict.valid_until.min(decision.valid_until), verdict.valid_until, "{decision}");
    assert!(verdict.valid_until > context.now);
    true
}

#[test]
fn ordinary_questions_are_answered_by_the_short_way() {
    let mut count = 0;
    for history in sites() {
        let policy = history.newest();
        let compiled = history.compile(NOW).expect("a policy in force");
        let granted = choose(policy, before(20), false, Stance::Grant);
        let refused = choose(policy, before(30), false, Stance::Refuse);
        let confirmed = choose(policy, before(10), true, Stance::Grant);
        let records = [
            vec![],
            vec![granted.clone()],
            vec![refused.clone()],
            vec![choose(policy, before(40), false, Stance::Grant), refused.clone()],
            vec![refused.clone(), confirmed],
            vec![choose(policy, before(1_000 * 24 * 60), false, Stance::Grant)],
            vec![choose(&other(policy), before(20), false, Stance::Grant)],
        ];
        for events in &records {
            for question in questions(policy) {
                for place in PLACES {
                    let record = Record::fold(events);
                    let context = at(place, NOW);
                    assert!(answers(&compiled, &history, &record, &question, &context), "{question:?} in {place}");
                    let account = Record::of(Subject::Account(AccountId::from_bytes([1; 32])), events);
                    assert!(answers(&compiled, &history, &account, &question, &context), "{question:?} of an account");
                    count += 2;
                }
            }
        }
        // A yes after a no, unconfirmed: in some places that takes a second step to sale and advertising, and only there.
        let record = Record::fold(&[refused, granted]);
        for question in questions(policy) {
            let answered = answers(&compiled, &history, &record, &question, &at("US-CA", NOW));
            assert_eq!(answered, !policy.purpose(&question.purpose).expect("a purpose").answers_gpc(), "{question:?}");
        }
    }
    assert!(count > 10_000, "{count}");
}

/// The same promises under a name that was never published.
fn other(policy: &Policy) -> Policy {
    Policy::new(policy.parts().clone(), PolicyHash::from_bytes([9; 32])).expect("a policy")
}

#[test]
fn what_is_out_of_the_ordinary_is_left_to_the_full_rule() {
    let history = site("policies/pixcosmos");
    let compiled = history.compile(NOW).expect("a policy in force");
    let target = |text: &str| text.parse::<Target>().expect("a target");
    let question = Question::about(target("image-generation/cloud-us"));
    let plain = at("US-CA", NOW);
    let resolves = |question: &Question, context: &Context| compiled.resolve(question, context).is_some();
    assert!(resolves(&question, &plain));
    assert!(resolves(&question, &Context { age: Some(AgeBand::Adult), ..plain.clone() }));
    assert!(resolves(&question, &Context { plan: Some("premium".parse().expect("a plan")), ..plain.clone() }));
    for context in [
        Context { age: Some(AgeBand::SixteenOrSeventeen), ..at("DE", NOW) },
        Context { age: Some(AgeBand::Under13), ..plain.clone() },
        Context { age: Some(AgeBand::Fifteen), ..plain.clone() },
        Context { guardian: Some(Guardian { from: before(1), until: NOW }), ..plain.clone() },
        Context { mode: Some("private".parse().expect("a mode")), ..plain.clone() },
        Context { signal: Some(Signal::Gpc), ..plain.clone() },
        Context { form: Some(DataForm::Raw), ..plain.clone() },
    ] {
        assert!(!resolves(&question, &context), "{context:?}");
    }
    let data = |name: &str| Some(name.parse().expect("a name"));
    for question in [
        Question { activity: Activity::Train, ..question.clone() },
        Question { activity: Activity::OwnEnds, ..question.clone() },
        Question { data: data("usage"), ..question.clone() },
        Question { data: data("uploads"), ..Question::about(target("image-generation/uk-render")) },
        Question { data: data("unheard-of"), ..question.clone() },
        Question::about(target("unheard-of")),
        Question::about(target("image-generation/unheard-of")),
        Question::about(target("showcase/cloud-us")),
    ] {
        assert!(!resolves(&question, &plain), "{question:?}");
    }
    let ask = compiled.resolve(&question, &plain).expect("numbers");
    let chosen = choose(history.newest(), before(20), false, Stance::Grant);
    let id = EventId::from_parts(1, &[1; 10]);
    let demand = |kind, stands| EventKind::Demanded(id, Demand { kind, purpose: None, stands });
    for kind in [
        EventKind::Signalled(id, Signal::Gpc),
        demand(DemandKind::Objection, true),
        demand(DemandKind::Restriction, false),
        demand(DemandKind::Erasure, true),
    ] {
        let record = Record::fold(&[Event { at: before(30), kind }, chosen.clone()]);
        assert_eq!(compiled.decide(&ask, &compiled.pack(&record, NOW), NOW), None);
        let by_either = compiled.decide_or_ask(&compiled.pack(&record, NOW), &record, &question, &plain);
        let decision = decide(&history, &record, &question, &plain);
        assert_eq!(by_either, (decision.reason, decision.valid_until));
    }
    let account = Record::of(Subject::Account(AccountId::from_bytes([1; 32])), [&chosen]);
    let both = Record::fold(std::slice::from_ref(&chosen)).merge(account.clone());
    assert_eq!(compiled.decide(&ask, &compiled.pack(&both, NOW), NOW), None, "device and account");
    let signed_in = Record::default().merge(account);
    assert!(compiled.decide(&ask, &compiled.pack(&signed_in, NOW), NOW).is_some(), "a device that has said nothing");
}

#[test]
fn a_state_holds_from_when_it_was_packed_until_something_ends() {
    let history = site("tests/corpus/policies/pixcosmos-history");
    let day = |ms| Time::from_ms(ms);
    let (june, january) = (day(1_780_272_000_000), day(1_798_761_600_000));
    let compiled = history.compile(NOW).expect("a policy in force");
    assert_eq!(compiled.holds(), (june, january));
    assert_eq!(history.compile(Time::from_ms(0)).map(|c| c.holds()), None, "before the first policy");
    assert_eq!(history.compile(january).map(|c| c.holds()), Some((january, day(u64::MAX))));

    let question = Question::about("community".parse().expect("a target"));
    let context = at("DE", NOW);
    let ask = compiled.resolve(&question, &context).expect("numbers");
    let june_policy = history.in_force(NOW).expect("a policy").clone();
    let reason = |state, ms: u64| compiled.decide(&ask, state, Time::from_ms(ms)).map(|v| v.reason);
    // Nothing said: until the next policy holds, and from the moment it was packed.
    let empty = compiled.pack(&Record::default(), NOW);
    assert_eq!(reason(&empty, NOW.as_ms() - 1), None);
    assert_eq!(reason(&empty, NOW.as_ms()), Some(Reason::NotGiven));
    assert_eq!(reason(&empty, january.as_ms() - 1), Some(Reason::NotGiven));
    assert_eq!(reason(&empty, january.as_ms()), None);
    // Packed for a time before the policy held: not earlier than that.
    let early = compiled.pack(&Record::default(), Time::from_ms(1));
    assert_eq!(reason(&early, june.as_ms() - 1), None);
    assert_eq!(reason(&early, june.as_ms()), Some(Reason::NotGiven));
    // A yes: until it expires, and what may be relied on ends there, too.
    let given = day(NOW.as_ms() - 365 * 86_400_000 + 60_000);
    let record = Record::fold(&[choose(&june_policy, given, false, Stance::Grant)]);
    let state = compiled.pack(&record, NOW);
    let verdict = compiled.decide(&ask, &state, NOW).expect("an answer");
    assert_eq!((verdict.reason, verdict.valid_until), (Reason::Given, day(NOW.as_ms() + 60_000)));
    assert_eq!(reason(&state, NOW.as_ms() + 59_999), Some(Reason::Given));
    assert_eq!(reason(&state, NOW.as_ms() + 60_000), None);
    // Otherwise a decision may be relied on for as long as the policy says.
    let fresh = compiled.pack(&Record::fold(&[choose(&june_policy, before(1), false, Stance::Grant)]), NOW);
    assert_eq!(compiled.decide(&ask, &fresh, NOW).map(|v| v.valid_until), Some(day(NOW.as_ms() + 300_000)));
}

#[test]
fn a_transfer_is_the_third_step() {
    let history = site("policies/pixcosmos");
    let policy = history.newest();
    let compiled = history.compile(NOW).expect("a policy in force");
    let question = Question::about("image-generation/cloud-sg".parse().expect("a target"));
    let ask = compiled.resolve(&question, &at("DE", NOW)).expect("numbers");
    let decided = |granted: &[&str]| {
        let Event { kind: EventKind::Chosen(all), at } = choose(policy, before(5), false, Stance::Grant) else {
            panic!()
        };
        let keep = |target: &Target| granted.contains(&target.to_string().as_str());
        let stances = all.stances().iter().filter(|(t, _)| keep(t)).cloned().collect();
        let choice = Choice::restore(all.id(), all.answering().clone(), stances).expect("a choice");
        let record = Record::fold(&[Event { at, kind: EventKind::Chosen(choice) }]);
        let verdict = compiled.decide(&ask, &compiled.pack(&record, NOW), NOW).expect("an answer");
        (verdict.reason, compiled.decided_by(&verdict).expect("a target").to_string())
    };
    let (ai, sg, transfer) = ("image-generation", "image-generation/cloud-sg", "transfer-sg");
    assert_eq!(decided(&[sg, transfer]), (Reason::NotGiven, ai.into()));
    assert_eq!(decided(&[ai, transfer]), (Reason::NotGiven, sg.into()));
    assert_eq!(decided(&[ai, sg]), (Reason::NotGiven, transfer.into()));
    assert_eq!(decided(&[ai, sg, transfer]), (Reason::Given, sg.into()));
}

#[test]
fn targets_beyond_the_last_number_are_left_to_the_full_rule() {
    let mut parts = site("policies/starter").newest().parts().clone();
    let model = parts.purposes.iter().find(|p| p.kind == consentry_core::PurposeKind::Programme || p.is_choosable());
    let model = model.expect("a purpose").clone();
    parts.features.clear();
    parts.processors.retain(|_| false);
    parts.purposes.retain(|p| !p.is_choosable());
    let told = parts.purposes.len();
    for n in told..64 {
        parts.purposes.push(consentry_core::Purpose { id: format!("p{n}").parse().expect("a name"), ..model.clone() });
    }
    let template = site("policies/starter").newest().parts().processors[0].clone();
    for n in 0..3 {
        let employed = parts.purposes.iter().filter(|p| p.is_choosable());
        let uses = employed.map(|p| Use { purpose: p.id.clone(), data: vec![p.data[0].clone()] }).collect();
        let id = format!("q{n}").parse().expect("a name");
        let trains = consentry_core::Training::WithConsent;
        parts.never = consentry_core::Never::default();
        parts.processors.push(Processor { id, uses, trains, ..template.clone() });
    }
    let policy = Policy::new(parts, PolicyHash::from_bytes([1; 32])).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let targets: Vec<Target> = policy.targets().collect();
    assert!(targets.len() > NUMBERED_MAX + 1);
    let version = Version { policy, published: Time::from_ms(0), effective: Time::from_ms(0) };
    let compiled = PolicyHistory::starting(version).compile(NOW).expect("a policy");
    let context = Context::at(NOW);
    let numbered = |n: usize| compiled.resolve(&Question::about(targets[n].clone()), &context).is_some();
    assert!(numbered(0) && numbered(NUMBERED_MAX - 1) && !numbered(NUMBERED_MAX));
}
