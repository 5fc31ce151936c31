//! `consentry verify` over a database and between checkpoints, and `consentry ledger export`.

use crate::binary::{CONSENTRY, Server, agent, post};
use crate::database::{Database, Kind};
use crate::house::*;
use crate::ledger_tiles::fill;
use crate::receipts::verifier;
use axum::http::Method;
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// What the program says, and its exit code.
fn consentry(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(CONSENTRY).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

fn verify_database(house: &House) -> (i32, String) {
    consentry(&["verify", "--database", &database_url(house.folder.path()), "--site", "adforge"])
}

fn export(house: &House, name: &str) -> String {
    let out = house.folder.path().join(name).display().to_string();
    let database = database_url(house.folder.path());
    let (code, said) = consentry(&[
        "ledger",
        "export",
        "--database",
        &database,
        "--site",
        "adforge",
        "--out",
        &out,
        "--public-url",
        "https://consent.example",
    ]);
    assert_eq!(code, 0, "{said}");
    out
}

fn text(path: &str) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A ledger with an erasure in it, and the numbers of what was erased.
async fn house_with_an_erasure(entries: u64) -> (House, Browser) {
    let (house, browser) = (House::new(), Browser::new());
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    fill(&house, entries - 3).await;
    let other = Browser::new();
    house.choose(&other, json!({ "outcome": "all-refused" })).await;
    let request = browser.request(Method::POST, "/v1/sites/adforge/demands");
    house.send(with_json(request, &json!({ "v": 1, "id": new_id(), "demand": "erasure" }))).await;
    (house, other)
}

#[tokio::test]
async fn a_ledger_that_is_as_it_was_written_holds() {
    let (house, _) = house_with_an_erasure(600).await;
    let (code, said) = verify_database(&house);
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("adforge: 600 entries hold, 2 of them erased; their root is "), "{said}");
}

/// Changes the database as somebody with every right could, and asks what is found.
async fn check(entries: u64, statements: &str, expected: &str) {
    let (house, _) = house_with_an_erasure(entries).await;
    let database = house.database();
    database
        .execute_batch(
            "PRAGMA foreign_keys = OFF; DROP TRIGGER entries_never_change; DROP TRIGGER entries_never_go;
            DROP TRIGGER payloads_never_change; DROP TRIGGER heads_only_grow;",
        )
        .unwrap();
    database.execute_batch(statements).unwrap();
    let (code, said) = verify_database(&house);
    assert_eq!((code, &*said), (1, &*format!("adforge: {expected}\n")), "{statements}");
}

#[tokio::test]
async fn the_first_entry_that_somebody_has_changed_is_named() {
    let other = "commitment = zeroblob(32)";
    check(
        5,
        &format!("UPDATE entries SET {other} WHERE seq = 2"),
        "entry 2 does not commit to the payload and salt that are kept with it",
    )
    .await;
    check(
        5,
        "UPDATE payloads SET salt = zeroblob(32) WHERE seq = 3",
        "entry 3 does not commit to the payload and salt that are kept with it",
    )
    .await;
}

#[tokio::test]
async fn what_else_is_wrong_is_named_too() {
    let wrong_payload =
        "UPDATE payloads SET payload = CAST(replace(CAST(payload AS TEXT), 'gpc', 'abc') AS BLOB) WHERE seq = 2";
    check(5, wrong_payload, "entry 2 does not read: what it is about is not as it was written").await;
    // Another subject: it reads, and is not what was committed to.
    let other_subject = "UPDATE payloads SET payload = (SELECT payload FROM payloads WHERE seq = 1) WHERE seq = 2";
    check(5, other_subject, "entry 2 does not commit to the payload and salt that are kept with it").await;
    check(
        5,
        "UPDATE entries SET at_ms = at_ms + 1 WHERE seq = 2",
        "entry 2 has another site or time than the payload that is kept with it",
    )
    .await;
    check(5, "UPDATE entries SET at_ms = at_ms - 1 WHERE seq = 4", "entry 4 is dated before the one before it").await;
    check(5, "DELETE FROM payloads WHERE seq = 2; DELETE FROM entries WHERE seq = 2", "entry 2 is missing").await;
    check(5, "DELETE FROM erasures; DELETE FROM entries WHERE seq = 4", "entry 4 is missing").await;
    check(5, "UPDATE heads SET at_ms = at_ms + 1", "the head is dated otherwise than entry 4, the last").await;
    let root = "one of entries 0 to 4 is another, or the head is: together they do not make its root";
    check(5, "UPDATE heads SET root = zeroblob(32)", root).await;
    // Of an erased entry only the tree is left to tell.
    check(5, "UPDATE entries SET commitment = zeroblob(32) WHERE seq = 0", root).await;
    let leaf = "entry 0 is another than the tree has: its hash in tile `0/000` differs";
    check(300, "UPDATE entries SET commitment = zeroblob(32) WHERE seq = 0", leaf).await;
    let tile = "the tree is not that of entries 0 to 255: their hash in tile `1/000` differs or is missing";
    check(300, "UPDATE tiles SET hashes = zeroblob(32) WHERE level = 1", tile).await;
    check(300, "DELETE FROM tiles WHERE level = 1", tile).await;
    let several =
        "UPDATE payloads SET salt = zeroblob(32) WHERE seq = 20; UPDATE payloads SET payload = x'00' WHERE seq = 200";
    check(300, several, "entry 20 does not commit to the payload and salt that are kept with it").await;
    let several =
        "UPDATE payloads SET salt = zeroblob(32) WHERE seq = 200; UPDATE payloads SET payload = x'00' WHERE seq = 20";
    check(300, several, "entry 20 does not read: what it is about is not as it was written").await;
}

