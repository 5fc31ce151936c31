//! `/v1/sites/{site}/cases`

use crate::house::*;
use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

const PATH: &str = "/v1/sites/adforge/cases";

fn case(right: &str) -> Value {
    json!({ "v": 1, "id": new_id(), "right": right, "note": "which data of mine went to Kling?" })
}

/// A house that knows where its visitors are.
fn house() -> House {
    House::with(|config| config.jurisdiction_header = Some("x-country".parse().unwrap()))
}

async fn open(house: &House, browser: &Browser, place: &str, case: &Value) -> Answer {
    let request = browser.request(Method::POST, PATH).header("x-country", place);
    house.send(with_json(request, case)).await
}

async fn own(house: &House, browser: &Browser) -> Answer {
    house.send(browser.request(Method::GET, PATH).body(Body::empty()).unwrap()).await
}

async fn change(house: &House, key: &str, id: &Value, fields: Value) -> Answer {
    let mut body = json!({ "v": 1 });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    house.call(key, Method::POST, &format!("{PATH}/{}", id.as_str().unwrap()), Some(&body)).await
}

#[tokio::test]
async fn r20_a_case_is_due_by_the_law_of_the_place() {
    let house = house();
    // START_MS is 22 November 2025, 08:26:40 at Greenwich.
    for (place, due, latest) in [
        ("DE", 30 * DAY_MS, Some(92 * DAY_MS)),
        ("US-CA", 45 * DAY_MS, Some(90 * DAY_MS)),
        ("CA-QC", 30 * DAY_MS, None),
        ("nowhere", 30 * DAY_MS, Some(92 * DAY_MS)),
    ] {
        let answer = open(&house, &Browser::new(), place, &case("access")).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let opened = answer.json();
        assert_eq!(opened["due_at_ms"], START_MS + due, "{place}");
        assert_eq!(opened.get("latest_at_ms"), latest.map(|ms| json!(START_MS + ms)).as_ref(), "{place}");
        assert_eq!((&opened["state"], &opened["overdue"]), (&json!("received"), &json!(false)));
    }
}

#[tokio::test]
async fn a_person_sees_what_became_of_their_cases_and_nobody_elses() {
    let house = house();
    let (browser, other) = (Browser::new(), Browser::new());
    let asked = case("access");
    let opened = open(&house, &browser, "DE", &asked).await.json();
    let again = open(&house, &browser, "DE", &asked).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, opened.clone()));
    open(&house, &other, "DE", &case("complaint")).await;
    let admin = house.new_key_to("admin");
    let refusal = json!({ "state": "refused", "reason": "we hold nothing of that kind" });
    assert_eq!(change(&house, &admin, &asked["id"], refusal).await.json()["subject"], browser.subject());
    let cases = own(&house, &browser).await.json();
    assert_eq!(cases["cases"].as_array().unwrap().len(), 1);
    let shown = &cases["cases"][0];
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("refused"), &json!("we hold nothing of that kind")));
    own(&house, &browser.impostor()).await.problem(403, "wrong-secret");
    open(&house, &browser.impostor(), "DE", &case("access")).await.problem(403, "wrong-secret");
    // The one who opens a case speaks for the subject, also before anything is chosen.
    assert_eq!(own(&house, &Browser::new()).await.json(), json!({ "v": 1, "cases": [] }));
}

