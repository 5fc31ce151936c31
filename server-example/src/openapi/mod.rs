//! What can be asked of this server and what it answers, as an OpenAPI 3.1 document, and as a page for people.
//!
//! The document is written by hand, a file for each group of addresses, and put together here. What it says of a type stands in
//! `consentry_core::wire` as well, which knows nothing of OpenAPI: tests hold the two together (`server-example/tests/all/openapi.rs`,
//! `tests/peers/test_openapi.py`).

mod json;
mod page;

use crate::content::Content;
use json::Json;
pub(crate) use page::Page;
use std::sync::LazyLock;

/// The files, in the order in which a reader comes upon them.
const PARTS: [&str; 12] = [
    include_str!("../../openapi/document.json"),
    include_str!("../../openapi/browsers.json"),
    include_str!("../../openapi/back_ends.json"),
    include_str!("../../openapi/ahead.json"),
    include_str!("../../openapi/rights.json"),
    include_str!("../../openapi/webhooks.json"),
    include_str!("../../openapi/ledger.json"),
    include_str!("../../openapi/files.json"),
    include_str!("../../openapi/server.json"),
    include_str!("../../openapi/names.json"),
    include_str!("../../openapi/headers.json"),
    include_str!("../../openapi/problems.json"),
];

static WHOLE: LazyLock<Json> = LazyLock::new(|| {
    PARTS.iter().fold(Json::Object(Vec::new()), |mut whole, part| {
        // Ours, and read by a test: this does not fail.
        whole.merge(serde_json::from_str(part).unwrap_or(Json::Null));
        whole
    })
});

/// The document, put together when it is first asked for. Not compressed: it is read by those who build something, and not by visitors.
pub(crate) static DOCUMENT: LazyLock<Content> =
    LazyLock::new(|| Content::uncompressed("application/json", serde_json::to_vec(&*WHOLE).unwrap_or_default().into()));

/// The same, to be read.
pub(crate) static PAGE: LazyLock<Page> = LazyLock::new(|| Page::of(&WHOLE));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_reads() {
        for part in PARTS {
            let part: Json = serde_json::from_str(part).unwrap();
            assert!(!part.fields().is_empty());
        }
    }
}
