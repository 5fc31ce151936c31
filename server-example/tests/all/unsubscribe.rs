//! `/v1/sites/{site}/unsubscribe-links` and `/v1/sites/{site}/unsubscribe/{token}`

use crate::commands::{consentry, stderr, stdout};
use crate::house::*;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use consentry_server::Pepper;
use serde_json::{Value, json};

const BASE: &str = "https://consent.example";
const LINKS: &str = "/v1/sites/adforge/unsubscribe-links";
const FORM: &str = "application/x-www-form-urlencoded";

fn house() -> House {
    House::with(|config| {
        config.pepper = Some(Pepper::from_bytes([7; 32]));
        config.public_url = BASE.into();
    })
}

/// The path of a link for that subject.
async fn link(house: &House, subject: &str, purpose: &str) -> String {
    let wanted = json!({ "v": 1, "subject": subject, "purpose": purpose });
    let answer = house.call(&house.new_key_to("write"), Method::POST, LINKS, Some(&wanted)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let answer = answer.json();
    let url = answer["url"].as_str().unwrap();
    assert_eq!(answer["headers"]["List-Unsubscribe"], format!("<{url}>"));
    assert_eq!(answer["headers"]["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
    url.strip_prefix(BASE).unwrap().into()
}

async fn click(house: &House, path: &str, media_type: &str, body: &str) -> Answer {
    let request = Request::post(path).header(header::CONTENT_TYPE, media_type);
    house.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn reason(house: &House, subject: &str, purpose: &str) -> Value {
    let question = json!({ "subject": subject, "purpose": purpose });
    house.ask(&house.new_key(), &question).await.json()["reason"].clone()
}

#[tokio::test]
async fn rfc_8058_one_click_and_no_login_ends_it() {
    let house = house();
    let (browser, other) = (Browser::new(), Browser::new());
    for who in [&browser, &other] {
        house.choose(who, json!({ "outcome": "all-granted" })).await;
    }
    let path = link(&house, &browser.subject(), "marketing").await;
    assert!(!path.contains(&browser.device), "{path}");
    assert_eq!(click(&house, &path, FORM, "List-Unsubscribe=One-Click").await.status, StatusCode::OK);
    assert_eq!(reason(&house, &browser.subject(), "marketing").await, "withdrawn");
    assert_eq!(reason(&house, &browser.subject(), "analytics").await, "given");
    assert_eq!(reason(&house, &other.subject(), "marketing").await, "given");
    // Once more is harmless, and once again after a change of mind counts anew.
    click(&house, &path, FORM, "List-Unsubscribe=One-Click").await;
    assert_eq!(house.counts().0, 3);
    house.choose(&browser, json!({ "stances": { "marketing": "grant" } })).await;
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    let answer = click(&house, &path, "multipart/form-data; boundary=x", multipart).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(reason(&house, &browser.subject(), "marketing").await, "withdrawn");
}

#[tokio::test]
async fn to_open_a_link_shows_one_button_and_changes_nothing() {
    let house = house();
    let account = format!("account:{}", "0a".repeat(32));
    let path = link(&house, &account, "marketing").await;
    for (language, title, words) in
        [("en", "Marketing: Off", "We send you news"), ("de", "Werbung: Aus", "Wir senden Ihnen")]
    {
        let request = Request::get(&path).header(header::ACCEPT_LANGUAGE, language).body(Body::empty()).unwrap();
        let answer = house.send(request).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
        let html = answer.text();
        assert!(
            html.contains(&format!("<html lang=\"{language}\"")) && html.contains(title) && html.contains(words),
            "{html}"
        );
        assert_eq!((html.matches("<button").count(), html.matches("<script").count()), (1, 0), "{html}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
    let head = Request::builder().method(Method::HEAD).uri(&path).body(Body::empty()).unwrap();
    assert_eq!(house.send(head).await.status, StatusCode::OK);
    assert_eq!(house.counts().0, 0);
    let answer = click(&house, &path, FORM, "List-Unsubscribe=One-Click").await;
    assert!(answer.text().contains("Marketing: Off"), "{}", answer.text());
    assert_eq!(reason(&house, &account, "marketing").await, "refused");
}

#[tokio::test]
async fn r21_what_rests_on_another_basis_than_consent_is_objected_to() {
    let house = House::with(|config| {
        config.pepper = Some(Pepper::from_bytes([7; 32]));
        config.public_url = BASE.into();
        let email = "channels = [\"email\"]";
        let otherwise = format!("{email}\nopt_out = {{ control = \"opt-out\", basis = \"legitimate-interest\" }}");
        config.sites = vec![adforge_with(email, &otherwise)];
    });
    let subject = Browser::new().subject();
    assert_eq!(reason(&house, &subject, "marketing").await, "not-given");
    let path = link(&house, &subject, "marketing").await;
    click(&house, &path, FORM, "List-Unsubscribe=One-Click").await;
    let wanted = json!({ "v": 1, "subject": subject });
    let key = house.new_key_to("export");
    let export = house.call(&key, Method::POST, "/v1/sites/adforge/export", Some(&wanted)).await.json();
    let event = &export["events"][0];
    assert_eq!((&event["demand"], &event["purpose"]), (&json!("objection"), &json!("marketing")));
    assert_eq!(reason(&house, &subject, "marketing").await, "objected");
    click(&house, &path, FORM, "List-Unsubscribe=One-Click").await;
    assert_eq!(house.counts().0, 1);
}

#[tokio::test]
async fn a_link_is_good_for_its_own_subject_purpose_and_site() {
    let house = house();
    let path = link(&house, &Browser::new().subject(), "marketing").await;
    let (start, tag) = path.rsplit_once('.').unwrap();
    let other = link(&house, &Browser::new().subject(), "marketing").await;
    let (_, other_tag) = other.rsplit_once('.').unwrap();
    for forged in [format!("{start}.{other_tag}"), format!("{start}."), format!("{start}.{tag}A"), start.to_owned()] {
        house.send(get(&forged)).await.problem(404, "not-found");
        click(&house, &forged, FORM, "List-Unsubscribe=One-Click").await.problem(404, "not-found");
    }
    for (media_type, body) in
        [(FORM, ""), (FORM, "List-Unsubscribe=No"), ("application/json", "List-Unsubscribe=One-Click")]
    {
        click(&house, &path, media_type, body).await.problem(400, "malformed");
    }
    click(&house, &path, FORM, &"x".repeat(5_000)).await.problem(413, "too-large");
    assert_eq!(house.counts().0, 0);
}

#[tokio::test]
async fn links_are_made_for_those_who_may_and_where_the_server_is_set_up() {
    let house = house();
    let wanted = json!({ "v": 1, "subject": Browser::new().subject(), "purpose": "marketing" });
    for scopes in ["ask", "export", "admin"] {
        house.call(&house.new_key_to(scopes), Method::POST, LINKS, Some(&wanted)).await.problem(403, "wrong-key");
    }
    let unknown = json!({ "v": 1, "subject": Browser::new().subject(), "purpose": "nothing" });
    house.call(&house.new_key_to("write"), Method::POST, LINKS, Some(&unknown)).await.problem(422, "unknown-purpose");
    // What people cannot stop, no link promises to.
    let contract = json!({ "v": 1, "subject": Browser::new().subject(), "purpose": "service-messages" });
    house.call(&house.new_key_to("write"), Method::POST, LINKS, Some(&contract)).await.problem(422, "not-choosable");
    let bare = House::new();
    let problem =
        bare.call(&bare.new_key_to("write"), Method::POST, LINKS, Some(&wanted)).await.problem(404, "not-set-up");
    assert!(problem["detail"].as_str().unwrap().contains("--pepper"), "{problem}");
    bare.send(get("/v1/sites/adforge/unsubscribe/a.b")).await.problem(404, "not-found");
}

#[tokio::test]
async fn the_command_prints_the_headers_of_the_same_link() {
    let house = house();
    let subject = Browser::new().subject();
    let path = link(&house, &subject, "marketing").await;
    let pepper = house.folder.path().join("pepper");
    std::fs::write(&pepper, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\n").unwrap();
    let output = consentry(&[
        "unsubscribe-link",
        "--policies",
        policies().to_str().unwrap(),
        "--site",
        "adforge",
        "--subject",
        &subject,
        "--purpose",
        "marketing",
        "--pepper",
        pepper.to_str().unwrap(),
        "--url",
        BASE,
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    let expected = format!("List-Unsubscribe: <{BASE}{path}>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n");
    assert_eq!(stdout(&output), expected);
}