#[tokio::test]
async fn a_ledger_that_was_written_anew_agrees_with_itself_and_not_with_its_checkpoint() {
    let (house, _) = house_with_an_erasure(20).await;
    let (other, _) = house_with_an_erasure(30).await;
    let (key, older) = (verifier(&house), export(&house, "older"));
    let checkpoint = format!("{older}/checkpoint");
    let verify = |house: &House, more: &[&str]| {
        let database = database_url(house.folder.path());
        let arguments = ["verify", "--database", &database, "--site", "adforge", "--checkpoint", &checkpoint];
        consentry(&[&arguments[..], more].concat())
    };
    fill(&house, 7).await;
    let (code, said) = verify(&house, &["--key", &key]);
    assert!(code == 0 && said.contains("27 entries hold"), "{said}");
    let (code, said) = verify(&house, &[]);
    assert!(code == 2 && said.contains("27 entries hold") && said.contains("who signed was not checked"), "{said}");
    assert_eq!(verify_database(&other).0, 0);
    let (code, said) = verify(&other, &["--key", &key]);
    assert_eq!((code, &*said), (1, "adforge: the first 20 entries are not those of the checkpoint\n"));
    let (short, _) = house_with_an_erasure(5).await;
    let (code, said) = verify(&short, &["--key", &key]);
    assert_eq!((code, &*said), (1, "adforge: the ledger has 5 entries, fewer than the 20 of the checkpoint\n"));
    let (code, said) = verify(&other, &["--key", &verifier(&other)]);
    assert!(code == 1 && said.contains("no signature on the checkpoint is by a key that was named"), "{said}");
}

#[tokio::test]
async fn a_checkpoint_is_checked_against_an_older_one_by_files_alone() {
    let (house, _) = house_with_an_erasure(300).await;
    let (key, older) = (verifier(&house), export(&house, "older"));
    fill(&house, 400).await;
    let newer = export(&house, "newer");
    let compare = |older: &str, newer: &str, more: &[&str]| {
        let (checkpoint, older) = (format!("{newer}/checkpoint"), format!("{older}/checkpoint"));
        let arguments = ["verify", "--checkpoint", &checkpoint, "--older", &older, "--tiles", newer];
        consentry(&[&arguments[..], more].concat())
    };
    let with_key = ["--key", &*key];
    assert_eq!(compare(&older, &newer, &with_key), (0, "the ledger of 700 entries continues that of 300\n".into()));
    assert_eq!(compare(&older, &newer, &[]).0, 2);
    let (code, said) = compare(&newer, &older, &with_key);
    assert!(code == 1 && said.contains("more than the 300 of the newer one"), "{said}");
    // The same key, as somebody has it who writes another past.
    let (rewritten, _) = house_with_an_erasure(300).await;
    std::fs::copy(key_path(house.folder.path()), key_path(rewritten.folder.path())).unwrap();
    let (code, said) = compare(&export(&rewritten, "older"), &newer, &with_key);
    assert_eq!(
        (code, &*said),
        (1, "the first 300 of 700 entries are not those that were there before: the ledger was rewritten\n")
    );
    let note = text(&format!("{older}/checkpoint"));
    std::fs::write(format!("{older}/checkpoint"), note.replace("\n300\n", "\n301\n")).unwrap();
    let (code, said) = compare(&older, &newer, &with_key);
    assert!(code == 1 && said.starts_with("the older checkpoint does not hold: the signature"), "{said}");
    std::fs::remove_dir_all(Path::new(&newer).join("tile")).unwrap();
    std::fs::write(format!("{older}/checkpoint"), note).unwrap();
    let (code, said) = compare(&older, &newer, &with_key);
    assert!(code == 2 && said.contains("is missing"), "{said}");
}

