//! `GET /assets/{name}`

use crate::house::*;
use crate::script::decompressed;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use consentry_core::wire::CentreDoc;
use consentry_core::{Language, Parts, Policy, Regime};
use sha2::{Digest, Sha384};

fn integrity(bytes: &[u8]) -> String {
    format!("sha384-{}", STANDARD.encode(Sha384::digest(bytes)))
}

#[tokio::test]
async fn what_the_boot_document_names_is_there_as_it_says() {
    let house = House::new();
    let boot = house.boot("/adforge.js", &[]).await;
    for (file, media_type) in [
        ("js", "text/javascript; charset=utf-8"),
        ("wasm", "application/wasm"),
        ("centre", "application/json"),
        ("more", "text/javascript; charset=utf-8"),
        ("debug", "text/javascript; charset=utf-8"),
    ] {
        let (path, promised) = (boot["widget"][file][0].as_str().unwrap(), boot["widget"][file][1].as_str().unwrap());
        for encoding in ["identity", "br"] {
            let request = Request::get(path).header("accept-encoding", encoding).body(Body::empty()).unwrap();
            let answer = house.send(request).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            let bytes = if encoding == "br" { decompressed(&answer.body) } else { answer.body.to_vec() };
            assert_eq!(integrity(&bytes), promised, "{path}");
            assert_eq!(answer.header("content-type"), media_type);
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
            assert_eq!(answer.header("vary"), "accept-encoding");
            assert_eq!(answer.header("content-encoding"), if encoding == "br" { "br" } else { "" });
        }
    }
    for (file, content) in [("js", WIDGET_JS), ("more", MORE_JS), ("debug", DEBUG_JS)] {
        let answer = house.send(get(boot["widget"][file][0].as_str().unwrap())).await;
        assert_eq!(answer.text(), content);
    }
}

#[tokio::test]
async fn every_language_and_regime_has_its_centre_document() {
    let house = House::with(|config| config.jurisdiction_header = Some("x-country".parse().unwrap()));
    for language in ["en", "de"] {
        for (country, regime) in [("DE", Regime::OptIn), ("US-CA", Regime::OptOut)] {
            let boot = house.boot("/adforge.js", &[("accept-language", language), ("x-country", country)]).await;
            let path = boot["widget"]["centre"][0].as_str().unwrap();
            assert!(
                path.starts_with(&format!("/assets/adforge.{language}.{regime}.")) && path.ends_with(".json"),
                "{path}"
            );
            let answer = house.send(get(path)).await;
            let centre: CentreDoc = serde_json::from_slice(&answer.body).unwrap();
            let notice = house.published.notice(&language.parse::<Language>().unwrap(), regime).unwrap();
            assert_eq!((centre.hash, centre.notice), (house.published.policy.hash(), notice.hash));
            assert_eq!((centre.language.as_str(), centre.regime, &centre.texts), (language, regime, &notice.texts));
            // The browser decides with the same policy.
            let policy = Policy::new(Parts::from(centre.policy), centre.hash).unwrap();
            assert_eq!(policy, house.published.policy);
        }
    }
}

#[tokio::test]
async fn a_name_changes_with_the_file() {
    let (house, other) = (
        House::new(),
        House::with(|config| {
            config.browser_files = Some(consentry_server::BrowserFiles::of(&files("/* later */")).unwrap());
        }),
    );
    let (before, after) = (house.boot("/adforge.js", &[]).await, other.boot("/adforge.js", &[]).await);
    assert_ne!(before["widget"]["js"], after["widget"]["js"]);
    assert_eq!(before["widget"]["wasm"], after["widget"]["wasm"]);
    other.send(get(before["widget"]["js"][0].as_str().unwrap())).await.problem(404, "not-found");
}
