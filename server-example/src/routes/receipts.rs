//! `GET /v1/sites/{site}/receipts/{id}`: hands subjects the receipt of an event of theirs, with its proof.

use super::ledger::heads;
use crate::app::{App, KnownSite};
use crate::auth::DeviceToken;
use crate::ledger::{compact, issue};
use crate::negotiation;
use crate::problem::ApiError;
use axum::Json;
use axum::extract::{RawPathParams, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use consentry_core::EventId;

/// What a receipt can be had as, the first where nothing is said.
const MEDIA_TYPES: [&str; 3] = ["application/json", JOSE, TEXT];
/// A compact JWS (RFC 7515 section 9.2.1).
const JOSE: &str = "application/jose";
/// A C2SP tlog-proof.
const TEXT: &str = "text/plain";

pub(crate) async fn show(
    State(app): State<App>,
    KnownSite(site): KnownSite,
    path: RawPathParams,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let heads = heads(&app)?;
    let token = DeviceToken::from_headers(&headers)?;
    let id = path.iter().find(|(name, _)| *name == "id").and_then(|(_, id)| id.parse::<EventId>().ok());
    let id = id.ok_or(ApiError::NotFound)?;
    // Looked for among their own alone: somebody else's is not found, as one that never was is not.
    let record = app.store().record(site.id(), token.subject(), token.secret).await?;
    let entry = record.into_iter().find(|entry| entry.event.id() == id).ok_or(ApiError::NotFound)?;
    let receipt = issue(app.store(), heads, site.id(), entry.seq).await?;
    let mut response = match negotiation::media_type(&MEDIA_TYPES, &headers) {
        Some(JOSE) => ([(header::CONTENT_TYPE, JOSE)], compact(&heads.signer, site.id(), &receipt)).into_response(),
        Some(TEXT) => receipt.to_tlog_proof().into_response(),
        _ => Json(receipt).into_response(),
    };
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static("accept"));
    Ok(response)
}
