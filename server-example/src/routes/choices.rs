//! `POST /v1/sites/{site}/choices`: puts a choice into the ledger and hands back its receipt.

use crate::app::{App, KnownSite};
use crate::auth::DeviceToken;
use crate::document::{CHOICE_BYTES_MAX, Document};
use crate::keep::keep;
use crate::problem::ApiError;
use crate::site::Site;
use crate::store::{Entry, Position};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use consentry_core::wire::{ChoiceDoc, V1};
use consentry_core::{Answering, Choice, ChoiceError, Event, EventId, EventKind, NoticeHash, PolicyHash, Time};
use serde::Serialize;

/// What a subject keeps as evidence of a choice.
#[derive(Debug, Serialize)]
pub(crate) struct Receipt {
    v: V1,
    id: EventId,
    seq: u64,
    recorded_at_ms: Time,
    expires_at_ms: Time,
    policy: PolicyHash,
    notice: NoticeHash,
}

pub(crate) async fn create(
    State(app): State<App>,
    KnownSite(site): KnownSite,
    token: DeviceToken,
    headers: HeaderMap,
    Document(doc): Document<ChoiceDoc, CHOICE_BYTES_MAX>,
) -> Result<(StatusCode, Json<Receipt>), ApiError> {
    let choice = match site.commit(doc.clone()) {
        Err(superseded @ ApiError::Choice(ChoiceError::Superseded { .. })) => {
            let earlier = kept_earlier(&app, &site, &token, &doc).await.ok_or(superseded)?;
            return Ok((StatusCode::OK, Json(earlier)));
        }
        choice => choice?,
    };
    let receipt = Receipt::of(&choice, &site);
    let (status, position) = keep(&app, &site, &token, &headers, EventKind::Chosen(choice)).await?;
    Ok((status, Json(receipt(position))))
}

/// The receipt of a choice that was kept before its policy was replaced: whoever did not get it then sends it again.
async fn kept_earlier(app: &App, site: &Site, token: &DeviceToken, doc: &ChoiceDoc) -> Option<Receipt> {
    let entries = app.store().record(site.id(), token.subject(), token.secret).await.ok()?;
    entries.into_iter().find_map(|Entry { seq, event: Event { at, kind } }| match kind {
        EventKind::Chosen(choice) if doc.became(&choice) => Some(Receipt::of(&choice, site)(Position { seq, at })),
        EventKind::Chosen(_)
        | EventKind::Signalled(..)
        | EventKind::Demanded(..)
        | EventKind::Linked(..)
        | EventKind::Lent(..) => None,
    })
}

impl Receipt {
    /// The receipt of a choice, once it is known where it was kept.
    fn of(choice: &Choice, site: &Site) -> impl FnOnce(Position) -> Self + use<> {
        let Answering { policy, notice, .. } = *choice.answering();
        let (id, validity) = (choice.id(), site.policy().shortest_validity());
        move |Position { seq, at }| Self {
            v: V1,
            id,
            seq,
            recorded_at_ms: at,
            expires_at_ms: at.after(validity),
            policy,
            notice,
        }
    }
}
