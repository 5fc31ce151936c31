//! Of a list of subjects those for whom it is allowed.

use crate::house::*;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

const QUESTION: &str = "?purpose=marketing";

fn list(key: &str, query: &str, kind: &str, body: Body) -> Request<Body> {
    Request::post(format!("/v1/sites/adforge/filter{query}"))
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, kind)
        .body(body)
        .unwrap()
}

/// Somebody for each of these outcomes, and nobody has heard of the last.
async fn people(house: &House, outcomes: &[&str]) -> Vec<Browser> {
    let mut people = Vec::new();
    for outcome in outcomes {
        let browser = Browser::new();
        house.choose(&browser, json!({ "outcome": outcome })).await;
        people.push(browser);
    }
    people.push(Browser::new());
    people
}

#[tokio::test]
async fn who_is_allowed_comes_back_as_they_were_written_and_in_their_order() {
    let house = House::new();
    let key = house.new_key();
    let people = people(&house, &["all-granted", "all-refused", "all-granted"]).await;
    let allowed = [&people[2], &people[0]];
    let order = [3, 2, 1, 0].map(|place: usize| people[place].subject());
    let lines = |names: &[String]| names.iter().map(|name| format!("{name}\n")).collect::<String>();
    let quoted: Vec<String> = order.iter().map(|name| format!("\"{name}\"")).collect();
    let uuids = |names: &[String]| -> Vec<u8> {
        let bytes =
            |name: &String| u128::from_str_radix(&name["device:".len()..].replace('-', ""), 16).unwrap().to_be_bytes();
        names.iter().flat_map(bytes).collect()
    };
    let expected = allowed.map(Browser::subject);
    for (kind, body, expected) in [
        ("text/plain", lines(&order).into_bytes(), lines(&expected).into_bytes()),
        // Without a break at the end, with others, and with empty lines.
        ("text/plain; charset=utf-8", order.join("\r\n\n").into_bytes(), lines(&expected).into_bytes()),
        (
            "application/x-ndjson",
            lines(&quoted).into_bytes(),
            lines(&expected.clone().map(|name| format!("\"{name}\""))).into_bytes(),
        ),
        ("application/octet-stream", uuids(&order), uuids(&expected)),
        ("application/octet-stream", Vec::new(), Vec::new()),
    ] {
        let answer = house.send(list(&key, QUESTION, kind, Body::from(body))).await;
        assert_eq!((answer.status, answer.body.to_vec()), (StatusCode::OK, expected), "{kind}");
        assert!(answer.header("content-type").starts_with(kind.split(';').next().unwrap()));
    }
}

#[tokio::test]
async fn a_list_may_be_longer_than_any_batch_and_come_in_any_pieces() {
    let house = House::new();
    let key = house.new_key();
    let granted = people(&house, &["all-granted"]).await.remove(0);
    let mut text = String::new();
    for _ in 0..2_500 {
        text += &format!("{}\n", Browser::new().subject());
    }
    text += &format!("{}\n{}", granted.subject(), granted.subject());
    for size in [1_000_usize, 7, 100_000] {
        let pieces: Vec<Result<Bytes, std::convert::Infallible>> =
            text.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let answer = house.send(list(&key, QUESTION, "text/plain", body)).await;
        assert_eq!(answer.text(), format!("{0}\n{0}\n", granted.subject()), "{size}");
    }
}

#[tokio::test]
async fn r31_the_past_and_a_processor_can_be_asked_about() {
    let house = House::new();
    let (browser, key) = (Browser::new(), house.new_key());
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    house.move_clock(DAY_MS);
    house.choose(&browser, json!({ "stances": { "downstream-ai/kling": "refuse" } })).await;
    let subject = browser.subject();
    for (query, is_allowed) in [
        ("?purpose=downstream-ai&processor=kling".to_owned(), false),
        ("?purpose=downstream-ai&processor=gemini".to_owned(), true),
        (format!("?purpose=downstream-ai&processor=kling&as_of_ms={START_MS}"), true),
        (format!("?purpose=downstream-ai&processor=kling&as_of_ms={}", START_MS - 1), false),
    ] {
        let answer = house.send(list(&key, &query, "text/plain", Body::from(subject.clone()))).await;
        assert_eq!(!answer.text().is_empty(), is_allowed, "{query}");
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_refused_or_breaks_the_answer_off() {
    let house = House::new();
    let key = house.new_key();
    let granted = people(&house, &["all-granted"]).await.remove(0).subject();
    let long = "x".repeat(200);
    let uuids = vec![0x47; 16 * 8_192];
    for (kind, good, wrong) in [
        ("text/plain", format!("{granted}\n"), "somebody"),
        ("text/plain", format!("{granted}\n"), &*long),
        ("application/x-ndjson", format!("\"{granted}\"\n"), &*granted),
        ("application/octet-stream", String::new(), "not sixteen bytes a piece"),
    ] {
        let short = [good.as_bytes(), wrong.as_bytes()].concat();
        house.send(list(&key, QUESTION, kind, Body::from(short))).await.problem(400, "malformed");
        // After a batch the status has been sent.
        let batch = if good.is_empty() { uuids.clone() } else { good.repeat(8_192).into_bytes() };
        let body = [&*batch, wrong.as_bytes()].concat();
        let response = house.router.clone().oneshot(list(&key, QUESTION, kind, Body::from(body))).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.into_body().collect().await.is_err(), "{kind}");
    }
}

#[tokio::test]
async fn what_is_no_question_is_refused_before_anything_is_read() {
    let house = House::new();
    let key = house.new_key();
    for query in [
        "",
        "?processor=kling",
        "?purpose=marketing&colour=blue",
        "?purpose=Marketing!",
        "?purpose=marketing&subject=x",
        "?purpose=marketing&purpose=analytics",
        "?purpose=marketing&guardian=x",
    ] {
        house.send(list(&key, query, "text/plain", Body::empty())).await.problem(400, "malformed");
    }
    house.send(list(&key, QUESTION, "text/csv", Body::empty())).await.problem(415, "malformed");
    house.send(list("ck_x", QUESTION, "text/plain", Body::empty())).await.problem(401, "wrong-key");
    // A purpose that the policy does not have is allowed for nobody (R34).
    let granted = people(&house, &["all-granted"]).await.remove(0).subject();
    let answer = house.send(list(&key, "?purpose=telepathy", "text/plain", Body::from(granted))).await;
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, ""));
}
