//! Lists against one question after the other: whatever a list says of somebody, [`Follower::decide`] says.
//!
//! Among the people are devices and accounts, those who changed their mind or were erased before or since the snapshot, whom nobody has heard
//! of, and whom the replica cannot answer about.

use super::file::{FileError, Format};
use super::*;
use consentry_core::packed::{Builder, Heard, Origin, PackKey, Packed, Past, When};
use consentry_core::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const NOW: Time = Time::from_ms(1_790_000_000_000);
const DAY_MS: u64 = 24 * 3_600_000;

fn key() -> PackKey {
    PackKey::new(&[1; 16])
}

fn parse<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("well formed")
}

/// One purpose, which has to be agreed to, but in some places starts on.
fn history(number: u8) -> PolicyHistory {
    let purpose = Purpose {
        id: parse("one"),
        kind: PurposeKind::Personalisation,
        terms: Terms { control: Control::OptIn, basis: LegalBasis::Consent },
        opt_out_terms: Some(Terms { control: Control::OptOut, basis: LegalBasis::LegitimateInterest }),
        data: vec![parse("content")],
        retention: Retention::AfterUse,
        retention_by_plan: Vec::new(),
        backups: None,
        validity: None,
        revision: 1,
        dpv: None,
        training: None,
        channels: Vec::new(),
        function: None,
    };
    let parts = Parts {
        site: parse("small"),
        controller: Controller {
            name: "Small".into(),
            contact: "mailto:a@b.example".into(),
            officer: None,
            address: None,
        },
        validity: Period::from_minutes(365 * 24 * 60).expect("a period"),
        recheck: Period::from_minutes(5).expect("a period"),
        minimum_age: None,
        changes: Changes { notice: None, channels: Vec::new() },
        never: Never::default(),
        plans: Vec::new(),
        data: vec![DataCategory { id: parse("content"), only_for: Vec::new() }],
        purposes: vec![purpose],
        processors: Vec::new(),
        features: Vec::new(),
        modes: Vec::new(),
        laws: Vec::new(),
    };
    Policy::new(parts, PolicyHash::from_bytes([number; HASH_BYTES])).expect("a policy").into()
}

fn device(number: u32) -> DeviceId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.wrapping_mul(0x9E37_79B9).to_be_bytes());
    bytes[4] = (number >> 24) as u8;
    (bytes[6], bytes[8]) = (0x40, 0x80);
    DeviceId::from_bytes(bytes).expect("a version 4 UUID")
}

/// A third of them are accounts.
fn subject(number: u32) -> Subject {
    if number % 3 == 1 {
        let mut bytes = [3; HASH_BYTES];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        AccountId::from_bytes(bytes).into()
    } else {
        device(number).into()
    }
}

fn said(ago_days: u32, stance: Stance) -> Event {
    let at = Time::from_ms(NOW.as_ms() - u64::from(ago_days) * DAY_MS - 1);
    let answering = Answering {
        policy: PolicyHash::from_bytes([1; HASH_BYTES]),
        notice: NoticeHash::from_bytes([2; HASH_BYTES]),
        language: Language::undetermined(),
        surface: Surface::Centre,
        confirmed: false,
    };
    let choice = Choice::restore(EventId::from_parts(at.as_ms(), &[1; 10]), answering, vec![(parse("one"), stance)]);
    Event { at, kind: EventKind::Chosen(choice.expect("a choice")) }
}

/// What somebody said, in days before now.
type Words = Vec<(u32, Stance)>;

fn any_words(most: usize) -> impl Strategy<Value = Words> {
    let stance = prop::sample::select(Stance::ALL);
    prop::collection::btree_map(0..500_u32, stance, 0..=most).prop_map(|words| words.into_iter().rev().collect())
}

/// People, and a list of some of them.
#[derive(Debug, Clone)]
struct People {
    /// What each said before the snapshot; with one who is in it twice there is no telling.
    packed: Vec<(Words, bool)>,
    /// Who was erased before it, so many days ago. Of those who are in it nobody says so.
    erased: BTreeMap<u32, u32>,
    /// What some say after it.
    later: BTreeMap<u32, Words>,
    /// Who is erased after it, and before those say that.
    erased_later: Vec<u32>,
    /// Numbers: of those, and of some nobody has heard of.
    asked: Vec<u32>,
    place: &'static str,
    threads: usize,
    ago_days: u64,
}

