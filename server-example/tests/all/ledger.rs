//! What the store promises whatever is asked of it.

use crate::house::*;
use axum::http::StatusCode;
use consentry_core::wire::ChoiceDoc;
use consentry_core::{EventKind, Time};
use consentry_server::{AppendError, Appended, DatabaseUrl, NewEntry, SecretHash, Store};
use serde_json::json;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// An entry of a subject of its own.
fn entry(house: &House) -> NewEntry {
    let doc: ChoiceDoc = serde_json::from_value(house.choice(json!({ "outcome": "all-refused" }))).unwrap();
    let (draft, id) = doc.into_draft(&house.published.policy).unwrap();
    NewEntry {
        site: "adforge".parse().unwrap(),
        subject: Browser::new().subject().parse().unwrap(),
        secret: Some(SecretHash::of(&[7; 32])),
        kind: EventKind::Chosen(draft.commit(&house.published.history, id).unwrap()),
        at: Time::from_ms(START_MS),
    }
}

#[tokio::test]
async fn r15_entries_are_never_changed_removed_or_replaced() {
    let house = House::new();
    house.choose(&Browser::new(), json!({ "outcome": "all-refused" })).await;
    let copy = "INSERT OR REPLACE INTO entries SELECT site, seq, 0, commitment FROM entries";
    for (statement, refusal) in [
        ("UPDATE entries SET commitment = zeroblob(32)", "entries never change"),
        ("UPDATE entries SET at_ms = 0", "entries never change"),
        ("DELETE FROM entries", "entries never go"),
        (copy, "entries are never replaced"),
        ("UPDATE payloads SET payload = x''", "payloads never change"),
        ("UPDATE payloads SET secret_hash = zeroblob(32)", "payloads never change"),
        ("UPDATE heads SET size = 0", "ledgers only grow"),
        ("DELETE FROM heads", "ledgers never go"),
    ] {
        let error = house.database().execute(statement, []).unwrap_err();
        assert_eq!(error.to_string(), refusal, "{statement}");
    }
}

#[tokio::test]
async fn an_entry_that_the_database_refuses_takes_no_other_with_it() {
    let house = House::new();
    let entries: Vec<NewEntry> = (0..20).map(|_| entry(&house)).collect();
    let unlucky = entries[7].subject;
    let refuse = format!(
        "CREATE TRIGGER refuse BEFORE INSERT ON payloads WHEN hex(NEW.subject) = '01{}' BEGIN SELECT RAISE(ABORT, 'no'); END",
        unlucky.to_string().trim_start_matches("device:").replace('-', "").to_uppercase()
    );
    house.database().execute(&refuse, []).unwrap();

    // While another connection writes, all of them queue, and so are one batch.
    let blocker = house.database();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let tasks: Vec<_> = entries
        .iter()
        .map(|entry| {
            let (store, entry) = (house.store.clone(), entry.clone());
            tokio::spawn(async move { store.append(entry).await })
        })
        .collect();
    tokio::task::yield_now().await;
    blocker.execute_batch("COMMIT").unwrap();
    for (entry, task) in entries.iter().zip(tasks) {
        let outcome = task.await.unwrap();
        if entry.subject == unlucky {
            assert_eq!(outcome, Err(AppendError::Unavailable));
        } else {
            assert!(matches!(outcome, Ok(Appended::New(_))), "{outcome:?}");
        }
    }
    // Its device is not registered either: both or neither.
    assert_eq!(house.counts(), (19, 19));
}

