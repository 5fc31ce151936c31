//! `POST /v1/sites/{site}/decisions`

use crate::house::*;
use crate::record::break_record;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use consentry_server::ApiKey;
use serde_json::{Value, json};

const PATH: &str = "/v1/sites/adforge/decisions";

/// The decision on one question, which must be answered.
async fn decision(house: &House, key: &str, question: Value) -> Value {
    let answer = house.ask(key, &question).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_grant_allows_with_its_duties_and_what_it_rests_on() {
    let house = House::new();
    let (browser, key) = (Browser::new(), house.new_key());
    let receipt = house
        .choose(&browser, json!({ "stances": { "downstream-ai": "grant", "downstream-ai/kling": "grant" } }))
        .await;
    let question = json!({ "subject": browser.subject(), "purpose": "downstream-ai", "processor": "kling", "data": "product-images", "jurisdiction": "DE" });
    let expected = json!({
        "v": 1, "allow": true, "reason": "given", "decided_by": "downstream-ai/kling", "basis": "consent",
        "regime": "opt-in", "policy": receipt["policy"], "events": [receipt["id"]],
        "obligations": [
            { "type": "delete-after-use" }, { "type": "no-training" }, { "type": "no-own-use" },
            { "type": "transfer-safeguard", "country": "CN", "safeguard": "standard-contractual-clauses" },
        ],
        "features_lost": [], "valid_until_ms": START_MS + 5 * MINUTE_MS,
    });
    assert_eq!(decision(&house, &key, question).await, expected);
}

#[tokio::test]
async fn a_withdrawal_denies_and_says_what_is_lost() {
    let house = House::new();
    let (browser, key) = (Browser::new(), house.new_key());
    let ask =
        |processor: &str| json!({ "subject": browser.subject(), "purpose": "downstream-ai", "processor": processor });
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    house.choose(&browser, json!({ "stances": { "downstream-ai/kling": "refuse" } })).await;
    let kling = decision(&house, &key, ask("kling")).await;
    assert_eq!((&kling["allow"], &kling["reason"]), (&json!(false), &json!("withdrawn")));
    assert_eq!(kling["features_lost"], json!(["advanced-animation"]));
    assert_eq!(kling["obligations"], json!([]));
    assert_eq!(decision(&house, &key, ask("gemini")).await["allow"], true);
}

#[tokio::test]
async fn r16_somebody_nobody_has_heard_of_is_denied_not_an_error() {
    let house = House::new();
    let key = house.new_key();
    let subject = Browser::new().subject();
    let marketing = decision(&house, &key, json!({ "subject": subject, "purpose": "marketing" })).await;
    assert_eq!((&marketing["allow"], &marketing["reason"]), (&json!(false), &json!("not-given")));
    assert_eq!(
        decision(&house, &key, json!({ "subject": subject, "purpose": "security" })).await["reason"],
        "notified"
    );
}

#[tokio::test]
async fn r34_what_the_policy_does_not_know_is_denied_with_the_reason() {
    let house = House::new();
    let (browser, key) = (Browser::new(), house.new_key());
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    for (question, reason) in [
        (json!({ "purpose": "ai-trainign" }), "unknown-purpose"),
        (json!({ "purpose": "downstream-ai", "processor": "sora" }), "unknown-processor"),
        (json!({ "purpose": "marketing", "processor": "kling" }), "processor-not-used"),
        (json!({ "purpose": "marketing", "data": "dreams" }), "unknown-data"),
        (json!({ "purpose": "ai-training", "data": "network-logs" }), "purpose-limited"),
    ] {
        let mut question = question;
        question["subject"] = json!(browser.subject());
        let decision = decision(&house, &key, question).await;
        assert_eq!((&decision["allow"], &decision["reason"]), (&json!(false), &json!(reason)));
    }
}

#[tokio::test]
async fn r12_a_choice_holds_to_the_millisecond_and_no_longer() {
    let house = House::new();
    let (browser, key) = (Browser::new(), house.new_key());
    let receipt = house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let question = || json!({ "subject": browser.subject(), "purpose": "marketing" });
    house.move_clock(365 * DAY_MS - 1);
    let last = decision(&house, &key, question()).await;
    assert_eq!((&last["allow"], &last["reason"]), (&json!(true), &json!("given")));
    // R35: nobody may rely on it for longer than the choice itself holds.
    assert_eq!(last["valid_until_ms"], receipt["expires_at_ms"]);
    house.move_clock(1);
    let expired = decision(&house, &key, question()).await;
    assert_eq!((&expired["allow"], &expired["reason"]), (&json!(false), &json!("expired")));
}

#[tokio::test]
async fn a_grant_under_a_replaced_policy_no_longer_counts() {
    let house = House::new();
    let (browser, key) = (Browser::new(), house.new_key());
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let router = house.under(vec![adforge_with("validity = \"365 days\"", "validity = \"180 days\"")]);
    let question = json!({ "subject": browser.subject(), "purpose": "marketing" });
    assert_eq!(send(&router, ask(&key, &question)).await.json()["reason"], "policy-replaced");
}

#[tokio::test]
async fn where_the_subject_is_decides_on_the_regime() {
    let house = House::new();
    let key = house.new_key();
    for (jurisdiction, regime, reason) in
        [("US-CA", "opt-out", "not-objected"), ("DE", "opt-in", "not-given"), ("ZZ", "opt-in", "not-given")]
    {
        let question =
            json!({ "subject": Browser::new().subject(), "purpose": "analytics", "jurisdiction": jurisdiction });
        let decision = decision(&house, &key, question).await;
        assert_eq!((&decision["regime"], &decision["reason"]), (&json!(regime), &json!(reason)));
    }
}

#[tokio::test]
async fn a_decision_is_explained_to_the_person_and_to_the_engineer() {
    let (house, browser) = (House::new(), Browser::new());
    house.choose(&browser, json!({ "outcome": "all-refused" })).await;
    let key = house.new_key();
    let question = json!({ "subject": browser.subject(), "purpose": "marketing", "explain": "de-AT" });
    let answer = house.ask(&key, &question).await.json();
    let explanation = &answer["explanation"];
    assert_eq!(explanation["language"], "de");
    let title = &house.boot("/adforge.js?lang=de", &[]).await["texts"]["purpose.marketing.title"];
    let sentence = explanation["sentence"].as_str().unwrap();
    assert!(title.as_str().is_none_or(|title| sentence.contains(title)) && sentence.ends_with('.'), "{sentence}");
    let line = explanation["line"].as_str().unwrap();
    assert!(line.starts_with("deny marketing: refused; regime opt-in, basis consent"), "{line}");
    // What it says is no part of what is decided, and a language that the policy has not gets its first.
    let plain = house.ask(&key, &json!({ "subject": browser.subject(), "purpose": "marketing" })).await.json();
    let mut bare = answer.clone();
    bare.as_object_mut().unwrap().remove("explanation");
    assert_eq!(bare, plain);
    let many =
        json!({ "questions": [{ "subject": browser.subject(), "purpose": "marketing", "explain": "tlh" }, question] });
    let many = house.ask(&key, &many).await.json();
    assert_eq!(many["decisions"][0]["explanation"]["language"], "en");
    assert_eq!(many["decisions"][1], answer);
}

#[tokio::test]
async fn a_thousand_questions_are_answered_in_their_order() {
    let house = House::new();
    let key = house.new_key();
    let browsers: Vec<Browser> = (0..40).map(|_| Browser::new()).collect();
    for browser in browsers.iter().step_by(2) {
        house.choose(browser, json!({ "stances": { "marketing": "grant" } })).await;
    }
    // Each subject several times, with two purposes, out of order.
    let asked: Vec<(usize, &str)> =
        (0..1000).map(|i| (i * 7 % 40, if i % 3 == 0 { "ai-training" } else { "marketing" })).collect();
    let questions: Vec<Value> =
        asked.iter().map(|(who, purpose)| json!({ "subject": browsers[*who].subject(), "purpose": purpose })).collect();
    let answer = decision(&house, &key, json!({ "questions": questions })).await;
    assert_eq!(answer["v"], 1);
    let decisions = answer["decisions"].as_array().unwrap();
    assert_eq!(decisions.len(), 1000);
    for ((who, purpose), decision) in asked.iter().zip(decisions) {
        assert_eq!(decision["decided_by"], *purpose);
        assert_eq!(decision["allow"], *purpose == "marketing" && who % 2 == 0);
    }
    assert_eq!(decision(&house, &key, json!({ "questions": [] })).await, json!({ "v": 1, "decisions": [] }));
}

#[tokio::test]
async fn the_same_about_many_is_decided_and_explained_once_for_all_who_are_alike() {
    let house = House::new();
    let key = house.new_key();
    let (granted, refused, stranger) = (Browser::new(), Browser::new(), Browser::new());
    house.choose(&granted, json!({ "outcome": "all-granted" })).await;
    house.choose(&refused, json!({ "outcome": "all-refused" })).await;
    let subjects = [&refused, &granted, &stranger, &granted, &refused].map(Browser::subject);
    let question = json!({ "subjects": subjects, "purpose": "marketing", "explain": "de-AT" });
    let answer = house.ask(&key, &question).await.json();
    let answers: Vec<u64> = answer["answers"].as_array().unwrap().iter().map(|place| place.as_u64().unwrap()).collect();
    assert_eq!(answers, [0, 1, 2, 1, 0]);
    let decisions = answer["decisions"].as_array().unwrap();
    let reasons: Vec<&str> = decisions.iter().map(|decision| decision["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["refused", "given", "not-given"]);
    assert!(decisions.iter().all(|decision| decision["events"] == json!([])));
    assert!(decisions.iter().all(|decision| decision["explanation"]["language"] == "de"));
    let nobody = house.ask(&key, &json!({ "subjects": [], "purpose": "marketing" })).await.json();
    assert_eq!((&nobody["decisions"], &nobody["answers"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn what_is_not_a_question_is_malformed() {
    let house = House::new();
    let key = house.new_key();
    let subject = Browser::new().subject();
    let one = json!({ "subject": subject, "purpose": "marketing" });
    for (ask, detail) in [
        (json!({}), "expected one question"),
        (json!({ "subject": subject }), "expected one question"),
        (json!({ "subject": subject, "purpose": "downstream-ai", "processr": "kling" }), "unknown field `processr`"),
        (json!({ "questions": [one], "subject": subject, "purpose": "marketing" }), "expected one question"),
        (json!({ "questions": vec![one.clone(); 1001] }), "more than 1000 questions"),
        (json!({ "subjects": vec![&subject; 1001], "purpose": "marketing" }), "more than 1000 questions"),
        (json!({ "subjects": [subject] }), "expected one question"),
        (json!({ "subjects": [subject], "subject": subject, "purpose": "marketing" }), "expected one question"),
        (json!({ "subjects": [subject], "device": &subject[7..], "purpose": "marketing" }), "expected one question"),
        (json!({ "subjects": [subject], "questions": [one] }), "expected one question"),
        (json!({ "subject": "account:7", "purpose": "marketing" }), "expected `device:`"),
        (json!({ "subject": subject.to_uppercase(), "purpose": "marketing" }), "expected `device:`"),
        (json!({ "subject": subject, "purpose": "marketing", "jurisdiction": "Germany" }), "expected a country"),
    ] {
        let answer = house.ask(&key, &ask).await;
        let problem = answer.problem(400, "malformed");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
        assert!(!answer.text().to_lowercase().contains(&subject[7..]), "{problem}");
    }
    let large = Request::post(PATH).header(header::AUTHORIZATION, format!("Bearer {key}"));
    let large = large.header(header::CONTENT_TYPE, "application/json");
    house.send(large.body(Body::from(" ".repeat(512 * 1024 + 1))).unwrap()).await.problem(413, "too-large");
}

#[tokio::test]
async fn only_a_key_of_this_site_may_ask() {
    let house = House::new();
    let key = house.new_key();
    let question = json!({ "subject": Browser::new().subject(), "purpose": "security" });
    for authorization in ["", "Bearer", "Bearer ck_", &key, &format!("Basic {key}"), &format!("Bearer {}", &key[3..])] {
        let request = Request::post(PATH).header(header::AUTHORIZATION, authorization);
        let answer = house.send(with_json(request, &question)).await;
        answer.problem(401, "wrong-key");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    house.send(with_json(Request::post(PATH), &question)).await.problem(401, "wrong-key");
    let unknown = ApiKey::generate().unwrap().reveal();
    house.ask(&unknown, &question).await.problem(403, "wrong-key");

    let router = house.under(vec![adforge(), adforge_with("site = \"adforge\"", "site = \"other\"")]);
    let of_other = Request::post("/v1/sites/other/decisions").header(header::AUTHORIZATION, format!("Bearer {key}"));
    send(&router, with_json(of_other, &question)).await.problem(403, "wrong-key");
    let nowhere = Request::post("/v1/sites/nobody/decisions").header(header::AUTHORIZATION, format!("Bearer {key}"));
    house.send(with_json(nowhere, &question)).await.problem(404, "unknown-site");
}

#[tokio::test]
async fn r34_a_broken_record_allows_nothing_and_neither_does_a_batch_with_it() {
    let house = House::new();
    let (browser, whole, key) = (Browser::new(), Browser::new(), house.new_key());
    for browser in [&browser, &whole] {
        house.choose(browser, json!({ "outcome": "all-granted" })).await;
    }
    break_record(&house, &browser);
    let question = |browser: &Browser| json!({ "subject": browser.subject(), "purpose": "marketing" });
    house.ask(&key, &question(&browser)).await.problem(503, "unavailable");
    house.ask(&key, &json!({ "questions": [question(&whole), question(&browser)] })).await.problem(503, "unavailable");
    assert_eq!(decision(&house, &key, question(&whole)).await["allow"], true);
}

#[tokio::test]
async fn r34_a_store_that_does_not_answer_allows_nothing() {
    let house = House::new();
    let (browser, key) = (Browser::new(), house.new_key());
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    house.database().execute("DROP TABLE payloads", []).unwrap();
    let question = json!({ "subject": browser.subject(), "purpose": "marketing" });
    let answer = house.ask(&key, &question).await;
    answer.problem(503, "unavailable");
    assert!(!answer.text().contains("payloads"), "{}", answer.text());
    // Not even what needs no choice: the answer would not say what the subject has said.
    let question = json!({ "subject": browser.subject(), "purpose": "security" });
    house.ask(&key, &question).await.problem(503, "unavailable");
}
