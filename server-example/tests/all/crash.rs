//! What was acknowledged is in the ledger, once, however often the server was killed.

use crate::binary::{Server, agent, post};
use crate::database::{Database, Kind};
use crate::house::*;
use crate::stores::audited;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};

/// Enough that most of them wait while a batch is being written.
const WRITERS: usize = 8;
/// How often a server is killed; `CONSENTRY_KILLS` asks for more.
const KILLS: usize = 10;
/// Most acknowledgements between two kills.
const ACKNOWLEDGED_MAX: u64 = 60;
/// How long a server lives on after the acknowledgement that it is killed after, at most: some batches, in turns of a loop.
const SPINS_MAX: u64 = 200_000;

#[test]
fn what_was_acknowledged_survives_being_killed_under_load_on_sqlite() {
    killed_and_killed_again(Kind::Sqlite, 1);
}

/// Two servers share the database: one goes on while the other dies.
#[test]
fn what_was_acknowledged_survives_being_killed_under_load_on_postgres() {
    killed_and_killed_again(Kind::Postgres, 2);
}

fn killed_and_killed_again(kind: Kind, count: usize) {
    let kills = std::env::var("CONSENTRY_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let (database, folder, published) = (Database::new(kind), tempfile::tempdir().unwrap(), adforge());
    let start = || Server::start_on(folder.path(), &database.text);
    let mut servers: Vec<Server> = (0..count).map(|_| start()).collect();
    let urls: Vec<Mutex<String>> = servers.iter().map(|server| Mutex::new(server.url.clone())).collect();
    let is_over = AtomicBool::new(false);
    let (sender, acknowledged) = mpsc::channel();
    let mut ids = HashSet::new();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (sender, urls, published, is_over) = (sender.clone(), &urls, &published, &is_over);
            scope.spawn(move || {
                let browser = Browser::new();
                while !is_over.load(Ordering::SeqCst) {
                    let choice = choice(published, json!({ "outcome": "all-granted" }));
                    // Sent until it is acknowledged, as an outbox does: by whichever server lives.
                    let mut agent = agent();
                    loop {
                        let url = urls[writer % urls.len()].lock().unwrap().clone();
                        match post(&agent, &url, &browser, &choice) {
                            Some(200 | 201) => break,
                            // Whoever waits for it ends with it.
                            Some(status) => {
                                eprintln!("it answered {status}");
                                is_over.store(true, Ordering::SeqCst);
                                return;
                            }
                            None => agent = crate::binary::agent(),
                        }
                    }
                    sender.send(choice["id"].as_str().unwrap().to_owned()).unwrap();
                }
            });
        }
        drop(sender);
        for kill in 0..kills {
            for _ in 0..=random(ACKNOWLEDGED_MAX) {
                // None once the writers have ended: then something was refused.
                ids.extend(acknowledged.recv().ok());
            }
            // At any moment: between two batches, or in the middle of one.
            for _ in 0..random(SPINS_MAX) {
                std::hint::spin_loop();
            }
            let victim = kill % count;
            // Under the lock, so that everybody finds who comes next.
            let mut url = urls[victim].lock().unwrap();
            Server::signal_to(servers[victim].process_id(), "KILL");
            let next = start();
            url.clone_from(&next.url);
            drop(url);
            std::mem::replace(&mut servers[victim], next).kill();
        }
        assert!(!is_over.swap(true, Ordering::SeqCst), "a choice was refused");
        ids.extend(acknowledged.iter());
    });
    for server in servers {
        assert!(server.stop().0.success());
    }

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let entries = runtime.block_on(async { audited(&database.open()).await });
    let mut kept: HashMap<String, usize> = HashMap::new();
    for entry in &entries {
        *kept.entry(entry.sealed.as_ref().unwrap().payload.event().id().to_string()).or_default() += 1;
    }
    assert!(kept.values().all(|count| *count == 1), "an entry was kept twice");
    let missing = ids.iter().filter(|id| !kept.contains_key(*id)).count();
    assert_eq!(missing, 0, "of {} acknowledged choices", ids.len());
    println!("{kind:?}: {} acknowledged choices survived {kills} kills", ids.len());
    if let Some(folder) = database.files() {
        let database = rusqlite::Connection::open(database_path(folder)).unwrap();
        let integrity: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(integrity, "ok");
    }
}

/// A number below `end`.
fn random(end: u64) -> u64 {
    std::hash::RandomState::new().hash_one(0) % end
}
