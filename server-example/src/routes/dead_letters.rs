//! `/v1/sites/{site}/webhooks/{webhook}/dead-letters`: what could not be told, and telling it once more.

use super::webhooks::Named;
use crate::app::App;
use crate::auth::Scope;
use crate::back_end::BackEnd;
use crate::problem::ApiError;
use crate::store::DeadLetter;
use axum::Json;
use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use consentry_core::Time;
use consentry_core::wire::V1;
use serde::Serialize;

/// What a webhook could not be told.
#[derive(Debug, Serialize)]
pub(crate) struct DeadLetters {
    v: V1,
    dead_letters: Vec<LetterDoc>,
}

#[derive(Debug, Serialize)]
struct LetterDoc {
    seq: u64,
    at_ms: Time,
    dead_at_ms: Time,
    cause: String,
    /// Whether it is about to be sent once more.
    retrying: bool,
}

/// The entry that a request's path names.
pub(crate) struct Entry(u64);

impl FromRequestParts<App> for Entry {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| ApiError::NotFound)?;
        let seq = params.iter().find_map(|(name, value)| (name == "seq").then_some(value));
        seq.and_then(|seq| seq.parse().ok()).map(Self).ok_or(ApiError::NotFound)
    }
}

pub(crate) async fn list(
    State(app): State<App>,
    back_end: BackEnd,
    Named(id): Named,
) -> Result<Json<DeadLetters>, ApiError> {
    let site = back_end.may(Scope::Admin)?;
    let letters = app.store().dead_letters(site.id(), id).await?.ok_or(ApiError::NotFound)?;
    let doc = |DeadLetter { seq, at, dead_at, cause, is_wanted }| LetterDoc {
        seq,
        at_ms: at,
        dead_at_ms: dead_at,
        cause,
        retrying: is_wanted,
    };
    Ok(Json(DeadLetters { v: V1, dead_letters: letters.into_iter().map(doc).collect() }))
}

pub(crate) async fn retry(
    State(app): State<App>,
    back_end: BackEnd,
    Named(id): Named,
    Entry(seq): Entry,
) -> Result<StatusCode, ApiError> {
    let site = back_end.may(Scope::Admin)?;
    let is_wanted = app.store().want_dead_letter(site.id(), id, seq).await?;
    if is_wanted { Ok(StatusCode::ACCEPTED) } else { Err(ApiError::NotFound) }
}
