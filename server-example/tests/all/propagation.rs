//! `GET /v1/sites/{site}/propagation`: told, confirmed, waiting, overdue.

use crate::house::*;
use crate::receiver::{Receiver, Reply};
use axum::http::Method;
use serde_json::{Value, json};

async fn propagation(house: &House) -> Value {
    house.admin(Method::GET, "propagation", None).await.json()
}

async fn confirm(house: &House, id: &str, through: u64) -> Answer {
    let body = json!({ "v": 1, "through": through });
    house.admin(Method::POST, &format!("webhooks/{id}/confirmations"), Some(body)).await
}

#[tokio::test]
async fn a_processor_is_told_then_confirms_and_is_overdue_if_it_does_not() {
    let (house, worker) = House::that_tells();
    let (mut receiver, browser) = (Receiver::new().await, Browser::new());
    let untold = propagation(&house).await["untold"].take();
    assert_eq!(untold, json!(["kie-ai", "gemini", "seedance", "kling"]));
    let (id, _) = house.tells(&receiver, Some("kling")).await;
    let check = async |fields: Value| {
        let mut expected = json!({ "webhook": id, "processor": "kling", "waiting": 0, "unconfirmed": 0 });
        expected.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let answer = propagation(&house).await;
        assert_eq!(answer["webhooks"], json!([expected]));
        assert_eq!(answer["untold"], json!(["kie-ai", "gemini", "seedance"]));
    };
    check(json!({ "state": "confirmed" })).await;
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    check(json!({ "state": "waiting", "waiting": 1, "since_ms": START_MS })).await;
    confirm(&house, &id, 0).await.problem(409, "not-told");
    worker.turn().await.unwrap();
    check(json!({ "state": "told", "told": 0, "unconfirmed": 1, "since_ms": START_MS })).await;
    assert_eq!(confirm(&house, &id, 0).await.json(), json!({ "v": 1, "through": 0 }));
    check(json!({ "state": "confirmed", "told": 0, "confirmed": 0 })).await;
    // What does not concern it needs no confirmation.
    house.move_clock(1_000);
    house.choose(&browser, json!({ "stances": { "marketing": "refuse" } })).await;
    worker.turn().await.unwrap();
    check(json!({ "state": "confirmed", "told": 1, "confirmed": 0 })).await;
    house.choose(&browser, json!({ "outcome": "all-refused" })).await;
    worker.turn().await.unwrap();
    let told = json!({ "told": 2, "confirmed": 0, "unconfirmed": 1, "since_ms": START_MS + 1_000 });
    let with_state = |state: &str| {
        let mut fields = told.clone();
        fields["state"] = state.into();
        fields
    };
    house.move_clock(3 * DAY_MS);
    check(with_state("told")).await;
    house.move_clock(1);
    check(with_state("overdue")).await;
    confirm(&house, &id, 2).await;
    check(json!({ "state": "confirmed", "told": 2, "confirmed": 2 })).await;
    // Said once more, or late, it changes nothing.
    confirm(&house, &id, 1).await;
    check(json!({ "state": "confirmed", "told": 2, "confirmed": 2 })).await;
    assert_eq!(receiver.got().len(), 2);
    confirm(&house, &id, 3).await.problem(409, "not-told");
    confirm(&house, &"0".repeat(32), 0).await.problem(404, "not-found");
    house
        .admin(Method::POST, &format!("webhooks/{id}/confirmations"), Some(json!({ "v": 1, "upto": 1 })))
        .await
        .problem(400, "malformed");
}

#[tokio::test]
async fn who_cannot_be_told_is_overdue_and_a_dead_letter_is_not_forgotten() {
    let (house, worker) = House::that_tells();
    let (mut receiver, browser) = (Receiver::new().await, Browser::new());
    house.tells(&receiver, None).await;
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let state = async || propagation(&house).await["webhooks"][0].clone();
    for tries in 0..10 {
        let since = house.clock.load(std::sync::atomic::Ordering::SeqCst) - START_MS;
        let expected = if since > 3 * DAY_MS { "overdue" } else { "waiting" };
        assert_eq!(state().await["state"], expected, "{tries}");
        receiver.reply([Reply::Status(500)]);
        if let Some(next) = worker.turn().await.unwrap() {
            house.clock.store(next.as_ms(), std::sync::atomic::Ordering::SeqCst);
        }
    }
    assert_eq!(receiver.got().len(), 10);
    let dead = state().await;
    assert_eq!((&dead["state"], &dead["waiting"], &dead["told"]), (&json!("overdue"), &json!(1), &json!(0)));
    assert_eq!(dead["since_ms"], START_MS);
    let id = dead["webhook"].as_str().unwrap();
    house.admin(Method::POST, &format!("webhooks/{id}/dead-letters/0/retry"), None).await;
    worker.turn().await.unwrap();
    assert_eq!(state().await["state"], "told");
    confirm(&house, id, 0).await;
    assert_eq!(state().await["state"], "confirmed");
}
