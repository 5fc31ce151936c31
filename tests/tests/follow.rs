//! A replica that follows a ledger, against `decide` over the same ledger's events: after every entry, whatever comes in which order.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on should say so at once")]

#[allow(dead_code, reason = "what another test needs of it stands there, too")]
mod random;

use consentry_core::packed::{
    Behind, Builder, BundleError, Follower, Heard, Link, Missed, Origin, PackKey, Past, Prepared, Unanswered,
    before_snapshot,
};
use consentry_core::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use random::{Asked, any_asked, event_id};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Each holds some hundred answers against `decide`. `CONSENTRY_CASES` asks for more.
const CASES: u32 = 300;

fn cases() -> ProptestConfig {
    let cases = std::env::var("CONSENTRY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

const START_MS: u64 = 1_767_225_600_000;
const DEVICES: u8 = 3;
const ACCOUNTS: u8 = 2;

const SECRET: [u8; 16] = [7; 16];

type Replicated = Follower<Behind<Vec<u8>>>;

fn device(number: u8) -> DeviceId {
    let mut bytes = [number + 1; 16];
    bytes[6] = 0x40;
    bytes[8] = 0x80;
    DeviceId::from_bytes(bytes).expect("a version 4 UUID")
}

const fn account(number: u8) -> AccountId {
    AccountId::from_bytes([number + 1; HASH_BYTES])
}

fn everybody() -> impl Iterator<Item = Subject> {
    (0..DEVICES).map(|number| device(number).into()).chain((0..ACCOUNTS).map(|number| account(number).into()))
}

/// What happens.
#[derive(Debug, Clone)]
enum Happening {
    /// A subject does something.
    Act(usize, Index),
    /// Somebody who is signed in does, and another does something before it is known that they were; or nobody does.
    SignedIn(u8, u8, Index, Option<(usize, Index)>),
    Link(u8, u8),
    Erase(usize),
}

fn any_happening() -> impl Strategy<Value = Happening> {
    let subject = || 0..usize::from(DEVICES + ACCOUNTS);
    prop_oneof![
        4 => (subject(), any::<Index>()).prop_map(|(subject, what)| Happening::Act(subject, what)),
        3 => (0..DEVICES, 0..ACCOUNTS, any::<Index>(), proptest::option::of((subject(), any::<Index>())))
            .prop_map(|(device, account, what, between)| Happening::SignedIn(device, account, what, between)),
        3 => (0..ACCOUNTS, 0..DEVICES).prop_map(|(account, device)| Happening::Link(account, device)),
        1 => subject().prop_map(Happening::Erase),
    ]
}

/// An entry as it was kept.
#[derive(Debug, Clone)]
enum Entry {
    Event(Subject, Event),
    Erased(Time, Subject),
}

/// A site's ledger, and what a server knows by it.
struct Ledger<'a> {
    history: &'a PolicyHistory,
    pool: Vec<EventKind>,
    step_ms: u64,
    entries: Vec<Entry>,
    events: BTreeMap<Subject, Vec<Event>>,
}

impl<'a> Ledger<'a> {
    fn new(asked: &'a Asked, step_ms: u64) -> Self {
        let all = asked.device.iter().chain(asked.account.iter().flatten());
        let kinds = all.map(|event| event.kind.clone());
        let is_own = |kind: &EventKind| match kind {
            EventKind::Chosen(_) | EventKind::Signalled(..) => true,
            EventKind::Demanded(_, demand) => demand.kind != DemandKind::Erasure,
            EventKind::Linked(..) | EventKind::Lent(..) => false,
        };
        let mut pool: Vec<EventKind> = kinds.filter(is_own).collect();
        pool.push(EventKind::Signalled(event_id(Time::from_ms(START_MS), 9), Signal::Gpc));
        Self { history: &asked.history, pool, step_ms, entries: Vec::new(), events: BTreeMap::new() }
    }

    fn of(asked: &'a Asked, step_ms: u64, happenings: &[Happening]) -> Self {
        let mut ledger = Self::new(asked, step_ms);
        happenings.iter().for_each(|happening| ledger.happen(happening));
        ledger
    }

    fn next_at(&self) -> Time {
        Time::from_ms(START_MS + self.entries.len() as u64 * self.step_ms)
    }

    fn next_id(&self) -> EventId {
        let number = self.entries.len() as u64;
        EventId::from_parts(START_MS + number, &[u8::try_from(number % 251).expect("small"); 10])
    }

    fn keep(&mut self, subject: Subject, kind: EventKind) {
        let event = Event { at: self.next_at(), kind };
        self.events.entry(subject).or_default().push(event.clone());
        self.entries.push(Entry::Event(subject, event));
    }

    fn named(&self, kind: &EventKind) -> EventKind {
        let id = self.next_id();
        match kind {
            EventKind::Chosen(choice) => {
                let (answering, stances) = (choice.answering().clone(), choice.stances().to_vec());
                EventKind::Chosen(Choice::restore(id, answering, stances).expect("a choice"))
            }
            EventKind::Signalled(_, signal) => EventKind::Signalled(id, *signal),
            EventKind::Demanded(_, demand) => EventKind::Demanded(id, demand.clone()),
            EventKind::Linked(_, device) => EventKind::Linked(id, *device),
            EventKind::Lent(_, choice) => EventKind::Lent(id, *choice),
        }
    }

    fn act(&mut self, subject: usize, what: Index) {
        let subject = everybody().nth(subject).expect("one of them");
        let kind = self.named(what.get(&self.pool));
        self.keep(subject, kind);
    }

    fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Act(subject, what) => self.act(*subject, *what),
            Happening::SignedIn(of_device, of_account, what, between) => {
                let said = what.get(&self.pool).clone();
                let kind = self.named(&said);
                self.keep(device(*of_device).into(), kind.clone());
                if let Some((subject, what)) = between {
                    self.act(*subject, *what);
                }
                let copy = self.named(&said);
                self.keep(account(*of_account).into(), copy);
                if let EventKind::Chosen(choice) = &kind
                    && lends(self.history, choice)
                {
                    let lent = EventKind::Lent(self.next_id(), choice.id());
                    self.keep(device(*of_device).into(), lent);
                }
            }
            Happening::Link(of_account, of_device) => {
                let linked = EventKind::Linked(self.next_id(), device(*of_device));
                self.keep(account(*of_account).into(), linked);
            }
            Happening::Erase(subject) => {
                let subject = everybody().nth(*subject).expect("one of them");
                let (at, id) = (self.next_at(), self.next_id());
                let demand = Demand { kind: DemandKind::Erasure, purpose: None, stands: true };
                self.events.insert(subject, vec![Event { at, kind: EventKind::Demanded(id, demand) }]);
                self.entries.push(Entry::Erased(at, subject));
            }
        }
    }

    fn events(&self, subject: Subject) -> &[Event] {
        self.events.get(&subject).map_or(&[], Vec::as_slice)
    }

    /// What a server knows of the subject: its own words, and what the devices took away that it is linked to.
    fn record(&self, subject: Subject, by: Time) -> Record {
        let by_then = |subject| -> Vec<Event> {
            let counts = |event: &&Event| AsOf::Recorded(by).counts(event);
            self.events(subject).iter().filter(counts).cloned().collect()
        };
        let own = |subject| Record::of(subject, own_events(self.history, &by_then(subject)).iter());
        let devices = match subject {
            Subject::Account(_) => linked_devices(&by_then(subject)),
            Subject::Device(_) => Default::default(),
        };
        devices.into_iter().map(|device| own(device.into()).opt_outs()).fold(own(subject), Record::merge)
    }

    /// Those of whom nothing is left but when they were erased.
    fn erased(&self) -> Vec<(Subject, Time)> {
        let erased = self.events.iter().filter_map(|(subject, events)| match &events[..] {
            [Event { at, kind: EventKind::Demanded(_, Demand { kind: DemandKind::Erasure, .. }) }] => {
                Some((*subject, *at))
            }
            _ => None,
        });
        erased.collect()
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut builder = Builder::new(&PackKey::new(&SECRET), self.history);
        let erased: BTreeMap<Subject, Time> = self.erased().into_iter().collect();
        for subject in self.events.keys().filter(|subject| !erased.contains_key(subject)) {
            let events = self.events(*subject);
            let past = match *subject {
                Subject::Account(account) => {
                    Past::of_account(self.history, account, events, |device| self.events(device.into()))
                }
                Subject::Device(_) => Past::of_events(self.history, *subject, events),
            };
            builder.add(&past).expect("room");
        }
        let site = self.history.newest().parts().site.clone();
        let (entries, made) = (self.entries.len() as u64, Time::from_ms(START_MS));
        builder.finish(Origin { site, entries, root: [5; HASH_BYTES], made }).expect("room")
    }

    fn links(&self) -> Vec<Link> {
        let of = |subject: &Subject| match *subject {
            Subject::Account(account) => Link::of_events(account, self.events(*subject)).collect(),
            Subject::Device(_) => Vec::new(),
        };
        self.events.keys().flat_map(of).collect()
    }

    /// As it is sent.
    fn follower(&self) -> Replicated {
        let site = &self.history.newest().parts().site;
        let erased: Vec<_> = self.erased().into_iter().map(|(who, at)| (erased_name(site, &who), at)).collect();
        let mut bytes = before_snapshot(&SECRET, self.history, &self.links(), &erased).expect("a head");
        bytes.extend(self.snapshot());
        let follower = Follower::open(bytes).expect("a replica");
        assert_eq!(**follower.history(), *self.history);
        follower
    }

    /// What the feed has of an entry: late, nothing of those who were erased since.
    fn heard<'e>(&self, entry: &'e Entry, site: &SiteId, is_gone: bool) -> Heard<'e> {
        match entry {
            Entry::Event(..) if is_gone => Heard::Gone,
            Entry::Event(subject, event) => Heard::Event(*subject, event),
            Entry::Erased(at, subject) => Heard::Erased(*at, erased_name(site, subject)),
        }
    }
}

