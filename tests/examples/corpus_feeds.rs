//! Writes the corpus for readers of replicas and change feeds in other languages: `{"replicas": {"<policy>": "<base64>"}, "cases": […]}`.
//!
//! A replica is one of an empty ledger under that policy; a case names it, and has the entries that follow (`changes`, as the change feed has
//! them), the question, when it is asked, and what must be answered.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "what cannot go on should say so at once")]

use consentry_core::packed::{Builder, Origin, PACK_KEY_BYTES, PackKey, before_snapshot};
use consentry_core::wire::EventDoc;
use consentry_core::{HASH_BYTES, PolicyHistory, Time};
use consentry_tests::corpus::{Case, Policies, on_disk};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A secret that is none: nobody is in these replicas.
const SECRET: [u8; PACK_KEY_BYTES] = [7; PACK_KEY_BYTES];
/// The letters of base64 (RFC 4648 section 4), by their value.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn main() {
    let policies = on_disk::policies();
    let (mut replicas, mut cases) = (BTreeMap::new(), Vec::new());
    for case in on_disk::corpus().into_iter().flat_map(|file| file.cases) {
        let history = &policies.get(&case.policy).history;
        replicas.entry(case.policy.clone()).or_insert_with(|| base64(&replica(history)));
        cases.push(written(&case, &policies));
    }
    println!("{}", json!({ "replicas": replicas, "cases": cases }));
}

fn replica(history: &PolicyHistory) -> Vec<u8> {
    let site = history.newest().parts().site.clone();
    let origin = Origin { site, entries: 0, root: [0; HASH_BYTES], made: Time::from_ms(0) };
    let mut bytes = before_snapshot(&SECRET, history, &[], &[]).expect("a head");
    bytes.extend(Builder::new(&PackKey::new(&SECRET), history).finish(origin).expect("room"));
    bytes
}

fn written(case: &Case, policies: &Policies) -> Value {
    let changes = (0_u64..).zip(case.events(policies)).map(|(seq, (subject, event))| {
        let mut change = Map::new();
        change.insert("seq".into(), seq.into());
        change.insert("subject".into(), subject.to_string().into());
        let event = serde_json::to_value(EventDoc::from(&event)).expect("an event");
        change.extend(event.as_object().expect("an object").clone());
        Value::Object(change)
    });
    json!({
        "name": case.name, "policy": case.policy, "changes": changes.collect::<Vec<_>>(), "question": case.asked(),
        "now_ms": case.context.now_ms, "decision": case.decision,
    })
}

fn base64(bytes: &[u8]) -> String {
    let letters = bytes.chunks(3).flat_map(|three| {
        let bits = three.iter().chain([0, 0].iter()).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        (0..4).map(move |n| if n <= three.len() { char::from(LETTERS[bits >> (18 - 6 * n) & 63]) } else { '=' })
    });
    letters.collect()
}
