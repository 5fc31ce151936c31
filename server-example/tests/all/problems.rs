//! `GET /problems/{name}`, and what is at no address.

use crate::house::*;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use consentry_server::Problem;

#[tokio::test]
async fn every_problem_has_a_page_that_says_what_to_do() {
    let house = House::new();
    for problem in Problem::ALL {
        let answer = house.send(get(problem.path())).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.text(), format!("{}\n\n{}\n", problem.title(), problem.meaning()));
        assert!(problem.path().ends_with(problem.name()));
    }
}

#[tokio::test]
async fn the_problems_are_those_of_the_contract() {
    let wire = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/wire.md")).unwrap();
    let section = wire.split("## Problems").nth(1).unwrap().split("\n## ").next().unwrap();
    let table = section.split("|--|--|").nth(1).unwrap().split("\n\n").next().unwrap();
    let is_name = |word: &&str| !matches!(*word, "current" | "Retry-After");
    let mut named: Vec<&str> = table.split('`').skip(1).step_by(2).filter(is_name).collect();
    let mut ours: Vec<&str> = Problem::ALL.iter().map(|problem| problem.name()).collect();
    named.sort_unstable();
    ours.sort_unstable();
    assert_eq!(named, ours);
}

#[tokio::test]
async fn what_is_at_no_address_is_a_problem_too() {
    let house = House::new();
    for path in [
        "/",
        "/problems/nothing",
        "/problems/",
        "/assets/",
        "/v1",
        "/v1/sites",
        "/v1/sites/adforge",
        "/a/b/c/d",
        "/%ff",
    ] {
        house.send(get(path)).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_method_that_an_address_does_not_know_is_a_problem_too() {
    let house = House::new();
    for (method, path, allow) in [
        (Method::DELETE, "/health", "GET,HEAD"),
        (Method::POST, "/adforge.js", "GET,HEAD"),
        (Method::GET, "/v1/sites/adforge/decisions", "POST"),
        (Method::OPTIONS, "/v1/sites/adforge/decisions", "POST"),
        (Method::PUT, "/assets/widget.js", "GET,HEAD"),
    ] {
        let answer = house.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await;
        answer.problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
}

#[tokio::test]
async fn every_answer_is_what_its_type_says() {
    let house = House::new();
    for path in ["/adforge.js", "/health", "/nothing", "/problems/malformed"] {
        assert_eq!(house.send(get(path)).await.header("x-content-type-options"), "nosniff", "{path}");
    }
}
