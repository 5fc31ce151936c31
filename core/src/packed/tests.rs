//! What a snapshot does that was cut, changed, or is another's.

use super::blocks::{BLOCK_BYTES, BODY_BYTES};
use super::*;
use crate::*;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

const NOW: Time = Time::from_ms(1_790_000_000_000);
const SUBJECTS: u8 = 12;

fn key() -> PackKey {
    PackKey::new(&[1; PACK_KEY_BYTES])
}

fn purpose(id: &str, control: Control, basis: LegalBasis) -> Purpose {
    let terms = Terms { control, basis };
    Purpose {
        id: id.parse().expect("a name"),
        kind: PurposeKind::Personalisation,
        terms,
        opt_out_terms: Some(Terms { control: Control::OptOut, basis: LegalBasis::LegitimateInterest }),
        data: vec!["content".parse().expect("a name")],
        retention: Retention::AfterUse,
        retention_by_plan: Vec::new(),
        backups: None,
        validity: None,
        revision: 1,
        dpv: None,
        training: None,
        channels: Vec::new(),
        function: None,
    }
}

/// Two purposes, which start on by themselves in some places: there, whoever is not found is somebody to whom it may be done.
fn history(number: u8) -> PolicyHistory {
    let day = Period::from_minutes(365 * 24 * 60).expect("a period");
    let parts = Parts {
        site: "small".parse().expect("a name"),
        controller: Controller {
            name: "Small".into(),
            contact: "mailto:a@b.example".into(),
            officer: None,
            address: None,
        },
        validity: day,
        recheck: Period::from_minutes(5).expect("a period"),
        minimum_age: None,
        changes: Changes { notice: None, channels: Vec::new() },
        never: Never::default(),
        plans: Vec::new(),
        data: vec![DataCategory { id: "content".parse().expect("a name"), only_for: Vec::new() }],
        purposes: vec![
            purpose("one", Control::OptIn, LegalBasis::Consent),
            purpose("two", Control::OptIn, LegalBasis::Consent),
        ],
        processors: Vec::new(),
        features: Vec::new(),
        modes: Vec::new(),
        laws: Vec::new(),
    };
    Policy::new(parts, PolicyHash::from_bytes([number; HASH_BYTES])).expect("a policy").into()
}

fn device(number: u8) -> Subject {
    let mut bytes = [number; 16];
    (bytes[6], bytes[8]) = (0x40, 0x80);
    Subject::Device(DeviceId::from_bytes(bytes).expect("a version 4 UUID"))
}

fn event(number: u8, minutes: u64, stance: Stance) -> Event {
    let at = Time::from_ms(NOW.as_ms() - (500_000 - minutes) * 60_000);
    let answering = Answering {
        policy: PolicyHash::from_bytes([1; HASH_BYTES]),
        notice: NoticeHash::from_bytes([2; HASH_BYTES]),
        language: Language::undetermined(),
        surface: Surface::Centre,
        confirmed: number.is_multiple_of(2),
    };
    let stances = vec![("one".parse().expect("a target"), stance), ("two".parse().expect("a target"), Stance::Refuse)];
    let choice = Choice::restore(EventId::from_parts(at.as_ms(), &[number; 10]), answering, stances).expect("a choice");
    Event { at, kind: EventKind::Chosen(choice) }
}

/// One, two or three events.
fn events(number: u8) -> Vec<Event> {
    let stance = |n: u8| if n.is_multiple_of(3) { Stance::Grant } else { Stance::Refuse };
    (0..=number % 3).map(|n| event(number, 150_000 * u64::from(n) + u64::from(number), stance(n + number))).collect()
}

fn origin() -> Origin {
    Origin { site: "small".parse().expect("a name"), entries: 40, root: [4; HASH_BYTES], made: NOW }
}

fn snapshot() -> Vec<u8> {
    let mut builder = Builder::new(&key(), &history(1));
    for number in 0..SUBJECTS {
        builder.add(&Past::of_events(&history(1), device(number), &events(number))).expect("room");
    }
    builder.finish(origin()).expect("room")
}

