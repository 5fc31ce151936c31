//! `consentry import`

use crate::commands::{consentry, stderr, stdout};
use crate::house::*;
use serde_json::json;
use std::process::Output;
use std::sync::atomic::Ordering;

const MAP: &str = r#"
system = "other"
subject = { column = "id", is = "device" }
time = { column = "at", is = "rfc3339" }

[[stance]]
target = "marketing"
column = "marketing"
grant = ["yes"]
refuse = ["no"]

[[stance]]
target = "analytics"
column = "groups"
item = "C0002"
grant = ["1"]
refuse = ["0"]
"#;
const A: &str = "7f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f";
const B: &str = "8f9c0c52-7a41-4f5e-9d0e-0a2b1c3d4e5f";

fn import(house: &House, format: &str, text: &str, map: &str, more: &[&str]) -> Output {
    let folder = house.folder.path();
    let (file, map_file) = (folder.join("rows"), folder.join("map.toml"));
    std::fs::write(&file, text).unwrap();
    std::fs::write(&map_file, map).unwrap();
    let policies = policies().join("adforge").display().to_string();
    let database = database_url(folder);
    let (file, map_file) = (file.display().to_string(), map_file.display().to_string());
    let mut arguments =
        vec!["import", "--database", &database, "--policies", &policies, "--site", "adforge", "--format", format];
    arguments.extend(["--map", &map_file, &file]);
    arguments.extend(more);
    consentry(&arguments)
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    stdout(output)
}

/// A time of today, so many hours ago: what was granted then has not expired by the machine's clock, which the command goes by.
fn hours_ago(hours: u64) -> String {
    let now = consentry_server::Clock::System.now().as_ms();
    consentry_core::Time::from_ms(now - hours * 60 * MINUTE_MS).to_string()
}

async fn reason(house: &House, subject: &str, purpose: &str) -> String {
    let now = consentry_server::Clock::System.now().as_ms();
    house.clock.store(now, std::sync::atomic::Ordering::SeqCst);
    let key = house.new_key();
    let decision = house.ask(&key, &json!({ "subject": subject, "purpose": purpose })).await.json();
    decision["reason"].as_str().unwrap().into()
}

#[tokio::test]
async fn rows_become_imported_choices_and_the_same_file_again_changes_nothing() {
    let house = House::new();
    let (early, late) = (hours_ago(5), hours_ago(4));
    // The newest first, as exports often are.
    let rows = format!(
        "id,at,marketing,groups\n{A},{late},no,\"C0001:1,C0002:1\"\n{A},{early},yes,\"C0001:1,C0002:0\"\n{B},{late},,\n"
    );
    let tally = printed(&import(&house, "csv", &rows, MAP, &[]));
    assert_eq!(
        tally,
        "3 rows: 2 new, 0 imported before, 1 say nothing, 0 expired, 0 older than what is kept, 0 faulty\n"
    );
    assert_eq!(house.counts(), (2, 0));
    let subject = format!("device:{A}");
    assert_eq!(reason(&house, &subject, "marketing").await, "withdrawn");
    let events = house.store.events(&"adforge".parse().unwrap(), vec![subject.parse().unwrap()]).await.unwrap();
    for event in events.values().flatten() {
        let consentry_core::EventKind::Chosen(choice) = &event.kind else { panic!("{event:?}") };
        assert_eq!(choice.answering().surface, consentry_core::Surface::Import);
        assert!([&early, &late].contains(&&choice.id().happened_at().to_string()));
    }
    let tally = printed(&import(&house, "csv", &rows, MAP, &[]));
    assert_eq!(
        tally,
        "3 rows: 0 new, 2 imported before, 1 say nothing, 0 expired, 0 older than what is kept, 0 faulty\n"
    );
    assert_eq!(house.counts(), (2, 0));
}

