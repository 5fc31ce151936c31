//! Records as JSON-LD: their very bytes, that they read back exactly, and that what was tampered with is refused.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

use consentry_core::linked::{LINKED_BYTES_MAX, Linked, LinkedError, read, write};
use consentry_core::notice::Notice;
use consentry_core::source::{Published, SourceFile};
use consentry_core::{
    Answering, Choice, Country, Demand, DemandKind, Event, EventId, EventKind, HASH_BYTES, NoticeHash, Period, Policy,
    PolicyHash, PolicyHistory, Regime, Signal, Stance, Subject, Surface, Target, Time,
};
use expect_test::{Expect, expect};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::LazyLock;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// When the first event happened.
const START_MS: u64 = 1_763_800_000_000;

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The golden site under hashes that do not move with the form of a policy or the shared locale.
fn site(regime: Regime) -> (Policy, Notice) {
    let folder = golden().join("site");
    let file = |name: &str| SourceFile {
        name: name.into(),
        text: std::fs::read_to_string(folder.join(name)).expect("a file of the site"),
    };
    let site = Published::parse(&["policy.toml", "en.toml"].map(file)).expect("the site reads");
    let policy = Policy::new(site.policy.parts().clone(), policy_hash()).expect("a policy");
    let mut notice = site.notice(&"en".parse().expect("a language"), regime).expect("a notice").clone();
    notice.hash = NoticeHash::from_bytes([0xb2; HASH_BYTES]);
    (policy, notice)
}

fn policy_hash() -> PolicyHash {
    PolicyHash::from_bytes([0xa1; HASH_BYTES])
}

fn device() -> Subject {
    "device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f".parse().expect("a subject")
}

fn storage() -> Country {
    "IE".parse().expect("a country")
}

/// Event number `n`, made at the start of day `n` and recorded half a second later.
fn event(n: u8, kind: impl FnOnce(EventId) -> EventKind) -> Event {
    let ms = START_MS + u64::from(n) * DAY_MS;
    Event { at: Time::from_ms(ms + 500), kind: kind(EventId::from_parts(ms, &[n; 10])) }
}

fn choice(n: u8, surface: Surface, confirmed: bool, stances: &[(&str, Stance)]) -> Event {
    let stances = stances.iter().map(|(target, stance)| (target.parse().expect("a target"), *stance)).collect();
    let answering = Answering {
        policy: policy_hash(),
        notice: NoticeHash::from_bytes([0xb2; HASH_BYTES]),
        language: "en".parse().expect("a language"),
        surface,
        confirmed,
    };
    event(n, |id| EventKind::Chosen(Choice::restore(id, answering, stances).expect("a choice")))
}

fn demand(n: u8, kind: DemandKind, purpose: Option<&str>, stands: bool) -> Event {
    let purpose = purpose.map(|text| text.parse().expect("a purpose"));
    event(n, |id| EventKind::Demanded(id, Demand { kind, purpose, stands }))
}

fn signal(n: u8) -> Event {
    event(n, |id| EventKind::Signalled(id, Signal::Gpc))
}

use Stance::{Grant, Refuse};

/// One of everything.
fn story() -> Vec<Event> {
    vec![
        choice(
            0,
            Surface::Banner,
            false,
            &[("ai-training", Grant), ("downstream-ai", Grant), ("marketing", Grant), ("marketing/nowhere", Grant)],
        ),
        signal(1),
        choice(
            2,
            Surface::Centre,
            false,
            &[("ai-training", Refuse), ("downstream-ai/near", Grant), ("downstream-ai/far", Refuse)],
        ),
        choice(3, Surface::Page, true, &[("ai-training", Grant)]),
        demand(4, DemandKind::Objection, Some("marketing"), true),
        demand(5, DemandKind::Restriction, None, true),
        demand(6, DemandKind::Restriction, None, false),
    ]
}

fn link(n: u8) -> Event {
    event(n, |id| EventKind::Linked(id, "7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f".parse().expect("a device")))
}

