//! `GET /v1/sites/{site}/state`, and `consentry export`

use crate::commands::{consentry, stderr, stdout};
use crate::house::*;
use axum::http::{Method, StatusCode};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PATH: &str = "/v1/sites/adforge/state";

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rows of a Parquet file, as JSON has them.
fn columns(bytes: axum::body::Bytes) -> Vec<Value> {
    let reader = SerializedFileReader::new(bytes).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        let text = |column: usize| row.get_string(column).cloned().ok();
        json!({
            "site": text(0), "as_of_ms": row.get_long(1).unwrap(), "subject": text(2), "purpose": text(3),
            "processor": text(4), "allow": row.get_bool(5).unwrap(), "reason": text(6), "policy": text(7),
        })
    });
    rows.collect()
}

#[tokio::test]
async fn the_state_has_a_row_for_each_subject_and_target_as_the_decision_says() {
    let house = House::new();
    let (yes, no) = (Browser::new(), Browser::new());
    house.choose(&yes, json!({ "stances": { "downstream-ai": "grant", "downstream-ai/kling": "grant" } })).await;
    house.choose(&no, json!({ "outcome": "all-refused" })).await;
    let (key, asks) = (house.new_key_to("export"), house.new_key());
    let answer = house.call(&key, Method::GET, PATH, None).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/x-ndjson"));
    let rows = lines(&answer.text());
    assert_eq!(rows.len(), 2 * house.published.policy.targets().count());
    for row in &rows {
        let mut question = json!({ "subject": row["subject"], "purpose": row["purpose"] });
        if !row["processor"].is_null() {
            question["processor"] = row["processor"].clone();
        }
        let decision = house.ask(&asks, &question).await.json();
        let expected = (&decision["allow"], &decision["reason"], &decision["policy"]);
        assert_eq!((&row["allow"], &row["reason"], &row["policy"]), expected, "{row}");
        assert_eq!((&row["site"], &row["as_of_ms"]), (&json!("adforge"), &json!(START_MS)));
    }
    assert!(rows.iter().any(|row| row["allow"] == true && row["processor"] == "kling"));
    let parquet = house.call(&key, Method::GET, &format!("{PATH}?format=parquet"), None).await;
    assert_eq!(parquet.header("content-type"), "application/vnd.apache.parquet");
    assert_eq!(columns(parquet.body), rows);
    assert_eq!(house.counts(), (2, 2));
}

#[tokio::test]
async fn r39_what_a_linked_device_refused_is_in_the_state_of_its_account() {
    let house = crate::identity::house();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-refused" })).await;
    house.move_clock(10);
    let token = crate::identity::token("ada", json!({}));
    let signed_in = crate::identity::identify(&house, &browser, &token).await;
    assert_eq!(signed_in.status, StatusCode::OK, "{}", signed_in.text());
    let account = signed_in.json()["account"].clone();
    let rows = lines(&house.call(&house.new_key_to("export"), Method::GET, PATH, None).await.text());
    let of_account: Vec<&Value> = rows.iter().filter(|row| row["subject"] == account).collect();
    assert_eq!(of_account.len(), house.published.policy.targets().count());
    for row in &of_account {
        let mut question = json!({ "subject": account, "purpose": row["purpose"] });
        if !row["processor"].is_null() {
            question["processor"] = row["processor"].clone();
        }
        let decision = house.ask(&house.new_key(), &question).await.json();
        assert_eq!((&row["allow"], &row["reason"]), (&decision["allow"], &decision["reason"]), "{row}");
    }
    assert!(of_account.iter().any(|row| row["purpose"] == "marketing" && row["reason"] == "refused"));
    // Before it was linked there was no account.
    let earlier = format!("{PATH}?as_of_ms={START_MS}");
    let rows = lines(&house.call(&house.new_key_to("export"), Method::GET, &earlier, None).await.text());
    assert!(rows.iter().all(|row| row["subject"] == browser.subject()));
}

