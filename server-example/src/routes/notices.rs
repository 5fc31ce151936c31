//! `GET /v1/sites/{site}/notices/{hash}`: the exact text of a notice that was ever published (R14), also of a site that is no longer
//! served. Its SHA-256 is the hash in its address, in choices and in receipts.

use crate::app::App;
use crate::problem::ApiError;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use consentry_core::{NoticeHash, SiteId};

/// Published, and so for everybody to read; and never another text under the same hash.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
    (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
];

pub(crate) async fn show(
    State(app): State<App>,
    names: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path((site, hash)) = names.map_err(|_| ApiError::NotFound)?;
    let site: SiteId = site.parse().map_err(|_| ApiError::UnknownSite)?;
    let hash: NoticeHash = hash.parse().map_err(|_| ApiError::NotFound)?;
    let canonical = app.store().notice(&site, hash).await?.ok_or(ApiError::NotFound)?;
    Ok((HEADERS, canonical).into_response())
}
