//! `GET /{site}.js`

use crate::house::*;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use consentry_core::{Regime, Stance, Time, allowed_after};
use serde_json::{Value, json};

const PATH: &str = "/adforge.js";
const COUNTRY: &str = "x-country";

fn house_with_jurisdictions() -> House {
    House::with(|config| config.jurisdiction_header = Some(COUNTRY.parse().unwrap()))
}

#[tokio::test]
async fn the_boot_document_is_the_contracts() {
    let house = House::new();
    let boot = house.boot(PATH, &[]).await;
    let policy = &house.published.policy;
    let granted = [
        "ai-training",
        "downstream-ai",
        "downstream-ai/kie-ai",
        "downstream-ai/gemini",
        "downstream-ai/seedance",
        "downstream-ai/kling",
        "marketing",
        "analytics",
        "service-messages",
        "security",
    ];
    let mut expected = json!({
        "v": 1, "site": "adforge", "base": "", "policy": policy.hash(), "notice": house.notice("en"),
        "language": "en", "languages": ["en", "de", "fr"], "dir": "ltr", "regime": "opt-in", "valid_ms": 365 * DAY_MS, "rest_ms": 366 * DAY_MS,
        "allowed": {
            "nothing": ["service-messages", "security"], "refused": ["service-messages", "security"], "granted": granted,
        },
        // Global Privacy Control is honoured where nobody knows better, and speaks of nothing that AdForge does.
        "gpc": [],
        "names": { "measurement": "analytics", "necessary": "security" },
        "texts": {
            "title": "Your data at AdForge",
            "lines": [
                "AI training on your prompts and pictures",
                "AI processors: Kie.AI, Gemini, Seedance, Kling",
                "Marketing: news and offers by e-mail",
                "Cookies: counting visits",
            ],
            "accept": "Accept all", "refuse": "Refuse all", "choose": "Choose",
        },
    });
    let notice = house.published.notice(&"en".parse().unwrap(), Regime::OptIn).unwrap();
    for (field, key) in [
        ("text", "banner.text"),
        ("offline", "ui.offline"),
        ("failed", "ui.failed"),
        ("signal", "signal.honoured"),
        ("change_title", "change.title"),
        ("change_text", "change.text"),
        ("gate_off", "gate.off"),
        ("gate_allow", "gate.allow"),
    ] {
        expected["texts"][field] = json!(notice.texts.get(key));
    }
    let mut without_widget = boot.clone();
    without_widget.as_object_mut().unwrap().remove("widget");
    assert_eq!(without_widget, expected);
    assert_eq!(
        boot["widget"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["centre", "debug", "js", "more", "wasm"]
    );
}

#[tokio::test]
async fn r13_the_page_chooses_the_language_and_else_the_visitor() {
    let house = House::new();
    for (path, accepts, expected) in [
        (PATH, "", "en"),
        (PATH, "de", "de"),
        (PATH, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (PATH, "it,de;q=0.1", "de"),
        (PATH, "it", "en"),
        ("/adforge.js?lang=de", "en", "de"),
        ("/adforge.js?a=b&lang=de-CH", "en", "de"),
        ("/adforge.js?lang=it", "de", "de"),
        ("/adforge.js?lang=%3Cscript%3E", "", "en"),
    ] {
        let boot = house.boot(path, &[("accept-language", accepts)]).await;
        assert_eq!(boot["language"], expected, "{path} {accepts}");
        assert_eq!(boot["notice"], house.notice(expected));
    }
}

#[tokio::test]
async fn each_regime_has_its_own_decisions() {
    let house = house_with_jurisdictions();
    for (country, regime) in [
        ("US-CA", Regime::OptOut),
        ("DE", Regime::OptIn),
        ("US", Regime::OptIn),
        ("GB", Regime::Mixed),
        ("nonsense", Regime::OptIn),
    ] {
        for language in ["en", "de"] {
            let boot = house.boot(PATH, &[(COUNTRY, country), ("accept-language", language)]).await;
            let history = &house.published.history;
            let now = Time::from_ms(START_MS);
            let context =
                consentry_core::Context { jurisdiction: country.parse().ok(), ..consentry_core::Context::at(now) };
            let after = |stance: Option<Stance>| json!(allowed_after(history, stance, &context));
            assert_eq!(boot["regime"], regime.as_str(), "{country}");
            assert_eq!(boot["allowed"]["nothing"], after(None));
            assert_eq!(boot["allowed"]["refused"], after(Some(Stance::Refuse)));
            assert_eq!(boot["allowed"]["granted"], after(Some(Stance::Grant)));
            let notice = house.published.notice(&language.parse().unwrap(), regime).unwrap();
            assert_eq!(boot["notice"], notice.hash.to_string());
        }
    }
    let unknown = house.boot(PATH, &[]).await;
    assert_eq!(unknown["regime"], "opt-in");
    let in_california = house.boot(PATH, &[(COUNTRY, "US-CA")]).await;
    let nothing: Vec<&Value> = in_california["allowed"]["nothing"].as_array().unwrap().iter().collect();
    assert_eq!(nothing, ["analytics", "service-messages", "security"]);
}

#[tokio::test]
async fn a_visitor_cannot_say_where_they_are_unless_the_operator_listens() {
    let boot = House::new().boot(PATH, &[(COUNTRY, "US-CA")]).await;
    assert_eq!(boot["regime"], "opt-in");
}

#[tokio::test]
async fn headers_let_it_be_kept_by_everybody_or_by_one() {
    let house = House::new();
    let answer = house.send(get(PATH)).await;
    assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "public, max-age=300, stale-while-revalidate=86400");
    assert_eq!(answer.header("vary"), "accept-encoding, accept-language");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let answer = house_with_jurisdictions().send(get(PATH)).await;
    assert_eq!(answer.header("cache-control"), "private, max-age=300, stale-while-revalidate=86400");
    assert_eq!(answer.header("vary"), "accept-encoding, accept-language, x-country");
}

#[tokio::test]
async fn it_is_compressed_for_those_who_can_read_that() {
    let house = House::new();
    let plain = house.send(get(PATH)).await;
    let request = Request::get(PATH).header("accept-encoding", "gzip, br").body(Body::empty()).unwrap();
    let compressed = house.send(request).await;
    assert_eq!((plain.header("content-encoding"), compressed.header("content-encoding")), ("", "br"));
    assert_eq!(decompressed(&compressed.body), plain.body);
    assert!(compressed.body.len() < plain.body.len());
    assert_ne!(compressed.header("etag"), plain.header("etag"));
}

pub(crate) fn decompressed(compressed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    brotli::BrotliDecompress(&mut &compressed[..], &mut plain).unwrap();
    plain
}

#[tokio::test]
async fn whoever_has_it_is_not_sent_it_again() {
    let house = House::new();
    for encoding in ["identity", "br"] {
        let ask = |tag: &str| {
            let request = Request::get(PATH).header("accept-encoding", encoding).header("if-none-match", tag);
            house.send(request.body(Body::empty()).unwrap())
        };
        let first = ask("\"other\"").await;
        assert_eq!(first.status, StatusCode::OK);
        let tag = first.header("etag");
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        for known in [tag, &format!("W/{tag}"), &format!("\"other\", {tag}"), "*"] {
            let again = ask(known).await;
            assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
            for name in ["etag", "vary", "cache-control", "access-control-allow-origin", "cross-origin-resource-policy"]
            {
                assert_eq!(again.header(name), first.header(name), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn every_variant_has_a_tag_of_its_own() {
    let house = house_with_jurisdictions();
    let mut tags = std::collections::HashSet::new();
    for language in ["en", "de"] {
        for country in ["DE", "US-CA"] {
            for encoding in ["br", "identity"] {
                let request = Request::get(PATH).header("accept-language", language).header(COUNTRY, country);
                let request = request.header("accept-encoding", encoding).body(Body::empty()).unwrap();
                tags.insert(house.send(request).await.header("etag").to_owned());
            }
        }
    }
    assert_eq!(tags.len(), 8);
}

#[tokio::test]
async fn a_public_url_is_the_base() {
    let house = House::with(|config| config.public_url = "https://consent.example/c".into());
    assert_eq!(house.boot(PATH, &[]).await["base"], "https://consent.example/c");
}

#[tokio::test]
async fn its_length_can_be_asked_without_it() {
    let house = House::new();
    let request = Request::builder().method(Method::HEAD).uri(PATH).body(Body::empty()).unwrap();
    let answer = house.send(request).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0));
    assert_eq!(answer.header("content-length"), house.send(get(PATH)).await.body.len().to_string());
}

#[tokio::test]
async fn no_site_no_script() {
    let house = House::new();
    house.send(get("/nobody.js")).await.problem(404, "unknown-site");
    house.send(get("/ADFORGE.js")).await.problem(404, "unknown-site");
    house.send(get("/.js")).await.problem(404, "unknown-site");
    house.send(get("/adforge")).await.problem(404, "not-found");
    house.send(get("/adforge.css")).await.problem(404, "not-found");
}

#[tokio::test]
async fn without_browsers_files_there_is_the_api_alone() {
    let house = House::with(|config| config.browser_files = None);
    house.send(get(PATH)).await.problem(404, "not-found");
    house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
}