/// Whether the follower says what `decide` says of everybody.
fn agrees(
    ledger: &Ledger<'_>,
    follower: &Replicated,
    asked: &Asked,
    prepared: &mut Prepared,
    may_be_lost: bool,
) -> Result<(), TestCaseError> {
    let decided = |record: &Record, now: Time| {
        let context = Context { now, ..asked.context.clone() };
        Decision { events: Vec::new(), ..decide(&asked.history, record, &asked.question, &context) }
    };
    let check = |answer: Result<Decision, Unanswered>, expected: Decision, what: &str| match answer {
        Ok(answer) => {
            prop_assert_eq!(answer, expected, "{}", what);
            Ok(())
        }
        Err(why) => {
            prop_assert_eq!(why, Unanswered::NotHeld);
            prop_assert!(may_be_lost, "{} is not answered about", what);
            Ok(())
        }
    };
    let (end, now) = (ledger.next_at(), asked.context.now.max(ledger.next_at()));
    let subjects: Vec<Subject> = everybody().collect();
    let then = Time::from_ms(START_MS + (end.as_ms() - START_MS) / 2);
    for subject in &subjects {
        let expected = decided(&ledger.record(*subject, end), now);
        check(follower.decide(prepared, *subject, now), expected, &format!("{subject} now"))?;
        let expected = decided(&ledger.record(*subject, then), then);
        check(follower.decide_as_of(prepared, *subject, then), expected, &format!("{subject} then"))?;
    }
    for (of_account, of_device) in [(0, 0), (1, 0), (1, 2)] {
        let (account, device) = (account(of_account), device(of_device));
        let both = |by| ledger.record(account.into(), by).merge(ledger.record(device.into(), by));
        match follower.decide_on(prepared, account, device, now) {
            // An account's devices lie folded in it, of which the one at hand may be one: what two of them say at once has lost its names.
            Err(why) => prop_assert_eq!(why, Unanswered::NotHeld),
            Ok(answer) => prop_assert_eq!(answer, decided(&both(end), now)),
        }
        match follower.decide_on_as_of(prepared, account, device, then) {
            Err(why) => prop_assert_eq!(why, Unanswered::NotHeld),
            Ok(answer) => prop_assert_eq!(answer, decided(&both(then), then)),
        }
    }
    let allowed = follower.allowed(prepared, &subjects, now).expect("the same policies");
    let as_of = follower.allowed_as_of(prepared, &subjects, then).expect("the same policies");
    for (place, subject) in subjects.iter().enumerate() {
        let one = follower.decide(prepared, *subject, now);
        prop_assert_eq!(allowed.is_allowed(place), one.is_ok_and(|decision| decision.allows()));
        let one = follower.decide_as_of(prepared, *subject, then);
        prop_assert_eq!(as_of.is_allowed(place), one.is_ok_and(|decision| decision.allows()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn r34_who_follows_a_ledger_says_after_every_entry_what_decide_says(
        asked in any_asked(),
        happenings in vec(any_happening(), 1..14),
        start in any::<Index>(),
        step_ms in select(vec![0, 1, 60_000, 86_400_000]),
    ) {
        let start = start.index(happenings.len() + 1);
        let mut ledger = Ledger::of(&asked, step_ms, &happenings[..start]);
        let site = asked.history.newest().parts().site.clone();
        let mut follower = ledger.follower();
        let mut prepared = Prepared::new(Arc::new(asked.history.clone()), asked.question.clone(), asked.context.clone());
        // A choice before the snapshot may turn out to be an account's after it; no happening is half in it.
        let may_be_lost = step_ms == 0;
        agrees(&ledger, &follower, &asked, &mut prepared, may_be_lost)?;
        for happening in &happenings[start..] {
            let known = ledger.entries.len();
            ledger.happen(happening);
            let new = ledger.entries[known..].to_vec();
            for (number, entry) in new.iter().enumerate() {
                follower.take((known + number) as u64, ledger.heard(entry, &site, false)).expect("the next");
            }
            agrees(&ledger, &follower, &asked, &mut prepared, may_be_lost)?;
        }
        let snapshot = ledger.follower();
        agrees(&ledger, &snapshot, &asked, &mut prepared, may_be_lost)?;
    }

    #[test]
    fn r19_who_follows_late_hears_nothing_of_the_erased_and_says_the_same(
        asked in any_asked(),
        happenings in vec(any_happening(), 1..14),
        cut in any::<Index>(),
    ) {
        let ledger = Ledger::of(&asked, 60_000, &happenings);
        let site = asked.history.newest().parts().site.clone();
        // A snapshot in the middle of what happens: a loan may come after it.
        let cut = cut.index(ledger.entries.len() + 1);
        let mut earlier = Ledger::new(&asked, 60_000);
        for entry in &ledger.entries[..cut] {
            match entry {
                Entry::Event(subject, event) => earlier.keep(*subject, event.kind.clone()),
                Entry::Erased(_, subject) => {
                    let place = everybody().position(|one| one == *subject).expect("one of them");
                    earlier.happen(&Happening::Erase(place));
                }
            }
        }
        let mut follower = earlier.follower();
        let mut prepared = Prepared::new(Arc::new(asked.history.clone()), asked.question.clone(), asked.context.clone());
        for (number, entry) in ledger.entries.iter().enumerate().skip(cut) {
            let is_gone = |subject: &Subject| {
                ledger.entries[number..].iter().any(|later| matches!(later, Entry::Erased(_, erased) if erased == subject))
            };
            let is_gone = matches!(entry, Entry::Event(subject, _) if is_gone(subject));
            follower.take(number as u64, ledger.heard(entry, &site, is_gone)).expect("the next");
        }
        agrees(&ledger, &follower, &asked, &mut prepared, true)?;
        let again = follower.take(cut as u64, Heard::Gone);
        if cut < ledger.entries.len() {
            prop_assert_eq!(again, Err(Missed::Gap { given: cut as u64, expected: ledger.entries.len() as u64 }));
        }
    }
}

#[test]
fn r34_a_replica_that_was_changed_on_its_way_is_refused() {
    let history: PolicyHistory = consentry_tests::corpus::on_disk::policies().get("icecone").history.clone();
    let link = Link { account: account(0), device: device(0), at: Time::from_ms(START_MS) };
    let mut builder = Builder::new(&PackKey::new(&SECRET), &history);
    builder.add(&Past::empty(device(0).into())).expect("room");
    let origin =
        Origin { site: history.newest().parts().site.clone(), entries: 1, root: [5; HASH_BYTES], made: link.at };
    let mut bytes = before_snapshot(&SECRET, &history, &[link], &[([3; HASH_BYTES], link.at)]).expect("a head");
    let snapshot_at = bytes.len();
    bytes.extend(builder.finish(origin).expect("room"));
    let follower = Follower::open(bytes.clone()).expect("a replica");
    assert_eq!((follower.entries(), &**follower.history()), (1, &history));
    for place in (0..snapshot_at).step_by(97).chain([8, 12, 16, snapshot_at - 1, snapshot_at, snapshot_at + 40]) {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        assert!(Follower::open(changed).is_err(), "byte {place}");
    }
    for length in [0, 7, 8, 12, 47, 48, 60, snapshot_at - 1, snapshot_at, bytes.len() - 1] {
        assert!(Follower::open(bytes[..length].to_vec()).is_err(), "{length} bytes");
    }
    let mut later = bytes;
    later[8] = 2;
    assert_eq!(Follower::open(later).map(|_| ()), Err(BundleError::Version { given: 2 }));
    assert_eq!(Follower::open(b"{}".to_vec()).map(|_| ()), Err(BundleError::NotAReplica));
}
