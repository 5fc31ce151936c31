//! `GET /v1/sites/{site}/replica`: all that a back end needs to answer by itself and to follow the ledger from there.

use crate::app::App;
use crate::auth::Scope;
use crate::back_end::BackEnd;
use crate::problem::ApiError;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use consentry_core::packed::REPLICA_MEDIA_TYPE;
use std::convert::Infallible;

pub(crate) async fn show(State(app): State<App>, back_end: BackEnd) -> Result<Response, ApiError> {
    let site = back_end.may(Scope::Export)?;
    let ready = site.live.made(app.store(), site.published(), app.clock()).await?;
    let parts = ready.file();
    let length: usize = parts.iter().map(|part| part.len()).sum();
    // It is sent as it lies in memory, however long it is.
    let body = Body::from_stream(futures_util::stream::iter(parts.map(Ok::<_, Infallible>)));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(REPLICA_MEDIA_TYPE));
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.extend([site.policy_header()]);
    Ok(response)
}
