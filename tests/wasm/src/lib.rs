//! What the browser tests need as WebAssembly: the corpus, run by the core, so that a browser is seen to decide as a
//! server does; and a page that has a Yew app of its own.
#![allow(clippy::expect_used, reason = "a test that cannot go on should say so at once")]

mod page;

use consentry_core::source::SourceFile;
use consentry_tests::corpus::{Policies, run};
use std::collections::BTreeMap;
use wasm_bindgen::prelude::wasm_bindgen;

/// Runs every case. `files` is a JSON array of the texts of corpus files; `policies` a JSON object of folders,
/// each an object of texts by file name. Returns `{"cases": 12, "failures": ["…"]}`.
#[wasm_bindgen]
#[must_use]
pub fn run_corpus(files: &str, policies: &str) -> String {
    let files: Vec<String> = serde_json::from_str(files).expect("an array of texts");
    let folders: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_str(policies).expect("an object of folders");
    let folders = folders
        .into_iter()
        .map(|(name, files)| (name, files.into_iter().map(|(name, text)| SourceFile { name, text }).collect()));
    let (cases, failures) = run(&files, &Policies::parse(folders.collect()));
    serde_json::json!({ "cases": cases, "failures": failures }).to_string()
}

/// Starts a page's own Yew app, which takes the whole body for itself.
#[wasm_bindgen]
pub fn start_page() {
    yew::Renderer::<page::Counter>::new().render();
}
