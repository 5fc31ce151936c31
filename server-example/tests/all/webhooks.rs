//! `/v1/sites/{site}/webhooks`: adding, listing, rotating and removing, over HTTP and by the command line.

use crate::binary::CONSENTRY;
use crate::house::*;
use crate::receiver::Receiver;
use axum::http::{Method, Request, StatusCode, header};
use consentry_server::WEBHOOKS_MAX;
use serde_json::{Value, json};
use std::process::Command;

const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

async fn list(house: &House) -> Vec<Value> {
    house.admin(Method::GET, "webhooks", None).await.json()["webhooks"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_webhook_is_made_listed_rotated_and_removed() {
    let (house, _) = House::that_tells();
    house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
    let wanted = json!({ "v": 1, "url": "HTTPS://Hooks.Example", "processor": "kling" });
    let answer = house.admin(Method::POST, "webhooks", Some(wanted)).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let made = answer.json();
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let expected = json!({ "v": 1, "id": id, "url": "https://hooks.example/", "processor": "kling", "secret": secret });
    assert_eq!(made, expected);
    assert!(secret.starts_with("whsec_") && id.len() == 32);
    let row = json!({
        "id": id, "url": "https://hooks.example/", "processor": "kling", "state": "active", "created_at_ms": START_MS,
        "first": 1, "next": 1, "waiting": 0, "tries": 0, "dead_letters": 0,
    });
    assert_eq!(list(&house).await, [row]);
    house.move_clock(5);
    let rotated = house.admin(Method::POST, &format!("webhooks/{id}/rotate"), None).await.json();
    assert!(rotated["secret"].as_str().unwrap().starts_with("whsec_") && rotated["secret"] != secret);
    assert_eq!(list(&house).await[0]["rotated_at_ms"], START_MS + 5);
    let removed = house.admin(Method::DELETE, &format!("webhooks/{id}"), None).await;
    assert_eq!((removed.status, removed.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(list(&house).await, [json!(null); 0]);
    for (method, path) in [
        (Method::DELETE, format!("webhooks/{id}")),
        (Method::POST, format!("webhooks/{id}/rotate")),
        (Method::GET, format!("webhooks/{id}/dead-letters")),
        (Method::POST, format!("webhooks/{id}/dead-letters/0/retry")),
        (Method::POST, format!("webhooks/{id}/dead-letters/x/retry")),
        (Method::DELETE, "webhooks/x".into()),
        (Method::DELETE, format!("webhooks/{}", id.to_uppercase())),
    ] {
        house.admin(method, &path, None).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn no_secret_is_in_the_database() {
    let (house, _) = House::that_tells();
    let receiver = Receiver::new().await;
    let (id, secret) = house.tells(&receiver, None).await;
    let rotated = house.admin(Method::POST, &format!("webhooks/{id}/rotate"), None).await.json();
    house.store.close().await;
    use base64::Engine;
    for secret in [secret.as_str(), rotated["secret"].as_str().unwrap()] {
        let text = secret.strip_prefix("whsec_").unwrap();
        let raw = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
        for file in std::fs::read_dir(house.folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(raw.len()).any(|window| window == raw));
            assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()));
        }
    }
}

#[tokio::test]
async fn what_would_not_work_is_refused_when_it_is_made() {
    let house = House::with(|config| config.webhooks.key = Some(consentry_server::WebhookKey::from_bytes([7; 32])));
    for (wanted, status, problem) in [
        (json!({ "v": 1, "url": "http://hooks.example/" }), 422, "bad-webhook"),
        (json!({ "v": 1, "url": "https://127.0.0.1/" }), 422, "bad-webhook"),
        (json!({ "v": 1, "url": "https://0x7f.1/" }), 422, "bad-webhook"),
        (json!({ "v": 1, "url": "https://localhost/" }), 422, "bad-webhook"),
        (json!({ "v": 1, "url": "https://a:b@hooks.example/" }), 422, "bad-webhook"),
        (json!({ "v": 1, "url": "hooks" }), 422, "bad-webhook"),
        (json!({ "v": 1, "url": "https://hooks.example/", "processor": "klong" }), 422, "unknown-processor"),
        (json!({ "v": 1, "url": "https://hooks.example/", "procesor": "kling" }), 400, "malformed"),
        (json!({ "v": 2, "url": "https://hooks.example/" }), 400, "malformed"),
        (json!({ "url": "https://hooks.example/" }), 400, "malformed"),
        (json!({ "v": 1 }), 400, "malformed"),
    ] {
        house.admin(Method::POST, "webhooks", Some(wanted)).await.problem(status, problem);
    }
    assert_eq!(list(&house).await, [json!(null); 0]);
    let wanted = json!({ "v": 1, "url": "https://hooks.example/" });
    for _ in 0..WEBHOOKS_MAX {
        let answer = house.admin(Method::POST, "webhooks", Some(wanted.clone())).await;
        assert_eq!(answer.status, StatusCode::CREATED);
    }
    house.admin(Method::POST, "webhooks", Some(wanted)).await.problem(422, "bad-webhook");
}

#[tokio::test]
async fn webhooks_are_for_keys_that_may_administer() {
    let (house, _) = House::that_tells();
    let (id, _) = house.tells(&Receiver::new().await, None).await;
    let narrow = house.new_key_to("ask write export");
    for (method, path) in [
        (Method::GET, "webhooks".to_owned()),
        (Method::POST, "webhooks".into()),
        (Method::DELETE, format!("webhooks/{id}")),
        (Method::POST, format!("webhooks/{id}/rotate")),
        (Method::GET, format!("webhooks/{id}/dead-letters")),
        (Method::POST, format!("webhooks/{id}/dead-letters/0/retry")),
        (Method::GET, "propagation".into()),
    ] {
        let request = || Request::builder().method(method.clone()).uri(format!("/v1/sites/adforge/{path}"));
        let wanted = json!({ "v": 1, "url": "https://hooks.example/" });
        house.send(with_json(request(), &wanted)).await.problem(401, "wrong-key");
        let request = request().header(header::AUTHORIZATION, format!("Bearer {narrow}"));
        house.send(with_json(request, &wanted)).await.problem(403, "wrong-key");
    }
    let request = Request::post(format!("/v1/sites/adforge/webhooks/{id}/confirmations"));
    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", house.new_key_to("ask export admin")));
    house.send(with_json(request, &json!({ "v": 1, "through": 0 }))).await.problem(403, "wrong-key");
    let elsewhere = Request::get("/v1/sites/other/webhooks").header(header::AUTHORIZATION, format!("Bearer {narrow}"));
    house.send(elsewhere.body(axum::body::Body::empty()).unwrap()).await.problem(404, "unknown-site");
    assert_eq!(list(&house).await.len(), 1);
}

#[tokio::test]
async fn a_server_without_a_key_tells_nobody_and_says_so() {
    let house = House::new();
    assert!(house.app.worker().unwrap().is_none());
    let wanted = json!({ "v": 1, "url": "https://hooks.example/" });
    house.admin(Method::POST, "webhooks", Some(wanted)).await.problem(404, "not-set-up");
}

#[test]
fn the_guide_verifies_as_these_tests_do() {
    let guide = include_str!("../../../docs/webhooks.md");
    let snippet = guide.split("```rust\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(include_str!("receiver.rs").contains(snippet));
}

fn consentry(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(CONSENTRY).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_line_does_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (database, file) = (database_url(folder.path()), folder.path().join("key"));
    std::fs::write(&file, format!("{KEY}\n")).unwrap();
    let (file, place) = (file.to_str().unwrap(), ["--database", &database, "--site", "adforge"]);
    let webhook = |command: &str, more: &[&str]| consentry(&[&["webhook", command], &place[..], more].concat());
    let (ok, made, error) = webhook("new", &["--webhook-key", file, "--url", "https://hooks.example"]);
    assert!(ok, "{error}");
    let [id, secret] = made.lines().collect::<Vec<_>>()[..] else { panic!("{made}") };
    assert!(secret.starts_with("whsec_"));
    let (ok, rotated, _) = webhook("rotate", &["--webhook-key", file, id]);
    assert!(ok && rotated.starts_with("whsec_") && rotated.trim() != secret);
    let listed = webhook("list", &[]).1;
    let expected = format!(
        "{id} https://hooks.example/: everything; active, next entry 0, tried 0 times, 0 waiting, 0 dead, 0 unconfirmed\n"
    );
    assert_eq!(listed, expected);
    assert_eq!(webhook("dead-letters", &[id]), (true, String::new(), String::new()));
    let (ok, _, error) = webhook("retry", &[id, "3"]);
    assert!(!ok && error.contains("has no dead letter 3"), "{error}");
    assert!(webhook("remove", &[id]).0);
    let (ok, _, error) = webhook("remove", &[id]);
    assert!(!ok && error.contains("`consentry webhook list` shows them"), "{error}");
    let (ok, _, error) = webhook("new", &["--webhook-key", file, "--url", "http://10.0.0.1/"]);
    assert!(!ok && error.contains("expected `https://`"), "{error}");
    let here = ["--webhook-key", file, "--url", "http://10.0.0.1/", "--webhooks-to", "anywhere"];
    assert!(webhook("new", &here).0);
    std::fs::write(file, "short").unwrap();
    let (ok, _, error) = webhook("new", &["--webhook-key", file, "--url", "https://hooks.example"]);
    assert!(!ok && error.contains("does not hold 32 bytes in base64url"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_binary_tells_whoever_asked() {
    let (folder, mut receiver) = (tempfile::tempdir().unwrap(), Receiver::new().await);
    let (database, url, path) = (database_url(folder.path()), receiver.url.clone(), folder.path().to_owned());
    let server = tokio::task::spawn_blocking(move || {
        let server = crate::binary::Server::start_with(&path, &["--webhooks-to", "anywhere", "--overdue-hours", "24"]);
        let made = consentry(&[
            "webhook",
            "new",
            "--database",
            &database,
            "--site",
            "adforge",
            "--url",
            &url,
            "--webhooks-to",
            "anywhere",
        ]);
        assert!(made.0, "{}", made.2);
        let secret = made.1.lines().nth(1).unwrap().to_owned();
        let browser = Browser::new();
        let choice = choice(&adforge(), json!({ "outcome": "all-granted" }));
        let request = crate::binary::agent().post(format!("{}/v1/sites/adforge/choices", server.url));
        let request = request.header("Origin", ORIGIN).header("Authorization", browser.authorization());
        assert_eq!(request.send_json(&choice).unwrap().status(), 201);
        (server, secret)
    });
    let (server, secret) = server.await.unwrap();
    let got = receiver.next().await;
    assert!(got.is_signed_by(&secret));
    assert_eq!(got.body["type"], "consent.changed");
    let (status, _) = tokio::task::spawn_blocking(move || server.stop()).await.unwrap();
    assert!(status.success());
}
