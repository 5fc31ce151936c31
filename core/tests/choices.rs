//! Drafts become choices, choices become JSON and come back; what is not as it should be is refused.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on should say so at once")]

use consentry_core::source::{Published, SourceFile};
use consentry_core::wire::{
    AskDoc, ChoiceDoc, DecisionDoc, EventDoc, Outcome, PolicyDoc, QUESTIONS_MAX, StancesDoc, V1,
};
use consentry_core::{
    Answering, Choice, ChoiceError, Context, Draft, Event, EventId, EventKind, Parts, Policy, PolicyHash, Question,
    Record, STANCES_MAX, Stance, Surface, Target, Time, decide,
};
use expect_test::{Expect, expect};

fn adforge() -> Published {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/adforge");
    let read = |name: &str| SourceFile {
        name: name.into(),
        text: std::fs::read_to_string(folder.join(name)).expect("a file of the policy"),
    };
    Published::parse(&["policy.toml", "en.toml", "de.toml", "fr.toml"].map(read)).expect("the policy reads")
}

fn target(text: &str) -> Target {
    text.parse().expect("a target")
}

fn answering(site: &Published) -> Answering {
    let notice = &site.notices[0];
    Answering {
        policy: site.policy.hash(),
        notice: notice.hash,
        language: notice.language.clone(),
        surface: Surface::Centre,
        confirmed: false,
    }
}

const ID: &str = "0198c0de-0000-7000-8000-000000000001";

fn id() -> EventId {
    ID.parse().expect("an id")
}

fn commit(stances: &[(&str, Stance)]) -> Result<Choice, ChoiceError> {
    let site = adforge();
    let draft = stances.iter().fold(Draft::new(answering(&site)), |d, (t, s)| d.with(target(t), *s));
    draft.commit(&site.history, id())
}

#[test]
fn a_draft_that_answers_the_policy_becomes_a_choice() {
    let choice = commit(&[("marketing", Stance::Refuse), ("downstream-ai/kling", Stance::Grant)]).expect("a choice");
    let stances = [(target("downstream-ai/kling"), Stance::Grant), (target("marketing"), Stance::Refuse)];
    assert_eq!(choice.stances(), stances);
    assert_eq!(choice.id(), id());
}

#[test]
fn a_draft_that_does_not_is_refused() {
    check_refused(&[], expect!["a choice needs at least one stance"]);
    check_refused(&[("profiling", Stance::Grant)], expect!["the policy has no purpose `profiling`"]);
    check_refused(&[("security", Stance::Refuse)], expect!["purpose `security` is not a matter of choice"]);
    check_refused(&[("marketing/kling", Stance::Grant)], expect!["purpose `marketing` employs no processor `kling`"]);
    check_refused(
        &[("downstream-ai/runway", Stance::Grant)],
        expect!["purpose `downstream-ai` employs no processor `runway`"],
    );
}

fn check_refused(stances: &[(&str, Stance)], expected: Expect) {
    expected.assert_eq(&commit(stances).expect_err("must be refused").to_string());
}

#[test]
fn a_draft_of_another_policy_is_superseded() {
    let site = adforge();
    let given = PolicyHash::from_bytes([9; 32]);
    let answering = Answering { policy: given, ..answering(&site) };
    let draft = Draft::all(answering, &site.policy, Stance::Grant);
    let current = site.policy.hash();
    assert_eq!(draft.commit(&site.history, id()), Err(ChoiceError::Superseded { given, current }));
}

#[test]
fn r8_a_draft_changes_one_target_at_a_time() {
    let site = adforge();
    let all = Draft::all(answering(&site), &site.policy, Stance::Grant);
    let one_off = all.clone().with(target("downstream-ai/kling"), Stance::Refuse);
    for t in site.policy.choosable() {
        let expected = if t == target("downstream-ai/kling") { Stance::Refuse } else { Stance::Grant };
        assert_eq!((all.stance(&t), one_off.stance(&t)), (Some(Stance::Grant), Some(expected)), "{t}");
    }
}

