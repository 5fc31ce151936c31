//! `GET /openapi.json` and `GET /openapi`: what the server says about itself. That it then behaves so is found out by
//! tests/peers/test_openapi.py.

use crate::house::*;
use axum::http::{Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use consentry_core::wire::{Outcome, QUESTIONS_MAX};
use consentry_core::{
    Activity, AgeBand, DataForm, DemandKind, LANGUAGE_BYTES_MAX, LegalBasis, Period, Reason, Regime, STANCES_MAX,
    Safeguard, Signal, Stance, Surface,
};
use consentry_server::{Problem, Scope, routes};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

async fn document() -> Value {
    let answer = House::new().send(get("/openapi.json")).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    answer.json()
}

/// Each operation as `get /path`, with itself.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let mut operations = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
            operations.push((format!("{method} {path}"), operation));
        }
    }
    operations
}

/// Every object in it, however deep.
fn objects<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            found.push(value);
            fields.values().for_each(|value| objects(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| objects(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_address_and_method_is_described_and_none_more() {
    let document = document().await;
    let described: BTreeSet<String> = operations(&document).into_iter().map(|(name, _)| name).collect();
    // OpenAPI has no name for a rest of several segments.
    let answered =
        routes().flat_map(|route| route.methods.iter().map(move |method| (method, route.path.replace("{*", "{"))));
    let answered: BTreeSet<String> = answered.map(|(method, path)| format!("{method} {path}")).collect();
    assert_eq!(described, answered);
    assert_eq!(answered.len(), routes().map(|route| route.methods.len()).sum::<usize>());
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
    let document = document().await;
    let mut found = Vec::new();
    objects(&document, &mut found);
    for reference in found.iter().filter_map(|object| object.get("$ref")) {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let operations = operations(&document);
    let names: BTreeSet<&str> =
        operations.iter().map(|(_, operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.len(), operations.len());
    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let used = operations.iter().map(|(_, operation)| operation["tags"][0].as_str().unwrap()).collect::<BTreeSet<_>>();
    assert_eq!(used, tags);
}

#[tokio::test]
async fn closed_sets_have_the_words_that_are_read() {
    let document = document().await;
    let schemas = &document["components"]["schemas"];
    let check = |name: &str, words: Vec<&str>| assert_eq!(schemas[name]["enum"], serde_json::json!(words), "{name}");
    check("Stance", Stance::ALL.iter().map(|word| word.as_str()).collect());
    check("Outcome", Outcome::ALL.iter().map(|word| word.as_str()).collect());
    check("Surface", Surface::ALL.iter().map(|word| word.as_str()).collect());
    check("Regime", Regime::ALL.iter().map(|word| word.as_str()).collect());
    check("Signal", Signal::ALL.iter().map(|word| word.as_str()).collect());
    check("Activity", Activity::ALL.iter().map(|word| word.as_str()).collect());
    check("DataForm", DataForm::ALL.iter().map(|word| word.as_str()).collect());
    check("AgeBand", AgeBand::ALL.iter().map(|word| word.as_str()).collect());
    check("DemandKind", DemandKind::ALL.iter().map(|word| word.as_str()).collect());
    check("LegalBasis", LegalBasis::ALL.iter().map(|word| word.as_str()).collect());
    check("Safeguard", Safeguard::ALL.iter().map(|word| word.as_str()).collect());
    check("Reason", Reason::ALL.iter().map(|word| word.as_str()).collect());
    // Problems come with the part that they are about, in no order.
    let set = |words: &Value| -> BTreeSet<String> {
        words.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let names = Problem::ALL.iter().map(|problem| problem.name().to_owned());
    assert_eq!(set(&schemas["ProblemName"]["enum"]), names.collect());
    let types = Problem::ALL.iter().map(|problem| problem.path().to_owned());
    assert_eq!(set(&schemas["Problem"]["properties"]["type"]["enum"]), types.collect());
    assert_eq!(schemas["Questions"]["properties"]["questions"]["maxItems"], QUESTIONS_MAX);
    assert_eq!(schemas["Stances"]["maxProperties"], STANCES_MAX);
    assert_eq!(schemas["Language"]["maxLength"], LANGUAGE_BYTES_MAX);
    assert_eq!(schemas["Minutes"]["maximum"], Period::MINUTES_MAX);
}

#[tokio::test]
async fn every_problem_but_that_of_no_method_comes_with_some_operation() {
    let document = document().await;
    let mut found = Vec::new();
    objects(&document["components"]["responses"], &mut found);
    let mut everywhere = found.clone();
    objects(&document["paths"], &mut everywhere);
    let kinds = everywhere.iter().filter_map(|object| object.get("type")).flat_map(|kind| {
        match (&kind["const"], &kind["enum"]) {
            (Value::String(one), _) => vec![one.as_str()],
            (_, Value::Array(some)) => some.iter().map(|one| one.as_str().unwrap()).collect(),
            _ => Vec::new(),
        }
    });
    let kinds: BTreeSet<&str> = kinds.filter(|kind| kind.starts_with("/problems/")).collect();
    let all = Problem::ALL.iter().filter(|problem| **problem != Problem::MethodNotAllowed);
    assert_eq!(kinds, all.map(|problem| problem.path()).collect());
    // An example has the title that is answered.
    for example in found.iter().filter_map(|object| object.get("example")) {
        let problem = Problem::ALL.iter().find(|problem| problem.path() == example["type"]).unwrap();
        assert_eq!(example["title"], problem.title());
    }
}

#[tokio::test]
async fn a_scope_is_one_that_a_key_can_have() {
    let document = document().await;
    let operations = operations(&document);
    let requirements =
        operations.iter().filter_map(|(_, operation)| operation.get("security")).flat_map(|of| of.as_array().unwrap());
    let scopes = requirements.filter_map(|one| one.get("Key")).flat_map(|scopes| scopes.as_array().unwrap());
    let scopes: BTreeSet<&str> = scopes.map(|scope| scope.as_str().unwrap()).collect();
    assert!(scopes.contains("ask") && scopes.contains("export"));
    assert!(scopes.iter().all(|scope| scope.parse::<Scope>().is_ok()));
}

#[tokio::test]
async fn whoever_has_the_document_is_not_sent_it_again() {
    let house = House::new();
    for path in ["/openapi.json", "/openapi"] {
        let first = house.send(get(path)).await;
        let again = Request::get(path).header("if-none-match", first.header("etag"));
        let again = house.send(again.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    }
}

#[tokio::test]
async fn the_page_has_all_of_it_and_nothing_that_runs_or_is_fetched() {
    let document = document().await;
    let page = House::new().send(get("/openapi")).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let html = page.text();
    // But for what browsers ask by themselves, which is the same everywhere.
    for (_, operation) in operations(&document).into_iter().filter(|(name, _)| !name.starts_with("options ")) {
        assert!(html.contains(&format!("<details id=\"{}\">", operation["operationId"].as_str().unwrap())));
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(html.contains(&format!("<h3 id=\"{name}\">")), "{name}");
    }
    for absent in ["<script", "<link", "<img", "src=", "http-equiv", "style=", "javascript:", "onclick"] {
        assert!(!html.contains(absent), "{absent}");
    }
    // Every link leads to somewhere in the page, but for the one to the document.
    let targets = html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for target in targets.filter(|target| *target != "openapi.json") {
        assert!(html.contains(&format!("id=\"{}\"", target.strip_prefix('#').unwrap())), "{target}");
    }
    // Its policy lets its own style pass, and nothing else.
    let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        STANDARD.encode(Sha256::digest(style))
    );
    assert_eq!(page.header("content-security-policy"), policy);
}
