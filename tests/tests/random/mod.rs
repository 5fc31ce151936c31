//! Random policies, histories and questions: few names, so that they meet often.

use consentry_core::*;
use consentry_tests::reference::Life;
use proptest::collection::{btree_set, vec};
use proptest::option::{of, weighted};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use std::str::FromStr;

/// Policies, what happened under them, and a question.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) history: PolicyHistory,
    pub(crate) device: Vec<Event>,
    pub(crate) account: Option<Vec<Event>>,
    pub(crate) question: Question,
    pub(crate) context: Context,
}

impl Asked {
    /// The policy in force, or the one that will be.
    pub(crate) fn policy(&self) -> &Policy {
        self.history.in_force(self.context.now).unwrap_or_else(|| self.history.newest())
    }

    pub(crate) fn record(&self) -> Record {
        record(&self.device, self.account.as_deref())
    }

    pub(crate) fn life(&self) -> Life<'_> {
        Life { device: &self.device, account: self.account.as_deref() }
    }

    pub(crate) fn decide(&self) -> Decision {
        decide(&self.history, &self.record(), &self.question, &self.context)
    }
}

pub(crate) const ACCOUNT: Subject = Subject::Account(AccountId::from_bytes([7; HASH_BYTES]));

pub(crate) fn record(device: &[Event], account: Option<&[Event]>) -> Record {
    let of_account = account.map(|events| Record::of(ACCOUNT, events));
    of_account.into_iter().fold(Record::fold(device), Record::merge)
}

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
const START_MS: u64 = 1_767_225_600_000;
/// Random moments lie within this many days from the start.
const DAYS: u64 = 2 * 365;

const fn hash(number: u8) -> PolicyHash {
    PolicyHash::from_bytes([number; HASH_BYTES])
}

fn read<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("well formed")
}

fn id<T: FromStr<Err: std::fmt::Debug>>(letter: char, number: usize) -> T {
    read(&format!("{letter}{number}"))
}

/// In whole days, so that things happen at once now and then.
fn any_moment() -> impl Strategy<Value = Time> {
    (0..DAYS, select(vec![0, 0, 1, 59]))
        .prop_map(|(day, minute)| Time::from_ms(START_MS + day * DAY_MS + minute * MINUTE_MS))
}

pub(crate) fn any_asked() -> impl Strategy<Value = Asked> {
    let lives = (any_life(), of(any_life()));
    (any_history(), lives, any_question(), any_context()).prop_map(|(history, (device, account), question, context)| {
        Asked { history, device, account, question, context }
    })
}

