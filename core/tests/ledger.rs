//! Leaves and payloads: their very bytes, what is refused, and that they say nothing of anybody once the salt is gone.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

use consentry_core::ledger::{
    Commitment, LEAF_BYTES_MAX, Leaf, LeafError, PAYLOAD_BYTES_MAX, Payload, Salt, TIME_MS_MAX,
};
use consentry_core::wire::EventDoc;
use consentry_core::{
    Answering, Choice, Demand, DemandKind, DeviceId, Event, EventId, EventKind, HASH_BYTES, NoticeHash, PolicyHash,
    STANCES_MAX, Signal, SiteId, Stance, Subject, Surface, Target, Time,
};
use expect_test::{Expect, expect};

const SALT: Salt = Salt([0x5a; 32]);

fn site() -> SiteId {
    "golden".parse().expect("a site")
}

fn subject() -> Subject {
    "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f".parse().expect("a subject")
}

fn id(n: u8) -> EventId {
    EventId::from_parts(1_763_800_000_000 + u64::from(n), &[n; 10])
}

fn answering() -> Answering {
    Answering {
        policy: PolicyHash::from_bytes([0xa1; HASH_BYTES]),
        notice: NoticeHash::from_bytes([0xb2; HASH_BYTES]),
        language: "en".parse().expect("a language"),
        surface: Surface::Centre,
        confirmed: true,
    }
}

fn target(text: &str) -> Target {
    text.parse().expect("a target")
}

fn chosen() -> Event {
    let stances = vec![
        (target("marketing"), Stance::Refuse),
        (target("downstream-ai/near"), Stance::Grant),
        (target("downstream-ai"), Stance::Grant),
    ];
    let choice = Choice::restore(id(1), answering(), stances).expect("a choice");
    Event { at: Time::from_ms(1_763_800_000_250), kind: EventKind::Chosen(choice) }
}

fn demanded(kind: DemandKind, purpose: Option<&str>, stands: bool) -> Event {
    let purpose = purpose.map(|text| text.parse().expect("a purpose"));
    Event { at: Time::from_ms(7), kind: EventKind::Demanded(id(2), Demand { kind, purpose, stands }) }
}

fn payload(event: Event) -> Payload {
    Payload::new(site(), subject(), event).expect("a payload")
}

/// Compares with a file that is never written anew within a version: whoever holds an old leaf must find the same bytes.
fn check_golden(name: &str, bytes: &[u8]) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let Ok(golden) = std::fs::read(&path) else {
        std::fs::write(&path, bytes).expect("the file can be written");
        panic!("{name} was missing and has been written: look at it, and run again");
    };
    assert_eq!(String::from_utf8_lossy(bytes), String::from_utf8_lossy(&golden), "{name}");
    assert_eq!(bytes, golden, "{name}");
}

