//! Leaves and payloads: what is read has no other spelling.
#![no_main]

use consentry_core::ledger::{Leaf, Payload};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(leaf) = Leaf::from_bytes(data) {
        assert_eq!(leaf.to_bytes(), data);
    }
    if let Ok(payload) = Payload::from_bytes(data) {
        assert_eq!(payload.as_bytes(), data);
    }
});
