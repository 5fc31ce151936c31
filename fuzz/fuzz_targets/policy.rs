//! Policy and text files: every text is read or refused with a place in it; what is read holds together.
#![no_main]

use consentry_core::source::{Published, SourceFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // A policy and its texts, divided by a line that TOML does not know.
    let (policy, texts) = text.split_once("\n====\n").unwrap_or((text, ""));
    let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
    let files = [file("policy.toml", policy), file("en.toml", texts)];
    match Published::parse(&files) {
        Ok(published) => {
            assert!(published.policy.parts().faults().is_empty());
            assert!(published.diff(&published).all(|(_, change)| change == consentry_core::Change::Unchanged));
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                let lines = files.iter().find(|f| f.name == error.file).map_or(1, |f| f.text.lines().count() + 1);
                assert!((1..=lines.max(1)).contains(&error.line) && error.column >= 1, "{error}");
                assert!(!error.message.is_empty() && !error.help.is_empty(), "{error}");
            }
        }
    }
});