fn any_people() -> impl Strategy<Value = People> {
    let packed = prop::collection::vec((any_words(4), prop::bool::weighted(0.03)), 0..400);
    let erased = prop::collection::btree_map(0..460_u32, 0..400_u32, 0..40);
    let later = prop::collection::btree_map(0..440_u32, any_words(3), 0..20);
    let erased_later = prop::collection::vec(0..460_u32, 0..20);
    let asked = prop::collection::vec(0..460_u32, 0..900);
    let place = prop::sample::select(vec!["DE", "US-CA"]);
    (packed, erased, later, erased_later, asked, place, 1..=3_usize, 0..400_u64).prop_map(
        |(packed, erased, later, erased_later, asked, place, threads, ago_days)| People {
            packed,
            erased,
            later,
            erased_later,
            asked,
            place,
            threads,
            ago_days,
        },
    )
}

impl People {
    fn replica(&self) -> Follower<Vec<u8>> {
        self.replica_under(&key())
    }

    fn replica_under(&self, key: &PackKey) -> Follower<Vec<u8>> {
        let mut builder = Builder::new(key, &history(1));
        for ((words, is_twice), number) in self.packed.iter().zip(0..) {
            builder.add(&past(number, words)).expect("room");
            if *is_twice {
                builder.add(&past(number, words)).expect("room");
            }
        }
        let erased = self
            .erased
            .iter()
            .map(|(number, ago)| (name(*number), Time::from_ms(NOW.as_ms() - u64::from(*ago) * DAY_MS)));
        let snapshot = builder.finish(origin()).expect("room");
        let packed = Packed::open(snapshot, key).expect("a snapshot");
        Follower::new(packed, Arc::new(history(1)), [], erased).expect("the same policies")
    }

    fn change(&self, replica: &mut Follower<Vec<u8>>) {
        self.erased_later.iter().for_each(|number| erase(replica, *number));
        for (number, words) in &self.later {
            replica.keep(&past(*number, words)).expect("room");
        }
    }

    fn question(&self) -> Prepared {
        let context = Context { jurisdiction: Some(parse(self.place)), ..Context::at(NOW) };
        Prepared::new(Arc::new(history(1)), Question::about(parse("one")), context)
    }

    fn moments(&self) -> [When; 2] {
        [When::Now(NOW), When::AsOf(Time::from_ms(NOW.as_ms() - self.ago_days * DAY_MS))]
    }

    fn options(&self, when: When) -> Options {
        Options { threads: NonZeroUsize::new(self.threads).expect("at least one"), when }
    }

    fn subjects(&self) -> Vec<Subject> {
        self.asked.iter().map(|number| subject(*number)).collect()
    }
}

fn past(number: u32, words: &Words) -> Past {
    let events: Vec<Event> = words.iter().map(|(ago, stance)| said(*ago, *stance)).collect();
    Past::of_events(&history(1), subject(number), &events)
}

fn origin() -> Origin {
    Origin { site: parse("small"), entries: 1, root: [4; HASH_BYTES], made: NOW }
}

/// What is left of somebody who was erased.
fn name(number: u32) -> [u8; HASH_BYTES] {
    erased_name(&parse("small"), &subject(number))
}

fn erase(replica: &mut Follower<Vec<u8>>, number: u32) {
    let heard = Heard::Erased(Time::from_ms(NOW.as_ms() - DAY_MS), name(number));
    replica.take(replica.entries(), heard).expect("the next");
}

fn answer(
    replica: &Follower<Vec<u8>>,
    question: &mut Prepared,
    subject: Subject,
    when: When,
) -> Result<Reason, Unanswered> {
    let decision = match when {
        When::Now(now) => replica.decide(question, subject, now),
        When::AsOf(then) => replica.decide_as_of(question, subject, then),
    };
    decision.map(|decision| decision.reason)
}

