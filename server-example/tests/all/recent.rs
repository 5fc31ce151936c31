//! What a server remembers is never older than the question, whoever has written since.

use crate::house::*;
use crate::identity;
use axum::Router;
use axum::http::Method;
use consentry_server::{App, Clock, Config, Store};
use serde_json::{Value, json};
use std::sync::Arc;

/// Another server on the same database, as if in a process of its own: it shares nothing but the file.
fn another(house: &House) -> (Router, Store) {
    let store = Store::open(&database_url(house.folder.path()).parse().unwrap()).unwrap();
    let config = Config { sites: vec![house.published.clone()], ..Config::default() };
    (App::new(config, store.clone(), Clock::Held(Arc::clone(&house.clock))).unwrap().router(), store)
}

async fn reason(house: &House, key: &str, subject: &str) -> String {
    let answer = house.ask(key, &json!({ "subject": subject, "purpose": "marketing" })).await;
    answer.json()["reason"].as_str().unwrap().into()
}

fn demand(browser: &Browser, what: Value) -> axum::http::Request<axum::body::Body> {
    let mut doc = json!({ "v": 1, "id": new_id() });
    doc.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    with_json(browser.request(Method::POST, "/v1/sites/adforge/demands"), &doc)
}

#[tokio::test]
async fn what_another_process_has_kept_counts_at_the_next_question() {
    let (house, browser) = (House::new(), Browser::new());
    let (there, _) = another(&house);
    let key = house.new_key();
    assert_eq!(reason(&house, &key, &browser.subject()).await, "not-given");
    for (outcome, expected) in
        [("all-granted", "given"), ("all-refused", "withdrawn"), ("all-granted", "given"), ("all-refused", "withdrawn")]
    {
        send(&there, browser.post(&house.choice(json!({ "outcome": outcome })))).await;
        for _ in 0..2 {
            assert_eq!(reason(&house, &key, &browser.subject()).await, expected);
        }
    }
    send(&there, demand(&browser, json!({ "demand": "erasure" }))).await;
    assert_eq!(reason(&house, &key, &browser.subject()).await, "erased");
}

#[tokio::test]
async fn what_many_have_said_meanwhile_is_not_missed() {
    let (house, browser) = (House::new(), Browser::new());
    let (there, _) = another(&house);
    let key = house.new_key();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    assert_eq!(reason(&house, &key, &browser.subject()).await, "given");
    send(&there, browser.post(&house.choice(json!({ "outcome": "all-refused" })))).await;
    // More than are looked at one by one.
    for _ in 0..2_100 {
        send(&there, Browser::new().post(&house.choice(json!({ "outcome": "all-refused" })))).await;
    }
    assert_eq!(reason(&house, &key, &browser.subject()).await, "withdrawn");
}

#[tokio::test]
async fn a_key_that_another_process_has_revoked_is_worth_nothing_at_once() {
    let house = House::new();
    let (_, there) = another(&house);
    let (site, key) = ("adforge".parse().unwrap(), house.new_key());
    assert_eq!(reason(&house, &key, &Browser::new().subject()).await, "not-given");
    let id = there.keys(&site).unwrap()[0].id;
    assert!(there.revoke_key(&site, id, consentry_core::Time::from_ms(START_MS)).unwrap());
    house
        .ask(&key, &json!({ "subject": Browser::new().subject(), "purpose": "marketing" }))
        .await
        .problem(403, "wrong-key");
}

#[tokio::test]
async fn r23_an_account_that_is_remembered_hears_of_its_devices() {
    let house = identity::house();
    let (there, _) = another(&house);
    let (phone, key, token) = (Browser::new(), house.new_key(), identity::token("u-42", json!({})));
    let account = identity::sign_in(&house, &phone, &token).await["account"].as_str().unwrap().to_owned();
    identity::choose_signed(&house, &phone, &token, json!({ "outcome": "all-granted" })).await;
    let question = json!({ "subject": account, "purpose": "downstream-ai", "jurisdiction": "US-CA" });
    assert_eq!(house.ask(&key, &question).await.json()["reason"], "given");
    house.move_clock(1);
    let kept = send(&there, phone.post(&house.choice(json!({ "outcome": "all-refused" })))).await;
    assert_eq!(kept.status, 201);
    assert_eq!(house.ask(&key, &question).await.json()["reason"], "refused");
}
