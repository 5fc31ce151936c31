//! Records as JSON-LD: every text is read or refused; what is read is a subject and events that fold.
#![no_main]

use consentry_core::Record;
use consentry_core::linked::read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(linked) = read(text) {
        let _ = Record::of(linked.subject, &linked.events);
    }
});