#[tokio::test]
async fn an_export_is_what_the_server_serves() {
    let (house, _) = house_with_an_erasure(300).await;
    let out = export(&house, "out");
    for name in
        ["checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"]
    {
        let served = house.send(get(&format!("/v1/sites/adforge/ledger/{name}"))).await.body;
        assert_eq!(std::fs::read(Path::new(&out).join(name)).unwrap(), served, "{name}");
    }
    assert_eq!(text(&format!("{out}/keys")), format!("{}\n", verifier(&house)));
}

/// Every ledger of a database, whichever it is, is checked where no site is named.
fn every_ledger_is_checked(kind: Kind, tamper: &str) {
    let (folder, database) = (tempfile::tempdir().unwrap(), Database::new(kind));
    let verify = || consentry(&["verify", "--database", &database.text]);
    let server = Server::start_on(folder.path(), &database.text);
    assert_eq!(verify(), (2, "there are no entries\n".into()));
    let agent = agent();
    for _ in 0..3 {
        let choice = choice(&adforge(), json!({ "outcome": "all-granted" }));
        assert_eq!(post(&agent, &server.url, &Browser::new(), &choice), Some(201));
    }
    let (code, said) = verify();
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("adforge: 3 entries hold, 0 of them erased; their root is "), "{said}");
    drop(server);
    database.execute(tamper);
    assert_eq!(verify(), (1, "adforge: entry 1 does not read: what it is about is not as it was written\n".into()));
}

#[test]
fn every_ledger_of_sqlite_is_checked() {
    every_ledger_is_checked(
        Kind::Sqlite,
        "DROP TRIGGER payloads_never_change; UPDATE payloads SET payload = x'7b7d' WHERE seq = 1",
    );
}

#[test]
fn every_ledger_of_postgresql_is_checked() {
    every_ledger_is_checked(
        Kind::Postgres,
        "ALTER TABLE payloads DISABLE TRIGGER ALL; UPDATE payloads SET payload = '\\x7b7d' WHERE seq = 1",
    );
}

#[test]
fn a_server_makes_its_key_for_its_owner_alone_and_goes_by_a_name_that_is_nobodys() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let metadata = key_path(folder.path()).metadata().unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777, 0o600);
    let note = agent().get(format!("{}/v1/sites/adforge/ledger/checkpoint", server.url)).call().unwrap();
    let note = note.into_body().read_to_string().unwrap();
    assert!(note.starts_with("consentry.invalid/adforge\n0\n"), "{note}");
    let (status, _) = server.stop();
    assert!(status.success(), "{status}");
}

#[test]
fn what_cannot_be_checked_is_said_and_does_not_pass() {
    let folder = tempfile::tempdir().unwrap();
    let missing = database_url(folder.path());
    let (code, said) = consentry(&["verify", "--database", &missing, "--site", "adforge"]);
    assert!(code == 2 && said.contains("there is no database"), "{said}");
    assert!(!database_path(folder.path()).exists());
    let house = House::new();
    let (code, said) = verify_database(&house);
    assert_eq!((code, &*said), (2, "adforge: there are no entries\n"));
    let (code, said) = consentry(&["verify", "--receipt", &folder.path().join("none").display().to_string()]);
    assert!(code == 2 && said.contains("cannot read"), "{said}");
    for arguments in [
        &["verify"][..],
        &["verify", "--receipt", "x", "--key", "y"],
        &["verify", "--receipt", "x", "--checkpoint", "y"],
        &["verify", "--checkpoint", "x", "--tiles", "y"],
    ] {
        assert_eq!(consentry(arguments).0, 2);
    }
    let (code, said) = consentry(&["ledger", "key", "--site", "adforge", "--database", "postgres://localhost/x"]);
    assert!(code == 1 && said.contains("`--ledger-key`"), "{said}");
    let (code, said) = consentry(&["ledger", "rotate", "--database", &missing]);
    assert!(code == 1 && said.contains("cannot read the ledger's keys"), "{said}");
}
