//! `GET /v1/sites/{site}/receipts/{id}`, and what `consentry verify --receipt` says of them.

use crate::binary::CONSENTRY;
use crate::house::*;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use consentry_server::{App, Clock, Config, LedgerKeys};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// A request for the receipt of an event.
pub(crate) fn get_receipt(browser: &Browser, id: &str, accept: &str) -> Request<Body> {
    let request = browser.request(Method::GET, &format!("/v1/sites/adforge/receipts/{id}"));
    request.header(header::ACCEPT, accept).body(Body::empty()).unwrap()
}

async fn receipt(house: &House, browser: &Browser, id: &Value) -> Value {
    let answer = house.send(get_receipt(browser, id.as_str().unwrap(), "*/*")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let varies: Vec<_> = answer.headers.get_all("vary").iter().collect();
    assert_eq!(varies, ["accept", "origin"]);
    answer.json()
}

/// The key that signs now, as an auditor would write it down.
pub(crate) fn verifier(house: &House) -> String {
    signer(house.folder.path()).verifiers(&"adforge".parse().unwrap()).pop().unwrap().to_string()
}

/// What `consentry verify --receipt` says, and its exit code.
fn verify(folder: &Path, receipt: &str, keys: &[&str]) -> (i32, String) {
    let file = folder.join("receipt");
    std::fs::write(&file, receipt).unwrap();
    let mut command = Command::new(CONSENTRY);
    command.args(["verify", "--receipt"]).arg(file);
    for key in keys {
        command.args(["--key", key]);
    }
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

async fn erase(house: &House, browser: &Browser) {
    let request = browser.request(Method::POST, "/v1/sites/adforge/demands");
    let answer = house.send(with_json(request, &json!({ "v": 1, "id": new_id(), "demand": "erasure" }))).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

#[tokio::test]
async fn r14_a_receipt_proves_its_entry_without_the_server_in_each_of_its_forms() {
    let house = House::new();
    let (browser, key) = (Browser::new(), verifier(&house));
    let mut ids = Vec::new();
    for _ in 0..7 {
        house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
        ids.push(house.choose(&browser, json!({ "outcome": "all-granted" })).await["id"].clone());
    }
    for (number, id) in ids.iter().enumerate() {
        let receipt = receipt(&house, &browser, id).await;
        assert_eq!((&receipt["v"], &receipt["site"]), (&json!(1), &json!("adforge")));
        assert_eq!(receipt["seq"], 2 * number + 1);
        let payload: Value = serde_json::from_str(receipt["entry"]["payload"].as_str().unwrap()).unwrap();
        assert_eq!((&payload["subject"], &payload["event"]["choice"]["id"]), (&json!(browser.subject()), id));
        let (code, said) = verify(house.folder.path(), &receipt.to_string(), &[&key]);
        assert_eq!(code, 0, "{said}");
        let expected =
            format!("the receipt holds: entry {} of consent.example/adforge, recorded 2025-", 2 * number + 1);
        assert!(said.starts_with(&expected) && said.contains("tree of 14 entries"), "{said}");
    }
    let id = ids[3].as_str().unwrap();
    for (accept, media_type) in [("application/jose", "application/jose"), ("text/plain", "text/plain; charset=utf-8")]
    {
        let answer = house.send(get_receipt(&browser, id, accept)).await;
        assert_eq!(answer.header("content-type"), media_type);
        let (code, said) = verify(house.folder.path(), &answer.text(), &[&key]);
        assert!(code == 0 && said.contains("entry 7 of"), "{said}");
        let (code, said) = verify(house.folder.path(), &answer.text(), &[]);
        assert!(code == 2 && said.starts_with("who signed was not checked"), "{said}");
    }
}

#[tokio::test]
async fn a_receipt_is_for_its_subject_alone() {
    let house = House::new();
    let (browser, other) = (Browser::new(), Browser::new());
    let id = house.choose(&browser, json!({ "outcome": "all-granted" })).await["id"].clone();
    house.choose(&other, json!({ "outcome": "all-granted" })).await;
    let id = id.as_str().unwrap();
    let theirs = house.send(get_receipt(&other, id, "*/*")).await;
    let unknown = house.send(get_receipt(&other, &new_id(), "*/*")).await;
    theirs.problem(404, "not-found");
    assert_eq!(theirs.text(), unknown.text());
    house.send(get_receipt(&browser.impostor(), id, "*/*")).await.problem(403, "wrong-secret");
    house.send(get_receipt(&browser, "0198", "*/*")).await.problem(404, "not-found");
    house.send(get_receipt(&Browser::new(), id, "*/*")).await.problem(404, "not-found");
    let path = format!("/v1/sites/adforge/receipts/{id}");
    let preflight = house.send(browser.request(Method::OPTIONS, &path).body(Body::empty()).unwrap()).await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-origin"), ORIGIN);
    let mut anonymous = get_receipt(&browser, id, "*/*");
    anonymous.headers_mut().remove(header::AUTHORIZATION);
    house.send(anonymous).await.problem(401, "wrong-secret");
    let mut foreign = get_receipt(&browser, id, "*/*");
    foreign.headers_mut().insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    house.send(foreign).await.problem(403, "foreign-origin");
}

#[tokio::test]
async fn without_a_signer_there_is_no_ledger_to_show() {
    let house = House::with(|config| config.signer = None);
    let browser = Browser::new();
    let id = house.choose(&browser, json!({ "outcome": "all-granted" })).await["id"].clone();
    house.send(get_receipt(&browser, id.as_str().unwrap(), "*/*")).await.problem(404, "not-found");
    for path in ["checkpoint", "keys", "tile/0/000.p/1"] {
        house.send(get(&format!("/v1/sites/adforge/ledger/{path}"))).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn what_is_not_as_it_was_is_refused_and_named() {
    let house = House::new();
    let (browser, key) = (Browser::new(), verifier(&house));
    for _ in 0..2 {
        house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
    }
    let id = house.choose(&browser, json!({ "outcome": "all-granted" })).await["id"].clone();
    let good = receipt(&house, &browser, &id).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let replace = |value: &Value, from: &str, to: &str| {
        assert!(value.as_str().unwrap().contains(from), "{value}");
        json!(text(value).replacen(from, to, 1))
    };
    let other_bytes = |mut bytes: Vec<u8>| {
        bytes[9] ^= 1;
        bytes
    };
    let (entry, checkpoint) = (&good["entry"], &good["checkpoint"]);
    let salt = other_bytes(URL_SAFE_NO_PAD.decode(text(&entry["salt"])).unwrap());
    let proof = other_bytes(STANDARD.decode(text(&good["proof"][0])).unwrap());
    let (unsigned, encoded) = checkpoint.as_str().unwrap().trim_end().rsplit_once(' ').unwrap();
    let signature = other_bytes(STANDARD.decode(encoded).unwrap());
    for (place, changed, expected) in [
        ("/entry/payload", replace(&entry["payload"], "banner", "ad"), "the payload is not as it was written"),
        ("/entry/payload", replace(&entry["payload"], "grant", "refuse"), "the leaf does not commit to this payload"),
        (
            "/entry/salt",
            json!(URL_SAFE_NO_PAD.encode(salt)),
            "the leaf does not commit to this payload under this salt",
        ),
        ("/entry/leaf", replace(&entry["leaf"], "\"v\":1", "\"v\":2"), "the leaf is not as it was written"),
        ("/entry/leaf", replace(&entry["leaf"], "00000,", "00001,"), "the leaf is of another site or time"),
        ("/proof/0", json!(STANDARD.encode(proof)), "the proof does not lead from entry 2 to the root"),
        ("/seq", json!(1), "the proof does not lead from entry 1 to the root"),
        ("/site", json!("paf"), "the receipt is of the site `paf`"),
        ("/checkpoint", replace(checkpoint, "\n3\n", "\n4\n"), "the signature on the checkpoint is not that of"),
        (
            "/checkpoint",
            json!(format!("{unsigned} {}\n", STANDARD.encode(signature))),
            "the signature on the checkpoint",
        ),
        ("/checkpoint", replace(checkpoint, "consent.example/", "consent.invalid/"), "the signature on the checkpoint"),
        ("/checkpoint", replace(checkpoint, "\n\n", "\n"), "the checkpoint has another form"),
    ] {
        let mut receipt = good.clone();
        if changed == json!(null) || receipt.pointer(place) == Some(&changed) {
            panic!("nothing has changed at {place}");
        }
        *receipt.pointer_mut(place).unwrap() = changed;
        let (code, said) = verify(house.folder.path(), &receipt.to_string(), &[&key]);
        assert!(code == 1 && said.contains(expected), "{place}: {said}");
    }
    let (code, said) = verify(house.folder.path(), &good.to_string(), &[&key]);
    assert_eq!(code, 0, "{said}");
    let jws = house.send(get_receipt(&browser, id.as_str().unwrap(), "application/jose")).await.text();
    let (signed, _) = jws.rsplit_once('.').unwrap();
    let (code, said) = verify(house.folder.path(), &format!("{signed}.{}", URL_SAFE_NO_PAD.encode([7; 64])), &[&key]);
    assert!(code == 1 && said.contains("the signature on the JWS is not that of"), "{said}");
    // The receipt that comes with a choice proves nothing yet, and does not pretend to.
    let (code, said) = verify(house.folder.path(), &json!({ "v": 1, "id": id, "seq": 2 }).to_string(), &[&key]);
    assert!(code == 1 && said.contains("this is no receipt with a proof"), "{said}");
}

#[tokio::test]
async fn a_receipt_of_the_old_key_holds_after_a_rotation() {
    let house = House::new();
    let (browser, old) = (Browser::new(), verifier(&house));
    let id = house.choose(&browser, json!({ "outcome": "all-granted" })).await["id"].clone();
    let of_old = receipt(&house, &browser, &id).await.to_string();
    let rotated = Command::new(CONSENTRY)
        .args(["ledger", "rotate", "--database", &database_url(house.folder.path())])
        .output()
        .unwrap();
    assert!(rotated.status.success(), "{rotated:?}");
    assert!(LedgerKeys::read(&key_path(house.folder.path())).is_ok());
    let new = verifier(&house);
    assert_ne!(old, new);
    let config =
        Config { sites: vec![house.published.clone()], signer: Some(signer(house.folder.path())), ..Config::default() };
    let router = App::new(config, house.store.clone(), Clock::Held(Arc::clone(&house.clock))).unwrap().router();
    let of_new = send(&router, get_receipt(&browser, id.as_str().unwrap(), "*/*")).await.text();
    for (receipt, keys, expected) in [
        (&of_old, vec![&*old], 0),
        (&of_old, vec![&*new], 1),
        (&of_old, vec![&*old, &*new], 0),
        (&of_new, vec![&*new], 0),
        (&of_new, vec![&*old], 1),
        (&of_new, vec![&*old, &*new], 0),
    ] {
        let (code, said) = verify(house.folder.path(), receipt, &keys);
        assert_eq!(code, expected, "{said}");
    }
    let printed = Command::new(CONSENTRY)
        .args(["ledger", "key", "--site", "adforge", "--ledger-name", "consent.example", "--ledger-key"])
        .arg(key_path(house.folder.path()))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), format!("{old}\n{new}\n"));
    let keys = send(&router, get("/v1/sites/adforge/ledger/keys")).await.json();
    let notes: Vec<&Value> = keys["keys"].as_array().unwrap().iter().map(|key| &key["note"]).collect();
    assert_eq!(notes, [&json!(old), &json!(new)]);
}

#[tokio::test]
async fn r19_an_erasure_leaves_every_proof_and_nothing_of_the_payload() {
    let house = House::new();
    let (gone, stays, key) = (Browser::new(), Browser::new(), verifier(&house));
    let mut choices = Vec::new();
    for _ in 0..3 {
        choices.push(house.choose(&gone, json!({ "outcome": "all-granted" })).await["id"].clone());
        house.choose(&stays, json!({ "outcome": "all-refused" })).await;
    }
    let of_gone = receipt(&house, &gone, &choices[1]).await;
    let stays_id = house.send(stays.get_record()).await.json()["events"][0]["choice"]["id"].clone();
    let of_stays = receipt(&house, &stays, &stays_id).await;
    let public = async || {
        let mut all = Vec::new();
        for path in ["tile/0/000.p/6", "tile/entries/000.p/6"] {
            all.push(house.send(get(&format!("/v1/sites/adforge/ledger/{path}"))).await.body);
        }
        all
    };
    let before = public().await;
    let subject = gone.device.replace('-', "");
    let raw: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&subject[2 * at..2 * at + 2], 16).unwrap()).collect();
    let salt = URL_SAFE_NO_PAD.decode(of_gone["entry"]["salt"].as_str().unwrap()).unwrap();
    let traces: [(&str, Vec<u8>); 4] = [
        ("payload", of_gone["entry"]["payload"].as_str().unwrap().into()),
        ("subject", gone.subject().into_bytes()),
        ("subject's bytes", raw),
        ("salt", salt),
    ];
    let on_disk = |needle: &[u8]| {
        let files = std::fs::read_dir(house.folder.path()).unwrap().map(|file| file.unwrap().path());
        let of_database = files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("consentry.db"));
        of_database
            .into_iter()
            .any(|path| std::fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle))
    };
    for (what, trace) in &traces {
        assert!(on_disk(trace), "the test looks in the wrong place for the {what}");
    }
    erase(&house, &gone).await;
    for (what, trace) in &traces {
        assert!(!on_disk(trace), "the {what} is on the disk still");
    }
    assert_eq!(public().await, before);
    house.send(get_receipt(&gone, choices[1].as_str().unwrap(), "*/*")).await.problem(404, "not-found");
    let stays_later = receipt(&house, &stays, &stays_id).await;
    assert_ne!(stays_later["checkpoint"], of_stays["checkpoint"]);
    for receipt in [&of_gone, &of_stays, &stays_later] {
        let (code, said) = verify(house.folder.path(), &receipt.to_string(), &[&key]);
        assert_eq!(code, 0, "{said}");
    }
}
