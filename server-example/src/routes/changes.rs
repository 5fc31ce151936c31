//! `GET /v1/sites/{site}/changes`: what was kept, in the ledger's order: a page at a time, or as it happens.

use crate::app::App;
use crate::auth::Scope;
use crate::back_end::BackEnd;
use crate::feed::{CHANGES_MAX, Change};
use crate::problem::ApiError;
use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use consentry_core::wire::V1;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

/// What a client says of the last event it had (WHATWG HTML, section 9.2).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Where to go on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    /// The number of the last entry that is known; none from the beginning.
    after: Option<u64>,
    /// Most entries that are wanted at once.
    limit: Option<usize>,
}

/// A page of changes.
#[derive(Debug, Serialize)]
struct Changes {
    v: V1,
    changes: Vec<Change>,
    /// To go on from; none before the first entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
    /// Whether there is more by now.
    more: bool,
}

pub(crate) async fn show(
    State(app): State<App>,
    back_end: BackEnd,
    headers: HeaderMap,
    query: Result<Query<From>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let site = back_end.may(Scope::Export)?;
    let Query(From { after, limit }) = query.map_err(|error| ApiError::Malformed(error.body_text()))?;
    let limit = limit.unwrap_or(CHANGES_MAX);
    if !(1..=CHANGES_MAX).contains(&limit) {
        return Err(ApiError::Malformed(format!("`limit` is 1 to {CHANGES_MAX}")));
    }
    let after = last_event_id(&headers)?.or(after);
    // Whoever knows more than there is has read another ledger, such as the one before a restore, and would miss what follows here.
    if let Some(after) = after
        && after >= app.store().ledger_head(site.id()).await?.size
    {
        return Err(ApiError::Ahead { after });
    }
    let first = after.map_or(0, |last| last.saturating_add(1));
    if wants_events(&headers) {
        let listener = app.feeds().listen(app.store(), &site, first);
        let events = futures_util::stream::unfold(listener, async |mut listener| {
            let text = listener.next().await?;
            Some((Ok::<_, Infallible>(text), listener))
        });
        let mut response = Body::from_stream(events).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        // nginx would wait until its buffer is full.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        headers.extend([site.policy_header()]);
        return Ok(response);
    }
    // One more than is wanted says whether there is more.
    let mut entries = app.store().ledger_entries(site.id(), first, limit + 1).await?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let after = entries.last().map(|entry| entry.seq).or(after);
    let changes = Changes { v: V1, changes: entries.into_iter().map(Change::of).collect(), after, more };
    Ok((AppendHeaders([site.policy_header()]), Json(changes)).into_response())
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|kind| kind.split(';').next().unwrap_or_default().trim() == "text/event-stream")
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    number.map(Some).ok_or_else(|| ApiError::Malformed("expected in `Last-Event-ID` an event's `id`, a number".into()))
}
