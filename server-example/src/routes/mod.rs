//! The addresses of docs/wire.md. A handler parses, acts, and answers; what it does is elsewhere.

pub(crate) mod assets;
pub(crate) mod changes;
pub(crate) mod choices;
pub(crate) mod dead_letters;
pub(crate) mod decisions;
pub(crate) mod demands;
pub(crate) mod filter;
pub(crate) mod health;
pub(crate) mod problems;
pub(crate) mod propagation;
pub(crate) mod record;
pub(crate) mod script;
pub(crate) mod signals;
pub(crate) mod webhooks;

use axum::http::{HeaderValue, header};
use axum::response::Response;

/// Every answer is what its type says, and is kept by nobody unless it says so.
pub(crate) async fn with_safe_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
