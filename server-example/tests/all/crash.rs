//! What was acknowledged is in the ledger, however the server ended.

use crate::binary::{Server, agent, post, record};
use crate::house::*;
use serde_json::json;
use std::collections::HashSet;
use std::sync::mpsc;

/// Enough that most of them wait while a batch is being written.
const WRITERS: usize = 8;
/// After how many acknowledgements the server is killed, time after time, on the same database. Often, because an
/// acknowledgement that came too early is lost only if the kill falls between it and its commit.
const ACKNOWLEDGED: [usize; 16] = [1, 3, 10, 20, 40, 60, 80, 100, 100, 100, 100, 100, 100, 150, 200, 400];

#[test]
fn what_was_acknowledged_survives_being_killed_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let published = adforge();
    let browsers: Vec<Browser> = (0..WRITERS).map(|_| Browser::new()).collect();
    let mut acknowledged: Vec<HashSet<String>> = vec![HashSet::new(); WRITERS];

    for count in ACKNOWLEDGED {
        let server = Server::start(folder.path());
        let (sender, receipts) = mpsc::channel();
        std::thread::scope(|scope| {
            for (writer, browser) in browsers.iter().enumerate() {
                let (sender, url, published) = (sender.clone(), server.url.clone(), &published);
                scope.spawn(move || {
                    let agent = agent();
                    loop {
                        let choice = choice(published, json!({ "outcome": "all-granted" }));
                        match post(&agent, &url, browser, &choice) {
                            Some(201) => sender.send((writer, choice["id"].as_str().unwrap().to_owned())).unwrap(),
                            Some(status) => panic!("it answered {status}"),
                            None => break,
                        }
                    }
                });
            }
            drop(sender);
            // Killed between two acknowledgements, while all writers go on writing.
            let mut server = Some(server);
            for (seen, (writer, id)) in receipts.iter().enumerate() {
                acknowledged[writer].insert(id);
                if seen + 1 == count {
                    server.take().unwrap().kill();
                }
            }
            assert!(server.is_none(), "the writers ended before the server was killed");
        });
    }

    let server = Server::start(folder.path());
    let agent = agent();
    for (browser, acknowledged) in browsers.iter().zip(&acknowledged) {
        let record = record(&agent, &server.url, browser);
        let events = record["events"].as_array().unwrap();
        let kept: HashSet<String> = events.iter().map(|e| e["choice"]["id"].as_str().unwrap().to_owned()).collect();
        let missing: Vec<&String> = acknowledged.difference(&kept).collect();
        assert!(missing.is_empty(), "{} of {} are missing", missing.len(), acknowledged.len());
    }
    let total: usize = acknowledged.iter().map(HashSet::len).sum();
    assert!(total >= ACKNOWLEDGED.iter().sum(), "{total}");
    println!("{total} acknowledged choices survived {} kills", ACKNOWLEDGED.len());
    let (status, _) = server.stop();
    assert!(status.success());
    let database = rusqlite::Connection::open(database_path(folder.path())).unwrap();
    let integrity: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
}
