//! `POST /v1/sites/{site}/choices`

use crate::house::*;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

const PATH: &str = "/v1/sites/adforge/choices";

#[tokio::test]
async fn a_choice_is_kept_and_its_receipt_says_when_and_how_long() {
    let house = House::new();
    let choice = house.choice(json!({ "stances": { "marketing": "grant" } }));
    let answer = house.post(&Browser::new(), &choice).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let receipt = json!({
        "v": 1, "id": choice["id"], "seq": 0, "recorded_at_ms": START_MS, "expires_at_ms": START_MS + 365 * DAY_MS,
        "policy": choice["policy"], "notice": choice["notice"],
    });
    assert_eq!(answer.json(), receipt);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(house.counts(), (1, 1));
}

#[tokio::test]
async fn r12_a_refusal_holds_as_long_as_a_grant() {
    let house = House::new();
    let granted = house.choose(&Browser::new(), json!({ "outcome": "all-granted" })).await;
    let refused = house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
    assert_eq!(granted["expires_at_ms"], refused["expires_at_ms"]);
}

#[tokio::test]
async fn the_same_choice_again_gets_the_same_receipt_and_adds_nothing() {
    let house = House::new();
    let browser = Browser::new();
    let choice = house.choice(json!({ "stances": { "marketing": "grant", "analytics": "refuse" } }));
    let first = house.post(&browser, &choice).await;
    house.move_clock(DAY_MS);
    let again = house.post(&browser, &choice).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, first.json()));
    assert_eq!(house.counts(), (1, 1));
}

#[tokio::test]
async fn an_outcome_by_name_is_the_choice_that_it_spells_out() {
    let house = House::new();
    let browser = Browser::new();
    let by_name = house.choice(json!({ "outcome": "all-refused" }));
    house.post(&browser, &by_name).await;
    let stances: Value = house.published.policy.choosable().map(|target| (target.to_string(), "refuse")).collect();
    let spelt_out = house.choice(json!({ "id": by_name["id"], "stances": stances }));
    assert_eq!(house.post(&browser, &spelt_out).await.status, StatusCode::OK);
    let kept = &house.send(browser.get_record()).await.json()["events"][0]["choice"];
    assert_eq!(*kept, spelt_out);
}

#[tokio::test]
async fn an_id_names_one_choice_only() {
    let house = House::new();
    let (browser, other) = (Browser::new(), Browser::new());
    let choice = house.choice(json!({ "stances": { "marketing": "grant" } }));
    house.post(&browser, &choice).await;
    for (name, value) in [("stances", json!({ "marketing": "refuse" })), ("surface", json!("centre"))] {
        let mut changed = choice.clone();
        changed[name] = value;
        house.post(&browser, &changed).await.problem(409, "id-reused");
    }
    // Somebody else's, although it says the same.
    house.post(&other, &choice).await.problem(409, "id-reused");
    assert_eq!(house.counts(), (1, 1));
}