/// Whether bits and counts are what is said of each of the list; `None` for an id that is nobody's.
fn is_said_of_each(
    filtered: &Filtered,
    expected: impl IntoIterator<Item = Option<Result<Reason, Unanswered>>>,
) -> Result<(), TestCaseError> {
    let (mut reasons, mut unanswered, mut unlisted, mut total) = (BTreeMap::new(), Vec::new(), 0, 0_usize);
    for (place, expected) in expected.into_iter().enumerate() {
        let allows = matches!(expected, Some(Ok(reason)) if reason.allows());
        prop_assert_eq!(filtered.is_allowed(place), allows, "place {} {:?}", place, expected);
        match expected {
            Some(Ok(reason)) => *reasons.entry(reason).or_insert(0) += 1,
            Some(Err(why)) => unanswered.push((place, why)),
            None => unlisted += 1,
        }
        total += 1;
    }
    prop_assert_eq!(filtered.bits.len(), total.div_ceil(8));
    let allowed = reasons.iter().filter(|(reason, _)| reason.allows()).map(|(_, count)| count).sum::<u64>();
    prop_assert_eq!(filtered.allowed().count() as u64, allowed, "no bit beyond the last is set");
    prop_assert_eq!(filtered.counts.by_reason(), reasons);
    let of_unanswered: u64 = filtered.counts.unanswered().iter().map(|(_, count)| count).sum();
    prop_assert_eq!(of_unanswered, unanswered.len() as u64);
    prop_assert_eq!(&filtered.unanswered, &unanswered);
    prop_assert_eq!((filtered.counts.unlisted(), filtered.counts.allowed()), (unlisted, allowed));
    prop_assert_eq!(filtered.counts.total(), total as u64);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_list_says_of_each_what_is_said_of_them_alone(people in any_people()) {
        let mut replica = people.replica();
        let mut alone = people.question();
        let subjects = people.subjects();
        for round in 0..2 {
            for when in people.moments() {
                let filtered = filter(&replica, &people.question(), &subjects, &people.options(when)).expect("asked");
                let expected: Vec<_> =
                    subjects.iter().map(|subject| Some(answer(&replica, &mut alone, *subject, when))).collect();
                is_said_of_each(&filtered, expected.iter().copied())?;
                for reason in filtered.counts.by_reason().into_keys() {
                    let place = filtered.counts.example(reason).expect("one of them");
                    prop_assert_eq!(expected[place], Some(Ok(reason)));
                }
            }
            if round == 0 {
                people.change(&mut replica);
            }
        }
    }

    #[test]
    fn an_iterator_gives_those_who_are_allowed_in_their_order(people in any_people()) {
        let mut replica = people.replica();
        people.change(&mut replica);
        let subjects = people.subjects();
        for when in people.moments() {
            let mut filter = Filter::new(&people.question(), &people.options(when));
            let filtered = filter.filter(&replica, &subjects).expect("asked");
            let mut only = filter.only(&replica, subjects.iter().copied());
            let left: Vec<Subject> = only.by_ref().collect::<Result<_, _>>().expect("asked");
            prop_assert_eq!(only.counts().by_reason(), filtered.counts.by_reason());
            prop_assert_eq!(left, filtered.allowed().map(|place| subjects[place]).collect::<Vec<_>>());
        }
    }

    #[test]
    fn ids_of_ones_own_are_answered_as_those_whose_they_are(
        people in any_people(), stretch in prop::sample::select(vec![1_u64, 3, 1 << 40]), is_sorted in any::<bool>(),
    ) {
        let mut replica = people.replica();
        let mut alone = people.question();
        // Every fifth id is nobody's.
        let id = |number: u32| 1_000 + u64::from(number) * stretch;
        let is_listed = |number: u32| !number.is_multiple_of(5);
        let listed: Vec<u32> = (0..450).filter(|number| is_listed(*number)).collect();
        let map = IdMap::new(&replica, listed.iter().rev().map(|number| (id(*number), subject(*number)))).expect("a map");
        let mut numbers: Vec<u32> = people.asked.clone();
        if is_sorted {
            numbers.sort_unstable();
        }
        let ids: Vec<u64> = numbers.iter().map(|number| id(*number)).chain([0, 999, u64::MAX]).collect();
        for when in people.moments() {
            let mut filter = Filter::new(&people.question(), &people.options(when));
            let mut asked = map.ask(&replica, &mut filter).expect("asked");
            for _ in 0..2 {
                let said = numbers.iter().map(|number| {
                    let is_known = is_listed(*number) && *number < 450;
                    is_known.then(|| answer(&replica, &mut alone, subject(*number), when))
                });
                let said: Vec<_> = said.chain([None; 3]).collect();
                is_said_of_each(&asked.filter(&ids, &filter), said.iter().copied())?;
                prop_assert_eq!(asked.counts().total(), listed.len() as u64);
                // A bitmap over some of them, which begins before them, or among them.
                for first in [0, 990, 1_064, 1_077] {
                    let mut bitmap = vec![0_u64; 12];
                    for place in ids.iter().filter_map(|id| id.checked_sub(first)).filter(|place| *place < 12 * 64) {
                        bitmap[place as usize / 64] |= 1 << (place % 64);
                    }
                    let allowed = asked.allowed_of_bitmap(first, &bitmap);
                    for (id, said) in ids.iter().zip(&said).filter(|(id, _)| (first..first + 12 * 64).contains(*id)) {
                        let place = id - first;
                        let is_allowed = allowed[place as usize / 64] >> (place % 64) & 1 == 1;
                        prop_assert_eq!(is_allowed, matches!(said, Some(Ok(reason)) if reason.allows()));
                    }
                    let beyond = allowed.iter().zip(&bitmap).any(|(allowed, asked)| allowed & !asked != 0);
                    prop_assert!(!beyond, "nobody is allowed who was not asked about");
                }
                people.change(&mut replica);
                asked.keep_up(&replica, &mut filter).expect("asked");
            }
            replica = people.replica();
        }
    }

    #[test]
    fn uuids_in_order_are_answered_as_their_devices(people in any_people(), is_sorted in any::<bool>()) {
        let mut replica = people.replica();
        people.change(&mut replica);
        let mut alone = people.question();
        let map = IdMap::new(&replica, (0..430).filter(|n| n % 7 > 0).map(|n| (device(n), device(n).into()))).expect("a map");
        let mut numbers = people.asked.clone();
        if is_sorted {
            numbers.sort_unstable_by_key(|number| device(*number));
        }
        let ids: Vec<DeviceId> = numbers.iter().map(|number| device(*number)).collect();
        for when in people.moments() {
            let mut filter = Filter::new(&people.question(), &people.options(when));
            let asked = map.ask(&replica, &mut filter).expect("asked");
            let said = numbers.iter().map(|number| {
                let is_listed = *number < 430 && number % 7 > 0;
                is_listed.then(|| answer(&replica, &mut alone, device(*number).into(), when))
            });
            is_said_of_each(&asked.filter(&ids, &filter), said.collect::<Vec<_>>())?;
        }
    }

    #[test]
    fn a_file_is_filtered_as_its_list(people in any_people()) {
        let mut replica = people.replica();
        people.change(&mut replica);
        let subjects = people.subjects();
        for when in people.moments() {
            let mut filter = Filter::new(&people.question(), &people.options(when));
            let filtered = filter.filter(&replica, &subjects).expect("asked");
            let lines = |subjects: &mut dyn Iterator<Item = Subject>| subjects.map(|s| format!("{s}\n")).collect::<String>();
            let (from, mut to) = (lines(&mut subjects.iter().copied()), Vec::new());
            let counts = file::filter(&replica, &mut filter, Format::Lines, from.as_bytes(), &mut to).expect("filtered");
            prop_assert_eq!(counts.by_reason(), filtered.counts.by_reason());
            let left = lines(&mut filtered.allowed().map(|place| subjects[place]));
            prop_assert_eq!(String::from_utf8(to).expect("text"), left);

            let devices: Vec<DeviceId> = people.asked.iter().map(|number| device(*number)).collect();
            let filtered = filter.filter(&replica, &devices).expect("asked");
            let from: Vec<u8> = devices.iter().flat_map(|id| *id.as_bytes()).collect();
            let mut to = Vec::new();
            let counts = file::filter(&replica, &mut filter, Format::Uuids, &*from, &mut to).expect("filtered");
            prop_assert_eq!(counts.total(), devices.len() as u64);
            let left: Vec<u8> = filtered.allowed().flat_map(|place| *devices[place].as_bytes()).collect();
            prop_assert_eq!(to, left);
        }
    }
}

