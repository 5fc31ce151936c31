//! `POST /v1/sites/{site}/signals`: keeps that a browser was first seen to send a signal.

use crate::app::{App, KnownSite};
use crate::auth::DeviceToken;
use crate::document::{Document, EVENT_BYTES_MAX};
use crate::keep::{Kept, keep};
use crate::problem::ApiError;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use consentry_core::wire::SignalDoc;

pub(crate) async fn create(
    State(app): State<App>,
    KnownSite(site): KnownSite,
    token: DeviceToken,
    headers: HeaderMap,
    Document(doc): Document<SignalDoc, EVENT_BYTES_MAX>,
) -> Result<(StatusCode, Json<Kept>), ApiError> {
    let id = doc.id;
    let (status, position) = keep(&app, &site, &token, &headers, doc.into()).await?;
    Ok((status, Json(Kept::of(id, position))))
}