#[tokio::test]
async fn those_that_are_overdue_come_first_and_extensions_are_told_in_time() {
    let house = house();
    let admin = house.new_key_to("admin");
    let (slow, quick, done) = (case("access"), case("portability"), case("rectification"));
    open(&house, &Browser::new(), "US-CA", &slow).await;
    open(&house, &Browser::new(), "DE", &done).await;
    house.move_clock(DAY_MS);
    open(&house, &Browser::new(), "DE", &quick).await;
    change(&house, &admin, &done["id"], json!({ "state": "done" })).await;
    let list = async |query: &str| {
        let answer = house.call(&admin, Method::GET, &format!("{PATH}/all{query}"), None).await.json();
        let cases = answer["cases"].as_array().unwrap().clone();
        cases.into_iter().map(|case| (case["id"].clone(), case["overdue"] == true)).collect::<Vec<_>>()
    };
    let (slow_id, quick_id) = (slow["id"].clone(), quick["id"].clone());
    assert_eq!(list("").await, [(quick_id.clone(), false), (slow_id.clone(), false)]);
    assert_eq!(list("?state=done").await, [(done["id"].clone(), false)]);

    change(&house, &admin, &quick_id, json!({ "state": "extended" })).await.problem(409, "case-state");
    house.move_clock(31 * DAY_MS);
    assert_eq!(list("").await, [(quick_id.clone(), true), (slow_id.clone(), false)]);
    let why = json!({ "state": "extended", "reason": "there are many of them" });
    change(&house, &admin, &quick_id, why.clone()).await.problem(409, "case-state");
    let extended = change(&house, &admin, &slow_id, why.clone()).await.json();
    assert_eq!(extended["due_at_ms"], START_MS + 90 * DAY_MS);
    change(&house, &admin, &slow_id, why).await.problem(409, "case-state");
    change(&house, &admin, &slow_id, json!({ "state": "in-progress" })).await;
    assert_eq!(change(&house, &admin, &slow_id, json!({ "state": "done" })).await.json()["state"], "done");
    assert_eq!(list("").await, [(quick_id, true)]);
}

#[tokio::test]
async fn what_is_no_case_is_refused() {
    let house = house();
    let (browser, admin) = (Browser::new(), house.new_key_to("admin"));
    for fields in [
        json!({ "right": "marketing" }),
        json!({ "note": "" }),
        json!({ "note": "a".repeat(2_001) }),
        json!({ "state": "done" }),
        json!({ "id": "1" }),
    ] {
        let mut wrong = case("access");
        wrong.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        open(&house, &browser, "DE", &wrong).await.problem(400, "malformed");
    }
    let asked = case("access");
    open(&house, &browser, "DE", &asked).await;
    let mut reused = asked.clone();
    reused["right"] = json!("complaint");
    open(&house, &browser, "DE", &reused).await.problem(409, "id-reused");
    for _ in 1..20 {
        assert_eq!(open(&house, &browser, "DE", &case("other")).await.status, StatusCode::CREATED);
    }
    open(&house, &browser, "DE", &case("other")).await.problem(422, "too-many-cases");
    change(&house, &admin, &json!(new_id()), json!({ "state": "done" })).await.problem(404, "not-found");
    change(&house, &admin, &json!("x"), json!({ "state": "done" })).await.problem(404, "not-found");
    change(&house, &admin, &asked["id"], json!({ "state": "lost" })).await.problem(400, "malformed");
    for scopes in ["ask", "write", "export"] {
        let key = house.new_key_to(scopes);
        house.call(&key, Method::GET, &format!("{PATH}/all"), None).await.problem(403, "wrong-key");
        change(&house, &key, &asked["id"], json!({ "state": "done" })).await.problem(403, "wrong-key");
    }
    house.call(&admin, Method::GET, &format!("{PATH}/all?due=now"), None).await.problem(400, "malformed");
    let mut foreign = with_json(browser.request(Method::POST, PATH), &case("access"));
    foreign.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    house.send(foreign).await.problem(403, "foreign-origin");
}

#[tokio::test]
async fn r19_cases_go_with_their_subject() {
    let house = house();
    let browser = Browser::new();
    open(&house, &browser, "DE", &case("access")).await;
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let erasure = json!({ "v": 1, "id": new_id(), "demand": "erasure" });
    house.send(with_json(browser.request(Method::POST, "/v1/sites/adforge/demands"), &erasure)).await;
    assert_eq!(own(&house, &browser).await.json()["cases"], json!([]));
    let count: i64 = house.database().query_row("SELECT count(*) FROM cases", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
}
