//! The example of processors: none of them gets anything without a permit, and each gets its flags.

#[expect(dead_code, reason = "its `main` is not run here")]
#[path = "../../examples/processors.rs"]
mod example;

use crate::house::*;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::{Json, Router};
use consentry_client::{Ask, Circumstances, Clock, Permit};
use consentry_core::Stance;
use example::{FilmWithKling, Gemini, Kling, OpenAi, SendError, WriteWithGemini, WriteWithOpenAi};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// What came to the processor: where, with which key, and what.
type Seen = Arc<Mutex<Vec<(String, HeaderMap, Value)>>>;

/// A processor on loopback that takes everything.
async fn processor() -> (String, Seen) {
    let seen = Seen::default();
    async fn take(State(seen): State<Seen>, uri: Uri, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
        seen.lock().unwrap().push((uri.path().into(), headers, body));
        Json(json!({ "id": "1" }))
    }
    let router = Router::new().fallback(take).with_state(Arc::clone(&seen));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_processor_gets_its_request_with_its_flags() {
    let house = House::of(&["adforge", "icecone"], |_| {}).await;
    let (url, seen) = processor().await;
    let clock = Clock::Held(Arc::clone(&house.clock));
    let (icecone, adforge) = (house.remote_of("icecone", house.config()), house.remote());
    for site in ["adforge", "icecone"] {
        house.choose_on(site, device(1), Stance::Grant).await;
    }
    let permit: Permit<WriteWithOpenAi> = icecone.require_for(device(1), Circumstances::default()).await.unwrap();
    OpenAi::at(&url, "o", clock.clone()).write(&permit, "A slogan").unwrap();
    let permit: Permit<FilmWithKling> = icecone.require_for(device(1), Circumstances::default()).await.unwrap();
    Kling::at(&url, "k", clock.clone()).film(&permit, "A lamp").unwrap();
    let permit: Permit<WriteWithGemini> = adforge.require_for(device(1), Circumstances::default()).await.unwrap();
    Gemini::at(&url, "g", clock).write(&permit, "A slogan").unwrap();

    let seen = seen.lock().unwrap();
    let sent: Vec<(&str, &Value)> = seen.iter().map(|(path, _, body)| (path.as_str(), body)).collect();
    let gemini = json!({ "contents": [{ "role": "user", "parts": [{ "text": "A slogan" }] }] });
    assert_eq!(
        sent,
        [
            // The policy of IceCone says of OpenAI: `flags = { store = "false" }`.
            ("/v1/responses", &json!({ "model": "gpt-5", "input": "A slogan", "store": false })),
            ("/v1/videos/text2video", &json!({ "model_name": "kling-v2", "prompt": "A lamp" })),
            ("/v1beta/models/gemini-flash:generateContent", &gemini),
        ]
    );
    assert_eq!(seen[0].1["authorization"], "Bearer o");
    assert_eq!(seen[1].1["authorization"], "Bearer k");
    assert_eq!(seen[2].1["x-goog-api-key"], "g");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_that_has_expired_sends_nothing() {
    let house = House::of(&["icecone"], |_| {}).await;
    let (url, seen) = processor().await;
    house.choose_on("icecone", device(1), Stance::Grant).await;
    let icecone = house.remote_of("icecone", house.config());
    let permit: Permit<WriteWithOpenAi> = icecone.require_for(device(1), Circumstances::default()).await.unwrap();
    house.move_clock(RECHECK_MS);
    let openai = OpenAi::at(&url, "o", Clock::Held(Arc::clone(&house.clock)));
    assert!(matches!(openai.write(&permit, "A slogan"), Err(SendError::Permit(_))));
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn who_refuses_is_sent_nowhere() {
    let house = House::of(&["icecone"], |_| {}).await;
    house.choose_on("icecone", device(1), Stance::Refuse).await;
    let icecone = house.remote_of("icecone", house.config());
    // And without a permit there is no request: `write` and `film` demand one.
    assert!(icecone.require_for::<WriteWithOpenAi>(device(1), Circumstances::default()).await.is_err());
    assert!(icecone.require_for::<FilmWithKling>(device(1), Circumstances::default()).await.is_err());
}
