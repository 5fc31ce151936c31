//! `GET /health` and `GET /ready`

use crate::house::*;
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_server_whose_store_answers_is_ready() {
    let house = House::new();
    for (path, status) in [("/health", "ok"), ("/ready", "ready")] {
        let answer = house.send(get(path)).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "status": status })));
    }
}

#[tokio::test]
async fn a_server_that_cannot_read_is_alive_but_not_ready() {
    let house = House::new();
    house.database().execute("DROP TABLE entries", []).unwrap();
    house.send(get("/ready")).await.problem(503, "unavailable");
    assert_eq!(house.send(get("/health")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_server_that_cannot_write_is_alive_but_not_ready() {
    let house = House::new();
    house.store.close().await;
    house.send(get("/ready")).await.problem(503, "unavailable");
    assert_eq!(house.send(get("/health")).await.status, StatusCode::OK);
    let choice = house.choice(json!({ "outcome": "all-refused" }));
    house.post(&Browser::new(), &choice).await.problem(503, "unavailable");
}