#[tokio::test]
async fn a_full_queue_sheds_load_and_keeps_what_it_took() {
    let house = House::new();
    let blocker = house.database();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut taken = Vec::new();
    loop {
        let (store, entry) = (house.store.clone(), entry(&house));
        let mut append = Box::pin(async move { store.append(entry).await });
        // Polled once, an append has queued or has been refused.
        match poll_fn(|context| Poll::Ready(append.as_mut().poll(context))).await {
            Poll::Pending => taken.push(append),
            Poll::Ready(outcome) => {
                assert_eq!(outcome, Err(AppendError::Overloaded));
                break;
            }
        }
    }
    assert!(taken.len() >= 4_096, "{}", taken.len());
    let choice = house.choice(json!({ "outcome": "all-refused" }));
    let answer = house.post(&Browser::new(), &choice).await;
    answer.problem(503, "overloaded");
    assert_eq!(answer.header("retry-after"), "1");
    blocker.execute_batch("COMMIT").unwrap();
    let count = i64::try_from(taken.len()).unwrap();
    for append in taken {
        assert!(matches!(append.await, Ok(Appended::New(_))));
    }
    assert_eq!(house.counts(), (count, count));
    assert_eq!(house.post(&Browser::new(), &choice).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_choice_whose_sender_hangs_up_is_kept_all_the_same() {
    let house = House::new();
    let entry = entry(&house);
    {
        let mut append = pin!(house.store.append(entry.clone()));
        let polled = poll_fn(|context| Poll::Ready(append.as_mut().poll(context))).await;
        assert!(polled.is_pending());
    }
    assert!(matches!(house.store.append(entry).await, Ok(Appended::Known(_))));
}

#[tokio::test]
async fn closing_keeps_what_was_taken() {
    let house = House::new();
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let (store, entry) = (house.store.clone(), entry(&house));
            tokio::spawn(async move { store.append(entry).await })
        })
        .collect();
    tokio::task::yield_now().await;
    house.store.close().await;
    let mut kept = 0;
    for task in tasks {
        kept += i64::from(task.await.unwrap().is_ok());
    }
    assert_eq!(house.counts(), (kept, kept));
}

#[tokio::test]
async fn order_is_the_ledgers_even_if_the_clock_goes_backwards() {
    let house = House::new();
    let (browser, key) = (Browser::new(), house.new_key());
    house.choose(&browser, json!({ "stances": { "marketing": "grant" } })).await;
    house.clock.fetch_sub(DAY_MS, std::sync::atomic::Ordering::SeqCst);
    house.choose(&browser, json!({ "stances": { "marketing": "refuse" } })).await;
    let question = json!({ "subject": browser.subject(), "purpose": "marketing" });
    assert_eq!(house.ask(&key, &question).await.json()["reason"], "withdrawn");
}

#[tokio::test]
async fn r17_the_database_holds_no_secret_and_no_address() {
    let house = House::new();
    let (browser, key) = (Browser::new(), house.new_key());
    house.choose(&browser, json!({ "outcome": "all-granted" })).await;
    house.store.close().await;
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(house.folder.path()).unwrap() {
        bytes.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(holds(browser.subject().as_bytes()), "the test looks in the wrong place");
    for text in [&browser.secret, &key, &key[3..]] {
        assert!(!holds(text.as_bytes()));
    }
    use base64::Engine;
    let decode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap();
    assert!(!holds(&decode(&browser.secret)) && !holds(&decode(&key[3..])));
    assert!(!holds(b"127.0.0.1"));
}

#[test]
fn a_store_says_why_it_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &str| {
        let url: DatabaseUrl = format!("sqlite:{}", folder.path().join(path).display()).parse().unwrap();
        Store::open(&url).map(drop)
    };
    let error = open("missing/consentry.db").unwrap_err();
    assert!(error.to_string().starts_with("cannot open `"), "{error}");
    std::fs::write(folder.path().join("text.db"), "this is no database, however long it may be".repeat(40)).unwrap();
    open("text.db").unwrap_err();
    let later = rusqlite::Connection::open(folder.path().join("later.db")).unwrap();
    later.pragma_update(None, "user_version", 1_000).unwrap();
    let error = open("later.db").unwrap_err();
    assert!(error.to_string().contains("a later version"), "{error}");
    for url in ["", "consentry.db", "mysql://x", "postgres://x:port", "sqlite:", "sqlite::memory:"] {
        assert!(url.parse::<DatabaseUrl>().is_err(), "{url}");
    }
}
