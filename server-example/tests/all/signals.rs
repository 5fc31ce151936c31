//! `POST /v1/sites/{site}/signals`

use crate::house::*;
use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

const PATH: &str = "/v1/sites/adforge/signals";

fn signal(fields: Value) -> Value {
    let mut signal = json!({ "v": 1, "id": new_id(), "signal": "gpc" });
    signal.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    signal
}

async fn post(house: &House, browser: &Browser, signal: &Value) -> Answer {
    house.send(with_json(browser.request(Method::POST, PATH), signal)).await
}

#[tokio::test]
async fn r23_a_signal_is_kept_and_the_record_shows_it() {
    let house = House::new();
    let browser = Browser::new();
    let sent = signal(json!({}));
    let answer = post(&house, &browser, &sent).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.json(), json!({ "v": 1, "id": sent["id"], "seq": 0, "recorded_at_ms": START_MS }));
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(answer.header("cache-control"), "no-store");
    let record = house.send(browser.get_record()).await.json();
    let event = json!({ "type": "signalled", "seq": 0, "at_ms": START_MS, "id": sent["id"], "signal": "gpc" });
    assert_eq!(record["events"], json!([event]));
    assert_eq!(house.counts(), (1, 1));
}

#[tokio::test]
async fn the_same_signal_again_gets_the_same_answer_whenever_it_comes() {
    let house = House::new();
    let browser = Browser::new();
    let sent = signal(json!({}));
    let first = post(&house, &browser, &sent).await;
    house.move_clock(DAY_MS);
    let again = post(&house, &browser, &sent).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, first.json()));
    post(&house, &Browser::new(), &sent).await.problem(409, "id-reused");
    let choice = house.choice(json!({ "id": sent["id"], "outcome": "all-refused" }));
    house.post(&browser, &choice).await.problem(409, "id-reused");
    assert_eq!(house.counts(), (1, 1));
}

#[tokio::test]
async fn only_whoever_came_first_speaks_for_the_subject() {
    let house = House::new();
    let browser = Browser::new();
    post(&house, &browser, &signal(json!({}))).await;
    post(&house, &browser.impostor(), &signal(json!({}))).await.problem(403, "wrong-secret");
    let choice = house.choice(json!({ "outcome": "all-refused" }));
    house.post(&browser.impostor(), &choice).await.problem(403, "wrong-secret");
    let nobody = axum::http::Request::post(PATH).header(header::ORIGIN, ORIGIN);
    house.send(with_json(nobody, &signal(json!({})))).await.problem(401, "wrong-secret");
    assert_eq!(house.counts(), (1, 1));
}

#[tokio::test]
async fn what_is_not_a_signal_is_malformed_and_foreign_pages_say_nothing() {
    let house = House::new();
    let browser = Browser::new();
    for fields in
        [json!({ "signal": "dnt" }), json!({ "v": 2 }), json!({ "id": "1" }), json!({ "purpose": "marketing" })]
    {
        post(&house, &browser, &signal(fields)).await.problem(400, "malformed");
    }
    let long = json!({ "signal": "g".repeat(4096) });
    post(&house, &browser, &signal(long)).await.problem(413, "too-large");
    let mut foreign = with_json(browser.request(Method::POST, PATH), &signal(json!({})));
    foreign.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    house.send(foreign).await.problem(403, "foreign-origin");
    assert_eq!(house.counts(), (0, 0));
}