fn now() -> Time {
    Time::from_ms(START_MS + 30 * DAY_MS)
}

#[test]
fn an_accounts_links_and_a_devices_loans_read_back_and_say_nothing_of_consent() {
    let account: Subject = format!("account:{}", "0f".repeat(32)).parse().expect("a subject");
    let granted = choice(1, Surface::Banner, false, &[("ai-training", Grant), ("marketing", Refuse)]);
    let of_choice = granted.id();
    let loan = event(2, |id| EventKind::Lent(id, of_choice));
    for (subject, events, kind, field) in [
        (account, vec![link(0), granted.clone()], "consentry:Link", "consentry:device"),
        (device(), vec![granted, loan], "consentry:Loan", "consentry:choice"),
    ] {
        let text = written(subject, &events, now());
        let read = read(&text).expect("a record");
        assert_eq!((read.subject, &read.events), (subject, &events));
        let record: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let nodes = record["consentry:hasEvent"].as_array().expect("events");
        let node = nodes.iter().find(|node| node["@type"] == kind).expect("the event");
        assert_eq!(node["dpv:hasConsentStatus"], serde_json::json!(["dpv:ConsentUnknown"]));
        let without = text
            .replace(&format!(",\"{field}\":{}", node[field]), "")
            .replace(&format!("\"{field}\":{},", node[field]), "");
        assert_ne!(without, text);
        assert!(
            matches!(consentry_core::linked::read(&without), Err(LinkedError::Missing { field: missing, .. }) if missing == field)
        );
        // What was lent is the account's, and so is its consent.
        let processes = record["dpv:hasProcess"].as_array().expect("processes");
        let training = processes.iter().find(|process| process["dct:identifier"] == "ai-training").expect("training");
        assert_eq!(training["consentry:reason"], if subject == account { "given" } else { "not-given" });
    }
}

/// An account's record, for the peers. Compares with a file that is never written anew within a version of the form.
#[test]
fn an_accounts_record_is_these_bytes() {
    let account: Subject = format!("account:{}", "0f".repeat(32)).parse().expect("a subject");
    let events =
        [link(0), choice(1, Surface::Centre, false, &[("ai-training", Grant)]), event(2, |id| EventKind::Lent(id, id))];
    let text = written(account, &events, now());
    let path = golden().join("account.jsonld");
    let Ok(golden) = std::fs::read_to_string(&path) else {
        std::fs::write(&path, text).expect("the file can be written");
        panic!("account.jsonld was missing and has been written: look at it, and run again");
    };
    assert_eq!(text, golden);
}

fn written(subject: Subject, events: &[Event], now: Time) -> String {
    static SITE: LazyLock<(PolicyHistory, Notice)> = LazyLock::new(|| {
        let (policy, notice) = site(Regime::OptIn);
        (PolicyHistory::from(policy), notice)
    });
    let (history, notice) = &*SITE;
    write(history, notice, subject, events, storage(), now)
}

/// Compares with a file that is never written anew within a version of the form.
#[test]
fn a_record_is_these_bytes() {
    let text = written(device(), &story(), now());
    let path = golden().join("record.jsonld");
    let Ok(golden) = std::fs::read_to_string(&path) else {
        std::fs::write(&path, text).expect("the file can be written");
        panic!("record.jsonld was missing and has been written: look at it, and run again");
    };
    assert_eq!(text, golden);
}

#[test]
fn subject_and_events_read_back_exactly() {
    let account = format!("account:{}", "0f".repeat(32)).parse().expect("a subject");
    let story = story();
    for subject in [device(), account] {
        for most in 0..=story.len() {
            let events = story[..most].to_vec();
            let text = written(subject, &events, now());
            assert_eq!(read(&text), Ok(Linked { subject, events: events.clone() }));
            // However it is spaced and ordered.
            let value: Value = serde_json::from_str(&text).expect("JSON");
            let pretty = serde_json::to_string_pretty(&value).expect("JSON");
            assert_eq!(read(&pretty), Ok(Linked { subject, events }));
        }
    }
}

