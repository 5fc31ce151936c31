//! `GET /v1/sites/{site}/ledger/…`: checkpoint, tiles, entries and keys.

use crate::house::*;
use axum::http::StatusCode;
use consentry_core::ledger::Leaf;
use consentry_core::{EventId, EventKind, Signal, Time};
use consentry_server::NewEntry;
use serde_json::json;
use tlog_tiles::{Hash, node_hash, record_hash};

const LEDGER: &str = "/v1/sites/adforge/ledger";

/// Keeps that many signals, each of a subject of its own.
pub(crate) async fn fill(house: &House, entries: u64) {
    let entry = || NewEntry {
        site: "adforge".parse().unwrap(),
        subject: Browser::new().subject().parse().unwrap(),
        secret: None,
        kind: EventKind::Signalled(new_id().parse::<EventId>().unwrap(), Signal::Gpc),
        at: Time::from_ms(START_MS),
    };
    let tasks: Vec<_> = (0..entries)
        .map(|_| {
            let (store, entry) = (house.store.clone(), entry());
            tokio::spawn(async move { store.append(entry).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

async fn tile(house: &House, name: &str) -> Vec<u8> {
    let answer = house.send(get(&format!("{LEDGER}/tile/{name}"))).await;
    assert_eq!(answer.status, StatusCode::OK, "{name}: {}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    answer.body.to_vec()
}

/// RFC 6962 section 2.1, word for word.
fn tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => tlog_tiles::EMPTY_HASH,
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(tree_hash(left), tree_hash(right))
        }
    }
}

fn entries(bundle: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut entries) = (bundle, Vec::new());
    while let Some((length, after)) = rest.split_first_chunk() {
        let (entry, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
        entries.push(entry.to_vec());
        rest = after;
    }
    entries
}

#[tokio::test]
async fn tiles_entries_and_checkpoint_agree() {
    let house = House::new();
    fill(&house, 600).await;
    let names = ["entries/000", "entries/001", "entries/002.p/88"];
    let mut leaves = Vec::new();
    for (number, name) in names.into_iter().enumerate() {
        let bundle = entries(&tile(&house, name).await);
        let hashes: Vec<Hash> = bundle.iter().map(|entry| record_hash(entry)).collect();
        let of_tile = tile(&house, &name.replace("entries", "0")).await;
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        assert_eq!(bytes, of_tile, "{name}");
        assert_eq!(hashes.len(), if number < 2 { 256 } else { 88 });
        for entry in bundle {
            assert_eq!(Leaf::from_bytes(&entry).unwrap().site().as_str(), "adforge");
        }
        leaves.extend(hashes);
    }
    let above: Vec<u8> = [&leaves[..256], &leaves[256..512]].iter().flat_map(|leaves| tree_hash(leaves).0).collect();
    assert_eq!(tile(&house, "1/000.p/2").await, above);
    assert_eq!(tile(&house, "1/000.p/1").await, above[..32]);
    assert_eq!(tile(&house, "0/002.p/7").await.len(), 7 * 32);
    let answer = house.send(get(&format!("{LEDGER}/checkpoint"))).await;
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "public, max-age=2");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let expected = format!("consent.example/adforge\n600\n{}\n\n— consent.example/adforge ", tree_hash(&leaves));
    assert!(answer.text().starts_with(&expected), "{}", answer.text());
    // Nothing was kept since: the very same note.
    assert_eq!(house.send(get(&format!("{LEDGER}/checkpoint"))).await.text(), answer.text());
}

#[tokio::test]
async fn a_past_that_contradicts_what_was_signed_is_not_signed() {
    let (house, other) = (House::new(), House::new());
    let checkpoint = async |house: &House| house.send(get(&format!("{LEDGER}/checkpoint"))).await;
    fill(&house, 20).await;
    let signed = checkpoint(&house).await.text();
    fill(&other, 30).await;
    // As when an older copy of the database takes its place, and others write to that. The server has the file open.
    let change = |statements: &str| house.database().execute_batch(statements).unwrap();
    let path = database_path(other.folder.path());
    other.database().pragma_update(None, "wal_checkpoint", "TRUNCATE").unwrap();
    change(&format!(
        "PRAGMA foreign_keys = OFF; DROP TRIGGER entries_never_go; DROP TRIGGER heads_only_grow;
        ATTACH '{}' AS other; DELETE FROM payloads; DELETE FROM entries;
        INSERT INTO entries SELECT * FROM other.entries; INSERT INTO payloads SELECT * FROM other.payloads;
        UPDATE heads SET size = 30, root = (SELECT root FROM other.heads);",
        path.display()
    ));
    checkpoint(&house).await.problem(503, "unavailable");
    change("UPDATE heads SET size = 20");
    checkpoint(&house).await.problem(503, "unavailable");
    // One that has lost what was signed is given the checkpoint that it must catch up with.
    change("UPDATE heads SET size = 19");
    assert_eq!(checkpoint(&house).await.text(), signed);
}

#[tokio::test]
async fn what_there_is_no_tile_of_is_not_found() {
    let house = House::new();
    fill(&house, 3).await;
    for name in [
        "0/000",
        "0/000.p/4",
        "0/001.p/1",
        "1/000.p/1",
        "entries/000",
        "entries/000.p/4",
        "0/000.p/03",
        "0/0",
        "data/000",
        "",
        "0/000.p/3/",
        "7/x018/x446/x744/x073/x709/x551/615",
        "entries/x018/x446/x744/x073/x709/x551/615.p/1",
    ] {
        house.send(get(&format!("{LEDGER}/tile/{name}"))).await.problem(404, "not-found");
    }
    house.send(get("/v1/sites/nobody/ledger/checkpoint")).await.problem(404, "unknown-site");
    house.send(get("/v1/sites/nobody/ledger/tile/0/000.p/1")).await.problem(404, "unknown-site");
}

#[tokio::test]
async fn an_empty_ledger_has_a_checkpoint_too() {
    let house = House::new();
    let text = house.send(get(&format!("{LEDGER}/checkpoint"))).await.text();
    let expected = "consent.example/adforge\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n";
    assert!(text.starts_with(expected), "{text}");
}

#[tokio::test]
async fn keys_are_a_jwk_set_that_names_them_as_notes_do() {
    let house = House::new();
    let answer = house.send(get(&format!("{LEDGER}/keys"))).await;
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    let key = answer.json()["keys"][0].clone();
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA")));
    let (kid, note) = (key["kid"].as_str().unwrap(), key["note"].as_str().unwrap());
    assert!(note.starts_with(&format!("{kid}+")), "{key}");
    assert_eq!(key["x"].as_str().unwrap().len(), 43);
    assert_eq!(key.as_object().unwrap().len(), 7);
}

#[tokio::test]
async fn what_is_public_says_nothing_of_anybody() {
    let house = House::new();
    let browser = Browser::new();
    let receipt = house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let mut all = Vec::new();
    for path in ["checkpoint", "keys", "tile/0/000.p/1", "tile/entries/000.p/1"] {
        all.extend(house.send(get(&format!("{LEDGER}/{path}"))).await.body);
    }
    let all = String::from_utf8_lossy(&all);
    assert!(all.contains("commitment"), "the test looks in the wrong place");
    for secret in [&browser.device, &browser.secret, receipt["id"].as_str().unwrap(), "grant", "salt"] {
        assert!(!all.contains(secret), "{secret}");
    }
}
