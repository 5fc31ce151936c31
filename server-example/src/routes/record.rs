//! `GET /v1/sites/{site}/record`: shows subjects all that is kept of them.

use crate::app::{App, KnownSite};
use crate::auth::DeviceToken;
use crate::problem::ApiError;
use crate::store::Entry;
use axum::Json;
use axum::extract::State;
use consentry_core::wire::{EventDoc, V1};
use serde::Serialize;

/// All that is kept of a subject, oldest first.
#[derive(Debug, Serialize)]
pub(crate) struct RecordDoc {
    v: V1,
    events: Vec<EntryDoc>,
}

/// An entry of it.
#[derive(Debug, Serialize)]
pub(crate) struct EntryDoc {
    seq: u64,
    #[serde(flatten)]
    event: EventDoc,
}

impl From<&Entry> for EntryDoc {
    fn from(Entry { seq, event }: &Entry) -> Self {
        Self { seq: *seq, event: event.into() }
    }
}

pub(crate) async fn show(
    State(app): State<App>,
    KnownSite(site): KnownSite,
    token: DeviceToken,
) -> Result<Json<RecordDoc>, ApiError> {
    let entries = app.store().record(site.id(), token.subject(), token.secret).await?;
    let events = entries.iter().map(EntryDoc::from).collect();
    Ok(Json(RecordDoc { v: V1, events }))
}