#[tokio::test]
async fn a_faulty_row_keeps_everything_out_and_is_told_by_line_and_column() {
    let house = House::new();
    let at = hours_ago(3);
    let rows = format!(
        "id,at,marketing,groups\n{A},{at},yes,\nsomebody@example.com,{at},yes,\n{B},tomorrow,yes,\n{B},{at},perhaps,\n{B},{at}\n"
    );
    let refused = import(&house, "csv", &rows, MAP, &[]);
    assert_eq!((refused.status.code(), stdout(&refused)), (Some(1), String::new()));
    let said = stderr(&refused);
    for expected in [
        "line 3, column `id`: expected a version 4 UUID",
        "line 4, column `at`: expected a time as in `rfc3339`",
        "line 5, column `marketing`: `perhaps` is neither among `grant` nor among `refuse` of `marketing`",
        "line 6: 2 fields where the header has 4",
        "4 of 5 rows cannot be read, and nothing was kept",
    ] {
        assert!(said.contains(expected), "{expected} is not in\n{said}");
    }
    assert!(!said.contains("somebody"), "{said}");
    assert_eq!(house.counts(), (0, 0));
    let dry = printed(&import(&house, "csv", &rows, MAP, &["--skip-faulty", "--dry-run"]));
    assert!(dry.starts_with("5 rows: 1 new") && dry.ends_with("4 faulty\n"), "{dry}");
    assert_eq!(house.counts(), (0, 0));
    printed(&import(&house, "csv", &rows, MAP, &["--skip-faulty"]));
    assert_eq!(house.counts(), (1, 0));
    let header = import(&house, "csv", "id,when\n", MAP, &[]);
    assert!(stderr(&header).contains("line 1, column `at`: the header has no such column"), "{}", stderr(&header));
}

#[tokio::test]
async fn an_old_yes_is_left_out_and_nothing_overrules_what_was_said_here_since() {
    let house = House::new();
    let old = hours_ago(24 * 366);
    let rows = format!("id,at,marketing,groups\n{A},{old},yes,C0002:0\n{B},{old},yes,\n");
    let tally = printed(&import(&house, "csv", &rows, MAP, &[]));
    assert!(tally.contains("1 new") && tally.contains("1 expired"), "{tally}");
    assert_eq!(reason(&house, &format!("device:{A}"), "marketing").await, "not-given");
    assert_eq!(reason(&house, &format!("device:{A}"), "analytics").await, "refused");

    let browser = Browser::new();
    house.choose(&browser, json!({ "stances": { "marketing": "refuse" } })).await;
    let device = &browser.device;
    let rows = format!("id,at,marketing,groups\n{device},{},yes,\n", hours_ago(1));
    let tally = printed(&import(&house, "csv", &rows, MAP, &[]));
    assert!(tally.contains("0 new") && tally.contains("1 older"), "{tally}");
    assert_eq!(reason(&house, &browser.subject(), "marketing").await, "refused");
}

