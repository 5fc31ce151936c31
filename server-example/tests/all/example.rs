//! The example site: it asks before it hands anything to a model, and takes whatever is not a yes for a no.

#[expect(dead_code, reason = "its `main` is not run here")]
#[path = "../../examples/adforge_site.rs"]
mod adforge_site;

use crate::house::*;
use axum::Router;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use std::path::Path;
use tokio::net::TcpListener;

/// The site, and the Consentry that it asks over TCP.
async fn site(house: &House, key: &str) -> Router {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(consentry_server::serve(listener, house.router.clone(), std::future::pending()));
    site_at(&url, key)
}

fn site_at(url: &str, key: &str) -> Router {
    adforge_site::site(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/demo/adforge"), url, key).unwrap()
}

async fn render(site: &Router, request: Value) -> Answer {
    send(site, with_json(Request::post("/api/render"), &request)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_gets_a_picture_only_if_the_visitor_lets_it() {
    let house = House::new();
    let browser = Browser::new();
    let site = site(&house, &house.new_key()).await;
    let kling = json!({ "subject": browser.subject(), "model": "kling" });

    let answer = render(&site, kling.clone()).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::FORBIDDEN, "application/problem+json"));
    assert_eq!(answer.json()["decision"]["reason"], "not-given");

    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let answer = render(&site, kling.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["decision"]["allow"], true);
    assert_eq!(answer.json()["clip"], "clip-by-kling.mp4");
    let obligations = answer.json()["decision"]["obligations"].clone();
    assert!(obligations.as_array().unwrap().contains(&json!({ "type": "no-training" })), "{obligations}");

    house.choose(&browser, json!({ "stances": { "downstream-ai/kling": "refuse" } })).await;
    let answer = render(&site, kling).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let decision = &answer.json()["decision"];
    assert_eq!(
        (&decision["reason"], &decision["features_lost"]),
        (&json!("withdrawn"), &json!(["advanced-animation"]))
    );
    assert_eq!(render(&site, json!({ "subject": browser.subject(), "model": "gemini" })).await.status, StatusCode::OK);
    assert_eq!(
        render(&site, json!({ "subject": browser.subject(), "model": "sora" })).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_no_model_gets_anything() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let kling = json!({ "subject": browser.subject(), "model": "kling" });
    // Nobody listens at port 0; a wrong key is refused; a broken store does not answer.
    let nobody = render(&site_at("http://127.0.0.1:0", "ck_x"), kling.clone()).await;
    assert_eq!(nobody.status, StatusCode::SERVICE_UNAVAILABLE);
    let wrong_key = render(&site(&house, "ck_x").await, kling.clone()).await;
    assert_eq!(wrong_key.status, StatusCode::SERVICE_UNAVAILABLE);
    let site = site(&house, &house.new_key()).await;
    house.database().execute("DROP TABLE payloads", []).unwrap();
    assert_eq!(render(&site, kling).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused() {
    let site = site_at("http://127.0.0.1:0", "ck_x");
    for request in
        [json!({}), json!({ "subject": "nobody", "model": "kling" }), json!({ "subject": null, "model": null })]
    {
        assert_eq!(render(&site, request).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn its_page_loads_consentry_under_a_strict_policy() {
    let site = site_at("http://127.0.0.1:1234", "ck_x");
    let page = send(&site, get("/")).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.text().contains(r#"<script src="http://127.0.0.1:1234/adforge.js" async>"#));
    assert!(!page.text().contains("__CONSENTRY__"));
    let policy = "default-src 'self'; script-src 'self' http://127.0.0.1:1234 'wasm-unsafe-eval'; style-src 'self'; \
                  connect-src 'self' http://127.0.0.1:1234; img-src 'self' data:";
    assert_eq!(page.header("content-security-policy"), policy);
    let script = send(&site, get("/app.js")).await;
    assert_eq!((script.status, script.header("content-type")), (StatusCode::OK, "text/javascript"));
    assert_eq!(send(&site, get("/../Cargo.toml")).await.status, StatusCode::NOT_FOUND);
}
