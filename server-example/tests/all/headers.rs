//! The headers that every answer has, on every route that there is.

use crate::house::*;
use crate::receiver::may_tell_anybody;
use axum::body::Body;
use axum::http::{Method, Request};
use consentry_core::Time;
use consentry_server::{DeadLetter, Lease, NewWebhook, Progress, Transport, WebhookId};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Where the server says that it is reached: links in mails need it.
const PUBLIC_URL: &str = "https://consent.example";

/// The routes as the router has them.
fn routes() -> BTreeSet<String> {
    consentry_server::routes().map(|route| route.path.to_owned()).collect()
}

/// Each route of the documentation's table, with its `Cross-Origin-Resource-Policy` and its `Cache-Control`.
fn documented() -> Vec<(String, String, String)> {
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operating.md")).unwrap();
    let table = docs.split("| route |").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows = table.lines().skip(2).map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()));
    let row = |cells: Vec<String>| (cells[1].clone(), cells[3].clone(), cells[4].clone());
    rows.map(|cells| row(cells.collect())).collect()
}

/// A request that the route answers as it should.
async fn request(house: &House, route: &str) -> Request<Body> {
    let browser = Browser::new();
    let post = |path: &str, body| with_json(browser.request(Method::POST, path), &body);
    match route {
        "/v1/sites/{site}/choices" => browser.post(&house.choice(json!({ "outcome": "all-refused" }))),
        "/v1/sites/{site}/signals" => {
            post("/v1/sites/adforge/signals", json!({ "v": 1, "id": new_id(), "signal": "gpc" }))
        }
        "/v1/sites/{site}/demands" => {
            post("/v1/sites/adforge/demands", json!({ "v": 1, "id": new_id(), "demand": "restriction" }))
        }
        "/v1/sites/{site}/record" => browser.get_record(),
        "/v1/sites/{site}/export" => {
            browser.request(Method::GET, "/v1/sites/adforge/export").body(Body::empty()).unwrap()
        }
        "/v1/sites/{site}/cases" => {
            post("/v1/sites/adforge/cases", json!({ "v": 1, "id": new_id(), "right": "access" }))
        }
        "/v1/sites/{site}/cases/all" => back_end(house, "admin", Method::GET, "cases/all", None),
        "/v1/sites/{site}/cases/{id}" => {
            let case = json!({ "v": 1, "id": new_id(), "right": "access" });
            house.send(post("/v1/sites/adforge/cases", case.clone())).await;
            let path = format!("cases/{}", case["id"].as_str().unwrap());
            back_end(house, "admin", Method::POST, &path, Some(json!({ "v": 1, "state": "done" })))
        }
        "/v1/sites/{site}/state" => back_end(house, "export", Method::GET, "state", None),
        "/v1/sites/{site}/unsubscribe-links" => {
            let wanted = json!({ "v": 1, "subject": browser.subject(), "purpose": "marketing" });
            back_end(house, "write", Method::POST, "unsubscribe-links", Some(wanted))
        }
        "/v1/sites/{site}/unsubscribe/{token}" => {
            let wanted = json!({ "v": 1, "subject": browser.subject(), "purpose": "marketing" });
            let link =
                house.send(back_end(house, "write", Method::POST, "unsubscribe-links", Some(wanted))).await.json();
            get(link["url"].as_str().unwrap().trim_start_matches(PUBLIC_URL))
        }
        "/v1/sites/{site}/decisions" => {
            ask(&house.new_key(), &json!({ "subject": browser.subject(), "purpose": "marketing" }))
        }
        "/v1/sites/{site}/ledger/checkpoint" => get("/v1/sites/adforge/ledger/checkpoint"),
        "/v1/sites/{site}/ledger/keys" => get("/v1/sites/adforge/ledger/keys"),
        "/v1/sites/{site}/ledger/tile/{*tile}" => {
            house.choose(&browser, json!({ "outcome": "all-refused" })).await;
            get("/v1/sites/adforge/ledger/tile/0/000.p/1")
        }
        "/v1/sites/{site}/receipts/{id}" => {
            let receipt = house.choose(&browser, json!({ "outcome": "all-refused" })).await;
            let path = format!("/v1/sites/adforge/receipts/{}", receipt["id"].as_str().unwrap());
            browser.request(Method::GET, &path).body(Body::empty()).unwrap()
        }
        "/v1/sites/{site}/identity" => {
            post("/v1/sites/adforge/identity", json!({ "v": 1, "token": crate::identity::token("ada", json!({})) }))
        }
        "/v1/sites/{site}/accounts" => with_json(
            Request::post("/v1/sites/adforge/accounts").header("authorization", format!("Bearer {}", house.new_key())),
            &json!({ "v": 1, "ids": ["ada"] }),
        ),
        "/v1/sites/{site}/filter" => Request::post("/v1/sites/adforge/filter?purpose=marketing")
            .header("authorization", format!("Bearer {}", house.new_key()))
            .header("content-type", "text/plain")
            .body(Body::empty())
            .unwrap(),
        "/v1/sites/{site}/changes" | "/v1/sites/{site}/replica" => Request::get(route.replace("{site}", "adforge"))
            .header("authorization", format!("Bearer {}", house.new_key_to("export")))
            .body(Body::empty())
            .unwrap(),
        "/v1/sites/{site}/webhooks" | "/v1/sites/{site}/propagation" => {
            back_end(house, "admin", Method::GET, route.rsplit('/').next().unwrap(), None)
        }
        "/v1/sites/{site}/webhooks/{webhook}" => of_webhook(house, Method::DELETE, "", None).await,
        "/v1/sites/{site}/webhooks/{webhook}/rotate" => of_webhook(house, Method::POST, "/rotate", None).await,
        "/v1/sites/{site}/webhooks/{webhook}/dead-letters" => {
            of_webhook(house, Method::GET, "/dead-letters", None).await
        }
        "/v1/sites/{site}/webhooks/{webhook}/dead-letters/{seq}/retry" => {
            of_webhook(house, Method::POST, "/dead-letters/0/retry", None).await
        }
        "/v1/sites/{site}/webhooks/{webhook}/confirmations" => {
            of_webhook(house, Method::POST, "/confirmations", Some(json!({ "v": 1, "through": 0 }))).await
        }
        "/v1/sites/{site}/notices/{hash}" => get(&format!("/v1/sites/adforge/notices/{}", house.notice("en"))),
        "/assets/{name}" => get(house.boot("/adforge.js", &[]).await["widget"]["js"][0].as_str().unwrap()),
        "/problems/{name}" => get("/problems/malformed"),
        "/{script}" => get("/adforge.js"),
        "/health" | "/ready" | "/openapi" | "/openapi.json" => get(route),
        _ => panic!("no request for `{route}`: add one here"),
    }
}

