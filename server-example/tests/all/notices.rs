//! Notices are kept: what a choice names by its hash can be shown again, and the wording of yesterday can still be answered.

use crate::house::*;
use axum::http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[tokio::test]
async fn r14_the_hash_of_every_notice_can_be_computed_again_from_what_is_kept() {
    let house = House::new();
    let database = house.database();
    let mut statement = database.prepare("SELECT hash, canonical FROM notices").unwrap();
    let kept = statement.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?))).unwrap();
    let kept: Vec<(Vec<u8>, String)> = kept.collect::<Result<_, _>>().unwrap();
    assert_eq!(kept.len(), house.published.notices.len());
    for (hash, canonical) in &kept {
        assert_eq!(hash.as_slice(), Sha256::digest(canonical).as_slice());
        let notice: Value = serde_json::from_str(canonical).unwrap();
        assert_eq!(notice["policy"], house.published.policy.hash().to_string());
        assert!(notice["texts"]["ui.refuse"].is_string(), "{notice}");
    }
}

#[tokio::test]
async fn a_loader_from_before_the_texts_were_reworded_can_still_say_no() {
    let house = House::new();
    let reworded = adforge_with_in("en.toml", "Your data at AdForge", "Your pictures at AdForge");
    assert_eq!(reworded.policy.hash(), house.published.policy.hash());
    let router = house.under(vec![reworded.clone()]);
    for published in [&house.published, &reworded] {
        let choice = choice(published, json!({ "outcome": "all-refused" }));
        let answer = send(&router, Browser::new().post(&choice)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    }
}

#[tokio::test]
async fn a_notice_of_another_policy_answers_nothing() {
    let house = House::new();
    let later = adforge_with("365 days", "180 days");
    let router = house.under(vec![later.clone()]);
    let choice = choice(&later, json!({ "outcome": "all-refused", "notice": house.notice("en") }));
    send(&router, Browser::new().post(&choice)).await.problem(422, "unknown-notice");
}

#[test]
fn notices_never_change_and_never_go() {
    let house = House::new();
    let database = house.database();
    for statement in ["UPDATE notices SET canonical = '{}'", "DELETE FROM notices"] {
        let error = database.execute(statement, []).unwrap_err().to_string();
        assert!(error.contains("notices never"), "{error}");
    }
}

#[tokio::test]
async fn r14_every_notice_that_was_ever_published_can_be_shown_as_it_was() {
    let house = House::new();
    let later = adforge_with("365 days", "180 days");
    house.app.replace_sites(vec![later.clone()]).unwrap();
    for notice in house.published.notices.iter().chain(&later.notices) {
        let answer = house.send(get(&format!("/v1/sites/adforge/notices/{}", notice.hash))).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.text(), &*notice.canonical);
        let hash: String = Sha256::digest(&answer.body).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, notice.hash.to_string());
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    // Also of a site that is served no more.
    house.app.replace_sites(vec![adforge_with("site = \"adforge\"", "site = \"forge\"")]).unwrap();
    let path = format!("/v1/sites/adforge/notices/{}", house.notice("de"));
    assert_eq!(house.send(get(&path)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_was_never_published_is_not_there() {
    let house = House::new();
    let (unknown, known) = ("0".repeat(64), house.notice("en"));
    for (path, name) in [
        (format!("adforge/notices/{unknown}"), "not-found"),
        (format!("adforge/notices/{}", &known[..63]), "not-found"),
        (format!("adforge/notices/{}", known.to_uppercase()), "not-found"),
        (format!("nobody/notices/{known}"), "not-found"),
        (format!("Adforge/notices/{known}"), "unknown-site"),
    ] {
        house.send(get(&format!("/v1/sites/{path}"))).await.problem(404, name);
    }
}
