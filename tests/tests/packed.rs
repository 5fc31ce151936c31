//! The packed form against `decide`, on random policies, pasts and moments: whatever it answers, `decide` says.
//!
//! What one subject's answer teaches it is used for others, so each past is lived by several subjects, at other times in the same order.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on should say so at once")]

#[allow(dead_code, reason = "what another test needs of it stands there, too")]
mod random;

use consentry_core::packed::{Allowed, Builder, Origin, PackKey, Packed, Past, Prepared, Replica, Unanswered};
use consentry_core::*;
use proptest::prelude::*;
use random::{Asked, any_asked, event_id};
use std::sync::Arc;

/// Each holds some hundred answers against `decide`. `CONSENTRY_CASES` asks for more.
const CASES: u32 = 400;

fn cases() -> ProptestConfig {
    let cases = std::env::var("CONSENTRY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

const ROOT: [u8; HASH_BYTES] = [5; HASH_BYTES];
const DAY_MS: u64 = 24 * 3_600_000;
const START_MS: u64 = 1_767_225_600_000;

fn key() -> PackKey {
    PackKey::new(&[7; 16])
}

fn origin(history: &PolicyHistory) -> Origin {
    Origin { site: history.newest().parts().site.clone(), entries: 12, root: ROOT, made: Time::from_ms(START_MS) }
}

fn device(number: u8) -> Subject {
    let mut bytes = [number; 16];
    bytes[6] = 0x40 | number & 15;
    bytes[8] = 0x80 | number & 15;
    Subject::Device(DeviceId::from_bytes(bytes).expect("a version 4 UUID"))
}

fn account(number: u8) -> Subject {
    Subject::Account(AccountId::from_bytes([number; HASH_BYTES]))
}

/// The same events at other times in the same order: `stretch` times as far apart, and `days` later.
fn lived_otherwise(events: &[Event], stretch: u64, days: u64) -> Vec<Event> {
    let otherwise = |time: Time| {
        let since = time.as_ms().saturating_sub(START_MS);
        Time::from_ms(START_MS + since * stretch / 4 + days * DAY_MS)
    };
    events.iter().map(|event| Event { at: otherwise(event.at), kind: event.kind.clone() }).collect()
}

/// So many others that somebody is looked for among some of their neighbours: of a few there are none to look at.
const CROWD: u16 = 1_000;

/// Adds them. Each has asked to be erased once, before anything else was said.
fn crowd(builder: &mut Builder) {
    let at = Time::from_ms(START_MS - DAY_MS);
    let demand = Demand { kind: DemandKind::Erasure, purpose: None, stands: true };
    let event = Event { at, kind: EventKind::Demanded(event_id(at, 0), demand) };
    let past = Past::empty(device(1)).then(at, Record::of(device(1), [&event])).expect("the first");
    let erased = builder.life(&past).expect("room");
    for number in 0..CROWD {
        let mut bytes = [9; 16];
        bytes[..2].copy_from_slice(&number.to_le_bytes());
        (bytes[6], bytes[8]) = (0x49, 0x89);
        let somebody = DeviceId::from_bytes(bytes).expect("a version 4 UUID");
        builder.add_life(somebody.into(), erased.as_ref());
    }
}

/// Everybody whom a case is about.
struct Everybody {
    lives: Vec<(Subject, Vec<Event>)>,
}

impl Everybody {
    fn of(asked: &Asked) -> Self {
        let mut lives = Vec::new();
        let ways = [(4, 0), (5, 0), (4, 1), (1, 100), (8, 37), (4, 399)];
        for ((stretch, days), number) in ways.into_iter().zip(1..) {
            lives.push((device(number), lived_otherwise(&asked.device, stretch, days)));
            let of_account = asked.account.as_deref().unwrap_or(&asked.device);
            lives.push((account(number), lived_otherwise(of_account, stretch, days)));
        }
        Self { lives }
    }

    fn packed(&self, history: &PolicyHistory) -> Replica<Vec<u8>> {
        let mut builder = Builder::new(&key(), history);
        crowd(&mut builder);
        for (subject, events) in &self.lives {
            builder.add(&Past::of_events(history, *subject, events)).expect("room");
        }
        replica(builder.finish(origin(history)).expect("room"))
    }

    /// Everything after which somebody's answer may be another, and the moments around it.
    fn moments(&self, asked: &Asked) -> Vec<Time> {
        let mut edges = vec![asked.context.now.as_ms()];
        let versions = asked.history.versions();
        edges.extend(versions.map(|version| version.effective.as_ms()));
        edges.extend(asked.context.guardian.iter().flat_map(|g| [g.from.as_ms(), g.until.as_ms()]));
        let policy = asked.policy();
        let mut validities = vec![policy.parts().validity];
        validities.extend(policy.parts().purposes.iter().map(|purpose| policy.validity_of(purpose)));
        validities.sort_unstable();
        validities.dedup();
        for (_, events) in &self.lives {
            for event in events {
                edges.push(event.at.as_ms());
                edges.extend(validities.iter().map(|period| event.at.after(*period).as_ms()));
            }
        }
        edges.sort_unstable();
        edges.dedup();
        edges.into_iter().flat_map(|ms| [ms.saturating_sub(1), ms, ms + 1]).map(Time::from_ms).collect()
    }
}

fn replica(bytes: Vec<u8>) -> Replica<Vec<u8>> {
    let packed = Packed::open(bytes, &key()).expect("a snapshot");
    packed.verify().expect("whole");
    Replica::new(packed)
}

fn prepared(asked: &Asked) -> Prepared {
    Prepared::new(Arc::new(asked.history.clone()), asked.question.clone(), asked.context.clone())
}

/// What `decide` says of these events, but for which of them it rests on.
fn decided(asked: &Asked, subject: Subject, events: &[Event], now: Time) -> Decision {
    let record = Record::of(subject, own_events(&asked.history, events).iter());
    decided_of(asked, &record, now)
}

fn decided_of(asked: &Asked, record: &Record, now: Time) -> Decision {
    let context = Context { now, ..asked.context.clone() };
    Decision { events: Vec::new(), ..decide(&asked.history, record, &asked.question, &context) }
}

/// Whether the answer is what `decide` says, at length.
fn agrees(
    prepared: &Prepared,
    answer: Result<packed::Answer, Unanswered>,
    expected: &Decision,
) -> Result<(), TestCaseError> {
    let answer = answer.map_err(|why| TestCaseError::fail(why.to_string()))?;
    prop_assert_eq!(answer.reason, expected.reason);
    prop_assert_eq!(answer.valid_until, expected.valid_until, "{}", expected);
    let at_length = prepared.decision(&answer);
    prop_assert_eq!(at_length.as_ref(), Some(expected));
    Ok(())
}

/// Whether everybody is answered about at `now` as `decide` answers.
fn agree_at(
    asked: &Asked,
    everybody: &Everybody,
    replica: &Replica<Vec<u8>>,
    prepared: &mut Prepared,
    now: Time,
) -> Result<(), TestCaseError> {
    for (subject, events) in &everybody.lives {
        let expected = decided(asked, *subject, events, now);
        let answer = replica.answer(prepared, *subject, now);
        agrees(prepared, answer, &expected)?;
    }
    Ok(())
}

/// Whether everybody is answered about as `decide` answers by what had been recorded at `then`.
fn agree_as_of(
    asked: &Asked,
    everybody: &Everybody,
    replica: &Replica<Vec<u8>>,
    prepared: &mut Prepared,
    then: Time,
) -> Result<(), TestCaseError> {
    for (subject, events) in &everybody.lives {
        let by_then: Vec<Event> = events.iter().filter(|event| AsOf::Recorded(then).counts(event)).cloned().collect();
        let expected = decided(asked, *subject, &by_then, then);
        let answer = replica.answer_as_of(prepared, *subject, then);
        agrees(prepared, answer, &expected)?;
    }
    Ok(())
}

/// Fewer of them, so that a case is soon done; always the same for the same list.
fn some<T: Copy>(all: &[T], most: usize) -> impl Iterator<Item = T> {
    all.iter().copied().step_by(all.len().div_ceil(most).max(1))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whatever_is_packed_is_answered_as_decide_answers(asked in any_asked()) {
        let everybody = Everybody::of(&asked);
        let replica = everybody.packed(&asked.history);
        let mut prepared = prepared(&asked);
        let moments = everybody.moments(&asked);
        for now in some(&moments, 40) {
            agree_at(&asked, &everybody, &replica, &mut prepared, now)?;
            for nobody in [device(200), account(200)] {
                let expected = decided(&asked, nobody, &[], now);
                let answer = replica.answer(&mut prepared, nobody, now);
                agrees(&prepared, answer, &expected)?;
            }
        }
    }

    #[test]
    fn r32_a_minor_is_answered_as_decide_answers_by_when_a_guardian_came(mut asked in any_asked(), came in any::<prop::sample::Index>()) {
        let everybody = Everybody::of(&asked);
        let times: Vec<Time> = everybody.lives.iter().flat_map(|(_, events)| events).map(|event| event.at).collect();
        if times.is_empty() {
            return Ok(());
        }
        let from = Time::from_ms(came.get(&times).as_ms() + u64::from(times.len().is_multiple_of(2)));
        asked.context.age = Some(AgeBand::Fifteen);
        asked.context.jurisdiction = Some("DE".parse().expect("a place"));
        asked.context.guardian = Some(Guardian { from, until: Time::from_ms(from.as_ms() + 500 * DAY_MS) });
        let replica = everybody.packed(&asked.history);
        let mut prepared = prepared(&asked);
        let moments = everybody.moments(&asked);
        for now in some(&moments, 40) {
            agree_at(&asked, &everybody, &replica, &mut prepared, now)?;
        }
    }

    #[test]
    fn r31_the_past_is_answered_as_decide_answers_by_what_had_been_recorded(asked in any_asked()) {
        let everybody = Everybody::of(&asked);
        let replica = everybody.packed(&asked.history);
        let mut prepared = prepared(&asked);
        let moments = everybody.moments(&asked);
        for then in some(&moments, 40) {
            agree_as_of(&asked, &everybody, &replica, &mut prepared, then)?;
        }
    }

    #[test]
    fn r39_an_account_on_a_device_is_answered_as_decide_answers(asked in any_asked()) {
        let everybody = Everybody::of(&asked);
        let replica = everybody.packed(&asked.history);
        let prepared = prepared(&asked);
        let own = |subject, events: &[Event]| Record::of(subject, events);
        for (subject, of_device) in &everybody.lives {
            let Subject::Device(device) = *subject else { continue };
            for (subject, of_account) in &everybody.lives {
                let Subject::Account(account) = *subject else { continue };
                let now = asked.context.now;
                let both = own(Subject::Account(account), of_account).merge(own(Subject::Device(device), of_device));
                match replica.answer_on(&prepared, account, device, now) {
                    Ok(decision) => prop_assert_eq!(decision, decided_of(&asked, &both, now)),
                    Err(why) => {
                        prop_assert_eq!(why, Unanswered::NotHeld);
                        let at_once = of_device.iter().any(|e| of_account.iter().any(|other| other.at == e.at));
                        prop_assert!(at_once, "only two words at once hang on more than their times");
                    }
                }
            }
        }
    }

    #[test]
    fn many_at_once_are_answered_as_one_after_the_other(asked in any_asked(), strangers in 0..9_usize) {
        let everybody = Everybody::of(&asked);
        let replica = everybody.packed(&asked.history);
        let (mut one, mut many) = (prepared(&asked), prepared(&asked));
        let mut subjects: Vec<Subject> = everybody.lives.iter().map(|(subject, _)| *subject).collect();
        subjects.extend((100..).take(strangers).map(device));
        // More than go through the steps at once.
        let subjects: Vec<Subject> = subjects.iter().cycle().take(137 + strangers).copied().collect();
        let now = asked.context.now;
        let Allowed { bits, unanswered } = replica.allowed(&mut many, &subjects, now).expect("the same policies");
        prop_assert!(unanswered.is_empty());
        prop_assert_eq!(bits.len(), subjects.len().div_ceil(8));
        for (place, subject) in subjects.iter().enumerate() {
            let answer = replica.answer(&mut one, *subject, now).expect("an answer");
            prop_assert_eq!(bits[place / 8] >> (place % 8) & 1 == 1, answer.reason.allows());
        }
        let then = Time::from_ms(now.as_ms() - 100 * DAY_MS);
        let as_of = replica.allowed_as_of(&mut many, &subjects, then).expect("the same policies");
        prop_assert!(as_of.unanswered.is_empty());
        for (place, subject) in subjects.iter().enumerate() {
            let answer = replica.answer_as_of(&mut one, *subject, then).expect("an answer");
            prop_assert_eq!(as_of.is_allowed(place), answer.reason.allows());
        }
        let beyond = bits.iter().map(|byte| byte.count_ones() as usize).sum::<usize>();
        let allowed = subjects.iter().filter(|s| replica.answer(&mut one, **s, now).is_ok_and(|a| a.reason.allows()));
        prop_assert_eq!(beyond, allowed.count(), "no bit beyond the last subject is set");
    }

    #[test]
    fn what_happens_later_counts_at_once_and_in_the_next_snapshot(asked in any_asked(), first in 0..=5_usize) {
        let everybody = Everybody::of(&asked);
        let mut builder = Builder::new(&key(), &asked.history);
        crowd(&mut builder);
        for (subject, events) in &everybody.lives {
            let earlier = &events[..first.min(events.len())];
            // Somebody of whom nothing is known yet need not be there.
            if !earlier.is_empty() {
                builder.add(&Past::of_events(&asked.history, *subject, earlier)).expect("room");
            }
        }
        let mut replica = replica_of(builder, &asked.history);
        let mut prepared = prepared(&asked);
        let moments = everybody.moments(&asked);
        for (subject, events) in &everybody.lives {
            for count in first.min(events.len())..events.len() {
                replica.apply(*subject, &events[count]).expect("an event of its own");
                let now = asked.context.now;
                let expected = decided(&asked, *subject, &events[..=count], now);
                let answer = replica.answer(&mut prepared, *subject, now);
                agrees(&prepared, answer, &expected)?;
            }
        }
        let merged = self::replica(replica.merge(origin(&asked.history)).expect("room"));
        prop_assert_eq!(merged.changed(), 0);
        for replica in [&replica, &merged] {
            for then in some(&moments, 12) {
                agree_at(&asked, &everybody, replica, &mut prepared, then)?;
                agree_as_of(&asked, &everybody, replica, &mut prepared, then)?;
            }
        }
    }

    #[test]
    fn an_account_is_known_with_what_its_devices_take_away(asked in any_asked(), cut in 0..=5_usize, erased in 0..=2_usize) {
        let Asked { history, device: of_device, account: of_account, .. } = &asked;
        let of_account = of_account.clone().unwrap_or_default();
        let linked = EventKind::Linked(event_id(Time::from_ms(START_MS), 77), device_id(1));
        let at = of_account.get(cut).or(of_device.get(cut)).map_or(Time::from_ms(START_MS), |event| event.at);
        let mut events = of_account.clone();
        events.insert(cut.min(events.len()), Event { at, kind: linked });
        if erased > 0 {
            let demand = Demand { kind: DemandKind::Erasure, purpose: None, stands: true };
            let at = Time::from_ms(at.as_ms() + DAY_MS * 10);
            events.insert(events.len().min(cut + erased), Event { at, kind: EventKind::Demanded(event_id(at, 66), demand) });
        }
        let Subject::Account(id) = account(1) else { unreachable!() };
        let past = Past::of_account(history, id, &events, |_| of_device);
        let times: Vec<Time> = events.iter().chain(of_device).map(|event| event.at).collect();
        let known_at = |then: Time| {
            let by_then = |events: &[Event]| -> Vec<Event> {
                events.iter().filter(|event| AsOf::Recorded(then).counts(event)).cloned().collect()
            };
            let (events, of_device) = (by_then(&events), by_then(of_device));
            let own = Record::of(account(1), &events);
            let is_linked = !linked_devices(&events).is_empty();
            if is_linked { own.merge(Record::fold(&of_device).opt_outs()) } else { own }
        };
        for then in &times {
            prop_assert_eq!(past.as_of(*then), known_at(*then));
        }
        let mut builder = Builder::new(&key(), history);
        builder.add(&past).expect("room");
        let replica = replica_of(builder, history);
        let mut prepared = prepared(&asked);
        let now = asked.context.now;
        match replica.answer(&mut prepared, account(1), now) {
            Err(why) => prop_assert_eq!(why, Unanswered::NotHeld),
            answer => agrees(&prepared, answer, &decided_of(&asked, &known_at(Time::from_ms(u64::MAX)), now))?,
        }
    }
}

fn device_id(number: u8) -> DeviceId {
    let Subject::Device(id) = device(number) else { unreachable!() };
    id
}

fn replica_of(builder: Builder, history: &PolicyHistory) -> Replica<Vec<u8>> {
    replica(builder.finish(origin(history)).expect("room"))
}
