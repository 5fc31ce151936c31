//! `POST /v1/sites/{site}/demands`: keeps that somebody objects, restricts or wants erasure, or takes that back.

use crate::app::{App, KnownSite};
use crate::auth::DeviceToken;
use crate::document::{Document, EVENT_BYTES_MAX};
use crate::keep::{Kept, keep};
use crate::problem::ApiError;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use consentry_core::wire::DemandDoc;

pub(crate) async fn create(
    State(app): State<App>,
    KnownSite(site): KnownSite,
    token: DeviceToken,
    headers: HeaderMap,
    Document(doc): Document<DemandDoc, EVENT_BYTES_MAX>,
) -> Result<(StatusCode, Json<Kept>), ApiError> {
    let id = doc.id;
    let (status, position) = keep(&app, &site, &token, &headers, site.demand(doc)?).await?;
    Ok((status, Json(Kept::of(id, position))))
}