#[tokio::test]
async fn r31_what_is_said_later_changes_nothing_of_an_earlier_time() {
    let house = House::new();
    let (browser, later) = (Browser::new(), Browser::new());
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    house.move_clock(10);
    let (key, path) = (house.new_key_to("export"), format!("{PATH}?as_of_ms={}", START_MS + 5));
    let before = house.call(&key, Method::GET, &path, None).await.text();
    house.choose(&browser, json!({ "outcome": "all-refused" })).await;
    house.choose(&later, json!({ "outcome": "all-granted" })).await;
    assert_eq!(house.call(&key, Method::GET, &path, None).await.text(), before);
    let now = lines(&house.call(&key, Method::GET, PATH, None).await.text());
    let allowed = |rows: &[Value], who: &Browser| {
        rows.iter().any(|row| row["subject"] == who.subject() && row["purpose"] == "marketing" && row["allow"] == true)
    };
    assert!(allowed(&lines(&before), &browser) && !allowed(&now, &browser) && allowed(&now, &later));
    assert!(!before.contains(&later.subject()));
}

#[tokio::test]
async fn more_subjects_than_one_page_come_each_once() {
    let house = House::new();
    let mut subjects = BTreeSet::new();
    for _ in 0..300 {
        let browser = Browser::new();
        house.choose(&browser, json!({ "outcome": "all-refused" })).await;
        subjects.insert(browser.subject());
    }
    let key = house.new_key_to("export");
    let rows = lines(&house.call(&key, Method::GET, PATH, None).await.text());
    let targets = house.published.policy.targets().count();
    assert_eq!(rows.len(), 300 * targets);
    let found: BTreeSet<String> = rows.iter().map(|row| row["subject"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, subjects);
    let parquet = house.call(&key, Method::GET, &format!("{PATH}?format=parquet"), None).await;
    assert_eq!(columns(parquet.body), rows);
}

#[tokio::test]
async fn what_cannot_be_asked_of_the_state_is_refused() {
    let house = House::new();
    let key = house.new_key_to("export");
    let future = format!("as_of_ms={}", START_MS + 1);
    for query in ["format=csv", "as_of_ms=yesterday", "as_of=1", &future] {
        house.call(&key, Method::GET, &format!("{PATH}?{query}"), None).await.problem(400, "malformed");
    }
    house.call(&house.new_key(), Method::GET, PATH, None).await.problem(403, "wrong-key");
    // A site of which nothing is kept has a state without rows.
    assert_eq!(house.call(&key, Method::GET, PATH, None).await.text(), "");
    let parquet = house.call(&key, Method::GET, &format!("{PATH}?format=parquet"), None).await;
    assert!(columns(parquet.body).is_empty());
}

#[tokio::test]
async fn r34_a_broken_entry_is_no_state_rather_than_a_part_of_one() {
    let house = House::new();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    crate::record::break_record(&house, &browser);
    house.call(&house.new_key_to("export"), Method::GET, PATH, None).await.problem(503, "unavailable");
}

#[tokio::test]
async fn the_command_writes_the_same_file() {
    let house = House::new();
    for outcome in ["all-granted", "all-refused"] {
        house.choose(&Browser::new(), json!({ "outcome": outcome })).await;
    }
    let as_of = START_MS + 5;
    house.move_clock(10);
    let key = house.new_key_to("export");
    let (database, policies) = (database_url(house.folder.path()), policies().display().to_string());
    for format in ["ndjson", "parquet"] {
        let out = house.folder.path().join(format);
        let as_of_text = as_of.to_string();
        let output = consentry(&[
            "export",
            "--database",
            &database,
            "--policies",
            &policies,
            "--site",
            "adforge",
            "--as-of",
            &as_of_text,
            "--format",
            format,
            "--out",
            out.to_str().unwrap(),
        ]);
        assert!(output.status.success(), "{}", stderr(&output));
        let served = house.call(&key, Method::GET, &format!("{PATH}?format={format}&as_of_ms={as_of}"), None).await;
        assert_eq!(std::fs::read(&out).unwrap(), served.body, "{format}");
        let rows = 2 * house.published.policy.targets().count();
        assert!(
            stdout(&output).starts_with(&format!("{rows} rows as of 2025-11-22T08:26:40.005Z")),
            "{}",
            stdout(&output)
        );
        assert!(!out.with_file_name(format!("{format}.part")).exists());
    }
    let nowhere =
        consentry(&["export", "--database", &database, "--policies", &policies, "--site", "nobody", "--out", "/tmp/x"]);
    assert!(stderr(&nowhere).contains("has no policy of `nobody`"), "{}", stderr(&nowhere));
}
