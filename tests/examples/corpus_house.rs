//! The corpus, for clients in other languages: a server for each case, with its events in the ledger and its clock standing where it stands.
//!
//! A line is printed for each case: `{ "name", "url", "site", "key", "now_ms", "question", "decision" }`, the question as it is sent, the
//! decision as the corpus has it. The server of a case runs until a line is read.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on should say so at once")]

use consentry_core::Time;
use consentry_server::{ApiKey, App, Appended, Clock, Config, DatabaseUrl, NewEntry, Store};
use consentry_tests::corpus::{Case, Policies, on_disk};
use std::collections::VecDeque;
use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How many servers are made ready while one is asked: each waits for its disk most of the time.
const AHEAD_MAX: usize = 4;

/// A server that can be asked, and what about.
struct House {
    line: serde_json::Value,
    server: JoinHandle<()>,
    _folder: TempDir,
}

impl House {
    async fn of(case: Case, policies: Arc<Policies>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url: DatabaseUrl =
            format!("sqlite:{}", folder.path().join("consentry.db").display()).parse().expect("a database");
        let store = Store::open(&url).expect("a store");
        let published = policies.get(&case.policy);
        let site = &published.policy.parts().site;
        for event in &case.events {
            let kind = event.kind(&case.answered(event, &policies));
            let entry = NewEntry { site: site.clone(), subject: event.subject(), secret: None, kind, at: event.at_ms };
            assert!(matches!(store.append(entry).await, Ok(Appended::New(_))), "{}", event.id);
        }
        let key = ApiKey::generate().expect("random bytes");
        let scopes = "ask export".parse().expect("scopes");
        store.add_key(key.hash(), site, "corpus", &scopes, Time::from_ms(0)).expect("a key");
        let clock = Clock::Held(Arc::new(AtomicU64::new(case.context.now_ms.as_ms())));
        let config = Config { sites: vec![published.clone()], ..Config::default() };
        let app = App::new(config, store, clock).expect("an app");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let line = serde_json::json!({
            "name": case.name, "url": url, "site": site.as_str(), "key": key.reveal(), "now_ms": case.context.now_ms,
            "question": case.asked(), "decision": case.decision,
        });
        let server = tokio::spawn(consentry_server::serve(listener, app.router(), std::future::pending()));
        Self { line, server, _folder: folder }
    }
}

#[tokio::main]
async fn main() {
    let policies = Arc::new(on_disk::policies());
    let mut cases = on_disk::corpus().into_iter().flat_map(|file| file.cases);
    let mut next = || cases.next().map(|case| tokio::spawn(House::of(case, Arc::clone(&policies))));
    let mut ahead: VecDeque<JoinHandle<House>> = std::iter::from_fn(&mut next).take(AHEAD_MAX).collect();
    let mut lines = std::io::stdin().lock().lines();
    while let Some(house) = ahead.pop_front() {
        let house = house.await.expect("a house");
        ahead.extend(next());
        println!("{}", house.line);
        let line = tokio::task::block_in_place(|| lines.next());
        house.server.abort();
        // Whoever asks has gone.
        if line.is_none() {
            return;
        }
    }
}