/// So many that most are found by a look near their likeliest place, and many are missed by it.
#[test]
fn of_thousands_of_people_each_is_answered_about_as_alone() {
    let stance = |number: u32| if number.is_multiple_of(3) { Stance::Refuse } else { Stance::Grant };
    let words = |number: u32| {
        let first = (number * 7 % 480 + 10, stance(number));
        let second = (number % 10, stance(number / 5));
        let words: Words = if number.is_multiple_of(4) { vec![first, second] } else { vec![first] };
        (words, number.is_multiple_of(501))
    };
    let later = (0..9_400).step_by(97).map(|number| (number, vec![(2, Stance::Refuse)])).collect();
    let asked = (0..10_000).map(|number| number * 7 % 10_000).collect();
    let packed = (0..9_000).map(words).collect();
    let erased = (8_800..10_000).step_by(31).map(|number| (number, number % 400)).collect();
    let erased_later = (0..10_000).step_by(89).collect();
    let mut people = People { packed, erased, later, erased_later, asked, place: "DE", threads: 2, ago_days: 200 };
    for place in ["DE", "US-CA"] {
        people.place = place;
        let (mut replica, mut alone, subjects) = (people.replica(), people.question(), people.subjects());
        for round in 0..2 {
            for when in people.moments() {
                let filtered = filter(&replica, &people.question(), &subjects, &people.options(when)).expect("asked");
                // Once nothing is known of any state, and once most are.
                let mut kept = Filter::new(&people.question(), &people.options(when));
                assert_eq!(kept.filter(&replica, &subjects).as_ref(), Ok(&filtered));
                assert_eq!(kept.filter(&replica, &subjects).as_ref(), Ok(&filtered));
                let expected = subjects.iter().map(|subject| Some(answer(&replica, &mut alone, *subject, when)));
                is_said_of_each(&filtered, expected.collect::<Vec<_>>()).expect("as alone");
                assert!(filtered.counts.by_reason().len() > 2 && filtered.counts.unanswered().len() == 1, "{round}");
            }
            people.change(&mut replica);
        }
    }
}

