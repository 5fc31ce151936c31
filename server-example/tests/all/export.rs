//! `GET` and `POST /v1/sites/{site}/export`

use crate::house::*;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use consentry_core::linked;
use serde_json::{Value, json};

const PATH: &str = "/v1/sites/adforge/export";

fn get_export(browser: &Browser, accept: &str) -> Request<Body> {
    let request = browser.request(Method::GET, PATH).header(header::ACCEPT, accept);
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn r19_a_browser_takes_along_all_that_is_kept_of_it() {
    let house = House::new();
    let (browser, other) = (Browser::new(), Browser::new());
    let granted = house.choice(json!({ "stances": { "marketing": "grant" } }));
    house.post(&browser, &granted).await;
    house.choose(&other, json!({ "outcome": "all-granted" })).await;
    let case = json!({ "v": 1, "id": new_id(), "right": "access", "note": "all of it, please" });
    house.send(with_json(browser.request(Method::POST, "/v1/sites/adforge/cases"), &case)).await;
    house.move_clock(5);
    let answer = house.send(get_export(&browser, "*/*")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut export = answer.json();
    let cases = export.as_object_mut().unwrap().remove("cases").unwrap();
    assert_eq!((&cases[0]["note"], cases.as_array().unwrap().len()), (&json!("all of it, please"), 1));
    let expected = json!({
        "v": 1, "site": "adforge", "subject": browser.subject(), "policy": house.published.policy.hash(),
        "exported_at_ms": START_MS + 5,
        "events": [{ "type": "chosen", "seq": 0, "at_ms": START_MS, "choice": granted }],
    });
    assert_eq!(export, expected);
    for accept in ["application/ld+json;q=0", "application/json", "text/html, */*"] {
        let answer = house.send(get_export(&browser, accept)).await;
        assert_eq!(answer.header("content-type"), "application/json", "{accept}");
    }
}

#[tokio::test]
async fn r18_as_json_ld_it_reads_back_as_what_was_said() {
    let house = House::with(|config| config.storage_country = "DE".parse().ok());
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    house.choose(&browser, json!({ "stances": { "marketing": "refuse" } })).await;
    let answer = house.send(get_export(&browser, "text/html;q=0.1, application/ld+json")).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/ld+json"));
    let text = answer.text();
    assert!(text.contains("loc:DE"), "{text}");
    let read = linked::read(&text).unwrap();
    assert_eq!((read.subject.to_string(), read.events.len()), (browser.subject(), 2));
}

#[tokio::test]
async fn a_pseudonym_alone_takes_nothing_along() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    house.send(get_export(&browser.impostor(), "*/*")).await.problem(403, "wrong-secret");
    let mut foreign = get_export(&browser, "*/*");
    foreign.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    house.send(foreign).await.problem(403, "foreign-origin");
    let unknown = house.send(get_export(&Browser::new(), "*/*")).await.json();
    assert_eq!((&unknown["events"], &unknown["cases"]), (&json!([]), &json!([])));
    assert_eq!(house.counts(), (1, 1));
}

#[tokio::test]
async fn a_back_end_exports_with_its_scope_and_gets_the_same() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&Browser::new(), json!({ "outcome": "all-granted" })).await;
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    house.choose(&browser, json!({ "outcome": "all-refused" })).await;
    let wanted = json!({ "v": 1, "subject": browser.subject() });
    let key = house.new_key_to("export");
    let answer = house.call(&key, Method::POST, PATH, Some(&wanted)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json(), house.send(get_export(&browser, "*/*")).await.json());
    let seqs: Vec<Value> = answer.json()["events"].as_array().unwrap().iter().map(|e| e["seq"].clone()).collect();
    assert_eq!(seqs, [1, 2]);
    for scopes in ["ask", "write", "admin"] {
        let key = house.new_key_to(scopes);
        house.call(&key, Method::POST, PATH, Some(&wanted)).await.problem(403, "wrong-key");
    }
    // One address for browsers and back ends: what is neither's is said to be so.
    house.call(&key, Method::PUT, PATH, None).await.problem(405, "method-not-allowed");
    house
        .call(&key, Method::POST, PATH, Some(&json!({ "subject": browser.subject() })))
        .await
        .problem(400, "malformed");
}
