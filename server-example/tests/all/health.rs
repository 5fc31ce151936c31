//! `GET /health`

use crate::house::*;
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_server_whose_store_answers_is_well() {
    let answer = House::new().send(get("/health")).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "status": "ok" })));
}

#[tokio::test]
async fn a_server_that_cannot_read_is_not() {
    let house = House::new();
    house.database().execute("DROP TABLE entries", []).unwrap();
    house.send(get("/health")).await.problem(503, "unavailable");
}

#[tokio::test]
async fn a_server_that_cannot_write_is_not() {
    let house = House::new();
    house.store.close().await;
    house.send(get("/health")).await.problem(503, "unavailable");
    let choice = house.choice(json!({ "outcome": "all-refused" }));
    house.post(&Browser::new(), &choice).await.problem(503, "unavailable");
}