#[test]
fn a_choice_has_no_more_stances_than_its_limit() {
    let stance = |n: usize| (format!("p{n}").parse().expect("a target"), Stance::Grant);
    let site = adforge();
    let stances = |n: usize| (0..n).map(stance).collect::<Vec<_>>();
    assert!(Choice::restore(id(), answering(&site), stances(STANCES_MAX)).is_ok());
    let too_many = Choice::restore(id(), answering(&site), stances(STANCES_MAX + 1));
    assert_eq!(too_many, Err(ChoiceError::TooMany));
    assert_eq!(Choice::restore(id(), answering(&site), Vec::new()), Err(ChoiceError::Empty));
}

#[test]
fn a_choice_is_written_as_the_wire_has_it() {
    let zero = PolicyHash::from_bytes([0; 32]);
    let answering = Answering {
        policy: zero,
        notice: consentry_core::NoticeHash::from_bytes([0xab; 32]),
        language: "de".parse().expect("a language"),
        surface: Surface::Banner,
        confirmed: false,
    };
    let stances = vec![(target("downstream-ai"), Stance::Grant), (target("downstream-ai/kling"), Stance::Refuse)];
    let choice = Choice::restore(id(), answering, stances).expect("a choice");
    let event = Event { at: Time::from_ms(1_763_800_000_000), kind: EventKind::Chosen(choice) };
    let json = serde_json::to_string(&EventDoc::from(&event)).expect("JSON");
    // Golden: the bytes of version 1 never change.
    expect![[r#"{"type":"chosen","at_ms":1763800000000,"choice":{"v":1,"id":"0198c0de-0000-7000-8000-000000000001","policy":"0000000000000000000000000000000000000000000000000000000000000000","notice":"abababababababababababababababababababababababababababababababab","language":"de","surface":"banner","stances":{"downstream-ai":"grant","downstream-ai/kling":"refuse"}}}"#]].assert_eq(&json);
    let back: EventDoc = serde_json::from_str(&json).expect("reads back");
    assert_eq!(Event::try_from(back), Ok(event));
}

#[test]
fn an_outcome_by_name_is_spelt_out_by_the_policy() {
    let site = adforge();
    for (outcome, stance) in [(Outcome::AllGranted, Stance::Grant), (Outcome::AllRefused, Stance::Refuse)] {
        let doc = ChoiceDoc { outcome: Some(outcome), stances: None, ..doc(&site) };
        let (draft, id) = doc.into_draft(&site.policy).expect("a draft");
        let choice = draft.commit(&site.history, id).expect("a choice");
        assert_eq!(choice.stances().len(), site.policy.choosable().count());
        assert!(choice.stances().iter().all(|(_, s)| *s == stance));
    }
}

fn doc(site: &Published) -> ChoiceDoc {
    let Answering { policy, notice, language, surface, confirmed } = answering(site);
    let stances = Some(StancesDoc(vec![(target("marketing"), Stance::Grant)]));
    ChoiceDoc { v: V1, id: id(), policy, notice, language, surface, confirmed, outcome: None, stances }
}

#[test]
fn a_choice_that_says_both_or_neither_is_refused() {
    let site = adforge();
    for (outcome, stances) in [(None, None), (Some(Outcome::AllGranted), doc(&site).stances)] {
        let doc = ChoiceDoc { outcome, stances, ..doc(&site) };
        assert!(doc.clone().into_draft(&site.policy).is_err());
        assert!(doc.into_choice().is_err());
    }
}

#[test]
fn json_that_could_be_misread_is_not_read() {
    let site = adforge();
    let json = serde_json::to_value(doc(&site)).expect("JSON").to_string();
    let read = |json: &str| serde_json::from_str::<ChoiceDoc>(json).map_err(|e| e.to_string());
    assert!(read(&json).is_ok());
    let check = |from: &str, to: &str, expected: Expect| {
        assert!(json.contains(from), "{json}");
        let error = read(&json.replacen(from, to, 1)).expect_err("must be refused");
        let error = error.split(" at line").next().unwrap_or_default();
        expected.assert_eq(error.split(", expected one of `v`").next().unwrap_or_default());
    };
    check("\"v\":1", "\"v\":2", expect!["expected version 1"]);
    check("\"v\":1", "\"v\":1,\"at\":3", expect!["unknown field `at`"]);
    check("\"grant\"", "\"granted\"", expect!["`granted`: expected one of `grant`, `refuse`"]);
    check(
        "\"marketing\":\"grant\"",
        "\"marketing\":\"grant\",\"marketing\":\"refuse\"",
        expect!["a target is named twice"],
    );
    check(
        "\"marketing\":\"grant\"",
        "\"Marketing\":\"grant\"",
        expect!["`Marketing`: expected `purpose` or `purpose/processor`"],
    );
    check(
        "-7000-",
        "-4000-",
        expect!["`0198c0de-0000-4000-8000-000000000001`: expected a version 7 UUID in lower case with hyphens"],
    );
    check(
        "\"centre\"",
        "\"toast\"",
        expect!["`toast`: expected one of `banner`, `centre`, `page`, `script`, `import`"],
    );
}

#[test]
fn a_question_is_one_or_many_and_never_misspelt() {
    let read = |json: &str| serde_json::from_str::<AskDoc>(json).map_err(|e| e.to_string());
    let one =
        r#"{"subject":"device:7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f","purpose":"downstream-ai","processor":"kling"}"#;
    assert!(matches!(read(one), Ok(AskDoc::One(_))));
    assert!(matches!(read(&format!("{{\"questions\":[{one},{one}]}}")), Ok(AskDoc::Many(q)) if q.len() == 2));
    for wrong in [
        one.replace("processor", "processer"),
        one.replace("\"purpose\":\"downstream-ai\",", ""),
        one.replace("device:7f", "device:"),
        one.replace("kling", "KLING"),
        format!("{{\"questions\":[{one}],\"data\":\"prompts\"}}"),
        format!("{{\"questions\":[{}]}}", vec![one; QUESTIONS_MAX + 1].join(",")),
        "{}".into(),
        "[]".into(),
    ] {
        assert!(read(&wrong).is_err(), "{}", wrong.get(..200).unwrap_or(&wrong));
    }
}

#[test]
fn a_policy_goes_to_the_browser_and_comes_back_the_same() {
    let site = adforge();
    let json = serde_json::to_string(&PolicyDoc::from(site.policy.parts())).expect("JSON");
    let back: PolicyDoc = serde_json::from_str(&json).expect("reads back");
    assert_eq!(Policy::new(Parts::from(back), site.policy.hash()), Ok(site.policy));
}

#[test]
fn a_decision_is_written_as_the_wire_has_it() {
    let site = adforge();
    let choice =
        commit(&[("downstream-ai", Stance::Grant), ("downstream-ai/kling", Stance::Refuse)]).expect("a choice");
    let event = Event { at: Time::from_ms(1_000), kind: EventKind::Chosen(choice) };
    let ask = |processor: &str| {
        let question = Question::about(target(&format!("downstream-ai/{processor}")));
        let context = Context::at(Time::from_ms(2_000));
        let decision = decide(&site.history, &Record::fold([&event]), &question, &context);
        let json = serde_json::to_string(&DecisionDoc::from(decision)).expect("JSON");
        json.replace(&site.policy.hash().to_string(), "HASH")
    };
    expect![[r#"{"v":1,"allow":false,"reason":"refused","decided_by":"downstream-ai/kling","basis":"consent","regime":"opt-in","policy":"HASH","events":["0198c0de-0000-7000-8000-000000000001"],"obligations":[],"features_lost":["advanced-animation"],"valid_until_ms":302000}"#]].assert_eq(&ask("kling"));
}
