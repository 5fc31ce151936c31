//! `GET /openapi.json`: what can be asked here and what is answered, for programs; `GET /openapi`: the same for people.
//!
//! The document is `application/json`, although `application/vnd.oai.openapi+json` is registered for it: it names its version itself,
//! every reader of such documents takes it, and a browser shows it, where it would only download the other.

use crate::openapi::{DOCUMENT, PAGE};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

/// It changes with the server's version alone. Five minutes, as for scripts, and then only if it is another.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=300");
const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");

pub(crate) async fn document(headers: HeaderMap) -> Response {
    DOCUMENT.answer(&headers, &CACHE_CONTROL, &VARY)
}

pub(crate) async fn page(headers: HeaderMap) -> Response {
    let mut response = PAGE.content.answer(&headers, &CACHE_CONTROL, &VARY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, PAGE.policy.clone());
    response
}