/// Random histories from a generator that is the same every time.
#[test]
fn whatever_happened_reads_back_exactly() {
    const TARGETS: [&str; 8] = [
        "ai-training",
        "downstream-ai",
        "downstream-ai/near",
        "downstream-ai/far",
        "marketing",
        "analytics",
        "gone",
        "gone/too",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % n as u64).expect("a small number")
    };
    for _ in 0..200 {
        let events: Vec<Event> = (0..below(12))
            .map(|n| {
                let n = u8::try_from(n).expect("few events");
                match below(6) {
                    0 => signal(n),
                    1 => demand(n, DemandKind::Objection, Some("marketing"), below(2) == 0),
                    2 => demand(n, DemandKind::Erasure, None, true),
                    _ => {
                        let stances: Vec<_> = TARGETS
                            .into_iter()
                            .filter_map(|target| [None, Some((target, Grant)), Some((target, Refuse))][below(3)])
                            .collect();
                        let stances = if stances.is_empty() { vec![("marketing", Refuse)] } else { stances };
                        let surface = Surface::ALL[below(Surface::ALL.len())];
                        choice(n, surface, below(2) == 0, &stances)
                    }
                }
            })
            .collect();
        let text = written(device(), &events, now());
        assert_eq!(read(&text), Ok(Linked { subject: device(), events }), "{text}");
    }
}

fn record(events: &[Event], regime: Regime, now: Time) -> Value {
    let (policy, notice) = site(regime);
    let text = write(&PolicyHistory::from(policy), &notice, device(), events, storage(), now);
    serde_json::from_str(&text).expect("JSON")
}

/// The state of the process about `target`.
fn state(record: &Value, target: &str) -> String {
    let processes = record["dpv:hasProcess"].as_array().expect("processes");
    let process = processes.iter().find(|p| p["dct:identifier"] == target).expect("a process about the target");
    process["dpv:hasConsentStatus"].as_str().expect("a state").into()
}

#[test]
fn every_state_is_the_decisions() {
    let granted = || choice(0, Surface::Centre, false, &[("ai-training", Grant), ("marketing", Grant)]);
    let refused = |n| choice(n, Surface::Centre, false, &[("ai-training", Refuse)]);
    let check = |events: &[Event], now: Time, expected: &str| {
        assert_eq!(state(&record(events, Regime::OptIn, now), "ai-training"), expected);
    };
    check(&[], now(), "dpv:ConsentUnknown");
    check(&[granted()], now(), "dpv:ConsentGiven");
    check(&[refused(0)], now(), "dpv:ConsentRefused");
    check(&[granted(), refused(1)], now(), "dpv:ConsentWithdrawn");
    check(
        &[granted(), refused(1), choice(2, Surface::Page, false, &[("ai-training", Grant)])],
        now(),
        "dpv:RenewedConsentGiven",
    );
    check(&[granted()], Time::from_ms(START_MS + 366 * DAY_MS), "dpv:ConsentExpired");
    check(&[granted(), demand(1, DemandKind::Restriction, None, true)], now(), "dpv:ConsentWithdrawn");
    check(&[demand(1, DemandKind::Objection, Some("ai-training"), true)], now(), "dpv:ConsentRefused");
    check(&[granted(), demand(1, DemandKind::Erasure, None, true)], now(), "dpv:ConsentUnknown");
    // What starts on is no consent for as long as nobody has said so.
    let opt_out = record(&[], Regime::OptOut, now());
    assert_eq!(state(&opt_out, "analytics"), "dpv:ConsentUnknown");
    assert_eq!(state(&record(&[refused(0)], Regime::OptIn, now()), "downstream-ai/near"), "dpv:ConsentUnknown");
}

