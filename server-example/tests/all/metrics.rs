//! `GET /metrics`, on a listener of its own.

use crate::binary::{Server, agent, post, serve};
use crate::house::*;
use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::json;
use std::collections::BTreeSet;
use tower::ServiceExt;

/// A counter's or gauge's value.
fn value(text: &str, series: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no `{series}` in {text}")).parse().unwrap()
}

#[tokio::test]
async fn requests_problems_and_choices_are_counted() {
    let house = House::new();
    let browser = Browser::new();
    let choice = house.choice(json!({ "outcome": "all-granted" }));
    for status in [201, 200] {
        assert_eq!(house.post(&browser, &choice).await.status, status);
    }
    house.post(&browser.impostor(), &choice).await.problem(403, "wrong-secret");
    house.send(get("/adforge.js")).await;
    house.send(get("/nothing/at/all")).await;
    house.send(Request::builder().method(Method::DELETE).uri("/health").body(Body::empty()).unwrap()).await;
    house.ask(&house.new_key(), &json!({ "subject": browser.subject(), "purpose": "marketing" })).await;

    let text = house.app.metrics().text();
    for (series, expected) in [
        (r#"consentry_requests_total{route="/v1/sites/{site}/choices",method="POST",status="2xx"}"#, 2),
        (r#"consentry_requests_total{route="/v1/sites/{site}/choices",method="POST",status="4xx"}"#, 1),
        (r#"consentry_requests_total{route="/v1/sites/{site}/decisions",method="POST",status="2xx"}"#, 1),
        (r#"consentry_requests_total{route="/{script}",method="GET",status="2xx"}"#, 1),
        (r#"consentry_requests_total{route="none",method="GET",status="4xx"}"#, 1),
        (r#"consentry_requests_total{route="/health",method="other",status="4xx"}"#, 1),
        (r#"consentry_request_seconds_count{route="/v1/sites/{site}/choices"}"#, 3),
        (r#"consentry_problems_total{problem="wrong-secret"}"#, 1),
        (r#"consentry_problems_total{problem="not-found"}"#, 1),
        (r#"consentry_kept_total{site="adforge",event="choice"}"#, 1),
        ("consentry_store_errors_total", 0),
        ("consentry_requests_in_flight", 0),
        ("consentry_appends_waiting", 0),
    ] {
        assert_eq!(value(&text, series), expected, "{series}");
    }
    house.store.close().await;
    house.post(&browser, &house.choice(json!({ "outcome": "all-refused" }))).await.problem(503, "unavailable");
    assert_eq!(value(&house.app.metrics().text(), "consentry_store_errors_total"), 1);
}

#[tokio::test]
async fn how_much_is_asked_at_once_is_counted_by_route() {
    let house = House::new();
    let (key, path) = (house.new_key(), "/v1/sites/adforge/filter");
    let question = json!({ "subject": Browser::new().subject(), "purpose": "marketing" });
    house.ask(&key, &question).await;
    house.ask(&key, &json!({ "questions": vec![&question; 30] })).await;
    let lists = ["".to_owned(), format!("{}\n", Browser::new().subject()).repeat(1_001), "nobody".to_owned()];
    for list in lists {
        let request = Request::post(format!("{path}?purpose=marketing")).header(header::CONTENT_TYPE, "text/plain");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {key}")).body(Body::from(list)).unwrap();
        // The last is broken off, which counts as well.
        let answer = house.router.clone().oneshot(request).await.unwrap();
        drop(axum::body::to_bytes(answer.into_body(), usize::MAX).await);
    }
    // What is no question counts as none, and neither does what no key may ask.
    house.ask(&key, &json!({ "subject": "nobody" })).await;
    house.ask(&house.new_key_to("export"), &question).await.problem(403, "wrong-key");

    let text = house.app.metrics().text();
    let series = |name: &str, labels: &str| value(&text, &format!("consentry_questions_{name}{{{labels}}}"));
    let (decisions, filter) = (r#"route="/v1/sites/{site}/decisions""#, r#"route="/v1/sites/{site}/filter""#);
    assert_eq!((series("count", decisions), series("count", filter)), (2, 3));
    for (bound, expected) in
        [("1.0", [1, 2]), ("20.0", [1, 2]), ("50.0", [2, 2]), ("1000.0", [2, 2]), ("10000.0", [2, 3])]
    {
        let under = |route: &str| series("bucket", &format!(r#"le="{bound}",{route}"#));
        assert_eq!([under(decisions), under(filter)], expected, "{bound}");
    }
    assert!(text.contains(&format!("consentry_questions_sum{{{filter}}} 1001.0\n")), "{text}");
}

#[tokio::test]
async fn who_listens_to_a_feed_is_counted_until_they_are_gone() {
    let house = House::new();
    let key = house.new_key_to("export");
    let listen = async || {
        let request = Request::get("/v1/sites/adforge/changes").header(header::ACCEPT, "text/event-stream");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {key}")).body(Body::empty()).unwrap();
        house.router.clone().oneshot(request).await.unwrap().into_body()
    };
    let count = || value(&house.app.metrics().text(), "consentry_feed_listeners");
    assert_eq!(count(), 0);
    let (first, second) = (listen().await, listen().await);
    assert_eq!(count(), 2);
    drop(first);
    assert_eq!(count(), 1);
    // A page at a time is no listening.
    house.call(&key, Method::GET, "/v1/sites/adforge/changes", None).await;
    assert_eq!(count(), 1);
    drop(second);
    assert_eq!(count(), 0);
}

/// Readers of other makes read this file (tests/peers). Within a family the order is nobody's.
#[tokio::test]
async fn what_is_written_is_the_golden_file() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let question = json!({ "subject": browser.subject(), "purpose": "marketing" });
    house.ask(&house.new_key(), &json!({ "questions": [question, question] })).await;
    house.send(get("/health")).await;
    house.send(get("/nothing/at/all")).await.problem(404, "not-found");
    let text = house.app.metrics().text();
    let golden = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/metrics.txt")).unwrap();
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&text), sorted(&golden), "if that is meant, tests/golden/metrics.txt is to be:\n{text}");
}

#[tokio::test]
async fn how_long_an_answer_took_is_by_the_clock() {
    let house = House::new();
    house.send(get("/health")).await;
    // The clock in hand did not move.
    assert!(house.app.metrics().text().contains("consentry_request_seconds_sum{route=\"/health\"} 0.0\n"));
}

#[tokio::test]
async fn no_label_is_anything_that_a_client_could_make_up() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    for path in
        ["/made-up.js", "/v1/sites/made-up/record", "/made-up", "/problems/made-up", "/assets/made-up.js?made-up"]
    {
        let request = Request::builder().method("MADE-UP").uri(path).header(header::ORIGIN, "https://made-up.example");
        house.send(request.header(header::USER_AGENT, "made-up").body(Body::empty()).unwrap()).await;
        house.send(get(path)).await;
    }
    let text = house.app.metrics().text();
    for forbidden in ["made-up", "MADE-UP", &browser.device, &browser.secret, ORIGIN] {
        assert!(!text.contains(forbidden), "`{forbidden}` is in {text}");
    }
    let names: BTreeSet<&str> = text
        .split('{')
        .skip(1)
        .flat_map(|rest| rest.split('"').step_by(2))
        .filter_map(|part| part.strip_suffix('='))
        .collect();
    let names: BTreeSet<&str> = names.iter().map(|name| name.trim_start_matches(',')).collect();
    let known = BTreeSet::from(["event", "le", "method", "problem", "route", "site", "status"]);
    assert!(names.is_subset(&known), "{names:?}");
}

#[test]
fn metrics_are_on_their_own_listener_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(folder.path());
    command.args(["--metrics-listen", "127.0.0.1:0"]);
    let mut server = Server::of(command);
    let metrics = server.printed("metrics on ");
    let agent = agent();
    let choice = choice(&adforge(), json!({ "outcome": "all-refused" }));
    assert_eq!(post(&agent, &server.url, &Browser::new(), &choice), Some(201));
    let mut answer = agent.get(&metrics).call().unwrap();
    assert_eq!(answer.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = answer.body_mut().read_to_string().unwrap();
    assert_eq!(value(&text, r#"consentry_kept_total{site="adforge",event="choice"}"#), 1);
    assert_eq!(value(&text, "consentry_connections"), 1);
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert_eq!(agent.get(format!("{}/metrics", server.url)).call().unwrap().status(), 404);
    assert_eq!(agent.get(metrics.replace("/metrics", "/ready")).call().unwrap().status(), 404);
    assert!(server.stop().0.success());
}

#[test]
fn the_documentation_lists_every_metric() {
    let read = |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (docs, source) = (read("../docs/operating.md"), read("src/metrics.rs"));
    let table = docs.split("| metric |").nth(1).unwrap().split("\n\n").next().unwrap();
    let documented: BTreeSet<&str> = table
        .split("| `consentry_")
        .skip(1)
        .map(|row| row.split('`').next().unwrap().trim_end_matches("_total"))
        .collect();
    let registered: BTreeSet<&str> =
        source.split("registry.register(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(documented, registered);
    assert!(registered.len() > 5);
}