fn of_three() -> People {
    let (erased, later, erased_later) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    let packed = vec![(vec![(5, Stance::Grant)], false), (vec![(5, Stance::Refuse)], false)];
    People { packed, erased, later, erased_later, asked: vec![0, 1, 2], place: "DE", threads: 1, ago_days: 0 }
}

/// Three people: one has agreed, one has refused, one is not in the replica.
fn three() -> (Follower<Vec<u8>>, Filter, Vec<Subject>) {
    let people = of_three();
    let filter = Filter::new(&people.question(), &people.options(When::Now(NOW)));
    (people.replica(), filter, people.subjects())
}

#[test]
fn a_withdrawal_counts_as_soon_as_the_replica_knows_of_it() {
    let (mut replica, mut filter, subjects) = three();
    let map = IdMap::new(&replica, [(7_u64, subjects[0]), (8, subjects[1]), (9, subjects[0])]).expect("a map");
    let mut asked = map.ask(&replica, &mut filter).expect("asked");
    assert_eq!(asked.allowed(&[9, 8, 7, 6], &filter), [0b0101]);
    replica.keep(&past(0, &vec![(5, Stance::Grant), (1, Stance::Refuse)])).expect("room");
    assert_eq!(filter.filter(&replica, &subjects).expect("asked").bits, [0]);
    asked.keep_up(&replica, &mut filter).expect("asked");
    assert_eq!(asked.allowed(&[9, 8, 7, 6], &filter), [0]);
    let counts = asked.counts();
    assert_eq!(counts.to_string(), "1 deny: refused\n2 deny: withdrawn\n");
}

