//! Random policies, histories and questions: few names, so that they meet often.

use consentry_core::*;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

/// A policy, what happened under it, and a question.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) policy: Policy,
    pub(crate) history: Vec<Event>,
    pub(crate) question: Question,
    pub(crate) context: Context,
}

const THIS_POLICY: PolicyHash = PolicyHash::from_bytes([1; HASH_BYTES]);
const OTHER_POLICY: PolicyHash = PolicyHash::from_bytes([2; HASH_BYTES]);
const MINUTE_MS: u64 = 60_000;
const START_MS: u64 = 1_767_225_600_000;

pub(crate) fn any_asked() -> impl Strategy<Value = Asked> {
    any_policy().prop_flat_map(|policy| {
        let targets: Vec<Target> = policy.choosable().collect();
        let history = if targets.is_empty() { Just(Vec::new()).boxed() } else { any_history(targets).boxed() };
        (Just(policy), history, any_question(), any_context()).prop_map(|(policy, history, question, context)| Asked {
            policy,
            history,
            question,
            context,
        })
    })
}

pub(crate) fn any_stance() -> impl Strategy<Value = Stance> {
    select(Stance::ALL)
}

/// What a choice answers when nothing hangs on the notice.
pub(crate) fn answering(policy: PolicyHash) -> Answering {
    Answering {
        policy,
        notice: NoticeHash::from_bytes([3; HASH_BYTES]),
        language: "en".parse().expect("a language"),
        surface: Surface::Centre,
    }
}

/// A choice under the policy in force.
pub(crate) fn choose(policy: &Policy, at: Time, stances: Vec<(Target, Stance)>) -> Event {
    event(at, policy.hash(), 255, stances)
}

