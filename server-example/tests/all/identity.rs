//! `POST /v1/sites/{site}/identity`, and what is sent with an identity token.

use crate::house::*;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use consentry_core::EventKind;
use consentry_core::source::Published;
use consentry_server::{App, Clock, Config, ConfigError, IdentityConfig, IdentityKeys, KeyConfig, NewEntry, Pepper};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use std::path::Path;

const PATH: &str = "/v1/sites/adforge/identity";

/// A house at whose site accounts can sign in.
pub(crate) fn house() -> House {
    house_of(adforge())
}

fn house_of(published: Published) -> House {
    house_with(|config| config.sites = vec![published])
}

/// The same, of a configuration that somebody changes first.
pub(crate) fn house_with(change: impl FnOnce(&mut Config)) -> House {
    House::with(|config| {
        knows_accounts(config);
        change(config);
    })
}

/// Believes the tokens of [`token`].
pub(crate) fn knows_accounts(config: &mut Config) {
    config.identity.insert("adforge".parse().unwrap(), keys());
    config.pepper = Some(Pepper::from_bytes([9; 32]));
}

fn keys() -> IdentityKeys {
    let public_key = URL_SAFE_NO_PAD.encode(signing_key().verifying_key().to_bytes());
    let keys = vec![KeyConfig::EdDsa { kid: "1".into(), public_key }];
    IdentityConfig { issuer: None, keys }.load(Path::new("")).unwrap()
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// What the site's back end signs for an account, good for an hour.
pub(crate) fn token(account: &str, fields: Value) -> String {
    let mut claims = json!({ "aud": "adforge", "sub": account, "exp": START_MS / 1000 + 3600 });
    claims.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    let signed =
        format!("{}.{}", encode(json!({ "alg": "EdDSA", "kid": "1" }).to_string()), encode(claims.to_string()));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signing_key().sign(signed.as_bytes()).to_bytes()))
}

fn u(account: &str) -> String {
    token(account, json!({}))
}

pub(crate) async fn identify(house: &House, browser: &Browser, token: &str) -> Answer {
    house.send(with_json(browser.request(Method::POST, PATH), &json!({ "v": 1, "token": token }))).await
}

