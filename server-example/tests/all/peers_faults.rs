//! Faults that were seen in other consent servers, each tried here from outside, over HTTP or on a running server.

use crate::binary::{Server, agent, serve};
use crate::house::*;
use crate::identity;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

const USER_AGENT: &str = "recognisable-browser/7.7";
const CLIENT: &str = "203.0.113.77";

async fn answer(house: &House, subject: &str, target: (&str, Option<&str>)) -> Value {
    let mut question = json!({ "subject": subject, "purpose": target.0 });
    if let Some(processor) = target.1 {
        question["processor"] = json!(processor);
    }
    house.ask(&house.new_key(), &question).await.json()
}

/// There, a consent that was rejected, and had expired, was answered with "has consent".
#[tokio::test]
async fn what_was_refused_and_has_expired_is_not_allowed() {
    let house = House::new();
    let (refuses, grants) = (Browser::new(), Browser::new());
    house.choose(&refuses, json!({ "outcome": "all-refused" })).await;
    house.choose(&grants, json!({ "outcome": "all-granted" })).await;
    assert_eq!(answer(&house, &refuses.subject(), ("marketing", None)).await["allow"], false);
    assert_eq!(answer(&house, &grants.subject(), ("downstream-ai", Some("kling"))).await["allow"], true);
    house.move_clock(10 * 366 * DAY_MS);
    for browser in [&refuses, &grants] {
        for target in [("marketing", None), ("ai-training", None), ("downstream-ai", Some("kling"))] {
            let answer = answer(&house, &browser.subject(), target).await;
            assert_eq!(answer["allow"], false, "{target:?}: {answer}");
        }
    }
}

/// There, an expiry was written with each consent, and never read.
#[tokio::test]
async fn the_day_that_a_receipt_names_is_the_last_on_which_it_counts() {
    let (house, browser) = (House::new(), Browser::new());
    let receipt = house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let holds_ms = receipt["expires_at_ms"].as_u64().unwrap() - START_MS;
    let target = ("downstream-ai", Some("kling"));
    house.move_clock(holds_ms - 1);
    assert_eq!(answer(&house, &browser.subject(), target).await["allow"], true);
    house.move_clock(1);
    let after = answer(&house, &browser.subject(), target).await;
    assert_eq!((&after["allow"], &after["reason"]), (&json!(false), &json!("expired")));
}

/// There, anybody could link a subject to somebody else's account.
#[tokio::test]
async fn nobody_links_a_device_to_an_account_without_the_sites_word() {
    let house = identity::house();
    let (owner, stranger) = (Browser::new(), Browser::new());
    let token = identity::token("u-42", json!({}));
    let account = identity::sign_in(&house, &owner, &token).await["account"].as_str().unwrap().to_owned();
    identity::choose_signed(&house, &owner, &token, json!({ "outcome": "all-refused" })).await;
    let before = house.counts();

    // By the account's name, with a token of one's own making, without one, and with somebody else's device.
    let path = "/v1/sites/adforge/identity";
    let claims = "eyJhdWQiOiJhZGZvcmdlIiwic3ViIjoidS00MiIsImV4cCI6OTk5OTk5OTk5OX0";
    for forged in [account.clone(), format!("eyJhbGciOiJub25lIn0.{claims}."), String::new()] {
        let request = stranger.request(Method::POST, path);
        let sent = house.send(with_json(request, &json!({ "v": 1, "token": forged }))).await;
        sent.problem(401, "wrong-identity");
    }
    let request = owner.impostor().request(Method::POST, path);
    house.send(with_json(request, &json!({ "v": 1, "token": token }))).await.problem(403, "wrong-secret");
    let grant = house.choice(json!({ "outcome": "all-granted", "subject": account }));
    house.post(&stranger, &grant).await.problem(400, "malformed");
    assert_eq!(house.counts(), before);
    assert_eq!(answer(&house, &account, ("ai-training", None)).await["allow"], false);
}

/// There, a refusal left no row behind.
#[tokio::test]
async fn a_refusal_is_an_entry_with_a_receipt_as_a_grant_is() {
    let (house, browser) = (House::new(), Browser::new());
    for (number, outcome) in ["all-refused", "all-granted"].into_iter().enumerate() {
        let receipt = house.choose(&browser, json!({ "outcome": outcome })).await;
        let record = house.send(browser.get_record()).await.json();
        assert_eq!(record["events"][number]["choice"]["id"], receipt["id"], "{record}");
        let path = format!("/v1/sites/adforge/receipts/{}", receipt["id"].as_str().unwrap());
        let request = browser.request(Method::GET, &path).body(axum::body::Body::empty()).unwrap();
        assert_eq!(house.send(request).await.status, StatusCode::OK);
    }
}

/// There, a client could say when its consent was given.
#[tokio::test]
async fn the_time_of_a_choice_is_the_servers() {
    let (house, browser) = (House::new(), Browser::new());
    for field in ["at", "at_ms", "time", "timestamp", "given_at", "givenAt", "created_at", "recorded_at_ms"] {
        let choice = house.choice(json!({ "outcome": "all-granted", field: 1 }));
        house.post(&browser, &choice).await.problem(400, "malformed");
    }
    assert_eq!(house.counts(), (0, 0));
    // The id of a choice has its maker's clock in it. It counts for nothing that is given.
    let in_a_century = "0a000000-0000-7000-8000-000000000000";
    let receipt = house.choose(&browser, json!({ "outcome": "all-granted", "id": in_a_century })).await;
    assert_eq!(receipt["recorded_at_ms"], START_MS);
}

/// There, addresses and user agents were kept unless somebody switched that off.
#[test]
fn neither_address_nor_user_agent_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(folder.path());
    command.args(["--client-address-header", "X-Forwarded-For"]);
    let server = Server::of(command);
    let browser = Browser::new();
    let request = agent().post(format!("{}/v1/sites/adforge/choices", server.url));
    let request = request.header("Origin", ORIGIN).header("Authorization", browser.authorization());
    let request = request.header("User-Agent", USER_AGENT).header("X-Forwarded-For", CLIENT);
    assert_eq!(request.send_json(choice(&adforge(), json!({ "outcome": "all-refused" }))).unwrap().status(), 201);
    let files =
        || std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).filter(|file| file.is_file());
    let written: Vec<u8> = files().flat_map(|file| std::fs::read(file).unwrap()).collect();
    let holds = |what: &[u8]| written.windows(what.len()).any(|part| part == what);
    assert!(holds(b"adforge") && holds(b"marketing"), "the choice itself is there");
    for text in [USER_AGENT, CLIENT, "127.0.0.1"] {
        assert!(!holds(text.as_bytes()), "{text}");
    }
    assert!(!holds(&[203, 0, 113, 77]));
    let (_, log) = server.stop();
    assert!(!log.contains(USER_AGENT) && !log.contains(CLIENT), "{log}");
}
