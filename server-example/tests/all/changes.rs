//! The change feed: a page at a time, and as it happens.

use crate::house::*;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

fn get(key: &str, query: &str) -> axum::http::request::Builder {
    Request::get(format!("/v1/sites/adforge/changes{query}")).header(header::AUTHORIZATION, format!("Bearer {key}"))
}

async fn page(house: &House, key: &str, query: &str) -> Value {
    let answer = house.send(get(key, query).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

/// Listens, and hands out one event after the other: its id and its data.
struct Listening {
    body: Body,
    text: String,
}

impl Listening {
    async fn to(house: &House, key: &str, last: Option<u64>) -> Self {
        let mut request = get(key, "").header(header::ACCEPT, "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = house.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    async fn next(&mut self) -> Option<(u64, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let Some((id, data)) = event.split_once('\n') else { continue };
                let id = id.strip_prefix("id: ").unwrap().parse().unwrap();
                return Some((id, serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap()));
            }
            let frame = self.body.frame().await?.unwrap();
            self.text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }
}

#[tokio::test]
async fn a_feed_says_which_policy_is_the_newest_and_ends_when_another_is() {
    let house = House::new();
    let key = house.new_key_to("export");
    let said = async || {
        let request = get(&key, "").body(Body::empty()).unwrap();
        let answer = house.send(request).await;
        answer.header("consentry-policy").to_owned()
    };
    assert_eq!(said().await, house.published.policy.hash().to_string());
    house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
    let mut listening = Listening::to(&house, &key, None).await;
    assert_eq!(listening.next().await.map(|(id, _)| id), Some(0));
    // The same files are the same policies: whoever listens goes on.
    house.app.replace_sites(vec![adforge()]).unwrap();
    house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
    assert_eq!(listening.next().await.map(|(id, _)| id), Some(1));
    let other = adforge_with("365 days", "180 days");
    let hash = other.policy.hash().to_string();
    house.app.replace_sites(vec![other]).unwrap();
    assert!(listening.next().await.is_none());
    assert_eq!(said().await, hash);
}

#[tokio::test]
async fn every_entry_comes_in_the_ledgers_order_a_page_at_a_time() {
    let house = House::new();
    let key = house.new_key_to("export");
    assert_eq!(page(&house, &key, "").await, json!({ "v": 1, "changes": [], "more": false }));
    let browsers: Vec<Browser> = (0..5).map(|_| Browser::new()).collect();
    for browser in &browsers {
        house.choose(browser, json!({ "outcome": "all-refused" })).await;
    }
    let first = page(&house, &key, "?limit=2").await;
    assert_eq!((&first["after"], &first["more"]), (&json!(1), &json!(true)));
    let rest = page(&house, &key, "?after=1").await;
    assert_eq!((&rest["after"], &rest["more"]), (&json!(4), &json!(false)));
    let all: Vec<&Value> = [&first, &rest].into_iter().flat_map(|page| page["changes"].as_array().unwrap()).collect();
    for (seq, (change, browser)) in all.iter().zip(&browsers).enumerate() {
        assert_eq!((&change["seq"], &change["type"]), (&json!(seq), &json!("chosen")));
        assert_eq!(change["subject"], browser.subject());
        assert_eq!(change["choice"]["stances"]["marketing"], "refuse");
    }
    // Whoever has everything is told so, and keeps their place.
    assert_eq!(page(&house, &key, "?after=4").await, json!({ "v": 1, "changes": [], "after": 4, "more": false }));
}

#[tokio::test]
async fn what_is_erased_is_gone_from_the_feed_and_its_erasure_is_told_to_who_knows_the_name() {
    let house = House::new();
    let (browser, key) = (Browser::new(), house.new_key_to("export"));
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let demand = json!({ "v": 1, "id": new_id(), "demand": "erasure" });
    let answer =
        house.send(with_json(browser.request(axum::http::Method::POST, "/v1/sites/adforge/demands"), &demand)).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let changes = page(&house, &key, "").await;
    assert_eq!(changes["changes"][0], json!({ "seq": 0, "type": "gone", "at_ms": START_MS }));
    use sha2::Digest;
    let hash = sha2::Sha256::digest(format!("consentry erased 1\0adforge\0{}", browser.subject()));
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = json!({ "seq": 1, "type": "erased", "at_ms": START_MS, "subject_hash": hash });
    assert_eq!(changes["changes"][1], expected);
}

#[tokio::test]
async fn who_listens_hears_what_was_and_what_comes_and_goes_on_where_they_left() {
    let house = House::new();
    let (browser, key) = (Browser::new(), house.new_key_to("export"));
    for _ in 0..3 {
        house.choose(&browser, json!({ "outcome": "all-refused" })).await;
    }
    let mut listening = Listening::to(&house, &key, None).await;
    for seq in 0..3 {
        assert_eq!(listening.next().await.unwrap().0, seq);
    }
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let (id, change) = listening.next().await.unwrap();
    assert_eq!((id, &change["choice"]["stances"]["marketing"]), (3, &json!("grant")));
    drop(listening);
    house.choose(&browser, json!({ "outcome": "all-refused" })).await;
    let mut again = Listening::to(&house, &key, Some(3)).await;
    assert_eq!(again.next().await.unwrap().0, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_keep_up_misses_nothing() {
    const CHOICES: u64 = 1_500;
    let house = Arc::new(House::new());
    let key = house.new_key_to("export");
    let mut slow = Listening::to(&house, &key, None).await;
    let mut quick = Listening::to(&house, &key, None).await;
    let writing = {
        let house = Arc::clone(&house);
        // One after the other, so that most are a batch of their own: more than a listener can be behind.
        tokio::spawn(async move {
            for _ in 0..CHOICES {
                house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
            }
        })
    };
    for seq in 0..CHOICES {
        assert_eq!(quick.next().await.unwrap().0, seq);
    }
    writing.await.unwrap();
    for seq in 0..CHOICES {
        assert_eq!(slow.next().await.unwrap().0, seq);
    }
}

#[tokio::test]
async fn who_knows_more_than_there_is_reads_another_ledger_and_is_told() {
    let house = House::new();
    let key = house.new_key_to("export");
    let changes = async |after: u64, accept: &str| {
        let request = Request::get(format!("/v1/sites/adforge/changes?after={after}")).header("accept", accept);
        house.send(request.header("authorization", format!("Bearer {key}")).body(Body::empty()).unwrap()).await
    };
    for accept in ["application/json", "text/event-stream"] {
        changes(0, accept).await.problem(409, "ahead");
    }
    house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
    assert_eq!(changes(0, "application/json").await.json()["changes"], json!([]));
    changes(1, "application/json").await.problem(409, "ahead");
}

#[tokio::test]
async fn the_feed_is_for_keys_that_may_export() {
    let house = House::new();
    for (scopes, accept) in [("ask", "application/json"), ("ask write admin", "text/event-stream")] {
        let key = house.new_key_to(scopes);
        let request = get(&key, "").header(header::ACCEPT, accept).body(Body::empty()).unwrap();
        house.send(request).await.problem(403, "wrong-key");
    }
    let nobody = Request::get("/v1/sites/adforge/changes").body(Body::empty()).unwrap();
    house.send(nobody).await.problem(401, "wrong-key");
    let key = house.new_key_to("export");
    for query in ["?limit=0", "?limit=513", "?after=-1", "?after=x", "?other=1"] {
        house.send(get(&key, query).body(Body::empty()).unwrap()).await.problem(400, "malformed");
    }
    // Wherever it is said, and whatever is asked for.
    for last in ["x", "+1", "1.0"] {
        let request = get(&key, "").header("last-event-id", last);
        house.send(request.body(Body::empty()).unwrap()).await.problem(400, "malformed");
    }
    let streamed = get(&key, "?limit=0").header(header::ACCEPT, "text/event-stream");
    house.send(streamed.body(Body::empty()).unwrap()).await.problem(400, "malformed");
    let request = get(&key, "").header(header::ACCEPT, "text/event-stream").header("last-event-id", "x");
    house.send(request.body(Body::empty()).unwrap()).await.problem(400, "malformed");
}
