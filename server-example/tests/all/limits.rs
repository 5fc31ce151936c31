//! Allowances: by address, by API key, by site, and of all that is under way.

use crate::binary::{Server, serve};
use crate::house::*;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use consentry_server::{ApiKey, Limits, Peer};
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::IpAddr;
use std::num::NonZeroU32;

const ONE: Option<NonZeroU32> = Some(NonZeroU32::MIN);
/// What an allowance of one a second is at once.
const BURST: usize = 10;
const SECOND_MS: u64 = 1_000;

const NONE: Limits = Limits {
    address_per_second: None,
    key_per_second: None,
    site_per_second: None,
    in_flight_max: NonZeroU32::MAX,
    connections_max: NonZeroU32::MAX,
};

fn house(limits: Limits) -> House {
    House::with(|config| config.limits = limits)
}

fn from(address: &str, mut request: Request<Body>) -> Request<Body> {
    request.extensions_mut().insert(Peer(address.parse::<IpAddr>().unwrap()));
    request
}

#[tokio::test]
async fn an_address_that_asks_too_much_waits_and_others_do_not() {
    let house = house(Limits { address_per_second: ONE, ..NONE });
    let ask = async |address: &str| house.send(from(address, get("/adforge.js"))).await;
    for _ in 0..BURST {
        assert_eq!(ask("198.51.100.7").await.status, StatusCode::OK);
    }
    let refused = ask("198.51.100.7").await;
    refused.problem(429, "too-many-requests");
    assert_eq!(refused.header("retry-after"), "1");
    // The same whether it comes as IPv4 or as IPv4 within IPv6.
    ask("::ffff:198.51.100.7").await.problem(429, "too-many-requests");
    assert_eq!(ask("198.51.100.8").await.status, StatusCode::OK);
    // Nor does it hold up whoever asks whether the process is alive.
    assert_eq!(house.send(from("198.51.100.7", get("/health"))).await.status, StatusCode::OK);
    house.move_clock(SECOND_MS);
    assert_eq!(ask("198.51.100.7").await.status, StatusCode::OK);
    ask("198.51.100.7").await.problem(429, "too-many-requests");
}