fn prepared() -> Prepared {
    let context = Context { jurisdiction: Some("US-CA".parse().expect("a place")), ..Context::at(NOW) };
    Prepared::new(Arc::new(history(1)), Question::about("one".parse().expect("a target")), context)
}

fn expected(number: u8) -> Decision {
    let context = Context { jurisdiction: Some("US-CA".parse().expect("a place")), ..Context::at(NOW) };
    let record = Record::fold(&events(number));
    decide(&history(1), &record, &Question::about("one".parse().expect("a target")), &context)
}

/// What is answered about everybody and one whom nobody has heard of.
fn answers(replica: &Replica<&[u8]>) -> Vec<Result<Reason, Unanswered>> {
    let mut prepared = prepared();
    let mut answer = |number| replica.answer(&mut prepared, device(number), NOW).map(|answer| answer.reason);
    (0..=SUBJECTS).map(&mut answer).collect()
}

#[test]
fn a_byte_that_is_changed_is_noticed_before_anything_is_answered_from_it() {
    let bytes = snapshot();
    let whole = Packed::open(&*bytes, &key()).expect("a snapshot");
    assert_eq!(whole.verify(), Ok(()));
    let mut right: Vec<_> = (0..SUBJECTS).map(|number| expected(number).reason).collect();
    right.push(Reason::NotObjected);
    assert!(right.contains(&Reason::Given) && right.contains(&Reason::Objected), "{right:?}");
    assert_eq!(answers(&Replica::new(whole)), right.iter().map(|reason| Ok(*reason)).collect::<Vec<_>>());

    let mut refused = 0;
    for place in 0..bytes.len() {
        // What fills blocks up is long and all alike.
        if bytes[place..].iter().take(64).all(|byte| *byte == 0) && !place.is_multiple_of(16) {
            continue;
        }
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        let Ok(packed) = Packed::open(&*changed, &key()) else { continue };
        assert!(place >= BLOCK_BYTES, "the first block is checked at once");
        assert_eq!(packed.verify(), Err(SnapshotError::Damaged), "byte {place}");
        // Opened anew, so that nothing is known of its blocks.
        let packed = Packed::open(&*changed, &key()).expect("as before");
        for (answer, right) in answers(&Replica::new(packed)).into_iter().zip(&right) {
            match answer {
                Ok(reason) => assert_eq!(reason, *right, "byte {place}"),
                Err(why) => {
                    assert!(matches!(why, Unanswered::Damaged), "byte {place}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn whatever_was_written_under_the_right_key_is_read_without_a_panic() {
    let bytes = snapshot();
    let blocks = bytes.len() / BLOCK_BYTES;
    let tag = u64::from_le_bytes(bytes[BODY_BYTES..BLOCK_BYTES].try_into().expect("eight"));
    for place in BLOCK_BYTES..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] = if place.is_multiple_of(2) { 0xff } else { 0 };
        // Bytes between what is written and the end of a block are nobody's.
        let is_filling = place % BLOCK_BYTES >= BODY_BYTES || bytes[place..].iter().take(64).all(|b| *b == 0);
        if is_filling || changed == bytes {
            continue;
        }
        let block = place / BLOCK_BYTES;
        let body = block * BLOCK_BYTES..block * BLOCK_BYTES + BODY_BYTES;
        let check = key().check(&changed[body.clone()], tag, block as u64);
        changed[body.end..body.end + 8].copy_from_slice(&check.to_le_bytes());
        let packed = Packed::open(&*changed, &key()).expect("the first block is as it was");
        assert_eq!(packed.verify(), Ok(()));
        let replica = Replica::new(packed);
        let _ = answers(&replica);
        let mut prepared = prepared();
        let then = Time::from_ms(NOW.as_ms() - 60_000 * 300_000);
        for number in 0..=SUBJECTS {
            let _ = replica.answer_as_of(&mut prepared, device(number), then);
            let _ = replica.past(device(number));
        }
        let _ = replica.merge(origin());
    }
    assert!(blocks > 5);
}

#[test]
fn a_snapshot_that_is_cut_or_longer_is_none() {
    let bytes = snapshot();
    for length in (0..bytes.len()).step_by(97) {
        assert!(Packed::open(&bytes[..length], &key()).is_err(), "{length}");
    }
    let longer: Vec<u8> = bytes.iter().copied().chain([0; BLOCK_BYTES]).collect();
    let (given, expected) = (longer.len() as u64, bytes.len() as u64);
    assert_eq!(Packed::open(longer, &key()).map(|_| ()), Err(SnapshotError::Length { given, expected }));
}

#[test]
fn blocks_cannot_change_places_nor_come_from_another_snapshot() {
    let bytes = snapshot();
    let mut builder = Builder::new(&key(), &history(1));
    builder.add(&Past::empty(device(0))).expect("room");
    let other = builder.finish(Origin { entries: 41, ..origin() }).expect("room");
    let blocks = bytes.len() / BLOCK_BYTES;
    let block = |bytes: &[u8], number: usize| bytes[number * BLOCK_BYTES..(number + 1) * BLOCK_BYTES].to_vec();
    for number in 1..blocks {
        let mut swapped = bytes.clone();
        swapped[number * BLOCK_BYTES..(number + 1) * BLOCK_BYTES]
            .copy_from_slice(&block(&bytes, number % (blocks - 1) + 1));
        assert_eq!(Packed::open(swapped, &key()).expect("the first block").verify(), Err(SnapshotError::Damaged));
        if let Some(block) = other.get(number * BLOCK_BYTES..(number + 1) * BLOCK_BYTES) {
            let mut mixed = bytes.clone();
            mixed[number * BLOCK_BYTES..(number + 1) * BLOCK_BYTES].copy_from_slice(block);
            assert_eq!(Packed::open(mixed, &key()).expect("the first block").verify(), Err(SnapshotError::Damaged));
        }
    }
}

#[test]
fn nothing_is_answered_under_another_key_or_other_policies() {
    let bytes = snapshot();
    let other = PackKey::new(&[2; PACK_KEY_BYTES]);
    assert_eq!(Packed::open(&*bytes, &other).map(|_| ()), Err(SnapshotError::OtherKey));
    let replica = Replica::new(Packed::open(&*bytes, &key()).expect("a snapshot"));
    let question = Question::about("one".parse().expect("a target"));
    let mut asked = Prepared::new(Arc::new(history(2)), question, Context::at(NOW));
    for _ in 0..2 {
        assert_eq!(replica.answer(&mut asked, device(0), NOW), Err(Unanswered::OtherPolicies));
        assert_eq!(replica.allowed(&mut asked, &[device(0)], NOW), Err(Unanswered::OtherPolicies));
    }
}

#[test]
fn of_two_with_one_hash_neither_is_answered_about() {
    let mut builder = Builder::new(&key(), &history(1));
    for _ in 0..2 {
        builder.add(&Past::of_events(&history(1), device(3), &events(3))).expect("room");
    }
    builder.add(&Past::of_events(&history(1), device(4), &events(4))).expect("room");
    let mut replica = Replica::new(Packed::open(builder.finish(origin()).expect("room"), &key()).expect("a snapshot"));
    let mut prepared = prepared();
    assert_eq!(replica.packed().subjects(), 2);
    assert_eq!(replica.answer(&mut prepared, device(3), NOW), Err(Unanswered::NotHeld));
    assert!(replica.answer(&mut prepared, device(4), NOW).is_ok());
    let allowed = replica.allowed(&mut prepared, &[device(4), device(3)], NOW).expect("the same policies");
    assert_eq!((allowed.unanswered, allowed.bits.len()), (vec![(1, Unanswered::NotHeld)], 1));
    assert!(!allowed.bits[0] & 2 != 0, "no answer is no yes");
    // Until it is known again what is known of them.
    replica.keep(&Past::of_events(&history(1), device(3), &events(3))).expect("room");
    let reason = replica.answer(&mut prepared, device(3), NOW).map(|answer| answer.reason);
    assert_eq!(reason, Ok(expected(3).reason));
}

#[test]
fn a_snapshot_says_what_it_stands_for_and_is_the_same_whatever_the_order() {
    let packed = Packed::open(snapshot(), &key()).expect("a snapshot");
    assert_eq!((packed.origin(), packed.policy()), (&origin(), PolicyHash::from_bytes([1; HASH_BYTES])));
    assert_eq!(packed.subjects(), usize::from(SUBJECTS));
    let replica = Replica::new(packed);
    let merged = replica.merge(origin()).expect("room");
    let again = Replica::new(Packed::open(&*merged, &key()).expect("a snapshot"));
    assert_eq!(again.merge(origin()).expect("room"), merged);
    for number in 0..SUBJECTS {
        assert_eq!(again.past(device(number)), replica.past(device(number)));
    }
}

#[test]
fn times_that_lie_too_far_apart_are_kept_elsewhere() {
    let far = Time::from_ms(NOW.as_ms() + (1 << 41));
    let mut builder = Builder::new(&key(), &history(1));
    let event = event(1, 0, Stance::Grant);
    let late = Event { at: far, ..event.clone() };
    builder.add(&Past::of_events(&history(1), device(1), &[event])).expect("room");
    builder.add(&Past::of_events(&history(1), device(2), &[late])).expect("room");
    let replica = Replica::new(Packed::open(builder.finish(origin()).expect("room"), &key()).expect("a snapshot"));
    let merged = Replica::new(Packed::open(replica.merge(origin()).expect("room"), &key()).expect("a snapshot"));
    for replica in [replica, merged] {
        assert_eq!(replica.past(device(2)).expect("known").states()[0].0, far);
        let mut prepared = prepared();
        let year = 365 * 24 * 3_600_000;
        for (now, reason) in [(year - 1, Reason::Given), (year, Reason::NotObjected)] {
            let answer = replica.answer(&mut prepared, device(2), Time::from_ms(far.as_ms() + now)).expect("an answer");
            assert_eq!(answer.reason, reason);
        }
    }
}

#[test]
fn where_the_names_of_two_events_decide_nothing_is_packed() {
    // Both say yes in the same millisecond, but the device's yes is to a policy that was never published.
    let answered = |policy: u8, name: u8| {
        let Event { at, kind } = event(2, 0, Stance::Grant);
        let EventKind::Chosen(choice) = kind else { panic!() };
        let answering =
            Answering { policy: PolicyHash::from_bytes([policy; HASH_BYTES]), ..choice.answering().clone() };
        let stances = vec![("one".parse().expect("a target"), Stance::Grant)];
        let id = EventId::from_parts(at.as_ms(), &[name; 10]);
        Event { at, kind: EventKind::Chosen(Choice::restore(id, answering, stances).expect("a choice")) }
    };
    let account = AccountId::from_bytes([9; HASH_BYTES]);
    let Subject::Device(on) = device(1) else { panic!() };
    let context = Context { jurisdiction: Some("US-CA".parse().expect("a place")), ..Context::at(NOW) };
    let question = Question::about("one".parse().expect("a target"));
    let mut reasons = Vec::new();
    for (of_device, of_account) in [(1, 2), (2, 1)] {
        let (of_device, of_account) = ([answered(9, of_device)], [answered(1, of_account)]);
        let mut builder = Builder::new(&key(), &history(1));
        builder.add(&Past::of_events(&history(1), device(1), &of_device)).expect("room");
        builder.add(&Past::of_events(&history(1), account.into(), &of_account)).expect("room");
        let replica = Replica::new(Packed::open(builder.finish(origin()).expect("room"), &key()).expect("a snapshot"));
        assert_eq!(replica.answer_on(&prepared(), account, on, NOW), Err(Unanswered::NotHeld));
        let both = Record::fold(&of_device).merge(Record::of(account.into(), &of_account));
        reasons.push(decide(&history(1), &both, &question, &context).reason);
        // Nor is it, once both are in one record.
        let mut builder = Builder::new(&key(), &history(1));
        let past = Past::empty(account.into()).then(NOW, both).expect("the first");
        builder.add(&past).expect("room");
        let replica = Replica::new(Packed::open(builder.finish(origin()).expect("room"), &key()).expect("a snapshot"));
        assert_eq!(replica.answer(&mut prepared(), account.into(), NOW), Err(Unanswered::NotHeld));
    }
    assert_eq!(reasons, [Reason::Given, Reason::PolicyReplaced]);
}

#[test]
fn a_transfer_that_runs_out_first_bounds_the_answer_and_then_ends_it() {
    let days = |days: u32| Period::from_minutes(days * 24 * 60).expect("a period");
    let mut parts = history(1).newest().parts().clone();
    let transfer = Purpose {
        kind: PurposeKind::Transfer,
        opt_out_terms: None,
        validity: Some(days(30)),
        ..purpose("two", Control::OptIn, LegalBasis::Consent)
    };
    parts.purposes = vec![purpose("one", Control::OptIn, LegalBasis::Consent), transfer];
    parts.processors = vec![Processor {
        id: "far".parse().expect("a name"),
        name: "Far".into(),
        role: Role::Processor,
        country: "CN".parse().expect("a country"),
        safeguard: Safeguard::ExplicitConsent,
        transfer: Some("two".parse().expect("a name")),
        trains: Training::Never,
        own_use: OwnUse::Never,
        retention: Retention::AfterUse,
        flags: Vec::new(),
        uses: vec![Use { purpose: "one".parse().expect("a name"), data: vec!["content".parse().expect("a name")] }],
    }];
    let policy = Policy::new(parts, PolicyHash::from_bytes([1; HASH_BYTES])).expect("a policy");
    let history = PolicyHistory::from(policy);
    let said = |number: u8, at: Time| {
        let Event { kind, .. } = event(number, 0, Stance::Grant);
        let EventKind::Chosen(choice) = kind else { panic!() };
        let stances = ["one", "one/far", "two"].map(|target| (target.parse().expect("a target"), Stance::Grant));
        let choice = Choice::restore(choice.id(), choice.answering().clone(), stances.into()).expect("a choice");
        Event { at, kind: EventKind::Chosen(choice) }
    };
    // All say the same, the same number of times: they are in one state, at other times.
    let ago = |minutes: u64| Time::from_ms(NOW.as_ms() - minutes * 60_000);
    let day = 24 * 60;
    let ages = [40 * day, 30 * day, 30 * day - 1, 1, 400 * day, 365 * day, 365 * day - 1];
    let mut builder = Builder::new(&key(), &history);
    for (age, number) in ages.into_iter().zip(0..) {
        builder.add(&Past::of_events(&history, device(number), &[said(2, ago(age))])).expect("room");
    }
    let replica = Replica::new(Packed::open(builder.finish(origin()).expect("room"), &key()).expect("a snapshot"));
    assert_eq!(replica.packed().states(), 1);
    let question = Question::about("one/far".parse().expect("a target"));
    let mut asked = Prepared::new(Arc::new(history.clone()), question.clone(), Context::at(NOW));
    let mut reasons = Vec::new();
    for (age, number) in ages.into_iter().zip(0..) {
        let record = Record::fold(&[said(2, ago(age))]);
        let decision = decide(&history, &record, &question, &Context::at(NOW));
        let answer = replica.answer(&mut asked, device(number), NOW).expect("an answer");
        assert_eq!((answer.reason, answer.valid_until), (decision.reason, decision.valid_until), "{age}");
        reasons.push(decision.decided_by.to_string());
    }
    assert_eq!(reasons, ["two", "two", "one/far", "one/far", "one", "one", "two"]);
}