#[tokio::test]
async fn only_whoever_made_the_first_choice_makes_the_next() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-refused" })).await;
    let choice = house.choice(json!({ "outcome": "all-granted" }));
    house.post(&browser.impostor(), &choice).await.problem(403, "wrong-secret");
    assert_eq!(house.counts(), (1, 1));
    assert_eq!(house.post(&browser, &choice).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn of_two_first_choices_at_once_with_two_secrets_one_wins() {
    let house = House::new();
    for _ in 0..50 {
        let browser = Browser::new();
        let impostor = browser.impostor();
        let (mine, theirs) = (
            house.choice(json!({ "stances": { "marketing": "refuse" } })),
            house.choice(json!({ "stances": { "marketing": "grant" } })),
        );
        let (mine, theirs) = tokio::join!(house.post(&browser, &mine), house.post(&impostor, &theirs));
        let (won, lost) = if mine.status == StatusCode::CREATED { (mine, theirs) } else { (theirs, mine) };
        assert_eq!(won.status, StatusCode::CREATED);
        lost.problem(403, "wrong-secret");
    }
    assert_eq!(house.counts(), (50, 50));
}

#[tokio::test]
async fn without_a_secret_nothing_is_kept() {
    let house = House::new();
    let Browser { device, secret } = Browser::new();
    let choice = house.choice(json!({ "outcome": "all-granted" }));
    for authorization in [
        String::new(),
        format!("{device}.{secret}"),
        format!("Basic {device}.{secret}"),
        format!("Bearer {device}"),
        format!("Bearer {device}.{}", &secret[1..]),
        format!("Bearer device:{device}.{secret}"),
    ] {
        let request = Request::post(PATH).header(header::ORIGIN, ORIGIN).header(header::AUTHORIZATION, &authorization);
        let answer = house.send(with_json(request, &choice)).await;
        answer.problem(401, "wrong-secret");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let answer = house.send(with_json(Request::post(PATH).header(header::ORIGIN, ORIGIN), &choice)).await;
    answer.problem(401, "wrong-secret");
    assert_eq!(house.counts(), (0, 0));
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_speak() {
    let house = House::new();
    let browser = Browser::new();
    let choice = house.choice(json!({ "outcome": "all-granted" }));
    for origin in [
        "https://evil.example",
        "null",
        "*",
        "",
        "https://adforge.example.evil.example",
        "http://adforge.example",
        "https://adforge.example:444",
        "https://adforge.example/",
        "HTTPS://ADFORGE.EXAMPLE",
    ] {
        let mut request = browser.post(&choice);
        request.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
        let answer = house.send(request).await;
        answer.problem(403, "foreign-origin");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
    }
    let mut request = browser.post(&choice);
    request.headers_mut().remove(header::ORIGIN);
    house.send(request).await.problem(403, "foreign-origin");
    assert_eq!(house.counts(), (0, 0));
}

#[tokio::test]
async fn origins_of_a_demo_can_be_added() {
    let demo = "http://127.0.0.1:4871";
    let house = House::with(|config| config.more_origins = vec![demo.parse().unwrap()]);
    for origin in [demo, ORIGIN] {
        let mut request = Browser::new().post(&house.choice(json!({ "outcome": "all-refused" })));
        request.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
        let answer = house.send(request).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        assert_eq!(answer.header("access-control-allow-origin"), origin);
    }
}

#[tokio::test]
async fn a_preflight_is_answered_for_the_sites_own_pages() {
    let house = House::new();
    for path in [PATH, "/v1/sites/adforge/record", "/v1/sites/adforge/signals", "/v1/sites/adforge/demands"] {
        let preflight = |origin: &str| {
            let request = Request::builder().method(Method::OPTIONS).uri(path).header(header::ORIGIN, origin);
            let request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
            request.header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type").body(Body::empty())
        };
        let answer = house.send(preflight(ORIGIN).unwrap()).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
        assert_eq!(answer.header("access-control-allow-headers"), "authorization, consentry-identity, content-type");
        assert_eq!(answer.header("access-control-allow-methods"), "GET, POST");
        assert_eq!(answer.header("access-control-max-age"), "7200");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert_eq!(answer.header("vary"), "origin");
        let answer = house.send(preflight("https://evil.example").unwrap()).await;
        answer.problem(403, "foreign-origin");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn a_page_can_read_its_problem() {
    let house = House::new();
    let choice = house.choice(json!({ "policy": "0".repeat(64), "outcome": "all-granted" }));
    let answer = house.post(&Browser::new(), &choice).await;
    answer.problem(409, "policy-superseded");
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(answer.header("access-control-expose-headers"), "retry-after");
}

#[tokio::test]
async fn an_unknown_site_is_not_found() {
    let house = House::new();
    for site in ["nobody", "ADFORGE", "adforge%2F", "%ff", "..", &"a".repeat(100)] {
        let request = Browser::new().request(Method::POST, &format!("/v1/sites/{site}/choices"));
        let choice = house.choice(json!({ "outcome": "all-granted" }));
        house.send(with_json(request, &choice)).await.problem(404, "unknown-site");
    }
    assert_eq!(house.counts(), (0, 0));
}

#[tokio::test]
async fn a_choice_longer_than_64_kib_is_too_large() {
    let house = House::new();
    let browser = Browser::new();
    let mut body = house.choice(json!({ "outcome": "all-granted" })).to_string();
    body.push_str(&" ".repeat(64 * 1024 - body.len()));
    let post = |body: String| {
        let request = browser.request(Method::POST, PATH).header(header::CONTENT_TYPE, "application/json");
        request.body(Body::from(body)).unwrap()
    };
    house.send(post(format!("{body} "))).await.problem(413, "too-large");
    assert_eq!(house.counts(), (0, 0));
    assert_eq!(house.send(post(body)).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_choice_is_json() {
    let house = House::new();
    let body = house.choice(json!({ "outcome": "all-granted" })).to_string();
    for media_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let request = Browser::new().request(Method::POST, PATH).header(header::CONTENT_TYPE, media_type);
        house.send(request.body(Body::from(body.clone())).unwrap()).await.problem(415, "malformed");
    }
    let request = Browser::new().request(Method::POST, PATH);
    house.send(request.body(Body::from(body)).unwrap()).await.problem(415, "malformed");
    assert_eq!(house.counts(), (0, 0));
}

#[tokio::test]
async fn what_is_not_a_choice_is_malformed() {
    let house = House::new();
    let subject = Browser::new().subject();
    for (fields, detail) in [
        (json!({}), "expected either `outcome` or `stances`"),
        (json!({ "outcome": "all-granted", "stances": { "marketing": "grant" } }), "expected either"),
        (json!({ "stances": {} }), "at least one stance"),
        (json!({ "v": 2, "outcome": "all-granted" }), "expected version 1"),
        (json!({ "outcome": "all-granted", "processr": "x" }), "unknown field `processr`"),
        (json!({ "outcome": "granted" }), "expected one of"),
        (json!({ "id": null, "outcome": "all-granted" }), "missing field `id`"),
        (json!({ "id": "7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f", "outcome": "all-granted" }), "version 7 UUID"),
        (json!({ "stances": { "Marketing": "grant" } }), "`Marketing`: expected `purpose`"),
        (json!({ "stances": { "marketing": "accept" } }), "`accept`: expected one of `grant`, `refuse`"),
        (json!({ "stances": { "marketing": true } }), "expected a string"),
        (json!({ "stances": "all" }), "expected an object"),
        (json!({ "policy": subject, "outcome": "all-granted" }), "expected a SHA-256 hash"),
    ] {
        let answer = house.post(&Browser::new(), &house.choice(fields.clone())).await;
        let problem = answer.problem(400, "malformed");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{fields}: {problem}");
        assert!(!answer.text().contains(&subject), "{problem}");
    }
    for body in ["", "{", "[]", "null", "\u{0}", r#"{"v":1,"v":1}"#] {
        let request = Browser::new().request(Method::POST, PATH).header(header::CONTENT_TYPE, "application/json");
        house.send(request.body(Body::from(body)).unwrap()).await.problem(400, "malformed");
    }
    assert_eq!(house.counts(), (0, 0));
}

#[tokio::test]
async fn a_choice_is_about_what_the_policy_asks() {
    let house = House::new();
    for (target, name) in [
        ("ai-trainign", "unknown-purpose"),
        ("ai-trainign/kling", "unknown-purpose"),
        ("downstream-ai/sora", "unknown-processor"),
        ("marketing/kling", "unknown-processor"),
        ("security", "not-choosable"),
        ("service-messages/kling", "not-choosable"),
    ] {
        let choice = house.choice(json!({ "stances": { "marketing": "grant", target: "grant" } }));
        let problem = house.post(&Browser::new(), &choice).await.problem(422, name);
        let purpose = target.split('/').next().unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(purpose), "{problem}");
    }
    assert_eq!(house.counts(), (0, 0));
}

#[tokio::test]
async fn r14_a_choice_answers_a_notice_that_was_published_in_that_language() {
    let house = House::new();
    for (notice, language) in [("0".repeat(64), "en"), (house.notice("en"), "de"), (house.notice("de"), "fr")] {
        let choice = house.choice(json!({ "notice": notice, "language": language, "outcome": "all-granted" }));
        house.post(&Browser::new(), &choice).await.problem(422, "unknown-notice");
    }
    assert_eq!(house.counts(), (0, 0));
    house
        .choose(&Browser::new(), json!({ "notice": house.notice("de"), "language": "de", "outcome": "all-granted" }))
        .await;
}

#[tokio::test]
async fn a_choice_under_a_replaced_policy_names_the_one_in_force() {
    let house = House::new();
    let later = adforge_with("validity = \"365 days\"", "validity = \"180 days\"");
    let router = house.under(vec![later.clone()]);
    for fields in [
        json!({ "outcome": "all-granted" }),
        json!({ "outcome": "all-refused" }),
        json!({ "stances": { "marketing": "grant" } }),
        json!({ "stances": { "a-purpose-of-long-ago": "refuse" } }),
    ] {
        let answer = send(&router, Browser::new().post(&house.choice(fields))).await;
        let problem = answer.problem(409, "policy-superseded");
        assert_eq!(problem["current"], later.policy.hash().to_string());
    }
    assert_eq!(house.counts(), (0, 0));
}

#[tokio::test]
async fn the_same_choice_again_gets_its_receipt_even_after_the_policy_was_replaced() {
    let house = House::new();
    let browser = Browser::new();
    let later = house.under(vec![adforge_with("365 days", "180 days")]);
    for fields in [json!({ "outcome": "all-refused" }), json!({ "stances": { "marketing": "grant" } })] {
        let choice = house.choice(fields);
        let receipt = house.post(&browser, &choice).await.json();
        let counts = house.counts();
        let again = send(&later, browser.post(&choice)).await;
        assert_eq!(again.status, StatusCode::OK, "{}", again.text());
        assert_eq!((&again.json()["id"], &again.json()["seq"]), (&receipt["id"], &receipt["seq"]));

        let mut other = choice.clone();
        other["surface"] = json!("centre");
        let mut opposite = choice.clone();
        opposite.as_object_mut().unwrap().remove("outcome");
        opposite["stances"] = json!({ "marketing": "refuse", "analytics": "grant" });
        for request in [browser.post(&other), browser.post(&opposite), browser.impostor().post(&choice)] {
            send(&later, request).await.problem(409, "policy-superseded");
        }
        assert_eq!(house.counts(), counts);
    }
}

#[tokio::test]
async fn checks_come_in_their_order() {
    let house = House::new();
    // Everything is wrong with this request; taking one fault away shows the next.
    let wrong = || Request::builder().method(Method::POST).header(header::AUTHORIZATION, "Bearer nobody");
    let large = || Body::from("x".repeat(64 * 1024 + 1));
    let foreign = "https://evil.example";
    let unknown = "/v1/sites/nobody/choices";
    house
        .send(wrong().uri(unknown).header(header::ORIGIN, foreign).body(large()).unwrap())
        .await
        .problem(404, "unknown-site");
    house
        .send(wrong().uri(PATH).header(header::ORIGIN, foreign).body(large()).unwrap())
        .await
        .problem(403, "foreign-origin");
    house
        .send(wrong().uri(PATH).header(header::ORIGIN, ORIGIN).body(large()).unwrap())
        .await
        .problem(401, "wrong-secret");
    let registered = Browser::new();
    house.choose(&registered, json!({ "outcome": "all-refused" })).await;
    let from_page = || registered.impostor().request(Method::POST, PATH);
    house.send(from_page().body(large()).unwrap()).await.problem(413, "too-large");
    house.send(from_page().body(Body::from("x")).unwrap()).await.problem(415, "malformed");
    let choice =
        house.choice(json!({ "stances": { "nothing": "grant" }, "policy": "0".repeat(64), "notice": "0".repeat(64) }));
    house.send(with_json(from_page(), &choice)).await.problem(409, "policy-superseded");
    let choice = house.choice(json!({ "stances": { "nothing": "grant" }, "notice": "0".repeat(64) }));
    house.send(with_json(from_page(), &choice)).await.problem(422, "unknown-purpose");
    let choice = house.choice(json!({ "stances": { "marketing": "grant" }, "notice": "0".repeat(64) }));
    house.send(with_json(from_page(), &choice)).await.problem(422, "unknown-notice");
    let choice = house.choice(json!({ "stances": { "marketing": "grant" } }));
    house.send(with_json(from_page(), &choice)).await.problem(403, "wrong-secret");
    assert_eq!(house.counts(), (1, 1));
}

#[tokio::test]
async fn r5_reading_asking_and_preflights_leave_the_ledger_as_it_is() {
    let house = House::new();
    let (browser, key) = (Browser::new(), house.new_key());
    house.send(get("/adforge.js")).await;
    house.send(browser.get_record()).await;
    house.ask(&key, &json!({ "subject": browser.subject(), "purpose": "marketing" })).await;
    house.send(browser.request(Method::OPTIONS, PATH).body(Body::empty()).unwrap()).await;
    house
        .send(browser.request(Method::GET, PATH).body(Body::empty()).unwrap())
        .await
        .problem(405, "method-not-allowed");
    assert_eq!(house.counts(), (0, 0));
}
