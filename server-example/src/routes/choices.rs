//! `POST /v1/sites/{site}/choices`: puts a choice into the ledger and hands back its receipt.

use crate::app::{App, KnownSite};
use crate::auth::DeviceToken;
use crate::document::{CHOICE_BYTES_MAX, Document};
use crate::problem::ApiError;
use crate::store::{Appended, NewEntry};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use consentry_core::wire::{ChoiceDoc, V1};
use consentry_core::{ChoiceId, NoticeHash, PolicyHash, Time};
use serde::Serialize;

/// What a subject keeps as evidence of a choice.
#[derive(Debug, Serialize)]
pub(crate) struct Receipt {
    v: V1,
    id: ChoiceId,
    seq: u64,
    recorded_at_ms: Time,
    expires_at_ms: Time,
    policy: PolicyHash,
    notice: NoticeHash,
}

pub(crate) async fn create(
    State(app): State<App>,
    KnownSite(site): KnownSite,
    headers: HeaderMap,
    Document(doc): Document<ChoiceDoc, CHOICE_BYTES_MAX>,
) -> Result<(StatusCode, Json<Receipt>), ApiError> {
    let choice = site.commit(doc)?;
    let DeviceToken { subject, secret } = DeviceToken::from_headers(&headers)?;

    let (id, answering) = (choice.id(), choice.answering().clone());
    let entry = NewEntry { site: site.id().clone(), subject, secret, choice, at: app.clock().now() };
    let (status, position) = match app.store().append(entry).await? {
        Appended::New(position) => (StatusCode::CREATED, position),
        Appended::Known(position) => (StatusCode::OK, position),
    };

    let receipt = Receipt {
        v: V1,
        id,
        seq: position.seq,
        recorded_at_ms: position.at,
        expires_at_ms: position.at.after(site.policy.parts().validity),
        policy: answering.policy,
        notice: answering.notice,
    };
    Ok((status, Json(receipt)))
}