/// The third was erased before the snapshot, the first is after it: whatever they are asked through says so, as [`Follower::decide`] does.
#[test]
fn r19_who_was_erased_is_found_on_every_kind_of_list() {
    let (_, mut filter, subjects) = three();
    let people = People { erased: [(1, 30), (2, 30)].into(), ..of_three() };
    let mut replica = people.replica();
    let map = IdMap::new(&replica, [(7_u64, subjects[0]), (8, subjects[1]), (9, subjects[2])]).expect("a map");
    let mut asked = map.ask(&replica, &mut filter).expect("asked");
    let reasons = Counts::by_reason;
    let before = BTreeMap::from([(Reason::Given, 1), (Reason::Refused, 1), (Reason::Erased, 1)]);
    let after = BTreeMap::from([(Reason::Refused, 1), (Reason::Erased, 2)]);
    let said = |replica: &Follower<Vec<u8>>| {
        let said = subjects.iter().map(|subject| answer(replica, &mut people.question(), *subject, When::Now(NOW)));
        said.collect::<Result<Vec<_>, _>>()
    };
    for (round, expected) in [before, after].into_iter().enumerate() {
        if round == 1 {
            erase(&mut replica, 0);
        }
        let first = if round == 0 { Reason::Given } else { Reason::Erased };
        assert_eq!(said(&replica), Ok(vec![first, Reason::Refused, Reason::Erased]));
        let filtered = filter.filter(&replica, &subjects).expect("asked");
        assert_eq!((reasons(&filtered.counts), filtered.bits[0]), (expected.clone(), u8::from(round == 0)));
        let mut only = filter.only(&replica, subjects.iter().copied());
        let left: Vec<Subject> = only.by_ref().map(|id| id.expect("asked")).collect();
        assert_eq!(left, &subjects[..1 - round]);
        assert_eq!(reasons(only.counts()), expected);
        let lines: String = subjects.iter().map(|subject| format!("{subject}\n")).collect();
        let mut to = Vec::new();
        let counts = file::filter(&replica, &mut filter, Format::Lines, lines.as_bytes(), &mut to).expect("filtered");
        assert_eq!((reasons(&counts), to.is_empty()), (expected.clone(), round == 1));
        asked.keep_up(&replica, &mut filter).expect("asked");
        assert_eq!(
            (reasons(&asked.counts()), asked.allowed(&[7, 8, 9], &filter)),
            (expected.clone(), vec![1 - round as u8])
        );
        let anew = map.ask(&replica, &mut filter).expect("asked");
        assert_eq!(anew.counts(), asked.counts());
        let decision = filter.decision(&replica, subjects[2]).expect("a decision");
        assert_eq!(decision.reason, Reason::Erased);
    }
    // Before they were erased nobody had heard of the third; the first had agreed.
    let then = When::AsOf(Time::from_ms(NOW.as_ms() - 2 * DAY_MS));
    let mut filter = filter.at(then);
    asked.keep_up(&replica, &mut filter).expect("asked");
    let filtered = filter.filter(&replica, &subjects).expect("asked");
    assert_eq!(asked.filter(&[7, 8, 9], &filter), filtered);
    assert_eq!(
        reasons(&filtered.counts),
        BTreeMap::from([(Reason::Refused, 1), (Reason::Erased, 1), (Reason::NotGiven, 1)])
    );
}

/// A replica that becomes another after it was asked so many times.
struct Turning {
    first: Follower<Vec<u8>>,
    then: Follower<Vec<u8>>,
    asks_left: AtomicUsize,
}

impl Turning {
    fn new(first: Follower<Vec<u8>>, then: Follower<Vec<u8>>, asks: usize) -> Self {
        Self { first, then, asks_left: AtomicUsize::new(asks) }
    }

    fn current(&self) -> &Follower<Vec<u8>> {
        if self.asks_left.load(Ordering::SeqCst) > 0 { &self.first } else { &self.then }
    }
}

impl answers::sealed::Sealed for Turning {}

impl Answers for Turning {
    type Question = Timed;
    type Error = Unanswered;
    type Bytes = Vec<u8>;

    fn see<T>(&self, see: impl FnOnce(&Follower<Vec<u8>>) -> T) -> T {
        see(self.current())
    }