#[tokio::test]
async fn a_network_of_ipv6_has_one_allowance_however_many_addresses_it_has() {
    let house = house(Limits { address_per_second: ONE, ..NONE });
    for last in 0..BURST {
        let answer = house.send(from(&format!("2001:db8:1:2::{last:x}"), get("/ready"))).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    house.send(from("2001:db8:1:2:ffff::1", get("/ready"))).await.problem(429, "too-many-requests");
    assert_eq!(house.send(from("2001:db8:1:3::1", get("/ready"))).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_page_may_read_that_it_has_to_wait_and_nothing_is_kept() {
    let house = house(Limits { address_per_second: ONE, ..NONE });
    let browser = Browser::new();
    for _ in 0..BURST {
        house.send(from("198.51.100.7", browser.get_record())).await;
    }
    let choice = house.choice(json!({ "outcome": "all-refused" }));
    let refused = house.send(from("198.51.100.7", browser.post(&choice))).await;
    refused.problem(429, "too-many-requests");
    assert_eq!(refused.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(refused.header("access-control-expose-headers"), "retry-after");
    assert_eq!(house.counts(), (0, 0));
}

#[tokio::test]
async fn behind_a_proxy_the_address_is_the_one_that_it_names() {
    let house = House::with(|config| {
        config.limits = Limits { address_per_second: ONE, ..NONE };
        config.client_address_header = Some("x-forwarded-for".parse().unwrap());
    });
    let ask = async |client: &str| {
        let mut request = from("192.0.2.1", get("/ready"));
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        house.send(request).await
    };
    for turn in 0..BURST {
        // What a client invents stands before what the proxy adds.
        assert_eq!(ask(&format!("203.0.113.{turn}, 198.51.100.7")).await.status, StatusCode::OK);
    }
    ask("203.0.113.99, 198.51.100.7").await.problem(429, "too-many-requests");
    assert_eq!(ask("198.51.100.8").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_key_has_an_allowance_of_its_own_wherever_it_is_used() {
    let house = house(Limits { key_per_second: ONE, ..NONE });
    let (key, other) = (house.new_key(), house.new_key());
    let question = json!({ "subject": Browser::new().subject(), "purpose": "marketing" });
    for _ in 0..BURST {
        assert_eq!(house.ask(&key, &question).await.status, StatusCode::OK);
    }
    let refused = house.send(from("198.51.100.7", ask(&key, &question))).await;
    refused.problem(429, "too-many-requests");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(house.ask(&other, &question).await.status, StatusCode::OK);
    house.move_clock(SECOND_MS);
    assert_eq!(house.ask(&key, &question).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_back_end_is_not_limited_by_its_address_and_whoever_guesses_keys_is() {
    let house = house(Limits { address_per_second: ONE, ..NONE });
    let key = house.new_key();
    let question = json!({ "subject": Browser::new().subject(), "purpose": "marketing" });
    let send = async |key: &str| house.send(from("198.51.100.7", ask(key, &question))).await;
    for _ in 0..5 * BURST {
        assert_eq!(send(&key).await.status, StatusCode::OK);
    }
    let mut refused = 0;
    for _ in 0..2 * BURST {
        let guess = ApiKey::generate().unwrap().reveal();
        let answer = send(&guess).await;
        refused += usize::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
    }
    // The first request with the right key counted by its address, too.
    assert_eq!(refused, BURST + 1);
    // Nor may somebody without any key ask on.
    send("none").await.problem(429, "too-many-requests");
    assert_eq!(send(&key).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_site_has_an_allowance_for_all_its_visitors_and_back_ends() {
    let house = house(Limits { site_per_second: ONE, ..NONE });
    for _ in 0..BURST {
        house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
    }
    let choice = house.choice(json!({ "outcome": "all-refused" }));
    house.post(&Browser::new(), &choice).await.problem(429, "too-many-requests");
    let question = json!({ "subject": Browser::new().subject(), "purpose": "marketing" });
    house.ask(&house.new_key(), &question).await.problem(429, "too-many-requests");
    // What is in memory costs the others nothing.
    assert_eq!(house.send(get("/adforge.js")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_preflight_has_a_fixed_allowance_like_any_request() {
    let house = house(Limits { address_per_second: ONE, ..NONE });
    let preflight = || {
        let request = Request::options("/v1/sites/adforge/choices").header(header::ORIGIN, ORIGIN);
        from("198.51.100.7", request.body(Body::empty()).unwrap())
    };
    for _ in 0..BURST {
        assert_eq!(house.send(preflight()).await.status, StatusCode::NO_CONTENT);
    }
    house.send(preflight()).await.problem(429, "too-many-requests");
}

#[test]
fn no_more_is_under_way_at_once_than_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(folder.path());
    command.env("CONSENTRY_REQUESTS_IN_FLIGHT_MAX", "1");
    let server = Server::of(command);
    let body = choice(&adforge(), json!({ "outcome": "all-refused" })).to_string();
    let mut stream = server.connect();
    write!(
        stream,
        "POST /v1/sites/adforge/choices HTTP/1.1\r\nHost: x\r\nOrigin: {ORIGIN}\r\nAuthorization: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n",
        Browser::new().authorization(),
        body.len()
    )
    .unwrap();
    let mut answer = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    answer.read_line(&mut line).unwrap();
    // The server says so once somebody reads the body: the request is under way.
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");

    let agent = crate::binary::agent();
    let ask = |path: &str| agent.get(format!("{}{path}", server.url)).call().unwrap();
    let refused = ask("/ready");
    assert_eq!(
        (refused.status(), &refused.headers()["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
    );
    assert_eq!(ask("/health").status(), 200);

    stream.write_all(body.as_bytes()).unwrap();
    let mut rest = String::new();
    answer.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("HTTP/1.1 201 Created\r\n"), "{rest}");
    assert_eq!(ask("/ready").status(), 200);
    assert!(server.stop().0.success());
}
