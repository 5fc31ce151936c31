//! `consentry manifest`

use crate::commands::{consentry, stderr, stdout};
use crate::house::*;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, SigningKey, Verifier};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::process::Output;

const SEED: [u8; 32] = [7; 32];

/// Runs the command, and hands back what it printed.
fn run(house: &House, purpose: &str, as_of_ms: u64, name: &str) -> Output {
    let folder = house.folder.path();
    let (key, out) = (folder.join("manifest.key"), folder.join(name));
    std::fs::write(&key, STANDARD.encode(SEED) + "\n").unwrap();
    consentry(&[
        "manifest",
        "--database",
        &database_url(folder),
        "--policies",
        policies().join("adforge").to_str().unwrap(),
        "--site",
        "adforge",
        "--purpose",
        purpose,
        "--as-of",
        &as_of_ms.to_string(),
        "--key",
        key.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ])
}

/// The manifest and its list, with signature and hash looked at.
fn made(house: &House, as_of_ms: u64, name: &str) -> (Value, Vec<String>) {
    let output = run(house, "ai-training", as_of_ms, name);
    assert!(output.status.success(), "{}", stderr(&output));
    let read =
        |extension: &str| std::fs::read_to_string(house.folder.path().join(name).with_extension(extension)).unwrap();
    let (jws, list) = (read("jws"), read("subjects"));
    let parts: Vec<&str> = jws.trim_end().split('.').collect();
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let header: Value = serde_json::from_slice(&decode(parts[0])).unwrap();
    assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("consentry-training-set+json")));
    let key = SigningKey::from_bytes(&SEED).verifying_key();
    let signed = format!("{}.{}", parts[0], parts[1]);
    key.verify(signed.as_bytes(), &Signature::from_slice(&decode(parts[2])).unwrap()).unwrap();
    let manifest: Value = serde_json::from_slice(&decode(parts[1])).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&stdout(&output)).unwrap(), manifest);
    let hash: String = Sha256::digest(&list).iter().map(|byte| format!("{byte:02x}")).collect();
    let subjects: Vec<String> = list.lines().map(ToOwned::to_owned).collect();
    assert_eq!(manifest["subjects"], json!({ "count": subjects.len(), "sha256": hash }));
    assert!(subjects.is_sorted());
    (manifest, subjects)
}

#[tokio::test]
async fn r31_an_opt_out_changes_nothing_before_it_and_everything_after() {
    let house = House::new();
    let (stays, leaves, never) = (Browser::new(), Browser::new(), Browser::new());
    let mut both = [stays.subject(), leaves.subject()];
    both.sort();
    for browser in [&stays, &leaves] {
        house.choose(browser, json!({ "stances": { "ai-training": "grant", "marketing": "refuse" } })).await;
    }
    house.choose(&never, json!({ "stances": { "marketing": "grant" } })).await;
    let before = house.store.ledger_head(&"adforge".parse().unwrap()).await.unwrap();
    let as_of = START_MS + 5;
    let (first, subjects) = made(&house, as_of, "first");
    assert_eq!(subjects, both);
    let root: String = before.root.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(first["ledger"], json!({ "size": 3, "root": root }));
    let policy = json!(house.published.policy.hash());
    let says = ["site", "purpose", "activity", "as_of_ms", "policy"].map(|field| first[field].clone());
    assert_eq!(says, [json!("adforge"), json!("ai-training"), json!("train"), json!(as_of), policy]);

    house.move_clock(10);
    house.choose(&leaves, json!({ "stances": { "ai-training": "refuse" } })).await;
    let (mut again, mut first) = (made(&house, as_of, "again").0, first);
    for manifest in [&mut again, &mut first] {
        // When it was made is all that differs.
        manifest.as_object_mut().unwrap().remove("made_at_ms").unwrap();
    }
    assert_eq!(again, first);
    let (after, subjects) = made(&house, START_MS + 10, "after");
    assert_eq!(subjects, [stays.subject()]);
    assert_eq!(after["ledger"]["size"], 4);
}

#[tokio::test]
async fn a_manifest_of_what_nobody_has_heard_of_is_not_signed() {
    let house = House::new();
    house.choose(&Browser::new(), json!({ "outcome": "all-granted" })).await;
    let misspelt = run(&house, "ai-trainign", START_MS, "misspelt");
    assert_eq!(misspelt.status.code(), Some(1));
    assert!(stderr(&misspelt).contains("no policy of `adforge` has `ai-trainign`"), "{}", stderr(&misspelt));
    let future = run(&house, "ai-training", u64::MAX / 2, "future");
    assert!(stderr(&future).contains("a time that has not come"), "{}", stderr(&future));
    assert!(!house.folder.path().join("misspelt.jws").exists());
    // Nobody trains on what is given for something else.
    let other = run(&house, "marketing", START_MS, "other");
    assert!(other.status.success(), "{}", stderr(&other));
    assert_eq!(std::fs::read_to_string(house.folder.path().join("other.subjects")).unwrap(), "");
}
