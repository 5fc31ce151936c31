//! `POST /v1/sites/{site}/demands`

use crate::house::*;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

const PATH: &str = "/v1/sites/adforge/demands";

fn demand(fields: Value) -> Value {
    let mut demand = json!({ "v": 1, "id": new_id() });
    demand.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    demand
}

async fn post(house: &House, browser: &Browser, demand: &Value) -> Answer {
    house.send(with_json(browser.request(Method::POST, PATH), demand)).await
}

async fn reason(house: &House, browser: &Browser, purpose: &str) -> Value {
    let key = house.new_key();
    house.ask(&key, &json!({ "subject": browser.subject(), "purpose": purpose })).await.json()["reason"].clone()
}

#[tokio::test]
async fn r21_an_objection_holds_at_once_and_until_it_is_lifted() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let objection = demand(json!({ "demand": "objection" }));
    let answer = post(&house, &browser, &objection).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.json(), json!({ "v": 1, "id": objection["id"], "seq": 1, "recorded_at_ms": START_MS }));
    assert_eq!(reason(&house, &browser, "marketing").await, "objected");
    assert_eq!(reason(&house, &browser, "analytics").await, "given");
    house.move_clock(1);
    let lifted = demand(json!({ "demand": "objection", "lifted": true }));
    assert_eq!(post(&house, &browser, &lifted).await.status, StatusCode::CREATED);
    assert_eq!(reason(&house, &browser, "marketing").await, "given");
    let record = house.send(browser.get_record()).await.json();
    assert_eq!(record["events"][1]["demand"], "objection");
    assert_eq!(record["events"][2]["lifted"], true);
}

#[tokio::test]
async fn a_restriction_may_be_of_one_purpose_and_an_erasure_is_of_all() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    post(&house, &browser, &demand(json!({ "demand": "restriction", "purpose": "analytics" }))).await;
    assert_eq!(reason(&house, &browser, "analytics").await, "restricted");
    assert_eq!(reason(&house, &browser, "marketing").await, "given");
    house.move_clock(1);
    assert_eq!(post(&house, &browser, &demand(json!({ "demand": "erasure" }))).await.status, StatusCode::CREATED);
    assert_eq!(reason(&house, &browser, "marketing").await, "erased");
}

#[tokio::test]
async fn the_same_demand_again_gets_the_same_answer_and_another_by_its_id_none() {
    let house = House::new();
    let browser = Browser::new();
    let objection = demand(json!({ "demand": "objection" }));
    let first = post(&house, &browser, &objection).await;
    house.move_clock(DAY_MS);
    let again = post(&house, &browser, &objection).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, first.json()));
    for other in [json!({ "demand": "restriction" }), json!({ "lifted": true }), json!({ "purpose": "marketing" })] {
        let mut changed = objection.clone();
        changed.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        post(&house, &browser, &changed).await.problem(409, "id-reused");
    }
    assert_eq!(house.counts(), (1, 1));
}

#[tokio::test]
async fn what_cannot_be_demanded_is_refused() {
    let house = House::new();
    let browser = Browser::new();
    for fields in [
        json!({ "demand": "erasure", "lifted": true }),
        json!({ "demand": "erasure", "purpose": "marketing" }),
        json!({ "demand": "access" }),
        json!({ "demand": "objection", "purposes": [] }),
        json!({}),
    ] {
        post(&house, &browser, &demand(fields)).await.problem(400, "malformed");
    }
    let unknown = demand(json!({ "demand": "objection", "purpose": "a-purpose-of-nobodys" }));
    post(&house, &browser, &unknown).await.problem(422, "unknown-purpose");
    let objection = demand(json!({ "demand": "objection" }));
    post(&house, &browser, &objection).await;
    post(&house, &browser.impostor(), &demand(json!({ "demand": "erasure" }))).await.problem(403, "wrong-secret");
    let mut foreign = with_json(browser.request(Method::POST, PATH), &demand(json!({ "demand": "erasure" })));
    foreign.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    house.send(foreign).await.problem(403, "foreign-origin");
    assert_eq!(house.counts(), (1, 1));
}