fn event(at: Time, policy: PolicyHash, number: u8, stances: Vec<(Target, Stance)>) -> Event {
    let id = ChoiceId::from_parts(at.as_ms(), &[number; 10]);
    let choice = Choice::restore(id, answering(policy), stances).expect("a choice");
    Event { at, kind: EventKind::Chosen(choice) }
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(letter: char, number: usize) -> T {
    format!("{letter}{number}").parse().expect("a name")
}

fn any_retention() -> impl Strategy<Value = Retention> {
    select(["after use", "until deleted", "24 hours", "90 days"].as_slice()).prop_map(|t| t.parse().expect("retention"))
}

fn any_terms() -> impl Strategy<Value = (Terms, Option<Terms>)> {
    let opt_in = Terms { control: Control::OptIn, basis: LegalBasis::Consent };
    let opt_out = Terms { control: Control::OptOut, basis: LegalBasis::LegitimateInterest };
    let notified = Terms { control: Control::Notified, basis: LegalBasis::Contract };
    select(vec![(opt_in, None), (opt_in, Some(opt_out)), (opt_in, Some(opt_in)), (notified, None)])
}

fn any_subset(max: usize) -> impl Strategy<Value = Vec<usize>> {
    btree_set(0..max, 1..=max).prop_map(|set| set.into_iter().collect())
}

fn any_purpose(number: usize) -> impl Strategy<Value = Purpose> {
    (any_terms(), any_subset(3), any_retention(), any::<bool>()).prop_map(
        move |((terms, opt_out_terms), data, retention, trains)| Purpose {
            id: id('p', number),
            kind: match (terms.control, trains) {
                (Control::Notified, _) => PurposeKind::Service,
                (Control::OptIn | Control::OptOut, true) => PurposeKind::Training,
                (Control::OptIn | Control::OptOut, false) => PurposeKind::DownstreamAi,
            },
            terms,
            opt_out_terms,
            data: data.into_iter().map(|n| id('d', n)).collect(),
            retention,
        },
    )
}

type ProcessorSeed = (Vec<usize>, Index, Retention, Training, OwnUse, bool);

/// Employs the processor for some of the purposes that may employ it.
fn processor(number: usize, seed: ProcessorSeed, purposes: &[Purpose]) -> Option<Processor> {
    let (chosen, which_data, retention, trains, own_use, in_eea) = seed;
    let uses: Vec<Use> = chosen
        .into_iter()
        .filter_map(|n| purposes.get(n))
        .filter(|p| !(p.kind == PurposeKind::Training && trains == Training::Never))
        .map(|p| Use { purpose: p.id.clone(), data: vec![which_data.get(&p.data).clone()] })
        .collect();
    let (country, safeguard) =
        if in_eea { ("DE", Safeguard::Eea) } else { ("CN", Safeguard::StandardContractualClauses) };
    let name = format!("Processor {number}").into();
    let country = country.parse().expect("a country");
    let processor = Processor { id: id('q', number), name, country, safeguard, trains, own_use, retention, uses };
    (!processor.uses.is_empty()).then_some(processor)
}

fn any_processor_seed() -> impl Strategy<Value = ProcessorSeed> {
    (any_subset(3), any::<Index>(), any_retention(), select(Training::ALL), select(OwnUse::ALL), any::<bool>())
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let purposes = (1..=3_usize).prop_flat_map(|n| (0..n).map(any_purpose).collect::<Vec<_>>());
    let processors = vec(any_processor_seed(), 0..=2);
    (purposes, processors, vec(any::<Index>(), 0..=3), any::<bool>(), 1..=400_u32).prop_map(
        |(purposes, seeds, needs, limited, validity_days)| {
            let processors: Vec<Processor> =
                seeds.into_iter().enumerate().filter_map(|(n, seed)| processor(n, seed, &purposes)).collect();
            let mut targets: Vec<Target> = purposes.iter().map(|p| Target::purpose(p.id.clone())).collect();
            targets.extend(
                processors
                    .iter()
                    .flat_map(|q| q.uses.iter().map(|u| Target::processor(u.purpose.clone(), q.id.clone()))),
            );
            let features = needs.iter().enumerate();
            let features = features.map(|(n, i)| Feature { id: id('f', n), needs: vec![i.get(&targets).clone()] });
            // The last category belongs to nobody but the purposes that use it.
            let users = purposes.iter().filter(|p| p.data.contains(&id('d', 2))).map(|p| p.id.clone());
            let only_for = if limited { users.collect() } else { Vec::new() };
            let category = |n| DataCategory { id: id('d', n), only_for: Vec::new() };
            let parts = Parts {
                site: "random".parse().expect("a site"),
                controller: Controller { name: "Random".into(), contact: "mailto:a@b.example".into() },
                validity: Period::from_minutes(validity_days * 24 * 60).expect("a period"),
                recheck: Period::from_minutes(5).expect("a period"),
                data: vec![category(0), category(1), DataCategory { id: id('d', 2), only_for }],
                features: features.collect(),
                purposes,
                processors,
            };
            Policy::new(parts, THIS_POLICY).expect("a policy that holds together")
        },
    )
}

fn any_history(targets: Vec<Target>) -> impl Strategy<Value = Vec<Event>> {
    let all = targets.len();
    let some_targets = subsequence(targets, 1..=all);
    let choice = some_targets.prop_flat_map(|targets| {
        let stances = vec(any_stance(), targets.len());
        (Just(targets), stances).prop_map(|(t, s)| t.into_iter().zip(s).collect::<Vec<_>>())
    });
    // Within two years, in any order: a clock may go backwards.
    let moment = (0..2 * 365 * 24 * 60_u64).prop_map(|minutes| Time::from_ms(START_MS + minutes * MINUTE_MS));
    let policy = prop_oneof![4 => Just(THIS_POLICY), 1 => Just(OTHER_POLICY)];
    vec((moment, policy, choice), 0..=5).prop_map(|events| {
        let number = |n: usize| u8::try_from(n).expect("few events");
        events.into_iter().enumerate().map(|(n, (at, policy, s))| event(at, policy, number(n), s)).collect()
    })
}

/// One number beyond those that exist, so that the unknown is asked for too.
fn any_question() -> impl Strategy<Value = Question> {
    (0..=3_usize, proptest::option::of(0..=2_usize), proptest::option::weighted(0.3, 0..=3_usize)).prop_map(
        |(purpose, processor, data)| Question {
            purpose: id('p', purpose),
            processor: processor.map(|n| id('q', n)),
            data: data.map(|n| id('d', n)),
        },
    )
}

fn any_context() -> impl Strategy<Value = Context> {
    let place = select(vec![None, Some("DE"), Some("US-CA"), Some("US-NY")]);
    (0..3 * 365 * 24 * 60_u64, place).prop_map(|(minutes, place)| Context {
        now: Time::from_ms(START_MS + minutes * MINUTE_MS),
        jurisdiction: place.map(|code| code.parse().expect("a jurisdiction")),
    })
}
