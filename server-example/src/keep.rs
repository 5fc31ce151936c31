//! Puts what a browser posts into the ledger: whoever shows a subject's secret first is that subject from then on.

use crate::app::App;
use crate::auth::DeviceToken;
use crate::metrics::Counted;
use crate::problem::ApiError;
use crate::site::Site;
use crate::store::{Appended, NewEntry, Position};
use axum::http::{HeaderMap, StatusCode};
use consentry_core::wire::V1;
use consentry_core::{EventId, EventKind, Time};
use serde::Serialize;

/// What a browser is told of an event that was kept.
#[derive(Debug, Serialize)]
pub(crate) struct Kept {
    v: V1,
    id: EventId,
    seq: u64,
    recorded_at_ms: Time,
}

impl Kept {
    pub(crate) const fn of(id: EventId, position: Position) -> Self {
        Self { v: V1, id, seq: position.seq, recorded_at_ms: position.at }
    }
}

/// Keeps it in the name of the subject whose token these headers hold. 201 where it is new, 200 where it was kept before.
pub(crate) async fn keep(
    app: &App,
    site: &Site,
    headers: &HeaderMap,
    kind: EventKind,
) -> Result<(StatusCode, Position), ApiError> {
    let DeviceToken { subject, secret } = DeviceToken::from_headers(headers)?;
    let at = app.clock().now();
    let entry = NewEntry { site: site.id().clone(), subject, secret: Some(secret), kind: kind.clone(), at };
    let waiting = Counted::new(&app.metrics().waiting);
    let appended = app.store().append(entry).await?;
    drop(waiting);
    Ok(match appended {
        Appended::New(position) => {
            app.metrics().kept(site.id(), &kind);
            (StatusCode::CREATED, position)
        }
        Appended::Known(position) => (StatusCode::OK, position),
    })
}
