//! How others are told: in order, at least once, again where it failed, and to a processor only what concerns it.

use crate::database::{Database, Kind};
use crate::house::*;
use crate::identity::{choose_signed, sign_in};
use crate::receiver::{Got, Receiver, Reply, may_tell_anybody, teller};
use axum::http::Method;
use consentry_core::wire::ChoiceDoc;
use consentry_core::{EventKind, Subject, Time};
use consentry_server::{App, Appended, Clock, Config, NewEntry, NewWebhook, SecretHash, Store, WebhookId, Worker};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

const SECOND_MS: u64 = 1_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

fn seqs(got: &[Got]) -> Vec<u64> {
    got.iter().map(|got| got.id.rsplit_once('_').unwrap().1.parse().unwrap()).collect()
}

async fn letters(house: &House, id: &str) -> Value {
    house.admin(Method::GET, &format!("webhooks/{id}/dead-letters"), None).await.json()["dead_letters"].take()
}

/// Lets whatever is due fail until it is given up, and says how long that took.
async fn until_given_up(house: &House, worker: &Worker, receiver: &mut Receiver, id: &str) -> (usize, u64) {
    let (mut tries, start) = (0, house.now());
    let before = letters(house, id).await.as_array().unwrap().len();
    while letters(house, id).await.as_array().unwrap().len() == before {
        receiver.reply([Reply::Status(500)]);
        let next = worker.turn().await.unwrap();
        tries += receiver.got().len();
        assert!(tries <= 11, "it is never given up");
        if let Some(next) = next {
            house.move_clock(next.as_ms() - house.now());
        }
    }
    (tries, house.now() - start)
}

