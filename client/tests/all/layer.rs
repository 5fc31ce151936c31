//! The layer by itself: what gets in, and with what.

use crate::house::*;
use axum::body::Body;
use axum::http::{Request, Response};
use consentry_client::tower::{PermitLayer, permit_of};
use consentry_client::{Circumstances, Intent, PurposeId};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower::{Layer, Service, ServiceExt, service_fn};

enum Train {}

impl Intent for Train {
    const PURPOSE: PurposeId = PurposeId::named("ai-training");
}

enum Advertise {}

impl Intent for Advertise {
    const PURPOSE: PurposeId = PurposeId::named("marketing");
}

#[tokio::test]
async fn a_request_gets_in_with_its_permit_and_no_other() {
    let house = House::new().await;
    house.say(device(1), serde_json::json!({ "ai-training": "grant" })).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let inner = service_fn(move |request: Request<Body>| {
        count.fetch_add(1, Ordering::SeqCst);
        let permit = permit_of::<Train>(request.extensions()).unwrap();
        assert_eq!(permit.subject(), device(1));
        assert!(permit_of::<Advertise>(request.extensions()).is_none());
        async { Ok::<_, Infallible>(Response::new(String::from("in"))) }
    });
    let whose = |parts: &axum::http::request::Parts| {
        let subject = parts.headers.get("x-subject")?.to_str().ok()?.parse().ok()?;
        Some((subject, Circumstances::default()))
    };
    let mut train = PermitLayer::<Train, _, _>::new(house.remote(), whose).layer(inner.clone());
    let mut advertise = PermitLayer::<Advertise, _, _>::new(house.remote(), whose).layer(inner);
    let of = |number| Request::get("/").header("x-subject", device(number).to_string()).body(Body::empty()).unwrap();
    let answer = train.ready().await.unwrap().call(of(1)).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_str()), (200, "in"));
    for (answer, status) in [
        (train.ready().await.unwrap().call(of(2)).await.unwrap(), 403),
        (advertise.ready().await.unwrap().call(of(1)).await.unwrap(), 403),
        (train.ready().await.unwrap().call(Request::get("/").body(Body::empty()).unwrap()).await.unwrap(), 401),
    ] {
        assert_eq!(answer.status().as_u16(), status, "{}", answer.body());
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert!(!answer.body().contains("7f9c0c52"), "{}", answer.body());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