/// As above, with nobody signed in and nothing but choices, place and time.
pub(crate) fn any_plain_asked() -> impl Strategy<Value = Asked> {
    any_asked().prop_map(|mut asked| {
        asked.account = None;
        asked.device.retain(|event| matches!(event.kind, EventKind::Chosen(_)));
        let Context { now, jurisdiction, plan, .. } = asked.context;
        asked.context = Context { jurisdiction, plan, ..Context::at(now) };
        asked.question.activity = Activity::Process;
        asked
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
        language: read("en"),
        surface: Surface::Centre,
        confirmed: false,
    }
}

/// A choice under this policy.
pub(crate) fn choose(policy: &Policy, at: Time, stances: Vec<(Target, Stance)>) -> Event {
    let choice = Choice::restore(event_id(at, 255), answering(policy.hash()), stances).expect("a choice");
    Event { at, kind: EventKind::Chosen(choice) }
}

pub(crate) fn event_id(at: Time, number: u8) -> EventId {
    EventId::from_parts(at.as_ms(), &[number; 10])
}

// ── Policies ────────────────────────────────────────────────────────────────────────────────────

fn any_retention() -> impl Strategy<Value = Retention> {
    select(["after use", "until deleted", "24 hours", "90 days", "inactive 90 days"].as_slice()).prop_map(read)
}

fn any_period() -> impl Strategy<Value = Period> {
    select(["1 day", "30 days", "200 days", "400 days"].as_slice()).prop_map(read)
}

/// A kind, the terms in the strictest regime, and those where less is asked.
fn any_terms() -> impl Strategy<Value = (PurposeKind, Terms, Option<Terms>)> {
    let opt_in = Terms { control: Control::OptIn, basis: LegalBasis::Consent };
    let opt_out = Terms { control: Control::OptOut, basis: LegalBasis::LegitimateInterest };
    let kinds = |of: fn(Option<bool>) -> bool| {
        let all: Vec<PurposeKind> = PurposeKind::ALL.iter().copied().filter(|k| of(k.needs_switch())).collect();
        select(all)
    };
    let (chosen, told) = (kinds(|switch| switch != Some(false)), kinds(|switch| switch != Some(true)));
    let bases = select(vec![LegalBasis::Contract, LegalBasis::LegitimateInterest]);
    prop_oneof![
        4 => (chosen, select(vec![None, Some(opt_out), Some(opt_in)])).prop_map(move |(kind, less)| (kind, opt_in, less)),
        1 => (told, bases).prop_map(|(kind, basis)| (kind, Terms { control: Control::Notified, basis }, None)),
    ]
}

fn any_subset(max: usize) -> impl Strategy<Value = Vec<usize>> {
    btree_set(0..max, 1..=max).prop_map(|set| set.into_iter().collect())
}

fn any_purpose(number: usize) -> impl Strategy<Value = Purpose> {
    let kept = (any_retention(), of(any_retention()), weighted(0.2, any_period()), weighted(0.2, any_period()));
    let details = (select(ModelOwner::ALL), select(DataForm::ALL), select(CookieFunction::ALL));
    (any_terms(), any_subset(3), kept, details).prop_map(
        move |(
            (kind, terms, opt_out_terms),
            data,
            (retention, by_plan, backups, validity),
            (model, form, function),
        )| {
            Purpose {
                id: id('p', number),
                kind,
                terms,
                opt_out_terms,
                data: data.into_iter().map(|n| id('d', n)).collect(),
                retention,
                retention_by_plan: by_plan.map(|retention| (read("premium"), retention)).into_iter().collect(),
                backups,
                validity,
                revision: 1,
                dpv: None,
                training: (kind == PurposeKind::Training).then_some(ModelTraining { model, form }),
                channels: if kind == PurposeKind::Marketing { vec![Channel::Email] } else { Vec::new() },
                function: (kind == PurposeKind::Cookies).then_some(function),
            }
        },
    )
}

type ProcessorSeed = ((Vec<usize>, Index, Retention), (Training, OwnUse, Safeguard), bool);

fn any_processor_seed() -> impl Strategy<Value = ProcessorSeed> {
    let handling = (select(Training::ALL), select(OwnUse::ALL), select(Safeguard::ALL));
    ((any_subset(3), any::<Index>(), any_retention()), handling, any::<bool>())
}

/// Employs the processor for some of the purposes that may employ it.
fn processor(number: usize, seed: ProcessorSeed, purposes: &[Purpose]) -> Option<Processor> {
    let ((chosen, which_data, retention), (trains, own_use, safeguard), flagged) = seed;
    let is_training = |p: &&Purpose| p.kind == PurposeKind::Training;
    let chosen: Vec<&Purpose> = chosen.into_iter().filter_map(|n| purposes.get(n)).collect();
    let trains = if chosen.iter().any(&is_training) { trains } else { Training::Never };
    let uses: Vec<Use> = chosen
        .into_iter()
        .filter(|p| trains == Training::WithConsent || !is_training(p))
        .map(|p| Use { purpose: p.id.clone(), data: vec![which_data.get(&p.data).clone()] })
        .collect();
    let transfer = purposes.iter().find(|p| p.kind == PurposeKind::Transfer).map(|p| p.id.clone());
    let (country, safeguard, transfer) = match (safeguard, transfer) {
        (Safeguard::Eea, _) => ("DE", Safeguard::Eea, None),
        (Safeguard::ExplicitConsent, Some(transfer)) => ("CN", Safeguard::ExplicitConsent, Some(transfer)),
        (Safeguard::Adequacy, _) => ("GB", Safeguard::Adequacy, None),
        (_, _) => ("CN", Safeguard::StandardContractualClauses, None),
    };
    let processor = Processor {
        id: id('q', number),
        name: format!("Processor {number}").into(),
        role: if own_use == OwnUse::Discloses { Role::Controller } else { Role::Processor },
        country: read(country),
        safeguard,
        transfer,
        trains,
        own_use,
        retention,
        flags: if flagged { vec![("store".into(), "false".into())] } else { Vec::new() },
        uses,
    };
    (!processor.uses.is_empty()).then_some(processor)
}

fn any_law_changes() -> impl Strategy<Value = Vec<LawChange>> {
    let change = |place: &str, regime, consent_age, signals| LawChange {
        place: read(place),
        regime,
        consent_age,
        rest: None,
        signals,
    };
    select(vec![
        Vec::new(),
        Vec::new(),
        vec![change("US-VA", Some(Regime::OptIn), None, false)],
        vec![change("US", None, Some(16), true)],
        vec![change("FR", None, Some(18), true), change("FR", None, None, false)],
    ])
}

fn any_parts() -> impl Strategy<Value = Parts> {
    let purposes = (1..=3_usize).prop_flat_map(|n| (0..n).map(any_purpose).collect::<Vec<_>>());
    let whole = (any_period(), select(vec![None, None, Some(13), Some(16)]), any_law_changes());
    let modes = vec((any_subset(3), of(any_retention())), 0..=1);
    (purposes, vec(any_processor_seed(), 0..=2), vec(any::<Index>(), 0..=3), any::<bool>(), whole, modes).prop_map(
        |(purposes, seeds, needs, limited, (validity, minimum_age, laws), modes)| {
            let processors: Vec<Processor> =
                seeds.into_iter().enumerate().filter_map(|(n, seed)| processor(n, seed, &purposes)).collect();
            let mut targets: Vec<Target> = purposes.iter().map(|p| Target::purpose(p.id.clone())).collect();
            let employed = |q: &Processor| {
                let targets = q.uses.iter().map(|u| Target::processor(u.purpose.clone(), q.id.clone()));
                targets.collect::<Vec<_>>()
            };
            targets.extend(processors.iter().flat_map(employed));
            let features = needs.iter().enumerate();
            let features = features.map(|(n, i)| Feature { id: id('f', n), needs: vec![i.get(&targets).clone()] });
            // The last category belongs to nobody but the purposes that use it.
            let users = purposes.iter().filter(|p| p.data.contains(&id('d', 2))).map(|p| p.id.clone());
            let only_for = if limited { users.collect() } else { Vec::new() };
            let category = |n| DataCategory { id: id('d', n), only_for: Vec::new() };
            let denies = |denies: Vec<usize>| denies.into_iter().filter_map(|n| purposes.get(n)).map(|p| p.id.clone());
            let modes = modes.into_iter().map(|(denied, retention)| Mode {
                id: read("private"),
                denies: denies(denied).collect(),
                retention: retention.or(Some(Retention::AfterUse)),
            });
            Parts {
                site: read("random"),
                controller: Controller {
                    name: "Random".into(),
                    contact: "mailto:a@b.example".into(),
                    officer: None,
                    address: None,
                },
                validity,
                recheck: read("5 minutes"),
                minimum_age,
                changes: Changes { notice: None, channels: Vec::new() },
                never: Never::default(),
                plans: vec![read("premium")],
                data: vec![category(0), category(1), DataCategory { id: id('d', 2), only_for }],
                features: features.collect(),
                modes: modes.collect(),
                laws,
                purposes,
                processors,
            }
        },
    )
}

/// What the next policy does otherwise.
#[derive(Debug, Clone)]
enum Tweak {
    Revision(Index),
    Retention(Index, Retention),
    FewerData(Index),
    MoreData(Index),
    ProcessorKeeps(Index, Retention),
    Words,
    Another(Box<Parts>),
}

fn any_tweak() -> impl Strategy<Value = Tweak> {
    let index = any::<Index>;
    prop_oneof![
        index().prop_map(Tweak::Revision),
        (index(), any_retention()).prop_map(|(i, r)| Tweak::Retention(i, r)),
        index().prop_map(Tweak::FewerData),
        index().prop_map(Tweak::MoreData),
        (index(), any_retention()).prop_map(|(i, r)| Tweak::ProcessorKeeps(i, r)),
        Just(Tweak::Words),
        any_parts().prop_map(|parts| Tweak::Another(Box::new(parts))),
    ]
}

impl Tweak {
    fn apply(self, mut parts: Parts) -> Parts {
        let before = parts.clone();
        let purpose = |i: Index, parts: &mut Parts| i.index(parts.purposes.len());
        match self {
            Self::Revision(i) => {
                let n = purpose(i, &mut parts);
                parts.purposes[n].revision += 1;
            }
            Self::Retention(i, retention) => {
                let n = purpose(i, &mut parts);
                parts.purposes[n].retention = retention;
            }
            Self::FewerData(i) => {
                let n = purpose(i, &mut parts);
                parts.purposes[n].data.truncate(1);
            }
            Self::MoreData(i) => {
                let n = purpose(i, &mut parts);
                let all = (0..3).map(|d| id('d', d)).filter(|d| !parts.purposes[n].data.contains(d));
                let more: Vec<DataId> = all.collect();
                parts.purposes[n].data.extend(more);
            }
            Self::ProcessorKeeps(i, retention) => {
                if !parts.processors.is_empty() {
                    let n = i.index(parts.processors.len());
                    parts.processors[n].retention = retention;
                }
            }
            Self::Words => parts.controller.contact = "https://b.example".into(),
            Self::Another(parts) => return *parts,
        }
        // What would contradict itself stays as it was.
        if parts.faults().is_empty() { parts } else { before }
    }
}

fn any_history() -> impl Strategy<Value = PolicyHistory> {
    let first = select(vec![0, 0, START_MS + 100 * DAY_MS]);
    (any_parts(), first, vec((any_tweak(), 101..DAYS), 0..=2)).prop_map(|(parts, first, tweaks)| {
        let version = |parts: &Parts, number, at| {
            let policy = Policy::new(parts.clone(), hash(number)).expect("a policy that holds together");
            Version { policy, published: Time::from_ms(0), effective: Time::from_ms(at) }
        };
        let mut history = PolicyHistory::starting(version(&parts, 1, first));
        let mut parts = parts;
        for (n, (tweak, day)) in tweaks.into_iter().enumerate() {
            parts = tweak.apply(parts);
            let next = version(&parts, u8::try_from(n + 2).expect("few"), START_MS + day * DAY_MS);
            history = history.clone().then(next).unwrap_or(history);
        }
        history
    })
}

pub(crate) fn any_policy() -> impl Strategy<Value = Policy> {
    any_parts().prop_map(|parts| Policy::new(parts, hash(1)).expect("a policy that holds together"))
}

/// Two policies of one site, of which the second is the first with one thing changed, or another.
pub(crate) fn any_two_policies() -> impl Strategy<Value = (Policy, Policy)> {
    (any_parts(), any_tweak()).prop_map(|(parts, tweak)| {
        let next = tweak.apply(parts.clone());
        (Policy::new(parts, hash(1)).expect("a policy"), Policy::new(next, hash(2)).expect("a policy"))
    })
}

// ── What happened ───────────────────────────────────────────────────────────────────────────────

fn every_target() -> Vec<Target> {
    let of = |p: usize| {
        let processors = (0..2).map(move |q| Target::processor(id('p', p), id('q', q)));
        std::iter::once(Target::purpose(id('p', p))).chain(processors)
    };
    (0..3).flat_map(of).collect()
}

fn any_choice() -> impl Strategy<Value = (PolicyHash, Vec<(Target, Stance)>, Surface, bool)> {
    let all = every_target();
    let some = subsequence(all.clone(), 1..=all.len());
    let stances = some.prop_flat_map(|targets| {
        let stances = vec(any_stance(), targets.len());
        (Just(targets), stances).prop_map(|(t, s)| t.into_iter().zip(s).collect::<Vec<_>>())
    });
    let policy = prop_oneof![6 => (1..=3_u8).prop_map(hash), 1 => Just(hash(9))];
    (policy, stances, select(Surface::ALL), weighted_bool(0.3))
}

fn weighted_bool(share: f64) -> impl Strategy<Value = bool> {
    proptest::bool::weighted(share)
}

#[derive(Debug, Clone)]
enum Happened {
    Choice(PolicyHash, Vec<(Target, Stance)>, Surface, bool),
    Signal,
    Demand(Demand),
}

fn any_happened() -> impl Strategy<Value = Happened> {
    let purpose = of((0..3_usize).prop_map(|n| id::<PurposeId>('p', n)));
    let demand =
        (select(DemandKind::ALL), purpose, weighted_bool(0.6)).prop_map(|(kind, purpose, stands)| match kind {
            DemandKind::Erasure => Demand { kind, purpose: None, stands: true },
            DemandKind::Objection | DemandKind::Restriction => Demand { kind, purpose, stands },
        });
    prop_oneof![
        10 => any_choice().prop_map(|(policy, stances, surface, confirmed)| Happened::Choice(policy, stances, surface, confirmed)),
        1 => Just(Happened::Signal),
        2 => demand.prop_map(Happened::Demand),
    ]
}

/// What one device or account did, in any order of time: a clock may go backwards.
pub(crate) fn any_life() -> impl Strategy<Value = Vec<Event>> {
    vec((any_moment(), any::<u8>(), any_happened()), 0..=5).prop_map(|events| {
        let event = |(at, number, happened): (Time, u8, Happened)| {
            let id = event_id(at, number);
            let kind = match happened {
                Happened::Signal => EventKind::Signalled(id, Signal::Gpc),
                Happened::Demand(demand) => EventKind::Demanded(id, demand),
                Happened::Choice(policy, stances, surface, confirmed) => {
                    let answering = Answering { surface, confirmed, ..answering(policy) };
                    EventKind::Chosen(Choice::restore(id, answering, stances).expect("a choice"))
                }
            };
            Event { at, kind }
        };
        events.into_iter().map(event).collect()
    })
}

// ── Questions ───────────────────────────────────────────────────────────────────────────────────

/// One number beyond those that exist, so that the unknown is asked for too.
fn any_question() -> impl Strategy<Value = Question> {
    let activity = prop_oneof![6 => Just(Activity::Process), 1 => Just(Activity::Train), 1 => Just(Activity::OwnEnds)];
    (0..=3_usize, of(0..=2_usize), weighted(0.3, 0..=3_usize), activity).prop_map(
        |(purpose, processor, data, activity)| Question {
            purpose: id('p', purpose),
            processor: processor.map(|n| id('q', n)),
            data: data.map(|n| id('d', n)),
            activity,
        },
    )
}

fn any_context() -> impl Strategy<Value = Context> {
    let places = [None, Some("DE"), Some("FR"), Some("GB"), Some("US-CA"), Some("US-VA"), Some("US-NY"), Some("IN")];
    let guardian = (any_moment(), any_moment()).prop_map(|(from, until)| Guardian { from, until });
    let who = (weighted(0.3, select(AgeBand::ALL)), weighted(0.3, guardian), weighted(0.3, Just(read("premium"))));
    let mode = weighted(0.2, select(vec!["private", "unheard-of"]).prop_map(read));
    let how = (mode, weighted(0.2, Just(Signal::Gpc)), weighted(0.2, select(DataForm::ALL)));
    let now = (0..DAYS + 100, 0..=1_u64)
        .prop_map(|(day, minute)| Time::from_ms(START_MS + day * DAY_MS + minute * MINUTE_MS));
    (now, select(places.to_vec()), who, how).prop_map(|(now, place, (age, guardian, plan), (mode, signal, form))| {
        Context { now, jurisdiction: place.map(read), age, guardian, plan, mode, signal, form }
    })
}