#[tokio::test]
async fn json_is_read_as_an_array_or_by_lines_with_paths_into_it() {
    let map = r#"
        system = "c15t"
        language = "de"
        subject = { column = "subject.externalId", is = "account-id" }
        time = { column = "givenAt", is = "ms" }
        [[stance]]
        target = "marketing"
        column = "preferences.marketing"
        grant = ["true"]
        refuse = ["false"]
        [[stance]]
        target = "analytics"
        column = "categories"
        item = "measurement"
        grant = ["present"]
        refuse = ["absent"]
    "#;
    let now = consentry_server::Clock::System.now().as_ms();
    let row = |who: &str, says: bool| json!({ "subject": { "externalId": who }, "givenAt": now - DAY_MS, "preferences": { "marketing": says }, "categories": ["necessary"] });
    let (one, two) = (row("somebody@example.com", true), row("17", false));
    let house = House::new();
    let pepper = house.folder.path().join("pepper");
    std::fs::write(&pepper, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\n").unwrap();
    let pepper = ["--pepper", pepper.to_str().unwrap()];
    let without = import(&house, "json", &one.to_string(), map, &[]);
    assert!(stderr(&without).contains("`account-id` needs `--pepper`"), "{}", stderr(&without));
    let tally = printed(&import(&house, "json", &format!("[\n{one},\n{two}\n]"), map, &pepper));
    assert!(tally.starts_with("2 rows: 2 new"), "{tally}");
    let tally = printed(&import(&house, "json", &format!("{one}\n\n{two}\n"), map, &pepper));
    assert!(tally.starts_with("2 rows: 0 new, 2 imported before"), "{tally}");
    let broken = format!("[\n{one},\n\n{}\n]", json!({ "subject": { "externalId": 3 }, "givenAt": "x" }));
    let broken = import(&house, "json", &broken, map, &pepper);
    assert!(stderr(&broken).contains("line 4, column `givenAt`: expected a time as in `ms`"), "{}", stderr(&broken));
    house.store.close().await;
    for file in std::fs::read_dir(house.folder.path()).unwrap().map(|file| file.unwrap().path()) {
        if file.file_name().unwrap().to_str().unwrap().starts_with("consentry.db") {
            let bytes = std::fs::read(file).unwrap();
            assert!(!bytes.windows(9).any(|window| window == b"somebody@"), "an account's id was kept");
        }
    }
}

#[tokio::test]
async fn an_imported_id_is_the_account_that_signs_in_and_what_its_device_refused_since_comes_before_an_old_yes() {
    let map = MAP.replace("is = \"device\"", "is = \"account-id\"");
    let house = crate::identity::house();
    // Where `serve` keeps it if nothing is said, and the same as the house's.
    let pepper = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk\n";
    std::fs::write(house.folder.path().join("consentry.pepper"), pepper).unwrap();
    house.clock.store(consentry_server::Clock::System.now().as_ms(), Ordering::SeqCst);
    let (browser, now) = (Browser::new(), house.clock.load(Ordering::SeqCst));
    house.choose(&browser, json!({ "stances": { "marketing": "refuse" } })).await;
    let token = |id: &str| crate::identity::token(id, json!({ "exp": now / 1000 + 3600 }));
    let account = async |browser: &Browser, id: &str| {
        let answer = crate::identity::identify(&house, browser, &token(id)).await;
        answer.json()["account"].as_str().unwrap().to_owned()
    };
    let (ada, bob) = (account(&browser, "ada").await, account(&Browser::new(), "bob").await);
    let at = now - 10 * DAY_MS;
    let rows: Vec<_> = ["ada", "bob"].map(|id| json!({ "id": id, "at": at, "marketing": "yes" }).to_string()).into();
    let map = map.replace("\"rfc3339\"", "\"ms\"");
    let tally = printed(&import(&house, "json", &rows.join("\n"), &map, &[]));
    assert!(tally.starts_with("2 rows: 1 new") && tally.contains("1 older than what is kept"), "{tally}");
    for (who, reason) in [(ada, "refused"), (bob, "given")] {
        let question = json!({ "subject": who, "purpose": "marketing" });
        assert_eq!(house.ask(&house.new_key(), &question).await.json()["reason"], reason);
    }
}

#[tokio::test]
async fn another_key_is_never_made_for_an_import() {
    let house = House::new();
    let map = MAP.replace("is = \"device\"", "is = \"account-id\"");
    let missing = house.folder.path().join("missing");
    let row = "id,at,marketing,groups\n17,2026-01-02T09:30:00Z,no,\n";
    let refused = import(&house, "csv", row, &map, &["--pepper", missing.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(!missing.exists() && stderr(&refused).contains("missing"), "{}", stderr(&refused));
}

#[tokio::test]
async fn a_map_that_does_not_fit_the_policy_is_refused() {
    let house = House::new();
    for (from, to, expected) in [
        ("\"marketing\"\ncolumn", "\"marketting\"\ncolumn", "the policy has no switch for `marketting`"),
        ("\"marketing\"\ncolumn", "\"security\"\ncolumn", "the policy has no switch for `security`"),
        ("refuse = [\"no\"]", "refuse = [\"yes\"]", "`yes` means both yes and no for `marketing`"),
        ("system = \"other\"", "system = \"Other One\"", "`system` needs"),
        ("system = \"other\"", "sistem = \"other\"", "unknown field `sistem`"),
        ("system = \"other\"", "system = \"other\"\nlanguage = \"it\"", "no texts in `it`"),
    ] {
        assert!(MAP.contains(from), "{from}");
        let refused = import(&house, "csv", "", &MAP.replace(from, to), &[]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains(expected), "{expected} is not in\n{}", stderr(&refused));
    }
}

#[tokio::test]
async fn the_examples_of_the_documentation_import_what_they_say() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/data.md")).unwrap();
    let (mut maps, mut seen) = (Vec::new(), 0);
    let house = House::new();
    let pepper = house.folder.path().join("pepper");
    std::fs::write(&pepper, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\n").unwrap();
    for block in text.split("\n```") {
        if let Some(map) = block.strip_prefix("toml map\n") {
            maps.push(map.to_owned());
        }
        for (mark, format) in [("csv rows\n", "csv"), ("json rows\n", "json")] {
            let Some(rows) = block.strip_prefix(mark) else { continue };
            seen += 1;
            let arguments = ["--pepper", pepper.to_str().unwrap(), "--dry-run"];
            let tally = printed(&import(&house, format, &format!("{rows}\n"), maps.last().unwrap(), &arguments));
            assert!(tally.ends_with(" 0 faulty\n") && !tally.contains(" 0 new"), "{rows}\n{tally}");
        }
    }
    assert_eq!((maps.len(), seen), (4, 4));
}