impl House {
    fn now(&self) -> u64 {
        self.clock.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[tokio::test]
async fn every_change_is_told_in_the_ledgers_order_and_signed() {
    let (house, worker) = House::that_tells();
    let (mut receiver, browser) = (Receiver::new().await, Browser::new());
    // Before it was asked for: for that there is the change feed.
    house.choose(&browser, json!({ "outcome": "all-refused" })).await;
    let (id, secret) = house.tells(&receiver, None).await;
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    house.move_clock(2_500);
    house.demand(&browser, json!({ "demand": "objection", "purpose": "analytics" })).await;
    assert_eq!(worker.turn().await.unwrap(), None);
    let got = receiver.got();
    assert_eq!(seqs(&got), [1, 2]);
    let change = &got[0].body["data"]["change"];
    let data = json!({ "site": "adforge", "change": change });
    assert_eq!(got[0].body, json!({ "type": "consent.changed", "timestamp": "2025-11-22T08:26:40Z", "data": data }));
    assert_eq!((&change["seq"], &change["subject"]), (&json!(1), &json!(browser.subject())));
    assert_eq!(change["choice"]["stances"]["marketing"], "grant");
    assert_eq!(got[1].body["data"]["change"]["demand"], "objection");
    assert_eq!(got[1].id, format!("msg_{id}_2"));
    for got in &got {
        assert_eq!((got.timestamp.as_str(), got.signatures.len()), ("1763800002", 1));
        assert!(got.is_signed_by(&secret));
        assert!(!Got { text: got.text.replace("adforge", "adforgf"), ..got.clone() }.is_signed_by(&secret));
    }
    assert_eq!(worker.turn().await.unwrap(), None);
    assert_eq!(receiver.got().len(), 0);
}

#[tokio::test]
async fn what_fails_is_tried_again_under_the_same_id_and_nothing_overtakes_it() {
    let (house, worker) = House::that_tells();
    let (mut receiver, browser) = (Receiver::new().await, Browser::new());
    house.tells(&receiver, None).await;
    for _ in 0..3 {
        house.choose(&browser, json!({ "outcome": "all-refused" })).await;
    }
    receiver.reply([Reply::Status(200), Reply::Status(500), Reply::Status(302), Reply::Later(503, 3_600)]);
    for (wait, wanted) in [(5, vec![0, 1]), (300, vec![1]), (3_600, vec![1])] {
        let next = worker.turn().await.unwrap().unwrap();
        assert_eq!(seqs(&receiver.got()), wanted);
        let waits = next.as_ms() - house.now();
        assert!((wait * SECOND_MS..wait * 1_200).contains(&waits), "{wait} s: {waits} ms");
        house.move_clock(waits - 1);
        assert_eq!(worker.turn().await.unwrap(), Some(next));
        assert_eq!(receiver.got().len(), 0);
        house.move_clock(1);
    }
    assert_eq!(worker.turn().await.unwrap(), None);
    let got = receiver.got();
    assert_eq!(seqs(&got), [1, 2]);
    // Dated when it is sent: a receiver refuses what is old.
    assert_eq!(got[0].timestamp, (house.now() / SECOND_MS).to_string());
}

#[tokio::test]
async fn what_fails_for_three_days_is_a_dead_letter_and_the_next_is_told() {
    let (house, worker) = House::that_tells();
    let (mut receiver, browser) = (Receiver::new().await, Browser::new());
    let (id, _) = house.tells(&receiver, None).await;
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    house.choose(&browser, json!({ "outcome": "all-refused" })).await;
    assert_eq!(letters(&house, &id).await, json!([]));
    let (tries, took) = until_given_up(&house, &worker, &mut receiver, &id).await;
    // The tenth failure is in the same turn as the next message, which the receiver takes.
    assert_eq!(tries, 11);
    assert!((75 * HOUR_MS..92 * HOUR_MS).contains(&took), "{took} ms");
    let expected = json!([{
        "seq": 0, "at_ms": START_MS, "dead_at_ms": house.now(), "cause": "answered with status 500", "retrying": false,
    }]);
    assert_eq!(letters(&house, &id).await, expected);
    assert_eq!(worker.turn().await.unwrap(), None);
    assert_eq!(receiver.got().len(), 0);

    let retry = format!("webhooks/{id}/dead-letters/0/retry");
    assert_eq!(house.admin(Method::POST, &retry, None).await.status, 202);
    assert_eq!(letters(&house, &id).await[0]["retrying"], true);
    house.move_clock(1);
    receiver.reply([Reply::Status(404)]);
    assert_eq!(worker.turn().await.unwrap(), None);
    assert_eq!(seqs(&receiver.got()), [0]);
    let letter = &letters(&house, &id).await[0];
    assert_eq!((&letter["cause"], &letter["retrying"]), (&json!("answered with status 404"), &json!(false)));
    assert_eq!(letter["dead_at_ms"], house.now());
    house.admin(Method::POST, &retry, None).await;
    assert_eq!(worker.turn().await.unwrap(), None);
    assert_eq!(seqs(&receiver.got()), [0]);
    assert_eq!(letters(&house, &id).await, json!([]));
    house.admin(Method::POST, &retry, None).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_dead_letter_is_sent_again_for_itself_and_not_where_its_subject_was_erased() {
    let (house, worker) = House::that_tells();
    let (mut receiver, browser) = (Receiver::new().await, Browser::new());
    let (id, _) = house.tells(&receiver, Some("kling")).await;
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    until_given_up(&house, &worker, &mut receiver, &id).await;
    // Another message waits for its time, and goes on waiting while the dead letter is sent.
    house.choose(&Browser::new(), json!({ "outcome": "all-granted" })).await;
    receiver.reply([Reply::Status(500), Reply::Status(500)]);
    let next = worker.turn().await.unwrap();
    assert_eq!(seqs(&receiver.got()), [1]);
    let retry = format!("webhooks/{id}/dead-letters/0/retry");
    house.admin(Method::POST, &retry, None).await;
    assert_eq!(worker.turn().await.unwrap(), next);
    assert_eq!(seqs(&receiver.got()), [0]);
    house.demand(&browser, json!({ "demand": "erasure" })).await;
    house.admin(Method::POST, &retry, None).await;
    assert_eq!(worker.turn().await.unwrap(), next);
    assert_eq!((receiver.got().len(), letters(&house, &id).await), (0, json!([])));
    house.move_clock(MINUTE_MS);
    assert_eq!(worker.turn().await.unwrap(), None);
    let got = receiver.got();
    assert_eq!((seqs(&got), &got[1].body["type"]), (vec![1, 2], &json!("consent.erased")));
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_told_nothing_more() {
    let (house, worker) = House::that_tells();
    let (mut receiver, browser) = (Receiver::new().await, Browser::new());
    house.tells(&receiver, None).await;
    receiver.reply([Reply::Status(410)]);
    for _ in 0..2 {
        house.choose(&browser, json!({ "outcome": "all-refused" })).await;
        assert_eq!(worker.turn().await.unwrap(), None);
    }
    house.move_clock(DAY_MS);
    assert_eq!(worker.turn().await.unwrap(), None);
    assert_eq!(seqs(&receiver.got()), [0]);
    let webhooks = house.admin(Method::GET, "webhooks", None).await.json();
    assert_eq!(
        (&webhooks["webhooks"][0]["state"], &webhooks["webhooks"][0]["waiting"]),
        (&json!("disabled"), &json!(2))
    );
}

#[tokio::test]
async fn a_processor_is_told_what_concerns_it_and_nothing_else() {
    let (house, worker) = House::that_tells();
    let (mut kling, mut other) = (Receiver::new().await, Receiver::new().await);
    let (browser, stranger) = (Browser::new(), Browser::new());
    let (id, secret) = house.tells(&kling, Some("kling")).await;
    house.tells(&other, Some("gemini")).await;
    house.choose(&browser, json!({ "outcome": "all-refused" })).await; // 0: nothing before, and nothing now
    house.choose(&browser, json!({ "outcome": "all-granted" })).await; // 1: given
    house.choose(&browser, json!({ "outcome": "all-granted" })).await; // 2: nothing new
    house.choose(&browser, json!({ "stances": { "marketing": "refuse" } })).await; // 3: none of its business
    house.choose(&browser, json!({ "stances": { "downstream-ai/kling": "refuse" } })).await; // 4: withdrawn
    house.choose(&stranger, json!({ "outcome": "all-granted" })).await; // 5: given by another
    house.demand(&stranger, json!({ "demand": "restriction" })).await; // 6: ended by a right
    assert_eq!(worker.turn().await.unwrap(), None);
    let got = kling.got();
    assert_eq!(seqs(&got), [1, 4, 5, 6]);
    let said = |seq: u64, subject: &Browser, allow: bool, reason: &str| {
        let purposes = json!([{ "purpose": "downstream-ai", "allow": allow, "reason": reason }]);
        json!({
            "type": if allow { "consent.given" } else { "consent.withdrawn" }, "timestamp": "2025-11-22T08:26:40Z",
            "data": { "site": "adforge", "subject": subject.subject(), "processor": "kling", "purposes": purposes,
                      "seq": seq, "at_ms": START_MS },
        })
    };
    assert_eq!(got[0].body, said(1, &browser, true, "given"));
    assert_eq!(got[1].body, said(4, &browser, false, "withdrawn"));
    assert_eq!(got[2].body, said(5, &stranger, true, "given"));
    assert_eq!(got[3].body, said(6, &stranger, false, "restricted"));
    assert!(got.iter().all(|got| got.is_signed_by(&secret)));
    assert_eq!(got[1].id, format!("msg_{id}_4"));
    assert_eq!(seqs(&other.got()), [1, 5, 6]);
}

#[tokio::test]
async fn everybody_is_told_that_somebody_was_erased_and_nobody_what_was_erased() {
    let (house, worker) = House::that_tells();
    let (mut all, mut kling, browser) = (Receiver::new().await, Receiver::new().await, Browser::new());
    house.tells(&all, None).await;
    house.tells(&kling, Some("kling")).await;
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    house.demand(&browser, json!({ "demand": "erasure" })).await;
    assert_eq!(worker.turn().await.unwrap(), None);
    use sha2::Digest;
    let hash = sha2::Sha256::digest(format!("consentry erased 1\0adforge\0{}", browser.subject()));
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let told = |data: Value| json!({ "type": "consent.erased", "timestamp": "2025-11-22T08:26:40Z", "data": data });
    let got = all.got();
    assert_eq!(seqs(&got), [0, 1]);
    let gone = json!({ "seq": 0, "type": "gone", "at_ms": START_MS });
    assert_eq!(got[0].body["data"]["change"], gone);
    let data = json!({ "site": "adforge", "subject_hash": hash, "seq": 1, "at_ms": START_MS });
    assert_eq!(got[1].body, told(data.clone()));
    let of_kling = kling.got();
    assert_eq!(seqs(&of_kling), [1]);
    let mut data = data;
    data["processor"] = "kling".into();
    assert_eq!(of_kling[0].body, told(data));
    assert!(got.iter().chain(&of_kling).all(|got| !got.text.contains(&browser.device)));
}

#[tokio::test]
async fn both_secrets_sign_for_a_day_after_a_rotation() {
    let (house, worker) = House::that_tells();
    let (mut receiver, browser) = (Receiver::new().await, Browser::new());
    let (id, first) = house.tells(&receiver, None).await;
    let rotated = house.admin(Method::POST, &format!("webhooks/{id}/rotate"), None).await.json();
    let second = rotated["secret"].as_str().unwrap();
    assert_ne!(first, second);
    for (wait, is_old_good) in [(0, true), (DAY_MS - 1, true), (1, false)] {
        house.move_clock(wait);
        house.choose(&browser, json!({ "outcome": "all-refused" })).await;
        worker.turn().await.unwrap();
        let got = receiver.got().remove(0);
        assert_eq!((got.signatures.len(), got.is_signed_by(second)), (1 + usize::from(is_old_good), true));
        assert_eq!(got.is_signed_by(&first), is_old_good);
    }
}

/// Puts choices into a ledger, without a browser.
async fn append(store: &Store, count: u64) {
    let published = adforge();
    for _ in 0..count {
        let doc: ChoiceDoc = serde_json::from_value(choice(&published, json!({ "outcome": "all-refused" }))).unwrap();
        let (draft, id) = doc.into_draft(&published.policy).unwrap();
        let kind = EventKind::Chosen(draft.commit(&published.history, id).unwrap());
        let subject: Subject = Browser::new().subject().parse().unwrap();
        let (secret, at) = (Some(SecretHash::of(&[7; 32])), Time::from_ms(START_MS));
        let entry = NewEntry { site: "adforge".parse().unwrap(), subject, secret, kind, at };
        assert!(matches!(store.append(entry).await, Ok(Appended::New(_))));
    }
}

async fn add(store: &Store, receiver: &Receiver) {
    let (id, site) = (WebhookId::generate().unwrap(), "adforge".parse().unwrap());
    let new = NewWebhook { id, site, url: receiver.url.clone(), processor: None, at: Time::from_ms(START_MS) };
    assert!(store.add_webhook(new).await.unwrap());
}

async fn two_servers_send_each_message_once(on: Kind) {
    const ENTRIES: u64 = 150;
    let (database, clock) = (Database::new(on), Clock::Held(Arc::new(AtomicU64::new(START_MS))));
    let (here, there) = (database.open(), database.open());
    let mut receivers = [Receiver::new().await, Receiver::new().await, Receiver::new().await];
    for receiver in &receivers {
        add(&here, receiver).await;
    }
    let tellers = [teller(&here, &clock), teller(&there, &clock)];
    let turning = tellers.map(|teller| {
        let store = here.clone();
        tokio::spawn(async move {
            let site = "adforge".parse().unwrap();
            let is_told = async || {
                let tellings = store.webhooks(&site).await.unwrap();
                tellings.iter().all(|telling| telling.webhook.next == ENTRIES)
            };
            while !is_told().await {
                teller.turn().await.unwrap();
            }
        })
    });
    append(&there, ENTRIES / 2).await;
    append(&here, ENTRIES / 2).await;
    for turning in turning {
        turning.await.unwrap();
    }
    for receiver in &mut receivers {
        assert_eq!(seqs(&receiver.got()), (0..ENTRIES).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_postgres_send_each_message_once_and_in_order() {
    two_servers_send_each_message_once(Kind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_sqlite_send_each_message_once_and_in_order() {
    two_servers_send_each_message_once(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_after_sending_is_followed_by_one_that_sends_it_again_under_the_same_id() {
    for on in [Kind::Sqlite, Kind::Postgres] {
        let (database, clock) = (Database::new(on), Arc::new(AtomicU64::new(START_MS)));
        let (store, mut receiver) = (database.open(), Receiver::new().await);
        add(&store, &receiver).await;
        append(&store, 2).await;
        let [dying, living] = [(); 2].map(|()| teller(&store, &Clock::Held(Arc::clone(&clock))));
        receiver.reply([Reply::Status(200), Reply::Never]);
        let turning = tokio::spawn(async move { dying.turn().await });
        let (first, sent) = (receiver.next().await, receiver.next().await);
        assert_eq!(seqs(&[first, sent.clone()]), [0, 1]);
        turning.abort();
        assert!(turning.await.unwrap_err().is_cancelled());
        // It may be alive still, for all that others know.
        let next = living.turn().await.unwrap().unwrap();
        assert_eq!((receiver.got().len(), next.as_ms()), (0, START_MS + MINUTE_MS));
        clock.store(next.as_ms(), std::sync::atomic::Ordering::SeqCst);
        assert_eq!(living.turn().await.unwrap(), None);
        let again = receiver.got();
        assert_eq!((again.len(), &again[0].id, &again[0].text), (1, &sent.id, &sent.text));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_hangs_holds_up_nobody_else() {
    let (house, worker) = House::that_tells();
    let (mut hanging, mut other) = (Receiver::new().await, Receiver::new().await);
    house.tells(&hanging, None).await;
    house.tells(&other, None).await;
    hanging.reply([Reply::Never]);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move { worker.run(async { drop(stopped.await) }).await });
    for seq in 0..3 {
        house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
        assert_eq!(seqs(&[other.next().await]), [seq]);
    }
    assert_eq!(seqs(&[hanging.next().await]), [0]);
    drop(stop);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_is_tried_again_like_any_that_fails() {
    let (house, worker) = House::that_tells();
    // The system takes the connection, and nobody ever reads from it.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    house.admin(Method::POST, "webhooks", Some(json!({ "v": 1, "url": url }))).await;
    house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
    let next = worker.turn().await.unwrap().unwrap();
    assert!((5_000..6_000).contains(&(next.as_ms() - house.now())));
    let webhooks = house.admin(Method::GET, "webhooks", None).await.json();
    assert_eq!(
        (&webhooks["webhooks"][0]["tries"], &webhooks["webhooks"][0]["next_try_at_ms"]),
        (&json!(1), &json!(next))
    );
}

#[tokio::test]
async fn where_a_server_may_not_send_is_looked_at_when_it_sends() {
    let (house, _) = House::that_tells();
    let mut receiver = Receiver::new().await;
    let (id, _) = house.tells(&receiver, None).await;
    house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
    // The same database under a server that may send to public addresses only.
    let key = Some(consentry_server::WebhookKey::from_bytes([7; 32]));
    let webhooks = consentry_server::WebhookConfig { key, ..Default::default() };
    let config = Config { sites: vec![house.published.clone()], webhooks, ..Config::default() };
    let app = App::new(config, house.store.clone(), Clock::Held(Arc::clone(&house.clock))).unwrap();
    let worker = app.worker().unwrap().unwrap();
    let (tries, _) = until_given_up(&house, &worker, &mut receiver, &id).await;
    assert_eq!(tries, 0);
    let cause = letters(&house, &id).await[0]["cause"].take();
    assert!(cause.as_str().unwrap().starts_with("expected `https://`"), "{cause}");
}

#[tokio::test]
async fn r23_an_account_that_is_linked_to_a_device_that_refuses_is_told_of_by_its_own_name() {
    let house = crate::identity::house_with(may_tell_anybody);
    let worker = house.app.worker().unwrap().unwrap();
    let (mut kling, laptop, phone) = (Receiver::new().await, Browser::new(), Browser::new());
    let token = crate::identity::token("u-42", json!({}));
    house.choose(&phone, json!({ "stances": { "downstream-ai": "refuse", "downstream-ai/kling": "refuse" } })).await;
    house.tells(&kling, Some("kling")).await;
    choose_signed(&house, &laptop, &token, json!({ "outcome": "all-granted" })).await;
    let account = sign_in(&house, &phone, &token).await["account"].clone();
    assert_eq!(worker.turn().await.unwrap(), None);
    let of_account = |got: &[Got]| -> Vec<Value> {
        let told = got.iter().filter(|got| got.body["data"]["subject"] == account);
        told.map(|got| json!([got.body["type"], got.body["data"]["purposes"][0]["allow"]])).collect()
    };
    assert_eq!(of_account(&kling.got()), [json!(["consent.given", true]), json!(["consent.withdrawn", false])]);
}