/// What a browser may do by the word of device and account, which must be answered.
pub(crate) async fn sign_in(house: &House, browser: &Browser, token: &str) -> Value {
    let answer = identify(house, browser, token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

/// Sends something in the name of device and account.
async fn send_signed(house: &House, browser: &Browser, path: &str, token: &str, what: &Value) -> Answer {
    let request = browser.request(Method::POST, &format!("/v1/sites/adforge/{path}"));
    house.send(with_json(request.header("Consentry-Identity", token), what)).await
}

pub(crate) async fn choose_signed(house: &House, browser: &Browser, token: &str, fields: Value) -> Value {
    let choice = house.choice(fields);
    let answer = send_signed(house, browser, "choices", token, &choice).await;
    assert!(answer.status.is_success(), "{}", answer.text());
    choice
}

fn allows(answer: &Value, target: &str) -> bool {
    answer["allowed"].as_array().unwrap().iter().any(|allowed| allowed == target)
}

async fn reason(house: &House, key: &str, question: Value) -> String {
    house.ask(key, &question).await.json()["reason"].as_str().unwrap().into()
}

#[tokio::test]
async fn whoever_signs_in_is_told_what_device_and_account_allow_together() {
    let house = house();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let answer = identify(&house, &browser, &u("u-42")).await;
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = answer.json();
    assert_eq!(answer["v"], 1);
    assert_eq!(answer["until_ms"], START_MS + 5 * MINUTE_MS, "{answer}");
    // Storage is the device's to allow; training is the account's, which has said nothing yet.
    assert!(allows(&answer, "security") && allows(&answer, "analytics"), "{answer}");
    assert!(!allows(&answer, "ai-training") && !allows(&answer, "marketing") && !allows(&answer, "downstream-ai"));
    assert!(answer["account"].as_str().unwrap().starts_with("account:"));
}

#[tokio::test]
async fn a_token_is_relied_on_no_longer_than_it_is_good() {
    let house = house();
    let browser = Browser::new();
    let short = token("u-42", json!({ "exp": START_MS / 1000 + 60 }));
    assert_eq!(sign_in(&house, &browser, &short).await["until_ms"], START_MS + 2 * MINUTE_MS);
    house.move_clock(2 * MINUTE_MS);
    let answer = identify(&house, &browser, &short).await;
    answer.problem(401, "wrong-identity");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn r17_a_device_is_linked_once_and_nothing_names_the_account() {
    let house = house();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-refused" })).await;
    let account = sign_in(&house, &browser, &u("u-42-ada@example.org")).await["account"].clone();
    house.move_clock(DAY_MS / 48);
    sign_in(&house, &browser, &u("u-42-ada@example.org")).await;
    assert_eq!(house.counts(), (2, 1));
    let linked = house.store.ledger_entries(&"adforge".parse().unwrap(), 1, 1).await.unwrap().remove(0);
    let payload = linked.sealed.unwrap().payload;
    assert_eq!(json!(payload.subject().to_string()), account);
    let EventKind::Linked(_, device) = &payload.event().kind else { panic!("{:?}", payload.event()) };
    assert_eq!(device.to_string(), browser.device);
    let files =
        std::fs::read_dir(house.folder.path()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let raw = b"ada@example.org";
    assert!(files.into_iter().all(|file| !file.windows(raw.len()).any(|part| part == raw)));
}

#[tokio::test]
async fn a_browser_without_a_name_is_linked_to_nobody_and_an_impostor_is_refused() {
    let house = house();
    let browser = Browser::new();
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    let nameless = Request::post(PATH).header(header::ORIGIN, ORIGIN);
    let answer = house.send(with_json(nameless, &json!({ "v": 1, "token": u("u-42") }))).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(allows(&answer.json(), "security") && !allows(&answer.json(), "analytics"));
    identify(&house, &browser.impostor(), &u("u-42")).await.problem(403, "wrong-secret");
    let broken = Request::post(PATH).header(header::ORIGIN, ORIGIN).header(header::AUTHORIZATION, "Bearer x");
    house.send(with_json(broken, &json!({ "v": 1, "token": u("u-42") }))).await.problem(401, "wrong-secret");
    let foreign = Request::post(PATH).header(header::ORIGIN, "https://evil.example");
    house.send(with_json(foreign, &json!({ "v": 1, "token": u("u-42") }))).await.problem(403, "foreign-origin");
    assert_eq!(house.counts(), (1, 1));
}

#[tokio::test]
async fn a_token_that_is_not_believed_changes_nothing() {
    let house = house();
    let browser = Browser::new();
    let forged = format!("{}A", &u("u-42")[..u("u-42").len() - 2]);
    identify(&house, &browser, &forged).await.problem(401, "wrong-identity");
    let choice = house.choice(json!({ "outcome": "all-granted" }));
    for token in [forged.as_str(), "", "u-42"] {
        send_signed(&house, &browser, "choices", token, &choice).await.problem(401, "wrong-identity");
    }
    let twice = browser.request(Method::POST, "/v1/sites/adforge/choices").header("Consentry-Identity", u("u-42"));
    let twice = with_json(twice.header("Consentry-Identity", u("u-43")), &choice);
    house.send(twice).await.problem(401, "wrong-identity");
    for body in [json!({ "v": 1 }), json!({ "v": 2, "token": "" }), json!({ "v": 1, "token": "", "more": 1 })] {
        house.send(with_json(browser.request(Method::POST, PATH), &body)).await.problem(400, "malformed");
    }
    let long = json!({ "v": 1, "token": "a".repeat(5 * 1024) });
    house.send(with_json(browser.request(Method::POST, PATH), &long)).await.problem(413, "too-large");
    assert_eq!(house.counts(), (0, 0));
    // Where nobody was told of any keys, nobody is signed in.
    let without = House::new();
    identify(&without, &browser, &u("u-42")).await.problem(401, "wrong-identity");
}

#[tokio::test]
async fn r39_a_choice_made_while_signed_in_is_the_accounts_and_reaches_its_other_devices() {
    let house = house();
    let (laptop, phone, key) = (Browser::new(), Browser::new(), house.new_key());
    let choice = choose_signed(&house, &laptop, &u("u-42"), json!({ "outcome": "all-granted" })).await;
    let answer = sign_in(&house, &laptop, &u("u-42")).await;
    for target in ["analytics", "ai-training", "marketing", "downstream-ai", "downstream-ai/kling"] {
        assert!(allows(&answer, target), "{target} in {answer}");
    }
    let on_phone = sign_in(&house, &phone, &u("u-42")).await;
    assert!(allows(&on_phone, "ai-training") && allows(&on_phone, "downstream-ai"), "{on_phone}");
    assert!(!allows(&on_phone, "analytics"), "storage on the phone is the phone's to allow");
    let account = answer["account"].clone();
    assert_eq!(reason(&house, &key, json!({ "subject": account, "purpose": "ai-training" })).await, "given");
    // Another account knows nothing of it.
    assert!(!allows(&sign_in(&house, &phone, &u("u-43")).await, "ai-training"));

    house.move_clock(1);
    choose_signed(&house, &phone, &u("u-42"), json!({ "stances": { "ai-training": "refuse" } })).await;
    assert!(!allows(&sign_in(&house, &laptop, &u("u-42")).await, "ai-training"));
    assert_eq!(reason(&house, &key, json!({ "subject": account, "purpose": "ai-training" })).await, "withdrawn");
    assert_eq!(choice["v"], 1);
}

#[tokio::test]
async fn the_same_choice_twice_with_and_without_the_token_is_kept_once_for_each() {
    let house = house();
    let browser = Browser::new();
    let choice = house.choice(json!({ "outcome": "all-granted" }));
    let first = house.post(&browser, &choice).await;
    assert_eq!((first.status, house.counts()), (StatusCode::CREATED, (1, 1)));
    let signed = send_signed(&house, &browser, "choices", &u("u-42"), &choice).await;
    assert_eq!((signed.status, signed.json()), (StatusCode::OK, first.json()));
    // The device's, the account's, and that the device only lent it.
    assert_eq!(house.counts(), (3, 1));
    house.move_clock(MINUTE_MS);
    for _ in 0..2 {
        assert_eq!(send_signed(&house, &browser, "choices", &u("u-42"), &choice).await.json(), first.json());
        assert_eq!(house.post(&browser, &choice).await.json(), first.json());
    }
    assert_eq!(house.counts(), (3, 1));
    let record = house.send(browser.get_record()).await.json();
    assert_eq!((&record["events"][1]["type"], &record["events"][1]["choice_id"]), (&json!("lent"), &choice["id"]));
}

#[tokio::test]
async fn r39_signing_out_leaks_no_grant_of_the_account_to_the_device() {
    let house = house();
    let (browser, key) = (Browser::new(), house.new_key());
    let of_device = |purpose: &str| json!({ "subject": browser.subject(), "purpose": purpose });
    // Before anybody signed in, the device refused downstream AI and said nothing of training.
    house.choose(&browser, json!({ "stances": { "downstream-ai": "refuse", "marketing": "grant" } })).await;
    house.move_clock(1);
    choose_signed(&house, &browser, &u("u-42"), json!({ "outcome": "all-granted" })).await;
    assert_eq!(
        reason(&house, &key, of_device("analytics")).await,
        "given",
        "storage is the device's, whoever is there"
    );
    assert_eq!(reason(&house, &key, of_device("ai-training")).await, "not-given");
    assert_eq!(reason(&house, &key, of_device("downstream-ai")).await, "refused", "its own no stands");
    assert_eq!(reason(&house, &key, of_device("marketing")).await, "given", "and so does its own yes");
    // What was refused there is refused there.
    house.move_clock(1);
    choose_signed(
        &house,
        &browser,
        &u("u-42"),
        json!({ "stances": { "marketing": "refuse", "ai-training": "grant" } }),
    )
    .await;
    assert_eq!(reason(&house, &key, of_device("marketing")).await, "withdrawn");
    assert_eq!(reason(&house, &key, of_device("ai-training")).await, "not-given");
}

#[tokio::test]
async fn r23_what_a_linked_device_takes_away_counts_though_the_question_names_no_device() {
    let house = house();
    let (laptop, phone, key) = (Browser::new(), Browser::new(), house.new_key());
    choose_signed(&house, &phone, &u("u-42"), json!({ "stances": { "downstream-ai": "grant", "marketing": "grant" } }))
        .await;
    let account = sign_in(&house, &laptop, &u("u-42")).await["account"].clone();
    let asked = |purpose: &str| json!({ "subject": account, "purpose": purpose, "jurisdiction": "US-CA" });
    assert_eq!(reason(&house, &key, asked("downstream-ai")).await, "given");
    house.move_clock(1);
    // By the laptop alone: nobody says there who it is.
    house.choose(&laptop, json!({ "stances": { "downstream-ai": "refuse", "ai-training": "grant" } })).await;
    assert_eq!(reason(&house, &key, asked("downstream-ai")).await, "refused");
    assert_eq!(reason(&house, &key, asked("ai-training")).await, "not-given", "a device's yes does not spread");
    let on_phone = json!({ "subject": account, "device": phone.device, "purpose": "downstream-ai" });
    assert_eq!(reason(&house, &key, on_phone).await, "refused", "nor is it forgotten where another device is named");
    // Objections count as well, and no longer once they are lifted.
    let demand = |lifted: bool| {
        let mut demand = json!({ "v": 1, "id": new_id(), "demand": "objection" });
        if lifted {
            demand["lifted"] = json!(true);
        }
        with_json(laptop.request(Method::POST, "/v1/sites/adforge/demands"), &demand)
    };
    assert_eq!(reason(&house, &key, asked("marketing")).await, "given");
    assert!(house.send(demand(false)).await.status.is_success());
    assert_eq!(reason(&house, &key, asked("marketing")).await, "objected");
    house.move_clock(1);
    assert!(house.send(demand(true)).await.status.is_success());
    assert_eq!(reason(&house, &key, asked("marketing")).await, "given");
    // The past is as it was.
    let past = json!({ "subject": account, "purpose": "downstream-ai", "as_of_ms": START_MS });
    assert_eq!(reason(&house, &key, past).await, "given");
}

#[tokio::test]
async fn r23_a_signal_with_a_token_opts_the_account_out_on_every_device() {
    // AdForge's own cookies are for statistics, of which no signal speaks.
    let advertising = adforge_with("function = \"statistics\"", "function = \"advertising\"");
    let house = house_of(advertising);
    let (phone, key) = (Browser::new(), house.new_key());
    let californian = token("u-42", json!({ "jurisdiction": "US-CA" }));
    let answer = sign_in(&house, &phone, &californian).await;
    assert!(allows(&answer, "analytics"), "it may start on in California: {answer}");
    let with_signal = |value: &'static str| {
        let request = Request::post(PATH).header(header::ORIGIN, ORIGIN).header("Sec-GPC", value);
        with_json(request, &json!({ "v": 1, "token": californian }))
    };
    for nothing in ["0", "true", "11", ""] {
        assert!(allows(&house.send(with_signal(nothing)).await.json(), "analytics"), "R22: {nothing}");
    }
    let entries = house.counts().0;
    for _ in 0..2 {
        assert!(!allows(&house.send(with_signal("1")).await.json(), "analytics"));
    }
    assert_eq!(house.counts().0, entries + 1, "it is written down once");
    let asked = json!({ "subject": answer["account"], "purpose": "analytics", "jurisdiction": "US-CA" });
    assert_eq!(reason(&house, &key, asked).await, "signal");
    assert!(!allows(&sign_in(&house, &phone, &californian).await, "analytics"), "on another device, which sends none");
}

#[tokio::test]
async fn r19_an_erasure_with_a_token_is_of_both_and_ends_the_links() {
    let house = house();
    let (laptop, phone, key) = (Browser::new(), Browser::new(), house.new_key());
    choose_signed(&house, &phone, &u("u-42"), json!({ "outcome": "all-granted" })).await;
    let account = sign_in(&house, &phone, &u("u-42")).await["account"].clone();
    sign_in(&house, &laptop, &u("u-42")).await;
    house.choose(&laptop, json!({ "stances": { "downstream-ai": "refuse" } })).await;
    house.move_clock(1);
    let erasure = json!({ "v": 1, "id": new_id(), "demand": "erasure" });
    assert_eq!(send_signed(&house, &phone, "demands", &u("u-42"), &erasure).await.status, StatusCode::CREATED);
    for subject in [account.clone(), json!(phone.subject())] {
        assert_eq!(reason(&house, &key, json!({ "subject": subject, "purpose": "downstream-ai" })).await, "erased");
    }
    let of_laptop = json!({ "subject": laptop.subject(), "purpose": "downstream-ai" });
    assert_eq!(reason(&house, &key, of_laptop).await, "refused", "what the other device said is its own");
    house.move_clock(1);
    choose_signed(&house, &phone, &u("u-42"), json!({ "outcome": "all-granted" })).await;
    assert_eq!(reason(&house, &key, json!({ "subject": account, "purpose": "downstream-ai" })).await, "given");
}

#[tokio::test]
async fn an_account_has_a_thousand_devices_and_no_more() {
    let house = house();
    let browser = Browser::new();
    let account = sign_in(&house, &browser, &u("u-42")).await["account"].clone();
    let link = |_| {
        let kind = EventKind::Linked(new_id().parse().unwrap(), Browser::new().device.parse().unwrap());
        let (site, subject) = ("adforge".parse().unwrap(), account.as_str().unwrap().parse().unwrap());
        let (store, at) = (house.store.clone(), consentry_core::Time::from_ms(START_MS));
        tokio::spawn(async move { store.append(NewEntry { site, subject, secret: None, kind, at }).await.unwrap() })
    };
    for linked in (0..999).map(link).collect::<Vec<_>>() {
        linked.await.unwrap();
    }
    identify(&house, &Browser::new(), &u("u-42")).await.problem(409, "too-many-devices");
    sign_in(&house, &browser, &u("u-42")).await;
}

#[tokio::test]
async fn a_back_end_is_told_under_which_names_its_accounts_are_kept() {
    let house = house();
    let key = house.new_key();
    let ask = |key: &str, body: &Value| {
        let request =
            Request::post("/v1/sites/adforge/accounts").header(header::AUTHORIZATION, format!("Bearer {key}"));
        with_json(request, body)
    };
    let signed_in = sign_in(&house, &Browser::new(), &u("u-42")).await["account"].clone();
    let entries = house.counts();
    let answer = house.send(ask(&key, &json!({ "v": 1, "ids": ["u-43", "u-42"] }))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["accounts"][1], signed_in);
    assert_ne!(answer.json()["accounts"][0], signed_in);
    assert_eq!(house.counts(), entries);
    for (wrong, detail) in [
        (json!({ "v": 1, "ids": vec!["u"; 1001] }), "more than 1000 ids"),
        (json!({ "v": 1, "ids": "u-42" }), "expected a sequence"),
        (json!({ "v": 1, "ids": [], "more": 1 }), "unknown field"),
    ] {
        let problem = house.send(ask(&key, &wrong)).await.problem(400, "malformed");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    house.send(ask(&key, &json!({ "v": 1, "ids": [""] }))).await.problem(400, "malformed");
    house.send(ask("ck_", &json!({ "v": 1, "ids": [] }))).await.problem(401, "wrong-key");
    let without = House::new();
    let key = without.new_key();
    without.send(ask(&key, &json!({ "v": 1, "ids": ["u-42"] }))).await.problem(401, "wrong-identity");
}

#[tokio::test]
async fn a_page_may_send_the_token_in_its_header() {
    let house = house();
    let request = Request::builder().method(Method::OPTIONS).uri(PATH).header(header::ORIGIN, ORIGIN);
    let answer = house.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.header("access-control-allow-headers").split(", ").any(|name| name == "consentry-identity"));
}

#[tokio::test]
async fn keys_without_a_pepper_or_for_a_site_that_is_not_served_are_refused_at_the_start() {
    let start = |site: &str, pepper: Option<Pepper>| {
        let house = House::new();
        let mut config = Config { sites: vec![adforge()], pepper, ..Config::default() };
        config.identity.insert(site.parse().unwrap(), keys());
        App::new(config, house.store, Clock::Held(house.clock)).map(drop)
    };
    assert!(matches!(start("adforge", None), Err(ConfigError::NoPepper)));
    assert!(matches!(start("adfroge", Some(Pepper::from_bytes([9; 32]))), Err(ConfigError::KeysOfNoSite(_))));
    assert!(start("adforge", Some(Pepper::from_bytes([9; 32]))).is_ok());
}
