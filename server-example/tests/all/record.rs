//! `GET /v1/sites/{site}/record`

use crate::house::*;
use axum::http::{Method, StatusCode, header};
use serde_json::json;

#[tokio::test]
async fn r15_subjects_see_all_they_said_oldest_first() {
    let house = House::new();
    let (browser, other) = (Browser::new(), Browser::new());
    let granted = house.choice(json!({ "stances": { "downstream-ai": "grant", "downstream-ai/kling": "refuse" } }));
    house.post(&browser, &granted).await;
    house.choose(&other, json!({ "outcome": "all-granted" })).await;
    house.move_clock(5);
    let withdrawn = house.choice(json!({ "stances": { "downstream-ai": "refuse" }, "surface": "centre" }));
    house.post(&browser, &withdrawn).await;

    let answer = house.send(browser.get_record()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(answer.header("cache-control"), "no-store");
    let events = json!({ "v": 1, "events": [
        { "type": "chosen", "seq": 0, "at_ms": START_MS, "choice": granted },
        { "type": "chosen", "seq": 2, "at_ms": START_MS + 5, "choice": withdrawn },
    ] });
    assert_eq!(answer.json(), events);
}

#[tokio::test]
async fn a_pseudonym_alone_reads_nothing() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    house.send(browser.impostor().get_record()).await.problem(403, "wrong-secret");
    let request = axum::http::Request::get("/v1/sites/adforge/record").header(header::ORIGIN, ORIGIN);
    house.send(request.body(axum::body::Body::empty()).unwrap()).await.problem(401, "wrong-secret");
}

#[tokio::test]
async fn somebody_nobody_has_heard_of_has_an_empty_record() {
    let house = House::new();
    let answer = house.send(Browser::new().get_record()).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "v": 1, "events": [] })));
    assert_eq!(house.counts(), (0, 0));
}

#[tokio::test]
async fn another_origin_reads_nothing() {
    let house = House::new();
    let mut request = Browser::new().get_record();
    request.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    house.send(request).await.problem(403, "foreign-origin");
}

#[tokio::test]
async fn a_page_of_the_servers_own_origin_reads_though_browsers_name_no_origin_then() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let without_origin = |site: Option<&str>| {
        let mut request = browser.get_record();
        request.headers_mut().remove(header::ORIGIN);
        if let Some(site) = site {
            request.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
        }
        request
    };
    assert_eq!(house.send(without_origin(Some("same-origin"))).await.status, StatusCode::OK);
    for site in [None, Some("cross-site"), Some("same-site"), Some("none")] {
        house.send(without_origin(site)).await.problem(403, "foreign-origin");
    }
}

#[tokio::test]
async fn what_was_said_to_one_site_is_not_shown_to_another() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let router = house.under(vec![adforge(), adforge_with("site = \"adforge\"", "site = \"other\"")]);
    let request = browser.request(Method::GET, "/v1/sites/other/record").body(axum::body::Body::empty()).unwrap();
    assert_eq!(send(&router, request).await.json(), json!({ "v": 1, "events": [] }));
}

#[tokio::test]
async fn r34_a_broken_entry_is_not_passed_over() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    break_record(&house, &browser);
    house.send(browser.get_record()).await.problem(503, "unavailable");
}

/// Makes an entry of the subject that does not read as one.
pub(crate) fn break_record(house: &House, browser: &Browser) {
    let statement = "DROP TRIGGER payloads_never_change; UPDATE payloads SET payload = x'7b7d'";
    let device = browser.subject().trim_start_matches("device:").replace('-', "");
    house.database().execute_batch(&format!("{statement} WHERE hex(subject) = upper('01{device}')")).unwrap();
}
