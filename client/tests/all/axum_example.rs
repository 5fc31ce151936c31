//! The example of a back end: its routes run with a permit, and not without.

#[expect(dead_code, reason = "its `main` is not run here")]
#[path = "../../examples/axum.rs"]
mod example;

use crate::house::*;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use consentry_client::Subject;
use consentry_core::Stance;
use serde_json::{Value, json};
use tower::ServiceExt;

async fn post(back_end: &Router, path: &str, subject: Option<Subject>) -> (u16, String) {
    let mut request = Request::post(path);
    if let Some(subject) = subject {
        request = request.header("x-subject", subject.to_string());
    }
    let response = back_end.clone().oneshot(request.body(Body::from("A lamp")).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn reason(body: &str) -> Value {
    serde_json::from_str::<Value>(body).unwrap()["reason"].clone()
}

#[tokio::test]
async fn a_route_runs_with_a_permit_only() {
    let house = House::new().await;
    let back_end = example::back_end(house.remote());
    for path in ["/train", "/film"] {
        assert_eq!(post(&back_end, path, None).await.0, 401);
        let (status, body) = post(&back_end, path, Some(device(1))).await;
        assert_eq!((status, reason(&body)), (403, json!("not-given")));
    }
    house.choose(device(1), Stance::Grant).await;
    house.move_clock(5_000);
    assert_eq!(
        post(&back_end, "/train", Some(device(1))).await,
        (200, "learned 6 characters for ai-training\n".into())
    );
    let (status, body) = post(&back_end, "/film", Some(device(1))).await;
    assert_eq!(status, 200);
    assert!(body.starts_with("filmed under ") && !body.contains("under 0"), "{body}");
    house.say(device(1), json!({ "ai-training": "refuse", "downstream-ai/kling": "refuse" })).await;
    house.move_clock(5_000);
    let (status, body) = post(&back_end, "/train", Some(device(1))).await;
    assert_eq!((status, reason(&body)), (403, json!("withdrawn")));
    let (status, body) = post(&back_end, "/film", Some(device(1))).await;
    assert_eq!((status, reason(&body)), (403, json!("withdrawn")));
    let features = serde_json::from_str::<Value>(&body).unwrap()["features_lost"].clone();
    assert_eq!(features, json!(["advanced-animation"]));
}

#[tokio::test]
async fn without_an_answer_no_route_runs() {
    let key = format!("ck_{}", "A".repeat(43));
    let nobody = consentry_client::Consentry::remote("http://127.0.0.1:0", "adforge", &key).unwrap();
    let back_end = example::back_end(nobody);
    for path in ["/train", "/film"] {
        let (status, body) = post(&back_end, path, Some(device(1))).await;
        assert_eq!(status, 503, "{body}");
        assert!(!body.contains("127.0.0.1"), "{body}");
    }
}