#[test]
fn a_grant_under_a_replaced_policy_is_invalidated() {
    let (policy, notice) = site(Regime::OptIn);
    let mut parts = policy.parts().clone();
    parts.purposes[0].revision += 1;
    let later = Policy::new(parts, PolicyHash::from_bytes([0xa2; HASH_BYTES])).expect("a policy");
    let effective = Time::from_ms(START_MS + 10 * DAY_MS);
    let history = PolicyHistory::from(policy)
        .then(consentry_core::Version { policy: later, published: effective, effective })
        .expect("a history");
    let events = [choice(0, Surface::Centre, false, &[("ai-training", Grant), ("marketing", Grant)])];
    let text = write(&history, &notice, device(), &events, storage(), now());
    let record: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(state(&record, "ai-training"), "dpv:ConsentInvalidated");
    assert_eq!(state(&record, "marketing"), "dpv:ConsentGiven");
    assert_eq!(read(&text).map(|linked| linked.events), Ok(events.to_vec()));
}

#[test]
fn a_record_has_one_process_for_everything_that_can_be_chosen() {
    let (policy, _) = site(Regime::OptIn);
    let targets: Vec<String> = policy.choosable().map(|target: Target| target.to_string()).collect();
    let record = record(&story(), Regime::OptIn, now());
    let processes = record["dpv:hasProcess"].as_array().expect("processes");
    let found: Vec<&str> = processes.iter().filter_map(|p| p["dct:identifier"].as_str()).collect();
    assert_eq!(found, targets);
}