#[test]
fn leaf_payload_and_hashes_are_these_bytes() {
    let payload = payload(chosen());
    let leaf = Leaf::committing_to(&SALT, &payload);
    check_golden("payload.json", payload.as_bytes());
    check_golden("leaf.json", &leaf.to_bytes());
    let hash: String = leaf.hash().iter().map(|byte| format!("{byte:02x}")).collect();
    let salt: String = SALT.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let hashes = format!(r#"{{"commitment":"{}","leaf_hash":"{hash}","salt":"{salt}"}}"#, leaf.commitment());
    check_golden("hashes.json", hashes.as_bytes());
}

#[test]
fn a_leaf_shows_nothing_but_site_time_and_commitment() {
    let leaf = Leaf::committing_to(&SALT, &payload(chosen()));
    let text = String::from_utf8(leaf.to_bytes()).expect("a text");
    expect![[r#"{"at_ms":1763800000250,"commitment":"HEX","site":"golden","v":1}"#]]
        .assert_eq(&text.replace(&leaf.commitment().to_string(), "HEX"));
    assert_eq!(leaf.site(), &site());
    assert_eq!(leaf.at(), chosen().at);
}

fn events() -> Vec<Event> {
    vec![
        chosen(),
        Event { at: Time::from_ms(0), kind: EventKind::Signalled(id(3), Signal::Gpc) },
        Event { at: Time::from_ms(TIME_MS_MAX), kind: EventKind::Signalled(id(4), Signal::Gpc) },
        demanded(DemandKind::Objection, None, true),
        demanded(DemandKind::Restriction, Some("marketing"), false),
        demanded(DemandKind::Erasure, None, true),
        Event { at: Time::from_ms(8), kind: EventKind::Linked(id(5), linked_device()) },
        Event { at: Time::from_ms(9), kind: EventKind::Lent(id(6), id(1)) },
    ]
}

fn linked_device() -> DeviceId {
    "7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f".parse().expect("a device")
}

#[test]
fn links_and_loans_are_these_bytes() {
    for (kind, expected) in [
        (
            EventKind::Linked(id(5), linked_device()),
            expect![[
                r#"{"event":{"at_ms":7,"device":"7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f","id":"ID","type":"linked"},"site":"golden","subject":"SUBJECT","v":1}"#
            ]],
        ),
        (
            EventKind::Lent(id(5), id(1)),
            expect![[
                r#"{"event":{"at_ms":7,"choice_id":"CHOICE","id":"ID","type":"lent"},"site":"golden","subject":"SUBJECT","v":1}"#
            ]],
        ),
    ] {
        let payload = payload(Event { at: Time::from_ms(7), kind });
        let text = String::from_utf8(payload.as_bytes().to_vec()).expect("a text");
        let text = text.replace(&id(5).to_string(), "ID").replace(&id(1).to_string(), "CHOICE");
        expected.assert_eq(&text.replace(&subject().to_string(), "SUBJECT"));
    }
}

/// As any other implementation would make it: by a canonicalizer that knows nothing of payloads.
fn canonicalized(subject: Subject, event: &Event) -> Vec<u8> {
    let doc = serde_json::json!({ "v": 1, "site": site(), "subject": subject, "event": EventDoc::from(event) });
    serde_json_canonicalizer::to_vec(&doc).expect("canonical JSON")
}

/// A choice about every purpose and processor whose name has up to two of these letters: what sorts before `/`, what sorts after it, and
/// what begins with another's whole name.
fn about_everything() -> Event {
    let letters = ["-", "0", "a", "z"];
    let pairs = letters.iter().flat_map(|one| letters.iter().map(move |other| format!("{one}{other}")));
    let names: Vec<String> = letters.iter().map(ToString::to_string).chain(pairs).collect();
    let of_processors = names.iter().flat_map(|purpose| names.iter().map(move |one| format!("{purpose}/{one}")));
    let stances = names.iter().cloned().chain(of_processors).zip([Stance::Grant, Stance::Refuse].into_iter().cycle());
    let stances: Vec<_> = stances.map(|(name, stance)| (target(&name), stance)).collect();
    assert!(stances.len() <= STANCES_MAX);
    let answering = Answering { confirmed: false, ..answering() };
    let choice = Choice::restore(id(7), answering, stances).expect("a choice");
    Event { at: Time::from_ms(10), kind: EventKind::Chosen(choice) }
}

#[test]
fn a_payload_is_what_a_canonicalizer_makes_of_it_whatever_happened_and_whenever_it_is_dated() {
    let account = format!("account:{}", "0f".repeat(32)).parse().expect("a subject");
    for event in events().into_iter().chain([about_everything()]) {
        for subject in [subject(), account] {
            let payload = Payload::new(site(), subject, event.clone()).expect("a payload");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(text(payload.as_bytes()), text(&canonicalized(subject, &event)));
            for ms in [0, 9, 10, 1_763_800_000_251, TIME_MS_MAX] {
                let dated = payload.clone().dated(Time::from_ms(ms)).expect("a payload");
                let event = Event { at: Time::from_ms(ms), ..event.clone() };
                assert_eq!(text(dated.as_bytes()), text(&canonicalized(subject, &event)));
                assert_eq!(dated, Payload::new(site(), subject, event).expect("a payload"));
            }
            let given = TIME_MS_MAX + 1;
            assert_eq!(payload.dated(Time::from_ms(given)), Err(LeafError::Time { given }));
        }
    }
}

#[test]
fn payload_and_leaf_read_back_as_they_were_written() {
    let account = format!("account:{}", "0f".repeat(32)).parse().expect("a subject");
    for event in events() {
        for subject in [subject(), account] {
            let payload = Payload::new(site(), subject, event.clone()).expect("a payload");
            let back = Payload::from_bytes(payload.as_bytes()).expect("reads back");
            assert_eq!(back, payload);
            assert_eq!((back.site(), back.subject(), back.event()), (&site(), subject, &event));
            assert_eq!(back.into_event(), event);
            let leaf = Leaf::committing_to(&SALT, &payload);
            assert_eq!(Leaf::from_bytes(&leaf.to_bytes()), Ok(leaf.clone()));
            assert_eq!(Leaf::new(site(), event.at, leaf.commitment()), Ok(leaf));
        }
    }
}

#[test]
fn a_leaf_proves_its_own_payload_under_its_own_salt_and_no_other() {
    let payload = payload(chosen());
    let leaf = Leaf::committing_to(&SALT, &payload);
    assert!(leaf.proves(&SALT, &payload));
    let mut other_salt = SALT.clone();
    other_salt.0[31] ^= 1;
    assert!(!leaf.proves(&other_salt, &payload));
    let other_site = Payload::new("silver".parse().expect("a site"), subject(), chosen()).expect("a payload");
    assert!(!leaf.proves(&SALT, &other_site));
    // A leaf whose own time differs from its payload's proves nothing, though it commits to it.
    let moved = Leaf::new(site(), Time::from_ms(1), leaf.commitment()).expect("a leaf");
    assert!(!moved.proves(&SALT, &payload));
    assert_ne!(moved.hash(), leaf.hash());
}

#[test]
fn r19_what_is_left_after_an_erasure_is_the_same_for_everybody() {
    let of = |event: Event, salt: u8| Leaf::committing_to(&Salt([salt; 32]), &payload(event));
    let at = Time::from_ms(7);
    let lengths: Vec<usize> = [demanded(DemandKind::Erasure, None, true), Event { at, ..chosen() }]
        .into_iter()
        .zip(1..)
        .map(|(event, salt)| of(event, salt).to_bytes().len())
        .collect();
    assert_eq!(lengths[0], lengths[1]);
    // The same said twice gives two commitments, so that not even that shows.
    assert_ne!(of(chosen(), 1).commitment(), of(chosen(), 2).commitment());
    assert_eq!(format!("{SALT:?}"), "Salt(..)");
}

#[test]
fn the_longest_choice_has_a_payload_and_the_longest_leaf_fits() {
    let long = |n: usize| format!("{n:0>64}");
    let stances =
        (0..STANCES_MAX).map(|n| (target(&format!("{}/{}", long(n), long(n))), Stance::Refuse)).collect::<Vec<_>>();
    let answering =
        Answering { language: "abc-12345678-12345678-12345678-1234".parse().expect("a tag"), ..answering() };
    let choice = Choice::restore(id(1), answering, stances).expect("a choice");
    let event = Event { at: Time::from_ms(TIME_MS_MAX), kind: EventKind::Chosen(choice) };
    let site: SiteId = long(0).parse().expect("a site");
    let subject = format!("account:{}", "0f".repeat(32)).parse().expect("a subject");
    let payload = Payload::new(site, subject, event).expect("a payload");
    assert!(payload.as_bytes().len() > PAYLOAD_BYTES_MAX / 2, "{}", payload.as_bytes().len());
    assert!(Leaf::committing_to(&SALT, &payload).to_bytes().len() <= LEAF_BYTES_MAX);
}

#[test]
fn a_time_that_json_cannot_say_is_refused() {
    let given = TIME_MS_MAX + 1;
    let event = Event { at: Time::from_ms(given), ..chosen() };
    assert_eq!(Payload::new(site(), subject(), event), Err(LeafError::Time { given }));
    let commitment = Commitment::from_bytes([0; 32]);
    assert_eq!(Leaf::new(site(), Time::from_ms(u64::MAX), commitment), Err(LeafError::Time { given: u64::MAX }));
}

#[test]
fn a_leaf_in_other_bytes_is_none() {
    let leaf = String::from_utf8(Leaf::committing_to(&SALT, &payload(chosen())).to_bytes()).expect("a text");
    let check = |from: &str, to: &str, expected: Expect| {
        assert!(leaf.contains(from), "{leaf}");
        let changed = leaf.replacen(from, to, 1);
        expected.assert_eq(&Leaf::from_bytes(changed.as_bytes()).expect_err("must be refused").to_string());
    };
    check("{", "{ ", expect!["not the canonical form (RFC 8785): it differs from byte 1 on"]);
    check("\"v\":1}", "\"v\":1}\n", expect!["not the canonical form (RFC 8785): it differs from byte 125 on"]);
    check("golden", "g\\u006flden", expect!["not the canonical form (RFC 8785): it differs from byte 112 on"]);
    check("\"v\":1", "\"v\":2", expect!["expected version 1 at line 1 column 125"]);
    check("\"v\":1", "\"v\":1.0", expect!["invalid type: floating point `1.0`, expected u8 at line 1 column 126"]);
    check(
        "\"v\"",
        "\"note\":\"x\",\"v\"",
        expect!["unknown field `note`, expected one of `v`, `site`, `at_ms`, `commitment` at line 1 column 125"],
    );
    check("\"at_ms\"", "\"at_ms\":7,\"at_ms\"", expect!["duplicate field `at_ms` at line 1 column 18"]);
    check(
        "1763800000250",
        "9007199254740992",
        expect!["a time of 9007199254740992 ms, and 9007199254740991 is the last that can be written"],
    );
    check("1763800000250", "-1", expect!["invalid value: integer `-1`, expected u64 at line 1 column 11"]);
    check(
        "golden",
        "Golden",
        expect!["`Golden`: expected 1 to 64 characters of `a` to `z`, `0` to `9` and `-` at line 1 column 118"],
    );
    let commitment = Leaf::from_bytes(leaf.as_bytes()).expect("a leaf").commitment().to_string();
    check(
        &commitment,
        &commitment.to_uppercase(),
        expect!["`commitment`: expected a SHA-256 hash as 64 lower-case hexadecimal digits"],
    );
    check(
        &commitment,
        &commitment[1..],
        expect!["`commitment`: expected a SHA-256 hash as 64 lower-case hexadecimal digits"],
    );
}

#[test]
fn a_payload_in_other_bytes_is_none() {
    let payload = String::from_utf8(payload(chosen()).as_bytes().to_vec()).expect("a text");
    let check = |from: &str, to: &str, expected: Expect| {
        assert!(payload.contains(from), "{payload}");
        let changed = payload.replacen(from, to, 1);
        expected.assert_eq(&Payload::from_bytes(changed.as_bytes()).expect_err("must be refused").to_string());
    };
    check(
        "\"event\":{",
        "\"event\":{\"also\":1,",
        expect!["not the canonical form (RFC 8785): it differs from byte 12 on"],
    );
    check(
        "\"site\"",
        "\"also\":1,\"site\"",
        expect!["unknown field `also`, expected one of `v`, `site`, `subject`, `event` at line 1 column 406"],
    );
    check(
        "\"confirmed\":true",
        "\"confirmed\":true,\"outcome\":null",
        expect!["invalid type: null, expected a string at line 1 column 414"],
    );
    check(
        "\"confirmed\":true",
        "\"confirmed\":true,\"outcome\":\"all-granted\"",
        expect!["the event contradicts itself: expected either `outcome` or `stances`"],
    );
    check(
        "\"type\":\"chosen\"",
        "\"type\":\"forgotten\"",
        expect![
            "unknown variant `forgotten`, expected one of `chosen`, `signalled`, `demanded`, `linked`, `lent` at line 1 column 401"
        ],
    );
    check(
        "device:7f",
        "device:7F",
        expect![
            "`device:7F9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f`: expected `device:` and a version 4 UUID in lower case with hyphens, or `account:` and 64 hexadecimal digits at line 1 column 471"
        ],
    );
    // The same choice, but for the order in which it was said.
    check(
        r#""downstream-ai":"grant","downstream-ai/near":"grant""#,
        r#""downstream-ai/near":"grant","downstream-ai":"grant""#,
        expect!["not the canonical form (RFC 8785): it differs from byte 296 on"],
    );
    // An erasure has no purpose and cannot be lifted.
    let erasure = self::payload(demanded(DemandKind::Erasure, None, true));
    let lifted = String::from_utf8_lossy(erasure.as_bytes())
        .replace("\"demand\":\"erasure\"", "\"demand\":\"erasure\",\"lifted\":true");
    assert!(matches!(Payload::from_bytes(lifted.as_bytes()), Err(LeafError::Event(_))));
}

#[test]
fn what_is_far_too_long_is_not_even_looked_at() {
    let max = LEAF_BYTES_MAX;
    assert_eq!(Leaf::from_bytes(&vec![b' '; max + 1]), Err(LeafError::TooLong { given: max + 1, max }));
    let max = PAYLOAD_BYTES_MAX;
    assert_eq!(Payload::from_bytes(&vec![b'['; max + 1]), Err(LeafError::TooLong { given: max + 1, max }));
    // Deep rather than long.
    assert!(matches!(Payload::from_bytes(&vec![b'['; max]), Err(LeafError::Form(_))));
}

#[test]
fn no_bytes_make_a_reader_panic_and_a_changed_byte_never_passes_for_the_same() {
    let payload = payload(chosen());
    let leaf = Leaf::committing_to(&SALT, &payload).to_bytes();
    for at in 0..leaf.len() {
        for change in [0x01, 0x20, 0x80, 0xff] {
            let mut changed = leaf.clone();
            changed[at] ^= change;
            assert_ne!(Leaf::from_bytes(&changed).map(|l| l.to_bytes()).ok(), Some(leaf.clone()));
        }
        assert!(Leaf::from_bytes(&leaf[..at]).is_err());
    }
    for at in 0..payload.as_bytes().len() {
        for change in [0x01, 0x20, 0x80, 0xff] {
            let mut changed = payload.as_bytes().to_vec();
            changed[at] ^= change;
            assert_ne!(Payload::from_bytes(&changed).ok(), Some(payload.clone()));
        }
        assert!(Payload::from_bytes(&payload.as_bytes()[..at]).is_err());
    }
}