/// A request of a back end with a key of this scope, below the site.
fn back_end(house: &House, scope: &str, method: Method, path: &str, body: Option<Value>) -> Request<Body> {
    let request = Request::builder().method(method).uri(format!("/v1/sites/adforge/{path}"));
    let request = request.header("authorization", format!("Bearer {}", house.new_key_to(scope)));
    match body {
        Some(body) => with_json(request, &body),
        None => request.body(Body::empty()).unwrap(),
    }
}

/// A request about a webhook that could not be told of the first entry and is past it.
async fn of_webhook(house: &House, method: Method, path: &str, body: Option<Value>) -> Request<Body> {
    let (id, site, at) = (WebhookId::generate().unwrap(), "adforge".parse().unwrap(), Time::from_ms(START_MS));
    let (url, processor) = ("https://hooks.example/".into(), None);
    assert!(house.store.add_webhook(NewWebhook { id, site, url, processor, at }).await.unwrap());
    let lease = Lease { holder: [1; 16], now: at, until: at };
    house.store.lease_webhook(id, lease).await.unwrap().unwrap();
    let letter = DeadLetter { seq: 0, at, dead_at: at, cause: "no answer in time".into(), is_wanted: false };
    assert!(house.store.progress_webhook(id, lease, Progress::GivenUp(letter)).await.unwrap());
    back_end(house, "admin write", method, &format!("webhooks/{id}{path}"), body)
}

fn check_common(answer: &Answer, route: &str) {
    for (name, value) in [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer")] {
        assert_eq!(answer.header(name), value, "{name} of {route}");
    }
    let policy = answer.header("content-security-policy");
    // The pages have styles of their own: see openapi.rs and unsubscribe.rs.
    if route == "/openapi" || route == "/v1/sites/{site}/unsubscribe/{token}" {
        assert!(policy.starts_with("default-src 'none'; ") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
    } else {
        assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'", "{route}");
    }
}

#[tokio::test]
async fn every_route_has_the_headers_that_the_documentation_says() {
    let house = crate::identity::house_with(|config| {
        may_tell_anybody(config);
        config.public_url = PUBLIC_URL.into();
    });
    let documented = documented();
    assert_eq!(documented.iter().map(|(route, ..)| route.clone()).collect::<BTreeSet<_>>(), routes());
    for (route, resource_policy, cache_control) in documented {
        let answer = house.send(request(&house, &route).await).await;
        assert!(answer.status.is_success(), "{route}: {}", answer.text());
        check_common(&answer, &route);
        assert_eq!(answer.header("cross-origin-resource-policy"), resource_policy, "{route}");
        assert_eq!(answer.header("cache-control"), cache_control, "{route}");
        // It would have a browser refuse what is not yet there.
        assert_eq!(answer.header("strict-transport-security"), "", "{route}");
    }
}

#[tokio::test]
async fn a_problem_has_them_too() {
    let house = House::new();
    for path in
        ["/nothing/at/all", "/nobody.js", "/v1/sites/adforge/record", "/v1/sites/adforge/decisions", "/assets/x"]
    {
        let answer = house.send(get(path)).await;
        assert!(answer.status.is_client_error());
        check_common(&answer, path);
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn only_under_tls_a_browser_is_told_to_insist_on_it() {
    let house = crate::identity::house_with(|config| {
        may_tell_anybody(config);
        config.transport = Transport::Tls;
        config.public_url = PUBLIC_URL.into();
    });
    for route in routes() {
        let answer = house.send(request(&house, &route).await).await;
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{route}");
    }
    assert_eq!(house.send(get("/nothing/at/all")).await.header("strict-transport-security"), "max-age=31536000");
}