    fn ask<T>(
        &self,
        question: &mut Timed,
        ask: impl FnOnce(&Follower<Vec<u8>>, &mut Prepared, When) -> Result<T, Unanswered>,
    ) -> Result<T, Unanswered> {
        let answer = ask(self.current(), &mut question.prepared, question.when);
        let _ = self.asks_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        answer
    }

    fn is_still(question: &Timed, when: When) -> bool {
        question.when == when
    }

    fn error(why: Unanswered) -> Unanswered {
        why
    }

    fn why(error: &Unanswered) -> Unanswered {
        *error
    }
}

/// Two hundred people who have agreed, and the same once all have taken it back.
fn agreed_and_withdrawn() -> (People, Follower<Vec<u8>>) {
    let packed: Vec<(Words, bool)> = (0..200).map(|_| (vec![(5, Stance::Grant)], false)).collect();
    let later = (0..200).map(|number| (number, vec![(5, Stance::Grant), (1, Stance::Refuse)])).collect();
    let people = People { packed, later, asked: (0..200).collect(), ..of_three() };
    let mut withdrawn = people.replica();
    people.change(&mut withdrawn);
    (people, withdrawn)
}

#[test]
fn a_withdrawal_that_is_heard_meanwhile_counts_for_whoever_is_still_to_come() {
    let (people, withdrawn) = agreed_and_withdrawn();
    let replica = Turning::new(people.replica(), withdrawn, 2);
    let mut filter = Filter::new(&people.question(), &people.options(When::Now(NOW)));
    let filtered = filter.filter(&replica, &people.subjects()).expect("asked");
    let counts = filtered.counts.by_reason();
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [Reason::Given, Reason::Withdrawn]);
    assert!((48..=150).contains(&filtered.counts.allowed()), "{counts:?}");
}

#[test]
fn a_round_begins_again_where_the_replica_was_replaced_by_one_under_another_key() {
    let (people, _) = agreed_and_withdrawn();
    let mut other = people.replica_under(&PackKey::new(&[2; 16]));
    people.change(&mut other);
    let replica = Turning::new(people.replica(), other, 2);
    let mut filter = Filter::new(&people.question(), &people.options(When::Now(NOW)));
    let filtered = filter.filter(&replica, &people.subjects()).expect("asked");
    assert_eq!(filtered.counts.to_string(), "200 deny: withdrawn\n");
    assert_eq!(filtered.allowed().count(), 0);
    // A map is no longer of use, in the middle of which it is replaced.
    let replica = Turning::new(people.replica(), people.replica_under(&PackKey::new(&[2; 16])), 2);
    let map = IdMap::new(&replica, (0..200).map(|number| (u64::from(number), subject(number)))).expect("a map");
    assert_eq!(map.ask(&replica, &mut filter).map(|_| ()), Err(Unanswered::OtherPolicies));
}

#[test]
fn under_other_policies_nobody_is_allowed_any_more() {
    let (replica, mut filter, subjects) = three();
    let map = IdMap::new(&replica, [(7_u64, subjects[0])]).expect("a map");
    let mut asked = map.ask(&replica, &mut filter).expect("asked");
    assert_eq!(asked.allowed(&[7], &filter), [1]);
    let mut builder = Builder::new(&key(), &history(2));
    builder.add(&past(0, &vec![(5, Stance::Grant)])).expect("room");
    let packed = Packed::open(builder.finish(origin()).expect("room"), &key()).expect("a snapshot");
    let other = Follower::new(packed, Arc::new(history(2)), [], []).expect("the same policies");
    assert_eq!(filter.filter(&other, &subjects), Err(Unanswered::OtherPolicies));
    assert_eq!(filter.only(&other, subjects.clone()).collect::<Vec<_>>(), [Err(Unanswered::OtherPolicies)]);
    assert_eq!(asked.keep_up(&other, &mut filter), Err(Unanswered::OtherPolicies));
    assert_eq!(asked.allowed(&[7], &filter), [0]);
    assert_eq!(asked.counts().unanswered(), [(Unanswered::OtherPolicies, 1)]);
}