#[test]
fn times_are_utc_with_milliseconds_and_end_with_the_year_9999() {
    let late = Event { at: Time::from_ms(u64::MAX), ..signal(0) };
    let text = written(device(), &[signal(0), late], Time::from_ms(0));
    assert!(text.contains(r#""dct:issued":"1970-01-01T00:00:00.000Z""#));
    assert!(text.contains(r#""consentry:recordedAt":"2025-11-22T08:26:40.500Z""#), "{text}");
    assert!(text.contains(r#""consentry:recordedAt":"9999-12-30T22:00:00.999Z""#));
    assert!(read(&text).is_ok());
    // The furthest time that an id can hold is in the year 10889.
    let far = EventId::from_parts((1 << 48) - 1, &[0; 10]);
    let events = [Event { at: now(), kind: EventKind::Signalled(far, Signal::Gpc) }];
    assert_eq!(read(&written(device(), &events, now())).map(|l| l.events), Ok(events.to_vec()));
}

fn check_refused(from: &str, to: &str, expected: Expect) {
    let text = written(device(), &story(), now());
    assert!(text.contains(from), "{text}");
    let error = read(&text.replacen(from, to, 1)).expect_err("must be refused").to_string();
    expected.assert_eq(error.split(" column").next().unwrap_or_default());
}

#[test]
fn another_kind_of_document_is_refused_by_name() {
    check_refused(
        "\"consentry:version\":1",
        "\"consentry:version\":2",
        expect!["`consentry:version` is 2, and only 1 can be read"],
    );
    check_refused("\"consentry:version\":1,", "", expect!["`consentry:version` is null, and only 1 can be read"]);
    check_refused(
        "dpv:ConsentRecord",
        "dpv:ConsentReceipt",
        expect![[r#"`@type` is "dpv:ConsentReceipt", and only `dpv:ConsentRecord` can be read"#]],
    );
    check_refused(
        "dpv-27560#record\"",
        "dpv-27560#record-eu-gdpr\"",
        expect![[
            r#"`dct:conformsTo` is "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr", and only `https://w3id.org/dpv/schema/dpv-27560#record` can be read"#
        ]],
    );
    check_refused(
        "https://w3id.org/dpv#",
        "https://w3id.org/dpx#",
        expect!["`@context` is not the one that records are written with"],
    );
    check_refused(
        "\"consentry:version\"",
        "\"dct:rights\":\"x\",\"consentry:version\"",
        expect![
            "unknown field `dct:rights`, expected one of `@id`, `dpv:hasDataSubject`, `consentry:hasEvent`, `@context`, `@type`, `consentry:version`, `dct:conformsTo`, `dct:identifier`, `dct:issued`, `dpv:hasConsentControl`, `dpv:hasDataController`, `dpv:hasNotice`, `dpv:hasProcess`, `dpv:hasStorageCondition` at line 1"
        ],
    );
    check_refused(
        "device:7f",
        "device:7F",
        expect![
            "`device:7F9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f`: expected `device:` and a version 4 UUID in lower case with hyphens, or `account:` and 64 hexadecimal digits at line 1"
        ],
    );
    check_refused(
        "#subject\",\"@type\"",
        "#somebody\",\"@type\"",
        expect!["`dpv:hasDataSubject`: `@id` is not `urn:uuid:a266575b-5e8c-8170-9985-d4ea2ecdec17#subject`"],
    );
    check_refused(
        "dpv:DataSubject",
        "dpv:Adult",
        expect!["unknown variant `dpv:Adult`, expected `dpv:DataSubject` at line 1"],
    );
    assert!(matches!(read("[]"), Err(LinkedError::Form(_))));
    assert!(matches!(read("{}"), Err(LinkedError::Type { .. })));
    assert!(matches!(read(&"[".repeat(100_000)), Err(LinkedError::Form(_))));
    let long = written(device(), &[], now()).replace("device:7f", &"?".repeat(1_000_000));
    assert!(matches!(read(&long), Err(LinkedError::Form(message)) if message.len() < 1_100));
    let given = LINKED_BYTES_MAX + 1;
    assert_eq!(read(&" ".repeat(given)), Err(LinkedError::TooLong { given }));
}

#[test]
fn an_event_that_was_tampered_with_is_refused_with_its_number() {
    check_refused(
        "\"consentry:says\":\"refuse\"",
        "\"consentry:says\":\"grant\"",
        expect!["event 3: `consentry:stance` does not follow from the rest of the event, and of those before"],
    );
    check_refused(
        "\"consentry:says\":\"refuse\"",
        "\"consentry:says\":\"maybe\"",
        expect!["event 3: `maybe`: expected one of `grant`, `refuse` at line 1"],
    );
    check_refused(
        "dpv:ConsentWithdrawn\"}",
        "dpv:ConsentGiven\"}",
        expect!["event 3: `consentry:stance` does not follow from the rest of the event, and of those before"],
    );
    check_refused(
        "\"consentry:confirmed\":true",
        "\"consentry:confirmed\":false",
        expect!["event 4: `dpv:hasLegalBasis` does not follow from the rest of the event, and of those before"],
    );
    check_refused("\"consentry:confirmed\":true,", "", expect!["event 4: no `consentry:confirmed`"]);
    check_refused(
        "\"consentry:sequence\":2",
        "\"consentry:sequence\":3",
        expect!["event 2: `consentry:sequence` does not follow from the rest of the event, and of those before"],
    );
    check_refused(
        "\"consentry:Signal\"",
        "\"consentry:Wish\"",
        expect![
            "event 2: unknown variant `consentry:Wish`, expected one of `consentry:Choice`, `consentry:Signal`, `consentry:Demand`, `consentry:Link`, `consentry:Loan` at line 1"
        ],
    );
    check_refused("\"consentry:Signal\"", "\"consentry:Demand\"", expect!["event 2: no `consentry:demand`"]);
    check_refused(
        "\"consentry:signal\":\"gpc\"",
        "\"consentry:signal\":\"gpc\",\"consentry:stands\":true",
        expect!["event 2: `consentry:stands` does not follow from the rest of the event, and of those before"],
    );
    check_refused(
        "\"consentry:signal\":\"gpc\"",
        "\"consentry:signal\":\"gpc\",\"also\":true",
        expect![
            "event 2: unknown field `also`, expected one of `@id`, `@type`, `dct:identifier`, `consentry:sequence`, `dpv:isIndicatedAtTime`, `consentry:recordedAt`, `dpv:isIndicatedBy`, `dpv:hasIndicationMethod`, `dpv:hasLegalBasis`, `dpv:hasConsentStatus`, `dpv:hasDuration`, `consentry:policyHash`, `consentry:noticeHash`, `dpv:hasNotice`, `dct:language`, `consentry:confirmed`, `consentry:stance`, `consentry:signal`, `consentry:demand`, `consentry:purpose`, `consentry:stands`, `consentry:device`, `consentry:choice` at line 1"
        ],
    );
    check_refused(
        "\"consentry:signal\":\"gpc\"",
        "\"consentry:signal\":\"dnt\"",
        expect!["event 2: `dnt`: expected one of `gpc` at line 1"],
    );
    check_refused(
        "\"dpv:hasIndicationMethod\":\"page\"",
        "\"dpv:hasIndicationMethod\":\"dream\"",
        expect!["event 4: `dpv:hasIndicationMethod`: expected one of `banner`, `centre`, `page`, `script`, `import`"],
    );
    check_refused(
        "2025-11-22T08:26:40.000Z",
        "2025-11-22T08:26:40.001Z",
        expect!["event 1: `dpv:isIndicatedAtTime` does not follow from the rest of the event, and of those before"],
    );
    check_refused(
        "2025-11-22T08:26:40.500Z",
        "2025-11-22T09:26:40.500+01:00",
        expect![
            "event 1: `2025-11-22T09:26:40.500+01:00`: expected a time such as `2026-11-22T10:00:00.000Z` at line 1"
        ],
    );
    check_refused(
        "2025-11-22T08:26:40.500Z",
        "yesterday",
        expect!["event 1: `yesterday`: expected a time such as `2026-11-22T10:00:00.000Z` at line 1"],
    );
    check_refused(
        "\"consentry:demand\":\"restriction\",\"consentry:recordedAt\":\"2025-11-28",
        "\"consentry:demand\":\"erasure\",\"consentry:recordedAt\":\"2025-11-28",
        expect!["event 7: an erasure has no purpose and cannot be lifted"],
    );
    check_refused(
        "{\"consentry:says\":\"grant\",\"consentry:target\":\"ai-training\",\"dpv:hasConsentStatus\":\"dpv:ConsentGiven\"}",
        "[\"ai-training\",\"grant\",\"dpv:ConsentGiven\"]",
        expect!["event 1: invalid type: sequence, expected an object at line 1"],
    );
    check_refused(
        "\"consentry:demand\":\"objection\",\"consentry:purpose\":\"marketing\"",
        "\"consentry:demand\":\"erasure\",\"consentry:purpose\":\"marketing\"",
        expect!["event 5: an erasure has no purpose and cannot be lifted"],
    );
    check_refused(
        "\"consentry:target\":\"downstream-ai\"",
        "\"consentry:target\":\"ai-training\"",
        expect!["event 1: `consentry:stance` does not follow from the rest of the event, and of those before"],
    );
}

#[test]
fn no_text_makes_the_reader_panic() {
    let text = written(device(), &story()[1..2], now());
    // Every byte would take a minute.
    for at in (0..text.len()).step_by(7).filter(|at| text.is_char_boundary(*at)) {
        assert!(read(&text[..at]).is_err());
        for put in ["\"", "{", "9", "null"] {
            let mut changed = text.clone();
            changed.insert_str(at, put);
            let _ = read(&changed);
        }
    }
}

#[test]
fn a_choice_counts_for_as_long_as_the_shortest_of_what_it_is_about() {
    let record = record(&story(), Regime::OptIn, now());
    let validity = |n: usize| record["consentry:hasEvent"][n]["dpv:hasDuration"].clone();
    assert_eq!(validity(0)["rdf:value"]["@value"], "P180D");
    assert_eq!(validity(3)["rdf:value"]["@value"], "P365D");
    assert_eq!(validity(4)["@type"], "dpv:EndlessDuration");
    assert_eq!("180 days".parse::<Period>().map(|p| p.as_minutes()), Ok(180 * 24 * 60));
}
