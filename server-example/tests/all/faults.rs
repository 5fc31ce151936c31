//! What does not work must not lose anything.

use crate::binary::{Server, agent, post, record};
use crate::house::*;
use serde_json::json;
use std::collections::HashSet;

/// Largest file that the server may write, in kibibytes: a few hundred entries, with the write-ahead log.
const FILE_KIB_MAX: u32 = 700;

#[test]
fn a_disk_that_is_full_refuses_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let published = adforge();
    let (agent, browser) = (agent(), Browser::new());
    let server = Server::start_with_files_up_to(folder.path(), FILE_KIB_MAX);
    let mut kept = HashSet::new();
    let refused = loop {
        let choice = choice(&published, json!({ "outcome": "all-granted" }));
        match post(&agent, &server.url, &browser, &choice) {
            Some(201) => assert!(kept.insert(choice["id"].as_str().unwrap().to_owned())),
            Some(503) => break choice,
            other => panic!("{other:?}"),
        }
    };
    assert!(kept.len() > 10, "{}", kept.len());
    // It goes on answering, and says what is the matter, once.
    assert_eq!(record(&agent, &server.url, &browser)["events"].as_array().unwrap().len(), kept.len());
    assert_eq!(post(&agent, &server.url, &browser, &refused), Some(503));
    let (status, log) = server.stop();
    assert!(status.success());
    assert_eq!(log.matches("choices cannot be kept").count(), 1, "{log}");

    let server = Server::start(folder.path());
    assert_eq!(post(&agent, &server.url, &browser, &refused), Some(201));
    let record = record(&agent, &server.url, &browser);
    let events = record["events"].as_array().unwrap();
    let ids: HashSet<String> = events.iter().map(|event| event["choice"]["id"].as_str().unwrap().to_owned()).collect();
    kept.insert(refused["id"].as_str().unwrap().to_owned());
    assert_eq!(ids, kept);
}