#[test]
fn a_map_is_of_use_with_replicas_under_its_key_alone() {
    let (replica, mut filter, subjects) = three();
    let other = of_three().replica_under(&PackKey::new(&[2; 16]));
    let map = IdMap::new(&replica, [(7_u64, subjects[0])]).expect("a map");
    let mut asked = map.ask(&replica, &mut filter).expect("asked");
    assert_eq!(map.ask(&other, &mut filter).map(|_| ()), Err(Unanswered::OtherPolicies));
    assert_eq!(asked.keep_up(&other, &mut filter), Err(Unanswered::OtherPolicies));
    assert_eq!(asked.allowed(&[7], &filter), [0]);
    // Nothing has changed there, and it is asked anew.
    assert_eq!((asked.keep_up(&replica, &mut filter), asked.allowed(&[7], &filter)), (Ok(()), vec![1]));
}

#[test]
fn an_id_that_is_two_peoples_is_refused() {
    let (replica, _, subjects) = three();
    let twice = IdMap::new(&replica, [(7_u64, subjects[0]), (7, subjects[1])]);
    assert_eq!(twice.err(), Some(IdMapError::Twice));
    let map = IdMap::new(&replica, [(7_u64, subjects[0]), (7, subjects[0])]).expect("said twice");
    assert_eq!((map.len(), map.is_empty()), (1, false));
}

#[test]
fn counts_are_explained_by_somebody_of_whom_they_hold() {
    let (replica, mut filter, subjects) = three();
    let filtered = filter.filter(&replica, &subjects).expect("asked");
    assert_eq!(filtered.counts.to_string(), "1 allow: given\n1 deny: not-given\n1 deny: refused\n");
    let place = filtered.counts.example(Reason::Refused).expect("one of them");
    let decision = filter.decision(&replica, subjects[place]).expect("a decision");
    assert!(decision.to_string().starts_with("deny one: refused; regime "), "{decision}");
}

#[test]
fn a_file_of_numbers_is_filtered_by_whose_they_are() {
    let (replica, mut filter, subjects) = three();
    let map = IdMap::new(&replica, [(7_u64, subjects[0]), (1 << 60, subjects[1])]).expect("a map");
    let asked = map.ask(&replica, &mut filter).expect("asked");
    let from: Vec<u8> = [7_u64, 1 << 60, 3, 7].iter().flat_map(|id| id.to_le_bytes()).collect();
    let mut to = Vec::new();
    let counts = file::filter_numbers(&asked, &filter, &*from, &mut to).expect("filtered");
    assert_eq!(to, [7_u64.to_le_bytes(), 7_u64.to_le_bytes()].concat());
    assert_eq!((counts.allowed(), counts.unlisted(), counts.total()), (2, 1, 4));
    let cut = file::filter_numbers(&asked, &filter, &from[..30], Vec::new());
    assert!(matches!(cut, Err(FileError::CutOff(3))), "{cut:?}");
}

#[test]
fn what_is_no_id_ends_a_file_with_its_place() {
    let (replica, mut filter, subjects) = three();
    let mut read = |format, bytes: &[u8]| {
        let mut to = Vec::new();
        let counts = file::filter(&replica, &mut filter, format, bytes, &mut to);
        (counts.map(|counts| counts.total()), to)
    };
    let good = format!("{}\r\n{}", subjects[0], device(0));
    let (total, to) = read(Format::Lines, good.as_bytes());
    assert_eq!((total.ok(), to), (Some(2), format!("{0}\n{0}\n", subjects[0]).into_bytes()));
    let long = "a".repeat(5_000);
    for bad in ["nobody", "", long.as_str()] {
        let (total, _) = read(Format::Lines, format!("{}\n{bad}\n", subjects[0]).as_bytes());
        assert!(matches!(total, Err(FileError::NotAnId(1))), "{bad:?}: {total:?}");
    }
    let (total, _) = read(Format::Lines, b"\xFF\n");
    assert!(matches!(total, Err(FileError::NotAnId(0))), "{total:?}");
    let (total, _) = read(Format::Uuids, &[0; 16]);
    assert!(matches!(total, Err(FileError::NotAnId(0))), "{total:?}");
    let (total, _) = read(Format::Uuids, &device(0).as_bytes()[..9]);
    assert!(matches!(total, Err(FileError::CutOff(0))), "{total:?}");
}
