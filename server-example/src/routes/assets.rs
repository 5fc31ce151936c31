//! `GET /assets/{name}`: what pages fetch, each under a name that has its hash.

use crate::app::App;
use crate::problem::ApiError;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");

pub(crate) async fn show(
    State(app): State<App>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Path(name) = name.map_err(|_| ApiError::NotFound)?;
    let content = app.asset(&name).ok_or(ApiError::NotFound)?;
    Ok(content.answer(&headers, &CACHE_CONTROL, &VARY))
}
